"""Bytes → documents: the kind by content, the limits, the files inside files; what fails is named and the rest goes on.

    for path in walk(paths, settings):           # Path, or Failure for what cannot be opened
        for found in load(read_file(path, settings), label(path), settings):
            ...                                  # Loaded, or Failure

Members of containers are labelled `box.zip!/inner/name.txt`, `mail.eml!/attachment.pdf`, `box.mbox!/0003.eml`.
"""

from __future__ import annotations

import hashlib
import importlib
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rag.documents import isolate
from rag.documents.archive import Budget, BudgetSpent, check_package, members
from rag.documents.building import Attachment, Parsed, merge_spans
from rag.documents.kinds import Kind, kind_of
from rag.documents.language import language_of
from rag.documents.walk import Failure, failure_of, label, read_file, walk
from rag.errors import UnreadableFile
from rag.settings import MIB, DocumentSettings
from rag.types import Document, Span

__all__ = ["Failure", "Loaded", "label", "load", "read_file", "walk"]

# Readers of our own in plain Python: quick and without C libraries. Large files go to a worker all the same, because
# only there the time limit can hold.
_IN_PROCESS = {
    "text": ("rag.documents.text", "parse_text"),
    "markdown": ("rag.documents.text", "parse_markdown"),
    "csv": ("rag.documents.office", "parse_csv"),
    "mail": ("rag.documents.mail", "parse_mail"),
    "mbox": ("rag.documents.mail", "parse_mbox"),
}
_LARGE = 2 * MIB
_SLUG = 40


@dataclass(frozen=True)
class Loaded:
    """A document and the bytes it was made from (for a file inside another one: its own bytes)."""

    document: Document
    data: bytes


def load(data: bytes, path: str, settings: DocumentSettings) -> Iterator[Loaded | Failure]:
    """The document of one file, or those of all files inside it, or why not. `path` is the label that they get."""
    yield from _load(data, path, settings, Budget.of(settings), depth=0)


def _load(
    data: bytes, path: str, settings: DocumentSettings, budget: Budget, depth: int
) -> Iterator[Loaded | Failure]:
    try:
        if len(data) > settings.max_bytes:
            raise UnreadableFile(
                f"{len(data) // MIB:,} MiB, more than the limit of {settings.max_bytes // MIB:,} MiB",
                where=path,
                next_step="split the file, or raise documents.max_bytes",
            )
        kind = kind_of(data, path)
        if kind.family == "zip":
            yield from _inside(members(data, path, settings, budget), path, settings, budget, depth)
            return
        parsed = _parse(kind, data, path, settings)
        if parsed.text.strip():
            yield Loaded(_document(parsed, kind, data, path, settings), data)
        elif not parsed.attachments:
            raise UnreadableFile(
                "no text was found in the file", where=path, next_step="check whether it was saved completely"
            )
        yield from _inside(iter(parsed.attachments), path, settings, budget, depth)
    except BudgetSpent as error:
        if depth:
            raise  # nothing more is read of the outer archives either
        yield failure_of(error, path)
    except UnreadableFile as error:
        yield failure_of(error, path)


def _inside(
    files: Iterator[Attachment] | Iterator[Attachment | UnreadableFile],
    path: str,
    settings: DocumentSettings,
    budget: Budget,
    depth: int,
) -> Iterator[Loaded | Failure]:
    seen: set[str] = set()
    for found in files:
        if isinstance(found, UnreadableFile):
            yield failure_of(found, f"{path}!/{label(found.where)}")
            continue
        if depth >= settings.max_nesting:
            raise UnreadableFile(
                f"files inside files more than {settings.max_nesting} deep",
                where=path,
                next_step="unpack it yourself, or raise documents.max_nesting",
            )
        yield from _load(
            found.data, f"{path}!/{_free(_member_label(found.name), seen)}", settings, budget, depth + 1
        )


def _member_label(name: str) -> str:
    """A name from inside a file: no way up, no root, no drive, nothing unprintable; never used as a path."""
    parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".", "..")]
    return "/".join(map(label, parts)) or "unnamed"


def _free(name: str, seen: set[str]) -> str:
    """`name`, or "name (2)" where an attachment of that name came before."""
    free, number = name, 1
    while free in seen:
        number += 1
        stem, dot, ending = name.rpartition(".")
        free = f"{stem} ({number}).{ending}" if dot and stem else f"{name} ({number})"
    seen.add(free)
    return free


def _parse(kind: Kind, data: bytes, path: str, settings: DocumentSettings) -> Parsed:
    if kind.family in ("docx", "xlsx"):
        check_package(data, path, settings)
    if kind.family in _IN_PROCESS and len(data) <= _LARGE and not (kind.family == "mail" and _has_html(data)):
        module, function = _IN_PROCESS[kind.family]
        reader: Callable[[bytes, str, DocumentSettings], Parsed] = getattr(
            importlib.import_module(module), function
        )
        return reader(data, path, settings)
    return isolate.parse(kind.family, data, path, settings)


def _has_html(data: bytes) -> bool:
    return b"text/html" in data.lower()


def _document(parsed: Parsed, kind: Kind, data: bytes, path: str, settings: DocumentSettings) -> Document:
    if len(parsed.text) > settings.max_characters:
        raise UnreadableFile(
            f"the text has {len(parsed.text):,} characters, more than the limit of {settings.max_characters:,}",
            where=path,
            next_step="split the file, or raise documents.max_characters",
        )
    digest = hashlib.sha256(data).hexdigest()
    furniture = merge_spans(parsed.furniture)
    return Document(
        id=document_id(path, digest),
        text=parsed.text,
        sha256=digest,
        media_type=kind.media_type if kind.media_type == "text/tab-separated-values" else parsed.media_type,
        path=path,
        title=_short(parsed.title),
        source=_short(parsed.source),
        author=_short(parsed.author),
        published=parsed.published,
        modified=parsed.modified,
        language=parsed.language or language_of(parsed.text, furniture),
        pages=parsed.pages,
        headings=_apart(parsed.headings),
        furniture=furniture,
    )


def _short(value: str | None) -> str | None:
    """Metadata on one line, at most 300 characters; None where nothing is left."""
    text = " ".join((value or "").split())
    return (text if len(text) <= 300 else text[:299].rstrip() + "…") or None


def _apart(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """Ascending, without those that overlap an earlier one. Touching headings stay two, unlike furniture."""
    kept: list[Span] = []
    for span in sorted(spans):
        if len(span) and (not kept or kept[-1].end <= span.start):
            kept.append(span)
    return tuple(kept)


def document_id(path: str, digest: str) -> str:
    """A slug of the file's stem (ASCII, at most 40 characters) and the first 8 digits of its sha256."""
    name = re.split(r"[/\\]", path)[-1]
    stem = name.rpartition(".")[0] or name
    ascii_stem = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_stem)[:_SLUG].strip("-")
    return f"{slug or 'document'}-{digest[:8]}"
