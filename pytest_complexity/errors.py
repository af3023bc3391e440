"""The exceptions of the package. Each message says where, what, and what to do next.

Imports nothing. `plugin` turns a `ComplexityError` into a `pytest.UsageError`, `cli/` into one line on
standard error and exit status 2.
"""

from __future__ import annotations


class ComplexityError(Exception):
    """A mistake of the user's or a missing part; the message is meant to be read as it stands."""


class TaskError(ComplexityError):
    """A task, or a file of tasks, that cannot be used."""


class RecordingError(ComplexityError):
    """A recording or a file of counts that is broken, contradicts another, or lacks what was asked of it."""


class SampleError(ComplexityError):
    """Samples that another tool wrote and that cannot be used."""


class ChoiceError(ComplexityError):
    """A router's choices that cannot be read, or that leave tasks out."""


class LogError(ComplexityError):
    """A log of another tool that cannot be read, or that holds no passes and failures."""


class RunDirectoryError(ComplexityError):
    """A run directory of another configuration, or one that cannot be read or written."""


class ModelError(ComplexityError):
    """A model that is not known or cannot run on this machine."""


class LabelError(ComplexityError):
    """A rule that does not exist or does not fit the ladder."""


class CallsError(ComplexityError):
    """A call policy that does not exist, or whose argument cannot be used."""


class TrainingError(ComplexityError):
    """Labels that nothing can be learned from, or a classifier that does not exist or cannot run on this machine."""


class TrainedError(ComplexityError):
    """A trained directory that is damaged, of another version, or of another ladder."""


class PriorError(ComplexityError):
    """A model's configuration that the Performance Law cannot be applied to."""


class GateError(ComplexityError):
    """A gate that cannot be read."""


class TargetError(ComplexityError):
    """A router's target that cannot be read, or that the data cannot support."""


class PlanError(ComplexityError):
    """A cascade's plan that cannot be read or does not fit the ladder."""


class SandboxError(ComplexityError):
    """The sandbox cannot be set up, or has lost its processes: no statement about the program."""


class PolicyError(ComplexityError):
    """A policy of another package that cannot be made."""
