"""The seam between retrieval and verification: one small Protocol that every answerer implements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from rag.types import Document, Draft, Hit, Question


class Answerer(Protocol):
    """Reads hits and points at what answers. It never quotes: `rag.answer.verify` does.

    `name` is the SPEC it was made from (`offline`, `openai:MODEL`, …) and is printed with every answer.
    """

    @property
    def name(self) -> str: ...

    def draft(self, question: Question, hits: Sequence[Hit], documents: Mapping[str, Document]) -> Draft:
        """A draft from `hits` (best first); `documents` holds each hit's document by id.

        An empty draft declines. Raises AnswererError where the answerer itself failed.
        """
        ...
