"""The setup as the learner stated it: data, rate and start; or the start that printed weights tell."""

from dataclasses import replace
from typing import Any

import numpy as np

from gradline.core.arguments import is_real, is_whole
from gradline.core.errors import UsageError
from gradline.data.row_block import RowBlock
from gradline.moments.state import Moments
from gradline.pytorch.diagnosis.printed import Printed, half_units, plain
from gradline.pytorch.diagnosis.simulation import StatedSetup
from gradline.solvers.loop import INITS, initial
from gradline.solvers.problem import Problem, Scaling


def check(lr: Any, batch_size: Any, momentum: Any, init: Any, seed: Any) -> None:
    if not (is_real(lr) and lr > 0):
        raise UsageError(
            "lr-invalid",
            f"lr is {lr}",
            "give the learning rate that the loop was meant to have, a positive number",
        )
    if batch_size is not None and not is_whole(batch_size, 1):
        raise UsageError(
            "batch-size-invalid",
            f"batch_size is {batch_size}",
            "give a whole number from 1, or None for all rows at once",
        )
    if not (is_real(momentum) and 0 <= momentum <= 1):
        raise UsageError("momentum-invalid", f"momentum is {momentum}", "give a number from 0 to 1")
    if not is_whole(seed, 0):
        raise UsageError("seed-invalid", f"seed is {seed}", "give a whole number from 0")
    if isinstance(init, str) and init not in INITS:
        raise UsageError(
            "init-invalid",
            f"init is {init!r}, which is no way to start",
            f"use {', '.join(INITS)}, or weight and bias in numbers; leave it out when unknown",
        )


def case_of(
    block: RowBlock, moments: Moments, lr: float, momentum: float, init: Any, seed: int
) -> StatedSetup:
    problem = Problem.of(moments, None, True, Scaling.none(moments.p))
    start = initial("zeros" if init is None else init, problem, seed)
    slack = np.zeros_like(start)
    if init is not None and not isinstance(init, str):
        weight, bias = (np.asarray(plain(part)) for part in init)
        halves = half_units([*weight.ravel(), *bias.ravel()], exact=2)
        slack = np.vstack([halves[weight.size :], halves[: weight.size].reshape(moments.m, -1).T])
    return StatedSetup(
        np.column_stack([np.ones(len(block.X)), block.X]), block.Y, float(lr), float(momentum), start, slack
    )


def from_weights(case: StatedSetup, printed: Printed, known: bool) -> tuple[StatedSetup, Printed, bool]:
    """The losses of the weights printed, where no losses were, and the start where none was given."""
    (q, m), fitting = case.start.shape, []
    for weights in printed.weights:
        if len(weights.bias) == m and len(weights.weight) == m * (q - 1):
            stacks = [(weights.weight, weights.bias), (weights.halves[:-m], weights.halves[-m:])]
            fitting.append(
                (weights.epoch, *(np.vstack([bias, weight.reshape(m, -1).T]) for weight, bias in stacks))
            )
    if len(fitting) < 2 or (known and len(printed.losses)):
        return case, printed, known
    labels, thetas, halves = (list(part) for part in zip(*fitting, strict=True))
    losses = np.array([((case.A @ theta - case.Y) ** 2).mean() for theta in thetas])
    slack = np.array([_loss_slack(case, *pair) for pair in zip(thetas, halves, strict=True)])
    labelled = None not in labels
    epochs = np.array(labels) if labelled else np.arange(len(labels))
    notes = (*printed.notes, "The weights printed are judged, by the loss that they have on these data.")
    if not known:
        case = replace(case, start=thetas[0], slack=halves[0])
        epochs, labelled = epochs - epochs[0], False
        notes = (*notes, "The first weights printed are taken for the start.")
    values = {"losses": losses, "halves": slack, "epochs": epochs, "labelled": labelled, "before": False}
    return case, printed._replace(**values, notes=notes), True


def _loss_slack(case: StatedSetup, theta: np.ndarray, halves: np.ndarray) -> float:
    """How far the loss may be off for the digits of the weights."""
    residual = case.A @ theta - case.Y
    slope = np.abs(2 * case.A.T @ residual) * halves
    return float((slope.sum() + ((np.abs(case.A) @ halves) ** 2).sum()) / case.Y.size)
