"""`gradline example`, starts and logs: tables to practise on, PyTorch's own draws, and what training prints."""

import numpy as np
import pytest
import torch
from refusals import expect_refusal
from typer.testing import CliRunner

import gradline as package
from gradline.cli.commands import app
from gradline.cli.logged import schedule
from gradline.cli.start import start
from gradline.core import torch_draws
from gradline.core.torch_draws import randn
from gradline.data.files import EXAMPLES
from gradline.data.line import line


def run(*words):
    return CliRunner().invoke(app, ["--debug", *map(str, words)])


def test_the_line_is_the_rule():
    points = line(rows=20_000, noise=0.3, seed=7)
    x, noise = points[:, 0], (points[:, 1] - 1 - 2 * points[:, 0]) / 0.3
    assert x.min() >= 0
    assert x.max() < 1
    assert abs(x.mean() - 1 / 2) < 0.01
    assert abs(noise.mean()) < 0.03
    assert abs(noise.std() - 1) < 0.02
    assert abs(np.corrcoef(x, noise)[0, 1]) < 0.03
    drawn = np.random.RandomState(42)
    assert set(line()[:, 0]) == set(drawn.rand(100))


def test_the_example_is_what_the_command_writes(tmp_path):
    words = ["--noise", "0.1", "--rows", "100", "--seed", "42"]
    for more in (words, []):
        done = run("example", "line", *more, "-o", tmp_path / "train.csv")
        assert done.exit_code == 0, done.stderr
        assert (tmp_path / "train.csv").read_text() == (EXAMPLES / "line.csv").read_text()
    assert run("example", "line").stdout == (EXAMPLES / "line.csv").read_text()
    assert run("example", "crops").stdout == (EXAMPLES / "crops.csv").read_text()


def test_the_split_is_80_and_20(tmp_path):
    files = tmp_path / "train.csv", tmp_path / "validation.csv"
    assert run("example", "line", "-o", files[0], "--validation", files[1]).exit_code == 0
    parts = [np.loadtxt(path, delimiter=",", skiprows=1) for path in files]
    assert [len(part) for part in parts] == [80, 20]
    np.testing.assert_array_equal(np.concatenate(parts), line())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["lines"], 1, ("example-unknown", "lines", "crops")),
        (["crops", "--rows", "5"], 2, ("option-of-line", "rows", "crops")),
        (["line", "--rows", "0"], 2, ("rows-invalid", 0)),
        (["line", "--noise", "-1"], 2, ("noise-invalid", -1)),
        (["line", "--noise", "nan"], 2, ("noise-invalid", "nan")),
        (["line", "--seed", "-1"], 2, ("seed-invalid", -1)),
        (["line", "--rows", "2", "--validation", "v.csv"], 1, ("rows-too-few-to-split", 2)),
        (["line", "-o", "v.csv", "--validation", "v.csv"], 2, ("output-named-twice", "v.csv")),
        (["line", "-o", "mine.csv"], 1, ("output-exists", "mine.csv")),
    ],
)
def test_what_example_refuses(words, code, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text("height,age\n1,2\n")
    done = run("example", *words)
    assert done.exit_code == code
    expect_refusal(done.stderr, *said)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


@pytest.mark.parametrize("seed", [0, 42, 2**31, 2**32 + 5])
@pytest.mark.parametrize("sizes", [[1, 1], [6, 2], [3, 5, 15], [16], [17, 2], [100, 7, 33]])
def test_the_draws_are_those_of_torch(seed, sizes):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for size, drawn in zip(sizes, randn(seed, sizes), strict=True):
            right = torch.randn(size).double().numpy()
            if size < 16:
                np.testing.assert_array_equal(drawn, right)
            np.testing.assert_allclose(drawn, right, atol=2e-6)


@pytest.mark.parametrize("seed", [0, 42, 2**31, 2**32 + 5])
@pytest.mark.parametrize(("p", "m"), [(1, 1), (3, 2), (7, 1), (20, 40)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_start_is_that_of_a_layer(p, m, bias, seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layer = torch.nn.Linear(p, m, bias=bias)
    parts = {name: part.detach().numpy().reshape(m, -1).T for name, part in layer.named_parameters()}
    theta = np.vstack([parts[name] for name in ("bias", "weight") if name in parts])
    np.testing.assert_array_equal(torch_draws.start("linear", seed, p, m, bias), theta)


def test_tutorial_003_starts_at_the_numbers_of_its_gpu():
    assert [f"{part[0]:.4f}" for part in randn(42, [1, 1], "cuda")] == ["0.1940", "0.1391"]
    solver = package.GradientDescent(lr=0.1, epochs=0, init="torch-cuda", seed=42)
    model = package.fit("example:line", "y", solver=solver)
    assert (f"{model.bias[0]:.4f}", f"{model.weight[0, 0]:.4f}") == ("0.1940", "0.1391")


def test_a_model_starts_as_a_program_of_torch_would(tmp_path):
    with torch.random.fork_rng():
        torch.manual_seed(7)
        bias, weight = torch.randn(2), torch.randn(2, 3)
    words = [
        "-t",
        "apples",
        "-t",
        "oranges",
        "--lr",
        "1e-5",
        "--epochs",
        "10",
        "--init",
        "torch",
        "--seed",
        "7",
    ]
    assert run("fit", "example:crops", *words, "-o", tmp_path / "m.safetensors").exit_code == 0
    model = package.load(tmp_path / "m.safetensors")
    start = (weight.double().numpy(), bias.double().numpy())
    path = package.Trajectory(model.moments, 1e-5, init=start).at(10)
    np.testing.assert_allclose(model.weight, path.weight, rtol=1e-12)
    assert run("verify", tmp_path / "m.safetensors", "example:crops").exit_code == 0


@pytest.mark.parametrize(
    ("rule", "epochs"),
    [
        (0, []),
        ("10", [10, 20, 30]),
        (7, [7, 14, 21, 28]),
        ("1,2,5", [1, 2, 5]),
        ("4,", [4]),
        ("1-3, every 10", [1, 2, 3, 10, 20, 30]),
        ("every 15,7", [7, 15, 30]),
    ],
)
def test_a_rule_names_epochs(rule, epochs):
    assert [epoch for epoch in range(1, 31) if schedule(rule)(epoch)] == epochs


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--log-every", "often"], ("log-every-invalid", "often", "every 100")),
        (["--log-every", "1-x"], ("log-every-invalid", "1-x")),
        (["--log-every", "5-1"], ("log-every-invalid", "5-1")),
        (["--init", "[[NaN]], [0]"], ("start-not-numbers", "NaN")),
        (["--init", "1e999, 0"], ("start-not-numbers", "1e999")),
        (["--log", "all"], ("log-invalid", "all", "weights")),
        (["--init", "[[1, 2]]"], ("start-not-numbers", "[[1, 2]]")),
        (["--init", "[1, x], 3"], ("start-not-numbers", "x")),
        (["--init", "[[1, 2, 3]], [1]"], ("init-shape",)),
    ],
)
def test_what_a_start_and_a_log_refuse(words, said):
    done = run("fit", "example:line", "-t", "y", "--lr", "0.1", *words)
    assert done.exit_code in (1, 2)
    expect_refusal(done.stderr, *said)


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("0.0505, 0.4906", ([[0.0505]], [0.4906])),
        ("-0.5, 1", ([[-0.5]], [1.0])),
        (
            "[[ 0.5376,  0.0660], [-0.6218, -0.9119]], [-0.6848, 0.0488]",
            ([[0.5376, 0.066], [-0.6218, -0.9119]], [-0.6848, 0.0488]),
        ),
        ("[1, 2, 3], 4", ([[1.0, 2.0, 3.0]], [4.0])),
        ("zeros", "zeros"),
        ("model.safetensors", "model.safetensors"),
    ],
)
def test_a_start_in_numbers(text, pair):
    assert start(text) == pair


def test_the_log_tells_weights_from_the_start():
    done = run(
        "fit",
        "example:line",
        "-t",
        "y",
        "--lr",
        "0.1",
        "--epochs",
        "2",
        "--log-every",
        "1",
        "--log",
        "weights",
    )
    rows = line()
    b, w, told = 0.0, 0.0, []
    for _ in range(3):
        error = b + w * rows[:, 0] - rows[:, 1]
        told.append(f"loss {(error**2).mean():.4f}, b = {b:.7g}, w = {w:.7g}")
        b, w = b - 0.2 * error.mean(), w - 0.2 * (rows[:, 0] * error).mean()
    assert done.stderr.splitlines()[:3] == [
        f"Before training, {told[0]}", f"Epoch [1/2], {told[1]}", f"Epoch [2/2], {told[2]}",
    ]  # fmt: skip
