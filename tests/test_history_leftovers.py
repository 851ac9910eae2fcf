"""A store that was broken: what is left behind goes, what is missing is named, and nothing recorded is lost."""

import hashlib
import json
import os
import re
import shutil
import zlib

import pytest
from refusals import refused
from versions import (
    everything,
    project_folder,  # noqa: F401 - fixtures
    record,
)

from gradline.history import Store, checkout, repair
from gradline.history.repair import mended


@pytest.fixture
def later(monkeypatch):
    """Makes it more than an hour later, for who looks after leftovers; no test can age a file's birth."""
    return lambda: monkeypatch.setattr(repair, "YOUNG", -60.0)


def test_young_leftovers_stay_and_old_ones_go(later):
    record()
    store = Store.find()
    part, folder = store.temporary / "0123", store.temporary / "4567"
    part.write_bytes(b"half")
    folder.mkdir()
    (folder / "record.json").write_bytes(b"{")
    lone = store.objects / store.put(b"named by no version")
    before = everything(store.folder)
    left = mended(store)
    assert (left.removed, left.young, left.faults) == (0, 3, ())
    assert everything(store.folder) == before
    later()
    left = mended(store)
    assert (left.removed, left.young, left.faults) == (3, 0, ())
    assert not any(path.exists() for path in (part, folder, lone))
    assert "removed 3 files" in left.sentences()[0]
    assert mended(store).sentences() == []


def test_what_a_version_names_is_never_removed(later):
    version, store = record(), Store.find()
    later()
    assert mended(store, thorough=True).sentences() == []
    assert store.get(version.files["a.txt"]) == b"one"


def test_what_was_copied_a_moment_ago_is_young_however_old_its_times():
    """As in a copy that keeps times, and whose versions are still to come."""
    record()
    store = Store.find()
    lone = store.objects / store.put(b"named by a version that is still to come")
    os.utime(lone, (0, 0))
    assert mended(store).removed == 0
    assert lone.exists()


def test_a_lone_object_that_a_commit_takes_meanwhile_stays(later, monkeypatch):
    """The commit comes between the survey and the removal: the object moves back."""
    record("b.txt", b"other")
    store = Store.find()
    store.put(b"one")
    later()
    set_aside = repair._set_aside

    def setting(path, folder):
        set_aside(path, folder)
        store.folder.joinpath("versions/2").mkdir()
        card = json.loads((store.folder / "versions/1/record.json").read_bytes())
        card["files"] = {"a.txt": path.name}
        store.folder.joinpath("versions/2/record.json").write_text(json.dumps(card))

    monkeypatch.setattr(repair, "_set_aside", setting)
    assert mended(store).sentences() == []
    assert store.get(store.version("v2").files["a.txt"]) == b"one"


def test_a_commit_puts_again_what_a_mending_took_meanwhile(monkeypatch):
    record("b.txt", b"other")
    store, claim = Store.find(), Store._claim

    def claiming(self, kind, record):
        number = claim(self, kind, record)
        (self.objects / hashlib.sha256(b"one").hexdigest()).unlink()
        return number

    monkeypatch.setattr(Store, "_claim", claiming)
    assert store.get(record().files["a.txt"]) == b"one"


def test_while_a_record_is_unread_no_object_is_removed(later):
    record()
    version, store = record("b.txt", b"two"), Store.find()
    (store.folder / "versions/2/record.json").write_bytes(b'{"format": 1, "mess')
    later()
    left = mended(store)
    assert left.removed == 0
    assert "versions/2" in left.faults[0]
    assert store.get(version.files["b.txt"]) == b"two"
    assert [v.number for v in store.versions()] == [1]
    with refused("store-record-unreadable", "versions/2"):
        store.version("v2")
    assert record("c.txt", b"3").number == 3


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"format": "new"}', b"\xff\xfe"])
def test_a_damaged_record_is_a_refusal_and_no_crash(content):
    record()
    store = Store.find()
    (store.folder / "versions/1/record.json").write_bytes(content)
    with refused("store-record-unreadable"):
        store.version("v1")
    assert store.versions() == []
    assert len(mended(store).faults) == 1


def test_a_newer_record_is_said_to_be_newer():
    record()
    store = Store.find()
    path = store.folder / "versions/1/record.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"format": 2}))
    with refused("store-newer"):
        store.version("v1")
    assert "newer" in mended(store).faults[0]


def test_what_a_half_made_copy_lacks_is_named():
    versions = [record(content=bytes([n])) for n in range(4)]
    store = Store.find()
    (store.objects / versions[0].files["a.txt"]).unlink()
    object_ = store.objects / versions[1].files["a.txt"]
    object_.write_bytes(object_.read_bytes()[:-1])
    (store.folder / "versions/3/record.json").unlink()
    (store.folder / "versions/3").rmdir()
    quick, thorough = mended(store).faults, mended(store, thorough=True).faults
    digest = versions[0].files["a.txt"][:12]
    assert set(quick) == {"v3 is missing", f"v1 lacks a.txt (object {digest})"}
    assert len(thorough) == 3
    assert re.search(r"v2, a\.txt: object \w+ is damaged", thorough[-1])
    for version, code in ((versions[0], "store-object-unreadable"), (versions[1], "store-object-damaged")):
        with refused(code, ".gradline/objects"):
            checkout(store, version, force=True)
    assert record(content=b"\1").files == versions[1].files  # what is recorded again is whole again
    assert store.get(versions[1].files["a.txt"]) == b"\1"


def test_an_unread_note_is_named():
    version, store = record(), Store.find()
    for note in ("one", "two", "three"):
        store.annotate(version, "note", note)
    (store.folder / "annotations/3/record.json").write_bytes(b"{")
    shutil.rmtree(store.folder / "annotations/1")
    assert store.version("v1").note == "two"
    first, third = mended(store).faults
    assert first == "annotations/1 is missing"
    assert "annotations/3 cannot be read" in third


def test_an_object_that_holds_something_else_is_not_given_out():
    version, store = record(), Store.find()
    (store.objects / version.files["a.txt"]).write_bytes(zlib.compress(b"forged"))
    with refused("store-object-damaged"):
        store.get(version.files["a.txt"])


def test_a_number_far_off_is_no_long_search():
    version, store = record(), Store.find()
    store.annotate(version, "note", "one")
    for kind in ("versions", "annotations"):
        (store.folder / kind / "99999999999999999999").mkdir()
    assert mended(store).faults == ()  # an empty folder is no record, and takes no number
    assert record("b.txt", b"two").number == 2
    for kind in ("versions", "annotations"):
        (store.folder / kind / "99999999999999999999" / "record.json").touch()
    told = " ".join(mended(store).faults)
    assert "v3 to 99999999999999999998 are missing" in told
    assert "annotations/2 to 99999999999999999998 are missing" in told
