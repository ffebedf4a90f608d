"""One request under way: done in a thread of its own, watched by the caller, ended at any moment.

A blocked read cannot be interrupted from outside, so the caller never blocks: the thread hands over what arrives,
the caller looks at `stop` and at the clock in between, and shuts the connection's sockets when it leaves. A thread that
computes (a model in this process) sees that at its next token.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from rag.errors import AnswererError

_LOOK_S = 0.03  # how often the caller looks at `stop`
_WAITING = 256  # pieces that may wait for a slow caller; then the thread waits, and so does the server

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    system: str
    prompt: str
    schema: dict[str, Any] | None
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a reply. `finish` stands in the last one: `stop`, `length` or `refused`; counts where they are told.

    A piece without text still shows that the model is at work (reasoning that is not shown).
    """

    text: str = ""
    finish: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    why: str = ""  # of a refusal, in the model's words


class Failed(Exception):
    """A try that failed, with the error to show. `retry`: another may work, after `wait_s` where the server said so.

    `status` and `message` are what the server said, for the sender to give way to (a parameter that it does not know).
    """

    def __init__(
        self,
        error: AnswererError,
        *,
        retry: bool = False,
        wait_s: float | None = None,
        status: int | None = None,
        message: str = "",
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry = retry
        self.wait_s = wait_s
        self.status = status
        self.message = message


def broken(error: Exception, model: str) -> Failed:
    """The failure of a model in this process: memory, or a model that does not fit its files."""
    return Failed(
        AnswererError(
            f"the model failed ({' '.join(str(error).split())[:200]})",
            where=model,
            next_step="ask again, or use another model",
        )
    )


class Ended(Exception):
    """Raised inside the thread of a call that nobody waits for any more."""


class Late(Exception):
    """A time limit passed: for the first piece, between two, or in all."""

    def __init__(self, limit: Literal["first", "stall", "total"]) -> None:
        super().__init__(limit)
        self.limit = limit


class Call:
    """The thread's side of a request: what to close, and whether anybody still waits."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()

    def watch(self, connection: socket.socket) -> None:
        """Shut `connection` when the call ends. Raises Ended where it already has."""
        with self._lock:
            self._sockets.append(connection)
        self.check()

    def check(self) -> None:
        if self.ended.is_set():
            raise Ended

    def end(self) -> None:
        self.ended.set()
        with self._lock:
            for connection in self._sockets:
                # Not `close`: that would leave a thread that reads asleep, and the server none the wiser. Called on
                # the plain class because an SSLSocket's own method would first wait for the other side.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)


Emit = Callable[[T], None]


def watched(
    work: Callable[[Call, Emit[T]], None],
    *,
    first_s: float,
    stall_s: float,
    until: float,
    stop: threading.Event | None,
) -> Generator[T, None, None]:
    """What `work` emits, as it comes. Ends quietly once `stop` is set. `until` is a time of `time.monotonic`.

    Raises:
        Late: a limit passed.
        Exception: whatever `work` raised.
    """
    call = Call()
    arrivals: queue.Queue[tuple[bool, Any]] = queue.Queue(_WAITING)

    def hand_over(last: bool, value: Any) -> None:
        while not call.ended.is_set():
            with contextlib.suppress(queue.Full):
                arrivals.put((last, value), timeout=0.1)
                return
        raise Ended

    def run() -> None:
        with contextlib.suppress(Ended):
            try:
                work(call, lambda value: hand_over(False, value))
            except Ended:
                raise
            except Exception as error:  # noqa: BLE001 - carried to the caller's thread and raised there
                hand_over(True, error)
            else:
                hand_over(True, None)

    threading.Thread(target=run, daemon=True, name="onrecord-model").start()
    limit: Literal["first", "stall"] = "first"
    due = time.monotonic() + first_s
    try:
        while stop is None or not stop.is_set():
            now = time.monotonic()
            if now >= until:
                raise Late("total")
            try:
                last, value = arrivals.get(timeout=min(_LOOK_S, until - now))
            except queue.Empty:
                if time.monotonic() >= due:
                    raise Late(limit) from None
                continue
            if last and value is not None:
                raise value
            if last:
                return
            yield value
            limit, due = "stall", time.monotonic() + stall_s
    finally:
        call.end()
