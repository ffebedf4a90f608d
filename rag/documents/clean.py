"""Web leftovers in plain text: menus, buttons, forms, adverts and notices become *furniture*.

A saved page is the article and everything its template put around it. Furniture stays in the text, but it is never
indexed and never quoted. Losing a sentence of the article is worse than quoting a button, so:

- whole lines are judged by phrases of templates (`phrases`), never by a word inside running text;
- words that are also headings ("Politics", "Name") count only in company, in a run or beside something certain;
- sentences are judged one by one (`calls`), never where somebody is quoted or something is reported;
- what is left between marks is swallowed only when it is a label of up to three words, never prose;
- a page that would lose too much of its prose is the exception that the rules do not understand: then the doubtful
  marks are dropped and only the certain ones stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from rag.documents import calls, phrases
from rag.documents.building import merge_spans
from rag.documents.lines import Unit, sentences_in, units_of
from rag.documents.metadata import is_byline
from rag.types import Span

_TRIM = re.compile(r"^[^\w©¿¡(\[\"']+|[^\w)\]\"'?!*]+$")
_SPACE = re.compile(r"\s+")
_QUOTES = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "’": "'", "‘": "'", "´": "'", "`": "'"}
)
_SEPARATORS = re.compile(r"\s*[|•·»›>→\t/]\s*|\s{3,}|\s[–—-]\s")
_IMAGE_EXTENSION = re.compile(
    r"[\w%.,() -]{1,120}\.(?:jpe?g|png|gif|webp|svg|bmp|avif|tiff?|mp4|heic)(?:\?\S*)?", re.IGNORECASE
)
_IMAGE_SIZE = re.compile(r"\S*[-_ ]?\d{2,4}x\d{2,4}(?:[-_@]\S*)?", re.IGNORECASE)
_IMAGE_WORD = re.compile(
    r"(?:[^\W_]{1,40}[-_]){0,12}(?:image|img|photo|pic|picture|logo|banner|thumb|thumbnail|icon|avatar"
    r"|placeholder|featured|screenshot|foto|imagen)(?:[-_\d][\w-]{0,80})?",
    re.IGNORECASE,
)
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_COMMENT_MARK = re.compile(
    r"reply|responder|.{1,40} (?:says?|said|dice|dijo|commented|wrote)(?:[:.…]*| .{0,20}\d{4}.{0,20})"
    r"|.{0,30}\b\d+ (?:minutes?|hours?|days?|weeks?|months?|years?) ago|hace \d+ .{3,10}"
    r"|.{5,40} at \d{1,2}:\d\d ?(?:am|pm|a\.m\.|p\.m\.)?|report abuse|(?:up|down)vote",
)
_COMMENT_HEAD = re.compile(
    r"(?:\d+ |no |reader |readers' )?(?:comments?|comentarios?|responses?|replies|thoughts?|discussion)(?: .{0,80})?"
)
_CUES = (
    "captcha", "akismet", "comment data", "comentarios", "reserved", "reservados", "published",
    "publicad", "displayed", "shared", "required", "campos", "save my", "guarda", "reproduc",
    "expressed", "expresadas", "vertidas", "unsubscribe", "cookie", "by ", "al ", "you must", "you need",
    "javascript", "ad block", "ad-block", "adblock", "browser", "navegador", "appeared first",
    "primero en", "creative commons", "©", "copyright", "(c)", "click to", "new window", "new tab",
    "ventana",
)  # fmt: skip
# Above this share of a page's prose in doubtful marks, the page is about such things (a cookie policy, a newsletter).
_MOST_PROSE = 0.4
# A paragraph counts its words less this for the article; a label or a mark counts this against it.
_PROSE_COST = 10
_LABEL_COST = 12


class _Mark(Enum):
    NONE = 0
    WEAK = 1  # furniture in company only
    STRONG = 2  # furniture anywhere
    SWALLOWED = 3  # furniture because of what stands around it
    CALL = 4  # every sentence is a call to action


@dataclass
class _Page:
    units: Sequence[Unit]
    keys: list[str]
    marks: list[_Mark]
    partial: list[Span] = field(default_factory=list)  # single sentences, inside units that stay

    def marked(self, index: int) -> bool:
        return 0 <= index < len(self.units) and self.marks[index] not in (_Mark.NONE, _Mark.WEAK)


def find_furniture(text: str) -> tuple[Span, ...]:
    """Ascending spans of `text` (canonical) that belong to the page and not to what it says. Linear in its length."""
    units = units_of(text)
    if not units:
        return ()
    keys = [_key(unit.text) for unit in units]
    page = _Page(units, keys, [_mark_alone(unit, key) for unit, key in zip(units, keys, strict=True)])
    _mark_calls(page)
    article = _article(page)
    _mark_weak_runs(page, article)
    _mark_addresses(page)
    _mark_related(page)
    _mark_comments(page)
    _mark_captions(page)
    _swallow_between(page)
    _swallow_around(page, article)
    return _spans(page, text)


def _key(text: str) -> str:
    """What the phrases are compared with: see `phrases`."""
    return _TRIM.sub("", _SPACE.sub(" ", text.translate(_QUOTES)).casefold().strip())


def _mark_alone(unit: Unit, key: str) -> _Mark:
    if not key or not any(character.isalnum() for character in unit.text):
        return _Mark.STRONG  # a rule of stars or dots
    if key in phrases.WEAK:
        return _Mark.WEAK
    if unit.words <= 14 and phrases.LINE.fullmatch(key.rstrip("?!*. ")) and not _quoted(unit.text):
        return _Mark.STRONG
    if unit.words <= 3 and key.endswith("*") and phrases.FIELD.fullmatch(key.rstrip("* ")):
        return _Mark.STRONG
    if _is_picture_or_address(unit.text) or _is_menu_line(unit, key):
        return _Mark.STRONG
    if (
        unit.words <= 35
        and (phrases.TAGS.fullmatch(key) or phrases.RELATED_INLINE.fullmatch(key))
        and not _reports(key)
    ):
        return _Mark.STRONG
    if unit.words <= 14 and phrases.CREDIT.fullmatch(key) and not _reports(key):
        return _Mark.STRONG
    return _Mark.NONE


def _is_picture_or_address(line: str) -> bool:
    """An image's file name, or a web address, alone on the line."""
    if len(line) > 500:
        return False
    if _URL.fullmatch(line) or _IMAGE_EXTENSION.fullmatch(line):
        return True
    return " " not in line and bool(
        _IMAGE_SIZE.fullmatch(line) or (("-" in line or "_" in line) and _IMAGE_WORD.fullmatch(line))
    )


def _is_menu_line(unit: Unit, key: str) -> bool:
    """Several labels on one line: "Home | About | Contact", "Home News World Politics", "Home > News > Mexico"."""
    if unit.ends_sentence or unit.words > 40:
        return False
    parts = [_key(part) for part in _SEPARATORS.split(unit.text) if part.strip()]
    if len(parts) >= 3 and all(len(part.split()) <= 4 for part in parts):
        known = sum(part in phrases.WEAK or bool(phrases.LINE.fullmatch(part)) for part in parts)
        return known * 2 >= len(parts) or (known >= 1 and parts[0] in {"home", "inicio", "portada"})
    words = key.split()
    return len(words) >= 4 and sum(word in phrases.WEAK for word in words) >= 0.8 * len(words)


def _article(page: _Page) -> range:
    """Where the running text is densest: the run of units with the largest sum, prose for it, labels against it.

    Two articles with a menu between them are one run where both are longer than the menu. Empty without any prose.
    """
    best = total = start = 0
    article = range(0)
    for index, unit in enumerate(page.units):
        if page.marked(index) or not unit.is_prose:
            total -= _LABEL_COST
        else:
            total += unit.words - _PROSE_COST
        if total <= 0:
            total, start = 0, index + 1
        elif total > best:
            best, article = total, range(start, index + 1)
    return article


def _mark_weak_runs(page: _Page, article: range) -> None:
    """A run of doubtful words is a menu or a form where it holds something certain, or is long and off the article."""
    for start, end in _runs(page, lambda index: page.marks[index] is not _Mark.NONE):
        run = range(start, end)
        weak = [index for index in run if page.marks[index] is _Mark.WEAK]
        certain = len(weak) < len(run)
        outside = bool(article) and (end <= article.start or start >= article.stop)
        a_list = start > 0 and page.units[start - 1].text.endswith(":")
        last = outside and end == len(page.units) and page.units[start - 1].is_prose
        if weak and not a_list and (certain or last or (len(weak) >= 3 and outside)):
            for index in weak:
                page.marks[index] = _Mark.SWALLOWED


def _runs(page: _Page, wanted: Callable[[int], bool]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for index in range(len(page.units)):
        if wanted(index):
            if runs and runs[-1][1] == index:
                runs[-1] = (runs[-1][0], index + 1)
            else:
                runs.append((index, index + 1))
    return runs


def _mark_addresses(page: _Page) -> None:
    """ "Physical Address" and the few short lines with numbers and streets under it."""
    for index, key in enumerate(page.keys):
        if page.units[index].words > 4 or not phrases.ADDRESS_LABEL.fullmatch(key):
            continue
        end = index + 1
        while end < len(page.units) and end - index <= 6:
            unit = page.units[end]
            if unit.words > 9 or unit.is_prose or not phrases.ADDRESS_LINE.fullmatch(page.keys[end]):
                break
            end += 1
        if end > index + 1:
            for place in range(index, end):
                page.marks[place] = _Mark.SWALLOWED


def _mark_related(page: _Page) -> None:
    """ "Popular Posts", "Te puede interesar" and the headlines under them, up to the next running text."""
    for index, key in enumerate(page.keys):
        if page.units[index].words > 8 or not phrases.RELATED.fullmatch(key):
            continue
        end = index + 1
        while end < len(page.units) and _is_teaser(page, end):
            end += 1
        if end < len(page.units) and end > index + 1 and not page.marked(end) and not page.marked(end - 1):
            end -= 1  # the last short line above running text may be the article's own heading
        if (
            end > index + 1
            or page.marked(index - 1)
            or page.marked(index + 1)
            or index == len(page.units) - 1
        ):
            for place in range(index, end):
                page.marks[place] = _Mark.SWALLOWED


def _is_teaser(page: _Page, index: int) -> bool:
    unit = page.units[index]
    if page.marked(index):
        return True
    cut_off = unit.text.endswith(("...", "…")) and unit.words <= 60 and not _quoted(unit.text)
    return unit.words <= 22 and (not unit.is_prose or cut_off) and not is_byline(unit.text)


def _mark_comments(page: _Page) -> None:
    """What readers wrote below the article, recognised by at least two of its fixed lines ("X says:", "Reply")."""
    for index, key in enumerate(page.keys):
        if index * 3 < len(page.keys) or page.units[index].words > 12 or not _COMMENT_HEAD.fullmatch(key):
            continue
        marks = [place for place in range(index + 1, len(page.keys)) if _is_comment_line(page, place)]
        if len(marks) >= 2 and not any(is_byline(unit.text) for unit in page.units[index + 1 :]):
            for place in range(index, len(page.units)):
                page.marks[place] = _Mark.SWALLOWED
            return


def _is_comment_line(page: _Page, index: int) -> bool:
    return page.units[index].words <= 10 and bool(_COMMENT_MARK.fullmatch(page.keys[index]))


def _mark_captions(page: _Page) -> None:
    """The description of a picture: above the first heading or prose, or beside an image's name or credit."""
    for index, unit in enumerate(page.units):
        if (
            unit.words > 45
            or page.marks[index] is not _Mark.NONE
            or not phrases.CAPTION.fullmatch(page.keys[index])
        ):
            continue
        above = all(page.marked(place) or not page.units[place].is_prose for place in range(index))
        beside = page.marked(index - 1) or page.marked(index + 1)
        alone = len(sentences_in(unit)) == 1 and not _quoted(unit.text)
        if (
            alone
            and (above or beside)
            and index + 1 < len(page.units)
            and not phrases.FINITE.search(page.keys[index])
        ):
            page.marks[index] = _Mark.SWALLOWED


def _mark_calls(page: _Page) -> None:
    doubtful = prose = 0
    found: list[tuple[int, list[Span]]] = []
    for index, unit in enumerate(page.units):
        if page.marked(index):
            continue
        spans = _calls_in(unit)
        prose += unit.words
        if spans:
            found.append((index, spans))
            doubtful += sum(len(span) for span in spans) * unit.words // max(1, len(unit.text))
    if prose >= 60 and doubtful > _MOST_PROSE * prose:
        return
    for index, spans in found:
        unit = page.units[index]
        sentences = sentences_in(unit)
        mostly = len(spans) * 2 >= len(sentences) and len(spans) >= 2 and not _quoted(unit.text)
        if len(spans) == len(sentences) or (mostly and unit.words <= 120 and not _reports(page.keys[index])):
            page.marks[index] = _Mark.CALL
        else:
            page.partial += spans
    for unit in page.units:
        credit = (
            phrases.CREDIT_IN_TEXT.search(unit.text) if unit.text.endswith((")", "]", ").", "].")) else None
        )
        if credit and credit.start() > 0:
            page.partial.append(Span(unit.span.start + credit.start(), unit.span.end))


def _calls_in(unit: Unit) -> list[Span]:
    found = []
    for span in sentences_in(unit):
        sentence = unit.text[span.start - unit.span.start : span.end - unit.span.start]
        key = _SPACE.sub(" ", sentence.translate(_QUOTES)).casefold().strip(" *>-•")
        before = unit.text[: span.start - unit.span.start]
        if _open_quote(before) or _quoted(sentence):
            continue
        if (any(cue in key for cue in _CUES) and len(key) <= 600 and calls.FIXED.search(key)) or (
            len(key) <= 300 and calls.OPENING.match(key) and not _reports(key)
        ):
            found.append(span)
        elif found and len(key) <= 60 and phrases.LINE.fullmatch(key.rstrip(".!?")):
            found.append(span)  # "Already a member? Log in."
    return found


def _quoted(text: str) -> bool:
    """True where more than three words stand between quotation marks, or a quotation opens or closes here."""
    pieces = text.translate(_QUOTES).split('"')
    if len(pieces) % 2 == 0:
        return True
    return any(len(piece.split()) > 3 for piece in pieces[1::2])


def _open_quote(before: str) -> bool:
    curly = before.count("“") + before.count("«") - before.count("”") - before.count("»")
    return curly > 0 or before.count('"') % 2 == 1


def _reports(key: str) -> bool:
    return bool(phrases.REPORTING.search(key))


def _swallow_between(page: _Page) -> None:
    """Labels of up to three words between two marks, at most four in a row, belong to the same block."""
    for start, end in _runs(page, lambda index: not page.marked(index)):
        closed = start > 0 and (end < len(page.units) or page.marked(start - 2))
        if closed and end - start <= 4 and all(_is_label(unit, 3) for unit in page.units[start:end]):
            for index in range(start, end):
                page.marks[index] = _Mark.SWALLOWED


def _swallow_around(page: _Page, article: range) -> None:
    """Before and after the article, labels and headlines among at least three marks: menus and lists of other pages.

    Above it only labels of up to three words, because the article's own headline and subtitle stand there too.
    """
    if not article:
        return
    head = [index for index in range(article.start) if page.marked(index)]
    tail = [index for index in range(article.stop, len(page.units)) if page.marked(index)]
    if len(head) >= 3:
        for index in range(head[-1]):
            if _is_label(page.units[index], 3):
                page.marks[index] = _Mark.SWALLOWED
    if len(tail) >= 3:
        for index in range(tail[0], len(page.units)):
            if (_is_label(page.units[index], 22) or _is_teaser(page, index)) and not _above_text(page, index):
                page.marks[index] = _Mark.SWALLOWED


def _above_text(page: _Page, index: int) -> bool:
    """True for the last line above a paragraph: perhaps the headline of a second article on the page."""
    if index + 1 == len(page.units) or page.marked(index) or page.marked(index + 1):
        return False
    return page.units[index + 1].is_prose and page.units[index + 1].words >= 15


def _is_label(unit: Unit, most: int) -> bool:
    """Up to `most` words that tell nothing by themselves: no sentence, date, byline, number in a list or "key: value"."""
    if unit.words > most or unit.ends_sentence or ":" in unit.text or is_byline(unit.text):
        return False
    if most <= 3:
        return not re.search(r"\d", unit.text)
    return not re.match(r"[\[(]?\d+[\]).]|[-•*]\s", unit.text) and not _quoted(unit.text)


def _spans(page: _Page, text: str) -> tuple[Span, ...]:
    spans = list(page.partial)
    for start, end in _runs(page, page.marked):
        spans.append(Span(page.units[start].span.start, page.units[end - 1].span.end))
    return tuple(span for span in merge_spans(spans) if span.of(text).strip())
