"""Versions on the command line: commit, log, show, checkout, note, tag, archive and `fit --commit`."""

import json
from pathlib import Path

import pytest
from refusals import expect_refusal
from versions import crops_model, everything, project_folder, record  # noqa: F401 - fixtures

from gradline import fit, history
from gradline.history import Store, commit


def test_fit_records_what_it_saves(gradline):
    done = gradline(
        "fit",
        "example:crops",
        "-t",
        "apples",
        "-t",
        "oranges",
        "-o",
        "c.safetensors",
        "--commit",
        "-m",
        "exact",
    )
    assert done.code == 0
    assert "recorded: v1" in done.err
    version, store = Store.find().version("v1"), Store.find()
    assert store.get(version.files["c.safetensors"]) == Path("c.safetensors").read_bytes()
    assert version.message == "exact"
    assert version.environment["requirements"] == record().environment["requirements"]
    Path("run.toml").write_text('data = "example:crops"\ntargets = ["apples"]\nlr = 1e-5\n')
    done = gradline("fit", "--config", "run.toml", "--commit", "--json")
    assert json.loads(done.out)["version"] == "v3"
    assert Store.find().version("v3").files.keys() == {"run.toml", "crops.safetensors"}
    assert not Path("crops.safetensors").exists()


def test_a_fit_that_diverged_is_not_recorded_unless_forced(gradline):
    words = ["fit", "example:crops", "-t", "apples", "--lr", "1e-3", "--epochs", "300", "--commit"]
    assert gradline(*words).code == 1
    done = gradline(*words, "--force")
    assert done.code == 3
    assert Store.find().version("v1").models["crops.safetensors"]["status"] == "diverged"
    done = gradline("fit", "example:crops", "-t", "apples", "--lr", "1e-5", "--commit", "--require-certified")
    assert (done.code, "not recorded: the fit is stopped" in done.err) == (3, True)
    assert len(Store.find().versions()) == 1


def test_log_lists_chooses_and_sorts(gradline, crops):
    other = fit("example:crops", "apples")
    commit("both", model=crops)
    commit("apples\x1b[31m alone\nmore", model=other)
    commit("all", model={"a.safetensors": crops, "b.safetensors": other})
    Store.find().tag(Store.find().version("v1"), "best")
    done = gradline("log")
    lines = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert lines[0].split("  ")[0] == "version"
    assert lines[1].startswith("v1 best")
    assert "apples [31m alone more" in lines[2]
    assert len(lines) == 5
    assert f"{crops.training.loss:.6g}" in lines[1]
    assert [line[:2] for line in gradline("log", "--sort", "-rmse").out.splitlines()[1:]] == [
        "v1",
        "v3",
        "v2",
        "v3",
    ]
    shown = gradline("log", "--where", "loss < 0.95 and message != 'all'", "--json")
    assert [v["version"] for v in json.loads(shown.out)["versions"]] == [
        v.name
        for v, m in zip(Store.find().versions()[:2], (crops, other), strict=True)
        if m.training.loss < 0.95
    ]
    assert gradline("archive", "v2", "best").code == 0
    assert [line[:2] for line in gradline("log").out.splitlines()[1:]] == ["v3", "v3"]
    assert len(gradline("log", "--all").out.splitlines()) == 5
    gradline("archive", "v2", "--undo")
    assert len(gradline("log").out.splitlines()) == 4


def test_show_tells_of_a_version(gradline, crops):
    crops.save("crops.safetensors")
    history.log_metrics(mine=3)
    commit("two\nlines", "crops.safetensors")
    assert gradline("note", "v1", "too\x1b short").code == 0
    done = gradline("show", "latest")
    assert "v1" in done.out.splitlines()[0]
    assert "two lines" in done.out.splitlines()[0]
    assert "note: too short" in done.out
    assert "metrics: mine 3" in done.out
    assert gradline("show", "crops.safetensors").out.strip() in done.out
    assert gradline("show", "v1", "--config").out == gradline("show", "crops.safetensors", "--config").out
    card = json.loads(gradline("show", "v1", "--json").out)
    assert card["reports"]["crops.safetensors"]["weight"] == crops.weight.tolist()
    commit("", model=crops, moments=False)
    assert "kept without moments" in gradline("show", "v2").out


def test_a_diverged_model_without_moments_is_shown(gradline):
    done = gradline("fit", "example:crops", "-t", "apples", "--lr", "1e-3", "--force", "-o", "c.safetensors")
    assert done.code == 3
    assert gradline("commit", "c.safetensors", "--no-moments").code == 0
    shown = gradline("show", "v1").out
    assert "gd, diverged" in shown
    assert "kept without moments" in shown
    assert gradline("log").out.splitlines()[1].endswith("diverged")


def test_checkout_note_and_tag_by_name(gradline):
    record()
    Path("a.txt").unlink()
    assert gradline("tag", "v1", "best").code == 0
    assert gradline("checkout", "best").err == "restored: a.txt\n"
    assert Path("a.txt").read_bytes() == b"one"
    assert gradline("checkout", "best", "a.txt").err == "nothing to restore: the files are as in v1\n"
    assert gradline("tag", "best", "best", "--remove").code == 0
    assert Store.find().version("v1").tags == ()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["commit"], 2, ("no-files-named",)),
        (["commit", "absent.txt"], 1, ("file-not-found", "absent.txt")),
        (["commit", "rows.csv"], 2, ("data-file-not-kept", "rows.csv")),
        (["log", "--where", "loss <"], 2, ("condition-unreadable", "'loss <'")),
        (["log", "--where", "los < 2"], 2, ("field-unknown", "los", "loss")),
        (["log", "--sort", "los"], 2, ("field-unknown", "los", "loss")),
        (["show", "v9"], 1, ("version-unknown", "v9")),
        (["show", "absent.safetensors"], 1, ("file-not-found", "absent.safetensors")),
        (["checkout", "v1", "b.txt"], 1, ("version-lacks-file", "v1", "b.txt")),
        (["checkout", "v9"], 1, ("version-unknown", "v9")),
        (["note", "v9", "x"], 1, ("version-unknown", "v9")),
        (["tag", "v1", "v2"], 2, ("tag-invalid", "'v2'")),
        (["tag", "v1", "best", "--remove"], 1, ("tag-unknown", "v1", "best")),
        (["archive", "v1", "v9"], 1, ("version-unknown", "v9")),
        (["fit", "example:crops", "-t", "apples", "-m", "x"], 2, ("message-without-commit", "--commit")),
    ],
)
def test_refusals_on_the_command_line(gradline, project, words, code, said):
    record()
    Path("rows.csv").write_text("a,b\n1,2\n")
    before = everything(project)
    done = gradline("--debug", *words)
    assert (done.code, done.out) == (code, "")
    expect_refusal(done.err, *said)
    assert everything(project) == before


@pytest.mark.parametrize("words", [["log"], ["show", "v1"], ["checkout", "v1"], ["note", "v1", "x"]])
def test_without_a_store_the_way_to_one_is_said(gradline, project, words):
    done = gradline("--debug", *words)
    assert done.code == 1
    expect_refusal(done.err, "no-version-recorded")
    assert list(project.iterdir()) == []


def test_log_says_why_it_is_empty(gradline, project):
    (project / ".gradline").mkdir()
    assert gradline("log").err == "no version is recorded here\n"
    record()
    assert gradline("log", "--where", "version > 1").err == "no version meets the condition\n"
    gradline("archive", "v1")
    done = gradline("log")
    assert (done.code, done.out, done.err) == (0, "", "all versions are archived: --all lists them\n")


def test_log_says_what_was_left_behind(gradline):
    version, store = record(), Store.find()
    (store.temporary / "half").write_bytes(b"x")
    (store.objects / version.files["a.txt"]).unlink()
    done = gradline("log")
    assert done.code == 0
    assert "1 file of a commit that still runs or broke" in done.err
    assert "v1 lacks a.txt" in done.err
    notices = json.loads(gradline("log", "--json").out)["notices"]
    assert len(notices) == 2
