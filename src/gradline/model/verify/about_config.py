"""What a model says that reproduces its fit: every option that it names, beside what was done."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gradline.core.arguments import is_real, is_whole
from gradline.core.errors import RequestError, UsageError
from gradline.core.memory_limit import in_bytes
from gradline.data.design import DesignSpec
from gradline.data.notation import Text
from gradline.data.selection import UNSAID, Selection
from gradline.data.table import PLACE, named_in, options_of
from gradline.model.model import LinearModel
from gradline.model.verify.check import Check, same

_FREE = {  # what a file cannot contradict: options that change nothing, or whose word was taken
    **dict.fromkeys(("data", *PLACE), lambda value: isinstance(value, str)),
    "force": lambda value: isinstance(value, bool),
    "memory": lambda value: _is_size(value),
    "seed": lambda value: is_whole(value, 0),
    "robust": lambda value: value in ("HC0", "HC1", "HC2", "HC3"),
    "cluster": lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value),
    "hac": lambda value: is_whole(value, 1),
    "time": lambda value: isinstance(value, str),
}
_LOSS = ("loss", "delta", "quantile")
_PENALTY = ("alpha", "l1_ratio", "positive", "together")
_OF_COLUMNS = {"factor": ("factors",), "at_least": ("bounds", "lower"), "at_most": ("bounds", "upper")}
_CHOICE = {  # of cross-validation: alpha is asked for as a word, and who chose says the rest in words
    "alpha": lambda model, value: value == "cv" and model.penalty.alpha == model.choice.alpha,
    "rule": lambda model, value: value == model.choice.rule,
    "folds": lambda model, value: value == "loo" or value == model.choice.errors.shape[1],
    "ordered": lambda model, value: isinstance(value, bool),  # noqa: ARG005
    "groups": lambda model, value: isinstance(value, str),  # noqa: ARG005
}
_USUAL_DIGITS = 10.0  # that an exact answer is asked for


def about_config(model: LinearModel) -> Iterator[Check]:
    """Whether the options are those of the settings, the design and the answer, and no others."""
    if not model.config and not model.settings:
        return
    if not model.config:
        yield same("config", "nothing", "as trained", "what reproduces the fit")
        return
    wrong = sorted(name for name, value in _completed(model.config).items() if not _holds(model, name, value))
    wrong += sorted(set(model.settings) - set(model.config) - {"init"})  # arrays to start from have no option
    said = f"other {', '.join(wrong)}" if wrong else "as trained"
    yield same("config", said, "as trained", "what reproduces the fit")


def unchecked(model: LinearModel, data: Any, selects: bool) -> Iterator[str]:
    """What cannot be derived of it; `selects` says whether its options choose the model's columns of these rows."""
    recorded = named_in(model.config)
    if recorded and not _are_one(options_of(data), recorded):
        yield "where its rows came from"
    design, config = model.design, model.config
    left_out = design.weights is not None and "weights" not in config
    left_out |= design.weights_are not in (None, UNSAID) and "weights_are" not in config
    if config and (left_out or not selects):
        yield "whether the options that reproduce it are complete"
    if model.choice is not None:
        yield "the errors of cross-validation, from which its alpha follows"
    if model.settings.get("digits", _USUAL_DIGITS) != _USUAL_DIGITS:
        yield "how many digits were asked for"


def _completed(config: Mapping[str, Any]) -> dict[str, Any]:
    """The options with those that were left as they are."""
    usual = {"targets": None, "bias": True, "weights": None, "weights_are": None, "holdout": 0.0}
    usual |= dict.fromkeys((*_PENALTY, *_OF_COLUMNS, *_LOSS))
    return usual | {"scale": "auto", "missing": Selection.missing} | dict(config)


def _holds(model: LinearModel, name: str, value: Any) -> bool:
    design, settings = model.design, model.settings
    if name == "solver":
        return value == model.solver
    if name == "targets":
        return value == list(design.targets)
    if name == "bias":
        return value is model.has_bias
    if name == "weights":
        return value in (None, design.weights)  # those given as numbers have no name
    if name == "weights_are":
        return value in (None, design.weights_are)
    if name == "scale":
        usual = "standard" if model.config.get("lr") == "auto" else "none"
        return model.scale == (usual if value == "auto" else value)
    if model.choice is not None and name in _CHOICE:
        return _CHOICE[name](model, value)
    if name in _PENALTY:
        return value == model.penalty.params().get(name)
    if name in _OF_COLUMNS:
        return value == _told_of_columns(model.penalty.params(), *_OF_COLUMNS[name])
    if name in _LOSS:
        return value == model.loss.params().get(name)
    if name == "holdout":
        return bool(value) == (model.holdout is not None)
    if name == "missing":
        return value == "drop" or (value == "error" and not model.moments.statistics.dropped)
    if name == "formula":
        return isinstance(value, str) and _describes(model, value)
    if name in ("features", "exclude"):
        return _selects(design, name, value)
    if name == "also":
        return isinstance(value, list) and all(isinstance(column, str) for column in value)
    if name == "base":
        return _are_bases(design, value)
    if name in ("category", "numeric"):
        return _are_read_so(design, name, value)
    if name in Text.__dataclass_fields__:
        return True  # by it the rows were read
    if name == "seed" and model.holdout is not None and "seed" in settings:
        return is_whole(value, 0)  # of the rows held out, which are drawn again by it
    if name == "decay" and value == "auto":
        return settings.get(name) == ("linear" if model.config.get("lr") == "auto" else "none")
    if name == "stop_after":
        return is_whole(value, 1) and model.holdout is not None
    if name == "stop_tolerance":
        return is_real(value) and value >= 0 and "stop_after" in model.config
    if name == "epochs" and "stop_after" in model.config:
        return is_whole(value, int(settings.get(name, 0)))
    if name in settings:
        return value == settings[name] or (name == "lr" and value == "auto")
    return name in _FREE and _FREE[name](value)


def _told_of_columns(told: Any, *place: str) -> list[str] | None:
    """The numbers at this place of a penalty's settings as an option has them: NAME=NUMBER, or one number for all."""
    for part in place:
        told = told.get(part, {})
    if isinstance(told, Mapping):
        return [f"{name}={number!r}" for name, number in told.items()] or None
    return [repr(told)]


def _selects(design: DesignSpec, name: str, value: Any) -> bool:
    """Whether columns chosen are those of the design, and columns left out are not among them."""
    if not isinstance(value, list) or not all(isinstance(column, str) for column in value):
        return False
    used = set(design.inputs)
    if name == "exclude":
        return not used & set(value)
    return used == set(value) or _names(design, value)


def _describes(model: LinearModel, formula: str) -> bool:
    """Whether a formula has the targets and the bias of the model, and its columns as far as no dot stands for some."""
    from gradline.data.terms.algebra import has_bias, target_nodes  # noqa: PLC0415 - most models have no formula
    from gradline.data.terms.grammar import Name, text  # noqa: PLC0415

    try:
        targets = [node.name if isinstance(node, Name) else text(node) for node in target_nodes(formula)]
        bias = has_bias(formula)
    except RequestError:
        return False
    return targets in ([], list(model.targets)) and bias is model.has_bias and _names(model.design, [formula])


def _names(design: DesignSpec, written: Sequence[str]) -> bool:
    """Whether terms as formulas write them name the columns of the design, or a dot stands for some."""
    from gradline.data.terms.algebra import columns_named, has_dot  # noqa: PLC0415 - most models have no formula

    used, named = set(design.inputs), set[str]()
    try:
        for one in written:
            if one not in used and has_dot(one):
                return True
            named |= {one} if one in used else columns_named(one)
    except RequestError:
        return False
    return named == used


def _are_read_so(design: DesignSpec, name: str, value: Any) -> bool:
    """Whether no column that is to be a category is a number of the design, or the reverse."""
    if not isinstance(value, list) or not all(isinstance(column, str) for column in value):
        return False
    words = {column for column, kind in design.columns.items() if not kind.is_numeric}
    others = set(design.columns) - words
    return not set(value) & (others if name == "category" else words)


def _are_bases(design: DesignSpec, value: Any) -> bool:
    """Whether each is a column's base level, as far as the column is in the design."""
    firsts = [f"{name}={level}" for term in design.terms for name, level in term.bases.items()]
    others = {column for column, kind in design.columns.items() if kind.is_numeric}
    return isinstance(value, list) and all(
        base in firsts or base.split("=")[0] not in {*others, *(first.split("=")[0] for first in firsts)}
        for base in map(str, value)
    )


def _is_size(value: Any) -> bool:
    """Whether it is an amount of memory."""
    try:
        return in_bytes(value) > 0
    except UsageError:
        return False


def _are_one(named: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Whether two names of data are of one table; a file may be named by several paths."""
    paths = [str(Path(str(names.get("data"))).absolute()) for names in (named, others)]
    return len({*paths}) == 1 and {**named, "data": ""} == {**others, "data": ""}
