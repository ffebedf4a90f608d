"""One writer per library: an operating-system lock, and beside it a note that names the holder.

The lock itself is the operating system's, so it ends with its process, kill -9 included: a lock can never be left
behind. The note is only for the message; it may be out of date, so it never decides anything.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import socket
import sys
from pathlib import Path
from types import TracebackType

from rag.errors import LibraryLocked, UsageError
from rag.wording import Phrase, Way


class WriterLock:
    """Context manager; entering raises LibraryLocked at once where another process or thread holds the lock, and
    UsageError where the folder does not let itself be written to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Imported here: it takes a tenth of a second, and asking needs no lock.
        from filelock import FileLock

        # Opened in one thread and closed in another is normal for a web application.
        self._lock = FileLock(folder / "writer.lock", timeout=0, thread_local=False)
        self._note = folder / "writer.json"

    def __enter__(self) -> WriterLock:
        from filelock import Timeout

        try:
            self._lock.acquire()
        except Timeout:
            raise LibraryLocked(
                f"another process is writing to the library ({holder(self._note)})",
                where=str(self._folder),
                next_step="wait until it has finished, or stop it, then try again",
            ) from None
        except OSError as error:
            raise UsageError(
                f"the library cannot be written to ({error.strerror})",
                where=str(self._folder),
                next_step=Phrase("check the folder's permissions, or ", Way.OTHER_FOLDER),
            ) from error
        # The lock decides; a note that cannot be written (a full disk) costs only the holder's name in a message.
        with contextlib.suppress(OSError):
            self._note.write_text(json.dumps(_about_this_process()), encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._note.unlink(missing_ok=True)
        self._lock.release()


def _about_this_process() -> dict[str, str | int]:
    command = " ".join([os.path.basename(sys.argv[0]) or "python", *sys.argv[1:]])
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "command": command[:200],
    }


def holder(note: Path) -> str:
    """The lock's holder in words, from its note; says so where the note cannot be read."""
    try:
        about = json.loads(note.read_text(encoding="utf-8"))
        return "process {pid} on {host} since {since}: {command}".format(**about)
    except (OSError, ValueError, KeyError, TypeError):
        return "it left no note of its name"
