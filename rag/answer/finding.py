"""Where words stand in a document, and whether a place may be quoted: what `rag.answer.verify` decides with.

Nothing here makes a quote.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.answer.folding import BREAK, INVISIBLE, Folded, fold
from rag.types import Document, Span

_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_BROKEN_BEFORE = re.compile(r"[^\W\d_][-\u2010\u00ad][^\S\n]*\n[^\S\n]*$")
_BROKEN_AFTER = re.compile(r"[-\u2010\u00ad][^\S\n]*\n[^\S\n]*[^\W\d_]")
_NO_SPACE_BEFORE = re.compile(rf"[{INVISIBLE}]+$")
_NO_SPACE_AFTER = re.compile(rf"[{INVISIBLE}]+")
# 1,200 and 1.5 and 10–20 and 12:30 and 3/4 and 2025-02-27 are one figure each; so is 37 200 with a no-break space.
_IN_FIGURE = "[.,:/'’·⁄\u00a0\u2009\u202f\u2010-\u2015-]"
_FIGURE_BEFORE = re.compile(rf"(?:\d{_IN_FIGURE}|(?:^|[\s(\[])[-\u2212])$")
_FIGURE_AFTER = re.compile(rf"{_IN_FIGURE}\d|[\u00b2\u00b3\u00b9\u2070-\u2079]")
_PREFIX_BEFORE = re.compile(
    r"\b(?:non|un|anti|ex|counter|pseudo|quasi|never|former)[-\u2010\u2011]$", re.IGNORECASE
)
_NEGATION_BEFORE = re.compile(
    r"(?:\b(?:not|never|no|nor|neither|without|cannot|hardly|nunca|jamás|ni|sin|tampoco)|n['’]t)(?P<gap>\s+)[\"'“‘«]?$",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
_CONTEXT = 32  # characters looked at on either side of a place
_CHANGED_SHARE = (
    0.6  # share of words in common from which a sentence is named as what the words were made from
)

CUTS_A_WORD = "the place cuts a word or a figure of the source in two"
LEAVES_OUT_NEGATION = "the place leaves out the negation right before it"
NO_WORDS = "the evidence holds no words"
NO_EVIDENCE = "the answerer gave no evidence for it"
NOT_SHOWN = "the document it names was not among those shown"
OUTSIDE_DOCUMENT = "the place lies outside the document's text"
OUTSIDE_PASSAGES = "found only outside the passages that were shown"
FURNITURE = "found only in furniture (menus, adverts, forms, running headers)"
NOT_TOGETHER = "the words stand in the source, but not together in this order"
QUESTION_ONLY = "the words are the question's, not a document's"
NOT_FOUND = "not found in any document that was shown"


@dataclass(frozen=True, slots=True)
class Match:
    """Where words were found. `folded`: they differ from the source in typesetting only."""

    span: Span
    state: Literal["exact", "folded"]


def find_quote(words: str, document: Document, within: Sequence[Span]) -> Match | None:
    """Where `words` stand in `document` inside one span of `within`, furniture left out; None where they do not.

    An exact find anywhere in `within` goes before a folded one; among equals the span that comes first in `within`
    (best-ranked passage first), then the earliest place. Offsets are those of the document's own text.
    """
    found = search(words, document, without_furniture(document, within))
    return found if isinstance(found, Match) else None


def checked(span: Span, document: Document, shown: Sequence[Span]) -> Span | str:
    """A place given as a span, trimmed of white space at its ends; or the reason why it cannot be quoted."""
    text = document.text
    if span.end > len(text):
        return OUTSIDE_DOCUMENT
    piece = span.of(text)
    start = span.start + len(piece) - len(piece.lstrip())
    span = Span(start, max(start, span.start + len(piece.rstrip())))
    if not _WORD.search(span.of(text)):
        return NO_WORDS
    if not any(passage.contains(span) for passage in shown):
        return OUTSIDE_PASSAGES
    if document.is_furniture(span):
        return FURNITURE
    return _cut(text, span) or span


def search(
    words: str, document: Document, within: Sequence[Span], folded: Folded | None = None
) -> Match | str | None:
    """`find_quote` over spans free of furniture. A str is the reason why every place that was found is unusable."""
    needle, text = plain_needle(words), document.text
    reason: str | None = None
    if not needle:
        return NO_WORDS
    for space in within:
        for span in _exact(needle, text, space):
            reason = _cut(text, span)
            if reason is None:
                return Match(span, "exact")
    plain = fold(needle).text.strip()
    # A model often wraps its evidence in quotation marks of its own.
    unwrapped = plain[1:-1].strip() if len(plain) > 2 and plain[0] == plain[-1] == '"' else ""
    for wanted in filter(None, (plain, unwrapped)):
        for span in _folded_places(wanted, text, within, folded):
            cut = _cut(text, span)
            if cut is None:
                return Match(span, "folded")
            reason = cut
    return reason


def _folded_places(wanted: str, text: str, within: Sequence[Span], folded: Folded | None) -> Iterator[Span]:
    if folded is None:
        for space in within:
            for span in fold(space.of(text)).find(wanted):
                yield span.shifted(space.start)
        return
    for span in folded.find(wanted):
        if any(space.contains(span) for space in within):
            yield span


def plain_needle(words: str) -> str:
    """Words as they are looked for: NFC like every document, no white space at the ends; empty without any word."""
    needle = unicodedata.normalize("NFC", words).strip()
    return needle if _WORD.search(needle) else ""


def _exact(needle: str, text: str, space: Span) -> Iterator[Span]:
    at = text.find(needle, space.start, space.end)
    while at >= 0:
        yield Span(at, at + len(needle))
        following = _WORD.search(text, at + 1) if text[at : at + 1].isalnum() else None
        # Inside a word there is no usable start: go on after it, or a text of one letter would cost its square.
        onward = at + 1
        if following and following.start() == at + 1:
            onward = following.end()
        at = text.find(needle, onward, space.end)


def without_furniture(document: Document, within: Sequence[Span]) -> list[Span]:
    """`within`, in its order, with furniture taken out of each span and everything cut to the text."""
    if not document.furniture:
        return [
            Span(min(space.start, len(document.text)), min(space.end, len(document.text))) for space in within
        ]
    free: list[Span] = []
    for space in within:
        start, end = space.start, min(space.end, len(document.text))
        for piece in document.furniture:
            if piece.start >= end:
                break
            if piece.end > start:
                if piece.start > start:
                    free.append(Span(start, piece.start))
                start = max(start, piece.end)
        if start < end:
            free.append(Span(start, end))
    return free


def _cut(text: str, span: Span) -> str | None:
    """The reason why a quote may not begin or end where `span` does; None where it may."""
    before = _NO_SPACE_BEFORE.sub("", text[max(0, span.start - _CONTEXT) : span.start])
    tail = text[span.end : span.end + _CONTEXT]
    invisible = _NO_SPACE_AFTER.match(tail)
    after = tail[invisible.end() :] if invisible else tail
    first, last = text[span.start], text[span.end - 1]
    if (
        _joined(before[-1:], first)
        or _joined(last, after[:1])
        or unicodedata.combining(tail[:1] or " ")
        or (first.isdigit() and _FIGURE_BEFORE.search(before))
        or (last.isdigit() and _FIGURE_AFTER.match(after))
        or (first.isalpha() and (_BROKEN_BEFORE.search(before) or _PREFIX_BEFORE.search(before)))
        or (last.isalpha() and _BROKEN_AFTER.match(after))
        or (last.isalpha() and re.match(r"['’]t\b", after))
    ):
        return CUTS_A_WORD
    negation = _NEGATION_BEFORE.search(before)
    numbered = first.isdigit() and negation is not None and negation.group().casefold().startswith("no ")
    if negation and not numbered and not ("\n" in negation["gap"] and first.isupper()):
        return LEAVES_OUT_NEGATION
    return None


def _joined(left: str, right: str) -> bool:
    """True where two neighbours belong to one word; scripts without spaces between words never join."""
    if not (left.isalnum() and right.isalnum()) or _UNSPACED.match(left) or _UNSPACED.match(right):
        return False
    # A footnote's ² after a word is not part of it; after a figure it is a power.
    return left.isdigit() or unicodedata.category(right) != "No"


def altered(words: str, document: Document, within: Sequence[Span]) -> str | None:
    """The reason for words that were made from the source's: the nearest sentence, or that they are not together."""
    wanted = Counter(word.casefold() for word in _WORD.findall(fold(words).text.replace(BREAK, "")))
    best, nearest = 0.0, ""
    total = sum(wanted.values())
    for space in within:
        passage = space.of(document.text)
        for sentence in _SENTENCE.findall(passage):
            have = Counter(word.casefold() for word in _WORD.findall(sentence))
            share = sum((wanted & have).values()) / max(total, sum(have.values()), 1)
            if share > best:
                best, nearest = share, sentence.strip()
    if best >= _CHANGED_SHARE:
        return f"the words differ from the source, which has: {nearest}"
    for space in within:
        have = Counter(word.casefold() for word in _WORD.findall(space.of(document.text)))
        if total > 1 and not wanted - have:
            return NOT_TOGETHER
    return None
