"""How far a text supports a claim, by the shipped network: the part of verification that reads for meaning.

`rag.answer.checks` asks it last, after everything that a rule can find. The reader network that this version ships
has no support head, so every probability is unknown and the rules decide alone.
"""

from __future__ import annotations

from collections.abc import Sequence

THRESHOLD = 0.5  # a claim whose probability is known and lower is withheld


def support(pairs: Sequence[tuple[str, str]]) -> list[float | None]:
    """For each (claim, evidence) the calibrated probability that the evidence supports the claim; None is unknown."""
    return [None for _ in pairs]
