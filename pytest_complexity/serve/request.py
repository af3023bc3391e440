"""A request's body: read where we must, otherwise kept byte for byte."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

_SPACE = re.compile(r"[ \t\n\r]*")
_MOST_PROMPT = 32_768  # characters that the router reads
_OURS = "complexity"  # the field with what is meant for this server


class BadRequest(Exception):
    """A request that cannot be served; the message is for the client, in one line."""

    def __init__(self, message: str, status: int = 400, code: str = "invalid_request") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Member:
    """A field of the outermost object; it reaches from `start` to `end` in the text, its value from `value_start`."""

    value: Any
    start: int
    value_start: int
    end: int


@dataclass(frozen=True)
class Request:
    """A request to `/v1/chat/completions` or `/v1/completions`."""

    text: str
    members: Mapping[str, Member]
    model: str
    ours: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, body: bytes) -> Request:
        """Raises `BadRequest`."""
        try:
            text = body.decode("utf-8")
            members = dict(_members(text))
        except UnicodeDecodeError as why:
            raise BadRequest(f"the body is not UTF-8 (byte {why.start})") from None
        except json.JSONDecodeError as why:
            raise BadRequest(f"the body is not JSON: {why.msg} (character {why.pos})") from None
        except (ValueError, RecursionError) as why:
            raise BadRequest(f"the body cannot be read as JSON: {why}"[:200]) from None
        model, ours = (members[name].value if name in members else None for name in ("model", _OURS))
        if not isinstance(model, str):
            raise BadRequest("field 'model': expected the name of a model, or \"auto\"")
        if ours is not None and not isinstance(ours, dict):
            raise BadRequest(f"field {_OURS!r}: expected an object")
        return cls(text, members, model, ours or {})

    def get(self, name: str) -> Any:
        """The value of a field; None where it is missing."""
        member = self.members.get(name)
        return member.value if member else None

    def body_for(self, model: str) -> bytes:
        """The body that a model's server gets: the field `model` names it, all else is as the client wrote it."""
        said, kept = self.members["model"], self.text
        named = json.dumps(model)
        if _OURS in self.members:
            parts = (
                f'"model": {named}' if name == "model" else kept[each.start : each.end]
                for name, each in self.members.items()
                if name != _OURS
            )
            return ("{" + ", ".join(parts) + "}").encode("utf-8")
        return (kept[: said.value_start] + named + kept[said.end :]).encode("utf-8")

    def prompt(self) -> str:
        """What the router judges: the text of the last message of the user's, or the prompt to continue.

        Raises `BadRequest` where there is none to read.
        """
        if "messages" in self.members:
            return last_user_text(self.get("messages"))
        prompt = self.get("prompt")
        if isinstance(prompt, list) and prompt and all(isinstance(each, str) for each in prompt):
            prompt = "\n".join(prompt)
        if not isinstance(prompt, str):
            raise BadRequest("field 'messages': missing; expected a list of messages (or 'prompt', a text)")
        return prompt[:_MOST_PROMPT]

    def task_id(self, prompt: str) -> str:
        """The id that the client gives in `complexity.task_id`, else one that equal prompts share."""
        named = self.ours.get("task_id")
        if isinstance(named, str) and named:
            return named[:200]
        return "prompt/" + hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def last_user_text(messages: Any) -> str:
    """The text that the router reads of a conversation. Raises `BadRequest` where that is none."""
    if not isinstance(messages, list) or not messages or not all(isinstance(each, dict) for each in messages):
        raise BadRequest("field 'messages': expected a list of at least one message")
    texts = [_text(each.get("content")) for each in messages if each.get("role") == "user"]
    return (texts[-1] if texts else _text(messages[-1].get("content")))[:_MOST_PROMPT]


def _text(content: Any) -> str:
    """The text of a message's content, its images left out."""
    if isinstance(content, list):
        parts = (each.get("text") for each in content if isinstance(each, dict))
        return "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _members(text: str) -> Iterator[tuple[str, Member]]:
    """The fields of a JSON object, with their places. Raises `ValueError` as `json` does, and for repeated fields."""
    place = _after(text, 0, "{")
    seen: set[str] = set()
    if text[place : place + 1] != "}":
        while True:
            start = place
            if text[place : place + 1] != '"':
                raise json.JSONDecodeError("Expecting a field's name in double quotes", text, place)
            name, place = _DECODER.raw_decode(text, place)
            if name in seen:
                raise ValueError(f"the field {name[:60]!r} is there twice")
            seen.add(name)
            value_start = _after(text, place, ":")
            value, end = _DECODER.raw_decode(text, value_start)
            yield name, Member(value, start, value_start, end)
            place = _SPACE.match(text, end).end()  # type: ignore[union-attr]  # it matches nothing at least
            if text[place : place + 1] != ",":
                break
            place = _after(text, place, ",")
    place = _after(text, place, "}")
    if place != len(text):
        raise json.JSONDecodeError("Extra data", text, place)


def _after(text: str, place: int, sign: str) -> int:
    """The place after `sign` and the white space around it."""
    place = _SPACE.match(text, place).end()  # type: ignore[union-attr]
    if text[place : place + 1] != sign:
        raise json.JSONDecodeError(f"Expecting {sign!r}", text, place)
    return _SPACE.match(text, place + 1).end()  # type: ignore[union-attr]


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
