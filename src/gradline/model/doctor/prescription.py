"""What `doctor` hands over: the figures and the findings, as text of a hundred columns or as plain JSON."""

import math
import textwrap
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from gradline.core.text import big, counted, epochs, listed, number, percent
from gradline.model.certificate import far, finite, near
from gradline.model.doctor.findings import Finding
from gradline.model.doctor.pace import Pace, condition
from gradline.model.summary import WIDTH, aligned

_COLUMNS = 12  # behind the limit; more nobody reads
_TRACE = 1e-5  # a share below this has no part in the limit


class Slow(NamedTuple):
    """A direction of little curvature: the columns that carry it, and the half-life of its error in epochs."""

    columns: str
    half_life: float


class BatchLimit(NamedTuple):
    """Rates for mini-batches of some rows: below `worst_case` every batch is stable, whichever rows it holds.

    Above `mean_square` the noise of the batches outgrows the descent; None where it is not known.
    """

    batch_size: int
    mean_square: float | None
    worst_case: float | None


@dataclass(frozen=True)
class Report:
    """A plan before any training.

    - `targets`, `features`; `rows` that are complete, `dropped` those that are not, `missing` cells by column,
      `left_out` columns with the reason.
    - `row_bytes`, `moment_bytes`: memory for the rows and for their `Moments`; `route` of the exact answer;
      `passes` over the rows, `has_text` where text columns were
      read once before for their levels, `seconds` for all of it.
    - `paces`: condition of the Hessian, rates and epochs by view of the columns; `condition_scaled` of the centred
      columns of unit norm; `combinations` of columns that vanish, in words.
    - `lr` that is judged (the best, unless `lr_given`), `lr_limit`, `shares` of the columns in the limit, `growth`
      of the fastest growing error per epoch, `epochs_to_loss` and `epochs_to_weights` from zeros, the slowest
      `directions` (none at an unstable lr): all of the full batch on the columns as they are.
    - `batches`: the limits for mini-batches.
    - `findings`, the most important first; `commands` to run.
    """

    targets: list[str]
    features: list[str]
    rows: int
    dropped: int
    missing: dict[str, int]
    left_out: dict[str, str]
    row_bytes: int
    moment_bytes: int
    route: str
    passes: int
    has_text: bool
    seconds: float
    paces: list[Pace]
    condition_scaled: float
    combinations: list[str]
    lr: float
    lr_given: bool
    lr_limit: float
    growth: float
    shares: list[tuple[str, float]]
    epochs_to_loss: float
    epochs_to_weights: float
    directions: list[Slow]
    batches: list[BatchLimit]
    findings: list[Finding]
    commands: list[str]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON."""
        lists = ("paces", "directions", "batches", "findings")
        return finite(
            asdict(self) | {name: [part._asdict() for part in getattr(self, name)] for name in lists}
        )

    def __str__(self) -> str:
        parts = (self._data(), self._found(), self._views(), self._rates(), self._batches(), self._plan())
        return "\n\n".join("\n".join(part) for part in parts if part)

    def _data(self) -> list[str]:
        dropped = f" ({self.dropped:,} more have missing cells)" if self.dropped else ""
        lines = [
            f"{listed(self.targets)} from {listed(self.features)}",
            f"{counted(self.rows, 'row')}{dropped}, {counted(len(self.features), 'feature')}: "
            f"{_bytes(self.row_bytes)} in memory, or {_bytes(self.moment_bytes)} as Moments.",
            f"Exact answer: {self.route}. {self._time()}",
        ]
        return [_filled(line) for line in lines]

    def _time(self) -> str:
        read = "once" if self.passes == 1 else "twice, for the digits"
        text = ", text columns once more for their levels" if self.has_text else ""
        if self.seconds < 1:
            return f"Rows read {read}{text}: less than a second here."
        speed = big(float(f"{self.rows / self.seconds:.2g}"))
        return f"Rows read {read}{text}: {self.seconds:.1f} s here ({speed} rows a second); a fit takes about as long."

    def _found(self) -> list[str]:
        if not self.findings:
            return ["Nothing found that stands in the way."]
        lines = ["Found, the most important first (gradline doctor --explain CODE says more):"]
        return lines + [
            _filled(f"  {code}: {cause}. {_capital(remedy)}.", 4) for code, cause, remedy in self.findings
        ]

    def _views(self) -> list[str]:
        columns = [
            ["full batch, columns", *(pace.view for pace in self.paces)],
            ["Hessian's condition", *(condition(pace.hessian_condition) for pace in self.paces)],
            ["stable below lr", *(number(pace.lr_limit) for pace in self.paces)],
            ["fastest lr", *(number(pace.best_lr) for pace in self.paces)],
            ["epochs to loss", *(_count(pace.epochs_to_loss) for pace in self.paces)],
            ["to weights", *(_count(pace.epochs_to_weights) for pace in self.paces)],
        ]
        said = (
            "Epochs at the fastest lr, which finishes first, from zeros: until the loss is within 1 % of the optimum, "
            "and until the slowest error has shrunk a thousandfold. The Hessian's condition is the square of the one "
            "that a fit tells."
        )
        return [aligned(columns), _filled(said)]

    def _rates(self) -> list[str]:
        shares = [f"{name} {percent(share)}" for name, share in self.shares if share >= _TRACE][:_COLUMNS]
        lines = [f"The columns behind the limit {number(self.lr_limit)}: {', '.join(shares)}."]
        at = f"lr {number(self.lr)}" if self.lr_given else "the fastest lr"
        if self.lr > self.lr_limit:
            lines.append(f"At {at} the error grows {number(self.growth)}× per epoch.")
        elif self.lr_given:
            until = f"{near(self.epochs_to_loss)}; {far(self.epochs_to_weights)}"
            lines.append(f"At {at} on the columns as they are {until}.")
        if self.directions:
            slow = "; ".join(f"{d.columns} (half-life {epochs(d.half_life)})" for d in self.directions)
            lines.append(f"Slowest at {at}: {slow}.")
        return [_filled(line) for line in lines]

    def _batches(self) -> list[str]:
        if not self.batches:
            return []
        columns = [
            ["mini-batches of", *(counted(batch.batch_size, "row") for batch in self.batches)],
            ["mean-square limit of lr", *(_rate(batch.mean_square) for batch in self.batches)],
            ["safe for every batch", *(_rate(batch.worst_case) for batch in self.batches)],
        ]
        said = (
            "Above the mean-square limit the noise of mini-batches outgrows the descent; below the other rate every "
            "batch is stable, whichever rows it holds."
        )
        return [aligned(columns), _filled(said)]

    def _plan(self) -> list[str]:
        return ["To run:", *(f"  {command}" for command in self.commands)]


def _filled(line: str, indent: int = 2) -> str:
    whole = line.replace(" %", "\N{NO-BREAK SPACE}%")  # a number stays with its unit
    filled = textwrap.fill(whole, WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False)
    return filled.replace("\N{NO-BREAK SPACE}%", " %")


def _capital(text: str) -> str:
    return text if text.startswith("--") else text[0].upper() + text[1:]


def _count(count: float) -> str:
    return "never" if math.isinf(count) else big(count)


def _rate(limit: float | None) -> str:
    return "–" if limit is None else number(limit)


def _bytes(count: int) -> str:
    for size, unit in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= size:
            return f"{number(count / size)} {unit}"
    return f"{count} bytes"
