"""What was announced is saved, and what is stopped leaves nothing: closed streams, signals, modes, pipes."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from known import known
from stopping import tried

import gradline as package
from gradline.core.cleanup import scratch_folder, undo_all, undoing
from gradline.core.tensor_file import replacing
from gradline.data.files import open_files
from gradline.history import Store

GRADLINE = f"{sys.executable} -m gradline"
FIT = f"{GRADLINE} fit example:crops -t apples -o m"
LINUX = pytest.mark.needs("proc")


@pytest.fixture
def bash(tmp_path):
    """Run a line of bash in a folder that holds nothing, with all of the line's faults seen."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", f"set -o pipefail; {line}"], cwd=tmp_path, capture_output=True, text=True
        )

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    ["| head -1", "| true", ">&-", "2>&-", ">&- 2>&-", "2>/dev/full", "2>&1 | true", "--json | true", "<&-"],
)
def test_nobody_listens_and_the_model_is_saved(line, bash, tmp_path):
    done = bash(f"{FIT} {line}")
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
    assert package.load(tmp_path / "m").certificate.status == "certified"
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.slow
@pytest.mark.parametrize("line", ["| true", ">&-", "2>&-"])
def test_nobody_listens_and_the_version_is_recorded(line, bash, tmp_path):
    assert bash(f"{FIT} --commit {line}").returncode == 0
    assert list(Store.find(tmp_path).version("v1").files) == ["m"]


@pytest.mark.slow
@pytest.mark.parametrize("word", ["--help", "--version", "fit --help"])
def test_a_help_that_nobody_reads_ends_silently(word, bash):
    done = bash(f"{GRADLINE} {word} | true")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
def test_a_file_that_is_replaced_keeps_its_mode(mode, tmp_path):
    path, seen = tmp_path / "m", []
    path.write_bytes(b"old")
    path.chmod(mode)
    with replacing(path) as stream:
        stream.write(b"new")
        seen += [part.stat().st_mode & 0o777 for part in tmp_path.glob(".m.*.part")]
    assert path.read_bytes() == b"new"
    assert seen == [path.stat().st_mode & 0o777] == [mode]


@pytest.mark.parametrize("mask", [0o022, 0o002, 0o077])
def test_a_new_file_has_the_mode_of_any(mask, tmp_path):
    before = os.umask(mask)
    try:
        with replacing(tmp_path / "m"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "m").stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_name_as_long_as_names_may_be(tmp_path):
    for name in ("n" * 255, "ä" * 127):
        with replacing(tmp_path / name) as stream:
            stream.write(b"x")
        assert (tmp_path / name).read_bytes() == b"x"


def test_what_fails_is_undone_and_what_ends_well_is_not():
    calls = []
    with undoing(lambda: calls.append("well")):
        undo_all()
    with pytest.raises(KeyboardInterrupt), undoing(lambda: calls.append("failed")):
        raise KeyboardInterrupt
    undo_all()
    assert calls == ["well", "failed"]
    with scratch_folder() as folder:
        (folder / "x").touch()
        undo_all()
        assert not folder.exists()
    assert not folder.exists()


@LINUX
def test_a_spool_has_no_name_and_is_read_again_and_again(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    feed = threading.Thread(target=lambda: (tmp_path / "pipe").write_text("x,y\n1,2\n2,3\n"))
    feed.start()
    source = open_files(str(tmp_path / "pipe"))
    feed.join()
    columns = {name: column.kind for name, column in source.schema().items()}
    for _ in range(2):
        assert [batch.frame["y"].to_list() for batch in source.batches(columns)] == [[2.0, 3.0]]
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_commit_that_fails_takes_back_what_it_put(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("one")
    claim = Store._claim

    def stops(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "_claim", stops)
    with pytest.raises(KeyboardInterrupt):
        package.commit("never", "a.txt", notebook=None)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]

    def recorded_by_another(self, kind, record):
        claim(self, kind, record)
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "_claim", recorded_by_another)
    with pytest.raises(KeyboardInterrupt):
        package.commit("another's", "a.txt", notebook=None)
    store = Store.find()
    assert store.get(store.version("v1").files["a.txt"]) == b"one"


def _heed():
    """A job in the background may ignore what Ctrl-C sends, and one of nohup the end of its terminal."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.slow
@pytest.mark.parametrize("words", [["fit", "pipe", "-t", "y", "-o", "m"], ["fit", "-", "-t", "y", "-o", "m"]])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_while_it_waits_for_rows(words, how, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(
        [sys.executable, "-m", "gradline", *words],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        preexec_fn=_heed,
    ) as process:
        known(process.stdin).write(b"x,y\n1,2\n")
        known(process.stdin).flush()
        time.sleep(2)
        process.send_signal(how)
        try:
            process.wait(timeout=10)
        finally:
            process.kill()
        said = known(process.stderr).read().decode()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert said.strip() == "interrupted: nothing was written"
    else:
        assert (process.returncode, said) == (-how, "")


@pytest.mark.slow
def test_a_signal_that_is_ignored_stays_so(bash, tmp_path):
    done = bash(f"trap '' HUP; {FIT} & sleep 0.5; kill -HUP $!; wait $!")
    assert done.returncode == 0
    assert (tmp_path / "m").exists()


@pytest.mark.slow
def test_stopped_at_any_moment(tmp_path):
    assert sum(tried(20, tmp_path).values()) == 20
