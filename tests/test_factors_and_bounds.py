"""Penalties that differ by weight, and weights with bounds: against fractions, SciPy and scikit-learn."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from commands import command
from refusals import expect_refusal, refused
from scipy.optimize import lsq_linear
from sklearn import linear_model as peers
from test_penalties import dot, mean, problem, solved

import gradline
from gradline import Bounds, ElasticNet
from gradline.solvers import descent

FACTORS = {"x1": 0.0, "x2": 2.5, "x3": 0.25}
UNIT_BOUNDS = Bounds({"x1": 0.0, "x2": -0.05, "x4": 0.01}, {"x1": 0.3, "x3": 0.02, "x4": 0.01})

# One more kind is one row here.
KINDS = {
    "lasso of factors": ElasticNet(0.3, 1.0, factors=FACTORS),
    "ridge of factors": ElasticNet(0.3, factors=FACTORS),
    "elastic net of factors": ElasticNet(0.3, 0.5, factors=FACTORS),
    "bounds": ElasticNet(bounds=UNIT_BOUNDS),
    "bounds for all": ElasticNet(bounds=Bounds(-0.1, 0.1)),
    "lasso within bounds": ElasticNet(0.1, 1.0, bounds=UNIT_BOUNDS),
    "ridge within bounds, none negative": ElasticNet(0.2, positive=True, bounds=Bounds(upper=0.1)),
    "all of it": ElasticNet(
        0.1, 0.6, positive=True, factors=FACTORS, bounds=Bounds(None, {"x2": 0.05, "x5": 0.01})
    ),
}
each_kind = pytest.mark.parametrize("penalty", KINDS.values(), ids=KINDS)


def of_column(told: Any, j: int, usual: float) -> Fraction | float:
    """What is told of feature j: a fraction, or an infinity."""
    value = told.get(f"x{j + 1}", usual) if isinstance(told, Mapping) else usual if told is None else told
    return Fraction(value) if np.isfinite(value) else value


class Exact:
    """The objective of one target in fractions, of factors and bounds by name, and what holds at its optimum."""

    def __init__(self, X: np.ndarray, y: np.ndarray, penalty: ElasticNet, bias: bool) -> None:
        rows = [[Fraction(cell) for cell in row] for row in X.tolist()]
        self.n, p = len(rows), X.shape[1]
        self.means = [mean([row[j] for row in rows]) if bias else Fraction(0) for j in range(p)]
        targets = [Fraction(cell) for cell in y.tolist()]
        self.level = mean(targets) if bias else Fraction(0)
        self.columns = [[row[j] - self.means[j] for row in rows] for j in range(p)]
        self.y = [cell - self.level for cell in targets]
        shares = [Fraction(of_column(penalty.factors, j, 1.0)) for j in range(p)]
        self.l1 = [Fraction(penalty.alpha * penalty.l1_ratio) * share for share in shares]
        self.bend = [Fraction(penalty.alpha * (1 - penalty.l1_ratio)) * share for share in shares]
        bounds = penalty.bounds or Bounds()
        self.low = [of_column(bounds.lower, j, -np.inf) for j in range(p)]
        self.low = [max(low, Fraction(0)) if penalty.positive else low for low in self.low]
        self.high = [of_column(bounds.upper, j, np.inf) for j in range(p)]

    def value(self, weight: list[Fraction], bias: Fraction) -> Fraction:
        """Loss + penalty, the bias being any."""
        off = bias - self.level + dot(weight, self.means)
        residual = [r - off for r in self.residual(weight)]
        terms = zip(weight, self.l1, self.bend, strict=True)
        return dot(residual, residual) / self.n + sum(
            (l1 * abs(w) + c / 2 * w * w for w, l1, c in terms), Fraction(0)
        )

    def residual(self, weight: list[Fraction]) -> list[Fraction]:
        rows = list(zip(*self.columns, strict=True))
        return [y - dot(weight, list(row)) for y, row in zip(self.y, rows, strict=True)]

    def optimum(self, found: np.ndarray) -> list[Fraction] | None:
        """The weights that stand at the kinks where `found` does, and are best elsewhere; None if none is."""
        at = [Fraction(w) for w in found.tolist()]
        p = len(at)
        free = [
            j for j in range(p)
            if not (at[j] in (self.low[j], self.high[j]) or (at[j] == 0 and self.l1[j] > 0))
        ]  # fmt: skip
        fixed = [Fraction(0) if j in free else at[j] for j in range(p)]
        left, sign = self.residual(fixed), [(w > 0) - (w < 0) for w in at]
        scaled = [[2 * dot(self.columns[i], self.columns[j]) / self.n for j in free] for i in free]
        G = [
            [g + (self.bend[i] if i == j else 0) for g, j in zip(row, free, strict=True)]
            for row, i in zip(scaled, free, strict=True)
        ]
        h = [2 * dot(self.columns[i], left) / self.n - self.l1[i] * sign[i] for i in free]
        for j, value in zip(free, solved(G, h), strict=True):
            fixed[j] = value
        return fixed if self.is_optimum(fixed) else None

    def is_optimum(self, weight: list[Fraction]) -> bool:
        """Whether minus the slope of the loss is one of the penalty's, weight by weight."""
        residual = self.residual(weight)
        for j, w in enumerate(weight):
            pull = 2 * dot(self.columns[j], residual) / self.n - self.bend[j] * w
            sides = {-1} if w < 0 else {1} if w > 0 else {-1, 1}
            least, most = min(sides) * self.l1[j], max(sides) * self.l1[j]
            below, above = w <= self.low[j], w >= self.high[j]
            if not self.low[j] <= w <= self.high[j]:
                return False
            if (pull > most and not above) or (pull < least and not below):
                return False
        return True


@each_kind
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("bias", [True, False])
def test_nothing_is_claimed_that_exact_arithmetic_does_not_bear_out(
    penalty: ElasticNet, seed: int, bias: bool
) -> None:
    assert_borne_out(penalty, seed, bias)


def assert_borne_out(penalty: ElasticNet, seed: int, bias: bool) -> None:
    X, Y = problem(seed)
    model = gradline.fit(X, Y, penalty=penalty, bias=bias)
    claim, exact = model.certificate, Exact(X, Y[:, 0], penalty, bias)
    best = exact.optimum(model.weight[0])
    assert best is not None, "the kinks are those of the optimum"
    assert claim.status == "certified"
    weight, start = [Fraction(w) for w in model.weight[0].tolist()], Fraction(float(model.bias[0]))
    level = exact.level - dot(best, exact.means) if bias else Fraction(0)
    least, value = exact.value(best, level), exact.value(weight, start)
    assert 0 <= value - least <= Fraction(claim.gap) + value * Fraction(2) ** -100
    apart = np.array([abs(float(one - other)) for one, other in zip(weight, best, strict=True)])
    assert (apart <= np.array(claim.weight_error[0])).all()
    assert abs(float(start - level)) <= claim.bias_error[0]
    zero = np.array(claim.zero, bool)[0]
    at_bound = np.zeros(len(best), bool) if claim.at_bound is None else np.array(claim.at_bound, bool)[0]
    ends = zip(best, exact.low, exact.high, strict=True)
    is_at_end = np.array([b in (low, high) for b, low, high in ends])
    assert not (zero & (np.array(best) != 0)).any()
    assert not (at_bound & ~is_at_end).any()
    assert (at_bound | zero)[is_at_end].all(), "on these data no bound is met by a hair"
    assert claim.loss + (claim.penalty or 0.0) == pytest.approx(float(value), rel=1e-12)


@pytest.mark.parametrize("shape", [(60, 12), (15, 40)], ids=str)
def test_least_squares_with_bounds_are_those_of_scipy(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(3)
    X, y = random.standard_normal(shape), random.standard_normal(shape[0])
    y += X @ random.standard_normal(shape[1])
    peer = lsq_linear(X, y, (-0.3, 0.4), method="bvls", tol=1e-14, max_iter=1000)
    model = gradline.fit(X, y, penalty=ElasticNet(bounds=Bounds(-0.3, 0.4)), bias=False)
    assert model.certificate.loss == pytest.approx(2 * peer.cost / len(y), rel=1e-9, abs=1e-12)
    assert ((model.weight >= -0.3) & (model.weight <= 0.4)).all()
    if shape[0] > shape[1]:
        assert model.weight[0] == pytest.approx(peer.x, abs=1e-9)


def test_a_factor_is_the_penalty_of_a_column_divided_by_it() -> None:
    """w·x with f·|w| is (f·w)·(x/f) with |f·w|; glmnet's penalty.factor, of mean one, is the same."""
    random = np.random.default_rng(4)
    X, y = random.standard_normal((50, 6)), random.standard_normal(50)
    y += X @ np.array([1.0, -2.0, 0.0, 0.5, 0.0, 0.1])
    factors = np.array([0.5, 2.0, 1.0, 1.5, 0.7, 0.3])
    penalty = ElasticNet(0.2, 1.0, factors={f"x{j + 1}": f for j, f in enumerate(factors.tolist())})
    peer = peers.Lasso(0.1, tol=1e-14, max_iter=10**5).fit(X / factors, y)
    assert gradline.fit(X, y, penalty=penalty).weight[0] == pytest.approx(peer.coef_ / factors, abs=1e-9)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_what_has_no_penalty_is_taken_out_of_the_others_first(l1_ratio: float) -> None:
    """Frisch, Waugh, Lovell: the others are fitted to what least squares of the free columns leave of all."""
    random = np.random.default_rng(5)
    X, y = random.standard_normal((50, 7)), random.standard_normal(50)
    y += X @ np.arange(7)
    penalty = ElasticNet(0.5, l1_ratio, factors={"x1": 0, "x2": 0})
    model = gradline.fit(X, y, penalty=penalty)
    free = np.column_stack([np.ones(50), X[:, :2]])
    left = np.column_stack([X[:, 2:], y])
    left = left - free @ np.linalg.lstsq(free, left)[0]
    others = gradline.fit(left[:, :-1], left[:, -1], penalty=replace(penalty, factors=None), bias=False)
    assert model.weight[0, 2:] == pytest.approx(others.weight[0], abs=1e-10)
    assert model.certificate.status == "certified"


@each_kind
@pytest.mark.parametrize("scale", ["none", "standard"])
def test_a_saved_model_is_verified_and_a_moved_weight_is_found(
    penalty: ElasticNet, scale: str, tmp_path: Path
) -> None:
    X, Y = problem(7, targets=2)
    model = gradline.fit(X, Y, penalty=penalty, scale=scale)
    model.save(tmp_path / "m.safetensors")
    loaded = gradline.load(tmp_path / "m.safetensors")
    assert loaded.penalty == penalty
    assert loaded.certificate == model.certificate
    assert loaded.objective == model.objective
    outcome = gradline.verify(tmp_path / "m.safetensors", X, Y)
    assert outcome, outcome.verdict
    weight = model.weight.copy()
    weight.flat[np.argmax(np.abs(weight * X.std(axis=0)))] *= 1 - 1e-4
    assert not gradline.verify(replace(model, weight=weight), X, Y)


@pytest.mark.parametrize("seed", range(6))
def test_no_weight_is_over_its_bound_by_a_rounding(seed: int) -> None:
    """Bounds are in raw units, and training is on others: what comes back is at the bound itself."""
    X, Y = problem(seed, rows=40)
    top = 0.1 / X.std(axis=0)
    bounds = Bounds(0.0, {f"x{j + 1}": limit for j, limit in enumerate(top.tolist())})
    model = gradline.fit(X, Y, penalty=ElasticNet(bounds=bounds), scale="standard")
    assert (model.weight[0] <= top).all()
    assert model.certificate.at_bound is not None
    assert (model.weight[0] == top)[np.array(model.certificate.at_bound[0])].all()
    assert model.certificate.status == "certified"


LIES = {
    "at_bound": lambda c: replace(c, at_bound=[[True] * 6]),
    "at_bound of none": lambda c: replace(c, at_bound=[[True] * 5]),
    "gap": lambda c: replace(c, gap=-1.0),
    "zero": lambda c: replace(c, zero=[[True] * 6]),
    "weight_error": lambda c: replace(c, weight_error=[[0.0] * 6]),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_bounds_is_found(lie: str) -> None:
    X, Y = problem(7)
    model = gradline.fit(X, Y, penalty=KINDS["lasso within bounds"])
    changed = replace(model, certificate=LIES[lie](model.certificate))
    assert lie.split()[0] in [check.name for check in gradline.verify(changed, X, Y).disagreements]


@pytest.mark.parametrize(
    "other",
    [
        {"factors": None},
        {"factors": {**FACTORS, "x2": 2.0}},
        {"bounds": Bounds(None, {"x2": 0.04, "x5": 0.01})},
    ],
    ids=str,
)
def test_another_penalty_than_that_of_the_fit_is_found(other: dict[str, Any]) -> None:
    X, Y = problem(7)
    model = gradline.fit(X, Y, penalty=KINDS["all of it"])
    assert not gradline.verify(
        replace(model, penalty=replace(cast(ElasticNet, model.penalty), **other)), X, Y
    )


@each_kind
def test_compiled_loops_and_their_twin_reach_the_same_answer(
    penalty: ElasticNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, Y = problem(1, 60, 20)
    names = [f"x{j + 1}" for j in range(20)]
    A, b = X - X.mean(axis=0), Y[:, 0] - Y[:, 0].mean()
    omega = penalty.times(30.0).on(names, np.ones(20))
    found = []
    for kernels in (descent.kernels, lambda: None):
        monkeypatch.setattr(descent, "kernels", kernels)
        way = descent.Descent(descent.Columns.of(A), b)
        way.minimise(omega, 0.0)
        found.append(way.w)
    assert np.abs((found[0] - found[1]) * A.std(axis=0)).max() <= 1e-12 * np.abs(b).max()


@each_kind
@pytest.mark.parametrize("scale", ["none", "standard"])
def test_each_answer_of_a_path_is_that_of_a_fit(penalty: ElasticNet, scale: str) -> None:
    X, Y = problem(2, rows=30)
    path = gradline.path(X, Y, penalty=penalty, alphas=[3.0, 0.3, 0.03], scale=scale)
    for k, alpha in enumerate(path.alphas.tolist()):
        model = gradline.fit(X, Y, penalty=replace(penalty, alpha=alpha), scale=scale)
        assert path.weight[k] * X.std(axis=0) == pytest.approx(model.weight * X.std(axis=0), abs=1e-9)
        objective = model.certificate.loss + (model.certificate.penalty or 0.0)
        assert model.certificate.gap <= path.gap[k] + 1e-15 * objective
        assert path.gap[k] <= 1e-9 * objective


def test_a_path_begins_where_the_last_penalised_weight_goes() -> None:
    X, Y = problem(2, rows=30)
    penalty = ElasticNet(l1_ratio=1.0, factors={"x1": 0.0, "x3": 3.0})
    path = gradline.path(X, Y, penalty=penalty, alphas=5)
    assert np.count_nonzero(path.weight[0, 0, 1:]) == 0
    assert path.weight[0, 0, 0] != 0
    closer = gradline.path(X, Y, penalty=penalty, alphas=[path.alphas[0] * (1 - 1e-6)])
    assert np.count_nonzero(closer.weight[0, 0, 1:]) == 1
    assert path.freedom[0, 0] == 2.0


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_cross_validation_keeps_factors_and_bounds(l1_ratio: float) -> None:
    X, Y = problem(2, rows=60)
    told = {"factors": {"x1": 0.0}, "bounds": Bounds({"x2": 0.0})}
    model = gradline.fit(X, Y, penalty=gradline.CrossValidated(l1_ratio, **told, alphas=8), scale="standard")
    assert model.choice is not None
    assert model.penalty == ElasticNet(model.choice.alpha, l1_ratio, **told)
    assert model.weight[0, 1] >= 0
    assert gradline.verify(model, X, Y)
    with refused("folds-of-other-penalty"):
        gradline.CrossValidated(folds="loo", factors={"x1": 0.0})


@pytest.mark.parametrize("kind", ["lasso of factors", "ridge of factors", "all of it"])
@pytest.mark.parametrize("batch_size", [None, 100])
def test_training_arrives_at_the_same_answer(kind: str, batch_size: int | None) -> None:
    random = np.random.default_rng(6)
    X, y = random.standard_normal((100, 6)), random.standard_normal(100)
    y += X @ np.array([0.2, 1.0, -1.0, 0.5, 0.0, 0.1])
    exact = gradline.fit(X, y, penalty=KINDS[kind])
    solver: Any = gradline.GradientDescent(lr=0.2, epochs=600)
    if batch_size:  # of all rows, so that there is no noise
        solver = gradline.SGD(lr=0.2, epochs=600, batch_size=batch_size, decay="none")
    trained = gradline.fit(X, y, penalty=KINDS[kind], solver=solver)
    assert trained.weight == pytest.approx(exact.weight, abs=1e-9)
    assert trained.certificate.gap <= 1e-12
    assert gradline.verify(trained, X, y)


@pytest.mark.parametrize(
    ("loss", "l1_ratio"), [(gradline.Huber(1.0), 0.0), (gradline.Quantile(0.3), 1.0)], ids=str
)
def test_other_losses_take_factors(loss: Any, l1_ratio: float) -> None:
    """As columns divided by f, or by its root for squares, have them with one factor for all."""
    random = np.random.default_rng(8)
    X, y = random.standard_normal((80, 4)), random.standard_normal(80) ** 3
    factors = np.array([0.5, 2.0, 1.0, 1.5])
    told = {f"x{j + 1}": f for j, f in enumerate(factors.tolist())}
    model = gradline.fit(X, y, loss=loss, penalty=ElasticNet(0.1, l1_ratio, factors=told))
    unit = factors if l1_ratio else np.sqrt(factors)
    alike = gradline.fit(X / unit, y, loss=loss, penalty=ElasticNet(0.1, l1_ratio))
    assert model.weight[0] == pytest.approx(alike.weight[0] / unit, abs=1e-9)
    assert gradline.verify(model, X, y)
    with refused("penalty-of-other-loss"):
        gradline.fit(X, y, loss=loss, penalty=ElasticNet(bounds=Bounds(0.0)))


def test_the_command_line_says_what_python_says(tmp_path: Path) -> None:
    told = [
        "fit", "example:longley", "-t", "employed", "--alpha", "0.5", "--l1-ratio", "0.5", "--unpenalised", "year",
        "--factor", "gnp=0.5", "--at-least", "unemployed=-1.25", "--at-most", "population=0.001", "-o",
    ]  # fmt: skip
    shown = command(*told, "m.safetensors", folder=tmp_path)
    penalty = ElasticNet(
        0.5,
        0.5,
        factors={"gnp": 0.5, "year": 0.0},
        bounds=Bounds({"unemployed": -1.25}, {"population": 0.001}),
    )
    model, saved = (
        gradline.fit("example:longley", "employed", penalty=penalty),
        gradline.load(tmp_path / "m.safetensors"),
    )
    assert saved.penalty == penalty
    assert (saved.weight == model.weight).all()
    words = " ".join(shown.out.split())
    assert "0.25·Σf·|w| + 0.125·Σf·w², f = 0.5 for gnp, 0 for year, and 1 for others" in words
    assert "unemployed ≥ -1.25, population ≤ 0.001" in words
    assert "at a bound in the best answer, for certain" in words
    toml = command("show", "m.safetensors", "--config", folder=tmp_path).out
    (tmp_path / "again.toml").write_text(toml)
    again = command("fit", "--config", "again.toml", "-o", "n.safetensors", folder=tmp_path)
    assert again.code == 0, again.err
    assert (gradline.load(tmp_path / "n.safetensors").weight == saved.weight).all()
    for name in ("m", "n"):
        assert command("verify", f"{name}.safetensors", "example:longley", folder=tmp_path).code == 0


def test_a_category_is_named_as_a_whole() -> None:
    penalty = ElasticNet(1e4, 1.0, factors={"species": 0.0})
    model = gradline.fit("example:penguins", "body_mass_g", penalty=penalty, missing="drop")
    kept = [name for name, w in zip(model.features, model.weight[0], strict=True) if w]
    assert kept == [name for name in model.features if name.startswith("species=")]
    assert len(kept) == 2


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    X, Y = problem(0)
    with refused("number-of-weight-invalid", "'a': -1"):
        ElasticNet(1.0, factors={"a": -1})
    with refused("factors-invalid", "by name"):
        ElasticNet(1.0, factors=[1.0, 2.0])
    with refused("number-of-weight-invalid", "lower", "nan"):
        Bounds(lower=float("nan"))
    with refused("bounds-invalid", "gradline.Bounds"):
        ElasticNet(bounds=(0.0, 1.0))  # type: ignore[arg-type]
    with refused("bounds-crossed", "every weight", "2", "1"):
        Bounds(2.0, 1.0)
    with refused("bounds-crossed", "x2"):
        gradline.fit(X, Y, penalty=ElasticNet(positive=True, bounds=Bounds(upper={"x2": -1.0})))
    with refused("penalty-of-other-column", "rooms", "x1"):
        gradline.fit(X, Y, penalty=ElasticNet(1.0, factors={"rooms": 0.0}))
    fit = ("fit", "example:crops", "-t", "apples")
    for words, code in (
        (["--at-least", "temp=warm"], "number-of-column-invalid"),
        (["--at-least", "0", "--at-least", "temp=1"], "number-of-all-and-some"),
        (["--factor", "temp=0.5"], "factors-of-nothing"),
        (["--alpha", "1", "--factor", "0.5"], "factors-invalid"),
    ):
        shown = command(*fit, *words, "--json", folder=tmp_path)
        expect_refusal(shown.err, code)
        assert shown.code == 2


@pytest.mark.full
@pytest.mark.parametrize("seed", range(100, 160))
@each_kind
def test_many_random_problems_bear_every_claim_out(penalty: ElasticNet, seed: int) -> None:
    assert_borne_out(penalty, seed, bias=seed % 2 == 0)
