"""Whether each part of a statement with several sources is what one of them says: nothing is told by two halves.

"The Aurora carried 26 barrels" is no one's word where one document has the Aurora and another the 26 barrels, although
each word of it stands in a cited sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from rag.answer.cited import PRONOUNS, Cited, keys_of, unsaid_figure, unsaid_name
from rag.answer.figures import figures, sums
from rag.words import content_words

_PARTS = re.compile(
    r"(?<=[.!?])\s+(?=[A-ZÁÉÍÓÚÑ¿¡“\"])|;\s+|,?\s+(?:while|whereas|whilst|but|mientras(?: que)?|pero)\s+"
    r"|,\s+(?:and|y|e)\s+"
)


def merged(text: str, cited: Cited) -> str | None:
    """Each part of the statement needs one document that has all of it: its figures, its names, most of its words."""
    if len(cited.documents) < 2:
        return None
    alone = [cited.of(document) for document in cited.documents]
    totals = sums(text)
    for start, part in _parts(text):
        if any(start <= each.total.span.start < start + len(part) for each in totals):
            continue  # a sum is of several documents, and was checked with its parts
        if all(_lacks(part, one, cited) for one in alone):
            if _listed_figures(part, cited) or _two_clauses(part, alone, cited):
                continue
            return f"it joins what no single source says together: “{part.strip()}”"
    return None


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Clauses with a subject of their own. "… and resigned" belongs to the subject before it, so it is no part."""
    start = 0
    for match in _PARTS.finditer(text):
        if _own_subject(text[match.end() :]):
            yield start, text[start : match.start()]
            start = match.end()
    yield start, text[start:]


def _own_subject(clause: str) -> bool:
    first = re.match(r"[\W_]*(\w+)", clause)
    return (
        first is not None
        and first[1] not in PRONOUNS
        and (first[1][0].isupper() or first[1][0].isdigit() or first[1].casefold() in _DETERMINERS)
    )


def _two_clauses(part: str, alone: Sequence[Cited], cited: Cited) -> bool:
    """ "The Aurora carried 37 barrels and the Borea carried 26": two clauses without a comma, each with its source."""
    for match in re.finditer(r"\s(?:and|y|e)\s", part):
        halves = part[: match.start()], part[match.end() :]
        if all(
            _own_subject(half)
            and any(not word.capital and not word.number for word in content_words(half))
            and any(not _lacks(half, one, cited, most=True) for one in alone)
            for half in halves
        ):
            return True
    return False


def _lacks(part: str, one: Cited, cited: Cited, *, most: bool = False) -> str | None:
    return unsaid_figure(part, one) or unsaid_name(part, one) or _elsewhere(part, one, cited, most=most)


_DETERMINERS = frozenset(
    (
        "the",
        "a",
        "an",
        "another",
        "two",
        "three",
        "some",
        "el",
        "la",
        "los",
        "las",
        "un",
        "una",
        "otro",
        "otra",
        "dos",
        "tres",
    )
)


def _listed_figures(part: str, cited: Cited) -> bool:
    """ "29, 26 and 37 men": a list of figures, one from each document, each of which has the words around it."""
    found = figures(part)
    if len(found) < 2 or any(
        not re.fullmatch(r"(?:,|;|,?\s(?:and|or|y|o)|\s\+)\s", part[one.span.end : other.span.start])
        for one, other in pairwise(found)
    ):
        return False
    without = part[: found[0].span.start] + part[found[-1].span.end :]
    return all(
        _elsewhere(without, cited.of(document), cited) is None
        and not unsaid_name(without, cited.of(document))
        for document in cited.documents
    )


def _elsewhere(part: str, one: Cited, everything: Cited, *, most: bool = False) -> str | None:
    """A reason where half of the part's plain words (`most`: more than half) are another document's, not this one's."""
    mine = keys_of(one.quotes)
    others = keys_of(everything.quotes)
    asked = keys_of([everything.question])
    told = {word.key for word in content_words(part) if not word.capital and not word.number}
    absent = {word for word in told - mine - asked if word in others}
    share = len(absent) / max(1, len(told - asked))
    return "its words are another document's" if share > 0.5 or (share == 0.5 and not most) else None
