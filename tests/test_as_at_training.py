"""Marks of numbers that a model was told: what they change in another file is said, or refused where in doubt."""

import pytest
from refusals import refused
from typer.testing import CliRunner

import gradline
from gradline import Text
from gradline.cli.commands import app

TRAINED = ["30;1.450,5;Ulm", "41;2.100,0;Ulm", "52;2.750,25;Bonn", "67;3.300,5;Ulm", "80;4.210,75;Bonn"]
# Lines of another file and the x of its first row: None where it is refused, and whether a note says how it is read.
OTHERS = {
    "written alike": ("y;x;town", ["30;1.450,5;Ulm", "41;2.100,0;Ulm"], 1450.5, True),
    "ambiguous and in the range": ("y;x;town", ["30;1.450;Ulm", "41;2.100;Ulm"], 1450, True),
    "points that are decimals": ("y,x,town", ["30,1450.500,Ulm", "41,2100.250,Ulm"], None, False),
    "points that may be decimals": ("y,x,town", ["30,145.500,Ulm", "41,210.250,Ulm"], None, False),
    "commas that may be decimals": ("y,x,town", ['30,"1,450",Ulm', '41,"2,100",Ulm'], None, False),
    "no marks": ("y,x,town", ["30,1450,Ulm", "41,2100,Ulm"], 1450, False),
}


def run(*words):
    done = CliRunner().invoke(app, words)
    return done.exit_code, done.stdout, done.stderr


def save(path, header, rows):
    path.write_text("\n".join([header, *rows, ""]))
    return path


@pytest.mark.parametrize("feature", ["x", "log(x)"])
@pytest.mark.parametrize(("header", "rows", "value", "is_noted"), OTHERS.values(), ids=OTHERS)
def test_a_file_written_otherwise_is_noted_or_refused(
    feature, header, rows, value, is_noted, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    trained = save(tmp_path / "t.csv", "y;x;town", TRAINED)
    model = gradline.fit(trained, "y", features=[feature], read=Text(thousands="."))
    model.save("m.safetensors")
    other = save(tmp_path / "new.csv", header, rows)
    code, out, err = run("predict", "m.safetensors", "new.csv")
    if value is None:
        assert (code, "--decimal ." in err) == (1, True), err
        with refused("notation-differs" if "as at training" in err else "text-in-number-column"):
            model.predict(other)
    else:
        expected = model.predict({"x": [float(value)]})[0, 0]
        assert float(out.splitlines()[1].split(",")[0]) == pytest.approx(expected)
        assert model.predict(other)[0, 0] == pytest.approx(expected)
        assert ("read with --thousands ., as at training" in err) == is_noted
        assert ("as at training" in run("evaluate", "m.safetensors", "new.csv")[2]) == is_noted


def test_what_is_told_anew_is_not_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gradline.fit(save(tmp_path / "t.csv", "y;x;town", TRAINED), "y", read=Text(thousands=".")).save(
        "m.safetensors"
    )
    save(tmp_path / "new.csv", "y,x,town", ["30,145.500,Ulm", "41,210.250,Ulm"])
    for words, x in (
        (("--decimal", "."), 145.5),
        (("--thousands", ","), 145.5),
        (("--thousands", "."), 145500.0),
    ):
        code, out, err = run("predict", "m.safetensors", "new.csv", *words)
        expected = gradline.load("m.safetensors").predict({"x": [x], "town": ["Ulm"]})[0, 0]
        assert (code, float(out.splitlines()[1])) == (0, pytest.approx(expected)), err
