"""What `doctor` hands over: the figures and the findings, as text of a hundred columns or as plain JSON."""

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from gradline.core.text import big, counted, grown, listed, number, raised, ratio, told_apart, wrapped
from gradline.model.best_after import BestAfter
from gradline.model.certificate import every, finite, time_left
from gradline.model.doctor.findings import Finding
from gradline.model.doctor.pace import Pace
from gradline.model.summary import aligned
from gradline.solvers.spectrum import limit_set_by

_MANY = 10_000  # rows from which the speed is that of reading, not of starting


class Slow(NamedTuple):
    """A slow direction: the columns that carry it, the half-life of its error in epochs, and whether each step
    overshoots, so that the error changes its sign."""

    columns: str
    half_life: float
    overshoots: bool


class BatchLimit(NamedTuple):
    """Rates for mini-batches of some rows: below `worst_case` every batch is stable, whichever rows it holds.

    Above `mean_square` the noise of the batches outgrows the descent; None where it is not known.
    """

    batch_size: int
    mean_square: float | None
    worst_case: float | None


@dataclass(frozen=True)
class Report:
    """What a check of the data before any training found.

    - `targets`, `features`; `rows` that are complete, `dropped` those that are not, `missing` cells by column,
      `left_out` columns with the reason.
    - `row_bytes`, `moment_bytes`: memory for the rows and for their `Moments`; `route` of the exact answer;
      `passes` over the rows, `has_text` where text columns were
      read once before for their levels, `seconds` for all of it.
    - `paces`: condition of the Hessian, rates and epochs by view of the columns; `best_after` the epochs that `fit`
      trains, on the columns as they are; `condition_scaled` of the centred
      columns of unit norm; `combinations` of columns that vanish, in words.
    - `lr` that is judged (the best, unless `lr_given`), `lr_limit`, `shares` of the columns in the limit, `growth`
      of the fastest growing error per epoch, `optimal_loss`, `epochs_to_loss` and `epochs_to_weights` from zeros, the
      slowest `directions`, slowest first (none at an unstable lr): all of the full batch on the columns as they are.
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
    best_after: BestAfter
    condition_scaled: float
    combinations: list[str]
    lr: float
    lr_given: bool
    lr_limit: float
    growth: float
    shares: list[tuple[str, float]]
    optimal_loss: float
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
            asdict(self)
            | {name: [part._asdict() for part in getattr(self, name)] for name in lists}
            | {"best_after": self.best_after._asdict()}
        )

    def __str__(self) -> str:
        parts = (self._data(), self._found(), self._views(), self._rates(), self._batches(), self._plan())
        return "\n\n".join("\n".join(part) for part in parts if part)

    def _data(self) -> list[str]:
        dropped = f" ({self.dropped:,} more have missing cells)" if self.dropped else ""
        lines = [
            f"{listed(self.targets)} from {listed(self.features)}",
            f"{counted(self.rows, 'row')}{dropped}, {counted(len(self.features), 'feature')}",
        ]
        return [wrapped(line) for line in lines]

    def _found(self) -> list[str]:
        if not self.findings:
            return ["Nothing found that stands in the way."]
        lines = ["Found, the most important first (gradline doctor --explain CODE says more):"]
        return lines + [
            wrapped(f"  {code}: {cause}. {raised(remedy)}.") for code, cause, remedy in self.findings
        ]

    def _views(self) -> list[str]:
        best, limit = zip(*(told_apart(pace.best_lr, pace.lr_limit) for pace in self.paces), strict=True)
        columns = [
            ["columns", *(pace.view for pace in self.paces)],
            ["steepness", *(ratio(pace.hessian_condition) for pace in self.paces)],
            ["lr limit", *limit],
            ["settles first", *best],
            ["epochs to loss", *(_count(pace.epochs_to_loss) for pace in self.paces)],
            ["to weights", *(_count(pace.epochs_to_weights) for pace in self.paces)],
        ]
        said = [
            "steepness: how many times steeper the loss is across its valley than along it (the square of the "
            "condition number). The epochs grow with it.",
            "lr limit: the largest stable learning rate with all rows in each step.",
            "settles first: the rate with which all weights settle first. It is the best for about as many epochs as "
            f"the last column says, or more. {self.best_after}",
            "epochs: at the rate that settles first, from zeros. To loss: until it is within 1 % of the best possible. "
            "To weights: until every error of theirs has shrunk a thousandfold.",
        ]
        return [
            "How fast training can be on these columns, and on scaled ones:",
            aligned(columns),
            *map(wrapped, said),
        ]

    def _rates(self) -> list[str]:
        lines = (
            [f"{raised(limit_set_by(self.shares, f'the limit {number(self.lr_limit)}'))}."]
            if self.shares
            else []
        )
        at = f"lr {number(self.lr)}" if self.lr_given else "the rate that settles first"
        if self.lr > self.lr_limit:
            lines.append(f"At {at} training diverges: the error grows {grown(self.growth)} per epoch.")
        elif self.lr_given:
            lines.append(" ".join(time_left(self.epochs_to_loss, self.epochs_to_weights, self.optimal_loss)))
        if self.directions:
            slow = [
                f"  {d.columns}: {'each step overshoots, and ' if d.overshoots else ''}its error halves "
                f"{every(d.half_life)}."
                for d in self.directions
            ]
            lines += [f"Slowest on the columns as they are, at {at}:", *slow]
        return [wrapped(line) for line in lines]

    def _batches(self) -> list[str]:
        if not self.batches:
            return []
        columns = [
            ["mini-batches of", *(counted(batch.batch_size, "row") for batch in self.batches)],
            ["lr for little noise", *(_rate(batch.mean_square) for batch in self.batches)],
            ["for no growth at all", *(_rate(batch.worst_case) for batch in self.batches)],
        ]
        said = (
            "Above the first rate (the mean-square limit) the noise of mini-batches grows faster than training shrinks "
            "the error. Below the second no batch, whichever rows it holds, makes the error grow."
        )
        return [aligned(columns), wrapped(said)]

    def _plan(self) -> list[str]:
        rows, moments = _bytes(self.row_bytes), _bytes(self.moment_bytes)
        cost = f"Memory: {rows} for the rows, {moments} for what a fit needs of them."
        lines = [f"  {command}" for command in self.commands]
        return [
            "To run:",
            *lines,
            wrapped(f"{cost} {self._time()}"),
            self._exactly(),
        ]

    def _exactly(self) -> str:
        return wrapped(f"How the exact answer is found: {self.route}.")

    def _time(self) -> str:
        read = "once" if self.passes == 1 else "twice, for the digits"
        text = ", text columns once more for their levels" if self.has_text else ""
        if self.seconds < 1:
            return f"Rows read {read}{text}: less than a second here."
        if self.rows < _MANY:
            return f"Rows read {read}{text}: {self.seconds:.1f} s here."
        speed = big(float(f"{self.rows / self.seconds:.2g}"))
        return f"Rows read {read}{text}: {self.seconds:.1f} s here ({speed} rows a second); a fit takes about as long."


def _count(count: float) -> str:
    return "never" if math.isinf(count) else big(count)


def _rate(limit: float | None) -> str:
    return "–" if limit is None else number(limit)


def _bytes(count: int) -> str:
    for size, unit in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= size:
            return f"{number(count / size)} {unit}"
    return f"{count} bytes"
