"""Options are described once: flags, keys of a file and a model's stored configuration follow from the records."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer
from refusals import refused
from typer.testing import CliRunner

import gradline
from gradline.cli.commands import app, bodies
from gradline.cli.config import read, to_toml
from gradline.cli.fit import FitOptions, fit
from gradline.cli.options import flag, frozen, options_of
from gradline.cli.terminal import command
from gradline.core.errors import UsageError
from gradline.data.notation import Text
from gradline.data.selection import Selection
from gradline.model.request import Request
from gradline.solvers import SOLVERS, Bounds, ElasticNet
from gradline.solvers.each_weight import as_options

RECORDS = {
    name: next(iter(inspect.signature(body).parameters.values())).annotation
    for name, body in bodies().items()
}
WITH_FILES = [record for record in RECORDS.values() if any(o.name == "config" for o in options_of(record))]
VALUES = {str: "words", Path: "words", int: 3, float: 0.5, bool: True, Sequence[str]: ["a", "b"]}
OF_FILES = [(record, option) for record in WITH_FILES for option in options_of(record)]


def help_of(program, *words):
    shown = CliRunner().invoke(program, [*words, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    return " ".join(shown.output.replace("│", " ").split())


def spelled(option):
    """How an option stands in the help: as a flag, or as the name of a place."""
    if option.flag.is_argument:
        return [option.flag.metavar or option.name]
    names = option.flag.names or [f"--{option.name.replace('_', '-')}"]
    return [part for name in names for part in name.split("/")]


@pytest.mark.parametrize("name", RECORDS)
def test_every_field_is_in_the_help(name):
    text = help_of(app, *name.split())
    for option in options_of(RECORDS[name]):
        assert all(word in text for word in spelled(option)), option.name
        assert option.flag.help in text


@pytest.mark.parametrize(("record", "option"), OF_FILES, ids=lambda one: getattr(one, "name", ""))
def test_every_field_is_a_key_of_a_file(record, option, tmp_path):
    assert not option.flag.shows_default, "a default that typer gives would win over the file"
    path = tmp_path / "run.toml"
    for key in option.keys:
        for kind in option.kinds:
            path.write_text(to_toml({key: VALUES[kind]}))
            if option.flag.in_file:
                assert read(path, record) == {option.name: VALUES[kind]}
            else:
                with pytest.raises(UsageError):
                    read(path, record)
        path.write_text(f"{key} = {{}}")
        with pytest.raises(UsageError):
            read(path, record)


def test_what_a_model_stores_are_options():
    """`show --config` writes nothing that `fit --config` does not read."""
    names = {option.name for option in options_of(FitOptions) if option.flag.in_file}
    stored = {*Selection.__dataclass_fields__, *Request.__dataclass_fields__, *Text.__dataclass_fields__}
    assert stored - {"read", "penalty"} <= names
    assert all(set(kind.__dataclass_fields__) <= names for kind in SOLVERS.values())
    penalty = ElasticNet(1.0, 0.5, positive=True, factors={"x": 0.0}, bounds=Bounds(0.0, {"x": 1.0}))
    told = penalty.params() | ElasticNet(1.0, 1.0, together=True).params()
    assert told.keys() == ElasticNet.__dataclass_fields__.keys()
    assert as_options(told).keys() <= names


def test_one_line_is_a_new_option_everywhere(tmp_path, monkeypatch):
    """A field of the record, and one of the same name where it is used."""

    @frozen
    class LongerOptions(FitOptions):
        ridge: Annotated[float, flag("Strength of the penalty.")] = 0.0

    @dataclass(frozen=True)
    class LongerRequest(Request):
        ridge: float = 0.0

    def longer(options: LongerOptions) -> None:
        fit(options)

    program = typer.Typer()
    program.command()(command(longer))
    assert "--ridge" in help_of(program)
    monkeypatch.setattr("gradline.model.request.Request", LongerRequest)
    monkeypatch.chdir(tmp_path)

    def ridge(*words):
        done = CliRunner().invoke(program, [*words, "-o", "model"])
        assert done.exit_code == 0, done.output
        return gradline.load("model").config.get("ridge")

    assert ridge("example:crops", "-t", "apples") is None  # as every default
    assert ridge("example:crops", "-t", "apples", "--ridge", "2") == 2
    Path("run.toml").write_text(to_toml(gradline.load("model").config))
    assert ridge("--config", "run.toml") == 2
    assert ridge("--config", "run.toml", "--ridge", "3") == 3


def test_an_option_stands_in_a_file_once(tmp_path):
    path = tmp_path / "twice.toml"
    path.write_text('target = "y"\ntargets = ["z"]\n')
    with refused("config-name-twice", "targets"):
        read(path, FitOptions)
