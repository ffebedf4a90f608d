"""Small changes that make a question unanswerable, or a statement untrue, of a text it was right for.

What a person does who writes a near miss: another number, another name from the same article, an opposite, a "not" put
in or taken out, a condition that the text does not know.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from rag.types import Span

NUMBER = re.compile(r"\b\d{1,4}\b")
NAME = re.compile(r"\b[A-Z][\w’'-]+(?: (?:of |the )?[A-Z][\w’'-]+)*")

_OPPOSITES = (
    ("first", "last"),
    ("most", "least"),
    ("largest", "smallest"),
    ("biggest", "smallest"),
    ("highest", "lowest"),
    ("oldest", "youngest"),
    ("longest", "shortest"),
    ("earliest", "latest"),
    ("best", "worst"),
    ("more", "less"),
    ("more", "fewer"),
    ("larger", "smaller"),
    ("higher", "lower"),
    ("older", "newer"),
    ("before", "after"),
    ("above", "below"),
    ("inside", "outside"),
    ("always", "never"),
    ("major", "minor"),
    ("public", "private"),
    ("male", "female"),
    ("men", "women"),
    ("rural", "urban"),
    ("north", "south"),
    ("northern", "southern"),
    ("east", "west"),
    ("eastern", "western"),
    ("upper", "lower"),
    ("increase", "decrease"),
    ("increased", "decreased"),
    ("rose", "fell"),
    ("began", "ended"),
    ("begin", "end"),
    ("started", "stopped"),
    ("start", "finish"),
    ("opened", "closed"),
    ("open", "close"),
    ("won", "lost"),
    ("win", "lose"),
    ("allowed", "banned"),
    ("allow", "forbid"),
    ("accepted", "rejected"),
    ("accept", "reject"),
    ("supported", "opposed"),
    ("support", "oppose"),
    ("approved", "refused"),
    ("joined", "left"),
    ("created", "destroyed"),
    ("built", "demolished"),
    ("bought", "sold"),
    ("common", "rare"),
    ("strong", "weak"),
    ("early", "late"),
    ("ancient", "modern"),
    ("old", "new"),
    ("rich", "poor"),
    ("hot", "cold"),
    ("positive", "negative"),
    ("legal", "illegal"),
    ("possible", "impossible"),
    ("successful", "unsuccessful"),
    ("important", "unimportant"),
    ("known", "unknown"),
    ("likely", "unlikely"),
    ("include", "exclude"),
    ("included", "excluded"),
    ("with", "without"),
)
OPPOSITES: dict[str, tuple[str, ...]] = {}
for _one, _two in _OPPOSITES:
    OPPOSITES[_one] = (*OPPOSITES.get(_one, ()), _two)
    OPPOSITES[_two] = (*OPPOSITES.get(_two, ()), _one)

_WORD = re.compile(r"\b[a-z]+\b")
_AUXILIARY = re.compile(r"\b(?:is|was|are|were|did|does|do|has|have|had|can|could|will|would|should|must)\b")
_NOT = re.compile(r"(?: not\b|n[’']t\b)")
_IN_A_ROW = re.compile(r"[\s,;()/&–-]*(?:(?:and|or|with) )?(?:the )?", re.I)
_CONDITIONS = (" in {}", " before {}", " after {}", " for {}", " with {}")

Edit = tuple[Span, str]


def apply(text: str, edit: Edit) -> str:
    span, words = edit
    return text[: span.start] + words + text[span.end :]


def exchanged(text: str, source: str, pages: Sequence[str], chance: random.Random) -> list[Edit]:
    """A number or name that `text` shares with `source`, for another: a near number, a name of `pages`."""
    found: list[Edit] = []
    for match in NUMBER.finditer(text):
        other = str(max(1, int(match[0]) + chance.choice([-7, -3, -2, -1, 1, 2, 3, 6, 10])))
        if match[0] in source and other not in source:
            found.append((Span(*match.span()), other))
    names = [match for match in NAME.finditer(text) if match.start() and match[0] in source]
    for match in names:
        others = [
            other for page in pages for other in names_of(page) if other.count(" ") == match[0].count(" ")
        ]
        others = [other for other in others if other not in source]
        if others:
            found.append((Span(*match.span()), chance.choice(others)))
    return found


def names_of(page: str) -> list[str]:
    """Runs of capitalised words that do not open a sentence."""
    return [
        match[0]
        for match in NAME.finditer(page)
        if match.start() > 1 and page[match.start() - 2] not in ".!?" and page[match.start() - 1] == " "
    ]


def swapped(text: str, chance: random.Random) -> str | None:
    """The text with two of its names in each other's places; None where it has no two, or only names in a row."""
    names = list(NAME.finditer(text))
    pairs = [
        (one, two)
        for index, one in enumerate(names)
        for two in names[index + 1 :]
        # "Ana and Luis", "Ana, Luis": the same in any order.
        if one[0] != two[0] and not _IN_A_ROW.fullmatch(text, one.end(), two.start())
    ]
    if not pairs:
        return None
    one, two = chance.choice(pairs)
    return text[: one.start()] + two[0] + text[one.end() : two.start()] + one[0] + text[two.end() :]


def reversed_meaning(text: str, chance: random.Random) -> list[Edit]:
    """An opposite for a word, or a "not" added or dropped."""
    found: list[Edit] = []
    for match in _WORD.finditer(text):
        if match[0] in OPPOSITES:
            found.append((Span(*match.span()), chance.choice(OPPOSITES[match[0]])))
    negated = list(_NOT.finditer(text))
    if negated:
        found += [(Span(*match.span()), "") for match in negated]
    else:
        found += [(Span(match.end(), match.end()), " not") for match in _AUXILIARY.finditer(text)]
    return found


def conditions(question: str, source: str, pages: Sequence[str], chance: random.Random) -> list[Edit]:
    """A condition before the question mark or full stop that `source` does not know: a name of `pages` or a year."""
    at = len(question.rstrip("?. "))
    others = [name for page in pages for name in names_of(page) if name not in source and len(name) < 30]
    year = str(chance.randrange(1850, 2024))
    options = [chance.choice(_CONDITIONS).format(chance.choice(others))] if others else []
    if year not in source:
        options.append(chance.choice(_CONDITIONS[:3]).format(year))
    return [(Span(at, at), option) for option in options]
