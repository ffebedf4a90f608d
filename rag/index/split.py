"""Passages: the pieces of a document that are embedded, searched and shown.

A passage is a run of whole sentences of one section. Furniture (menus, forms) divides, and so does every heading,
which belongs to the passage that it opens. Spans come from the sentence spans, never from searching, so they hold for
repeated text. Sizes are even within a section rather than full ones and a small rest.
"""

from __future__ import annotations

import math
import unicodedata
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag.errors import SettingsError
from rag.index.embed import Embedder
from rag.sentences import sentences
from rag.settings import IndexSettings
from rag.types import Document, Passage, Span

_LEAST_TOKENS = 16  # below this a passage says nothing; an embedder that leaves less cannot be used
_TITLE_COST, _HEADING_COST = (
    32,
    20,
)  # the most that a title and a heading may take of the window, in estimated tokens
_ROWS = frozenset(
    {
        "text/csv",
        "text/tab-separated-values",
        "application/vnd.ms-excel",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
)
_CLAUSE_ENDS = frozenset(',;:.!?)]}»”’"…—–。、，；：！？')
_TOKEN_CHARACTERS = 16  # a token that stands for more counts as several


def split(document: Document, embedder: Embedder, settings: IndexSettings) -> tuple[Passage, ...]:
    """The passages of a document, in order.

    Starts ascend strictly; passages, furniture and white space cover the text; two neighbours share whole sentences
    of at most `overlap_tokens`; `embedding_text` of each has at most `embedder.window - 2` tokens. A sentence that is
    too long for one passage is cut at a clause, a word or, failing both, a token.

    Raises:
        SettingsError: the embedder's window has no room for a passage.
    """
    sections = _sections(document)
    units = [_units(document, section) for section in sections]
    counts = _counts(embedder, [unit.of(document.text) for group in units for unit in group])
    prefixes = _counts(embedder, [_prefix(document.title, section.heading) for section in sections])
    room = embedder.window - 2
    while True:
        found: list[tuple[str | None, Span]] = []
        at = 0
        for section, group, prefix in zip(sections, units, prefixes, strict=True):
            limit = min(settings.passage_tokens, room - prefix)
            if limit < _LEAST_TOKENS:
                raise SettingsError(
                    f"a passage of {limit} tokens is too small",
                    where=f"index.passage_tokens = {settings.passage_tokens}, window {embedder.window}",
                    next_step=f"allow at least {_LEAST_TOKENS} tokens, or use an embedder with a larger window",
                )
            fitting = _fit(document.text, group, counts[at : at + len(group)], embedder, limit)
            at += len(group)
            overlap = min(settings.overlap_tokens, limit // 2)
            found += [(section.heading, span) for span in _pack(fitting, limit, overlap)]
        passages = _numbered(document, found, embedder)
        excess = max((passage.tokens for passage in passages), default=0) - (embedder.window - 2)
        if excess <= 0:
            return passages
        # Only with tokenizers whose tokens reach across white space, so that the parts count less than the whole.
        room -= excess


def _numbered(
    document: Document, found: Sequence[tuple[str | None, Span]], embedder: Embedder
) -> tuple[Passage, ...]:
    passages = [
        Passage(document.id, ordinal, span, span.of(document.text), heading)
        for ordinal, (heading, span) in enumerate(found)
    ]
    counts = embedder.count_tokens([embedding_text(document.title, passage) for passage in passages])
    return tuple(replace(passage, tokens=tokens) for passage, tokens in zip(passages, counts, strict=True))


def embedding_text(document_title: str | None, passage: Passage) -> str:
    """What is embedded for a passage: the title and the heading, each shortened and on a line of its own, then its text.

    A title or heading that the text itself begins with is not repeated.
    """
    prefix = _prefix(document_title, passage.heading, passage.text)
    return f"{prefix}\n{passage.text}" if prefix else passage.text


def _prefix(title: str | None, heading: str | None, text: str = "") -> str:
    title = _shortened(title or "", _TITLE_COST)
    heading = _shortened(heading or "", _HEADING_COST)
    start = " ".join(text[: 2 * (len(title) + len(heading)) + 16].split())
    lines = [title] if title and not start.startswith(title) else []
    if heading and heading != title and not start.startswith(heading):
        lines.append(heading)
    return "\n".join(lines)


def _shortened(line: str, cost: int) -> str:
    """The first words of `line`, on one line, that are estimated to make at most `cost` tokens.

    An estimate, because it has to be the same wherever a passage is embedded; `split` counts what comes out of it.
    """
    kept = []
    for word in line[: 64 * cost].split():  # a line of a megabyte is not looked through for every passage
        cost -= 1 + len(word) // 6 if word.isascii() else 1 + len(word)
        if cost < 0:
            break
        kept.append(word)
    return " ".join(kept)


@dataclass(frozen=True)
class _Section:
    """Text without furniture, under one heading. `parts` are cut where a heading ends."""

    heading: str | None
    parts: tuple[Span, ...]


@dataclass(frozen=True)
class _Unit:
    """A sentence, or a piece of one, that no passage divides."""

    span: Span
    tokens: int


def _sections(document: Document) -> list[_Section]:
    sections: list[_Section] = []
    heading: str | None = None
    headings = deque(document.headings)
    for region in _outside(document.furniture, len(document.text)):
        parts: list[Span] = []
        body = False  # a title and a subtitle without text between them open one section together
        at = region.start
        while headings and headings[0].start < region.end:
            start, end = max(headings[0].start, at), min(headings[0].end, region.end)
            if headings[0].end > region.end:
                headings[0] = Span(region.end, headings[0].end)  # furniture divides it
            else:
                headings.popleft()
            line = " ".join(document.text[start:end].split()) if start < end else ""
            if not line:
                continue
            if document.text[at:start].strip():
                parts.append(Span(at, start))
                body = True
            if body:
                sections.append(_Section(heading, tuple(parts)))
                parts, body = [], False
            heading = line
            parts.append(Span(start, end))
            at = end
        parts.append(Span(at, region.end))
        sections.append(_Section(heading, tuple(parts)))
    return sections


def _outside(spans: Sequence[Span], length: int) -> Iterator[Span]:
    """The gaps between ascending spans, up to `length`."""
    at = 0
    for span in spans:
        if span.start > at:
            yield Span(at, span.start)
        at = max(at, span.end)
    if length > at:
        yield Span(at, length)


def _units(document: Document, section: _Section) -> list[Span]:
    found: list[Span] = []
    for part in section.parts:
        text = part.of(document.text)
        spans = _lines(text) if document.media_type in _ROWS else sentences(text, document.language)
        found += [span.shifted(part.start) for span in spans]
    return found


def _lines(text: str) -> list[Span]:
    found, at = [], 0
    for line in text.split("\n"):
        trimmed = _trimmed(text, Span(at, at + len(line)))
        found += [trimmed] if len(trimmed) else []
        at += len(line) + 1
    return found


def _counts(embedder: Embedder, texts: Sequence[str]) -> list[int]:
    distinct = list(dict.fromkeys(texts))
    known = dict(zip(distinct, embedder.count_tokens(distinct), strict=True))
    return [known[text] for text in texts]


def _weight(span: Span, tokens: int) -> int:
    """Tokens, or more for a span that its tokens do not tell the length of.

    BERT reads any word of over 100 characters as one unknown token, and white space as none: an encoded picture in a
    mail would be one passage of a million characters.
    """
    return max(tokens, len(span) // _TOKEN_CHARACTERS)


def _fit(
    text: str, spans: Sequence[Span], counts: Sequence[int], embedder: Embedder, limit: int
) -> list[_Unit]:
    """Units of at most `limit` tokens: the spans, those that are longer in pieces."""
    units = []
    for span, tokens in zip(spans, counts, strict=True):
        weight = _weight(span, tokens)
        units += [_Unit(span, weight)] if weight <= limit else _cut(text, span, embedder, limit)
    return units


def _cut(text: str, span: Span, embedder: Embedder, limit: int) -> list[_Unit]:
    """Pieces of a span that has too many tokens, white space between them left out."""
    tokens = [
        Span(at, min(at + _TOKEN_CHARACTERS, found.end))
        for found in (token.shifted(span.start) for token in embedder.token_spans(span.of(text)))
        for at in range(found.start, found.end, _TOKEN_CHARACTERS)
    ]
    pieces = []
    first, start = 0, span.start
    while len(tokens) - first > limit:
        last = _last_token(text, tokens, first, limit)
        end = _whole_character(text, tokens[last].start, start)
        pieces.append(_trimmed(text, Span(start, end)))
        first, start = last, end
    pieces.append(_trimmed(text, Span(start, span.end)))
    pieces = [piece for piece in pieces if len(piece)]
    units = []
    # A word that is cut has other tokens than before, so every piece is counted again.
    for piece, count in zip(pieces, embedder.count_tokens([piece.of(text) for piece in pieces]), strict=True):
        weight = _weight(piece, count)
        if weight <= limit or len(piece) == 1:
            units.append(_Unit(piece, weight))
        else:
            middle = _whole_character(text, (piece.start + piece.end) // 2, piece.start)
            for half in (Span(piece.start, middle), Span(middle, piece.end)):
                trimmed = _trimmed(text, half)
                units += _cut(text, trimmed, embedder, limit) if len(trimmed) else []
    return units


def _last_token(text: str, tokens: Sequence[Span], first: int, limit: int) -> int:
    """Index of the token that starts the next piece: after a clause, else after a word, else where the limit is."""
    after_word = None
    for index in range(first + limit, first + limit // 2, -1):
        before, here = tokens[index - 1].end, tokens[index].start
        if before < here and text[before:here].isspace():
            after_word = after_word or index
            if text[before - 1] in _CLAUSE_ENDS:
                return index
    return after_word or first + limit


def _whole_character(text: str, offset: int, start: int) -> int:
    """`offset`, or the nearest place before it (after `start`) that does not part a mark from its letter."""
    for place in range(offset, start, -1):
        if (
            not unicodedata.category(text[place]).startswith("M")
            and "\u200d" not in text[place - 1 : place + 1]
        ):
            return place
    return max(offset, start + 1)


def _trimmed(text: str, span: Span) -> Span:
    start, end = span.start, span.end
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end)


def _pack(units: Sequence[_Unit], limit: int, overlap: int) -> Iterator[Span]:
    """Runs of units of at most `limit` tokens, of even size; each repeats up to `overlap` tokens of the one before."""
    remaining = sum(unit.tokens for unit in units)
    previous = -1  # first unit of the passage before
    new = 0  # first unit that no passage has yet
    while new < len(units):
        first = new
        repeated = 0
        while first - 1 > previous and repeated + units[first - 1].tokens <= min(
            overlap, limit - units[new].tokens
        ):
            first -= 1
            repeated += units[first].tokens
        if repeated + remaining <= limit:
            yield Span(units[first].span.start, units[-1].span.end)
            return
        target = remaining / math.ceil(remaining / max(1, limit - overlap))
        end, size = new, 0
        while (
            end < len(units)
            and repeated + size + units[end].tokens <= limit
            and (size < target or end == new)
        ):
            size += units[end].tokens
            end += 1
        yield Span(units[first].span.start, units[end - 1].span.end)
        remaining -= size
        previous, new = first, end
