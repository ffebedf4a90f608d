"""Short answers compared by what they mean: figures, dates and names in their several spellings.

`value_of` reads a short answer into a `Value`; `same` says whether two mean one thing, `compatible` whether both can be
true of one thing. "thirty-seven prisoners" and "37" are the same; "February 2025" and "27 February 2025" are
compatible; "26" and "37 people" are not. What no rule reads is compared by its content words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.answer.figures import MONTHS
from rag.answer.speech import clean_name, is_name
from rag.types import Span
from rag.words import alike, fold, words

Sort = Literal["number", "date", "name", "text"]

_SMALL = {
    word: value
    for value, group in enumerate(
        """zero none nobody cero ninguno|one once single uno una|two both twice dos ambos|three tres|four cuatro
        |five cinco|six seis|seven siete|eight ocho|nine nueve|ten diez|eleven|twelve doce dozen docena
        |thirteen trece|fourteen catorce|fifteen quince|sixteen dieciseis|seventeen diecisiete|eighteen dieciocho
        |nineteen diecinueve|twenty veinte""".split("|")  # noqa: SIM905 - the place in the list is the value
    )
    for word in group.split()
}
_TENS = {
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "twenty": 20,
    "treinta": 30, "cuarenta": 40, "cincuenta": 50, "sesenta": 60, "setenta": 70, "ochenta": 80, "noventa": 90,
    "veintiuno": 21, "veintidos": 22, "veintitres": 23, "veinticuatro": 24, "veinticinco": 25, "veintiseis": 26,
    "veintisiete": 27, "veintiocho": 28, "veintinueve": 29,
}  # fmt: skip
_SCALES = {
    "hundred": 100, "hundreds": 100, "cien": 100, "ciento": 100, "thousand": 1_000, "thousands": 1_000, "mil": 1_000,
    "million": 10**6, "millon": 10**6, "millones": 10**6, "billion": 10**9, "trillion": 10**12,
}  # fmt: skip
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_YEAR = r"(?:1[5-9]|20)\d\d"
_DATES = re.compile(
    rf"\b(?P<iso>(?P<y1>{_YEAR})-(?P<m1>\d\d)(?:-(?P<d1>\d\d))?)\b"
    rf"|\b(?:(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+|de\s+)?)?(?P<m2>{_MONTH})\b\.?"
    rf"(?:\s+(?P<d3>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\s*:))?(?:,?\s+(?:de\s+|del\s+|of\s+)?(?P<y2>{_YEAR}))?\b"
    rf"|\b(?P<y3>{_YEAR})\b",
)
_NUMBERS = re.compile(r"(?<![\w.,])\d+(?:[.,\u00a0\u202f]\d{3})*(?:[.,]\d+)?|[^\W\d_]+")
_JOINED = re.compile(
    r"\b(?:and|from|with|for|in|y|con|para)\b"
)  # in a name that is more than one, or a phrase
_SUFFIX = re.compile(r"\s?(?:(m|mn)|(bn)|(k))\b")  # right behind digits: $1.5m, 40k
_ABOUT = re.compile(
    r"\b(?:about|around|some|nearly|almost|roughly|approximately|more than|over|at least|up to|fewer than|less than|"
    r"unos|unas|casi|cerca de|mas de|menos de|al menos)\b"
)
_UNITS: dict[str, str] = {
    "%": "%", "percent": "%", "percentage": "%", "$": "dollar", "dollars": "dollar", "us$": "dollar", "€": "euro",
    "£": "pound", "km": "kilometre", "kilometers": "kilometre", "kilometres": "kilometre", "miles": "mile",
    "metres": "metre", "meters": "metre", "kg": "kilo", "kilos": "kilo", "kilograms": "kilo",
}  # fmt: skip
_ROUNDING = (
    0.02  # "about 3,000" against 3,050: shares nearer than this are not two figures where one is rounded
)


@dataclass(frozen=True)
class Date:
    """A day, a month or a year; None: the text does not say."""

    year: int | None
    month: int | None
    day: int | None

    def fits(self, other: Date) -> bool:
        """True where nothing that both give differs."""
        return all(
            one is None or two is None or one == two
            for one, two in zip(
                (self.year, self.month, self.day), (other.year, other.month, other.day), strict=True
            )
        )


@dataclass(frozen=True)
class Value:
    """A short answer read. `unit` is the key of what is counted, where the answer itself says it."""

    sort: Sort
    numbers: tuple[float, ...] = ()
    unit: str = ""
    about: bool = False
    dates: tuple[Date, ...] = ()
    name: tuple[str, ...] = ()
    keys: frozenset[str] = frozenset()


def value_of(text: str) -> Value:
    """Never fails: what is no date, figure or name is `text`.

    >>> value_of("thirty-seven prisoners").numbers, value_of("3,000 km").unit
    ((37.0,), 'kilometre')
    """
    told = words(text)
    keys = frozenset(word.key for word in told if not word.stop) or frozenset(word.key for word in told)
    found = dates_in(text)
    if found and _is_date(text, [span for span, _ in found]):
        return Value("date", dates=tuple(date for _, date in found), keys=keys)
    counted = undated(text, found)
    plain = [word for word in told if not word.stop or word.number]
    if counted and len(plain) <= 3 * len(counted) + 4 and (counted[0][0].start < 24):
        last = counted[-1][0]
        return Value(
            "number",
            tuple(number for _, number in counted),
            unit=_unit(text, last),
            about=_ABOUT.search(fold(text)) is not None,
            keys=keys,
        )
    bare = re.sub(r"^(?:the|el|la|los|las)\s+", "", text.strip(" ,;:“”\"'"), flags=re.IGNORECASE)
    name = clean_name(bare.rstrip("."))
    if (
        len(words(bare)) == 1 and bare.replace(".", "").isupper()
    ):  # "U.S.", which as a word of a longer name is none
        return Value("name", name=(fold(bare).replace(".", ""),), keys=keys)
    if (
        told
        and len(told) <= 7
        and not _JOINED.search(name)
        and is_name(name)
        and all(word.capital or word.stop for word in words(name))
    ):
        return Value("name", name=tuple(_name_words(name)), keys=keys)
    return Value("text", keys=keys)


def same(one: Value, other: Value) -> bool:
    """True where both say one thing, one perhaps more exactly."""
    if one.sort == other.sort == "number":
        return one.numbers == other.numbers and not _units_differ(one, other)
    if one.sort == other.sort == "date":
        pairs = zip(one.dates, other.dates, strict=False)
        return len(one.dates) == len(other.dates) and all(first.fits(second) for first, second in pairs)
    if one.sort == other.sort == "name":
        shorter, longer = sorted((set(one.name), set(other.name)), key=len)
        return bool(shorter) and (shorter <= longer or _initials(one.name, other.name))
    if "number" in (one.sort, other.sort) and one.numbers != other.numbers:
        return False
    return _said_alike(one.keys, other.keys)


def incompatible(one: Value, other: Value) -> bool:
    """True where the two are of one sort and cannot both be true of one thing. Text never is: words can add up."""
    if one.sort != other.sort or same(one, other):
        return False
    if one.sort == "number":
        if len(one.numbers) != 1 or len(other.numbers) != 1 or _units_differ(one, other):
            return False
        first, second = one.numbers[0], other.numbers[0]
        rounded = one.about or other.about
        return not (rounded and abs(first - second) <= _ROUNDING * max(first, second))
    if one.sort == "date":
        return len(one.dates) == len(other.dates) == 1 and not one.dates[0].fits(other.dates[0])
    if one.sort == "name":
        return not set(one.name) & set(other.name)
    return False


def numbers_in(text: str) -> list[tuple[Span, float]]:
    """Every figure of `text`, in digits or in words, in order. "1,2" is read as a fraction, "1,200" as thousands."""
    found: list[tuple[Span, float]] = []
    run: list[tuple[Span, str, float | None]] = []
    for match in _NUMBERS.finditer(text):
        span, word = Span(match.start(), match.end()), fold(match.group())
        value = _word_value(word)
        if word[0].isdigit():
            value = _digits(match.group())
            if suffix := _SUFFIX.match(text, span.end):
                value *= 10**6 if suffix[1] else 10**9 if suffix[2] else 1_000
        joined = bool(run) and re.fullmatch(r"[\s-]*", text[run[-1][0].end : span.start]) is not None
        if value is None or not joined:
            found += _read(run)
            run = []
        if value is not None:
            run.append((span, word, value))
    return [*found, *_read(run)]


def undated(text: str, dates: Sequence[tuple[Span, Date]]) -> list[tuple[Span, float]]:
    """`numbers_in` without the figures of `dates`, those of the same text."""
    return [number for number in numbers_in(text) if not any(span.overlaps(number[0]) for span, _ in dates)]


def disjoint(one: Sequence[Date], other: Sequence[Date]) -> bool:
    """Whether both name dates and none of the one fits any of the other."""
    return bool(one and other) and not any(first.fits(second) for first in one for second in other)


def dates_in(text: str) -> list[tuple[Span, Date]]:
    """Every day, month or year that `text` names, in order. "may" in lower case is the verb."""
    plain = text.replace("\u00a0", " ").lower()
    if len(plain) != len(text):  # a letter whose lower case is two characters
        plain = text
    found = []
    for match in _DATES.finditer(plain):
        month = match["m1"] or match["m2"]
        if match["m2"] in ("may", "mar", "march") and text[match.start("m2")].islower():
            continue
        number = int(month) if month and month.isdigit() else MONTHS.get(month or "")
        day = match["d1"] or match["d2"] or match["d3"]
        year = match["y1"] or match["y2"] or match["y3"]
        found.append(
            (Span(*match.span()), Date(int(year) if year else None, number, int(day) if day else None))
        )
    return found


def _is_date(text: str, spans: list[Span]) -> bool:
    """Whether the answer is the dates and little else; "37 prisoners in 2025" is no date."""
    inside = sum(len(span) for span in spans)
    rest = [
        word for word in words(text) if not any(span.overlaps(word.span) for span in spans) and not word.stop
    ]
    return inside > 0 and len(rest) <= 3 and not any(word.number for word in rest)


def _digits(text: str) -> float:
    plain = re.sub(r"[.,\u00a0\u202f](?=\d{3}(?!\d))", "", text)
    return float(plain.replace(",", "."))


def _word_value(word: str) -> float | None:
    for table in (_SMALL, _TENS, _SCALES):
        if word in table:
            return float(table[word])
    return None


def _read(run: list[tuple[Span, str, float | None]]) -> Iterator[tuple[Span, float]]:
    """Number words that stand together are one figure: "two hundred thirty-seven", "1.5 million"."""
    if not run:
        return
    start = run[0][0].start
    total, current, before, end = 0.0, 0.0, "", 0
    for span, word, value in run:
        amount = value or 0.0
        if word in _SCALES:
            current = (current or 1.0) * amount
            if amount >= 1_000:
                total, current = total + current, 0.0
        elif before and not (before in _TENS and amount < 10) and before not in _SCALES:
            yield Span(start, end), total + current
            start, total, current = span.start, 0.0, amount
        else:
            current += amount
        before, end = word, span.end
    yield Span(start, end), total + current


def _unit(text: str, number: Span) -> str:
    if before := re.search(r"[$€£]\s*$", text[: number.start]):
        return _UNITS[before.group().strip()]
    if suffix := _SUFFIX.match(text, number.end):
        number = Span(number.start, suffix.end())
    after = re.match(r"\s*(%)|[\s-]*(?:per\s?cent|por ciento)\b|[\s-]*([^\W\d_]+)", text[number.end :])
    if after is None:
        return ""
    word = after[1] or after[2]
    if word is None:
        return "%"
    if word.casefold() in _UNITS:
        return _UNITS[word.casefold()]
    following = [one for one in words(text[number.end :]) if not one.stop]
    return following[0].key if following else ""


def _units_differ(one: Value, other: Value) -> bool:
    """Money against distance differs; "prisoners" against "people" is another word for it."""
    measures = set(_UNITS.values())
    return (
        one.unit != other.unit and bool({one.unit, other.unit} & measures) and bool(one.unit and other.unit)
    )


def _name_words(name: str) -> list[str]:
    plain = re.sub(r"[“\"(‘'][^”\")’']*[”\")’']", " ", name)  # a nickname may be left out
    found = [fold(word.text).removesuffix("'s") for word in words(plain) if not word.stop]
    return found or [fold(word.text) for word in words(name)]


def _initials(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """ "DEA" and "Drug Enforcement Administration"; "U.S." and "United States"."""
    for short, long in ((one, other), (other, one)):
        letters = "".join(short).replace(".", "")
        if len(short) == 1 and len(long) > 1 and letters == "".join(word[0] for word in long):
            return True
    return False


def _said_alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Four fifths of the shorter's words stand in the longer, in one form or another."""
    shorter, longer = sorted((one, other), key=len)
    if not shorter:
        return False
    held = sum(any(alike(key, word) for word in longer) for key in shorter)
    return held >= 0.8 * len(shorter)
