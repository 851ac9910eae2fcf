"""The engine ray: workers that are killed, slow or refuse, and a driver that is; the digest is that of threads.

Ray has an environment of its own: `make test-ray`.
"""

import hashlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import ray  # pyright: ignore[reportMissingImports]

import gradline
from gradline.engines import engine_of
from gradline.engines.ray import Ray
from gradline.engines.threads import Threads

UNITS = [str(i) for i in range(24)]


def rows(unit):
    random = np.random.default_rng(int(unit))
    X = random.normal(size=(200, 3)) + 10.0
    return X, X @ [1.0, -2.0, 0.5] + random.normal(size=200)


@dataclass(frozen=True)
class Kept:
    """The moments of a unit, kept under its name, as a ledger keeps parts: what is there is not read again."""

    folder: str
    pause: float = 0.0
    killed: str = ""  # the unit at which a worker is lost, the first time
    slow: str = ""  # the unit that takes a minute, the first time

    def __call__(self, unit):
        folder = Path(self.folder)
        kept = folder / unit
        if kept.exists():
            return gradline.Moments.load(kept)
        with (folder / "reads").open("a") as stream:
            stream.write(f"{unit}\n")
        if unit in (self.killed, self.slow) and not (first := folder / f"first {unit}").exists():
            first.touch()
            if unit == self.killed:
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        time.sleep(self.pause)
        moments = gradline.Moments.of(*rows(unit), extended=True)
        moments.save(folder / f"{unit} {os.getpid()}")
        (folder / f"{unit} {os.getpid()}").rename(kept)
        return moments


def joined(one, other):
    return one + other


def digest(engine, part):
    whole = engine.reduce(UNITS, part, joined)
    path = Path(part.folder) / "whole"
    whole.save(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def reads(folder):
    return (folder / "reads").read_text().split()


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    folder = tmp_path_factory.mktemp("threads")
    return digest(Threads(2), Kept(str(folder)))


def test_a_cluster_that_is_not_there():
    """Told at once; Ray itself would wait for minutes. It comes first, for a process is part of one cluster alone."""
    with pytest.raises(gradline.GradlineError, match=r"at 127\.0\.0\.1:9") as caught:
        Ray(address="127.0.0.1:9").reduce(UNITS, Refusing(), joined)
    assert caught.value.code == "cluster-unreachable"


def test_the_digest_is_that_of_threads(right, tmp_path):
    assert isinstance(engine_of("ray"), Ray)
    assert digest(Ray(2), Kept(str(tmp_path))) == right
    assert sorted(reads(tmp_path)) == sorted(UNITS)


def test_it_listens_on_this_machine_alone(right):
    del right
    assert {node["NodeManagerAddress"] for node in ray.nodes()} == {"127.0.0.1"}


def test_a_killed_worker_costs_its_unit(right, tmp_path):
    assert digest(Ray(2), Kept(str(tmp_path), killed="5")) == right
    found = reads(tmp_path)
    assert found.count("5") == 2
    assert len(found) <= len(UNITS) + 2  # and what its worker had at hand


def test_a_slow_worker_is_not_waited_for(right, tmp_path):
    began = time.monotonic()
    assert digest(Ray(2), Kept(str(tmp_path), slow="23")) == right
    assert time.monotonic() - began < 45  # of the minute that it takes
    assert sorted(reads(tmp_path)) == sorted([*UNITS, "23"])


@dataclass(frozen=True)
class Refusing:
    """Refuses all units but the first few, the earlier ones later."""

    def __call__(self, unit):
        if int(unit) < 3:
            return int(unit)
        time.sleep((10 - int(unit)) / 20 if int(unit) < 10 else 0.0)
        raise gradline.GradlineError("unit-refused", f"unit {unit} is refused", "mend it")


def test_of_several_refusals_the_first_is_raised():
    for _ in range(3):
        with pytest.raises(gradline.GradlineError, match="unit 3 is refused"):
            Ray(2).reduce(UNITS, Refusing(), joined)


DRIVER = """
import sys
from on_ray import Kept, digest
from gradline.engines.ray import Ray
print(digest(Ray(2), Kept(sys.argv[1], pause=0.3)))
"""


def test_a_killed_driver_goes_on_where_it_stopped(right, tmp_path):
    ray.shutdown()
    command = [sys.executable, "-c", DRIVER, str(tmp_path)]
    here = Path(__file__).parent
    with subprocess.Popen(command, cwd=here, start_new_session=True) as driver:
        while not (tmp_path / "reads").exists() or len(reads(tmp_path)) < 8:
            assert driver.poll() is None
            time.sleep(0.1)
        driver.send_signal(signal.SIGKILL)
    time.sleep(3)  # its cluster notices, and goes
    kept = {path.name for path in tmp_path.iterdir()} & {*UNITS}
    before = len(reads(tmp_path))
    again = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=300)
    assert again.stdout.split()[-1] == right, again.stderr[-2000:]
    assert len(reads(tmp_path)) - before == len(UNITS) - len(kept)
    assert 0 < len(kept) < len(UNITS)
