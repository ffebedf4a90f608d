"""Questions that a sentence cannot answer although it speaks of the matter: another time, too coarse a date, no figure.

The network reads "26 people were flown out in 2024" as an answer to "How many were flown out in 2021?" more often than it
should. What is compared here a language marks plainly; where a sentence leaves it open, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answer.ranked import Ranked
from rag.answer.spans import FRACTION, NO_FIGURE
from rag.answer.values import Date, dates_in, disjoint, undated
from rag.words import fold

_ASKS_DAY = re.compile(
    r"\b(?:which|what) (?:exact )?(?:day|date)\b(?! of the week)|\bwhen exactly\b|\bque (?:dia|fecha)\b"
)
_DAY_TOLD = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:lun|mart|miercol|juev|viern)es|sabado|domingo|yesterday|today|"
    r"tomorrow|tonight|ayer|anoche|hoy)\b"
)
_LIMIT = re.compile(
    r"\b(?:by|until|till|since|before|after|up to|as of|between|from|began|earlier|later|antes|despues|desde|hasta|"
    r"entre)\b"
)
_ASKS_AGE = re.compile(r"\bhow old\b|\b(?:what|which) age\b|\bwhat (?:is|was) .*\bage\b|\bque edad\b")
_COUNTS = re.compile(rf"{_ASKS_AGE.pattern}|\bhow (?:many|high|tall)\b|\bcuant[oa]s\b")
_BORN = re.compile(r"\bborn\b|\bnaci\w+|\belderly\b|\b(?:twen|thir|for|fif|six|seven|eigh|nine)ties\b")
_IN_WORDS = re.compile(r"\b(?:tenth|decimo|decima)\b")


def mismatched(ranked: Ranked) -> bool:
    """Whether the best sentence tells what is asked of another time, or without the day or figure asked for."""
    question, text = fold(ranked.asked.text), ranked.candidates[ranked.order[0]].text
    found = dates_in(text)
    told = [date for _, date in found]
    if ranked.asked.kind == "date":
        return _too_coarse(question, text, told)
    asked = [date for _, date in dates_in(ranked.asked.text)]
    # "By March" and "since 2019" name a limit, no date of what is asked.
    other_time = not _LIMIT.search(question) and disjoint(asked, told)
    return other_time or (_without_word(question, fold(text)) and not undated(text, found))


def _too_coarse(question: str, text: str, told: Sequence[Date]) -> bool:
    """A day is asked for, and the sentence tells a month or a year and no day."""
    if not told or not _ASKS_DAY.search(question):
        return False
    return all(date.day is None for date in told) and not _DAY_TOLD.search(fold(text))


def _without_word(question: str, text: str) -> bool:
    """A count, a height or an age is asked for, and the folded sentence has no word that stands for one."""
    if not _COUNTS.search(question):
        return False
    if NO_FIGURE.search(text) or FRACTION.search(text) or _IN_WORDS.search(text):
        return False
    return not (_ASKS_AGE.search(question) and _BORN.search(text))
