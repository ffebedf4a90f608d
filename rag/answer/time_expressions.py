"""Time expressions of English and Spanish with their places and parts; what they mean is `rag.answer.relative_dates`.

The patterns are compiled at the first use: most questions ask for no date, and a cold start should not pay for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from rag.answer.figures import MONTHS
from rag.answer.tense import Language
from rag.types import Span
from rag.words import fold

Kind = Literal["absolute", "dated", "numbered", "weekday", "deictic", "calendar", "ago"]

WEEKDAYS: dict[Language, list[str]] = {
    "en": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
    "es": ["lunes", "martes", "miercoles", "jueves", "viernes", "sabado", "domingo"],
}
# An answer without any of these words names no day that could be counted.
_SIGNS = frozenset(
    """yesterday today tomorrow tonight overnight night week month year weekend weeks months years days day ago now
    ayer anteayer antier anoche hoy manana hace dentro atras semana mes ano semanas meses anos dias dia pasado pasada
    proximo proxima viene this last next morning afternoon evening noche tarde""".split()  # noqa: SIM905
).union(MONTHS, *WEEKDAYS.values())


def has_sign(words: str) -> bool:
    """Whether `words` could name a day at all: a quick look that compiles nothing."""
    return not _SIGNS.isdisjoint(re.findall(r"[^\W\d_]+", fold(words)))


@dataclass(frozen=True, slots=True)
class Expression:
    """One time expression of a text. `absolute` has a year of its own, or is one; `dated` is a day and a month."""

    span: Span
    match: re.Match[str]
    language: Language
    kind: Kind

    def part(self, name: str) -> str:
        """A named part, folded; "" where it is absent."""
        return " ".join(fold(self.match.groupdict().get(name) or "").split())

    def blocked(self, text: str, before: str = "", after: str = "") -> bool:
        """Whether the patterns stand right before or right after it."""
        head, tail = text[: self.span.start], text[self.span.end :]
        return bool(
            (before and re.search(rf"(?:{before})\s*$", head, re.IGNORECASE))
            or (after and re.match(rf"\s*(?:{after})", tail, re.IGNORECASE))
        )


def _any(words: list[str]) -> str:
    accented = {"miercoles": "mi[ée]rcoles", "sabado": "s[áa]bado"}
    return "(?:" + "|".join(accented.get(word, word) for word in words) + ")"


EN_WEEKDAY, ES_WEEKDAY = _any(WEEKDAYS["en"]), _any(WEEKDAYS["es"])
EN_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
)
ES_MONTH = r"(?:enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre)"
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)?"
_COUNT = r"(?P<count>\d{1,3}|[^\W\d_]+(?:-[^\W\d_]+)?)"
_DATE_EN = rf"(?:(?P<weekday>{EN_WEEKDAY}),? (?:the )?)?(?:(?P<day>{_ORDINAL})(?: of)? (?P<month>{EN_MONTH})"
_DATE_EN += rf"|(?P<month2>{EN_MONTH}) (?P<day2>{_ORDINAL}))(?!\d|,\d)"
_DATE_ES = rf"(?:(?:el )?(?P<weekday>{ES_WEEKDAY}),? )?(?:el )?(?P<day>\d{{1,2}}|primero|1[º°]) de (?P<month>{ES_MONTH})"
_IN_YEAR = r"(?P<mod>last|this|next) year"
_EN_UNIT, _ES_UNIT = "(?P<unit>week|month|year)", "(?P<unit>semana|mes|año)"
# A space stands for any white space.
_FORMS: tuple[tuple[Language, Kind, str], ...] = (
    ("en", "absolute", rf"(?:{EN_WEEKDAY},? )?(?:(?:the )?{_ORDINAL}(?: of)? )?{EN_MONTH}(?: {_ORDINAL})?(?:,| of)?"
     r" [12]\d{3}"),
    ("es", "absolute", rf"(?:(?:el )?{ES_WEEKDAY},? )?(?:(?:el )?(?:\d{{1,2}}|primero|1[º°]) de )?{ES_MONTH}(?: del?|,)?"
     r" [12]\d{3}"),
    ("en", "absolute", r"\d{4}-\d\d(?:-\d\d)?|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|(?:1\d|20)\d\d(?:s|[–-]\d\d(?:\d\d)?)?"),
    ("en", "dated", _DATE_EN),
    ("es", "dated", _DATE_ES),
    ("es", "numbered", rf"el (?P<weekday>{ES_WEEKDAY}),? (?P<day>\d{{1,2}})"
     r"(?=\s*(?:[,.;:)]|$)| (?:en|a|por|con|para|que|se)\b)"),
    ("en", "weekday", rf"(?:(?P<mod>last|this past|past|this coming|coming|next|this) )?(?P<weekday>{EN_WEEKDAY})"
     r"(?: (?:morning|afternoon|evening|night|lunchtime|noon))?(?: (?:of )?(?P<week>(?:last|this|next) week))?"),
    ("es", "weekday", rf"(?:el (?P<mod>pasado |próximo )?|(?P<mod2>este (?:pasado |próximo )?)"
     rf"|(?:la )?(?:noche|mañana|tarde|madrugada) del (?P<mod3>pasado |próximo )?)(?P<weekday>{ES_WEEKDAY})"
     r"(?P<mod4> (?:pasado|próximo|que viene))?(?: por la (?:mañana|tarde|noche)| a mediodía)?"
     r"(?: de (?P<week>la semana pasada|esta semana|la próxima semana|la semana que viene))?"),
    ("en", "deictic", r"(?:(?P<within>earlier|later) )?(?P<name>the day before yesterday|yesterday|last night"
     r"|overnight|today|tonight|this (?:morning|afternoon|evening)|the day after tomorrow|tomorrow)"
     r"(?: (?:morning|afternoon|evening|night))?"),
    ("es", "deictic", r"(?P<name>anteayer|antier|antes de ayer|ayer|anoche|hoy|esta (?:mañana|tarde|noche|madrugada)"
     rf"|pasado mañana|mañana)(?:,? (?P<weekday>{ES_WEEKDAY})\b)?(?: por la (?:mañana|tarde|noche))?"),
    ("en", "calendar", rf"(?:(?P<within>earlier|later) )?(?P<mod>last|this|next) {_EN_UNIT}"),
    ("en", "calendar", r"(?P<mod>last) (?P<unit>weekend)"),
    ("en", "calendar", rf"(?:(?P<day>{_ORDINAL}) )?(?P<month>{EN_MONTH}),? (?:of )?{_IN_YEAR}"),
    ("en", "calendar", rf"(?P<month2>{EN_MONTH}) (?P<day2>{_ORDINAL}),? (?:of )?{_IN_YEAR}"),
    ("es", "calendar", rf"(?:el |la )?(?P<mod>pasad[oa]|próxim[oa]|est[ea]) {_ES_UNIT}"),
    ("es", "calendar", rf"(?:el |la )?{_ES_UNIT} (?P<mod>pasad[oa]|próxim[oa]|que viene)"),
    ("es", "calendar", rf"(?:(?P<day>\d{{1,2}}) de )?(?P<month>{ES_MONTH}) del?"
     r" (?P<mod>año pasado|este año|año que viene)"),
    ("en", "ago", rf"{_COUNT} (?P<unit>day|week|month|year)s? ago"),
    ("en", "ago", rf"{_COUNT} (?P<unit>day|week|month|year)s? (?P<ahead>from now)"),
    ("es", "ago", rf"hace {_COUNT} (?P<unit>día|semana|mes|año)(?:e?s)?"),
    ("es", "ago", rf"{_COUNT} (?P<unit>día|semana|mes|año)(?:e?s)? atrás"),
    ("es", "ago", rf"(?P<ahead>dentro de) {_COUNT} (?P<unit>día|semana|mes|año)(?:e?s)?"),
)  # fmt: skip


@cache
def _compiled() -> tuple[tuple[Language, Kind, re.Pattern[str]], ...]:
    return tuple(
        (language, kind, re.compile(rf"(?<!\w)(?:{form.replace(' ', chr(92) + 's+')})(?!\w)", re.IGNORECASE))
        for language, kind, form in _FORMS
    )


def expressions(text: str) -> Iterator[Expression]:
    """In order, without overlap: the longest of those that begin at a place."""
    found = [
        Expression(Span(*match.span()), match, language, kind)
        for language, kind, form in _compiled()
        for match in form.finditer(text)
    ]
    end = 0
    for each in sorted(found, key=lambda each: (each.span.start, -len(each.span))):
        if each.span.start >= end:
            yield each
            end = each.span.end
