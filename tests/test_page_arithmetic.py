"""The arithmetic of the page, run by node, says what gradline says of the same data."""

import itertools
import math
import re
from pathlib import Path

import mpmath
import numpy as np
import pytest
from page_cases import CASES, close, on_view, opened
from test_heavy_ball import recurrence, steps

import gradline
from gradline.core.text import big, number, percent
from gradline.moments.rank import determined_factor
from gradline.solvers.best_rate import best_rate
from gradline.solvers.problem import Problem, stacked

MODULES = sorted((Path(gradline.__file__).parent / "pages/assets/arithmetic").glob("*.js"))
ALL = pytest.mark.parametrize("name", CASES)


@ALL
@pytest.mark.needs("node")
def test_every_epoch_equals_the_trajectory(name):
    page, random, asked = opened(name), np.random.default_rng(4), []
    for view in page.scalings:
        limit = page.path(view, 1.0, 0.0, page.start(0)).lr_limit
        for i, momentum in enumerate([0.0, 1.0, 0.5, 0.9, *random.random(6)]):
            lr = float(limit * (1 + momentum) * 10 ** random.uniform(-5, 0))
            told = {"view": view, "lr": lr, "momentum": momentum, "start": page.start(i)}
            epochs = [int(10 ** random.uniform(0, 6)) for _ in range(3)] + [0, 1, 10**9]
            asked.append({"what": "path", **told, "epochs": epochs})
    for request, answer in zip(asked, page.ask(*asked), strict=True):
        view, momentum = request["view"], request["momentum"]
        path = page.path(view, request["lr"], momentum, request["start"])
        for epoch, got in zip(request["epochs"], answer["points"], strict=True):
            # Undamped, the phase k·φ is only known to k roundings.
            tolerance = max(1e-9, 1e-14 * epoch) if momentum == 1 else 1e-9
            point = path.at(epoch)
            weight, bias = page.scalings[view].to_raw(point.weight, point.bias)
            close(got["loss"], point.loss, tolerance)
            close(got["weight"], weight, tolerance)
            close(got["bias"], bias, tolerance)


@pytest.mark.needs("node")
def test_shares_of_an_error_equal_eighty_digits():
    cases = [
        (a, momentum, epoch)
        for momentum in (0.0, 0.5, 0.99, 1.0)
        for epoch in (0, 1, 2, 101, 10**6)
        for a in steps(momentum)
    ]
    for (a, momentum, epoch), got in zip(
        cases, opened("crops").ask({"what": "errors", "cases": cases})[0], strict=True
    ):
        tolerance = max(1e-10, epoch * 1e-15) if momentum == 1 else 1e-10
        exact = recurrence(a, momentum, epoch)
        assert abs(got["left"] - exact) <= tolerance * max(1, abs(exact)), (a, momentum, epoch)
        assert abs(got["covered"] - (1 - exact)) <= tolerance * max(1, abs(exact)), (a, momentum, epoch)
        if abs(exact) > 1e-3:
            assert abs(got["log"] - mpmath.log(abs(exact))) <= 1e3 * tolerance, (a, momentum, epoch)


@pytest.mark.needs("node")
@pytest.mark.parametrize("momentum", [0.0, 0.9, 1.0])
def test_where_float64_ends_the_logarithm_of_the_loss_goes_on(momentum):
    page, epochs = opened("crops"), [10, 1000, 10**9]
    start = page.start(5)
    path = page.path("raw", 1.0, momentum, start)
    lr = 3 * path.lr_limit
    request = {
        "what": "path",
        "view": "raw",
        "lr": lr,
        "momentum": momentum,
        "start": start,
        "epochs": epochs,
    }
    [answer] = page.ask(request)
    A, B, _ = determined_factor(page.moments, True)
    theta = stacked((start["weight"], start["bias"]), page.moments, True)
    distance = path.spectrum.left.T @ (A @ theta - B)
    for epoch, got in zip(epochs, answer["points"], strict=True):
        left = [recurrence(lr * curvature, momentum, epoch) for curvature in path.spectrum.curvatures]
        gap = sum((e * mpmath.mpf(c)) ** 2 for e, row in zip(left, distance, strict=True) for c in row)
        loss = path.optimal_loss + gap / (page.moments.m * page.moments.weight_sum)
        assert math.isclose(got["log10Loss"], mpmath.log10(loss), rel_tol=1e-9)
        assert got["overflow"] == (epoch > 10)
        assert (got["loss"] is None) == (got["gap"] is None) == (epoch > 10)
        assert math.isclose(sum(part["share"] for part in got["holding"]), 1, rel_tol=1e-9)
        assert got["holding"][0]["halfLife"] == "Infinity"
    assert answer["toLoss"] == answer["toWeights"] == "Infinity"


@ALL
@pytest.mark.needs("node")
def test_what_holds_it_back_and_how_long_it_takes(name):
    page, start, epochs = opened(name), opened(name).start(6), [0, 3, 40]
    asked, paths = [], []
    for view, momentum in itertools.product(page.scalings, (0.0, 0.8)):
        lr = page.path(view, 1.0, momentum, start).best_lr / 2
        paths.append(page.path(view, lr, momentum, start))
        asked.append(
            {"what": "path", "view": view, "lr": lr, "momentum": momentum, "start": start, "epochs": epochs}
        )
    for path, answer in zip(paths, page.ask(*asked), strict=True):
        for epoch, got in zip(epochs, answer["points"], strict=True):
            expected = path.directions(epoch)
            close([part["share"] for part in got["holding"]], [part.share for part in expected])
            close([part["halfLife"] for part in got["holding"]], [part.half_life for part in expected])
            assert [part["columns"] for part in got["holding"]] == [part.columns for part in expected]
            close(sum(part["gap"] for part in got["holding"]), path.at(epoch).gap)
        assert float(answer["toLoss"]) == pytest.approx(path.epochs_to_loss(), rel=1e-9, abs=1)
        assert float(answer["toWeights"]) == pytest.approx(path.epochs_to_weights(), rel=1e-9)


@ALL
@pytest.mark.needs("node")
def test_the_best_rate_at_an_epoch_is_that_of_lr_auto(name):
    page, start, asked, expected = opened(name), opened(name).start(25), [], []
    for view, momentum, epochs in itertools.product(page.scalings, (0.0, 0.9), (0, 1, 60, 2000)):
        problem = Problem.of(page.moments, None, page.model.has_bias, page.scalings[view])
        begin = on_view(page, view, start)
        theta = stacked((begin["weight"], begin["bias"]), problem.moments, page.model.has_bias)
        told = {"view": view, "start": start, "momentum": momentum}
        asked.append({"what": "bestRate", **told, "epochs": epochs})
        expected.append(best_rate(problem, theta, epochs, momentum))
    for told, got, lr in zip(asked, page.ask(*asked), expected, strict=True):
        view, momentum, epochs = (told[key] for key in ("view", "momentum", "epochs"))
        mine, python = (page.path(view, rate, momentum, start).at(epochs) for rate in (got, lr))
        assert mine.gap <= python.gap * (1 + 1e-3) + 1e-13 * mine.loss, told
        if momentum == 0:
            assert got == pytest.approx(lr, rel=1e-9), told


@pytest.mark.needs("node")
def test_the_words_are_those_of_gradline():
    random = np.random.default_rng(15)
    values = [0.0, 1.0, 0.01, 0.0101, 999.5, 1e6, 1e-3, 12, *(10 ** random.uniform(-9, 15, 300)).tolist()]
    shares = np.minimum(values, 1.0).tolist()
    words, of_shares = opened("crops").ask(
        {"what": "words", "values": values}, {"what": "words", "values": shares}
    )
    for value, share, said, of_share in zip(values, shares, words, of_shares, strict=True):
        assert said[:2] == [number(value), big(value)], value
        assert of_share[2] == percent(share), share


READINGS = {  # what a reader may type, and the numbers that it can mean
    "0.005": [0.005], " 0,005 ": [0.005], "5e-3": [0.005], "5,5e-3": [0.0055], "−1,25": [-1.25], "-3": [-3],
    "12,300": [12.3, 12300], "1,234,567": [1234567], "1,234.5": [1234.5], "0,500": [0.5], ",5": [0.5], "12,30": [12.3],
    "": [], "abc": [], "1,2,3": [], "1,23,456": [], "1.2.3": [], "1,2.5": [], "0x,1": [],
}  # fmt: skip


@pytest.mark.needs("node")
def test_a_comma_may_be_the_decimal_one_or_group_digits():
    [got] = opened("crops").ask({"what": "readings", "texts": list(READINGS)})
    assert dict(zip(READINGS, got, strict=True)) == READINGS


@pytest.mark.needs("node")
def test_a_field_shows_a_number_that_it_reads_back():
    values = [0, 0.07, -0.000617, 1.23e-5, -2.38e23, 123456789, 1e9, 1.23e-10, -4.56e-123]
    [texts] = opened("crops").ask({"what": "fieldTexts", "values": values, "room": 9})
    assert [float(text) for text in texts] == values
    assert all(len(text) <= 10 for text in texts)
    [read] = opened("crops").ask({"what": "readings", "texts": texts})
    assert read == [[value] for value in values]


@pytest.mark.needs("node")
@pytest.mark.parametrize("horizon", [10, 50, 2000, 5000, 10**9])
def test_the_axis_of_time_goes_from_0_to_its_horizon(horizon):
    [axis] = opened("crops").ask({"what": "time", "horizon": horizon})
    assert axis["epochs"][0] == 0
    assert axis["epochs"][-1] == horizon
    assert (np.diff(axis["epochs"]) > 0).all()
    assert (axis["places"][0], axis["places"][-1]) == (0, 1)
    assert (np.diff(axis["places"]) > 0).all()
    np.testing.assert_allclose(axis["back"], axis["epochs"], rtol=1e-6)
    assert set(axis["epochs"][:4]) == {0, 1, 2, 3}
    assert all(0 <= tick <= horizon for tick in axis["ticks"])
    assert 3 <= len(axis["ticks"]) <= 7


@pytest.mark.needs("node")
def test_a_horizon_is_a_round_number_above():
    counts = [10, 11, 20, 49.9, 51, 884, 10**8, 8.48e7]
    [rounded] = opened("crops").ask({"what": "rounded", "counts": counts})
    assert rounded == [10, 20, 20, 50, 100, 1000, 10**8, 10**8]


@pytest.mark.needs("node")
def test_a_rate_is_rounded_down_to_three_digits():
    random = np.random.default_rng(23)
    rates = [0.5, 1.0, 1e-5, 9.999e-5, 0.0999999, *(10 ** random.uniform(-12, 6, 300)).tolist()]
    [rounded] = opened("crops").ask({"what": "roundedDown", "rates": rates})
    for rate, got in zip(rates, rounded, strict=True):
        assert 0.99 * rate <= got <= rate
        assert got == float(f"{got:.2e}")


def test_the_modules_can_be_joined_into_one():
    """As the page joins them: named imports from beside, exports by declaration, no name twice, no address."""
    declared = []
    for path in MODULES:
        text = path.read_text()
        assert text.startswith("// "), path
        for line in re.findall(r"^import.*$", text, re.MULTILINE):
            assert re.fullmatch(r'import \{ [\w, ]+ \} from "\./\w+\.js";', line), line
        for line in re.findall(r"^export.*$", text, re.MULTILINE):
            assert re.match(r"export (function|const) \w+", line), line
        exports = len(re.findall(r"^export ", text, re.MULTILINE))
        assert len(re.findall(r"\*/\nexport ", text)) == exports, f"{path}: an export without its comment"
        declared += re.findall(r"^(?:export )?(?:function|const|let|class) (\w+)", text, re.MULTILINE)
        assert "//" not in re.sub(r"^\s*//.*$|; // .*$|, // .*$", "", text, flags=re.MULTILINE), path
    assert len(declared) == len(set(declared)), sorted(name for name in declared if declared.count(name) > 1)
