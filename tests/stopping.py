"""Commands that are told to stop at a random moment: what they announced is there and whole, and nothing else is left.

`python tests/stopping.py 200` tries so many moments, and prints what it saw.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import gradline as package
from gradline.history import Store
from gradline.history.repair import mended

TABLE = "x,z,y\n" + "".join(f"{i % 97},{i * i % 89},{i % 7 + i % 97}\n" for i in range(20_000))
COMMANDS = {
    "fit": ["fit", "t.csv", "-t", "y", "-o", "new"],
    "fit over a model": ["fit", "t.csv", "-t", "y", "-f", "x", "-o", "old"],
    "fit from stdin": ["fit", "-", "-t", "y", "-o", "new"],
    "fit and commit": ["fit", "t.csv", "-t", "y", "-o", "new", "--commit"],
    "predict": ["predict", "old", "t.csv", "-o", "new.csv"],
    "predict from stdin": ["predict", "old", "-", "-o", "new.csv"],
    "commit": ["commit", "old", "a.txt"],
    "report from stdin": ["report", "old", "-", "-o", "new.html"],
}
WHOLE = {"new": None, "new.csv": 20_001, "new.html": b"</html>"}  # how each is seen to be whole


@dataclass(frozen=True)
class Seen:
    """How a command ended: its code, what it announced, and whether it had written its file by then."""

    code: int
    announced: bool
    written: bool


def folder_for(place: Path) -> Path:
    """A project with a table, a model and a text; beside it a folder for temporary files."""
    project = place / "project"
    project.mkdir(parents=True)
    (place / "temporary").mkdir()
    (project / "t.csv").write_text(TABLE)
    (project / "a.txt").write_text("one")
    package.fit(project / "t.csv", "y").save(project / "old")
    (project / "old").chmod(0o640)
    return project


def stop_at(seconds: float, words: list[str], project: Path, how: signal.Signals) -> Seen:
    """Run the command, stop it after so many seconds if it still runs, and look at what is left, which goes."""
    temporary = project.parent / "temporary"
    before = {path.name: path.stat().st_mode for path in project.iterdir()}
    with (project / "t.csv").open("rb") as table:
        process = subprocess.Popen(
            [sys.executable, "-m", "gradline", *words],
            stdin=table if "-" in words else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=project,
            env={**os.environ, "TMPDIR": str(temporary)},
        )
        time.sleep(seconds)
        process.send_signal(how)
        _, said = process.communicate(timeout=60)
    assert b"Traceback" not in said, said.decode()
    assert list(temporary.iterdir()) == []
    announced, written = b"saved: " in said or b"recorded: " in said, False
    for path in project.iterdir():
        if path.name == Store.make(project).folder.name:
            store = Store.find(project)
            (version,) = store.versions()
            assert mended(store, thorough=True).sentences() == []
            assert [*store.temporary.iterdir()] == []
            assert all(store.get(digest) for digest in version.digests.values())
            written = True
            shutil.rmtree(path)
        elif path.name not in before:
            _expect_whole(path)
            written = True
            path.unlink()
        else:
            assert path.stat().st_mode == before[path.name]
    written |= len(package.load(project / "old").features) == 1
    package.fit(project / "t.csv", "y").save(project / "old")
    assert written or not announced, said.decode()
    assert process.returncode in (-how, 0), (process.returncode, said.decode())
    assert process.returncode or announced
    return Seen(process.returncode, announced, written)


def _expect_whole(path: Path) -> None:
    """Only what the command was to write is there, and the whole of it."""
    sign = WHOLE[path.name]
    if sign is None:
        package.load(path)
    elif isinstance(sign, int):
        assert path.read_text().count("\n") == sign
    else:
        assert path.read_bytes().rstrip().endswith(sign)


def seconds_of(words: list[str], project: Path) -> float:
    """How long the command takes that nobody stops."""
    began = time.monotonic()
    with (project / "t.csv").open("rb") as table:
        subprocess.run(
            [sys.executable, "-m", "gradline", *words],
            stdin=table,
            capture_output=True,
            cwd=project,
            check=True,
        )
    return time.monotonic() - began


def tried(count: int, place: Path, seed: int = 0) -> Counter[tuple[str, str]]:
    """So many moments, spread over the commands and their time; how often each ended how."""
    draw, seen = random.Random(seed), Counter()
    for i in range(count):
        name = list(COMMANDS)[i % len(COMMANDS)]
        project = folder_for(place / str(i))
        if i < len(COMMANDS):
            took[name] = seconds_of(COMMANDS[name], folder_for(place / f"whole {i}"))
        how = draw.choice([signal.SIGTERM, signal.SIGHUP])
        one = stop_at(draw.uniform(0.15, 1.1) * took[name], COMMANDS[name], project, how)
        end = "done" if one.code == 0 else "written, then stopped" if one.written else "stopped"
        seen[name, end] += 1
    return seen


took: dict[str, float] = {}  # seconds of each command

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for (name, end), count in sorted(tried(int(sys.argv[1]), Path(folder)).items()):
            print(f"{name:20} {end:22} {count}")
