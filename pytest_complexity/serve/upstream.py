"""Where the models of the ladder are: the servers behind this one."""

from __future__ import annotations

import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field

from pytest_complexity.errors import ModelError
from pytest_complexity.models import LiveModel, Price
from pytest_complexity.models.openai import OpenAIModel

_OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Upstream:
    """A model's server: `url` ends in `/v1` or what stands for it, `model` is the name that the server knows.

    `proxy` is what the environment says of the way there.
    """

    name: str
    url: str
    model: str
    key: str | None = field(default=None, repr=False)
    organization: str | None = None
    price: Price | None = None
    proxy: str | None = None

    @classmethod
    def of(cls, model: LiveModel) -> Upstream:
        """Raises `ModelError`: a model that is not behind a server, or one whose key is missing."""
        if not isinstance(model, OpenAIModel):
            raise ModelError(
                f"model {model.name!r}: serve sends requests on to servers that speak OpenAI's protocol, and this "
                "model runs inside a process; start a server for it and give NAME=openai:MODEL@URL"
            )
        server = model.server
        url = (server.address() or _OPENAI).rstrip("/")
        key = server.key()
        if key is None:
            raise ModelError(f"model {model.name!r}: no key: set {server.key_env or 'OPENAI_API_KEY'}")
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ModelError(f"model {model.name!r}: its address is not one: give it as http://HOST:PORT/v1")
        proxy = None if urllib.request.proxy_bypass(parts.netloc) else urllib.request.getproxies().get(parts.scheme)
        return cls(model.name, url, model.served_name, server.sent_key(), server.organization, model.price, proxy)

    def scrubbed(self, data: bytes) -> bytes:
        """The same without this server's key."""
        return data.replace(self.key.encode(), b"[key]") if self.key else data


def upstreams(models: Sequence[LiveModel]) -> dict[str, Upstream]:
    """Each model's server by the model's name. Raises `ModelError`."""
    return {model.name: Upstream.of(model) for model in models}
