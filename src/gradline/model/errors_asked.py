"""Which standard errors are asked for in place of the plain ones, in words: what needs no rows yet."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gradline.core.errors import UsageError
from gradline.core.text import listed
from gradline.model.model import LinearModel

ROBUST = ("HC0", "HC1", "HC2", "HC3")


@dataclass(frozen=True)
class ErrorsAsked:
    """Which standard errors: robust to errors of unequal size, of clusters by columns, or of rows in order."""

    robust: str | None = None
    cluster: tuple[str, ...] = ()
    hac: int | None = None
    time: str | None = None
    seed: int = 0

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> "ErrorsAsked":
        """Those of options by their names. Raises `UsageError` where they contradict each other."""
        robust = words.get("robust")
        asked = cls(
            robust if robust is None else str(robust).upper(),
            tuple(words.get("cluster") or ()),
            words.get("hac"),
            words.get("time"),
            words.get("seed") or 0,
        )
        asked._expect_clear()
        return asked

    def __bool__(self) -> bool:
        return self.robust is not None or bool(self.cluster) or self.hac is not None

    def to_dict(self) -> dict[str, Any]:
        """What of it is asked for, as options."""
        given = {"robust": self.robust, "cluster": list(self.cluster), "hac": self.hac, "time": self.time}
        return {name: value for name, value in given.items() if value not in (None, [])}

    def noted(self, model: LinearModel) -> LinearModel:
        """The model, which remembers what it was asked for."""
        return replace(model, config={**model.config, **self.to_dict()}) if self else model

    @property
    def flags(self) -> str:
        """As they are written on the command line."""
        words = [f"--{name} {value}" for name, value in self.to_dict().items() if name != "cluster"]
        return " ".join([*words, *(f"--cluster {name}" for name in self.cluster)])

    def _expect_clear(self) -> None:
        if self.robust not in (None, *ROBUST):
            raise UsageError("choice-invalid", f"--robust is {self.robust!r}", "use HC0, HC1, HC2 or HC3")
        kinds = {"--robust": self.robust, "--cluster": self.cluster, "--hac": self.hac}
        asked = [name for name, value in kinds.items() if value not in (None, ())]
        if len(asked) > 1:
            raise UsageError(
                "errors-twice", f"{listed(asked)} are kinds of standard errors", "leave one of them out"
            )
        if self.hac is not None and self.hac < 1:
            raise UsageError("lags-invalid", f"--hac is {self.hac}", "give a whole number of rows from 1")
        if self.time is not None and self.hac is None:
            raise UsageError(
                "time-without-lags", "--time is the order of rows for --hac", "add --hac 4, or leave it out"
            )
        if len(set(self.cluster)) < len(self.cluster) or len(self.cluster) > 4:
            raise UsageError(
                "clusters-twice",
                f"--cluster names {listed(self.cluster)}",
                "name each column once, and no more than four",
            )
