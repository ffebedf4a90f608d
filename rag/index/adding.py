"""`add`: files in, ready documents out, in portions that are each all or nothing.

One thread reads, parses and splits files; this one encodes and writes, so that the embedder is not kept waiting. Some
hundred passages, of one document or of many, are encoded together and then committed:

1. the documents' rows, *pending*; 2. their originals; 3. the word index; 4. in one transaction: *ready*, their paths,
and versions that they replace *removing*. After 4 they are acknowledged; before it nobody sees them. The replaced
versions are deleted after that, and the vector index is brought up to date at the end.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rag.documents.walk import label
from rag.index import removing, rows
from rag.index.disk import disk_full
from rag.index.reading import (
    FileDone,
    NewDocument,
    Outcome,
    Problem,
    Reading,
    find_files,
)
from rag.index.records import AddReport, Failed, Progress, Seen
from rag.settings import MIB

if TYPE_CHECKING:
    from rag.index.library import Library

_PASSAGES = (
    256  # committed together; keeps the embedder's batches full, costs about two seconds of work at a crash
)
_BYTES = 64 * MIB  # of originals held in memory before they are committed
_ENCODED = 512  # passages in one call of the embedder, between two reports of progress
_RESERVE = 16 * MIB  # disk left free, so that removing and repairing still have room to work


def add(
    library: Library, paths: Iterable[Path], progress: Progress | None, names: Mapping[Path, str]
) -> AddReport:
    """See `Library.add`."""
    started = time.perf_counter()
    removing.finish_interrupted(library)
    adding = _Adding(library, progress, names)
    try:
        files, problems = find_files(library, paths)
        adding.read(files, problems)
    except BaseException:
        library.words.abandon_writer()
        raise
    library.vectors.sync()
    adding.report.seconds = time.perf_counter() - started
    return adding.report


@dataclass
class _Portion:
    """What is committed together: new documents, and what happened to each path, in order."""

    new: list[NewDocument] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    passages: int = 0
    bytes: int = 0


class _Adding:
    def __init__(self, library: Library, progress: Progress | None, names: Mapping[Path, str]) -> None:
        self.report = AddReport()
        self._library = library
        self._catalogue = library.catalogue
        self._progress = progress
        self._names = {Path(os.path.abspath(path)): label(name) for path, name in names.items()}
        self._portion = _Portion()
        self._files_done = 0
        self._files = 0
        # Files whose document was replaced while they were being read; they are read once more.
        self._again: set[str] = set()

    def read(self, files: list[Path], problems: list[Problem]) -> None:
        self._files = len(files)
        while files or problems:
            with Reading(self._library, files, problems, self._names) as stream:
                self._take(stream)
            again = [path for path in files if self._names.get(path, label(path)) in self._again]
            files, problems = again, []
            self._again.clear()

    def _take(self, stream: Iterable[Outcome]) -> None:
        prepared = False
        for outcome in stream:
            if isinstance(outcome, NewDocument) and not prepared:
                prepared = True
                self._library.vectors.prepare()
            portion = self._portion
            portion.outcomes.append(outcome)
            if isinstance(outcome, NewDocument):
                portion.new.append(outcome)
                portion.passages += len(outcome.passages)
                portion.bytes += len(outcome.data)
            if portion.passages >= _PASSAGES or portion.bytes >= _BYTES or len(portion.outcomes) >= 1_000:
                self._commit()
        self._commit()

    def _tell(self, label: str) -> None:
        if self._progress is not None:
            self._progress(self._files_done, self._files, label)

    def _commit(self) -> None:
        portion, self._portion = self._portion, _Portion()
        new = self._without_repeats(portion.new)
        vectors = self._encode(new)
        numbers: dict[str, int] = {}
        if new:
            self._require_room(new)
            with self._catalogue.transaction():
                for document, encoded in zip(new, vectors, strict=True):
                    document = self._with_free_id(document)
                    number, _ = rows.insert_document(
                        self._catalogue, document.document, document.passages, encoded
                    )
                    numbers[document.document.sha256] = number
            self._library.originals.put({document.sha256: document.data for document in new})
            words = self._library.words.writer()
            words.add(rows.entries(self._catalogue, numbers.values()))
            words.commit()
        replaced = self._acknowledge(portion.outcomes, numbers)
        if replaced:
            removing.finish(self._library)

    def _without_repeats(self, new: Iterable[NewDocument]) -> list[NewDocument]:
        """One of each content: the same bytes may stand at several new paths of one portion."""
        first: dict[str, NewDocument] = {}
        for document in new:
            sha256 = document.document.sha256
            if self._ready(sha256) is None:
                first.setdefault(sha256, document)
        return list(first.values())

    def _ready(self, sha256: str) -> int | None:
        row = self._catalogue.row(
            "SELECT number FROM documents WHERE sha256 = ? AND state = 'ready'", (sha256,)
        )
        return None if row is None else int(row[0])

    def _with_free_id(self, new: NewDocument) -> NewDocument:
        """Another document with the same short id (other bytes, so another document) gets a longer one."""
        document = new.document
        if self._catalogue.row("SELECT 1 FROM documents WHERE id = ?", (document.id,)) is None:
            return new
        identity = f"{document.id}-{document.sha256[:16]}"
        passages = tuple(replace(passage, document_id=identity) for passage in new.passages)
        return replace(new, document=replace(document, id=identity), passages=passages)

    def _encode(self, new: list[NewDocument]) -> list[rows.Matrix]:
        embedder = self._library.embedder
        texts = [text for document in new for text in document.texts]
        parts = []
        for start in range(0, len(texts), _ENCODED):
            others = f" and {len(new) - 1} more" if len(new) > 1 else ""
            self._tell(f"{new[0].label}{others}: passage {start + 1} of {len(texts)}")
            parts.append(embedder.encode(texts[start : start + _ENCODED]))
        encoded = np.concatenate(parts) if parts else np.zeros((0, embedder.dimension), np.float32)
        ends = np.cumsum([len(document.texts) for document in new], dtype=np.int64)
        return np.split(encoded, ends[:-1]) if new else []

    def _require_room(self, new: list[NewDocument]) -> None:
        """Stop before the disk is full rather than in the middle of a write, as far as that can be foreseen."""
        originals = sum(len(document.data) for document in new)
        # Rows and write-ahead log, word index, both forms of the vectors.
        derived = sum(
            8 * len(document.document.text)
            + len(document.passages) * (16 * self._library.embedder.dimension + 1024)
            for document in new
        )
        if shutil.disk_usage(self._library.folder).free < originals + derived + _RESERVE:
            raise disk_full(self._library.folder)

    # What happened to each path ------------------------------------------------------------------------------------

    def _acknowledge(self, outcomes: Iterable[Outcome], numbers: dict[str, int]) -> bool:
        """One transaction: new documents ready, paths recorded, replaced versions marked. True where there are some."""
        report = AddReport()
        added: list[tuple[str, bool]] = []
        files_done = 0
        with self._catalogue.transaction():
            before = self._catalogue.row("SELECT total_changes()")
            for added_number in numbers.values():
                self._catalogue.run("UPDATE documents SET state = 'ready' WHERE number = ?", (added_number,))
            fresh = dict(numbers)
            left: set[int] = set()
            for outcome in outcomes:
                if isinstance(outcome, Problem):
                    report.failed.append(Failed(outcome.path, outcome.error, outcome.next_step))
                elif isinstance(outcome, FileDone):
                    if outcome.path in self._again:
                        continue
                    files_done += 1
                    left |= self._finish_file(outcome, report)
                else:
                    sha256 = outcome.sha256
                    number = numbers.get(sha256) or self._ready(sha256)
                    if number is None:
                        # Its only other path came to hold something else since the reading thread looked.
                        self._again.add(outcome.file)
                        continue
                    old = self._move(outcome.path, outcome.file, number)
                    identity = self._identity(number)
                    if old == number:
                        report.unchanged.append(Seen(identity, outcome.path))
                        continue
                    if old is not None:
                        left.add(old)
                    if fresh.pop(sha256, None) is None:
                        report.copies.append(Seen(identity, outcome.path))
                    else:
                        added.append((identity, old is not None))
            replaced = self._mark_unseen(left)
            if numbers or replaced or self._catalogue.row("SELECT total_changes()") != before:
                self._catalogue.next_generation()
        self._enter(report, added)
        self._files_done += files_done
        self._tell("kept")
        return replaced

    def _enter(self, report: AddReport, added: list[tuple[str, bool]]) -> None:
        """Take over into the whole report what has just been committed."""
        for identity, updated in added:
            (self.report.updated if updated else self.report.added).append(self._library.record(identity))
        self.report.unchanged += report.unchanged
        self.report.copies += report.copies
        self.report.removed += report.removed
        self.report.failed += report.failed

    def _identity(self, number: int) -> str:
        row = self._catalogue.row("SELECT id FROM documents WHERE number = ?", (number,))
        return "" if row is None else str(row[0])

    def _move(self, path: str, file: str, number: int) -> int | None:
        """Let `path` lead to document `number`; gives the document it led to before."""
        row = self._catalogue.row("SELECT document FROM places WHERE path = ?", (path,))
        if row is None:
            self._catalogue.run(
                "INSERT INTO places (path, file, document) VALUES (?, ?, ?)", (path, file, number)
            )
            return None
        if row[0] != number:
            self._catalogue.run("UPDATE places SET document = ? WHERE path = ?", (number, path))
        return int(row[0])

    def _finish_file(self, done: FileDone, report: AddReport) -> set[int]:
        """Record that a file was read; gives the documents that lost a path because they are no longer in it."""
        if done.sha256 is None:
            return set()
        left: set[int] = set()
        for path, number in self._catalogue.rows(
            "SELECT path, document FROM places WHERE file = ?", (done.path,)
        ):
            if path not in done.kept and not any(
                path == lost or path.startswith(f"{lost}!/") for lost in done.failed
            ):
                self._catalogue.run("DELETE FROM places WHERE path = ?", (path,))
                left.add(number)
                report.removed.append(Seen(self._identity(number), path))
        row = (done.path, done.sha256, int(not done.failed))
        if (
            self._catalogue.row("SELECT 1 FROM files WHERE path = ? AND sha256 = ? AND complete = ?", row)
            is None
        ):
            self._catalogue.run("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", row)
        return left

    def _mark_unseen(self, candidates: Iterable[int]) -> bool:
        """Mark those of `candidates` to which no path leads any more."""
        found = False
        for number in candidates:
            if self._catalogue.row("SELECT 1 FROM places WHERE document = ?", (number,)) is None:
                self._catalogue.run("UPDATE documents SET state = 'removing' WHERE number = ?", (number,))
                found = True
        return found
