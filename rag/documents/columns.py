"""Reading order: fragments with boxes → lines in the order in which a person reads them.

A PDF holds glyphs at places, in any order. Two orders are at hand, and each is wrong somewhere: the order in which
the file draws them (wrong where a program wrote row by row across two columns) and the order on the page (wrong for
side-by-side cells that are several lines tall). We cut the page at *gutters*, tall empty strips with text on both
sides, and ask the drawing order only where the geometry alone cannot tell columns of prose from a table:

- drawn first one side, then the other: columns, whatever stands in them;
- drawn side by side in a few tall pieces, each below the one before: those pieces are bands, each of them columns
  (this is also how tables with tall cells are drawn: cell by cell, row by row);
- drawn row by row across the gutter: columns if both sides look like prose (most lines reach across their side and
  go on in lower case), otherwise a table, which is read row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from rag.documents.layout import Fragment, Line, Region, rows

_GUTTER_EM = 0.6
_MIN_ROWS = 3  # fewer rows on one side are no column
_BIN = 2.0  # points; the grid on which gutters are looked for
_BINS = 5_000  # at most; pages of kilometres exist only in damaged files
_DEPTH = 6  # columns inside columns


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
    """Middles of the strips that the fewest fragments cross, each a local minimum, from the least crossed.

    Last come strips that one or two fragments may enter: a headline or a subtitle that happens to end in the gutter
    would narrow it until it is none.
    """
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
    strict = [x for _, x in sorted(found)[:12]]
    return [*strict, *_entered(crossings, left, width)]


def _entered(crossings: Sequence[int], left: float, width: float) -> list[float]:
    """Middles of the inner strips that at most one, then at most two fragments cross, the widest first."""
    found: list[float] = []
    for most in (1, 2):
        strips: list[tuple[int, int]] = []
        start: int | None = None
        for index, crossing in enumerate(crossings):
            if crossing <= most:
                start = index if start is None else start
            elif start is not None:
                strips.append((start, index))
                start = None
        inner = [(begin, end) for begin, end in strips if begin > 0]
        inner.sort(key=lambda strip: strip[0] - strip[1])
        found += [left + (begin + end) / 2 * width for begin, end in inner[:3]]
    return found


def _bands(ordered: Sequence[Fragment], x: float) -> tuple[list[Band], int]:
    """The page cut at `x`, and how many rows stand in columns. Fragments across `x` end a run of columns."""
    bands: list[Band] = []
    across: list[Fragment] = []
    score = 0
    for run in _runs(ordered, x):
        crosses = run[0].left < x < run[0].right
        if across and not crosses:
            rest = _below_heading(across, run)
            across.extend(run[: len(run) - len(rest)])
            run = rest
        columns = [] if crosses else _columns(run, x)
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


def _below_heading(across: Sequence[Fragment], run: list[Fragment]) -> list[Fragment]:
    """`run` without the short last lines of a heading above it: set larger than the run, with nothing beside them."""
    usual = median(piece.size for piece in run)
    last = across[-1]
    taken = 0
    while taken < len(run) - 1:
        piece, below = run[taken], run[taken + 1]
        larger = piece.size > 1.12 * usual and abs(piece.size - last.size) <= 0.08 * last.size
        if not larger or below.top < piece.bottom - 0.2 * piece.size or piece.top > last.bottom + piece.size:
            break
        last, taken = piece, taken + 1
    return run[taken:]


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
