"""Abstention and calibration: risk against coverage, AURC, Brier score, reliability.

All over pairs (confidence, correct) of the questions that were *answered* with a confidence. What a declined
question would have answered is not known, so it has no place on the curve; coverage counts it in its denominator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

Pair = tuple[float, float]  # confidence, correct (1 or 0; between them for a mean over trials)


@dataclass(frozen=True, slots=True)
class Point:
    """`answered` questions, most confident first, have the error `risk`; the last was answered at `confidence`."""

    answered: int
    risk: float
    confidence: float


def risk_coverage(pairs: Sequence[Pair]) -> list[Point]:
    """risk(k) = expected errors among the k most confident / k, for k = 1..n.

    Within a group of equal confidence every order is equally likely, so the k-th member adds the group's mean
    error: a constant confidence gets a flat curve. Source: Geifman and El-Yaniv 2017, with ties averaged.
    """
    points = []
    errors = 0.0
    answered = 0
    ranked = sorted(pairs, key=lambda pair: -pair[0])
    for confidence, group in groupby(ranked, key=lambda pair: pair[0]):
        wrong = [1 - correct for _, correct in group]
        mean = sum(wrong) / len(wrong)
        for _ in wrong:
            answered += 1
            errors += mean
            points.append(Point(answered, errors / answered, confidence))
    return points


def aurc(pairs: Sequence[Pair]) -> float | None:
    """Mean of risk(k) over k = 1..n (area under the risk-coverage curve); None where nothing was answered."""
    points = risk_coverage(pairs)
    return sum(point.risk for point in points) / len(points) if points else None


def e_aurc(pairs: Sequence[Pair]) -> float | None:
    """AURC less the AURC of the same answers in the best order (all right ones first): 0 is a perfect ranking.

    Source: Geifman, Uziel and El-Yaniv 2019; the ideal is computed exactly, not by their approximation.
    """
    value = aurc(pairs)
    ideal = aurc([(correct, correct) for _, correct in pairs])
    return None if value is None or ideal is None else max(0.0, value - ideal)


def brier(pairs: Sequence[Pair]) -> float | None:
    """Mean of (confidence - correct) squared; None where nothing was answered. Source: Brier 1950."""
    return sum((confidence - correct) ** 2 for confidence, correct in pairs) / len(pairs) if pairs else None


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions of similar confidence: how many, their mean confidence, the share that was right."""

    n: int
    confidence: float
    correct: float


def reliability(pairs: Sequence[Pair], bins: int = 10) -> list[Bin]:
    """At most `bins` groups of equal size by confidence (sizes differ by one at most), least confident first."""
    ranked = sorted(pairs)
    count = min(bins, len(ranked))
    found = []
    for index in range(count):
        group = ranked[index * len(ranked) // count : (index + 1) * len(ranked) // count]
        found.append(
            Bin(
                len(group),
                sum(c for c, _ in group) / len(group),
                sum(right for _, right in group) / len(group),
            )
        )
    return found


def selective_accuracy(pairs: Sequence[Pair], coverage: float) -> float | None:
    """1 - risk at the share `coverage` of the answered questions, most confident first (at least one of them)."""
    points = risk_coverage(pairs)
    if not points:
        return None
    return 1 - points[max(1, round(coverage * len(points))) - 1].risk
