"""How far a learner's model is from the least of what its loop minimises: loss, and what weight decay adds to it."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch.distributed as dist

from gradline.core.coefficients import Coefficients
from gradline.core.text import counted, number
from gradline.data.row_stream import RowStream
from gradline.model.certificate import Certificate
from gradline.model.certify import own_account
from gradline.model.judge import ABOVE, Judged
from gradline.model.judge_penalised import PenalisedJudge
from gradline.model.judge_rows import RowsJudge
from gradline.model.probing import Reading
from gradline.model.status import Status
from gradline.model.training import GROWN, Training
from gradline.model.witness import witnessed
from gradline.moments.state import Moments
from gradline.pytorch.beside_ones import BesideOnes, apart, shared, with_bias
from gradline.pytorch.case import Case
from gradline.pytorch.decay import Decay
from gradline.pytorch.promises import Way
from gradline.pytorch.updates import Updates
from gradline.solvers.losses import Loss
from gradline.solvers.penalties import NONE, ElasticNet
from gradline.solvers.problem import Problem, Scaling, stacked


class Minimised(NamedTuple):
    """What a loop minimises over all rows; the bias may stand among the weights, as that of a column of ones."""

    moments: Moments
    problem: Problem
    has_ones: bool
    remark: str | None = None

    @classmethod
    def of(cls, case: Case, loss: Loss, decay: Decay, bias: bool) -> "Minimised":
        """The mean loss and the ridge that the optimiser's weight decay is."""
        moments, rows = case.moments, case.rows
        why = decay.remark or _unserved(loss, decay)
        if why is not None or decay.is_none:
            return cls(moments, _problem(moments, rows, bias, Scaling.none(moments.p), 0.0, loss), False, why)
        if not decay.bias:
            scaling = Scaling.none(moments.p)
            return cls(moments, _problem(moments, rows, bias, scaling, decay.weight, loss), False)
        rows = BesideOnes.of(case.rows)
        scaling, whole = shared(decay.weight, decay.bias, moments.p), Moments.from_rows(rows)
        return cls(whole, _problem(whole, rows, False, scaling, decay.weight, loss), True)

    def own(self, found: Coefficients) -> Coefficients:
        """The coefficients as those of this problem."""
        return with_bias(found) if self.has_ones else found

    def value(self, found: Coefficients) -> float:
        """Loss and penalty at these coefficients; infinite where that is no number."""
        own, scaling = self.own(found), self.problem.scaling
        bias = np.zeros(self.moments.m) if own.bias is None else own.bias
        pair = scaling.to_view(own.weight, bias if self.problem.bias else 0 * bias)
        with np.errstate(over="ignore", invalid="ignore"):
            theta = stacked(pair, self.moments, self.problem.bias)
            value = self.problem.value(theta)
        return value if math.isfinite(value) else math.inf


def _problem(
    moments: Moments, rows: RowStream, bias: bool, scaling: Scaling, alpha: float, loss: Loss
) -> Problem:
    penalty = ElasticNet(alpha) if alpha else NONE
    return Problem.of(moments, rows, bias, scaling, penalty=penalty, loss=loss)


def _unserved(loss: Loss, decay: Decay) -> str | None:
    """Why loss and decay are not judged together."""
    if decay.is_none:
        return None
    if not decay.weight:
        return "Weight decay of the bias alone is no penalty on weights. So the loss alone is judged."
    if loss.slopes.width == 0:
        return (
            f"How far the {loss.mean} and weight decay together are from their least is not known here: the loss alone "
            "is judged, and weight decay heads elsewhere, to smaller coefficients."
        )
    return None


def certificate_of(
    case: Case,
    updates: Updates,
    minimised: Minimised,
    epochs: int,
    started_at: float,
    noise_limit: float | None,
) -> Certificate:
    """How far the model is, and what the rule that ran has before it."""
    reading, rule = case.read(), None if case.is_one_rank else updates.rule_of_mean
    found, times, problem = minimised.own(reading.found), updates.times, minimised.problem
    velocity = None if rule is None else updates.velocity
    if velocity is not None and minimised.has_ones:
        velocity = np.column_stack([velocity[1], velocity[0]]), np.zeros(case.moments.m)
    training = Training(
        lr=None if rule is None else rule.lr,
        momentum=0.0 if rule is None else rule.momentum,
        epochs=epochs,
        view=problem.moments,
        scaling=problem.scaling,
        started_at=started_at,
        batch_size=None if updates.is_whole else updates.batch_rows,
        nesterov=rule is not None and rule.nesterov,
        velocity=velocity,
        penalty=problem.penalty,
    )
    remarks = _remarks(case, updates, minimised)
    if rule is not None and noise_limit is not None:
        guide = ", a guide only with momentum" if rule.momentum else ""
        remarks.append(
            f"Batches of {updates.batch_rows:,} rows bear an lr below {number(noise_limit)} (mean square{guide})."
        )
    certificate = _judged(case, reading, minimised, training, tuple(remarks))
    if rule is not None and updates.weight is not None and problem.loss.quadratic:
        certificate = Way(training.path(found), problem, updates.weight).kept(certificate)
    if certificate.lr_limit is not None and times != 1:
        certificate = replace(certificate, lr_limit=certificate.lr_limit / times)
    return certificate


def _remarks(case: Case, updates: Updates, minimised: Minimised) -> list[str]:
    """What else must be known to read the certificate."""
    remarks = [said for said in (updates.asked.remark, minimised.remark) if said is not None]
    if case.is_one_rank:
        ranks = f"one of {counted(dist.get_world_size(), 'rank')}"
        remarks.append(f"This rank's rows alone are judged, {ranks}: those of the others are not seen.")
    elif updates.count and updates.why is not None:
        remarks.append(f"No epochs are promised: {updates.why}.")
    elif updates.rule is not None and updates.is_whole and updates.is_hooked:
        remarks.append("These epochs hold while the hooks on the optimiser change nothing, as so far.")
    if not minimised.problem.penalty.is_none:
        words, scale = minimised.problem.penalty.words(), minimised.problem.scaling.scale
        if minimised.has_ones:
            words += f" + {minimised.problem.penalty.curvature / 2 * scale[0] ** 2:.10g}·Σb²"
        remarks.append(
            f"Weight decay is a penalty: this training minimises loss + {words} (w: weights, b: bias)."
        )
    return remarks


def _judged(
    case: Case, reading: Reading, minimised: Minimised, training: Training, remarks: tuple[str, ...]
) -> Certificate:
    """By the judge of such a loss and penalty."""
    problem, found = minimised.problem, minimised.own(reading.found)
    if not problem.loss.quadratic:
        certificate = replace(_of_rows(minimised, reading, training), remarks=list(remarks))
    elif not problem.penalty.is_none:
        judge = PenalisedJudge(minimised.moments, found, problem.penalty, problem.scaling, training)
        certificate = replace(judge.certificate, remarks=list(remarks))
    else:
        witness = witnessed(case.small, case.moments, found)
        certificate = Judged(case.moments, found, training, witness, reading.error, remarks).certificate
        said = own_account(reading.own, certificate.loss, case.moments)
        return certificate if said is None else replace(certificate, remarks=[*certificate.remarks, said])
    return apart(certificate, case.moments, reading.found) if minimised.has_ones else certificate


def _of_rows(minimised: Minimised, reading: Reading, training: Training) -> Certificate:
    """That of a loss which only the rows tell: stopped where the judge of answers would say that it is none."""
    moments, problem, found = minimised.moments, minimised.problem, minimised.own(reading.found)
    value = minimised.value(reading.found)
    if not math.isfinite(value):  # what is far from numbers is judged from where they begin
        none = Coefficients(np.zeros((moments.m, moments.p)), np.zeros(moments.m) if problem.bias else None)
        rest = RowsJudge(moments, none, problem).certificate
        far = [[math.inf] * moments.p] * moments.m
        return replace(
            rest, status=Status.DIVERGED, epochs=training.epochs, loss=math.inf, gap=math.inf, digits=0.0,
            gradient_norm=math.nan, weight_error=far, bias_error=[math.inf] * moments.m,
        )  # fmt: skip
    judged = RowsJudge(moments, found, problem).certificate
    status = judged.status
    if status is Status.UNCERTIFIED and not judged.gap <= ABOVE * judged.optimal_loss:
        grown = bool(training.epochs) and value > (1 + GROWN) * training.started_at
        status = Status.DIVERGED if grown else Status.STOPPED
    certificate = replace(judged, status=status, epochs=training.epochs)
    if reading.error is None:
        return certificate
    off = minimised.own(reading.error)  # the map was read off values, and is known to so much
    none = np.zeros(moments.m) if off.bias is None else off.bias
    return replace(
        certificate,
        weight_error=(np.array(certificate.weight_error) + off.weight).tolist(),
        bias_error=(np.array(certificate.bias_error) + none).tolist(),
    )
