"""`verify`: every honest model passes, and each claim that is tampered with is found and named."""

import hashlib
import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from packaged import flights_file, package_file
from refusals import expect_refusal, refused

import gradline as package
from gradline.core.linalg.double_double import Doubled
from gradline.data.files import EXAMPLES
from gradline.data.inputs import array_rows
from gradline.data.selection import Selection
from gradline.model import nist
from gradline.model.status import Status
from gradline.model.verify.ldl import eliminated
from gradline.model.verify.row_sums import Frame, gather

pytestmark = pytest.mark.filterwarnings("ignore::gradline.core.errors.GradlineWarning")

CROPS = pl.read_csv(EXAMPLES / "crops.csv")
TARGETS = ["apples", "oranges"]
SOLVERS = {
    "exact": package.Exact(),
    "gd": package.GradientDescent(lr=1e-5, epochs=100),
    "sgd": package.SGD(lr=1e-5, epochs=20, batch_size=5),
}


def named(verification):
    return {check.name for check in verification.disagreements}


def assert_holds(model, data, targets=None, **options):
    found = package.verify(model, data, targets, **options)
    assert found, str(found)


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
@pytest.mark.parametrize("options", [{}, {"bias": False}, {"holdout": 0.3, "seed": 2}], ids=str)
def test_crops(solver, options):
    assert_holds(package.fit(CROPS, TARGETS, solver=solver, **options), CROPS)


def test_iphone():
    path = EXAMPLES / "iphone.csv"
    target = pl.read_csv(path).columns[-1]
    assert_holds(package.fit(path, target), path)


def test_penguins_with_categories_and_missing_cells(tmp_path):
    path = tmp_path / "penguins.csv"
    path.write_bytes(package_file("palmerpenguins", "data/penguins.csv"))
    model = package.fit(path, "body_mass_g", missing="drop")
    model.save(tmp_path / "m.safetensors")
    assert_holds(tmp_path / "m.safetensors", path)
    columns = pl.read_csv(path, null_values="NA").select(pl.all().reverse())
    assert_holds(model, columns)  # rows in another order are the same rows


@pytest.mark.slow
@pytest.mark.parametrize(
    "columns", [["dep_delay", "distance", "hour", "carrier", "origin"], ["dep_delay", "dest"]]
)
def test_flights(columns):
    """Also where a level that no complete row has was left out of the model (dest = LGA)."""
    path = flights_file()
    assert_holds(package.fit(path, "arr_delay", features=columns, missing="drop"), path)


@pytest.mark.parametrize("name", nist.NAMES)
def test_nist(name):
    X, y, _ = nist.load(name)
    bias = not name.startswith("NoInt")
    for data in ((X, y), (package.Moments.of(X, y),)):
        assert_holds(package.fit(*data, bias=bias), X, y)


def rows(seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(300, 4)) * [1, 1e3, 1e-3, 1] + [0, 1e4, 5, 1e6]
    Y = X @ random.normal(size=(4, 2)) + random.normal(size=(300, 2))
    return X, Y, random.integers(0, 4, 300) * random.random(300)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("solver", [None, package.GradientDescent(lr="auto", epochs=30)], ids=["exact", "gd"])
def test_weighted_rows(bias, solver):
    X, Y, w = rows()
    assert_holds(package.fit(X, Y, weights=w, bias=bias, solver=solver), X, Y, weights=w)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("solver", [None, package.GradientDescent(lr="auto", epochs=30)], ids=["exact", "gd"])
def test_dependent_columns(bias, solver):
    X, Y, _ = rows()
    X = np.column_stack([X, X[:, 0] - 2 * X[:, 1], np.full(300, 7.0)])
    assert_holds(package.fit(X, Y, bias=bias, solver=solver), X, Y)
    assert_holds(package.fit(X[:3], Y[:3], bias=bias), X[:3], Y[:3])


def test_a_model_adopted_from_torch():
    import torch

    X, Y, _ = rows()
    torch.manual_seed(0)
    module = torch.nn.Linear(4, 2)
    assert_holds(package.LinearModel.from_torch(module, X, Y), X, Y)


def test_products_are_those_of_rationals():
    """ZᵀWZ, the gradient and Σw·r² against exact rational arithmetic, to thirty digits of their terms."""
    random = np.random.default_rng(1)
    X, y, w = (
        random.normal(size=(40, 3)) * [1, 1e6, 1e-6] + [0, 3, 7],
        random.normal(size=(40, 1)),
        random.random(40),
    )
    weight, bias = random.normal(size=(1, 3)), random.normal(size=1)
    columns = np.hstack([X, y])
    frame = Frame.of(columns.min(axis=0), columns.max(axis=0), 1.0, True)
    found = gather(array_rows(Selection(X, y, weights=w)), range(3), weight, bias, frame)
    Z = [[Fraction(1), *(map(Fraction, row))] for row in np.ldexp(columns - frame.shift, -frame.units)]
    scale = Fraction(2) ** -frame.weight_unit
    for i in range(5):
        for j in range(5):
            terms = [scale * Fraction(v) * z[i] * z[j] for v, z in zip(w, Z, strict=True)]
            off = Fraction(found.products.hi[i, j]) + Fraction(found.products.lo[i, j]) - sum(terms)
            assert abs(off) <= Fraction(1, 10**30) * sum(map(abs, terms))
    theta = [Fraction(bias[0]), *map(Fraction, weight[0])]
    r = [
        Fraction(t) - theta[0] - sum(Fraction(v) * b for v, b in zip(x, theta[1:], strict=True))
        for x, t in zip(X, y[:, 0], strict=True)
    ]
    squares = sum(scale * Fraction(v) * e**2 for v, e in zip(w, r, strict=True))
    squares /= Fraction(2) ** (2 * int(frame.units[-1]))
    got = Fraction(found.squares.hi[0]) + Fraction(found.squares.lo[0])
    assert abs(got - squares) <= Fraction(1, 10**28) * squares


def test_elimination_solves_the_hilbert_matrix():
    """Ten columns whose condition squared is 1.6e13: 1/(i + j + 1) as pairs, and d of whole numbers."""
    q = 10
    G = [[Fraction(1, i + j + 1) for j in range(q)] for i in range(q)]
    g = [sum(G[i][j] * (j + 1) for j in range(q)) for i in range(q)]

    def pairs(values):
        hi = np.array(values, dtype=float)
        rest = [v - Fraction(h) for v, h in zip(np.ravel(values), hi.ravel(), strict=True)]
        return Doubled(hi, np.array(rest, dtype=float).reshape(hi.shape))

    d, last = eliminated(pairs(G), False).solve(pairs([[v] for v in g]))
    np.testing.assert_allclose(d.hi[:, 0], np.arange(1, q + 1), rtol=1e-14)
    assert (last <= 1e-12).all()


# Each mutation: of a model and its rows (a dict of columns), and a claim that must be found wanting.
def coefficient(model, data):
    weight = model.weight.copy()
    weight[0, 1] *= 1 + 1e-8
    return replace(model, weight=weight), data


def bias(model, data):
    return replace(model, bias=model.bias * [1, 1 + 1e-8]), data


def claims(**changes):
    def change(model, data):
        card = {name: edit(getattr(model.certificate, name)) for name, edit in changes.items()}
        return replace(model, certificate=replace(model.certificate, **card)), data

    return change


def tallied(**changes):
    def change(model, data):
        statistics = model.moments.statistics
        statistics = replace(
            statistics, **{name: edit(getattr(statistics, name)) for name, edit in changes.items()}
        )
        return replace(model, moments=replace(model.moments, statistics=statistics)), data

    return change


def stretched(model, data):
    return replace(model, moments=replace(model.moments, factor=model.moments.factor * (1 + 1e-10))), data


def cells(edit):
    return lambda model, data: (model, edit({name: column.copy() for name, column in data.items()}))


def last_digit(name):
    def edit(data):
        data[name][7] = np.nextafter(data[name][7], np.inf)
        return data

    return edit


MUTATIONS = {
    "eighth digit of a coefficient": ("exact", coefficient, "weight_error"),
    "eighth digit of the bias": ("exact", bias, "bias_error"),
    "eighth digit of a coefficient of a stopped model": ("gd", coefficient, "weight_error"),
    "swapped targets": ("exact", lambda m, d: (replace(m, weight=m.weight[::-1], bias=m.bias[::-1]), d), "loss"),
    "swapped features": ("exact", lambda m, d: (replace(m, weight=m.weight[:, ::-1]), d), "loss"),
    "another file": ("exact", cells(lambda d: {n: np.arange(15.0) ** i for i, n in enumerate(d)}), "loss"),
    "one more row": ("exact", cells(lambda d: {n: np.append(c, c[-1]) for n, c in d.items()}), "rows"),
    "a dropped row": ("exact", cells(lambda d: {n: c[1:] for n, c in d.items()}), "rows"),
    "a missing cell": ("exact", cells(lambda d: {n: np.append(c, np.nan) for n, c in d.items()}), "rows left out"),
    "last digit of a cell": ("exact", cells(last_digit("temp")), "fingerprint"),
    "last digit of a target": ("gd", cells(last_digit("apples")), "fingerprint"),
    "a changed weight": ("exact", cells(last_digit("w")), "fingerprint"),
    "twice the weights": ("exact", cells(lambda d: {**d, "w": 2 * d["w"]}), "sum of weights"),
    "digits": ("gd", claims(digits=lambda x: x + 1), "digits"),
    "loss": ("gd", claims(loss=lambda x: x * (1 + 1e-7)), "loss"),
    "gap": ("gd", claims(gap=lambda x: x * 0.99), "gap"),
    "gap of nothing": ("exact", claims(gap=lambda x: x + 1e-6), "gap"),
    "gradient_norm": ("gd", claims(gradient_norm=lambda x: x / 2), "gradient_norm"),
    "weight_error": ("gd", claims(weight_error=lambda x: (0.9 * np.array(x)).tolist()), "weight_error"),
    "bias_error": ("gd", claims(bias_error=lambda x: (2 * np.array(x)).tolist()), "bias_error"),
    "stopped to certified": ("gd", claims(status=lambda _: Status.CERTIFIED), "status"),
    "certified to rank_deficient": ("exact", claims(status=lambda _: Status.RANK_DEFICIENT), "status"),
    "rank": ("exact", claims(rank=lambda x: x - 1), "rank"),
    "optimal_loss": ("exact", claims(optimal_loss=lambda x: x * (1 - 1e-7)), "optimal_loss"),
    "fingerprint": ("exact", tallied(fingerprint=lambda x: x ^ 1), "fingerprint"),
    "row count": ("exact", tallied(rows=lambda x: x + 1), "rows"),
    "mean": ("exact", tallied(mean=lambda x: x * (1 + 1e-12)), "moments"),
    "range": ("exact", tallied(maximum=lambda x: x - 1), "moments"),
    "R": ("exact", stretched, "moments"),
}  # fmt: skip


@pytest.mark.parametrize(("solver", "mutate", "claim"), MUTATIONS.values(), ids=MUTATIONS)
def test_what_is_tampered_with_is_found_and_named(solver, mutate, claim):
    data = {name: CROPS[name].to_numpy().astype(float) for name in CROPS.columns} | {
        "w": np.linspace(0.5, 2, 15)
    }
    model = package.fit(data, TARGETS, weights="w", solver=SOLVERS[solver])
    assert_holds(model, data)
    found = package.verify(*mutate(model, data))
    assert claim in named(found), str(found)
    others = "not the rows" in found.verdict  # where nearly all claims fail
    assert others or claim in found.verdict
    assert all(check.sentence in str(found) for check in found.disagreements)


@pytest.mark.parametrize("j", range(10))
def test_filips_ninth_digit(j):
    X, y, _ = nist.load("Filip")
    model = package.fit(X, y)
    weight = model.weight.copy()
    weight[0, j] *= 1 + 1e-9
    assert "weight_error" in named(package.verify(replace(model, weight=weight), X, y))


def test_coefficients_that_are_no_numbers():
    model = package.fit(CROPS, TARGETS)
    wrong = replace(model, weight=np.full((2, 3), np.nan))
    assert named(package.verify(wrong, CROPS)) == {"status"}
    diverged = replace(wrong, certificate=replace(model.certificate, status=Status.DIVERGED))
    assert_holds(diverged, CROPS)


def tampered(path, edit):
    """The model file with its card edited."""
    import safetensors
    from safetensors.numpy import save_file

    with safetensors.safe_open(path, "numpy") as file:
        tensors, card = {n: file.get_tensor(n) for n in file.keys()}, json.loads(file.metadata()["gradline"])  # noqa: SIM118
    edit(tensors, card)
    save_file(tensors, path, {"gradline": json.dumps(card)})


def saved(tmp_path):
    """The file of a model with categories, of the crops' warm and cool regions, and their table."""
    data = CROPS.with_columns(air=pl.when(pl.col("temp") > 80).then(pl.lit("warm")).otherwise(pl.lit("cool")))
    package.fit(data, TARGETS).save(tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors", data


def test_the_card_has_the_sha256_of_the_tensors(tmp_path):
    """Computed here from the file itself: header, names in order, and the bytes that lie behind."""
    path, _ = saved(tmp_path)
    size = int.from_bytes(path.read_bytes()[:8], "little")
    header, data = json.loads(path.read_bytes()[8 : 8 + size]), path.read_bytes()[8 + size :]
    card = json.loads(header.pop("__metadata__")["gradline"])
    parts = []
    for name in sorted(header):
        start, stop = header[name]["data_offsets"]
        assert header[name]["dtype"] == "F64"
        parts += [json.dumps([name, "float64", header[name]["shape"]]).encode(), data[start:stop]]
    assert card["tensors"] == hashlib.sha256(b"".join(parts)).hexdigest()


def test_any_changed_bit_of_any_tensor_is_found(tmp_path):
    """Also where no other claim depends on it, such as on the variances that standard errors rest on."""
    path, data = saved(tmp_path)
    whole = path.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    alone = False
    for place in range(start, len(whole), 8):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        found = package.verify(path, data)
        assert "tensors" in named(found), place
        assert f"The tensors of {path} are not those that were saved." in str(found)
        assert package.load(path).targets == tuple(TARGETS)  # an edited model is a model
        alone |= found.verdict == "Not verified: tensors does not hold."
    assert alone


def test_tensors_are_claimed_by_a_file_that_has_their_hash(tmp_path):
    path, data = saved(tmp_path)
    by_file, in_memory = package.verify(path, data), package.verify(package.load(path), data)
    assert by_file
    assert in_memory
    assert [check.name for check in by_file.checks] == [
        "tensors",
        *(check.name for check in in_memory.checks),
    ]
    tampered(path, lambda _, card: card.pop("tensors"))  # as written before there was a hash
    older = package.verify(path, data)
    assert older
    assert older.checks == in_memory.checks
    assert "tensors" not in str(older)
    tampered(path, lambda tensors, _: tensors["weight"].__setitem__((0, 0), 0.0))
    assert "tensors" not in str(package.verify(path, data))


@pytest.mark.slow
def test_a_level_that_the_model_never_saw(gradline, tmp_path):
    """What predict and evaluate offer, verify has no flag for."""
    path, data = saved(tmp_path)
    other = data.with_columns(air=pl.Series([f"air {i}" for i in range(15)]))
    other.write_csv(tmp_path / "other.csv")
    for command in ("verify", "predict", "evaluate"):
        done = gradline(command, path, "other.csv", "--json")
        assert done.code == 1
        expect_refusal(done.err, "level-unseen", "column air", "line 2 of other.csv", "'air 0'", "cool, warm")
        assert ("--unseen base" in done.err) == (command != "verify")
    with refused("level-unseen") as caught:
        package.verify(path, other)
    assert "--unseen" not in str(caught.value)  # which it does not take


@pytest.mark.slow
def test_the_command(gradline, tmp_path):
    path = tmp_path / "m.safetensors"
    package.fit(CROPS, TARGETS).save(path)
    good = gradline("verify", path, "example:crops")
    assert (good.code, good.err) == (0, "")
    assert good.out.splitlines()[-1].startswith("Verified: all ")
    tampered(
        path, lambda tensors, _: tensors["weight"].__setitem__((0, 0), tensors["weight"][0, 0] * (1 + 1e-8))
    )
    bad = gradline("verify", path, "example:crops")
    assert bad.code == 3
    assert "of apples is" in bad.out
    assert bad.out.splitlines()[-1].startswith("Not verified:")
    report = json.loads(gradline("verify", path, "example:crops", "--json").out)
    assert not report["agrees"]
    wrong = {check["name"]: check["sentence"] for check in report["checks"] if not check["agrees"]}
    assert "weight_error" in wrong
    assert wrong["tensors"] == f"The tensors of {path} are not those that were saved."


@pytest.mark.slow
def test_what_cannot_be_read(gradline, tmp_path):
    path = tmp_path / "m.safetensors"
    package.fit(CROPS, TARGETS).save(path)
    CROPS.drop("rainfall").write_csv(tmp_path / "less.csv")
    assert gradline("verify", path, "none.csv").code == 1
    lacking = gradline("verify", path, "less.csv", "--json")
    assert lacking.code == 1
    expect_refusal(lacking.err, "column-lacking", "less.csv", "rainfall")
    assert gradline("verify", "none.safetensors", "example:crops").code == 1
    with refused("columns-do-not-match", "2"):
        package.verify(package.load(path), np.ones((4, 2)), np.ones((4, 2)))


NAMES = [
    "3·c",
    " ",
    "a\nb",
    "a − b",
    "2",
    "x = y",
    "almost z",
    "q (2 terms)",
    "a against b",
    "1/2·a",
    "e",
    "−a",
    "o",
    "d",
]


@pytest.mark.parametrize("relation", ["holds", "almost"])
@pytest.mark.parametrize("seed", range(8))
def test_columns_may_be_called_anything(seed, relation):
    """What a sentence says of columns called like parts of sentences is not checked, or read right; never misread."""
    random = np.random.default_rng(seed)
    names = random.choice(NAMES, size=5, replace=False).tolist()
    X = random.normal(size=(60, 5))
    X[:, 4] = (
        2 * X[:, 1] - 3 * X[:, 2] + 1
        if relation == "holds"
        else X[:, 0] * (1 + 1e-10 * random.normal(size=60))
    )
    table = pl.DataFrame(
        {name: X[:, j] for j, name in enumerate(names)} | {"the target": random.normal(size=60)}
    )
    model = package.fit(table, "the target")
    assert model.certificate.combinations or model.certificate.near_combinations
    assert package.verify(model, table)


@pytest.mark.parametrize("share", [1e-12, 1e-9, 0.5 / 1.9])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_times_of_rates_that_all_but_stand_or_leave_all_but_nothing(momentum, share):
    """At 1/λ a step removes a direction but for rounding; at a billionth of that the epochs have eleven digits."""
    random = np.random.default_rng(3)
    x = random.normal(size=(8, 1))
    Y = x @ random.normal(size=(1, 2)) + random.normal(size=(8, 2))
    lr = share * 2 * (1 + momentum) / float(2 * (x**2).sum() / 16)
    for epochs in (1, 5):
        descent = package.GradientDescent(lr=lr, momentum=momentum, epochs=epochs)
        assert_holds(package.fit(x, Y, bias=False, solver=descent), x, Y)
    rest = package.GradientDescent(lr=0.5 * 16 / float((x**2).sum()), epochs=3)
    assert_holds(package.fit(x, Y, bias=False, solver=rest), x, Y)
