"""What a user writes, with the types that a checker must see; `tests/test_reference.py` checks it, and runs it."""

import contextlib
from typing import assert_type

import numpy as np

import gradline
from gradline.linear_model import LinearRegression

solver = gradline.GradientDescent(lr=1e-5, epochs=100)
model = gradline.fit("example:crops", ["apples", "oranges"], solver=solver)
assert_type(model, gradline.LinearModel)
assert_type(model.weight, np.ndarray)
assert_type(model.bias, np.ndarray)
assert_type(model.predict({"temp": [75], "rainfall": [63], "humidity": [44]}), np.ndarray)
assert_type(model.targets, tuple[str, ...])
assert_type(model.summary(), str)

certificate = model.certificate
assert_type(certificate, gradline.Certificate)
assert_type(certificate.digits, float)
assert_type(certificate.lr_limit, float | None)
assert_type(gradline.certify(model, "example:crops", ["apples", "oranges"]), gradline.Certificate)
assert_type(gradline.verify(model, "example:crops").agrees, bool)

moments = gradline.Moments.of([[1.0], [2.0]], [3.0, 5.0]) + gradline.Moments.of([[4.0]], [9.0])
assert_type(moments, gradline.Moments)
assert_type(moments.rows, int)
assert_type(gradline.Trajectory(moments, lr=1e-3).at(100).loss, float)

assert_type(LinearRegression().fit([[1.0], [2.0], [4.0]], [3.0, 5.0, 9.0]), LinearRegression)

with contextlib.suppress(TypeError):
    gradline.GradientDescent(rate=1e-5)  # pyright: ignore[reportCallIssue] - what a checker must find
try:
    gradline.fit("example:crops", "apple")
except gradline.GradlineError as error:
    assert_type(error.cause, str)
