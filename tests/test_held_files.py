"""Files that other programs hold still open: models, states, a store of versions, an MLflow model.

`tests/held` was written by gradline 0.1.0 while its modules lay side by side, before they got rooms.
"""

import shutil
from pathlib import Path

import pytest

import gradline
from gradline import GradientDescent

HELD = Path(__file__).parent / "held"
CROPS = ["apples", "oranges"]
MODELS = {
    "exact": ("certified", {"targets": CROPS}),
    "gd": ("stopped", {"targets": CROPS, "solver": GradientDescent(lr=1e-5, epochs=100)}),
    "sgd": ("stopped", None),
    "weighted": ("certified", {"targets": "price", "weights": "w"}),
    "deficient": ("rank_deficient", None),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model(name, tmp_path):
    """It opens, and is what the same fit gives; written again it is the same file but for what was added since."""
    status, how = MODELS[name]
    model = gradline.load(HELD / f"{name}.safetensors")
    assert model.certificate.status == status
    if how is not None:
        data = HELD / "homes.csv" if "weights" in how else "example:crops"
        fitted = gradline.fit(data, **how)
        assert fitted.weight == pytest.approx(model.weight, rel=1e-12)
        assert fitted.bias == pytest.approx(model.bias, rel=1e-12)
        assert fitted.moments.statistics.fingerprint == model.moments.statistics.fingerprint
    model.save(tmp_path / "again.safetensors")
    assert (gradline.load(tmp_path / "again.safetensors").weight == model.weight).all()


def test_states():
    homes = gradline.Moments.load(HELD / "moments.safetensors")
    assert (
        homes.statistics.fingerprint
        == gradline.Moments.of(HELD / "homes.csv", "price").statistics.fingerprint
    )
    extended = gradline.Moments.load(HELD / "extended.safetensors")
    exact = gradline.load(HELD / "exact.safetensors")
    assert gradline.fit(extended).weight == pytest.approx(exact.weight, rel=1e-14)


def test_a_store_of_versions(gradline, tmp_path):
    shutil.copytree(HELD / "store", tmp_path / ".gradline")
    listed = gradline("log")
    assert listed.code == 0
    assert "hundred epochs" in listed.out
    difference = gradline("diff", "v1", "v2", "--json")
    assert difference.code == 0, difference.err
    restored = gradline("checkout", "v1")
    assert restored.code == 0, restored.err
    assert (tmp_path / "crops.safetensors").read_bytes() == (HELD / "gd.safetensors").read_bytes()
    assert (tmp_path / "train.py").read_text() == "print('train')\n"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")
def test_an_mlflow_model():
    """`mlflow.pyfunc` opens a folder by the module that its MLmodel names."""
    import pandas as pd
    from mlflow import pyfunc

    row = {"town": ["Bath"], "area": [66.0]}
    served = pyfunc.load_model(str(HELD / "mlflow_model")).predict(pd.DataFrame(row))
    expected = gradline.load(HELD / "weighted.safetensors").predict(row)
    assert served["price"].to_numpy() == pytest.approx(expected[:, 0], rel=1e-15)
