"""Models of other libraries, and modules built to mislead: judged by their own mean squared error, or refused."""

import sys
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
import torch
from refusals import refused
from sklearn.compose import TransformedTargetRegressor
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, PoissonRegressor, Ridge, SGDRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import LinearSVR
from torch import nn

import gradline

RANDOM = np.random.default_rng(7)
X = RANDOM.normal(size=(120, 3)) * [1.0, 20.0, 0.3] + [50.0, -10.0, 2.0]
Y = X @ RANDOM.normal(size=(3, 2)) + 5 + RANDOM.normal(size=(120, 2))
y = Y[:, 0]
POSITIVE = np.exp(0.01 * y - 0.01 * y.mean())
NAMES = ["temp", "rain", "wind"]
FRAME = pd.DataFrame(X, columns=NAMES)
TX, TY = torch.tensor(X), torch.tensor(Y)
x, line = X[:, 0], 3 * X[:, 0] - 20 + RANDOM.normal(size=120)  # one column


def linear(p=3, m=2, bias=True, dtype=torch.float64):
    torch.manual_seed(1)
    return nn.Linear(p, m, bias=bias, dtype=dtype)


class Manual(nn.Module):
    """The tutorials' way."""

    def __init__(self, size=1):
        super().__init__()
        self.w = nn.Parameter(torch.full((size,), 1.25, dtype=torch.float64))
        self.b = nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def forward(self, x):
        return self.w * x + self.b


class Matmul(nn.Module):
    """A weight (p, m), by names of its own."""

    def __init__(self):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(RANDOM.normal(size=(3, 2))))
        self.offset = nn.Parameter(torch.ones(2, dtype=torch.float64))

    def forward(self, x):
        return x @ self.theta + self.offset


class Then(nn.Module):
    """A function before and after one linear layer."""

    def __init__(self, before=lambda x: x, after=lambda y: y, layer=None):
        super().__init__()
        self.linear, self.before, self.after = layer or linear(), before, after

    def forward(self, x):
        return self.after(self.linear(self.before(x)))


def own(model, X, Y):
    """The mean squared error that a module, an estimator or a function has by its own account."""
    if isinstance(model, nn.Module):
        with torch.no_grad():
            predicted = model(torch.tensor(X, dtype=next(model.parameters()).dtype)).numpy()
    else:
        predicted = np.asarray(model.predict(X) if hasattr(model, "predict") else model(X))
    return float(((predicted.reshape(np.shape(Y)) - Y) ** 2).mean())


def sklearn(model, target=y, data: Any = X):
    return lambda: (model.fit(data, target), data, target)


def module(model, X=X, Y=Y):
    return lambda: (model() if isinstance(model, type) else model, X, Y)


JUDGED = {
    "LinearRegression": sklearn(LinearRegression()),
    "LinearRegression of two targets": sklearn(LinearRegression(), Y),
    "without intercept": sklearn(LinearRegression(fit_intercept=False)),
    "Ridge": sklearn(Ridge(3.0)),
    "LinearSVR": sklearn(LinearSVR(max_iter=100_000, tol=1e-2, random_state=0)),
    "SGDRegressor in a pipeline": sklearn(make_pipeline(StandardScaler(), SGDRegressor(random_state=0))),
    "pipeline of two targets": sklearn(make_pipeline(StandardScaler(), Ridge()), Y),
    "PLSRegression": sklearn(PLSRegression(2)),
    "PLSRegression of two targets": sklearn(PLSRegression(2), Y),
    "TransformedTargetRegressor": sklearn(
        TransformedTargetRegressor(LinearRegression(), transformer=StandardScaler())
    ),
    "GridSearchCV": sklearn(GridSearchCV(Ridge(), {"alpha": [0.1, 10.0]})),
    "fitted to a frame": sklearn(LinearRegression(), data=FRAME),
    "nn.Linear": module(linear()),
    "nn.Linear without bias": module(linear(bias=False)),
    "Flatten and Linear": module(nn.Sequential(nn.Flatten(), linear())),
    "Flatten and Linear of pictures": module(nn.Sequential(nn.Flatten(), linear()), X[:, None, :]),
    "two layers": module(nn.Sequential(linear(3, 5), linear(5, 2))),
    "by w and b, one column": module(Manual(), x[:, None], line[:, None]),
    "by w and b, x without columns": module(Manual(), x, line),
    "by names of its own": module(Matmul),
    "standardised in forward": module(Then(lambda x: (x - TX.mean(0)) / TX.std(0))),
    "target scaled back": module(Then(after=lambda y: y * TY.std(0) + TY.mean(0))),
    "BatchNorm, in eval mode": module(nn.Sequential(nn.BatchNorm1d(3, dtype=torch.float64), linear()).eval()),
    "Dropout, in eval mode": module(nn.Sequential(nn.Dropout(), linear()).eval()),
    "clamped where no row ever is": module(Then(lambda x: x.clamp(-1e6, 1e6))),
    "squeezed": module(Then(after=lambda y: y.squeeze(), layer=linear(3, 1)), X, y),
    "changes its input": module(Then(lambda x: x.mul_(2.0))),
    "a function": lambda: (lambda X: X @ [1.0, 2.0, 3.0] + 4, X, y),
    "polynomial of degree one": sklearn(make_pipeline(PolynomialFeatures(1), LinearRegression())),
}


@pytest.mark.parametrize("name", JUDGED)
def test_it_is_judged_by_its_own_mean_squared_error(name):
    model, data, targets = JUDGED[name]()
    certificate = gradline.certify(model, data, targets)
    expected = own(model, data, targets)
    assert certificate.gap + certificate.optimal_loss == pytest.approx(expected, rel=1e-9)
    assert certificate.loss == pytest.approx(expected, rel=1e-9)


STATSMODELS = {
    "OLS, its constant beside the data": (lambda: sm.OLS(y, sm.add_constant(X)).fit(), X),
    "OLS, its constant among the data": (lambda: sm.OLS(y, sm.add_constant(X)).fit(), sm.add_constant(X)),
    "OLS without constant": (lambda: sm.OLS(y, X).fit(), X),
    "OLS of a frame": (lambda: sm.OLS(y, sm.add_constant(FRAME[["wind", "temp", "rain"]])).fit(), FRAME),
    "WLS": (lambda: sm.WLS(y, sm.add_constant(X), weights=cast(Any, X[:, 2] ** 2)).fit(), X),
    "RLM": (lambda: sm.RLM(y, sm.add_constant(X)).fit(), X),
    "Gaussian GLM": (lambda: sm.GLM(y, sm.add_constant(X)).fit(), X),
    "by formula": (lambda: smf.ols("y ~ wind + center(temp) + rain", FRAME.assign(y=y)).fit(), FRAME),
}


@pytest.mark.parametrize("name", STATSMODELS)
def test_results_of_statsmodels_are(name):
    make, data = STATSMODELS[name]
    results = make()
    certificate = gradline.certify(results, data, y)
    assert certificate.loss == pytest.approx(float(((results.fittedvalues - y) ** 2).mean()), rel=1e-9)
    if "OLS" in name and "WLS" not in name:
        assert certificate.status == "certified"


W, B = RANDOM.normal(size=(2, 3)), np.array([1.0, 2.0])
PAIRS = {
    "arrays": ((W, B), X, Y, X @ W.T + B),
    "without bias": ((W, None), X, Y, X @ W.T),
    "a weight (p, m)": ((W.T, B), X, Y, X @ W.T + B),
    "lists": ((W.tolist(), B.tolist()), X, Y, X @ W.T + B),
    "tensors": ((torch.tensor(W, requires_grad=True), torch.tensor(B)), X, Y, X @ W.T + B),
    "floats": ((1.5, -2.0), x[:, None], line, 1.5 * x - 2),
    "floats, x without columns": ((1.5, -2.0), x, line, 1.5 * x - 2),
    "a state_dict": ({"linear.weight": torch.tensor(W), "linear.bias": torch.tensor(B)}, X, Y, X @ W.T + B),
    "a state_dict without bias": ({"0.weight": torch.tensor(W)}, X, Y, X @ W.T),
    "a state_dict of w and b": (Manual().state_dict(), x[:, None], line, 1.25 * x),
    "a state_dict of scalars": ({"Intercept_": -2.0, "coef_": 1.5}, x[:, None], line, 1.5 * x - 2),
    "a state_dict of slope alone": ({"fit.slope": 1.5}, x[:, None], line, 1.5 * x),
    "a state_dict told by its sizes": ({"alpha": B, "beta": W}, X, Y, X @ W.T + B),
    "a state_dict of b, and a weight of any name": ({"b": B, "theta": W.T}, X, Y, X @ W.T + B),
    "an object": (SimpleNamespace(coef_=W, intercept_=B), X, Y, X @ W.T + B),
}


@pytest.mark.parametrize("name", PAIRS)
def test_coefficients_alone_are(name):
    model, data, targets, predicted = PAIRS[name]
    loss = float(((predicted - targets) ** 2).mean())
    assert gradline.certify(model, data, targets).loss == pytest.approx(loss, rel=1e-9)


def far(offset, noise=1.0):
    """Two columns, one far from zero, and their target."""
    n = np.arange(60.0)
    data = np.column_stack([n + offset, np.sin(n)])
    return data, data @ [1.0, 2.0] + noise * np.cos(3 * n)


def single(Z):
    """A line whose values are rounded to float32."""
    return (Z @ [1.0, 2.0]).astype(np.float32)


@pytest.mark.parametrize("offset", [1e6, 1e7, 1e8, 1e9])
@pytest.mark.parametrize("kind", ["function", "layer"])
def test_what_rounds_its_outputs_away_is_refused(kind, offset):
    data, targets = far(offset)
    layer = linear(2, 1, bias=False, dtype=torch.float32)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, 2.0]))
    with refused("outputs-rounded", "model.double()"):
        gradline.certify(single if kind == "function" else layer, data, targets)


@pytest.mark.parametrize("offset", [0.0, 30.0, 1e3, 1e4])
@pytest.mark.parametrize("weights", [None, "counts"])
def test_its_own_error_is_told_where_rounding_makes_it_another(offset, weights):
    data, targets = far(offset)
    counts = None if weights is None else np.arange(60) % 4 + 1.0
    certificate = gradline.certify(single, data, targets, weights=counts)
    expected = float(np.average((single(data) - targets) ** 2, weights=counts))
    apart = abs(expected - certificate.loss) > 1e-6 * certificate.loss
    said = " ".join(certificate.remarks)
    assert apart == ("rounds" in said) == (f"own mean squared error is {expected:.5f}"[:-1] in said)
    assert apart or offset < 1e4
    assert not apart or offset > 100


def test_what_is_above_the_optimum_is_not_certified_for_want_of_digits():
    """What float32 leaves open of these coefficients reaches the best ones; their loss does not."""
    for offset in (300.0, 1e3, 3e3):
        data, targets = far(offset)
        certificate = gradline.certify(lambda Z: (Z @ [1.0, 2.2]).astype(np.float32), data, targets)
        assert certificate.gap > 1e-3 * certificate.optimal_loss
        assert certificate.status == "stopped"


@pytest.mark.parametrize("noise", [0.0, 1e-3, 10.0])
def test_ordinary_data_in_float32_are_judged(noise):
    """Loss and outputs as float32 rounds them on columns near zero, of perfect fits too."""
    data, targets = far(10.0, noise)
    best = gradline.fit(data, targets)
    layer = linear(2, 1, dtype=torch.float32)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(best.weight))
        layer.bias.copy_(torch.tensor(best.bias))
    certificate = gradline.certify(layer, data, targets)
    assert "rounds" not in " ".join(certificate.remarks)
    assert certificate.loss == pytest.approx(best.certificate.loss, rel=1e-5, abs=1e-10)


@pytest.mark.parametrize(
    "names", ["a b", "alpha beta", "w0 w1", "m c", "weight shift", "bias theta", "x.a x.b", "beta", "scale"]
)
def test_names_that_may_be_either_are_refused(names):
    state = {name: [float(i + 1)] for i, name in enumerate(names.split())}
    with refused("ambiguous-names", "weight and bias", "coef and intercept"):
        gradline.certify(state, x[:, None], line)


@pytest.mark.parametrize(
    ("state", "name"),
    [({"bias": W, "weight": B}, "bias"), ({"w": W, "kernel": B}, "kernel"), ({"bias": B}, "bias")],
    ids=["swapped", "two weights", "a bias alone"],
)
def test_names_against_the_sizes_are_refused(state, name):
    with refused("not-a-linear-model", name):
        gradline.certify(state, X, Y)


def test_columns_are_found_by_name():
    model = LinearRegression().fit(FRAME[["wind", "rain", "temp"]], y)
    ours = gradline.fit(FRAME[["rain", "wind", "temp"]], y)
    for found in (model, ours):
        assert gradline.certify(found, FRAME, y).status == "certified"
    with refused("coefficients-do-not-match", "wind", "temp, rain"):
        gradline.certify(model, FRAME[["temp", "rain"]].assign(x=1.0), y)


@pytest.mark.parametrize(
    "model", [LinearRegression(fit_intercept=False), sm.OLS, nn.Linear], ids=["sklearn", "sm", "nn"]
)
def test_a_model_without_bias_is_judged_as_one(model):
    best = gradline.fit(X, y, bias=False)
    if model is sm.OLS:
        model = sm.OLS(y, X).fit()
    elif model is nn.Linear:
        model = best.to_torch()
    else:
        model.fit(X, y)
    assert gradline.certify(model, X, y).status == "certified"


def test_a_bias_of_zero_is_one():
    for model in (Manual(), LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])):
        found = gradline.certify(model, [[0.0], [1.0], [2.0]], [1.0, 1.0, 2.0])
        assert found.optimal_loss == pytest.approx(
            gradline.fit([[0.0], [1.0], [2.0]], [1.0, 1.0, 2.0]).certificate.loss
        )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_parameters_in_few_digits_are_taken_as_they_are(dtype):
    layer = linear(dtype=dtype)
    weight, bias = (part.detach().double().numpy() for part in (layer.weight, layer.bias))
    loss = float(((X @ weight.T + bias - Y) ** 2).mean())
    for model in (layer, nn.Sequential(nn.Flatten(), layer)):
        found = gradline.LinearModel.from_torch(model, X, Y)
        np.testing.assert_array_equal(found.weight, weight)
        np.testing.assert_array_equal(found.bias, bias)
        assert found.certificate.loss == pytest.approx(loss, rel=1e-12)


class Single(nn.Module):
    """Computes in float32, whatever comes, and its map is no parameter of it."""

    def __init__(self, best):
        super().__init__()
        self.first = nn.Parameter(torch.tensor(best.weight / 3, dtype=torch.float32))
        self.bias = nn.Parameter(torch.tensor(best.bias / 3, dtype=torch.float32))

    def forward(self, x):
        return 3 * (x.float() @ self.first.float().T + self.bias.float())


def test_a_map_that_is_read_off_float32_says_how_surely():
    best = gradline.fit(X, Y)
    certificate = gradline.certify(Single(best), X, Y)
    assert certificate.loss == pytest.approx(own(Single(best), X, Y), rel=1e-5)
    assert 1 < certificate.digits < 7
    exact = 3 * Single(best).first.detach().double().numpy()
    assert (np.abs(exact - best.weight) <= np.array(certificate.weight_error)).all()


class Drift(nn.Module):
    """Remembers how often it was asked."""

    def __init__(self):
        super().__init__()
        self.linear, self.calls = linear(), 0

    def forward(self, x):
        self.calls += 1
        return self.linear(x) + 1e-3 * self.calls


class ByDtype(nn.Module):
    """Something else in float64 than in float32."""

    def __init__(self):
        super().__init__()
        self.linear = linear(dtype=torch.float32)

    def forward(self, x):
        found = self.linear(x)
        return found if x.dtype == torch.float64 else found.relu()


class Meddling(nn.Module):
    """A parameter that forward changes."""

    def __init__(self):
        super().__init__()
        self.linear = linear()

    def forward(self, x):
        out = self.linear(x)
        self.linear.weight.data.mul_(1.01)
        return out


class SingleKink(Single):
    """In float32, and no line."""

    def forward(self, x):
        found = super().forward(x)
        return found + 1e-4 * found.abs()


middle = float(np.median(X[:, 0]))
REFUSED = {
    "PoissonRegressor": sklearn(PoissonRegressor(alpha=0), POSITIVE),
    "RandomForestRegressor": sklearn(RandomForestRegressor(5, random_state=0)),
    "polynomial of degree two": sklearn(make_pipeline(PolynomialFeatures(2), LinearRegression())),
    "logarithm of the target": sklearn(
        TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp), POSITIVE
    ),
    "ReLU net": module(nn.Sequential(linear(3, 8), nn.ReLU(), linear(8, 2))),
    "ReLU behind": module(nn.Sequential(linear(), nn.ReLU())),
    "Dropout, training": module(nn.Sequential(nn.Dropout(), linear())),
    "BatchNorm, training": module(nn.Sequential(nn.BatchNorm1d(3, dtype=torch.float64), linear())),
    "clamped within the rows": module(Then(lambda x: x.clamp(max=51.0))),
    "clamped beyond all but one": module(Then(lambda x: x.clamp(max=float(np.sort(X.ravel())[-2])))),
    "abs": module(Then(torch.abs)),
    "abs around the middle": module(Then(after=lambda y: y + 1e-3 * (y - y[:1]).abs())),
    "kink within a column": module(Then(lambda x: torch.where(x > middle, x, 1.0001 * x))),
    "another at one row": module(
        Then(lambda x: torch.where((x == TX[77]).all(1, keepdim=True), 1.001 * x, x))
    ),
    "another for one row alone": module(
        Then(after=lambda y: y + 1e-6 * (len(y) == 1 and y.abs().max() > 1e-9))
    ),
    "floor": module(Then(after=torch.floor)),
    "rounded to 6 decimals": module(Then(after=lambda y: torch.round(y, decimals=6))),
    "softmax over the batch": module(Then(after=lambda y: y + torch.softmax(y, 0))),
    "centred in the batch": module(Then(lambda x: x - x.mean(0))),
    "batch size": module(Then(after=lambda y: y + 1e-6 * len(y))),
    "noise": module(Then(after=lambda y: y + 1e-9 * torch.randn_like(y))),
    "remembers": module(Drift),
    "another in float32": module(ByDtype),
    "float32 within, and a kink": lambda: (SingleKink(gradline.fit(X, Y)), X, Y),
    "a dict": module(Then(after=lambda y: {"out": y})),
    "a pair": module(Then(after=lambda y: (y, y))),
    "None": module(Then(after=lambda _: None)),
    "integers": module(Then(after=lambda y: y.long())),
    "one output for two targets": module(linear(3, 1)),
    "two outputs for one target": module(linear(3, 2), X, y),
    "flat for two targets": module(Then(after=lambda y: y[:, 0])),
    "the mean over the batch": module(Then(after=lambda y: y.mean(0))),
    "other columns": module(linear(4, 2)),
    "not finite at zero": module(Then(lambda x: x.abs().log())),
    "log link of statsmodels": lambda: (
        sm.GLM(POSITIVE, sm.add_constant(X), family=sm.families.Poisson()).fit(),
        X,
        POSITIVE,
    ),
    "a formula with a square": lambda: (smf.ols("y ~ temp + I(rain**2)", FRAME.assign(y=y)).fit(), FRAME, y),
    "a lambda that is none": lambda: (lambda X: np.sin(X[:, 0]), X, y),
    "running statistics in a state_dict": lambda: (
        nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2)).state_dict(),
        X,
        Y,
    ),
    "a class": lambda: (nn.Linear, X, Y),
    "an object": lambda: (object(), X, Y),
    "text": lambda: ("crops.csv", X, Y),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_linear_map_is_refused(name):
    model, data, targets = REFUSED[name]()
    with pytest.raises(gradline.GradlineError) as caught:
        gradline.certify(model, data, targets)
    assert caught.value.code in ("not-a-linear-model", "coefficients-do-not-match")


def test_the_last_of_many_rows_is_asked_too():
    many = RANDOM.normal(size=(600_000, 2))
    last = tuple(many[-1])
    model = lambda X: X @ [1.0, 2.0] + (last == X).all(axis=1)  # noqa: E731
    with refused("not-a-linear-model", "at a row", "a difference of 1"):
        gradline.certify(model, many, many[:, 0])


def test_the_refusal_shows_the_difference():
    with refused("not-a-linear-model", "x1 = ", "it gives", "Sequential"):
        gradline.certify(nn.Sequential(linear(), nn.ReLU()), X, Y)


def test_it_leaves_no_trace():
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2), Drift())
    for layer in (model[0], model[1]):
        layer.to(torch.float32)
    model[2].linear = nn.Linear(2, 2)
    model.eval()
    model[0].train()
    model[1].weight.grad = torch.ones(2, 3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(3)
    state, modes = torch.random.get_rng_state(), [part.training for part in model.modules()]
    with pytest.raises(gradline.GradlineError):
        gradline.certify(model, X.astype(np.float32), Y)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
        assert value.dtype == before[name].dtype
    assert torch.equal(torch.random.get_rng_state(), state)
    assert [part.training for part in model.modules()] == modes
    assert torch.equal(model[1].weight.grad, torch.ones(2, 3))
    assert model[2].calls == 0
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_module_that_cannot_be_copied_is_left_as_it_was():
    class Stubborn(Meddling):
        def __deepcopy__(self, memo):
            raise RuntimeError("no copy")

    layer = Stubborn()
    before = layer.linear.weight.detach().clone()
    certificate = gradline.certify(layer, X, Y)
    assert torch.equal(layer.linear.weight, before)
    assert certificate.loss == pytest.approx(own(layer, X, Y), rel=1e-9)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_have_diverged(value):
    layer = linear()
    with torch.no_grad():
        layer.weight.fill_(value)
    found = gradline.certify(layer, X, Y)
    assert (found.status, found.digits, found.epochs_to_loss, found.directions) == ("diverged", 0, None, [])
    assert np.isinf(found.weight_error).all()
    assert gradline.certify((np.full((2, 3), np.nan), np.zeros(2)), X, Y).status == "diverged"


def test_without_pandas_names_are_found_by_position(monkeypatch):
    model = LinearRegression().fit(FRAME[["wind", "rain", "temp"]], y)
    monkeypatch.delitem(sys.modules, "pandas")
    data: Any = {name: FRAME[name].to_list() for name in NAMES} | {"y": y.tolist()}
    assert gradline.certify(model, data, "y").status == "certified"
