"""Reading order: words with boxes → lines in the order in which a person reads them.

A PDF holds glyphs at places, in any order. Two orders are at hand, and each is wrong somewhere: the order in which
the file draws them (wrong where a program wrote row by row across two columns) and the order on the page (wrong for
side-by-side cells that are several lines tall). We cut the page at *gutters*, tall empty strips with text on both
sides, and ask the drawing order only where the geometry alone cannot tell columns of prose from a table:

- drawn first one side, then the other: columns, whatever stands in them;
- drawn side by side in a few tall pieces, each below the one before: those pieces are bands, each of them columns
  (this is also how tables with tall cells are drawn: cell by cell, row by row);
- drawn row by row across the gutter: columns if both sides look like prose (most lines reach across their side and
  go on in lower case), otherwise a table, which is read row by row.

Coordinates are points, x to the right, y *down* the page, after turning text upright.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median

_SPLIT_EM = 0.8  # a wider gap in a row may be a gutter or the side of a cell
_JOIN_EM = 0.35  # pieces closer than this belong together, whatever the drawing order
_SPACE_EM = 0.17  # a gap that reads as a space where the file has none; tightly set lines go down to 0.2
_GUTTER_EM = 0.6
_MIN_ROWS = 3  # fewer rows on one side are no column
_BIN = 2.0  # points; the grid on which gutters are looked for
_BINS = 5_000  # at most; pages of kilometres exist only in damaged files
_DEPTH = 6  # columns inside columns


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


def reading_order(fragments: Sequence[Fragment]) -> list[Region]:
    """Regions in reading order; the text of every fragment is in exactly one of their lines."""
    return [
        Region([Line(row) for row in rows(_whole_cells(group))])
        for group in _groups(list(fragments), _DEPTH)
        if group
    ]


def _whole_cells(group: list[Fragment]) -> list[Fragment]:
    """Lines of one cell of a table as one fragment: drawn one after the other, below each other, beside other text.

    Otherwise the second line of a cell would be read after the last cell of the row.
    """
    cells: list[list[Fragment]] = []
    for piece in sorted(group, key=lambda one: one.order):
        if cells and _below(cells[-1][-1], piece):
            cells[-1].append(piece)
        else:
            cells.append([piece])
    found: list[Fragment] = []
    for cell in cells:
        whole = _cell(cell) if len(cell) > 1 else cell[0]
        own = {id(piece) for piece in cell}
        beside = any(
            id(piece) not in own
            and piece.top < whole.bottom
            and piece.bottom > whole.top
            and _apart(piece, whole)
            for piece in group
        )
        found.extend([whole] if beside else cell)
    return found


def _below(upper: Fragment, lower: Fragment) -> bool:
    """`lower` is the next line of the same left-aligned or centred cell."""
    height = upper.bottom - upper.top
    aligned = (
        abs(upper.left - lower.left) < 3.0 or abs(upper.left + upper.right - lower.left - lower.right) < 6.0
    )
    return aligned and upper.middle < lower.top < upper.bottom + 0.5 * height and upper.size == lower.size


def _apart(one: Fragment, other: Fragment) -> bool:
    return one.left >= other.right or one.right <= other.left


def _cell(lines: Sequence[Fragment]) -> Fragment:
    text = lines[0].text
    for line in lines[1:]:
        cut = text.endswith(("-", "\u00ad")) and line.text[0].islower()
        text = text[:-1] + line.text if cut else f"{text} {line.text}"
    return replace(
        lines[0],
        text=text,
        left=min(line.left for line in lines),
        right=max(line.right for line in lines),
        bottom=max(line.bottom for line in lines),
    )


def _groups(fragments: list[Fragment], depth: int) -> list[list[Fragment]]:
    cut = _best_gutter(fragments) if depth and len(fragments) >= 2 * _MIN_ROWS else None
    if cut is None:
        return [fragments]
    found: list[list[Fragment]] = []
    for band in cut:
        for side in band:
            # A side is always smaller than the whole, or this would not end.
            found.extend(_groups(side, depth - 1) if len(side) < len(fragments) else [side])
    return found


Band = tuple[list[Fragment], ...]  # one list (read across) or two (left column, right column)


def _best_gutter(fragments: list[Fragment]) -> list[Band] | None:
    """Bands of the gutter that parts most rows into columns; None where no strip of the page does."""
    left = min(piece.left for piece in fragments)
    right = max(piece.right for piece in fragments)
    ordered = sorted(fragments, key=lambda piece: (piece.top, piece.left))
    best: tuple[int, list[Band]] | None = None
    for x in _candidates(fragments, left, right):
        bands, score = _bands(ordered, x)
        if score and (best is None or score > best[0]):
            best = (score, bands)
    return best[1] if best else None


def _candidates(fragments: Sequence[Fragment], left: float, right: float) -> list[float]:
    """Middles of the strips that the fewest fragments cross, each a local minimum, from the least crossed."""
    width = max(_BIN, (right - left) / _BINS)
    bins = int((right - left) / width) + 1
    change = [0] * (bins + 1)
    for piece in fragments:
        change[int((piece.left - left) / width)] += 1
        change[min(bins, int((piece.right - left) / width) + 1)] -= 1
    crossings: list[int] = []
    for step in change[:bins]:
        crossings.append((crossings[-1] if crossings else 0) + step)
    found: list[tuple[int, float]] = []
    start = 0
    for index in range(1, bins + 1):
        if index < bins and crossings[index] == crossings[start]:
            continue
        inner = start > 0 and index < bins
        if inner and crossings[start - 1] > crossings[start] < crossings[index]:
            found.append((crossings[start], left + (start + index) / 2 * width))
        start = index
    return [x for _, x in sorted(found)[:12]]


def _bands(ordered: Sequence[Fragment], x: float) -> tuple[list[Band], int]:
    """The page cut at `x`, and how many rows stand in columns. Fragments across `x` end a run of columns."""
    bands: list[Band] = []
    across: list[Fragment] = []
    score = 0
    for run in _runs(ordered, x):
        columns = [] if run[0].left < x < run[0].right else _columns(run, x)
        if columns:
            if across:
                bands.append((across,))
                across = []
            for left, right in columns:
                bands.append((left, right))
                score += min(len(rows(left)), len(rows(right)))
        else:
            across.extend(run)
    if across:
        bands.append((across,))
    return bands, score


def _runs(ordered: Sequence[Fragment], x: float) -> list[list[Fragment]]:
    found: list[list[Fragment]] = []
    crossing = None
    for piece in ordered:
        now = piece.left < x < piece.right
        if not found or now != crossing:
            found.append([])
        found[-1].append(piece)
        crossing = now
    return found


def _columns(run: Sequence[Fragment], x: float) -> list[tuple[list[Fragment], list[Fragment]]]:
    """The run as columns left and right of `x`, in one band or several; empty where it is a table or one column."""
    left = [piece for piece in run if piece.right <= x]
    right = [piece for piece in run if piece.left >= x]
    if not left or not right:
        return []
    gutter = min(piece.left for piece in right) - max(piece.right for piece in left)
    if gutter < _GUTTER_EM * median(piece.size for piece in run):
        return []
    shared = min(max(piece.bottom for piece in left), max(piece.bottom for piece in right)) - max(
        left[0].top, right[0].top
    )
    if min(len(rows(left)), len(rows(right))) < _MIN_ROWS or shared < 2 * median(p.size for p in run):
        return []
    pieces = _drawn_pieces(run, x)
    if len(pieces) <= 2 or (_is_prose(left) and _is_prose(right)):
        if len(pieces) > 2 and (stacked := _stacked(pieces, x)):
            return stacked
        return [(left, right)]
    return _stacked(pieces, x)


def _drawn_pieces(run: Sequence[Fragment], x: float) -> list[list[Fragment]]:
    """The run in drawing order, cut where the drawing changes sides."""
    pieces: list[list[Fragment]] = []
    for piece in sorted(run, key=lambda one: one.order):
        if pieces and (pieces[-1][0].left >= x) == (piece.left >= x):
            pieces[-1].append(piece)
        else:
            pieces.append([piece])
    return pieces


def _stacked(pieces: Sequence[list[Fragment]], x: float) -> list[tuple[list[Fragment], list[Fragment]]]:
    """Bands of tall pieces, left then right, each band below the one before; empty where the drawing is not so."""
    heights = [len(rows(piece)) for piece in pieces]
    # Both sides tall: a short left piece beside a tall right one is the first cell of a row, read with its row.
    if min(median(heights[::2]), median(heights[1::2])) < 2 or pieces[0][0].left >= x:
        return []
    bands = [
        (pieces[index], pieces[index + 1] if index + 1 < len(pieces) else [])
        for index in range(0, len(pieces), 2)
    ]
    for above, below in pairwise(bands):
        floor = max(piece.bottom for side in above for piece in side)
        if min(piece.middle for side in below for piece in side) < floor:
            return []
    return bands


def _is_prose(side: Sequence[Fragment]) -> bool:
    """Running text: lines reach across their column, have several words, and some go on in lower case."""
    lines = [Line(row) for row in rows(side)]
    width = max(line.right for line in lines) - min(line.left for line in lines)
    texts = [line.text for line in lines]
    cased = [text for text in texts if text[0].lower() != text[0].upper()]
    continued = sum(text[0].islower() for text in cased)
    return (
        median(line.right - line.left for line in lines) >= 0.7 * width
        and median(len(text.split()) for text in texts) >= 3
        and (not cased or continued >= 0.25 * len(texts))
    )
