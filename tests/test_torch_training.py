"""What a learner's loop minimises, found by asking it; schedulers, clipping, validation and early stopping."""

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from known import known
from refusals import refused
from torch import nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

import gradline
from gradline.model.certificate import Certificate, sentences
from gradline.pytorch import fit
from gradline.pytorch.asked_loss import AskedLoss, asked_loss
from gradline.solvers.losses import SQUARED, Absolute, Huber, Loss, Quantile

RANDOM = np.random.default_rng(11)
X = RANDOM.standard_normal((48, 2)) * [1.0, 0.5] + 0.4
Y = X @ [[1.0, -0.5], [2.0, 0.3]] + [1.0, -2.0] + 0.3 * RANDOM.standard_t(3, (48, 2))
INPUTS, TARGETS = torch.tensor(X), torch.tensor(Y)
HELD = TensorDataset(torch.tensor(X[:16] + 0.3), torch.tensor(Y[:16][::-1].copy() * 0.2 + 0.7))
QUIET: dict[str, Any] = {"log_every": 0, "show": lambda _: None}


def made() -> nn.Linear:
    """A layer from a fixed start."""
    torch.manual_seed(3)
    return nn.Linear(2, 2, dtype=torch.float64)


def whole() -> DataLoader:
    """All rows in one batch."""
    return DataLoader(TensorDataset(INPUTS, TARGETS), 48)


def batches() -> DataLoader:
    """Batches of seven rows, the last of six."""
    order = torch.Generator().manual_seed(2)
    return DataLoader(TensorDataset(INPUTS, TARGETS), 7, shuffle=True, generator=order)


def pinball(share: float) -> Any:
    return lambda a, b: torch.maximum(share * (b - a), (share - 1) * (b - a)).mean()


# The loss function as a learner writes it, and what it is: times the mean, or the sum, of a loss.
ASKED: dict[str, tuple[Any, Loss, float, bool]] = {
    "mse": (F.mse_loss, SQUARED, 1.0, False),
    "half": (lambda a, b: 0.5 * ((a - b) ** 2).mean(), SQUARED, 0.5, False),
    "sum": (nn.MSELoss(reduction="sum"), SQUARED, 1.0, True),
    "half a sum": (lambda a, b: ((a - b) ** 2).sum() / 2, SQUARED, 0.5, True),
    "mean of rows": (lambda a, b: ((a - b) ** 2).sum(dim=1).mean(), SQUARED, 2.0, False),
    "in float32": (lambda a, b: F.mse_loss(a.float(), b.float()).double(), SQUARED, 1.0, False),
    "absolute": (nn.L1Loss(), Absolute(), 1.0, False),
    "absolute, sum": (nn.L1Loss(reduction="sum"), Absolute(), 1.0, True),
    "Huber": (nn.HuberLoss(delta=0.4), Huber(0.4), 1.0, False),
    "Huber, sum": (nn.HuberLoss(delta=7.0, reduction="sum"), Huber(7.0), 1.0, True),
    "smooth L1": (nn.SmoothL1Loss(beta=0.25), Huber(0.25), 4.0, False),  # Huber over beta
    "smooth L1 without a parabola": (nn.SmoothL1Loss(beta=0.0), Absolute(), 1.0, False),
    "pinball": (pinball(0.9), Quantile(0.9), 1.0, False),
}


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("targets", [1, 2])
def test_a_loss_function_is_known_by_what_it_computes(name: str, targets: int) -> None:
    loss_fn, loss, scale, is_sum = ASKED[name]
    scale = scale * targets / 2 if name == "mean of rows" else scale
    found = asked_loss(loss_fn, TARGETS[:5, :targets] + 0.1, TARGETS[:5, :targets])
    assert (found.loss.params() | {"kind": type(found.loss)}, found.is_sum) == (
        loss.params() | {"kind": type(loss)},
        is_sum,
    )
    assert found.scale == pytest.approx(scale, rel=1e-6)
    # By definition: its value is so many times the mean.
    y, eta = Y[:, :targets], Y[::-1, :targets]
    own = float(loss_fn(torch.tensor(eta.copy()), torch.tensor(y)))
    assert own == pytest.approx(found.times(len(y), targets) * loss.value(y, eta).mean(), rel=1e-6)


@pytest.mark.parametrize("size", [1e-12, 1e12])
def test_a_kink_is_found_however_small_or_large(size: float) -> None:
    found = asked_loss(nn.HuberLoss(delta=size), TARGETS + 1, TARGETS)
    assert found == AskedLoss(Huber(size))


def ends(loss_fn: Any, opt: Any, epochs: int = 30, rows: Any = None, **options: Any) -> Certificate:
    model = made()
    return fit(epochs, model, loss_fn, opt(model), rows or whole(), **QUIET | options).certificate


@pytest.mark.parametrize("name", ["half", "sum", "mean of rows", "half a sum"])
@pytest.mark.parametrize("momentum", [0.0, 0.6])
@pytest.mark.parametrize("decay", [0.0, 0.02])
def test_a_multiple_of_the_loss_at_a_rate_as_many_times_smaller_is_the_same_training(
    name: str, momentum: float, decay: float
) -> None:
    """k·L at lr/k with weight decay k·wd takes the steps of L at lr with wd."""
    loss_fn, _, scale, is_sum = ASKED[name]
    k = scale * (96 if is_sum else 1)

    def opt(times: float) -> Any:
        return lambda model: torch.optim.SGD(
            model.parameters(), lr=0.1 / times, momentum=momentum, weight_decay=decay * times
        )

    mean, multiple = ends(F.mse_loss, opt(1.0)), ends(loss_fn, opt(k))
    assert multiple.status == mean.status == "stopped"
    for field in ("loss", "gap", "optimal_loss", "epochs_to_loss", "epochs_to_weights"):
        assert getattr(multiple, field) == pytest.approx(getattr(mean, field), rel=1e-8), field
    assert (multiple.lr_limit or 0) * k == pytest.approx(mean.lr_limit, rel=1e-12)
    assert multiple.epochs_to_loss is not None
    said = " ".join(sentences(multiple))
    assert ("sum over rows" if is_sum else f"{scale:g} times the mean squared error") in said


def test_the_limit_told_is_that_of_ones_own_loss() -> None:
    opt = torch.optim.SGD
    model = made()
    limit = ends(ASKED["sum"][0], lambda model: opt(model.parameters(), lr=1e-4)).lr_limit or 0.0
    with refused("rate-unstable", f"{limit:.3g}".replace("e-0", "e-"), "96"):
        fit(1, model, ASKED["sum"][0], opt(model.parameters(), lr=1.001 * limit), whole(), **QUIET)


@pytest.mark.parametrize("name", ["absolute", "Huber", "smooth L1", "pinball", "Huber, sum"])
def test_another_loss_is_judged_as_that_loss(name: str) -> None:
    """The certificate says how far the loss is above the least one, which is that of `gradline.fit`."""
    loss_fn, loss, scale, is_sum = ASKED[name]
    model, k = made(), scale * (96 if is_sum else 1)
    best = gradline.fit(X, Y, loss=loss).certificate.loss
    trained = fit(40, model, loss_fn, torch.optim.SGD(model.parameters(), lr=0.1 / k), whole(), **QUIET)
    with torch.no_grad():
        own = loss.value(Y, model(INPUTS).numpy()).mean()
    certificate = trained.certificate
    assert certificate.status == "stopped"
    assert certificate.epochs == 40
    assert certificate.loss == pytest.approx(own, rel=1e-12)
    assert own - best <= certificate.gap * (1 + 1e-9)
    assert certificate.gap == pytest.approx(own - best, rel=1e-6)
    assert certificate.loss_name == loss.params()["loss"]
    assert "no formula foretells" in " ".join(sentences(certificate))
    assert trained.history[-1].loss == pytest.approx(own, rel=1e-12)


def test_a_huber_loss_at_its_best_is_certified() -> None:
    best, model = gradline.fit(X, Y, loss=Huber(0.4)), made()
    with torch.no_grad():
        model.weight.copy_(torch.tensor(best.weight))
        model.bias.copy_(torch.tensor(best.bias))
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    assert fit(0, model, nn.HuberLoss(delta=0.4), opt, whole(), **QUIET).certificate.status == "certified"


def test_a_loss_that_ran_away_has_diverged() -> None:
    found = ends(nn.L1Loss(), lambda model: torch.optim.SGD(model.parameters(), lr=1e3))
    assert found.status == "diverged"
    assert found.loss > found.optimal_loss
    nothing = ends(nn.HuberLoss(), lambda model: torch.optim.SGD(model.parameters(), lr=math.inf), 2)
    assert (nothing.status, nothing.loss) == ("diverged", math.inf)
    assert nothing.optimal_loss == pytest.approx(
        gradline.fit(X, Y, loss=Huber(1.0)).certificate.loss, rel=1e-6
    )


# Weight decay.


def groups(model: nn.Linear, weight: float, bias: float, **options: Any) -> Any:
    """Each parameter with a decay of its own."""
    return [
        {"params": [model.weight], "weight_decay": weight, **options},
        {"params": [model.bias], "weight_decay": bias, **options},
    ]


def ridge(weight: float, bias: float, rows: int = 48) -> tuple[np.ndarray, float]:
    """θ (3, 2) with the bias on top, of the least mean of squares + weight/2·Σw² + bias/2·Σb², and that least."""
    A, half = np.column_stack([np.ones(rows), X[:rows]]), np.diag([bias, weight, weight]) / 2
    theta = np.linalg.solve(A.T @ A / (2 * rows) + half, A.T @ Y[:rows] / (2 * rows))
    return theta, float(((A @ theta - Y[:rows]) ** 2).mean() + np.trace(theta.T @ half @ theta))


COUPLED = {
    "SGD": lambda model: torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.5, weight_decay=0.1),
    "bias left free": lambda model: torch.optim.SGD(groups(model, 0.1, 0.0), lr=0.3, momentum=0.5),
    "each its own": lambda model: torch.optim.SGD(groups(model, 0.1, 0.02), lr=0.3, momentum=0.5),
    "Adam": lambda model: torch.optim.Adam(model.parameters(), lr=0.03, weight_decay=0.1),
    "NAdam": lambda model: torch.optim.NAdam(model.parameters(), lr=0.03, weight_decay=0.1),
    "RMSprop": lambda model: torch.optim.RMSprop(model.parameters(), lr=1e-2, weight_decay=0.1),
}
DECAYS = {"bias left free": (0.1, 0.0), "each its own": (0.1, 0.02)}


@pytest.mark.parametrize("name", COUPLED)
def test_weight_decay_in_the_gradient_leads_where_its_penalty_says(name: str) -> None:
    model = made()
    opt, (weight, bias) = COUPLED[name](model), DECAYS.get(name, (0.1, 0.1))
    theta, least = ridge(weight, bias)
    early = fit(4, model, F.mse_loss, opt, whole(), **QUIET).certificate
    assert early.status == "stopped"
    assert early.optimal_loss == pytest.approx(least, rel=1e-9)
    found = np.vstack([model.bias.detach(), model.weight.detach().T])
    off = np.abs(np.vstack([early.bias_error, np.transpose(early.weight_error)]))
    assert (np.abs(found - theta) <= off * (1 + 1e-9)).all()
    late = fit(600, model, F.mse_loss, opt, whole(), **QUIET).certificate
    assert late.gap < (2e-3 if name == "RMSprop" else 1e-9)  # of a constant rate RMSprop keeps swinging
    assert late.gap < early.gap
    words = "" if bias == 0 else f" + {bias / 2:g}·Σb²"
    assert f"minimises loss + 0.05·Σw²{words} (" in " ".join(sentences(late))


def test_weight_decay_with_a_huber_loss() -> None:
    model = made()
    opt = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.5, weight_decay=0.05)
    certificate = fit(800, model, nn.HuberLoss(delta=0.4), opt, whole(), **QUIET).certificate
    assert certificate.status == "certified"
    # Definition: no step away from it has a smaller sum.
    parameters = [parameter.detach().clone() for parameter in model.parameters()]

    def total(weight: torch.Tensor, bias: torch.Tensor) -> float:
        loss = F.huber_loss(F.linear(INPUTS, weight, bias), TARGETS, delta=0.4)
        return float(loss + 0.025 * ((weight**2).sum() + (bias**2).sum()))

    here = total(*parameters)
    assert certificate.loss + (certificate.penalty or 0) == pytest.approx(here, rel=1e-12)
    for sign in (-1e-4, 1e-4):
        assert total(parameters[0] + sign, parameters[1]) > here
        assert total(parameters[0], parameters[1] + sign) > here


UNCOUPLED = {
    "AdamW": lambda model: torch.optim.AdamW(model.parameters(), lr=1e-2),
    "Adam, decoupled": lambda model: torch.optim.Adam(
        model.parameters(), lr=1e-2, weight_decay=0.1, decoupled_weight_decay=True
    ),
    "ASGD": lambda model: torch.optim.ASGD(model.parameters(), lr=1e-2, weight_decay=0.1),
    "bias alone": lambda model: torch.optim.SGD(groups(model, 0.0, 0.1), lr=1e-2),
}


@pytest.mark.parametrize("name", UNCOUPLED)
def test_decay_that_is_no_penalty_is_told_and_the_loss_alone_is_judged(name: str) -> None:
    certificate = ends(F.mse_loss, UNCOUPLED[name])
    assert certificate.penalty is None
    assert certificate.optimal_loss == pytest.approx(gradline.fit(X, Y).certificate.loss, rel=1e-9)
    said = " ".join(sentences(certificate))
    assert "the loss alone is judged" in said
    assert ("no sum of a loss and a penalty" in said) == ("Adam" in name)


def test_decay_beside_an_absolute_loss_is_told() -> None:
    certificate = ends(
        nn.L1Loss(), lambda model: torch.optim.SGD(model.parameters(), lr=1e-2, weight_decay=0.1)
    )
    assert certificate.penalty is None
    assert "the loss alone is judged" in " ".join(sentences(certificate))


# The loop.


def plain(
    epochs: int, model: Any, loss_fn: Any, opt: Any, rows: Any, after_epoch: Any = None, clip: Any = None
) -> list[float]:
    """The tutorials' loop, with what PyTorch's pages add to it; the rates of the epochs."""
    rates = []
    for _ in range(epochs):
        rates.append(opt.param_groups[0]["lr"])
        for xb, yb in rows:
            loss_fn(model(xb), yb).backward()
            if clip is not None:
                clip(model.parameters())
            opt.step()
            opt.zero_grad()
        if after_epoch is not None:
            after_epoch(model)
    return rates


SCHEDULERS = {
    "StepLR": lambda opt: lr_scheduler.StepLR(opt, 3, 0.5),
    "CosineAnnealingLR": lambda opt: lr_scheduler.CosineAnnealingLR(opt, 12),
    "LambdaLR": lambda opt: lr_scheduler.LambdaLR(opt, lambda epoch: 1 / (1 + epoch)),
    "a sequence": lambda opt: lr_scheduler.SequentialLR(
        opt, [lr_scheduler.LinearLR(opt, 0.1, 1.0, 4), lr_scheduler.ExponentialLR(opt, 0.9)], [4]
    ),
}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers_step_after_each_epoch(name: str) -> None:
    ours, theirs = made(), made()
    opts = [torch.optim.SGD(model.parameters(), lr=0.1) for model in (ours, theirs)]
    first, second = (SCHEDULERS[name](opt) for opt in opts)
    certificate = fit(12, ours, F.mse_loss, opts[0], batches(), scheduler=first, **QUIET).certificate
    rates = plain(12, theirs, F.mse_loss, opts[1], batches(), lambda _: second.step())
    assert len(set(rates)) > 2
    assert opts[0].param_groups[0]["lr"] == opts[1].param_groups[0]["lr"]
    for name_, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name_], value, rtol=0, atol=0)
    assert certificate.epochs_to_loss is None


def test_several_schedulers_and_one_by_batches() -> None:
    ours, theirs = made(), made()
    opts = [torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5) for model in (ours, theirs)]
    pairs = [(lr_scheduler.OneCycleLR(opt, 0.2, 70), lr_scheduler.StepLR(opt, 4, 0.5)) for opt in opts]
    fit(10, ours, F.mse_loss, opts[0], batches(), scheduler=pairs[0], **QUIET)
    for _ in range(10):
        for xb, yb in (rows := iter(batches_of(theirs))):
            F.mse_loss(theirs(xb), yb).backward()
            opts[1].step()
            opts[1].zero_grad()
            pairs[1][0].step()
        assert next(rows, None) is None
        pairs[1][1].step()
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=0, atol=0)


_LOADERS: dict[int, DataLoader] = {}


def batches_of(model: Any) -> DataLoader:
    """One loader for all epochs of a loop, whose order goes on."""
    return _LOADERS.setdefault(id(model), batches())


def test_a_scheduler_that_is_over_says_so() -> None:
    model = made()
    opt = torch.optim.SGD(model.parameters(), lr=0.1)
    cycle = lr_scheduler.OneCycleLR(opt, 0.2, total_steps=10)
    with refused("scheduler-fails", "OneCycleLR"):
        fit(10, model, F.mse_loss, opt, batches(), scheduler=cycle, **QUIET)


@pytest.mark.parametrize("name", ["mse", "sum"])
def test_a_plateau_is_judged_by_the_validation_loss(name: str) -> None:
    loss_fn, _, _, is_sum = ASKED[name]
    lr = 0.1 / (14 if is_sum else 1)
    ours, theirs = made(), made()
    opts = [torch.optim.SGD(model.parameters(), lr=lr) for model in (ours, theirs)]
    first, second = (lr_scheduler.ReduceLROnPlateau(opt, factor=0.5, patience=1) for opt in opts)
    held = HELD.tensors

    def lower(model: Any) -> None:
        with torch.no_grad():
            second.step(float(loss_fn(model(held[0]), held[1])))

    fit(15, ours, loss_fn, opts[0], batches(), DataLoader(HELD, 5), scheduler=first, **QUIET)
    assert len(set(plain(15, theirs, loss_fn, opts[1], batches(), lower))) > 1
    assert first.num_bad_epochs == second.num_bad_epochs
    assert float(first.best) == pytest.approx(float(second.best), rel=1e-12)
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("options", "clip"),
    [
        ({"max_norm": 0.3}, lambda own: nn.utils.clip_grad_norm_(own, 0.3)),
        ({"clip_value": 0.1}, lambda own: nn.utils.clip_grad_value_(own, 0.1)),
    ],
)
def test_gradients_are_clipped_as_pytorch_clips_them(options: dict[str, Any], clip: Any) -> None:
    ours, theirs = made(), made()
    opts = [torch.optim.SGD(model.parameters(), lr=0.1) for model in (ours, theirs)]
    fit(5, ours, F.mse_loss, opts[0], batches(), **QUIET | options)
    plain(5, theirs, F.mse_loss, opts[1], batches(), clip=lambda parameters: clip(list(parameters)))
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["mse", "sum", "absolute", "Huber"])
def test_the_history_has_both_losses_of_all_rows_after_each_epoch(name: str) -> None:
    loss_fn, loss, _, is_sum = ASKED[name]
    ours, theirs = made(), made()
    opts = [torch.optim.SGD(model.parameters(), lr=0.05 / (14 if is_sum else 1)) for model in (ours, theirs)]
    told: list[tuple[float, float]] = []

    def note(model: Any) -> None:
        with torch.no_grad():
            pairs = ((INPUTS, TARGETS), HELD.tensors)
            told.append(tuple(float(loss.value(y.numpy(), model(x).numpy()).mean()) for x, y in pairs))  # type: ignore[arg-type]

    lines: list[str] = []
    trained = fit(6, ours, loss_fn, opts[0], batches(), DataLoader(HELD, 5), log_every=3, show=lines.append)
    note(theirs)
    plain(6, theirs, loss_fn, opts[1], batches(), note)
    assert [record.epoch for record in trained.history] == list(range(7))
    np.testing.assert_allclose([(one.loss, known(one.holdout)) for one in trained.history], told, rtol=1e-11)
    assert trained.best_epoch == int(np.argmin([held for _, held in told]))
    assert lines[0] == f"Epoch [3/6], Loss: {told[3][0]:.4f}, validation: {told[3][1]:.4f}"


def test_early_stopping_leaves_the_last_weights_or_the_best() -> None:
    """The validation rows disagree with the others, so their loss turns round."""
    held = DataLoader(HELD, 16)

    def run(**options: Any) -> Any:
        model = made()
        opt = torch.optim.SGD(model.parameters(), lr=0.05)
        found = fit(300, model, F.mse_loss, opt, whole(), held, **QUIET | options)
        with torch.no_grad():
            return found, float(F.mse_loss(model(HELD.tensors[0]), HELD.tensors[1]))

    all_of_them, _ = run()
    losses = [known(record.holdout) for record in all_of_them.history]
    best = int(np.argmin(losses))
    assert 0 < best < 250
    last, end = run(stop_after=7)
    assert (last.best_epoch, last.history[-1].epoch, last.certificate.epochs) == (best, best + 7, best + 7)
    assert end == pytest.approx(losses[best + 7], rel=1e-10)
    assert last.certificate.remarks[0].startswith(f"Stopped early after epoch {best + 7}: for 7 epochs")
    kept, end = run(stop_after=7, keep_best=True)
    assert end == pytest.approx(losses[best], rel=1e-10)
    assert kept.certificate.epochs == best
    assert kept.certificate.loss == pytest.approx(all_of_them.history[best].loss, rel=1e-10)
    assert f"the weights are those of epoch {best}" in " ".join(sentences(kept.certificate))
    to_the_end, end = run(keep_best=True)
    assert end == pytest.approx(losses[best], rel=1e-10)
    assert to_the_end.history[-1].epoch == 300
    loose, _ = run(stop_after=7, stop_tolerance=0.05)
    assert loose.history[-1].epoch < best + 7


def test_a_long_history_is_thinned() -> None:
    model = made()
    opt = torch.optim.SGD(model.parameters(), lr=0.05)
    history = fit(1100, model, F.mse_loss, opt, whole(), **QUIET).history
    assert len(history) <= 1001
    assert history[-1].epoch == 1100
