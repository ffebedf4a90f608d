"""What the pages do, without any Gradio in it: one library, asked, filled and emptied by several people at once.

Reading and writing are apart, as in the library: questions use one reader, kept open; adding and removing open a
writer for as long as they take, so the command line can write to the same library while the app runs.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rag.errors import LibraryMissing
from rag.index.library import Library
from rag.pipeline import Event, Pipeline, make_answerer
from rag.settings import Settings
from rag.types import Document, Filters, Question


class Desk:
    """The library at `folder`, which may not exist yet; the first upload creates it. Safe to share between threads."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings
        self._lock = threading.RLock()
        self._reader: Library | None = None
        self._pipeline: Pipeline | None = None

    def close(self) -> None:
        with self._lock:
            if self._reader is not None:
                self._reader.close()
            self._reader = self._pipeline = None

    def _open(self) -> Library:
        with self._lock:
            if self._reader is None:
                self._reader = Library.open(self.folder, self.settings)
            return self._reader

    def _pipe(self) -> Pipeline:
        with self._lock:
            library = self._open()
            if self._pipeline is None:
                answerer = make_answerer(self.settings.answer.answerer, library, self.settings)
                self._pipeline = Pipeline(library, self.settings, answerer)
            return self._pipeline

    def events(self, question: str, filters: Filters) -> Iterator[Event]:
        """The pipeline's events; raises UsageError, LibraryMissing where nothing was added yet.

        No lock is held between two events: Gradio may take each one in another thread, or never come back.
        """
        yield from self._pipe().events(Question(question, filters))

    def warm(self) -> None:
        """Load the models before the first question, so that it does not wait for them. No library: nothing to do."""
        try:
            pipeline = self._pipe()
        except LibraryMissing:
            return
        # Only the answerer that is built in: another may cost money, or send the text somewhere.
        if self.settings.answer.answerer == "offline":
            pipeline.ask(Question("Is everything loaded?"))

    def document(self, document_id: str) -> Document:
        return self._open().document(document_id)

    def original(self, document_id: str) -> bytes:
        return self._open().original(document_id)

    def record(self, document_id: str) -> dict[str, Any]:
        return dict(self._open().record(document_id).as_json())

    def records(self) -> list[dict[str, Any]]:
        """Every document's record; empty where there is no library yet."""
        try:
            return [dict(record.as_json()) for record in self._open().documents()]
        except LibraryMissing:
            return []

    def add(
        self, files: Sequence[Path], progress: Callable[[int, int, str], None] | None = None
    ) -> dict[str, Any]:
        """Add uploaded files; returns the add report.

        They are recorded as `uploaded/DIGEST/NAME`, a label and never a place: two files of one name are two
        documents, and the same bytes again change nothing.
        """
        names = {}
        for path in files:
            with path.open("rb") as opened:
                names[path] = f"uploaded/{hashlib.file_digest(opened, 'sha256').hexdigest()[:8]}/{path.name}"
        with Library.open(self.folder, self.settings, write=True, create=True) as library:
            return dict(library.add(files, progress, names=names).as_json())

    def remove(self, document_ids: Sequence[str]) -> None:
        with Library.open(self.folder, self.settings, write=True) as library:
            library.remove(document_ids)

    def export(self, answer: dict[str, Any], folder: Path) -> list[Path]:
        """Write the Markdown and, where there are quotes, the evidence pack of `answer` into `folder`."""
        from rag.export import check_against, to_markdown, write_file, write_pack

        library = self._open()
        check_against(answer, library)
        written = [folder / "answer.md"]
        write_file(written[0], to_markdown(answer).encode())
        if answer["citations"]:
            written.append(folder / "evidence.zip")
            write_pack(answer, library, self.settings, written[1])
        return written
