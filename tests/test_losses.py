"""Huber, quantile and absolute losses: against exact arithmetic, scikit-learn, statsmodels and a linear program."""

import json
import warnings
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from commands import command
from odd_columns import columns
from refusals import refused
from scipy.optimize import linprog

import gradline
from gradline.core.coefficients import Coefficients
from gradline.data.row_stream import ArrayRows
from gradline.model.certificate import sentences
from gradline.model.judge_rows import RowsJudge
from gradline.model.status import Status
from gradline.solvers.losses import Absolute, Huber, Loss, Quantile
from gradline.solvers.penalties import NONE, ElasticNet
from gradline.solvers.problem import Problem, Scaling

# One more loss is one row here: the loss, and the penalties that it can be fitted with.
LOSSES: dict[str, tuple[Loss, ElasticNet]] = {
    "huber": (Huber(1.0), NONE),
    "huber, many far": (Huber(0.05), NONE),
    "huber, ridge": (Huber(1.0), ElasticNet(0.3)),
    "median": (Quantile(0.5), NONE),
    "high quantile": (Quantile(0.85), NONE),
    "absolute": (Absolute(), NONE),
    "absolute, lasso": (Absolute(), ElasticNet(0.1, 1.0)),
    "low quantile, lasso": (Quantile(0.3), ElasticNet(0.05, 1.0)),
}
each_loss = pytest.mark.parametrize(("loss", "penalty"), LOSSES.values(), ids=LOSSES)


def problem(seed: int, rows: int = 25, features: int = 3, targets: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Columns of units from 1e-1 to 1e1, some way from zero, and errors of which a few are large."""
    random = np.random.default_rng(seed)
    X = random.standard_normal((rows, features)) * 10.0 ** random.uniform(-1, 1, features)
    X += random.standard_normal(features) * 10.0 ** random.uniform(-1, 2, features)
    weight = random.standard_normal((features, targets)) * (random.random((features, targets)) < 0.7)
    return X, (X / X.std(axis=0)) @ weight + random.standard_t(2, (rows, targets))


class Exact:
    """Loss and penalty of one target in fractions, and the least that they can be, found from an answer near it."""

    def __init__(
        self,
        X: np.ndarray,
        y: np.ndarray,
        loss: Loss,
        penalty: ElasticNet = NONE,
        bias: bool = True,
        w: np.ndarray | None = None,
    ) -> None:
        n, p = X.shape
        w = np.ones(n) if w is None else w
        self.cells = sum(map(Fraction, w.tolist()), Fraction(0))
        low, high, width = (None if np.isinf(s) else Fraction(s) for s in loss.slopes)
        assert low is not None
        assert high is not None
        self.rows = [
            Row(
                [Fraction(1)] * bias + [Fraction(x) for x in x_.tolist()],
                Fraction(y_),
                Fraction(w_),
                low,
                high,
                width or Fraction(0),
            )
            for x_, y_, w_ in zip(X, y.tolist(), w.tolist(), strict=True)
        ]
        for j in range(p):
            a = [Fraction(0)] * bias + [Fraction(int(i == j)) for i in range(p)]
            if penalty.l1:
                self.rows.append(
                    Row(
                        a,
                        Fraction(0),
                        Fraction(penalty.l1) * self.cells,
                        Fraction(-1),
                        Fraction(1),
                        Fraction(0),
                    )
                )
            if penalty.curvature:
                self.rows.append(
                    Row(a, Fraction(0), Fraction(penalty.curvature) * self.cells, None, None, Fraction(1))
                )

    def value(self, theta: list[Fraction]) -> Fraction:
        """The objective: a mean over the cells."""
        return sum((row.w * row.rho(row.residual(theta)) for row in self.rows), Fraction(0)) / self.cells

    def optimum(self, near: list[Fraction]) -> list[Fraction] | None:
        """The θ at which all conditions of an optimum hold, with the rows near their kinks as they are at `near`."""
        if any(row.width for row in self.rows):
            return self._of_parabola(near)
        sizes = [abs(row.residual(near)) for row in self.rows]
        q = len(near)
        corner = sorted(range(len(sizes)), key=sizes.__getitem__)[:q]
        theta = solved([self.rows[i].a for i in corner], [self.rows[i].y for i in corner])
        pull = [Fraction(0)] * q
        for i, row in enumerate(self.rows):
            if i not in corner:
                r = row.residual(theta)
                s = row.high if r > 0 else row.low
                assert r
                assert s is not None
                pull = [g + row.w * s * x for g, x in zip(pull, row.a, strict=True)]
        turned = [[self.rows[i].a[k] * self.rows[i].w for i in corner] for k in range(q)]
        slopes = solved(turned, [-g for g in pull])
        own = [self.rows[i] for i in corner]
        inside = all(row.low <= s <= row.high for row, s in zip(own, slopes, strict=True))  # type: ignore[operator]
        return theta if inside else None

    def _of_parabola(self, near: list[Fraction]) -> list[Fraction] | None:
        q = len(near)
        sides = [row.side(row.residual(near)) for row in self.rows]
        H = [[Fraction(0)] * q for _ in range(q)]
        h = [Fraction(0)] * q
        for row, side in zip(self.rows, sides, strict=True):
            for i in range(q):
                if side == 0:
                    h[i] += row.w * row.a[i] * row.y / row.width
                    for j in range(q):
                        H[i][j] += row.w * row.a[i] * row.a[j] / row.width
                else:
                    h[i] += row.w * row.a[i] * (row.high if side > 0 else row.low)  # type: ignore[operator]
        theta = solved(H, h)
        return theta if [row.side(row.residual(theta)) for row in self.rows] == sides else None


class Row(NamedTuple):
    """A row a, y of weight w, whose loss has the slopes r/width from low to high."""

    a: list[Fraction]
    y: Fraction
    w: Fraction
    low: Fraction | None
    high: Fraction | None
    width: Fraction

    def residual(self, theta: list[Fraction]) -> Fraction:
        return self.y - sum((x * t for x, t in zip(self.a, theta, strict=True)), Fraction(0))

    def side(self, r: Fraction) -> int:
        """1 above the parabola of its loss, −1 below, 0 within."""
        if self.low is None or self.high is None:
            return 0
        return (r > self.high * self.width) - (r < self.low * self.width)

    def rho(self, r: Fraction) -> Fraction:
        if self.width == 0:
            assert self.low is not None
            assert self.high is not None
            return max(self.low * r, self.high * r)
        side = self.side(r)
        s = r / self.width if side == 0 else self.high if side > 0 else self.low
        assert s is not None
        return s * r - self.width * s * s / 2


def solved(rows: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """The answer of a square system, by elimination."""
    rows = [[*row, value] for row, value in zip(rows, right, strict=True)]
    n = len(rows)
    for i in range(n):
        pivot = next(k for k in range(i, n) if rows[k][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for k in range(n):
            if k != i and rows[k][i]:
                share = rows[k][i] / rows[i][i]
                rows[k] = [a - share * b for a, b in zip(rows[k], rows[i], strict=True)]
    return [rows[i][-1] / rows[i][i] for i in range(n)]


def theta_of(model: Any, j: int = 0) -> list[Fraction]:
    return [Fraction(float(model.bias[j]))] * model.has_bias + [Fraction(v) for v in model.weight[j].tolist()]


@each_loss
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("bias", [True, False])
def test_nothing_is_claimed_that_exact_arithmetic_does_not_bear_out(
    loss: Loss, penalty: ElasticNet, seed: int, bias: bool
) -> None:
    X, Y = problem(seed)
    w = np.random.default_rng(seed).integers(1, 4, len(X)) / 2 if seed % 3 == 0 else None
    model = gradline.fit(X, Y, loss=loss, penalty=penalty, bias=bias, weights=w)
    claim, exact = model.certificate, Exact(X, Y[:, 0], loss, penalty, bias, w)
    assert claim.status == "certified"
    theta = theta_of(model)
    best = exact.optimum(theta)
    assert best is not None, "kinks and parabolas are those of the optimum"
    gap = exact.value(theta) - exact.value(best)
    assert 0 <= gap <= Fraction(claim.gap)
    apart = np.array([abs(float(one - other)) for one, other in zip(theta, best, strict=True)])
    claimed = np.array([*claim.bias_error * bias, *claim.weight_error[0]])
    assert (apart <= claimed).all()
    assert all(
        abs(float(t) - float(b)) <= 10**-claim.digits * abs(float(b)) * (1 + 1e-9)
        for t, b in zip(theta, best, strict=True)
        if t
    )
    assert claim.digits >= 10
    assert claim.loss + (claim.penalty or 0.0) == pytest.approx(float(exact.value(theta)), rel=1e-12)
    assert claim.optimal_loss == pytest.approx(float(exact.value(best)), rel=1e-12)


@each_loss
@pytest.mark.parametrize("seed", range(6))
def test_away_from_the_optimum_the_gap_is_an_upper_bound_and_near(
    loss: Loss, penalty: ElasticNet, seed: int
) -> None:
    X, Y = problem(seed)
    model = gradline.fit(X, Y, loss=loss, penalty=penalty)
    exact = Exact(X, Y[:, 0], loss, penalty)
    best = exact.optimum(theta_of(model))
    assert best is not None
    random, least = np.random.default_rng(seed), exact.value(best)
    for size in (1e-9, 1e-6, 1e-3, 1e-1):
        moved = judged(model, X, Y, model.weight * (1 + size * random.standard_normal(model.weight.shape)))
        gap = exact.value(theta_of(moved)) - least
        assert gap <= Fraction(moved.certificate.gap)
        assert moved.certificate.gap <= 1.01 * float(gap) + 1e-12 * float(least)
        apart = np.array([abs(float(one - other)) for one, other in zip(theta_of(moved), best, strict=True)])
        assert (apart <= np.array([*moved.certificate.bias_error, *moved.certificate.weight_error[0]])).all()


def judged(model: Any, X: np.ndarray, Y: np.ndarray, weight: np.ndarray) -> Any:
    """The model with other weights, and the certificate that these deserve."""
    scaling = Scaling.named(model.scale, model.moments, model.has_bias)
    rows = ArrayRows(X, Y, None, model.design)
    case = Problem.of(model.moments, rows, model.has_bias, scaling, None, model.penalty, model.loss)
    judge = RowsJudge(model.moments, Coefficients(weight, model.bias), case)
    return replace(
        model, weight=weight, certificate=judge.certificate, history=gradline.model.model.History(())
    )


def least_of_program(X: np.ndarray, y: np.ndarray, low: float, high: float, lasso: float = 0.0) -> float:
    """The least Σ max(low·r, high·r) + lasso·Σ|w| of a line with a bias, by HiGHS."""
    n, p = X.shape
    A = np.column_stack([np.ones(n), X])
    costs = np.concatenate([[0.0] * (p + 1), [high] * n, [-low] * n, [lasso] * 2 * p])
    whole = np.hstack([A, np.eye(n), -np.eye(n), np.zeros((n, 2 * p))])
    split = np.hstack([np.zeros((p, 1)), np.eye(p), np.zeros((p, 2 * n)), -np.eye(p), np.eye(p)])
    free = [(None, None)] * (p + 1) + [(0, None)] * (2 * n + 2 * p)
    found = linprog(costs, A_eq=np.vstack([whole, split]), b_eq=np.concatenate([y, np.zeros(p)]), bounds=free)
    assert found.status == 0
    return float(found.fun)


@pytest.mark.parametrize("shape", [(60, 4), (300, 8), (7, 3), (12, 20)], ids=str)
@pytest.mark.parametrize("quantile", [0.5, 0.1, 0.95])
@pytest.mark.parametrize("lasso", [0.0, 0.3])
def test_the_least_loss_is_that_of_a_linear_program(
    shape: tuple[int, int], quantile: float, lasso: float
) -> None:
    X, Y = problem(3, *shape)
    penalty = ElasticNet(lasso, 1.0 if lasso else 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gradline.GradlineWarning)  # more columns than rows
        model = gradline.fit(X, Y, loss=Quantile(quantile), penalty=penalty)
    claim = model.certificate
    least = least_of_program(X, Y[:, 0], quantile - 1, quantile, lasso * len(X)) / len(X)
    assert claim.loss + (claim.penalty or 0.0) == pytest.approx(least, rel=1e-9, abs=1e-12)


def test_quantiles_are_those_of_statsmodels() -> None:
    from statsmodels.regression.quantile_regression import QuantReg

    X, Y = problem(1, 200, 3)
    model = gradline.fit(X, Y, loss=Quantile(0.3))
    peer = QuantReg(Y[:, 0], np.column_stack([np.ones(len(X)), X])).fit(q=0.3, p_tol=1e-12, max_iter=10000)
    np.testing.assert_allclose(
        [model.bias[0], *model.weight[0]], peer.params, rtol=1e-5, atol=1e-5
    )  # by its own steps


def test_huber_at_a_given_scale_is_that_of_statsmodels() -> None:
    import statsmodels.api as sm

    X, Y = problem(1, 200, 3)
    peer = sm.RLM(Y[:, 0], sm.add_constant(X), M=sm.robust.norms.HuberT(t=1.345)).fit(tol=1e-12, maxiter=5000)
    model = gradline.fit(X, Y, loss=Huber(1.345 * float(peer.scale)))
    np.testing.assert_allclose([model.bias[0], *model.weight[0]], peer.params, rtol=1e-7, atol=1e-7)


def test_a_delta_that_nobody_gave_is_one_that_scales_with_the_target() -> None:
    """Σ min((r/σ)², 1.35²) = n at delta = 1.35·σ, and ten times the target is ten times delta."""
    X, Y = problem(1, 200)
    model = gradline.fit(X, Y, loss=Huber())
    assert isinstance(model.loss, Huber)
    assert model.loss.delta is not None
    r = Y[:, 0] - model.predict(X)[:, 0]
    assert np.minimum((r / (model.loss.delta / 1.35)) ** 2, 1.35**2).mean() == pytest.approx(1.0, rel=1e-9)
    tenfold = gradline.fit(X, 10 * Y, loss=Huber()).loss
    assert isinstance(tenfold, Huber)
    assert tenfold.delta == pytest.approx(10 * model.loss.delta, rel=1e-9)
    assert [notice.code for notice in model.notices] == ["delta-chosen"]
    assert model.config["delta"] == model.loss.delta


@each_loss
def test_weights_are_repetitions(loss: Loss, penalty: ElasticNet) -> None:
    X, Y = problem(5, 30)
    w = np.random.default_rng(0).integers(1, 4, len(X))
    weighted = gradline.fit(X, Y, loss=loss, penalty=penalty, weights=w.astype(float))
    repeated = gradline.fit(np.repeat(X, w, axis=0), np.repeat(Y, w, axis=0), loss=loss, penalty=penalty)
    assert weighted.certificate.loss == pytest.approx(repeated.certificate.loss, rel=1e-12)
    if weighted.certificate.status == repeated.certificate.status == "certified":
        np.testing.assert_allclose(weighted.weight, repeated.weight, rtol=1e-9, atol=1e-10)


@each_loss
def test_targets_are_fitted_each_by_itself_and_a_scale_changes_nothing_but_a_penalty(
    loss: Loss, penalty: ElasticNet
) -> None:
    X, Y = problem(4, 40, targets=2)
    both = gradline.fit(X, Y, loss=loss, penalty=penalty)
    for j in range(2):
        one = gradline.fit(X, Y[:, j], loss=loss, penalty=penalty.times(2.0))
        np.testing.assert_allclose(both.weight[j], one.weight[0], rtol=1e-9, atol=1e-10)
    if penalty.is_none:
        scaled = gradline.fit(X, Y, loss=loss, scale="standard")
        np.testing.assert_allclose(both.weight, scaled.weight, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("loss", [Quantile(0.5), Absolute()], ids=["quantile", "absolute"])
def test_a_median_that_is_not_one_number_is_told_to_be_open(loss: Loss) -> None:
    X, y = [[0.0], [0.0], [1.0], [1.0]], [0.0, 1.0, 0.0, 1.0]
    model = gradline.fit(X, y, loss=loss)
    claim = model.certificate
    assert claim.status == "rank_deficient"
    assert claim.gap <= 1e-13 * claim.loss
    assert "may have the least loss" in sentences(claim)[0]
    assert gradline.verify(model, np.array(X), np.array(y))


def test_rows_that_lie_on_one_line_are_gone_through_whatever_the_others() -> None:
    """Of many rows that touch the line only some make its corner: ties do not stop the proof."""
    x = np.arange(40.0)
    y = 3 + 2 * x
    y[::5] += 100.0
    for loss in (Absolute(), Quantile(0.4)):
        model = gradline.fit(x[:, None], y, loss=loss)
        assert model.certificate.status == "certified"
        np.testing.assert_allclose([model.bias[0], model.weight[0, 0]], [3, 2], rtol=1e-12)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.filterwarnings("ignore::gradline.core.errors.GradlineWarning")
def test_an_honest_model_is_verified_whatever_its_setting(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows, features, targets = (
        int(random.integers(1, 60)),
        int(random.integers(1, 8)),
        int(random.integers(1, 3)),
    )
    X, kind = columns(random, rows, features, 6)
    Y = X @ (random.standard_normal((features, targets)) * (random.random((features, targets)) < 0.5))
    Y += random.standard_t(2, (rows, targets)) * 10 ** random.uniform(-3, 1)
    if kind == 5:
        Y = np.round(Y)
    size = float(np.abs(Y - np.median(Y, axis=0)).mean()) + 1e-3
    which = int(random.integers(0, 3))
    loss: Loss = (
        Huber(size * 10 ** random.uniform(-2, 1)),
        Quantile(random.choice([0.1, 0.37, 0.9])),
        Absolute(),
    )[which]
    alpha = float(10 ** random.uniform(-4, 1) * Y.std()) if random.random() < 0.4 else 0.0
    penalty = ElasticNet(alpha, float(which > 0 and alpha > 0))
    bias, scale = bool(random.random() < 0.8), str(random.choice(["none", "standard"]))
    weights = random.random(rows) + 0.1 if random.random() < 0.3 else None
    model = gradline.fit(X, Y, loss=loss, penalty=penalty, bias=bias, scale=scale, weights=weights)
    outcome = gradline.verify(model, X, Y, weights=weights)
    assert outcome, outcome.verdict


@each_loss
@pytest.mark.parametrize("scale", ["none", "standard"])
def test_a_saved_model_is_verified_and_a_moved_weight_is_found(
    loss: Loss, penalty: ElasticNet, scale: str, tmp_path: Path
) -> None:
    X, Y = problem(7, 60, targets=2)
    model = gradline.fit(X, Y, loss=loss, penalty=penalty, scale=scale)
    model.save(tmp_path / "m.safetensors")
    loaded = gradline.load(tmp_path / "m.safetensors")
    assert loaded.loss == loss
    assert loaded.certificate == model.certificate
    outcome = gradline.verify(tmp_path / "m.safetensors", X, Y)
    assert outcome, outcome.verdict
    weight = model.weight.copy()
    weight.flat[np.argmax(np.abs(weight * X.std(axis=0)))] *= 1 + 1e-4
    assert not gradline.verify(replace(model, weight=weight), X, Y)


@each_loss
def test_half_a_gap_and_another_status_are_found(loss: Loss, penalty: ElasticNet) -> None:
    X, Y = problem(7, 60)
    model = gradline.fit(X, Y, loss=loss, penalty=penalty)
    honest = judged(model, X, Y, model.weight * (1 + 1e-4))
    outcome = gradline.verify(honest, X, Y)
    assert outcome, outcome.verdict
    claim = honest.certificate
    halved = replace(claim, gap=claim.gap / 2)
    assert "gap" in found_in(replace(honest, certificate=halved), X, Y)
    for status in (Status.STOPPED, Status.RANK_DEFICIENT, Status.DIVERGED):
        assert "status" in found_in(
            replace(model, certificate=replace(model.certificate, status=status)), X, Y
        )
    far = judged(model, X, Y, model.weight * 1.1)
    assert far.certificate.status == "uncertified"
    assert "status" in found_in(
        replace(far, certificate=replace(far.certificate, status=Status.CERTIFIED)), X, Y
    )


def found_in(model: Any, X: np.ndarray, Y: np.ndarray) -> list[str]:
    return [check.name for check in gradline.verify(model, X, Y).disagreements]


LIES = {
    "gap": -1.0,
    "optimal_loss": 1e9,
    "penalty": 1.0,
    "loss": 0.0,
    "zero": [[True] * 3],
    "digits": 16.9,
    "weight_error": [[-1.0] * 3],
    "bias_error": [-1.0],
    "determined": [True] * 2,
    "epochs": 5,
    "weight_error_stderr": [[0.0] * 3],
    "loss_name": "squared",
}


@pytest.mark.parametrize("field", LIES)
def test_a_lie_in_the_certificate_is_found(field: str) -> None:
    X, Y = problem(7)
    for loss in (Huber(1.0), Quantile(0.3)):
        model = gradline.fit(X, Y, loss=loss)
        changed = replace(model, certificate=replace(model.certificate, **{field: LIES[field]}))
        assert field in found_in(changed, X, Y)


def test_a_false_gradient_of_a_smooth_loss_is_found() -> None:
    X, Y = problem(7)
    model = gradline.fit(X, Y, loss=Huber(1.0))
    lie = replace(model, certificate=replace(model.certificate, gradient_norm=1.0))
    assert "gradient_norm" in found_in(lie, X, Y)


def test_the_command_line_says_what_was_minimised_and_verifies_it(tmp_path: Path) -> None:
    crops = ("example:crops", "-t", "apples")
    shown = command(
        "fit", *crops, "--loss", "quantile", "--quantile", "0.9", "-o", "m.safetensors", folder=tmp_path
    )
    assert "mean pinball loss of the quantile 0.9" in " ".join(shown.out.split())
    assert command("verify", "m.safetensors", "example:crops", folder=tmp_path).code == 0
    assert "quantile" in command("show", "m.safetensors", folder=tmp_path).out
    told = json.loads(
        command("fit", *crops, "--loss", "huber", "--delta", "0.5", "--json", folder=tmp_path).out
    )
    assert told["certificate"]["status"] == "certified"
    assert told["certificate"]["loss_name"] == "huber"
    assert told["loss"] == told["certificate"]["loss"]
    assert "up to |r| = 0.5" in told["objective"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--loss", "tukey"], "loss-invalid"),
        (["--delta", "1"], "option-of-other-loss"),
        (["--loss", "huber", "--delta", "0"], "delta-invalid"),
        (["--loss", "huber", "--quantile", "0.5"], "option-of-other-loss"),
        (["--loss", "quantile", "--quantile", "1"], "quantile-invalid"),
        (["--loss", "huber", "--lr", "1e-6"], "loss-of-other-solver"),
        (["--loss", "quantile", "--solver", "newton"], "loss-of-other-solver"),
        (["--solver", "ip"], "loss-of-other-solver"),
        (["--loss", "huber", "--alpha", "1", "--l1-ratio", "1"], "penalty-of-other-loss"),
        (["--loss", "quantile", "--alpha", "1"], "penalty-of-other-loss"),
        (["--loss", "absolute", "--positive"], "penalty-of-other-loss"),
    ],
    ids=lambda part: part if isinstance(part, str) else " ".join(part),
)
def test_what_cannot_be_is_refused_before_any_work(words: list[str], code: str, tmp_path: Path) -> None:
    shown = command("fit", "example:crops", "-t", "apples", *words, "--json", folder=tmp_path)
    assert json.loads(shown.err)["error"]["code"] == code if "error" in shown.err else code in shown.err
    assert shown.code == 2


def test_what_another_loss_does_not_give_is_refused() -> None:
    X, Y = problem(0, targets=2)
    with refused("delta-of-several-targets", "2 targets"):
        gradline.fit(X, Y, loss=Huber())
    with refused("delta-not-found", "delta"):
        gradline.fit(X, X @ np.ones((3, 1)), loss=Huber())
    with refused("rows-needed", "moments"):
        gradline.fit(gradline.Moments.of(X, Y), loss=Absolute())
    with refused("loss-invalid", "huber"):
        gradline.fit(X, Y, loss="huber")  # type: ignore[arg-type]
    model = gradline.fit(X, Y, loss=Absolute())
    assert model.inference.refusals[0].code == "loss-no-errors"
    with refused("loss-no-errors", "least squares"):
        model.predict(X, interval=0.95)


@pytest.mark.parametrize("loss", [Huber(1.0), Huber(), Quantile(0.5), Quantile(0.97), Absolute()], ids=str)
def test_of_many_rows_a_first_answer_of_few_leads_to_that_of_all(
    loss: Loss, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sorted rows, whose errors grow along them: a sample says little of the ends."""
    random = np.random.default_rng(0)
    X = np.sort(random.standard_normal((20_000, 3)), axis=0)
    y = X @ [1.0, -2.0, 0.5] + random.standard_t(2, len(X)) * np.exp(X[:, 0])
    model = gradline.fit(X, y, loss=loss)
    assert model.certificate.status == "certified"
    monkeypatch.setattr("gradline.solvers.tall._SAMPLE", 10**9)
    whole = gradline.fit(X, y, loss=loss)
    np.testing.assert_allclose(model.weight, whole.weight, rtol=1e-9)


def samples(seed: int, rows: int, features: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns of one size, a target with far errors, and weights."""
    random = np.random.default_rng(seed)
    X = random.standard_normal((rows, features))
    return X, X @ random.standard_normal(features) + random.standard_t(2, rows), random.random(rows) + 0.1


@pytest.mark.parametrize(("alpha", "epsilon"), [(1e-4, 1.35), (2.0, 1.1), (50.0, 2.0), (0.0, 1.05)])
@pytest.mark.parametrize("bias", [True, False])
def test_scikit_learns_huber_objective_is_nowhere_smaller_than_at_the_answer(
    alpha: float, epsilon: float, bias: bool
) -> None:
    from sklearn import linear_model as peers

    from gradline.linear_model import HuberRegressor

    X, y, w = samples(0, 120, 4)
    settings = {"alpha": alpha, "epsilon": epsilon, "fit_intercept": bias}
    ours = HuberRegressor(**settings).fit(X, y, w)
    peer = peers.HuberRegressor(**settings, tol=1e-13, max_iter=10**5).fit(X, y, w)

    def objective(coef: np.ndarray, start: float, sigma: float) -> float:
        z = np.abs(y - X @ coef - start) / sigma
        far = np.where(z < epsilon, z * z, 2 * epsilon * z - epsilon**2)
        return float(w @ (sigma + sigma * far)) + alpha * float(coef @ coef)

    least = objective(ours.coef_, float(ours.intercept_), ours.scale_)
    assert least <= objective(peer.coef_, float(peer.intercept_), peer.scale_)
    random = np.random.default_rng(1)
    for size in (1e-6, 1e-3, 1e-1):
        step, factor = size * random.standard_normal((2, 5)), 1 + size * random.standard_normal()
        moved = ours.coef_ + step[0, 1:], ours.intercept_ + bias * step[0, 0], ours.scale_ * factor
        assert least < objective(*moved)
    np.testing.assert_allclose(ours.coef_, peer.coef_, rtol=1e-4, atol=1e-4)  # where its steps end
    assert (ours.outliers_ == peer.outliers_).all()
    assert ours.certificate_.status == "certified"


@pytest.mark.parametrize(("alpha", "quantile"), [(1.0, 0.5), (0.02, 0.3), (0.0, 0.9)])
@pytest.mark.parametrize("bias", [True, False])
def test_the_quantile_is_that_of_scikit_learn(alpha: float, quantile: float, bias: bool) -> None:
    from sklearn import linear_model as peers

    from gradline.linear_model import QuantileRegressor

    X, y, w = samples(0, 120, 4)
    settings = {"alpha": alpha, "quantile": quantile, "fit_intercept": bias}
    ours = QuantileRegressor(**settings).fit(X, y, w)
    peer = peers.QuantileRegressor(**settings).fit(X, y, w)
    np.testing.assert_allclose(ours.coef_, peer.coef_, rtol=1e-8, atol=1e-10)
    assert ours.intercept_ == pytest.approx(peer.intercept_, rel=1e-8, abs=1e-10)


def test_settings_that_scikit_learn_refuses_are_refused() -> None:
    from gradline.linear_model import HuberRegressor, QuantileRegressor

    X, y, _ = samples(0, 20, 2)
    with refused("epsilon-invalid", 0.9):
        HuberRegressor(epsilon=0.9).fit(X, y)
    for regression in (
        HuberRegressor(alpha=-1.0),
        QuantileRegressor(quantile=1.0),
        QuantileRegressor(alpha=-1.0),
    ):
        with pytest.raises(ValueError, match="ive "):
            regression.fit(X, y)
    with pytest.raises(ValueError, match="1d"):
        HuberRegressor().fit(X, np.column_stack([y, y]))


def test_a_line_through_all_samples_has_the_least_scale_that_scikit_learn_has() -> None:
    from gradline.linear_model import HuberRegressor

    X, _, _ = samples(0, 20, 2)
    regression = HuberRegressor(alpha=0.0).fit(X, X @ [1.0, 2.0])
    assert regression.scale_ == 10 * np.finfo(float).eps
    np.testing.assert_allclose(regression.coef_, [1.0, 2.0], rtol=1e-12)


@pytest.mark.parametrize("loss", [gradline.Huber(0.5), gradline.Quantile(0.2), gradline.Absolute()], ids=str)
def test_rows_held_out_are_told_the_loss_that_was_minimised(loss: Any, tmp_path: Path) -> None:
    """The losses of the rows trained on and of those held out make up that of all."""
    random = np.random.default_rng(1)
    X, w = random.standard_normal((120, 3)), random.random(120) + 0.5
    Y = X @ random.standard_normal((3, 2)) + random.standard_normal((120, 2)) ** 3
    model = gradline.fit(X, Y, loss=loss, holdout=0.25, weights=w)
    each = loss.value(Y, X @ model.weight.T + model.bias).mean(axis=1)
    trained = model.moments.weight_sum
    assert model.holdout is not None
    whole = trained * model.certificate.loss + (w.sum() - trained) * model.holdout.loss
    assert whole == pytest.approx(float(w @ each), rel=1e-12)
    assert model.summary().count(loss.mean) == 3  # of the objective, the rows trained on and those held out
    model.save(tmp_path / "m.safetensors")
    outcome = gradline.verify(tmp_path / "m.safetensors", X, Y, weights=w)
    assert outcome, outcome.verdict
    other = replace(model, holdout=model.holdout._replace(loss=model.holdout.loss * (1 + 1e-6)))
    assert "loss held out" in [check.name for check in gradline.verify(other, X, Y, weights=w).disagreements]
