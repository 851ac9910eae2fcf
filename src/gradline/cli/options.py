"""Options: each is one field of its command's record, and from the record come its flags and its keys in a TOML file.

To add an option to a command, write one line in its record:

    ridge: Annotated[float, flag("Strength of the penalty. Default: 0.")] = 0.0

It is then the flag `--ridge`, stands in `--help`, is a key of `--config` where the command has one, and the command
reads `options.ridge`; `gradline fit` hands it on to the solver or the request that has a field of this name. What
several commands share is described below.
"""

import inspect
import types
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, dataclass_transform, get_args, get_origin

import typer

T = TypeVar("T")


@dataclass(frozen=True)
class Flag:
    """What people read of an option, and how they write it; an argument goes without a name before it."""

    help: str
    names: tuple[str, ...]
    metavar: str | None = None
    shows_default: bool = False
    in_file: bool = True
    is_argument: bool = False
    panel: str | None = None


def flag(
    help: str,
    *names: str,
    metavar: str | None = None,
    shows_default: bool = False,
    in_file: bool = True,
    panel: str | None = None,
) -> Flag:
    """An option that is written with its name: `--field-name`, unless other `names` are given.

    Its value is called `metavar` in the help, else after its type. What only one run is told, such as `--json`, is
    not `in_file`: no key of `--config`. The help shows it in a `panel` of its own where one is named.
    """
    return Flag(help, names, metavar, shows_default, in_file, panel=panel)


def argument(help: str, metavar: str | None = None) -> Flag:
    """An option that is written by its place."""
    return Flag(help, (), metavar, is_argument=True)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def frozen(options: type[T]) -> type[T]:
    """A frozen dataclass; the comparison and the repr, which no command needs, would cost each start 6 ms."""
    return dataclass(frozen=True, eq=False, repr=False, kw_only=True)(options)


@dataclass(frozen=True)
class Option:
    """A field of a record: its name, the types its value may have, its flag, and its default."""

    name: str
    kinds: tuple[Any, ...]
    flag: Flag
    default: Any

    @property
    def keys(self) -> tuple[str, ...]:
        """What it is called in a file: as the field, or as a flag (`target` for `targets`)."""
        spelled = [name.split("/")[0][2:] for name in self.flag.names if name.startswith("--")]
        return (self.name, *(name.replace("-", "_") for name in spelled))

    def parameter(self) -> inspect.Parameter:
        """The option as typer reads it; None stands for what was not given, unless the help shows the default."""
        default = None
        if self.default is MISSING:
            default = ...  # required
        elif self.flag.shows_default:
            default = self.default
        told: dict[str, Any] = {
            "help": self.flag.help, "metavar": self.flag.metavar, "show_default": self.flag.shows_default,
        }  # fmt: skip
        if self.flag.is_argument:
            info = typer.Argument(default, **told)
        else:
            info = typer.Option(default, *self.flag.names, rich_help_panel=self.flag.panel, **told)
        # What is typed is text, where the value may be text; an option of several values is typed several times.
        kind = str if str in self.kinds else self.kinds[0]
        kind = list[get_args(kind)] if get_origin(kind) is Sequence else kind
        return inspect.Parameter(self.name, inspect.Parameter.KEYWORD_ONLY, default=info, annotation=kind)


def options_of(record: type) -> list[Option]:
    """The options of a command's record, in their order; those that it shares with others come last."""
    found = []
    own = [name for one in record.__mro__ for name in vars(one).get("__annotations__", ())]
    for field in sorted(fields(record), key=lambda field: own.index(field.name)):
        parts = list(_parts(field.type))
        kinds = tuple(part for part in parts if not isinstance(part, Flag))
        (described,) = (part for part in parts if isinstance(part, Flag))
        found.append(Option(field.name, kinds, described, field.default))
    return found


def _parts(annotation: Any) -> Iterator[Any]:
    """The types that a value may have, without None, and the flag that describes it."""
    origin = get_origin(annotation)
    if origin in (Annotated, Union, types.UnionType):
        for part in get_args(annotation):
            yield from _parts(part)
    elif annotation is not types.NoneType:
        yield annotation


Data = Annotated[
    str, argument("File, glob, folder, URL, database (sqlite:///f.db), - for CSV on stdin, or example:crops.")
]
Model = Annotated[Path, argument("File that `gradline fit -o` wrote.")]
STARTS = (
    "zeros, normal, uniform, linear (nn.Linear after torch.manual_seed(SEED)), "
    "torch (torch.randn after torch.manual_seed(SEED), the bias first, then the weights)"
)
Targets = Annotated[Sequence[str], flag("Column to predict; may be repeated.", "-t", "--target")]
Features = Annotated[
    Sequence[str], flag("Column to predict from; may be repeated. Default: all others.", "-f", "--feature")
]
Exclude = Annotated[Sequence[str], flag("Column to leave out; may be repeated.")]
Weights = Annotated[str, flag("Column that says how much each row counts.")]
WeightsAre = Annotated[
    str, flag("What weights mean: counts, precision or sampling. Default: as the fit was told.")
]
Bias = Annotated[bool, flag("Whether the model has a bias. Default: yes.", "--bias/--no-bias")]
Missing = Annotated[str, flag("Rows with missing cells: error or drop. Default: error.")]
Unseen = Annotated[
    str,
    flag(
        "A text value not seen in training: error, base to predict it as the base level, or missing to leave the row "
        "empty. Default: error."
    ),
]
Lr = Annotated[
    float | str, flag("Learning rate, as in torch.optim.SGD, or auto for the best one. Default: auto.")
]
Momentum = Annotated[
    float, flag("How much of each step the next one keeps, 0 to 1, as in torch.optim.SGD. Default: 0.")
]
BatchSize = Annotated[int, flag("Rows per update; chooses sgd. Default: 32.")]
Scale = Annotated[
    str,
    flag(
        "standard trains on columns of mean 0 and standard deviation 1, none on them as they are. "
        "Default: standard where lr is auto."
    ),
]
Memory = Annotated[
    str | int, flag("Memory that the process may take, such as 500MB or 2GiB. Default: no bound.")
]
Message = Annotated[str, flag("What to remember of a version.", "-m", "--message", in_file=False)]
Output = Annotated[str, flag("File to write.", "-o", "--output")]
AsJson = Annotated[bool, flag("Print one JSON object; a refusal is one on stderr.", "--json", in_file=False)]


@frozen
class Reads:
    """Where in a workbook or a database the rows stand: what every command takes that reads a table."""

    sheet: Annotated[
        str | None, flag("Sheet of a workbook: name, number from 1, or '*' for all as one table.")
    ] = None
    table: Annotated[str | None, flag("Table of a database.")] = None
    query: Annotated[str | None, flag("SELECT whose rows are read, once, from a database.")] = None

    def within(self, data: str) -> Any:
        """The data as Python takes them: a table within them where one is named."""
        if self.sheet is self.table is self.query is None:
            return data
        from gradline.data.table import Table  # noqa: PLC0415 - --help needs no numpy

        return Table(data, self.sheet, self.table, self.query)


_WRITTEN, _COLUMNS, _ROWS = "How text files are written", "What columns are", "Which rows are read"


@frozen
class Written(Reads):
    """How text files are written: options of every command that reads a table. What is not given is found.

    The fields are those of `gradline.Text`, which says more of each.
    """

    delimiter: Annotated[
        str | None,
        flag("Between cells: one character, tab, space or whitespace (any blanks).", panel=_WRITTEN),
    ] = None
    decimal: Annotated[str | None, flag("Before decimals: . or ,", panel=_WRITTEN)] = None
    thousands: Annotated[
        str | None,
        flag("Between groups of three digits: , . space or apostrophe. Default: none.", panel=_WRITTEN),
    ] = None
    encoding: Annotated[str | None, flag("Such as latin-1 or utf-16.", panel=_WRITTEN)] = None
    skip: Annotated[int | None, flag("Lines above the table. Default: 0.", panel=_WRITTEN)] = None
    skip_last: Annotated[
        int | None, flag("Lines below the table, such as totals. Default: 0.", panel=_WRITTEN)
    ] = None
    comment: Annotated[
        str | None, flag("What lines begin with that are no part of the table, such as #.", panel=_WRITTEN)
    ] = None
    na: Annotated[
        Sequence[str] | None,
        flag(
            "A cell that is missing, '' for empty ones alone; may be repeated. Default: NA, N/A, NaN, null, None.",
            panel=_WRITTEN,
        ),
    ] = None
    dates: Annotated[
        Sequence[str] | None,
        flag(
            "How dates are written, such as %d.%m.%Y, or excel for days that spreadsheets count; may be repeated.",
            panel=_WRITTEN,
        ),
    ] = None
    header: Annotated[
        bool | None, flag("Whether the first line names the columns.", "--header/--no-header", panel=_WRITTEN)
    ] = None
    same: Annotated[
        Sequence[str] | None,
        flag(
            "Words of a column that are one: 'town: Bonn = bonn, BN' reads both as Bonn; may be repeated.",
            panel=_COLUMNS,
        ),
    ] = None
    where: Annotated[
        Sequence[str] | None,
        flag(
            "What holds of each row to read, as in SQL: 'region != \"Total\"', 'year >= 2000'; may be repeated.",
            panel=_ROWS,
        ),
    ] = None


_ERRORS = "Standard errors"


@frozen
class OtherErrors:
    """Standard errors by another way than the plain one, of the training rows."""

    robust: Annotated[
        str | None, flag("For errors of unequal size: HC0, HC1, HC2 or HC3, the safest.", panel=_ERRORS)
    ] = None
    cluster: Annotated[
        Sequence[str],
        flag("For rows that go together by this column, no feature; may be repeated.", panel=_ERRORS),
    ] = ()
    hac: Annotated[
        int | None,
        flag("For rows in order whose errors are related to so many before (Newey–West).", panel=_ERRORS),
    ] = None
    time: Annotated[
        str | None,
        flag("Column of numbers or dates that --hac orders the rows by, no feature.", panel=_ERRORS),
    ] = None


@frozen
class Typed(Written):
    """What columns are: options of every command that chooses columns, beside how text files are written."""

    formula: Annotated[
        str | None,
        argument(
            "Targets and terms as R writes them, such as 'price ~ area * town + log(rooms)'; instead of -t and -f.",
            "[FORMULA]",
        ),
    ] = None
    category: Annotated[
        Sequence[str], flag("Column to take as a category; may be repeated.", panel=_COLUMNS)
    ] = ()
    also: Annotated[
        Sequence[str], flag("Column to use too that would be left out; may be repeated.", panel=_COLUMNS)
    ] = ()
    base: Annotated[
        Sequence[str],
        flag(
            "NAME=LEVEL: the level without a coefficient. Default: the first, as declared or in bytes.",
            panel=_COLUMNS,
        ),
    ] = ()
    numeric: Annotated[
        Sequence[str],
        flag(
            "Column to take as numbers, a currency, percent sign or unit left away; may be repeated.",
            panel=_COLUMNS,
        ),
    ] = ()


def read(options: Written) -> Any:
    """How text files are written, None where nothing of it is told."""
    from gradline.data.notation import FOUND, Text  # noqa: PLC0415 - --help needs it not

    told = Text.of(vars(options))
    return None if told == FOUND else told


def read_as(options: Written, model: Any) -> Any:
    """How text files are written: as a model was told, but for what is told now."""
    from gradline.data.notation import Text  # noqa: PLC0415 - --help needs it not

    now = {name: value for name, value in vars(options).items() if value is not None}
    return Text.of(_kept(options, model) | now)


def tells_numbers(options: Written) -> bool:
    """Whether it is told how the numbers of this file are written."""
    return options.decimal is not None or options.thousands is not None


def _kept(options: Written, model: Any) -> dict[str, Any]:
    """What a model was told and still holds: the two marks of numbers are told anew together, or one may be both."""
    marks = ("decimal", "thousands") if tells_numbers(options) else ()
    return {name: value for name, value in model.read.to_dict().items() if name not in marks}


def typed(options: Typed) -> dict[str, Any]:
    """What a selection knows of these."""
    return {
        "formula": options.formula,
        "read": read(options),
        "category": tuple(options.category or ()),
        "numeric": tuple(options.numeric or ()),
        "base": tuple(options.base or ()),
        "also": tuple(options.also or ()),
    }


def chosen(options: Any, data: str) -> Any:
    """The selection that a command's options make of the data."""
    from gradline.data.selection import Selection  # noqa: PLC0415 - --help needs no numpy

    return Selection(
        options.within(data),
        options.targets,
        options.features or None,
        options.exclude,
        options.weights,
        options.missing,
        **typed(options),
    )
