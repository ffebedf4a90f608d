"""How long one file may take: a reader that finds out that there is much to do asks for more while it works.

The worker process (`isolate`) listens and passes the request on; elsewhere, as in a test that calls a reader directly,
nobody does and nothing limits the time.
"""

from __future__ import annotations

from collections.abc import Callable

from rag.settings import DocumentSettings

_listener: Callable[[float], None] | None = None


def listen(listener: Callable[[float], None] | None) -> None:
    """`listener(seconds)` is called when a reader asks to have `seconds` more, counted from now."""
    global _listener
    _listener = listener


def for_scans(pages: int, settings: DocumentSettings) -> float:
    """Ask for what `pages` scanned pages may take, and give the seconds from now in which they have to be read."""
    seconds = settings.max_seconds + pages * settings.ocr_page_seconds
    if _listener is not None:
        _listener(seconds)
    return 0.85 * settings.max_seconds + pages * settings.ocr_page_seconds
