"""What a choice of alpha was made by: the errors on rows held out at each alpha, and the rule that chose."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from gradline.core.errors import UsageError
from gradline.core.text import counted, number

RULES = ("min", "1se")


@dataclass(frozen=True, eq=False)
class Choice:
    """Mean squared errors `errors` (K, F) on the rows held out, at `alphas` (K,) that fall and in each of F folds.

    `held_out` says which rows a fold holds out, in words. Of leave-one-out each row is a fold, and its errors are not
    kept: `errors` (K, 1) are their mean, and `spread` (K,) the standard error of it.
    """

    alphas: np.ndarray
    errors: np.ndarray
    rule: str
    held_out: str
    spread: np.ndarray | None = None

    @property
    def error(self) -> np.ndarray:
        """The mean of the folds' errors (K,), each fold counted once."""
        return self.errors.mean(axis=1)

    @property
    def stderr(self) -> np.ndarray:
        """How far that mean would typically move with other folds (K,): their deviation (divisor F − 1) over √F."""
        if self.spread is not None:
            return self.spread
        folds = self.errors.shape[1]
        return self.errors.std(axis=1, ddof=1) / math.sqrt(folds)

    @property
    def best(self) -> int:
        """The number of the alpha of least error, the largest where several have it."""
        return int(np.argmin(self.error))

    @property
    def chosen(self) -> int:
        """The number of the alpha that the rule takes.

        "min" is that of least error; "1se" the largest whose error is no more than one standard error above the least:
        the simplest model that the folds cannot tell from the best (Hastie, Tibshirani, Friedman 2009, section 7.10).
        """
        if self.rule == "min":
            return self.best
        return int(np.flatnonzero(self.error <= self.error[self.best] + self.stderr[self.best])[0])

    @property
    def alpha(self) -> float:
        """The alpha that was chosen."""
        return float(self.alphas[self.chosen])

    def sentences(self) -> list[str]:
        """What was chosen and why, in words."""
        k, count = self.chosen, len(self.alphas)
        error, spread = (number(float(values[k]), 4) for values in (self.error, self.stderr))
        of = f"alpha {number(self.alpha, 5)} is one of {count:,} tried, by {self.held_out}"
        if self.rule == "min":
            meaning = "mean squared error ± standard error"
            why = f"it has the smallest error on rows held out: {error} ± {spread} ({meaning})"
        else:
            least = number(float(self.error[self.best]), 4)
            why = (
                f"it is the largest whose error on rows held out, {error}, is within one standard error of the "
                f"smallest, {least} ± {number(float(self.stderr[self.best]), 4)}"
            )
        said = [f"{of}: {why}."]
        if count > 1 and k in (0, count - 1):
            end, way = ("smallest", "smaller") if k else ("largest", "larger")
            said.append(f"It is the {end} of them; a {way} one might do better.")
        return said

    def to_dict(self) -> dict[str, Any]:
        """The choice as plain JSON."""
        return {
            "rule": self.rule,
            "held_out": self.held_out,
            "alphas": self.alphas.tolist(),
            "errors": self.errors.tolist(),
            "spread": None if self.spread is None else self.spread.tolist(),
        }

    @classmethod
    def from_dict(cls, card: Mapping[str, Any]) -> Self:
        """The choice that `to_dict` wrote."""
        spread = card["spread"]
        return cls(
            np.array(card["alphas"]),
            np.array(card["errors"], float),
            card["rule"],
            card["held_out"],
            None if spread is None else np.array(spread),
        )


def fault_of_choice(card: Mapping[str, Any]) -> str | None:
    """What does not go together in a choice that was read; None where all does."""
    count, folds = len(card["alphas"]), {len(errors) for errors in card["errors"]}
    if not count or len(card["errors"]) != count or len(folds) != 1 or folds == {0}:
        return "choice.errors: there is not one for each alpha and fold"
    if (card["spread"] is None) == (folds == {1}) or len(card["spread"] or card["alphas"]) != count:
        return "choice.spread: it is not that of the errors"
    if card["alphas"] != sorted(card["alphas"], reverse=True):
        return "choice.alphas: they do not fall"
    return None


def expect_rule(rule: str) -> None:
    """Raise `UsageError` for what is no rule."""
    if rule not in RULES:
        raise UsageError("rule-invalid", f"there is no rule {rule!r}", f"use {' or '.join(RULES)}")


def in_folds(folds: int, how: str) -> str:
    """Which rows folds hold out, in words."""
    return f"{counted(folds, 'fold')} {how}"
