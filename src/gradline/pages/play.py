"""`play`: a playground of gradient descent, made from the reader's own data or from examples, in one page."""

import html
from typing import Any, Unpack

import numpy as np

from gradline.core.errors import UsageError
from gradline.data.selection import Choice, Selection
from gradline.pages.document import Page, Style, assembled, asset, joined_modules
from gradline.pages.playground_data import MOST_ROWS, Opening, state

# What the tutorials predict.
EXAMPLES = {
    "example:crops": ("apples", "oranges"),
    "example:crops5": ("apples", "oranges"),
    "example:iphone": ("sales",),
}
_LINE_ROWS, _LINE_NOISE, _LINE_HELD = 20, 0.25, 0.2


def play(
    data: Any = None,
    targets: Any = None,
    *,
    bias: bool = True,
    rows: int = MOST_ROWS,
    lr: float | None = None,
    epochs: int = 0,
    holdout: float = 0.0,
    seed: int = 0,
    **choice: Unpack[Choice],
) -> Page:
    """A page on which gradient descent on these data can be watched, steered and spoilt.

    - all but those below: as in `gradline.fit`. Without `data`, the page holds examples to choose from: first a line
      with one feature, then the tutorials' crops and phone sales.
    - `rows`: how many rows the page may hold, drawn evenly over the data; 2,000 by default, because more dots cover
      each other; 0 for none, where rows must not leave the house.
    - `lr`: the learning rate that the page begins with, in the units of the data; None (default) takes a tenth of the
      largest stable rate. `epochs`: the epoch that it begins at, 0 by default.
    - `holdout`, `seed`: the share of rows kept for validation, 0 by default, and the draw that chooses them.

    Returns the page, one file that needs no network: `page.save(path)` writes it, a notebook shows it. Raises
    `UsageError` for a number outside its range, `RequestError` for more than 64 features, and what `gradline.fit`
    raises.

    >>> import gradline
    >>> page = gradline.play("example:crops5", ["apples", "oranges"], lr=1e-5, epochs=100)
    >>> page.save("crops.html")
    """
    opening = Opening(bias, rows, lr, epochs, holdout, seed)
    if data is not None:
        return _page([state(Selection(data, targets, **choice), opening)])
    if any(map(_is_given, (targets, *choice.values()))) or opening != Opening():
        raise UsageError(
            "data-missing",
            "columns and settings are chosen for data, and none are given",
            "name the data, such as example:crops, or give nothing for the page of examples",
        )
    return _page(_examples())


def _is_given(value: Any) -> bool:
    """Whether a choice of columns or rows was made: None, no names and "error" are what stands where none was."""
    return value is not None and len(value) > 0 and not (isinstance(value, str) and value == "error")


def _page(tables: list[dict[str, Any]]) -> Page:
    title = tables[0]["title"]
    return assembled(
        f"{title}: gradline play",
        asset("page.html").replace("{{title}}", html.escape(title)),
        styles=[Style(asset("page.css"))],
        scripts=[],
        module=joined_modules("app.js"),
        data={"tables": tables},
    )


def _examples() -> list[dict[str, Any]]:
    """A line with its two parameters first, as everything about them can be seen; then the tutorials' data."""
    line = state(_line(), Opening(holdout=_LINE_HELD))
    others = [state(Selection(name, EXAMPLES[name])) for name in ("example:crops", "example:iphone")]
    return [{**line, "title": "A line: y from x"}, *others]


def _line() -> Selection:
    """y = 1 + 2x and noise: the tutorials' rule, with fewer rows and more noise, so that points can be told apart."""
    random = np.random.default_rng(42)
    x = random.random(_LINE_ROWS).round(2)
    y = (1 + 2 * x + _LINE_NOISE * random.normal(size=_LINE_ROWS)).round(2)
    return Selection({"x": x, "y": y}, "y")
