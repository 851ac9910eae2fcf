"""The pictures of playground and report: `python docs/pictures.py` takes all, or those named, into `docs/assets`."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import gradline
from gradline.pages.document import Page
from playwright.sync_api import Browser, sync_playwright

ASSETS = Path(__file__).parent / "assets"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
]


class Picture(NamedTuple):
    """A picture's name, which begins as its page's, the state that its link restores, its scheme and size in pixels."""

    name: str
    state: str
    scheme: str
    width: int
    height: int


PICTURES = [
    Picture("playground-line", "#epoch=4&lr=0.65", "light", 1366, 768),
    Picture("playground", "#data=1&epoch=100", "light", 1366, 768),
    Picture(
        "playground-too-fast", "#data=1&lr=0.0002&epoch=6", "dark", 1366, 768
    ),
    Picture("playground-narrow", "#data=1&epoch=100", "light", 390, 844),
    Picture("report", "", "light", 1280, 800),
    Picture("report-narrow", "", "light", 390, 844),
]


def pages() -> dict[str, Page]:
    """The pages that are pictured, by name."""
    rows = "example:penguins"
    words = "body_mass_g ~ flipper_length_mm * species + sex"
    model = gradline.fit(rows, formula=words, missing="drop")
    return {
        "playground": gradline.play(),
        "report": gradline.report(model, rows),
    }


def take(browser: Browser, page: Path, picture: Picture) -> None:
    """Open the page in a state, let every figure in sight be drawn, and write the picture."""
    size = {"width": picture.width, "height": picture.height}
    context = browser.new_context(viewport=size, color_scheme=picture.scheme)  # pyright: ignore[reportArgumentType]
    tab = context.new_page()
    tab.goto(page.as_uri() + picture.state)
    tab.wait_for_timeout(1500)  # ms: far more than the figures need
    tab.screenshot(path=ASSETS / f"{picture.name}.png")
    context.close()


def main() -> None:
    """Write all pictures anew."""
    executable = shutil.which("chromium")
    if executable is None:
        sys.exit("there is no chromium here: make .venv/browser installs it")
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
    ):
        paths = {}
        for name, page in pages().items():
            paths[name] = Path(folder) / f"{name}.html"
            page.save(paths[name])
        browser = playwright.chromium.launch(
            executable_path=executable, args=FLAGS
        )
        for picture in PICTURES:
            if picture.name in (sys.argv[1:] or [picture.name]):
                take(browser, paths[picture.name.split("-")[0]], picture)
        browser.close()


if __name__ == "__main__":
    main()
