"""Ask many questions, some at a time, each with a time limit, and let no question stop the others.

Each call runs in a thread of its own. A thread cannot be ended from outside, so a call that passes its limit is left
behind: its question is recorded as `timeout` at once and its late answer is dropped. It still uses the processor
until it returns, which slows down the calls after it; when `ABANDONED_LIMIT` such calls are running at once, no more
questions are asked and the run is left unfinished, because the times measured would mean nothing.
A process for each call would end a call for certain, but would load the models once more for each of them.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

Task = TypeVar("Task")
State = Literal["done", "error", "timeout"]

ABANDONED_LIMIT = 8


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Task]):
    """`value` for the state done, else `error` says what happened. `wall_ms` is the time until then."""

    task: Task
    state: State
    value: dict[str, Any] | None
    error: str | None
    wall_ms: float


class TooManyAbandoned(Exception):
    """More calls than `ABANDONED_LIMIT` are still running after their time limit."""


@dataclass(slots=True)
class _Running(Generic[Task]):
    task: Task
    thread: threading.Thread
    started: float


def call_all(
    tasks: Iterable[Task], ask: Callable[[Task], dict[str, Any]], *, jobs: int, time_limit: float
) -> Iterator[Outcome[Task]]:
    """The outcome of each task as it comes, at most `jobs` at a time (`time_limit` in seconds).

    Raises TooManyAbandoned; what was given until then is valid.
    """
    arrived: queue.SimpleQueue[tuple[int, State, dict[str, Any] | None, str | None, float]] = (
        queue.SimpleQueue()
    )
    waiting = iter(enumerate(tasks))
    running: dict[int, _Running[Task]] = {}
    abandoned: list[_Running[Task]] = []
    exhausted = False
    while True:
        while not exhausted and len(running) < jobs:
            abandoned = [call for call in abandoned if call.thread.is_alive()]
            if len(abandoned) >= ABANDONED_LIMIT:
                raise TooManyAbandoned(f"{len(abandoned)} calls are still running after their time limit")
            try:
                number, task = next(waiting)
            except StopIteration:
                exhausted = True
                break
            thread = threading.Thread(target=_call, args=(number, task, ask, arrived), daemon=True)
            running[number] = _Running(task, thread, time.perf_counter())
            thread.start()
        if not running:
            return
        nearest = min(call.started for call in running.values()) + time_limit
        try:
            number, state, value, error, wall = arrived.get(timeout=max(0.0, nearest - time.perf_counter()))
        except queue.Empty:
            now = time.perf_counter()
            for number in [each for each, call in running.items() if now - call.started >= time_limit]:
                late = running.pop(number)
                abandoned.append(late)
                yield Outcome(
                    late.task, "timeout", None, f"no answer within {time_limit:g} s", time_limit * 1000
                )
            continue
        call = running.pop(number, None)
        if call is not None:  # else it is a late answer of an abandoned call
            yield Outcome(call.task, state, value, error, wall)


def _call(
    number: int,
    task: Task,
    ask: Callable[[Task], dict[str, Any]],
    arrived: queue.SimpleQueue[tuple[int, State, dict[str, Any] | None, str | None, float]],
) -> None:
    started = time.perf_counter()
    try:
        value = ask(task)
    except Exception as error:  # noqa: BLE001 - the border: whatever the system under test raises is its result
        wall = (time.perf_counter() - started) * 1000
        arrived.put((number, "error", None, f"{type(error).__name__}: {error}", wall))
    else:
        arrived.put((number, "done", value, None, (time.perf_counter() - started) * 1000))
