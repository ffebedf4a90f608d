"""Which files lie below the paths that were named, and their bytes, without ever blocking or leaving the folders.

Special files (pipes, sockets, devices) are never opened, hidden files below a folder are passed over, a folder is
walked once however many links lead to it, and a link back up is reported as a loop.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.errors import UnreadableFile
from rag.settings import MIB, DocumentSettings

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

_BESIDE = ("_files", "_archivos", "_ficheros", "_fichiers", "-Dateien", "-filer", "_arquivos", ".files")


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that did not become a document: its label, why, and what to do."""

    path: str
    error: str
    next_step: str


def label(path: str | os.PathLike[str]) -> str:
    """`path` as text that every terminal and JSON can hold: bytes that are no text and controls become `\\xNN` escapes.

    Also escapes what reverses the direction of writing, with which a name can hide its ending.
    """
    text = os.fspath(path)
    text = text.encode("utf-8", "surrogateescape" if _escaped(text) else "surrogatepass").decode(
        "utf-8", "backslashreplace"
    )
    return _CONTROL.sub(
        lambda found: f"\\x{ord(found[0]):02x}" if ord(found[0]) < 256 else f"\\u{ord(found[0]):04x}", text
    )


def _escaped(text: str) -> bool:
    """True where every surrogate in `text` stands for one byte that was not UTF-8 (PEP 383)."""
    return all(0xDC80 <= ord(character) <= 0xDCFF for character in text if 0xD800 <= ord(character) <= 0xDFFF)


def failure_of(error: UnreadableFile, path: str | None = None) -> Failure:
    return Failure(error.where if path is None else path, error.what, error.next_step)


def walk(paths: Iterable[Path], settings: DocumentSettings) -> Iterator[Path | Failure]:
    """Every regular file at and below `paths`, folders in the order of their names' bytes, each file once.

    Files larger than the limit, special files, loops, dangling links and folders that cannot be listed are Failures.
    """
    folders: set[tuple[int, int]] = set()
    files: set[str] = set()
    # Deepest first, the next one last; each with the folders above it. A stack, because folders can nest very deep.
    waiting: list[tuple[Path, frozenset[tuple[int, int]]]] = [(Path(path), frozenset()) for path in paths]
    waiting.reverse()
    while waiting:
        path, above = waiting.pop()
        try:
            status = path.stat()
            if stat.S_ISDIR(status.st_mode):
                identity = (status.st_dev, status.st_ino)
                if identity in above:
                    yield Failure(
                        label(path),
                        "a link to a folder above it (a loop)",
                        "nothing is lost: that folder is read once",
                    )
                elif identity not in folders:
                    folders.add(identity)
                    names = sorted(
                        (
                            name
                            for name in _without_page_folders(os.listdir(path))
                            if not name.startswith(".")
                        ),
                        key=os.fsencode,
                        reverse=True,
                    )
                    waiting += [(path / name, above | {identity}) for name in names]
                continue
        except OSError as error:
            yield _unusable(path, error)
            continue
        place = os.path.abspath(path)
        if place not in files:
            files.add(place)
            problem = _problem(path, status, settings)
            yield path if problem is None else problem


def _without_page_folders(names: list[str]) -> list[str]:
    """`names` without the folders of scripts and pictures that browsers save beside a page ("A.html", "A_files")."""
    pages = {name.rpartition(".")[0] for name in names if name.lower().endswith((".html", ".htm"))}
    return [
        name
        for name in names
        if not any(name == page + end for page in _stems(name) & pages for end in _BESIDE)
    ]


def _stems(name: str) -> set[str]:
    return {name.removesuffix(end) for end in _BESIDE if name.endswith(end)}


def _problem(path: Path, status: os.stat_result, settings: DocumentSettings) -> Failure | None:
    if not stat.S_ISREG(status.st_mode):
        kind = next(
            (
                word
                for test, word in (
                    (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"),
                    (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
                )
                if test(status.st_mode)
            ),
            "a special file",
        )  # fmt: skip
        return Failure(
            label(path), f"not a file but {kind}", "remove it from the folder, or name the files themselves"
        )
    if status.st_size > settings.max_bytes:
        return Failure(
            label(path),
            f"{status.st_size // MIB:,} MiB, more than the limit of {settings.max_bytes // MIB:,} MiB",
            "split the file, or raise documents.max_bytes",
        )
    return None


def _unusable(path: Path, error: OSError) -> Failure:
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return Failure(
                label(path), "a link to a file that does not exist", "remove the link, or bring the file back"
            )
        return Failure(label(path), "no such file or folder", "check the path")
    if isinstance(error, PermissionError):
        return Failure(label(path), "permission denied", "allow reading it, or run as a user who may")
    return Failure(label(path), f"cannot be read ({error.strerror or error})", "check the disk and the path")


def read_file(path: Path, settings: DocumentSettings) -> bytes | Failure:
    """The bytes of a regular file within the limit. Looks at the open file: one swapped after `walk` cannot block."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as stream:
            problem = _problem(path, os.fstat(descriptor), settings)
            return stream.read(settings.max_bytes + 1) if problem is None else problem
    except OSError as error:
        return _unusable(path, error)
