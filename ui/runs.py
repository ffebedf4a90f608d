"""The runs that the app keeps: folders as `onrecord eval answers` writes them, listed, read and compared.

A name from a page or an address is only ever looked up in the list of runs; it never becomes a part of a path.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.errors import UnknownDocument, UsageError
from rag.settings import Settings
from rag.types import Document, Span
from rag.wording import Command

_KEPT = 4  # runs held in memory, the last ones looked at


@dataclasses.dataclass(frozen=True, slots=True)
class RunEntry:
    """A run in the list. `results` of `wanted` answers are there; `error` says why its files cannot be read."""

    name: str
    started: str = ""
    results: int = 0
    wanted: int = 0
    finished: bool = False
    error: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """A run as it lies in its folder. `summary` None: unfinished. `documents`: its documents can be shown here."""

    name: str
    description: dict[str, Any]
    summary: dict[str, Any] | None
    records: list[dict[str, Any]]
    documents: bool


class Runs:
    """The runs below `folder`. `library` is the app's own, which suites without documents ask. Safe between threads."""

    def __init__(self, folder: Path, library: Path, settings: Settings) -> None:
        self.folder = folder
        self._library = library
        self._settings = settings
        self._lock = threading.Lock()
        self._loaded: dict[tuple[Any, ...], Run] = {}

    def entries(self) -> list[RunEntry]:
        """Every run of the folder, the newest first."""
        from evals.store import RunFolder

        found = []
        for path in sorted(self.folder.iterdir()) if self.folder.is_dir() else ():
            if not (path / "run.json").is_file():
                continue
            folder = RunFolder(path)
            try:
                description, summary = folder.description() or {}, folder.summary()
            except UsageError as error:
                found.append(RunEntry(path.name, error=str(error)))
                continue
            identity = description.get("identity", {})
            wanted = identity.get("suite", {}).get("questions", 0) * identity.get("trials", 1)
            results = wanted
            if summary is None:
                results = folder.results.read_bytes().count(b"\n") if folder.results.exists() else 0
            started = str(description.get("environment", {}).get("started", ""))
            found.append(RunEntry(path.name, started, results, wanted, summary is not None))
        return sorted(found, key=lambda entry: entry.started, reverse=True)

    def load(self, name: str) -> Run:
        """The run of that name. Raises UsageError where there is none, or its files are damaged."""
        from evals.store import RunFolder

        path = self._path(name)
        folder = RunFolder(path)
        stamp = tuple(
            (each.stat().st_mtime_ns, each.stat().st_size) if each.exists() else None
            for each in (path / "run.json", folder.results, path / "summary.json")
        )
        key = (name, stamp)
        known = self._loaded.get(key)
        if known is None:
            description = folder.description() or {}
            if "identity" not in description:
                raise UsageError("run.json does not say what was run", where=name, next_step="choose another")
            records = folder.records()
            known = Run(name, description, folder.summary(), records, self._at_hand(description, records))
            with self._lock:
                self._loaded[key] = known
                while len(self._loaded) > _KEPT:
                    del self._loaded[next(iter(self._loaded))]
        return known

    def _path(self, name: str) -> Path:
        for entry in self.folder.iterdir() if self.folder.is_dir() else ():
            if entry.name == name and (entry / "run.json").is_file():
                return entry
        raise UsageError("there is no such run", where=name, next_step="choose one from the list")

    def compare(self, first: str, second: str) -> dict[str, Any]:
        """What `eval compare` says of two runs. Raises UsageError where they cannot be compared."""
        from evals.compare import compare, load_run

        try:
            return compare(load_run(self._path(first)), load_run(self._path(second)))
        except ModuleNotFoundError as error:
            raise UsageError(
                f"comparing needs a package that is not installed ({error.name})",
                next_step=Command("run pip install 'onrecord[evals]'"),
            ) from error

    def report(self, name: str) -> str:
        """The whole run as one page that needs nothing else. Raises UsageError where it is unfinished."""
        from evals.report_html import page

        run = self.load(name)
        if run.summary is None:
            raise UsageError("the run is unfinished", where=name, next_step="run its suite again")
        return page(run.description, run.summary, run.records)

    def document(
        self, name: str, document_id: str, span: Span | None
    ) -> tuple[Document, dict[str, Any], Span | None]:
        """A document of a run, its record, and `span` where the text there is what the run printed.

        Raises UsageError where there is no such run, UnknownDocument where its documents are not kept here.
        """
        from rag.index.library import Library

        run = self.load(name)
        for folder in self._libraries(run.description):
            try:
                with Library.open(folder, self._settings) as library:
                    document, record = library.document(document_id), library.record(document_id)
            except UsageError:  # made with another embedder, removed meanwhile, or without this document
                continue
            if span is not None and not _fits(run, document, span):
                span = None
            return document, record.as_json(), span
        raise UnknownDocument(
            "the documents of this run are not kept here", where=document_id, next_step="run its suite again"
        )

    def _at_hand(self, description: dict[str, Any], records: list[dict[str, Any]]) -> bool:
        """Whether the documents of a run can be shown, judged by the first that it names."""
        from rag.index.library import Library

        named = [
            place["document_id"]
            for record in records
            for place in (*record["gold"]["evidence"], *(record["ask"]["hits"] if record["ask"] else ()))
        ]
        for folder in self._libraries(description) if named else ():
            try:
                with Library.open(folder, self._settings) as library:
                    library.record(named[0])
            except UsageError:
                continue
            return True
        return False

    def _libraries(self, description: dict[str, Any]) -> Iterator[Path]:
        """Where a run's documents may be: libraries made of the same corpus, then the app's own."""
        digest = str(description.get("identity", {}).get("corpus", {}).get("digest", ""))[:12]
        if digest.isalnum():
            for folder in sorted((self.folder / ".libraries").glob(f"{digest}-*")):
                if (folder / "bench-complete").exists():
                    yield folder
        if self._library.is_dir():
            yield self._library


def _fits(run: Run, document: Document, span: Span) -> bool:
    """A library made with other settings may have another text: a mark is drawn only where no quote contradicts it."""
    if span.end > len(document.text):
        return False
    printed = {
        citation["quote"]
        for record in run.records
        for citation in (record["ask"]["citations"] if record["ask"] else ())
        if (citation["document_id"], citation["start"], citation["end"])
        == (document.id, span.start, span.end)
    }
    return not printed or span.of(document.text) in printed
