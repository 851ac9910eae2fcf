"""Ray Core: units done by the workers of a cluster, where a lost worker or a slow one costs time and nothing else."""

import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeVar

from gradline.core.errors import UsageError
from gradline.data.extras import expect_extra
from gradline.engines.engine import Engine

Unit = TypeVar("Unit")
Value = TypeVar("Value")

_AHEAD = 2  # tasks for each core: one at work, and one whose unit is there when that is done
_RETRIES = 5  # of a unit whose worker is lost; one that is lost each time is killed by what it reads
_STORE = (
    1 << 28
)  # bytes of Ray's store on this machine: parts are small, and the default is a third of all memory
_SLOW = 3.0  # times the usual time, after which a unit is given to an idle worker too
_LOOK = 1.0  # seconds between looks for such
_CONNECT = 10.0  # seconds that a cluster may take to answer at all


@dataclass(frozen=True)
class Ray(Engine):
    """The workers of a Ray cluster: of `address`, or of the one that this process is part of, or else of this machine.

    - `workers`: the cores of a cluster that is started here; by default all of this machine.
    - `address`: of a running cluster, such as "ray://head:10001" or "auto". One that is started here listens on
      127.0.0.1 alone, and lives until this process ends.

    A unit whose worker is lost is done again; one that takes three times as long as others is given to an idle worker
    too, and the first value that comes is taken: they are the same. If this process is lost, so is what was not kept:
    a folder of states keeps it (`gradline moments make`).
    """

    workers: int | None = None
    address: str | None = None

    def results(self, units: Sequence[Unit], part: Callable[[Unit], Value]) -> Iterator[tuple[int, Value]]:
        """See `Engine`."""
        ray = self._started()
        make, shared = ray.remote(num_cpus=1, max_retries=_RETRIES)(_made), ray.put(part)
        most = max(1, int(ray.cluster_resources().get("CPU", 1))) * _AHEAD
        work = _Work(ray, lambda place: make.remote(shared, units[place]), len(units), most)
        try:
            yield from work.done()
        finally:
            work.dropped()

    def _started(self) -> Any:
        """The module, connected to a cluster."""
        expect_extra("ray", "the engine ray", "ray")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it speaks to the cluster and to nobody else
        os.environ.setdefault("RAY_raylet_start_wait_time_s", "120")  # as a busy machine may need
        import ray as package  # noqa: PLC0415 # pyright: ignore[reportMissingImports]

        ray: Any = package

        if ray.is_initialized():
            return ray
        quiet = {"log_to_driver": False, "logging_level": "ERROR"}
        if self.address is None:
            local = {"num_cpus": self.workers, "include_dashboard": False, "object_store_memory": _STORE}
            # Ray takes 127.0.0.1 for a slip, and listens on all addresses, but where clusters are switched off.
            from ray._private import (  # noqa: PLC0415 # pyright: ignore[reportMissingImports]
                ray_constants as constants,
            )

            constants.ENABLE_RAY_CLUSTER = False
            ray.init(_node_ip_address="127.0.0.1", **local, **quiet)
            return ray
        try:
            _expect_listening(self.address)
            ray.init(address=self.address, **quiet)
        except (OSError, ValueError, RuntimeError) as error:
            raise UsageError(
                "cluster-unreachable",
                f"there is no Ray cluster at {self.address}: {error}",
                "check the address, or leave it out to use the cores of this machine",
            ) from error
        return ray


def _expect_listening(address: str) -> None:
    """Raise `OSError` where nothing listens at HOST:PORT, for which Ray itself would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_CONNECT).close()


def _made(part: Callable[[Unit], Value], unit: Unit) -> tuple[bool, Any]:
    """Whether a value was made, and that, or what `part` refused with: Ray would wrap an error in its own."""
    try:
        return True, part(unit)
    except Exception as error:
        return False, error


class _Work:
    """Units that are handed out, a few ahead of what the cluster works on, until all are done."""

    def __init__(self, ray: Any, start: Callable[[int], Any], count: int, most: int) -> None:
        self._ray, self._start, self._most = ray, start, most
        self._left = iter(range(count))
        self._open: dict[Any, tuple[int, float]] = {}  # what was started, for which place, and when
        self._taken: list[float] = []
        self._missing = set(range(count))
        self._twice: set[int] = set()

    def done(self) -> Iterator[tuple[int, Any]]:
        """The place and the value of each unit as they come; raises the first refusal when all before it are done."""
        refusals: dict[int, Exception] = {}
        while self._missing:
            self._hand_out(bool(refusals))
            ready, _ = self._ray.wait(list(self._open), num_returns=1, timeout=_LOOK)
            for reference in ready:
                place, began = self._open.pop(reference)
                if place not in self._missing:
                    continue
                is_made, value = self._ray.get(reference)
                self._missing.discard(place)
                self._taken.append(time.monotonic() - began)
                if is_made:
                    yield place, value
                else:
                    refusals[place] = value
            if refusals and min(refusals) < min(
                self._missing, default=len(self._missing) + min(refusals) + 1
            ):
                raise refusals[min(refusals)]

    def _hand_out(self, is_refused: bool) -> None:
        """Start what is left, as far as there is room; nothing beyond a refusal is wanted any more."""
        while (
            len(self._open) < self._most and not is_refused and (place := next(self._left, None)) is not None
        ):
            self._open[self._start(place)] = place, time.monotonic()
        if self._taken and len(self._open) < self._most:
            limit = time.monotonic() - _SLOW * max(median(self._taken), _LOOK)
            slow = [place for place, began in self._open.values() if began < limit]
            for place in slow:
                if place not in self._twice and place in self._missing:
                    self._twice.add(place)
                    self._open[self._start(place)] = place, time.monotonic()

    def dropped(self) -> None:
        """Nobody asks for what is still open."""
        for reference in self._open:
            self._ray.cancel(reference)
