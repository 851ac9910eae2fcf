"""MLflow: the flavour against the model itself, and versions pushed to a real server, read back by its REST API."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError

import numpy as np
import polars as pl
import pytest
from refusals import expect_refusal, refused

import gradline as package
from gradline import history

pytestmark = [
    pytest.mark.slow,
    # MLflow's own: of its type hints when it loads, and of how it compares column names.
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),
]
TARGETS = ["apples", "oranges"]
REGION = {"temp": [75, 90.5], "rainfall": [63, 1 / 3], "humidity": [44, 70.25]}


@dataclass(frozen=True)
class Server:
    """A server on the loopback: its address, and JSON to and from it."""

    address: str

    def post(self, endpoint, **body):
        request = urllib.request.Request(
            self.address + endpoint, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def get(self, endpoint, **query):
        with urllib.request.urlopen(
            f"{self.address}{endpoint}?{urllib.parse.urlencode(query)}", timeout=60
        ) as answer:
            return answer.read()

    def runs(self, experiment):
        """Its runs that are not deleted, the oldest first."""
        path = "/api/2.0/mlflow/experiments/get-by-name"
        found = json.loads(self.get(path, experiment_name=experiment))["experiment"]["experiment_id"]
        return self.post("/api/2.0/mlflow/runs/search", experiment_ids=[found], order_by=["start_time"])[
            "runs"
        ]

    def series(self, run, metric):
        """The points (epoch, value) of a metric, by epoch."""
        query = {"run_id": run["info"]["run_id"], "metric_key": metric}
        answer = json.loads(self.get("/api/2.0/mlflow/metrics/get-history", **query))
        return sorted((int(point.get("step", 0)), point["value"]) for point in answer["metrics"])

    def artifact(self, run, path):
        return self.get("/get-artifact", run_uuid=run["info"]["run_id"], path=path)


def by_key(pairs):
    return {pair["key"]: pair["value"] for pair in pairs}


# MLflow looks for uvicorn on the path; its jobs need a task queue, which nothing here asks for.
SERVING = {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


@contextmanager
def running(folder, health, *words, **environment):
    """A command of MLflow's that serves, in a session of its own, from its first answer until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", *words, "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, **SERVING, **environment}
    said = folder / "said.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [*command, "--workers", "1"],
            stdout=log,
            stderr=log,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
    server = Server(f"http://127.0.0.1:{port}")
    try:
        expect_answer(server, health, process, said)
        yield server
    finally:
        with suppress(ProcessLookupError):  # it went by itself, which `expect_answer` tells
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def expect_answer(server, endpoint, process, said):
    """Wait for a server to come up, two minutes at most; show what it said where it does not."""
    for _ in range(1200):
        with suppress(OSError):
            return server.get(endpoint)
        assert process.poll() is None, said.read_text()
        time.sleep(0.1)
    raise AssertionError(said.read_text())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlflow")
    store = ["--backend-store-uri", "sqlite:///runs.db", "--artifacts-destination", "artifacts"]
    with running(folder, "/health", "server", *store) as server:
        yield server


@pytest.fixture(scope="module")
def trained():
    """A model with a history of 1,001 epochs, and of as many held-out losses."""
    solver = package.GradientDescent(lr=1e-5, epochs=1000)
    return package.fit("example:crops", TARGETS, solver=solver, holdout=0.2)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project, in which the test works."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    return tmp_path


def test_pyfunc_predicts_what_the_model_predicts(project):
    import mlflow
    import pandas as pd
    from mlflow.exceptions import MlflowException

    rows = pd.DataFrame(
        {"size": [1.0, 2, 3, 5, 8], "kind": ["b", "a", "c", "a", "b"], "price": [2.0, 3, 7, 6, 9.5]}
    )
    model = package.fit(rows, "price")
    package_mlflow().save_model(model, project / "saved", input_example=rows[["size", "kind"]][:2])
    opened = mlflow.pyfunc.load_model(str(project / "saved"))
    new = pd.DataFrame({"other": [1, 2], "kind": ["c", "b"], "size": [4.5, 6]}, index=[7, 9])
    predicted = opened.predict(new)
    assert list(predicted.columns) == ["price"]
    assert list(predicted.index) == [7, 9]
    np.testing.assert_array_equal(predicted.to_numpy(), model.predict(new))
    holed = new.assign(size=[np.nan, 6])
    with pytest.raises(MlflowException, match="size is missing"):
        opened.predict(holed)
    dropped = opened.predict(holed, params={"missing": "drop"}).to_numpy()
    assert np.isnan(dropped[0]).all()
    np.testing.assert_array_equal(dropped[1], model.predict(new)[1])
    unseen = new.assign(kind=["z", "b"])
    base = opened.predict(unseen, params={"unseen": "base"}).to_numpy()
    np.testing.assert_array_equal(base, model.predict(new.assign(kind=["a", "b"])))


def package_mlflow():
    import gradline.mlflow

    return gradline.mlflow


def test_the_saved_folder(project):
    import yaml
    from mlflow.models import get_model_info

    model = package.fit("example:crops", TARGETS)
    package_mlflow().save_model(model, project / "saved")
    about = get_model_info(str(project / "saved"))
    assert [(c.name, c.type.name) for c in about.signature.inputs] == [
        (name, "double") for name in model.features
    ]
    assert [(c.name, c.type.name) for c in about.signature.outputs] == [(name, "double") for name in TARGETS]
    needed = [f"gradline[mlflow]=={package.__version__}"]
    assert (project / "saved/requirements.txt").read_text().splitlines() == needed
    *_, pip = yaml.safe_load((project / "saved/conda.yaml").read_text())["dependencies"]
    assert pip == {"pip": needed}
    python = yaml.safe_load((project / "saved/python_env.yaml").read_text())
    assert python["dependencies"] == ["-r requirements.txt"]
    assert not list((project / "saved").glob("*example*"))  # no row beside a model that holds none
    model.save("model.safetensors")
    assert (project / "saved/model.safetensors").read_bytes() == Path("model.safetensors").read_bytes()
    with refused("output-exists"):
        package_mlflow().save_model(model, project / "saved")


def test_a_model_of_another_flavour_is_refused(project):
    from mlflow.models import Model

    (project / "other").mkdir()
    Model(flavors={"keras": {}}).save(str(project / "other/MLmodel"))
    with refused("model-foreign", "keras"):
        package_mlflow().load_model(str(project / "other"))


@pytest.mark.usefixtures("project")
def test_logged_and_loaded(server, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
    model = package.fit("example:crops", TARGETS)
    with mlflow.start_run():
        logged = package_mlflow().log_model(model, "crops")
    loaded = package_mlflow().load_model(logged.model_uri)
    np.testing.assert_array_equal(loaded.weight, model.weight)
    assert loaded.certificate == model.certificate


def test_a_version_becomes_a_run(gradline, server, project, trained):
    (project / "run.toml").write_text("lr = 1e-5\n")
    history.set_project("farm")
    history.log_metrics(mood=3, verdict="good")
    history.log_hyperparams(**{"a%b": 1, "a#b": [2, "x"]})
    version = history.commit("a first try", "run.toml", trained)
    store = history.Store.find()
    store.tag(version, "first")
    done = gradline("push", "v1", "--to", server.address, "--experiment", "farm", "--json")
    assert (done.code, done.err) == (0, "")
    told = json.loads(done.out)["runs"]
    (run,) = server.runs("farm")
    assert [(one["run_id"], one["is_new"]) for one in told] == [(run["info"]["run_id"], True)]
    assert (run["info"]["status"], run["info"]["run_name"]) == ("FINISHED", "v1")

    for metric, place in (("loss", 1), ("holdout_loss", 2)):
        expected = [(record[0], record[place]) for record in trained.history]
        assert len(expected) == 1001
        assert server.series(run, metric) == expected
    metrics = by_key(run["data"]["metrics"])
    training, certificate = trained.training, trained.certificate
    figures = {"gap": certificate.gap, "rows": training.rows, "metrics.mood": 3}
    for i, target in enumerate(TARGETS):
        figures |= {f"rmse/{target}": training.rmse[i], f"r2/{target}": training.r2[i]}
        figures |= {f"holdout_rmse/{target}": trained.holdout.rmse[i]}
    assert {name: metrics[name] for name in figures} == figures

    params = by_key(run["data"]["params"])
    expected = {
        "solver": "gd",
        "lr": "1e-05",
        "epochs": "1000",
        "momentum": "0.0",
        "features": "temp, rainfall, humidity",
    }
    expected |= {"hyperparams.1 a_b": "1", "hyperparams.2 a_b": "2, x", "metrics.verdict": "good"}
    assert {name: params[name] for name in expected} == expected
    tags = by_key(run["data"]["tags"])
    expected = {"gradline.version": "v1", "gradline.tags": "first", "gradline.message": "a first try"}
    expected |= {
        "gradline.project": "farm",
        "mlflow.note.content": "a first try",
        "gradline.status": "stopped",
    }
    assert {name: tags[name] for name in expected} == expected

    (data,) = run["inputs"]["dataset_inputs"]
    assert int(data["dataset"]["digest"], 16) == trained.moments.statistics.fingerprint
    (model,) = run["outputs"]["model_outputs"]
    logged = json.loads(server.get(f"/api/2.0/mlflow/logged-models/{model['model_id']}"))["model"]
    assert logged["info"]["status"] == "LOGGED_MODEL_READY"
    assert by_key(logged["data"]["metrics"])["rmse/apples"] == training.rmse[0]
    for path, digest in version.files.items():
        assert hashlib.sha256(server.artifact(run, f"files/{path}")).hexdigest() == digest
    listed = server.artifact(run, "environment/requirements.txt").decode().splitlines()
    assert f"numpy=={np.__version__}" in listed

    store.annotate(version, "note", "look at the rain")
    again = gradline("push", "first", "--to", server.address, "--experiment", "farm", "--json")
    assert [one | {"is_new": True} for one in json.loads(again.out)["runs"]] == told
    (same,) = server.runs("farm")
    assert by_key(same["data"]["tags"])["mlflow.note.content"] == "a first try\n\nlook at the rain"
    assert server.series(same, "loss") == server.series(run, "loss")


@pytest.mark.usefixtures("project")
def test_every_model_of_a_version_has_a_run_and_a_version_without_one_too(server, trained):
    exact = package.fit("example:crops", "apples")
    adopted = package.LinearModel.from_torch(exact.to_torch(), "example:crops", "apples")
    assert not adopted.history
    models = {"adopted.safetensors": adopted, "exact.safetensors": exact, "gd.safetensors": trained}
    history.commit("three", (), models)
    Path("notes.md").write_text("rain\n")
    history.log_hyperparams({f"p{i}": i for i in range(250)})
    history.commit("none", "notes.md")
    pushed = package_mlflow().push("1", "latest", to=server.address, experiment="several")
    runs = {run["info"]["run_name"]: run for run in server.runs("several")}
    assert [one.name for one in pushed] == [*(f"v1 {path}" for path in models), "v2"]
    assert runs.keys() == {one.name for one in pushed}
    metrics = {}
    for path, model in models.items():
        metrics = by_key(runs[f"v1 {path}"]["data"]["metrics"])
        assert metrics["loss"] == pytest.approx(model.training.loss, rel=1e-12)
        assert metrics["gap"] == model.certificate.gap
    assert metrics.keys() >= {"rmse/apples", "rmse/oranges"}
    assert by_key(runs["v1 exact.safetensors"]["data"]["metrics"])["rmse"] == exact.training.rmse[0]
    assert server.artifact(runs["v2"], "files/notes.md") == b"rain\n"
    params = by_key(runs["v2"]["data"]["params"])
    assert params == {f"hyperparams.p{i}": str(i) for i in range(250)}
    assert "model_outputs" not in runs["v2"].get("outputs", {})


@pytest.mark.usefixtures("project")
def test_what_was_left_half_done_is_made_anew(server):
    package.fit("example:crops", TARGETS).save("crops.safetensors")
    (first,) = package_mlflow().push("crops.safetensors", to=server.address, experiment="half")
    (run,) = server.runs("half")
    server.post("/api/2.0/mlflow/runs/update", run_id=first.run_id, status="RUNNING")
    (second,) = package_mlflow().push("crops.safetensors", to=server.address, experiment="half")
    assert second.is_new
    assert [one["info"]["run_id"] for one in server.runs("half")] == [second.run_id] != [first.run_id]
    (orphan,) = run["outputs"]["model_outputs"]
    with pytest.raises(HTTPError, match="404"):
        server.get(f"/api/2.0/mlflow/logged-models/{orphan['model_id']}")
    (third,) = package_mlflow().push("crops.safetensors", to=server.address, experiment="half")
    assert third == second._replace(is_new=False)


def test_a_pushed_model_is_served(gradline, server, project):
    package.fit("example:crops", TARGETS).save("crops.safetensors")
    pl.DataFrame(REGION, strict=False).write_csv("region.csv")
    assert gradline("predict", "crops.safetensors", "region.csv", "-o", "predicted.csv").code == 0
    expected = pl.read_csv("predicted.csv")
    assert gradline("push", "crops.safetensors", "--to", server.address, "--experiment", "served").code == 0
    (run,) = server.runs("served")
    (model,) = run["outputs"]["model_outputs"]
    words = ["models", "serve", "--model-uri", f"models:/{model['model_id']}", "--env-manager", "local"]
    with running(project, "/ping", *words, MLFLOW_TRACKING_URI=server.address) as serving:
        columns = list(REGION)[::-1]  # by name, in whatever order
        rows = [[REGION[name][i] for name in columns] for i in range(2)]
        answer = serving.post("/invocations", dataframe_split={"columns": columns, "data": rows})
        with pytest.raises(HTTPError, match="400") as refusal:
            serving.post("/invocations", dataframe_split={"columns": columns, "data": [[None, 63, 75]]})
        assert "row 1 of the frame: humidity is missing" in json.load(refusal.value)["message"]
    served = pl.DataFrame(answer["predictions"])
    assert served.columns == expected.columns == TARGETS
    np.testing.assert_allclose(served.to_numpy(), expected.to_numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    ("word", "to", "code", "said"),
    [
        ("m.safetensors", None, 2, ("no-server-named", "--to")),
        ("m.safetensors", "localhost:5000", 2, ("server-address-invalid", "http://localhost:5000")),
        ("m.safetensors", "http://a b", 1, ("server-not-answering", "http://a b")),
        ("crops.csv", "http://127.0.0.1:1", 1, ("model-file-damaged", "crops.csv")),
        ("v7", "http://127.0.0.1:1", 1, ("version-unknown", "v7", "v1")),
        ("v1", "http://127.0.0.1:1", 1, ("moments-not-kept", "v1", "m.safetensors", "--no-moments")),
    ],
    ids=["no server", "no scheme", "no host", "no model", "no version", "no moments"],
)
def test_refused_before_anything_is_sent(project, word, to, code, said):
    model = package.fit("example:crops", TARGETS)
    (project / "crops.csv").write_text("a,b\n1,2\n")
    history.commit("without", (), {"m.safetensors": model}, moments=False)
    model.save("m.safetensors")
    with refused(*said) as caught:
        package_mlflow().push(word, to=to)
    assert caught.value.exit_code == code


@pytest.mark.usefixtures("project")
def test_a_server_that_is_not_there_or_refuses(gradline, server):
    package.fit("example:crops", TARGETS).save("crops.safetensors")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        told = gradline("push", "crops.safetensors", "--to", nowhere, "--json")
    assert told.code == 1
    expect_refusal(told.err, "server-not-answering", nowhere)
    made = server.post("/api/2.0/mlflow/experiments/create", name="gone")
    server.post("/api/2.0/mlflow/experiments/delete", experiment_id=made["experiment_id"])
    for name, said in (("gone", ("experiment-deleted", "gone")), ("x" * 600, ("server-refused",))):
        told = gradline("push", "crops.safetensors", "--to", server.address, "--experiment", name, "--json")
        assert told.code == 1
        expect_refusal(told.err, *said)


def test_a_missing_extra_is_named():
    program = "import sys; sys.modules['mlflow'] = None; from gradline.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "push", "v1", "--to", "http://127.0.0.1:1", "--json"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    expect_refusal(done.stderr, "extra-not-installed", "pip install 'gradline[mlflow]'")
