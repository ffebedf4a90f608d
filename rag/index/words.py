"""Which word index the library uses, and making it again: the catalogue's side of `rag.index.lexical`.

The catalogue names the folder in use; a rebuilt index stands in a new folder, and the name is switched when it is
whole. A reader that finds no index that it can open builds one in memory: slower, right.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from rag.errors import LibraryDamaged
from rag.index import lexical, rows
from rag.index.catalogue import Catalogue
from rag.index.lexical import LexicalIndex

_log = logging.getLogger(__name__)


class Words:
    def __init__(self, folder: Path, catalogue: Catalogue) -> None:
        self._folder = folder
        self._catalogue = catalogue
        self._mutex = threading.RLock()
        self._reader: LexicalIndex | None = None
        self._reader_of: tuple[int, str | None] | None = None
        self._writer: LexicalIndex | None = None

    def _name(self) -> str | None:
        """The folder in use; None where there is none, or one whose words were cut by other rules."""
        recorded = json.loads(self._catalogue.get("words") or "{}")
        return recorded["name"] if recorded.get("format") == lexical.FORMAT else None

    # Reading -----------------------------------------------------------------------------------------------------

    def search(
        self, text: str, limit: int, languages: Iterable[str | None], documents: Sequence[int] | None
    ) -> list[tuple[int, float]]:
        """As `LexicalIndex.search`; entries of documents that are not ready may be among them."""
        return self._current().search(text, limit, languages, documents)

    def _current(self) -> LexicalIndex:
        with self._mutex:
            wanted = (self._catalogue.generation, self._name())
            if self._reader is None or self._reader_of != wanted:
                if (
                    self._reader is not None
                    and self._reader_of is not None
                    and self._reader_of[1] == wanted[1]
                ):
                    index: LexicalIndex | None = self._refreshed(self._reader)
                else:
                    index = self._opened(wanted[1])
                if index is None or len(index) < self._expected():
                    self._warn(
                        "%s: the word index is missing or incomplete; building it in memory", self._folder
                    )
                    index = self._built(None)
                    # Not tied to a folder: the next generation looks for one again.
                    wanted = (wanted[0], None)
                self._reader, self._reader_of = index, (wanted[0], wanted[1])
            return self._reader

    def _refreshed(self, index: LexicalIndex) -> LexicalIndex | None:
        try:
            index.refresh()
        except (ValueError, OSError):
            return None
        return index

    def _opened(self, name: str | None) -> LexicalIndex | None:
        if name is None:
            return None
        try:
            return LexicalIndex(self._folder / name)
        except LibraryDamaged as error:
            self._warn("%s", error)
            return None

    def _warn(self, message: str, *parts: object) -> None:
        """A warning, but where the folder cannot be written to: tantivy opens nothing there, and nothing is wrong."""
        _log.log(logging.WARNING if os.access(self._folder, os.W_OK) else logging.INFO, message, *parts)

    def _expected(self) -> int:
        row = self._catalogue.row(
            "SELECT count(*) FROM passages JOIN documents ON documents.number = document WHERE state = 'ready'"
        )
        return int(row[0]) if row else 0

    def _built(self, folder: Path | None) -> LexicalIndex:
        with self._catalogue.snapshot():
            return lexical.build(folder, rows.entries(self._catalogue, rows.ready_numbers(self._catalogue)))

    # Writing: only by the holder of the library's writer lock ------------------------------------------------------

    def writer(self, gone: Sequence[int] = ()) -> LexicalIndex:
        """The index to write to, without the documents `gone` (numbers).

        It is built anew where there is none, or where it then holds not just the passages of the ready documents.
        """
        with self._mutex:
            index, verified = self._writer, self._writer is not None
            if index is None:
                index = self._opened(self._name())
            if index is not None and gone:
                index.delete(gone)
                index.commit()
            if index is None or (not verified and len(index) != self._expected()):
                if index is not None:
                    index.close()
                self.rebuild()
                index = LexicalIndex(self._folder / str(self._name()))
            self._writer = index
            return index

    def holds(self) -> LexicalIndex | None:
        """The index on disk as it is, for `check`; None where it cannot be opened."""
        return self._opened(self._name())

    def rebuild(self) -> None:
        """Write the index anew from the catalogue, switch to it, delete the old one."""
        with self._mutex:
            self.close_writer()
            recorded = json.loads(self._catalogue.get("words") or "{}")
            serial = recorded.get("serial", 0) + 1
            name = f"words-{serial:06d}"
            self._built(self._folder / name).close()
            with self._catalogue.transaction():
                self._catalogue.set(
                    "words", json.dumps({"name": name, "serial": serial, "format": lexical.FORMAT})
                )
            self.drop_others()

    def drop_others(self) -> None:
        """Delete folders that an interrupted rebuild, or a reader's open files, left behind."""
        for folder in self._folder.glob("words-*"):
            if folder.name != self._name():
                shutil.rmtree(folder, ignore_errors=True)

    def abandon_writer(self) -> None:
        """After a failure in it, or around it: what was not committed is dropped."""
        with self._mutex:
            self._writer = None

    def close_writer(self) -> None:
        with self._mutex:
            if self._writer is not None:
                writer, self._writer = self._writer, None
                writer.close()

    def close(self) -> None:
        with self._mutex:
            self.close_writer()
            self._reader = self._reader_of = None
