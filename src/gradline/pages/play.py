"""`play`: a playground of gradient descent made from the reader's own data, in one page."""

import html
from typing import Any, Unpack

from gradline.data.selection import Choice, Selection
from gradline.pages.document import (
    Page,
    Style,
    assembled,
    asset,
    joined_modules,
    plotly_scripts,
    plotly_styles,
)
from gradline.pages.playground_data import MOST_ROWS, state


def play(
    data: Any,
    targets: Any = None,
    *,
    bias: bool = True,
    rows: int = MOST_ROWS,
    **choice: Unpack[Choice],
) -> Page:
    """A page on which gradient descent on these data can be watched, steered and spoilt.

    Parameters: all but `rows` as in `gradline.fit`. `rows`: how many rows the page may hold, drawn evenly over the
    data; 2,000 by default, because more dots cover each other; 0 for none, where rows must not leave the house.

    Returns the page, one file that needs no network: `page.save(path)` writes it, a notebook shows it. Raises
    `UsageError` for `rows` outside 0 to 2,000, `RequestError` for more than 64 features, and what `gradline.fit`
    raises.

    >>> import gradline
    >>> page = gradline.play("example:crops5", ["apples", "oranges"])
    >>> page.save("crops.html")
    """
    known = state(Selection(data, targets, **choice), bias, rows)
    body = asset("page.html").replace("{{title}}", html.escape(known["title"]))
    strict, plotly = plotly_scripts()
    return assembled(
        f"{known['title']}: gradline play",
        body,
        styles=[Style(asset("page.css")), *plotly_styles()],
        scripts=[strict],
        module=joined_modules("app.js"),
        data={"state": known},
        later={"plotly": plotly},
    )
