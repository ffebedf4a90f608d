"""Words with boxes → fragments → lines and rows of a page.

Coordinates are points, x to the right, y *down* the page, after turning text upright.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

_SPLIT_EM = 0.8  # a wider gap in a row may be a gutter or the side of a cell
_JOIN_EM = 0.35  # pieces closer than this belong together, whatever the drawing order
_SPACE_EM = 0.17  # a gap that reads as a space where the file has none; tightly set lines go down to 0.2


@dataclass(slots=True)
class Word:
    """Characters drawn without a break. `size` is the font size in points; `spaced`: white space stood before it."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    bold: bool = False
    spaced: bool = True


@dataclass(slots=True)
class Fragment:
    """Words of one row without a wide gap. `order` is its place in the drawing order."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    bold: bool
    order: int
    first_word: float = 0.0  # width of the first word, points

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


@dataclass(slots=True)
class Line:
    """The fragments of one row of one region, left to right."""

    fragments: list[Fragment]
    left: float = field(init=False)
    right: float = field(init=False)
    top: float = field(init=False)
    bottom: float = field(init=False)
    size: float = field(init=False)
    bold: bool = field(init=False)

    def __post_init__(self) -> None:
        self.fragments.sort(key=lambda piece: piece.left)
        self.left = self.fragments[0].left
        self.right = max(piece.right for piece in self.fragments)
        self.top = min(piece.top for piece in self.fragments)
        self.bottom = max(piece.bottom for piece in self.fragments)
        self.size = max(self.fragments, key=lambda piece: (len(piece.text), piece.size)).size
        letters = sum(len(piece.text) for piece in self.fragments)
        self.bold = 2 * sum(len(piece.text) for piece in self.fragments if piece.bold) > letters

    @property
    def cells(self) -> int:
        """Pieces that stand apart so far (1.5 em) that they read as cells of a table."""
        return 1 + sum(
            later.left - earlier.right > 1.5 * self.size for earlier, later in pairwise(self.fragments)
        )

    @property
    def text(self) -> str:
        """Pieces joined by one space, by three where they stand apart as cells do (`sentences` knows them by that)."""
        parts = [self.fragments[0].text]
        for earlier, later in pairwise(self.fragments):
            gap = later.left - earlier.right
            parts.append("   " if gap > 1.5 * self.size else " " if gap > _SPACE_EM * self.size else "")
            parts.append(later.text)
        return "".join(parts)


@dataclass(slots=True)
class Region:
    """Lines that follow each other in one column (or across the page), top to bottom."""

    lines: list[Line]

    @property
    def left(self) -> float:
        return min(line.left for line in self.lines)

    @property
    def right(self) -> float:
        return max(line.right for line in self.lines)


def _overlap(one: Fragment | Word, other: Fragment | Word) -> float:
    """Shared height as a part of the lower of the two."""
    height = min(one.bottom - one.top, other.bottom - other.top)
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared / height if height > 0 else 0.0


def fragments_of(words: Iterable[Word]) -> list[Fragment]:
    """Words in drawing order → fragments, split at wide gaps, line ends and jumps."""
    found: list[Fragment] = []
    run: list[Word] = []
    for word in words:
        if run and not _continues(run[-1], word):
            found.append(_fragment(run, len(found)))
            run = []
        run.append(word)
    if run:
        found.append(_fragment(run, len(found)))
    return _rejoined(found)


def _continues(last: Word, word: Word) -> bool:
    em = max(last.size, word.size)
    return _overlap(last, word) >= 0.5 and -0.5 * em <= word.left - last.right <= _SPLIT_EM * em


def _fragment(run: Sequence[Word], order: int) -> Fragment:
    parts = [run[0].text]
    for earlier, later in pairwise(run):
        apart = later.spaced or later.left - earlier.right > _SPACE_EM * max(earlier.size, later.size)
        parts.append(" " + later.text if apart else later.text)
    weights: dict[float, int] = {}
    for word in run:
        weights[word.size] = weights.get(word.size, 0) + len(word.text)
    letters = sum(weights.values())
    return Fragment(
        text="".join(parts),
        left=run[0].left,
        top=min(word.top for word in run),
        right=max(word.right for word in run),
        bottom=max(word.bottom for word in run),
        size=max(weights, key=lambda size: (weights[size], size)),
        bold=2 * sum(len(word.text) for word in run if word.bold) > letters,
        order=order,
        first_word=run[0].right - run[0].left,
    )


def _rejoined(fragments: list[Fragment]) -> list[Fragment]:
    """Fragments of a row that touch, joined: raised numbers and words in another font may be drawn out of turn."""
    done: list[Fragment] = []
    for row in rows(fragments):
        kept = row[0]
        for piece in row[1:]:
            gap = piece.left - kept.right
            em = max(kept.size, piece.size)
            if -0.2 * em <= gap <= _JOIN_EM * em and _overlap(kept, piece) >= 0.5:
                space = " " if gap > _SPACE_EM * em else ""
                longer = kept if len(kept.text) >= len(piece.text) else piece
                kept = Fragment(
                    text=kept.text + space + piece.text,
                    left=kept.left,
                    top=min(kept.top, piece.top),
                    right=max(kept.right, piece.right),
                    bottom=max(kept.bottom, piece.bottom),
                    size=longer.size,
                    bold=longer.bold,
                    order=min(kept.order, piece.order),
                    first_word=kept.first_word,
                )
            else:
                done.append(kept)
                kept = piece
        done.append(kept)
    return done


def rows(fragments: Iterable[Fragment]) -> list[list[Fragment]]:
    """Fragments that stand beside each other, top to bottom; each row left to right."""
    found: list[list[Fragment]] = []
    for piece in sorted(fragments, key=lambda one: (one.middle, one.left)):
        # A tall initial or bracket must not chain the rows beside it, so compare with the row's first piece only.
        if found and _overlap(found[-1][0], piece) >= 0.5:
            found[-1].append(piece)
        else:
            found.append([piece])
    for row in found:
        row.sort(key=lambda one: one.left)
    return found
