"""Which of several events a question asks about, and which one a sentence speaks of.

"How many people were on the third flight?" is not answered by "92 people on three flights" nor by "the second flight
carried 26". Three things that a language marks plainly are compared: ordinals ("third", "tercer", "Flight: 3"), dates
("February 2025") and sums ("in all", "so far", "three flights"). What a sentence leaves open its heading may say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.answer.features import Candidate, is_label
from rag.answer.values import Date, dates_in, disjoint
from rag.types import Span
from rag.words import STOPWORDS, Word, alike, fold, words

_ORDINALS = {
    word: number
    for number, group in enumerate(
        """first 1st primer primera primero|second 2nd segundo segunda|third 3rd tercer tercera tercero|fourth 4th cuarto
        cuarta|fifth 5th quinto quinta|sixth 6th sexto sexta|seventh 7th septimo septima|eighth 8th octavo octava
        |ninth 9th noveno novena|tenth 10th decimo decima""".split("|"),  # noqa: SIM905
        start=1,
    )
    for word in group.split()
}
# "Flight: 2; People: 26", as a row of a table becomes a sentence.
_RECORD = re.compile(r"\W*(?P<noun>[^\W\d_]+)\s*[:#]?\s*(?:no\.\s*)?(?P<number>\d{1,2})\s*(?:[;,|]|$)")
_AMOUNTS = frozenset("figure number count total amount age people cifra numero total".split())  # noqa: SIM905
_SEVERAL = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|both|all|dos|tres|cuatro|cinco|seis|ambos|todos los|todas las|"
    r"\d{1,2})\s+(?P<noun>[^\W\d_]{3,})"
)
_TOTAL = re.compile(
    r"\b(?:in all|in total|total|totals|altogether|so far|overall|sum|combined|together|running total|to date|"
    r"until now|now been|en total|hasta ahora|en conjunto|ya son|suman)\b(?!:)"
)
_PART = re.compile(
    r"\b(?:another|further|additional|of them|of these|of the|among them|otros|otras|de ellos|mas)\b"
)
_REACH = 3  # words behind an ordinal among which the thing it counts is looked for

MATCH, MATCH_OTHER_NOUN, NEARBY = 1.0, 0.7, 0.5
OTHER, SUM, OTHER_NEARBY = -1.0, -1.0, -0.6
DATE_MATCH, DATE_OTHER = 1.0, -1.0
TOTAL_MATCH, TOTAL_OTHER = 1.0, -0.6


@dataclass(frozen=True)
class Ordinal:
    """ "third flight": its number, the keys of the words that follow, its place."""

    number: int
    nouns: frozenset[str]
    span: Span


@dataclass(frozen=True)
class Scope:
    """What a text says about which event it means."""

    ordinals: tuple[Ordinal, ...]
    dates: tuple[Date, ...]
    total: bool
    part: bool
    several: frozenset[str]  # keys of nouns that stand behind a number: "three flights"

    @property
    def numbers(self) -> frozenset[int]:
        return frozenset(one.number for one in self.ordinals)

    def __bool__(self) -> bool:
        return bool(self.ordinals or self.dates or self.total)


def scope_of(text: str) -> Scope:
    """The marks of `text`, a question or a sentence."""
    plain = fold(text)
    dates = dates_in(text)
    return Scope(
        tuple(_ordinals(text, [span for span, _ in dates])),
        tuple(date for _, date in dates),
        _TOTAL.search(plain) is not None,
        _PART.search(plain) is not None,
        frozenset(
            _key_of(match["noun"]) for match in _SEVERAL.finditer(plain) if match["noun"] not in STOPWORDS
        ),
    )


def fit(asked: Scope, candidate: Candidate, *, dated: bool = True) -> float:
    """How well the sentence speaks of the event that the question names, from about -1.6 to 1.5; 0 where it names none.

    `dated` False leaves dates out, for a question that asks for one.
    """
    told = scope_of(candidate.text)
    value = _ordinal_fit(asked, told, candidate) if asked.ordinals else _total_fit(asked, told)
    if dated and any(_says(wanted, date) for wanted in asked.dates for date in told.dates):
        value += DATE_MATCH
    elif dated and disjoint(asked.dates, told.dates):
        value += DATE_OTHER
    return min(0.0, value) if is_label(candidate) else value


def same_ordinal(asked: Scope, candidate: Candidate) -> bool:
    """Whether the sentence tells of the very one that the question counts: "the third (such) shipment"."""
    return bool(asked.ordinals) and _ordinal_fit(asked, scope_of(candidate.text), candidate) == MATCH


def clause(asked: Scope, text: str) -> Span | None:
    """The part of a sentence that speaks of the asked event, where it speaks of several in turn; None where not.

    "The first trip took 29 people, the second took 26 and the third took 37." has three such parts.
    """
    if not asked.ordinals:
        return None
    ordinals = _ordinals(text, [span for span, _ in dates_in(text)])
    wanted = [one for one in ordinals if one.number in asked.numbers]
    if len({one.number for one in ordinals}) < 2 or len(wanted) != 1:
        return None
    marks = [match.span() for match in re.finditer(r"[,;]\s+|\s+(?:and|y|while|but|mientras)\s+", text)]
    starts = [0, *(end for _, end in marks)]
    ends = [*(start for start, _ in marks), len(text)]
    pieces = [Span(start, max(start, end)) for start, end in zip(starts, ends, strict=True)]
    at = next(index for index, piece in enumerate(pieces) if piece.contains(wanted[0].span))
    if any(one is not wanted[0] and pieces[at].contains(one.span) for one in ordinals):
        return None
    last = at
    while last + 1 < len(pieces) and not any(pieces[last + 1].contains(one.span) for one in ordinals):
        last += 1  # "the second, a day later, took 26"
    return Span(pieces[at].start, pieces[last].end)


def apart(one: Candidate, other: Candidate) -> str | None:
    """Why two sentences may speak of different events, in plain words; None where nothing says so."""
    first, second = (_widest(candidate) for candidate in (one, other))
    if first.numbers and second.numbers and not first.numbers & second.numbers:
        return "they count different events"
    if first.total != second.total:
        return "one is a total"
    if first.part != second.part:
        return "one is a part of a larger number"
    if disjoint(first.dates, second.dates):
        return "they are of different dates"
    return None


def _widest(candidate: Candidate) -> Scope:
    """The sentence's own marks, and for what it leaves open those of its title and heading."""
    own = scope_of(candidate.text)
    return replace(own, ordinals=own.ordinals or scope_of(candidate.heading).ordinals)


def _ordinal_fit(asked: Scope, told: Scope, candidate: Candidate) -> float:
    wanted = {number: frozenset[str]() for number in asked.numbers}
    for one in asked.ordinals:
        wanted[one.number] |= one.nouns
    nouns = frozenset().union(*wanted.values())
    bound = [one for one in told.ordinals if _share(one.nouns, nouns)]
    if any(one.number in wanted for one in bound):
        return MATCH
    if any(one.number in wanted for one in told.ordinals):
        return MATCH_OTHER_NOUN
    if bound or told.ordinals:
        return OTHER
    if told.total or _share(told.several, nouns):
        return SUM
    for text in (candidate.before.rsplit(". ", 1)[-1], candidate.heading):
        numbers = [one.number for one in _ordinals(text, [span for span, _ in dates_in(text)])]
        if numbers:
            return NEARBY if numbers[-1] in wanted else OTHER_NEARBY
    return 0.0


def _total_fit(asked: Scope, told: Scope) -> float:
    """ "How many in all" is not answered by "another 26" nor by what the second flight carried."""
    if not asked.total:
        return 0.0
    if told.total:
        return TOTAL_MATCH
    return TOTAL_OTHER if told.part or told.ordinals else 0.0


def _says(wanted: Date, told: Date) -> bool:
    """True where `told` gives everything that `wanted` gives, and the same."""
    pairs = zip((wanted.year, wanted.month, wanted.day), (told.year, told.month, told.day), strict=True)
    return all(one is None or one == two for one, two in pairs)


def _ordinals(text: str, dates: Sequence[Span]) -> list[Ordinal]:
    told = words(text)
    found = []
    for index, word in enumerate(told):
        number = _ORDINALS.get(fold(word.text))
        if (
            number is not None
            and not _is_fraction(told, index)
            and not any(span.overlaps(word.span) for span in dates)
        ):
            found.append(Ordinal(number, _nouns(told[index + 1 :]), word.span))
    record = _RECORD.match(text)
    if record is not None and record["noun"].casefold() not in STOPWORDS | _AMOUNTS:
        span = Span(record.start("noun"), record.end("number"))
        if not any(date.overlaps(span) for date in dates):
            found.append(Ordinal(int(record["number"]), frozenset({_key_of(record["noun"])}), span))
    return sorted(found, key=lambda one: one.span)


def _is_fraction(told: Sequence[Word], index: int) -> bool:
    """ "a third of Mexico", "two thirds of": no third of several."""
    before = fold(told[index - 1].text) if index else ""
    after = fold(told[index + 1].text) if index + 1 < len(told) else ""
    return before in {"a", "one", "un", "una"} and after in {"of", "de", "del"}


def _nouns(following: Sequence[Word]) -> frozenset[str]:
    near = []
    for word in following[:_REACH]:
        if word.text == "such":
            continue
        if word.stop:
            break
        near.append(word.key)
    return frozenset(near)


def _share(one: frozenset[str], other: frozenset[str]) -> bool:
    return any(alike(first, second) for first in one for second in other)


def _key_of(noun: str) -> str:
    return next((word.key for word in words(noun)), noun)
