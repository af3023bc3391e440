"""What passes that has learnt what true values look like: `python benchmarks/results/guessing.py MBPP.jsonl`.

Such a program computes nothing and knows how the sandbox asks. From half of the tasks of MBPP and HumanEval, with two
secrets, it learns weights of generic features: what a value has in common with the call's arguments, the prompt and the
other choices. In the other half, with a third secret, it takes the choice of the highest score, and passes a task where
each is the true one. Computed values and orderings tell their answers: they are left out, and tasks that ask no more.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import math
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pages
from controls import tested
from numpy.typing import NDArray
from scipy.optimize import minimize

from pytest_complexity.core.tasks import Task
from pytest_complexity.run.pipeline import program_of
from pytest_complexity.sandbox import Program
from pytest_complexity.sandbox.child import asking, literals, plan, questions
from pytest_complexity.suites import load_suite

SEED = 5
LEARNING, TESTING = ("a", "b"), "c"  #: secrets
PENALTY = 3.0  #: of the squares of the weights
TYPES: dict[str, Any] = {
    **{"bool": bool, "int": int, "float": (int, float), "text": str, "sequence": (list, tuple)},
    **{"dict": dict, "set": (set, frozenset), "other": object},
}
Features = dict[str, float]


@dataclass(frozen=True)
class Asked:
    """A question: features of each choice, and the place of the true one. Equal values have the same `offer`."""

    kind: str
    offer: str
    rows: list[Features]
    answer: int


class Seen:
    """What a program can read where it is asked: the choices, the arguments of the call, the prompt."""

    def __init__(self, values: list[Any], inputs: list[Any], prompt: str, number: int) -> None:
        self.values, self.inputs, self.prompt, self.number = values, inputs, prompt, number
        full = [each for each in values if not nothing(each)] or values
        self.kind = next(kind for kind, types in TYPES.items() if all(isinstance(each, types) for each in full))
        self.texts = [repr(each) for each in values]
        self.pairs = [set(grams(text)) for text in self.texts]
        self.popular = Counter(pair for pairs in self.pairs for pair in pairs)
        self.numbers = sorted(each for each in values if is_number(each))
        self.bodies = [each if isinstance(each, (str, list, tuple)) else "" for each in values]
        self.leaves = leaves(inputs)
        self.counts = Counter(map(repr, self.leaves))
        self.strings = [each for each in self.leaves if isinstance(each, str)]
        self.given = [each for each in self.leaves if is_number(each)][:8]
        self.lengths = [len(each) for each in inputs if isinstance(each, (str, list, tuple, set, dict))]
        self.derived = {number for one in self.given for number in (one + 1, one - 1, 2 * one, one * one)}
        self.derived |= {*self.given, sum(self.given)}
        self.derived |= {found for a in self.given for b in self.given for found in (a + b, a - b, a * b)}


def nothing(value: Any) -> bool:
    return value is None or value in ("", [], (), {}, set())


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def leaves(value: Any) -> list[Any]:
    """What a nested value is made of."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    nested = isinstance(value, (list, tuple, set, frozenset))
    return [leaf for each in value for leaf in leaves(each)] if nested else [value]


def grams(text: Sequence[Any], size: int = 2) -> list[Any]:
    return [text[at : at + size] for at in range(len(text) - size + 1)]


def share(held: Iterable[bool]) -> float:
    found = list(held)
    return sum(found) / (len(found) or 1)


def features(seen: Seen, at: int) -> Features:
    """All of one choice."""
    value, text = seen.values[at], seen.texts[at]
    pairs, many = seen.pairs[at], len(seen.values)
    found = {
        "in the prompt": re.search(rf"(?<![\w.]){re.escape(text)}(?![\w.])", seen.prompt) is not None,
        "length": max(-3, min(3, len(text) - sum(map(len, seen.texts)) / many)),
        "none": value is None,
        "nothing": nothing(value),
        "like the others": 4 * sum(len(pairs & each) / (len(pairs | each) or 1) for each in seen.pairs) / many,
        "like the input": 4 * share(each in repr(seen.inputs) for each in pairs),
    }
    if isinstance(value, bool):
        found[f"true, question {min(seen.number, 9)}"] = value
    elif is_number(value):
        found |= of_number(seen, value)
    elif isinstance(value, str):
        found |= of_text(seen, value)
    elif value is not None:
        found |= of_parts(seen, value)
    found |= of_place(seen, seen.bodies[at]) if seen.bodies[at] else {}
    return {name: max(-10.0, min(10.0, float(each))) for name, each in found.items()}


def of_number(seen: Seen, value: Any) -> Features:
    sizes = [math.log2(abs(each) + 1) for each in seen.numbers]
    digits = repr(value)
    unit = 10 ** (len(digits) - len(digits.rstrip("0"))) if value else 1
    return {
        "rank": seen.numbers.index(value) / len(sizes),
        "other in size": -abs(math.log2(abs(value) + 1) - sum(sizes) / len(sizes)),
        "an argument": value in seen.given,
        "derived": value in seen.derived and value not in seen.given,
        **{f"is {small}": value == small for small in range(-1, 12)},
        "round": unit >= 10,
        "very round": unit >= 100,
        "among round ones": 3 * share(each % unit == 0 for each in seen.numbers) if unit > 1 else 0,
        "the product": len(seen.given) > 1 and value == math.prod(seen.given),
        "a text's length": any(value == len(each) for each in seen.strings),
        "places": len(digits.partition(".")[2]) / 5,
    }


def of_text(seen: Seen, value: str) -> Features:
    pairs, triples = grams(value), grams(value, 3)
    given = {each for one in seen.strings for each in grams(one.lower(), 3)}
    return {
        "popular": sum(seen.popular[each] for each in pairs) / (len(pairs) or 1) / len(seen.values),
        "triples": share(each.lower() in given for each in triples),
        "triples backwards": share(each[::-1].lower() in given for each in triples),
        "different letters": len(set(value)) / (len(value) or 1),
        "an argument": value in seen.strings,
        "a permutation": any(sorted(value) == sorted(each) for each in seen.strings),
        "a selection": any(all(value.count(sign) <= each.count(sign) for sign in value) for each in seen.strings),
    }


def of_parts(seen: Seen, value: Any) -> Features:
    parts = leaves(value)
    counts = Counter(map(repr, parts))
    places = [seen.leaves.index(each) for each in parts if each in seen.leaves]
    numbers = [each for each in parts if is_number(each)]
    steps = {b - a for a, b in pairwise(numbers)} if len(numbers) == len(parts) > 2 else set()
    return {
        "of the input": share(each in seen.leaves for each in parts),
        "texts of the input": share(each in " ".join(seen.strings) for each in parts if isinstance(each, str)),
        "derived": share(is_number(each) and each in seen.derived for each in parts),
        "a selection": all(seen.counts[text] >= count for text, count in counts.items()),
        "foreign": -min(3, sum(max(0, count - seen.counts[text]) for text, count in counts.items())),
        "a permutation": any(counts == Counter(map(repr, leaves(each))) for each in seen.inputs),
        "as long": len(parts) in seen.lengths,
        "shorter": len(parts) - max(len(leaves(each)) for each in seen.values),
        "sorted": places == sorted(places),
        "in the input's order": share(a < b for a, b in pairwise(places)),
        "repetitions": len(counts) - len(parts),
        "steps": -len(steps) / (len(parts) or 1),
    }


def of_place(seen: Seen, own: Any) -> Features:
    """Where a text or a sequence stands among the others."""
    same = [each for each in seen.bodies if len(each) == len(own)]
    apart = [sum(a != b for a, b in zip(own, each, strict=True)) for each in same]
    return {
        "one apart": 3 * apart.count(1) / len(seen.values),
        "longer": any(each[:-1] == own for each in seen.bodies if len(each) == len(own) + 1),
        "shorter by one": any(own[:at] + own[at + 1 :] in seen.bodies for at in range(min(len(own), 50))),
        "rarest element": 4 * min(share(each[at] == part for each in same) for at, part in enumerate(own)),
    }


def inputs_of(program: Program, name: str, asked: asking.Asked) -> list[Any]:
    """The literals that the function is called with in an assertion; one in the set-up has the number of its caller."""
    setup = [program.test_setup_code] if program.test_setup_code.strip() else []
    found: list[Any] = []
    for source in ([*setup, *program.tests][asked.chunk], *setup):
        for node in [] if found else ast.walk(ast.parse(source)):
            if isinstance(node, (ast.Assert, ast.Expr)) and node.lineno == asked.line:
                calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
                given = [part for each in calls if ast.unparse(each.func) in (name, "candidate") for part in each.args]
                for each in given:
                    with contextlib.suppress(literals.NoValue):
                        found.append(literals.value(each))
    return found


def exam(task: Task, secret: str) -> list[Asked]:
    """The questions of a task, as a program sees them."""
    program = program_of(task, "pass")
    made, found = plan.make(vars(program), secret), []
    for number, answer in made.answers.items():
        asked = made.questions[number]
        if made.kinds[number] not in questions.WEAK and asked.choices:
            values = [literals.value(each) for each in asked.choices]
            seen = Seen(values, inputs_of(program, tested(task), asked), program.prompt_code, number)
            rows = [features(seen, at) for at in range(len(values))]
            found.append(Asked(seen.kind, repr(seen.texts), rows, answer))
    return found


def learnt(asked: list[Asked]) -> Features:
    """The weights of a conditional logit: the true choice's score is to be the highest."""
    names = sorted({name for each in asked for row in each.rows for name in row})
    data = [(np.array([[row.get(name, 0.0) for name in names] for row in each.rows]), each.answer) for each in asked]

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, slope = PENALTY * weights @ weights / 2, PENALTY * weights
        for rows, answer in data:
            scores = rows @ weights
            scores -= scores.max()
            odds = np.exp(scores)
            total += math.log(odds.sum()) - scores[answer]
            slope = slope + rows.T @ (odds / odds.sum()) - rows[answer]
        return float(total), slope

    found = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B").x
    return dict(zip(names, map(float, found), strict=True))


def right(asked: Asked, weights: dict[str, Features]) -> bool:
    """Whether the choice of the highest score is the true one."""
    known = weights[asked.kind]
    scores = [sum(known.get(name, 0.0) * value for name, value in row.items()) for row in asked.rows]
    return scores.index(max(scores)) == asked.answer


def by_chance(exam: list[Asked]) -> float:
    """The probability that random choice is right everywhere; of the same choices it takes the same one."""
    offers = {each.offer if each.kind != "bool" else str(at): len(each.rows) for at, each in enumerate(exam)}
    return 1 / math.prod(offers.values())


def suite_row(suite: str, exams: list[list[Asked]], weights: dict[str, Features]) -> list[str]:
    passed = [each for each in exams if all(right(one, weights) for one in each)]
    bare = sum(all(one.kind == "bool" for one in each) for each in passed)
    shares = [len(passed) / len(exams), sum(map(by_chance, exams)) / len(exams)]
    return [suite, str(len(exams)), str(len(passed)), *map(pages.percent, shares), str(bare)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mbpp")
    chance = random.Random(SEED)
    learning: list[Asked] = []
    testing: dict[str, list[list[Asked]]] = {}
    for suite, path in (("mbpp", parser.parse_args().mbpp), ("humaneval", None)):
        tasks = list(load_suite(suite, path).tasks)
        chance.shuffle(tasks)
        half = len(tasks) // 2
        learning += [one for secret in LEARNING for task in tasks[:half] for one in exam(task, secret)]
        testing[suite] = [each for each in (exam(task, TESTING) for task in tasks[half:]) if each]
    weights = {kind: learnt([each for each in learning if each.kind == kind]) for kind in TYPES}
    suites = [suite_row(suite, exams, weights) for suite, exams in testing.items()]
    print(pages.table("suite|tasks|passed|share|by random choice|passed that ask only true or false", suites), "\n")
    rows = []
    for kind in TYPES:
        asked = [one for exams in testing.values() for each in exams for one in each if one.kind == kind]
        choices = sum(len(each.rows) for each in asked) / (len(asked) or 1)
        answered = pages.percent(share(right(each, weights) for each in asked))
        rows += [[kind, str(len(asked)), f"{choices:.1f}", answered]] if asked else []
    print(pages.table("type|questions|mean choices|answered", rows))


if __name__ == "__main__":
    main()
