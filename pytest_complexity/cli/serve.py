"""`pytest-complexity serve`: a server that routes."""

from pytest_complexity.serve.command import add_options as add_arguments
from pytest_complexity.serve.command import serve as run

__all__ = ["add_arguments", "run"]
