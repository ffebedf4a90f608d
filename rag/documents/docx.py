"""Word files → text, in the order of the document.

Read from the file's XML rather than through python-docx, which leaves out text boxes, notes, content controls and
moved text, and refuses the strict form of the format.

Kept: paragraphs, headings (by outline level, in any language; a short paragraph in bold is one too), tables as
readable rows at their place with nested tables below their row, text boxes and notes after the paragraph that they
hang on, comments with their author's name, text that a reviewer inserted. Left out: text that a reviewer deleted,
hidden text, field codes. Headers, footers and tables of contents are furniture. Files inside the file are attachments.
The date of creation is not a date of publication; the date of the last change is `modified`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rag.documents.building import Attachment, Kind, Parsed, TextBuilder, canonical
from rag.documents.metadata import top_of
from rag.documents.package import Package, attribute, child, local
from rag.documents.tables import Row, add_table
from rag.errors import UnreadableFile
from rag.settings import DocumentSettings

_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_SKIPPED = frozenset(
    {"del", "moveFrom", "instrText", "delText", "delInstrText", "rt", "Fallback", "pPr", "rPr", "tblPr"}
)
_HEADING_STYLE = re.compile(
    r"(?:heading|title|subtitle|überschrift|titre|título|titulo|encabezado)\s*\d*$", re.IGNORECASE
)
_EMBEDDED = re.compile(r"\.(?:docx|xlsx|pptx|pdf|txt|html?|mht|rtf|eml|csv)$", re.IGNORECASE)
_LONG_CELL = 600  # characters; a table with such a cell lays out a page


def parse_docx(data: bytes, name: str, settings: DocumentSettings) -> Parsed:
    """The Word file `data` as text. `name` is for messages.

    Raises:
        UnreadableFile: encrypted, damaged, empty, of the format before 2007, or expanding beyond the limits.
    """
    with Package(data, name, settings) as package:
        main = next(
            (path for kind, path in package.relations("").values() if kind == "officeDocument"),
            "word/document.xml",
        )
        reader = _Reader(package, main, settings)
        builder = reader.read()
        if not builder.text or _only_furniture(builder):
            raise UnreadableFile(
                "the Word file has no text",
                where=name,
                next_step="check it in Word; pictures of text need a PDF scan",
            )
        title, author, modified = package.properties()
        attachments = tuple(reader.attachments())
    source, published = top_of(builder.text)
    return Parsed(
        text=builder.text,
        media_type=_MEDIA_TYPE,
        title=title or reader.title,
        source=source,
        author=author,
        published=published,
        modified=modified,
        headings=tuple(builder.headings),
        furniture=tuple(builder.furniture),
        attachments=attachments,
    )


def _only_furniture(builder: TextBuilder) -> bool:
    return sum(len(span) for span in builder.furniture) >= len(builder.text.replace("\n", ""))


@dataclass(frozen=True, slots=True)
class _Style:
    name: str = ""
    level: int | None = None  # outline level, 0 is the highest; None for body text
    hidden: bool = False
    bold: bool = False


@dataclass(slots=True)
class _Paragraph:
    """One paragraph's text and what hangs on it."""

    text: str = ""
    bold: bool = True
    boxes: list[Any] = field(default_factory=list)  # w:txbxContent
    notes: list[tuple[str, str]] = field(default_factory=list)  # ("footnote" | "endnote" | "comment", id)


class _Reader:
    def __init__(self, package: Package, main: str, settings: DocumentSettings) -> None:
        self.package = package
        self.settings = settings
        self.main = main
        self.relations = package.relations(main)
        self.styles = self._styles()
        self.notes = {kind: self._notes(f"{kind}s", kind) for kind in ("footnote", "endnote", "comment")}
        self.builder = TextBuilder()
        self.title: str | None = None

    def read(self) -> TextBuilder:
        root = self.package.xml(self.main)
        body = child(root, "body")
        if body is None:
            raise self.package.damaged("it has no body")
        for text in self._margins("header"):
            self.builder.add(text, "furniture")
        self._blocks(body)
        for text in self._margins("footer"):
            self.builder.add(text, "furniture")
        return self.builder

    def attachments(self) -> Iterator[Attachment]:
        """Files that the document carries inside it."""
        left = self.settings.max_archive_bytes
        for kind, part in sorted(set(self.relations.values())):
            if kind in {"package", "aFChunk"} and part in self.package.names and _EMBEDDED.search(part):
                data = self.package.read(part)
                left -= len(data)
                if left >= 0:
                    yield Attachment(posixpath.basename(part), data)

    def _part(self, kind: str) -> str | None:
        return next((path for found, path in self.relations.values() if found == kind), None)

    def _styles(self) -> dict[str, _Style]:
        root = self.package.optional(self._part("styles"))
        raw: dict[str, tuple[str, str | None, int | None, bool, bool]] = {}
        for style in root if root is not None else ():
            if local(style) != "style":
                continue
            name, based = child(style, "name"), child(style, "basedOn")
            outline = child(style, "pPr", "outlineLvl")
            outlined = attribute(outline, "val") if outline is not None else None
            raw[attribute(style, "styleId") or ""] = (
                (attribute(name, "val") or "") if name is not None else "",
                attribute(based, "val") if based is not None else None,
                int(outlined) if outlined and outlined.isdigit() else None,
                _switched(child(style, "rPr"), "vanish"),
                _switched(child(style, "rPr"), "b"),
            )
        styles = {}
        for key, (name, based, level, hidden, bold) in raw.items():
            seen = {key}
            while based in raw and based not in seen:
                seen.add(based)
                level = level if level is not None else raw[based][2]
                hidden, bold = hidden or raw[based][3], bold or raw[based][4]
                based = raw[based][1]
            styles[key] = _Style(name, level if level is not None and level < 9 else None, hidden, bold)
        return styles

    def _notes(self, part_kind: str, tag: str) -> dict[str, Any]:
        root = self.package.optional(self._part(part_kind))
        found = {}
        for note in root if root is not None else ():
            # The separators above the notes are notes, too, of a type of their own.
            if local(note) == tag and attribute(note, "type") in (None, "normal"):
                found[attribute(note, "id") or ""] = note
        return found

    def _margins(self, kind: str) -> list[str]:
        """Different texts of all headers or footers, in the order of their names."""
        texts: list[str] = []
        for part in sorted({path for found, path in self.relations.values() if found == kind}):
            root = self.package.optional(part)
            for block in _paragraphs_in(root) if root is not None else ():
                text = self._paragraph(block).text.strip()
                if text and text not in texts:
                    texts.append(text)
        return texts

    def _blocks(self, parent: Any) -> None:
        """Paragraphs and tables below `parent` in order, through content controls and the like."""
        for element in parent:
            kind = local(element)
            if kind == "p":
                self._write(element)
            elif kind == "tbl":
                self._table(element)
            elif kind == "AlternateContent":
                choice = child(element, "Choice")
                self._blocks(choice if choice is not None else element)
            elif kind not in _SKIPPED and kind != "sectPr":
                self._blocks(element)

    def _write(self, element: Any) -> None:
        paragraph = self._paragraph(element)
        style = self._style_of(element)
        text = paragraph.text.strip()
        if text:
            kind = self._kind(element, paragraph, style)
            self.builder.add(text, kind)
            if self.title is None and kind == "heading" and style.name.lower() == "title":
                self.title = " ".join(text.split())
        for box in paragraph.boxes:
            self._blocks(box)
        for kind_of_note, key in paragraph.notes:
            self._note(kind_of_note, key)

    def _note(self, kind: str, key: str) -> None:
        note = self.notes[kind].pop(key, None)  # popped: a note is written once
        if note is None:
            return
        paragraphs = [self._paragraph(inner).text.strip() for inner in _paragraphs_in(note)]
        text = "\n".join(inner for inner in paragraphs if inner)
        if not text:
            return
        if kind == "comment":
            author = attribute(note, "author")
            text = f"Comment by {author}: {text}" if author else f"Comment: {text}"
        self.builder.add(text)

    def _style_of(self, element: Any) -> _Style:
        named = child(element, "pPr", "pStyle")
        return self.styles.get((attribute(named, "val") or "") if named is not None else "", _Style())

    def _kind(self, element: Any, paragraph: _Paragraph, style: _Style) -> Kind:
        if re.match(r"toc \d|table of figures", style.name, re.IGNORECASE):
            return "furniture"
        text = paragraph.text.strip()
        outline = child(element, "pPr", "outlineLvl")
        level = attribute(outline, "val") if outline is not None else None
        if level is not None and level.isdigit():
            return "heading" if int(level) < 9 else "body"
        if style.level is not None or _HEADING_STYLE.match(style.name):
            return "heading" if len(text) <= 300 else "body"
        numbered = child(element, "pPr", "numPr") is not None
        plain_end = not text.endswith((".", ",", ";", "!", "?"))
        bold = (paragraph.bold or style.bold) and bool(re.search(r"[^\W\d_]{2}", text))
        return (
            "heading"
            if bold and plain_end and not numbered and len(text) <= 120 and "\n" not in text
            else "body"
        )

    def _paragraph(self, element: Any) -> _Paragraph:
        paragraph = _Paragraph()
        parts: list[str] = []
        self._collect(element, parts, paragraph, bold=False)
        paragraph.text = canonical("".join(parts))
        return paragraph

    def _collect(self, element: Any, parts: list[str], paragraph: _Paragraph, bold: bool) -> None:
        for item in element:
            kind = local(item)
            if kind in _SKIPPED:
                continue
            if kind == "t":
                text = item.text or ""
                parts.append(text)
                paragraph.bold = paragraph.bold and (bold or not text.strip())
            elif kind in {"tab", "ptab"}:
                parts.append("\t")
            elif kind in {"br", "cr"}:
                parts.append("\n")
            elif kind == "noBreakHyphen":
                parts.append("-")
            elif kind == "r":
                if not self._is_hidden(item):
                    self._collect(item, parts, paragraph, _switched(child(item, "rPr"), "b"))
            elif kind in {"footnoteReference", "endnoteReference", "commentReference"}:
                paragraph.notes.append((kind.removesuffix("Reference"), attribute(item, "id") or ""))
            elif kind == "txbxContent":
                paragraph.boxes.append(item)
            else:
                self._collect(item, parts, paragraph, bold)

    def _is_hidden(self, run: Any) -> bool:
        properties = child(run, "rPr")
        if properties is None:
            return False
        if child(properties, "vanish") is not None:
            return _switched(properties, "vanish")
        named = child(properties, "rStyle")
        style = self.styles.get(attribute(named, "val") or "") if named is not None else None
        return style is not None and style.hidden

    def _table(self, table: Any) -> None:
        rows = list(self._rows(table))
        cells = [cell for row in rows for cell in row.cells]
        widest = max((len(row.cells) for row in rows), default=0)
        if widest <= 1 or len(rows) == 1 or any(len(self._cell_text(cell)) > _LONG_CELL for cell, _ in cells):
            for cell, continued in cells:  # a table that lays out a page, not data
                if not continued:
                    self._blocks(cell)
            return
        pending: list[Row] = []
        above: list[str] = []
        for row in rows:
            texts: list[str] = []
            for place, (cell, continued) in enumerate(row.cells):
                over = above[place] if continued and place < len(above) else ""
                texts.append(over or ("" if continued else self._cell_text(cell)))
            above = texts
            pending.append(Row(tuple(texts), row.spans, row.header))
        add_table(self.builder, pending, self.settings.max_characters, self.package.name)
        seen: set[int] = set()
        for cell, continued in cells:
            if id(cell) not in seen and not continued:
                seen.add(id(cell))
                self._attached(cell)

    def _attached(self, cell: Any) -> None:
        """What stands in a cell besides its own words: nested tables, boxes and notes."""
        for element in cell.iter():
            kind = local(element)
            if kind == "tbl" and _parent(element, "tc") is cell:
                self._table(element)
            elif kind == "p" and _parent(element, "tc") is cell:
                paragraph = self._paragraph(element)
                for box in paragraph.boxes:
                    self._blocks(box)
                for kind_of_note, key in paragraph.notes:
                    self._note(kind_of_note, key)

    def _rows(self, table: Any) -> Iterator[_TableRow]:
        for row in _inside(table, "tr", {"tbl"}):
            properties = child(row, "trPr")
            if properties is not None and child(properties, "del") is not None:
                continue
            cells: list[tuple[Any, bool]] = []
            spans = False
            for cell in _inside(row, "tc", {"tbl", "tr"}):
                own = child(cell, "tcPr")
                merge = child(own, "vMerge") if own is not None else None
                continued = merge is not None and attribute(merge, "val") != "restart"
                span = child(own, "gridSpan") if own is not None else None
                wide = (attribute(span, "val") or "1") if span is not None else "1"
                width = min(int(wide), 64) if wide.isdigit() else 1
                spans = spans or width > 1
                cells += [(cell, continued)] * max(width, 1)
            yield _TableRow(cells, spans, properties is not None and _switched(properties, "tblHeader"))

    def _cell_text(self, cell: Any) -> str:
        paragraphs = (self._paragraph(element).text for element in _paragraphs_in(cell))
        return " ".join(text.strip() for text in paragraphs if text.strip())


@dataclass(slots=True)
class _TableRow:
    cells: list[
        tuple[Any, bool]
    ]  # the cell, and whether it only continues the one above; a wide one several times
    spans: bool
    header: bool


def _switched(properties: Any | None, name: str) -> bool:
    """An on/off property: present and not set to off."""
    found = child(properties, name) if properties is not None else None
    return found is not None and (attribute(found, "val") or "1") not in {"0", "false", "off"}


def _inside(element: Any, name: str, stop: Iterable[str]) -> Iterator[Any]:
    """Elements of that name below `element`, not below another one of `stop` or a deletion."""
    for item in element:
        kind = local(item)
        if kind == name:
            yield item
        elif kind not in stop and kind not in _SKIPPED:
            yield from _inside(item, name, stop)


def _paragraphs_in(element: Any) -> Iterator[Any]:
    """The paragraphs of a cell, header or note, not those of tables or boxes inside it."""
    return _inside(element, "p", {"tbl", "txbxContent"})


def _parent(element: Any, name: str) -> Any | None:
    above = element.getparent()
    while above is not None and local(above) != name:
        above = above.getparent()
    return above
