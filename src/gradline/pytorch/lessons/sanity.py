"""After training: the loop's answer beside the exact one and scikit-learn's, and what is left between them."""

import math
from dataclasses import dataclass

import numpy as np

from gradline.core.coefficients import Coefficients
from gradline.data.selection import Selection
from gradline.model.certificate import Certificate
from gradline.model.fit import run
from gradline.model.judge import Judged
from gradline.model.request import Request
from gradline.model.training import Training
from gradline.pytorch.lessons.lesson import Lesson
from gradline.pytorch.lessons.program import numbers
from gradline.pytorch.lessons.steps import Update
from gradline.pytorch.lessons.ways import ColumnNames
from gradline.solvers.problem import Scaling


@dataclass(frozen=True, eq=False)
class Sanity:
    """Weight (m, p) and bias (m,) as trained, as solved exactly, and by scikit-learn; and the certificate.

    The certificate is that of the trained coefficients: its gap split by direction says where the distance lies.
    """

    names: ColumnNames
    trained: Coefficients
    exact: Coefficients
    sklearn: Coefficients
    certificate: Certificate


def sanity(lesson: Lesson, step: Update, diverged_at: int | None = None) -> Sanity:
    """The check of a lesson after a step; `diverged_at` is the first epoch whose loss was no number, if one was."""
    from sklearn.linear_model import LinearRegression  # noqa: PLC0415 - a second of loading, for this check alone

    X, Y = lesson.X, lesson.Y
    trained = Coefficients(numbers(step.weight), numbers(step.bias))
    model = run(Selection(lesson.moments), Request())
    reference = LinearRegression().fit(X, Y)
    size = lesson.batch_size if lesson.way.loop and lesson.batch_size < len(X) else None
    scaling = Scaling.none(lesson.moments.p)
    first = lesson.first_loss()
    training = Training(
        lesson.lr,
        0.0,
        step.epoch,
        lesson.moments,
        scaling,
        started_at=math.inf if first is None else first,
        diverged_at=diverged_at,
        batch_size=size,
    )
    return Sanity(
        names=lesson.names,
        trained=trained,
        exact=Coefficients(model.weight, model.bias),
        sklearn=Coefficients(np.atleast_2d(reference.coef_), np.atleast_1d(reference.intercept_)),
        certificate=Judged(lesson.moments, trained, training).certificate,
    )
