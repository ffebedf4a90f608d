"""What the library reports: a document's record, the outcome of `add`, the outcome of `check`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class Progress(Protocol):
    """Called while work goes on: `done` of `total` files, and what is being worked at."""

    def __call__(self, done: int, total: int, label: str) -> None: ...


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A document as the library lists it: everything but its text.

    `path` is the path under which it was first added (absolute, as it was named: symbolic links are not followed; a
    file inside a file is `box.zip!/inner.txt`), `copies` every path it was seen under, that one first. `pages` is the
    number of pages, None where there are none. `added_at` is ISO 8601 in UTC.
    """

    document_id: str
    path: str
    title: str | None
    source: str | None
    author: str | None
    published: str | None
    modified: str | None
    language: str | None
    media_type: str
    pages: int | None
    characters: int
    passages: int
    sha256: str
    text_sha256: str
    copies: tuple[str, ...]
    added_at: str

    def as_json(self) -> dict[str, Any]:
        return {**self.added_json(), "copies": list(self.copies), "added_at": self.added_at}

    def added_json(self) -> dict[str, Any]:
        """The object that `add` prints."""
        return {
            "document_id": self.document_id,
            "path": self.path,
            "title": self.title,
            "source": self.source,
            "author": self.author,
            "published": self.published,
            "modified": self.modified,
            "language": self.language,
            "media_type": self.media_type,
            "pages": self.pages,
            "characters": self.characters,
            "passages": self.passages,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, slots=True)
class LibrarySummary:
    """A library as a whole: its folder, how much can be searched, by which embedder, and who may read it.

    `confidential`: only answerers on this machine.
    """

    folder: str
    documents: int
    passages: int
    embedder: str
    confidential: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "folder": self.folder,
            "documents": self.documents,
            "passages": self.passages,
            "embedder": self.embedder,
            "confidential": self.confidential,
        }


@dataclass(frozen=True, slots=True)
class Seen:
    """A path and the document that stands at it."""

    document_id: str
    path: str

    def as_json(self) -> dict[str, Any]:
        return {"document_id": self.document_id, "path": self.path}


@dataclass(frozen=True, slots=True)
class Failed:
    """A path that did not become a document, why, and what to do."""

    path: str
    error: str
    next_step: str

    def as_json(self) -> dict[str, Any]:
        return {"path": self.path, "error": self.error, "next_step": self.next_step}


@dataclass(slots=True)
class AddReport:
    """What one `add` did, path by path. `passages` counts those of added and updated documents.

    `updated`: the path held other bytes before. `removed`: members of a changed archive or mail that are no longer in
    it. Filled while `add` runs; complete when it returns.
    """

    added: list[DocumentRecord] = field(default_factory=list)
    updated: list[DocumentRecord] = field(default_factory=list)
    unchanged: list[Seen] = field(default_factory=list)
    copies: list[Seen] = field(default_factory=list)
    removed: list[Seen] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passages(self) -> int:
        return sum(record.passages for record in [*self.added, *self.updated])

    def as_json(self) -> dict[str, Any]:
        return {
            "added": [record.added_json() for record in self.added],
            "updated": [record.added_json() for record in self.updated],
            "unchanged": _json(self.unchanged),
            "copies": _json(self.copies),
            "removed": _json(self.removed),
            "failed": _json(self.failed),
            "passages": self.passages,
            "seconds": round(self.seconds, 3),
        }


def _json(entries: Sequence[Seen | Failed]) -> list[dict[str, Any]]:
    return [entry.as_json() for entry in entries]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `check` found: counts, and one line for each problem (none: the library is whole)."""

    documents: int
    passages: int
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {"documents": self.documents, "passages": self.passages, "problems": list(self.problems)}
