"""For the tests of language models: `pytestmark = pytest.mark.usefixtures("imported", "threads_end")`."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def imported() -> None:
    """LlamaIndex takes seconds to import; no test's time limit should pay for it."""
    import openai.resources.chat.completions  # noqa: F401


@pytest.fixture
def threads_end() -> Iterator[None]:
    """No test leaves a thread behind that still talks to a server or computes."""
    yield
    until = time.monotonic() + 10.0
    while any(each.name == "onrecord-model" for each in threading.enumerate()):
        assert time.monotonic() < until, "a thread goes on after its test"
        time.sleep(0.02)
