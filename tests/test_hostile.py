"""Files from somebody else, one for each way in that a file could try: nothing runs, nothing is written elsewhere."""

import html
import json
import os
import pickle
import re
import sqlite3
import subprocess
import sys
import tomllib
import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
import safetensors.numpy
from refusals import expect_refusal, refused

import gradline as package
from gradline.exports import sql
from gradline.history.card import ModelFacts, VersionRecord
from gradline.history.models import described
from gradline.history.names import fault_of
from gradline.history.trust import TRUSTED
from gradline.history.version import RECORDED
from gradline.model.card import SETTINGS, CertificateCard, Solver
from gradline.model.certificate import Certificate
from gradline.solvers import SOLVERS

ESCAPE = "\x1b]2=owned\x07\x1b[2J\u202e"  # sets a terminal's title, empties it, and turns what follows around
FORGED = "x\nsaved: everything"  # a name that would pass for a line of ours
RUN = "touch {canary}"


@dataclass(frozen=True)
class Place:
    """A folder with a project in it, whose store has one version; `canary` is what a program that ran would leave."""

    folder: Path

    @property
    def project(self) -> Path:
        return self.folder / "project"

    @property
    def store(self) -> Path:
        return self.project / ".gradline"

    @property
    def canary(self) -> Path:
        return self.folder / "ran"

    @property
    def record(self) -> Path:
        return self.store / "versions/1/record.json"

    def rerecord(self, **changes: object) -> None:
        self.record.write_text(json.dumps(json.loads(self.record.read_text()) | changes))

    def name(self, name: str) -> None:
        """The version's one file gets another name."""
        (digest,) = json.loads(self.record.read_text())["files"].values()
        self.rerecord(files={name: digest})

    def card(self, **changes: object) -> None:
        """The model's file, with another card."""
        path = self.project / "m.safetensors"
        with safetensors.safe_open(path, "numpy") as file:
            tensors, card = {key: file.get_tensor(key) for key in file.keys()}, file.metadata()["gradline"]  # noqa: SIM118
        changed = {"gradline": json.dumps(json.loads(card) | changes)}
        path.write_bytes(safetensors.numpy.save(tensors, metadata=changed))

    def git(self, *settings: str, attributes: str = "") -> None:
        """The project as a repository that came with settings; its file must be looked at anew."""
        words = ["-c", "user.name=a", "-c", "user.email=a@b"]
        for step in (["init", "-q"], ["add", "a.txt"], [*words, "commit", "-q", "-m", "one"]):
            subprocess.run(["git", *step], cwd=self.project, check=True)
        for name, value in zip(settings[::2], settings[1::2], strict=True):
            subprocess.run(
                ["git", "config", name, value.format(canary=self.canary)], cwd=self.project, check=True
            )
        (self.project / ".gitattributes").write_text(attributes)
        os.utime(self.project / "a.txt", (1, 1))

    def outside(self) -> dict[str, bytes | None]:
        """All that lies beside the project, or that Git or the store would obey."""
        held = [path for path in self.folder.rglob("*") if not path.is_relative_to(self.project)]
        held += [path for kind in (".git/hooks", ".git/config") for path in (self.project / kind).rglob("*")]
        return {str(path): path.read_bytes() if path.is_file() else None for path in held}


@pytest.fixture
def place(tmp_path, monkeypatch):
    made = Place(tmp_path)
    made.project.mkdir()
    monkeypatch.chdir(made.project)
    (made.project / "a.txt").write_text("one")
    package.fit({"x": [1.0, 2.0, 4.0], "y": [1.0, 2.0, 3.0]}, "y").save("m.safetensors")
    package.commit("first", "a.txt", notebook=None)
    (made.folder / "elsewhere").mkdir()
    return made


@dataclass(frozen=True)
class Way:
    """A way in: what it tries, how its file is made, the command that meets it, and the code of the refusal, or None."""

    name: str
    build: Callable[[Place], object]
    words: tuple[str, ...]
    code: str | None


def link(path: str, to: str) -> Callable[[Place], None]:
    def build(place: Place) -> None:
        at = place.project / path
        if at.exists():
            at.rename(place.folder / at.name)
        at.symlink_to(to.format(**vars(place), outside=place.folder / "elsewhere"))

    return build


def both(*builds: Callable[[Place], object]) -> Callable[[Place], None]:
    def build(place: Place) -> None:
        for one in builds:
            one(place)

    return build


def pickled(place: Place) -> bytes:
    class Payload:
        def __reduce__(self):
            return os.system, (RUN.format(canary=place.canary),)

    return pickle.dumps(Payload())


def bomb(place: Place) -> None:
    """An object of 300 kB that is what its name says, 300 MB of zeros."""
    zeros = bytes(300 << 20)
    digest = sha256(zeros).hexdigest()
    (place.store / "objects" / digest).write_bytes(zlib.compress(zeros))
    place.rerecord(files={"zeros": digest})


def lost_model(place: Place) -> None:
    """The record of a version with a model, and without its file."""
    package.commit("second", "m.safetensors", notebook=None)
    path = place.store / "versions/2/record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"files": {}}))


def table(*names: str) -> Callable[[Place], None]:
    def build(place: Place) -> None:
        quoted = ",".join('"' + name.replace('"', '""') + '"' for name in names)
        rows = "".join(
            ",".join(str((i * 7 + j * i * i) % 11) for j in range(len(names))) + "\n" for i in range(9)
        )
        (place.project / "t.csv").write_text(f"{quoted}\n{rows}")

    return build


def settings(**changes: object) -> Callable[[Place], None]:
    return lambda place: place.card(**changes)


CHECKOUT = ("checkout", "v1", "--force")
COMMIT = ("commit", "a.txt", "-m", "again")
SHOW = ("show", "m.safetensors")
HOLDOUT = {"rows": 1, "dropped": 0, "loss": 1.0, "rmse": [1.0], "r2": [None]}
UNREADABLE, DAMAGED = "store-record-unreadable", "model-file-damaged"

WAYS = [
    Way("checkout through a link to a folder", both(link("sub", "{outside}"), lambda p: p.name("sub/a.txt")), CHECKOUT, "path-through-link"),
    Way("checkout through a link to a file", both(link("b.txt", "{outside}/b"), lambda p: p.name("b.txt")), CHECKOUT, "path-through-link"),
    Way("checkout through a link into .git", both(link("sub", ".git"), lambda p: p.name("sub/config")), CHECKOUT, "path-through-link"),
    Way("record: an endless device", both(lambda p: p.record.unlink(), link(".gradline/versions/1/record.json", "/dev/zero")), CHECKOUT, UNREADABLE),
    Way("record: a pipe", both(lambda p: p.record.unlink(), lambda p: os.mkfifo(p.record)), CHECKOUT, UNREADABLE),
    Way("record: nested beyond the stack", lambda p: p.record.write_text("[" * 100_000), CHECKOUT, UNREADABLE),
    Way("record: files are a list", lambda p: p.rerecord(files=["a.txt"]), ("log",), None),
    Way("record: metrics are a text", lambda p: p.rerecord(logged={"metrics": "x"}), CHECKOUT, UNREADABLE),
    Way("record: a model that is no file", lost_model, ("show", "v2"), UNREADABLE),
    Way("record: escapes in its message", lambda p: p.rerecord(message=ESCAPE + FORGED), ("log",), None),
    Way("record: a version far off", lambda p: (p.store / "versions/99999999999").mkdir(), COMMIT, None),
    Way("object: another content", lambda p: [f.write_bytes(zlib.compress(b"x")) for f in (p.store / "objects").iterdir()], CHECKOUT, "store-object-damaged"),
    Way("object: a bomb", bomb, CHECKOUT, "store-object-damaged"),
    Way("object: a pipe", lambda p: [(f.unlink(), os.mkfifo(f)) for f in (p.store / "objects").iterdir()], CHECKOUT, "store-object-unreadable"),
    Way("store: a link to a repository, whose objects would be cleared away", link(".gradline", "{outside}"), ("log",), "store-not-trusted"),
    Way("store: its temporary files a link to a folder, which would be emptied", both(lambda p: (p.store / "temporary").rmdir(), link(".gradline/temporary", "{outside}")), ("log",), "store-not-trusted"),
    Way("store: written by anybody", lambda p: p.store.chmod(0o777), ("log",), "store-not-trusted"),
    Way("store: its records written by anybody", lambda p: (p.store / "versions").chmod(0o777), ("log",), "store-not-trusted"),
    Way("git: the monitor of the file system", lambda p: p.git("core.fsmonitor", RUN), COMMIT, None),
    Way("git: a filter", lambda p: p.git("filter.x.clean", RUN, attributes="* filter=x"), COMMIT, None),
    Way("git: a filter that is a process", lambda p: p.git("filter.x.process", RUN, attributes="* filter=x"), COMMIT, None),
    Way("git: a filter whose name would end a setting", lambda p: p.git("filter.x=y.clean", RUN, attributes="* filter=x=y"), COMMIT, None),
    Way("git: a hook", lambda p: (p.git(), hook(p, p.project / ".git/hooks")), COMMIT, None),
    Way("git: hooks elsewhere", lambda p: (p.git("core.hooksPath", str(p.folder / "elsewhere")), hook(p, p.folder / "elsewhere")), COMMIT, None),
    Way("git: objects to be fetched by a program", lambda p: (p.git("extensions.partialClone", "o", "remote.o.promisor", "true", "remote.o.url", "ssh://h/r", "core.sshCommand", RUN), [f.unlink() for f in (p.project / ".git/objects").glob("??/*")]), COMMIT, None),
    Way("model: a pickle", lambda p: (p.project / "m.safetensors").write_bytes(pickled(p)), SHOW, DAMAGED),
    Way("data: a pickle", lambda p: (p.project / "t.pkl").write_bytes(pickled(p)), ("fit", "t.pkl", "-t", "y"), "file-kind-unsupported"),
    Way("data: a pickle inside an array", lambda p: (np.save("t.npy", np.array([None]), allow_pickle=True), (p.project / "t.npy").write_bytes((p.project / "t.npy").read_bytes()[:128] + pickled(p))), ("fit", "t.npy", "-t", "y"), "not-text"),
    Way("card: a status that is none", settings(certificate={}), SHOW, DAMAGED),
    Way("card: settings are a text", settings(settings="x"), SHOW, DAMAGED),
    Way("card: lr is a text", settings(solver="gd", settings={"lr": "x", "epochs": 1, "momentum": 0.0, "init": "zeros", "seed": 0}), SHOW, DAMAGED),
    Way("card: a solver without its settings", settings(solver="sgd"), SHOW, DAMAGED),
    Way("card: hold-out losses are objects", settings(holdout=HOLDOUT | {"rmse": [{}]}), SHOW, DAMAGED),
    Way("card: two hold-out losses for one target", settings(holdout=HOLDOUT | {"rmse": [1.0, 1.0]}), SHOW, DAMAGED),
    Way("card: a number beyond float64", lambda p: p.card(history=[[0, 10**400]]), SHOW, DAMAGED),
    Way("card: a scale of no kind", settings(scale="../../x"), SHOW, DAMAGED),
    Way("card: options that are objects", settings(config={"targets": {}}), SHOW, DAMAGED),
    Way("card: a name of two megabytes", settings(recipe={"terms": [], "targets": ["y" * (1 << 21)], "weights": None}), SHOW, DAMAGED),
    Way("card: epochs that fall", settings(history=[[1, 1.0], [0, 1.0]]), SHOW, DAMAGED),
    Way("names: escapes", table(ESCAPE, "y"), ("fit", "t.csv", "-t", "y"), None),
    Way("names: a line of ours", table(FORGED, "y"), ("fit", "t.csv", "-t", "y"), None),
    Way("names: escapes in a refusal", table(ESCAPE + FORGED, "y"), ("fit", "t.csv", "-t", "z"), "column-unknown"),
    Way("names: escapes in the list of columns", table(ESCAPE + FORGED, "y"), ("fit", "t.csv"), "no-target-chosen"),
    Way("names: escapes in JSON", table(ESCAPE + FORGED, "y"), ("fit", "t.csv", "-t", "y", "--json"), None),
    Way("names: a target", table("x", ESCAPE + FORGED), ("doctor", "t.csv", "-t", ESCAPE + FORGED), None),
    Way("names: the end of an SQL identifier", table("x\" FROM data; ATTACH 'ran' AS a; --", "y"), ("fit", "t.csv", "-t", "y", "-o", "s.safetensors"), None),
    Way("names: a file that is not there", lambda _: None, ("fit", FORGED, "-t", "y"), "file-not-found"),
    Way("names: a file that begins with a dash", lambda p: (p.project / "--help").write_text("x"), ("commit", "-m", "x", "--", "--help"), None),
    Way("configuration: an option that is none", lambda p: (p.project / "run.toml").write_text("exec = 'x'"), ("fit", "example:crops", "--config", "run.toml"), "config-name-unknown"),
    Way("configuration: a list where a text belongs", lambda p: (p.project / "run.toml").write_text("solver = ['x']"), ("fit", "example:crops", "--config", "run.toml"), "config-value-invalid"),
    Way("commit: a file that Git obeys", lambda p: p.git(), ("commit", ".git/config"), "kept-name-reserved"),
    Way("notebook: nested beyond the stack", lambda p: (p.project / "n.ipynb").write_text('{"cells": ' + "[" * 100_000), ("commit", "n.ipynb"), "notebook-unreadable"),
]  # fmt: skip


def hook(place: Place, folder: Path) -> None:
    for name in ("post-index-change", "pre-commit", "fsmonitor-watchman"):
        (folder / name).write_text(f"#!/bin/sh\n{RUN.format(canary=place.canary)}\n")
        (folder / name).chmod(0o755)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_no_way_in(way, place, gradline):
    way.build(place)
    before = place.outside()
    done = gradline("--debug", *way.words, cwd=place.project)
    assert not place.canary.exists()
    assert place.outside() == before
    for text in (done.out, done.err):
        assert all(line.isprintable() for line in text.split("\n")), text
        assert "\nsaved: everything" not in text
    if way.code is None:
        assert done.code == 0, done.err
    else:
        assert done.code in (1, 2)
        expect_refusal(done.err, way.code)


def test_moments_are_no_pickle(place):
    Path("moments").write_bytes(pickled(place))
    with refused(DAMAGED):
        package.Moments.load("moments")
    assert not place.canary.exists()


OUT = ["../x", "/tmp/x", "a/../../x", "..\\x", "C:\\x", "C:x", "\\\\host\\x", ".. /x", "...", "", ".", "a\0b"]
OBEYED = [
    ".git/hooks/pre-commit", ".git", "sub/.git/config", ".GIT/config", ".Git/config", ".git./config", ".git /config",
    ".git . ./config", "git~1/config", "GIT~1/config", ".git::$INDEX_ALLOCATION/config", ".git\\config", "a\\.git\\x",
    ".g\u200cit/config", ".git\ufeff/config", ".gradline/versions/2/record.json", ".Gradline/objects/x",
    "gradli~1/temporary/x", "sub/.gradline/x",
]  # fmt: skip
HARMLESS = [
    "a",
    "a/b.txt",
    ".gitignore",
    ".github/x.yml",
    "git",
    "a.git/x",
    "..a",
    "späte Äpfel.txt",
    "ab:c",
    "-x",
    "~",
]


@pytest.mark.parametrize("name", [*OUT, *OBEYED])
def test_no_version_names_a_file_outside_or_one_that_is_obeyed(name, place, gradline):
    place.name(name)
    before = place.outside()
    done = gradline("--debug", *CHECKOUT, cwd=place.project)
    expect_refusal(done.err, UNREADABLE)
    assert place.outside() == before
    assert {path.name for path in place.project.iterdir()} == {".gradline", "a.txt", "m.safetensors"}


def test_harmless_names_are_kept():
    assert [name for name in HARMLESS if fault_of(name)] == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_the_store_of_another_user_is_read_where_the_command_said(place, gradline, monkeypatch):
    os.chown(place.store, 12345, 12345)
    told = gradline("log", cwd=place.project).err
    assert "12345" in told
    name, _, value = told.rpartition("export ")[2].strip().partition("=")
    assert name == TRUSTED
    monkeypatch.setenv(name, value)
    assert gradline("log", cwd=place.project).code == 0
    monkeypatch.delenv(name)
    monkeypatch.setenv("SUDO_UID", "12345")
    assert gradline("log", cwd=place.project).code == 0


def test_a_new_store_is_ones_own_under_any_umask(place, gradline):
    """Where new files are written by everybody, as in some containers, the store that was made is still opened."""
    before = os.umask(0)
    try:
        (place.folder / "new").mkdir()
        (place.folder / "new/a.txt").write_text("one")
        for words in (COMMIT, ("note", "v1", "fine"), ("log",)):
            done = gradline(*words, cwd=place.folder / "new")
            assert done.code == 0, done.err
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    "evil", ['x" FROM data; --', "x'); DROP TABLE data; --", "x\\'; --", "x\n.shell x;", "*/ x /*", "`x`"]
)
def test_names_and_levels_are_data_to_sql(evil):
    """SQLite finds the column of that name and the level of that text, and so no other statement."""
    rows = {evil: [1.0, 2.0, 4.0, 7.0], "level": [evil, "b", evil, "b"], "y": [1.0, 2.0, 3.0, 9.0]}
    model = package.fit(rows, "y")
    with sqlite3.connect(":memory:") as base:
        quoted = '"' + evil.replace('"', '""') + '"'
        base.execute(f"CREATE TABLE data ({quoted} DOUBLE, level TEXT)")
        base.executemany("INSERT INTO data VALUES (?, ?)", list(zip(rows[evil], rows["level"], strict=True)))
        found = base.execute(sql(model, "sqlite")).fetchall()
    assert np.allclose([row[0] for row in found], model.predict(rows)[:, 0])
    for dialect in ("duckdb", "postgres", "mysql"):
        left = re.sub(r"""E?'([^']|'')*'|"([^"]|"")*"|`([^`]|``)*`""", "", sql(model, dialect))
        assert left.rstrip().endswith("AS t;")
        assert left.count(";") == 1
        assert left.count("--") == 2  # our two lines of comment


def test_postgres_reads_backslashes_alike_under_all_its_settings():
    model = package.fit({"g": ["a", "\\'; DROP TABLE t; --", "a", "b"], "y": [1.0, 2.0, 3.0, 4.0]}, "y")
    assert "WHEN E'\\\\''; DROP TABLE t; --'" in sql(model, "postgres")


@pytest.mark.slow
def test_names_are_data_to_a_script(place, gradline):
    name = f"x\nimport os; os.mkdir({str(place.canary)!r})\r#\u2028\x0c"
    table(name, "y")(place)
    done = gradline(
        "lesson",
        "t.csv",
        "-t",
        "y",
        "--by",
        "numpy",
        "--lr",
        "1e-5",
        "--epochs",
        "1",
        "--script",
        "l.py",
        cwd=place.project,
    )
    assert done.code == 0, done.err
    ran = subprocess.run([sys.executable, "l.py"], cwd=place.project, capture_output=True)
    assert ran.returncode == 0, ran.stderr
    assert not place.canary.exists()


@pytest.mark.slow
@pytest.mark.parametrize("words", [("play", "t.csv", "-t", "y"), ("report", "s.safetensors", "t.csv")])
def test_names_are_data_to_a_page(words, place, gradline):
    """A name that ends the tag it stands in, or opens one: the page has the tags that it has with another name."""
    pages = []
    for name in ("x", '</script><script>alert(1)</script><img src=x onerror="alert(1)">'):
        table(name, "z", "y")(place)
        package.fit("t.csv", "y").save("s.safetensors")
        assert gradline(*words, "-o", "p.html", cwd=place.project).code == 0
        text = (place.project / "p.html").read_text()
        pages.append([text.count(f"<{tag}") for tag in ("script", "img")])
        assert name == "x" or html.escape(name) in text or "\\u003cscript" in text
    assert pages[0] == pages[1]


def test_the_options_of_a_model_stay_one_option_each(place, gradline):
    """`show --config` writes TOML: neither a name nor a value of the file becomes a line of it."""
    config = {"targets": ["y"], 'x"]\noutput': 'a"\nforce = true', "data": ESCAPE}
    place.card(config=config)
    done = gradline("show", "m.safetensors", "--config", cwd=place.project)
    assert tomllib.loads(done.out) == config


def test_the_types_of_a_card_are_those_of_what_it_describes():
    """Every solver, each of its settings, and every field of a certificate: one that is added must be typed, too."""
    assert {*SOLVERS, "torch"} == set(SETTINGS) == set(get_args(Solver))
    for name, solver in SOLVERS.items():
        card, told = (
            SETTINGS[name],
            set(solver().params()),
        )  # some settings are told only where they are not usual
        assert card.__required_keys__ <= told <= set(get_type_hints(card))
    assert {field.name for field in fields(Certificate)} == set(get_type_hints(CertificateCard))
    penalised = package.fit([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0], penalty=package.ElasticNet(0.1))
    facts = described(penalised, moments=True)
    assert set(facts) == set(get_type_hints(ModelFacts))
    assert set(RECORDED) == set(get_type_hints(VersionRecord))
