"""Excel files → text: every sheet a heading, every row a line that can be quoted by itself (see `tables`).

Values are the ones that Excel stored, never calculated here; a formula without a stored value is given as the formula.
Dates are ISO, whole numbers have no ".0", percentages are shown as percentages, a currency sign of the format is kept.
A merged cell counts for each row that it covers. Hidden sheets, rows and columns are kept, because what someone hid is
often what a journalist looks for; a hidden sheet says so in its heading. Cell comments follow their row's sheet.

openpyxl streams the cells. Merged ranges, hidden sheets and formulas come from a pass over the same XML.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import openpyxl
from lxml import etree
from openpyxl.utils.cell import range_boundaries
from openpyxl.utils.exceptions import InvalidFileException

from rag.documents.building import Parsed, TextBuilder, canonical
from rag.documents.metadata import top_of
from rag.documents.package import Package, child, local
from rag.documents.tables import Row, add_table
from rag.errors import UnreadableFile
from rag.settings import DocumentSettings

_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MERGED_CELLS = 200_000  # at most so many cells are filled from merged ranges, in all
_BLANK_ROWS = 50  # rows between two cells count as at most so many


def parse_xlsx(data: bytes, name: str, settings: DocumentSettings) -> Parsed:
    """The Excel file `data` as text. `name` is for messages.

    Raises:
        UnreadableFile: encrypted, damaged, empty, of the format before 2007, or expanding beyond the limits.
    """
    builder = TextBuilder()
    rows_seen = 0
    with Package(data, name, settings) as package:
        extras = _extras(package)
        title, author, modified = package.properties()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore"
                )  # openpyxl warns of styles and extensions that it does not keep
                book = openpyxl.load_workbook(
                    io.BytesIO(data), read_only=True, data_only=True, keep_links=False
                )
                try:
                    for sheet in book.worksheets:
                        extra = extras.get(sheet.title, _Extra())
                        rows = list(_rows(sheet, extra))
                        rows_seen += len(rows)
                        if not any(any(row.cells) for row in rows) and not extra.comments:
                            continue
                        hidden = "" if sheet.sheet_state == "visible" else " (hidden sheet)"
                        builder.add(canonical(sheet.title) + hidden, "heading")
                        add_table(builder, rows, settings.max_characters, name)
                        for comment in extra.comments:
                            builder.add(comment)
                finally:
                    book.close()
        except (
            InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, IndexError,
             OSError, EOFError, SyntaxError, NotImplementedError, ArithmeticError, zlib.error,
        ) as error:  # fmt: skip
            # openpyxl lets whatever a damaged file causes inside it through.
            raise package.damaged(str(error)) from error
    if not rows_seen or not builder.text:
        raise UnreadableFile("the Excel file has no filled cells", where=name, next_step="check it in Excel")
    source, published = top_of(builder.text)
    return Parsed(
        text=builder.text,
        media_type=_MEDIA_TYPE,
        title=title,
        source=source,
        author=author,
        published=published,
        modified=modified,
        headings=tuple(builder.headings),
        furniture=tuple(builder.furniture),
    )


class _Extra:
    """Of one sheet, what openpyxl's streaming leaves out; rows and columns count from 1."""

    def __init__(self) -> None:
        self.merged: list[tuple[int, int, int, int]] = []  # first column, first row, last column, last row
        self.formulas: dict[tuple[int, int], str] = {}  # (row, column) of formulas without a stored value
        self.comments: list[str] = []


def _extras(package: Package) -> dict[str, _Extra]:
    main = next(
        (path for kind, path in package.relations("").values() if kind == "officeDocument"), "xl/workbook.xml"
    )
    relations = package.relations(main)
    sheets = child(package.xml(main), "sheets")
    found: dict[str, _Extra] = {}
    for sheet in sheets if sheets is not None else ():
        key = next((value for name, value in sheet.attrib.items() if name.endswith("}id")), "")
        kind, part = relations.get(key, ("", ""))
        if kind == "worksheet" and part in package.names:
            extra = found[sheet.get("name", "")] = _extra(package, part)
            for kind, target in package.relations(part).values():
                if kind == "comments":
                    extra.comments = _comments(package.optional(target))
    return found


def _extra(package: Package, part: str) -> _Extra:
    extra = _Extra()
    parsed = etree.iterparse(
        io.BytesIO(package.read(part)), events=("end",), resolve_entities=False, no_network=True, load_dtd=False,
        huge_tree=False,
    )  # fmt: skip
    row = column = 0
    try:
        for _, element in parsed:
            kind = local(element)
            if kind == "mergeCell":
                bounds = range_boundaries(element.get("ref", ""))
                if None not in bounds:
                    extra.merged.append(bounds)  # type: ignore[arg-type]
            elif kind == "c":
                formula, value = child(element, "f"), child(element, "v")
                place = re.match(r"([A-Z]+)(\d+)$", element.get("r", ""))
                if place and formula is not None and (value is None or not value.text):
                    column, row, _, _ = range_boundaries(place.group())  # type: ignore[assignment]
                    text = formula.text or ""
                    extra.formulas[(row, column)] = f"={text}" if text else ""
            elif kind == "row":
                element.clear()
                if element.getroottree().docinfo.doctype:
                    raise package.damaged(f"{part} declares a document type")
    except (etree.XMLSyntaxError, ValueError) as error:
        raise package.damaged(f"{part}: {error}") from error
    return extra


def _comments(root: Any | None) -> list[str]:
    """Texts of cell comments, with their cell and author."""
    if root is None:
        return []
    named, listed = child(root, "authors"), child(root, "commentList")
    authors = ["".join(author.itertext()).strip() for author in (named if named is not None else ())]
    found = []
    for comment in listed if listed is not None else ():
        body = child(comment, "text")
        text = "".join(body.itertext()).strip() if body is not None else ""
        number = comment.get("authorId", "")
        author = authors[int(number)] if number.isdigit() and int(number) < len(authors) else ""
        if text:
            by = f" by {author}" if author and not text.startswith(author) else ""
            found.append(f"Comment on {comment.get('ref', '')}{by}: {text}")
    return found


def _rows(sheet: Any, extra: _Extra) -> Iterator[Row]:
    sheet.reset_dimensions()  # the size that a file claims may be a million empty rows
    fills, wide = _fills(extra)
    tops: dict[tuple[int, int], str] = {}
    blank = 0
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        texts: list[str] = []
        for place, cell in enumerate(cells, start=1):
            text = _shown(cell)
            if not text and extra.formulas:
                text = extra.formulas.get((number, place), "")
            texts.append(text)
            if text:
                tops[(number, place)] = text
        for place, top in fills.get(number, ()):
            while len(texts) < place:
                texts.append("")
            texts[place - 1] = texts[place - 1] or tops.get(top, "")
        if not any(texts):
            blank += 1
            if blank > _BLANK_ROWS:
                continue
        else:
            blank = 0
        yield Row(tuple(texts), spans=number in wide)
        if not fills:
            tops.clear()


def _fills(extra: _Extra) -> tuple[dict[int, list[tuple[int, tuple[int, int]]]], set[int]]:
    """Row → (column, place of the value) of the cells that merged ranges cover, and rows with a wide cell."""
    fills: dict[int, list[tuple[int, tuple[int, int]]]] = {}
    wide: set[int] = set()
    left = _MERGED_CELLS
    for first_column, first_row, last_column, last_row in extra.merged:
        left -= (last_column - first_column + 1) * (last_row - first_row + 1)
        if left < 0:
            break
        for row in range(first_row, last_row + 1):
            if last_column > first_column:
                wide.add(row)
            for column in range(first_column, last_column + 1):
                if (row, column) != (first_row, first_column):
                    fills.setdefault(row, []).append((column, (first_row, first_column)))
    return fills, wide


def _shown(cell: Any) -> str:
    """The value about as Excel shows it."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return canonical(value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, dt.datetime):
        whole_day = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
        return value.date().isoformat() if whole_day else value.replace(microsecond=0).isoformat(" ")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dt.time):
        return value.replace(microsecond=0).isoformat()
    if isinstance(value, dt.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    if isinstance(value, int | float):
        return _number(value, str(cell.number_format or "General"))
    return canonical(str(value))


def _number(value: float, number_format: str) -> str:
    """Up to 15 digits, as many as Excel keeps. Percent formats are applied, thousands are not grouped."""
    shown = number_format.split(";")[0]
    bare = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", shown)
    if "%" in bare:
        places = re.search(r"\.([0#]+)", bare)
        return f"{value * 100:.{len(places[1]) if places else 0}f}%"
    text = str(value) if isinstance(value, int) else format(value, ".15g")
    if "e" in text and abs(value) < 1e21 and value == int(value):
        text = str(int(value))
    sign = re.search(r"[$€£¥]", re.sub(r"\[\$-[^\]]*\]", "", shown))
    if sign is None:
        return text
    before = shown.index(sign[0]) < (shown.index("0") if "0" in shown else len(shown))
    return sign[0] + text if before else f"{text} {sign[0]}"
