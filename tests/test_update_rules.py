"""What a certificate promises of further epochs, for each update rule: kept when it trains on, or not promised."""

import itertools
import math
import multiprocessing
import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from refusals import refused
from torch import nn
from torch.multiprocessing.spawn import start_processes
from torch.utils.data import DataLoader, Dataset, RandomSampler, TensorDataset
from torch.utils.data.distributed import DistributedSampler

import gradline
from gradline.model.certificate import sentences
from gradline.pytorch import fit

RANDOM = torch.Generator().manual_seed(5)
X = torch.randn(64, 2, generator=RANDOM, dtype=torch.float64) * torch.tensor([1.0, 0.4]) + 0.5
Y = (
    X @ torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    + 1
    + 0.1 * torch.randn(64, 1, generator=RANDOM).double()
)
BEST = gradline.fit(X, Y).certificate.loss


def made(dtype=torch.float64):
    torch.manual_seed(0)
    return nn.Linear(2, 1, dtype=dtype)


def batches(size=64, dtype=torch.float64):
    order = torch.Generator().manual_seed(1)
    return DataLoader(TensorDataset(X.to(dtype), Y.to(dtype)), size, shuffle=True, generator=order)


def loss(model):
    with torch.no_grad():
        return float(F.mse_loss(model.double()(X), Y))


def minimised(model, decay):
    """Loss and the penalty that weight decay is: decay/2·‖θ‖², the bias included."""
    theta = torch.cat([parameter.detach().double().reshape(-1) for parameter in model.parameters()])
    return loss(model) + decay / 2 * float(theta @ theta)


def least(decay, x=X, y=Y):
    """The least that their sum can be, by the normal equations."""
    A, b = np.column_stack([x.double(), np.ones(len(x))]), y.double().numpy()
    theta = np.linalg.solve(A.T @ A + decay * len(A) / 2 * np.eye(3), A.T @ b)
    return float(((A @ theta - b) ** 2).mean() + decay / 2 * (theta**2).sum())


def trained(model, opt, epochs=30, rows=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = rows or batches()
        return fit(epochs, model, F.mse_loss, opt, rows, log_every=0, show=lambda _: None).certificate


def further(model, opt, epochs):
    """The plain loop, on from where it stands."""
    for _ in range(epochs):
        opt.zero_grad()
        F.mse_loss(model(X), Y).backward()
        opt.step()


SGD = torch.optim.SGD
PROMISED = {
    "plain": {"lr": 0.1},
    "plain, one direction gone in one step": {"lr": 0.2},
    "momentum": {"lr": 0.02, "momentum": 0.9},
    "momentum of little": {"lr": 0.1, "momentum": 0.3},
    "Nesterov": {"lr": 0.02, "momentum": 0.9, "nesterov": True},
    "Nesterov of little": {"lr": 0.1, "momentum": 0.3, "nesterov": True},
    "weight decay": {"lr": 0.1, "weight_decay": 1e-4},
    "weight decay and momentum": {"lr": 0.05, "momentum": 0.5, "weight_decay": 1e-4},
}


@pytest.mark.parametrize("name", PROMISED)
@pytest.mark.parametrize("epochs", [1, 4, 13])
def test_a_promise_is_kept(name, epochs):
    model = made()
    opt = SGD(model.parameters(), **PROMISED[name])
    certificate = trained(model, opt, epochs)
    left = certificate.epochs_to_loss
    assert left is not None
    assert 1 <= left < math.inf
    decay = PROMISED[name].get("weight_decay", 0.0)
    best = least(decay)
    swings = "momentum" in PROMISED[name]  # whose envelope is promised, so the loss may be there sooner
    further(model, opt, int(left) - 2 if left > 2 and not swings else 0)
    if left > 2 and not swings:
        assert minimised(model, decay) - best > 0.01 * best
    further(model, opt, 2 if left > 2 and not swings else int(left))
    assert minimised(model, decay) - best <= 0.01 * best * (1 + 1e-9)
    further(model, opt, 60)
    assert minimised(model, decay) - best <= 0.01 * best * (1 + 1e-9)


@pytest.mark.parametrize("name", PROMISED)
def test_the_limit_is_that_of_the_rule(name):
    settings = PROMISED[name]
    model = made()
    limit = trained(model, SGD(model.parameters(), **settings)).lr_limit
    assert limit is not None
    for share, is_stable in ((0.999, True), (1.01, False)):
        model = made()
        opt = SGD(model.parameters(), **settings | {"lr": share * limit})
        further(model, opt, 1500)
        assert (loss(model) < 100) == is_stable


def test_weight_decay_is_judged_as_the_penalty_that_it_is():
    model = made()
    opt = SGD(model.parameters(), lr=0.1, weight_decay=0.1)
    certificate = trained(model, opt)
    theta = torch.cat([parameter.detach().reshape(-1) for parameter in model.parameters()])
    assert certificate.penalty == pytest.approx(0.05 * float(theta @ theta), rel=1e-9)
    assert certificate.optimal_loss == pytest.approx(least(0.1), rel=1e-9)
    assert certificate.gap == pytest.approx(minimised(model, 0.1) - least(0.1), rel=1e-6)
    said = " ".join(sentences(certificate))
    assert "this training minimises loss + 0.05·Σw² + 0.05·Σb²" in said
    again = trained(model, opt, 2000)
    assert again.status == "certified"
    assert loss(model) > 1.01 * BEST


class Halved(SGD):
    """A class of its own that inherits."""

    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad.mul_(0.5)
        return super().step(closure)


def clipped(model):
    opt = SGD(model.parameters(), lr=0.1)

    def hook(*_):
        nn.utils.clip_grad_norm_(model.parameters(), 0.05)

    opt.register_step_pre_hook(hook)
    return opt


def stepped(model):
    opt = SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(opt, 10)
    opt.register_step_post_hook(lambda *_: schedule.step())
    return opt


def hooked(model):
    model.weight.register_hook(lambda gradient: 0.3 * gradient)
    return SGD(model.parameters(), lr=0.1)


def averaged(model):
    opt = SGD(model.parameters(), lr=0.1)
    kept = [parameter.detach().clone() for parameter in model.parameters()]

    def pull(*_):
        with torch.no_grad():
            for parameter, mean in zip(model.parameters(), kept, strict=True):
                parameter.lerp_(mean, 0.5)

    opt.register_step_post_hook(pull)
    return opt


NOT_PROMISED = {
    "Adam": (lambda model: torch.optim.Adam(model.parameters(), lr=1e-2), "stopped", "path of Adam"),
    "AdamW": (
        lambda model: torch.optim.AdamW(model.parameters(), lr=1e-2),
        "stopped",
        "Weight decay heads elsewhere",
    ),
    "RMSprop": (lambda model: torch.optim.RMSprop(model.parameters(), lr=1e-2), "stopped", "path of RMSprop"),
    "LBFGS": (lambda model: torch.optim.LBFGS(model.parameters()), "stopped", "path of LBFGS"),
    "LBFGS, one step": (
        lambda model: torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=1),
        "stopped",
        "path of LBFGS",
    ),
    "StepLR": (stepped, "stopped", "lr went from 0.1 to 0.01"),
    "maximize": (lambda model: SGD(model.parameters(), lr=0.1, maximize=True), "diverged", "climbs away"),
    "dampening": (
        lambda model: SGD(model.parameters(), lr=0.02, momentum=0.9, dampening=0.5),
        "stopped",
        "dampening",
    ),
    "clipping": (clipped, "stopped", "did not move as SGD"),
    "a hook on the gradient": (hooked, "stopped", "did not move as SGD"),
    "a hook that pulls back": (averaged, "stopped", "did not move as SGD"),
    "an heir of SGD": (lambda model: Halved(model.parameters(), lr=0.1), "stopped", "path of Halved"),
    "two groups": (
        lambda model: SGD([{"params": [model.weight]}, {"params": [model.bias], "lr": 0.01}], lr=0.1),
        "stopped",
        "2 groups",
    ),
    "Adam, too fast": (
        lambda model: torch.optim.Adam(model.parameters(), lr=1e3),
        "diverged",
        "path of Adam",
    ),
    "Nesterov, too fast": (
        lambda model: SGD(model.parameters(), lr=2.5, momentum=0.9, nesterov=True),
        "diverged",
        "largest stable learning rate",
    ),
}


@pytest.mark.parametrize("name", NOT_PROMISED)
def test_what_has_no_formula_is_told_as_seen(name):
    make, status, word = NOT_PROMISED[name]
    model = made()
    certificate = trained(model, make(model))
    assert certificate.status == status
    assert certificate.epochs == 30
    assert certificate.loss == pytest.approx(loss(model), rel=1e-9)
    said = " ".join(sentences(certificate))
    assert word in said
    assert "From here" not in said
    assert "Ten times" not in said
    if name != "Nesterov, too fast":
        assert (certificate.epochs_to_loss, certificate.epochs_to_weights, certificate.lr_limit) == (
            None,
            None,
            None,
        )
        assert all(direction.half_life is None for direction in certificate.directions)


def test_a_rate_above_that_of_its_rule_is_warned_of():
    model = made()
    opt = SGD(model.parameters(), lr=2.5, momentum=0.9, nesterov=True)
    with pytest.warns(gradline.GradlineWarning, match="largest stable rate") as caught:
        fit(1, model, F.mse_loss, opt, batches(), show=lambda _: None)
    assert getattr(caught[0].message, "code", None) == "rate-above-limit"


def test_a_rate_that_changes_after_the_last_update_promises_nothing():
    model = made()
    opt, updates = SGD(model.parameters(), lr=0.1), []

    def lower(*_):
        updates.append(1)
        opt.param_groups[0]["lr"] = 0.1 if len(updates) < 5 else 0.001

    opt.register_step_post_hook(lower)
    certificate = trained(model, opt, 5)
    assert certificate.lr_limit is None
    assert "after the last update" in " ".join(sentences(certificate))


def every(k, change):
    """A hook that does something to the parameters after every k-th update."""

    def attach(model, opt):
        updates = itertools.count(1)

        def hook(*_):
            with torch.no_grad():
                if next(updates) % k == 0:
                    change(model, opt)

        opt.register_step_post_hook(hook)

    return attach


def halves(model, _):
    model.weight.mul_(0.5)


def forgets(model, opt):
    opt.state[model.weight]["momentum_buffer"].zero_()


def lookahead(k):
    """Zhang, Lucas, Hinton, Ba 2019: slow weights that the fast ones return to."""

    def attach(model, opt):
        slow = [parameter.detach().clone() for parameter in model.parameters()]

        def meet(*_):
            for parameter, mean in zip(model.parameters(), slow, strict=True):
                parameter.copy_(mean.lerp_(parameter, 0.5))

        every(k, meet)(model, opt)

    return attach


def skipped(_, opt):
    updates, step = itertools.count(1), opt.step
    opt.step = lambda *_: None if (update := next(updates)) > 2 and update % 2 == 0 else step()


class Around:
    """A loader of all rows in one batch, which does something before the n-th time that it gives them."""

    batch_size = 64

    def __init__(self, rows, act, when: Callable[[int], bool] = bool):
        self.rows, self.act, self.when, self.times = rows, act, when, itertools.count(1)

    def __len__(self):
        return 1

    def __iter__(self):
        if self.when(next(self.times)):
            with torch.no_grad():
                self.act()
        yield self.rows


UNSEEN = {
    "halved at every 7th update": (every(7, halves), "at update 7 "),
    "halved at every 10th update": (every(10, halves), "at update 10 "),
    "moved by a millionth at every 6th": (
        every(6, lambda model, _: model.bias.mul_(1 + 1e-5)),
        "at update 6 ",
    ),
    "Lookahead, k = 4": (lookahead(4), "at update 4 "),
    "Lookahead, k = 6": (lookahead(6), "at update 6 "),
    "Lookahead, k = 10": (lookahead(10), "at update 10 "),
    "even updates skipped": (skipped, "at update 4 "),
    "a velocity that is forgotten": (every(7, forgets), "at update 7 "),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", UNSEEN)
def test_an_update_of_many_that_differs_promises_nothing(name, dtype):
    attach, when = UNSEEN[name]
    model = made(dtype)
    opt = SGD(model.parameters(), lr=0.05, momentum=0.5 if "velocity" in name else 0.0)
    attach(model, opt)
    certificate = trained(model, opt, 23, batches(dtype=dtype))
    assert (certificate.epochs_to_loss, certificate.epochs_to_weights, certificate.lr_limit) == (None,) * 3
    said = " ".join(sentences(certificate))
    assert "did not move as SGD" in said
    if "update 4 " not in when and "update 10" not in when:  # those are looked at, or others before
        assert when in said


def test_a_loader_that_moves_the_weights_promises_nothing():
    model = made()
    rows = Around((X, Y), lambda: model.weight.mul_(0.99), lambda n: n > 12 and n % 5 == 0)
    certificate = trained(model, SGD(model.parameters(), lr=0.05), 22, rows)
    assert certificate.epochs_to_loss is None
    assert "did not move as SGD" in " ".join(sentences(certificate))


@pytest.mark.parametrize("epochs", [25, 40])
def test_a_schedule_that_the_loader_steps_promises_nothing(epochs):
    model = made()
    opt = SGD(model.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.StepLR(opt, 31)
    certificate = trained(model, opt, epochs, Around((X, Y), schedule.step))
    assert certificate.epochs_to_loss is None
    said = " ".join(sentences(certificate))
    assert (
        "a scheduler was made for this optimiser" if epochs == 25 else "lr went from 0.05 to 0.005"
    ) in said


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", PROMISED)
def test_an_honest_run_is_promised_its_epochs(name, dtype):
    for shift in (0.0, 30.0):
        model, rows = made(dtype), [((X + shift).to(dtype), Y.to(dtype))]
        share = 1.0 if shift == 0 else 1e-3
        opt = SGD(model.parameters(), **PROMISED[name] | {"lr": share * PROMISED[name]["lr"]})
        certificate = trained(model, opt, 150, rows)
        assert "did not move" not in " ".join(certificate.remarks)
        assert shift or certificate.epochs_to_loss is not None


def test_a_hook_that_has_done_nothing_yet_is_told():
    model = made()
    opt = SGD(model.parameters(), lr=0.05)
    lookahead(40)(model, opt)
    certificate = trained(model, opt, 30)
    assert certificate.epochs_to_loss is not None
    assert "These epochs hold while the hooks on the optimiser change nothing" in " ".join(
        sentences(certificate)
    )


FEW_DIGITS = {
    "float32, lr 1e-11": (torch.float32, {"lr": 1e-11}),
    "float64, lr 1e-19": (torch.float64, {"lr": 1e-19}),
    "bfloat16": (torch.bfloat16, {"lr": 0.05}),
    "bfloat16, momentum": (torch.bfloat16, {"lr": 0.01, "momentum": 0.5}),
    "float16": (torch.float16, {"lr": 0.005}),
    "float16, Nesterov and weight decay": (
        torch.float16,
        {"lr": 1e-3, "momentum": 0.5, "nesterov": True, "weight_decay": 1e-6},
    ),
}


@pytest.mark.parametrize("name", FEW_DIGITS)
def test_a_type_that_cannot_go_the_way_is_promised_nothing(name):
    dtype, settings = FEW_DIGITS[name]
    model = made(dtype)
    opt = SGD(model.parameters(), **settings)
    certificate = trained(model, opt, 50, batches(dtype=dtype))
    assert (certificate.epochs_to_loss, certificate.epochs_to_weights, certificate.lr_limit) == (None,) * 3
    assert all(direction.half_life is None for direction in certificate.directions)
    said = " ".join(sentences(certificate))
    assert f"No epochs are promised: {name.split(',')[0]} rounds the " in said
    assert "Mini-batches" not in said
    x, y = (
        X.to(dtype),
        Y.to(dtype),
    )  # and it does not get there: in 1,500 epochs, or as nothing moves any more
    before = [parameter.detach().clone() for parameter in model.parameters()]
    for _ in range(1500 if settings["lr"] > 1e-9 else 5):
        opt.zero_grad()
        F.mse_loss(model(x), y).backward()
        opt.step()
    stays = all(torch.equal(*pair) for pair in zip(before, model.parameters(), strict=True))
    best = gradline.fit(x, y).certificate.loss
    with torch.no_grad():
        end = float(((x.double() @ model.weight.double().T + model.bias.double() - y.double()) ** 2).mean())
    assert stays or end > 1.01 * best


@pytest.mark.parametrize("epochs", [1, 13, 60])
@pytest.mark.parametrize("name", PROMISED)
def test_a_promise_in_float32_is_kept(name, epochs):
    model = made(torch.float32)
    x, y = X.float(), Y.float()
    opt = SGD(model.parameters(), **PROMISED[name])
    left = trained(model, opt, epochs, batches(dtype=torch.float32)).epochs_to_loss
    assert left is not None
    decay = PROMISED[name].get("weight_decay", 0.0)
    best = least(decay, x, y)
    for _ in range(int(left)):
        opt.zero_grad()
        F.mse_loss(model(x), y).backward()
        opt.step()
    with torch.no_grad():
        w, b = model.weight.double(), model.bias.double()
        end = float(((x.double() @ w.T + b - y.double()) ** 2).mean() + decay / 2 * (w @ w.T + b * b))
    assert end - best <= 0.0101 * best


def test_the_slowest_error_is_promised_no_more_than_the_type_can_tell():
    """The loss is near its least; a thousandth of what is left of the weights' errors is below what float32 holds."""
    model = made(torch.float32)
    certificate = trained(model, SGD(model.parameters(), lr=0.2), 120, batches(dtype=torch.float32))
    assert certificate.epochs_to_loss == 0
    assert certificate.epochs_to_weights is None
    assert certificate.lr_limit is not None
    said = " ".join(sentences(certificate))
    assert "The loss is within 1 % of the best possible. The largest stable learning rate" in said
    assert "No time is promised for the slowest error: float32 rounds the " in said
    assert "Mini-batches" not in said


class Doubling(nn.Module):
    """Changes its input."""

    def __init__(self):
        super().__init__()
        self.linear = made()

    def forward(self, x):
        return self.linear(x.mul_(2))


def test_a_model_that_changes_its_inputs_is_refused():
    model = Doubling()
    with refused("inputs-changed", "Doubling"):
        fit(1, model, F.mse_loss, SGD(model.parameters(), lr=0.1), batches())


class Alone(nn.Module):
    """One column that is no row: x (n,) and y (n,)."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(0.5, dtype=torch.float64))
        self.b = nn.Parameter(torch.tensor(0.1, dtype=torch.float64))

    def forward(self, x):
        return self.w * x + self.b


@pytest.mark.parametrize("shape", [(64,), (64, 1), (64, 1, 1)])
def test_rows_may_have_any_shape(shape):
    model = Alone()
    x, y = X[:, 0].reshape(shape), Y[:, 0].reshape(shape)
    rows = DataLoader(TensorDataset(x, y), 64)
    if len(shape) == 3:  # three axes of outputs are no targets
        with pytest.raises(gradline.GradlineError):
            trained(model, SGD(model.parameters(), lr=0.1), 20, rows)
        return
    certificate = trained(model, SGD(model.parameters(), lr=0.1), 20, rows)
    with torch.no_grad():
        assert certificate.loss == pytest.approx(float(F.mse_loss(model(x), y)), rel=1e-12)
    assert certificate.epochs_to_loss is not None


class Noisy(Dataset):
    """Other rows every time."""

    def __len__(self):
        return 64

    def __getitem__(self, i):
        return X[i] + 0.1 * torch.randn(2).double(), Y[i]


def test_rows_that_change_promise_nothing():
    model = made()
    opt = SGD(model.parameters(), lr=0.1)
    certificate = trained(model, opt, rows=DataLoader(Noisy(), 64))
    assert certificate.epochs_to_loss is None
    assert "not those that it gave before" in " ".join(sentences(certificate))


class Standardised(nn.Module):
    """Its parameters are not the weight and bias of the columns."""

    def __init__(self):
        super().__init__()
        self.linear = made()

    def forward(self, x):
        return self.linear((x - X.mean(0)) / X.std(0))


def test_other_parameters_than_weight_and_bias_promise_nothing():
    model = Standardised()
    certificate = trained(model, SGD(model.parameters(), lr=0.1), 3)
    assert certificate.status == "stopped"
    assert certificate.epochs_to_loss is None
    assert "not weight and bias themselves" in " ".join(sentences(certificate))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_mini_batches_know_their_limit_and_promise_nothing(dtype):
    model = made(dtype)
    opt = SGD(model.parameters(), lr=0.05)
    certificate = trained(model, opt, rows=batches(4, dtype))
    assert certificate.epochs_to_loss is None
    assert certificate.lr_limit == pytest.approx(
        gradline.Trajectory(gradline.Moments.of(X, Y), 0.1).lr_limit, rel=1e-5
    )
    assert "Batches of 4 rows bear an lr below" in " ".join(sentences(certificate))
    model = made(dtype)
    opt = SGD(model.parameters(), lr=0.5)
    with pytest.warns(gradline.GradlineWarning, match="mean-square limit for batches of 1"):
        fit(1, model, F.mse_loss, opt, batches(1, dtype), show=lambda _: None)


def test_updates_are_counted_and_not_assumed():
    """A loader that calls its batches 64 rows, and gives the rows in two."""
    halves = [(X[:32], Y[:32]), (X[32:], Y[32:])]
    model = made()
    assert trained(model, SGD(model.parameters(), lr=0.1), rows=halves).epochs_to_loss is None
    model = made()
    assert trained(model, SGD(model.parameters(), lr=0.1), rows=[(X, Y)]).epochs_to_loss is not None
    dataset = TensorDataset(X, Y)
    twice = DataLoader(
        dataset, 64, sampler=RandomSampler(dataset, num_samples=128)
    )  # two whole batches an epoch
    model = made()
    assert trained(model, SGD(model.parameters(), lr=0.1), rows=twice).epochs_to_loss is None


def test_nothing_takes_no_epochs():
    """At the best rate of one direction, all is done in one step."""
    x, y = torch.tensor([[1.0], [-1.0]]).double(), torch.tensor([[2.0], [1.0]]).double()
    model = nn.Linear(1, 1, dtype=torch.float64)
    opt = SGD(model.parameters(), lr=0.5)
    found = trained(model, opt, 0, DataLoader(TensorDataset(x, y), 2))
    assert (found.epochs_to_loss, found.epochs_to_weights) == (None, None)  # nothing was trained
    path = gradline.Trajectory(gradline.Moments.of(x, y), 0.5, init=(model.weight, model.bias))
    assert path.epochs_to_weights() == 1
    assert path.epochs_to_loss() in (1, math.inf)
    solver = gradline.GradientDescent(lr=0.5, epochs=0)
    for line in sentences(gradline.fit(x, y, solver=solver).certificate):
        assert " 0 epochs" not in line


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_no_numbers_have_diverged(value):
    model = made()
    with torch.no_grad():
        model.weight.fill_(value)
    certificate = trained(model, torch.optim.Adam(model.parameters()), 2)
    assert certificate.status == "diverged"
    assert certificate.epochs_to_loss is None
    assert sentences(certificate)[0].startswith("Diverged")


@pytest.mark.parametrize(
    "solver",
    [
        gradline.GradientDescent(lr=2.0, epochs=5),
        gradline.GradientDescent(lr=3.0, epochs=5, momentum=0.5),
        gradline.SGD(lr=2.0, epochs=2, batch_size=8),
        gradline.SGD(lr=2.0, epochs=2, batch_size=64),
    ],
)
def test_a_solver_that_was_forced_has_diverged(solver):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert gradline.fit(X, Y, solver=solver, force=True).certificate.status == "diverged"


# DistributedDataParallel.


def ranked(rank, folder):
    """One of two processes."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.set_num_threads(1)
    try:
        for shared in (True, False):
            model = nn.parallel.DistributedDataParallel(made())
            opt = SGD(model.parameters(), lr=0.1)
            own = TensorDataset(X[rank::2], Y[rank::2])
            rows: Any = DataLoader(own, 32)
            if shared:
                dataset = TensorDataset(X, Y)
                rows = DataLoader(dataset, 32, sampler=DistributedSampler(dataset, 2, rank))
            certificate = fit(20, model, F.mse_loss, opt, rows, log_every=0, show=lambda _: None).certificate
            parts = (certificate.loss, certificate.epochs_to_loss, " ".join(sentences(certificate)))
            torch.save((*parts, model.module.state_dict()), f"{folder}/{rank}-{shared}.pt")
    finally:
        dist.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What both processes found, in files: forked from one that has loaded this file."""
    folder = tmp_path_factory.mktemp("ranks")
    multiprocessing.set_forkserver_preload([__name__])
    start_processes(ranked, (str(folder),), nprocs=2, start_method="forkserver")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False])
def test_two_processes_judge_all_rows_or_say_whose(ranks, shared):
    alone = made()
    opt = SGD(alone.parameters(), lr=0.1)
    expected = trained(alone, opt, 20)
    for rank in (0, 1):
        found, left, said, state = torch.load(ranks / f"{rank}-{shared}.pt")
        model = made()
        model.load_state_dict(state)
        np.testing.assert_allclose(state["weight"], alone.weight.detach(), rtol=1e-12)
        if shared:
            assert found == pytest.approx(loss(model), rel=1e-9)
            assert left == expected.epochs_to_loss
        else:
            with torch.no_grad():
                own = float(F.mse_loss(model(X[rank::2]), Y[rank::2]))
            assert found == pytest.approx(own, rel=1e-9)
            assert left is None
            assert "This rank's rows alone are judged, one of 2 ranks" in said
