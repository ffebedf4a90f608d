"""A document, its hits, and one draft put to `rag.answer.verify`. Every text here is invented."""

from __future__ import annotations

from rag.answer.verify import Verified, verify
from rag.types import Document, Draft, DraftStatement, Evidence, Hit, Page, Passage, Question, Span

COUNCIL = (
    "The harbour council met on Tuesday. It did not approve the plan for 37 new moorings. "
    "The plan would cost 4.5 million crowns. The mayor called it “a gift to nobody” – and left."
)
QUESTION = Question("How many moorings were planned?")


def document(
    text: str, name: str = "council", *, furniture: tuple[Span, ...] = (), pages: tuple[Page, ...] = ()
) -> Document:
    return Document(name, text, "0" * 64, "text/plain", f"{name}.txt", furniture=furniture, pages=pages)


def hits_of(*shown: tuple[Document, Span]) -> list[Hit]:
    return [
        Hit(Passage(source.id, rank, span, span.of(source.text)), 1 / rank, rank, "fused")
        for rank, (source, span) in enumerate(shown, 1)
    ]


def whole(source: Document) -> tuple[Document, Span]:
    return source, Span(0, len(source.text))


def check(
    evidence: Evidence | list[Evidence], *sources: Document, text: str | None = None, **more: object
) -> Verified:
    pieces = tuple(evidence) if isinstance(evidence, list) else (evidence,)
    draft = Draft((DraftStatement(text, pieces),))
    return verify(draft, QUESTION, hits_of(*map(whole, sources)), {each.id: each for each in sources})


def says(words: str, name: str = "council") -> Evidence:
    return Evidence(name, words=words)


def reason(verified: Verified) -> str:
    assert not verified.citations
    assert not verified.statements
    return verified.withheld[0].reason
