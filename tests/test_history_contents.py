"""What a version holds: models, files, what was noted, the environment, the code; and what it must not hold."""

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from known import known
from refusals import refused
from versions import TARGETS, crops_model, everything, executed, project_folder, record  # noqa: F401 - fixtures

import gradline
from gradline import history
from gradline.history import Store, commit, pending


def test_a_device_is_no_file():
    with refused("file-not-regular", "/dev/zero"):
        commit("all of it", ["/dev/zero"])


# Models


def test_a_model_comes_back_with_its_moments(crops):
    version = commit("exact", model=crops)
    found = history.model_of(Store.find(), version)
    assert found.weight.tobytes() == crops.weight.tobytes()
    assert found.moments.factor.tobytes() == crops.moments.factor.tobytes()
    assert found.certificate == crops.certificate
    assert found.moments.statistics.fingerprint == crops.moments.statistics.fingerprint


def test_the_record_knows_a_model_without_opening_it(crops):
    facts = commit("exact", model=crops).models["model.safetensors"]
    squares = crops.evaluate("example:crops")  # read anew
    assert facts["loss"] == pytest.approx(squares.loss, rel=1e-12)
    assert facts["rmse"] == pytest.approx(squares.rmse, rel=1e-12)
    assert facts["r2"] == pytest.approx(squares.r2, rel=1e-12)
    assert (facts["targets"], facts["rows"], facts["solver"], facts["status"]) == (
        TARGETS, 15, "exact", "certified",
    )  # fmt: skip
    assert int(facts["fingerprint"], 16) == crops.moments.statistics.fingerprint


def test_a_saved_model_and_the_model_itself_make_the_same_version(crops):
    crops.save("crops.safetensors")
    saved, given_ = commit("", "crops.safetensors"), commit("", model={"crops.safetensors": crops})
    assert saved.files == given_.files
    assert saved.models == given_.models
    assert Store.find().get(saved.files["crops.safetensors"]) == Path("crops.safetensors").read_bytes()


def test_a_saved_model_is_kept_byte_by_byte_whoever_wrote_it(crops):
    import safetensors.numpy

    crops.save("crops.safetensors")
    with safetensors.safe_open("crops.safetensors", framework="numpy") as file:
        tensors, card = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    Path("crops.safetensors").write_bytes(safetensors.numpy.save(tensors, card | {"by": "another program"}))
    version = commit("", "crops.safetensors")
    assert Store.find().get(version.files["crops.safetensors"]) == Path("crops.safetensors").read_bytes()
    assert b"another program" in Path("crops.safetensors").read_bytes()
    assert version.models["crops.safetensors"]["loss"] == crops.training.loss


def test_without_moments_a_model_keeps_its_coefficients(crops):
    import safetensors.numpy

    version, store = commit("", model=crops, moments=False), Store.find()
    tensors = safetensors.numpy.load(store.get(version.files["model.safetensors"]))
    assert tensors.keys() == {"weight", "bias"}
    pair = history.coefficients_of(store, version)
    assert pair.weight.tobytes() == crops.weight.tobytes()
    assert known(pair.bias).tobytes() == crops.bias.tobytes()
    assert version.models["model.safetensors"]["loss"] == crops.training.loss
    with refused("moments-not-kept", "--no-moments"):
        history.model_of(store, version)
    Path("kept.safetensors").write_bytes(store.get(version.files["model.safetensors"]))
    with refused("model-file-without-moments", "kept.safetensors"):
        gradline.load("kept.safetensors")


def test_of_several_models_one_is_named(crops):
    other = gradline.fit("example:crops", "apples", bias=False)
    version, store = commit("", model={"a.safetensors": crops, "b.safetensors": other}), Store.find()
    assert history.model_of(store, version, "b.safetensors").targets == ("apples",)
    assert history.coefficients_of(store, version, "b.safetensors").bias is None
    with refused("version-model-unclear", "v1", "2", "a.safetensors, b.safetensors"):
        history.model_of(store, version)
    with refused("version-model-unclear", "v1", "c.safetensors"):
        history.model_of(store, version, "c.safetensors")
    with refused("version-lacks-model", "v2"):
        history.model_of(store, record())


def test_tensors_of_others_are_files_and_damaged_models_are_refused(crops):
    import safetensors.numpy

    safetensors.numpy.save_file({"weight": np.zeros((1, 3))}, "torch.safetensors")
    assert commit("", "torch.safetensors").models == {}
    crops.save("crops.safetensors")
    whole = Path("crops.safetensors").read_bytes()
    Path("crops.safetensors").write_bytes(whole[:-8])
    with refused("model-file-damaged", "crops.safetensors"):
        commit("", "crops.safetensors")


def test_what_is_no_model_is_refused():
    path: Any = "crops.safetensors"
    with refused("not-a-model", "str"):
        commit("", model=path)


def test_a_wide_model_takes_less_than_a_megabyte():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 300))
    commit("", model=gradline.fit(X, X @ np.arange(300.0) + rng.standard_normal(400)))
    kept = [path for path in Store.find().folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in kept) < 1_000_000


# What is refused, before anything is written


@pytest.mark.parametrize(
    "name",
    [
        "rows.csv",
        "ROWS.CSV",
        "rows.csv.gz",
        "a.tsv",
        "a.parquet",
        "a.arrow",
        "a.feather",
        "a.ndjson",
        "a.xlsx",
    ],
)
def test_a_file_of_data_is_refused_unless_asked_for(name, project):
    Path(name).write_bytes(b"a,b\n1,2\n")
    with refused("data-file-not-kept", "--data", "data=True"):
        commit("", name)
    assert not (project / ".gradline").exists()
    assert commit("", name, data=True).files.keys() == {name}


def test_all_that_gradline_reads_as_data_counts_as_data():
    from gradline.data.formats import ARCHIVES, COMPRESSED, ENDINGS
    from gradline.history import recording

    assert {*ENDINGS, *ARCHIVES} <= set(recording._DATA)
    assert COMPRESSED == recording._COMPRESSED


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["absent.txt"], ("file-not-found", "absent.txt")),
        (["."], ("folder-not-kept", ".")),
        ([], ("nothing-to-record",)),
        (["a.txt", "absent.txt"], ("file-not-found", "absent.txt")),
    ],
)
def test_what_cannot_be_recorded_leaves_nothing_behind(files, said, project):
    Path("a.txt").write_text("x")
    history.set_project("crops")
    with refused(*said):
        commit("", files)
    assert not (project / ".gradline").exists()


def test_two_files_under_one_name_are_refused(tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for place in (elsewhere, Path()):
        (place / "a.txt").write_text(str(place))
    with refused("kept-name-twice", "a.txt"):
        commit("", ["a.txt", elsewhere / "a.txt"])


# What was noted


def test_what_was_noted_goes_into_the_next_version_alone():
    history.set_project("linear-regression")
    history.log_dataset({"description": "crops"}, rows=15)
    history.log_hyperparams(lr=1e-5, epochs=100, layers=[1, 2], shuffle=False, seed=None)
    history.log_metrics({"loss": 3.0})
    history.log_metrics(loss=np.float64(0.5), rmse=np.array(2), worst=float("inf"))
    first, second = commit(), record()
    assert first.logged == {
        "project": "linear-regression",
        "dataset": {"description": "crops", "rows": 15},
        "hyperparams": {"lr": 1e-5, "epochs": 100, "layers": [1, 2], "shuffle": False, "seed": None},
        "metrics": {"loss": 0.5, "rmse": 2, "worst": "inf"},
    }
    assert second.logged == {"project": "linear-regression"}
    assert Store.find().version("v1") == first


def test_reset_forgets_and_a_refused_commit_does_not():
    history.log_metrics(loss=1.0)
    with refused("file-not-found", "absent.txt"):
        commit("", "absent.txt")
    assert commit().logged == {"metrics": {"loss": 1.0}}
    history.log_metrics(loss=2.0)
    history.reset()
    assert record().logged == {}


@pytest.mark.parametrize("value", [np.zeros(3), {"a": 1}, object(), [[1], {2}]])
def test_rows_and_objects_are_not_noted(value):
    with refused("logged-value-invalid"):
        history.log_dataset(rows=value)
    assert pending.noted() == {"dataset": {}} or pending.noted() == {}


# Environment and code


def test_the_environment_is_what_python_finds():
    version = record()
    facts, store = version.environment, Store.find()
    listed = dict(line.split("==") for line in store.get(facts["requirements"]).decode().splitlines())
    found = {}
    for one in importlib.metadata.distributions():
        found.setdefault(re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower(), one.version)
    assert listed == {name: version.split("+")[0] for name, version in found.items()}
    assert facts["builds"] == {name: version for name, version in found.items() if "+" in version}
    assert list(listed) == sorted(listed)
    assert facts["python"].endswith(platform.python_version())
    assert platform.machine() in facts["platform"]


def test_folders_of_distributions_are_read_as_they_are_written(project, monkeypatch):
    from gradline.history.environment import environment

    for name in (
        "Scikit_Learn-1.7.0.dist-info", "old-style-2.0.egg-info", "older-1.5-py3.11.egg-info",
        "torch-2.13.0+cpu.dist-info", "zope.interface-6.0.dist-info", "~roken-1.0.dist-info", "no_version.egg-info",
    ):  # fmt: skip
        (project / "site" / name).mkdir(parents=True)
    (project / "first" / "older-1.4.dist-info").mkdir(parents=True)
    monkeypatch.setattr(
        sys, "path", [str(project / "first"), str(project / "site"), str(project / "absent.zip")]
    )
    facts, lines = environment()
    assert lines.split() == [
        "old-style==2.0", "older==1.4", "scikit-learn==1.7.0", "torch==2.13.0", "zope-interface==6.0",
    ]  # fmt: skip
    assert facts["builds"] == {"torch": "2.13.0+cpu"}


def git(*words):
    settings = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *settings, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_code_is_the_commit_the_branch_and_whether_the_tree_was_clean():
    assert record().code is None
    git("init", "-b", "trunk")
    assert record().code == {"commit": None, "branch": "trunk", "clean": True}
    Path("loop.py").write_text("lr = 1e-5")
    git("add", "loop.py")
    git("commit", "-m", "one")
    clean = {"commit": git("rev-parse", "HEAD"), "branch": "trunk", "clean": True}
    assert record("model of today.txt").code == clean | {
        "clean": False
    }  # a.txt is neither in Git nor recorded
    Path("a.txt").unlink()
    assert record("model of today.txt").code == clean
    Path("loop.py").write_text("lr = 1e-3")
    assert record("model of today.txt").code == clean | {"clean": False}
    assert commit("", ["loop.py", "model of today.txt"]).code == clean | {"clean": False}
    git("commit", "-am", "two")
    git("checkout", "--detach")
    os.mkdir("below")
    os.chdir("below")
    assert commit("", "../model of today.txt").code == {
        "commit": git("rev-parse", "HEAD"), "branch": None, "clean": True,
    }  # fmt: skip


def test_a_broken_repository_or_no_git_is_no_obstacle(project, monkeypatch):
    (project / ".git").write_text("nothing")
    assert record().code is None
    monkeypatch.setenv("PATH", "")
    assert record().code is None


# What must not be in the store


def test_neither_variables_nor_rows_nor_outputs_nor_paths_are_in_the_store(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "planted-variable-8c1f")
    lines = [f"{70 + n % 7}.125,planted-row-{'ab'[n % 2]}-77aa,{n}\n" for n in range(30)]
    Path("rows.csv").write_text("temp,note,y\n" + "".join(lines))
    nbformat.write(executed(), "n.ipynb")
    model = gradline.fit("rows.csv", "y", features=["temp"])
    commit("", "n.ipynb", model=model)
    stored = everything(Store.find().folder)
    for planted in (b"planted-variable-8c1f", b"planted-row", b"SECRET-ROW", os.fsencode(sys.prefix)):
        assert planted not in stored
    for name in os.environ:  # what is long enough to be no accident
        value = os.environb[os.fsencode(name)]
        if len(value) > 12 and not value.startswith(os.fsencode(platform.python_version())):
            assert value not in stored, name
    commit("", "rows.csv", data=True)
    assert b"planted-row" in everything(Store.find().folder)  # so the search would have found it
