"""Figures of a text and what they amount to: numbers, sums of money, percentages, measures, dates and times of day.

English and Spanish, in digits and in words: "thirty-seven" and "37", "1.5 million", "1,500,000" and "un millón y medio",
"27 February 2025", "February 27, 2025", "el 27 de febrero de 2025" and "2025-02-27", "5 %", "5 percent" and "5 por
ciento", "$5" and "5 dollars", "2 years" and "24 months" say the same.

What cannot be known is kept open: "1.500" is 1500 or 1.5, "3/4/2025" is a day in March or in April, so a figure has
*readings*, and two figures can say the same when they share one. Known gaps: Roman numerals, "a couple", "a score",
figures spelled digit by digit, years in words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from rag.answer.number_words import NUMBER_WORDS, in_words
from rag.types import Span

Kind = Literal["number", "money", "percent", "measure", "ordinal", "fraction", "date", "time"]
Day = tuple[int | None, int | None, int | None]  # year, month, day; None: not said
Bound = Literal["", "more", "less"]

_MONTH_NAMES = (
    "january jan enero", "february feb febrero", "march mar marzo", "april apr abril", "may mayo", "june jun junio",
    "july jul julio", "august aug agosto", "september sept sep septiembre setiembre", "october oct octubre",
    "november nov noviembre", "december dec diciembre",
)  # fmt: skip
MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
_MONTH = "(?:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\b\.?"
_YEAR = r"(?:1[0-9]\d\d|20\d\d)"
_DAY = r"(?:[12]\d|3[01]|0?[1-9])"
_DATE = re.compile(
    rf"(?P<y1>\d{{4}})-(?P<m1>\d\d)-(?P<d1>\d\d)(?!\d)"
    rf"|\b(?P<a2>\d{{1,2}})[/.](?P<b2>\d{{1,2}})[/.](?P<y2>\d{{4}}|\d\d)\b"
    rf"|\b(?P<d3>{_DAY})(?:st|nd|rd|th|º)?\s(?:of\s|de\s)?(?P<m3>{_MONTH})(?:,?\s(?:de\s|del\s|of\s)?(?P<y3>{_YEAR})\b)?"
    rf"|\b(?P<m4>{_MONTH})\s(?:the\s)?(?P<d4>{_DAY})(?:st|nd|rd|th)?\b(?!\s?(?:,\d{{3}}|\.\d|%|million|percent))"
    rf"(?:,?\s(?:of\s)?(?P<y4>{_YEAR})\b)?"
    rf"|\b(?P<m5>{_MONTH}),?\s(?:of\s|de\s|del\s)?(?P<y5>{_YEAR})\b",
    re.IGNORECASE,
)
# A month alone: capitalised in English ("may" and "march" are verbs), in lower case in Spanish.
_LONE_MONTH = re.compile(
    r"\b(?:January|February|(?<!\A)March(?!\s+(?:on|for|to|against|in))|April|(?<!\A)(?<![.!?]\s)May|June|July|August|September|October"
    r"|November|December|enero|febrero|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre)\b"
)
_TIME = re.compile(
    r"(?<![\d:.,$€£])(?P<h>[01]?\d|2[0-3])(?::(?P<m>[0-5]\d)(?::\d\d)?(?:\s?(?P<h1>[ap])\.?\s?m\b\.?)?|\.(?P<n>[0-5]\d)\s?(?P<h2>[ap])\.?\s?m\b\.?"
    r"|\s?(?P<h3>[ap])\.?\s?m\b\.?)(?![\d:])",
    re.IGNORECASE,
)
_DIGITS = re.compile(
    r"(?<![\w.,])(?P<minus>[-−](?=\d))?"
    r"(?P<body>\d{1,3}(?:[\u00a0\u202f\u2009'’]\d{3})+|\d+(?:[.,]\d+)*)(?P<th>(?:st|nd|rd|th|º|ª)\b)?",
)
_SCALES = {
    "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "k": 1000, "m": 10**6,
    "mn": 10**6, "bn": 10**9, "b": 10**9, "tn": 10**12, "mil": 1000, "millon": 10**6, "millones": 10**6,
    "millions": 10**6, "billions": 10**9, "thousands": 1000, "dozen": 12, "docenas": 12, "mdd": 10**6,
}  # fmt: skip
_SCALE = re.compile(
    r"(?:[ \u00a0\u202f-]?(?P<mm>mil millones)"
    r"|[ \u00a0\u202f-](?P<word>hundred|thousand|million|billion|trillion|mil|mill[oó]n|millones"
    r"|dozen|docenas|mn|bn|tn)|(?P<letter>k|mn?|bn?|tn))\b(?!\.?\s?m\b)",
    re.IGNORECASE,
)
_CURRENCIES = {
    "$": "dollar", "us$": "dollar", "usd": "dollar", "dollar": "dollar", "dollars": "dollar", "dolar": "dollar",
    "dolares": "dollar", "bucks": "dollar", "€": "euro", "eur": "euro", "euro": "euro", "euros": "euro", "£": "pound",
    "gbp": "pound", "pound": "pound", "pounds": "pound", "libras": "pound", "peso": "peso", "pesos": "peso",
    "mxn": "peso", "¥": "yen", "yen": "yen", "yenes": "yen", "franc": "franc", "francs": "franc", "francos": "franc",
    "rupee": "rupee", "rupees": "rupee", "cent": "cent", "cents": "cent", "centavos": "cent", "colones": "colon",
    "yuan": "yuan", "rubles": "ruble", "roubles": "ruble", "krona": "krona", "kronor": "krona", "mdd": "dollar",
}  # fmt: skip
_BEFORE_MONEY = re.compile(r"(?:(US\$|USD|EUR|GBP|MXN|[A-Z]{1,2}\$|[$€£¥])\s?)$", re.IGNORECASE)
_PERCENT = re.compile(r"\s?%|[\s-](?:percent|per\s?cent|pct|por\s?ciento)\b", re.IGNORECASE)
_POINTS = re.compile(r"[\s-](?:percentage\s)?points?\b|\spuntos\b", re.IGNORECASE)
_AFTER_WORD = re.compile(r"[\s-](?:(?:US|U\.S\.|de|Mexican|American|estadounidenses)\s)*(?P<word>[^\W\d_]+)")
# Dimension and size of a unit, in the smallest unit of the dimension.
_UNITS: dict[str, tuple[str, Fraction]] = {}
for _dimension, _table in {
    "seconds": "second seconds segundo segundos:1,minute minutes minuto minutos:60,hour hours hora horas:3600",
    "days": "day days dia dias:1,week weeks semana semanas:7",
    "months": "month months mes meses:1,year years ano anos:12,decade decades decada decadas:120,century centuries "
    "siglo siglos:1200",
    "metres": "metre metres meter meters metro metros:1,kilometre kilometres kilometer kilometers km kilometro "
    "kilometros:1000,mile miles milla millas:1609,foot feet pie pies ft:1/3,inch inches pulgada pulgadas:1/36",
    "grams": "gram grams gramo gramos g:1,kilogram kilograms kilo kilos kg kilogramo kilogramos:1000,ton tons tonne "
    "tonnes tonelada toneladas:1000000",
    "litres": "litre litres liter liters litro litros:1,gallon gallons galon galones:19/5",
    "square metres": "hectare hectares hectarea hectareas:10000,acre acres:4047",
}.items():
    for _row in _table.split(","):
        _names, _size = _row.split(":")
        _UNITS.update(dict.fromkeys(_names.split(), (_dimension, Fraction(_size))))
_MORE = re.compile(
    r"\b(?:more than|over|at least|above|exceeding|no fewer than|no less than|más de|mas de|al menos|por lo menos)"
    r"\s+(?:US)?[$€£]?\s?$",
    re.IGNORECASE,
)
_LESS = re.compile(
    r"\b(?:less than|fewer than|under|below|at most|up to|no more than|menos de|hasta|como máximo)\s+(?:US)?[$€£]?\s?$",
    re.IGNORECASE,
)
_RANGE = re.compile(r"\s?(?:to|and|or|a|y|o|-|–|—|/)\s?(?:US)?[$€£]?\s?", re.IGNORECASE)
_LIST = re.compile(r"(?:,|;|,?\s(?:and|or|y|e|o))\s(?:US)?[$€£]?\s?")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure at one place. `readings`: what it may amount to (of `kind` date and time: days, minutes after midnight).

    `unit`: the currency of money, the dimension of a measure. `optional`: a word such as "one" that often is no figure.
    """

    span: Span
    text: str
    kind: Kind
    readings: frozenset[Fraction] = frozenset()
    unit: str = ""
    days: frozenset[Day] = frozenset()
    bound: Bound = ""
    optional: bool = False
    plain: frozenset[Fraction] = field(
        default=frozenset(), compare=False
    )  # a measure's number without its unit

    def said_by(self, other: Figure) -> bool:
        """Whether `other` says all that this figure says; a date may be said more exactly, not less."""
        if self.kind == "date":
            return other.kind == "date" and any(
                _within(mine, theirs) for mine in self.days for theirs in other.days
            )
        if {self.bound, other.bound} == {"more", "less"}:
            return False
        if self.kind in ("percent", "fraction") and other.kind in ("percent", "fraction"):
            return bool(self.readings & other.readings)
        if self.kind == "number" and other.kind == "measure":
            return bool(self.readings & other.plain)  # "37 in all" out of "37 days"
        if self.kind == "measure" and other.kind == "number":
            return bool(self.plain & other.readings)  # "29 or 30 days": the unit may stand further on
        if self.kind == "number" and other.kind == "date":
            return any(year is not None and Fraction(year) in self.readings for year, _, _ in other.days)
        if self.kind == "ordinal" and other.kind == "fraction":
            return any(1 / reading in self.readings for reading in other.readings if reading)
        if self.kind == "money" and other.kind == "money" and "" in (self.unit, other.unit):
            return bool(self.readings & other.readings)
        return self.kind == other.kind and self.unit == other.unit and bool(self.readings & other.readings)


def _within(mine: Day, theirs: Day) -> bool:
    return all(part is None or part == other for part, other in zip(mine, theirs, strict=True))


@lru_cache(maxsize=512)
def figures(text: str) -> tuple[Figure, ...]:
    """Every figure of `text`, in order, without overlap."""
    taken: list[Span] = []
    found: list[Figure] = []

    def keep(figure: Figure) -> None:
        if not any(figure.span.overlaps(span) for span in taken):
            taken.append(figure.span)
            found.append(figure)

    for match in _DATE.finditer(text):
        if days := _days(match):
            keep(Figure(Span(*match.span()), match.group(), "date", days=days))
    for match in _TIME.finditer(text):
        keep(Figure(Span(*match.span()), match.group(), "time", _minutes(match)))
    for match in _LONE_MONTH.finditer(text):
        month = MONTHS[_plain(match.group())]
        keep(Figure(Span(*match.span()), match.group(), "date", days=frozenset({(None, month, None)})))
    for figure in (*_digits(text), *_words(text)):
        keep(figure)
    return tuple(_shared_units(text, sorted(found, key=lambda one: one.span)))


def _days(match: re.Match[str]) -> frozenset[Day]:
    part = {name: value for name, value in match.groupdict().items() if value}

    def month(name: str) -> int:
        return MONTHS[_plain(part[name]).rstrip(".")]

    def year(name: str) -> int | None:
        return int(part[name]) if name in part else None

    days: list[Day] = []
    if "y1" in part:
        days = [(int(part["y1"]), int(part["m1"]), int(part["d1"]))]
    elif "a2" in part:
        century = 2000 if int(part["y2"]) < 60 else 1900
        full = int(part["y2"]) if len(part["y2"]) == 4 else century + int(part["y2"])
        first, second = int(part["a2"]), int(part["b2"])
        days = [(full, second, first), (full, first, second)]
    elif "d3" in part:
        days = [(year("y3"), month("m3"), int(part["d3"]))]
    elif "d4" in part:
        days = [(year("y4"), month("m4"), int(part["d4"]))]
    else:
        days = [(year("y5"), month("m5"), None)]
    return frozenset(
        each for each in days if (each[1] is None or 1 <= each[1] <= 12) and (each[2] or 1) <= 31
    )


def _minutes(match: re.Match[str]) -> frozenset[Fraction]:
    hour, minute = int(match["h"]), int(match["m"] or match["n"] or 0)
    half = (match["h1"] or match["h2"] or match["h3"] or "").lower()
    if half and hour <= 12:
        return frozenset({Fraction((hour % 12 + (12 if half == "p" else 0)) * 60 + minute)})
    # 24 hours, or a 12-hour time whose half of the day is left to the reader
    return frozenset(Fraction(each * 60 + minute) for each in ({hour, hour + 12} if hour < 12 else {hour}))


def _digits(text: str) -> Iterator[Figure]:
    for match in _DIGITS.finditer(text):
        readings = digit_readings(match["body"])
        if match["minus"] and re.search(r"(?:^|[\s(])$", text[: match.start()]):
            readings = frozenset(-each for each in readings)
        end = match.end()
        if match["th"]:
            yield Figure(Span(match.start(), end), match.group(), "ordinal", readings)
            continue
        yield _with_unit(text, match.start(), end, readings)


def digit_readings(body: str) -> frozenset[Fraction]:
    """What digits with separators may amount to.

    >>> sorted(map(float, digit_readings("1.500"))), sorted(map(float, digit_readings("1,500,000.25")))
    ([1.5, 1500.0], [1500000.25])
    """
    body = re.sub(r"[\u00a0\u202f\u2009'’]", "", body)
    marks = re.findall(r"[.,]", body)
    groups = re.split(r"[.,]", body)
    if not marks:
        return frozenset({Fraction(body)})
    readings = set()
    grouped = all(len(group) == 3 for group in groups[1:]) and 1 <= len(groups[0]) <= 3 and groups[0] != "0"
    if grouped and len(set(marks)) == 1:
        readings.add(Fraction("".join(groups)))
    if len(marks) == 1 or (
        len(set(marks[:-1])) == 1
        and marks[-1] != marks[-2]
        and all(len(group) == 3 for group in groups[1:-1])
    ):
        readings.add(Fraction("".join(groups[:-1]) + "." + groups[-1]))
    return frozenset(readings) or frozenset({Fraction("".join(groups))})


def _words(text: str) -> Iterator[Figure]:
    for span, value, kind in in_words(text):
        if kind != "number":
            readings = frozenset({value * 100} if kind == "fraction" else {value})
            whole = Figure(span, span.of(text), kind, readings)
            yield whole
            continue
        single = text[span.start : span.end].casefold()
        figure = _with_unit(text, span.start, span.end, frozenset({value}))
        loose = single in ("one", "un", "una", "uno", "a", "an") and figure.kind == "number"
        yield (
            Figure(figure.span, figure.text, "number", figure.readings, bound=figure.bound, optional=True)
            if loose
            else figure
        )


def _with_unit(text: str, start: int, end: int, readings: frozenset[Fraction]) -> Figure:
    """The figure at a place with its scale ("million") and its unit."""
    before, bound = text[max(0, start - 40) : start], _bound(text[max(0, start - 40) : start])
    in_digits = text[end - 1].isdigit()
    sign = _BEFORE_MONEY.search(before)
    scale = _SCALE.match(text, end)
    if (
        scale
        and (in_digits or not scale["letter"])
        and not (scale["letter"] in ("m", "b", "M", "B", "k", "K") and not (sign or scale["letter"] in "kK"))
    ):
        name = _plain(scale["word"] or scale["letter"] or "")
        factor = 10**9 if scale["mm"] else _SCALES[name]
        readings = frozenset(each * factor for each in readings)
        end = scale.end()
        if half := re.match(r" (?:and a half|y medio)\b", text[end:]):
            readings = frozenset(each + Fraction(factor, 2) for each in readings)
            end += half.end()
    span = Span(start, end)
    shown = span.of(text)
    percent = _PERCENT.match(text, end)
    if percent:
        return Figure(
            Span(start, percent.end()), text[start : percent.end()], "percent", readings, bound=bound
        )
    points = _POINTS.match(text, end)
    if points:
        return Figure(Span(start, end), shown, "number", readings, bound=bound)
    if sign:
        name = sign[1].casefold()
        unit = _CURRENCIES.get(name, "dollar" if name.endswith("$") else name)
        start = start - len(sign.group())
        return Figure(Span(start, end), text[start:end], "money", readings, unit, bound=bound)
    word = _AFTER_WORD.match(text, end)
    named = _plain(word["word"]) if word else ""
    if word and named in _CURRENCIES:
        return Figure(
            Span(start, word.end()),
            text[start : word.end()],
            "money",
            readings,
            _CURRENCIES[named],
            bound=bound,
        )
    glued = re.match(r"(?:km|kg|g|ft)\b", text[end:]) if in_digits else None
    named = glued.group() if glued else named
    if named in _UNITS:
        dimension, size = _UNITS[named]
        sized = frozenset(each * size for each in readings)
        stop = end + glued.end() if glued else (word.end() if word else end)
        return Figure(
            Span(start, stop), text[start:stop], "measure", sized, dimension, bound=bound, plain=readings
        )
    return Figure(span, shown, "number", readings, bound=bound)


def _bound(before: str) -> Bound:
    return "more" if _MORE.search(before) else "less" if _LESS.search(before) else ""


def _shared_units(text: str, found: list[Figure]) -> list[Figure]:
    """In "5 to 6 million dollars" and "10, 20 and 30 percent" the last figure's unit belongs to those before, too."""
    result = list(found)
    for index in range(len(result) - 2, -1, -1):
        one, following = result[index], result[index + 1]
        joint = text[one.span.end : following.span.start]
        if one.kind not in ("number", "money") or following.kind not in (
            "percent",
            "money",
            "number",
            "measure",
        ):
            continue
        ranged = _RANGE.fullmatch(joint) is not None
        if not (ranged or _LIST.fullmatch(joint)):
            continue
        factor = _factor(following) if ranged else 1
        readings = one.readings | frozenset(each * factor for each in one.readings)
        kind: Kind = one.kind
        unit = one.unit
        if one.kind == "number" and following.kind in ("percent", "money"):
            kind, unit = following.kind, following.unit
        result[index] = Figure(
            one.span, one.text, kind, readings, unit, bound=one.bound, optional=one.optional
        )
    return result


def _factor(figure: Figure) -> int:
    scale = re.search(r"(?<=[\d\s])(mil millones|[a-zó]+)(?=\W|$)", figure.text.casefold())
    name = _plain(scale[1]) if scale else ""
    return 10**9 if name == "mil millones" else _SCALES.get(name, 1)


@dataclass(frozen=True, slots=True)
class Sum:
    """An explicit sum, "29 + 26 + 37 = 92": its parts and its total, figures of the text it stands in."""

    parts: tuple[Figure, ...]
    total: Figure

    @property
    def adds_up(self) -> bool:
        sums: set[Fraction] = {Fraction(0)}
        for part in self.parts:
            sums = {each + reading for each in sums for reading in part.readings}
        return bool(sums & self.total.readings)


def sums(text: str) -> list[Sum]:
    """The explicit sums of `text`; one whose sides hold more figures than the sum needs is none."""
    found = []
    everything = figures(text)
    for match in re.finditer("=", text):
        left = [one for one in everything if one.span.end <= match.start()]
        right = [one for one in everything if one.span.start >= match.end()]
        if (
            not left
            or not right
            or not re.fullmatch(r"\s*[^\w\s]?\s?", text[match.end() : right[0].span.start])
        ):
            continue
        parts = [left[-1]]
        for earlier, later in reversed(list(pairwise(left))):
            if later is not parts[0] or not re.fullmatch(
                r"[^+=.;]{0,40}\+\s?[$€£]?\s?", text[earlier.span.end : later.span.start]
            ):
                break
            parts.insert(0, earlier)
        if len(parts) > 1:
            found.append(Sum(tuple(parts), right[0]))
    return found


def _plain(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


__all__ = ["MONTHS", "NUMBER_WORDS", "Figure", "Sum", "digit_readings", "figures", "sums"]
