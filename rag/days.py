"""Days in English words. Not `strftime`: the locale of the process must not change what is printed or read."""

from __future__ import annotations

import datetime as dt

MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)


def in_words(day: dt.date) -> str:
    """
    >>> in_words(dt.date(2031, 2, 27))
    '27 February 2031'
    """
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
