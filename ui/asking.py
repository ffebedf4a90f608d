"""One question at work: the pipeline in a thread of its own, so that a page can leave it at any moment.

Gradio can cancel a handler only where it yields, and an answerer may be silent for long (a model loads, a server does
not answer). Here the page waits for whichever comes first: the next event, or the word to stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from rag.errors import OnRecordError, Stopped

_log = logging.getLogger(__name__)
Work = Callable[[threading.Event], Iterator[Any]]


class _Over:
    """The last thing in the queue: the work ended by itself, or with an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error


class Asking:
    """Made where it is iterated, in an event loop; `stop` may be called from any thread, also twice or too late."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._stop = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Any] = asyncio.Queue()

    def stop(self) -> None:
        """End `events` at once with Stopped, and the work as soon as it looks at its stop event."""
        self._stop.set()
        self._put(_Over(_stopped()))

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    async def events(self) -> AsyncIterator[Any]:
        """What the work yields. Raises Stopped, or what the work raised; leaving early stops the work."""
        threading.Thread(target=self._run, daemon=True).start()
        try:
            while True:
                event = await self._events.get()
                if self._stop.is_set():
                    raise _stopped()
                if isinstance(event, _Over):
                    if event.error is not None:
                        raise event.error
                    return
                yield event
        finally:
            self._stop.set()

    def _run(self) -> None:
        error: Exception | None = None
        try:
            with contextlib.closing(self._work(self._stop)) as events:  # type: ignore[type-var]
                for event in events:
                    self._put(event)
                    if self._stop.is_set():
                        break
        except OnRecordError as problem:
            error = problem
        except Exception as problem:  # noqa: BLE001 - the border of the thread: without it the page would wait for ever
            _log.exception("a question failed")
            error = OnRecordError(
                f"internal error ({type(problem).__name__})",
                next_step="try again; what happened stands in the terminal that runs the app",
            )
        self._put(_Over(error))

    def _put(self, event: Any) -> None:
        # The loop is closed when the app ends while a question is at work: nobody waits any more.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)


class Askings:
    """Who asks what now: one question for each open page. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: dict[str, Asking] = {}

    def begin(self, page: str, asking: Asking) -> None:
        """A page's new question ends the one before it."""
        with self._lock:
            before = self._now.get(page)
            self._now[page] = asking
        if before is not None:
            before.stop()

    def is_current(self, page: str, asking: Asking) -> bool:
        with self._lock:
            return self._now.get(page) is asking

    def end(self, page: str, asking: Asking) -> None:
        with self._lock:
            if self._now.get(page) is asking:
                del self._now[page]

    def stop(self, page: str) -> None:
        with self._lock:
            asking = self._now.get(page)
        if asking is not None:
            asking.stop()


def _stopped() -> Stopped:
    return Stopped("stopped", next_step="ask again, or ask something else")
