"""The sentences of the retrieved passages, each with what stands around it: what an answer is chosen from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from rag.answer.features import Candidate
from rag.answer.network import heading_of
from rag.sentences import sentences
from rag.types import Document, Hit, Span
from rag.words import words

MAX_GAP = 3  # characters of white space between neighbouring sentences, a paragraph's end included


def candidates_of(hits: Sequence[Hit], documents: Mapping[str, Document]) -> list[Candidate]:
    """The sentences of the hits, each once, in the order of the hits and then of the text.

    A sentence that stands in several overlapping passages belongs to the best-ranked one that holds all of it.
    Furniture is left out.
    """
    found: dict[str, list[Candidate]] = {}
    for hit in sorted(hits, key=lambda hit: hit.rank):
        passage = hit.passage
        document = documents[passage.document_id]
        heading = heading_of(document, passage)
        seen = found.setdefault(passage.document_id, [])
        for local in sentences_of(passage.text, document.language):
            span = local.shifted(passage.span.start)
            if document.is_furniture(span) or any(other.span.contains(span) for other in seen):
                continue
            seen[:] = [other for other in seen if not span.contains(other.span)]
            opens = not document.text[: span.start].strip() or (
                document.title is not None and document.text[: span.start].strip() == document.title
            )
            seen.append(
                Candidate(
                    document.id,
                    span,
                    span.of(document.text),
                    hit.rank,
                    passage.span,
                    passage.text,
                    heading=heading,
                    opens=opens,
                )
            )
    everything = [candidate for group in found.values() for candidate in with_neighbours(group)]
    return sorted(everything, key=lambda candidate: (candidate.rank, candidate.document_id, candidate.span))


def sentences_of(text: str, language: str | None) -> list[Span]:
    return [span for span in sentences(text, language) if words(span.of(text))]


def with_neighbours(candidates: Sequence[Candidate]) -> list[Candidate]:
    """In the order of the text, each with the text of the two sentences right before and the one right after it."""
    ordered = sorted(candidates, key=lambda candidate: candidate.span)
    joined = [
        later.span.start - earlier.span.end <= MAX_GAP for earlier, later in pairwise(ordered)
    ]  # whether a sentence and the next belong to one piece of text
    result = []
    for index, candidate in enumerate(ordered):
        before = ordered[index - 1].text if index and joined[index - 1] else ""
        if index > 1 and before and joined[index - 2]:
            before = f"{ordered[index - 2].text} {before}"
        after = ordered[index + 1].text if index < len(joined) and joined[index] else ""
        result.append(replace(candidate, before=before, after=after))
    return result
