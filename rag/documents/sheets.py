"""Pages with placed words → one text with page spans, whether the words came from a PDF or from an OCR.

Running headers, footers, page numbers, line numbers and watermarks are *furniture*: kept in the text, never indexed.
A row counts as running when it recurs at the same place of several pages and its numbers stay the same or count with
the pages (so "Total: 26" and "Total: 37" at the foot of two pages are not furniture), seen from the edge of the page
inwards. The nearest page numbers are recognised on a single page too ("Page 3 of 7").

A paragraph that runs over a page's end stays in one piece: the furniture and the footnotes between its two parts are
put before its first and after its second part, so they stay on their own pages. Every page has a span, in order, and
together the pages cover the text. A page that could not be read says so in a piece of furniture on that page.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from rag.documents.building import Kind, TextBuilder
from rag.documents.columns import reading_order
from rag.documents.layout import Fragment, Region, rows
from rag.documents.paragraphs import Block, Style, blocks_of, stitch, style_of, vocabulary

_ZONE = 0.15  # of the page's height: how far from an edge furniture may stand
_SAME_PLACE = 6.0  # points
_GAP = 0.6  # heights of a row; more than between two lines of a paragraph
_TITLE_BLOCKS = 6  # a title stands this near the top of the first page
_PAGE_NUMBER = re.compile(
    r"(?:page|pag|pg|página|pág|seite|p)\.?\s*\d{1,4}(?:\s*(?:of|de|von|sur|/)\s*\d{1,4})?"
    r"|\d{1,4}\s*(?:of|de|von|/)\s*\d{1,4}|[-–—|]\s*\d{1,4}\s*[-–—|]",
    re.IGNORECASE,
)
_ROMAN = re.compile(r"m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})", re.IGNORECASE)


@dataclass(slots=True)
class Sheet:
    """One page. `top`, `bottom`: its edges in the fragments' coordinates. `aside`: texts that are furniture from the
    start (watermarks, text outside the visible page). `comments`: readers' notes, text of their own. `sideways`:
    fragments turned against the rest of the page, in coordinates of their own. `smooth`: sizes are an OCR's guesses.
    `note`: why the page, or a part, is missing.
    """

    number: int
    top: float
    bottom: float
    fragments: list[Fragment] = field(default_factory=list)
    sideways: list[list[Fragment]] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    label: str = ""
    smooth: bool = False
    note: str = ""


@dataclass(slots=True)
class _Page:
    """A sheet's blocks, ready to be written: furniture above, body, comments, furniture below."""

    number: int
    above: list[str]
    blocks: list[Block]
    comments: list[str]
    below: list[str]


def compose(sheets: Sequence[Sheet]) -> tuple[TextBuilder, str | None]:
    """The text of all sheets with its spans, and the largest heading of the first page that has text, as a title."""
    running = _running_rows(sheets)
    parts: list[tuple[Sheet, list[str], list[Region], list[str]]] = []
    for sheet in sheets:
        above, body, below = _without(sheet, running[sheet.number])
        numbers, body = _line_numbers(body)
        regions = reading_order(body) if body else []
        for turned in sheet.sideways:
            regions += reading_order(turned)
        parts.append((sheet, above, regions, [*below, *numbers, *sheet.aside]))
    style = style_of(region for _, _, regions, _ in parts for region in regions)
    words = vocabulary(line for _, _, regions, _ in parts for region in regions for line in region.lines)
    pages = []
    for sheet, above, regions, below in parts:
        blocks = _joined((blocks_of(region, style, words, sheet.smooth) for region in regions), words)
        below = [*below, sheet.note] if sheet.note else below
        pages.append(_Page(sheet.number, above, blocks, sheet.comments, below))
    return _written(pages, style, words), _largest_heading(pages, style)


def _joined(columns: Iterable[list[Block]], words: Counter[str]) -> list[Block]:
    """The blocks of a page's columns in one list; a paragraph that goes on in the next column is one block."""
    found: list[Block] = []
    for blocks in columns:
        if found and blocks and _runs_over(found[-1], blocks[0]):
            last, first = found.pop(), blocks[0]
            whole = stitch(last.text, first.text, words)
            joined = replace(last, text=whole, open_end=first.open_end, room=first.room)
            blocks = [joined, *blocks[1:]]
        found += blocks
    return found


def _runs_over(last: Block, first: Block) -> bool:
    """Is `first`, in the next column or page, the rest of the paragraph `last`?"""
    near = (
        last.room < 4 * last.size and len(last.text.split()) >= 6
    )  # lines that are set ragged differ so much
    full = last.text[-1] in ",-\u2010\u00ad" or near or last.room < first.first_word + 0.9 * last.size
    joined = first.goes_on or (full and not first.fresh)
    return (
        last.open_end
        and joined
        and abs(last.size - first.size) <= 0.08 * last.size
        and last.bold == first.bold
    )


def _written(pages: Sequence[_Page], style: Style, words: Counter[str]) -> TextBuilder:
    builder = TextBuilder()
    carried = False  # the last page's paragraph goes on here
    joint = ""
    for index, page in enumerate(pages):
        following = pages[index + 1] if index + 1 < len(pages) else None
        blocks = list(page.blocks)
        notes = _footnotes(blocks, style)
        body = blocks[: len(blocks) - len(notes)]
        if carried:
            first, body = body[0], body[1:]
            builder.add(first.text, "body", separator=joint)
        for text in page.above:
            builder.add(text, "furniture")
        last = body[-1] if body else None
        carries = (
            last is not None
            and following is not None
            and bool(following.blocks)
            and _runs_over(last, following.blocks[0])
        )
        tail: list[tuple[str, Kind]] = [(note.text, note.kind) for note in notes]
        tail += [(text, "body") for text in page.comments]
        tail += [(text, "furniture") for text in page.below]
        for block in body[:-1] if carries else body:
            builder.add(block.text, block.kind)
        for text, kind in tail:
            builder.add(text, kind)
        if carries and last is not None and following is not None:
            rest = following.blocks[0].text
            whole = stitch(last.text, rest, words)
            kept = whole[: len(whole) - len(rest)]
            builder.add(kept.rstrip(" "), "body")
            joint = " " if kept.endswith(" ") else ""
        carried = carries
        builder.end_page(page.number)
    return builder


def _footnotes(blocks: Sequence[Block], style: Style) -> list[Block]:
    """The small print that ends a page, where there is body text above it."""
    count = 0
    while count < len(blocks) and blocks[-1 - count].size < 0.93 * style.size:
        count += 1
    return list(blocks[len(blocks) - count :]) if count < len(blocks) else []


def _largest_heading(pages: Sequence[_Page], style: Style) -> str | None:
    blocks = next((page.blocks for page in pages if page.blocks), [])[:_TITLE_BLOCKS]
    headings = [block for block in blocks if block.kind == "heading" and block.size >= 1.12 * style.size]
    return max(headings, key=lambda block: block.size).text if headings else None


@dataclass(frozen=True, slots=True)
class _Row:
    page: int
    bottom_edge: bool
    place: float  # points from its edge
    text: str
    fragments: list[Fragment]
    gap: float  # to the next row inwards, in heights of this row
    label: str

    @property
    def pattern(self) -> str:
        text = " ".join(self.text.casefold().split())
        if text and _ROMAN.fullmatch(text):
            return "#"
        return re.sub(r"\d+", "#", text)

    @property
    def numbers(self) -> tuple[int, ...]:
        text = self.text.strip()
        if text and _ROMAN.fullmatch(text):
            return (_roman(text),)
        return tuple(int(digits) for digits in re.findall(r"\d{1,12}", text))


def _roman(text: str) -> int:
    values = [
        {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}[letter]
        for letter in text.casefold()
    ]
    following = [*values[1:], 0]
    return sum(-value if value < after else value for value, after in zip(values, following, strict=True))


def _edge_rows(sheet: Sheet) -> list[_Row]:
    """Rows within the zones at the page's two edges, each edge from outside inwards."""
    found: list[_Row] = []
    all_rows = rows(sheet.fragments)
    height = sheet.bottom - sheet.top
    for bottom_edge in (False, True):
        ordered = all_rows[::-1] if bottom_edge else all_rows
        for index, row in enumerate(ordered[:5]):
            place = sheet.bottom - row[0].bottom if bottom_edge else row[0].top - sheet.top
            if place > _ZONE * height:
                break
            gap = 99.0
            if index + 1 < len(ordered):
                inner = ordered[index + 1][0]
                space = row[0].top - inner.bottom if bottom_edge else inner.top - row[0].bottom
                gap = space / max(row[0].bottom - row[0].top, 1.0)
            text = "  ".join(piece.text for piece in row)
            found.append(_Row(sheet.number, bottom_edge, place, text, row, gap, sheet.label))
    return found


def _running_rows(sheets: Sequence[Sheet]) -> dict[int, list[_Row]]:
    """The furniture rows of each page, by page number."""
    edges = {sheet.number: _edge_rows(sheet) for sheet in sheets}
    groups: dict[tuple[bool, str], list[_Row]] = defaultdict(list)
    for row in (row for found in edges.values() for row in found):
        groups[(row.bottom_edge, row.pattern)].append(row)
    needed = 2 if len(sheets) <= 5 else 3
    recurring: set[int] = set()
    counting: set[int] = set()  # of these, the ones whose numbers change with the pages
    for group in groups.values():
        for cluster in _by_place(group):
            if len({row.page for row in cluster}) >= needed and _numbers_count(cluster):
                recurring.update(id(row) for row in cluster)
                if len({row.numbers for row in cluster}) > 1:
                    counting.update(id(row) for row in cluster)
    found: dict[int, list[_Row]] = {}
    for number, candidates in edges.items():
        found[number] = []
        for bottom_edge in (False, True):
            outer = [row for row in candidates if row.bottom_edge == bottom_edge]
            found[number] += _furniture_of_edge(outer, recurring, counting, len(sheets))
    return found


def _furniture_of_edge(
    outer: Sequence[_Row], recurring: set[int], counting: set[int], pages: int
) -> Sequence[_Row]:
    """The furniture among the rows at one edge, from outside inwards.

    It ends where white space parts it from the text: pages that begin with the same words (forms, records) have
    recurring rows that are text.
    """
    taken = 0
    for index, row in enumerate(outer):
        if id(row) not in recurring and not (index == 0 and _is_page_number(row, pages)):
            break
        if row.gap > _GAP or (index == 0 and (id(row) in counting or _is_page_number(row, pages))):
            taken = index + 1
    return outer[:taken]


def _by_place(group: Sequence[_Row]) -> list[list[_Row]]:
    clusters: list[list[_Row]] = []
    for row in sorted(group, key=lambda one: one.place):
        if clusters and row.place - clusters[-1][-1].place <= _SAME_PLACE:
            clusters[-1].append(row)
        else:
            clusters.append([row])
    return clusters


def _numbers_count(cluster: Sequence[_Row]) -> bool:
    """From page to page each number stays or counts with the pages, but for one restart in five."""
    ordered = sorted(cluster, key=lambda row: row.page)
    steps = 0
    good = 0
    for one, other in pairwise(ordered):
        pages = other.page - one.page
        changes = [after - before for before, after in zip(one.numbers, other.numbers, strict=False)]
        steps += 1
        good += all(change in (0, pages) for change in changes)
    return good >= (0.8 * steps if steps > 4 else steps)


def _is_page_number(row: _Row, pages: int) -> bool:
    """The outermost row is plainly a page number, even if no other page repeats it."""
    text = row.text.strip()
    if _PAGE_NUMBER.fullmatch(text):
        return True
    own = {str(row.page), row.label} - {""}
    if text.isdigit() and len(text) <= 4 and (row.gap > _GAP or text in own):
        return True
    ends = {row.fragments[0].text, row.fragments[-1].text}
    return pages > 1 and len(row.fragments) > 1 and row.gap > _GAP and len(text) <= 80 and bool(ends & own)


def _without(sheet: Sheet, furniture: Sequence[_Row]) -> tuple[list[str], list[Fragment], list[str]]:
    """Texts of the furniture above, the other fragments, texts of the furniture below; each top to bottom."""
    gone = {id(piece) for row in furniture for piece in row.fragments}
    above = [row.text for row in furniture if not row.bottom_edge]
    below = [row.text for row in furniture if row.bottom_edge][::-1]
    return above, [piece for piece in sheet.fragments if id(piece) not in gone], below


def _line_numbers(fragments: list[Fragment]) -> tuple[list[str], list[Fragment]]:
    """The numbers of numbered lines (court transcripts, bills), and what is left.

    At least eight bare numbers that stand under each other left of nearly everything else and count upwards by one.
    """
    numbers = [piece for piece in fragments if piece.text.isdigit() and len(piece.text) <= 3]
    if len(numbers) < 8:
        return [], fragments
    numbers.sort(key=lambda piece: piece.middle)
    values = [int(piece.text) for piece in numbers]
    counted = sum(after - before == 1 for before, after in pairwise(values))
    chosen = {id(piece) for piece in numbers}
    others = [piece for piece in fragments if id(piece) not in chosen]
    edge = max(piece.right for piece in numbers)
    if counted < 0.9 * (len(values) - 1) or sum(piece.left > edge for piece in others) < 0.9 * len(others):
        return [], fragments
    return [" ".join(piece.text for piece in numbers)], others
