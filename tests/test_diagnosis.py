"""diagnose against real PyTorch loops, each with its mistake, and against what loops are known to print."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from crops import RUNS, X5, Y5
from learners import MISTAKES, problems, study
from refusals import refused

from gradline.pytorch import diagnose
from gradline.pytorch.diagnosis.matching import misfit
from gradline.pytorch.diagnosis.printed import read_printed
from gradline.pytorch.diagnosis.simulation import Dynamics, Loop, StatedSetup


@pytest.mark.parametrize(
    ("losses", "code"),
    [
        ("nothing here", "no-loss-found"),
        ([], "no-loss-found"),
        ([-1.0], "loss-negative"),
        ([[1, 2, 3]], "losses-not-numbers"),
        ([object()], "losses-not-numbers"),
    ],
)
def test_what_is_no_loss_is_refused(losses, code):
    with refused(code):
        diagnose(losses, X5, Y5, lr=1e-5, init="zeros")


@pytest.mark.parametrize(
    "wrong",
    [{"lr": 0}, {"lr": "auto"}, {"momentum": 2}, {"batch_size": 0}, {"batch_size": 2.5}, {"init": "linear"}],
)
def test_settings_outside_their_range_are_refused(wrong):
    settings: dict[str, Any] = {"lr": 1e-5, "init": "zeros", **wrong}
    with refused(f"{next(iter(wrong)).replace('_', '-')}-invalid"):
        diagnose([1.0], X5, Y5, **settings)


def test_a_message_that_stopped_a_right_loop_is_the_verdict():
    losses = Dynamics(case_of(X5, Y5), Loop()).predict(np.arange(3)).losses
    text = "\n".join(f"tensor({loss:.4f})" for loss in losses)
    stopped = f"{text}\nRuntimeError: Trying to backward through the graph a second time"
    assert diagnose(text, X5, Y5, lr=1e-5, init="zeros").verdict == "right"
    assert diagnose(stopped, X5, Y5, lr=1e-5, init="zeros").verdict == "twice"


def case_of(X, Y, momentum=0.0):
    start = np.zeros((X.shape[1] + 1, Y.shape[1]))
    return StatedSetup(np.column_stack([np.ones(len(X)), X]), Y, 1e-5, momentum, start, start)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize(("batch", "log"), [(None, "all"), (2, "all"), (2, "last"), (2, "mean")])
def test_predictions_are_those_of_a_loop_that_steps(momentum, reset, batch, log):
    """Against the loop in NumPy, row by row; the last batch is short."""
    epochs = np.arange(1, 8)
    predicted = Dynamics(case_of(X5, Y5, momentum), Loop(batch=batch, reset=reset, log=log)).predict(epochs)
    A, theta, found = np.column_stack([np.ones(5), X5]), np.zeros((4, 2)), []
    velocity = gradient = np.zeros((4, 2))
    for _ in epochs:
        losses = []
        for first in range(0, 5, batch or 5):
            rows = slice(first, first + (batch or 5))
            residual = A[rows] @ theta - Y5[rows]
            losses.append((residual**2).mean())
            gradient = gradient * (not reset) + 2 * A[rows].T @ residual / residual.size
            velocity = momentum * velocity + gradient
            theta = theta - 1e-5 * velocity
        found.append(
            {"all": ((A @ theta - Y5) ** 2).mean(), "last": losses[-1], "mean": np.mean(losses)}[log]
        )
    np.testing.assert_allclose(predicted.losses, found, rtol=1e-9)


@pytest.mark.parametrize("loop", [Loop(), Loop(batch=2, log="mean"), Loop(reset=False), Loop(printed="root")])
def test_the_sway_of_the_start_is_its_derivative(loop):
    case = replace(case_of(X5, Y5), slack=np.full((4, 2), 1e-6))
    epochs = np.array([0, 3, 9])
    here = Dynamics(case, loop).predict(epochs)
    for i in np.ndindex(4, 2):
        unit = np.zeros((4, 2))
        unit[i] = 1e-6
        up, down = (Dynamics(replace(case, start=s * unit), loop).predict(epochs).losses for s in (1, -1))
        np.testing.assert_allclose(
            here.sway[:, np.ravel_multi_index(i, (4, 2))], (up - down) / 2, rtol=1e-4, atol=1e-9
        )


@pytest.mark.parametrize(
    "loop", [Loop(), Loop(reset=False), Loop(minimised="half"), Loop(batch=3), Loop(printed="root")]
)
def test_a_loop_explains_what_it_printed_itself(loop):
    prediction = Dynamics(case_of(X5, Y5), loop).predict(np.arange(20))
    printed = read_printed("\n".join(f"{loss:.4f}" for loss in prediction.losses))
    size, fits = misfit(printed, prediction)
    assert fits
    assert size <= 1
    shifted = printed._replace(losses=printed.losses + 3 * (printed.halves + prediction.rounding))
    assert not misfit(shifted, prediction)[1]


IPHONE = (
    [[70, 0.1, 0.043], [90, 0.8, 0.064], [80, 0.13, 0.058], [100, 0.4, 0.037], [60, 0.9, 0.7]],
    [5, 8, 12, 2, 1],
)


@pytest.mark.parametrize("data", ["example:iphone", "arrays"])
def test_tutorial_001_compared_every_prediction_with_every_target(data):
    data, targets = (data, "sales") if data != "arrays" else IPHONE
    init = [[0.7765, -0.1135, 0.7029]], [0.4655]
    diagnosis = diagnose("3390.0071\n2558.1218\n1931.3949", data, targets, lr=1e-5, init=init)
    assert diagnosis.verdict == "shape"
    assert "predictions (5, 1) against targets (5,): 25 pairs" in diagnosis.sentences[0]
    assert "targets.reshape(-1, 1)" in str(diagnosis)


def losses_of(run):
    return [(p.epoch, p.values) for p in run.printed if p.what == "loss"]


@pytest.mark.parametrize("tutorial", ["000", "002", "004"])
def test_the_tutorials_trained_right_from_their_starts(tutorial):
    run = RUNS[tutorial]
    diagnosis = diagnose(losses_of(run), X5, Y5, lr=1e-5, init=(run.weight, run.bias))
    assert diagnosis.verdict == "right"
    assert any(finding.startswith("raw:") for finding in diagnosis.findings)


def test_tutorial_002_did_not_train_from_its_first_start():
    init = [[0.1493, -0.5595, 0.1657], [-0.0701, 0.2045, 0.3951]], [0.5860, 0.3001]
    diagnosis = diagnose(losses_of(RUNS["002"]), X5, Y5, lr=1e-5, init=init)
    assert diagnosis.verdict == "order"
    assert diagnosis.candidates[0].parameters["start"] == "another"


def test_tutorial_002_printed_a_loss_twice():
    run, losses = RUNS["002"], "15813.8125\n15813.8125\n10762.5488\n7357.4829"
    assert diagnose(losses, X5, Y5, lr=1e-5, init=(run.weight, run.bias)).verdict == "stale"


# Tutorial 004's log of every tenth epoch of mini-batches of 5, and the start of its nn.Linear.
LOG_004 = [
    306.2371, 137.7837, 99.0105, 157.0631, 116.6572, 130.7298, 85.4811, 51.5243, 82.4509, 43.0389, 47.8127,
    47.9212, 41.0461, 36.4354, 45.0747, 44.7640, 48.5533, 24.3748, 40.6967, 7.8028, 30.8908, 33.1213,
    24.4376, 27.3861, 26.9544, 19.4002, 19.6921, 25.0680, 14.3282, 15.4479, 25.8788, 11.1351, 9.1044,
    7.5806, 9.9922, 9.1836, 4.0150, 10.7038, 7.3144, 10.0724, 9.6074,
]  # fmt: skip
START_004 = [[-0.1873, 0.3503, -0.3835], [-0.4803, 0.4555, -0.3416]], [-0.1862, 0.0044]


@pytest.mark.slow
@pytest.mark.parametrize("said", [None, 5])
def test_tutorial_004_printed_the_loss_of_its_last_batch(said):
    text = "\n".join(f"Epoch [{10 * i}/500], Loss: {loss:.4f}" for i, loss in enumerate(LOG_004, start=1))
    targets = ["apples", "oranges"]
    diagnosis = diagnose(text, "example:crops", targets, lr=1e-5, init=START_004, batch_size=said)
    assert diagnosis.verdict == "last_batch"
    if not said:
        assert 5 in diagnosis.candidates[0].parameters.get(
            "sizes", [diagnosis.candidates[0].parameters["batch"]]
        )


def printed_by(loop, epochs, case=None):
    losses = Dynamics(case or case_of(X5, Y5), loop).predict(np.arange(epochs)).losses
    return "\n".join(f"{loss:.4f}" for loss in losses)


def test_two_losses_cannot_tell_a_forgotten_reset():
    diagnosis = diagnose(printed_by(Loop(), 2), X5, Y5, lr=1e-5, init="zeros")
    assert diagnosis.verdict == "cannot tell"
    assert {"right", "zero_grad"} <= {c.name for c in diagnosis.candidates if c.fits}
    assert diagnose(printed_by(Loop(), 3), X5, Y5, lr=1e-5, init="zeros").verdict == "right"
    assert diagnose(printed_by(Loop(reset=False), 3), X5, Y5, lr=1e-5, init="zeros").verdict == "zero_grad"


def test_without_the_start_only_what_the_losses_alone_tell():
    case = replace(case_of(X5, Y5), start=np.full((4, 2), 0.1))
    few = diagnose(printed_by(Loop(), 3, case), X5, Y5, lr=1e-5)
    assert few.verdict == "cannot tell"
    assert "init=(weight, bias)" in str(few)
    assert diagnose(printed_by(Loop(), 60, case), X5, Y5, lr=1e-5).verdict == "right"
    assert diagnose(printed_by(Loop(reset=False), 60, case), X5, Y5, lr=1e-5).verdict == "zero_grad"
    assert diagnose(printed_by(Loop(), 9, case), X5, Y5, lr=1e-5, batch_size=2).verdict == "none fits"


def test_two_mistakes_at_once_are_none_of_the_table():
    text = printed_by(Loop(reset=False, minimised="half"), 20)
    diagnosis = diagnose(text, X5, Y5, lr=1e-5, init="zeros")
    assert diagnosis.verdict in ("none fits", "cannot tell")


def test_the_start_as_printed_is_allowed_its_digits():
    """Losses from a start within half a unit of the printed one fit; from ten units off they do not."""
    init = np.array([[0.5376, 0.0660, -0.4016], [-0.6218, -0.9119, -0.3167]]), np.array([-0.6848, 0.0488])
    start = np.vstack([init[1], init[0].T])
    random = np.random.default_rng(0)
    for factor, fits in ((1, True), (20, False)):
        moved = replace(case_of(X5, Y5), start=start + factor * 5e-5 * random.uniform(-1, 1, start.shape))
        diagnosis = diagnose(printed_by(Loop(), 5, moved), X5, Y5, lr=1e-5, init=init)
        assert (diagnosis.verdict == "right") == fits


def test_the_card_is_plain_json():
    diagnosis = diagnose(printed_by(Loop(), 5), X5, Y5, lr=1e-5, init="zeros")
    card = json.loads(json.dumps(diagnosis.to_dict(), allow_nan=False))
    assert card["verdict"] == "right"
    assert {"name", "misfit", "parameters", "sentence"} <= set(card["candidates"][0])


SMALL = ("crops5 both", "iphone", "random 11")


@pytest.mark.slow
@pytest.mark.parametrize("name", MISTAKES)
def test_the_right_cause_and_never_a_wrong_one(name):
    """One run of each mistake on three problems; `python tests/learners.py SEEDS` counts all of them."""
    chosen = [problem for problem in problems() if problem[0] in SMALL]
    found = [run for run in study(chosen, [name], 1) if run.kind != "unseen"]
    assert not [run for run in found if run.kind == "wrong"]
    if not MISTAKES[name].is_hard:
        assert sum(run.kind == "right" for run in found) >= len(found) - 2  # the rest cannot tell
