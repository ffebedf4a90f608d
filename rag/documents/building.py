"""`TextBuilder`: readers append blocks, and the canonical text and its spans come out together.

Spans are counted while the text is written, never searched for afterwards, so they hold for repeated text too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rag.types import Page, Span

Kind = Literal["body", "heading", "furniture"]

_LINE_ENDS = re.compile(r"\r\n?|\x85|\u2028|\u2029|\x0b|\x0c")


def canonical(text: str) -> str:
    """NFC, `\\n` line ends, no NUL, no unpaired surrogates; everything else is left as it is."""
    text = _LINE_ENDS.sub("\n", text).replace("\x00", "").removeprefix("\ufeff")
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return unicodedata.normalize("NFC", text)


def shows_text(text: str) -> bool:
    """True where something in `text` can be seen: not only white space, controls and characters without width."""
    return any(
        not character.isspace() and unicodedata.category(character) not in ("Cc", "Cf") for character in text
    )


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside a file: a mail's attachment, a member of an archive. `name` is only ever a label."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a reader makes of one file's bytes. Spans are of `text`, which is canonical."""

    text: str
    media_type: str
    title: str | None = None
    source: str | None = None
    author: str | None = None
    published: str | None = None
    modified: str | None = None
    language: str | None = None
    pages: tuple[Page, ...] = ()
    headings: tuple[Span, ...] = ()
    furniture: tuple[Span, ...] = ()
    attachments: tuple[Attachment, ...] = ()


@dataclass
class TextBuilder:
    """Writes a document's text block by block and remembers what each block was.

    >>> builder = TextBuilder()
    >>> builder.add("Report", "heading"); builder.add("First paragraph.")
    >>> builder.text
    'Report\\n\\nFirst paragraph.'
    """

    separator: str = "\n\n"
    headings: list[Span] = field(default_factory=list)
    furniture: list[Span] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)
    _length: int = 0

    def add(self, block: str, kind: Kind = "body", separator: str | None = None) -> Span:
        """Append one block, after `separator` (default: the builder's) unless it is the first; give its span."""
        block = canonical(block).strip("\n")
        if not block.strip():
            return Span(self._length, self._length)
        if self._length:
            joint = self.separator if separator is None else separator
            self._parts.append(joint)
            self._length += len(joint)
            # A block that starts with a combining mark would melt into the joint under NFC.
            if unicodedata.combining(block[0]):
                block = "\u00a0" + block
        span = Span(self._length, self._length + len(block))
        self._parts.append(block)
        self._length = span.end
        if kind == "heading":
            self.headings.append(span)
        elif kind == "furniture":
            self.furniture.append(span)
        return span

    def end_page(self, number: int) -> None:
        """Everything since the last page's end is page `number`."""
        start = self.pages[-1].span.end if self.pages else 0
        self.pages.append(Page(number, Span(start, self._length)))

    @property
    def text(self) -> str:
        return "".join(self._parts)


def merge_spans(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Ascending spans without overlap that cover the same characters; touching ones are joined."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        elif len(span):
            merged.append(span)
    return tuple(merged)
