"""diagnose against real PyTorch loops, each with its mistake; run as a script it counts its verdicts."""

import collections
import sys
import warnings
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

from gradline.errors import DataError, UsageError
from gradline.pytorch import diagnose
from gradline.pytorch.matching import misfit
from gradline.pytorch.printed import MESSAGES, read_printed
from gradline.pytorch.simulation import Case, Dynamics, Loop
from gradline.reading import read


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
        self.batch = int(self.random.integers(1, self.n)) if self.n <= 40 else int(self.random.choice([5, 8, 16, 20, 32]))
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
            self.w -= self.w.grad * self.true_lr
            self.b -= self.b.grad * self.true_lr
            if reset:
                self.w.grad.zero_()
                self.b.grad.zero_()

    def says(self, epoch, loss):
        if epoch % self.every == 0:
            self.shown.append((epoch, float(loss)))

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
            learner.says(epoch, {"all": learner.loss, "last": loss.item, "mean": lambda: np.mean(losses)}[log]())

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
    for epoch, updates in ((0, 0), (1, 1), (2, 1), (2 + learner.epochs, learner.epochs * learner.random.integers(2, 6))):
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
    """The verdict that a loop deserves, the loop, whether chance has a part in it, whether m must be 1 or more."""

    verdict: str
    run: Callable[[Learner], None]
    at_random: bool = False
    targets: Callable[[int], bool] = lambda m: True


MISTAKES = {
    "right": Mistake("right", train),
    "zero_grad": Mistake("zero_grad", lambda a: train(a, update=lambda b, loss: b.update(loss, reset=False))),
    "shape": Mistake("shape", shape, targets=lambda m: m == 1),
    "stale": Mistake("stale", stale),
    "lr too large": Mistake("lr", lambda a: at_rate(lambda b: b.lr)(_raised(a))),
    "factor 2 missing": Mistake("other_lr", by_hand(lambda a: 1 / (a.n * a.m))),
    "gradient of the sum": Mistake("other_lr", by_hand(lambda _: 2.0)),
    "backward twice": Mistake("other_lr", lambda a: train(a, update=twice)),
    "lr ten times": Mistake("other_lr", at_rate(lambda a: a.lr * (10 if a.share < 0.09 else 0.1))),
    "any other lr": Mistake("other_lr", at_rate(lambda a: a.lr * a.random.uniform(0.1, min(5, 0.95 / a.share)))),
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
    "standardised, ddof 0": Mistake("standardised", scaled(lambda x: (x - x.mean(0)) / x.std(0, unbiased=False))),
    "min-max": Mistake("standardised", scaled(lambda x: (x - x.min(0)[0]) / (x.max(0)[0] - x.min(0)[0]))),
    "batches in order": Mistake("batches", in_batches(False, "all")),
    "last batch in order": Mistake("last_batch", in_batches(False, "last")),
    "mean of batches in order": Mistake("running_mean", in_batches(False, "mean")),
    "a cell again": Mistake("order", cell_again),
    "the big cell again": Mistake("order", big_cell_again),
    "trained before": Mistake("order", trained_before),
    "another start": Mistake("order", another_start),
    "batches shuffled": Mistake("batches", in_batches(True, "all"), True),
    "last batch shuffled": Mistake("last_batch", in_batches(True, "last"), True),
    "mean of batches shuffled": Mistake("running_mean", in_batches(True, "mean"), True),
    "batches as said": Mistake("right", in_batches(True, "all", said=True), True),
    "last batch as said": Mistake("right", in_batches(True, "last", said=True), True),
}


def _raised(learner):
    learner.lr = float(f"{learner.limit * learner.random.uniform(1.1, 4):.2g}")
    return learner


def table(data, targets):
    block = next(iter(read(data, targets).rows.blocks(1000)))
    return block.X, block.Y


def penguins():
    frame = pl.read_csv(Path(palmerpenguins.__file__).parent / "data" / "penguins.csv", null_values="NA").drop_nulls()
    columns = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]
    return frame.select(columns).to_numpy().astype(float), frame.select("body_mass_g").to_numpy().astype(float)


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
    A, theta = np.column_stack([np.ones(len(X)), X]), np.vstack([learner.init[1], np.transpose(learner.init[0])])
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
