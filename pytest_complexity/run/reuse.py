"""What was paid for under another selection of tests: completions in the run directories beside this one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_complexity.core.outcomes import Key
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import RunDirectoryError
from pytest_complexity.models import Completion
from pytest_complexity.models.prompts import prompt_sha256
from pytest_complexity.run.directory import read_answers, read_config


def find_completions(
    own: Path,
    keys: Iterable[Key],
    tasks: Mapping[tuple[str, str], Task],
    definitions: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[Key, Completion]]:
    """Answers to these trials in the run directories beside `own`, under the same model definition and prompt.

    `tasks` by (suite, task id); `definitions` by model, sampling included. A directory that cannot be read has none.
    """
    wanted = set(keys)
    prompts = {place: prompt_sha256(task) for place, task in tasks.items()}
    for path in sorted(own.parent.iterdir()):
        if path == own or not (path / "run.json").is_file():
            continue
        try:
            models = read_config(path).get("models", {})
            same = {name for name, each in definitions.items() if _definition(models.get(name, {})) == each}
            answers = read_answers(path) if same else ()
        except RunDirectoryError:  # another version's, or one that is being written
            continue
        for key, completion, prompt in answers:
            if key in wanted and key.model in same and prompt == prompts[key.suite, key.task_id]:
                wanted.discard(key)
                yield key, completion


def _definition(model: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in model.items() if name != "price"}
