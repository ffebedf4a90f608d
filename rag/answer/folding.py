"""Text folded for comparison, with the way back to the original characters.

Two texts that fold alike differ only in typesetting: white space, quotation marks, dashes, ligatures and other
compatibility forms, soft hyphens, invisible characters, words broken over a line. Case, accents, figures and words are
never folded: superscripts (10² is not 102), fractions and enclosed forms keep their difference.

Offsets are carried as runs instead of one number a character, because almost all of a text folds to itself: a
megabyte folds in 0.1 to 0.4 s, more where every other word carries a curly quotation mark.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from rag.types import Span

# Where a word is broken over a line ("nar-\nco") it cannot be known whether the hyphen belongs to the word. The break
# folds to this one character, which a search may read as nothing or as a hyphen. (A noncharacter: no text has it.)
BREAK = "\ufdd0"

# Soft hyphen, zero-width characters, direction marks, variation selectors: seen by no reader, skipped.
INVISIBLE = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff"

_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_SINGLE = "'\u2018\u2019\u201a\u201b\u2032\u2035\u2039\u203a\u00b4`\u02bc\uff07"
_DOUBLE = '"\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb\u301d\u301e\u301f\uff02'
# Compatibility forms that mean something else than their plain letters or digits.
_KEPT_FORMS = ("<super>", "<sub>", "<fraction>", "<circle>", "<square>")

_PATTERN = re.compile(
    rf"(?P<broken>(?<=[^\W_])[-\u2010\u00ad][^\S\n]*\n[^\S\n]*(?=[^\W_]))"
    rf"|(?P<gap>[^\S ][\s{INVISIBLE}]*|[{INVISIBLE}][\s{INVISIBLE}]*| [\s{INVISIBLE}]+)"
    rf"|(?P<prime>(?<=\d)[{_SINGLE}{_DOUBLE}])"
    rf"|(?P<quote>[{_SINGLE}{_DOUBLE}])"
    rf"|(?P<dash>[{_DASHES}]{{2,3}}|[{_DASHES[1:]}])"
    r"|(?P<other>[^\x00-\x7f])"
)


@dataclass(frozen=True, slots=True)
class Folded:
    """`text` is the folded text; the rest says where each of its runs came from, in ascending order."""

    text: str
    _starts: list[int]  # of each run in the folded text
    _origins: list[int]  # where each run starts in the original
    _ends: list[int]  # and where it ends there
    _same: list[bool]  # whether the run stands for itself, character by character

    def original(self, start: int, end: int) -> Span | None:
        """The original characters behind folded `[start, end)`; None where it would cut one of them in two.

        An original character may fold to several ("ﬁ" to "fi"); half of it is not a place in the original.
        """
        first = bisect_right(self._starts, start) - 1
        last = bisect_right(self._starts, end - 1) - 1
        into, out_of = start - self._starts[first], end - self._starts[last]
        if into and not self._same[first]:
            return None
        if self._same[last]:
            return Span(self._origins[first] + into, self._origins[last] + out_of)
        run_end = self._starts[last + 1] if last + 1 < len(self._starts) else len(self.text)
        return Span(self._origins[first] + into, self._ends[last]) if end == run_end else None

    def find(self, words: str) -> Iterator[Span]:
        """Each place, in the original, of text that folds to `words` (which is folded already), ascending."""
        if not words:
            return
        if BREAK in self.text or BREAK in words:
            pattern = re.compile(_over_breaks(words))
            found = pattern.search(self.text)
            while found:
                span = self.original(found.start(), found.end())
                if span is not None:
                    yield span
                found = pattern.search(self.text, _next_start(self.text, found.start()))
            return
        at = self.text.find(words)
        while at >= 0:
            span = self.original(at, at + len(words))
            if span is not None:
                yield span
            at = self.text.find(words, _next_start(self.text, at))


def fold(text: str) -> Folded:
    """`text`, folded. Words of somebody else's are to be NFC first, as documents are."""
    pieces: list[str] = []
    starts: list[int] = []
    origins: list[int] = []
    ends: list[int] = []
    same: list[bool] = []
    at = length = 0

    def run(piece: str, start: int, end: int, itself: bool) -> None:
        nonlocal length
        if piece:
            pieces.append(piece)
            starts.append(length)
            origins.append(start)
            ends.append(end)
            same.append(itself)
            length += len(piece)

    for match in _PATTERN.finditer(text):
        piece = _replacement(match)
        if piece != match.group():
            run(text[at : match.start()], at, match.start(), True)
            run(piece, match.start(), match.end(), False)
            at = match.end()
    run(text[at:], at, len(text), True)
    return Folded("".join(pieces), starts, origins, ends, same)


def _replacement(match: re.Match[str]) -> str:
    kind, found = match.lastgroup, match.group()
    if kind == "other":
        return _plain(found)
    if kind == "gap":
        return " " if any(char.isspace() for char in found) else ""
    if kind == "broken":
        return BREAK
    if kind == "dash":
        return "-"
    # Models turn “inner” quotation marks into ‘single’ ones, so both fold alike; but after a digit they are feet and
    # inches, or minutes and seconds, and a figure keeps its unit.
    return "'" if kind == "prime" and found in _SINGLE else '"'


@lru_cache(maxsize=4096)
def _plain(char: str) -> str:
    form = unicodedata.decomposition(char)
    if char == BREAK:
        return "\ufdd1"
    return (
        unicodedata.normalize("NFKC", char) if form[:1] == "<" and not form.startswith(_KEPT_FORMS) else char
    )


def _over_breaks(words: str) -> str:
    """A pattern for `words` in which a line break inside a word may stand for its hyphen, or for nothing.

    Every character is escaped. At each place at most one reading of a break is possible, so it never backtracks far.
    """
    parts: list[str] = []
    for index, char in enumerate(words):
        after = words[index + 1 : index + 2]
        if char == BREAK:
            parts.append(f"(?:{BREAK}|-?)")
        elif char == "-":
            parts.append(f"(?:-|{BREAK})")
        elif char == " " and words[index - 1 : index] == "-":
            parts.append(f"(?: |(?<={BREAK}))")
        elif char.isalpha() and after.isalpha() and after.islower():
            parts.append(f"{re.escape(char)}{BREAK}?")
        else:
            parts.append(re.escape(char))
    return "".join(parts)


_WORD_START = re.compile(r"(?<!\w)\w|\W")


def _next_start(text: str, at: int) -> int:
    """Where to search on after a find at `at` that was not taken: the next word, so that long words cost no more."""
    found = _WORD_START.search(text, at + 1)
    return found.start() if found else len(text)
