"""diagnose against real PyTorch loops, each with its mistake; run as a script it counts its verdicts."""

import collections
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import palmerpenguins
import polars as pl
import pytest
import torch
from crops import RUNS, X5, Y5
from known import known
from refusals import refused

from gradline.data.inputs import as_rows
from gradline.data.selection import Selection
from gradline.pytorch import diagnose
from gradline.pytorch.diagnosis.matching import misfit
from gradline.pytorch.diagnosis.printed import read_printed
from gradline.pytorch.diagnosis.simulation import Dynamics, Loop, StatedSetup


def mse(predictions, targets):
    """The tutorials' own."""
    diff = predictions - targets
    return torch.sum(diff * diff) / diff.numel()


class Learner:
    """Someone's loop: tensors, a start, a rate that the data bear, and what it prints."""

    def __init__(self, X, Y, seed):
        torch.manual_seed(seed)
        self.random = np.random.default_rng(seed)
        self.x, self.y = torch.tensor(X, dtype=torch.float32), torch.tensor(Y, dtype=torch.float32)
        self.n, self.m = Y.shape
        self.w = torch.randn(self.m, X.shape[1], requires_grad=True)
        self.b = torch.randn(self.m, requires_grad=True)
        A = np.column_stack([np.ones(len(X)), X])
        self.limit = self.m * len(X) / np.linalg.norm(A, 2) ** 2
        self.share = float(np.exp(self.random.uniform(np.log(0.03), np.log(0.85))))
        self.lr = self.true_lr = float(f"{self.limit * self.share:.2g}")
        self.epochs = int(self.random.choice([3, 5, 10, 30, 100, 200]))
        self.every = 1 if self.epochs <= 30 else int(self.random.choice([1, 10]))
        self.init = self.coefficients()
        if self.random.random() < 0.3:  # the start as PyTorch prints it
            self.init = tuple(np.round(part.numpy().astype(float), 4).tolist() for part in self.init)
        self.batch = (
            int(self.random.integers(1, self.n))
            if self.n <= 40
            else int(self.random.choice([5, 8, 16, 20, 32]))
        )
        self.said: int | None = None
        self.shown: list[tuple[int, float]] = []

    def coefficients(self):
        return self.w.detach().clone(), self.b.detach().clone()

    def model(self, x):
        return x @ self.w.t() + self.b

    def loss(self):
        return mse(self.model(self.x), self.y)

    def update(self, loss, reset=True):
        loss.backward()
        with torch.no_grad():
            for part in (self.w, self.b):
                gradient = known(part.grad)
                part -= gradient * self.true_lr
                if reset:
                    gradient.zero_()

    def says(self, epoch, loss):
        if epoch % self.every == 0:
            self.shown.append((epoch, loss.item() if hasattr(loss, "item") else loss))

    def printed(self):
        style = self.random.choice(["tensor", "epoch", "csv"])
        if style == "tensor" and [e for e, _ in self.shown] == list(range(len(self.shown))):
            return "\n".join(f"tensor({v:.4f}, grad_fn=<DivBackward0>)" for _, v in self.shown)
        if style == "epoch":
            return "\n".join(f"Epoch [{e}/{self.epochs}], Loss: {v:.4f}" for e, v in self.shown)
        return "epoch,loss\n" + "\n".join(f"{e},{v:.4f}" for e, v in self.shown)


def train(learner, loss=Learner.loss, update=Learner.update, shown=lambda _, loss: loss):
    """The loop, printing before the update or, after a first line, after it; parts of it may be wrong."""
    if learner.random.random() < 0.5:
        for epoch in range(1, learner.epochs + 1):
            now = loss(learner)
            learner.says(epoch, shown(learner, now))
            update(learner, now)
    else:
        learner.says(0, shown(learner, loss(learner)))
        for epoch in range(1, learner.epochs + 1):
            update(learner, loss(learner))
            learner.says(epoch, shown(learner, loss(learner)))


def at_rate(ratio: Callable[[Learner], float]):
    def run(learner):
        learner.true_lr = ratio(learner)
        train(learner)

    return run


def by_hand(factor: Callable[[Learner], float]):
    """The gradient written by hand: factor·Xᵀ(predictions − targets)."""

    def update(learner, _):
        with torch.no_grad():
            diff = learner.model(learner.x) - learner.y
            learner.w -= learner.lr * factor(learner) * diff.t() @ learner.x
            learner.b -= learner.lr * factor(learner) * diff.sum(0)

    return lambda learner: train(learner, update=update)


def twice(learner, loss):
    loss.backward(retain_graph=True)
    learner.update(loss)


def shape(learner):
    learner.y = learner.y[:, 0]
    train(learner)


def stale(learner):
    loss = learner.loss()
    learner.says(0, loss)
    for epoch in range(1, learner.epochs + 1):
        loss = learner.loss()
        learner.update(loss)
        learner.says(epoch, loss)


def no_update(learner):
    optimizer = torch.optim.SGD([learner.w, learner.b], lr=learner.lr)

    def update(_, loss):
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()

    train(learner, update=update)


def momentum(learner):
    optimizer = torch.optim.SGD([learner.w, learner.b], lr=learner.lr, momentum=0.9)

    def update(_, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    train(learner, update=update)


def scaled(scale):
    def run(learner):
        learner.x = scale(learner.x)
        train(learner)

    return run


def in_batches(shuffle, log, said=False):
    def run(learner):
        learner.said = learner.batch if said else None
        optimizer = torch.optim.SGD([learner.w, learner.b], lr=learner.lr)
        if log == "all":
            learner.says(0, learner.loss())
        data = torch.utils.data.TensorDataset(learner.x, learner.y)
        for epoch in range(1, learner.epochs + 1):
            losses = []
            for xb, yb in torch.utils.data.DataLoader(data, learner.batch, shuffle=shuffle):
                loss = torch.nn.functional.mse_loss(learner.model(xb), yb)
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
                losses.append(loss.item())
            shown = learner.loss() if log == "all" else losses[-1] if log == "last" else np.mean(losses)
            learner.says(epoch, shown)

    return run


def cell_again(learner):
    """One cell, or the big one, is run again somewhere."""
    learner.every, once = 1, min(learner.epochs, 10)
    learner.says(0, learner.loss())
    doubled = int(learner.random.integers(1, once + 1))
    for epoch in range(1, once + 1):
        for _ in range(2 if epoch == doubled else 1):
            learner.update(learner.loss())
        learner.says(epoch, learner.loss())


def big_cell_again(learner):
    learner.every = 1
    for epoch, updates in (
        (0, 0),
        (1, 1),
        (2, 1),
        (2 + learner.epochs, learner.epochs * learner.random.integers(2, 6)),
    ):
        for _ in range(updates):
            learner.update(learner.loss())
        learner.says(epoch, learner.loss())


def trained_before(learner):
    for _ in range(int(learner.random.integers(2, 8))):
        learner.update(learner.loss())
    learner.every = 1
    train(learner)


def another_start(learner):
    learner.init = torch.randn_like(learner.w), torch.randn_like(learner.b)
    train(learner)


class Mistake(NamedTuple):
    """The verdict that a loop deserves, the loop, whether few losses may not tell it, and for which m it can be."""

    verdict: str
    run: Callable[[Learner], None]
    is_hard: bool = False
    targets: Callable[[int], bool] = bool


MISTAKES = {
    "right": Mistake("right", train),
    "zero_grad": Mistake("zero_grad", lambda a: train(a, update=lambda b, loss: b.update(loss, reset=False))),
    "shape": Mistake("shape", shape, targets=lambda m: m == 1),
    "stale": Mistake("stale", stale),
    "lr too large": Mistake("lr", lambda a: at_rate(lambda b: b.lr)(_raised(a))),
    "factor 2 missing": Mistake("other_lr", by_hand(lambda a: 1 / (a.n * a.m))),
    "gradient of the sum": Mistake("other_lr", by_hand(lambda _: 2.0)),
    "momentum": Mistake("momentum", momentum),
    "backward twice": Mistake("other_lr", lambda a: train(a, update=twice)),
    "lr ten times": Mistake("other_lr", at_rate(lambda a: a.lr * (10 if a.share < 0.09 else 0.1))),
    "any other lr": Mistake(
        "other_lr", at_rate(lambda a: a.lr * a.random.uniform(0.1, min(5, 0.95 / a.share)))
    ),
    "sum": Mistake("sum", lambda a: train(a, lambda b: ((b.model(b.x) - b.y) ** 2).sum())),
    "row_mean": Mistake(
        "row_mean",
        lambda a: train(a, lambda b: ((b.model(b.x) - b.y) ** 2).sum() / b.n),
        targets=lambda m: m > 1,
    ),
    "half": Mistake("half", lambda a: train(a, lambda b: b.loss() / 2)),
    "root": Mistake("root", lambda a: train(a, shown=lambda _, loss: loss.sqrt())),
    "no_update": Mistake("no_update", no_update),
    "standardised, ddof 1": Mistake("standardised", scaled(lambda x: (x - x.mean(0)) / x.std(0))),
    "standardised, ddof 0": Mistake(
        "standardised", scaled(lambda x: (x - x.mean(0)) / x.std(0, unbiased=False))
    ),
    "min-max": Mistake("standardised", scaled(lambda x: (x - x.min(0)[0]) / (x.max(0)[0] - x.min(0)[0]))),
    "batches in order": Mistake("batches", in_batches(False, "all")),
    "last batch in order": Mistake("last_batch", in_batches(False, "last")),
    "mean of batches in order": Mistake("running_mean", in_batches(False, "mean")),
    "a cell again": Mistake("order", cell_again),
    "the big cell again": Mistake("order", big_cell_again),
    "trained before": Mistake("order", trained_before),
    "another start": Mistake("order", another_start, True),
    "batches shuffled": Mistake("batches", in_batches(True, "all"), True),
    "last batch shuffled": Mistake("last_batch", in_batches(True, "last"), True),
    "mean of batches shuffled": Mistake("running_mean", in_batches(True, "mean"), True),
    "batches as said": Mistake("right", in_batches(True, "all", said=True), True),
    "last batch as said": Mistake("last_batch", in_batches(True, "last", said=True), True),
}


def _raised(learner):
    learner.lr = float(f"{learner.limit * learner.random.uniform(1.1, 4):.2g}")
    return learner


def table(data, targets):
    block = next(iter(as_rows(Selection(data, targets)).rows.blocks(1000)))
    return block.X, block.Y


def penguins():
    frame = pl.read_csv(
        Path(palmerpenguins.__file__).parent / "data" / "penguins.csv", null_values="NA"
    ).drop_nulls()
    columns = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]
    return frame.select(columns).to_numpy().astype(float), frame.select("body_mass_g").to_numpy().astype(
        float
    )


def random_problem(seed):
    random = np.random.default_rng(1000 + seed)
    n, p, m = random.integers(5, 60), random.integers(1, 6), random.integers(1, 4)
    X = random.standard_normal((n, p)) * 10 ** random.uniform(-1, 1.5, p)
    X += random.choice([0, 1]) * random.uniform(-50, 50, p)
    return X, X @ random.standard_normal((p, m)) + random.standard_normal((n, m)) * random.uniform(0.1, 3)


def problems() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    for name, (X, Y) in {"crops5": (X5, Y5), "crops": table("example:crops", ["apples", "oranges"])}.items():
        for columns, which in ((["apples"], [0]), (["oranges"], [1]), (["both"], [0, 1])):
            yield f"{name} {columns[0]}", X, Y[:, which]
    yield "iphone", *table("example:iphone", "sales")
    yield "penguins", *penguins()
    for seed in range(20):
        yield f"random {seed}", *random_problem(seed)


@dataclass
class Outcome:
    """A run and what diagnose said: right, wrong, or nothing for sure; unseen where a right loop prints the same."""

    mistake: str
    problem: str
    verdict: str
    kind: str


def is_unseen(learner, text, X, Y):
    """Whether a right full-batch loop from the start given would print the same."""
    printed, limit = read_printed(text), 3e-4 if isinstance(learner.init[0], list) else 1e-5
    A, theta = (
        np.column_stack([np.ones(len(X)), X]),
        np.vstack([np.asarray(learner.init[1]), np.asarray(learner.init[0]).T]),
    )
    losses, theta = [], theta.astype(float)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(printed.epochs.max() + 2):
            residual = A @ theta - Y
            losses.append((residual**2).mean())
            theta = theta - learner.lr * 2 * A.T @ residual / residual.size
        meant = [np.array(losses)[np.maximum(printed.epochs + shift, 0)] for shift in (-1, 0, 1)]
        return any((np.abs(printed.losses - right) <= 1e-4 + limit * right).all() for right in meant)


def outcome(name, problem, X, Y, seed) -> Outcome:
    mistake, learner = MISTAKES[name], Learner(X, Y, seed)
    mistake.run(learner)
    text = learner.printed()
    diagnosis = diagnose(text, X, Y, lr=learner.lr, init=learner.init, batch_size=learner.said)
    kind = "wrong"
    if diagnosis.verdict == mistake.verdict:
        kind = "right"
    elif diagnosis.verdict in ("cannot tell", "none fits"):
        kind = diagnosis.verdict
    if kind != "right" and name != "right" and learner.said is None and is_unseen(learner, text, X, Y):
        kind = "unseen"
    return Outcome(name, problem, diagnosis.verdict, kind)


def study(which, names, seeds) -> Iterator[Outcome]:
    for name in names:
        for i, (problem, X, Y) in enumerate(which):
            if MISTAKES[name].targets(Y.shape[1]):
                for seed in range(seeds):
                    yield outcome(name, problem, X, Y, 1000 * seed + i)


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
    few = diagnose(printed_by(Loop(), 3), X5, Y5, lr=1e-5)
    assert few.verdict == "cannot tell"
    assert "init=(weight, bias)" in str(few)
    assert diagnose(printed_by(Loop(), 60), X5, Y5, lr=1e-5).verdict == "right"
    assert diagnose(printed_by(Loop(reset=False), 60), X5, Y5, lr=1e-5).verdict == "zero_grad"
    assert diagnose(printed_by(Loop(), 9), X5, Y5, lr=1e-5, batch_size=2).verdict == "none fits"


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
    """One run of each mistake on three problems; `python tests/test_diagnosis.py SEEDS` counts all of them."""
    chosen = [problem for problem in problems() if problem[0] in SMALL]
    found = [run for run in study(chosen, [name], 1) if run.kind != "unseen"]
    assert not [run for run in found if run.kind == "wrong"]
    if not MISTAKES[name].is_hard:
        assert sum(run.kind == "right" for run in found) >= len(found) - 2  # the rest cannot tell


if __name__ == "__main__":
    torch.set_num_threads(1)
    kinds = ("right", "cannot tell", "none fits", "wrong", "unseen")
    print(f"{'':26s}{''.join(f'{kind:>13s}' for kind in kinds)}")
    for chosen in MISTAKES if len(sys.argv) < 3 else sys.argv[2].split(","):
        found = list(study(list(problems()), [chosen], int(sys.argv[1]) if len(sys.argv) > 1 else 1))
        count = collections.Counter(run.kind for run in found)
        print(f"{chosen:26s}{''.join(f'{count[kind]:13d}' for kind in kinds)}", flush=True)
        for run in found:
            if run.kind == "wrong":
                print(f"    {run.problem}: {run.verdict}")
