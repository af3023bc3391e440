"""A trained directory: what it holds comes back the same, and no damage to it goes unnoticed or runs anything."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds import LADDER, labelled

from pytest_complexity.core.jsonl import sha256
from pytest_complexity.errors import TrainedError
from pytest_complexity.learning.classifiers import CHEAP
from pytest_complexity.learning.model_store import Trained
from pytest_complexity.learning.training import fit

TEXTS = ["An easy task about beta.", "A hard task about pi.", "", "\ud800 nothing that was seen \U0001f600"]


@pytest.fixture(scope="module")
def trained() -> Trained:
    return fit(labelled(60, cost=True).rows, LADDER, "tier")


@pytest.fixture
def directory(trained: Trained, tmp_path: Path) -> Path:
    trained.save(tmp_path / "router")
    return tmp_path / "router"


@pytest.mark.parametrize("name", CHEAP)
def test_what_is_loaded_predicts_exactly_what_was_saved(name: str, tmp_path: Path) -> None:
    before = fit(labelled(60).rows, LADDER, "tier", name, seed=3)
    before.save(tmp_path)
    after = Trained.load(tmp_path)
    assert after.predict(TEXTS) == before.predict(TEXTS)
    assert (after.name, after.ladder, after.rule, after.source) == (name, LADDER, "tier", before.source)
    assert (after.costs, after.unit) == ((1.0, 10.0), "unit")


def test_costs_are_means_in_dollars_where_the_labels_carry_them(directory: Path) -> None:
    loaded = Trained.load(directory)
    assert loaded.unit == "usd"
    assert loaded.costs == pytest.approx((0.001, 0.025))


def test_a_prediction_covers_the_ladder_and_every_level_of_the_rule(trained: Trained) -> None:
    easy, hard, *others = trained.predict(TEXTS)
    assert (easy.level, hard.level) == (1, 2)
    assert hard.chances[0] < easy.chances[0]
    for each in (easy, hard, *others):
        assert all(0 < chance < 1 for chance in each.chances)
        assert len(each.chances) == len(each.levels) == 2
        assert sum(each.levels) == pytest.approx(1)
    assert trained.predict([]) == []


def test_one_prompt_is_told_what_it_is_told_among_others(trained: Trained) -> None:
    for text, among in zip(TEXTS, trained.predict(TEXTS), strict=True):
        (alone,) = trained.predict([text])
        assert alone == among


def test_a_level_that_training_lacked_is_improbable_and_not_impossible() -> None:
    rows = labelled(60).rows
    levels = {row.level for row in rows}
    assert levels == {None, 1, 2}
    three = fit(rows, LADDER, "tier")  # two levels of two; then the same for a rule of five
    five = Trained(
        three.name, three.classifier, ("a", "b", "c"), "complexitynet", (1, 2, 3), "unit", three.source, three.known
    )
    (told,) = five.predict(TEXTS[:1])
    assert len(told.levels) == 5
    assert all(0 < chance < 0.05 for chance in told.levels[2:])


def test_training_tasks_are_known_again_even_when_reworded_a_little(trained: Trained) -> None:
    text = labelled(60).rows[7].task.text
    assert trained.leaks([text, text.upper() + "!!", "What is the capital of Norway?"]).tolist() == [True, True, False]


def edited(**fields: Any) -> Callable[[Path], None]:
    def edit(directory: Path) -> None:
        record = json.loads((directory / "router.json").read_text())
        (directory / "router.json").write_text(json.dumps({**record, **fields}))

    return edit


def source(**fields: Any) -> Callable[[Path], None]:
    def edit(directory: Path) -> None:
        record = json.loads((directory / "router.json").read_text())
        edited(source={**record["source"], **fields})(directory)

    return edit


def repacked(**arrays: Any) -> Callable[[Path], None]:
    """Other arrays, with a digest that fits: what a stranger could send."""

    def repack(directory: Path) -> None:
        with np.load(directory / "router.npz") as stored:
            all_arrays = {**dict(stored), **arrays}
        buffer = io.BytesIO()
        np.savez(buffer, **{name: value for name, value in all_arrays.items() if value is not None})
        (directory / "router.npz").write_bytes(buffer.getvalue())
        edited(arrays_sha256=sha256(buffer.getvalue()))(directory)

    return repack


class Bomb:
    def __reduce__(self) -> Any:
        return (Path("exploded").touch, ())


DAMAGES: list[tuple[Callable[[Path], Any], str]] = [
    (lambda d: (d / "router.json").unlink(), "cannot be read: No such file"),
    (lambda d: (d / "router.npz").unlink(), "cannot be read: No such file"),
    (lambda d: (d / "router.json").write_text('{"format": 1'), "not JSON"),
    (lambda d: (d / "router.json").write_text("[1]"), "expected an object"),
    (lambda d: (d / "router.json").write_bytes(b" " * ((1 << 20) + 1)), "larger than 1 MB"),
    (lambda d: (d / "router.npz").write_bytes((d / "router.npz").read_bytes()[:-100]), "damaged"),
    (lambda d: (d / "router.npz").write_bytes(b""), "damaged"),
    (
        edited(format=2),
        "field 'format': expected 1, which this version of pytest-complexity writes, got an integer (2)",
    ),
    (edited(format=None), "got null"),
    (edited(classifier="os.system"), "field 'classifier': no classifier 'os.system'; there are: majority"),
    (edited(classifier=7), "field 'classifier'"),
    (edited(classifier="majority"), "array 'shares' is missing"),
    (edited(ladder=["small"]), "field 'source.levels.2': is no level of the rule tier, 1 to 1"),
    (edited(ladder=["small", "small"]), "expected a list of different models' names"),
    (edited(ladder=[]), "field 'ladder'"),
    (edited(ladder=["small", "\x1b[31m"]), "field 'ladder'"),
    (edited(rule="best"), "no label rule 'best'"),
    (edited(rule="complexitynet"), "is for three models"),
    (edited(costs=[1]), "field 'costs'"),
    (edited(costs=[1, -1]), "field 'costs'"),
    (edited(costs=[1, True]), "field 'costs'"),
    (edited(unit="eur"), "field 'unit'"),
    (edited(source=None), "field 'source'"),
    (source(levels={"9": 3}), "is no level of the rule tier, 1 to 2"),
    (source(levels={"1": -3}), "field 'source.levels.1': expected an integer from 0"),
    (source(seed="x"), "field 'source.seed'"),
    (source(seed=-1), "field 'source.seed'"),
    (edited(arrays_sha256="0"), "damaged"),
    (repacked(weights=None), "array 'weights' is missing"),
    (repacked(weights=np.zeros((3, 3))), "array 'weights'"),
    (repacked(weights=np.zeros(3)), "array 'weights'"),
    (repacked(weights=np.array(["a"])), "array 'weights'"),
    (repacked(offsets=np.full(4, np.nan)), "not all of its numbers are finite"),
    (repacked(idf0=np.ones(1)), "do not fit each other"),
    (repacked(pieces0=np.array([255], dtype=np.uint8)), "not JSON"),
    (repacked(pieces0=np.frombuffer(b'{"a": 1}', dtype=np.uint8)), "do not fit each other"),
    (repacked(known=np.zeros((3, 7), dtype=np.uint32)), "array 'known'"),
    (repacked(classes=np.array([1, 9])), "another ladder or rule"),
    (repacked(classes=np.array([2, 1])), "expected increasing levels from 1"),
    (repacked(models=np.array(10**9)), "expected increasing levels from 1"),
    (repacked(offsets=np.array([Bomb()], dtype=object)), "not arrays that can be read"),
]


@pytest.mark.parametrize(("damage", "said"), DAMAGES, ids=[f"{n}-{said}" for n, (_, said) in enumerate(DAMAGES)])
def test_a_damaged_directory_is_one_line_that_says_where_and_runs_nothing(
    directory: Path, damage: Callable[[Path], Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(directory.parent)
    damage(directory)
    with pytest.raises(TrainedError) as error:
        Trained.load(directory)
    told = str(error.value)
    assert told.startswith(str(directory))
    assert said in told
    assert "\n" not in told
    assert not Path("exploded").exists()


def test_the_bomb_would_go_off_where_pickles_are_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test above could not fail."""
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(Bomb()))
    assert Path("exploded").exists()


def test_what_is_no_directory_of_ours_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainedError, match="give the directory that `train` wrote"):
        Trained.load(tmp_path / "nothing")
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainedError, match="cannot be read"):
        Trained.load(tmp_path / "file")


def test_where_it_cannot_be_written_is_an_error(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainedError, match="cannot be written"):
        trained.save(tmp_path / "file")
