"""From ranked sentences to what is answered: quotes, short answers with every place that repeats them, disagreement."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rag.answer import speakers
from rag.answer.agreement import (
    Group,
    disagreement,
    figures_after,
    independent,
    merge,
    quoted_for,
    says_several,
)
from rag.answer.choosing import CLOSE, CLOSE_ALONE, choose, shown_of
from rag.answer.features import SENTENCE_FEATURES
from rag.answer.ranked import Ranked
from rag.answer.scope import Scope, fit, scope_of
from rag.answer.spans import Found, asks_several, found_in, items_of
from rag.answer.speech import is_name
from rag.answer.values import incompatible, value_of
from rag.types import Document, DraftDisagreement, Evidence, Hit, Span

LOOKED_AT = 16  # best sentences whose short answers are held together
RIVAL_GAP = 1.5  # in score, behind the best sentence, at which a different answer is still given
SAME_GAP = 5.0  # the same for a sentence that repeats the answer
RIVAL_SHARE = 0.35  # least odds of a different answer's span, as a share of the best one's
RIVAL_COVERAGE = 0.8  # of the question's words in its sentence, and around it, as a share of the best one's
MAX_ANSWERS = 4


@dataclass(frozen=True)
class Chosen:
    """Places, best first. `short_answers` and `repeats` belong together, as in `rag.types.Draft`."""

    quotes: tuple[tuple[str, Span], ...]
    short_answers: tuple[Evidence, ...] = ()
    repeats: tuple[tuple[Evidence, ...], ...] = ()
    disagreement: DraftDisagreement | None = None


def answers_of(ranked: Ranked, hits: Sequence[Hit], documents: Mapping[str, Document], limit: int) -> Chosen:
    """What to quote and to answer. `limit` is the most quotes; at least two where sources disagree."""
    asked = scope_of(ranked.asked.text)
    shown = shown_of(hits)
    if ranked.asked.kind == "yes_no":
        drafted = disagreement(ranked, asked, (), documents)
        quotes = choose(ranked, hits, limit, close=CLOSE_ALONE)
        return Chosen(tuple(_with_disagreement(quotes, drafted, ranked, limit)), disagreement=drafted)
    if speakers.asks_speaker(ranked.asked.text):
        spoken = _speaker(ranked, hits, documents, shown, limit)
        if spoken is not None:
            return spoken
    found = _found(ranked, asked)
    groups = merge(found, ranked, documents)
    drafted = disagreement(ranked, asked, groups, documents)
    listed = asks_several(ranked.asked.text)
    answered = groups[:1] + [
        group for group in groups[1:] if _is_rival(ranked, asked, groups[0], group, listed=listed)
    ]
    if drafted is not None:
        told = {(place.document_id, place.span) for places in drafted.values for place in places}
        answered += [
            group
            for group in groups
            if group not in answered
            and (ranked.candidates[group.first.index].document_id, group.first.span) in told
        ]
    wanted = _wanted(ranked, answered[:MAX_ANSWERS], documents, limit) or ranked.order[:1]
    wanted = [*wanted[:1], *speakers.on_topic(ranked), *wanted[1:]]
    close = CLOSE if answered else CLOSE_ALONE
    quotes = _with_disagreement(choose(ranked, hits, limit, wanted, close=close), drafted, ranked, limit)
    return _chosen(ranked, quotes, answered[:MAX_ANSWERS], drafted, listed=listed)


def _found(ranked: Ranked, asked: Scope) -> list[Found]:
    """The short answers of the best sentences, in the order of the sentences; a quotation where words are asked for.

    Empty where the best sentence has none: what another says is then no answer either.
    """
    order = ranked.order[:LOOKED_AT]
    best = ranked.scores[order[0]]
    found: list[Found] = []
    for index in order:
        if ranked.scores[index] < best - SAME_GAP:
            break
        if says_several(ranked, index):
            found += [_record(ranked, *place) for place in figures_after(ranked, index)]
            continue
        one = found_in(ranked, index, asked)
        quotation = speakers.quotation_in(ranked, index, one.span if one else None)
        if quotation is not None:
            text = quotation.shifted(-ranked.candidates[index].span.start).of(ranked.candidates[index].text)
            one = Found(index, quotation, text, value_of(text), one.score if one else 0.0)
        if one is not None:
            found.append(one)
        elif not found:
            return []
    return found


def _record(ranked: Ranked, index: int, span: Span) -> Found:
    one = ranked.candidates[index]
    text = span.shifted(-one.span.start).of(one.text)
    return Found(index, span, text, value_of(text), ranked.span_score(index))


def _is_rival(ranked: Ranked, asked: Scope, best: Group, other: Group, *, listed: bool) -> bool:
    """Whether a different answer is given beside the best one."""
    first, second = best.first, other.first
    if second.score < first.score + math.log(RIVAL_SHARE):
        return False
    if ranked.scores[second.index] < ranked.scores[first.index] - RIVAL_GAP:
        return False
    covered = ranked.rows[:, [SENTENCE_FEATURES.index(name) for name in ("coverage", "coverage_context")]]
    if not listed and (covered[second.index] < RIVAL_COVERAGE * covered[first.index]).any():
        return False
    one, two = ranked.candidates[first.index], ranked.candidates[second.index]
    if fit(asked, two) < fit(asked, one):
        return False
    if listed:
        return first.value.sort == second.value.sort
    return one.document_id != two.document_id and incompatible(first.value, second.value)


def _wanted(
    ranked: Ranked, groups: Sequence[Group], documents: Mapping[str, Document], limit: int
) -> list[int]:
    """The sentences to quote for the answers: the best of each, then one that repeats the first in another source."""
    wanted = [group.first.index for group in groups]
    if groups and len(wanted) < limit:
        wanted += [one.index for one in independent(groups[0].members, ranked, documents)[1:2]]
    return wanted


def _with_disagreement(
    quotes: list[tuple[str, Span]], drafted: DraftDisagreement | None, ranked: Ranked, limit: int
) -> list[tuple[str, Span]]:
    """The quotes, with those in front that hold the values of the disagreement."""
    needed: list[tuple[str, Span]] = []
    for document_id, place in quoted_for(drafted):
        holder = next(
            (quote for quote in quotes if quote[0] == document_id and quote[1].contains(place)), None
        )
        if holder is None:
            holder = next(
                (one.document_id, one.span)
                for one in ranked.candidates
                if one.document_id == document_id and one.span.contains(place)
            )
        if holder not in needed:
            needed.append(holder)
    return [*needed, *(quote for quote in quotes if quote not in needed)][: max(limit, 2)]


def _chosen(
    ranked: Ranked,
    quotes: Sequence[tuple[str, Span]],
    groups: Sequence[Group],
    drafted: DraftDisagreement | None,
    *,
    listed: bool,
) -> Chosen:
    shorts: list[Evidence] = []
    repeats: list[tuple[Evidence, ...]] = []
    for group in groups:
        places = [
            Evidence(ranked.candidates[one.index].document_id, span=one.span)
            for one in group.members
            if _quoted(ranked.candidates[one.index].document_id, one.span, quotes)
        ]
        if not places:
            continue
        shorts.append(places[0])
        repeats.append(tuple(places[1:]))
        if listed:
            first = group.first
            for item in items_of(first.span, first.text):
                shorts.append(Evidence(places[0].document_id, span=item))
                repeats.append(())
    return Chosen(tuple(quotes), tuple(shorts), tuple(repeats), drafted)


def _quoted(document_id: str, span: Span, quotes: Collection[tuple[str, Span]]) -> bool:
    return any(document_id == quoted and place.contains(span) for quoted, place in quotes)


def _speaker(
    ranked: Ranked,
    hits: Sequence[Hit],
    documents: Mapping[str, Document],
    shown: Mapping[str, Collection[Span]],
    limit: int,
) -> Chosen | None:
    """The answer to "who said …": the speaker of the best sentence; None where the text does not name one clearly."""

    def documents_text(index: int) -> str:
        return documents[ranked.candidates[index].document_id].text

    order = ranked.order
    near = [index for index in order[:3] if ranked.scores[index] >= ranked.scores[order[0]] - RIVAL_GAP]
    told = [(index, speakers.speaker_in(ranked, index, documents, shown)) for index in near]
    if told[0][1] is None:
        return None
    # "The agency added …" says less than "ICE said …" right behind it.
    told.sort(key=lambda one: one[1] is None or not is_name(one[1][1].of(documents_text(one[0]))))
    best, named = told[0]
    if named is None:
        return None
    quote, name = named
    document_id = ranked.candidates[best].document_id
    others = [
        place
        for place in choose(ranked, hits, limit)
        if place[0] != document_id or not place[1].overlaps(quote)
    ]
    short = Evidence(document_id, span=name)
    return Chosen(((document_id, quote), *others[: limit - 1]), (short,), ((),))
