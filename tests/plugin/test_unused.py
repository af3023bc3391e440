"""Where the plugin is installed and not used it costs nothing: no heavy import, no output, no file."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("way", ["-n0", "-n2", "-p no:xdist"])
def test_a_foreign_project_sees_nothing_of_it(pytester: pytest.Pytester, way: str) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_nothing_of_ours_is_loaded():
            ours = {name for name in sys.modules if name.startswith("pytest_complexity.")}
            assert ours <= {"pytest_complexity.plugin" + each for each in ("", ".options", ".xdist")}
            heavy = {"openai", "ctransformers", "sklearn", "numpy", "scipy", "rich"}
            assert not {name for name in heavy if name in sys.modules}
        """
    )
    result = pytester.runpytest_subprocess(*way.split(), "-p", "no:cacheprovider", "-p", "no:randomly")
    result.assert_outcomes(passed=1)
    assert "complexity:" not in result.stdout.str()
    # Beside the test file only what pytester itself leaves.
    assert {path.name for path in pytester.path.iterdir()} - {
        "runpytest-0",
        "runpytest-current",
        "stdout",
        "stderr",
        "__pycache__",
    } == {"test_a_foreign_project_sees_nothing_of_it.py"}


def test_help_names_every_option_without_loading_anything(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--help")
    for name in (
        "models",
        "trials",
        "dataset",
        "limit",
        "run",
        "replay",
        "timeout",
        "memory",
        "max-cost",
        "sandbox",
        "rule",
        "gate",
    ):
        result.stdout.fnmatch_lines([f"*--cx-{name}*"])


def test_options_may_stand_in_the_ini_file(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml("[tool.pytest]\ncx_trials = 0\ncx_models = 'a,b'\ncx_timeout = 3\n")
    result = pytester.runpytest_subprocess("--cx-strict")
    result.stderr.fnmatch_lines(["*--cx-trials: expected a number above 0, got 0*"])
    assert result.ret == 4
