"""What can go wrong while running: codes R1xxx, each class with its wording.

`retryable` says whether trying again may help, which is what `try ... retry` asks. `place` is the script's
`file:line` where it is known. Command-line and input mistakes are `InputError`: they end with exit status 2, nearly
always before anything ran; every other run error ends with 1.
"""

from __future__ import annotations

from typing import ClassVar


class RunError(Exception):
    """A run that failed. `help` says what to do about it, where that is known."""

    code: ClassVar[str] = "R1000"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, help: str = "", place: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.place = place


class InputError(RunError):
    """What was given on the command line or in an input file can't be used."""

    code = "R1001"


class OutputError(RunError):
    """The results can't be written."""

    code = "R1002"


class OpFailed(RunError):
    """An op can't do what was asked with these values (`gflow.kernels.op.OpError`)."""

    code = "R1101"


class ExpectFailed(RunError):
    """An `expect` was false."""

    code = "R1102"


class ExternFailed(RunError):
    """A Python function of an `extern op` raised."""

    code = "R1103"
    retryable = True


class ExternBroken(ExternFailed):
    """A Python file can't be loaded, or its function gives a value of another type: that stays."""

    retryable = False


class ModelMissing(RunError):
    """A model can't be loaded, or what it needs is not installed."""

    code = "R1201"


class EngineFailed(RunError):
    """A model call failed in its engine."""

    code = "R1202"
    retryable = True


class OutOfMemory(EngineFailed):
    """A model call needed more memory than there is; a smaller batch may do."""


class OverBudget(RunError):
    """A network alone is larger than the memory that a run may take."""

    code = "R1205"


class EndpointFailed(RunError):
    """A server refused, answered nonsense, or could not be reached."""

    code = "R1203"
    retryable = True


class EndpointRefused(EndpointFailed):
    """A server refused for a reason that stays: the key, the model's name, the request itself."""

    retryable = False


class WrongShape(RunError):
    """A model's answer is not a value of the type that was asked for with `as:`."""

    code = "R1204"
    retryable = True


class VideoBroken(InputError):
    """A frame or the sound of a video can't be decoded, which is seen when it is its turn."""

    code = "R1501"


class MediaMissing(InputError):
    """What reads and writes videos is not installed."""

    code = "R1502"


class BundleBroken(InputError):
    """A bundle was cut short or changed, or a newer gflow made it."""

    code = "R1401"


class TimedOut(RunError):
    """A `try ... timeout` ran out."""

    code = "R1301"
    retryable = True
