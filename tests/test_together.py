"""Weights that are zero for all targets or for none: against 40 digits, scikit-learn, and definitions."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from commands import command
from refusals import refused
from sklearn import linear_model as peers
from sklearn.utils.estimator_checks import parametrize_with_checks

import gradline
from gradline import ElasticNet
from gradline.linear_model import (
    MultiTaskElasticNet,
    MultiTaskElasticNetCV,
    MultiTaskLasso,
    MultiTaskLassoCV,
)
from gradline.model.status import Status
from gradline.solvers.together import Together

KINDS = {
    "lasso": ElasticNet(0.4, 1.0, together=True),
    "elastic net": ElasticNet(0.4, 0.5, together=True),
    "of factors": ElasticNet(0.4, 0.9, together=True, factors={"x1": 0.5, "x2": 2.0}),
}
each_kind = pytest.mark.parametrize("penalty", KINDS.values(), ids=KINDS)


def problem(seed: int, rows: int = 30, features: int = 5, targets: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Columns of units from 0.1 to 10 and off zero, the half of which matter to all targets."""
    random = np.random.default_rng(seed)
    X = random.standard_normal((rows, features)) * 10 ** random.uniform(-1, 1, features) + 3
    matter = random.random(features) < 0.5
    slopes = random.standard_normal((features, targets)) * matter[:, None]
    return X, X / X.std(axis=0) @ slopes + random.standard_normal((rows, targets))


class Precise:
    """The sum of loss and penalty, and its optimum where columns are zero as they are given, in 40 digits."""

    def __init__(self, X: np.ndarray, Y: np.ndarray, penalty: ElasticNet, bias: bool) -> None:
        self.cells, (self.n, self.p), self.m = Y.size, X.shape, Y.shape[1]
        exact = [[mpmath.mpf(cell) for cell in row] for row in np.hstack([X, Y]).tolist()]
        self.means = [mpmath.fsum(column) / self.n * bias for column in zip(*exact, strict=True)]
        self.rows = [[cell - mean for cell, mean in zip(row, self.means, strict=True)] for row in exact]
        factors = [(penalty.factors or {}).get(f"x{j + 1}", 1.0) for j in range(self.p)]
        self.l1 = [mpmath.mpf(penalty.alpha * penalty.l1_ratio) * f for f in factors]
        self.bend = [mpmath.mpf(penalty.alpha * (1 - penalty.l1_ratio)) * f for f in factors]

    def residual(self, W: Any) -> list[list[Any]]:
        """y − W·x (n, m), of centred rows; W is (m, p)."""
        p = self.p
        return [[row[p + k] - mpmath.fdot(W[k], row[:p]) for k in range(self.m)] for row in self.rows]

    def value(self, W: Any, bias: Any) -> Any:
        """Loss and penalty."""
        off = [
            b - self.means[self.p + k] + mpmath.fdot(W[k], self.means[: self.p]) for k, b in enumerate(bias)
        ]
        loss = mpmath.fsum((r - o) ** 2 for row in self.residual(W) for r, o in zip(row, off, strict=True))
        return loss / self.cells + mpmath.fsum(
            self.l1[j] * self.length(W, j) + self.bend[j] / 2 * self.length(W, j) ** 2 for j in range(self.p)
        )

    def length(self, W: Any, j: int) -> Any:
        """‖wⱼ‖."""
        return mpmath.sqrt(mpmath.fsum(mpmath.mpf(w[j]) ** 2 for w in W))

    def pulls(self, W: Any) -> list[list[Any]]:
        """Minus the slopes (p, m) of the loss."""
        residual = self.residual(W)
        columns = list(zip(*[row[: self.p] for row in self.rows], strict=True))
        targets = list(zip(*residual, strict=True))
        return [[2 * mpmath.fdot(column, r) / self.cells for r in targets] for column in columns]

    def optimum(self, start: np.ndarray) -> Any:
        """W (m, p) by Newton's method from weights near it; None where a column that is zero should not be."""
        free = [j for j in range(self.p) if start[:, j].any()]

        def whole(*found: Any) -> list[list[Any]]:
            W = [[mpmath.mpf(0)] * self.p for _ in range(self.m)]
            for i, value in enumerate(found):
                W[i % self.m][free[i // self.m]] = value
            return W

        def missed(*found: Any) -> list[Any]:
            W = whole(*found)
            pulls = self.pulls(W)
            return [
                pulls[j][k] - (self.l1[j] / self.length(W, j) + self.bend[j]) * W[k][j]
                for j in free for k in range(self.m)
            ]  # fmt: skip

        found = mpmath.findroot(
            missed, [mpmath.mpf(start[k, j]) for j in free for k in range(self.m)], tol=1e-70
        )
        W = whole(*found)
        pulls = self.pulls(W)
        held = [mpmath.norm(pulls[j]) <= self.l1[j] for j in range(self.p) if j not in free]
        return W if all(held) else None


@each_kind
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_claimed_that_forty_digits_do_not_bear_out(penalty: ElasticNet, seed: int) -> None:
    assert_borne_out(penalty, seed, bias=seed != 1)


def assert_borne_out(penalty: ElasticNet, seed: int, bias: bool) -> None:
    X, Y = problem(seed)
    with mpmath.workdps(40):
        model, precise = gradline.fit(X, Y, penalty=penalty, bias=bias), Precise(X, Y, penalty, bias)
        claim, best = model.certificate, precise.optimum(model.weight)
        assert best is not None
        assert claim.status == "certified"
        level = [precise.means[-2 + k] - mpmath.fdot(best[k], precise.means[:-2]) for k in range(2)]
        value, least = precise.value(model.weight.tolist(), model.bias.tolist()), precise.value(best, level)
        assert 0 <= value - least <= claim.gap + value * mpmath.mpf(2) ** -100
        assert claim.gap <= 1e-18 * value
        apart = np.array(
            [
                [float(abs(w - b)) for w, b in zip(*pair, strict=True)]
                for pair in zip(model.weight.tolist(), best, strict=True)
            ]
        )
        assert (apart <= np.array(claim.weight_error)).all()
        assert all(
            abs(b - o) <= e for b, o, e in zip(model.bias.tolist(), level, claim.bias_error, strict=True)
        )
        assert (np.array(claim.zero) == (model.weight == 0)).all(), "no column is at its kink by a hair"
        assert claim.loss + (claim.penalty or 0.0) == pytest.approx(float(value), rel=1e-12)
    assert (model.weight.any(axis=0) == model.weight.all(axis=0)).all()


@pytest.mark.numeric
@pytest.mark.filterwarnings("ignore:.* rows for .* coefficients:gradline.GradlineWarning")
@pytest.mark.parametrize("shape", [(60, 12, 3), (30, 45, 2), (40, 6, 1)], ids=str)
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_the_answer_is_that_of_scikit_learn(shape: tuple[int, int, int], l1_ratio: float) -> None:
    rows, features, targets = shape
    X, Y = problem(1, rows, features, targets)
    X = X / X.std(axis=0)
    theirs = peers.MultiTaskElasticNet(0.4, l1_ratio=l1_ratio, tol=1e-15, max_iter=10**6).fit(X, Y)
    ours = MultiTaskElasticNet(0.4, l1_ratio=l1_ratio).fit(X, Y)
    assert 0 < np.count_nonzero(ours.coef_) < ours.coef_.size
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-8)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-8)
    assert ours.certificate_.status == "certified"
    assert ours.dual_gap_ < 1e-12
    if l1_ratio == 1:
        assert (MultiTaskLasso(0.4).fit(X, Y).coef_ == ours.coef_).all()


def test_of_one_target_it_is_the_lasso() -> None:
    X, Y = problem(2, targets=1)
    together, alone = (
        gradline.fit(X, Y, penalty=ElasticNet(0.3, 0.8, together=how)) for how in (True, False)
    )
    assert together.weight == pytest.approx(alone.weight, abs=1e-12)
    assert together.certificate.penalty == pytest.approx(alone.certificate.penalty)


def test_prox_and_distance_are_what_they_are_defined_as() -> None:
    random = np.random.default_rng(0)
    omega = Together(0.7, 0.6, np.array([1.0, 0.5, 3.0, 0.0]))
    for step in (0.1, 1.0, 5.0):
        v = random.standard_normal((3, 4))
        best = omega.prox(v, step)

        def cost(w: np.ndarray, v: np.ndarray = v, step: float = step) -> float:
            return float(((w - v) ** 2).sum()) / 2 + step * omega.value(w)

        moved = [best + 10.0**-k * random.standard_normal(v.shape) for k in range(6) for _ in range(20)]
        assert all(cost(best) <= cost(w) for w in [*moved, 0 * v, v])
        assert np.abs(omega.distance(best, (v - best) / step)).max() <= 1e-12
        assert omega.distance(best, (v - best) / step + 0.1).max() > 1e-3


@each_kind
@pytest.mark.parametrize("scale", ["none", "standard"])
def test_a_saved_model_is_verified_and_a_moved_weight_is_found(
    penalty: ElasticNet, scale: str, tmp_path: Path
) -> None:
    X, Y = problem(3)
    model = gradline.fit(X, Y, penalty=penalty, scale=scale)
    model.save(tmp_path / "m.safetensors")
    loaded = gradline.load(tmp_path / "m.safetensors")
    assert loaded.penalty == penalty
    assert loaded.certificate == model.certificate
    outcome = gradline.verify(tmp_path / "m.safetensors", X, Y)
    assert outcome, outcome.verdict
    weight = model.weight.copy()
    weight.flat[np.argmax(np.abs(weight * X.std(axis=0)))] *= 1 + 1e-4
    assert not gradline.verify(replace(model, weight=weight), X, Y)
    assert not gradline.verify(replace(model, penalty=replace(penalty, together=False)), X, Y)


LIES = {
    "zero": [[True] * 5] * 2,
    "gap": -1.0,
    "penalty": 0.0,
    "weight_error": [[0.0] * 5] * 2,
    "gradient_norm": 1.0,
    "status": Status.RANK_DEFICIENT,
    "optimal_loss": 0.0,
}


@pytest.mark.parametrize("field", LIES)
def test_a_lie_in_the_certificate_is_found(field: str) -> None:
    X, Y = problem(3)
    model = gradline.fit(X, Y, penalty=KINDS["lasso"])
    changed = replace(model, certificate=replace(model.certificate, **{field: LIES[field]}))
    assert field in [check.name for check in gradline.verify(changed, X, Y).disagreements]


@each_kind
def test_away_from_the_optimum_the_gap_is_an_upper_bound_and_near(penalty: ElasticNet) -> None:
    X, Y = problem(4)
    best = gradline.fit(X, Y, penalty=penalty)
    least = best.certificate.optimal_loss
    for epochs in (10, 100):
        solver = gradline.GradientDescent(lr="auto", epochs=epochs)
        trained = gradline.fit(X, Y, penalty=penalty, solver=solver, scale="none")
        claim = trained.certificate
        above = claim.loss + (claim.penalty or 0.0) - least
        assert above <= claim.gap * (1 + 1e-9) + 1e-15 * least
        assert claim.gap <= 1.01 * above + 1e-12 * least
        outcome = gradline.verify(trained, X, Y)
        assert outcome, outcome.verdict


@pytest.mark.parametrize(
    "solver",
    [
        gradline.GradientDescent(lr=0.3, epochs=500),
        gradline.SGD(lr=0.3, epochs=500, batch_size=30, decay="none"),
    ],
    ids=["gd", "sgd"],
)
def test_training_arrives_at_the_same_answer(solver: Any) -> None:
    X, Y = problem(5)
    best = gradline.fit(X, Y, penalty=KINDS["lasso"], scale="standard")
    trained = gradline.fit(X, Y, penalty=KINDS["lasso"], scale="standard", solver=solver)
    assert trained.weight * X.std(axis=0) == pytest.approx(best.weight * X.std(axis=0), abs=1e-9)
    assert (trained.weight == 0).any()


@each_kind
def test_each_answer_of_a_path_is_that_of_a_fit(penalty: ElasticNet) -> None:
    X, Y = problem(2)
    path = gradline.path(X, Y, penalty=penalty, alphas=6)
    assert not path.weight[0].any()
    assert (
        gradline.path(X, Y, penalty=penalty, alphas=[path.alphas[0] * (1 - 1e-6)]).weight.any(axis=1).sum()
        == 1
    )
    for k, alpha in enumerate(path.alphas.tolist()):
        claim = gradline.fit(X, Y, penalty=replace(penalty, alpha=alpha)).certificate
        assert path.loss[k] == pytest.approx(claim.loss, rel=1e-9)
        assert claim.gap <= path.gap[k] + 1e-15 * claim.optimal_loss
        assert path.gap[k] <= 1e-9 * claim.optimal_loss


@pytest.mark.numeric
@pytest.mark.parametrize("l1_ratio", [0.5, [0.3, 0.9]], ids=str)
def test_choosing_alpha_is_scikit_learns(l1_ratio: Any) -> None:
    X, Y = problem(6, 40, 6, 3)
    X, settings = X / X.std(axis=0), {"cv": 3, "alphas": 12, "eps": 0.02, "l1_ratio": l1_ratio}
    ours = MultiTaskElasticNetCV(**settings, tol=0.0).fit(X, Y)
    theirs = peers.MultiTaskElasticNetCV(**settings, tol=1e-15, max_iter=10**6).fit(X, Y)
    np.testing.assert_allclose(ours.alphas_, theirs.alphas_, rtol=1e-12)
    np.testing.assert_allclose(ours.mse_path_, theirs.mse_path_, rtol=1e-8)
    assert (ours.alpha_, ours.l1_ratio_) == (pytest.approx(theirs.alpha_, rel=1e-12), theirs.l1_ratio_)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-8)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")
@parametrize_with_checks([MultiTaskElasticNet(), MultiTaskLassoCV(alphas=3)])
def test_sklearn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")
def test_twin_columns_leave_the_lasso_open_and_the_elastic_net_not() -> None:
    X, Y = problem(0)
    X[:, 1] = X[:, 0]
    lasso, net = (gradline.fit(X, Y, penalty=ElasticNet(0.01, ratio, together=True)) for ratio in (1.0, 0.5))
    assert lasso.certificate.status == "rank_deficient"
    assert net.certificate.status == "certified"
    for model in (lasso, net):
        outcome = gradline.verify(model, X, Y)
        assert outcome, outcome.verdict


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")
def test_an_honest_model_is_verified_whatever_its_setting(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows, features, targets = (int(random.integers(low, high)) for low, high in ((2, 30), (1, 20), (1, 4)))
    X, Y = problem(seed, rows, features, targets)
    penalty = ElasticNet(
        float(10 ** random.uniform(-3, 1)), float(random.choice([0.2, 0.9, 1.0])), together=True
    )
    bias, scale = bool(random.random() < 0.8), str(random.choice(["none", "standard"]))
    weights = random.random(rows) + 0.1 if random.random() < 0.5 else None
    model = gradline.fit(X, Y, penalty=penalty, bias=bias, scale=scale, weights=weights)
    outcome = gradline.verify(model, X, Y, weights=weights)
    assert outcome, outcome.verdict


def test_the_command_line_and_what_is_refused(tmp_path: Path) -> None:
    fit = (
        "fit",
        "example:crops",
        "-t",
        "apples",
        "-t",
        "oranges",
        "--alpha",
        "300",
        "--l1-ratio",
        "1",
        "--together",
    )
    shown = command(*fit, "-o", "m.safetensors", folder=tmp_path)
    assert "300·Σ‖w‖, ‖w‖ over the targets" in " ".join(shown.out.split())
    assert gradline.load(tmp_path / "m.safetensors").penalty == ElasticNet(300.0, 1.0, together=True)
    assert command("verify", "m.safetensors", "example:crops", folder=tmp_path).code == 0
    with refused("bounds-of-weights-together"):
        ElasticNet(1.0, 1.0, positive=True, together=True)
    with refused("together-invalid", "yes"):
        ElasticNet(1.0, 1.0, together="yes")  # type: ignore[arg-type]
    with refused("penalty-of-other-solver"):
        gradline.fit(*problem(0), penalty=KINDS["lasso"], solver=gradline.Exact())
    with pytest.raises(ValueError, match="mono-task"):
        MultiTaskLasso().fit([[0.0], [1.0]], [0.0, 1.0])
