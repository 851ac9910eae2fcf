"""Every way gradline refuses or warns: a code for programs, and the cause, then the remedy, for people.

GradlineError                 exit code 1 unless said otherwise
├── DataError                 the data cannot be served (also a ValueError)
│   ├── MissingValuesError    cells are missing and nobody said to drop them
│   ├── NotationError         a text file is written in a way that must be told
│   └── UnseenLevelError      a category has a level that training did not see
├── RequestError              the request contradicts itself or the data (also a ValueError)
│   └── RateError             the learning rate is above what the data can bear
├── UsageError                an argument is outside its range, exit code 2 (also a ValueError)
├── FileError                 a file cannot be read or written (also an OSError)
│   └── ModelFileError        a model or state file is damaged, newer, or not ours
├── DigitsError               too few correct digits would be left (also an ArithmeticError)
└── NotCertifiedError         --require-certified, and the answer is not certified, exit code 3

A code such as "column-unknown" names the fault; it belongs to one class, and places that refuse for the same reason
share it. Codes are stable: programs and tests match them, and `--json` shows them. Sentences are not: they may be put
better at any time. Warnings and notices carry codes too.
"""

from dataclasses import dataclass
from typing import Any

from gradline.core.text import raised


class GradlineError(Exception):
    """A refusal: `code` names the fault, `cause` says what is wrong, `remedy` what to do about it.

    >>> import gradline
    >>> try:
    ...     gradline.fit("example:crops", "apple")
    ... except gradline.GradlineError as error:
    ...     print(error.code)
    column-unknown
    """

    exit_code = 1

    def __init__(self, code: str, cause: str | None = None, remedy: str = "") -> None:
        if cause is None:  # torch makes what a worker refused anew, from the text alone
            code, cause = "refused-in-a-worker", code
        # Not super(): OSError takes three arguments for errno, its text and a file name.
        Exception.__init__(self, code, cause, remedy)
        self.code = code
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        remedy = f" {self.remedy[0].upper()}{self.remedy[1:]}." if self.remedy else ""
        return f"{self.cause}.{remedy}"


class DataError(GradlineError, ValueError):
    """The data cannot be served as they are."""


class MissingValuesError(DataError):
    """Cells are missing in columns that the fit uses."""


class NotationError(DataError):
    """A text file is written in a way that must be told; `told` is what reads it, as arguments of `gradline.Text`."""

    def __init__(self, code: str, cause: str | None = None, remedy: str = "", told: Any = None) -> None:
        super().__init__(code, cause, remedy)
        self.told: dict[str, Any] = told or {}


class UnseenLevelError(DataError):
    """A category has a level that training did not see."""


class RequestError(GradlineError, ValueError):
    """What was asked for does not fit the data or the model."""


class RateError(RequestError):
    """The learning rate is above the largest stable one."""


class UsageError(GradlineError, ValueError):
    """An argument is outside its range, or two arguments contradict each other."""

    exit_code = 2


class FileError(GradlineError, OSError):
    """A file cannot be read or written."""


class ModelFileError(FileError):
    """A model or state file is damaged, written by a newer gradline, or not gradline's."""


class DigitsError(GradlineError, ArithmeticError):
    """The result would keep too few correct digits."""


class NotCertifiedError(GradlineError):
    """A certificate was required, and the answer does not deserve one."""

    exit_code = 3


class GradlineWarning(UserWarning):
    """The work went on, but the user should know: `code` names the reason, `text` says it.

    >>> import warnings
    >>> import gradline
    >>> with warnings.catch_warnings(record=True) as issued:
    ...     warnings.simplefilter("always")
    ...     model = gradline.fit([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]], [1.0, 2.0, 3.0])  # x2 is twice x1
    >>> [warning.category.__name__ for warning in issued]
    ['GradlineWarning']
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Notice:
    """Something that the user should know although the work goes on: `code` names it, `text` says it.

    `cause` is what is so, and `remedy` what to do about it, if anything. `about` is the column that it is of, where a
    notice begins with one.
    """

    code: str
    cause: str
    is_warning: bool = False
    remedy: str = ""
    about: str = ""

    @property
    def text(self) -> str:
        """Cause and remedy."""
        return f"{self.cause}. {raised(self.remedy)}" if self.remedy else self.cause
