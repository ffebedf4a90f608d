"""Which sentences are quoted: the one that answers, and another only where it adds something.

It adds the same answer from an independent document, a different answer, or it is as good as the first. A sentence
that points back ("He said", "The former") is quoted with the one before it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rag.answer.candidates import MAX_GAP
from rag.answer.features import is_label, needs_company
from rag.answer.ranked import Ranked
from rag.types import Hit, Span

MAX_QUOTE_CHARACTERS = 600  # a quote is not widened beyond this
CLOSE_ALONE = 2.5  # the same where no sentence carries a short answer, so that the sentences are the answer
# A sentence whose score is nearer than this to the best one's is quoted too. On `evals/suites/transfers` 1.5, 2 and 4
# gave citation recall .71, .74 and .79 at a precision of .67, .65 and .59.
CLOSE = 4.0


def choose(
    ranked: Ranked, hits: Sequence[Hit], limit: int, wanted: Sequence[int] = (), *, close: float = CLOSE
) -> list[tuple[str, Span]]:
    """At most `limit` places, best first, each a sentence (widened where needed) inside one shown passage.

    `wanted` are candidates that carry the short answers, best first: they are taken before the others. Of the others
    only those within `close` of the best score are. The same words are quoted once.
    """
    shown = shown_of(hits)
    order = ranked.order
    if not order:
        return []
    chosen: list[tuple[str, Span]] = []
    keys: list[frozenset[str]] = []
    best = ranked.scores[order[0]]
    near = [index for index in order if ranked.scores[index] >= best - close]
    for index in dict.fromkeys([*wanted, *near]):
        candidate = ranked.candidates[index]
        if len(chosen) == limit:
            break
        if chosen and is_label(candidate) and index not in wanted:
            continue  # a heading adds nothing to a sentence
        if any(
            candidate.document_id == document_id and span.contains(candidate.span)
            for document_id, span in chosen
        ):
            continue
        alike = any(_overlap(candidate.keys, other) >= 0.8 for other in keys)
        if alike and index not in wanted:
            continue
        widened = widen(ranked, index, shown)
        inside = [
            place
            for place, (document_id, span) in enumerate(chosen)
            if candidate.document_id == document_id and widened.overlaps(span)
        ]
        if (
            inside
        ):  # "Councillor Nwosu rejected the plan." is quoted already, this one goes on "He called it …"
            old = chosen[inside[0]][1]
            union = Span(min(old.start, widened.start), max(old.end, widened.end))
            if fits(union, shown[candidate.document_id]):
                chosen[inside[0]] = candidate.document_id, union
            continue
        keys.append(candidate.keys)
        chosen.append((candidate.document_id, widened))
    return chosen


def widen(ranked: Ranked, index: int, shown: Mapping[str, Collection[Span]]) -> Span:
    """The sentence, with the one before where its opening points back at it."""
    candidate = ranked.candidates[index]
    if not (candidate.before and needs_company(candidate.text)):
        return candidate.span
    other = ranked.before(index, MAX_GAP)
    if other is not None:
        union = Span(ranked.candidates[other].span.start, candidate.span.end)
        if fits(union, shown[candidate.document_id]):
            return union
    return candidate.span


def shown_of(hits: Sequence[Hit]) -> dict[str, list[Span]]:
    """The passages of each document that were shown."""
    shown: dict[str, list[Span]] = {}
    for hit in hits:
        shown.setdefault(hit.passage.document_id, []).append(hit.passage.span)
    return shown


def fits(span: Span, passages: Collection[Span]) -> bool:
    """Whether a quote of `span` is not too long and lies inside one passage."""
    return len(span) <= MAX_QUOTE_CHARACTERS and any(passage.contains(span) for passage in passages)


def _overlap(one: frozenset[str], two: frozenset[str]) -> float:
    """Jaccard: shared over all."""
    union = len(one | two)
    return len(one & two) / union if union else 0.0
