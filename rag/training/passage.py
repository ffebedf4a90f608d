"""Fits when one text answers: `python -m rag.training.passage --data DIR [--out FOLDER]`.

Logistic regression (Platt scaling over `DRAFT_FEATURES`) on the articles of the part of SQuAD 2.0 that
`rag.training.data` holds out, half of whose questions were written by people to be unanswerable. The figures are
cross-validated: every article is judged by a model of the other articles, at the threshold that was best for those. The
shipped weights are fitted on all of them. Needs scikit-learn (extra `evals`).
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.answer.features import DRAFT_FEATURES
from rag.answer.passage import PassageReader, PassageWeights
from rag.settings import AnswerSettings
from rag.training.data import SQUAD2, squad2_split
from rag.words import words

log = logging.getLogger(__name__)

GRID = np.arange(0.05, 0.96, 0.01)


@dataclass(frozen=True)
class Read:
    """One question read: which article, its features, whether there is an answer, and the token F1 of the best span."""

    article: int
    row: NDArray[np.float64]
    possible: bool
    overlap: float


def read_all(data: Path) -> list[Read]:
    nothing = PassageWeights(np.zeros(len(DRAFT_FEATURES)), 0.0, 0.0)
    reader = PassageReader(AnswerSettings(), nothing)
    found = []
    for number, article in enumerate(squad2_split(data / SQUAD2)[1]):
        for example in article.examples:
            features = reader.features(example.question, example.text, article.title)
            if features is None:
                continue
            span, row = features
            told = "" if example.answer is None else example.answer.of(example.text)
            found.append(Read(number, row, bool(told), overlap(span.of(example.text), told)))
        log.info("%s: %d questions", article.title, len(article.examples))
    return found


def overlap(one: str, two: str) -> float:
    """Harmonic mean of the shares of words in common; stop words count as they do in SQuAD's, articles apart."""
    first, second = (
        [word.key for word in words(text) if word.key not in {"a", "an", "the"}] for text in (one, two)
    )
    shared = sum(min(first.count(key), second.count(key)) for key in set(first))
    return 2 * shared / (len(first) + len(second)) if shared else 0.0


def fit(reads: Sequence[Read]) -> tuple[NDArray[np.float64], float]:
    """Weights in the features' own units, and the constant."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rows = np.array([read.row for read in reads])
    scaler = StandardScaler().fit(rows)
    model = LogisticRegression(C=0.3, max_iter=500).fit(
        scaler.transform(rows), [read.possible for read in reads]
    )
    weights: NDArray[np.float64] = model.coef_[0] / scaler.scale_
    return weights, float(model.intercept_[0] - weights @ scaler.mean_)


def probabilities(reads: Sequence[Read], weights: NDArray[np.float64], bias: float) -> NDArray[np.float64]:
    rows = np.array([read.row for read in reads])
    result: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-(rows @ weights + bias)))
    return result


def f1_at(reads: Sequence[Read], values: NDArray[np.float64], threshold: float) -> float:
    """Mean F1 in 0–100: an unanswered question scores 1 where it has no answer."""
    scores = [
        read.overlap if value >= threshold else float(not read.possible)
        for read, value in zip(reads, values, strict=True)
    ]
    return 100 * float(np.mean(scores))


def best_threshold(reads: Sequence[Read], values: NDArray[np.float64]) -> float:
    """The middle of the thresholds within 0.2 F1 of the best: the curve is flat and noisy there."""
    curve = np.array([f1_at(reads, values, threshold) for threshold in GRID])
    return round(float(np.median(GRID[curve >= curve.max() - 0.2])), 2)


def figures(reads: Sequence[Read]) -> dict[str, Any]:
    """Cross-validated over the articles."""
    from sklearn.metrics import roc_auc_score

    values = np.zeros(len(reads))
    scores: list[float] = []
    for article in sorted({read.article for read in reads}):
        inside = [index for index, read in enumerate(reads) if read.article == article]
        others = [read for read in reads if read.article != article]
        weights, bias = fit(others)
        threshold = best_threshold(others, probabilities(others, weights, bias))
        own = [reads[index] for index in inside]
        values[inside] = probabilities(own, weights, bias)
        scores += [f1_at(own, values[inside], threshold)] * len(inside)
    return {
        "n": len(reads),
        "auroc": round(float(roc_auc_score([read.possible for read in reads], values)), 4),
        "best f1": round(max(f1_at(reads, values, threshold) for threshold in GRID), 2),
        "f1 at the threshold": round(float(np.mean(scores)), 2),
        "f1 of answerable, forced": round(100 * float(np.mean([r.overlap for r in reads if r.possible])), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit when one text answers.")
    parser.add_argument("--data", type=Path, required=True, help="folder with squad/")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "models" / "chooser")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    reads = read_all(arguments.data)
    weights, bias = fit(reads)
    values = {
        "weights": {
            name: round(float(weight), 5) for name, weight in zip(DRAFT_FEATURES, weights, strict=True)
        },
        "bias": round(bias, 5),
        "threshold": best_threshold(reads, probabilities(reads, weights, bias)),
        "figures": figures(reads),
    }
    path = arguments.out / "passage.json"
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    log.info("%s\nwritten to %s", json.dumps(values["figures"], indent=1), path)


if __name__ == "__main__":
    main()
