"""A real server (`onrecord serve`) on a free port, and a real Chromium where one is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

_CHROMIUM = next(
    filter(
        None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))
    ),
    None,
)
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Serve = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="session")
def serve() -> Serve:
    """`with serve(library, "--auth-file", …) as address:` runs the app as users do; `address` has no final slash."""

    @contextmanager
    def running(library: Path, *arguments: str) -> Iterator[str]:
        command = [sys.executable, "-m", "rag", "serve", "--port", "0", "--library", str(library), *arguments]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
        assert process.stderr is not None
        try:
            found = None
            said = ""
            while found is None:
                line = process.stderr.readline()
                assert line, f"the server did not start: {said}"
                said += line
                found = re.search(r"http://\S+", line)
            yield found.group()
        finally:
            process.terminate()
            process.wait(20)
            process.stderr.close()

    return running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if _CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A fresh page that records the addresses it asked for (`page.asked`) and any error of a script (`page.errors`)."""
    context = chromium.new_context(viewport={"width": 1200, "height": 1000})
    opened = context.new_page()
    opened.asked, opened.errors = [], []
    context.on("request", lambda request: opened.asked.append(request.url))
    opened.on("pageerror", lambda error: opened.errors.append(str(error)))
    yield opened
    context.close()
