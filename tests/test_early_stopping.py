"""Early stopping read as a penalty: by the definitions of degrees of freedom, of ridge and of expected error."""

import json
from typing import Any

import numpy as np
import pytest
from commands import command
from refusals import refused

from gradline import Moments, Trajectory
from gradline.solvers.penalties import ElasticNet
from gradline.solvers.schedules import Cosine

RANDOM = np.random.default_rng(4)
X = RANDOM.standard_normal((20, 3)) * [1.0, 0.4, 0.1] @ [[1, 0.5, 0], [0, 1, 0.5], [0, 0, 1]] + [
    0.3,
    -0.2,
    0.0,
]
CENTRED = X - X.mean(axis=0)
Y = X @ [[1.0, 0.0], [0.5, -1.0], [2.0, 1.0]] + 0.5 * RANDOM.standard_normal((20, 2))

RULES: dict[str, dict[str, Any]] = {
    "plain": {"lr": 0.3},
    "no bias": {"lr": 0.3, "bias": False},
    "momentum": {"lr": 0.1, "momentum": 0.6},
    "Nesterov": {"lr": 0.1, "momentum": 0.6, "nesterov": True},
    "dampening": {"lr": 0.1, "momentum": 0.6, "dampening": 0.3},
    "weight decay": {"lr": 0.2, "weight_decay": 0.2},
    "ridge": {"lr": 0.2, "penalty": ElasticNet(0.3)},
    "a schedule": {"lr": Cosine(0.3, epochs=40)},
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("epoch", [0, 1, 7, 40])
def test_degrees_of_freedom_are_how_far_predictions_move_with_their_own_targets(
    name: str, epoch: int
) -> None:
    """The trace of the matrix that makes predictions of targets, one column of it from each unit vector."""
    settings: dict[str, Any] = RULES[name]
    moments = Moments.of(X, np.eye(20))  # a target for each row, which together have their mean loss
    start: dict[str, Any] = {"init": (np.zeros((20, 3)), np.zeros(20))}
    settings = {**settings, **start}
    # With m targets every curvature is a m-th, so the rate is m times as large, and penalties a m-th.
    lr = settings["lr"]
    settings["lr"] = Cosine(20 * lr.lr, epochs=40) if isinstance(lr, Cosine) else 20 * lr
    settings |= {"weight_decay": settings.get("weight_decay", 0.0) / 20}
    if "penalty" in settings:
        settings["penalty"] = settings["penalty"].times(1 / 20)
    point = Trajectory(moments, **settings).at(epoch)
    hat = X @ point.weight.T + point.bias
    found = Trajectory(Moments.of(X, Y[:, 0]), **RULES[name]).freedom(epoch)
    assert found == pytest.approx(float(np.trace(hat)), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("epoch", [3, 30, 300, 3000])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_the_ridge_of_as_many_degrees_of_freedom(bias: bool, epoch: int, momentum: float) -> None:
    path = Trajectory(Moments.of(X, Y), 0.4, momentum, bias=bias)
    found = path.as_ridge(epoch)
    ones = np.ones((20, int(bias)))
    A, around = np.column_stack([ones, X]), CENTRED if bias else X

    def ridge(alpha: float) -> tuple[np.ndarray, float]:
        """Predictions and degrees of freedom of the mean over 40 cells of squares + alpha/2·Σw²."""
        penalty = np.diag([0.0] * bias + [20 * alpha] * 3)
        hat = A @ np.linalg.solve(A.T @ A + penalty, A.T)
        return hat @ Y, float(np.trace(hat))

    point = path.at(epoch)
    own = X @ point.weight.T + point.bias
    assert found.alpha is not None
    for alpha, apart in ((found.alpha, found.apart), (found.time_alpha, found.time_apart)):
        assert apart == pytest.approx(np.sqrt(((ridge(alpha)[0] - own) ** 2).mean()), rel=1e-6, abs=1e-9)
    assert ridge(found.alpha)[1] == pytest.approx(found.freedom, rel=1e-9)
    assert found.time_alpha == pytest.approx((1 - momentum) / (0.4 * epoch), rel=1e-12)
    assert found.freedom == path.freedom(epoch)
    spread = Y - Y.mean(axis=0) if bias else Y
    assert found.spread == pytest.approx(np.sqrt((spread**2).mean()), rel=1e-12)
    assert len(around) == 20


@pytest.mark.parametrize("lr", [0.02, 0.5])
@pytest.mark.parametrize("epoch", [1, 9, 200])
def test_the_expected_error_is_never_more_times_that_of_ridge(lr: float, epoch: int) -> None:
    """Squared bias and variance of both, of random true weights and noise; along one direction the bound is met."""
    path = Trajectory(Moments.of(CENTRED, Y[:, 0]), lr)
    found = path.as_ridge(epoch)
    assert found.risk is not None
    H = 2 / 20 * CENTRED.T @ CENTRED
    values, Q = np.linalg.eigh(H)
    shares = 1 - (1 - lr * values) ** epoch, values / (values + found.time_alpha)

    def error(share: np.ndarray, true: np.ndarray, noise: float) -> float:
        return float((((1 - share) * (Q.T @ true)) ** 2).sum() + noise * (share**2 / values).sum())

    ratios = []
    for _ in range(200):
        true, noise = RANDOM.standard_normal(3) * 10.0 ** RANDOM.uniform(-2, 2), 10.0 ** RANDOM.uniform(-4, 2)
        ratios.append(error(shares[0], true, noise) / error(shares[1], true, noise))
    assert max(ratios) <= found.risk * (1 + 1e-9)
    worst = [((1 - a) / (1 - b)) ** 2 for a, b in zip(*shares, strict=True)]
    worst += [(a / b) ** 2 for a, b in zip(*shares, strict=True)]
    assert found.risk == pytest.approx(max(worst), rel=1e-9)


def test_of_small_steps_the_factor_is_the_one_of_the_theorem() -> None:
    """Ali, Kolter, Tibshirani 2019: the square of the largest (1 − e⁻ˣ)(1 + x)/x, 1.6862."""
    x = np.geomspace(1e-3, 1e3, 100_000)
    largest = float(((1 - np.exp(-x)) * (1 + x) / x).max()) ** 2
    assert 1.6858 < largest <= 1.6862  # they square 1.2985, which was rounded up
    column = np.geomspace(0.01, 10, 40)
    wide = np.diag(column)  # curvatures so close together that one meets the worst
    found = Trajectory(Moments.of(wide, np.ones(40)), 1e-4, bias=False).as_ridge(20_000)
    assert found.risk == pytest.approx(largest, rel=2e-2)
    assert found.risk is not None
    assert found.risk < largest * (1 + 1e-2)


def test_what_is_no_ridge() -> None:
    moments = Moments.of(X + 5, Y)
    assert Trajectory(moments, 0.01).as_ridge(0).alpha is None
    first = Trajectory(moments, 1e-3).as_ridge(1)  # the bias itself has hardly begun
    assert first.freedom < 1
    assert (first.alpha, first.apart, first.risk) == (None, None, None)
    others: list[dict[str, Any]] = [
        {"weight_decay": 0.1},
        {"penalty": ElasticNet(0.1)},
        {"init": (np.ones((2, 3)), np.ones(2))},
    ]
    for settings in others:
        with refused("as-ridge-without-meaning"):
            Trajectory(moments, 0.01, **settings).as_ridge(3)


def test_the_command_tells_the_same(tmp_path: Any) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "a,b,c,y\n"
        + "\n".join(",".join(map(str, [*x, y])) for x, y in zip(X.tolist(), Y[:, 0].tolist(), strict=True))
    )
    words = ["trajectory", path, "-t", "y", "--scale", "standard", "--lr", "0.1", "--at", "50", "--as-ridge"]
    moments = Moments.of((X - X.mean(axis=0)) / X.std(axis=0), Y[:, 0])
    own, told = Trajectory(moments, 0.1).as_ridge(50), command(*words, "--json", folder=tmp_path)
    found = json.loads(told.out)["points"][0]["as_ridge"]
    for field in ("freedom", "alpha", "apart", "time_alpha", "time_apart", "risk", "spread"):
        assert found[field] == pytest.approx(getattr(own, field), rel=1e-8), field
    text = command(*words, folder=tmp_path).out
    assert "degrees of freedom" in text
    assert f"at most {own.risk:.3g} times" in " ".join(text.split())
