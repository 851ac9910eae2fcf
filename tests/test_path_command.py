"""`gradline path`: its table, its page and its pictures are what the path and the choice of alpha are in Python."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import command
from known import known
from refusals import expect_refusal, refused

import gradline
from gradline import plots

LONGLEY = ("example:longley", "-t", "employed", "--scale", "standard")


@pytest.fixture(scope="module")
def chosen():
    penalty = gradline.CrossValidated(l1_ratio=1.0)
    return gradline.fit("example:longley", "employed", penalty=penalty, scale="standard")


def test_it_tells_the_path_and_the_errors_that_a_fit_chooses_by(tmp_path: Path, chosen) -> None:
    told = json.loads(command("path", *LONGLEY, "--json", folder=tmp_path).out)
    path = gradline.path("example:longley", "employed", scale="standard")
    for name in ("alphas", "weight", "bias", "loss", "freedom", "aic", "bic", "cp", "gcv"):
        np.testing.assert_allclose(told[name], getattr(path, name), rtol=1e-9, atol=1e-9, err_msg=name)
    np.testing.assert_allclose(told["choice"]["errors"], chosen.choice.errors, rtol=1e-9)
    assert told["best"]["error"] == pytest.approx(chosen.choice.alpha, rel=1e-12)
    assert told["best"]["gcv"] == pytest.approx(path.alphas[np.argmin(path.gcv[:, 0])], rel=1e-12)
    within = chosen.choice.error <= (chosen.choice.error + chosen.choice.stderr)[chosen.choice.best]
    assert told["best"]["1se"] == pytest.approx(chosen.choice.alphas[within].max(), rel=1e-12)


def test_the_command_that_it_gives_fits_that_alpha(tmp_path: Path, chosen) -> None:
    shown = " ".join(command("path", *LONGLEY, "--exclude", "gnp", folder=tmp_path).out.split())
    words = shown.split("To fit it: gradline ")[1].split()
    fitted = json.loads(command(*words, "--json", folder=tmp_path).out)
    assert fitted["features"] == [name for name in chosen.features if name != "gnp"]
    without = gradline.fit(
        "example:longley",
        "employed",
        exclude=["gnp"],
        penalty=gradline.CrossValidated(l1_ratio=1.0),
        scale="standard",
    )
    assert fitted["alpha"] == pytest.approx(known(without.choice).alpha, rel=1e-5)


def test_the_page_has_the_pictures_and_every_alpha(tmp_path: Path) -> None:
    done = command("path", *LONGLEY, "--alphas", "7", "-o", "page.html", folder=tmp_path)
    page = (tmp_path / "page.html").read_text()
    assert "saved: page.html" in done.err
    assert page.count('<tr><th scope="row">') == 7
    for words in ("Error on rows held out, against alpha", "Coefficients against alpha, for employed"):
        assert words in page
    none = command("path", *LONGLEY, "--folds", "0", "-o", "none.html", folder=tmp_path)
    assert none.code == 0
    assert "Error on rows held out" not in (tmp_path / "none.html").read_text()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--folds", "1"), "folds-invalid"),
        (("--scale", "odd"), "scale-invalid"),
        (("--l1-ratio", "2"), "l1-ratio-invalid"),
    ],
)
def test_what_it_refuses(words: tuple[str, ...], code: str, tmp_path: Path) -> None:
    options = [*LONGLEY[:3], *words]
    expect_refusal(command("--debug", "path", *options, folder=tmp_path).err, code)


def test_the_picture_of_errors_has_the_band_and_the_rule(chosen) -> None:
    choice, figure = chosen.choice, chosen.plot.alpha_errors()
    parts = {trace.name: trace for trace in figure.data}
    mean, band = parts["mean of 5 folds"], parts["one standard error"]
    np.testing.assert_allclose(mean.y, choice.errors.mean(axis=1))
    spread = choice.errors.std(axis=1, ddof=1) / np.sqrt(5)
    np.testing.assert_allclose(band.y[:100], mean.y + spread)
    np.testing.assert_allclose(band.y[100:][::-1], np.maximum(mean.y - spread, mean.y / 10))
    least = int(np.argmin(mean.y))
    assert parts["least + one standard error"].y[0] == pytest.approx(mean.y[least] + spread[least])
    assert figure.layout.shapes[0].x0 == choice.alpha
    assert 10 ** figure.layout.annotations[0].x == pytest.approx(choice.alpha)


def test_the_picture_of_a_path_has_the_weights_of_fits_at_its_alphas(chosen) -> None:
    figure, spread = chosen.plot.alpha_path(), np.sqrt(np.diag(np.cov(_longley().T, ddof=0)))
    for k in (0, 40, 99):
        alpha = float(figure.data[0].x[k])
        penalty = gradline.ElasticNet(alpha, 1.0)
        weight = gradline.fit("example:longley", "employed", penalty=penalty, scale="standard").weight[0]
        np.testing.assert_allclose(
            [curve.y[k] for curve in figure.data], weight * spread, rtol=1e-6, atol=1e-6
        )
    assert figure.layout.shapes[0].x0 == chosen.choice.alpha
    path = gradline.path("example:longley", "employed", alphas=[5.0, 0.0])
    curve: Any = plots.alpha_path(path).data[0]
    assert len(curve.x) == 1  # no place for 0 on a logarithmic axis
    with refused("model-column-unknown"):
        plots.alpha_path(path, "unemployment")


def _longley() -> np.ndarray:
    from gradline.data.tables import open_table

    frame = open_table("example:longley")
    names = [name for name in frame.schema() if name != "employed"]
    kinds = {name: frame.schema()[name].kind for name in names}
    return np.vstack([batch.frame.select(names).to_numpy() for batch in frame.batches(kinds)]).astype(float)


def test_an_alpha_that_was_given_has_no_picture_of_errors() -> None:
    model = gradline.fit("example:longley", "employed", penalty=gradline.ElasticNet(1.0))
    with refused("alpha-not-chosen"):
        model.plot.alpha_errors()
