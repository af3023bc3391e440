"""The command `pytest-complexity`: labels and reports without pytest, and a check of the sandbox."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from pytest_complexity.core.machine import processors
from pytest_complexity.errors import ComplexityError, TaskError
from pytest_complexity.labels import to_json
from pytest_complexity.learning.classifiers import CLASSIFIERS, DEFAULT
from pytest_complexity.learning.training.calibration import parse_target
from pytest_complexity.models.performance_law import ladder, predict
from pytest_complexity.report.assembly import Checks, results_of, route_on
from pytest_complexity.report.gates import annotated, margin
from pytest_complexity.report.plots import plots
from pytest_complexity.run.inputs import read_inputs, read_labels
from pytest_complexity.sandbox.doctor import doctor
from pytest_complexity.serve import command as serve_command
from pytest_complexity.serve.decisions import is_log, lines, traffic
from pytest_complexity.suite_check import check_tasks
from pytest_complexity.suites import SUITES, load_file, load_suite
from pytest_complexity.suites.mbpp import OFFICIAL, fetch


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command. Exit status: 0 fine, 1 a gate failed, 2 a mistake, told in one line."""
    arguments = parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except ComplexityError as why:
        print(f"pytest-complexity: {why}", file=sys.stderr)
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        sys.stderr.close()
    return 2


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="pytest-complexity", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    label = commands.add_parser("label", help="complexity labels of a run directory, or of counts that others measured")
    _add_inputs(label)
    label.add_argument("-o", metavar="FILE", type=Path, help="write there instead of to standard output")
    label.set_defaults(command=_label)

    report = commands.add_parser("report", help="the report of a run directory or of counts")
    _add_inputs(report)
    report.add_argument(
        "-o", metavar="DIR", type=Path, help="also write labels.jsonl and report.json, .md and .html there"
    )
    report.add_argument(
        "--gate", action="append", default=[], metavar="'PATH OP NUMBER'", help="exit 1 unless it holds"
    )
    report.add_argument(
        "--baseline", metavar="FILE", type=Path, help="a report.json or a run: exit 1 on a significant loss"
    )
    report.add_argument(
        "--margin", metavar="SHARE", type=_share, default=0.0, help="the loss against it to put up with (default 0)"
    )
    report.add_argument("--plots", metavar="DIR", type=Path, help="also draw figures there, SVG and PNG (extra: plots)")
    report.add_argument("--router", metavar="DIR", type=Path, help="what `train` wrote: judge it on these tasks")
    report.add_argument("--json", action="store_true", help="print report.json instead of tables")
    report.set_defaults(command=_report)

    _add_learning(commands)
    route = commands.add_parser("route", help="the model to ask for a prompt, by a trained router")
    route.add_argument("router", type=Path, metavar="DIR", help="what `train` wrote")
    route.add_argument(
        "prompt",
        nargs="?",
        default="-",
        metavar="PROMPT",
        help="or - for standard input: a prompt a line, or a JSON object with a field `text`",
    )
    route.add_argument("--json", action="store_true", help="a JSON object a line: model, chances, level, cost")
    route.set_defaults(command=_route)
    served = commands.add_parser("serve", help="an OpenAI-compatible server that routes by what `train` wrote")
    serve_command.add_options(served)
    served.set_defaults(command=serve_command.serve)
    prior = commands.add_parser("prior", help="a ladder before the first call: predicted MMLU (Performance Law)")
    prior.add_argument("configs", nargs="+", type=Path, metavar="CONFIG.json", help="a dense model's config.json")
    prior.add_argument("--tokens", required=True, metavar="18T[,...]", help="training tokens, in the same order")
    prior.add_argument("--params", metavar="7B[,...]", help="parameters (default: counted from the configuration)")
    prior.add_argument("--json", action="store_true", help="print JSON instead of a table")
    prior.set_defaults(command=_prior)

    data = commands.add_parser("data", help="the official task files")
    actions = data.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("list", help="what can be fetched").set_defaults(command=_data_list)
    one = actions.add_parser("fetch", help="download a file into the cache directory")
    one.add_argument("name", choices=list(OFFICIAL))
    one.set_defaults(command=_data_fetch)
    suite = actions.add_parser(
        "check",
        help="do a suite's tests tell right from wrong? exit 1 where a reference solution fails them, or where an "
        "empty program or one that returns a constant passes",
    )
    suite.add_argument("suite", metavar="SUITE", help=f"{', '.join(SUITES)}, or the path of a task file")
    suite.add_argument("--dataset", metavar="NAME_OR_PATH", help="where a built-in suite's tasks come from")
    suite.set_defaults(command=_data_check)
    checked = commands.add_parser("doctor", help="proves each limit of the sandbox by a program that breaks it")
    checked.add_argument("--sandbox", metavar="LEVEL", help="process, limits or namespaces (default: the best here)")
    checked.set_defaults(command=_doctor)
    return top


def _add_learning(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    train = commands.add_parser(
        "train", help="learns from labels what a prompt needs, and scores that on held-out tasks"
    )
    _add_inputs(train)
    train.add_argument("-o", metavar="DIR", type=Path, required=True, help="where the router goes, and test.jsonl")
    train.add_argument(
        "--classifier", metavar="NAME", default=DEFAULT, help=f"{', '.join(CLASSIFIERS.built_in)}, or another package's"
    )
    train.add_argument("--seed", metavar="N", type=_whole, default=0, help="of the split and of training (default 0)")
    train.add_argument(
        "--test", metavar="SHARE", type=_share, default=0.2, help="of the tasks, held out (default 0.2; 0: none)"
    )
    train.add_argument(
        "--repeats",
        metavar="N",
        type=_whole,
        help="further random splits, to say how much the figures move (default: 4 where training takes seconds)",
    )
    train.add_argument(
        "--target",
        metavar="'MEASURE OP NUMBER'",
        help="what the router shall keep: accuracy>=0.8, cost<=2.5 (for a thousand tasks) or share(MODEL)<=0.2",
    )
    train.set_defaults(command=_train)

    score = commands.add_parser("score", help="how right a trained router is on labelled tasks, and what it saves")
    score.add_argument("router", type=Path, metavar="DIR", help="what `train` wrote")
    score.add_argument("inputs", nargs="+", type=Path, metavar="LABELS", help="run directory, or JSON Lines")
    score.add_argument("--json", action="store_true", help="print `router` and `policies` as JSON instead of tables")
    score.set_defaults(command=_score)


def _share(text: str) -> float:
    try:
        return margin(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a share from 0 up to 1 is wanted, found {text!r}") from None


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) >= 1 << 32:
        raise argparse.ArgumentTypeError(f"a whole number from 0 to {(1 << 32) - 1} is wanted, found {text!r}")
    return int(text)


def _add_inputs(command: argparse.ArgumentParser) -> None:
    command.add_argument("inputs", nargs="+", type=Path, metavar="RUN_OR_COUNTS", help="run directory, or JSON Lines")
    command.add_argument("--rule", metavar="NAME", help="complexitynet, tier or tier@SHARE (default: by the ladder)")
    command.add_argument("--models", metavar="A,B,C", help="the ladder, cheapest first (default: the input's own)")


def _label(arguments: argparse.Namespace) -> int:
    results = results_of(read_inputs(arguments.inputs, _ladder(arguments)), rule=arguments.rule)
    lines = "".join(line + "\n" for line in results.labels.lines())
    if arguments.o is None:
        sys.stdout.write(lines)
    else:
        _write(arguments.o, lines)
    print(results.labels_line(), file=sys.stderr)
    return 0


def _report(arguments: argparse.Namespace) -> int:
    if all(map(is_log, arguments.inputs)):
        return _traffic(arguments)
    checks = Checks.read(arguments.gate, arguments.baseline, arguments.margin)
    measured = read_inputs(arguments.inputs, _ladder(arguments))
    routed = route_on(measured, arguments.router, arguments.rule) if arguments.router else None
    results = results_of(measured, arguments.rule, routed=routed)
    if arguments.json:
        sys.stdout.write(results.json())
    else:
        results.print(sys.stdout)
    checked = checks.of(results.report)
    if arguments.o is not None:
        results.write(lambda name, text: _write(arguments.o / name, text), checked=checked, baseline=checks.baseline)
    if arguments.plots is not None:
        for name, data in plots(results.report):
            _write(arguments.plots / name, data)
    for gate in checked:
        print(annotated(gate), file=sys.stderr)
    return 0 if all(gate.passed for gate in checked) else 1


def _traffic(arguments: argparse.Namespace) -> int:
    """What a log of `serve` comes to."""
    checks = Checks.read(arguments.gate)
    report = traffic(arguments.inputs)
    text = json.dumps(report, indent=2, allow_nan=False) + "\n"
    sys.stdout.write(text if arguments.json else "".join(line + "\n" for line in lines(report)))
    if arguments.o is not None:
        _write(arguments.o / "traffic.json", text)
    checked = checks.of(report)
    for gate in checked:
        print(annotated(gate), file=sys.stderr)
    return 0 if all(gate.passed for gate in checked) else 1


def _train(arguments: argparse.Namespace) -> int:
    from pytest_complexity.learning.router import calibrate_to, save_policy  # noqa: PLC0415  (heavy: see `_route`)
    from pytest_complexity.learning.training import train  # noqa: PLC0415
    from pytest_complexity.learning.training.repeats import repeated  # noqa: PLC0415

    labels = read_labels(arguments.inputs, _ladder(arguments), arguments.rule)
    target = parse_target(arguments.target, labels.ladder) if arguments.target is not None else None
    _tell(
        f"{len(labels.rows)} tasks: {sum(labels.counts.values())} with a level by {labels.rule}, "
        f"{labels.dropped_unsolved} never solved, {labels.below_threshold} below the threshold, "
        f"{labels.undecided} undecided; those teach the chances of success alone"
    )
    with _progress():
        training = train(labels, arguments.classifier, arguments.seed, arguments.test)
        learned = replace(labels, rows=training.train)
        calibrated = calibrate_to(target, training.trained, learned, arguments.seed) if target else None
    training.save(arguments.o)
    save_policy(arguments.o, calibrated)
    if calibrated:
        _tell(calibrated.sentence(training.trained.unit))
    test = arguments.o / "test.jsonl"
    _write(test, "".join(json.dumps(to_json(row, labels.ladder, labels.rule)) + "\n" for row in training.test))
    _tell(
        f"{len(training.train)} tasks trained on, {len(training.test)} held out in {test}; "
        f"{len(training.moved)} test tasks repeat a training task, exactly or nearly, and went to training"
    )
    if not training.test:
        return 0
    status = _print_score(arguments.o, [test], as_json=False)
    if again := repeated(labels, arguments.classifier, arguments.seed, arguments.test, arguments.repeats):
        _tell(again.sentence())
    return status


def _score(arguments: argparse.Namespace) -> int:
    return _print_score(arguments.router, arguments.inputs, as_json=arguments.json)


def _print_score(directory: Path, inputs: Sequence[Path], *, as_json: bool) -> int:
    from pytest_complexity.learning.model_store import Trained  # noqa: PLC0415

    trained = Trained.load(directory)
    measured = read_inputs(inputs, trained.ladder)
    results = results_of(measured, routed=route_on(measured, directory))
    if results.report["router"] is None:
        raise ComplexityError(f"none of {len(measured.counts)} tasks has a level by {trained.rule}: nothing to score")
    if as_json:
        record = {name: results.report[name] for name in ("router", "policies")}
        sys.stdout.write(json.dumps(record, indent=2, allow_nan=False) + "\n")
    else:
        results.print(sys.stdout, only_router=True)
    if results.report["router"]["leaked"]:
        _tell(f"warning: {results.report['router']['leaked']} of these tasks stand in the training set as well")
    return 0


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


@contextlib.contextmanager
def _progress() -> Iterator[None]:
    """Shows on standard error what long work logs."""
    logger, handler = logging.getLogger("pytest_complexity"), logging.StreamHandler()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _route(arguments: argparse.Namespace) -> int:
    from pytest_complexity.learning.router import Router  # noqa: PLC0415  (no other command needs a classifier)

    router = Router.load(arguments.router)
    for prompt in _prompts() if arguments.prompt == "-" else [arguments.prompt]:
        route = router.route(prompt)
        print(json.dumps(asdict(route)) if arguments.json else route.model, flush=True)
    return 0


def _prompts() -> Iterator[str]:
    """Each line of standard input; of a JSON object with a field `text`, that field."""
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            text = line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as why:
            raise ComplexityError(f"standard input:{number}: not UTF-8 (byte {why.start})") from None
        record: object = None
        if text.lstrip().startswith("{"):
            with contextlib.suppress(ValueError, RecursionError):
                record = json.loads(text)
        yield record["text"] if isinstance(record, dict) and isinstance(record.get("text"), str) else text


def _prior(arguments: argparse.Namespace) -> int:
    priors = predict(arguments.configs, arguments.tokens, arguments.params)
    order = ladder(priors)
    if arguments.json:
        print(json.dumps({"models": [each.to_json() for each in priors], "ladder": order}, indent=2))
        return 0
    for each in priors:
        print(f"{each.config}\tMMLU {each.score.mmlu:.2f}\tu {each.score.u:.4f}\tparameters {each.parameters:.4g}")
        for warning in each.warnings:
            print(f"  warning: {warning}")
    if len(order) > 1:
        print("suggested ladder: " + " < ".join(order))
    return 0


def _data_list(_: argparse.Namespace) -> int:
    for name, official in OFFICIAL.items():
        print(f"{name}\t{official.url}\tsha256 {official.sha256}")
    return 0


def _data_fetch(arguments: argparse.Namespace) -> int:
    print(fetch(arguments.name))
    return 0


def _data_check(arguments: argparse.Namespace) -> int:
    path = Path(arguments.suite)
    if arguments.suite in SUITES:
        dataset = load_suite(arguments.suite, arguments.dataset)
    elif path.exists():
        dataset = load_file(path.stem, path)
    else:
        raise TaskError(
            f"{arguments.suite}: neither a built-in suite ({', '.join(SUITES)}) nor a task file that exists"
        )
    total = len(dataset.tasks)

    def progress(done: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {total} tasks", end="\n" if done == total else "", file=sys.stderr, flush=True)

    found = check_tasks(dataset.tasks, workers=processors(), progress=progress)
    for task in found:
        for fault in task.faults:
            print(f"{task.task_id}: {fault}")
    without = sum(not task.has_reference for task in found)
    mutants, survivors = sum(task.mutants for task in found), sum(task.survivors for task in found)
    faulty = sum(bool(task.faults) for task in found)
    print(f"{dataset.suite}: {total} tasks, {without} without a reference solution, {faulty} with a fault")
    print(f"{mutants - survivors} of {mutants} mutants of the references fail, as they should")
    return 1 if faulty else 0


def _doctor(arguments: argparse.Namespace) -> int:
    rows = doctor(arguments.sandbox)
    for row in rows:
        state = "holds" if row.holds else "FAILS" if row.promised else "not promised at this level"
        print(f"{row.limit:<44} {state:<27} {row.seen}".rstrip())
    return 0 if all(row.holds for row in rows if row.promised) else 1


def _ladder(arguments: argparse.Namespace) -> tuple[str, ...] | None:
    if arguments.models is None:
        return None
    return tuple(part.strip() for part in arguments.models.split(",") if part.strip())


def _write(path: Path, content: str | bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    except OSError as why:
        raise ComplexityError(f"{path}: cannot be written: {why.strerror}") from None
