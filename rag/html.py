"""The one renderer that turns document text into HTML: everything is escaped here, at the last step.

Nothing upstream of this module holds markup, so nothing that a document or a model says can become an element, an
attribute or a link.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from rag.types import Span


def escape(text: str) -> str:
    """`text` for element content and for double-quoted attribute values alike."""
    return html.escape(text, quote=True)


@dataclass(frozen=True, slots=True)
class Mark:
    """A span to highlight: `label` is the small number before it, `anchor` the element's id (both may be empty)."""

    span: Span
    label: str = ""
    anchor: str = ""
    css: str = "quote"


def highlighted(text: str, marks: Sequence[Mark], window: Span | None = None) -> str:
    """The escaped characters of `text` in `window` (default: all of it), with `<mark>` round each marked part.

    Marks may touch or overlap: where they do, the earlier one (by start, then by longer) keeps the shared characters
    and the rest of the later one is marked separately, so no character is lost, repeated or left unescaped.
    """
    window = window or Span(0, len(text))
    parts: list[str] = []
    at = window.start
    for mark in sorted(marks, key=lambda each: (each.span.start, -each.span.end)):
        start, end = max(mark.span.start, at), min(mark.span.end, window.end)
        if start >= end:
            continue
        parts.append(escape(text[at:start]))
        anchor = f' id="{escape(mark.anchor)}"' if mark.anchor else ""
        label = f"<sup>{escape(mark.label)}</sup>" if mark.label else ""
        parts.append(f'<mark class="{escape(mark.css)}"{anchor}>{label}{escape(text[start:end])}</mark>')
        at = end
    parts.append(escape(text[at : window.end]))
    return "".join(parts)


def context(text: str, span: Span, characters: int = 280) -> Span:
    """About `characters` either side of `span`, from and to a blank between words."""
    start = max(0, span.start - characters)
    if start:
        blank = text.find(" ", start, span.start)
        start = blank + 1 if blank >= 0 else start
    end = min(len(text), span.end + characters)
    if end < len(text):
        blank = text.rfind(" ", span.end, end)
        end = blank if blank >= 0 else end
    return Span(start, end)
