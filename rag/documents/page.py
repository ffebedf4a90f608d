"""A page while it is being cleaned: its lines, their keys and what each is taken for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from rag.documents import phrases
from rag.documents.lines import Unit
from rag.types import Span

# The look-behind starts each run of marks once only: without it, a long run takes quadratic time.
_TRIM = re.compile(r"^[^\w©¿¡(\[\"']++|(?<![^\w)\]\"'?!*])[^\w)\]\"'?!*]++$")
SPACE = re.compile(r"\s+")
QUOTES = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "’": "'", "‘": "'", "´": "'", "`": "'"}
)


class Mark(Enum):
    NONE = 0
    WEAK = 1  # furniture in company only
    STRONG = 2  # furniture anywhere
    SWALLOWED = 3  # furniture because of what stands around it
    CALL = 4  # every sentence is a call to action


@dataclass
class Page:
    units: Sequence[Unit]
    keys: list[str]
    marks: list[Mark]
    partial: list[Span] = field(default_factory=list)  # single sentences, inside units that stay

    def marked(self, index: int) -> bool:
        return 0 <= index < len(self.units) and self.marks[index] not in (Mark.NONE, Mark.WEAK)


def key_of(text: str) -> str:
    """What the phrases are compared with: see `phrases`."""
    return _TRIM.sub("", SPACE.sub(" ", text.translate(QUOTES)).casefold().strip())


def quoted(text: str) -> bool:
    """True where more than three words stand between quotation marks, or a quotation opens or closes here."""
    pieces = text.translate(QUOTES).split('"')
    if len(pieces) % 2 == 0:
        return True
    return any(len(piece.split()) > 3 for piece in pieces[1::2])


def open_curly(text: str) -> int:
    """How many more quotations are opened than closed by marks that show their direction."""
    return text.count("“") + text.count("«") - text.count("”") - text.count("»")


def reports(key: str) -> bool:
    return bool(phrases.REPORTING.search(key))
