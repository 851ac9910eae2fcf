"""What is typed wrongly is refused like all else: exit 2, cause and remedy, one JSON object under `--json`."""

import functools
import json
from typing import Any

import pytest
import typer

from gradline.cli.commands import app
from gradline.cli.mistyped import OTHER_NAMES, meant

WRONG = {  # words typed, and what the refusal names
    "another name": (["fit", "example:crops", "--learning-rate", "1"], "option-unknown", "--lr"),
    "an underscore": (["fit", "example:crops", "--batch_size", "5"], "option-unknown", "--batch-size"),
    "a slip in another name": (["fit", "example:crops", "--learning-rat", "1"], "option-unknown", "--lr"),
    "a slip": (["doctor", "example:crops", "--explane", "slow"], "option-unknown", "--explain"),
    "no such option": (["show", "m", "--frobnicate"], "option-unknown", "gradline show --help"),
    "no such command": (["preditc", "m"], "command-unknown", "predict"),
    "no whole number": (["fit", "example:crops", "--epochs", "x"], "usage-invalid", "whole number"),
    "no value": (["fit", "example:crops", "--lr"], "usage-invalid", "--lr"),
    "no model": (["verify"], "usage-invalid", "model"),
    "too many": (["evaluate", "a", "b", "c"], "usage-invalid", "evaluate --help"),
    "before the command": (["--frobnicate"], "option-unknown", "gradline --help"),
}


@pytest.mark.parametrize("case", WRONG)
def test_it_is_refused_like_all_else(case, gradline):
    words, code, named = WRONG[case]
    told = gradline(*words)
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("gradline: ")
    assert named in told.err
    as_json = gradline(words[0], "--json", *words[1:])
    assert (as_json.code, as_json.out) == (2, "")
    error = json.loads(as_json.err)["error"]
    assert set(error) == {"code", "cause", "remedy"}
    assert error["code"] == code
    assert error["cause"] in told.err or named == "--lr"  # which `--json` moves to another place
    assert error["remedy"]


@functools.cache
def _options():
    """The options of each command."""
    program: Any = typer.main.get_command(app)
    commands = program.commands.values()
    return {c.name: [word for p in c.params for word in (*p.opts, *p.secondary_opts)] for c in commands}


def test_other_names_stand_for_options_that_there_are():
    everything = {word for words in _options().values() for word in words}
    assert set(OTHER_NAMES) <= everything
    others = [f"--{name}" for names in OTHER_NAMES.values() for name in names]
    for name, known in _options().items():
        for other in others:
            assert all(option in known for option in meant(other, known)), (name, other)


@pytest.mark.parametrize("name", [name for names in OTHER_NAMES.values() for name in names])
def test_each_other_name_is_understood_by_some_command(name):
    assert any(meant(f"--{name}", known) for known in _options().values() if f"--{name}" not in known)


def test_what_explains_and_what_reproduces_is_json_too(gradline):
    about = json.loads(gradline("doctor", "--explain", "slow", "--json").out)
    assert about["code"] == "slow"
    assert about["paragraph"] in " ".join(gradline("doctor", "--explain", "slow").out.split())
    gradline("fit", "example:line", "-t", "y", "-o", "m.safetensors")
    config = json.loads(gradline("show", "m.safetensors", "--config", "--json").out)["config"]
    assert (config["data"], config["targets"]) == ("example:line", ["y"])


def test_every_mistake_of_the_lesson_is_listed(gradline):
    pytest.importorskip("torch")
    from gradline.pytorch.lessons.mistakes import MISTAKES

    told = gradline("lesson", "--mistake", "nothing").err
    assert all(name in told for name in MISTAKES)
    assert "more" not in told
