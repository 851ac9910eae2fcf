"""How far the reading of files has come, for whoever shows it."""

import time
from pathlib import Path


class Meter:
    """Bytes of files, as they lie on disk, that one pass over them has read so far."""

    def __init__(self) -> None:
        self._sizes: dict[Path, int] = {}
        self._read: dict[Path, int] = {}
        self._began = 0.0

    def expect(self, path: Path) -> None:
        """This file will be read, from its first byte to its last, perhaps several times."""
        self._sizes[path] = path.stat().st_size

    def begin(self, path: Path) -> None:
        """The file is read from its first byte on; one that was begun before begins a new pass."""
        if not self._read or path in self._read:
            self._read, self._began = {}, time.monotonic()
        self._read[path] = 0

    def reach(self, path: Path, share: float) -> None:
        """This share of the file has been read."""
        self._read[path] = int(share * self._sizes.get(path, 0))

    @property
    def total(self) -> int:
        """The bytes of all files."""
        return sum(self._sizes.values())

    @property
    def read(self) -> int:
        """The bytes of the present pass."""
        return sum(self._read.values())

    @property
    def left(self) -> float:
        """The seconds that the rest of the pass will take at its speed so far."""
        share = self.read / self.total if self.total else 1.0
        return (time.monotonic() - self._began) * (1 / share - 1) if share else 0.0


METER = Meter()  # of the process: what reads and what shows are far apart
