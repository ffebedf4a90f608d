"""What a text says about itself: title, outlet, author, dates. Unknown is None, never a guess.

Only lines that are nothing but a byline, a date or a credit are read, and only above the first running text (a date
with a label, "Updated: …", counts anywhere): a date in the middle of a sentence is about the story, not the page.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.documents.lines import Unit, units_of, within
from rag.types import Span

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan enero ene janeiro janvier januar",
            "february feb febrero fevereiro février februar",
            "march mar marzo março mars märz",
            "april apr abril abr avril",
            "may mayo maio mai",
            "june jun junio junho juin juni",
            "july jul julio julho juillet juli",
            "august aug agosto ago août",
            "september sep sept septiembre setiembre setembro septembre",
            "october oct octubre outubro octobre oktober",
            "november nov noviembre novembro novembre",
            "december dec diciembre dic dezembro décembre dezember",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_WEEKDAY = (
    r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?|lunes|martes|miércoles|jueves|viernes|sábado"
    r"|domingo)\.?,?"
)
_PUBLISHED = (
    r"first published|originally published|published|posted|publicad[oa]|date|fecha(?: de publicación)?"
    r"|published (?:on|at)|issued|created|creado"
)
_MODIFIED = (
    r"last updated|last modified|last edited|updated|modified|revised|(?:última )?actualizaci[oó]n|actualizado"
    r"|actualizada|última modificación|modificado"
)
_TIME = (
    r"(?:,|\s|at|a las|\||-|–|—|·|•"
    r"|t)*\d{1,2}(?:[:.h]\d{2}){1,2}(?::\d{2})?(?:\.\d+)?\s?(?:[ap]\.?\s?m\.?)?\s?(?:h|hrs|horas)?\.?\s?"
    r"(?:\(?(?:z|utc|gmt|e[sd]?t|p[sd]?t|c[sd]?t|m[sd]?t|cet|cest|bst)\)?)?\s?(?:[+-]\d{2}:?\d{2})?"
)
_DATE_LINE = re.compile(
    rf"(?:(?P<label>{_PUBLISHED}|{_MODIFIED})\s*(?:on|at|el|:|–|-|·)*\s*)?(?:el\s)?(?:{_WEEKDAY}\s*)?"
    rf"(?:(?P<d1>\d{{1,2}})(?:st|nd|rd|th|º|\.)?[\s-]*(?:de |of )?(?P<m1>{_MONTH})\.?,?[\s-]*(?:de "
    rf"|del )?(?P<y1>\d{{4}})"
    rf"|(?P<m2>{_MONTH})\.?\s*(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\s*,?\s*(?P<y2>\d{{4}})"
    rf"|(?P<y3>\d{{4}})[-/.](?P<m3>\d{{1,2}})[-/.](?P<d3>\d{{1,2}})"
    rf"|(?P<a4>\d{{1,2}})[/.-](?P<b4>\d{{1,2}})[/.-](?P<y4>\d{{4}}))"
    rf"(?:{_TIME})?(?:\s*\(?(?:hora|local time).{{0,20}})?"
)
_CREDIT_LINE = re.compile(r"(?P<outlet>[^\W\d_][\w.&’' -]{2,50}?)\s*(?:,|\||–|—|-|·)\s*(?P<date>\S.{5,40})")

_WORD = r"(?:[A-ZÁÉÍÓÚÑÜÄÖÅÇŠŽŁ][\w’'.-]*|[A-Z]\.)"
_PARTICLE = r"(?:de|del|de la|de los|da|do|dos|di|van|von|der|den|bin|al|el|la|y|e)"
_PERSON = rf"{_WORD}(?:\s(?:{_PARTICLE}\s)*{_WORD}){{1,4}}"
_NAMES = rf"(?P<names>{_PERSON}(?:(?:,\s|\sand\s|\s&\s|\sy\s|,\sand\s|\swith\s|\scon\s){_PERSON}){{0,4}})"
_BYLINE = re.compile(
    r"(?:(?:[Bb]y|BY|[Pp]or|POR)|(?:[Ww]ritten|[Rr]eported|[Ss]tory|[Rr]eporting|[Aa]nalysis|[Tt]ext|[Pp]osted"
    r"|[Pp]ublished|[Oo]pinion) by|"
    r"[Oo]riginal (?:article|story|report|post) by|(?:[Ee]scrito|[Tt]exto|[Pp]ublicado|[Rr]edactado) por|[Tt]exto de|"
    r"[Aa]rtículo original (?:de|por)|(?:[Aa]uthors?|AUTHOR|[Aa]utor(?:a|es|as)?|[Bb]yline)\s?:)\s?"
    rf"{_NAMES}"
    r"(?:\s(?:in|at|for|en|para|de)\s(?P<place>[^,|.]{2,50})|\s?(?:,|\||–|—|-|·|/|\()\s?.{2,80})?\.?"
)
_BETWEEN_NAMES = re.compile(r",\sand\s|,\s|\sand\s|\s&\s|\sy\s|\swith\s|\scon\s")
# Agencies and desks sign too, but they are not persons.
_NOT_A_PERSON = re.compile(
    r"\b(?:Press|Reuters|Staff|Agency|Agencia|Agencias|Desk|News|Editors?|Redacción|Newsroom|Times|Post|Team|Admin"
    r"|Associated|Correspondents?|Board|"
    r"And|Or|The|Of|On|To|Sea|Land|Air|Numbers|Design|Law|Default)\b"
)
_OUTLET = re.compile(
    r"\b(?:Times|Post|News|Guardian|Herald|Tribune|Journal|Chronicle|Gazette|Observer|Press|Review|Magazine|Daily"
    r"|Diario|Heraldo|Jornada|País|Universal|"
    r"Research|Report|Today|Weekly|Monitor|Independent|Telegraph|Courier|Bulletin|Dispatch|Examiner|Globe|Mail"
    r"|Mirror|Standard|Star|Wire|Radio|Noticias|Prensa|Periódico|Semanario)\b"
)
_SOURCE_LINE = re.compile(r"(?:[Ss]ource|[Ff]uente|[Oo]utlet|[Mm]edio)\s?:\s?(?P<outlet>[^\W\d][^\n:]{1,60})")


@dataclass(frozen=True, slots=True)
class Metadata:
    title: str | None = None
    source: str | None = None
    author: str | None = None
    published: str | None = None
    modified: str | None = None


def iso_date(year: int, month: int, day: int) -> str | None:
    """`2026-02-03`; None where there is no such day, or none that a document of ours could have."""
    try:
        date = dt.date(year, month, day)
    except ValueError:
        return None
    return date.isoformat() if 1600 <= year <= 2100 else None


def date_in_line(line: str) -> tuple[str, str] | None:
    """(ISO date, "published" or "modified" or "") of a line that is nothing but a date with its label; else None.

    A numeric date whose day and month could be swapped (03/02/2026) gives None.
    """
    found = _DATE_LINE.fullmatch(re.sub(r"\s+", " ", line).strip(" \t.|·•*_-()").casefold())
    if found is None:
        return None
    part = found.groupdict()
    if part["m1"]:
        date = iso_date(int(part["y1"]), _MONTHS[part["m1"]], int(part["d1"]))
    elif part["m2"]:
        date = iso_date(int(part["y2"]), _MONTHS[part["m2"]], int(part["d2"]))
    elif part["y3"]:
        date = iso_date(int(part["y3"]), int(part["m3"]), int(part["d3"]))
    else:
        first, second = int(part["a4"]), int(part["b4"])
        if first > 12 or first == second:
            date = iso_date(int(part["y4"]), second, first)
        else:
            date = iso_date(int(part["y4"]), first, second) if second > 12 else None
    if date is None:
        return None
    label = part["label"] or ""
    return date, "modified" if label and re.fullmatch(_MODIFIED, label) else "published" if label else ""


def is_byline(line: str) -> bool:
    return len(line) <= 160 and bool(_BYLINE.fullmatch(line.strip()))


def author_in_line(line: str) -> tuple[str | None, str | None] | None:
    """(author, outlet) of a byline, each None where it names none; None where the line is no byline."""
    found = _BYLINE.fullmatch(line.strip()) if len(line) <= 160 else None
    if found is None:
        return None
    names, place = found["names"].strip(), (found["place"] or "").strip()
    outlet = place if place and (_OUTLET.search(place) or place.startswith("The ")) else None
    for part in _BETWEEN_NAMES.split(names):
        if _NOT_A_PERSON.search(part):
            # "Ana Ruiz, Harbour Correspondent": what follows the name is an office.
            names = names[: names.index(part)].rstrip(" ,&")
            break
    if not names:
        return None, outlet
    if len(names.rstrip(".").split()[-1]) > 1:
        names = names.rstrip(".")
    return (names.title() if names.isupper() else names), outlet


def read_metadata(text: str, headings: Sequence[Span], furniture: Sequence[Span]) -> Metadata:
    """Metadata of a plain text from its head. `headings` and `furniture` are those found in it."""
    units = units_of(text)
    covered = within(units, furniture)
    starts = {span.start for span in headings}
    is_heading = [unit.span.start in starts for unit in units]
    body = next(
        (
            place
            for place, unit in enumerate(units)
            if unit.is_prose and not covered[place] and not is_heading[place] and not is_byline(unit.text)
        ),
        len(units),
    )
    head = [unit for place, unit in enumerate(units[:body]) if not covered[place]]
    title, source = _title_and_site([unit for place, unit in enumerate(units[:body]) if is_heading[place]])
    author: str | None = None
    dates: dict[str, list[str]] = {"published": [], "modified": [], "": []}
    below_title: list[str] = []
    seen_title = False
    for unit in head:
        seen_title = seen_title or (title is not None and unit.text == title)
        byline = author_in_line(unit.text)
        if byline:
            author = author or byline[0]
            source = source or byline[1]
        if named := _SOURCE_LINE.fullmatch(unit.text):
            source = source or named["outlet"].strip()
        dated, outlet = dated_line(unit)
        if dated:
            dates[dated[1]].append(dated[0])
            if seen_title and not dated[1]:
                below_title.append(dated[0])
            source = source or outlet
    for place, unit in enumerate(units[body:], start=body):
        dated = None if unit.words > 12 or covered[place] else date_in_line(unit.text)
        if dated and dated[1]:
            dates[dated[1]].append(dated[0])
    # Without a label, the date under the headline is the article's; one above it may be the day of the visit.
    plain = below_title or dates[""]
    published = dates["published"][0] if dates["published"] else plain[0] if len(set(plain)) == 1 else None
    return Metadata(title, source, author, published, dates["modified"][0] if dates["modified"] else None)


def dated_line(unit: Unit) -> tuple[tuple[str, str] | None, str | None]:
    """The date of a line, and the outlet where the line is a credit such as "Global Report, May 28, 2025"."""
    if unit.words > 14:
        return None, None
    if dated := date_in_line(unit.text):
        return dated, None
    for found in _CREDIT_LINE.finditer(unit.text):
        dated = date_in_line(found["date"])
        if dated and found.end() == len(unit.text):
            outlet = found["outlet"].strip()
            byline = is_byline(outlet)
            return dated, outlet if not byline and outlet[0].isupper() and (_OUTLET.search(outlet)) else None
    return None, None


def _title_and_site(headings: Sequence[Unit]) -> tuple[str | None, str | None]:
    """The headline, without the name of the site that browsers show behind it ("Headline - Site").

    The part behind the separator is a site only where the headline stands on the page once more, or after a bar.
    """
    if not headings:
        return None, None
    first = headings[0].text
    for other in headings[1:]:
        rest = first.removeprefix(other.text)
        if rest != first and (site := re.fullmatch(r"\s*[-–—|·:»]\s*(?P<site>\S.{1,60})", rest)):
            return other.text, site["site"]
    if bar := re.fullmatch(r"(?P<title>[^|]{15,})\s\|\s(?P<site>[^|]{2,40})", first):
        return bar["title"], bar["site"]
    return first, None
