"""Which parts of a page are article and which are page, decided over the whole sequence of its lines.

Every line has a weight of its own: above 0 it looks like the page (labels, figures, title-case links), below 0 like
the article (sentences, quotations, items of a list). The cheapest way through the page, where each change between
article and page has a price (a two-state Viterbi), gives the zones. A zone of the page counts only where it holds at
least one line that is certain by itself, so a text without such lines loses nothing, whatever its shape.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rag.documents import traces
from rag.documents.dates import date_in_line
from rag.documents.lines import Unit, word_set
from rag.documents.metadata import is_byline

_CHANGE = 2.5  # price of a change between article and page
_CERTAIN = 30.0
_WORD = re.compile(r"[^\W\d_]{3,}|\d+(?:[.,]\d+)*")
_ITEM = re.compile(r"(?:[-*•●▪‣–—]|\(?(?:\d{1,2}|[a-z])[.)])\s", re.IGNORECASE)
_QUOTE = re.compile(r"[\"“”«»]")
_COMMON = word_set(
    "the and for are but not with that this from have has had was were will would they their there what when who which"
    " than then into over after before about more most also its his her him she its how why can could been being only"
    " our your you los las del una uno con por para que como más pero sus este esta fue son han sobre entre desde hasta"
    " said says new one two all out"
)


@dataclass(frozen=True, slots=True)
class Line:
    """What is known of one unit before its neighbours are asked."""

    unit: Unit
    key: str
    certain: bool  # belongs to the page
    weak: bool  # the word of a menu, which could also be a heading
    lists: bool  # above headlines of other stories


def words_of(text: str) -> list[str]:
    """The words by which two lines are compared: without the commonest, cut to their first seven letters."""
    return [word[:7] for word in _WORD.findall(text.casefold()) if word not in _COMMON]


class Cohesion:
    """How much a line shares with the prose of the article, the line itself left out."""

    def __init__(self, lines: Sequence[Line], article: range) -> None:
        self._inside = {
            index
            for index in article
            if lines[index].unit.is_prose and not lines[index].certain and not speaks_of_page(lines[index])
        }
        self._bag: Counter[str] = Counter()
        for index in self._inside:
            self._bag.update(set(words_of(lines[index].unit.text)))

    def of(self, lines: Sequence[Line], index: int) -> float:
        """Share of the words of a line that other prose of the article holds too, 0 to 1."""
        own = set(words_of(lines[index].unit.text))
        least = 2 if index in self._inside else 1
        return sum(self._bag[word] >= least for word in own) / len(own) if own else 0.0


def speaks_of_page(line: Line) -> bool:
    """True where a page speaks to its reader about itself, and nobody is quoted and nothing is told."""
    if _QUOTE.search(line.unit.text) or not traces.ABOUT_THE_PAGE.search(line.key):
        return False
    return bool(traces.TO_THE_READER.search(line.key)) or not traces.TELLING.search(line.key)


def headline(lines: Sequence[Line], article: range, cohesion: Cohesion) -> range:
    """The headline above the article, with what belongs to it: the lines that share most words with the article.

    Empty where none above the article shares anything.
    """
    best, place = 0.5, -1
    for index in range(article.start):
        if not _could_be_headline(lines[index]):
            continue
        shared = len(set(words_of(lines[index].unit.text))) * cohesion.of(lines, index)
        shared *= 0.6 + 0.4 * (index + 1) / article.start
        if shared >= best:
            best, place = shared, index
    if place < 0:
        return range(0)
    start = place
    while start > 0 and _could_be_headline(lines[start - 1]) and cohesion.of(lines, start - 1) >= 0.25:
        start -= 1
    return range(start, place + 1)


def _could_be_headline(line: Line) -> bool:
    unit = line.unit
    if line.certain or line.weak or not 3 <= unit.words <= 30 or "@" in unit.text:
        return False
    if unit.text.endswith((":", ",", ".")) or _ITEM.match(unit.text) or len(words_of(unit.text)) < 2:
        return False
    return not is_byline(unit.text) and date_in_line(unit.text) is None


def page_zones(lines: Sequence[Line], article: range) -> list[tuple[int, int]]:
    """Half-open ranges of `lines` that belong to the page. Linear."""
    cohesion = Cohesion(lines, article)
    title = headline(lines, article, cohesion)
    closed = _closed(lines, article, cohesion)
    titles = frozenset(lines[place].unit.text for place in title)
    weights = [_weight(lines, index, article, title, titles, closed, cohesion) for index in range(len(lines))]
    _weigh_head(lines, title, weights)
    certain = sum(line.certain for line in lines)
    return [zone for zone in _cheapest(weights) if _is_sure(lines, zone, article, certain)]


def _is_sure(lines: Sequence[Line], zone: tuple[int, int], article: range, certain: int) -> bool:
    """A zone needs a certain line, or away from the article three words of menus, times or figures."""
    inside = lines[zone[0] : zone[1]]
    if any(line.certain for line in inside):
        return True
    if all(line.weak or traces.is_counter(line.key) or line.unit.words == 0 for line in inside):
        return certain >= 5
    signs = sum(line.weak or traces.is_counter(line.key) for line in inside)
    off = zone[1] <= article.start or zone[0] >= article.stop
    return off and bool(article) and signs >= 3 and any(line.weak for line in inside)


def _closed(lines: Sequence[Line], article: range, cohesion: Cohesion) -> int:
    """The first line after which the article does not go on: a closing line below which hardly any prose is left.

    Prose that speaks to the reader, stands beside the lines of a comment or under headlines of other stories is not
    counted; what shares no words with the article counts half.
    """
    total = sum(lines[index].unit.words for index in article if lines[index].unit.is_prose)
    left, found = 0.0, len(lines)
    for index in range(len(lines) - 1, article.start, -1):
        line = lines[index]
        if line.unit.words <= 25 and (line.certain or left == 0) and traces.is_closing(line.key):
            found = index
        elif line.unit.is_prose and not line.certain and not _is_of_the_page(lines, index, cohesion):
            left += line.unit.words * (0.5 if cohesion.of(lines, index) < 0.12 else 1.0)
            if left > 0.12 * total:
                break
    return found


def _is_of_the_page(lines: Sequence[Line], index: int, cohesion: Cohesion) -> bool:
    """Prose that no article says: to the reader, or of a reader, with the buttons and names of a comment around it."""
    if speaks_of_page(lines[index]):
        return True
    return _is_of_others(lines, index, cohesion, False)


def _is_of_others(lines: Sequence[Line], index: int, cohesion: Cohesion, closed: bool) -> bool:
    """A reader's comment, with its name or time above and its buttons below, or the first words of another story."""
    if (
        index == 0
        or index + 1 >= len(lines)
        or (lines[index + 1].unit.is_prose and not lines[index + 1].certain)
    ):
        return False
    above = any(_is_remark(lines[place]) for place in (index - 1, index - 2) if place >= 0)
    below = any(_is_remark(lines[place]) for place in (index + 1, index + 2) if place < len(lines))
    if (above and below) or (closed and (above or below)):
        return True
    listed = any(line.lists for line in lines[max(0, index - 4) : index])
    head = lines[index - 1].unit
    return listed and head.words >= 4 and not head.is_prose and cohesion.of(lines, index) < 0.3


def _is_remark(line: Line) -> bool:
    return line.unit.words <= 10 and traces.is_remark(line.key)


def _weight(
    lines: Sequence[Line],
    index: int,
    article: range,
    title: range,
    titles: frozenset[str],
    closed: int,
    cohesion: Cohesion,
) -> float:
    line = lines[index]
    if line.certain:
        return _CERTAIN
    unit = line.unit
    if unit.text in titles:
        return -_CERTAIN
    if index < closed and index < article.stop and (is_byline(unit.text) or date_in_line(unit.text)):
        return -6.0
    weight = _own_weight(line)
    if unit.is_prose:
        weight -= 6.0 * cohesion.of(lines, index) if article else 0.0
    elif not line.weak and weight < 2.5 and _is_heading_place(lines, index):
        weight = min(weight, -1.5)
    if index > article.start and unit.is_prose and not _QUOTE.search(unit.text):
        weight += 4.0 if _is_of_others(lines, index, cohesion, index > closed) else 0.0
    if weight > 0 and _is_in_list(lines, index):
        weight = -2.0
    if index > closed:
        # A line of the page in the middle of the article can look like its end; with every line it is less likely.
        weight += min(5.0, 1.0 + 0.7 * (index - closed))
    if title and index == title.stop and index < article.start and unit.words >= 5:
        weight -= 4.0  # the subtitle
    return weight


def _weigh_head(lines: Sequence[Line], title: range, weights: list[float]) -> None:
    """Nothing above the headline is article where at least three labels or certain lines stand between."""
    labels = 0
    for index in range(title.start - 1, -1, -1):
        line = lines[index]
        if line.certain or line.weak or (line.unit.words <= 3 and not line.unit.ends_sentence):
            labels += 1
        if not line.unit.is_prose or labels >= 3:
            weights[index] += 5.0 if not _QUOTE.search(line.unit.text) else 0.0


def _is_heading_place(lines: Sequence[Line], index: int) -> bool:
    """True right above prose, unless the line follows others under "Related stories"."""
    if index + 1 >= len(lines):
        return False
    below = lines[index + 1]
    if below.certain or not below.unit.is_prose:
        return False
    above = index - 1
    while above >= 0 and index - above <= 12 and not lines[above].unit.is_prose:
        if lines[above].lists:
            return index - above > 1 and lines[index].unit.words <= 4
        above -= 1
    return True


def _is_in_list(lines: Sequence[Line], index: int) -> bool:
    """True for one of the labels under a line such as "The plan covers:"."""
    for place in range(index - 1, max(-1, index - 13), -1):
        line = lines[place]
        if line.unit.text.endswith(":"):
            return line.unit.words >= 3 and not line.certain and not line.lists
        if line.unit.is_prose or line.certain:
            return False
    return False


def _own_weight(line: Line) -> float:
    unit = line.unit
    text = unit.text
    quoted = len(_QUOTE.findall(text)) > 0
    if unit.is_prose:
        weight = -2.5 - min(unit.words, 60) / 10
        if speaks_of_page(line):
            weight += 3.0 if traces.TELLING.search(line.key) else 5.0
        if not quoted and traces.TO_THE_READER.search(line.key):
            weight += 1.0
        return weight
    if unit.words == 0 or traces.is_counter(line.key):
        return 2.5
    if line.weak:
        return 2.0
    if quoted:
        return -2.7 if unit.words > 2 else -0.5
    if _ITEM.match(text):
        return -2.7
    if text.endswith(".") and unit.words >= 2 and not text.isupper():
        return -2.7
    if text.endswith((",", ";", "…")) or (text[:1].islower() and unit.words > 3):
        return -1.5
    if text.endswith(":"):
        return -1.5 if unit.words >= 3 else 0.5
    if traces.BUTTON.match(line.key) or speaks_of_page(line):
        return 2.5
    if text.endswith("?"):
        return -0.5
    if date_in_line(text):
        return 1.5
    return 1.5 if unit.words <= 3 else 1.0


def _cheapest(weights: Sequence[float]) -> list[tuple[int, int]]:
    """The ranges of state "page" on the cheapest way; the states may begin and end as they like."""
    back: list[tuple[int, int]] = []
    article = page = 0.0  # what the cheapest way so far gains
    for weight in weights:
        back.append((0 if article >= page - _CHANGE else 1, 1 if page >= article - _CHANGE else 0))
        article, page = max(article, page - _CHANGE) - weight, max(page, article - _CHANGE) + weight
    state = 1 if page > article else 0
    zones: list[tuple[int, int]] = []
    for index in range(len(weights) - 1, -1, -1):
        if state:
            zones.append(
                (index, index + 1) if not zones or zones[-1][0] != index + 1 else (index, zones.pop()[1])
            )
        state = back[index][state]
    return zones[::-1]
