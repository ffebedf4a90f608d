"""Abstention and calibration: risk against coverage, AURC, Brier score, reliability.

All over pairs (confidence, correct) of the questions that were *answered* with a confidence. What a declined
question would have answered is not known, so it has no place on the curve; coverage counts it in its denominator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pair = tuple[float, float]  # confidence, correct (1 or 0)
Pairs = Sequence[Pair] | NDArray[np.float64]  # an array has one pair a row


@dataclass(frozen=True, slots=True)
class Point:
    """`answered` questions, most confident first, have the error `risk`; the last was answered at `confidence`."""

    answered: int
    risk: float
    confidence: float


def _risks(pairs: Pairs) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """risk(k) for k = 1..n, and the confidence of the k-th; see `risk_coverage`."""
    rows = np.asarray(pairs, dtype=float).reshape(-1, 2)
    rows = rows[np.argsort(-rows[:, 0], kind="stable")]
    confidence, errors = rows[:, 0], 1 - rows[:, 1]
    starts = (
        np.flatnonzero(np.append(True, confidence[1:] != confidence[:-1]))
        if len(rows)
        else np.empty(0, np.intp)
    )
    sizes = np.diff(np.append(starts, len(rows)))
    means = np.add.reduceat(errors, starts) / sizes if len(rows) else np.empty(0)
    return np.cumsum(np.repeat(means, sizes)) / np.arange(1, len(rows) + 1), confidence


def risk_coverage(pairs: Pairs) -> list[Point]:
    """risk(k) = expected errors among the k most confident / k, for k = 1..n.

    Within a group of equal confidence every order is equally likely, so the k-th member adds the group's mean
    error: a constant confidence gets a flat curve. Source: Geifman and El-Yaniv 2017, with ties averaged.
    """
    risks, confidence = _risks(pairs)
    return [
        Point(k, float(risk), float(sure))
        for k, (risk, sure) in enumerate(zip(risks, confidence, strict=True), 1)
    ]


def aurc(pairs: Pairs) -> float | None:
    """Mean of risk(k) over k = 1..n (area under the risk-coverage curve); None where nothing was answered."""
    return float(_risks(pairs)[0].mean()) if len(pairs) else None


def e_aurc(pairs: Pairs) -> float | None:
    """AURC less the AURC of the same answers in the best order (all right ones first): 0 is a perfect ranking.

    Source: Geifman, Uziel and El-Yaniv 2019; the ideal is computed exactly, not by their approximation.
    """
    if not len(pairs):
        return None
    correct = np.asarray(pairs, dtype=float)[:, 1]
    ideal = _risks(np.column_stack([correct, correct]))[0].mean()
    return max(0.0, float(_risks(pairs)[0].mean() - ideal))


def brier(pairs: Pairs) -> float | None:
    """Mean of (confidence - correct) squared; None where nothing was answered. Source: Brier 1950."""
    if not len(pairs):
        return None
    rows = np.asarray(pairs, dtype=float)
    return float(np.mean((rows[:, 0] - rows[:, 1]) ** 2))


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


def selective_accuracy(pairs: Pairs, coverage: float) -> float | None:
    """1 - risk at the share `coverage` of the answered questions, most confident first (at least one of them)."""
    points = risk_coverage(pairs)
    if not points:
        return None
    return 1 - points[max(1, round(coverage * len(points))) - 1].risk
