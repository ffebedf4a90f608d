"""The day that "Tuesday", "ayer" or "last month" names, counted from the date of the document that says so.

A small set of own rules. dateparser (1.5.0) was tried: it gives one instant and no range for a month or a year, does
not read "el martes" or "hace tres días", takes "Thursday" printed on a Thursday for the week before, knows nothing of
the verb ("will meet on Tuesday"), reads "second", "16:00" or "a day" as dates, and costs half a second at a cold start.

What a rule does not settle is None: words inside a quotation (their day is the speaker's), a day that the sentence
counts from another date ("In 1912 … on Tuesday", "the following Tuesday"), a weekday without a clear tense
(`rag.answer.tense`), habits ("every Tuesday"), round and vague numbers ("about ten years ago"), names ("Easter Monday").

Conventions, where a day was needed: a weekday in the past is the last up to the day of publication, "last" and "next"
with a weekday are the nearest before and after it; a week may begin on Sunday or on Monday, so that it has eight
possible days, and on a Sunday it is unclear; N months or years ago are the calendar month or year.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Callable

from rag.answer.figures import MONTHS
from rag.answer.number_words import in_words
from rag.answer.quotations import parse_window
from rag.answer.tense import Language, Tense, clause_at, tense_at
from rag.answer.time_expressions import (
    EN_MONTH,
    EN_WEEKDAY,
    ES_MONTH,
    ES_WEEKDAY,
    WEEKDAYS,
    Expression,
    Kind,
    expressions,
    has_sign,
)
from rag.sentences import sentences
from rag.types import Document, Resolved, Span
from rag.words import fold

Days = tuple[dt.date, dt.date]
_DAY = dt.timedelta(days=1)

# A day whose name stands for what happened on it in one year, whatever the year of the text.
_NAMED_DAYS = {(9, 11), (1, 6), (10, 7), (3, 11), (2, 23), (10, 1)}
_NEAR = 183  # days: further away another year is nearer than the one that fits the tense


def resolve(words: str, sentence: str, published: str | None) -> Resolved | None:
    """The day or days of `words`, a short answer that stands in `sentence`; None where they are absolute or unclear.

    `published`: ISO date or date-time, of which the day as written counts, whatever its zone. A month or a year alone
    is enough where every day of it gives the same result. Where the words stand in the sentence more than once, all
    places must agree.
    """
    if not has_sign(words):
        return None
    text = re.sub(r"\s", " ", sentence)
    wanted = re.sub(r"\s", " ", words.strip())
    found = re.finditer(rf"(?<!\w){re.escape(wanted)}(?!\w)", text)
    return _resolve([Span(*match.span()) for match in found], text, published)


def resolve_at(document: Document, place: Span) -> Resolved | None:
    """The same for the short answer at `place`, with what the text around its sentence tells of quotations."""
    if document.published is None or len(place) > _LONGEST or not has_sign(place.of(document.text)):
        return None
    start, end = max(0, place.start - _AROUND), min(len(document.text), place.end + _AROUND)
    around, inside = document.text[start:end], place.shifted(-start)
    sentence = next((each for each in sentences(around, document.language) if each.contains(inside)), None)
    if sentence is None or any(each.overlaps(inside) for each in parse_window(around).quotations):
        return None
    text = re.sub(r"\s", " ", sentence.of(around))
    return _resolve([inside.shifted(-sentence.start)], text, document.published)


_AROUND, _LONGEST = 2000, 80  # characters: around a place, and of a short answer that can be a date


def _resolve(places: list[Span], text: str, published: str | None) -> Resolved | None:
    published = (published or "").strip()
    bounds = _days_of(published)
    if bounds is None:
        return None
    try:
        found = {_resolved(place, text, day) for place in places for day in bounds}
    except (OverflowError, ValueError):  # before the year 1 or after 9999
        return None
    days = found.pop() if len(found) == 1 else None
    return Resolved(*days, counted_from=published[:10]) if days else None


def _days_of(published: str) -> Days | None:
    """First and last day that `published` can mean."""
    match = re.fullmatch(r"(\d{4})(?:-(\d\d))?(?:(-\d\d)(?:[T ].*)?)?", published)
    if match is None:
        return None
    year, month = int(match[1]), int(match[2] or 0)
    try:
        if match[3]:
            day = dt.datetime.fromisoformat(published).date()
            return day, day
        return _month(year, month) if match[2] else _year(year)
    except ValueError:
        return None


def _resolved(place: Span, text: str, day: dt.date) -> Days | None:
    """The days of the one expression at `place`, of which the answer must be a part or the whole."""
    if _in_quotation(text, place.start):
        return None
    found = list(expressions(text))
    at = [each for each in found if each.span.overlaps(place)]
    if len(at) != 1 or at[0].kind == "absolute":
        return None
    rest = (
        text[place.start : max(place.start, at[0].span.start)]
        + " "
        + text[min(place.end, at[0].span.end) : place.end]
    )
    if _BESIDE.fullmatch(rest) is None or _elsewhere(at[0], found, text):
        return None
    return _READERS[at[0].kind](at[0], text, day)


_BESIDE = re.compile(
    r"(?:\s|,|\b(?:on|the|in|at|early|late|of|by|since|until|morning|afternoon|evening|night|noon|midnight|midday|local"
    r"|time|shortly|just|el|la|las|en|de|del|desde|hasta|por|mañana|tarde|noche|madrugada|mediodía|horas)\b"
    r"|\b\d{1,2}[:.]\d\d\b(?:\s*[ap]\.?m\b\.?)?|\b\d{1,2}\s*[ap]\.?m\b\.?)*",
    re.IGNORECASE,
)


def _in_quotation(text: str, at: int) -> bool:
    head = text[:at]
    return (
        any(head.count(opens) > head.count(closes) for opens, closes in ("“”", "«»"))
        or head.count('"') % 2 == 1
    )


def _elsewhere(this: Expression, found: list[Expression], text: str) -> bool:
    """Whether the sentence counts the time from another date: in the same clause, or at its beginning."""
    fixed = [each for each in found if each is not this and each.kind == "absolute"]
    if this.kind == "dated":
        return bool(fixed)  # "between 14 May and 3 June 2019": the year may be this one's too
    if this.kind != "weekday":
        return any(_opens(each, text) for each in fixed)
    fixed += [each for each in found if each.kind in ("dated", "calendar", "ago")]
    clause, _ = clause_at(text, this.span, this.language)
    return any(clause.overlaps(each.span) or _opens(each, text) for each in fixed)


def _opens(found: Expression, text: str) -> bool:
    """Whether it is the frame of the sentence: "In 1912, …"."""
    return len(text[: found.span.start].split()) <= 3 and not re.search(r"[,;:]", text[: found.span.start])


# --- the rules -----------------------------------------------------------------------------------------------------

_NO_WEEKDAY_BEFORE: dict[Language, str] = {
    "en": r"\b(?:every|each|any|an?|one|some|that|those|the|another|first|second|third|fourth|fifth|most|many|previous"
    r"|following|same|preceding|alternate|weeks?|fortnight|weeks? (?:on|ago|ago on|from)|between|or|through|to)"
    r"|[–—-]",
    "es": r"\b(?:cada|un|todo|o|entre|aquel|mismo|primer|segundo|tercer|último)",
}
_NO_WEEKDAY_AFTER = (
    rf"(?:to|through|thru|or|until|till|a|al|o)\s(?:the\s|el\s)?(?:{EN_WEEKDAY}|{ES_WEEKDAY})\b|[–—-]\s*(?:{EN_WEEKDAY}|{ES_WEEKDAY})\b"
    r"|['’]s?\b|(?:weeks?\b|fortnight\b|of\b|siguiente|anterior|santo|santa|the\s\d|de\s(?!la\s(?:semana|mañana|tarde|noche)))|\d"
)


def _tense(found: Expression, text: str) -> Tense | None:
    return tense_at(text, found.span, found.language)


def _weekday(found: Expression, text: str, day: dt.date) -> Days | None:
    """The mod, the week or the verb says which one."""
    spanish = found.language == "es"
    if found.blocked(text, _NO_WEEKDAY_BEFORE[found.language], _NO_WEEKDAY_AFTER):
        return None
    if found.blocked(text, r"\bbetween\s.*\band") or found.blocked(text, r"\bentre\s.*\by"):
        return None
    if not spanish and _is_name(found, text):
        return None
    number = WEEKDAYS[found.language].index(found.part("weekday"))
    back = dt.timedelta((day.weekday() - number) % 7)
    past, ahead = day - back, day + dt.timedelta((number - day.weekday()) % 7)
    mod = _direction(" ".join(found.part(name) for name in ("mod", "mod2", "mod3", "mod4")))
    if week := found.part("week"):
        shift = _SHIFT[_direction(week)]
        # Which week a Sunday belongs to differs between countries.
        if 6 in (number, day.weekday()) or mod:
            return None
        return _one(day + dt.timedelta(number - day.weekday() + 7 * shift))
    if mod == "last":
        return _one(past if past < day else day - dt.timedelta(7))
    if mod == "next":
        return _one(ahead if ahead > day else day + dt.timedelta(7))
    tense = _tense(found, text)
    if tense == "past":
        return _one(past)
    # On the day itself "will meet on Tuesday" may mean today or a week from now.
    return _one(ahead) if tense == "future" and ahead > day else None


def _is_name(found: Expression, text: str) -> bool:
    """ "Easter Monday", "the Sunday Times", "on Saturday Night Live": a capital letter on either side of a weekday."""
    if found.part("mod"):
        return False
    before = re.search(r"(\S+)\s+$", text[: found.span.start])
    follows = text[found.match.end("weekday") :]
    named = (
        before and before[1][0].isupper() and before[1][-1].isalnum() and before[1].lower() not in _TIME_WORDS
    )
    return bool(named) or (re.match(r"\s+[^\W\d_]", follows) is not None and follows.lstrip()[0].isupper())


_TIME_WORDS = frozenset("on by since until till from before after late early of and for shortly this".split())  # noqa: SIM905
_SHIFT = {"last": -1, "this": 0, "next": 1}


def _direction(words: str) -> str:
    """`last`, `this` or `next`; "" without a word for it."""
    folded = fold(words)
    for name, signs in (
        ("last", r"last|past\b|pasad"),
        ("next", r"next|coming|proxim|que viene"),
        ("this", r"this|est[ea]"),
    ):
        if re.search(signs, folded):
            return name
    return ""


def _numbered(found: Expression, text: str, day: dt.date) -> Days | None:
    """ "el martes 14": the only such day within a month of the document's date."""
    number = WEEKDAYS[found.language].index(found.part("weekday"))
    near = (day + dt.timedelta(shift) for shift in range(-31, 32))
    fits = [each for each in near if each.weekday() == number and each.day == int(found.part("day"))]
    return _in_tense(fits, _tense(found, text), day)


def _in_tense(fits: list[dt.date], tense: Tense | None, day: dt.date) -> Days | None:
    kept = [each for each in fits if tense is None or (each <= day if tense == "past" else each >= day)]
    return _one(kept[0]) if len(kept) == 1 else None


def _dated(found: Expression, text: str, day: dt.date) -> Days | None:
    """A day and a month: the nearest year, where it fits the tense and the weekday."""
    month = MONTHS[(found.part("month") or found.part("month2")).rstrip(".")]
    given = found.part("day") or found.part("day2")
    number = 1 if given == "primero" else int(re.sub(r"\D", "", given))
    weekday = found.part("weekday")
    if found.blocked(
        text, r"\b(?:every|each|cada|todos los)|\d\s*(?:[–-]|and|to|y|al)", r"[–-]\s*\d|(?:and|y)\s\d"
    ):
        return None
    if found.blocked(text, "", r"(?:every|each|of\s(?:every|each)|de\scada|cada|every)\s?(?:year|año)?"):
        return None
    # "the May 14 vote" names a thing; "in May 14 people" counts.
    if (
        found.part("month2")
        and not weekday
        and found.blocked(text, r"\bthe", rf"(?!{_AFTER_A_DAY}\b)[^\W\d_]")
    ):
        return None
    if not weekday and (month, number) in _NAMED_DAYS:
        return None
    years = [
        dt.date(year, month, number)
        for year in (day.year - 1, day.year, day.year + 1)
        if number <= calendar.monthrange(year, month)[1] and number
    ]
    tense = _tense(found, text)
    if weekday:
        named = WEEKDAYS[found.language].index(weekday)
        return _in_tense([each for each in years if each.weekday() == named], tense, day)
    near = [each for each in years if abs((each - day).days) <= _NEAR]
    return _in_tense(near, tense, day) if tense else None


_AFTER_A_DAY = (
    "(?:at|in|on|after|before|when|and|but|for|by|to|with|as|that|following|during|because|near|from|the|he|she|it"
    "|they)"
)


def _deictic(found: Expression, text: str, day: dt.date) -> Days | None:
    """Yesterday, today, tomorrow and their kin. "Today" and "mañana" need a verb: they have other meanings."""
    name = found.part("name")
    first, last = next(shift for sign, shift in _DEICTICS if re.fullmatch(sign, name))
    if found.blocked(text, "", r"en d[ií]a\b") or (first >= 0 and found.blocked(text, "", r"['’]s\b")):
        return None
    if name == "overnight":
        if found.blocked(text, r"\b(?:the|an?|this|that|every)") or _tense(found, text) != "past":
            return None
    elif name in ("today", "hoy"):
        if found.blocked(text, r"\bde") or not (found.part("within") or _tense(found, text)):
            return None
    elif name == "manana":
        noun = r"\b(?:la|esta|una|cada|otra|de|toda|media|aquella|misma|ayer|del)"
        if found.blocked(text, noun) or _tense(found, text) != "future":
            return None
    days = day + first * _DAY, day + last * _DAY
    if check := found.part("weekday"):
        return days if days[0].weekday() == WEEKDAYS[found.language].index(check) else None
    return days


_DEICTICS: tuple[tuple[str, tuple[int, int]], ...] = (
    (r"the day before yesterday|anteayer|antier|antes de ayer", (-2, -2)),
    (r"yesterday|ayer", (-1, -1)),
    (r"last night|overnight|anoche", (-1, 0)),
    (r"today|tonight|(?:this|esta) \w+|hoy", (0, 0)),
    (r"tomorrow|manana", (1, 1)),
    (r"the day after tomorrow|pasado manana", (2, 2)),
)


def _calendar(found: Expression, text: str, day: dt.date) -> Days | None:
    """Last, this and next week, month, year and weekend, or a month or day "of last year"."""
    the = r"\b(?:the|his|her|its|their|our|every|each|all|whole|entire|before)|[’']s"
    mod, unit = _direction(found.part("mod")), found.part("unit")
    if (found.language == "en" and found.blocked(text, the)) or found.blocked(text, "", _OF_ANOTHER):
        return None
    if month := found.part("month") or found.part("month2"):
        year, number = day.year + _SHIFT[mod], MONTHS[month.rstrip(".")]
        given = found.part("day") or found.part("day2")
        return _one(dt.date(year, number, int(re.sub(r"\D", "", given)))) if given else _month(year, number)
    days = _calendar_days(unit, mod, day)
    if days is None or not (narrowed := found.part("within")) or mod != "this":
        return days
    return (days[0], day) if narrowed.startswith("earl") else (day, days[1])


_OF_ANOTHER = rf"of\b|but\b|before\slast\b|and\sa\shalf\b|de\s{ES_MONTH}"


def _calendar_days(unit: str, mod: str, day: dt.date) -> Days | None:
    shift = _SHIFT[mod]
    if unit in ("year", "ano"):
        return _year(day.year + shift)
    if unit in ("month", "mes"):
        return _month(*_months_on(day, shift))
    if unit in ("week", "semana"):
        if day.weekday() == 6:
            return None
        monday = day + dt.timedelta(7 * shift - day.weekday())
        return monday - _DAY, monday + 6 * _DAY
    if mod != "last" or day.weekday() > 4:  # a weekend: on one, "last" may be this one
        return None
    saturday = day - dt.timedelta(day.weekday() + 2)
    return saturday, saturday + _DAY


_VAGUE = (
    r"\b(?:about|around|some|almost|nearly|over|than|least|most|to|up|roughly|approximately|half|and|every|or|under|within"
    r"|de|unos|unas|casi|desde|y|o|entre|por lo menos|al menos|cerca de|half an?)|[–-]"
)


_NOT_AGO = (
    rf"(?:on\s|in\s|last\s|this\s)?(?:{EN_WEEKDAY}|{EN_MONTH}|today|yesterday|tomorrow)\b"
    r"|this\b|y\smedi[oa]\b|que\b"
)


def _ago(found: Expression, text: str, day: dt.date) -> Days | None:
    """So many days, weeks, months or years before or after; None for a number that is round or only nearly right."""
    count, unit = _count(found.part("count")), found.part("unit")
    ahead = found.part("ahead") != ""
    if count is None or found.blocked(text, _VAGUE, _NOT_AGO):
        return None
    if (unit.startswith(("year", "ano")) and count >= 10 and count % 5 == 0) or (
        count > 10 and count % 10 == 0
    ):
        return None
    step = count if ahead else -count
    if unit.startswith(("day", "dia")):
        return _one(day + dt.timedelta(step))
    if unit.startswith(("week", "semana")):
        middle = day + dt.timedelta(7 * step)
        return middle - 3 * _DAY, middle + 3 * _DAY
    if unit.startswith(("month", "mes")):
        return _month(*_months_on(day, step))
    return _year(day.year + step)


def _count(word: str) -> int | None:
    """A whole number in digits or words, "a" for one; None for "several", "two-and-a-half" and zero."""
    if word.isdigit():
        return int(word) or None
    if word in ("a", "an", "un", "una"):
        return 1
    read = list(in_words(word))
    whole = len(read) == 1 and len(read[0][0]) == len(word) and read[0][2] == "number"
    return int(read[0][1]) or None if whole else None


def _one(day: dt.date) -> Days:
    return day, day


def _month(year: int, month: int) -> Days:
    return dt.date(year, month, 1), dt.date(year, month, calendar.monthrange(year, month)[1])


def _year(year: int) -> Days:
    return dt.date(year, 1, 1), dt.date(year, 12, 31)


def _months_on(day: dt.date, months: int) -> tuple[int, int]:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return year, month + 1


_READERS: dict[Kind, Callable[[Expression, str, dt.date], Days | None]] = {
    "dated": _dated,
    "numbered": _numbered,
    "weekday": _weekday,
    "deictic": _deictic,
    "calendar": _calendar,
    "ago": _ago,
}
