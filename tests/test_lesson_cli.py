"""`gradline lesson` as a user meets it: as text, in a terminal key by key, and refusing."""

import os
import re
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from refusals import expect_refusal
from typer.testing import CliRunner

from gradline.cli import terminal
from gradline.cli.commands import app
from gradline.data.files import EXAMPLES
from gradline.pytorch.diagnosis import verdict

CROPS = np.loadtxt(EXAMPLES / "crops.csv", delimiter=",", skiprows=1)
FIRST_LOSS = (CROPS[:, 3:] ** 2).mean()  # from zeros


def unwrapped(text):
    """The text without its line breaks."""
    return " ".join(text.split())


@pytest.mark.slow
def test_the_lesson_as_text(gradline):
    done = gradline("lesson", "--epochs", "20", "--steps", "2")
    assert (done.code, done.err) == (0, "")
    assert done.out.count("1 predict") == 2
    assert f"{FIRST_LOSS:,.2f} is the mean of 30 squared errors" in unwrapped(done.out)
    assert f"Before training, loss {FIRST_LOSS:.3f}" in done.out
    for words in ("loss.backward()", "weight.grad.zero_()", "scikit-learn", "Epoch [20/20], loss"):
        assert words in done.out


@pytest.mark.parametrize("by", ["autograd", "batches"])
def test_what_diverges_is_called_so_from_the_first_growing_step(by):
    words = ["lesson", "example:iphone", "-t", "sales", "--by", by, "--lr", "0.1", "--epochs", "40"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0
    told = unwrapped(done.stdout)
    assert "Diverging: the loss grew 1.16e6×. lr 0.1 is above 1.51e-4, the largest stable rate." in told
    assert "Diverging from epoch 1 on: lr 0.1 is above 1.51e-4" in told
    losses = re.findall(r"Epoch \[(\d+)/40\], loss (\S+)", told)
    assert [loss for _, loss in losses].index("inf") == len(losses) - 1
    assert f"Diverged: at epoch {losses[-1][0]} the loss was no longer a number" in told


def test_a_rate_that_is_stable_diverges_nowhere():
    done = CliRunner().invoke(app, ["lesson", "--epochs", "3", "--steps", "3"])
    assert "iverg" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("by", "name"), [("numpy", "stale"), ("autograd", "shape"), ("batches", "last_batch")]
)
def test_a_mistake_as_text(gradline, by, name):
    done = gradline("lesson", "--by", by, "--mistake", name, "--epochs", "5", "--steps", "0")
    assert done.code == 0
    for words in (f"Mistake {name}:", "Cause: ", "The fix:", "loss after the fix"):
        assert words in done.out
    assert ("broadcast to (15, 15): 225 pairs" in unwrapped(done.out)) == (name == "shape")


@pytest.mark.slow
def test_the_script_and_the_graph_are_written(gradline, tmp_path):
    done = gradline(
        "lesson", "--by", "module", "--script", "loop.py", "--graph", "loss.svg", "--epochs", "10"
    )
    assert (done.code, done.out) == (0, "")
    assert "saved: loop.py" in done.err
    assert ET.parse(tmp_path / "loss.svg").getroot().tag.endswith("svg")
    compile((tmp_path / "loop.py").read_text(), "loop.py", "exec")


@pytest.mark.parametrize("by", ["numpy", "autograd", "batches"])
def test_a_folder_takes_three_files_that_run_as_the_one_does(by, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["lesson", "--by", by, "--epochs", "20", "--init", "torch"]
    for where in ("loop/", "loop.py", "loop"):  # a folder that is there needs no slash
        done = CliRunner().invoke(app, ["--debug", *words, "--script", where])
        assert done.exit_code == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "loop").iterdir())
    assert names == ["configuration.py", "data.py", "training.py"]
    printed = [
        subprocess.run(
            [sys.executable, "-W", "error", name], capture_output=True, text=True, check=True
        ).stdout
        for name in ("loop.py", "loop/training.py")
    ]
    assert printed[0] == printed[1]
    assert printed[0].count("Epoch [") == 10
    (tmp_path / "loop" / "data.py").write_text("mine = 1\n")
    expect_refusal(CliRunner().invoke(app, ["--debug", *words, "--script", "loop/"]).stderr, "output-exists")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--mistake", "nothing"], 2, ("mistake-invalid", "nothing", "zero_grad, no_grad")),
        (["--by", "magic"], 2, ("way-invalid", "magic", "numpy, autograd")),
        (["--steps", "-1"], 2, ("steps-invalid", -1)),
        (["--lr", "nan"], 2, ("lr-invalid", "nan")),
        (["--by", "numpy", "--graph", "x.svg"], 2, ("graph-by-numpy",)),
        (["--mistake", "last_batch"], 1, ("mistake-not-in-this-way", "last_batch", "batches")),
        (["nowhere.csv", "-t", "y"], 1, ("file-not-found", "nowhere.csv")),
        (["example:crops"], 2, ("no-target-chosen", "apples")),
        (["example:crops", "-t", "yield"], 1, ("column-unknown", "yield")),
        (["--script", "no/such/folder/"], 1, ("file-unwritable", "no/such/folder")),
        (["--script", "no/such/folder/loop.py"], 1, ("file-unwritable", "no/such/folder/loop.py")),
    ],
)
def test_what_the_lesson_refuses(words, code, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["--debug", "lesson", *words])
    assert done.exit_code == code
    expect_refusal(done.stderr, *said)
    assert not list(tmp_path.iterdir())


DIAGNOSE = ["example:iphone", "-t", "sales", "--lr", "1e-5"]


@pytest.mark.parametrize(
    ("printed", "words", "code", "said"),
    [
        ("1.0\n", ["--weight", "1,2,3"], 2, ("start-half-said", "--weight", "--bias")),
        ("1.0\n", ["--weight", "1,x,3", "--bias", "0"], 2, ("start-not-numbers", "'x'")),
        ("1.0\n", ["--weight", "1,2", "--bias", "0"], 1, ("init-shape",)),
        ("nothing here\n", [], 1, ("no-loss-found",)),
        (b"\xff\xfe", [], 1, ("losses-not-utf8", "printed.txt")),
        (None, [], 1, ("file-unreadable", "printed.txt")),
    ],
)
def test_what_diagnose_refuses(printed, words, code, said, tmp_path):
    path = tmp_path / "printed.txt"
    if printed is not None:
        path.write_bytes(printed if isinstance(printed, bytes) else printed.encode())
    done = CliRunner().invoke(app, ["diagnose", str(path), *DIAGNOSE, *words, "--json"])
    assert done.exit_code == code
    expect_refusal(done.stderr, *said)


def test_tutorial_001_diagnosed_from_its_three_losses(tmp_path):
    path = tmp_path / "printed.txt"
    path.write_text(
        "".join(f"tensor({loss}, grad_fn=<DivBackward0>)\n" for loss in (3390.0071, 2558.1218, 1931.3949))
    )
    start = ["--weight", "0.7765,-0.1135,0.7029", "--bias", "0.4655"]
    done = CliRunner().invoke(app, ["diagnose", str(path), *DIAGNOSE, *start])
    assert done.exit_code == 0
    assert "predictions (5, 1) against targets (5,)" in unwrapped(done.stdout)


LINE = ["-t", "y", "--lr", "0.05"]


@pytest.fixture
def a_line(tmp_path, monkeypatch):
    """A table and what a right loop from the start [[0.5]], [0.3] printed."""
    monkeypatch.chdir(tmp_path)
    x = np.arange(20) / 10
    y = 1 + 2 * x + 0.1 * (-1) ** np.arange(20)
    Path("line.csv").write_text("x,y\n" + "".join(f"{a},{b}\n" for a, b in zip(x, y, strict=True)))
    w, b, printed = 0.5, 0.3, []
    for _ in range(12):
        off = w * x + b - y
        printed.append(f"loss {(off**2).mean():.4f}")
        w, b = w - 0.1 * (off * x).mean(), b - 0.1 * off.mean()
    Path("printed.txt").write_text("\n".join(printed))


@pytest.mark.usefixtures("a_line")
def test_the_start_is_said_as_to_fit():
    def told(*words):
        return CliRunner().invoke(app, ["--debug", "diagnose", "printed.txt", "line.csv", *LINE, *words])

    assert told("--init", "[[0.5]], [0.3]").stdout.startswith("right:")
    assert told("--init", "torch", "--seed", "4").stdout.startswith(
        "order: the steps are right, but the start"
    )
    unknown = told("--batch-size", "4")
    assert "--init)" in unwrapped(unknown.stdout)
    assert "init=" not in unknown.stdout
    expect_refusal(told("--init", "quark").stderr, "init-invalid", "quark")


@pytest.mark.usefixtures("a_line")
def test_data_before_losses_are_taken_in_their_order_and_it_is_said():
    words = ["diagnose", "line.csv", "printed.txt", *LINE, "--init", "[[0.5]], [0.3]"]
    done = CliRunner().invoke(app, words)
    assert done.stdout.startswith("right:")
    assert "line.csv holds the data" in unwrapped(done.stderr)


class Screen:
    """A program in a tmux window of its own server."""

    def __init__(self, folder, *command):
        self.name = f"gradline-{os.getpid()}-{folder.name}"
        words = " ".join([sys.executable, "-m", "gradline", *command])
        self._tmux("new-session", "-d", "-x", "100", "-y", "46", f"{words}; echo left with $?; sleep 60")

    def _tmux(self, *words):
        command = ["tmux", "-L", self.name, "-f", os.devnull, *words]
        sized = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        return subprocess.run(command, capture_output=True, text=True, check=True, env=sized).stdout

    def press(self, key):
        self._tmux("send-keys", key)

    def wait(self, *patterns):
        """The screen once it shows all of the patterns."""
        shown = ""
        for _ in range(300):
            shown = self._tmux("capture-pane", "-p", "-S", "-60")
            if all(re.search(pattern, shown) for pattern in patterns):
                return shown
            time.sleep(0.1)
        raise AssertionError(f"{patterns} not on the screen:\n{shown}")

    def close(self):
        self._tmux("kill-server")


@pytest.mark.slow
@pytest.mark.needs("tmux")
def test_the_lesson_key_by_key(tmp_path):
    screen = Screen(tmp_path, "lesson", "--epochs", "30")
    try:
        screen.wait("15 rows", "Epoch 1: update 1", "Enter next")
        screen.press("Enter")
        screen.wait("▶ 1 predict", r"= predictions \(15, 2\), float32")
        screen.press("Enter")
        screen.wait("▶ 2 loss", f"{FIRST_LOSS:,.2f} is the mean of 30")
        screen.press("Enter")
        gradient = 2 * CROPS[:, 3:].T @ CROPS[:, :3] / 30
        screen.wait("▶ 3 gradient", f"{-gradient[0, 1]:.2f}"[:8])
        screen.press("Enter")
        shown = screen.wait("▶ 4 update", "◀")
        assert f"{1e-5 * gradient[0, 0]:.6g} ◀" in shown
        screen.press("Enter")
        screen.wait(
            "▶ 5 reset", "the gradients are 0 again", "Loss: 8310.67 before this update, 5754.63 after it"
        )
        screen.press("b")
        screen.wait("▶ 4 update", "◀")
        screen.press("e")
        screen.wait("▶ 5 reset", "Epoch 1: update 1")
        screen.press("e")
        screen.wait("▶ 5 reset", "Epoch 2: update 2")
        screen.press("m")
        screen.wait("Mistake zero_grad", "Epoch 2: update 2", "the gradients stay as they are")
        screen.press("m")
        screen.wait("Mistake no_grad", "PyTorch stops: TypeError")
        screen.press("g")
        screen.wait("Cause: weight was a leaf", r"\+ with torch.no_grad\(\):", "loss after the fix")
        screen.press("q")
        screen.wait("left with 0", "Cause: weight was a leaf")
    finally:
        screen.close()


def test_the_lesson_writes_over_nothing_else(gradline, tmp_path):
    data = tmp_path / "mine.csv"
    data.write_text("x,y\n1,2\n2,3\n3,5\n")
    for option in ("--script", "--graph"):
        expect_refusal(
            gradline("--debug", "lesson", data, "-t", "y", option, data).err, "output-exists", data
        )
    expect_refusal(
        gradline("--debug", "lesson", "--script", "a", "--graph", "a").err, "output-named-twice", "a"
    )
    assert data.read_text().startswith("x,y")
    for _ in range(2):  # what it wrote itself it writes anew
        done = gradline("lesson", "--script", tmp_path / "loop.py", "--graph", tmp_path / "loop.svg")
        assert done.code == 0, done.err


def test_a_diagnosis_that_takes_long_says_so(monkeypatch, tmp_path):
    """The judge waits for the word itself, and hears it."""
    said, heard = threading.Event(), []
    monkeypatch.setattr(terminal, "_UNSEEN", 0.0)
    monkeypatch.setattr(terminal, "say", lambda _: said.set())
    monkeypatch.setattr(verdict, "diagnose", lambda *_, **__: heard.append(said.wait(60)))
    (tmp_path / "printed.txt").write_text("1.0\n0.5\n")
    CliRunner().invoke(app, ["diagnose", str(tmp_path / "printed.txt"), *DIAGNOSE])
    assert heard == [True]
