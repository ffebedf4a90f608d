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
from rag.documents.building import Attachment, Parsed, merge_spans, shows_text
from rag.documents.kinds import Kind, kind_of
from rag.documents.language import language_of
from rag.documents.walk import Failure, failure_of, label, read_file, walk
from rag.errors import UnreadableFile
from rag.settings import MIB, DocumentSettings
from rag.types import Document, Span

__all__ = ["Failure", "Loaded", "label", "load", "read_file", "walk"]

# Readers of our own in plain Python, without C libraries: ordinary files are read at once, in a few milliseconds. Files
# of unusual shape go to a worker all the same, because only there the time limit can hold.
_IN_PROCESS = {
    "text": ("rag.documents.text", "parse_text"),
    "markdown": ("rag.documents.text", "parse_markdown"),
    "csv": ("rag.documents.office", "parse_csv"),
    "mail": ("rag.documents.mail", "parse_mail"),
    "mbox": ("rag.documents.mail", "parse_mbox"),
}
_SMALL = 4_096  # bytes; whatever is in them, they take no time
_LARGE = 256 * 1024
_LONG_LINE = 20_000
_MANY_LINES = 5_000
# What is in a mail besides lines of text: parts that are decoded, and structures that can be nested.
_MAIL_PARTS = re.compile(
    rb"text/html|multipart/|message/|base64|quoted-printable|^[\w-]{1,60}:[^\n]{2000}", re.I | re.M
)
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
        if shows_text(parsed.text):
            yield Loaded(_document(parsed, kind, data, path, settings), data)
        elif not parsed.attachments:
            raise UnreadableFile(
                "the file holds no text", where=path, next_step="check whether it was saved completely"
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
    if kind.family in _IN_PROCESS and _is_ordinary(kind, data):
        module, function = _IN_PROCESS[kind.family]
        reader: Callable[[bytes, str, DocumentSettings], Parsed] = getattr(
            importlib.import_module(module), function
        )
        try:
            return reader(data, path, settings)
        except RecursionError:
            raise UnreadableFile(
                "its parts are nested too deep",
                where=path,
                next_step="open the file, save it again and add that",
            ) from None
    return isolate.parse(kind.family, data, path, settings)


def _is_ordinary(kind: Kind, data: bytes) -> bool:
    """True for text that our readers cannot take long with: small, UTF-8, in lines of usual length."""
    if kind.family == "mail" and _MAIL_PARTS.search(data):
        return False
    if len(data) <= _SMALL:
        return True
    if len(data) > _LARGE or b"\x00" in data:
        return False
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    lines = text.split("\n")
    return len(lines) <= _MANY_LINES and max(map(len, lines)) <= _LONG_LINE


def _document(parsed: Parsed, kind: Kind, data: bytes, path: str, settings: DocumentSettings) -> Document:
    if len(parsed.text) > settings.max_characters:
        raise UnreadableFile(
            f"the text has {len(parsed.text):,} characters, more than the limit of {settings.max_characters:,}",
            where=path,
            next_step="split the file, or raise documents.max_characters",
        )
    digest = hashlib.sha256(data).hexdigest()
    furniture = _not_all(parsed.text, merge_spans(parsed.furniture), parsed.media_type, path)
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


def _not_all(text: str, furniture: tuple[Span, ...], media_type: str, path: str) -> tuple[Span, ...]:
    """The furniture, or none of it where nothing else would be left: a document that cannot be found helps nobody.

    A page of nothing but menus is most often a wall in front of the article: its reader is to know.
    """
    offset = 0
    for span in furniture:
        if shows_text(text[offset : span.start]):
            return furniture
        offset = span.end
    if not furniture or shows_text(text[offset:]):
        return furniture
    if media_type == "text/html":
        raise UnreadableFile(
            "nothing but menus, forms and notices was found on the page",
            where=path,
            next_step="save it after it has loaded completely, or copy its text into a text file and add that",
        )
    return ()


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
