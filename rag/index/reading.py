"""The reading half of `add`: a thread that walks, hashes, parses and splits while the other half encodes.

What is known already is not parsed again: a file whose bytes were read completely under the same path is unchanged,
and under another path its documents are copies.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rag.index.catalogue import FILE, is_library
from rag.settings import MIB
from rag.types import Document, Passage

if TYPE_CHECKING:
    from rag.index.library import Library

_WAITING_BYTES = 64 * MIB  # of originals, read ahead of the encoder
_WAITING = 64  # outcomes, read ahead


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document that is not in the library, ready to be encoded: `texts[i]` is what is embedded of `passages[i]`."""

    document: Document
    data: bytes
    passages: tuple[Passage, ...]
    texts: tuple[str, ...]
    file: str

    @property
    def path(self) -> str:
        return self.document.path

    @property
    def sha256(self) -> str:
        return self.document.sha256

    @property
    def label(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Known:
    """At `path` stand bytes whose document is in the library."""

    path: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Problem:
    path: str
    error: str
    next_step: str


@dataclass(frozen=True, slots=True)
class FileDone:
    """The end of one file: which paths in it have a document, and which failed.

    `sha256` is None where nothing of it could be read: what the library has of it then stays.
    """

    path: str
    sha256: str | None
    kept: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()


Outcome = NewDocument | Known | Problem | FileDone


@dataclass
class Stream:
    """Outcomes in order, from one thread to another; holds so much and no more."""

    _waiting: deque[Outcome | BaseException | None] = field(default_factory=deque)
    _bytes: int = 0
    _stopped: bool = False
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def put(self, outcome: Outcome | BaseException | None) -> None:
        """Waits while too much is waiting. Raises _Stop once nobody reads any more."""
        weight = len(outcome.data) if isinstance(outcome, NewDocument) else 0
        with self._changed:
            while (
                not self._stopped
                and self._waiting
                and (len(self._waiting) >= _WAITING or self._bytes + weight > _WAITING_BYTES)
            ):
                self._changed.wait()
            if self._stopped:
                raise _Stop
            self._waiting.append(outcome)
            self._bytes += weight
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Outcome]:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                outcome = self._waiting.popleft()
                self._bytes -= len(outcome.data) if isinstance(outcome, NewDocument) else 0
                self._changed.notify_all()
            if outcome is None:
                return
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


class _Stop(BaseException):
    """The reader of the stream has gone: end the thread."""


def find_files(library: Library, paths: Iterable[Path]) -> tuple[list[Path], list[Problem]]:
    """Every file below `paths`, absolute and once, and what could not be looked into."""
    from rag.documents.walk import Failure, walk

    files: dict[Path, None] = {}
    problems = []
    for found in walk([Path(os.path.abspath(path)) for path in paths], library.settings.documents):
        if isinstance(found, Failure):
            problems.append(Problem(found.path, found.error, found.next_step))
        else:
            files[found] = None
    # This library, and others, may lie inside a folder that is added: what they hold was added once.
    libraries = {library.folder} | {
        path.parent for path in files if path.name == FILE and is_library(path.parent)
    }
    outside = [path for path in files if not any(path.is_relative_to(folder) for folder in libraries)]
    return outside, problems


class Reading:
    """Context manager: reads in a thread, gives the `Stream` to take from, and ends the thread on leaving."""

    def __init__(
        self,
        library: Library,
        files: Sequence[Path],
        problems: Sequence[Problem],
        names: Mapping[Path, str],
    ) -> None:
        """`problems`: found before any file was read; they come first. `names`: see `Library.add`."""
        self._library = library
        self._catalogue = library.catalogue
        self._settings = library.settings.documents
        self._files = files
        self._problems = problems
        self._names = names
        self._stream = Stream()
        self._thread = threading.Thread(target=self._run, name="onrecord-reading", daemon=True)

    def __enter__(self) -> Stream:
        self._thread.start()
        return self._stream

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            for problem in self._problems:
                self._stream.put(problem)
            for path in self._files:
                self._read(path)
            self._stream.put(None)
        except _Stop:
            return
        # Whatever happens in this thread is raised in the one that takes from the stream.
        except BaseException as error:  # noqa: BLE001
            try:
                self._stream.put(error)
            except _Stop:
                return

    def _read(self, path: Path) -> None:
        from rag.documents.walk import Failure, label, read_file

        name = self._names.get(path, label(path))
        data = read_file(path, self._settings)
        if isinstance(data, Failure):
            self._stream.put(Problem(name, data.error, data.next_step))
            self._stream.put(FileDone(name, None))
            return
        sha256 = hashlib.sha256(data).hexdigest()
        if not self._known_file(name, sha256):
            self._parse(name, data, sha256)

    def _known_file(self, name: str, sha256: str) -> bool:
        """True where these bytes were read before, completely, here or elsewhere: says so without parsing them."""
        here = self._catalogue.row(
            "SELECT path FROM files WHERE path = ? AND sha256 = ? AND complete", (name, sha256)
        )
        elsewhere = here or self._catalogue.row(
            "SELECT path FROM files WHERE sha256 = ? AND complete ORDER BY path LIMIT 1", (sha256,)
        )
        if elsewhere is None:
            return False
        other = str(elsewhere[0])
        members = self._catalogue.rows(
            "SELECT path, documents.sha256 FROM places JOIN documents ON documents.number = places.document"
            " WHERE file = ? AND state = 'ready' ORDER BY places.number",
            (other,),
        )
        if not members:
            return False
        kept = []
        for path, document_sha256 in members:
            kept.append(name + path[len(other) :])
            self._stream.put(Known(kept[-1], name, document_sha256))
        self._stream.put(FileDone(name, sha256, frozenset(kept)))
        return True

    def _parse(self, name: str, data: bytes, sha256: str) -> None:
        from rag.documents.load import load
        from rag.documents.walk import Failure
        from rag.index.split import embedding_text, split

        kept: set[str] = set()
        failed: set[str] = set()
        for item in load(data, name, self._settings):
            if isinstance(item, Failure):
                failed.add(item.path)
                self._stream.put(Problem(item.path, item.error, item.next_step))
                continue
            document = item.document
            path = _free(document.path, kept)
            kept.add(path)
            known = self._catalogue.row(
                "SELECT 1 FROM documents WHERE sha256 = ? AND state = 'ready'", (document.sha256,)
            )
            if known is not None:
                self._stream.put(Known(path, name, document.sha256))
                continue
            if path != document.path:
                document = replace(document, path=path)
            passages = split(document, self._library.embedder, self._library.settings.index)
            texts = tuple(embedding_text(document.title, passage) for passage in passages)
            self._stream.put(NewDocument(document, item.data, passages, texts, name))
        self._stream.put(FileDone(name, sha256 if kept else None, frozenset(kept), frozenset(failed)))


def _free(path: str, taken: set[str]) -> str:
    """`path`, or with a number where an archive has two members of one name."""
    free, count = path, 1
    while free in taken:
        count += 1
        free = f"{path} ({count})"
    return free
