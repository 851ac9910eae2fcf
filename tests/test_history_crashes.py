"""Commits that are killed, crowded or out of room: nothing recorded is lost, and nothing is half there."""

import contextlib
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest
from refusals import expect_refusal
from versions import (
    project_folder,  # noqa: F401 - fixtures
    record,
)

from gradline.core.cleanup import end_cleanly_by_signals
from gradline.core.errors import FileError
from gradline.history import Store, commit, repair, writing
from gradline.history import store as store_code
from gradline.history.repair import mended

# Forks a committer again and again, which tells the number and the name of each version that it has recorded.
# SIGKILL may come at any moment; a child that is forked has everything imported and is at work at once.
COMMITTERS = """
import os, random, signal, sys, time
import gradline
from gradline.history import commit
model = gradline.fit("example:crops", "apples")
commit("to load all that a commit needs", model=model)

def work(name, count, tell):
    for number in range(count):
        content = f"{name} {number} ".encode() * 500
        with open(f"{name}.txt", "wb") as stream:
            stream.write(content)
        version = commit(f"{name} {number}", f"{name}.txt", {f"{name}.safetensors": model})
        os.write(tell, f"{version.number} {name} {number}\\n".encode())
    os._exit(0)

def forked(name, count, tell):
    child = os.fork()
    if not child:
        work(name, count, tell)
    return child

told = os.open("told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
mode, count = sys.argv[1], int(sys.argv[2])
if mode == "kill":
    chance = random.Random(0)
    began = time.perf_counter()
    os.waitpid(forked("first", 5, told), 0)
    most = (time.perf_counter() - began) / 2  # two and a half commits
    for turn in range(count):
        before, child = os.path.getsize("told"), forked(f"c{turn}", 1000, told)
        time.sleep(chance.uniform(0, most))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        # The machine may have become busier or idler: every other turn shall see a commit come to its end.
        most *= 1.05 if os.path.getsize("told") == before else 1 / 1.05
else:
    children = [forked(f"c{i}", 20, told) for i in range(count)]
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
"""


def expect_whole(told):
    """Every version that was told of is recorded as it was, all others are whole too, and no number is left out."""
    store, versions = Store.find(), {version.number: version for version in Store.find().versions()}
    assert mended(store, thorough=True).faults == ()
    assert list(versions) == list(range(1, len(versions) + 1))
    for number, name, count in told:
        assert versions[number].message == f"{name} {count}"
    for version in list(versions.values())[1:]:
        name, count = version.message.split()
        assert version.files.keys() == {f"{name}.txt", f"{name}.safetensors"}
        assert store.get(version.files[f"{name}.txt"]) == f"{name} {count} ".encode() * 500
    return versions


def committers(mode, count):
    subprocess.run([sys.executable, "-c", COMMITTERS, mode, str(count)], check=True, timeout=300)
    words = [line.split() for line in Path("told").read_text().splitlines()]
    return [(int(number), name, int(count)) for number, name, count in words]


@pytest.mark.slow
def test_kill_at_200_random_moments(monkeypatch):
    told = committers("kill", 200)
    assert len(told) > 50  # commits came to their end between the kills
    versions, store = expect_whole(told), Store.find()
    assert len(list(store.temporary.iterdir())) > 10  # and the kills came in the midst of writing
    monkeypatch.setattr(repair, "YOUNG", -60.0)
    assert mended(store).removed > 10
    assert list(store.temporary.iterdir()) == []
    assert expect_whole(told).keys() == versions.keys()
    assert {path.name for path in store.objects.iterdir()} == {
        digest for version in versions.values() for digest in version.digests.values()
    }
    assert record().number == len(versions) + 1


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 8])
def test_committers_side_by_side(count):
    told = committers("crowd", count)
    assert len({number for number, _, _ in told}) == len(told) == 20 * count
    assert len(expect_whole(told)) == 1 + 20 * count
    assert list(Store.find().temporary.iterdir()) == []


# Every step of a commit, one after another, as the last one: killed there, or refused there by the system


@contextlib.contextmanager
def watched(monkeypatch, act):
    """Calls `act(step)` before each step that changes the store, counted from 0."""
    steps = iter(range(10**6))

    def stepping(original):
        def step(*args, **kwargs):
            act(next(steps))
            return original(*args, **kwargs)

        return step

    with monkeypatch.context() as patch:
        for owner, name in ((os, "rename"), (os, "replace"), (os, "fsync"), (os, "mkdir"), (Path, "open")):
            patch.setattr(owner, name, stepping(getattr(owner, name)))
        yield


def fork():
    with warnings.catch_warnings():
        # Python advises against a fork beside threads; what is forked here only writes files.
        warnings.simplefilter("ignore")
        return os.fork()


def steps_of_a_commit(monkeypatch):
    """How many there are, where the list of requirements is known already."""
    seen = []
    record()
    with watched(monkeypatch, seen.append):
        record(content=b"two")
    assert len(seen) > 10
    return len(seen)


def test_killed_before_each_step(monkeypatch):
    steps = steps_of_a_commit(monkeypatch)
    store = Store.find()
    for last in range(steps):
        before = store.versions()
        child = fork()
        if not child:
            with watched(
                monkeypatch, lambda step, last=last: os.kill(os.getpid(), 9) if step == last else None
            ):
                record(content=f"{last}".encode())
            os._exit(1)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        after = store.versions()
        assert after[: len(before)] == before
        assert mended(store, thorough=True).faults == ()
        for version in after[len(before) :]:
            assert store.get(version.files["a.txt"]) == f"{last}".encode()
    assert len(store.versions()) < steps  # some kills came before the record was there
    monkeypatch.setattr(repair, "YOUNG", -60.0)
    assert mended(store).removed > 0
    assert list(store.temporary.iterdir()) == []
    assert mended(store, thorough=True).sentences() == []


def stopped_at_line(number, work):
    """Do the work in another process, which is told to stop at so many lines of the store's code; whether it was."""
    files, lines = {store_code.__file__, writing.__file__}, iter(range(10**6))

    def trace(frame, event, _):
        if event == "line" and next(lines) == number:
            os.kill(os.getpid(), signal.SIGTERM)
        return trace if frame.f_code.co_filename in files else None

    child = fork()
    if not child:
        end_cleanly_by_signals()
        sys.settrace(trace)
        work()
        os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGTERM


@pytest.mark.parametrize("work", [lambda: Store.make().expect_writable(), record], ids=["tried", "recorded"])
def test_told_to_stop_at_each_line(work):
    """Nothing is left of a first version that was not recorded, not even the store, and a recorded one is whole."""
    number, was_stopped = 0, True
    while was_stopped:
        was_stopped = stopped_at_line(number, work)
        if Path(".gradline").exists():
            (version,) = Store.find().versions()
            assert mended(Store.find(), thorough=True).sentences() == []
            assert [*Store.find().temporary.glob("*")] == []
            assert Store.find().get(version.files["a.txt"]) == b"one"
            shutil.rmtree(".gradline")
        number += 1
    assert number > 30


def attempted(work, *words):
    """What `work` returns, or the refusal of the system that it ends with."""
    try:
        return work(*words)
    except OSError as error:
        return error


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_refused_at_each_step(monkeypatch, code):
    refused = 0

    def refuse(step):
        if step == last:
            raise OSError(code, os.strerror(code))

    for last in range(steps_of_a_commit(monkeypatch)):
        store, before = Store.find(), Store.find().versions()
        with watched(monkeypatch, refuse):
            result = attempted(record, "a.txt", f"{last}".encode())
        if isinstance(result, FileError):
            refused += 1
            assert os.strerror(code) in result.cause
            assert result.remedy
            assert store.versions() == before
        elif last > 0:  # not in the step in which the test itself writes the file
            assert not isinstance(result, OSError)
            assert store.get(result.files["a.txt"]) == f"{last}".encode()
            assert store.versions() == [*before, result]
        assert list(store.temporary.iterdir()) == []
    assert refused > 5


def test_a_full_disk_is_a_refusal_of_the_command(gradline):
    import resource

    version = record()
    Path("noise.bin").write_bytes(random.Random(0).randbytes(300_000))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        # With an input it is a Python of its own, which inherits the limit.
        done = gradline("commit", "a.txt", "noise.bin", "-m", "too much", "--json", stdin=b"")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert done.code == 1
    expect_refusal(done.err, "file-unwritable")
    assert list(Store.find().temporary.iterdir()) == []
    assert Store.find().versions() == [version]
    assert mended(Store.find(), thorough=True).faults == ()


@pytest.fixture
def read_only():
    """A store that may be read and not written: by its modes, or as another user where root asks."""
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        record()
        Store.find().put(b"left behind by a commit that broke")
        paths = [Path(name), *Path(name).rglob("*")]
        for path in paths:
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield
        for path in paths:
            path.chmod(0o755)


def as_anyone(work):
    """What `work` returns in a process that has no rights but those of all."""
    reading, writing = os.pipe()
    child = fork()
    if not child:
        if os.geteuid() == 0:
            os.setuid(65534)
        os.write(writing, json.dumps(work()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        said = stream.read()
    os.waitpid(child, 0)
    return json.loads(said)


@pytest.mark.usefixtures("read_only")
def test_a_read_only_store_is_read_and_says_so_when_written(monkeypatch):
    def work():
        store = Store.find()
        refused = [
            attempted(commit, "", "a.txt"),
            attempted(store.tag, store.version("v1"), "best"),
            attempted(store.expect_writable),
        ]
        return (
            [one.cause for one in refused],
            mended(store).sentences(),
            [version.name for version in store.versions()],
        )

    monkeypatch.setattr(repair, "YOUNG", -60.0)
    refused, left, versions = as_anyone(work)
    assert all("Permission denied" in cause for cause in refused)
    assert versions == ["v1"]
    assert len(left) == 1  # what cannot be removed is still said


def test_a_store_copied_halfway(tmp_path):
    """After each file, and amid it: what is there is read, what is not is named, and the rest can still come."""
    for number in range(3):
        record(content=f"content of {number}".encode() * 50)
    store = Store.find()
    store.annotate(store.version("v2"), "note", "noted")
    whole = {version.number: version for version in store.versions()}
    files = sorted(path for path in store.folder.rglob("*") if path.is_file())
    for reverse in (False, True):
        order = sorted(files, reverse=reverse)
        for count in range(len(order)):
            copy = Store(tmp_path / f"copy{reverse}{count}" / ".gradline")
            for index, path in enumerate(order[: count + 1]):
                target = copy.folder / path.relative_to(store.folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target)
                if index == count:
                    os.truncate(target, path.stat().st_size // 2)
            faults = " ".join(mended(copy, thorough=True).faults)
            for version in copy.versions():
                assert version.files == whole[version.number].files
                try:
                    copy.get(version.files["a.txt"])
                except FileError:
                    assert version.name in faults
            assert (
                any(name in faults for name in ("damaged", "lacks", "missing", "cannot be read"))
                or len(copy.versions()) < 3
                or order[count].parent.parent.name == "annotations"
            )
            shutil.copytree(store.folder, copy.folder, dirs_exist_ok=True)
            assert mended(copy, thorough=True).sentences() == []
            assert copy.versions() == store.versions()
