"""A page as PDF, by a Chromium that is there already; nothing is downloaded."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from gradline.core.errors import RequestError
from gradline.core.tensor_file import replacing
from gradline.pages.document import Page

_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "brave-browser",
)
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pdf-header-footer",
)
_PATIENCE = 120  # seconds: a page of many models takes ten on one slow core


def pdf(page: Page, path: str | Path) -> None:
    """Write the page to a PDF of A4 sheets. Raises `RequestError` where no browser is found, or it fails."""
    browser = _browser()
    with tempfile.TemporaryDirectory(prefix="gradline-") as folder:
        source, made = Path(folder) / "page.html", Path(folder) / "page.pdf"
        source.write_text(page.html, encoding="utf-8")
        profile = f"--user-data-dir={folder}/profile"
        is_root = sys.platform != "win32" and os.geteuid() == 0
        sandbox = ["--no-sandbox"] if is_root else []  # which root cannot have
        words = [browser, *_FLAGS, *sandbox, profile, f"--print-to-pdf={made}", source.as_uri()]
        try:
            done = subprocess.run(words, capture_output=True, timeout=_PATIENCE, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _failed(browser, type(error).__name__) from error
        if done.returncode or not made.exists():
            raise _failed(browser, f"exit code {done.returncode}")
        with replacing(path) as stream:
            stream.write(made.read_bytes())


def expect_browser() -> None:
    """Refuse, before any work, to print without a browser."""
    _browser()


def _browser() -> str:
    found = next((place for name in _NAMES if (place := shutil.which(name))), None)
    found = found or next((place for place in _PLACES if Path(place).exists()), None)
    if found is None:
        raise RequestError(
            "browser-not-found",
            "a PDF is printed by Chromium or Chrome, and none is found",
            "write the page, and print it from any browser: it is made for paper; or install Chromium",
        )
    return found


def _failed(browser: str, why: str) -> RequestError:
    cause = f"{browser} did not print the page ({why})"
    return RequestError("printing-failed", cause, "write the page, and print it from any browser")
