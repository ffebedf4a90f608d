"""Plain text and Markdown: which encoding, which lines are headings, what the page around the text left behind."""

from __future__ import annotations

import codecs
import dataclasses
import re

from rag.documents.building import Parsed, canonical, merge_spans, shows_text
from rag.documents.clean import find_furniture
from rag.documents.dates import date_in_line
from rag.documents.lines import Unit, units_of, within, word_set
from rag.documents.metadata import Metadata, dated_line, is_byline, is_outlet, read_metadata
from rag.errors import UnreadableFile
from rag.settings import DocumentSettings
from rag.types import Span

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with that of UTF-16 LE
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What the high bytes of Western European text mean in CP1252.
_WESTERN = frozenset(
    "áéíóúñüàèìòùâêîôûäöïëçãõåæøœßÁÉÍÓÚÑÜÀÈÌÒÙÂÊÎÔÛÄÖÏËÇÃÕÅÆØŒ¿¡“”‘’–—…€£°·º®©™«»‹›‚„§²³½¼¾´¨\xa0\xadªŽžŠšŸýÝ•†‡¢×÷±µ¶"
)
# What lines of forms, mails and records begin with; a headline with a colon begins with something else.
_FORM_KEYS = word_set(
    """
    to from cc bcc subject re date time place location name title author source fuente fecha autor título titulo
    asunto para de email phone address attendees present file case ref reference number note notes topic tema outlet
    published publication headline byline url link status version client project q a question answer
    """
)
_LEAST_PROSE_BELOW = 6  # words of the paragraph that a heading stands above

_MARKDOWN_HEADING = re.compile(r"^ {0,3}(?P<marks>#{1,6}+)[ \t]++(?P<title>[^\s].*+)$", re.MULTILINE)
_MARKDOWN_UNDERLINED = re.compile(r"^(?P<title>[^\s#>|*+-][^\n]{0,150})\n(?:=+|-{3,})[ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"^ {0,3}(?P<mark>```|~~~)(?P<rest>.*)$", re.MULTILINE)
_FRONT_MATTER = re.compile(r"\A---\n(?P<body>(?:[^\n]*\n){0,60}?)(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_FRONT_KEYS = {
    "title": "title", "título": "title", "titulo": "title", "author": "author", "autor": "author",
    "source": "source", "outlet": "source", "fuente": "source", "date": "published",
    "published": "published", "fecha": "published", "updated": "modified", "modified": "modified",
}  # fmt: skip


def _cp1252_byte(error: UnicodeError) -> tuple[str, int]:
    """Error handler: a byte that is not UTF-8 is read as CP1252, its five holes as Latin-1."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    piece = error.object[error.start : error.end]
    return "".join(bytes([value]).decode("cp1252", "ignore") or chr(value) for value in piece), error.end


codecs.register_error("onrecord-cp1252", _cp1252_byte)


def decode(data: bytes, declared: str | None = None) -> str:
    """The text of `data`, never failing. Not canonical yet.

    In order: a byte order mark; the pattern of zeros of UTF-16 and UTF-32; valid UTF-8, or UTF-8 with a few stray
    bytes; the `declared` encoding; CP1252 where its high bytes look like Western text (Latin-1 and its superset are
    the same there); the guess of charset-normalizer; CP1252.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    if wide := _wide_encoding(data):
        return data.decode(wide, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if _mostly_utf8(data):
        return data.decode("utf-8", "onrecord-cp1252")
    if declared:
        text = _decode_declared(data, declared)
        if text is not None:
            return text
    western = data.decode("cp1252", "onrecord-cp1252")
    if _looks_western(western):
        return western
    from charset_normalizer import from_bytes

    best = from_bytes(data[:200_000]).best()
    text = _decode_declared(data, best.encoding) if best is not None else None
    return western if text is None else text


def _decode_declared(data: bytes, encoding: str) -> str | None:
    # Browsers read these labels as CP1252 as well (WHATWG Encoding Standard), because pages mean it.
    if encoding.lower().replace("_", "-") in {
        "iso-8859-1",
        "latin-1",
        "latin1",
        "us-ascii",
        "ascii",
        "windows-1252",
        "cp1252",
    }:
        return data.decode("cp1252", "onrecord-cp1252")
    try:
        return data.decode(encoding)
    except (LookupError, UnicodeError, ValueError):
        return None


def _wide_encoding(data: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark, by where the zeros of mostly Latin text stand."""
    sample = data[: 4096 - 4096 % 4]
    if len(sample) < 4 or b"\x00" not in sample:
        return None
    zeros = [sample[place::4].count(0) / max(1, len(sample[place::4])) for place in range(4)]
    if min(zeros[1:]) > 0.9 and zeros[0] < 0.1:
        return "utf-32-le"
    if min(zeros[:3]) > 0.9 and zeros[3] < 0.1:
        return "utf-32-be"
    even, odd = (zeros[0] + zeros[2]) / 2, (zeros[1] + zeros[3]) / 2
    if odd > 0.4 and even < 0.05:
        return "utf-16-le"
    if even > 0.4 and odd < 0.05:
        return "utf-16-be"
    return None


def _mostly_utf8(data: bytes) -> bool:
    """True where the multi-byte sequences of UTF-8 outnumber the bytes that are none, or only the end was cut off."""
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    good = sum(character > "\x7f" for character in text) - text.count("\ufffd")
    return bad <= good or (
        bad == 1 and text.endswith("\ufffd") and data[-1] >= 0xC2 and data[-1] <= 0xF4 and good > 0
    )


def _looks_western(text: str) -> bool:
    high = [character for character in text if character > "\x7f"]
    letters = sum(character.isalpha() for character in text)
    return sum(character in _WESTERN for character in high) >= 0.8 * len(high) and len(high) <= max(
        4, 0.3 * letters
    )


def parse_text(data: bytes, name: str, settings: DocumentSettings) -> Parsed:
    """Plain text. Raises UnreadableFile where there is nothing in it, or more than the settings allow."""
    text = readable_text(decode(data), name, settings)
    furniture = find_furniture(text)
    headings = find_headings(text, furniture)
    found = read_metadata(text, headings, furniture)
    return _parsed(text, "text/plain", found, headings, furniture)


def parse_markdown(data: bytes, name: str, settings: DocumentSettings) -> Parsed:
    """Markdown, kept as it is written: `#` and underlined headings, front matter as metadata."""
    text = readable_text(decode(data), name, settings)
    front = _FRONT_MATTER.match(text)
    start = front.end() if front else 0
    code = _fenced(text)
    marked = [(found["marks"], _heading_span(found)) for found in _MARKDOWN_HEADING.finditer(text, start)]
    underlined = [Span(*found.span("title")) for found in _MARKDOWN_UNDERLINED.finditer(text, start)]
    headings = _outside(merge_spans([*(span for _, span in marked), *underlined]), code)
    furniture = _outside(find_furniture(text), merge_spans([*headings, *code]))
    found_metadata = read_metadata(text, headings, furniture)
    title = next((span for marks, span in marked if marks == "#"), None)
    if title and any(span.start == title.start for span in headings):
        found_metadata = dataclasses.replace(found_metadata, title=title.of(text))
    if front:
        found_metadata = dataclasses.replace(found_metadata, **_front_matter(front["body"]))
        block = Span(front.start(), front.end())
        furniture = (block, *(span for span in furniture if not span.overlaps(block)))
    return _parsed(text, "text/markdown", found_metadata, headings, furniture)


def _heading_span(found: re.Match[str]) -> Span:
    """The words of a heading, without the marks that may close it ("# Title #")."""
    title = found["title"].rstrip(" \t")
    opened = title.rstrip("#")
    if opened and opened[-1] in " \t":
        title = opened.rstrip(" \t")
    return Span(found.start("title"), found.start("title") + len(title))


def _fenced(text: str) -> tuple[Span, ...]:
    """Blocks of code between fences; a fence that is never closed opens none. Linear."""
    fences = [(found, found["mark"], not found["rest"].strip(" \t")) for found in _FENCE.finditer(text)]
    last = {mark: place for place, (_, mark, closes) in enumerate(fences) if closes}
    spans: list[Span] = []
    opening: tuple[int, str] | None = None
    for place, (found, mark, closes) in enumerate(fences):
        if opening is None:
            opening = (found.start(), mark) if last.get(mark, -1) > place else None
        elif mark == opening[1] and closes:
            spans.append(Span(opening[0], found.end()))
            opening = None
    return tuple(spans)


def _outside(spans: tuple[Span, ...], others: tuple[Span, ...]) -> tuple[Span, ...]:
    """Those of `spans` that overlap none of `others`; both ascend without overlap."""
    kept, place = [], 0
    for span in spans:
        while place < len(others) and others[place].end <= span.start:
            place += 1
        if place == len(others) or not others[place].overlaps(span):
            kept.append(span)
    return tuple(kept)


def _parsed(
    text: str, media_type: str, found: Metadata, headings: tuple[Span, ...], furniture: tuple[Span, ...]
) -> Parsed:
    return Parsed(text, media_type, headings=headings, furniture=furniture, **dataclasses.asdict(found))


def readable_text(text: str, name: str, settings: DocumentSettings) -> str:
    """Canonical `text` without blank ends of the file; raises UnreadableFile where it is empty or too long."""
    text = canonical(text).strip("\n")
    if not shows_text(text):
        raise UnreadableFile(
            "the file holds no text, only white space",
            where=name,
            next_step="check whether it was saved completely",
        )
    if len(text) > settings.max_characters:
        raise UnreadableFile(
            f"the text has {len(text):,} characters, more than the limit of {settings.max_characters:,}",
            where=name,
            next_step="split the file, or raise documents.max_characters",
        )
    return text


def _front_matter(body: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in body.splitlines():
        key, colon, value = line.partition(":")
        field = _FRONT_KEYS.get(key.strip().casefold())
        value = value.strip().strip("\"'")
        if not colon or field is None or not value:
            continue
        if field in {"published", "modified"}:
            dated = date_in_line(value)
            if dated is None:
                continue
            value = dated[0]
        found.setdefault(field, value)
    return found


def find_headings(text: str, furniture: tuple[Span, ...]) -> tuple[Span, ...]:
    """Headings of a plain text: short lines without the end of a sentence that stand above running text.

    Between a heading and its text there may be furniture, bylines, dates and one more heading (a subtitle). Lines that
    quote, list, label or date something are none. A question is a heading too: "Does it work?" above a paragraph.
    """
    every = units_of(text)
    units = [unit for unit, covered in zip(every, within(every, furniture), strict=True) if not covered]
    headings: list[Span] = []
    for index, unit in enumerate(units):
        if (_could_be_heading(unit) or (index == 0 and _is_divided_headline(unit))) and _stands_above_text(
            units, index
        ):
            headings.append(unit.span)
    return tuple(headings)


def _could_be_heading(unit: Unit) -> bool:
    line = unit.text
    if unit.words > 18 or len(line) > 140 or unit.words == 0 or "\n" in line:
        return False
    if line[-1] in ".,;:…\"”'’»)-" and not line.endswith(("?", "!", ")", "”", "’", "»")):
        return False
    if line.rstrip("\"'”’»)").endswith((".", ",", ";", ":", "…")) or re.search(r"[,.]['\"”’»]\s", line):
        return False
    first = line.lstrip("\"'“‘«¿¡([")[:1]
    if not (first.isupper() or first.isdigit() or (first.isalpha() and first.lower() == first.upper())):
        return False
    if re.match(r"[-*•·–—>|]", line) or "://" in line or "@" in line or "\t" in line or "|" in line:
        return False
    if re.fullmatch(r"[\d\W]+", line) or re.match(r"\w[\w ]{0,25}:\s", line):
        return False
    return not is_byline(line) and dated_line(unit)[0] is None


def _is_divided_headline(unit: Unit) -> bool:
    """ "Opinion: The truce will not hold", "Mexico: another flight leaves"; never the line of a form ("Subject: …")."""
    if bar := re.fullmatch(r"(?P<rest>[^|]{15,})\s\|\s[^|]{2,40}", unit.text):  # "Headline | Site"
        return _could_be_heading(Unit(unit.span, bar["rest"], unit.gap))
    found = re.match(r"(?P<key>[^\W\d_][\w ’'-]{1,25}):\s(?P<rest>\S.*)", unit.text)
    if found is None or found["key"].strip().casefold() in _FORM_KEYS or not found["key"][0].isupper():
        return False
    rest = Unit(unit.span, found["rest"], unit.gap)
    return rest.words >= 3 and _could_be_heading(rest)


def _stands_above_text(units: list[Unit], index: int) -> bool:
    steps = 0
    for below in units[index + 1 : index + 9]:
        if below.is_prose and not _is_question(below):
            return below.words >= _LEAST_PROSE_BELOW and steps <= 1
        if is_byline(below.text) or dated_line(below)[0] or is_outlet(below.text):
            continue
        if not _could_be_heading(below):
            return False
        steps += 1
    return False


def _is_question(unit: Unit) -> bool:
    return unit.text.endswith("?") and unit.words <= 18
