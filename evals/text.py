"""Text rules of the bench: SQuAD normalisation, whole-word containment, folded quote search, names.

Four rules for four purposes, kept apart on purpose. `normalise` is the published SQuAD rule and decides exact match
and token F1, so that figures compare with published ones. `words` keeps numbers whole ("3.5" is not "35") and decides
containment. `find_all` finds a gold quote in a document. `same_person` compares names.
"""

from __future__ import annotations

import functools
import re
import string
import unicodedata
from collections.abc import Iterable, Sequence

from rag.types import Span

_ASCII_PUNCTUATION = frozenset(string.punctuation)
_ARTICLES = {
    "en": re.compile(r"\b(a|an|the)\b"),
    "es": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
}
_ARTICLE_WORDS = {
    "en": frozenset({"a", "an", "the"}),
    "es": frozenset({"un", "una", "unos", "unas", "el", "la", "los", "las"}),
}

_QUOTES = "'\"`´‘’‚‛“”„‟′″‹›«»ʼ＇＂"
_DASHES = "-‐‑‒–—―−﹘﹣－"
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
_QUOTE_CLASS = "[" + re.escape(_QUOTES) + "]"
_DASH_CLASS = "[" + re.escape(_DASHES) + "]"
_INVISIBLE_CLASS = "[" + _INVISIBLE + "]*"

_WORD = re.compile(r"\d+(?:[.,:/]\d+)*|[^\W\d_]+|[%$€£°]")
_THOUSANDS = {"en": re.compile(r"(?<=\d),(?=\d{3}(?!\d))"), "es": re.compile(r"(?<=\d)[.](?=\d{3}(?!\d))")}
_SPACED_THOUSANDS = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")

_TITLES = frozenset(
    re.findall(
        r"\w+",
        """
        mr mrs ms miss dr prof sir sr sra srta don doña dona president presidente presidenta secretary secretario
        secretaria minister ministro ministra attorney general fiscal senator senador senadora spokesman spokeswoman
        spokesperson portavoz vocero vocera director directora governor gobernador gobernadora gov judge juez jueza
        ambassador embajador embajadora security seguridad former acting ex the el la deputy prosecutor
        """,
    )
)
_PARTICLES = frozenset(("de", "del", "la", "las", "los", "y", "da", "do", "dos", "von", "van", "der", "di"))


def language_of(lang: str | None) -> str:
    """`es` for any Spanish tag, else `en`: the rules of English also serve languages without rules of their own."""
    return "es" if lang is not None and lang.lower().split("-")[0] == "es" else "en"


def normalise(text: str, lang: str | None = None) -> str:
    """Lower case, punctuation dropped, articles replaced by a space, white space collapsed; in this order.

    English drops exactly the ASCII punctuation, as the SQuAD scripts do (curly quotes, en dashes and "¿" stay), so
    figures equal the official ones. Spanish drops every Unicode punctuation mark and the Spanish articles, the rule
    of the MLQA evaluation. Source: SQuAD-explorer evaluate-v2.0.py; Lewis and others 2020 (MLQA).
    """
    rules = language_of(lang)
    if rules == "en":
        kept = "".join(mark for mark in text.lower() if mark not in _ASCII_PUNCTUATION)
    else:
        kept = "".join(
            mark
            for mark in text.lower()
            if mark not in _ASCII_PUNCTUATION and not unicodedata.category(mark).startswith("P")
        )
    return " ".join(_ARTICLES[rules].sub(" ", kept).split())


@functools.lru_cache(maxsize=4096)
def words(text: str, lang: str | None = None) -> tuple[str, ...]:
    """Words, numbers and the signs % $ € £ ° of `text`, lower case, without articles; other marks are dropped.

    A number keeps its decimal mark ("3.5" is one word) and loses separators of thousands ("1,000" and "1000" are
    alike; in Spanish "1.000"). A dash separates words, so "twenty-six" equals "twenty six".
    """
    rules = language_of(lang)
    folded = unicodedata.normalize("NFC", text).translate(dict.fromkeys(map(ord, _INVISIBLE))).lower()
    folded = _SPACED_THOUSANDS.sub("", _THOUSANDS[rules].sub("", folded))
    return tuple(word for word in _WORD.findall(folded) if word not in _ARTICLE_WORDS[rules])


def contains(text: str, phrase: str, lang: str | None = None, *, stem: bool = False) -> bool:
    """Do the words of `phrase` stand in `text`, whole and in a row? "26" is not in "126", nor in "26.5".

    `stem` lets the last word go on ("contradict" is then in "contradictory"), unless it is a number. A phrase
    without any word of its own is in no text.
    """
    wanted, found = words(phrase, lang), words(text, lang)
    if not wanted:
        return False
    *head, last = wanted
    for start in range(len(found) - len(wanted) + 1):
        end = start + len(head)
        if list(found[start:end]) == head and (
            found[end] == last or (stem and last.isalpha() and found[end].startswith(last))
        ):
            return True
    return False


def contains_any(
    texts: Iterable[str], phrases: Sequence[str], lang: str | None = None, *, stem: bool = False
) -> bool:
    """True where one of `phrases` is contained in one of `texts` (see `contains`)."""
    return any(contains(text, phrase, lang, stem=stem) for text in texts for phrase in phrases)


def find_all(text: str, quote: str) -> list[Span]:
    """Every place of `quote` in `text`, ascending, after folding white space, quotation marks and dashes.

    Case and words count. Invisible characters (soft hyphen, zero-width space) inside the text are passed over.
    Offsets are of the original `text`. An empty quote has no place.
    """
    quote = unicodedata.normalize("NFC", quote).translate(dict.fromkeys(map(ord, _INVISIBLE))).strip()
    if not quote:
        return []
    between = _INVISIBLE_CLASS if any(mark in text for mark in _INVISIBLE) else ""
    # White space may have invisible characters within, too.
    pieces = [rf"(?:\s{between})++" if mark == " " else _piece(mark) for mark in re.sub(r"\s+", " ", quote)]
    return [Span(*match.span()) for match in re.finditer(between.join(pieces), text)]


def _piece(mark: str) -> str:
    if mark in _QUOTES:
        return _QUOTE_CLASS
    if mark in _DASHES:
        return _DASH_CLASS
    return re.escape(mark)


def name_words(name: str) -> tuple[str, ...]:
    """The words of a name: what follows a comma, accents, titles and particles dropped; lower case.

    A name made of titles only ("the Attorney General") keeps its words.
    """
    plain = unicodedata.normalize("NFD", name.partition(",")[0].lower())
    plain = (
        "".join(mark for mark in plain if not unicodedata.combining(mark)).replace(".", "").replace("'s", "")
    )
    found = tuple(re.findall(r"[^\W_]+", plain.replace("’s", "")))
    short = tuple(word for word in found if word not in _TITLES and word not in _PARTICLES)
    return short or found


def same_person(one: str, other: str) -> bool:
    """Do two names name one person (or body)? Case, accents, titles and particles do not count.

    Rules, any suffices: (1) equal words; (2) the words of the shorter stand in the longer in the same order and
    are more than its first (given) name: "Sheinbaum" is "Claudia Sheinbaum Pardo", "Claudia" is not; (3) the last
    words are equal and of the first words one begins with the other: "Pam Bondi" is "Pamela Bondi", "P. Bondi" too.
    """
    left, right = sorted((name_words(one), name_words(other)), key=len)
    if not left:
        return False
    if left == right:
        return True
    remaining = iter(right)
    if all(word in remaining for word in left) and left != right[:1]:
        return True
    return (
        len(left) > 1
        and left[-1] == right[-1]
        and (left[0].startswith(right[0]) or right[0].startswith(left[0]))
    )
