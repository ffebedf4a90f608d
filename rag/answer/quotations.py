"""Paragraphs, quotations and sentences of a piece of a document, as speech is printed in news.

A quotation is never cut by a sentence's end, and may run over paragraphs: each paragraph then opens with a quotation
mark and only the last one closes. Lines that were wrapped to a width are joined into their paragraph. Straight double
marks open after white space and close otherwise; a mark that nothing closes is no quotation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rag.answer.speech import MASK, PAST_OR_PRESENT, subject_before
from rag.types import Span

_OPEN, _CLOSE = "“«‘", {"“": "”", "«": "»", "‘": "’", '"': '"'}
_TAKES_UP = ("“", '"', "«", "‘", "»")  # how a paragraph that goes on with an open quotation begins
_TERMINAL = re.compile(r"(?:[.!?…:][”\"’»)\]]*|[”»])\s*$")
_WRAPPED = 160  # no line of text that was wrapped to a width is longer than this
_ABBREVIATION = re.compile(
    r"(?:\b(?:(?<!on )[A-Z]|Mrs?|Ms|Dr|Sra?|Sen|Gov|Rep|Gen|Col|Lt|Sgt|Capt|Prof|Jr|St|No|vs|etc|Inc|Corp|Nov|Dec|Jan"
    r"|Feb|Aug|Sept?|Oct|EE|UU))\.$"
)


@dataclass
class Window:
    """The text around the place, its paragraphs, quotations and a copy in which quotations are masked."""

    text: str
    paragraphs: list[Span] = field(default_factory=list)
    quotations: list[Span] = field(default_factory=list)
    continues: set[int] = field(default_factory=set)  # starts of quotations that continue the one before
    masked: str = ""
    full_names: dict[str, str] = field(
        default_factory=dict
    )  # looked up once each; see `rag.answer.attribution`
    body: tuple[int, str, bool] | None = (
        None  # who spoke last, if an organisation: end of its tag, name, whether that is a name of its own
    )
    previous: int = 0  # where the sentence before the one that is read begins


def parse_window(text: str) -> Window:
    """Paragraphs and quotations of `text`; `masked` has its length, with every white space as a plain space."""
    window = Window(text)
    start = 0
    open_mark: tuple[str, int] | None = None
    lines = [(match.start(), match.end()) for match in re.finditer(r"[^\n]+|\n", text)]
    carried = False
    at = 0
    for line_start, line_end in [*lines, (len(text), len(text))]:
        piece = text[line_start:line_end]
        ends = piece in ("\n", "")
        if not ends:
            if at == line_start and carried and not piece.lstrip().startswith(_TAKES_UP):
                carried = False  # a quotation was open, but this paragraph does not take it up again
            open_mark = _scan(window, piece, line_start, open_mark, carried)
            carried = False
            continue
        line = text[start:line_start].rstrip(" ")
        blank = text[line_start + 1 : line_start + 2] in ("\n", "")
        following = text[line_end : line_end + 200].lstrip()[:1]
        ended = blank or not line.strip() or _ends_paragraph(line, text, line_end)
        if open_mark and not blank and following not in _TAKES_UP:
            ended = False
        if not ended:
            continue
        if line.strip():
            window.paragraphs.append(Span(start, line_start))
        start = at = line_end
        if open_mark:
            mark, opened = open_mark
            if following == mark or (following and following in _OPEN and mark in _OPEN):
                window.quotations.append(Span(opened, line_start))
                carried = True
            open_mark = None
    masked = list(re.sub(r"\s", " ", text))
    for quotation in window.quotations:
        masked[quotation.start : quotation.end] = MASK * len(quotation)
    window.masked = "".join(masked)
    return window


def _ends_paragraph(line: str, text: str, next_start: int) -> bool:
    """Whether a single line end after `line` ends a paragraph, or only a line of wrapped text."""
    if _TERMINAL.search(line[-8:]):
        return True
    next_end = text.find("\n", next_start)
    length = (next_end if next_end >= 0 else len(text)) - next_start
    heading = length > 2 * len(line) + 20 and text[next_start : next_start + 1].isupper()
    return max(length, len(line)) > _WRAPPED or heading


def _scan(
    window: Window, line: str, offset: int, open_mark: tuple[str, int] | None, carried: bool
) -> tuple[str, int] | None:
    """Read one line's quotation marks; gives the mark that is still open at its end, and its place."""
    for index, char in enumerate(line):
        before, after = line[index - 1 : index], line[index + 1 : index + 2]
        if open_mark is None:
            opens = char in _OPEN or (char == '"' and (not before or before in " \t([—–-‘'\u00a0"))
            if opens and (char != "‘" or not before.isalnum()):
                open_mark = (char, offset + index)
                if carried:
                    window.continues.add(offset + index)
                    carried = False
        elif char == _CLOSE[open_mark[0]] and (char != "’" or not after.isalnum()):
            window.quotations.append(Span(open_mark[1], offset + index + 1))
            open_mark = None
        elif char == "“" and open_mark[0] == "“":  # a mark that was never closed: start again here
            open_mark = (char, offset + index)
    return open_mark


def sentences_of(window: Window) -> list[Span]:
    """Sentences of the masked text, in order, none over a paragraph's end. A quotation is never cut."""
    found: list[Span] = []
    for paragraph in window.paragraphs:
        masked = paragraph.of(window.masked)
        start = 0
        for match in re.finditer(rf"[.!?…]+[)\]]*\s+(?=[^\W_]|[{MASK}¿¡(])|(?<={MASK})\s+(?=\S)", masked):
            head = masked[start : match.start() + 1]
            last = paragraph.start + match.start()
            if masked[match.start()].isspace():
                inside = window.text[last - 2 : last].rstrip('”"’»')
                following = masked[match.end() :]
                if not inside.endswith((".", "!", "?", "…")) or not _starts_sentence(inside, following):
                    continue
            elif masked[match.end()].islower() or (
                masked[match.end()].isalpha() and _ABBREVIATION.search(head)
            ):
                continue
            found.append(Span(paragraph.start + start, paragraph.start + match.end()))
            start = match.end()
        found.append(Span(paragraph.start + start, paragraph.end))
    return found


def _starts_sentence(ending: str, following: str) -> bool:
    """Whether `following` is a new sentence after a quotation that ends in `ending`, and not its "X said"."""
    if following[:1] == MASK:
        return True
    if following[:1].islower() or following[:1] in "—–-,;":
        return False
    if ending.endswith("."):
        return True
    # “Is it true?” Ruiz asked. / “We will see!” Ruiz said that night.
    clause = re.split(r"[.!?]\s|" + MASK, following, maxsplit=1)[0]
    verb = PAST_OR_PRESENT.search(clause)
    return not (verb and (subject := subject_before(clause, verb.start())) and subject.start == 0)
