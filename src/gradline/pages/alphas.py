"""`gradline path -o`: all alphas of a penalty on one page, with the pictures that one chooses by."""

from collections.abc import Sequence

from gradline.model.choice import Choice
from gradline.model.path import Path
from gradline.pages.document import Page
from gradline.pages.report_text import Cell, Row, Table
from gradline.pages.templated import drawn, written
from gradline.plots.alphas import alpha_errors, alpha_path


def alphas_page(
    path: Path, choice: Choice | None, columns: Sequence[Sequence[str]], said: Sequence[str]
) -> Page:
    """The page of a path, of the errors on rows held out where there are any, and of the table that tells of both."""
    targets = path.moments.targets
    chosen = None if choice is None else choice.alpha
    drawings = [drawn(f"path-{t}", alpha_path(path, target, chosen)) for t, target in enumerate(targets)]
    if choice is not None:
        drawings.insert(0, drawn("errors", alpha_errors(choice)))
    head = [column[0] for column in columns]
    rows = [
        Row(name, [Cell(text) for text in cells])
        for name, *cells in zip(*(c[1:] for c in columns), strict=True)
    ]
    title = f"Alphas for {', '.join(targets)}"
    content = {"title": title, "said": said, "drawings": drawings, "rows": Table("Alphas", head, rows)}
    return written(title, "alphas.html", content, drawings)
