"""`gradline diff --html`: what differs between versions as one page, with every number and the figures."""

from collections.abc import Iterable, Sequence
from typing import Any

from gradline.core.text import percent
from gradline.history.comparison import Comparison
from gradline.history.decomposition import MEANING, PARTS, Movement
from gradline.history.model_diff import Change, Coefficient, ModelDifference, shown
from gradline.history.version_difference import SideBySide
from gradline.pages import difference_figures
from gradline.pages.document import Page
from gradline.pages.report_text import Cell, Row, Table, cell
from gradline.pages.templated import TEMPLATES, Drawing, drawn, expect_jinja2, written

MOST_ROWS = 200  # of a table; what is left is in the JSON


def difference(found: Comparison) -> Page:
    """The page of a comparison. Raises `RequestError` without jinja2."""
    expect_jinja2("a comparison")
    names = (found.before, found.after)
    drawings: list[Drawing] = []
    models = [_model(model, names, i, drawings) for i, model in enumerate(found.models)]
    rest = (
        ("Only one has the model", found.alone),
        ("Logged", found.logged),
        ("Environment", found.environment),
        ("Code", found.code),
    )
    content = {
        "names": names,
        "meaning": MEANING,
        "models": models,
        "tables": [changes(title, rows, names) for title, rows in rest if rows],
        "files": found.files,
        "is_empty": found.is_empty,
    }
    return _page(f"{found.before} → {found.after}", "difference.html", content, drawings)


def several(tables: Sequence[SideBySide]) -> Page:
    """The page of more than two versions side by side. Raises `RequestError` without jinja2."""
    expect_jinja2("a comparison")
    names = tables[0].names if tables else ()
    content = {"names": names, "tables": [_side_by_side(table) for table in tables]}
    return _page(", ".join(names), "several.html", content, [])


def _page(title: str, template: str, content: dict[str, Any], drawings: Sequence[Drawing]) -> Page:
    style = (TEMPLATES / "difference.css").read_text(encoding="utf-8")
    return written(f"Comparison: {title}", template, content, drawings, style)


def _model(model: ModelDifference, names: tuple[str, str], i: int, drawings: list[Drawing]) -> dict[str, Any]:
    """What the page says of one pair of models; its figures are added to `drawings`."""
    targets = dict.fromkeys(row.target for row in model.coefficients)
    by_target = [[row for row in model.coefficients if row.target == target] for target in targets]
    figures = [*_figures(model, by_target, names), *_losses(model, names)]
    placed = [figure._replace(name=f"{figure.name}-{i}-{k}") for k, figure in enumerate(figures)]
    drawings += placed
    tables = (("Fit", model.fit), ("Settings", model.settings), ("Data", model.data))
    return {
        "name": model.name,
        "is_empty": model.is_empty,
        "why": None if model.movement is None else _why(model.movement),
        "movement": model.movement if by_target else None,
        "unexplained": model.unexplained,
        "coefficients": [_coefficients(rows, names, model.movement is not None) for rows in by_target],
        "drawings": placed,
        "same_rows": model.same_rows,
        "tables": [changes(title, rows, names) for title, rows in tables if rows],
    }


def _figures(
    model: ModelDifference, by_target: Sequence[Sequence[Coefficient]], names: tuple[str, str]
) -> Iterable[Drawing]:
    """Of each target that has weights which moved."""
    ends = (model.before.model, model.after.model)
    if model.movement is None or ends[0] is None or ends[1] is None:
        return
    for rows in by_target:
        if any(row.feature is not None for row in rows):
            yield drawn("parts", difference_figures.parts(model.movement, rows))
            made = difference_figures.coefficients(model.movement, (ends[0], ends[1]), rows, names)
            yield drawn("coefficients", made)


def _losses(model: ModelDifference, names: tuple[str, str]) -> Iterable[Drawing]:
    if any(model.histories):
        yield drawn("losses", difference_figures.losses(model, names))


def _why(found: Movement) -> Table:
    """Size and share of each part, by target."""
    head = ["cause", *(word for target in found.targets for word in (target, "share"))]
    rows = []
    for part in found.parts:
        cells = []
        for size, share in zip(part.size.tolist(), part.share.tolist(), strict=True):
            cells += [cell(size, ".4g"), Cell(percent(share), share)]
        rows.append(Row(part.name, cells))
    return Table(f"What each part moves predictions by, in the target's unit: {found.order}", head, rows)


def _coefficients(rows: Sequence[Coefficient], names: tuple[str, str], explained: bool) -> Table:
    """The coefficients of one target that moved."""
    causes = PARTS if explained else ()
    table = []
    for row in rows[:MOST_ROWS]:
        change = (row.after or 0.0) - (row.before or 0.0)
        cells = [
            cell(row.before, ".7g"),
            cell(row.after, ".7g"),
            _signed(change, 4),
            _signed(row.stderr, 3),
        ]
        cells += [_signed(None if row.parts is None else row.parts[part], 4) for part in causes]
        name = "bias" if row.feature is None else '"bias"' if row.feature == "bias" else row.feature
        table.append(Row(name, cells))
    more = f"; {len(rows) - MOST_ROWS:,} more moved" if len(rows) > MOST_ROWS else ""
    head = ["", *names, "change", "in std. errors", *causes]
    return Table(
        f"Coefficients of {rows[0].target}, the largest change in standard errors first{more}", head, table
    )


def _signed(value: float | None, digits: int) -> Cell:
    return cell(value, f"+.{digits}g" if value else "g")


def changes(title: str, found: Sequence[Change], names: tuple[str, str]) -> Table:
    """Figures that differ."""
    rows = [
        Row(change.what, [Cell(shown(change.before)), Cell(shown(change.after))])
        for change in found[:MOST_ROWS]
    ]
    return Table(title, ["", *names], rows)


def _side_by_side(table: SideBySide) -> Table:
    rows = [Row(row.what, [Cell(shown(value)) for value in row.values]) for row in table.rows]
    return Table(table.path, ["", *table.names], rows)
