"""Scanned pages through Tesseract, where its program is installed; nothing is downloaded and nothing is linked in.

The picture goes to the program's standard input as an uncompressed PGM and the words come back with their places.
Tesseract's own analysis of the page gives the order; `layout` then treats the words like those of a PDF.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rag.documents.allowance import for_scans
from rag.documents.building import Parsed
from rag.documents.layout import Word, fragments_of
from rag.documents.sheets import Sheet, compose
from rag.errors import UnreadableFile
from rag.settings import DocumentSettings

if TYPE_CHECKING:
    from PIL import Image

DPI = 250  # 300 is a third slower and read no more of the scans that we tried
INSTALL = "install Tesseract (Debian and Ubuntu: apt install tesseract-ocr tesseract-ocr-spa) and add the file again"
_NOISE = 35.0  # mean confidence of a line, of 100, below which it is a picture and not writing
_PIXELS = 120_000_000  # of one picture; a page of A2 at 300 dpi has 35 million
_SMALL_PIXELS = 1_400  # wide; smaller pictures are doubled, because Tesseract wants capitals of 20-40 pixels


@dataclass(frozen=True, slots=True)
class Tesseract:
    """An installed Tesseract and the languages to read, as its `-l` option takes them."""

    program: str
    languages: str
    mode: str  # page segmentation: 1 also turns pages upright, 3 where its data is not installed

    def words(self, pgm: bytes, dpi: float, seconds: float) -> list[list[Word]]:
        """The words of one picture in reading order, one list a line, in points from its top left corner.

        Raises:
            TimeoutError: no result within `seconds`.
            RuntimeError: Tesseract refused the picture; the message is its own.
        """
        # One thread each: on small machines Tesseract's own threads cost more than they give.
        environment = os.environ | {"OMP_THREAD_LIMIT": "1"}
        options = ["-l", self.languages, "--psm", self.mode, "--dpi", str(round(dpi)), "tsv"]
        try:
            done = subprocess.run(
                [self.program, "stdin", "stdout", *options],
                input=pgm,
                capture_output=True,
                timeout=max(seconds, 0.1),
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"no text after {seconds:.0f} seconds") from error
        if done.returncode:
            message = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise RuntimeError(message[-1] if message else f"Tesseract ended with status {done.returncode}")
        return list(_lines(done.stdout.decode("utf-8", "replace"), 72.0 / dpi))


@lru_cache(maxsize=8)
def _installed(program: str) -> frozenset[str]:
    try:
        listed = subprocess.run(
            [program, "--list-langs"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    return frozenset(line.strip() for line in listed.stdout.splitlines()[1:] if line.strip())


def find_tesseract(settings: DocumentSettings) -> Tesseract | None:
    """Tesseract with those of the wanted languages that it has; None where OCR is off or nothing fits."""
    program = shutil.which("tesseract") if settings.ocr else None
    if program is None:
        return None
    installed = _installed(program)
    wanted = [part for part in settings.ocr_languages.split("+") if part in installed]
    if not wanted and "eng" in installed:
        wanted = ["eng"]
    if not wanted:
        return None
    return Tesseract(program, "+".join(wanted), "1" if "osd" in installed else "3")


def why_not(settings: DocumentSettings) -> str:
    """The next step for a scan where `find_tesseract` gives None."""
    if not settings.ocr:
        return "switch documents.ocr on in the settings and add the file again"
    if shutil.which("tesseract") is None:
        return INSTALL
    return f"install Tesseract's data for {settings.ocr_languages} and add the file again"


def _lines(tsv: str, scale: float) -> Iterator[list[Word]]:
    """Words of Tesseract's table (level 5) by line; columns: level page block par line word left top width height
    conf text."""
    line: list[tuple[Word, float]] = []
    key: tuple[str, ...] = ()
    box = (0.0, 0.0)
    for row in tsv.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) != 12:
            continue
        level, place = cells[0], tuple(cells[1:5])
        left, top, width, height = (float(cell) * scale for cell in cells[6:10])
        if level == "4":
            box = (top, top + height)
        if level != "5" or not cells[11].strip():
            continue
        if place != key and line:
            yield from _kept(line)
            line = []
        key = place
        # The line's box gives every word one height, so that small and tall letters do not part.
        size = (box[1] - box[0]) * 0.8
        word = Word(cells[11].strip(), left, box[0], left + width, box[1], size)
        line.append((word, float(cells[10])))
    if line:
        yield from _kept(line)


def _kept(line: list[tuple[Word, float]]) -> Iterator[list[Word]]:
    letters = sum(len(word.text) for word, _ in line)
    if sum(confidence * len(word.text) for word, confidence in line) >= _NOISE * letters:
        yield [word for word, _ in line]


def sheet_of(lines: list[list[Word]], number: int, height: float) -> Sheet:
    """A page from OCR lines; sizes are evened out, because line boxes grow with every comma and capital."""
    sizes = sorted(line[0].size for line in lines)
    usual = sizes[len(sizes) // 2] if sizes else 10.0
    for line in lines:
        for word in line:
            word.size = usual if word.size < 1.6 * usual else word.size
    return Sheet(number, 0.0, height, fragments_of(word for line in lines for word in line), smooth=True)


def parse_image(data: bytes, name: str, settings: DocumentSettings) -> Parsed:
    """A photographed or scanned document (PNG, JPEG, TIFF with one or more pages, and what else Pillow opens).

    Raises:
        UnreadableFile: Tesseract is missing, the picture is damaged or too large, or nothing is written on it.
    """
    tesseract = find_tesseract(settings)
    if tesseract is None:
        raise UnreadableFile("a picture without a text layer", where=name, next_step=why_not(settings))
    deadline = time.monotonic() + for_scans(1, settings)
    sheets: list[Sheet] = []
    media_type = "image"
    for number, (kind, pgm, height, dpi) in enumerate(_frames(data, name, settings), start=1):
        media_type = kind
        if number > 1:  # a picture file does not say how many pages it has before they are read
            deadline = max(deadline, time.monotonic() + for_scans(1, settings))
        try:
            lines = tesseract.words(pgm, dpi, deadline - time.monotonic())
        except (TimeoutError, RuntimeError) as error:
            sheets.append(Sheet(number, 0.0, height, note=f"[Page {number} was not read: {error}]"))
            continue
        sheets.append(sheet_of(lines, number, height))
    if not any(sheet.fragments for sheet in sheets):
        reason = next((sheet.note for sheet in sheets if sheet.note), "")
        raise UnreadableFile(
            f"no text was recognised in the picture {reason}".strip(),
            where=name,
            next_step="scan the page again at 300 dpi, upright and with more contrast",
        )
    builder, title = compose(sheets)
    return Parsed(
        text=builder.text,
        media_type=media_type,
        title=title,
        pages=tuple(builder.pages),
        headings=tuple(builder.headings),
        furniture=tuple(builder.furniture),
    )


def _frames(data: bytes, name: str, settings: DocumentSettings) -> Iterator[tuple[str, bytes, float, float]]:
    """Media type, PGM, height in points and dpi of each page of a picture file, turned as its EXIF data say."""
    from PIL import Image, ImageSequence, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # Pillow warns of large pictures and odd metadata; we check the size
            with Image.open(io.BytesIO(data)) as picture:
                if getattr(picture, "n_frames", 1) > settings.max_pages:
                    raise UnreadableFile(
                        f"more than {settings.max_pages} pages",
                        where=name,
                        next_step="split the file, or raise documents.max_pages",
                    )
                kind = picture.get_format_mimetype() if hasattr(picture, "get_format_mimetype") else None
                for frame in ImageSequence.Iterator(picture):
                    if frame.width * frame.height > _PIXELS:
                        raise UnreadableFile(
                            f"a picture of {frame.width} by {frame.height} pixels is too large",
                            where=name,
                            next_step=f"scale it down to less than {_PIXELS // 1_000_000} million pixels",
                        )
                    grey, dpi = _grey(frame)
                    yield kind or "image", pgm_of(grey.width, grey.height, grey.tobytes()), *_size(grey, dpi)
    except Image.DecompressionBombError as error:
        raise UnreadableFile(
            f"the picture is too large ({error})", where=name, next_step="scale it down and add it again"
        ) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise UnreadableFile(
            f"the picture is damaged or of an unknown kind ({error})",
            where=name,
            next_step="open it in a viewer and save it again as PNG",
        ) from error


def _grey(frame: Image.Image) -> tuple[Image.Image, float]:
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(frame)
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        paper = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(paper, upright.convert("RGBA"))
    grey = upright.convert("L")
    if grey.width < _SMALL_PIXELS:
        grey = grey.resize((grey.width * 2, grey.height * 2), Image.Resampling.LANCZOS)
    # Whatever the file claims: as if the longer side were that of an A4 or Letter page.
    dpi = min(max(max(grey.width, grey.height) / 11.3, 70.0), 600.0)
    return grey, dpi


def _size(grey: Image.Image, dpi: float) -> tuple[float, float]:
    return grey.height * 72.0 / dpi, dpi


def pgm_of(width: int, height: int, grey: bytes) -> bytes:
    """A binary PGM of `height` rows of `width` grey bytes, the simplest picture that Tesseract reads."""
    if len(grey) != width * height:
        raise ValueError(f"{len(grey)} bytes are not {width} x {height} pixels")
    return b"P5 %d %d 255\n" % (width, height) + grey
