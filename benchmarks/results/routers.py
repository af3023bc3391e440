"""Other people's routers, scored by `pytest-complexity report --choices`. Prints docs/results/routers.md.

    python -m venv LITELLM && LITELLM/bin/pip install litellm
    python -m venv ROUTELLM && ROUTELLM/bin/pip install routellm
    python benchmarks/results/routers.py DATA WORK LITELLM/bin/python ROUTELLM/bin/python > docs/results/routers.md

DATA holds `outcomes/`, `difftrust/`, `recordings/` and `mbpp/`; WORK keeps verified runs and answers. Each package has
an environment of its own, since they want other versions of openai than this one: `routers_litellm.py` and
`routers_routellm.py` run there, and need nothing else. Seeded; it takes a few minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pages import percent, table
from routing import DIFFTRUST, THREE, points

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.learning.training.folds import dealt
from pytest_complexity.run.inputs import read_inputs
from pytest_complexity.scoring.resampling import LEAST, interval, resampled_means, sign_flip

HERE = Path(__file__).parent
TIERS = 4  #: LiteLLM's: SIMPLE, MEDIUM, COMPLEX, REASONING
WAYS, PAIRS = ("heuristic", "heuristic_v2"), ("random", "mf")  #: LiteLLM's and RouteLLM's
ROUTERS = tuple(f"litellm-{way}" for way in WAYS) + tuple(f"routellm-{name}" for name in PAIRS)
Report = dict[str, Any]
Choices = dict[str, dict[str, str]]  #: router: task id: model


@dataclass(frozen=True)
class Set:
    """A run directory or a file of counts on a ladder; `prompts` by task id, where the texts are not what was sent."""

    title: str
    path: Path
    ladder: tuple[str, ...]
    prompts: Mapping[str, str]

    def tasks(self) -> list[TaskCounts]:
        """Those that every model of the ladder was measured on."""
        return [task for task in read_inputs([self.path], self.ladder).counts if all(task.trials.values())]


def command(*arguments: object) -> str:
    """What the product's own command prints."""
    call = [str(Path(sys.executable).with_name("pytest-complexity")), *map(str, arguments)]
    return subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout


def sets(data: Path, work: Path) -> Iterator[Set]:
    """The public sets, what has to be verified first included."""
    shipped = HERE.parent.parent / "pytest_complexity" / "data" / "humaneval-open.jsonl.xz"
    for title, name, samples, options in (
        ("HumanEval, three open models (shipped)", "humaneval", shipped, ["--suite=humaneval"]),
        (
            "MBPP, the paper's three models",
            "mbpp",
            data / "recordings" / "mbpp-complexitynet.jsonl",
            ["--suite=mbpp", f"--dataset={data / 'mbpp' / 'mbpp.jsonl'}", "--partial"],
        ),
    ):
        run = work / name
        if not run.exists():
            command("verify", samples, *options, "-o", run)
        yield Set(title, run, read_inputs([run]).ladder, {})
    yield Set("RouterBench's MBPP, three models", data / "outcomes" / "mbpp-routerbench.jsonl", THREE, {})
    for suite, title in (("mbpp", "MBPP"), ("humaneval", "HumanEval")):
        counts, ladder = priced(data / "difftrust" / f"{suite}-counts.jsonl", work)
        prompts = prompts_of(data / "difftrust" / f"{suite}-prompts.jsonl")
        yield Set(f"DiffTrust's {title}, three models", counts, DIFFTRUST, prompts)
        yield Set(f"DiffTrust's {title}, eight models", counts, ladder, prompts)


def priced(file: Path, work: Path) -> tuple[Path, tuple[str, ...]]:
    """A file of counts with its estimates of cost where measured costs stand, and its ladder."""
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    path = work / file.name
    path.write_text("".join(json.dumps({**row, "cost_usd": row["cost_usd_estimated"]}) + "\n" for row in rows))
    return path, tuple(rows[0]["trials"])


def prompts_of(file: Path) -> dict[str, str]:
    """The prompts that the models were sent, by task id."""
    return {row["task_id"]: row["prompt"] for row in map(json.loads, file.read_text().splitlines())}


def on_ladder(tier: int, ladder: Sequence[str]) -> str:
    """The model of a tier: the first has the cheapest, the last the dearest, those between lie as far apart."""
    return ladder[round(tier * (len(ladder) - 1) / (TIERS - 1))]


def rates(task: TaskCounts) -> list[float]:
    """The share of its trials that each model solved, in ladder order."""
    return [task.successes[name] / trials for name, trials in task.trials.items()]


def rows_for(tasks: Sequence[TaskCounts], prompts: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the packages are asked about: prompts, and what RouteLLM trains on."""
    shown = [prompts.get(task.task_id, task.text) for task in tasks]
    folds = dealt([task.text for task in tasks])
    return [
        {
            "task_id": task.task_id,
            "prompt": prompt,
            "fold": int(fold),
            "weak": rates(task)[0],
            "strong": rates(task)[-1],
        }
        for task, prompt, fold in zip(tasks, shown, folds, strict=True)
    ]


def asked(python: str, script: str, rows: Sequence[Mapping[str, Any]], work: Path) -> list[dict[str, Any]]:
    """What a package's script answers on these rows; kept, since training takes a while."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    kept = work / f"{script}-{zlib.crc32(text.encode()):08x}.jsonl"
    if not kept.exists():
        kept.write_text(package(python, script, text=text))
    return [json.loads(line) for line in kept.read_text().splitlines()]


def package(python: str, script: str, *options: str, text: str = "") -> str:
    """What a script prints in the environment of its package."""
    environment = {**os.environ, "OPENAI_API_KEY": "none", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "TQDM_DISABLE": "1"}
    call = [python, str(HERE / f"{script}.py"), *options]
    return subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True, input=text, env=environment).stdout


def version_of(python: str, name: str) -> str:
    """Name and version of a package in its environment."""
    code = f"from importlib.metadata import version; print('{name}', version('{name}'))"
    return subprocess.run([python, "-c", code], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def choices_of(
    ladder: Sequence[str], tiers: Sequence[Mapping[str, Any]], pairs: Sequence[Mapping[str, Any]]
) -> Choices:
    """The model that each router asks, from LiteLLM's tiers and from whether RouteLLM asks the strong one of two."""
    ends = (ladder[0], ladder[-1])
    return {
        **{f"litellm-{way}": {row["task_id"]: on_ladder(row[way], ladder) for row in tiers} for way in WAYS},
        **{f"routellm-{name}": {row["task_id"]: ends[row[name]] for row in pairs} for name in PAIRS},
    }


def scored(each: Set, choices: Choices, work: Path) -> Report:
    """The product's report on the choices."""
    options = []
    for name, models in choices.items():
        file = work / f"{name}.choices.jsonl"
        file.write_text("".join(json.dumps({"task_id": key, "model": model}) + "\n" for key, model in models.items()))
        options.append(f"--choices={name}={file}")
    found: Report = json.loads(command("report", each.path, f"--models={','.join(each.ladder)}", *options, "--json"))
    return found


def against_shuffle(report: Report, name: str) -> tuple[float, tuple[float, float], float]:
    """What a router solves above its own choices dealt at random: the mean over tasks, its 95% interval and p."""
    tasks = [task for task in report["tasks"] if "chosen" in task]
    solved = np.array([np.divide(task["successes"], task["trials"]) for task in tasks])
    shares = np.array(list(report["policies"][f"{name} shuffled"]["shares"].values()))
    own = solved[np.arange(len(tasks)), [task["chosen"][name] for task in tasks]]
    column = (own - solved @ shares)[:, np.newaxis]
    mean = float(column.mean())
    return mean, interval(resampled_means(column, 0)[:, 0], mean), float(sign_flip(column, 0)[0])


def elsewhere(report: Report, name: str) -> int:
    """On how many tasks a router asks another model than on most."""
    return round(report["run"]["scored"] * (1 - max(report["policies"][name]["shares"].values())))


def verdict(report: Report, name: str, low: float, high: float) -> str:
    """Whether a router beats something, by the interval of the difference."""
    if elsewhere(report, name) < LEAST:
        return "asks one model"
    return "yes" if low > 0 else "worse" if high < 0 else "no"


def summary(title: str, report: Report) -> Iterator[list[str]]:
    """A row for each router."""
    for name in ROUTERS:
        score = report["policies"][name]
        mean, bounds, p = against_shuffle(report, name)
        yield [
            title,
            name,
            f"{elsewhere(report, name)} of {report['run']['scored']}",
            f"{points(mean, bounds)}",
            f"{p:.2g}",
            points(score["over_zero"], score["over_zero_ci"]),
            verdict(report, name, *score["over_zero_ci"]),
        ]


def policies(report: Report) -> Iterator[list[str]]:
    """A row for each policy, the routers beside what takes no router."""
    usd = report["run"]["cost_unit"] == "usd"
    for name, score in report["policies"].items():
        if name.partition(" ")[0] in ROUTERS or (
            score["kind"] in {"simple", "control"} and name not in {"shuffled", "zero-router"}
        ):
            yield [
                name,
                points(score["accuracy"], score["accuracy_ci"]).replace("+", ""),
                f"{1000 * score['cost']:.3g}" if usd else f"{score['cost']:.4g}",
                percent(score["saving"]),
                points(score["over_zero"], score["over_zero_ci"]),
                points(score["gain"], score["gain_ci"]),
                f"{score['gain_p']:.2g}",
            ]


def page(data: Path, work: Path, litellm: str, routellm: str) -> Iterator[str]:
    """The page, a paragraph at a time."""
    rows, details = list[list[str]](), list[str]()
    for each in sets(data, work):
        tasks = each.tasks()
        about = rows_for(tasks, each.prompts)
        tiers, pairs = asked(litellm, "routers_litellm", about, work), asked(routellm, "routers_routellm", about, work)
        report = scored(each, choices_of(each.ladder, tiers, pairs), work)
        rows += summary(each.title, report)
        cost = "$ per 1,000 tasks" if report["run"]["cost_unit"] == "usd" else "cost"
        head = f"policy|accuracy (95%)|{cost}|saving|vs zero-router, points|vs best model, points|p"
        details += [f"### {each.title}", f"{' < '.join(each.ladder)}", table(head, list(policies(report)))]
    beaten = sum(row[-1] == "yes" for row in rows)
    learned = sum(float(row[4]) < 0.05 and row[3].startswith("+") for row in rows)
    yield "# Other people's routers"
    versions = [version_of(python, name) for python, name in ((litellm, "litellm"), (routellm, "routellm"))]
    yield f"Written by `benchmarks/results/routers.py`, with {' and '.join(versions)}, by `report --choices`."
    yield (
        f"**{beaten} of {len(rows)} beat the zero router**, a blind mix of single models at the same cost, and "
        f"**{learned} of {len(rows)} solve more than their own choices dealt at random** (p below 0.05)."
    )
    head = "set|router|tasks sent elsewhere than most|over its own shuffle (95%)|p|over the zero router (95%)|beats it"
    yield table(head, rows)
    yield NOTES
    yield (
        "RouteLLM's published routers are not in the table: what they load could not be had without a network, "
        "and `mf` and `sw_ranking` ask OpenAI for the embedding of each prompt."
    )
    yield "\n".join(f"- {line}" for line in package(routellm, "routers_routellm", "--unavailable").splitlines())
    yield "## Every policy"
    yield from details


NOTES = """Differences in points.

- `litellm` is its complexity router with its default settings, asked through `litellm.Router`: `heuristic` scores
  keywords and length, `heuristic_v2` looks up success rates that the package ships. Which models its four tiers mean is
  the user's choice; here they lie evenly on the ladder, from the cheapest to the dearest.
- `routellm` chooses between two models, here the first and the last, with the threshold that sends half of the
  training prompts to each. `random` reads no prompt. `mf` is its matrix factorization, trained by its own code on four
  folds and scored on the fifth; near-duplicates share a fold. Hashed words stand in for OpenAI's embeddings, so it says
  nothing about the published weights. The zero router mixes all models, so it has more to choose from; the fair blind
  rival of two models is the shuffle.
- A router's *shuffle* deals its own choices to the tasks at random: what it solves above that, it owes to reading the
  prompts. p is of the paired test over tasks. Prompts are the tasks' texts; for DiffTrust what its models were sent.
- Costs of RouterBench are recorded, those of DiffTrust estimated from the programs alone; elsewhere the units
  1, 10, 100."""


def main() -> None:
    data, work = Path(sys.argv[1]), Path(sys.argv[2])
    work.mkdir(parents=True, exist_ok=True)
    for paragraph in page(data, work, *sys.argv[3:5]):
        print(paragraph + "\n", flush=True)


if __name__ == "__main__":
    main()
