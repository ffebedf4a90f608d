"""A text as units: lines, or the lines that hard wrapping cut one paragraph into, with their simple features.

`clean`, `text` and `metadata` all decide by looking at units and their neighbours, so they share this one view.
Offsets are those of the text that was given.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from rag.types import Span

_CLOSERS = "\"'”’»)]*_ "
_TERMINAL = ".!?…。！？"
_WORD = re.compile(r"[^\W_]+(?:[’'´`.\-/][^\W_]+)*")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# A sentence ends here: punctuation, closing marks, white space, then something that can start one.
_BREAK = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+(?=[\"'“‘«(\[¿¡]*[A-Z0-9ÁÉÍÓÚÑÜÀÈÌÒÙÂÊÎÔÛÄÖÇ])")
# Short words that end with a full stop in the middle of a sentence: titles, initials, months.
_ABBREVIATION = re.compile(
    r"(?:^|[\s(“\"'’])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|Gen|Gov|Sen|Rep|Lt|Col|Capt|St|Sr|Sra|Srta|Dra|Lic|Ing|No|Núm|vs|etc|"
    r"Inc|Ltd|Co|Corp|Jan|Feb|Mar|Apr|Aug|Sept?|Oct|Nov|Dec|U\.S|U\.N|U\.K|EE|UU|p|pp|art|e\.g|i\.e)\.$"
)


@dataclass(frozen=True, slots=True)
class Unit:
    """One line, or one hard-wrapped paragraph. `text` is without the white space at both ends.

    `gap` counts the blank lines above it. `words` are runs of letters and digits; in scripts without spaces every two
    characters count as one word.
    """

    span: Span
    text: str
    gap: int
    words: int = field(init=False)

    def __post_init__(self) -> None:
        wide = len(_WIDE.findall(self.text))
        object.__setattr__(
            self, "words", wide // 2 if wide > len(self.text) // 3 else len(_WORD.findall(self.text))
        )

    @property
    def ends_sentence(self) -> bool:
        return self.text.rstrip(_CLOSERS)[-1:] in tuple(_TERMINAL)

    @property
    def is_prose(self) -> bool:
        """Running text: a sentence that ends, or one too long to be a label, or several sentences."""
        if self.words >= 20:
            return True
        if self.text.endswith(("...", "…")) and self.words < 12:
            return False
        return (self.ends_sentence and self.words >= 6) or (
            self.words >= 8 and bool(_BREAK.search(self.text))
        )


def word_set(text: str) -> frozenset[str]:
    """The words of `text`, which is easier to read than a list of strings."""
    return frozenset(text.split())


@lru_cache(maxsize=1)  # one text is looked at several times in a row
def units_of(text: str) -> tuple[Unit, ...]:
    """Every unit of `text` in order; blank lines belong to none."""
    raw: list[tuple[int, int, int]] = []
    offset = gap = 0
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped:
            start = offset + len(line) - len(line.lstrip())
            raw.append((start, start + len(stripped), gap))
            gap = 0
        else:
            gap += 1
        offset += len(line) + 1
    width = _wrap_width(raw)
    joined: list[tuple[int, int, int]] = []
    for index, (start, end, gap) in enumerate(raw):
        if joined and gap == 0 and _continues(text, raw[index - 1], (start, end, gap), width):
            joined[-1] = (joined[-1][0], end, joined[-1][2])
        else:
            joined.append((start, end, gap))
    return tuple(Unit(Span(start, end), text[start:end], gap) for start, end, gap in joined)


def within(units: Sequence[Unit], spans: Sequence[Span]) -> list[bool]:
    """For each unit, whether one of `spans` (both ascending) contains it. Linear."""
    inside, place = [], 0
    for unit in units:
        while place < len(spans) and spans[place].end < unit.span.end:
            place += 1
        inside.append(place < len(spans) and spans[place].contains(unit.span))
    return inside


def _wrap_width(raw: list[tuple[int, int, int]]) -> int | None:
    """The column at which the text was wrapped by a machine, or None where its lines are paragraphs.

    Wrapped: among the lines that another line follows directly, most are 50 to 100 characters long, and none is longer.
    """
    followed = [end - start for (start, end, _), below in pairwise(raw) if below[2] == 0]
    if len(followed) < 3 or max(end - start for start, end, _ in raw) > 100:
        return None
    full = [length for length in followed if length >= 50]
    return int(statistics.median(full)) if len(full) >= 0.6 * len(followed) else None


def _continues(text: str, above: tuple[int, int, int], here: tuple[int, int, int], width: int | None) -> bool:
    """True where the line `here` carries on the sentence of the line above it."""
    length = above[1] - above[0]
    first = text[here[0]]
    if first in "-*•·–—|>#" or text[above[0]] in "|#":
        return False
    ends = text[above[0] : above[1]].rstrip(_CLOSERS)[-1:] in tuple(_TERMINAL)
    if width is not None and length >= 0.75 * width:
        return True
    return 45 <= length <= 120 and not ends and first.islower()


def sentences_in(unit: Unit) -> list[Span]:
    """Rough sentences of one unit, without white space between them; good enough to look for calls to action."""
    cuts = [0]
    for found in _BREAK.finditer(unit.text):
        if not _ABBREVIATION.search(unit.text[max(0, found.start() - 12) : found.start()]):
            cuts.append(found.end())
    cuts.append(len(unit.text))
    spans = []
    for start, end in pairwise(cuts):
        piece = unit.text[start:end].rstrip()
        spans.append(Span(unit.span.start + start, unit.span.start + start + len(piece)))
    return [span for span in spans if len(span)]
