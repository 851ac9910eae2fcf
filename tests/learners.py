"""Loops in PyTorch with their mistakes, in the table of `diagnose` and outside it, and the problems they train on."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import palmerpenguins
import polars as pl
import torch
from crops import X5, Y5
from known import known
from torch.nn import functional as F

from gradline.data.inputs import as_rows
from gradline.data.selection import Selection


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


LOGGED = {"last": lambda losses: losses[-1], "mean": np.mean, "sum": sum}


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
            shown = learner.loss() if log == "all" else LOGGED[log](losses)
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


def moving(*names):
    """Only some of the parameters move."""

    def update(learner, loss):
        loss.backward()
        with torch.no_grad():
            for name in ("w", "b"):
                part = getattr(learner, name)
                part -= known(part.grad) * learner.true_lr * (name in names)
                known(part.grad).zero_()

    return update


def no_bias(learner):
    learner.b.data.zero_()
    train(learner, update=moving("w"))


def sequential(learner, _):
    for name in ("w", "b"):
        moving(name)(learner, learner.loss())


def stepped(learner, kind: Any = torch.optim.SGD, **settings):
    optimizer = kind([learner.w, learner.b], lr=learner.lr, **settings)

    def update(_, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    train(learner, update=update)


def scheduled(learner, factor):
    optimizer = torch.optim.SGD([learner.w, learner.b], lr=learner.lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)

    def update(_, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

    train(learner, update=update)


def powers(base):
    return lambda k: base**k


def split(learner):
    kept = int(learner.n * 0.8) if learner.n > 9 else learner.n
    changed(learner, x=learner.x[:kept], y=learner.y[:kept])


def changed(learner, **tensors):
    vars(learner).update(tensors)
    train(learner)


def broadcast(learner, _):
    with torch.no_grad():
        errors = learner.model(learner.x) - learner.y[:, 0]
        learner.w -= learner.lr * 2 * (learner.x.t() @ errors).mean(1) / learner.n
        learner.b -= learner.lr * 2 * errors.mean()


def by_gradient(change):
    """An update whose gradients are changed before they are used."""

    def update(learner, loss):
        loss.backward()
        with torch.no_grad():
            for part in (learner.w, learner.b):
                part -= learner.true_lr * change(learner, part, known(part.grad))
                known(part.grad).zero_()

    return update


def clipped(learner, loss):
    loss.backward()
    if not hasattr(learner, "most"):
        learner.most = 0.5 * float(known(learner.w.grad).norm())
    torch.nn.utils.clip_grad_norm_([learner.w, learner.b], learner.most)
    with torch.no_grad():
        for part in (learner.w, learner.b):
            part -= learner.true_lr * known(part.grad)
            known(part.grad).zero_()


column_frozen = by_gradient(lambda _a, part, g: g * (torch.arange(g.shape[-1]) > 0) if part.ndim == 2 else g)
bias_faster = by_gradient(lambda _a, part, g: g if part.ndim == 2 else 5 * g)
signs = by_gradient(lambda _a, _part, g: g.sign())
noisy = by_gradient(lambda _a, _part, g: g * (1 + 0.1 * torch.randn_like(g)))


def rounded(learner, loss):
    learner.update(loss)
    with torch.no_grad():
        learner.w.copy_((learner.w * 100).round() / 100)


def every_second():
    count = [0]

    def update(learner, loss):
        count[0] += 1
        if count[0] % 2:
            loss.backward()
        else:
            learner.update(loss)

    return update


def drawn(learner):
    rows = torch.randint(learner.n, (learner.n,))
    return mse(learner.model(learner.x[rows]), learner.y[rows])


def weighted(learner):
    weights = torch.linspace(0.5, 1.5, learner.n)[:, None]
    return (weights * (learner.model(learner.x) - learner.y) ** 2).mean()


def smoothed():
    held: list[float] = []

    def shown(_, loss):
        held.append(loss.item() if not held else 0.9 * held[-1] + 0.1 * loss.item())
        return held[-1]

    return shown


def extra(learner):
    squares = (learner.x[:, :1] / learner.x[:, :1].abs().max()) ** 2
    more = torch.zeros(learner.m, 1, requires_grad=True)

    def update(_, loss):
        learner.update(loss)
        with torch.no_grad():
            more.sub_(learner.true_lr * known(more.grad))
            known(more.grad).zero_()

    train(learner, lambda b: mse(b.model(b.x) + squares @ more.t(), b.y), update)


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
    "targets a row off": Mistake("targets", lambda a: changed(a, y=a.y.roll(1, 0)), True),
    "targets in thousands": Mistake("targets", lambda a: changed(a, y=a.y / 1000), True),
    "batches shuffled": Mistake("batches", in_batches(True, "all"), True),
    "last batch shuffled": Mistake("last_batch", in_batches(True, "last"), True),
    "mean of batches shuffled": Mistake("running_mean", in_batches(True, "mean"), True),
    "batches as said": Mistake("right", in_batches(True, "all", said=True), True),
    "last batch as said": Mistake("last_batch", in_batches(True, "last", said=True), True),
    "sign": Mistake("sign", at_rate(lambda a: -a.lr)),
    "bias frozen": Mistake("bias_frozen", lambda a: train(a, update=moving("w"))),
    "no bias": Mistake("bias_frozen", no_bias),
    "weights frozen": Mistake("weights_frozen", lambda a: train(a, update=moving("b"))),
    "sequential": Mistake("sequential", lambda a: train(a, update=sequential)),
    "half of the sum": Mistake(
        "half_sum", lambda a: train(a, lambda b: ((b.model(b.x) - b.y) ** 2).sum() / 2)
    ),
    "half printed": Mistake("printed_loss", lambda a: train(a, shown=lambda _, loss: loss / 2)),
    "any momentum": Mistake("momentum", lambda a: stepped(a, momentum=a.random.uniform(0.1, 0.97))),
    "Nesterov": Mistake("nesterov", lambda a: stepped(a, momentum=0.9, nesterov=True)),
    "any Nesterov": Mistake(
        "nesterov", lambda a: stepped(a, momentum=a.random.uniform(0.1, 0.97), nesterov=True)
    ),
    "Adam": Mistake("optimizer", lambda a: stepped(a, torch.optim.Adam)),
    "signs of the gradient": Mistake("optimizer", lambda a: train(a, update=signs)),
    "weight decay": Mistake("weight_decay", lambda a: stepped(a, weight_decay=0.1)),
    "any weight decay": Mistake("weight_decay", lambda a: stepped(a, weight_decay=a.random.uniform(0.02, 1))),
    "penalty": Mistake("penalty", lambda a: train(a, lambda b: b.loss() + 0.1 * (b.w**2).sum())),
    "rate decay": Mistake("rate_decay", lambda a: scheduled(a, lambda k: 0.95**k)),
    "any rate decay": Mistake("rate_decay", lambda a: scheduled(a, powers(a.random.uniform(0.8, 0.99)))),
    "split": Mistake("split", split),
    "absolute": Mistake("absolute", lambda a: train(a, lambda b: F.l1_loss(b.model(b.x), b.y))),
    "Huber": Mistake("huber", lambda a: train(a, lambda b: F.huber_loss(b.model(b.x), b.y))),
    "broadcast": Mistake("broadcast", lambda a: train(a, update=broadcast), targets=lambda m: m == 1),
    "sum of batches as said": Mistake("running_sum", in_batches(True, "sum", said=True), True),
    "sum of batches in order": Mistake("running_sum", in_batches(False, "sum")),
}

# Loops with a mistake that is not in the table: no verdict on them may be sure.
OUTSIDE = {
    "clipped": lambda a: train(a, update=clipped),
    "dropout": lambda a: train(a, lambda b: mse(b.model(F.dropout(b.x, 0.2)), b.y)),
    "noise on the inputs": lambda a: train(
        a, lambda b: mse(b.model(b.x + 0.1 * b.x.std(0) * torch.randn_like(b.x)), b.y)
    ),
    "a column frozen": lambda a: train(a, update=column_frozen),
    "a rate for the bias": lambda a: train(a, update=bias_faster),
    "a row missing": lambda a: changed(a, x=a.x[1:], y=a.y[1:]),
    "a row twice": lambda a: changed(a, x=torch.cat([a.x, a.x[:1]]), y=torch.cat([a.y, a.y[:1]])),
    "a column left out": lambda a: changed(a, x=a.x * (torch.arange(a.x.shape[1]) > 0)),
    "no negative prediction": lambda a: train(a, lambda b: mse(b.model(b.x).clamp(min=0), b.y)),
    "every second epoch": lambda a: train(a, update=every_second()),
    "cosine": lambda a: scheduled(a, lambda k: 0.5 * (1 + np.cos(np.pi * k / a.epochs))),
    "warm-up": lambda a: scheduled(a, lambda k: min(1.0, (k + 1) / (1 + a.epochs // 2))),
    "step schedule": lambda a: scheduled(a, lambda k: 0.1 ** (2 * k // max(a.epochs, 2))),
    "root of the epoch": lambda a: scheduled(a, lambda k: (k + 1) ** -0.5),
    "rows drawn again": lambda a: train(a, drawn),
    "weights of rows": lambda a: train(a, weighted),
    "fourth power": lambda a: train(a, lambda b: ((b.model(b.x) - b.y).abs() ** 1.5).mean()),
    "smoothed print": lambda a: train(a, shown=smoothed()),
    "dampened": lambda a: stepped(a, momentum=0.9, dampening=0.5),
    "rounded weights": lambda a: train(a, update=rounded),
    "an extra column": lambda a: extra(a),
    "noise on the gradient": lambda a: train(a, update=noisy),
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


FIVE = ("crops5 both", "crops apples", "iphone", "penguins", "random 11")
