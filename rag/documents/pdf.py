"""PDF → text with page spans, through PDFium (it runs no scripts and fetches nothing).

Text is taken from the page's own text layer wherever there is one, the hidden layer behind a scan too. A page without
one, or whose letters have no meaning (fonts without a table of characters), is drawn and read by Tesseract if that is
installed; a page that stays unread is named in the text, as furniture, and a file with no readable page is an error.
Filled-in form fields count as text of their page; comments stand at its end with their author's name. Files embedded
in the PDF are attachments.

`CreationDate` and `ModDate` say when a file was made, not when anything was published: they only give `modified`. Outlet
and `published` come from a line at the top that says nothing else ("Harbour Briefing Service, 3 May 2026").
"""

from __future__ import annotations

import datetime as dt
import math
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from rag.documents.allowance import for_scans
from rag.documents.building import Attachment, Parsed, canonical
from rag.documents.glyphs import Box, glyphs_of, turned, turned_between
from rag.documents.layout import Fragment, Word, fragments_of
from rag.documents.metadata import top_of
from rag.documents.ocr import DPI, Tesseract, find_tesseract, pgm_of, sheet_of, why_not
from rag.documents.properties import is_plausible_title, plausible_author
from rag.documents.sheets import Sheet, compose
from rag.errors import UnreadableFile
from rag.settings import DocumentSettings

_MEDIA_TYPE = "application/pdf"
_FEW_LETTERS = 150  # on a page that is a picture: a stamp or a running head, not its text
_DRAWN = frozenset({pdfium_c.FPDF_ANNOT_WIDGET, pdfium_c.FPDF_ANNOT_FREETEXT, pdfium_c.FPDF_ANNOT_STAMP})
_COMMENTS = frozenset(
    {
        pdfium_c.FPDF_ANNOT_TEXT,
        pdfium_c.FPDF_ANNOT_FREETEXT,
        pdfium_c.FPDF_ANNOT_HIGHLIGHT,
        pdfium_c.FPDF_ANNOT_UNDERLINE,
        pdfium_c.FPDF_ANNOT_SQUIGGLY,
        pdfium_c.FPDF_ANNOT_STRIKEOUT,
        pdfium_c.FPDF_ANNOT_CARET,
    }
)


def parse_pdf(data: bytes, name: str, settings: DocumentSettings) -> Parsed:
    """The PDF `data` as text. `name` is for messages.

    Raises:
        UnreadableFile: a password is needed, the file is damaged or cut short, it has too many pages, or no page has
            text that we can read.
    """
    with _opened(data, name) as pdf:
        _check_pages(len(pdf), name, settings)
        pages = [_read_page(pdf, index) for index in range(len(pdf))]
        scans = [page for page in pages if page.wants_ocr]
        tesseract = find_tesseract(settings) if scans else None
        if tesseract is not None:
            _recognise(pdf, scans, tesseract, settings)
        elif scans:
            _note_unread(scans, why_not(settings))
        builder, heading = compose([page.sheet for page in pages])
        text = builder.text
        if not any(page.sheet.fragments or page.sheet.sideways for page in pages):
            raise _nothing_read(pages, tesseract, name, settings)
        attachments = tuple(_attachments(pdf, settings))
        title, author, modified = _metadata(pdf, name)
    source, published = top_of(text)
    return Parsed(
        text=text,
        media_type=_MEDIA_TYPE,
        title=title or (heading if heading and is_plausible_title(heading, name) else None),
        source=source,
        author=author,
        published=published,
        modified=modified,
        pages=tuple(builder.pages),
        headings=tuple(builder.headings),
        furniture=tuple(builder.furniture),
        attachments=attachments,
    )


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[Any]:
    # A whole file names the place of its table at its end. PDFium repairs a file without it as far as it goes and
    # says nothing, so pages that were cut off would be missing in silence.
    tail = data.rstrip(b"\x00\r\n\t ")[-65536:]
    if b"%%EOF" not in tail and b"startxref" not in tail:
        raise UnreadableFile(
            "the PDF is cut short (its end is missing)",
            where=name,
            next_step="download or copy the file again",
        )
    try:
        pdf = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if error.err_code == pdfium_c.FPDF_ERR_PASSWORD:
            raise UnreadableFile(
                "password-protected PDF",
                where=name,
                next_step="open it with its password, save a copy without one and add the copy",
            ) from error
        if error.err_code == pdfium_c.FPDF_ERR_SECURITY:
            raise UnreadableFile(
                "PDF encrypted in a way that cannot be opened",
                where=name,
                next_step="open it in its own reader, print it to a new PDF and add that",
            ) from error
        raise UnreadableFile(
            "damaged PDF",
            where=name,
            next_step="download the file again, or open it in a viewer and print it to PDF",
        ) from error
    try:
        if pdf.get_formtype() == pdfium_c.FORMTYPE_ACRO_FORM:
            pdf.init_forms()
        yield pdf
    finally:
        pdf.close()


def _check_pages(count: int, name: str, settings: DocumentSettings) -> None:
    if count == 0:
        raise UnreadableFile(
            "the PDF has no pages", where=name, next_step="download or export the file again"
        )
    if count > settings.max_pages:
        raise UnreadableFile(
            f"{count} pages, more than the limit of {settings.max_pages}",
            where=name,
            next_step="split the file, or raise documents.max_pages",
        )


@dataclass(slots=True)
class _PageRead:
    """A page's sheet and what speaks for reading it by OCR."""

    index: int
    sheet: Sheet
    wants_ocr: bool = False
    letters: int = 0
    picture: float = 0.0  # share of the page that pictures cover, at most 1


def _read_page(pdf: Any, index: int) -> _PageRead:
    number = index + 1
    try:
        page = pdf.get_page(index)
        box = page.get_bbox()  # before flattening, which sets a size of its own
        comments, page = _with_annotations(pdf, page, index)
        try:
            read = _page_read(pdf, page, index, box)
        finally:
            page.close()
    except pdfium.PdfiumError as error:
        note = f"[Page {number} is damaged and was not read: {error}]"
        return _PageRead(index, Sheet(number, 0.0, 1.0, note=note))
    read.sheet.comments = comments
    return read


def _with_annotations(pdf: Any, page: Any, index: int) -> tuple[list[str], Any]:
    """Comments that are not drawn on the page, and the page with those that are (filled-in fields, free text, stamps)
    as part of its content, in memory only."""
    comments: list[str] = []
    drawn = False
    for place in range(pdfium_c.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium_c.FPDFPage_GetAnnot(page, place)
        if not annotation:
            continue
        kind = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        has_picture = (
            pdfium_c.FPDFAnnot_GetAP(annotation, pdfium_c.FPDF_ANNOT_APPEARANCEMODE_NORMAL, None, 0) > 2
        )
        if kind in _DRAWN and has_picture:
            drawn = True
        elif kind in _COMMENTS and (text := _annotation_text(annotation, "Contents")):
            author = _annotation_text(annotation, "T")
            comments.append(f"Comment by {author}: {text}" if author else f"Comment: {text}")
        pdfium_c.FPDFPage_CloseAnnot(annotation)
    if drawn and pdfium_c.FPDFPage_Flatten(page, pdfium_c.FLAT_NORMALDISPLAY) == pdfium_c.FLATTEN_SUCCESS:
        page.close()
        page = pdf.get_page(index)
    return comments, page


def _annotation_text(annotation: Any, key: str) -> str:
    name = key.encode()
    length = pdfium_c.FPDFAnnot_GetStringValue(annotation, name, None, 0)
    buffer = (pdfium_c.FPDF_WCHAR * (length // 2 + 1))()
    pdfium_c.FPDFAnnot_GetStringValue(annotation, name, buffer, length)
    return canonical(bytes(buffer)[: max(length - 2, 0)].decode("utf-16-le", "replace")).strip()


def _page_read(pdf: Any, page: Any, index: int, box: Box) -> _PageRead:
    glyphs = glyphs_of(page, box)
    turns = sorted(glyphs.upright, key=lambda turn: -sum(len(word.text) for word in glyphs.upright[turn]))
    sheet = Sheet(index + 1, 0.0, box[3] - box[1], label=pdf.get_page_label(index))
    sheet.aside = [" ".join(texts) for texts in (glyphs.outside, glyphs.oblique) if texts]
    if turns:
        _, sheet.top, _, sheet.bottom = turned(box, turns[0])
        sheet.fragments = fragments_of(glyphs.upright[turns[0]])
        sheet.smooth = 2 * glyphs.hidden > glyphs.letters
        if sheet.smooth:
            _even_sizes(sheet.fragments)
    for turn in turns[1:]:
        _add_sideways(sheet, glyphs.upright[turns[0]], glyphs.upright[turn], turns[0], turn)
    picture, drawn = _pictures(page, box)
    unreadable = glyphs.unknown > 0.3 * (glyphs.letters + glyphs.unknown)
    few = glyphs.letters < _FEW_LETTERS and picture > 0.5
    wants_ocr = unreadable or (few and not sheet.smooth) or (glyphs.letters == 0 and drawn)
    return _PageRead(index, sheet, wants_ocr, 0 if unreadable else glyphs.letters, picture)


def _even_sizes(fragments: list[Fragment]) -> None:
    """Sizes of a hidden text layer follow each word's picture: give all but the large ones the page's usual size."""
    weights: Counter[float] = Counter()
    for piece in fragments:
        weights[round(piece.size)] += len(piece.text)
    usual = float(weights.most_common(1)[0][0]) if weights else 10.0
    for piece in fragments:
        if piece.size < 1.5 * usual:
            piece.size = usual


def _add_sideways(sheet: Sheet, main: list[Word], words: list[Word], main_turn: int, turn: int) -> None:
    """Writing turned against the page: furniture in the margins (a stamp along the edge), otherwise text of its own."""
    left, right = min(word.left for word in main), max(word.right for word in main)
    top, bottom = min(word.top for word in main), max(word.bottom for word in main)
    back = [turned_between(word, turn, main_turn) for word in words]
    inside = sum(box[0] < right and box[2] > left and box[1] < bottom and box[3] > top for box in back)
    fragments = fragments_of(words)
    if 2 * inside > len(words):
        sheet.sideways.append(fragments)
    else:
        sheet.aside.append(" ".join(piece.text for piece in fragments))


def _pictures(page: Any, box: Box) -> tuple[float, bool]:
    """The share of the page under pictures (counted twice where they overlap, at most 1), and whether much is drawn."""
    area = max((box[2] - box[0]) * (box[3] - box[1]), 1.0)
    covered = 0.0
    paths = 0
    for drawn in page.get_objects(max_depth=4):
        if drawn.type == pdfium_c.FPDF_PAGEOBJ_PATH:
            paths += 1
        elif drawn.type == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = drawn.get_bounds()
            width = min(right, box[2]) - max(left, box[0])
            height = min(top, box[3]) - max(bottom, box[1])
            covered += max(width, 0.0) * max(height, 0.0)
    # Letters drawn as outlines: at least a few dozen paths.
    return min(covered / area, 1.0), covered > 0.03 * area or paths > 30


def _recognise(pdf: Any, scans: list[_PageRead], tesseract: Tesseract, settings: DocumentSettings) -> None:
    """Replace the scans' sheets by what Tesseract reads. PDFium draws on this thread, Tesseract runs beside it.

    The time grows with the number of scans; one page alone gets no more than a file without scans.
    """
    deadline = time.monotonic() + for_scans(len(scans), settings)
    workers = max(1, min(4, os.cpu_count() or 1))
    waiting: list[tuple[_PageRead, float, Future[list[list[Word]]]]] = []
    with ThreadPoolExecutor(workers) as pool:
        for page in scans:
            left = deadline - time.monotonic()
            if left <= 1.0:
                _note_unread([page], "the time for this file was used up; raise documents.ocr_page_seconds")
                continue
            try:
                pgm, height = _drawn(pdf, page.index)
            except pdfium.PdfiumError as error:
                _note_unread([page], str(error))
                continue
            waiting.append(
                (page, height, pool.submit(tesseract.words, pgm, DPI, min(left, settings.max_seconds)))
            )
            if len(waiting) > workers:  # so that only a few drawn pages are in memory
                _take(*waiting.pop(0))
        for job in waiting:
            _take(*job)


def _take(page: _PageRead, height: float, job: Future[list[list[Word]]]) -> None:
    try:
        lines = job.result()
    except (TimeoutError, RuntimeError) as error:
        _note_unread([page], str(error))
        return
    letters = sum(len(word.text) for line in lines for word in line)
    # A text layer with something in it stays unless the picture has clearly more.
    if letters > 1.5 * page.letters:
        page.sheet = sheet_of(lines, page.index + 1, height)


def _drawn(pdf: Any, index: int) -> tuple[bytes, float]:
    """The page as PGM at `DPI`, as it is seen on a screen, and its height in points."""
    page = pdf.get_page(index)
    try:
        width, height = page.get_size()
        # Posters and wrong page sizes: at most 40 million pixels.
        scale = min(DPI / 72.0, math.sqrt(40_000_000 / max(width * height, 1.0)))
        bitmap = page.render(scale=scale, grayscale=True, fill_color=(255, 255, 255, 255))
        grey = bytes(bitmap.buffer)
        if bitmap.stride != bitmap.width:
            rows = (grey[row * bitmap.stride :][: bitmap.width] for row in range(bitmap.height))
            grey = b"".join(rows)
        pgm = pgm_of(bitmap.width, bitmap.height, grey)
        bitmap.close()
        return pgm, height
    finally:
        page.close()


def _note_unread(scans: list[_PageRead], why: str) -> None:
    """Say on the page that its picture was not read; a page with text and a small picture misses nothing."""
    for page in scans:
        if page.letters == 0 or page.picture > 0.5:
            page.sheet.note = f"[Page {page.index + 1} is a scan that was not read: {why}]"
        if page.letters == 0:
            page.sheet.fragments = []


def _nothing_read(
    pages: list[_PageRead], tesseract: Tesseract | None, name: str, settings: DocumentSettings
) -> UnreadableFile:
    notes = [page.sheet.note for page in pages if page.sheet.note]
    if any("damaged" in note for note in notes):
        return UnreadableFile(
            "damaged PDF (no page can be read)", where=name, next_step="download the file again"
        )
    if not any(page.wants_ocr for page in pages):
        return UnreadableFile(
            "the PDF has only empty pages", where=name, next_step="check the file in a viewer"
        )
    if tesseract is None:
        return UnreadableFile("no text layer", where=name, next_step=why_not(settings))
    if notes:
        return UnreadableFile(
            f"no text layer, and reading the picture failed {notes[0]}",
            where=name,
            next_step="split the file, or raise documents.ocr_page_seconds",
        )
    return UnreadableFile(
        "no text layer, and no writing was recognised in its pictures",
        where=name,
        next_step="scan it again at 300 dpi, upright and with more contrast",
    )


def _attachments(pdf: Any, settings: DocumentSettings) -> Iterator[Attachment]:
    left = settings.max_archive_bytes
    for index in range(min(pdf.count_attachments(), settings.max_archive_files)):
        attachment = pdf.get_attachment(index)
        try:
            data = bytes(attachment.get_data())
            name = attachment.get_name()
        except pdfium.PdfiumError:
            continue  # an entry without a file in it
        left -= len(data)
        if left < 0:
            return
        yield Attachment(canonical(name) or f"attachment-{index + 1}", data)


def _metadata(pdf: Any, name: str) -> tuple[str | None, str | None, str | None]:
    """Title, author and date of last change, each None where it is not plausible."""
    values = {
        key: " ".join(canonical(pdf.get_metadata_value(key)).split())
        for key in ("Title", "Author", "ModDate", "CreationDate")
    }
    title = values["Title"] if is_plausible_title(values["Title"], name) else None
    author = plausible_author(values["Author"])
    modified = pdf_date(values["ModDate"]) or pdf_date(values["CreationDate"])
    return title, author, modified


def pdf_date(value: str) -> str | None:
    """`D:20230525051224+02'00'` as `2023-05-25T05:12:24+02:00`; None where it is not a date."""
    match = re.match(
        r"(?:D:)?\s*(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?\s*(Z|[+-]\d\d)?'?(\d\d)?", value.strip()
    )
    if match is None:
        return None
    year, month, day, hour, minute, second = (
        int(part) if part else default
        for part, default in zip(match.groups()[:6], (0, 1, 1, 0, 0, 0), strict=True)
    )
    zone = None
    try:
        if match[7]:
            hours = 0 if match[7] == "Z" else int(match[7])
            minutes = int(match[8] or 0) if match[7] != "Z" else 0
            zone = dt.timezone(dt.timedelta(hours=hours, minutes=-minutes if hours < 0 else minutes))
        when = dt.datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None
    if not 1980 <= year <= 2200:
        return None
    return when.isoformat() if match[4] else when.date().isoformat()
