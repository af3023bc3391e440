"""Evaluation: every figure against one that was worked out by hand or by brute force."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from worlds import LADDER, easy_and_hard, labelled

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.errors import TrainedError
from pytest_complexity.labels import label_all
from pytest_complexity.labels.rules import Rule, level_of
from pytest_complexity.learning.training import Training, train
from pytest_complexity.learning.training.evaluation import (
    Evaluation,
    against_constant,
    ceiling,
    evaluate,
    score_answers,
)


@pytest.fixture(scope="module")
def training() -> Training:
    return train(labelled(150), seed=1)


@pytest.fixture(scope="module")
def found(training: Training) -> Evaluation:
    labels = labelled(150)
    evaluation = evaluate(
        training.trained, replace(labels, rows=training.test), {each.name: each for each in training.baselines}
    )
    assert evaluation is not None
    return evaluation


def test_the_figures_are_those_of_the_answers(training: Training, found: Evaluation) -> None:
    decided = [row for row in training.test if row.level]
    told = training.trained.predict([row.task.text for row in decided])
    right = [each.level == row.level for each, row in zip(told, decided, strict=True)]
    row = found.rows["tfidf"]
    assert row.accuracy == pytest.approx(sum(right) / len(right))
    assert row.accuracy_ci[0] <= row.accuracy <= row.accuracy_ci[1]
    assert row.within_one == 1
    assert row.any_of_n is None
    assert row.log_loss == pytest.approx(
        -sum(math.log(each.levels[(task.level or 0) - 1]) for each, task in zip(told, decided, strict=True)) / len(told)
    )
    assert np.trace(found.confusion) == sum(right)
    assert [sum(line) for line in found.confusion] == [sum(r.level == level for r in decided) for level in (1, 2)]
    assert (found.tasks, found.without_level) == (len(decided), len(training.test) - len(decided))
    assert set(found.rows) == {"majority", "length", "knn", "tfidf", "untrained"}


def test_what_can_be_learned_beats_the_majority_by_both_tests(training: Training, found: Evaluation) -> None:
    test = found.against_majority
    difference = found.rows["tfidf"].accuracy - found.rows["majority"].accuracy
    assert test.better - test.worse == pytest.approx(difference * found.tasks)
    assert max(test.p, test.log_loss_p) < 0.05
    assert test.log_loss_gain > 0
    assert found.rows["majority"].kappa == 0


def test_the_majority_against_itself_is_no_difference(training: Training) -> None:
    majority = next(each for each in training.baselines if each.name == "majority")
    found = evaluate(majority, replace(labelled(150), rows=training.test), {})
    assert found is not None
    test = found.against_majority
    assert (test.better, test.worse, test.p, test.log_loss_p) == (0, 0, 1.0, 1.0)


def test_training_tasks_in_the_test_are_counted(training: Training) -> None:
    found = evaluate(
        training.trained,
        replace(labelled(150), rows=(*training.test, *training.train[:4])),
        {each.name: each for each in training.baselines},
    )
    assert found is not None
    assert found.leaked == 4


def test_labels_for_another_ladder_or_rule_are_refused(training: Training) -> None:
    counts = easy_and_hard(150)
    with pytest.raises(TrainedError, match="name the same with --models and --rule"):
        evaluate(training.trained, label_all(counts, LADDER[::-1]), {})
    with pytest.raises(TrainedError, match="by tier@1/2"):
        evaluate(training.trained, label_all(counts, LADDER, "tier@1/2"), {})


def test_a_baseline_of_another_ladder_is_refused(training: Training) -> None:
    majority = replace(training.baselines[0], ladder=("tiny", "large"))
    with pytest.raises(TrainedError, match="another ladder or rule than the router"):
        evaluate(training.trained, labelled(150), {"majority": majority})


def test_without_a_level_there_is_nothing_to_say(training: Training) -> None:
    never = [replace(task, successes=dict.fromkeys(LADDER, 0)) for task in easy_and_hard(5)]
    assert evaluate(training.trained, label_all(never, LADDER), {}) is None


def test_the_readings_of_several_answers_stand_side_by_side() -> None:
    """Four tasks; the first answer counts, 0 is no level at all."""
    truth, sampled = np.array([1, 3, 5, 2]), np.array([[1, 1], [2, 3], [1, 4], [0, 1]])
    row = score_answers(sampled[:, 0], truth, sampled)
    assert (row.accuracy, row.within_one, row.any_of_n) == (0.25, 0.5, 0.5)
    assert row.macro_f1 == pytest.approx((2 / 3 + 0 + 0 + 0) / 4)


def test_an_interval_at_all_right_does_not_shrink_to_a_point() -> None:
    truth = np.array([1, 2] * 10)
    assert score_answers(truth, truth).accuracy_ci[0] < 0.95
    assert score_answers(3 - truth, truth).accuracy_ci[1] > 0.05


def by_all_splits(successes: tuple[int, ...], trials: int, rule: Rule) -> float:
    """Every way to draw two disjoint halves of each model's trials."""
    half = trials // 2
    models = []
    for solved in successes:
        results = [1] * solved + [0] * (trials - solved)
        ways: Counter[tuple[int, int]] = Counter()
        for order in set(itertools.permutations(range(trials), 2 * half)):
            drawn = [results[place] for place in order]
            ways[sum(drawn[:half]), sum(drawn[half:])] += 1
        models.append({pair: count / ways.total() for pair, count in ways.items()})
    return sum(
        math.prod(model[pair] for model, pair in zip(models, pairs, strict=True))
        for pairs in itertools.product(*models)
        if level_of(rule, tuple(one for one, _ in pairs), half) == level_of(rule, tuple(two for _, two in pairs), half)
    )


@pytest.mark.parametrize(("successes", "trials"), [((2, 4), 4), ((1, 3), 4), ((2, 4), 5), ((1, 1), 2)])
def test_the_ceiling_is_the_mean_over_all_ways_to_halve_the_trials(successes: tuple[int, int], trials: int) -> None:
    pairs = dict.fromkeys(LADDER, trials), dict(zip(LADDER, successes, strict=True))
    tasks = [TaskCounts(None, f"T/{number}", "x", *pairs, trials) for number in range(40)]
    rows = label_all(tasks, LADDER, "tier@1/2").rows
    expected = by_all_splits(successes, trials, Rule.named("tier@1/2", 2))
    assert ceiling(rows, LADDER, "tier@1/2") == pytest.approx(expected, abs=4 * 0.5 / math.sqrt(40 * 200))


def test_the_ceiling_is_one_for_sure_tasks_and_unknown_for_single_trials() -> None:
    assert ceiling(labelled(30).decided, LADDER, "tier") == 1
    assert ceiling(labelled(30, trials=1).decided, LADDER, "tier") is None


def test_the_best_constant_is_the_most_frequent_level_of_the_judged_tasks() -> None:
    """Two levels tie in training; the answers beat the one that is rarer here and not the other."""
    truth = np.array([1] * 4 + [2] * 8 + [3])
    answers = np.array([1, 1, 1, 1, *[2] * 5, 1, 1, 1, 2])
    found = against_constant(answers, truth)
    assert (found.level, found.accuracy) == (2, pytest.approx(8 / 13))
    assert (found.better, found.worse) == (4, 3)
    assert found.p == 1.0


def test_the_evaluation_holds_the_new_figures(found: Evaluation) -> None:
    assert set(found.auroc) == set(LADDER)
    small = found.auroc["small"]
    assert small is not None
    assert 0.7 < small.ci[0] <= small.value <= small.ci[1] <= 1
    assert 0 < found.calibration.perfect <= found.calibration.perfect_95 < 1
    assert found.against_constant.accuracy == max(map(sum, found.confusion)) / found.tasks
