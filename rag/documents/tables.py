"""Tables → text: every row becomes a line of its own that can be read, found and quoted without its table.

    Date: 2026-01-20; People: 37; Aircraft: 7

The first row that looks like a header names the columns; rows above it with one cell are the caption and stay lines of
their own; empty cells are left out. Rows stand in paragraphs of their own, so that no sentence runs over two of them.
A table without a header gives its cells, joined by "; ". The header is kept as a line too, because a column that is
empty everywhere would otherwise lose its name.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag.documents.building import Parsed, TextBuilder, shows_text
from rag.documents.text import decode
from rag.errors import UnreadableFile
from rag.settings import DocumentSettings

_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 200  # enough to see a delimiter, a header and a column's kind
_VALUE = re.compile(
    r"[~≈<>≤≥]?\s*[(+\-−–]?\s*(?:[$€£¥]|[A-Z]{2,3}\$?)?\s*[+\-−]?\d[\d\s.,:'’/\-–]*(?:[eE][+-]?\d+)?\s*"
    r"(?:%|‰|[$€£¥°]|[A-Za-z]{1,3}\.?|million|billion)?\)?|\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?"
)
_MOST_OF_A_VALUE = 100  # characters
_YEAR = re.compile(r"(?:1[89]|20)\d\d")
_HEADER_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Row:
    """Cells of one row, "" for an empty one. `spans`: some cell reaches over several columns, and fills them all."""

    cells: tuple[str, ...]
    spans: bool = False
    header: bool = False  # the file says so


def add_table(builder: TextBuilder, rows: Iterable[Row], limit: int, name: str) -> None:
    """Write the rows into `builder`; blank rows part tables that stand below each other on one sheet.

    Raises:
        UnreadableFile: the cells hold more than `limit` characters.
    """
    table: list[Row] = []
    header: tuple[str, ...] | None = None
    used: set[int] = set()  # columns of the table so far
    size = 0
    for row in rows:
        cleaned = Row(tuple(" ".join(cell.split()) for cell in row.cells), row.spans, row.header)
        size += sum(len(cell) for cell in cleaned.cells)
        if size > limit:
            raise UnreadableFile(
                f"a table with more than {limit} characters",
                where=name,
                next_step="split the file, or raise documents.max_characters",
            )
        columns = {index for index, cell in enumerate(cleaned.cells) if cell}
        # A blank row ends a table, and so does a row beside it that shares none of its columns.
        if table and not columns & used:
            header = _add_part(builder, table, header)
            table, used = [], set()
        if columns:
            table.append(cleaned)
            used |= columns
    if table:
        _add_part(builder, table, header)


def _add_part(
    builder: TextBuilder, rows: list[Row], header: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """One run of rows without a blank one; gives its header, or the one before if it only goes on."""
    width = Counter(_filled(row) for row in rows[:_SAMPLE_ROWS]).most_common(1)[0][0]
    while rows and _filled(rows[0]) == 1 and width > 1 and not rows[0].header and not _is_group(rows[0]):
        builder.add(next(cell for cell in rows[0].cells if cell))
        rows = rows[1:]
    own, taken = _header(rows, header)
    for row in rows[:taken]:
        builder.add("; ".join(_once(row)))
    if own is not None:
        header = own
    elif header is not None and max((len(row.cells) for row in rows), default=0) > len(header):
        header = None
    for row in rows[taken:]:
        builder.add(_line(row, header, width))
    return header


def _is_group(row: Row) -> bool:
    """A name over some of the columns, not the first: the upper row of a header, not a caption."""
    return row.spans and not row.cells[0]


def _filled(row: Row) -> int:
    return len(_once(row))


def _once(row: Row) -> list[str]:
    """The cells that hold something, a cell over several columns once."""
    found: list[str] = []
    for index, cell in enumerate(row.cells):
        if cell and not (row.spans and index and row.cells[index - 1] == cell):
            found.append(cell)
    return found


def _is_value(cell: str) -> bool:
    return len(cell) <= _MOST_OF_A_VALUE and bool(_VALUE.fullmatch(cell))


def _line(row: Row, header: tuple[str, ...] | None, width: int) -> str:
    cells = _once(row)
    alone = len(cells) == 1 and width >= 3 and bool(row.cells[0]) and not _is_value(cells[0])
    if header is None or alone:
        return "; ".join(cells)  # a heading between rows, or a note below them
    parts = []
    for index, cell in enumerate(row.cells):
        if not cell or (row.spans and index and row.cells[index - 1] == cell):
            continue
        label = header[index] if index < len(header) else ""
        parts.append(f"{label.rstrip(':')}: {cell}" if label else cell)
    return "; ".join(parts)


def _header(rows: Sequence[Row], before: tuple[str, ...] | None) -> tuple[tuple[str, ...] | None, int]:
    """Names of the columns and how many rows they take up; `before` is the header of the table above."""
    if len(rows) < 2:
        return (rows[0].cells, 1) if rows and rows[0].header else (None, 0)
    first, second = rows[0], rows[1]
    if first.spans and len(rows) > 2 and _could_be_header(second, rows[2:]):
        both = []
        for index, name in enumerate(second.cells):
            group = first.cells[index] if index < len(first.cells) else ""
            both.append(f"{group} / {name}" if group and name and group != name else group or name)
        return tuple(both), 2
    # Below a table with the same columns, words in the first row are more likely just another row of it.
    same = before is not None and any(
        cell and index < len(before) and before[index] for index, cell in enumerate(first.cells)
    )
    if first.header or _could_be_header(first, rows[1:], certain=same):
        return first.cells, 1
    return None, 0


def _could_be_header(row: Row, below: Sequence[Row], certain: bool = False) -> bool:
    """`row` names the columns of `below`: short distinct words, never found again below as a value.

    `certain`: only if some column holds values (numbers, dates) under a word; otherwise the benefit of the doubt.
    """
    names = [cell for cell in row.cells if cell]
    if not names or any(len(cell) > _HEADER_CHARACTERS for cell in names):
        return False
    if len(set(names)) < len(names) and not row.spans:
        return False
    years = [cell for cell in names if _YEAR.fullmatch(cell)]
    if any(_is_value(cell) for cell in names if cell not in years) or len(years) == len(names):
        return False
    valued = False
    for index, cell in enumerate(row.cells):
        column = [other.cells[index] for other in below[:_SAMPLE_ROWS] if index < len(other.cells)]
        column = [value for value in column if value]
        if cell and cell in column:
            return False
        values = sum(_is_value(value) for value in column)
        valued = valued or bool(cell and column and values > 0.5 * len(column))
    if years and not valued:
        return False
    return valued or (not certain and len(names) > 1)


def parse_csv(data: bytes, name: str, settings: DocumentSettings) -> Parsed:
    """Delimited text with comma, semicolon, tab or bar, in any encoding, with or without a header.

    Raises:
        UnreadableFile: nothing is in it, or its text is over the limit.
    """
    text = decode(data).replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
    declared = re.match(r"sep=(.)\n", text, re.IGNORECASE)  # Excel's own way to name the delimiter
    if declared:
        text = text[declared.end() :]
    if not shows_text(text):
        raise UnreadableFile(
            "the file holds no text, only white space",
            where=name,
            next_step="check that the file was saved completely",
        )
    delimiter = declared[1] if declared else _delimiter(text)
    builder = TextBuilder()
    rows = (Row(tuple(cells)) for cells in _cells(text, delimiter))
    add_table(builder, rows, settings.max_characters, name)
    if not builder.text:
        raise UnreadableFile("the table has only empty cells", where=name, next_step="check the file")
    return Parsed(text=builder.text, media_type="text/csv")


def _delimiter(text: str) -> str:
    """The delimiter under which most rows have the same number of cells, at least two; a comma where none does."""
    sample = "".join(text.splitlines(keepends=True)[:_SAMPLE_ROWS])
    best = (0.0, 0, ",")
    for rank, delimiter in enumerate(_DELIMITERS):
        widths = Counter(len(cells) for cells in _cells(sample, delimiter) if any(cells))
        wide = {width: count for width, count in widths.items() if width > 1}
        if wide:
            share = max(wide.values()) / sum(widths.values())
            best = max(best, (round(share, 2), -rank, delimiter))
    return best[2]


def _cells(text: str, delimiter: str) -> list[list[str]]:
    """Rows of cells. A quotation mark that is never closed would swallow the rest of the file: then it is a letter."""
    old = csv.field_size_limit(len(text) + 1)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True))
        if any(cell.count("\n") > 200 for row in rows for cell in row) or _unclosed(text, rows):
            rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, quoting=csv.QUOTE_NONE))
    finally:
        csv.field_size_limit(old)
    return rows


def _unclosed(text: str, rows: Sequence[Sequence[str]]) -> bool:
    last = rows[-1][-1] if rows and rows[-1] else ""
    return "\n" in last.strip("\n") and text.count('"') % 2 == 1
