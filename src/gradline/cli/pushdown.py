"""Moments of a table that stays in its database: queries that are printed, and answers that are read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from gradline.cli.options import argument, flag, frozen
from gradline.cli.terminal import out, say
from gradline.core.errors import UsageError

if TYPE_CHECKING:
    from gradline.data.design import DesignSpec


@frozen
class PushdownOptions:
    """A table, its columns, the database's dialect, and the answers so far."""

    table: Annotated[str, argument("The table's name in the database.")]
    targets: Annotated[Sequence[str], flag("Target column; may be repeated.", "-t", "--target")]
    features: Annotated[Sequence[str], flag("Column of numbers; may be repeated.", "-f", "--feature")] = ()
    levels: Annotated[
        Sequence[str],
        flag("A level of a category, its base first: --level town=Bonn --level town=Köln.", "--level"),
    ] = ()
    dialect: Annotated[str, flag("duckdb, postgres, sqlite, snowflake, bigquery or databricks.")] = "duckdb"
    schema: Annotated[Sequence[str], flag("What the table stands in; may be repeated, the outer first.")] = ()
    missing: Annotated[str, flag("Rows with missing cells: error or drop.", shows_default=True)] = "error"
    results: Annotated[
        Sequence[str], flag("Answer as CSV or JSON: of the first query, then of the second.", "--result")
    ] = ()
    output: Annotated[str | None, flag("File for the moments.", "-o", "--output")] = None


def sql(options: PushdownOptions) -> None:
    """Sum up a table that may not leave its database: print two queries, and read their answers.

    Without --result the first query is printed: counts, means and cross-products. With its answer the second one is:
    residuals at the coefficients that follow, which alone prove them. With both the moments are written, for
    gradline fit. Where a connection can be had, gradline.sql.moments in Python runs both.

    Examples:

      gradline moments sql sales -t price -f area --level town=Bonn --level town=Köln --dialect snowflake

      gradline moments sql sales -t price -f area --result sums.csv > residuals.sql

      gradline moments sql sales -t price -f area --result sums.csv --result residuals.csv -o sales.safetensors
    """
    from gradline.exports.pushdown.answers import asked_at, moments_of, proved_by, read_answer  # noqa: PLC0415
    from gradline.exports.pushdown.queries import PushedTable  # noqa: PLC0415
    from gradline.exports.pushdown.warehouses import warehouse_named  # noqa: PLC0415

    if len(options.results) > 2 or (options.output is not None and len(options.results) < 2):
        raise UsageError(
            "results-invalid",
            f"{len(options.results)} answers were given{' for -o' if options.output else ''}",
            "give the answer of the first query, then that of the second: --result sums.csv --result residuals.csv",
        )
    if options.missing not in ("error", "drop"):
        raise UsageError("missing-invalid", f"--missing is {options.missing!r}", "use error or drop")
    warehouse = warehouse_named(options.dialect)
    table = PushedTable(warehouse, (*options.schema, options.table), _design(options))
    if not options.results:
        out(table.moments().rstrip())
        say("run it, save the answer with all digits, and give it with --result")
        return
    first, *others = options.results
    moments = moments_of(table, read_answer(first), options.missing)
    if not others:
        out(table.residuals(moments, asked_at(moments)).rstrip())
        say("run it on the same rows, and give both answers: --result, and --result once more")
        return
    moments = proved_by(moments, read_answer(others[0]))
    if options.output is None:
        say("not saved: add -o sales.safetensors")
        return
    moments.save(options.output)
    say(f"saved: {options.output}, {moments.rows:,} rows that {warehouse.sql.title} added up")


def _design(options: PushdownOptions) -> "DesignSpec":
    """The columns of numbers, then the categories, in the order of their first levels."""
    from gradline.data.design import Category, DesignSpec, Number  # noqa: PLC0415 - --help needs no numpy

    levels: dict[str, list[str]] = {}
    for pair in options.levels:
        name, mark, level = pair.partition("=")
        if not mark or not name:
            raise UsageError("level-not-named", f"--level is {pair!r}", "write NAME=LEVEL, such as town=Bonn")
        levels.setdefault(name, []).append(level)
    numbers = [Number(name) for name in options.features]
    return DesignSpec(
        (*numbers, *(Category(name, tuple(own)) for name, own in levels.items())), tuple(options.targets)
    )
