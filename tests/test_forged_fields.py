"""Every field of a model's file that `verify` reads is changed alone: it is found, or it is said not to be checked."""

import json
import typing

import numpy as np
import polars as pl
import pytest
import safetensors
from refusals import refused
from safetensors.numpy import save_file

import gradline
from gradline.core.tensor_file import digest
from gradline.model.card import CertificateCard, HoldoutCard, ModelCard
from gradline.moments.card import MomentsCard, Recipe

pytestmark = pytest.mark.filterwarnings("ignore::gradline.core.errors.GradlineWarning")

RANDOM = np.random.default_rng(5)
TABLE = pl.DataFrame(
    {
        "a": RANDOM.normal(3, 1, 40),
        "b": RANDOM.normal(-1, 5, 40),
        "w": RANDOM.integers(1, 5, 40).astype(float),
        "seven": np.full(40, 7.0),
    }
).with_columns(
    twice=2 * pl.col("a") - pl.col("b"),
    y=pl.col("a") - 3 * pl.col("b") + pl.Series(RANDOM.normal(size=40)),
    z=4 - pl.col("b") + pl.Series(RANDOM.normal(size=40)),
)
GD, SGD = gradline.GradientDescent(lr=0.01, epochs=30), gradline.SGD(lr=0.001, epochs=5, batch_size=8)
AWAY = gradline.GradientDescent(lr=1.0, epochs=2000)
MODELS = {
    "exact": {},
    "gd": {"solver": GD},
    "sgd": {"solver": SGD},
    "holdout": {"solver": GD, "holdout": 0.3},
    "weighted": {"weights": "w", "weights_are": "precision"},
    "deficient": {"features": ["a", "b", "twice", "seven"]},
    "diverged": {"solver": AWAY, "force": True},
    "scaled": {"solver": GD, "scale": "standard"},
    "transformed": {"targets": ["log(w)", "z"], "features": ["a", "scale(b)"]},
    "lasso": {"penalty": gradline.ElasticNet(0.5, 1.0)},
    "bounded": {"penalty": gradline.ElasticNet(bounds=gradline.Bounds(upper=0.1))},
    "ahead": {"solver": gradline.GradientDescent(lr=0.01, epochs=30, momentum=0.9, nesterov=True)},
    "damped": {
        "solver": gradline.GradientDescent(lr=0.01, epochs=30, momentum=0.9, dampening=0.1, clip=50.0)
    },
    "stepped": {"solver": gradline.GradientDescent(lr=gradline.Step(0.01, 10, 0.5), epochs=30)},
    "cosine": {"solver": gradline.SGD(lr=gradline.Cosine(0.001, 1e-4), epochs=5, batch_size=8, average=2)},
    "adam": {"solver": gradline.Adam(0.1, epochs=30)},
    "adamw": {"solver": gradline.AdamW(0.1, epochs=30, batch_size=8)},
    "huber": {"loss": gradline.Huber(1.0)},
    "chosen": {"penalty": gradline.CrossValidated(folds=3)},
    "forced": {"solver": gradline.GradientDescent(lr=0.5, epochs=3), "force": True},
}


def more(x):
    """The next that is plainly another."""
    if isinstance(x, bool):
        return not x
    if isinstance(x, list):
        return [more(x[0]), *x[1:]] if x else ["a is constant"]
    if isinstance(x, dict):
        return {**x, "a": x.get("a", 0) + 1}
    if isinstance(x, str):
        return x + "x"
    if x is None:
        return 5
    return x + 1 if isinstance(x, int) else x * (1 + 1e-5) + (1e-5 if x == 0 else 0)


def word(other):
    return lambda _: other


# Each field: a model that says something of it, what is made of that, and the check that must find it. "what …" is
# what `unchecked` begins with instead.
FIELDS = {
    "has_bias": ("exact", lambda x: not x, "weight_error"),
    "recipe": ("exact", lambda r: {**r, "targets": ["z", "y"]}, "fingerprint"),
    "moments": ("exact", lambda m: {**m, "rows": m["rows"] + 1}, "rows"),
    "certificate": ("exact", lambda c: {**c, "rank": 1}, "rank"),
    "solver": ("exact", word("torch"), "config"),
    "settings": ("gd", lambda s: {**s, "lr": 0.02}, "history"),
    "scale": ("gd", word("standard"), "history"),
    "history": ("gd", lambda h: [*h[:7], [7, h[7][1] * (1 + 1e-5)], *h[8:]], "history"),
    "config": ("gd", lambda c: {**c, "lr": 0.5}, "config"),
    "holdout": ("holdout", lambda h: {**h, "rows": h["rows"] + 1}, "rows held out"),
    "recipe.terms": ("exact", lambda t: t[::-1], "columns"),
    "recipe.targets": ("exact", lambda t: t[::-1], "columns"),
    "recipe.transforms": ("transformed", word(["I(3 * y)", None]), "columns"),
    "recipe.weights": ("weighted", word(None), "fingerprint"),
    "recipe.weights_are": ("weighted", word("counts"), "weight_error_stderr"),
    "recipe.kinds": ("exact", word({"y": "boolean"}), "columns"),
    "moments.recipe": ("exact", lambda r: {**r, "targets": r["targets"][::-1]}, "columns"),
    "moments.error": ("exact", lambda _: 1e-3, "moments_error"),
    "moments.rows": ("exact", more, "rows"),
    "moments.weight_sum": ("weighted", more, "sum of weights"),
    "moments.fingerprint": ("exact", lambda _: "0" * 16, "fingerprint"),
    "moments.dropped": ("exact", more, "rows left out"),
    "moments.missing": ("exact", more, "rows left out"),
    "moments.units": ("exact", word({"key": "a.csv"}), "the files that it names"),
    "moments.engine": ("exact", word("DuckDB"), "which rows DuckDB added up"),
    "certificate.status": ("gd", word("certified"), "status"),
    "certificate.epochs": ("gd", more, "epochs"),
    "certificate.diverged_at": ("diverged", more, "what it says of a run beyond"),
    "certificate.loss": ("gd", more, "loss"),
    "certificate.optimal_loss": ("gd", more, "optimal_loss"),
    "certificate.gap": ("gd", more, "gap"),
    "certificate.gradient_norm": ("gd", more, "gradient_norm"),
    "certificate.digits": ("gd", lambda x: x + 1, "digits"),
    "certificate.weight_error": ("gd", lambda x: [[v * 1.01 for v in row] for row in x], "weight_error"),
    "certificate.bias_error": ("gd", lambda x: [v * 0.99 for v in x], "bias_error"),
    "certificate.weight_error_stderr": ("gd", lambda x: [more(x[0]), *x[1:]], "weight_error_stderr"),
    "certificate.bias_error_stderr": ("gd", more, "bias_error_stderr"),
    "certificate.directions": ("gd", lambda d: [{**d[0], "half_life": d[0]["half_life"] * 1.01}, *d[1:]], "directions"),
    "certificate.lr_limit": ("gd", more, "lr_limit"),
    "certificate.tenfold_loss": ("gd", more, "tenfold_loss"),
    "certificate.epochs_to_loss": ("gd", lambda x: x + 5, "epochs_to_loss"),
    "certificate.epochs_to_weights": ("gd", lambda x: x * 1.1, "epochs_to_weights"),
    "certificate.rank": ("deficient", more, "rank"),
    "certificate.combinations": ("deficient", lambda x: [t.replace("2", "3") for t in x], "combinations"),
    "certificate.near_combinations": ("exact", word(["almost a = b (to 9 digits)"]), "near_combinations"),
    "certificate.determined": ("exact", more, "determined"),
    "certificate.constant": ("deficient", word([]), "constant"),
    "certificate.condition": ("exact", more, "condition"),
    "certificate.condition_scaled": ("exact", more, "condition_scaled"),
    "certificate.hessian_condition": ("exact", more, "hessian_condition"),
    "certificate.remarks": ("exact", word(["It is the best."]), "what its remarks say"),
    "certificate.penalty": ("lasso", more, "penalty"),
    "certificate.zero": ("lasso", lambda z: [[not z[0][0], *z[0][1:]], *z[1:]], "zero"),
    "certificate.at_bound": ("bounded", lambda z: [[True] * len(row) for row in z], "at_bound"),
    "certificate.loss_name": ("huber", word("absolute"), "loss_name"),
    "loss": ("huber", lambda x: {**x, "delta": 1.5}, "loss"),
    "choice": ("chosen", lambda c: {**c, "alphas": [2 * alpha for alpha in c["alphas"]]}, "config"),
    "penalty": ("lasso", lambda p: {**p, "alpha": 0.6}, "penalty"),
    "holdout.rows": ("holdout", more, "rows held out"),
    "holdout.dropped": ("holdout", more, "held-out rows left out"),
    "holdout.loss": ("holdout", more, "loss held out"),
    "holdout.rmse": ("holdout", more, "rmse"),
    "holdout.r2": ("holdout", more, "r2"),
    "settings.digits": ("exact", lambda x: x + 1, "config"),
    "settings.lr": ("gd", more, "history"),
    "settings.epochs": ("gd", more, "epochs"),
    "settings.momentum": ("gd", lambda _: 0.1, "history"),
    "settings.init": ("gd", word("normal"), "history"),
    "settings.seed": ("gd", more, "config"),
    "settings.dampening": ("damped", more, "config"),
    "settings.nesterov": ("ahead", more, "config"),
    "settings.clip": ("damped", more, "config"),
    "settings.schedule": ("stepped", word("exponential"), "config"),
    "settings.step_size": ("stepped", more, "config"),
    "settings.gamma": ("stepped", lambda x: x / 2, "config"),
    "settings.eta_min": ("cosine", more, "config"),
    "settings.average": ("cosine", more, "config"),
    "settings.betas": ("adam", word("0.8,0.999"), "config"),
    "settings.eps": ("adam", more, "config"),
    "settings.amsgrad": ("adam", more, "config"),
    "settings.weight_decay": ("adamw", more, "config"),
    "settings.batch_size": ("sgd", more, "config"),
    "settings.shuffle": ("sgd", more, "config"),
    "settings.decay": ("sgd", word("linear"), "config"),
    "settings.dtype": ("sgd", word("float32"), "config"),
}  # fmt: skip


def fields(card, within=""):
    for name, kind in typing.get_type_hints(card).items():
        yield within + name
        inner = {
            "certificate": CertificateCard,
            "moments": MomentsCard,
            "recipe": Recipe,
            "holdout": HoldoutCard,
        }
        if not within and name in inner:
            yield from fields(inner[name], f"{name}.")
        del kind


def test_every_field_is_enrolled():
    """The tensors are in the table below."""
    from gradline.model.card import SETTINGS

    settings = {f"settings.{name}" for kind in SETTINGS.values() for name in typing.get_type_hints(kind)}
    assert {*fields(ModelCard), *settings} == FIELDS.keys()


def fitted(kind):
    options = dict(MODELS[kind])
    if "features" not in options:
        options["features"] = ["a", "b"]
    return gradline.fit(TABLE, options.pop("targets", ["y", "z"]), **options)


def forged(path, edit):
    """The file with its card and tensors edited, and signed again."""
    with safetensors.safe_open(path, "numpy") as file:
        tensors, card = {n: file.get_tensor(n) for n in file.keys()}, json.loads(file.metadata()["gradline"])  # noqa: SIM118
    edit(tensors, card)
    card["tensors"] = digest(tensors)
    save_file(tensors, path, {"gradline": json.dumps(card)})


def named(path):
    """The checks that find something wrong, what is not checked, or why the file is refused."""
    try:
        found = gradline.verify(path, TABLE)
    except gradline.GradlineError as error:
        return f"refused: {error}"
    return ", ".join([*(check.name for check in found.disagreements), *found.unchecked])


@pytest.mark.parametrize("kind", MODELS)
def test_none_of_them_is_forged(tmp_path, kind):
    path = tmp_path / "m.safetensors"
    fitted(kind).save(path)
    assert gradline.verify(path, TABLE), gradline.verify(path, TABLE)


@pytest.mark.parametrize("field", FIELDS)
def test_a_forged_field_is_found(tmp_path, field):
    kind, change, check = FIELDS[field]
    path = tmp_path / "m.safetensors"
    fitted(kind).save(path)

    def edit(_, card):
        *way, last = field.split(".")
        for name in way:
            card = card[name]
        card[last] = change(card.get(last))

    forged(path, edit)
    found = named(path)
    assert check in found or found.startswith("refused: "), found


TENSORS = {
    "weight": ("exact", "weight_error"),
    "bias": ("exact", "bias_error"),
    "moments.factor": ("exact", "moments"),
    "moments.mean": ("exact", "moments"),
    "moments.mean_low": ("exact", "moments"),
    "moments.minimum": ("exact", "moments"),
    "moments.maximum": ("exact", "moments"),
    "figures.squares": ("exact", "squares"),
    "figures.variances": ("exact", "variances"),
    "smearing": ("transformed", "smearing"),
}


@pytest.mark.parametrize("name", TENSORS)
def test_a_forged_tensor_is_found(tmp_path, name):
    kind, check = TENSORS[name]
    path = tmp_path / "m.safetensors"
    fitted(kind).save(path)

    def edit(tensors, _):
        assert tensors.keys() | {"smearing"} == TENSORS.keys()
        part = tensors[name].copy()
        part.flat[0] = part.flat[0] * (1 + 1e-8) + (
            1e-8 if part.flat[0] == 0 or name == "moments.mean_low" else 0
        )
        tensors[name] = part

    forged(path, edit)
    assert check in named(path)


def put(*way, value):
    """Put a value into the card."""

    def edit(card):
        *before, last = way
        for name in before:
            card = card[name]
        card[last] = value

    return edit


def bounds_left_out(card):
    claim = card["certificate"]
    for name in ("weight_error", "bias_error"):
        claim[name] = _nulls(claim[name])
    claim |= {"weight_error_stderr": None, "bias_error_stderr": None, "digits": 0.0}


def _nulls(values):
    return [_nulls(value) if isinstance(value, list) else None for value in values]


def other_sides(card):
    first = next(d for d in card["certificate"]["directions"] if " against " not in d["columns"])
    first["columns"] = "a against b"


def relation(text):
    return put("certificate", "combinations", value=["seven is constant", text])


def near(text):
    return put("certificate", "near_combinations", value=[text])


def named_direction(text):
    def edit(card):
        card["certificate"]["directions"][0]["columns"] = text

    return edit


def epochs_off(by):
    def edit(card):
        card["certificate"]["epochs_to_loss"] += by

    return edit


LIES = {
    "a certified model called diverged": ("exact", put("certificate", "status", value="diverged"), "status"),
    "a certified model called stopped": ("exact", put("certificate", "status", value="stopped"), "status"),
    "a certified model called uncertified": ("exact", put("certificate", "status", value="uncertified"), "status"),
    "bounds left out": ("exact", bounds_left_out, "weight_error"),
    "a history left out": ("gd", put("history", value=[]), "history"),
    "losses left out": ("gd", lambda card: card["history"].__delitem__(slice(3, 9)), "recorded losses"),
    "the first loss of mini-batches": ("sgd", lambda card: card["history"][0].__setitem__(1, 1.0), "first loss"),
    "what reproduces it left out": ("gd", put("config", value={}), "config"),
    "never near the least loss": ("gd", put("certificate", "epochs_to_loss", value=None), "epochs_to_loss"),
    "no loss after ten times as many": ("gd", put("certificate", "tenfold_loss", value=None), "tenfold_loss"),
    "epochs before the first": ("gd", put("certificate", "epochs_to_loss", value=-3.0), "epochs_to_loss"),
    "a gap beyond float64": ("gd", put("certificate", "gap", value=1e300), "gap"),
    "the other columns of a direction": ("gd", other_sides, "directions"),
    "the rank of a run beyond numbers": ("diverged", put("certificate", "rank", value=1), "rank"),
    "an option that no fit has": ("gd", put("config", "patience", value=3), "config"),
    "columns that did not take part": ("exact", put("config", "features", value=["a"]), "config"),
    "a column left out that took part": ("exact", put("config", "exclude", value=["b"]), "config"),
    "missing cells that were dropped": ("exact", put("config", "missing", value="mean"), "config"),
    "weights of another meaning": ("weighted", put("config", "weights_are", value="counts"), "config"),
    "another target": ("exact", put("config", "targets", value=["z"]), "config"),
    "a rate that nobody searched for": ("gd", put("config", "lr", value="auto"), "rate asked for"),
    "words after a relation": ("deficient", relation("twice = 2·a − b (as the maker says)"), "combinations"),
    "a relation that is off by a millionth": ("deficient", relation("twice = 2.000001·a − b"), "combinations"),
    "a relation said to be rounded": ("deficient", relation("twice ≈ 2.1·a − b"), "combinations"),
    "a relation that holds to some digits": ("exact", near("almost b = a (to 9 digits)"), "near_combinations"),
    "options that were not": ("exact", put("config", "memory", value="3 elephants"), "config"),
    "targets left out": ("exact", lambda card: card["config"].pop("targets"), "config"),
    "a scale that was left out": ("scaled", lambda card: card["config"].pop("scale"), "config"),
    "force left out": ("forced", lambda card: card["config"].pop("force"), "force"),
    "columns that no table has": ("exact", put("config", "features", value=["a", "b", "zzz"]), "config"),
    "a direction along no column": ("gd", named_direction("the moon and your account"), "directions"),
    "directions in another order": ("gd", lambda card: card["certificate"]["directions"].reverse(), "directions"),
    "one epoch less": ("gd", epochs_off(-1), "epochs_to_loss"),
    "one epoch more": ("gd", epochs_off(1), "epochs_to_loss"),
    "columns that are known exactly": ("exact", put("moments", "error", value=0.0), "moments_error"),
    "a number that takes long to write": ("exact", near("almost b = 1e99999999·a (to 9 digits)"), "near_combinations"),
    "a number that is none": ("exact", near("almost b = 1/0·a (to 9 digits)"), "near_combinations"),
    "digits said twice": ("exact", near("almost b = a (sum of 2 columns) (to 9 digits)"), "near_combinations"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_found(tmp_path, name):
    kind, lie, check = LIES[name]
    path = tmp_path / "m.safetensors"
    fitted(kind).save(path)
    forged(path, lambda _, card: lie(card))
    assert check in named(path)


@pytest.mark.parametrize("solver", [None, gradline.GradientDescent(epochs=30)])
def test_weights_along_what_no_row_tells_are_those_of_smallest_size_or_nearest_to_the_start(tmp_path, solver):
    path = tmp_path / "m.safetensors"
    gradline.fit(TABLE, "y", features=["a", "b", "twice", "seven"], solver=solver).save(path)
    forged(path, lambda tensors, _: tensors.update(weight=tensors["weight"] + [[2.0, -1.0, -1.0, 0.0]]))
    assert named(path).startswith(("size of the weights", "open directions"))


def test_a_model_without_a_bias_has_none(tmp_path):
    path = tmp_path / "m.safetensors"
    gradline.fit(TABLE, "y", bias=False).save(path)
    forged(path, lambda tensors, _: tensors.update(bias=np.array([100.0])))
    with refused("model-file-damaged", "bias"):
        gradline.load(path)


@pytest.mark.parametrize("solver", ["exact", "gd"])
def test_a_solver_has_no_settings_of_others(tmp_path, solver):
    path = tmp_path / "m.safetensors"
    fitted(solver).save(path)
    forged(path, lambda _, card: [card[part].update(l2=5.0) for part in ("settings", "config")])
    with refused("model-file-damaged", f"{solver} has no setting l2"):
        gradline.load(path)


def test_a_start_that_the_file_does_not_hold_leaves_the_run_unchecked():
    start = (np.zeros((1, 2)), np.zeros(1))
    model = gradline.fit(
        TABLE, "y", features=["a", "b"], solver=gradline.GradientDescent(init=start, epochs=5)
    )
    assert any(words.startswith("its run") for words in gradline.verify(model, TABLE).unchecked)
