"""`gradline diff`: only what differs, most important first, from a store or from files, as text, JSON and a page."""

import base64
import functools
import json
import os
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from browser import Watched, browse, chromium, findings, until  # noqa: F401 - two are fixtures
from hypothesis import given
from hypothesis import strategies as st
from known import known
from refusals import expect_refusal, refused

from gradline import GradientDescent, fit
from gradline.history import cells, log_hyperparams, log_metrics
from gradline.history.comparison import compare, side_by_side
from gradline.history.decomposition import movement
from gradline.history.lines import unified
from gradline.history.recording import commit
from gradline.history.store import Store
from gradline.history.text import render_several
from gradline.pages.difference import difference, several

CROPS = ("example:crops", ["apples", "oranges"])


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """An empty project, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trained(epochs):
    return fit(*CROPS, solver=GradientDescent(lr=1e-5, epochs=epochs))


def recorded(*models, **options):
    """The store, and a version for each model."""
    versions = [commit(model=model, notebook=None, **options) for model in models]
    return Store.find(), versions


def whats(changes):
    return {change.what: (change.before, change.after) for change in changes}


@pytest.mark.slow
def test_one_hundred_against_ten_thousand_epochs(project, gradline):
    for epochs in (100, 10_000):
        trained(epochs).save(project / "crops.safetensors")
        assert gradline("commit", "crops.safetensors", "-m", f"{epochs} epochs", cwd=project).code == 0
    done = gradline("diff", "v1", "latest", cwd=project)
    assert (done.code, done.err) == (0, "")
    shares = next(line.split() for line in done.out.splitlines() if line.startswith("training "))
    assert shares[2::3] == ["100", "100"]
    for absent in ("lr ", "momentum", "Environment", "Code", "fingerprint"):
        assert absent not in done.out
    assert "Data: the same rows." in done.out
    card = json.loads(gradline("diff", "v1", "v2", "--json", cwd=project).out)
    (model,) = card["models"]
    assert model["movement"] == movement(trained(100), trained(10_000)).to_dict()
    assert [change["what"] for change in model["settings"]] == ["epochs"]
    assert [len(history) for history in model["histories"]] == [101, len(trained(10_000).history)]
    for row in model["coefficients"]:
        assert row["after"] - row["before"] == pytest.approx(sum(row["parts"].values()), rel=1e-9)


def test_coefficients_come_by_their_change_in_standard_errors():
    """The standard errors are computed here from the rows."""
    random = np.random.default_rng(0)
    frame = pl.DataFrame(
        {name: random.normal(size=50) * scale for name, scale in zip("abc", (1, 100, 0.01), strict=True)}
    )
    frame = frame.with_columns(y=pl.col("a") + 0.03 * pl.col("b") + pl.Series(random.normal(size=50)))
    other = frame.with_columns(y=pl.col("y") + 0.5 * pl.col("a") - 0.02 * pl.col("b") + 10 * pl.col("c") + 2)
    store, (one, two) = recorded(fit(frame, "y"), fit(other, "y"))
    (model,) = compare(one, two, store).models
    X = np.column_stack([np.ones(50), other.select("a", "b", "c").to_numpy()])
    theta, (squares,) = np.linalg.lstsq(X, other["y"].to_numpy())[:2]
    errors = np.sqrt(np.diag(np.linalg.inv(X.T @ X)) * squares / 46)
    before = np.linalg.lstsq(X, frame["y"].to_numpy())[0]
    expected = dict(zip([None, "a", "b", "c"], (theta - before) / errors, strict=True))
    assert [row.feature for row in model.coefficients] == sorted(
        expected, key=lambda name: -abs(expected[name])
    )
    for row in model.coefficients:
        assert row.stderr == pytest.approx(expected[row.feature], rel=1e-6)


def test_nothing_is_told_where_nothing_differs():
    store, (one, two) = recorded(fit(*CROPS), fit(*CROPS))
    found = compare(one, two, store)
    assert found.is_empty
    assert found.to_dict()["models"][0]["coefficients"] == []
    assert str(found).endswith("Nothing differs.")


def test_the_same_rows_in_another_order_are_no_difference():
    random = np.random.default_rng(1)
    frame = pl.DataFrame(
        {"a": random.normal(size=40), "b": random.normal(size=40), "y": random.normal(size=40)}
    )
    store, (one, two) = recorded(fit(frame, "y"), fit(frame[::-1], "y"))
    assert compare(one, two, store).is_empty


def test_data_settings_and_fit_say_what_differs():
    first = pl.DataFrame({"a": [1.0, 2, 3, 4, 5], "b": [1.0, 0, 1, 0, 0], "y": [1.0, 2, 2, 5, 4]})
    second = pl.DataFrame({"a": [1.0, 2, 3, 4, 9, 7], "c": [3.0, 0, 0, 1, 2, 2], "y": [1.0, 2, 2, 5, 4, 4]})
    store, (one, two) = recorded(fit(first, "y"), fit(second, "y", solver=GradientDescent(lr=1e-3, epochs=7)))
    (model,) = compare(one, two, store).models
    data, settings, quality = (whats(changes) for changes in (model.data, model.settings, model.fit))
    assert (data["rows"], data["columns"]) == ((5, 6), ("b", "c"))
    assert data["a"] == ("1 to 5, mean 3", "1 to 9, mean 4.33333")
    assert set(data) == {"rows", "columns", "a", "y", "fingerprint"}
    assert settings["solver"] == ("exact", "gd")
    assert (settings["lr"], settings["epochs"]) == ((None, 1e-3), (None, 7))
    residual = second["y"].to_numpy() - load_of(store, two).predict(second.drop("y"))[:, 0]
    assert quality["loss"][1] == pytest.approx((residual**2).mean())
    assert quality["status"] == ("certified", "stopped")
    assert model.same_rows is False
    assert {row.feature: (row.before is None, row.after is None) for row in model.coefficients} == {
        None: (False, False), "a": (False, False), "b": (False, True), "c": (True, False),
    }  # fmt: skip


def load_of(store, version):
    from gradline.history.models import model_of

    return model_of(store, version)


def test_rows_are_the_same_though_columns_differ():
    store, (one, two) = recorded(fit(*CROPS), fit(*CROPS, exclude=["humidity"]))
    (model,) = compare(one, two, store).models
    assert model.same_rows
    assert whats(model.data) == {"columns": ("humidity", None)}


@pytest.mark.filterwarnings("ignore::gradline.GradlineWarning")
def test_what_cannot_be_explained_is_told_nevertheless():
    frame = pl.DataFrame({"a": [1.0, 2, 3, 4], "y": [1.0, 2, 2, 5], "z": [0.0, 1, 5, 5]})
    bare, (one,) = recorded(fit(frame, "y", features=["a"]), moments=False)
    _, (two, three) = recorded(fit(frame, "y", features=["a"], bias=False), fit(frame, "z", features=["a"]))
    (model,) = compare(one, two, bare).models
    assert model.movement is None
    assert "without its moments" in model.unexplained
    assert {row.feature for row in model.coefficients} == {None, "a"}
    assert whats(model.settings)["bias"] == (True, False)
    (model,) = compare(two, three, bare).models
    assert "share no target" in model.unexplained
    assert {(row.target, row.feature) for row in model.coefficients} == {("y", "a"), ("z", None), ("z", "a")}
    assert "is not known" in str(compare(two, three, bare))


@pytest.mark.slow
def test_files_and_versions_mix(project, gradline):
    model = fit(*CROPS)
    model.save("crops.safetensors")
    recorded(trained(100))
    done = gradline("diff", "v1", "crops.safetensors", cwd=project)
    assert (done.code, done.err) == (0, "")
    assert "v1 → crops.safetensors" in done.out
    assert ["status", "stopped", "certified"] in [line.split() for line in done.out.splitlines()]
    trained(10).save("ten.safetensors")
    assert (
        "ten.safetensors → crops.safetensors"
        in gradline("diff", "ten.safetensors", "crops.safetensors", cwd=project).out
    )


def test_models_of_several_are_paired_by_their_path():
    one = commit(model={"a": fit(*CROPS), "b": trained(10), "c": trained(5)}, notebook=None)
    two = commit(model={"b": trained(20), "d": trained(5), "a": fit(*CROPS)}, notebook=None)
    found = compare(one, two, Store.find())
    assert [(model.name, model.is_empty) for model in found.models] == [("a", True), ("b", False)]
    assert [(change.before, change.after) for change in found.alone] == [("c", None), (None, "d")]


def test_files_by_their_lines(project, gradline):
    contents = {
        "run.toml": (b"lr = 1e-5\nepochs = 100\n", b"lr = 1e-4\nepochs = 100\n"),
        "logo.bin": (b"\x00\xff", b"\x00\xfe1"),
    }
    for i in (0, 1):
        for name, both in contents.items():
            (project / name).write_bytes(both[i])
        own = project / f"only{i}.txt"
        own.write_text("x")
        commit(files=[*contents, own.name], notebook=None)
    store = Store.find()
    before, after = store.versions()
    found = {file.path: file for file in compare(before, after, store).files}
    assert found["run.toml"].lines == ["@@ -1,2 +1,2 @@", "-lr = 1e-5", "+lr = 1e-4", " epochs = 100"]
    assert (found["logo.bin"].lines, found["logo.bin"].note) == (None, "no text: 2 bytes, then 3")
    assert (found["only0.txt"].kind, found["only1.txt"].kind) == ("removed", "added")
    text = gradline("diff", "v1", "v2", cwd=project).out
    assert "    -lr = 1e-5\n    +lr = 1e-4\n" in text


LINES = st.lists(st.sampled_from(["a", "b", "", " a", "-a", "+b", "@@"]), max_size=3)


@given(LINES, LINES, st.booleans(), st.booleans())
def test_a_short_diff_holds_both_texts(before, after, break_before, break_after):
    texts = [
        "\n".join(lines) + ("\n" if has and lines else "")
        for lines, has in ((before, break_before), (after, break_after))
    ]
    found = unified(*texts)
    if texts[0] == texts[1]:
        assert found == []
        return
    sides, owner = {"-": [], "+": []}, ""
    for line in found[1:]:
        for sign, side in sides.items():
            if line[0] in (" ", sign):
                side.append(f"{line[1:]}\n")
            elif line[0] == "\\" and owner in (" ", sign):
                side[-1] = side[-1].removesuffix("\n")
        owner = line[0]
    assert ["".join(side) for side in sides.values()] == texts


def notebook(*cells, **metadata):
    return json.dumps(
        {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    ).encode()


def code(source, text="", count=1):
    outputs = [{"output_type": "stream", "name": "stdout", "text": [text]}] if text else []
    return {
        "id": f"c{count}",
        "cell_type": "code",
        "source": source,
        "outputs": outputs,
        "execution_count": count,
        "metadata": {},
    }


def prose(source):
    return {"id": "m", "cell_type": "markdown", "source": [source], "metadata": {}}


@pytest.mark.slow
def test_notebooks_by_their_cells(project):
    old = notebook(prose("# Crops"), code("lr = 1e-5\nfit(lr)", "loss 152.9\n"), code("plot()"), kernel="a")
    new = notebook(
        prose("# Crops"),
        code("import x", count=7),
        code("lr = 1e-4\nfit(lr)", "loss 29.9\n", 8),
        code("plot()", count=9),
    )
    for content in (old, new):
        (project / "run.ipynb").write_bytes(content)
        commit(notebook="run.ipynb", outputs=True)
    store = Store.find()
    before, after = store.versions()
    (file,) = compare(before, after, store).files
    assert file.note == ""
    shown = known(file.cells)
    assert [(cell.before, cell.after, cell.type) for cell in shown] == [
        (None, 2, "code"),
        (2, 3, "code"),
    ]
    added, changed = shown
    assert [line for line in added.source if line[0] == "+"] == ["+import x"]
    assert [line for line in changed.source if line[0] in "+-"] == ["-lr = 1e-5", "+lr = 1e-4"]
    assert changed.outputs == ["@@ -1 +1 @@", "-loss 152.9", "+loss 29.9"]
    text = str(compare(before, after, store))
    assert "code cell 2, added" in text
    assert "code cell 2, now 3" in text


@pytest.mark.slow
def test_outputs_that_are_no_text_are_named():
    def figure(data, **more):
        return code("plot()") | {
            "outputs": [{"output_type": "display_data", "data": data, "metadata": {}, **more}]
        }

    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["…"]}
    cases = {
        "image": (figure({"text/plain": "<Figure>", "image/png": "AAAA"}), ["+<Figure>", "+(image/png)"]),
        "error": (code("plot()") | {"outputs": [error]}, ["+ValueError: no"]),
    }
    for cell, expected in cases.values():
        found, note = cells.cells(notebook(code("plot()")), notebook(cell))
        assert (note, len(found or [])) == ("", 1)
        assert [line for line in (found or [])[0].outputs if line[0] == "+"] == expected
    removed, _ = cells.cells(notebook(prose("a"), code("b")), notebook(prose("a")))
    assert [(cell.before, cell.after) for cell in removed or []] == [(2, None)]
    assert cells.cells(b"[1]", notebook()) == (None, "one of them is no notebook of format 4")


def test_without_nbdime_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    found, note = cells.cells(notebook(prose("a")), notebook(prose("b")))
    assert found is None
    assert "pip install 'gradline[notebooks]'" in note


def test_environment_code_and_what_was_logged(monkeypatch):
    one = commit(model=fit(*CROPS), notebook=None)
    listed = "numpy==1.0\npolars==2.1.0\n"
    monkeypatch.setattr(
        "gradline.history.recording.environment",
        lambda: ({**one.environment, "python": "CPython 9.9", "builds": {"polars": "2.1.0+own"}}, listed),
    )
    log_hyperparams(rounds=7)
    log_metrics({"score": 0.5})
    two = commit(model=fit(*CROPS), notebook=None)
    one = replace(one, code={"commit": "1" * 40, "branch": "main", "clean": True})
    two = replace(two, code={"commit": "2" * 40, "branch": "main", "clean": False})
    found = compare(one, two, Store.find())
    environment = whats(found.environment)
    assert environment["Python"][1] == "CPython 9.9"
    assert environment["numpy"] == (np.__version__, "1.0")
    assert environment["polars"] == (pl.__version__, "2.1.0+own")
    assert environment["scipy"][1] is None
    assert "platform" not in environment
    assert whats(found.code) == {"commit": ("1" * 40, "2" * 40), "clean": (True, False)}
    assert whats(found.logged) == {"hyperparams rounds": (None, 7), "metrics score": (None, 0.5)}
    assert all(model.is_empty for model in found.models)


def test_several_versions_side_by_side(project, gradline):
    store, versions = recorded(trained(10), trained(100), fit(*CROPS, exclude=["humidity"]))
    (table,) = side_by_side(versions, store)
    rows = {row.what: row.values for row in table.rows}
    assert table.names == ("v1", "v2", "v3")
    assert rows["loss"] == tuple(load_of(store, version).training.loss for version in versions)
    assert rows["epochs"] == (10, 100, None)
    assert rows["humidity → apples"][2] is None
    assert rows["temp → oranges"] == tuple(load_of(store, version).weight[1, 0] for version in versions)
    assert not any(name in rows for name in ("rows", "targets", "bias", "scale", "fingerprint of rows"))
    assert "v1" in render_several([table])
    done = gradline("diff", "v1", "v2", "v3", "--json", cwd=project)
    assert json.loads(done.out)["tables"][0]["rows"][0]["values"] == list(rows["loss"])
    assert "nothing differs" in render_several(side_by_side([versions[0]] * 3, store))


@pytest.mark.slow
def test_what_diff_refuses(project, gradline):
    recorded(trained(10), trained(20))
    (project / "notes.html").write_text("mine")
    cases = {
        ("v1",): (2, ("single-version-named", "v1")),
        ("v1", "v9"): (1, ("version-unknown", "v9")),
        ("v1", "v2", "v1", "--average"): (2, ("average-of-several", "--average")),
        ("v1", "v2", "--html", "notes.html"): (1, ("output-exists", "notes.html")),
        ("v1", "gone.safetensors"): (1, ("file-not-found", "gone.safetensors")),
    }
    for words, (exit_code, said) in cases.items():
        done = gradline("diff", *words, "--json", cwd=project)
        assert (done.code, done.out) == (exit_code, ""), words
        assert len(done.err.splitlines()) == 1, words
        expect_refusal(done.err, *said)
    with refused("model-file-damaged", "notes.html"):
        compare(project / "notes.html", project / "notes.html")


HOSTILE = [
    "<script>ran(1)</script>",
    "\x1b[31mred\x1b[0m",
    "{{ 7 * 7 }}",
    '"><img src=x onerror="ran(2)">',
    "bias",
]


def hostile(seed):
    random = np.random.default_rng(seed)
    frame = pl.DataFrame(random.normal(size=(40, 5)), schema=HOSTILE)
    return frame.with_columns(pl.Series("</h1>&amp;$x^2$", random.normal(size=40)))


def test_hostile_names_steer_no_terminal(project):
    (project / "run.py").write_bytes(b"\x1b[2J = 1\n")
    model = fit(hostile(0), "</h1>&amp;$x^2$")
    one = commit(files="run.py", model=model, notebook=None)
    (project / "run.py").write_bytes(b"\x1b[2J\x07 = 2\n")
    two = commit(files="run.py", model=fit(hostile(1), "</h1>&amp;$x^2$"), notebook=None)
    text = str(compare(one, two, Store.find()))
    assert not {c for c in text if not c.isprintable()} - {"\n"}
    assert '"bias"' in text


@pytest.fixture
def pages(project):
    """Comparisons as pages: two trainings, other columns, hostile names with files and notebooks, several, nothing."""
    for i, text in enumerate(("lr = 1\n", "lr = 2\n</script><script>ran(3)</script>\n")):
        (project / "run.toml").write_text(text)
        (project / "run.ipynb").write_bytes(notebook(prose("# a"), code(f"lr = {i}", f"{HOSTILE[0]} {i}\n")))
        commit(files="run.toml", model=fit(hostile(i), "</h1>&amp;$x^2$"), notebook="run.ipynb", outputs=True)
    recorded(trained(100), trained(10_000), fit("example:crops5", CROPS[1], exclude=["humidity"]))
    store = Store.find()
    versions = store.versions()
    made = {
        "hostile": difference(compare(versions[0], versions[1], store)),
        "epochs": difference(compare(versions[2], versions[3], store)),
        "all": difference(compare(versions[2], versions[4], store, average=True)),
        "several": several(side_by_side(versions[2:], store)),
        "nothing": difference(compare(versions[2], versions[2], store)),
    }
    for name, page in made.items():
        page.save(project / f"{name}.html")
    return {name: project / f"{name}.html" for name in made}


def _heard(watched, number):
    watched.errors.append(f"ran {number}")


@pytest.mark.needs("axe")
@pytest.mark.slow
def test_pages_ask_for_nothing_and_fit_a_telephone(pages, browse):  # noqa: F811
    figures = {"hostile": 2, "epochs": 5, "all": 5, "several": 0, "nothing": 0}
    for name, path in pages.items():
        watched: Watched = browse(width=360)
        watched.page.expose_function("ran", functools.partial(_heard, watched))
        page = watched.open(path)
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        watched.expect_quiet()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name
        assert page.locator(".drawing .main-svg[viewBox]").count() >= figures[name]
        assert page.locator(".drawing").count() == figures[name], name
        assert page.locator("img").count() == 0
        for scheme in ("light", "dark") if name in ("hostile", "several") else ():
            page.emulate_media(color_scheme=scheme)
            assert findings(page, beside=".drawing > *") == [], name
    assert os.path.getsize(pages["several"]) < 100_000


@pytest.mark.slow
def test_figures_are_drawn_when_they_come_in_sight_and_all_on_paper(pages, browse):  # noqa: F811
    page, drawn = browse(width=360).open(pages["epochs"]), ".drawing:has(.main-svg[viewBox])"
    assert page.locator(drawn).count() < page.locator(".drawing").count()
    page.locator(".drawing").last.scroll_into_view_if_needed()
    until(page, "document.querySelector('.drawing:last-of-type .main-svg[viewBox]') !== null")
    page.pdf()
    assert page.locator(drawn).count() == page.locator(".drawing").count()


@pytest.mark.slow
def test_the_page_tells_what_the_text_tells(pages, browse):  # noqa: F811
    store = Store.find()
    _, _, before, after, *_ = store.versions()
    found = compare(before, after, store)
    page = browse(width=1280).open(pages["epochs"])
    told_there = page.locator("main").inner_text()
    for row in found.models[0].coefficients:
        assert f"{row.before:.7g}" in told_there
        assert f"{row.after:.7g}" in told_there
    shares = page.locator("table").first.locator("tbody tr").all_inner_texts()
    assert [line.split()[0] for line in shares] == ["data", "columns", "training"]
    assert shares[2].count("100 %") == 2
    figures = json.loads(page.locator("#figures").text_content())
    bars = next(figure for name, figure in figures.items() if name.startswith("parts"))["data"]
    *parts, whole = (np.frombuffer(base64.b64decode(bar["x"]["bdata"])) for bar in bars)
    assert len(parts) == 3
    assert sum(parts) == pytest.approx(whole, rel=1e-9)


@pytest.mark.slow
def test_the_command_writes_the_page(project, gradline):
    recorded(trained(10), trained(20), trained(30))
    for words in (("v1", "v2"), ("v1", "v2", "v3")):
        done = gradline("diff", *words, "--html", "diff.html", cwd=project)
        assert (done.code, done.out, done.err) == (0, "", "saved: diff.html\n")
        assert "Content-Security-Policy" in (project / "diff.html").read_text()
