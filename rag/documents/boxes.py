"""Blocks around an article that are recognised as a whole: addresses, comments, captions, credits, authors' boxes."""

from __future__ import annotations

import re

from rag.documents import phrases, traces
from rag.documents.lines import Unit, sentences_in
from rag.documents.metadata import is_byline
from rag.documents.page import Mark, Page, quoted, reports

_COMMENT_MARK = re.compile(
    r"reply|responder|.{1,40} (?:says?|said|dice|dijo|commented|wrote)(?:[:.…]*| .{0,20}\d{4}.{0,20})"
    r"|.{0,30}\b\d+ (?:minutes?|hours?|days?|weeks?|months?|years?) ago|hace \d+ .{3,10}"
    r"|.{5,40} at \d{1,2}:\d\d ?(?:am|pm|a\.m\.|p\.m\.)?|report abuse|(?:up|down)vote",
)
_COMMENT_HEAD = re.compile(
    r"(?:\d+ |no |reader |readers' )?(?:comments?|comentarios?|responses?|replies|thoughts?|discussion)(?: .{0,80})?"
)
_MOST_OF_A_LABEL = 300  # characters of a line that one of the patterns is tried on


def mark_addresses(page: Page) -> None:
    """ "Physical Address" and the few short lines with numbers and streets under it."""
    for index, key in enumerate(page.keys):
        if page.units[index].words > 4 or not phrases.ADDRESS_LABEL.fullmatch(key):
            continue
        end = index + 1
        while end < len(page.units) and end - index <= 6:
            unit = page.units[end]
            if unit.words > 9 or unit.is_prose or not _is_address_line(page.keys[end]):
                break
            end += 1
        if end > index + 1:
            for place in range(index, end):
                page.marks[place] = Mark.SWALLOWED


def _is_address_line(key: str) -> bool:
    return len(key) <= _MOST_OF_A_LABEL and bool(phrases.ADDRESS_LINE.fullmatch(key))


def mark_comments(page: Page) -> None:
    """What readers wrote below the article, recognised by at least two of its fixed lines ("X says:", "Reply")."""
    # From the end, so that the lines below each place are counted once only.
    first, lines = len(page.keys), 0
    for index in range(len(page.keys) - 1, -1, -1):
        if index * 3 < len(page.keys):
            break
        if lines >= 2 and _is_comment_head(page, index):
            first = index
        if is_byline(page.units[index].text):
            break  # whoever signs below writes an article
        lines += _is_comment_line(page, index)
    for place in range(first, len(page.units)):
        page.marks[place] = Mark.SWALLOWED


def _is_comment_head(page: Page, index: int) -> bool:
    key = page.keys[index]
    return (
        page.units[index].words <= 12 and len(key) <= _MOST_OF_A_LABEL and bool(_COMMENT_HEAD.fullmatch(key))
    )


def _is_comment_line(page: Page, index: int) -> bool:
    key = page.keys[index]
    return (
        page.units[index].words <= 10 and len(key) <= _MOST_OF_A_LABEL and bool(_COMMENT_MARK.fullmatch(key))
    )


def mark_captions(page: Page) -> None:
    """The description of a picture: above the first heading or prose, or beside an image's name or credit."""
    above = True  # no running text so far
    for index, unit in enumerate(page.units):
        if index and page.units[index - 1].is_prose and not page.marked(index - 1):
            above = False
        if (
            unit.words > 45
            or len(unit.text) > traces.MOST
            or page.marks[index] is not Mark.NONE
            or not (phrases.CAPTION.fullmatch(page.keys[index]) or phrases.SCENE.fullmatch(page.keys[index]))
        ):
            continue
        beside = page.marked(index - 1) or page.marked(index + 1)
        alone = len(sentences_in(unit)) == 1 and not quoted(unit.text)
        if (
            alone
            and (above or beside)
            and index + 1 < len(page.units)
            and not phrases.FINITE.search(page.keys[index])
        ):
            page.marks[index] = Mark.SWALLOWED


def mark_credits(page: Page, article: range, captions: bool) -> None:
    """Captions that say so, by their credit or by "in this photo", and who else worked on the story."""
    for index, unit in enumerate(page.units):
        if page.marked(index) or unit.words > 70 or len(unit.text) > traces.MOST:
            continue
        key = page.keys[index]
        if (unit.words <= 40 and traces.CONTRIBUTED.fullmatch(key) and not quoted(unit.text)) or (
            unit.words <= 30
            and "@" in key
            and traces.says_where_to_write(key)
            and not reports(key)
            and not re.match(r"[\w ]{1,25}:\s", key)
            and not is_byline(unit.text)
            and article
        ):
            page.marks[index] = Mark.STRONG
        elif traces.IN_THE_PICTURE.fullmatch(key) and not reports(key) and unit.words <= 60:
            if len(sentences_in(unit)) <= 2 and not quoted(unit.text):
                page.marks[index] = Mark.STRONG
        elif unit.words <= 12 and not is_byline(unit.text) and traces.CREDIT_ALONE_TEXT.fullmatch(unit.text):
            page.marks[index] = Mark.STRONG
            if captions and _captions_the_next(page, index - 1, article):
                page.marks[index - 1] = Mark.SWALLOWED
        elif captions and traces.CREDIT_AT_END_TEXT.search(unit.text) and _is_caption(unit, key):
            page.marks[index] = Mark.STRONG


def _is_caption(unit: Unit, key: str) -> bool:
    """A line that ends with a credit: a caption unless it reports, quotes, or ends like any other sentence."""
    if reports(key) or quoted(unit.text) or len(sentences_in(unit)) > 3 or is_byline(unit.text):
        return False
    bracket = unit.text.rstrip(".").endswith((")", "]"))
    return bracket or not unit.text.endswith((".", "!", "?", ":", ";", ","))


def _captions_the_next(page: Page, index: int, article: range) -> bool:
    """True where the line above a credit describes the picture: one sentence beside other marks, or above the text."""
    if index < 0 or page.marked(index):
        return False
    unit = page.units[index]
    if unit.words > 40 or len(sentences_in(unit)) > 2 or quoted(unit.text) or reports(page.keys[index]):
        return False
    return index <= article.start or page.marked(index - 1)


def mark_biographies(page: Page, article: range) -> None:
    """The author's box: below the last paragraph or between other marks, or under a name that signs the article."""
    head = [
        frozenset(re.findall(r"\w{2,}", page.keys[index]))
        for index in range(article.start)
        if page.units[index].words <= 14 and not page.units[index].is_prose
    ]
    for index, unit in enumerate(page.units):
        key = page.keys[index]
        if page.marked(index) or index * 2 < article.stop or unit.words > 90 or quoted(unit.text):
            continue
        if len(key) > traces.MOST or not traces.BIOGRAPHY.fullmatch(key):
            continue
        words = re.findall(r"\w{2,}", key)
        name = frozenset(words[:2])
        label = page.units[index - 1] if index and page.units[index - 1].words <= 4 else None
        if label is not None and (
            label.ends_sentence or (not label.text.istitle() and not label.text.isupper())
        ):
            label = None
        named = label is not None and (
            words[0] in {"es", "is", "reportera", "reportero", "periodista", "i"}
            or bool(frozenset(words[:3]) & frozenset(re.findall(r"\w{3,}", label.text.casefold())))
        )
        signs = any(name <= line for line in head)
        below = index + 1 == len(page.units) or page.marks[index + 1] is not Mark.NONE
        if named or (signs and (below or index >= article.stop - 1)) or (page.marked(index - 1) and below):
            page.marks[index] = Mark.STRONG
            if label is not None:
                page.marks[index - 1] = Mark.SWALLOWED
