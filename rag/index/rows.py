"""Documents and passages as rows of the catalogue, and back: the only place that knows both forms."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.index.catalogue import Catalogue
from rag.index.lexical import Entry
from rag.index.records import DocumentRecord
from rag.types import Document, Page, Passage, Span

Matrix = NDArray[np.float32]


def day_of(moment: str | None) -> str | None:
    """The day of an ISO 8601 date or date-time, as written there (no change of time zone): `2026-02-03`."""
    return None if moment is None else dt.datetime.fromisoformat(moment).date().isoformat()


def text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _spans(spans: Sequence[Span]) -> list[list[int]]:
    return [[span.start, span.end] for span in spans]


def _about(document: Document) -> str:
    return json.dumps(
        {
            "media_type": document.media_type,
            "title": document.title,
            "source": document.source,
            "author": document.author,
            "published": document.published,
            "modified": document.modified,
            "language": document.language,
            "pages": [[page.number, page.span.start, page.span.end] for page in document.pages],
            "headings": _spans(document.headings),
            "furniture": _spans(document.furniture),
        },
        ensure_ascii=False,
    )


def insert_document(
    catalogue: Catalogue, document: Document, passages: Sequence[Passage], vectors: Matrix
) -> tuple[int, list[int]]:
    """Write one document as *pending*; inside a transaction. Gives its number and those of its passages.

    `vectors`: (passages, dimension), row for row.
    """
    number = catalogue.run(
        "INSERT INTO documents (id, state, sha256, text, text_sha256, characters, about, source, published, language,"
        " added_at) VALUES (?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            document.id,
            document.sha256,
            document.text,
            text_digest(document.text),
            len(document.text),
            _about(document),
            document.source,
            day_of(document.published),
            document.language,
            dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        ),
    )
    numbers = insert_passages(catalogue, number, document, passages, vectors)
    return number, numbers


def insert_passages(
    catalogue: Catalogue, number: int, document: Document, passages: Sequence[Passage], vectors: Matrix
) -> list[int]:
    """Write the passages of document `number` and their vectors; gives the passages' numbers."""
    numbers = []
    for passage in passages:
        if passage.text != passage.span.of(document.text):
            raise ValueError(f"{passage.id}: its text is not the slice of the document's")
        numbers.append(
            catalogue.run(
                "INSERT INTO passages (document, ordinal, start, end, heading, tokens, digest)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    number,
                    passage.ordinal,
                    passage.span.start,
                    passage.span.end,
                    passage.heading,
                    passage.tokens,
                    zlib.crc32(passage.text.encode()),
                ),
            )
        )
    insert_vectors(catalogue, numbers, vectors)
    return numbers


def insert_vectors(catalogue: Catalogue, passages: Sequence[int], vectors: Matrix) -> None:
    blobs = [np.ascontiguousarray(vector, np.float32).tobytes() for vector in vectors]
    catalogue.run_many(
        "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)",
        [(number, blob, zlib.crc32(blob)) for number, blob in zip(passages, blobs, strict=True)],
    )


_DOCUMENT = (
    "SELECT documents.id, text, documents.sha256, about,"
    " (SELECT path FROM places WHERE document = documents.number ORDER BY places.number LIMIT 1)"
    " FROM documents"
)


def _document(row: tuple[Any, ...]) -> Document:
    identity, text, sha256, about_json, path = row
    about = json.loads(about_json)
    return Document(
        id=identity,
        text=text,
        sha256=sha256,
        media_type=about["media_type"],
        path=path or "",
        title=about["title"],
        source=about["source"],
        author=about["author"],
        published=about["published"],
        modified=about["modified"],
        language=about["language"],
        pages=tuple(Page(number, Span(start, end)) for number, start, end in about["pages"]),
        headings=tuple(Span(start, end) for start, end in about["headings"]),
        furniture=tuple(Span(start, end) for start, end in about["furniture"]),
    )


def ready_document(catalogue: Catalogue, document_id: str) -> Document | None:
    row = catalogue.row(f"{_DOCUMENT} WHERE documents.id = ? AND state = 'ready'", (document_id,))
    return None if row is None else _document(row)


def document_at(catalogue: Catalogue, number: int) -> Document:
    """Raises ValueError where what is stored is not a valid document."""
    row = catalogue.row(f"{_DOCUMENT} WHERE documents.number = ?", (number,))
    if row is None:
        raise ValueError(f"there is no document number {number}")
    return _document(row)


def records(catalogue: Catalogue, document_id: str | None = None) -> list[DocumentRecord]:
    """Records of the ready documents, by id; of one only, where `document_id` is given."""
    only, values = ("", ()) if document_id is None else (" AND documents.id = ?", (document_id,))
    found = []
    with catalogue.snapshot():
        rows = catalogue.rows(
            "SELECT number, id, sha256, text_sha256, characters, about, added_at,"
            " (SELECT count(*) FROM passages WHERE document = documents.number)"
            f" FROM documents WHERE state = 'ready'{only} ORDER BY id",
            values,
        )
        places: dict[int, list[str]] = {}
        for number, path in catalogue.rows_for(
            "SELECT document, path FROM places WHERE document IN (?) ORDER BY number",
            [row[0] for row in rows],
        ):
            places.setdefault(number, []).append(path)
    for number, identity, sha256, text_sha256, characters, about_json, added_at, passages in rows:
        about = json.loads(about_json)
        paths = places.get(number, [])
        found.append(
            DocumentRecord(
                document_id=identity,
                path=paths[0] if paths else "",
                title=about["title"],
                source=about["source"],
                author=about["author"],
                published=about["published"],
                modified=about["modified"],
                language=about["language"],
                media_type=about["media_type"],
                pages=len(about["pages"]) or None,
                characters=characters,
                passages=passages,
                sha256=sha256,
                text_sha256=text_sha256,
                copies=tuple(paths),
                added_at=added_at,
            )
        )
    return found


def passages_of(catalogue: Catalogue, document: Document) -> list[Passage]:
    """The passages of `document`, in order."""
    # Sliced here rather than by SQLite, which would walk through the whole text for each of them.
    return [
        Passage(document.id, ordinal, Span(start, end), document.text[start:end], heading, tokens)
        for ordinal, start, end, heading, tokens in catalogue.rows(
            "SELECT ordinal, start, end, heading, tokens FROM passages"
            " WHERE document = (SELECT number FROM documents WHERE id = ?) ORDER BY ordinal",
            (document.id,),
        )
    ]


def ready_ids(catalogue: Catalogue, passages: Iterable[int]) -> dict[int, tuple[str, str]]:
    """(passage id, document id) by passage number, of those whose document is ready."""
    rows = catalogue.rows_for(
        "SELECT passages.number, documents.id, ordinal FROM passages"
        " JOIN documents ON documents.number = passages.document"
        " WHERE state = 'ready' AND passages.number IN (?)",
        passages,
    )
    return {number: (f"{document_id}:{ordinal:05d}", document_id) for number, document_id, ordinal in rows}


def entries(catalogue: Catalogue, documents: Iterable[int]) -> Iterator[Entry]:
    """What the word index holds of these documents."""
    for number in documents:
        document = document_at(catalogue, number)
        rows = catalogue.rows(
            "SELECT number, start, end, heading FROM passages WHERE document = ? ORDER BY ordinal", (number,)
        )
        for passage, start, end, heading in rows:
            head = " ".join(part for part in (document.title, heading) if part)
            yield Entry(number, passage, document.text[start:end], head, document.language)


def ready_numbers(catalogue: Catalogue) -> list[int]:
    return [
        n for (n,) in catalogue.rows("SELECT number FROM documents WHERE state = 'ready' ORDER BY number")
    ]
