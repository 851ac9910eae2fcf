"""What the user should know of a fit that went on all the same."""

import math
from typing import TYPE_CHECKING

from gradline.core.errors import Notice
from gradline.core.text import counted, listed, lowered, number
from gradline.model.certificate import sentences, undetermined
from gradline.model.checkpoint import Checkpoint
from gradline.model.judge import Judged
from gradline.model.judge_penalised import PenalisedJudge
from gradline.model.model import LinearModel
from gradline.model.shortage import shortage
from gradline.model.status import Status
from gradline.solvers import Exact, Solution, Solver
from gradline.solvers.trajectory import LOSS_EXCESS

if TYPE_CHECKING:  # few fits have a loss that is not squared
    from gradline.model.judge_rows import RowsJudge

_PERFECT = 1e-6  # of what the targets vary: an R² short by less is no news, whatever the optimal loss


def cautions(model: LinearModel) -> list[Notice]:
    """What a caller who reads no summary should be warned of: the notices that matter, and training that fell short.

    Training fell short where it diverged, or its loss is more than 1 % above the optimal one, the 1 % of
    `epochs_to_loss`; and, as nothing is 1 % of a perfect fit, where R² is more than a millionth short as well.
    """
    found = [notice for notice in model.notices if notice.is_warning]
    status = model.verdict.status
    if status not in (Status.STOPPED, Status.DIVERGED):
        return found
    certificate, moments = model.certificate, model.moments
    sentence = sentences(certificate)[0].removesuffix(".")
    variation = float(moments.variation(model.has_bias).sum()) / (moments.m * moments.weight_sum)
    enough = max(LOSS_EXCESS * certificate.optimal_loss, _PERFECT * variation)
    if status is Status.DIVERGED:
        found.append(Notice("training-diverged", sentence, True))
    elif not certificate.gap <= enough:
        found.append(Notice("training-stopped", sentence, True))
    return found


def on_the_way(solution: Solution, keeper: Checkpoint | None, tolerance: float) -> list[Notice]:
    """Where training went on, and where it was stopped."""
    found: list[Notice] = []
    if keeper is not None and keeper.resumed_at is not None:
        found.append(Notice("training-resumed", f"went on from epoch {keeper.resumed_at:,} in {keeper.path}"))
    if solution.stopped_at is not None:
        by = f" by more than {number(tolerance)}" if tolerance else ""
        waited = counted(solution.stopped_at - solution.epochs, "epoch")
        found.append(
            Notice(
                "training-stopped-early",
                f"stopped after epoch {solution.stopped_at:,}: the loss on rows held out has not fallen{by} for "
                f"{waited}. "
                f"The model is that of epoch {solution.epochs:,}, where it {'last did' if tolerance else 'was least'}",
            )
        )
    return found


def fewer_digits(verdict: PenalisedJudge, solver: Solver) -> list[Notice]:
    """That a penalised answer has fewer sure digits than were asked for: no further pass over the rows adds any."""
    wanted = getattr(solver, "digits", Exact.digits)
    if wanted == Exact.digits or not verdict.is_finite or verdict.digits >= wanted:
        return []
    sure = math.floor(verdict.digits)
    text = f"{sure} digits of the coefficients are sure where {wanted:g} were asked for: with a penalty none are added"
    return [Notice("digits-not-reached", text)]


def findings(verdict: "Judged | PenalisedJudge | RowsJudge") -> list[Notice]:
    """What the judge found that the user should know although the fit went on."""
    found: list[Notice] = []
    moments, rank = verdict.moments, verdict.rank
    coefficients = moments.p + 1
    if moments.rows == 1:
        found.append(Notice("single-row", "there is one row: nothing can be said about any slope", True))
    elif moments.rows < coefficients and verdict.is_open:
        found.append(
            Notice(
                "fewer-rows-than-coefficients",
                f"{moments.rows:,} rows for {coefficients:,} coefficients per target",
                True,
            )
        )
    if moments.weights_are == "counts" and moments.weight_sum % 1:
        words = f"the weights are taken as counts and add up to {number(moments.weight_sum)}, which counts no rows"
        found.append(Notice("counts-not-whole", words, True))
    if rank.constant and moments.rows > 1:
        but = " but for rounding" if rank.varies[rank.norms == 0].any() else ""
        words = f"{listed(rank.constant)} has one value in every row{but}: its coefficient says nothing"
        found.append(Notice("column-constant", words, True))
    # Of fewer rows that was said above.
    told = rank.combinations() if verdict.is_open and moments.rows >= coefficients else []
    others = [words for words in told if " is constant" not in words]
    if others:
        found.append(
            Notice(
                "rank-deficient",
                lowered(undetermined(rank.rank, moments.p, others)),
                True,
            )
        )
    if verdict.status is Status.UNCERTIFIED and verdict.certificate.is_bounded:
        above, what = number(verdict.certificate.gap), "loss and penalty are"
        what = "the loss is" if verdict.certificate.penalty is None else what
        text = f"no more is known than that {what} at most {above} above the least possible"
        found.append(Notice("penalised-gap-open", text, True))
    elif verdict.status is Status.UNCERTIFIED:
        why = shortage(moments, verdict.has_bias)
        sure = counted(math.floor(verdict.certificate.digits), "digit")
        found.append(Notice(why.code, f"{why.text}: only {sure} can be sure", True))
    return found
