"""The figures of a report, each with its verdict: effects by column, predictions, residuals, rows that decide."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gradline.core.errors import DataError, RequestError
from gradline.data.schema import Kind
from gradline.model.assumptions import Finding
from gradline.model.inference.student import quantile
from gradline.model.model import LinearModel
from gradline.pages.digits import short
from gradline.pages.effects import LEVEL, Effect, in_words, logarithm_of
from gradline.pages.labels import Labels
from gradline.pages.shown_rows import Points, ShownRows
from gradline.pages.svg import HEIGHT, Chart
from gradline.pages.variables import Variable, encoded

_PANELS = 9  # effects that are drawn: more on one page nobody compares
_LEVELS = 12  # of a category that are drawn
_STEPS = 40  # along a curve
_LINES = 4  # of a column that acts together with a category: one for each of its levels
_BINS = 10  # of the predictions, in which residuals are averaged
_ROW = 22  # units of a chart for a level
_NAMED = 3  # rows that stand out most
_TOLD = 3  # changes of a column, below its figure
_COOK = (0.5, 1.0)


class Figure(NamedTuple):
    """A drawing, its title, and its verdict: a sentence, and whether it is good (None: neither)."""

    title: str
    svg: str
    verdict: str
    holds: bool | None = None


def effect_figures(
    model: LinearModel, known: Mapping[str, Variable], labels: Labels, j: int, effects: Sequence[Effect]
) -> list[Figure]:
    """How the prediction goes along with each column, all others as usual, with the interval of the mean."""
    found = []
    for effect in effects[:_PANELS]:
        one = known[effect.column]
        if not one.is_known or not all(variable.is_known for variable in known.values()):
            continue
        try:
            found.append(_along(model, known, labels, j, effect))
        except (DataError, RequestError):  # a term has no value somewhere along the column
            continue
    return found


def _along(
    model: LinearModel, known: Mapping[str, Variable], labels: Labels, j: int, effect: Effect
) -> Figure:
    one, target = known[effect.column], _axis(model, labels, j)
    title = labels.with_unit(one.name)
    said = _said(effect, labels.unit(model.targets[j])) if effect.changes else ""
    if one.levels is not None or one.is_binary:
        values: list[float | str] = list(one.levels[:_LEVELS]) if one.levels is not None else [0.0, 1.0]
        middle, low, high = _predicted(model, known, j, [{one.name: value} for value in values])
        names = [labels.level(one.name, v if isinstance(v, str) else f"{v:g}") for v in values]
        left_out = len(one.levels or ()) - len(values)
        said += f" {left_out} more levels are not drawn." if left_out > 0 else ""
        chart = Chart(
            (float(low.min()), float(high.max())),
            (len(values) - 0.5, -0.5),
            target,
            height=60 + _ROW * len(values),
            names=names,
        )
        for i in range(len(values)):
            chart.whisker(float(low[i]), float(high[i]), i)
        chart.dots(middle, np.arange(len(values)), "dots large")
        return Figure(title, chart.svg(f"{target} by {title}"), said)
    return Figure(title, _curve(model, known, labels, j, effect).svg(f"{target} by {title}"), said)


def _curve(
    model: LinearModel, known: Mapping[str, Variable], labels: Labels, j: int, effect: Effect
) -> Chart:
    """The prediction along a number: with its band, or a line for each level of a category that it acts with."""
    one, target = known[effect.column], _axis(model, labels, j)
    along = np.linspace(one.low, one.high, _STEPS if effect.is_curved else 9)
    other = next((known[name] for name in effect.partners if known[name].levels is not None), None)
    fixed = [{other.name: level} for level in (other.levels or ())[:_LINES]] if other is not None else [{}]
    found = [_predicted(model, known, j, [{**where, one.name: float(v)} for v in along]) for where in fixed]
    shown = [middle for middle, _, _ in found] if other is not None else list(found[0])
    ends = min(float(part.min()) for part in shown), max(float(part.max()) for part in shown)
    text: Callable[[float], str] | None = (lambda v: str(one.cell(v))) if one.kind == Kind.TIME else None
    chart = Chart((one.low, one.high), ends, "", target, HEIGHT - 60, x_text=text)
    for i, (middle, low, high) in enumerate(found):
        if other is None:
            chart.band(along, low, high)
        chart.line(along, middle, f"fit line-{i}")
    for where, (middle, _, _) in zip(fixed, found, strict=True):
        for name, level in where.items():
            chart.name(labels.level(name, level), float(along[-2]), float(middle[-2]))
    return chart


def _said(effect: Effect, unit: str) -> str:
    """What the figure shows in numbers: the first changes of the column."""
    return "; ".join(in_words(change, unit) for change in effect.changes[:_TOLD]) + "."


def _predicted(
    model: LinearModel, known: Mapping[str, Variable], j: int, rows: Sequence[Mapping[str, float | str]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions (r,) of usual rows but for what is changed, and the ends of the interval of their mean; of a target
    that is a logarithm those of its column."""
    X = encoded(model, known, rows)
    values, inference = X @ model.weight[j] + model.bias[j], model.inference
    reach = np.zeros(len(values))
    if inference.estimates is not None and inference.residual_stderr is not None:
        g = inference.basis.rows(X)
        reach = (
            quantile(LEVEL, inference.freedom) * inference.residual_stderr[j] * np.sqrt((g**2).sum(axis=1))
        )
        reach = np.nan_to_num(reach)
    base = logarithm_of(model, j)
    found = values, values - reach, values + reach
    return found if base is None else (base ** found[0], base ** found[1], base ** found[2])


def _axis(model: LinearModel, labels: Labels, j: int) -> str:
    """What predictions along a column are of."""
    is_log = logarithm_of(model, j) is not None
    return labels.with_unit(model.design.target_columns[j] if is_log else model.targets[j])


def row_figures(
    model: LinearModel, labels: Labels, j: int, rows: ShownRows, found: Sequence[Finding]
) -> Iterator[Figure]:
    """Those of rows: predictions against truth, residuals, their quantiles, rows that decide, and their order."""
    points, verdicts = rows.points[j], {one.code: one for one in found}
    target, unit = labels.of(model.targets[j]), labels.unit(model.targets[j])
    yield _predictions(points, labels.with_unit(model.targets[j]), target, unit)
    yield _residuals(points, target, verdicts)
    if np.isfinite(points.student).any():
        yield _quantiles(points, model.inference.freedom - 1, verdicts)
        yield _influence(points, model.inference.basis.q, verdicts)
    if "order" in verdicts:
        yield _order(points, verdicts)


def _ends(*values: np.ndarray) -> tuple[float, float]:
    whole = np.concatenate(values)
    whole = whole[np.isfinite(whole)]
    return (float(whole.min()), float(whole.max())) if len(whole) else (0.0, 1.0)


def _predictions(points: Points, axis: str, target: str, unit: str) -> Figure:
    ends = _ends(points.fitted, points.truth)
    chart = Chart(ends, ends, f"prediction of {axis}", axis)
    chart.line(ends, ends, "reference")
    chart.dots(points.fitted, points.truth)
    away = np.abs(points.residual[points.is_random])
    half, most = (float(np.quantile(away, level)) for level in (0.5, 0.95))
    end = f" {unit}" if unit else ""
    said = (
        f"Half of the rows lie within {short(half)}{end} of their prediction, 95 % within {short(most)}{end}."
    )
    return Figure("Predictions against the truth", chart.svg(f"{target} against its prediction"), said)


def _verdict(verdicts: Mapping[str, Finding], *codes: str) -> tuple[str, bool | None]:
    known = [verdicts[code] for code in codes if code in verdicts]
    if not known:
        return "", None
    holds = None if any(one.holds is None for one in known) else True
    told = sorted(known, key=lambda one: one.holds is not False)  # what fails comes first
    return " ".join(one.plain for one in told), False if any(one.holds is False for one in known) else holds


def _residuals(points: Points, target: str, verdicts: Mapping[str, Finding]) -> Figure:
    residual = points.residual
    chart = Chart(_ends(points.fitted), _ends(residual), f"prediction of {target}", "truth less prediction")
    chart.line(chart.x, (0.0, 0.0), "reference")
    chart.dots(points.fitted, residual)
    if len(residual) >= 3 * _BINS:
        edges = np.quantile(points.fitted, np.linspace(0, 1, _BINS + 1))
        place = np.clip(np.searchsorted(edges, points.fitted, side="right") - 1, 0, _BINS - 1)
        means = [
            (points.fitted[place == i].mean(), residual[place == i].mean())
            for i in range(_BINS)
            if (place == i).any()
        ]
        chart.line([x for x, _ in means], [y for _, y in means])
    _name_rows(chart, points, points.fitted, residual, np.abs(residual))
    said, holds = _verdict(verdicts, "shape", "spread")
    said = said or "The line of their means should stay near zero, and the dots spread alike all along."
    return Figure("What is left, against predictions", chart.svg(f"residuals of {target}"), said, holds)


def _quantiles(points: Points, freedom: float, verdicts: Mapping[str, Finding]) -> Figure:
    known = points.is_random & np.isfinite(points.student)
    found = np.sort(points.student[known])
    shares = (np.arange(len(found)) + 0.5) / len(found)
    theory = np.array([_student(float(each), freedom) for each in shares])
    chart = Chart(
        _ends(theory),
        _ends(found, theory),
        "as normal errors would have it",
        "residual in its standard errors",
    )
    chart.line(theory[[0, -1]], theory[[0, -1]], "reference")
    chart.dots(theory, found)
    said, holds = _verdict(verdicts, "normal")
    return Figure("Are errors normal?", chart.svg("quantiles of the residuals"), said, holds)


def _student(probability: float, freedom: float) -> float:
    side = 2 * probability - 1
    return math.copysign(quantile(abs(side), freedom), side) if side else 0.0


def _influence(points: Points, q: int, verdicts: Mapping[str, Finding]) -> Figure:
    h, r = points.leverage, points.student
    chart = Chart(
        (0.0, float(np.nanmax(h))),
        _ends(r),
        "leverage: how unusual its columns are",
        "residual in its standard errors",
    )
    chart.line(chart.x, (0.0, 0.0), "reference")
    along, drawn = np.linspace(max(chart.x[1] / 400, 1e-6), min(chart.x[1], 0.999), 200), False
    for distance in _COOK:
        reach = np.sqrt(distance * q * (1 - along) / along)
        for side in (reach, -reach):
            inside = np.where((side >= chart.y[0]) & (side <= chart.y[1]), side, np.nan)
            chart.line(along, inside, "limit")
            drawn = drawn or bool(np.isfinite(inside).any())
    chart.dots(h, r)
    standing = [
        np.abs(each) / np.nanmax(np.abs(each)) for each in (points.cook, r)
    ]  # by either they may stand out
    _name_rows(chart, points, h, r, np.fmax(*standing))
    said, holds = _verdict(verdicts, "rows")
    if said and drawn:
        said += " Beyond the red lines a row moves the coefficients by itself."
    return Figure("Does a single row decide?", chart.svg("leverage of rows"), said, holds)


def _order(points: Points, verdicts: Mapping[str, Finding]) -> Figure:
    chart = Chart(_ends(points.number), _ends(points.residual), "row", "truth less prediction")
    chart.line(chart.x, (0.0, 0.0), "reference")
    chart.dots(points.number, points.residual)
    said, holds = _verdict(verdicts, "order")
    return Figure("Do neighbouring rows go together?", chart.svg("residuals by row"), said, holds)


def _name_rows(chart: Chart, points: Points, x: np.ndarray, y: np.ndarray, size: np.ndarray) -> None:
    """Name the rows that stand out most."""
    order = np.argsort(-np.nan_to_num(size, nan=-1.0), kind="stable")[:_NAMED]
    for i in order:
        if np.isfinite(x[i]) and np.isfinite(y[i]):
            chart.name(f"row {int(points.number[i]):,}", float(x[i]), float(y[i]))
