"""A file of pytest-style tests beside the program: pytest collects and runs them, in the program's own process."""

from __future__ import annotations

import contextlib
import os
import sys
from types import CodeType, ModuleType
from typing import Any

MODULE = "test_solution"
OPTIONS = (
    *("-p", "no:cacheprovider", "-p", "no:terminal", "-p", "no:faulthandler", "--noconftest"),
    *("-c", os.devnull, "--rootdir", ".", "--capture=no", "-x"),
)


def warm() -> None:
    """Load what pytest loads at its start, once for all runs."""
    with contextlib.suppress(Exception):  # as with any package: it fails where it is used
        from _pytest.config import get_config  # noqa: PLC0415 - a package of the task's

        get_config()


def run(tests: CodeType, names: dict[str, Any]) -> None:
    """Run the tests of a file, which sees the program's names and can import them from it.

    Raises what the first test that fails has raised.
    """
    import pytest  # noqa: PLC0415 - as above

    file = os.path.join(os.getcwd(), f"{MODULE}.py")
    module = ModuleType(MODULE)
    module.__file__ = file
    vars(module).update({name: value for name, value in names.items() if not _collected(name, value)})
    vars(module)["__builtins__"] = names["__builtins__"]  # where the questions are
    sys.modules[MODULE] = module
    exec(tests, vars(module))
    with open(file, "w"):
        pass  # pytest goes by files; what is in this one has been run

    class Module(pytest.Module):
        def _getobj(self) -> ModuleType:
            return module

    class Results:
        """What pytest tells of the tests."""

        passed = 0
        error: BaseException | None = None

        def pytest_pycollect_makemodule(self, module_path: Any, parent: Any) -> Any:
            return Module.from_parent(parent, path=module_path)

        def pytest_exception_interact(self, call: Any) -> None:
            self.error = self.error or call.excinfo.value

        def pytest_runtest_logreport(self, report: Any) -> None:
            self.passed += report.passed and report.when == "call"

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    results = Results()
    status = pytest.main([*OPTIONS, file], plugins=[results])
    if isinstance(results.error, pytest.fail.Exception):  # such as `pytest.raises` where nothing is raised
        raise AssertionError(str(results.error)).with_traceback(results.error.__traceback__)
    if results.error is not None:
        raise results.error
    if status or not results.passed:
        raise RuntimeError(f"pytest ended with status {int(status)}, {results.passed} tests passed")


def _collected(name: str, value: Any) -> bool:
    """Whether pytest would take it for a test: a program may bring tests of its own, which are not the task's."""
    if name.startswith(("test", "Test", "__")):
        return True
    return isinstance(value, type) and any(base.__module__ == "unittest.case" for base in value.__mro__)
