"""Why no more digits of the coefficients are sure: the columns themselves, their means, or the sums they came from."""

from gradline.core.errors import Notice
from gradline.model.certificate import FEWEST_DIGITS, bears
from gradline.moments.rank import Rank
from gradline.moments.state import Moments


def shortage(moments: Moments, bias: bool) -> Notice:
    """Which of these it is that a certificate's digits cannot be had.

    Columns whose condition leaves that many digits to sums that are right to rounding are not to blame, but the sums
    are. Without a bias, means far from zero make columns alike that are not so around their means.
    """
    if moments.queried is not None:
        words = f"{moments.queried.engine} added up the rows, and no residuals prove this answer"
        return Notice("sums-not-proved", words, True)
    condition, columns = Rank.of(moments, bias).condition_scaled, moments.p + moments.m
    if bears(condition, columns, FEWEST_DIGITS):
        words = f"the sums over the rows are right to {moments.digits:.1f} digits only"
        return Notice("sums-of-few-digits", words, True)
    if not bias and bears(Rank.of(moments, True).condition_scaled, columns, FEWEST_DIGITS):
        words = "the columns lie far from zero beside what they vary, and no bias takes that off"
        return Notice("far-from-zero", words, True)
    return Notice(
        "near-collinear", f"the columns are near-collinear (scaled condition {condition:.1e})", True
    )
