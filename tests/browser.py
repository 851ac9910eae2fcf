"""Debian's Chromium for the tests of the pages: one process a session, and pages that note what they must not do."""

import atexit
import functools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from needs import AXE
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Watched:
    """A page of the browser, with every message of level error and every request that it made so far."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def open(self, path: Path, fragment: str = "") -> Page:
        """Open a file of the disk."""
        self.page.goto(path.as_uri() + fragment)
        return self.page

    def expect_quiet(self) -> None:
        """No message of level error, and no request but those for files and for what the page made itself."""
        assert self.errors == [], self.errors
        outside = [url for url in self.requests if not url.startswith(("file:", "data:", "blob:", "about:"))]
        assert outside == []


def until(page: Page, condition: str) -> None:
    """Wait for a condition in the page, whose policy forbids what Playwright would poll it with."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {condition}")


def findings(page: Page, beside: str = "") -> list[str]:
    """What axe-core calls serious or critical, one line each, but for elements of the selector `beside`."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    looked_at = "beside => axe.run({ exclude: beside ? [beside] : [] }).then(({ violations }) => violations)"
    result = page.evaluate(looked_at, beside)
    return [
        f"{found['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for found in result
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]


@functools.cache
def _started(executable: str) -> Browser:
    playwright = sync_playwright().start()
    browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
    atexit.register(playwright.stop)
    atexit.register(browser.close)  # runs first
    return browser


@pytest.fixture(scope="session")
def chromium() -> Browser:
    """The one browser of the process: Playwright allows no second, and several modules ask for it."""
    return _started(str(shutil.which("chromium")))


@pytest.fixture
def browse(chromium: Browser) -> Iterator[Callable[..., Watched]]:
    """`browse(width=…, color_scheme=…)` opens a fresh watched page; any option of Playwright's contexts."""
    contexts = []

    def fresh(width: int = 1280, height: int = 900, **options: Any) -> Watched:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        return Watched(context.new_page())

    yield fresh
    for context in contexts:
        context.close()
