"""Fewer rows than columns: a state of as few rows, the exact answer of least norm, and nothing of columns × columns."""

import json
import subprocess
import sys

import mpmath
import numpy as np
import pytest
from references import rational_least_squares
from scipy import sparse

import gradline
from gradline.core.tensor_file import read_tensors, write_tensors
from gradline.data.inputs import as_rows
from gradline.data.selection import Selection
from gradline.moments.cross_products import CrossProducts
from gradline.moments.inverse import RightInverse
from gradline.moments.rank import Rank
from gradline.solvers.problem import Problem, Scaling
from gradline.solvers.sgd import mean_square_limit
from gradline.solvers.spectrum import Spectrum

pytestmark = pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")


def table(n, p, m=1, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=(n, p)), random.normal(size=(n, m))


def centred(X, Y, w=None):
    Z = np.column_stack([X, Y])
    w = np.ones(len(Z)) if w is None else w
    Z = Z - w @ Z / w.sum()
    return Z.T @ (w[:, None] * Z)


def spoilt(X, how):
    if how == "twice a row":
        X[-1] = X[0]
    if how == "twice a column":
        X[:, -1] = 4 * X[:, 0]
    if how == "constant":
        X[:, 2] = 3.7
    if how == "zeros":
        X[:, 1] = 0.0
    if how == "offset":
        X += 1e4
    if how == "units":
        X *= 2.0 ** np.resize([40, 0, -40, 20, -20], X.shape[1])
    return X


SPOILT = ("plain", "twice a row", "twice a column", "constant", "zeros", "offset", "units")


@pytest.mark.parametrize("how", SPOILT)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize(("n", "p"), [(1, 3), (2, 3), (3, 4), (4, 3), (5, 12)])
def test_the_answer_is_the_smallest_in_exact_arithmetic(n, p, how, bias, weighted):
    X, Y = table(n, p, m=2, seed=n)
    X = spoilt(X, how)
    w = np.arange(1.0, n + 1) if weighted else None
    moments = gradline.Moments.of(X, Y, weights=w)
    rank = Rank.of(moments, bias)
    found = rank.least_squares(moments.slopes_factor(bias).B).T
    exact = np.array(rational_least_squares(X, Y, w, bias), float)
    weight = exact[int(bias) :].T
    norms = np.linalg.norm(X - (np.average(X, axis=0, weights=w) if bias else 0.0), axis=0)
    size = (np.abs(weight) * norms).max()
    lost = 1e4 if how == "offset" else 1.0  # how much larger the cells are than what they vary
    allowed = 1e-14 * (1 + rank.condition_scaled) * lost
    assert (np.abs(found - weight) * norms).max() <= allowed * max(size, 1e-9)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize(("n", "p"), [(1, 4), (2, 4), (4, 3), (5, 3), (6, 40), (40, 41), (41, 41)])
def test_a_state_has_a_row_less_than_the_table(n, p, weighted):
    X, Y = table(n, p, m=2)
    w = np.arange(1.0, n + 1) if weighted else None
    moments = gradline.Moments.of(X, Y, weights=w)
    k = p + 2
    assert moments.factor.shape == (n - 1 if n <= k else k, k)
    G = centred(X, Y, w)
    norms = np.sqrt(np.diag(G))
    np.testing.assert_allclose(moments.factor.T @ moments.factor, G, atol=1e-14 * norms.max() ** 2 * n)
    assert (np.diag(moments.factor) >= 0).all()
    np.testing.assert_array_equal(np.tril(moments.factor, -1), 0)


def test_states_add_and_subtract_to_the_same_few_rows(tmp_path):
    X, Y = table(30, 50)
    whole = gradline.Moments.of(X, Y)
    parts = [gradline.Moments.of(X[i : i + 7], Y[i : i + 7]) for i in range(0, 30, 7)]
    added = sum(parts[1:], parts[0])
    assert added.factor.shape == whole.factor.shape == (29, 51)
    np.testing.assert_allclose(added.factor, whole.factor, atol=1e-12)
    rest, kept = added - parts[0], gradline.Moments.of(X[7:], Y[7:])
    np.testing.assert_allclose(rest.factor.T @ rest.factor, kept.factor.T @ kept.factor, atol=1e-11)
    for moments in (added, rest):
        moments.save(tmp_path / "m.safetensors")
        np.testing.assert_array_equal(
            gradline.Moments.load(tmp_path / "m.safetensors").factor, moments.factor
        )


def test_rows_of_zeros_in_an_older_file_do_no_harm(tmp_path):
    X, Y = table(6, 120)
    moments = gradline.Moments.of(X, Y)
    moments.save(tmp_path / "new.safetensors")
    tensors, card = read_tensors(tmp_path / "new.safetensors", "moments")
    tensors["factor"] = np.vstack([tensors["factor"], np.zeros((1, 121))])
    write_tensors(tmp_path / "old.safetensors", tensors, card)
    old = gradline.Moments.load(tmp_path / "old.safetensors")
    np.testing.assert_allclose(gradline.fit(old).weight, gradline.fit(moments).weight, rtol=1e-12)
    assert gradline.fit(old).certificate.rank == 5


@pytest.mark.parametrize("rows", [3, 4, 5])
def test_a_part_of_the_columns_has_the_state_of_a_table_of_them(rows):
    X, Y = table(rows, 8)
    moments = gradline.Moments.of({f"x{j}": X[:, j] for j in range(8)} | {"y": Y[:, 0]}, "y")
    few = gradline.Moments.of({f"x{j}": X[:, j] for j in (1, 5)} | {"y": Y[:, 0]}, "y")
    selected = moments.select(few.design)
    np.testing.assert_allclose(selected.factor.T @ selected.factor, few.factor.T @ few.factor, atol=1e-13)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("how", SPOILT)
def test_conditions_and_what_is_determined_are_those_of_svd(bias, how):
    X, Y = table(5, 120)
    X = spoilt(X, how)
    model = gradline.fit(X, Y, bias=bias)
    around = X - X.mean(axis=0) if bias else X
    norms = np.linalg.norm(around, axis=0)
    norms[norms <= 1e-12 * np.abs(X).max(axis=0)] = 0.0
    unit = around / np.where(norms > 0, norms, np.inf)
    _, s, right = np.linalg.svd(unit, full_matrices=False)
    rank = int((s > 1e-9 * s[0]).sum())
    c = model.certificate
    assert c.rank == rank
    assert c.condition_scaled == pytest.approx(s[0] / s[rank - 1], rel=1e-10)
    loose = np.eye(120) - right[:rank].T @ right[:rank]
    np.testing.assert_array_equal(c.determined, np.linalg.norm(loose, axis=0) < 1e-7)
    if how in ("plain", "offset"):
        s = np.linalg.svd(np.column_stack([np.ones(5), X]) if bias else X, compute_uv=False)
        assert c.condition == pytest.approx(s[0] / s[-1], rel=1e-8)


def test_many_relations_are_counted_and_a_determined_column_among_them_is_known():
    X, Y = table(8, 300)
    X[:, 17] = 0.0
    X[3, :] = 0.0
    X[3, 17] = 1.0  # the only row in which it varies, and in which nothing else does
    c = gradline.fit(X, Y, bias=False).certificate
    assert np.flatnonzero(c.determined).tolist() == [17]
    assert c.combinations == ["292 independent combinations of the 300 columns vanish"]


@pytest.mark.parametrize("rows", [40, 600])
def test_few_rows_are_solved_by_products_of_rows_alone(rows):
    X, Y = table(rows, rows + 90)
    rank = Rank.of(gradline.Moments.of(X, Y), bias=True)
    assert isinstance(rank.inverse, RightInverse)
    B = Y - Y.mean()
    expected = np.linalg.lstsq(np.column_stack([X - X.mean(axis=0)]), B, rcond=1e-10)[0]
    moments = gradline.Moments.of(X, Y)
    np.testing.assert_allclose(
        rank.least_squares(moments.slopes_factor(bias=True).B), expected, atol=1e-12 * np.abs(expected).max()
    )
    unit = rank.unit
    np.testing.assert_allclose(unit @ rank.inverse.matrix, np.eye(rows - 1), atol=1e-12)
    np.testing.assert_allclose(rank.beyond(unit), 0.0, atol=1e-13)
    s = np.linalg.svd(unit, compute_uv=False)
    assert rank.condition_scaled == pytest.approx(s[0] / s[-1], rel=2e-2 if rows > 512 else 1e-10)


@pytest.mark.parametrize("rows", [1281, 1400])
def test_rows_fewer_than_columns_make_no_cross_products(rows, monkeypatch):
    """They would be singular, and more numbers than the rows, which several blocks of a pass hold."""
    monkeypatch.setattr(CrossProducts, "of", None)
    X, Y = table(rows, 1400)
    seen = []
    moments = gradline.Moments.from_rows(
        as_rows(Selection(X, Y)).rows, watch=lambda block: seen.append(block.rows)
    )
    assert seen == [rows]
    assert moments.factor.shape == (rows - 1, 1401)
    G = centred(X, Y)
    np.testing.assert_allclose(moments.factor.T @ moments.factor, G, atol=1e-14 * G.max() * rows)


def test_rows_too_near_to_dependent_for_their_products_have_no_such_inverse():
    X, _ = table(4, 9)
    assert RightInverse.of(X) is not None
    for distance in (0.0, 1e-12, 1e-7):
        X[-1] = X[0] + distance * X[1]
        assert RightInverse.of(X) is None


def test_sparse_rows_have_the_answer_of_dense_ones():
    X = sparse.random(40, 180, density=0.2, rng=0, format="csr")
    y = np.random.default_rng(0).normal(size=40)
    ours, dense = gradline.fit(X, y), gradline.fit(X.toarray(), y)
    np.testing.assert_array_equal(ours.weight, dense.weight)
    assert ours.moments.statistics.fingerprint == dense.moments.statistics.fingerprint


@pytest.mark.parametrize("bias", [True, False])
def test_descent_in_closed_form_is_that_of_the_steps(bias):
    X, Y = table(6, 130, m=2)
    moments = gradline.Moments.of(X, Y)
    lr = 0.5 * Spectrum.of(moments, bias).lr_limit()
    trained = gradline.fit(X, Y, solver=gradline.GradientDescent(lr=lr, epochs=50), bias=bias, scale="none")
    path = gradline.Trajectory(moments, lr=lr, bias=bias).at(50)
    np.testing.assert_allclose(path.weight, trained.weight, atol=1e-13)
    weight, level = np.zeros((2, 130)), np.zeros(2)
    for _ in range(50):
        r = X @ weight.T + level - Y
        weight -= lr * (2 / r.size) * r.T @ X
        level -= lr * (2 / r.size) * r.sum(axis=0) * bias
    np.testing.assert_allclose(trained.weight, weight, atol=1e-13)
    assert trained.certificate.loss == pytest.approx(((X @ weight.T + level - Y) ** 2).mean(), rel=1e-9)


def test_the_noise_of_mini_batches_is_measured_along_the_few_directions():
    X, Y = table(6, 130)
    model = gradline.fit(X, Y, solver=gradline.SGD(lr=1e-4, epochs=1, batch_size=2), scale="none")
    problem = Problem.of(model.moments, as_rows(Selection(X, Y)).rows, True, Scaling.none(130))
    a = np.column_stack([np.ones(6), X])
    H, M = 2 / 6 * a.T @ a, 4 * (a * (a**2).sum(axis=1)[:, None]).T @ a / 6
    noise = (6 - 2) / (2 * 5)
    values, vectors = np.linalg.eigh(H)
    V = vectors[:, values > 1e-9] / np.sqrt(values[values > 1e-9])
    expected = 2 / np.linalg.eigvalsh(V.T @ ((1 - noise) * H @ H + noise * M) @ V).max()
    assert mean_square_limit(problem, 2) == pytest.approx(expected, rel=1e-9)


def test_what_breaks_a_combination_of_wide_rows_has_no_interval():
    X, _ = table(5, 120)
    X = np.repeat(X, 3, axis=0)
    model = gradline.fit(X, np.random.default_rng(1).normal(size=(15, 1)))
    margin = model.inference.margin(np.vstack([X[:2], X[:1] + 1]))
    np.testing.assert_array_equal(np.isnan(margin[:, 0]), [False, False, True])


def test_a_model_of_wide_data_comes_back_from_its_file(tmp_path):
    X, Y = table(7, 200)
    model = gradline.fit(X, Y)
    model.save(tmp_path / "m.safetensors")
    back = gradline.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(back.moments.factor, model.moments.factor)
    assert (tmp_path / "m.safetensors").stat().st_size < 8 * 200 * 40
    assert back.summary() == model.summary()
    assert json.dumps(back.certificate.to_dict()) == json.dumps(model.certificate.to_dict())


_LARGE = """
import re, numpy, gradline
from gradline.solvers.spectrum import Spectrum
X = numpy.random.default_rng(0).normal(size=(6, 20_000))
model = gradline.fit(X, X[:, 0])
model.summary(), model.inference.reason, Spectrum.of(model.moments, True).largest
gradline.fit(X, X[:, 0], solver=gradline.GradientDescent(epochs=5))
gradline.fit(X, X[:, 0], solver=gradline.SGD(epochs=2, batch_size=2))
assert model.certificate.combinations == ["19,995 independent combinations of the 20,000 columns vanish"]
print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])
"""


def test_six_rows_of_twenty_thousand_columns_take_little_memory():
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _LARGE], capture_output=True, text=True, check=True
    )
    assert int(found.stdout) / 1024 < 400  # a matrix of 20,000 × 20,000 takes 3,200 MB


@pytest.mark.parametrize(
    "seed", [*range(12), 243, 575, 605]
)  # of 3,000 these lost most where products told alone
def test_the_condition_of_fewer_rows_than_columns_is_known_wherever_they_lie(seed):
    """Columns far from zero share a large row of means: σmin is that of many digits, whatever the way to it."""
    random = np.random.default_rng(seed)
    n = int(random.integers(6, 16))
    p = n + int(random.integers(0, 2))
    X = random.normal(size=(n, p)) * np.exp(random.normal(size=p))
    X += 10 ** random.uniform(1, 4) * random.normal(size=p)
    X[:, 1] = X[:, 0]
    y = X @ random.normal(size=p) + random.normal(size=n)
    model = gradline.fit(X, y)
    with mpmath.workdps(40):
        sigma = mpmath.svd_r(mpmath.matrix(np.column_stack([np.ones(n), X]).tolist()), compute_uv=False)
    found = [float(one) for one in sigma][: min(n, p)]  # of p + 1 columns, of which two are one
    true = found[0] / found[-1]
    known = 1e-6 + 64 * 2**-53 * np.sqrt(p) * true  # to which float64 can know it
    assert model.certificate.condition == pytest.approx(true, rel=known)
    assert gradline.verify(model, X, y).agrees


@pytest.mark.parametrize("bias", [True, False])
def test_no_scale_changes_which_answer_is_the_smallest(bias):
    """In raw units, as of all that fit alike."""
    random = np.random.default_rng(4)
    X, y = random.normal(size=(8, 12)) * np.exp(2 * random.normal(size=12)), random.normal(size=8)
    plain, standard = (gradline.fit(X, y, bias=bias, scale=scale) for scale in ("none", "standard"))
    centred = X - X.mean(axis=0) * bias
    smallest = np.linalg.pinv(centred) @ (y - y.mean() * bias)
    for model in (plain, standard):
        assert model.weight[0] == pytest.approx(smallest, rel=1e-8, abs=1e-10 * np.abs(smallest).max())
        assert gradline.verify(model, X, y).agrees
