"""After training: the loop's answer beside the exact one and scikit-learn's, and what is left between them."""

from dataclasses import dataclass

import numpy as np

from gradline.model.certificate import Certificate
from gradline.model.certify import _Adopted, judged
from gradline.model.fit import Request, run
from gradline.pytorch.lessons.lesson import Lesson
from gradline.pytorch.lessons.program import numbers
from gradline.pytorch.lessons.steps import Update
from gradline.pytorch.lessons.ways import ColumnNames


@dataclass(frozen=True, eq=False)
class Sanity:
    """Weight (m, p) and bias (m,) as trained, as solved exactly, and by scikit-learn; and the certificate.

    The certificate is that of the trained coefficients: its gap split by direction says where the distance lies.
    """

    names: ColumnNames
    trained: _Adopted
    exact: _Adopted
    sklearn: _Adopted
    certificate: Certificate


def sanity(lesson: Lesson, step: Update) -> Sanity:
    """The check of a lesson after a step.."""
    from sklearn.linear_model import LinearRegression  # noqa: PLC0415 - a second of loading, for this check alone

    X, Y = lesson.X, lesson.Y
    trained = _Adopted(numbers(step.weight), numbers(step.bias), True)
    model = run(lesson.moments, None, Request())
    reference = LinearRegression().fit(X, Y)
    size = lesson.batch_size if lesson.way.loop and lesson.batch_size < len(X) else None
    return Sanity(
        names=lesson.names,
        trained=trained,
        exact=_Adopted(model.weight, model.bias, True),
        sklearn=_Adopted(np.atleast_2d(reference.coef_), np.atleast_1d(reference.intercept_), True),
        certificate=judged(trained, lesson.moments, lesson.lr, batch_size=size),
    )
