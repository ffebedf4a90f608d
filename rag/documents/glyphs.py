"""One page's characters → words with boxes, through PDFium's text page.

PDFium gives every character its code, its box in the page's own coordinates (y up, before the page is turned) and the
angle that it is written at. We turn the boxes so that writing runs to the right and down, whatever the page's rotation
says: a page may be turned, its writing may be, or both.
"""

from __future__ import annotations

import ctypes
import math
import re
from dataclasses import dataclass, field
from typing import Any

import pypdfium2.raw as pdfium_c

from rag.documents.building import canonical
from rag.documents.layout import Word

Box = tuple[float, float, float, float]

_BLANK = frozenset(" \t\r\n\x0b\x0c")
_HYPHEN_MARKS = frozenset({0x02, 0xFFFE})  # PDFium's signs for a hyphen at a line end
_OBLIQUE = 0.12  # radians off the horizontal or vertical (7°): a watermark; skewed scans stay below
_BOLD = re.compile(rb"bold|black|heavy|semibd|demi", re.IGNORECASE)
_BOX_EXTRA = 2.0  # points that text may stick out of the page and still be on it


@dataclass(slots=True)
class Glyphs:
    """Words of one page by direction of writing, and what is left aside."""

    upright: dict[int, list[Word]] = field(default_factory=dict)
    oblique: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    letters: int = 0
    unknown: int = 0
    hidden: int = 0  # letters drawn invisibly: the text layer of an OCR


def glyphs_of(page: Any, box: Box) -> Glyphs:
    """The page's characters as words, with boxes turned so that the writing runs to the right and down."""
    found = Glyphs()
    textpage = page.get_textpage()
    raw = textpage.raw
    rect = pdfium_c.FS_RECTF()
    spaced = True
    run: _Run | None = None
    for place in range(pdfium_c.FPDFText_CountChars(raw)):
        code = pdfium_c.FPDFText_GetUnicode(raw, place)
        character = "-" if code in _HYPHEN_MARKS else chr(code) if code < 0x110000 else "\ufffd"
        if character in _BLANK:
            _close(run, found, box)
            run = None
            # PDFium writes a space or a line end of its own where letters stand apart or on another height (a raised
            # number), sometimes a little eagerly: `layout` decides those by the gap.
            spaced = spaced or not pdfium_c.FPDFText_IsGenerated(raw, place)
            continue
        if (
            code == 0
            or code == 0xFFFD
            or 0xE000 <= code <= 0xF8FF
            or pdfium_c.FPDFText_HasUnicodeMapError(raw, place) == 1
        ):
            found.unknown += 1
        elif code >= 0x20:
            found.letters += 1
        if (code < 0x20 and code not in _HYPHEN_MARKS) or code == 0xFFFF:
            continue
        pdfium_c.FPDFText_GetLooseCharBox(raw, place, rect)
        bounds = (rect.left, rect.bottom, rect.right, rect.top)
        if run is not None and not run.takes(bounds):
            _close(run, found, box)
            run = None
            spaced = False
        if run is None:
            run = _Run(raw, place, spaced, found)
            spaced = False
        run.add(character, bounds)
        if code in _HYPHEN_MARKS:
            # The next character stands on the next line, and PDFium gives no line end between the two.
            _close(run, found, box)
            run, spaced = None, False
    _close(run, found, box)
    textpage.close()
    return found


class _Run:
    """Characters of one word while it is being read."""

    def __init__(self, raw: Any, place: int, spaced: bool, found: Glyphs) -> None:
        angle = pdfium_c.FPDFText_GetCharAngle(raw, place)
        angle = 0.0 if angle < 0 or math.isnan(angle) else angle
        self.turn = round(angle / (math.pi / 2)) % 4
        self.oblique = abs(angle - round(angle / (math.pi / 2)) * math.pi / 2) > _OBLIQUE
        self.size = _font_size(raw, place)
        self.bold = _is_bold(raw, place)
        self.spaced = spaced
        self.characters: list[str] = []
        self.boxes: list[Box] = []
        self.box: Box = (0.0, 0.0, 0.0, 0.0)
        self.hidden = _is_hidden(raw, place)

    def takes(self, bounds: Box) -> bool:
        """Does the next character continue the word? Not after a jump of more than half its height."""
        if self.oblique:
            return True
        left, top, right, bottom = turned(bounds, self.turn)
        _, own_top, own_right, own_bottom = turned(self.box, self.turn)
        height = max(own_bottom - own_top, 1.0)
        middle = (top + bottom) / 2
        return (
            -0.6 * height <= left - own_right <= 0.5 * height
            and own_top <= middle <= own_bottom
            and right >= left
        )

    def add(self, character: str, bounds: Box) -> None:
        self.characters.append(character)
        if self.boxes:
            left, bottom, right, top = self.box
            self.box = (
                min(left, bounds[0]), min(bottom, bounds[1]), max(right, bounds[2]), max(top, bounds[3])
            )  # fmt: skip
        else:
            self.box = bounds
        self.boxes.append(bounds)

    def placed(self) -> Box:
        """The word's box, upright, y down. Its height is that of its middle character: a brace or a root sign that
        reaches into the next line must not join the two lines."""
        left, top, right, bottom = turned(self.box, self.turn)
        if len(self.boxes) > 1 and bottom - top > 1.4 * self.size:
            boxes = sorted((turned(box, self.turn) for box in self.boxes), key=lambda box: box[3] - box[1])
            _, top, _, bottom = boxes[len(boxes) // 2]
        return left, top, right, bottom


def _font_size(raw: Any, place: int) -> float:
    """In points: the size that the text names, times the scale that it is drawn with."""
    matrix = pdfium_c.FS_MATRIX()
    scale = 1.0
    if pdfium_c.FPDFText_GetMatrix(raw, place, matrix):
        scale = math.hypot(matrix.c, matrix.d) or 1.0
    return float(pdfium_c.FPDFText_GetFontSize(raw, place)) * scale


def _close(run: _Run | None, found: Glyphs, box: Box) -> None:
    """Put a finished word where it belongs."""
    if run is None or not run.characters:
        return
    # Word writes a visible hyphen as U+00AD; one at the word's end is for `paragraphs` to judge.
    text = canonical("".join(run.characters))
    text = text[:-1].replace("\u00ad", "-") + text[-1:] if text else text
    if not text:
        return
    outside = not all(math.isfinite(edge) for edge in (*run.box, run.size)) or (
        run.box[2] < box[0] - _BOX_EXTRA
        or run.box[0] > box[2] + _BOX_EXTRA
        or run.box[3] < box[1] - _BOX_EXTRA
        or run.box[1] > box[3] + _BOX_EXTRA
    )
    if outside:
        found.outside.append(text)
        return
    if run.oblique:
        found.oblique.append(text)
        return
    left, top, right, bottom = run.placed()
    size = run.size
    if not 0.4 * (bottom - top) <= size <= 3 * max(bottom - top, 0.1):
        size = (bottom - top) / 1.15  # fonts made of drawings count in units of their own
    if bottom - top < 0.3 * size:
        top = bottom - size
    word = Word(text, left, top, max(right, left), bottom, round(size, 2), run.bold, run.spaced)
    found.upright.setdefault(run.turn, []).append(word)
    found.hidden += len(text) if run.hidden else 0


def turned(box: Any, turn: int) -> Box:
    """A PDF box (left, bottom, right, top) as (left, top, right, bottom) after turning the writing upright, y down.

    `turn` counts quarters clockwise from writing that runs to the right, as PDFium's angles do.
    """
    left, bottom, right, top = box
    if turn == 0:
        return left, -top, right, -bottom
    if turn == 1:
        return -top, -right, -bottom, -left
    if turn == 2:
        return -right, bottom, -left, top
    return bottom, left, top, right


def _is_bold(raw: Any, place: int) -> bool:
    if pdfium_c.FPDFText_GetFontWeight(raw, place) >= 600:
        return True
    buffer = ctypes.create_string_buffer(96)
    flags = ctypes.c_int()
    pdfium_c.FPDFText_GetFontInfo(raw, place, buffer, 96, flags)
    return bool(_BOLD.search(buffer.value)) or bool(flags.value & (1 << 18))


def _is_hidden(raw: Any, place: int) -> bool:
    drawn = pdfium_c.FPDFText_GetTextObject(raw, place)
    return (
        bool(drawn)
        and pdfium_c.FPDFTextObj_GetTextRenderMode(drawn) == pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE
    )


def turned_between(word: Word, turn: int, main_turn: int) -> Box:
    """The word's box in the coordinates of the page's main direction."""
    box = (word.left, word.top, word.right, word.bottom)
    if turn == 0:
        page = (box[0], -box[3], box[2], -box[1])
    elif turn == 1:
        page = (-box[3], -box[2], -box[1], -box[0])
    elif turn == 2:
        page = (-box[2], box[1], -box[0], box[3])
    else:
        page = (box[1], box[0], box[3], box[2])
    return turned(page, main_turn)
