"""A full disk comes in a different form from each library; here it is said in one."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rag.errors import OnRecordError
from rag.wording import Phrase, Way

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SIGNS = ("no space left", "disk is full", "disk full", *(f"os error {number})" for number in _FULL))
_NO_ROOM = 64 * 1024  # bytes; a reader of SQLite's write-ahead log needs 32 KiB


@contextmanager
def plain_disk_errors(folder: Path) -> Iterator[None]:
    """Whatever fails inside for want of room on the disk of `folder` is raised as `disk_full`; the rest as it is."""
    try:
        yield
    except (OSError, sqlite3.OperationalError, ValueError, OnRecordError) as error:
        if not _is_disk_full(error, folder):
            raise
        raise disk_full(folder) from error


def disk_full(folder: Path) -> OnRecordError:
    return OnRecordError(
        "the disk is full; what was finished is kept",
        where=str(folder),
        next_step=Phrase("free some space, then ", Way.DO_AGAIN),
    )


def _is_disk_full(error: BaseException, folder: Path) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _FULL
    if isinstance(error, sqlite3.OperationalError):
        code = error.sqlite_errorcode & 0xFF
        return code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _has_no_room(folder))
    # Not where it was: a folder may be named after a full disk.
    words = (error.what if isinstance(error, OnRecordError) else str(error)).lower()
    return any(sign in words for sign in _SIGNS)


def _has_no_room(folder: Path) -> bool:
    with suppress(OSError):
        return shutil.disk_usage(folder).free < _NO_ROOM
    return False
