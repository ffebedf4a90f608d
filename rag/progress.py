"""A progress bar on standard error, shown once the work has taken a second."""

from __future__ import annotations

from types import TracebackType
from typing import Any


class TerminalProgress:
    """Called with (done, total, label); draws rate and time left with tqdm. Use as a context manager."""

    def __init__(self, delay_seconds: float = 1.0) -> None:
        self._delay = delay_seconds
        self._bar: Any = None

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, done: int, total: int, label: str) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit="file", delay=self._delay, leave=False, dynamic_ncols=True)
        self._bar.total = total
        self._bar.set_postfix_str(label[-40:], refresh=False)
        self._bar.update(done - self._bar.n)
