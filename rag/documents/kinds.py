"""What kind of file some bytes are, by what they hold. The name decides only among kinds of text."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath

from rag.documents.lines import word_set
from rag.documents.text import decode
from rag.errors import UnreadableFile

_SAMPLE = 65_536
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", ""),
    (b"\xff\xd8\xff", ""),
    (b"II*\x00", ""),
    (b"MM\x00*", ""),
    (b"GIF8", ""),
    (b"BM", "bmp"),
)
# Known kinds that we do not read: beginning of the file, what it is, what helps.
_UNPACK = "unpack it and add the folder, or make a ZIP of it"
_CONVERT = "save it as PDF, DOCX or text and add that"
_FOREIGN = (
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"\x1f\x8b", "a gzip archive", _UNPACK),
    (b"BZh", "a bzip2 archive", _UNPACK),
    (b"\xfd7zXZ\x00", "an XZ archive", _UNPACK),
    (b"{\\rtf", "an RTF document", _CONVERT),
    (b"%!PS", "a PostScript file", "convert it to PDF and add that"),
    (b"SQLite format 3\x00", "a SQLite database", "export its tables as CSV and add those"),
    (b"\x7fELF", "a program", "leave it out"),
    (b"MZ", "a program", "leave it out"),
    (b"ID3", "a sound file", "transcribe it and add the text"),
    (b"OggS", "a sound file", "transcribe it and add the text"),
    (b"fLaC", "a sound file", "transcribe it and add the text"),
    (b"RIFF", "a sound or video file", "transcribe it and add the text"),
    (b"\x1aE\xdf\xa3", "a video file", "transcribe it and add the text"),
)
_HTML_START = re.compile(
    # Possessive: tried again with other ends, many comments would take exponential time.
    r"\s*+(?:<\?xml[^>]*+>\s*+)?+(?><!--.*?-->\s*+)*+<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_HTML_TAG = re.compile(
    r"<(?:p|div|span|h[1-6]|ul|ol|li|table|tr|td|a|br|b|i|em|strong|section|article|main|nav|header|footer|form"
    r"|title|meta|img|pre|blockquote|script|style)\b[^<>]*>",
    re.IGNORECASE,
)
_HTML_END = re.compile(
    r"</(?:p|div|span|h[1-6]|ul|ol|li|table|tr|td|a|section|article|main|nav|header|footer|form|body|html"
    r"|blockquote|script|style)>",
    re.IGNORECASE,
)
_HEADER = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9-]{1,60}):(?:[ \t].*|)$")
_ADDRESS_KEYS = frozenset(("from", "to", "subject", "date", "cc", "bcc", "reply-to", "sender"))
_TRANSPORT_KEYS = word_set(
    """
    message-id received mime-version return-path delivered-to content-type content-transfer-encoding
    x-mailer dkim-signature x-received authentication-results in-reply-to references user-agent
    x-originating-ip envelope-to x-gmail-labels thread-topic snapshot-content-location
    """
)
# What text does not hold: controls other than white space, ESC, SUB and backspace; bytes that could not be decoded.
_CONTROL = re.compile("[\x00-\x07\x0e-\x19\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd]")
_MBOX = re.compile(rb"\AFrom \S+.*\d{4}\s*\r?\n(?:>?[A-Za-z][A-Za-z0-9-]*:)")


@dataclass(frozen=True, slots=True)
class Kind:
    """A family of `rag.documents.isolate`, or "zip"; `media_type` of what it reads."""

    family: str
    media_type: str


PDF = Kind("pdf", "application/pdf")
DOCX = Kind("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document")
XLSX = Kind("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
ZIP = Kind("zip", "application/zip")
HTML = Kind("html", "text/html")
MAIL = Kind("mail", "message/rfc822")
MBOX = Kind("mbox", "application/mbox")
CSV = Kind("csv", "text/csv")
TSV = Kind("csv", "text/tab-separated-values")
MARKDOWN = Kind("markdown", "text/markdown")
TEXT = Kind("text", "text/plain")
IMAGE = Kind("image", "image/*")


def kind_of(data: bytes, name: str) -> Kind:
    """Raises UnreadableFile for an empty file and for kinds that we do not read, each with its name and what helps."""
    if not data:
        raise UnreadableFile(
            "the file is empty", where=name, next_step="check whether it was copied completely"
        )
    head = data[:1024]
    if b"%PDF-" in head and not head.lstrip().startswith((b"<", b"From ", b"PK")):
        return PDF
    if head.startswith(_ZIP):
        return _package(data, name)
    if head.startswith(_OLE):
        raise _ole(data, name)
    for mark, ending in _IMAGES:
        if head.startswith(mark) and (not ending or name.lower().endswith(ending)):
            return IMAGE
    for mark, what, next_step in _FOREIGN:
        if head.startswith(mark):
            raise UnreadableFile(f"{what}, which is not supported", where=name, next_step=next_step)
    if head[4:8] == b"ftyp":
        raise UnreadableFile(
            "a video, sound or HEIC file, which is not supported",
            where=name,
            next_step="transcribe it and add the text",
        )
    if data[257:262] == b"ustar":
        raise UnreadableFile("a TAR archive, which is not supported", where=name, next_step=_UNPACK)
    if _MBOX.match(data[:2000]):
        return MBOX
    return _text_kind(data, name)


def _package(data: bytes, name: str) -> Kind:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
            mimetype = (
                archive.read("mimetype")[:100]
                if "mimetype" in names and archive.getinfo("mimetype").file_size < 200
                else b""
            )
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, RuntimeError, KeyError):
        if office := _office_program(data, name):
            raise _damaged(office, name) from None
        return ZIP  # its reader says what is wrong
    if "word/document.xml" in names or (
        "[Content_Types].xml" in names and any(part.startswith("word/document") for part in names)
    ):
        return DOCX
    if "xl/workbook.xml" in names:
        return XLSX
    if "xl/workbook.bin" in names:
        raise UnreadableFile(
            "an XLSB spreadsheet, which is not supported",
            where=name,
            next_step="save it as XLSX and add that",
        )
    if "ppt/presentation.xml" in names:
        raise UnreadableFile(
            "a presentation, which is not supported", where=name, next_step="save it as PDF and add that"
        )
    if mimetype.startswith(b"application/vnd.oasis.opendocument"):
        raise UnreadableFile(
            "an OpenDocument file, which is not supported",
            where=name,
            next_step="save it as DOCX, XLSX or PDF and add that",
        )
    if mimetype.startswith(b"application/epub"):
        raise UnreadableFile(
            "an e-book (EPUB), which is not supported",
            where=name,
            next_step="convert it to PDF or HTML and add that",
        )
    if office := _office_program(b"", name):
        raise _damaged(office, name)
    return ZIP


def _office_program(data: bytes, name: str) -> str:
    """The program whose file this was meant to be, by its parts or its name; "" for another kind of ZIP."""
    lowered = name.lower()
    if b"word/document.xml" in data[:_SAMPLE] or lowered.endswith((".docx", ".docm", ".dotx")):
        return "Word"
    if b"xl/workbook.xml" in data[:_SAMPLE] or lowered.endswith((".xlsx", ".xlsm", ".xltx")):
        return "Excel"
    if lowered.endswith((".pptx", ".pptm", ".ppsx")):
        return "PowerPoint"
    return "Office" if b"[Content_Types].xml" in data[:200] else ""


def _damaged(office: str, name: str) -> UnreadableFile:
    program = office if office != "Office" else "its program"
    return UnreadableFile(
        f"damaged or incomplete {office} file",
        where=name,
        next_step=f"get it again, or open it in {program}, let it repair the file, and save it",
    )


def _ole(data: bytes, name: str) -> UnreadableFile:
    if "EncryptedPackage".encode("utf-16-le") in data:
        return UnreadableFile(
            "password-protected Office file",
            where=name,
            next_step="open it with its password, save it without one and add that",
        )
    if "__substg1.0_".encode("utf-16-le") in data:
        return UnreadableFile(
            "an Outlook message (MSG), which is not supported",
            where=name,
            next_step="save it as EML and add that",
        )
    return UnreadableFile(
        "an old Office file (DOC, XLS or PPT), which is not supported",
        where=name,
        next_step="save it as DOCX, XLSX or PDF and add that",
    )


def _text_kind(data: bytes, name: str) -> Kind:
    sample = decode(data[:_SAMPLE])
    _refuse_binary(sample, name)
    ending = PurePosixPath(name.lower().replace("\\", "/")).suffix
    if _is_mail(sample, ending):
        return MAIL
    if _is_html(sample, ending):
        return HTML
    if ending in (".md", ".markdown", ".mdown"):
        return MARKDOWN
    whole = len(data) <= _SAMPLE
    if ending == ".tsv" or (ending == ".tab" and _table_delimiter(sample, whole) == "\t"):
        return TSV
    if ending == ".csv" and _parses_as_csv(sample):
        return CSV
    if ending in ("", ".txt", ".text", ".dat", ".csv") and (delimiter := _table_delimiter(sample, whole)):
        return TSV if delimiter == "\t" else CSV
    return TEXT


def _refuse_binary(sample: str, name: str) -> None:
    """Text holds almost no control characters; what decodes to many of them is something else."""
    controls = len(_CONTROL.findall(sample))
    if controls > max(4, 0.02 * len(sample)) or (controls and controls * 5 > len(sample)):
        raise UnreadableFile("a binary file of a kind that is not supported", where=name, next_step=_CONVERT)


def _is_mail(sample: str, ending: str) -> bool:
    keys: set[str] = set()
    for line in sample.lstrip("\ufeff\r\n")[:20_000].split("\n")[:200]:
        line = line.rstrip("\r")
        if not line:
            break
        if line[0] in " \t" and keys:
            continue
        found = _HEADER.match(line)
        if found is None:
            if not keys:
                return False
            break
        keys.add(found["key"].lower())
    addressed, transported = len(keys & _ADDRESS_KEYS), len(keys & _TRANSPORT_KEYS)
    if ending in (".eml", ".mht", ".mhtml") and addressed + transported:
        return True
    return (
        (addressed >= 1 and transported >= 2)
        or (addressed >= 2 and transported >= 1)
        or {"from", "subject", "date"} <= keys
    )


def _is_html(sample: str, ending: str) -> bool:
    if _HTML_START.match(sample):
        return True
    tags, ends = len(_HTML_TAG.findall(sample[:20_000])), len(_HTML_END.findall(sample[:20_000]))
    if ending in (".html", ".htm", ".xhtml"):
        return tags > 0 or ends > 0
    if ending in (".md", ".markdown", ".mdown", ".xml"):
        return False
    return sample.lstrip()[:1] == "<" and bool(_HTML_TAG.match(sample.lstrip())) and ends >= 2


def _parses_as_csv(sample: str) -> bool:
    lines = [line for line in sample.splitlines() if line.strip()]
    return bool(lines) and any(delimiter in lines[0] for delimiter in ",;\t|")


def _table_delimiter(sample: str, whole: bool) -> str | None:
    """The delimiter of a table that says so itself: three lines or more, each of the same three or more short cells."""
    text = sample if whole else sample.rpartition("\n")[0]
    first = text.lstrip().partition("\n")[0]
    for delimiter in "\t;,":
        if first.count(delimiter) < 2:
            continue
        try:
            rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
        except csv.Error:
            continue
        if len(rows) < 3 or len({len(row) for row in rows}) != 1 or len(rows[0]) < 3:
            continue
        cells = [cell for row in rows for cell in row]
        # After the comma of a sentence comes a space; in a table, almost never.
        spaced = sum(cell.startswith(" ") for row in rows for cell in row[1:])
        if (
            max(map(len, cells)) <= 200
            and sum(map(len, cells)) <= 40 * len(cells)
            and spaced * 4 < len(cells)
        ):
            return delimiter
    return None
