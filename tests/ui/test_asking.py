"""One question at work in a thread: stopping, failing and leaving must never keep a page waiting."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from rag.errors import AnswererError, OnRecordError, Stopped
from ui.asking import Asking, Askings

T = TypeVar("T")


async def _all(asking: Asking) -> list[Any]:
    return [event async for event in asking.events()]


def _run(work: Coroutine[Any, Any, T]) -> T:
    """To its end, on a loop of its own: the browser tests leave theirs running in this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def test_events_come_in_order() -> None:
    async def run() -> list[Any]:
        return await _all(Asking(lambda stop: iter_of(1, 2, 3)))

    assert _run(run()) == [1, 2, 3]


def iter_of(*values: Any) -> Iterator[Any]:
    yield from values


def test_stopping_does_not_wait_for_work_that_is_silent() -> None:
    ended = threading.Event()

    def silent(stop: threading.Event) -> Iterator[int]:
        yield 1
        assert stop.wait(20)
        ended.set()

    async def run() -> float:
        asking = Asking(silent)
        threading.Timer(0.2, asking.stop).start()
        begun = time.monotonic()
        with pytest.raises(Stopped):
            await _all(asking)
        return time.monotonic() - begun

    assert _run(run()) < 5
    assert ended.wait(5)  # and the work was told


def test_stopping_does_not_even_wait_for_work_that_does_not_listen() -> None:
    release = threading.Event()

    def deaf(stop: threading.Event) -> Iterator[int]:
        release.wait(20)
        yield 1

    async def run() -> float:
        asking = Asking(deaf)
        threading.Timer(0.05, asking.stop).start()
        begun = time.monotonic()
        with pytest.raises(Stopped):
            await _all(asking)
        return time.monotonic() - begun

    try:
        assert _run(run()) < 5
    finally:
        release.set()


def test_stopping_before_the_start_and_after_the_end_is_allowed() -> None:
    async def run() -> list[Any]:
        early = Asking(lambda stop: iter_of(1))
        early.stop()
        with pytest.raises(Stopped):
            await _all(early)
        late = Asking(lambda stop: iter_of(1))
        found = await _all(late)
        late.stop()
        return found

    assert _run(run()) == [1]


def test_a_failure_keeps_its_next_step() -> None:
    def fails(stop: threading.Event) -> Iterator[int]:
        yield 1
        raise AnswererError("the server refused", where="http://127.0.0.1:1", next_step="start it")

    seen: list[int] = []

    async def run() -> None:
        async for event in Asking(fails).events():
            seen.append(event)

    with pytest.raises(AnswererError, match="start it"):
        _run(run())
    assert seen == [1]


def test_a_bug_ends_the_question_and_shows_none_of_its_text(caplog: pytest.LogCaptureFixture) -> None:
    def breaks(stop: threading.Event) -> Iterator[int]:
        yield 1
        raise KeyError("sk-secret")

    async def run() -> None:
        await _all(Asking(breaks))

    with pytest.raises(OnRecordError) as caught:
        _run(run())
    assert "sk-secret" not in str(caught.value)
    assert "internal error" in str(caught.value)
    assert "a question failed" in caplog.text


def test_leaving_early_stops_the_work() -> None:
    told = threading.Event()

    def endless(stop: threading.Event) -> Iterator[int]:
        number = 0
        try:
            while True:
                number += 1
                yield number
                time.sleep(0.001)
        finally:
            if stop.is_set():
                told.set()

    async def run() -> None:
        events = Asking(endless).events()
        async for _ in events:
            break
        await events.aclose()

    _run(run())
    assert told.wait(5)


def test_a_page_s_next_question_ends_the_one_before_and_no_other_page_s() -> None:
    async def run() -> None:
        askings = Askings()
        first, second, other = (Asking(lambda stop: iter_of()) for _ in range(3))
        askings.begin("a", first)
        askings.begin("b", other)
        askings.begin("a", second)
        assert (first.stopped, second.stopped, other.stopped) == (True, False, False)
        assert askings.is_current("a", second)
        askings.end("a", first)  # too late to end its successor
        assert askings.is_current("a", second)
        askings.stop("b")
        assert other.stopped
        askings.end("b", other)
        askings.stop("b")
        askings.stop("nobody")

    _run(run())
