"""Find the cheapest model that gets each task right, and prove that routing to it pays."""

from pytest_complexity.outcomes import Outcome, Verdict
from pytest_complexity.tasks import Task

__all__ = ["Outcome", "Task", "Verdict"]
