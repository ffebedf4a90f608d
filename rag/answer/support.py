"""How far a text supports a claim, by the shipped network: the part of verification that reads for meaning.

`rag.answer.checks` asks it last, after everything that a rule can find. What the network says becomes a probability by
two numbers (Platt 1999), and a claim below the threshold is withheld; `rag.training.support` fits all three to one
network and writes them, with what they were measured to do, to `rag/models/chooser/support.json`. They are used for
that very network alone: with another one, or one without a support head, every probability is unknown and the rules
decide alone.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rag.answer.network import MODEL, ReaderNetwork, shipped_network

CALIBRATION = Path(__file__).parents[1] / "models" / "chooser" / "support.json"


@dataclass(frozen=True, slots=True)
class Calibration:
    """`probability` of log-odds x is 1 / (1 + exp(-(bias + slope x))), where as many claims are true as are not."""

    bias: float
    slope: float
    threshold: float  # a claim whose probability is lower is withheld

    def probability(self, log_odds: float) -> float:
        value = self.bias + self.slope * log_odds
        return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))


def read_calibration(path: Path, network: Path) -> Calibration | None:
    """What was fitted to the network file; None where there is nothing, or it was fitted to another one."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    if found["network"] != digest_of_file(network):
        return None
    return Calibration(found["bias"], found["slope"], found["threshold"])


def digest_of_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Supporter:
    """One network with what was fitted to it. Loads at first use; safe for several threads."""

    def __init__(self, network: ReaderNetwork, calibration: Calibration | None) -> None:
        self._network = network
        self._calibration = calibration if calibration is not None and network.has_support() else None

    @property
    def threshold(self) -> float:
        """0 where nothing is known, so that nothing is withheld for it."""
        return self._calibration.threshold if self._calibration else 0.0

    def support(self, pairs: Sequence[tuple[str, str]]) -> list[float | None]:
        if self._calibration is None:
            return [None for _ in pairs]
        return [self._calibration.probability(log_odds) for log_odds in self._network.support(pairs)]


@cache
def shipped() -> Supporter:
    return Supporter(shipped_network(), read_calibration(CALIBRATION, MODEL))


def support(pairs: Sequence[tuple[str, str]]) -> list[float | None]:
    """For each (claim, evidence) the calibrated probability that the evidence supports the claim; None is unknown.

    The network reads English; of other languages its opinion is worth nothing.
    """
    return shipped().support(pairs)


def threshold() -> float:
    """A claim whose probability is known and lower is withheld."""
    return shipped().threshold
