"""Alpha by cross-validation: the errors are those of a fit of each fold's rows, whatever way the rows come."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from commands import command
from known import known
from refusals import refused
from torch.utils.data import IterableDataset

import gradline
from gradline.data.folds import InOrder, PartRows, Shuffled, Told, split
from gradline.data.inputs import as_rows
from gradline.data.row_block import RowBlock
from gradline.data.selection import Selection
from gradline.model.choice import Choice
from gradline.model.cross_validation import CrossValidated, squares_on
from gradline.moments.parts import all_but_each, moments_by_part
from gradline.moments.state import Moments
from gradline.solvers.penalties import ElasticNet

FAMILIES = {"ridge": 0.0, "lasso": 1.0, "elastic net": 0.5}
each_family = pytest.mark.parametrize("l1_ratio", FAMILIES.values(), ids=FAMILIES)


def problem(n: int = 80, p: int = 5, m: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Columns far from zero, of units from 0.1 to 10."""
    random = np.random.default_rng(seed)
    X = (random.standard_normal((n, p)) + 5) * 10.0 ** random.uniform(-1, 1, p)
    return X, X @ random.standard_normal((p, m)) + 3 * random.standard_normal((n, m))


def parts_of(deal, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return deal.numbers(0, RowBlock(X, Y))


def error_of_refit(X, Y, training, test, penalty, scale="none", weights=None) -> float:
    w = None if weights is None else weights[training]
    model = gradline.fit(X[training], Y[training], penalty=penalty, scale=scale, weights=w)
    squares = (model.predict(X[test]) - Y[test]) ** 2
    return float(np.average(squares.mean(axis=1), weights=None if weights is None else weights[test]))


@pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")  # of few digits
@pytest.mark.numeric
@each_family
@pytest.mark.parametrize("shape", [(80, 5, 1), (60, 4, 2), (20, 30, 1)], ids=str)
@pytest.mark.parametrize("scale", ["none", "standard"])
def test_errors_are_those_of_a_fit_of_each_folds_rows(l1_ratio, shape, scale):
    X, Y = problem(*shape)
    penalty = CrossValidated(l1_ratio, alphas=6, folds=4, seed=3)
    model = gradline.fit(X, Y, penalty=penalty, scale=scale)
    assert model.choice is not None
    parts = parts_of(Shuffled(4, 3), X, Y)
    for k, alpha in enumerate(model.choice.alphas):
        for fold in range(4):
            at = penalty.at(float(alpha))
            told = error_of_refit(X, Y, parts != fold, parts == fold, at, scale)
            assert model.choice.errors[k, fold] == pytest.approx(told, rel=1e-10)


@pytest.mark.numeric
def test_weights_count_in_training_and_in_errors():
    X, Y = problem()
    weights = np.random.default_rng(1).uniform(0.5, 2.0, len(X))
    model = gradline.fit(X, Y, weights=weights, penalty=CrossValidated(alphas=[0.5, 0.01]))
    parts = parts_of(Shuffled(5), X, Y)
    assert model.choice is not None
    for k, alpha in enumerate(model.choice.alphas):
        told = error_of_refit(X, Y, parts != 2, parts == 2, ElasticNet(float(alpha)), weights=weights)
        assert model.choice.errors[k, 2] == pytest.approx(told, rel=1e-10)


def test_the_model_is_the_one_of_the_alpha_that_was_chosen():
    X, Y = problem()
    model = gradline.fit(X, Y, penalty=CrossValidated(1.0))
    assert model.choice is not None
    plain = gradline.fit(X, Y, penalty=ElasticNet(model.choice.alpha, 1.0))
    assert (model.weight == plain.weight).all()
    assert model.certificate == plain.certificate
    assert model.choice.alpha == model.choice.alphas[model.choice.error.argmin()]


class Counted(IterableDataset):
    """Rows that count how often they are read."""

    def __init__(self, X: np.ndarray, Y: np.ndarray) -> None:
        self.rows, self.reads = list(zip(X, Y, strict=True)), 0

    def __iter__(self):
        self.reads += 1
        return iter(self.rows)


@pytest.mark.parametrize("settings", [{}, {"ordered": True}, {"folds": "loo"}], ids=str)
def test_choosing_reads_no_row_more_than_a_fit_at_one_alpha(settings) -> None:
    X, Y = problem(3000, 4)
    plain, chosen = Counted(X, Y), Counted(X, Y)
    gradline.fit(plain, penalty=ElasticNet(1.0))
    model = gradline.fit(chosen, penalty=CrossValidated(**settings))
    assert chosen.reads == plain.reads
    np.testing.assert_allclose(
        known(model.choice).errors,
        known(gradline.fit(X, Y, penalty=CrossValidated(**settings)).choice).errors,
        rtol=1e-8,
    )


def test_time_order_trains_on_what_came_before():
    X, Y = problem(66)
    model = gradline.fit(X, Y, penalty=CrossValidated(1.0, alphas=[0.1], folds=3, ordered=True))
    parts = np.arange(66) * 4 // 66
    told = [error_of_refit(X, Y, parts < part, parts == part, ElasticNet(0.1, 1.0)) for part in (1, 2, 3)]
    assert model.choice is not None
    assert model.choice.errors[0] == pytest.approx(told, rel=1e-10)


def test_groups_are_never_on_both_sides():
    X, Y = problem(60)
    groups = np.random.default_rng(0).permutation(np.repeat(list("abcdef"), 10))
    penalty = CrossValidated(alphas=[0.1], folds=3, groups=groups)
    model = gradline.fit(X, Y, penalty=penalty)
    folds = np.unique(groups, return_inverse=True)[1] % 3
    told = [error_of_refit(X, Y, folds != fold, folds == fold, ElasticNet(0.1)) for fold in range(3)]
    assert model.choice is not None
    assert model.choice.errors[0] == pytest.approx(told, rel=1e-10)
    frame = pl.DataFrame({**{f"x{j + 1}": X[:, j] for j in range(5)}, "y": Y[:, 0], "of": groups})
    table = gradline.fit(frame, "y", penalty=replace(penalty, groups="of"))
    assert table.features == ("x1", "x2", "x3", "x4", "x5")
    assert table.choice is not None
    order = {label: i for i, label in enumerate(dict.fromkeys(groups))}
    folds = np.array([order[label] for label in groups]) % 3
    told = [error_of_refit(X, Y, folds != fold, folds == fold, ElasticNet(0.1)) for fold in range(3)]
    assert table.choice.errors[0] == pytest.approx(told, rel=1e-10)


@pytest.mark.numeric
@pytest.mark.parametrize("shape", [(30, 4, 1), (25, 3, 2), (12, 20, 1)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_leaving_out_one_row_is_a_fit_without_it_of_the_same_strength(shape, bias):
    X, Y = problem(*shape)
    n = len(X)
    model = gradline.fit(X, Y, bias=bias, penalty=CrossValidated(alphas=[2.0, 0.03], folds="loo"))
    assert model.choice is not None
    for k, alpha in enumerate(model.choice.alphas):
        penalty = ElasticNet(float(alpha) * n / (n - 1))  # its mean is over one row less
        one = []
        for i in range(n):
            rest = gradline.fit(np.delete(X, i, 0), np.delete(Y, i, 0), bias=bias, penalty=penalty)
            one.append(float(((rest.predict(X[i : i + 1]) - Y[i]) ** 2).mean()))
        assert model.choice.error[k] == pytest.approx(np.mean(one), rel=1e-9)
        assert model.choice.stderr[k] == pytest.approx(np.std(one, ddof=1) / np.sqrt(n), rel=1e-8)


@pytest.mark.numeric
@pytest.mark.parametrize("rows", [5_000, 50_000])
def test_one_pass_gives_the_moments_of_each_parts_rows(rows):
    X, Y = problem(rows, 12)
    stream = as_rows(Selection(X, Y)).rows
    deal = Shuffled(5, 1)
    parts = moments_by_part(stream, deal, rows, stream.design)
    numbers = np.concatenate([parts_of(deal, X, Y)])
    training = all_but_each(parts)
    for part, (own, others) in enumerate(zip(parts, training, strict=True)):
        for found, which in ((own, numbers == part), (others, numbers != part)):
            told = Moments.of(X[which], Y[which])
            assert found.rows == told.rows
            assert found.statistics.fingerprint == told.statistics.fingerprint
            near = (found.error + told.error) * 4 * told.norms
            assert (np.abs(found.factor - told.factor) <= near + 1e-13 * told.norms).all()


@pytest.mark.parametrize("size", [1024, 4096])
def test_the_same_rows_are_in_the_same_part_whatever_the_blocks_are(size):
    X, Y = problem(5_000, 2)
    deal, whole = Shuffled(3, 7), parts_of(Shuffled(3, 7), X, Y)
    pieces = [
        deal.numbers(first, RowBlock(X[first : first + size], Y[first : first + size]))
        for first in range(0, len(X), size)
    ]
    assert (np.concatenate(pieces) == whole).all()
    counts = [np.bincount(whole[first : first + 1024]) for first in range(0, 4096, 1024)]
    assert np.ptp(counts) <= 1
    stream = as_rows(Selection(X, Y)).rows
    rows = np.concatenate([block.X for block in PartRows(stream, deal, 1, stream.design).blocks(100)])
    assert (rows == X[whole == 1]).all()


def test_parts_hold_every_row_once():
    X, Y = problem(100, 2)
    for deal in (Shuffled(7), InOrder(7, 100), Told(7, np.arange(100) % 7)):
        parts = split(deal, 0, RowBlock(X, Y), 2)
        assert sorted(np.concatenate([part.X[:, 0] for part in parts])) == sorted(X[:, 0])
    assert (parts_of(InOrder(7, 100), X, Y)[1:] >= parts_of(InOrder(7, 100), X, Y)[:-1]).all()


@pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")  # of few digits
@pytest.mark.numeric
def test_folds_that_are_nearly_all_of_the_variation_leave_the_others_their_digits():
    """Where one fold holds a row a million times as far out, taking its moments away leaves few digits or none."""
    X, Y = problem(200, 4)
    X[7] *= 1e7
    parts = parts_of(Shuffled(5), X, Y)
    model = gradline.fit(X, Y, penalty=CrossValidated(alphas=[0.2]))
    fold, at = int(parts[7]), ElasticNet(0.2)
    told = error_of_refit(X, Y, parts != fold, parts == fold, at)
    assert model.choice is not None
    assert model.choice.errors[0, fold] == pytest.approx(told, rel=1e-10)
    whole, own = Moments.of(X, Y), Moments.of(X[parts == fold], Y[parts == fold])
    with pytest.raises(gradline.GradlineError):
        _ = whole - own


@pytest.mark.numeric
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_the_bound_of_an_error_holds(offset):
    X, Y = problem(50, 3)
    X, weight = X + offset, np.linalg.lstsq(X - X.mean(axis=0), Y - Y.mean(axis=0), rcond=None)[0].T[None]
    training, test = Moments.of(X[:30], Y[:30]), Moments.of(X[30:], Y[30:])
    squares, bound = squares_on(test, training, True, weight)
    with np.errstate(all="ignore"):
        long = X.astype(np.longdouble)
        center, level = long[:30].mean(axis=0), Y[:30].astype(np.longdouble).mean(axis=0)
        true = (((long[30:] - center) @ weight[0].T + level - Y[30:]) ** 2).sum(axis=0)
    assert (np.abs(squares[0] - true) <= bound[0]).all()
    assert (bound[0] <= 1e-6 * true).all()


def test_rules_are_what_they_are_defined_as():
    errors = np.array([[9.0, 11.0], [5.0, 6.0], [4.0, 5.4], [4.2, 5.0], [6.0, 7.0]])
    alphas = np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    least, simple = (Choice(alphas, errors, rule, "2 folds") for rule in ("min", "1se"))
    assert least.alpha == 2.0
    assert simple.stderr[3] == pytest.approx(np.std([4.2, 5.0], ddof=1) / np.sqrt(2))
    assert simple.alpha == 3.0  # 4.7 is within 0.4 of 4.6, and 5.5 is not
    assert "within one standard error" in simple.sentences()[0]
    at_end = Choice(alphas, errors[::-1].copy() * np.arange(5, 0, -1)[:, None], "min", "2 folds")
    assert "It is the smallest of them; a smaller one might do better." in at_end.sentences()


def test_a_saved_model_keeps_its_choice_and_is_verified(tmp_path: Path):
    X, Y = problem()
    model = gradline.fit(X, Y, penalty=CrossValidated(1.0, alphas=7, rule="1se"))
    model.save(tmp_path / "m.safetensors")
    kept = gradline.load(tmp_path / "m.safetensors")
    assert model.choice is not None
    assert kept.choice is not None
    assert kept.choice.to_dict() == model.choice.to_dict()
    assert gradline.verify(kept, X, Y).agrees
    other = replace(kept.choice, rule="min")
    assert other.alpha != kept.choice.alpha
    forged = replace(kept, choice=other)
    assert [check.name for check in gradline.verify(forged, X, Y).disagreements] == ["config"]


def test_the_command_line_chooses_and_says_so(tmp_path: Path):
    words = ["fit", "example:penguins", "-t", "body_mass_g", "--missing", "drop", "--alpha", "cv"]
    told = command(*words, "--l1-ratio", 1, "--folds", 4, "--rule", "1se", folder=tmp_path).out
    assert "by 4 folds drawn at random" in " ".join(told.split())
    known = json.loads(command(*words, "--folds", "loo", "--json", folder=tmp_path).out)
    assert known["alpha"] == known["choice"]["alphas"][int(np.argmin(known["choice"]["errors"]))]


REFUSED = {
    "rule-invalid": lambda: CrossValidated(rule="best"),
    "folds-invalid": lambda: CrossValidated(folds=1),
    "folds-of-other-penalty": lambda: CrossValidated(1.0, folds="loo"),
    "groups-in-order": lambda: CrossValidated(groups="a", ordered=True),
    "l1-ratio-invalid": lambda: CrossValidated(2.0),
    "fewer-rows-than-folds": lambda: gradline.fit(*problem(4), penalty=CrossValidated()),
    "rows-needed": lambda: gradline.fit(Moments.of(*problem()), penalty=CrossValidated()),
    "fold-without-rows": lambda: gradline.fit(
        *problem(20), penalty=CrossValidated(groups=np.repeat(["a", "b"], 10))
    ),
    "group-missing": lambda: gradline.fit(
        pl.DataFrame({"x": [1.0, 2, 3, 4, None], "y": [1.0, 2, 3, 5, 4], "of": ["a", "b", None, "b", "a"]}),
        "y",
        missing="drop",
        penalty=CrossValidated(folds=2, groups="of"),
    ),
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_cannot_be_is_refused(code):
    with refused(code):
        REFUSED[code]()


@pytest.mark.parametrize("words", [["--alpha", "much"], ["--alpha", "1", "--folds", "5"]], ids=" ".join)
def test_options_that_make_no_sense_are_refused(words, tmp_path: Path):
    told = command("fit", "example:crops", "-t", "apples", "-t", "oranges", *words, folder=tmp_path)
    assert told.code == 2
    assert told.err.startswith({"much": "gradline: alpha is"}.get(words[1], "gradline: --folds is about"))
