"""Ask many questions, some at a time, each with a time limit, and let no question stop the others.

Calls run in worker threads. A thread cannot be ended from outside, so a call that passes its limit is left behind with
its thread: its question is recorded as `timeout` at once, its late answer is dropped, and a new worker takes its
place. It still uses the processor until it returns, which slows down the calls after it; when `ABANDONED_LIMIT` such
calls are running at once, no more questions are asked and the run is left unfinished, because the times measured would
mean nothing. A process for each call would end a call for certain, but would load the models once more for each.

The next call is started before an outcome is given, so that scoring and flushing one answer costs no time of the next.
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
    """`value` for the state done, else `error` says what happened. `wall_ms` is the time until then.

    `problem` is what was raised, for the state error.
    """

    task: Task
    state: State
    value: dict[str, Any] | None
    error: str | None
    wall_ms: float
    problem: Exception | None = None


class TooManyAbandoned(Exception):
    """More calls than `ABANDONED_LIMIT` are still running after their time limit."""


Arrived = tuple[int, dict[str, Any] | None, Exception | None, float]


class _Worker(Generic[Task]):
    """One thread that makes one call after the other; a daemon, so that it never keeps the program alive."""

    def __init__(self, ask: Callable[[Task], dict[str, Any]], arrived: queue.SimpleQueue[Arrived]) -> None:
        self._inbox: queue.SimpleQueue[tuple[int, Task] | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._work, args=(ask, arrived), daemon=True)
        self.thread.start()

    def start(self, number: int, task: Task) -> None:
        self._inbox.put((number, task))

    def dismiss(self) -> None:
        """End the thread, once its call (if any) has returned."""
        self._inbox.put(None)

    def _work(self, ask: Callable[[Task], dict[str, Any]], arrived: queue.SimpleQueue[Arrived]) -> None:
        while (order := self._inbox.get()) is not None:
            number, task = order
            started = time.perf_counter()
            value: dict[str, Any] | None = None
            problem: Exception | None = None
            try:
                value = ask(task)
            except Exception as raised:  # noqa: BLE001 - the border: what the system under test raises is its result
                problem = raised
            arrived.put((number, value, problem, (time.perf_counter() - started) * 1000))


@dataclass(frozen=True, slots=True)
class _Running(Generic[Task]):
    task: Task
    worker: _Worker[Task]
    started: float


def call_all(
    tasks: Iterable[Task], ask: Callable[[Task], dict[str, Any]], *, jobs: int, time_limit: float
) -> Iterator[Outcome[Task]]:
    """The outcome of each task as it comes, at most `jobs` at a time (`time_limit` in seconds).

    Raises TooManyAbandoned; what was given until then is valid.
    """
    arrived: queue.SimpleQueue[Arrived] = queue.SimpleQueue()
    waiting = iter(enumerate(tasks))
    running: dict[int, _Running[Task]] = {}
    idle: list[_Worker[Task]] = []
    abandoned: list[threading.Thread] = []

    def start_more() -> None:
        while len(running) < jobs and len(abandoned) < ABANDONED_LIMIT:
            following = next(waiting, None)
            if following is None:
                return
            worker = idle.pop() if idle else _Worker(ask, arrived)
            running[following[0]] = _Running(following[1], worker, time.perf_counter())
            worker.start(*following)

    try:
        start_more()
        while running:
            nearest = min(call.started for call in running.values()) + time_limit
            outcomes: list[Outcome[Task]] = []
            try:
                number, value, problem, wall = arrived.get(timeout=max(0.0, nearest - time.perf_counter()))
            except queue.Empty:
                now = time.perf_counter()
                for number in [each for each, call in running.items() if now - call.started >= time_limit]:
                    late = running.pop(number)
                    late.worker.dismiss()
                    abandoned.append(late.worker.thread)
                    reason = f"no answer within {time_limit:g} s"
                    outcomes.append(Outcome(late.task, "timeout", None, reason, time_limit * 1000))
            else:
                done = running.pop(number, None)
                if done is not None:  # else it is the late answer of a call left behind
                    idle.append(done.worker)
                    outcomes.append(_outcome(done.task, value, problem, wall))
            abandoned = [thread for thread in abandoned if thread.is_alive()]
            start_more()
            time.sleep(0)  # lets go of the interpreter, else the next call begins up to 5 ms late
            yield from outcomes
        if len(abandoned) >= ABANDONED_LIMIT and next(waiting, None) is not None:
            raise TooManyAbandoned(f"{len(abandoned)} calls are still running after their time limit")
    finally:
        for worker in [*idle, *(call.worker for call in running.values())]:
            worker.dismiss()


def _outcome(
    task: Task, value: dict[str, Any] | None, problem: Exception | None, wall_ms: float
) -> Outcome[Task]:
    if problem is None:
        return Outcome(task, "done", value, None, wall_ms)
    return Outcome(task, "error", None, f"{type(problem).__name__}: {problem}", wall_ms, problem)
