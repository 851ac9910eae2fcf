"""The store of versions: what goes in comes back, by number, tag or distance, and byte by byte."""

import hashlib
import json
import os
from pathlib import Path

import hypothesis.strategies as st
import nbformat
import pytest
from hypothesis import given
from refusals import refused
from versions import (
    everything,
    executed,
    notebook,
    project_folder,  # noqa: F401 - fixtures
    record,
)

from gradline import history
from gradline.history import Store, checkout, commit


def test_versions_are_numbered_in_the_order_of_their_recording():
    for number in range(1, 13):
        assert record(content=str(number).encode(), message=f"the {number}th").number == number
    versions = Store.find().versions()
    assert [v.number for v in versions] == list(range(1, 13))  # and not v1, v10, v11
    assert [v.message for v in versions] == [f"the {n}th" for n in range(1, 13)]
    assert [v.when for v in versions] == sorted(v.when for v in versions)


def test_a_version_is_read_as_it_was_recorded():
    recorded = record("späte Äpfel.txt", b"\x00\xff", 'two\nlines, "quoted" \U0001f34e')
    assert Store.find().version("v1") == recorded
    assert (
        json.loads((Store.find().folder / "versions/1/record.json").read_bytes())["files"] == recorded.files
    )


def test_contents_are_named_by_their_hash_and_kept_once():
    first, second = record(content=b"same"), record("b.txt", b"same")
    digest = hashlib.sha256(b"same").hexdigest()
    assert first.files == {"a.txt": digest}
    assert second.files == {"b.txt": digest}
    store = Store.find()
    assert store.get(digest) == b"same"
    kept = [path.name for path in store.objects.iterdir()]
    assert sorted(kept) == sorted({digest, first.environment["requirements"]})


@given(st.binary(max_size=2000))
def test_any_bytes_come_back(content):
    store = Store.make()
    assert store.get(store.put(content)) == content


def test_a_version_is_called_by_number_tag_or_distance():
    versions = [record(content=bytes([n])) for n in range(3)]
    store = Store.find()
    store.tag(versions[0], "best.one")
    for name, number in [
        ("v2", 2),
        ("2", 2),
        ("latest", 3),
        ("latest~1", 2),
        ("latest~2", 1),
        ("best.one", 1),
    ]:
        assert store.version(name).number == number


@pytest.mark.parametrize("name", ["v4", "4", "v0", "latest~3", "bestone", "", "v-1"])
def test_an_unknown_version_is_refused_with_those_that_there_are(name):
    for n in range(3):
        record(content=bytes([n]))
    Store.find().tag(Store.find().version("v1"), "best-one")
    with refused("version-unknown") as caught:
        Store.find().version(name)
    assert "v1, best-one, v2, v3" in caught.value.remedy


def test_notes_tags_and_marks_are_later_records_and_the_version_stays_as_it_was():
    version, store = record(), Store.find()
    before = (store.folder / "versions/1/record.json").read_bytes()
    for note in ("first", "second"):
        store.annotate(version, "note", note)
    store.tag(version, "good")
    store.tag(version, "bad")
    store.annotate(version, "untag", "bad")
    store.annotate(version, "archive")
    found = store.version("v1")
    assert (found.note, found.tags, found.archived) == ("second", ("good",), True)
    store.annotate(version, "unarchive")
    assert not store.version("good").archived
    assert (store.folder / "versions/1/record.json").read_bytes() == before
    assert len(list((store.folder / "annotations").iterdir())) == 7


@pytest.mark.parametrize("tag", ["", "v3", "3", "latest", "latest~1", "-x", "a b", "a/b", "_x", "1st"])
def test_what_reads_as_a_version_or_an_option_is_no_tag(tag):
    version = record()
    with refused("tag-invalid"):
        Store.find().tag(version, tag)


def test_a_tag_names_one_version():
    first, second = record(), record("b.txt")
    Store.find().tag(first, "best")
    with refused("tag-taken", "v1", "best"):
        Store.find().tag(second, "best")


def test_the_public_face_of_history():
    for name in history.__all__:
        assert getattr(history, name) is not None
    assert dir(history) == sorted(history.__all__)


# Where the store is


def test_the_store_is_found_from_below(project):
    record()
    below = project / "a" / "b"
    below.mkdir(parents=True)
    os.chdir(below)
    Path("c.txt").write_text("x")
    assert commit("", "c.txt").number == 2
    assert Store.find().folder == project / ".gradline"
    assert Store.find().version("v2").files.keys() == {"a/b/c.txt"}


def test_a_new_store_lies_beside_the_root_of_the_repository(project):
    (project / ".git").mkdir()
    below = project / "a"
    below.mkdir()
    os.chdir(below)
    record()
    assert Store.find().folder == project / ".gradline"
    assert Store.find().version("v1").files.keys() == {"a/a.txt"}


def test_where_nothing_is_recorded_it_is_said():
    with refused("no-version-recorded", "gradline commit"):
        Store.find()


def test_a_file_from_elsewhere_is_kept_under_its_bare_name(tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "loop.py"
    elsewhere.write_text("lr = 1e-5")
    assert commit("", [elsewhere]).files.keys() == {"loop.py"}
    assert str(elsewhere.parent).encode() not in everything(Store.find().folder)


# Checkout


def test_checkout_restores_byte_by_byte():
    contents = {
        "a.txt": b"one\r\n", "below/deep/b.bin": bytes(range(256)), "empty": b"",
        "n.ipynb": json.dumps(notebook()).encode(),
    }  # fmt: skip
    for name, content in contents.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)
    version, store = commit("", list(contents)), Store.find()
    assert checkout(store, version) == []
    for name in contents:
        Path(name).unlink()
    os.rmdir("below/deep")
    assert sorted(checkout(store, version)) == sorted(contents)
    assert {name: Path(name).read_bytes() for name in contents} == contents
    Path("a.txt").unlink()
    Path("empty").unlink()
    assert checkout(store, version, ["a.txt"]) == ["a.txt"]
    assert not Path("empty").exists()
    os.chdir("below")
    Path("deep/b.bin").unlink()
    assert checkout(store, version, ["deep/b.bin"]) == ["below/deep/b.bin"]


def test_checkout_overwrites_what_differs_only_by_force():
    Path("b.txt").write_bytes(b"b")
    Path("a.txt").write_bytes(b"a")
    version, store = commit("", ["a.txt", "b.txt"]), Store.find()
    Path("b.txt").write_bytes(b"mine")
    Path("a.txt").unlink()
    with refused("files-would-be-lost", "b.txt", "v1", "--force"):
        checkout(store, version)
    assert not Path("a.txt").exists()  # nothing is written unless all can be
    assert sorted(checkout(store, version, force=True)) == ["a.txt", "b.txt"]
    assert Path("b.txt").read_bytes() == b"b"


def test_a_notebook_that_differs_in_its_outputs_alone_is_left_as_it_is():
    nbformat.write(executed(), "n.ipynb")
    version, store = commit("", "n.ipynb"), Store.find()
    assert checkout(store, version) == []
    assert b"SECRET-ROW" in Path("n.ipynb").read_bytes()
    changed = executed()
    changed.cells[1].source = "x = 2"
    nbformat.write(changed, "n.ipynb")
    with refused("files-would-be-lost"):
        checkout(store, version)


def test_checkout_of_what_is_not_there():
    version, store = record(), Store.find()
    with refused("version-lacks-file", "v1", "b.txt"):
        checkout(store, version, ["b.txt"])


@pytest.mark.parametrize("name", ["../out.txt", "/tmp/out.txt", "a/../../out.txt"])
def test_no_store_leads_a_checkout_out_of_the_project(name, project):
    version, store = record(), Store.find()
    path = store.folder / "versions/1/record.json"
    card = json.loads(path.read_bytes())
    path.write_text(json.dumps(card | {"files": {name: version.files["a.txt"]}}))
    with refused("store-record-unreadable", "versions/1"):
        checkout(store, store.version("v1"), force=True)
    assert {path.name for path in project.iterdir()} == {".gradline", "a.txt"}
