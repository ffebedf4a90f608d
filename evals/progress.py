"""How far a measurement is, on standard error, once it has taken a second: done, rate, time left, failures."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO


class Meter:
    """Called with (done, of) and, where some failed, how many. One line on a terminal, else a line every ten seconds.

    The rate is of what this process did: questions answered before a resume are not in it.
    """

    def __init__(
        self, what: str, stream: TextIO | None = None, clock: Callable[[], float] | None = None
    ) -> None:
        self._what = what
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock or time.perf_counter
        self._started = self._clock()
        self._shown: float | None = None
        self._first: int | None = None

    def __call__(self, done: int, of: int, failed: int = 0) -> None:
        now = self._clock()
        if self._first is None:
            self._first = done - 1
        terminal = self._stream.isatty()
        due = now - (self._started if self._shown is None else self._shown)
        if due < (0.1 if terminal and self._shown is not None else 1.0 if terminal else 10.0):
            return
        self._shown = now
        rate = (done - self._first) / max(1e-9, now - self._started)
        text = f"{self._what} {done}/{of}, {rate:.1f}/s, {_duration((of - done) / rate if rate else 0)} left"
        if failed:
            text += f", {failed} failed"
        self._stream.write(f"\r\x1b[K{text}" if terminal else text + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Clear the line, so that what is printed next stands alone."""
        if self._shown is not None and self._stream.isatty():
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
