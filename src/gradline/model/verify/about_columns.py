"""What a model says of its columns: their rank, what they determine, which vanish together, and their condition."""

import math
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from gradline.core.text import counted
from gradline.model.model import LinearModel
from gradline.model.verify.check import Check, near, same
from gradline.model.verify.ldl import Eliminated
from gradline.model.verify.newton_step import Whereabouts
from gradline.model.verify.row_sums import Evidence
from gradline.model.verify.spectrum import Spectrum, scaled_condition
from gradline.model.verify.tolerance import MARGIN

_MANY = 64  # columns beyond which a condition may be estimated, to a thousandth
_ESTIMATED, _CONDITION = 2e-3, 1e-6
_NOTHING = 1e-13  # a share in a combination that is rounding of it
_NEAR = 1e8  # a scaled condition above which a combination is said to vanish almost
_WRITTEN, _ROUNDED = 1e-9, 1e-5  # what a relation leaves whose numbers are written in full, or to six digits
_NUMBER = r"\d{1,30}(?:\.\d{1,30})?(?:e[-+]?\d{1,2})?(?:/[1-9]\d?)?"
_SIDES = re.compile("( = | ≈ )")
_NOTES = re.compile(r" \((?:(?:sum of )?\d+ (?:columns|terms))?(?:; )?(?:to (\d+) digits)?\)$")
_NOTATION = re.compile(
    rf"^−|^{_NUMBER}(·|$)|^\s|\s$| [+−=≈…] |^almost |^$|{_NOTES.pattern}"
)  # read as no name


def about_columns(model: LinearModel, evidence: Evidence, at: Whereabouts) -> Iterator[Check]:
    """Rank, conditions, constant columns, and the combinations that vanish."""
    claim, features, pivots = model.certificate, model.features, at.pivots
    fewest, most = at.ranks
    found = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    sentence = f"The rank of the columns is {found}; the model claims {claim.rank}."
    yield Check("rank", f"{claim.rank}", found, fewest <= claim.rank <= most, sentence)
    first = int(model.has_bias)
    constant = [name for name, norm in zip(features, pivots.norms[first:], strict=True) if norm == 0]
    said, found = (", ".join(names) or "none" for names in (claim.constant, constant))
    yield same("constant", said, found, "what is constant")
    slack = _ESTIMATED if len(features) > _MANY else _CONDITION
    raw, scaled = Spectrum.of(pivots, evidence).condition, scaled_condition(pivots)
    for name, value, power in (
        ("condition", raw, 1),
        ("condition_scaled", scaled, 1),
        ("hessian_condition", raw * raw, 2),
    ):
        root = raw if power == 2 else value
        yield near(name, getattr(claim, name), value, power * (slack + MARGIN * at.likely * root) * value)
    yield from _relations(model, pivots, evidence)


def elided(model: LinearModel) -> Iterator[str]:
    """What cannot be checked of it."""
    claim = model.certificate
    if any(_elided(text, model.features) for text in (*claim.combinations, *claim.near_combinations)):
        yield "combinations of columns that are too long to be written out"


class Relation(NamedTuple):
    """Σ numbers·columns = constant; `exact` says whether no number was rounded to be written."""

    numbers: np.ndarray
    constant: float
    exact: bool


def _relations(model: LinearModel, pivots: Eliminated, evidence: Evidence) -> Iterator[Check]:
    """Combinations that are said to vanish do, and are as many as the rank wants; what they leave open."""
    claim, p = model.certificate, len(model.features)
    words = [
        text for text in claim.combinations if not re.fullmatch(r".* is constant( but for rounding)?", text)
    ]
    missing = p - claim.rank
    many = f"{missing:,} independent combinations of the {p:,} columns vanish"
    if words and words != [many]:
        yield from _each(model, words, missing - len(claim.constant), pivots, evidence)
    elif not words and missing > len(claim.constant):
        yield Check(
            "combinations", "none", f"{missing}", False, "Not every relation between columns is named."
        )
    elif words and not missing:
        yield same("combinations", words[0], "none", "what vanishes")
    named = [f"{name} is constant" for name in claim.constant]
    said = [text.removesuffix(" but for rounding") for text in claim.combinations if text not in words]
    if said or named:
        yield same(
            "constant combinations",
            "; ".join(said),
            "; ".join(named[: len(said)] or named),
            "what is constant",
        )
    if model.penalty.is_none and model.loss.quadratic:  # others hold weights that the columns leave open
        yield _determined(model, pivots)
    yield _almost(model, pivots, evidence)


def _each(
    model: LinearModel, words: list[str], wanted: int, pivots: Eliminated, evidence: Evidence
) -> Iterator[Check]:
    """Those that are written out hold, and none follows from others."""
    wrong, vectors = [], []
    for text in words:
        relation = None if _elided(text, model.features) else read(text, model.features)
        if relation is not None:
            vectors.append(relation.numbers)
            holds = _left(relation, pivots, evidence) <= (_WRITTEN if relation.exact else _ROUNDED)
        else:
            holds = _elided(text, model.features)
        if not holds:
            wrong.append(text)
    apart = np.linalg.matrix_rank(np.array(vectors)) == len(vectors) if vectors else True
    many = counted(len(words), "combination")
    found = counted(wanted, "combination") if not wrong else f"{len(wrong)} not so"
    why = f": {wrong[0]} is not so" if wrong else "" if apart else ", but some follow from others"
    sentence = f"{counted(wanted, 'combination')} of columns vanish; the model names {len(words)}{why}."
    yield Check("combinations", many, found, not wrong and bool(apart) and len(words) == wanted, sentence)


def _determined(model: LinearModel, pivots: Eliminated) -> Check:
    """The weights that no combination of varying columns leaves open."""
    norms = pivots.norms[int(model.has_bias) :]
    shares = np.where(norms > 0, pivots.unseen, 1.0)
    claimed = np.array(model.certificate.determined)
    if claimed.shape != shares.shape:
        return same("determined", f"{len(claimed)} weights", f"{len(shares)}", "what is determined")
    wrong = np.where(claimed, shares > _ROUNDED, shares < _NOTHING)
    names = [name for name, one in zip(model.features, wrong, strict=True) if one]
    what = (
        f"{names[0]} is {'not ' * bool(claimed[wrong][0])}determined" if names else "all as the rank has it"
    )
    said = f"{int(claimed.sum())} of {len(claimed)}"
    return Check("determined", said, what, not names, f"Of the weights that are determined, {what}.")


def _almost(model: LinearModel, pivots: Eliminated, evidence: Evidence) -> Check:
    """What is said to vanish almost does, to the digits said; and none is named where none is near."""
    words, wrong = model.certificate.near_combinations, []
    for text in words:
        plain, digits = text.removeprefix("almost "), _NOTES.search(text)
        if digits is None or digits[1] is None or plain == text:
            wrong.append(text)
        elif not _elided(plain, model.features):
            relation = read(plain, model.features)
            known = 0.0 if relation is None or relation.exact else _ROUNDED
            if relation is None or _varying(relation, pivots, evidence) > max(
                10.0 ** (1 - int(digits[1])), known
            ):
                wrong.append(text)
    condition = scaled_condition(pivots) if model.certificate.rank == len(model.features) else 1.0
    expected = bool(words) if _NEAR / 2 < condition < 2 * _NEAR else condition > _NEAR
    said = counted(len(words), "combination") if words else "none"
    found = (
        f"{len(wrong)} not so"
        if wrong
        else said
        if expected == bool(words)
        else "some"
        if expected
        else "none"
    )
    sentence = (
        f"{wrong[0]} is not so." if wrong else f"Of columns almost vanish: {found}; the model names {said}."
    )
    return Check("near_combinations", said, found, found == said, sentence)


def _varying(relation: Relation, pivots: Eliminated, evidence: Evidence) -> float:
    """What a relation leaves of the columns around their means, or as they are, as a share of their parts in it."""
    first = int(pivots.has_bias)
    numbers = np.ldexp(relation.numbers, evidence.frame.units[: len(relation.numbers)])
    factor = (pivots.L * np.sqrt(pivots.D)).T[first:, first:]  # whose first row, with a bias, has the means
    parts = np.abs(numbers * pivots.norms[first:]).sum()
    return float(np.linalg.norm(factor @ numbers) / max(parts, 5e-324))


def _left(relation: Relation, pivots: Eliminated, evidence: Evidence) -> float:
    """The same, or what it leaves of the means, as a share of theirs, where that is more."""
    rest = _varying(relation, pivots, evidence)
    if not pivots.has_bias:
        return rest
    units, numbers = evidence.frame.units[: len(relation.numbers)], relation.numbers
    mean = np.ldexp(pivots.L[1:, 0], units) + evidence.frame.shift[: len(units)]
    spread = np.abs(np.ldexp(numbers * pivots.norms[1:], units)).sum() / math.sqrt(evidence.mass)
    sizes = np.abs(numbers * mean).sum() + spread + abs(relation.constant)
    return max(rest, abs(float(numbers @ mean) - relation.constant) / max(float(sizes), 5e-324))


def _elided(text: str, names: tuple[str, ...]) -> bool:
    """Whether a sentence leaves out a part, or a column is called like a part of one."""
    return " … " in text or any(_NOTATION.search(name) for name in names)


def read(text: str, names: tuple[str, ...]) -> Relation | None:
    """The relation that a sentence such as "exper = age − educ − 6" states; None where it states none.

    Numbers are in full in one with "=", and rounded to six digits in one with "≈".
    """
    sides = _SIDES.split(_NOTES.sub("", text))
    if len(sides) != 3:
        return None
    numbers, constant = np.zeros(len(names)), 0.0
    for side, sign in ((sides[0], 1.0), (sides[2], -1.0)):
        for term in side.replace(" − ", " + −").split(" + "):
            value = -sign if term.startswith("−") else sign
            factor, times, name = term.removeprefix("−").partition("·")
            name = name if times and re.fullmatch(_NUMBER, factor) else term.removeprefix("−")
            if name in names:
                number = factor if name != term.removeprefix("−") else "1"
                numbers[names.index(name)] += value * float(Fraction(number))
            elif re.fullmatch(_NUMBER, name):
                constant -= value * float(Fraction(name))
            else:
                return None
    return Relation(numbers, constant, sides[1] == " = ")
