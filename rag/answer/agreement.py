"""The short answers of several documents held together: one answer, several answers, or sources that contradict.

`merge` puts what means the same into one group. `disagreement` speaks only where it can say why: a wrong "the sources
contradict each other" is worse than none.

- real: the same question, two figures (dates, names) of the same kind that cannot both be true, from documents that
  are no copies of each other, and nothing in the text that tells two events apart; or a claim and its denial.
- apparent: several figures of which the text itself says that they belong to different events, dates or scopes, or
  that add up: parts and their total.

None where the question itself names the event, and one answer fits it better than the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from rag.answer import scope
from rag.answer.attribution import attribution_of, same_person
from rag.answer.features import SENTENCE_FEATURES, Candidate
from rag.answer.ranked import Ranked
from rag.answer.scope import Scope
from rag.answer.spans import Found
from rag.answer.speakers import asks_speaker, asks_words
from rag.answer.values import incompatible, same
from rag.types import Document, DraftDisagreement, Evidence, Span
from rag.words import alike, in_spanish, words

MAX_VALUES = 5
_COPY_SHARE = (
    0.5  # of the shorter text's runs of words that stand in the other, from which the two are one source
)
_RUN = 6  # words of such a run
_LONGEST = 60_000  # characters compared of a document
_SENTENCE_COPY = 0.8  # shared words over all, for two sentences
_COVERS = 0.55  # share of the question's words that both sentences of a real disagreement hold
_COVERS_NAME = 0.7  # the same for names and dates, which differ for more reasons than figures
_DENIAL = re.compile(
    r"\b(?:den(?:y|ies|ied|ying)|reject(?:s|ed)?|contradict(?:s|ed)?|refut(?:es?|ed)|disput(?:es?|ed)|untrue|false|"
    r"not true|dismiss(?:es|ed)|niega|negó|desmintió|desmiente|rechazó|falso|falsa)\b",
    re.IGNORECASE,
)
_CLAIM = re.compile(r"\b(?:announc|claim|assert|alleg|anunci|afirm|asegur)\w+", re.IGNORECASE)
_ASKS_TOTAL = re.compile(
    r"\b(?:in all|in total|total|altogether|so far|overall|to date|combined|en total|hasta ahora)\b",
    re.IGNORECASE,
)
_IN_CIRCULATION = re.compile(
    r"\b(?:two|three|several|different|conflicting|contradictory|dos|tres|varias|distintas)\s+(?:\w+\s+)?"
    r"(?:figures|numbers|counts|dates|versions|accounts|estimates|cifras|versiones|fechas)\b",
    re.IGNORECASE,
)

_COUNTED = ("number", "money", "percent", "duration")
_ROW = re.compile(r"\W*[^\W\d_][\w ]{1,30}:\s*(\d[\d.,]*\d|\d)\s*(?:;|$)")  # "Figure: 17; Who uses it: …"
_TABLE = 600  # characters behind the sentence in which its table stands

NOTES = {  # in English and in Spanish
    "figures": (
        "The sources give different figures for the same thing.",
        "Las fuentes dan cifras distintas.",
    ),
    "dates": ("The sources give different dates for the same thing.", "Las fuentes dan fechas distintas."),
    "names": ("The sources give different names for the same thing.", "Las fuentes dan nombres distintos."),
    "declared": (
        "The sources say themselves that different figures are in use.",
        "Las propias fuentes dicen que circulan cifras distintas.",
    ),
    "denied": ("One source claims it, another denies it.", "Una fuente lo afirma, otra lo niega."),
    "sum": (
        "The figures do not contradict each other: one is the sum of the others.",
        "Las cifras no se contradicen: una es la suma de las otras.",
    ),
    "they count different events": (
        "The figures do not contradict each other: they count different events.",
        "Las cifras no se contradicen: cuentan hechos distintos.",
    ),
    "one is a total": (
        "The figures do not contradict each other: one is a total, the other a part of it or an earlier count.",
        "Las cifras no se contradicen: una es un total.",
    ),
    "one is a part of a larger number": (
        "The figures do not contradict each other: one is a part of a larger number.",
        "Las cifras no se contradicen: una es parte de otra mayor.",
    ),
    "they are of different dates": (
        "The figures do not contradict each other: they are of different dates.",
        "Las cifras no se contradicen: son de fechas distintas.",
    ),
}


@dataclass(frozen=True)
class Group:
    """One answer and where it stands, best first; its sources are documents that are no copies of each other."""

    members: tuple[Found, ...]
    sources: int

    @property
    def first(self) -> Found:
        return self.members[0]


def merge(found: Sequence[Found], ranked: Ranked, documents: Mapping[str, Document]) -> list[Group]:
    """Groups in the order of their best members. A copy of a text that is there already adds no source."""
    groups: list[list[Found]] = []
    for one in found:
        for group in groups:
            if all(same(one.value, other.value) for other in group):
                group.append(one)
                break
        else:
            groups.append([one])
    return [Group(tuple(group), len(independent(group, ranked, documents))) for group in groups]


def independent(found: Sequence[Found], ranked: Ranked, documents: Mapping[str, Document]) -> list[Found]:
    """The first of each source: of one document, or of copies of one text, only one counts."""
    kept: list[Found] = []
    for one in found:
        candidate = ranked.candidates[one.index]
        if not any(_one_source(candidate, ranked.candidates[other.index], documents) for other in kept):
            kept.append(one)
    return kept


def disagreement(
    ranked: Ranked,
    asked: Scope,
    groups: Sequence[Group],
    documents: Mapping[str, Document],
) -> DraftDisagreement | None:
    """What the sources disagree about; None where they agree or where it cannot be said."""
    text = ranked.asked.text
    if asks_speaker(text) or asks_words(ranked) or not groups:
        return _denied(ranked, documents) if not groups else None
    return (
        _declared(ranked, groups)
        or _apparent(ranked, asked, groups)
        or _real(ranked, asked, groups, documents)
        or _denied(ranked, documents)
    )


# --- figures, dates, names -----------------------------------------------------------------------------------------


def _apparent(ranked: Ranked, asked: Scope, groups: Sequence[Group]) -> DraftDisagreement | None:
    counted = [
        group
        for group in groups
        if len(group.first.value.numbers) == 1 and group.first.value.sort == "number"
    ]
    if (
        ranked.asked.kind not in ("number", "money")
        or len(counted) < 2
        or asked
        or _ASKS_TOTAL.search(ranked.asked.text)
    ):
        return None
    if counted[0] is not groups[0]:
        return None
    first, *others = counted
    related = [first]
    reason = None
    for group in others:
        if not incompatible(first.first.value, group.first.value) or not _same_count(ranked, first, group):
            continue
        why = scope.apart(_candidate(ranked, first), _candidate(ranked, group))
        if why is not None:
            related.append(group)
            reason = reason or why
    if _sum_of(related):
        reason = "sum"
    if reason is None or len(related) < 2:
        return None
    return _draft(ranked, "apparent", related, reason)


def _real(
    ranked: Ranked, asked: Scope, groups: Sequence[Group], documents: Mapping[str, Document]
) -> DraftDisagreement | None:
    first, *others = groups
    for group in others:
        if not incompatible(first.first.value, group.first.value):
            continue
        pair = (_candidate(ranked, first), _candidate(ranked, group))
        sort = first.first.value.sort
        least = _COVERS if sort == "number" else _COVERS_NAME
        if sort == "number" and not _same_count(ranked, first, group):
            continue
        if any(_coverage(ranked, one.first.index) < least for one in (first, group)):
            continue
        if scope.apart(*pair) is not None or _one_source(*pair, documents):
            continue
        if asked and scope.fit(asked, pair[0]) != scope.fit(asked, pair[1]):
            continue  # the question names the event, and they do not fit it alike
        note = {"number": "figures", "date": "dates", "name": "names"}[sort]
        return _draft(ranked, "real", [first, group], note)
    return None


def says_several(ranked: Ranked, index: int) -> bool:
    """ "Two figures are in circulation for …": the sentence says that sources differ about what is asked."""
    return (
        ranked.asked.kind in _COUNTED
        and _IN_CIRCULATION.search(ranked.candidates[index].text) is not None
        and (index in ranked.order[:3] or _coverage(ranked, index) >= _COVERS)
    )


def figures_after(ranked: Ranked, index: int) -> list[tuple[int, Span]]:
    """The figures that a table right behind such a sentence gives, each with the place of its row, at most five."""
    one = ranked.candidates[index]
    rows = sorted(
        (other.span, number)
        for number, other in enumerate(ranked.candidates)
        if other.document_id == one.document_id and other.passage == one.passage
    )
    found = []
    for span, number in rows:
        row = _ROW.match(ranked.candidates[number].text)
        if row is not None and 0 < span.start - one.span.end <= _TABLE:
            found.append((number, Span(*row.span(1)).shifted(span.start)))
    return found[:MAX_VALUES]


def _declared(ranked: Ranked, groups: Sequence[Group]) -> DraftDisagreement | None:
    """Figures that a text itself calls different, each in its row."""
    for index in ranked.order[:6]:
        if says_several(ranked, index):
            places = figures_after(ranked, index)
            near = [
                group for group in groups if any((one.index, one.span) in places for one in group.members)
            ]
            if len(near) >= 2:
                return _draft(ranked, "real", near, "declared")
    return None


def _sum_of(groups: Sequence[Group]) -> bool:
    """True where one figure is the sum of two or more of the others."""
    numbers = [group.first.value.numbers[0] for group in groups]
    for place, total in enumerate(numbers):
        others = [number for at, number in enumerate(numbers) if at != place and number > 0]
        for count in range(2, len(others) + 1):
            if any(sum(part) == total for part in combinations(others, count)):
                return True
    return False


def _same_count(ranked: Ranked, one: Group, other: Group) -> bool:
    """True where both figures count the thing that the question counts, as far as the text shows."""
    units = [_unit(ranked, group.first) for group in (one, other)]
    focus = ranked.asked.key_set
    if all(units) and alike(units[0], units[1]):
        return True
    return all(not unit or any(alike(unit, key) for key in focus) or unit in _PEOPLE for unit in units)


# Words for the people who are counted: one report says "prisoners" where another says "passengers".
_PEOPLE = frozenset(
    word.key
    for word in words(
        "people persons men women prisoners inmates passengers victims dead migrants members relatives individuals "
        "personas presos reclusos pasajeros víctimas muertos migrantes familiares"
    )
)


def _unit(ranked: Ranked, found: Found) -> str:
    """The key of the noun behind the figure, in the answer or right behind it in its sentence."""
    if found.value.unit:
        return found.value.unit
    one = ranked.candidates[found.index]
    following = words(one.text[found.span.end - one.span.start :][:40])
    return next((word.key for word in following if not word.stop), "")


# --- claim and denial ----------------------------------------------------------------------------------------------


def _denied(ranked: Ranked, documents: Mapping[str, Document]) -> DraftDisagreement | None:
    """A claim about what is asked, attributed to one, and another's denial of it beside it or by name."""
    if ranked.asked.kind not in ("person", "yes_no"):
        return None
    order = ranked.order[:8]
    spoken = {index: _speaker(ranked.candidates[index], documents) for index in order}
    for claim in order[:6]:
        speaker, one = spoken[claim], ranked.candidates[claim]
        if _DENIAL.search(one.text) or _coverage(ranked, claim) < _COVERS:
            continue
        if speaker is None and not _CLAIM.search(one.text):
            continue
        for denial, other in enumerate(ranked.candidates):
            if denial == claim or not _DENIAL.search(other.text):
                continue
            follows = other.document_id == one.document_id and 0 <= other.span.start - one.span.end <= 3
            if not follows and not (denial in spoken and speaker is not None and _names(other.text, speaker)):
                continue
            denier = spoken.get(denial) or _speaker(other, documents)
            if denier is None or _names(one.text, denier):
                continue
            if speaker is not None and (same_person(denier, speaker) or speaker in denier):
                continue
            claimed = (Evidence(one.document_id, span=one.span),)
            denied = (Evidence(other.document_id, span=other.span),)
            return DraftDisagreement("real", (claimed, denied), _note(ranked, "denied"))
    return None


def _speaker(candidate: Candidate, documents: Mapping[str, Document]) -> str | None:
    found = attribution_of(documents[candidate.document_id], candidate.span)
    return found.speaker if found else None


def _names(text: str, speaker: str) -> bool:
    return {word.key for word in words(speaker) if not word.stop} <= {word.key for word in words(text)}


# --- sources -------------------------------------------------------------------------------------------------------


def _one_source(one: Candidate, other: Candidate, documents: Mapping[str, Document]) -> bool:
    if one.document_id == other.document_id:
        return True
    union = one.keys | other.keys
    if union and len(one.keys & other.keys) >= _SENTENCE_COPY * len(union):
        return True
    first, second = (_runs(documents[candidate.document_id].text[:_LONGEST]) for candidate in (one, other))
    shorter = min(len(first), len(second))
    return shorter > 0 and len(first & second) >= _COPY_SHARE * shorter


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    keys = [word.key for word in words(text)]
    return frozenset(tuple(keys[at : at + _RUN]) for at in range(len(keys) - _RUN + 1))


def _coverage(ranked: Ranked, index: int) -> float:
    return float(ranked.rows[index, SENTENCE_FEATURES.index("coverage")])


def _candidate(ranked: Ranked, group: Group) -> Candidate:
    return ranked.candidates[group.first.index]


def _draft(ranked: Ranked, kind: str, groups: Sequence[Group], note: str) -> DraftDisagreement:
    values = tuple(
        tuple(
            Evidence(ranked.candidates[found.index].document_id, span=found.span) for found in group.members
        )
        for group in groups[:MAX_VALUES]
    )
    return DraftDisagreement("real" if kind == "real" else "apparent", values, _note(ranked, note))


def _note(ranked: Ranked, note: str) -> str:
    return NOTES[note][in_spanish(ranked.asked.text)]


def quoted_for(drafted: DraftDisagreement | None) -> list[tuple[str, Span]]:
    """The first place of each value: what has to be quoted, or the disagreement cannot be shown."""
    if drafted is None:
        return []
    return [(value[0].document_id, value[0].span) for value in drafted.values if value[0].span is not None]
