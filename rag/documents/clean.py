"""Web leftovers in plain text: menus, buttons, forms, adverts and notices become *furniture*.

A saved page is the article and everything its template put around it. Furniture stays in the text, but it is never
indexed and never quoted. Losing a sentence of the article is worse than quoting a button, so:

- whole lines are judged by phrases of templates (`phrases`), never by a word inside running text;
- words that are also headings ("Politics", "Name") count only in company, in a run or beside something certain;
- sentences are judged one by one (`calls`), never where somebody is quoted or something is reported;
- what is left is weighed line by line and as a sequence (`zones`), and only beside something certain;
- a page that would lose too much of its prose is the exception that the rules do not understand: then the doubtful
  marks are dropped and only the certain ones stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from rag.documents import calls, phrases, traces
from rag.documents.boxes import (
    mark_addresses,
    mark_biographies,
    mark_captions,
    mark_comments,
    mark_credits,
)
from rag.documents.building import merge_spans
from rag.documents.lines import Unit, sentences_in, units_of
from rag.documents.metadata import is_byline
from rag.documents.page import QUOTES, SPACE, Mark, Page, key_of, open_curly, quoted, reports
from rag.documents.zones import Line, page_zones
from rag.types import Span

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
_PROSE_COST = 4
_LABEL_COST = 5


def find_furniture(text: str, *, captions: bool = True) -> tuple[Span, ...]:
    """Ascending spans of `text` (canonical) that belong to the page and not to what it says. Linear in its length.

    `captions`: False where mark-up has already told captions from text, and only their credits are to go.
    """
    units = units_of(text)
    if not units:
        return ()
    keys = [key_of(unit.text) for unit in units]
    page = Page(units, keys, [_mark_alone(unit, key) for unit, key in zip(units, keys, strict=True)])
    _mark_calls(page)
    article = _article(page)
    _mark_weak_runs(page, article)
    mark_addresses(page)
    _mark_related(page)
    mark_comments(page)
    mark_captions(page)
    mark_credits(page, article, captions)
    mark_biographies(page, article)
    _swallow_between(page)
    _mark_zones(page, article)
    return _spans(page, text)


def _mark_alone(unit: Unit, key: str) -> Mark:
    if not key or not any(character.isalnum() for character in unit.text):
        return Mark.STRONG  # a rule of stars or dots
    if key in phrases.WEAK:
        return Mark.WEAK
    if len(unit.text) > traces.MOST:
        return Mark.NONE
    if unit.words <= 14 and phrases.LINE.fullmatch(key.rstrip("?!*. ")) and not quoted(unit.text):
        return Mark.STRONG
    if unit.words <= 3 and key.endswith("*") and phrases.FIELD.fullmatch(key.rstrip("* ")):
        return Mark.STRONG
    if _is_picture_or_address(unit.text) or _is_menu_line(unit, key):
        return Mark.STRONG
    if (
        unit.words <= 35
        and (phrases.TAGS.fullmatch(key) or phrases.RELATED_INLINE.fullmatch(key))
        and not reports(key)
    ):
        return Mark.STRONG
    if unit.words <= 14 and phrases.CREDIT.fullmatch(key) and not reports(key):
        return Mark.STRONG
    return Mark.NONE


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
    parts = [key_of(part) for part in _SEPARATORS.split(unit.text) if part.strip()]
    if len(parts) >= 3 and all(len(part.split()) <= 4 for part in parts):
        known = sum(part in phrases.WEAK or bool(phrases.LINE.fullmatch(part)) for part in parts)
        return known * 2 >= len(parts) or (known >= 1 and parts[0] in {"home", "inicio", "portada"})
    words = key.split()
    return len(words) >= 4 and sum(word in phrases.WEAK for word in words) >= 0.8 * len(words)


def _article(page: Page) -> range:
    """Where the running text is densest: the run of units with the largest sum, prose for it, labels against it.

    Two articles with a menu between them are one run where both are longer than the menu. Empty without any prose.
    """
    best = total = start = 0
    article = range(0)
    for index, unit in enumerate(page.units):
        if page.marked(index) or not unit.is_prose:
            total -= _LABEL_COST
        else:
            total += min(unit.words, 40) - _PROSE_COST
        if total <= 0:
            total, start = 0, index + 1
        elif total > best:
            best, article = total, range(start, index + 1)
    start, gap = article.start, 0
    for index in range(article.start - 1, -1, -1):  # an advert and its buttons below the first paragraph
        unit = page.units[index]
        gap = 0 if unit.is_prose and not page.marked(index) else gap + 1
        if gap > 3:
            break
        start = start if gap else index
    return range(start, article.stop)


def _mark_weak_runs(page: Page, article: range) -> None:
    """A run of doubtful words is a menu or a form where it holds something certain, or is long and off the article."""
    for start, end in _runs(page, lambda index: page.marks[index] is not Mark.NONE):
        run = range(start, end)
        weak = [index for index in run if page.marks[index] is Mark.WEAK]
        certain = len(weak) < len(run)
        outside = bool(article) and (end <= article.start or start >= article.stop)
        a_list = start > 0 and page.units[start - 1].text.endswith(":")
        last = outside and end == len(page.units) and page.units[start - 1].is_prose
        if weak and not a_list and (certain or last or (len(weak) >= 3 and outside)):
            for index in weak:
                page.marks[index] = Mark.SWALLOWED


def _runs(page: Page, wanted: Callable[[int], bool]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for index in range(len(page.units)):
        if wanted(index):
            if runs and runs[-1][1] == index:
                runs[-1] = (runs[-1][0], index + 1)
            else:
                runs.append((index, index + 1))
    return runs


def _mark_related(page: Page) -> None:
    """ "Popular Posts", "Te puede interesar" and the headlines under them, up to the next running text."""
    heads = [
        index
        for index, key in enumerate(page.keys)
        if page.units[index].words <= 8 and len(key) <= traces.MOST and phrases.RELATED.fullmatch(key)
    ]
    stop = swallowed = 0  # headlines reach to `stop`, and everything before `swallowed` is marked already
    for index in heads:
        end = max(index + 1, stop)
        while end < len(page.units) and _is_teaser(page, end):
            end += 1
        stop = end
        if end < len(page.units) and end > index + 1 and not page.marked(end) and not page.marked(end - 1):
            end -= 1  # the last short line above running text may be the article's own heading
        if (
            end > index + 1
            or page.units[index].words >= 3
            or page.marked(index - 1)
            or page.marked(index + 1)
            or index == len(page.units) - 1
        ):
            for place in range(max(index, swallowed), end):
                page.marks[place] = Mark.SWALLOWED
            swallowed = max(swallowed, end)


def _is_teaser(page: Page, index: int) -> bool:
    unit = page.units[index]
    if page.marked(index):
        return True
    cut_off = unit.text.endswith(("...", "…")) and unit.words <= 60 and not quoted(unit.text)
    if unit.text.endswith((".", ":", ",")) and not cut_off and unit.words > 1:
        return False
    if re.match(r"(?:[-*•–—]|\(?\d{1,2}[.)])\s", unit.text):
        return False
    return unit.words <= 22 and (not unit.is_prose or cut_off) and not is_byline(unit.text)


def _mark_calls(page: Page) -> None:
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
    running = sum(unit.is_prose for unit in page.units)
    if prose >= 60 and doubtful > _MOST_PROSE * prose and len(found) > 0.3 * running:
        return
    for index, spans in found:
        unit = page.units[index]
        sentences = sentences_in(unit)
        mostly = len(spans) * 2 >= len(sentences) and len(spans) >= 2 and not quoted(unit.text)
        if len(spans) == len(sentences) or (mostly and unit.words <= 120 and not reports(page.keys[index])):
            page.marks[index] = Mark.CALL
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
    curly = straight = 0  # quotation marks before the sentence, counted once for the whole unit
    for span in sentences_in(unit):
        sentence = unit.text[span.start - unit.span.start : span.end - unit.span.start]
        inside = curly > 0 or straight % 2 == 1
        curly += open_curly(sentence)
        straight += sentence.count('"')
        key = SPACE.sub(" ", sentence.translate(QUOTES)).casefold().strip(" *>-•")
        if inside or quoted(sentence):
            continue
        if (any(cue in key for cue in _CUES) and len(key) <= 600 and calls.FIXED.search(key)) or (
            len(key) <= 300 and calls.OPENING.match(key) and not reports(key)
        ):
            found.append(span)
        elif found and len(key) <= 60 and phrases.LINE.fullmatch(key.rstrip(".!?")):
            found.append(span)  # "Already a member? Log in."
    return found


def _swallow_between(page: Page) -> None:
    """Labels of up to three words between two marks, at most four in a row, belong to the same block."""
    for start, end in _runs(page, lambda index: not page.marked(index)):
        closed = start > 0 and (end < len(page.units) or page.marked(start - 2))
        if closed and end - start <= 4 and all(_is_label(unit, 3) for unit in page.units[start:end]):
            for index in range(start, end):
                page.marks[index] = Mark.SWALLOWED


def _mark_zones(page: Page, article: range) -> None:
    """The rest by weighing: see `zones`."""
    lines = [
        Line(
            unit,
            key,
            page.marked(index),
            key in phrases.WEAK,
            page.marked(index) and unit.words <= 8 and bool(phrases.RELATED.fullmatch(key)),
        )
        for index, (unit, key) in enumerate(zip(page.units, page.keys, strict=True))
    ]
    for start, end in page_zones(lines, article):
        for index in range(start, end):
            if not page.marked(index):
                page.marks[index] = Mark.SWALLOWED


def _is_label(unit: Unit, most: int) -> bool:
    """Up to `most` words that tell nothing by themselves: no sentence, date, byline, number in a list or "key: value"."""
    if unit.words > most or unit.ends_sentence or ":" in unit.text or is_byline(unit.text):
        return False
    if most <= 3:
        return not re.search(r"\d", unit.text)
    return not re.match(r"[\[(]?\d+[\]).]|[-•*]\s", unit.text) and not quoted(unit.text)


def _spans(page: Page, text: str) -> tuple[Span, ...]:
    spans = list(page.partial)
    for start, end in _runs(page, page.marked):
        spans.append(Span(page.units[start].span.start, page.units[end - 1].span.end))
    return tuple(span for span in merge_spans(spans) if span.of(text).strip())
