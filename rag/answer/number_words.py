"""Numbers written in words, in English and Spanish, with their places.

>>> [(str(value), kind) for _, value, kind in in_words("two hundred and five men and the twenty-first, then half")]
[('205', 'number'), ('21', 'ordinal'), ('1/2', 'fraction')]
>>> [str(value) for _, value, _ in in_words("treinta y siete, doscientos mil, un millón y medio y mil millones")]
['37', '200000', '1500000', '1000000000']
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Generator, Iterator
from fractions import Fraction
from typing import Literal

from rag.types import Span

WordKind = Literal["number", "ordinal", "fraction"]


def _counted(listed: str, first: int, step: int = 1) -> dict[str, int]:
    return {word: first + index * step for index, word in enumerate(listed.split())}


_UNITS = (
    _counted("one two three four five six seven eight nine", 1)
    | _counted("uno dos tres cuatro cinco seis siete ocho nueve", 1)
    | {"un": 1, "una": 1, "zero": 0, "cero": 0}
)
_TEENS = (
    _counted("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen", 10)
    | _counted("diez once doce trece catorce quince dieciseis diecisiete dieciocho diecinueve", 10)
    | _counted(
        "veintiuno veintidos veintitres veinticuatro veinticinco veintiseis veintisiete veintiocho", 21
    )
    | {"veintinueve": 29, "veintiun": 21, "veintiuna": 21}
)
_TENS = _counted("twenty thirty forty fifty sixty seventy eighty ninety", 20, 10) | _counted(
    "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa", 20, 10
)
_HUNDREDS = {
    word: 100 * (index + 1)
    for index, words in enumerate(
        (
            "ciento cien",
            "doscientos doscientas",
            "trescientos trescientas",
            "cuatrocientos cuatrocientas",
            "quinientos quinientas",
            "seiscientos seiscientas",
            "setecientos setecientas",
            "ochocientos ochocientas",
            "novecientos novecientas",
        )
    )
    for word in words.split()
}
_BIG = {
    "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "mil": 1000, "millon": 10**6, "millones": 10**6,
}  # fmt: skip
_ORDINALS = (
    _counted(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth", 1
    )
    | _counted("fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth", 14)
    | {"thirtieth": 30, "fortieth": 40, "fiftieth": 50, "hundredth": 100}
    | {
        f"{stem}{ending}": value
        for stem, value in _counted(
            "primer segund tercer cuart quint sext septim octav noven decim", 1
        ).items()
        for ending in ("o", "a")
    }
    | {"primer": 1, "tercer": 3}
)
_FRACTIONS = {
    "half": Fraction(1, 2), "halves": Fraction(1, 2), "mitad": Fraction(1, 2), "thirds": Fraction(1, 3),
    "quarter": Fraction(1, 4), "quarters": Fraction(1, 4), "fifths": Fraction(1, 5), "tercios": Fraction(1, 3),
    "tercio": Fraction(1, 3), "cuartos": Fraction(1, 4),
}  # fmt: skip
_TWICE = {"dozen": 12, "docena": 12, "docenas": 12}
NUMBER_WORDS = frozenset(
    {*_UNITS, *_TEENS, *_TENS, *_HUNDREDS, *_BIG, *_ORDINALS, *_FRACTIONS, *_TWICE, "hundred"}
)
_TOKEN = re.compile(r"[^\W\d_]+")
_JOINT = re.compile(r"[ \u00a0]|-|\n")
_AND = {"and", "y"}


def in_words(text: str) -> Iterator[tuple[Span, Fraction, WordKind]]:
    """Place, value and kind of each number in words, in order. A fraction of something is 1/2, not 50."""
    tokens = [(match.start(), match.end(), _plain(match.group())) for match in _TOKEN.finditer(text)]
    at = 0
    while at < len(tokens):
        start, end, word = tokens[at]
        if word in _FRACTIONS or (word == "medio" and _follows(tokens, at, "millon")):
            at = yield from _fraction(text, tokens, at)
            continue
        if word in _ORDINALS:
            yield Span(start, end), Fraction(_ORDINALS[word]), "ordinal"
            at += 1
            continue
        if word in _TWICE and not (at and tokens[at - 1][2] in _UNITS and _adjacent(text, tokens, at - 1)):
            if word != "docenas" and at and tokens[at - 1][2] in ("a", "una"):
                yield Span(tokens[at - 1][0], end), Fraction(12), "number"
            at += 1
            continue
        if word not in NUMBER_WORDS or (word == "hundred" and not _indefinite(tokens, at)):
            at += 1
            continue
        if word in _BIG and word != "mil" and not _indefinite(tokens, at):
            at += 1  # "millions of people", "the million"
            continue
        value, after, kind = _number(text, tokens, at)
        first = tokens[at - 1][0] if word in ("hundred", *_BIG) and _indefinite(tokens, at) else start
        yield Span(first, tokens[after - 1][1]), value, kind
        at = after


def _fraction(
    text: str, tokens: list[tuple[int, int, str]], at: int
) -> Generator[tuple[Span, Fraction, WordKind], None, int]:
    """One fraction word; gives back where to go on. "Half a million" is a number; "two thirds" counts its thirds."""
    start, end, word = tokens[at]
    following = [token[2] for token in tokens[at + 1 : at + 3]]
    if word in ("half", "medio"):
        big = following[1:2] if following[:1] == ["a"] else following[:1]
        if big and big[0] in _BIG:
            last = at + (2 if following[0] == "a" else 1)
            yield Span(start, tokens[last][1]), Fraction(_BIG[big[0]], 2), "number"
            return last + 1
        if following[:1] == ["dozen"] or following[:2] == ["a", "dozen"]:
            last = at + len(following[: following.index("dozen") + 1])
            yield Span(start, tokens[last][1]), Fraction(6), "number"
            return last + 1
    times = _UNITS.get(tokens[at - 1][2]) if at and _adjacent(text, tokens, at - 1) else None
    yield Span(start, end), _FRACTIONS[word] * (times or 1), "fraction"
    return at + 1


def _number(text: str, tokens: list[tuple[int, int, str]], at: int) -> tuple[Fraction, int, WordKind]:
    """The number that begins at token `at`, and the index behind it. Smaller follows bigger, as in speech."""
    total = group = 0
    last = 10**15  # what the next smaller part has to be below
    kind: WordKind = "number"
    first = at
    while at < len(tokens):
        word = tokens[at][2]
        if at > first and not _adjacent(text, tokens, at - 1):
            break
        if word in _AND and at > first:
            next_word = tokens[at + 1][2] if at + 1 < len(tokens) else ""
            if word == "y" and next_word == "medio" and last >= 1000:
                return Fraction(total) + Fraction(last, 2), at + 2, "number"
            spanish = word == "y" and last in range(20, 100) and next_word in _UNITS
            english = (
                word == "and"
                and last >= 100
                and (next_word in _UNITS or next_word in _TENS or next_word in _TEENS)
            )
            if not (spanish or english) or not _adjacent(text, tokens, at):
                break
            at += 1
            continue
        if word in _TENS and (last > 99 or group % 100 == 0) and group % 100 == 0:
            group, last = group + _TENS[word], _TENS[word]
        elif word in _TEENS and group % 100 == 0:
            group, last = group + _TEENS[word], 1
        elif word in _UNITS and group % 10 == 0 and (group == 0 or last >= 20):
            group, last = group + _UNITS[word], 1
        elif word in _HUNDREDS and group == 0:
            group, last = _HUNDREDS[word], 100
        elif word == "hundred" and group < 100:
            group, last = max(1, group) * 100, 100
        elif word in _BIG:
            if (
                _BIG[word] == 10**6
                and word.startswith("millon")
                and total
                and total % 1000 == 0
                and group == 0
            ):
                total, last = total * 10**6, 10**6  # mil millones, doscientos mil millones
            else:
                total, group, last = total + max(1, group) * _BIG[word], 0, _BIG[word]
        elif word in _TWICE and group:
            return Fraction(total + group * 12), at + 1, "number"
        elif word in _ORDINALS and last in range(20, 100) and _ORDINALS[word] < 10:
            return Fraction(total + group + _ORDINALS[word]), at + 1, "ordinal"
        else:
            break
        at += 1
    return Fraction(total + group), max(at, first + 1), kind


def _indefinite(tokens: list[tuple[int, int, str]], at: int) -> bool:
    return at > 0 and tokens[at - 1][2] in ("a", "un")


def _follows(tokens: list[tuple[int, int, str]], at: int, word: str) -> bool:
    return at + 1 < len(tokens) and tokens[at + 1][2] == word


def _adjacent(text: str, tokens: list[tuple[int, int, str]], at: int) -> bool:
    """Whether only a blank or a hyphen stands between token `at` and the next."""
    return at + 1 < len(tokens) and _JOINT.fullmatch(text, tokens[at][1], tokens[at + 1][0]) is not None


def _plain(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))
