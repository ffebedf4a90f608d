"""Lines that are a date, in English, Spanish and a few more languages, with a label and a time of day."""

from __future__ import annotations

import datetime as dt
import re

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
_MOST = 300  # characters of a line that is nothing but a date


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
    if len(line) > _MOST:
        return None
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
