"""Moments of a Spark DataFrame: each partition is added up where it lies, and the driver joins the sums."""

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, cast

from gradline.core.errors import GradlineError, MissingValuesError
from gradline.core.text import listed
from gradline.data.design import DesignSpec
from gradline.data.extras import expect_extra
from gradline.data.row_stream import DROP
from gradline.data.schema import Kind
from gradline.exports.pushdown.chosen_columns import MOST_LEVELS, chosen_columns
from gradline.moments.state import EXACT_CELLS, Moments

_KINDS = {"string": Kind.TEXT, "boolean": Kind.BOOLEAN}  # by Spark's names of types
_KINDS |= dict.fromkeys(("tinyint", "smallint", "int", "bigint", "float", "double"), Kind.NUMBER)
_ANSWER = "place int, sums binary"


def moments(
    frame: Any,
    targets: str | Sequence[str],
    *,
    features: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    exact: bool = True,
    missing: str = "error",
) -> Moments:
    """The moments of a Spark DataFrame, one small state for each partition, joined on the driver.

    Parameters:
    - `frame`: a DataFrame of PySpark 4, whose workers have gradline installed.
    - `targets`: the name of the target column, or several.
    - `features`, `exclude`: which columns take part; by default all but the targets. Text of up to 50 levels is a
      category, the first in byte order the base; dates, decimals and the rest are left out.
    - `exact`: keep the cross-products exactly (default), so that the state is the same to the bit for every split of
      the rows, whatever was retried; False takes a quarter of the time, and partitions decide about the last digits.
    - `missing`: "error" (default) refuses rows with missing cells, "drop" leaves them out.

    Returns moments as `gradline.Moments.of` gives. Raises `MissingValuesError`, and what reading the rows raises.

        state = gradline.spark.moments(spark.read.parquet("sales"), "price")
        model = gradline.fit(state)
    """
    expect_extra("spark", "a Spark DataFrame", "pyspark", "pyarrow")
    kinds = {name: _KINDS.get(kind, Kind.OTHER) for name, kind in frame.dtypes}

    def levels(column: str) -> list[str]:
        """One more than are taken for a category, unless the column was named."""
        words = frame.select(_quoted(column)).where(f"{_quoted(column)} IS NOT NULL").distinct()
        rows = (words if features else words.limit(MOST_LEVELS + 1)).collect()
        return [row[0] for row in rows]

    design = chosen_columns("the DataFrame", kinds, levels, targets, features, exclude)
    chosen = frame.selectExpr(*(f"{_quoted(name)} AS c{j}" for j, name in enumerate(design.columns)))
    answers = chosen.mapInArrow(PartitionSums(design, exact), _ANSWER).collect()
    parts = [pickle.loads(row["sums"]) for row in sorted(answers, key=lambda row: row["place"])]
    refusals = [part for part in parts if isinstance(part, GradlineError)]
    if refusals:
        raise refusals[0]
    whole = reduce(Moments.__add__, cast(list[Moments], parts), Moments.empty(design))
    if missing != "drop" and whole.statistics.dropped:
        cells = listed(f"{name} {count:,}" for name, count in whole.statistics.missing.items())
        total = whole.rows + whole.statistics.dropped
        raise MissingValuesError(
            "missing-cells",
            f"the DataFrame has missing cells: {cells} ({whole.statistics.dropped:,} of {total:,} rows)",
            DROP,
        )
    return whole


def _quoted(column: str) -> str:
    """A column's name as Spark takes it for one name, dots and all."""
    return f"`{column.replace('`', '``')}`"


@dataclass(frozen=True)
class PartitionSums:
    """What a worker makes of the Arrow batches of one partition: their moments, or why they are refused."""

    design: DesignSpec
    exact: bool

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        """One batch of Arrow, of one row: the partition's number, and the pickled sums."""
        import pyarrow as pa  # noqa: PLC0415 - Spark's workers have it
        from pyspark import TaskContext  # noqa: PLC0415 # pyright: ignore[reportMissingImports]

        context = TaskContext.get()
        try:
            found: Any = self.whole(batches)
        except GradlineError as error:  # which a worker's traceback would hide
            found = error
        place = -1 if context is None else context.partitionId()
        sums = pa.array([pickle.dumps(found)], pa.binary())
        yield pa.RecordBatch.from_arrays([pa.array([place], pa.int32()), sums], ["place", "sums"])

    def whole(self, batches: Iterator[Any]) -> Moments:
        """The moments of all batches, some million cells at a time."""
        parts, held, cells = [Moments.empty(self.design)], [], 0
        for batch in batches:
            held.append(batch)
            cells += batch.num_rows * max(1, batch.num_columns)
            if cells >= EXACT_CELLS:
                parts.append(self._of(held))
                held, cells = [], 0
        if any(batch.num_rows for batch in held):
            parts.append(self._of(held))
        return reduce(Moments.__add__, parts)

    def _of(self, batches: Sequence[Any]) -> Moments:
        import pyarrow as pa  # noqa: PLC0415

        rows = pa.Table.from_batches(batches).rename_columns(list(self.design.columns))
        return Moments.of(rows, design=self.design, extended=self.exact, missing="drop")
