"""Who answers: recordings, or models that are called. Where a user's choice of models is read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_complexity.errors import ModelError
from pytest_complexity.labels.rules import Rule
from pytest_complexity.models import Bounded, LiveModel, Model, Price
from pytest_complexity.models.replay import EMBEDDED, Recording, ReplayModel, check_models
from pytest_complexity.plugin.options import Settings
from pytest_complexity.report.assembly import Checks, check_router


class AnswerSource:
    """The ladder of a session and its models. Only the process that pytest started calls `prepare` and `models`.

    `recorded` are the models of the recording, where another process has read it. Used on pytest's thread; on the
    controller of a run with xdist also on the thread that starts the run.
    """

    def __init__(self, settings: Settings, root: Path, recorded: tuple[str, ...] = ()) -> None:
        self._settings = settings
        self._root = root
        self.recorded = recorded
        self._recording: Recording | None = None
        self._live: Mapping[str, LiveModel] | None = None

    def prepare(self, *, collect_only: bool) -> None:
        """Reads the recordings and checks what was asked for. Raises `ComplexityError`.

        Models of the ini file are checked when a test needs them: they must not stop the project's other tests.
        """
        settings = self._settings
        if settings.replay:
            self._recording = Recording.read(settings.replay)
            self.recorded = self._recording.models
            check_models(self._recording, settings.models or ())
        Checks.read(settings.gates, settings.baseline, settings.margin)
        ladder = settings.models or self.recorded or EMBEDDED.models
        Rule.named(settings.rule, len(ladder))
        if settings.router:
            check_router(settings.router, ladder, settings.rule)
        if settings.models_on_command_line and not self._recording:
            self._live = build_all(settings, self._root, checked=not collect_only)

    @property
    def live(self) -> bool:
        """Whether models are called."""
        return bool(self._settings.models) and not self._settings.replay

    def ladder(self, suite: str) -> tuple[str, ...] | None:
        """The models to ask, cheapest first; None where nothing names any."""
        if self._settings.models or self.recorded:
            return self._settings.models or self.recorded
        return EMBEDDED.models if suite == EMBEDDED.suite else None

    def described(self, ladder: tuple[str, ...]) -> str:
        """Where the answers come from, for a person."""
        if self.live:
            return "live"
        embedded = not self._settings.replay and ladder == EMBEDDED.models
        paths = (EMBEDDED.path,) if embedded else self._settings.replay
        return f"replay of {', '.join(path.name for path in paths)}"

    def models(self, ladder: tuple[str, ...]) -> Mapping[str, Model]:
        """The models of a ladder, ready to be asked. Raises `ComplexityError` where one cannot run."""
        if self.live:
            if self._live is None:
                self._live = build_all(self._settings, self._root, checked=True)
            return self._live
        if self._recording is None:
            self._recording = Recording.read([EMBEDDED.path])
        check_models(self._recording, ladder)
        return {name: ReplayModel(name, self._recording) for name in ladder}


def build_all(settings: Settings, root: Path, *, checked: bool) -> dict[str, LiveModel]:
    """The models to call. Raises `ModelError` with a line for each that cannot run."""
    from pytest_complexity.models.registry import build, read_tables  # noqa: PLC0415  (a replay needs no adapter)

    tables: Mapping[str, Mapping[str, Any]] = read_tables(root / "pyproject.toml")
    models: dict[str, LiveModel] = {}
    failures = []
    for spec in settings.specs or ():
        try:
            model = build(
                spec,
                tables,
                temperature=settings.temperature,
                max_tokens=settings.max_tokens,
                seed=settings.seed,
                base=root,
            )
            models[model.name] = model
            if settings.max_cost is not None:
                _check_price(model)
            if checked:
                model.check()
        except ModelError as why:
            failures.append(str(why))
    if failures:
        raise ModelError("\n".join([*failures, "or answer from recordings: --cx-replay=PATH"]))
    return models


def _check_price(model: Model) -> None:
    """A cap holds only where the most that a call can cost is known beforehand."""
    table = f"[tool.pytest-complexity.models.{model.name}] of pyproject.toml"
    if model.price is None:
        raise ModelError(
            f"--cx-max-cost: model {model.name!r} has no price: "
            f"set input_price and output_price (US dollars per million tokens, 0 where it is free) in {table}"
        )
    if model.price != Price(0, 0) and not isinstance(model, Bounded):
        raise ModelError(
            f"--cx-max-cost: the adapter of {model.name!r} does not say what a call can cost: "
            f"leave the cap out, or set its prices to 0 in {table}"
        )
