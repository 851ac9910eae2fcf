"""What a finished fit may claim to be: one word, what it means, and what follows from it."""

from enum import StrEnum


class Status(StrEnum):
    """The outcome of a fit, as the judge found it.

    - `sentence`: what the word means.
    - `exit_code`: that of the command which made the fit.
    - `settled`: whether it claims that the gradient has vanished, to rounding, which `verify` must find; None where
      it claims neither.
    - `full_rank`: whether it claims that the columns determine every coefficient; None where it claims neither.
    """

    sentence: str
    exit_code: int
    settled: bool | None
    full_rank: bool | None

    def __new__(
        cls, word: str, sentence: str, exit_code: int, settled: bool | None, full_rank: bool | None
    ) -> "Status":
        """A member, whose value is its word."""
        status = str.__new__(cls, word)
        status._value_ = word
        status.sentence, status.exit_code = sentence, exit_code
        status.settled, status.full_rank = settled, full_rank
        return status

    CERTIFIED = "certified", "these are the least-squares coefficients, to the digits said", 0, True, True
    STOPPED = "stopped", "training stopped before the best weights", 0, None, None
    RANK_DEFICIENT = "rank_deficient", "the data do not determine every coefficient", 0, True, False
    UNCERTIFIED = "uncertified", "too few digits are sure to claim anything", 0, None, True
    DIVERGED = "diverged", "training diverged", 3, None, None

    def __repr__(self) -> str:
        return repr(self.value)

    @property
    def is_estimate(self) -> bool:
        """Whether the coefficients are least-squares estimates, of which standard errors speak."""
        return self not in (Status.STOPPED, Status.DIVERGED)
