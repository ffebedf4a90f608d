"""Fit what turns the network's opinion of a claim into a probability, and say what it catches.

    python -m rag.training.support --data DIR [--network reader.onnx] [--out support.json]

The claims are those that the network was not trained on (`rag.training.claims.recorded`): BEGIN's dev part, and a quarter
each of Fool Me Twice and WiCE. Every second claim of each is used to fit, the others to measure:

- bias and slope (Platt 1999) on all of the first half, each class weighing the same;
- the threshold so that of BEGIN and of Fool Me Twice, whose evidence is short, at most `WITHHELD` of the supported claims
  of the first half fall below it.

The figures beside them: AUROC, accuracy at even odds, and which share of supported and of unsupported claims is withheld
by the rules of `rag.answer.checks` alone, by support alone, and by both.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.answer.checks import check_by_rules
from rag.answer.network import MODEL, ReaderNetwork
from rag.answer.support import CALIBRATION, Calibration, digest_of_file
from rag.training.claims import FOLDER, Claim, recorded
from rag.types import Document, DraftStatement, Span

log = logging.getLogger(__name__)

WITHHELD = 0.03  # of the supported claims, at most: 0.05 on the fitting half was 0.07 on the other (BEGIN)
SHORT = ("begin", "fm2")  # whose evidence is of the length of what an answer cites
GRID = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)  # of thresholds that are told beside the chosen one

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def fit(log_odds: Floats, supported: Bools) -> tuple[float, float]:
    """(bias, slope) of the logistic curve through the points, both classes weighing the same."""
    from sklearn.linear_model import LogisticRegression

    # Hardly any penalty: just enough to keep the curve finite where the classes do not overlap.
    model = LogisticRegression(C=1e6, class_weight="balanced").fit(log_odds[:, None], supported)
    return float(model.intercept_[0]), float(model.coef_[0, 0])


def threshold_for(probabilities: Floats, share: float = WITHHELD) -> float:
    """The greatest threshold below which at most `share` of these lie."""
    ordered = np.sort(probabilities)
    return float(ordered[math.floor(share * len(ordered))])


def auroc(scores: Floats, supported: Bools) -> float:
    """How often a supported claim has the higher score than one that is not; ties count half."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(supported, scores))


def by_rules(claims: Sequence[Claim]) -> Bools:
    """Which claims the rules of an answer's verification withhold."""
    found = []
    for claim in claims:
        text = " ".join(claim.evidence.replace("\x00", " ").split())
        document = Document("claim", text, "0" * 64, "text/plain", "claim", language="en")
        place = Span(0, len(text))
        statement = DraftStatement(" ".join(claim.text.split()), ())
        reason = check_by_rules(statement, [(document, place)], question="", shown={document.id: [place]})
        found.append(reason is not None)
    return np.array(found)


def measured(
    calibration: Calibration, log_odds: Floats, supported: Bools, ruled: Bools, threshold: float | None = None
) -> dict[str, Any]:
    """What is withheld of the supported claims (by mistake) and of the others (caught), in shares."""
    probabilities = np.array([calibration.probability(value) for value in log_odds])
    below = probabilities < (calibration.threshold if threshold is None else threshold)

    def shares(withheld: Bools) -> dict[str, float]:
        return {
            "supported_withheld": round(float(withheld[supported].mean()), 4),
            "unsupported_caught": round(float(withheld[~supported].mean()), 4),
        }

    return {
        "n": len(log_odds),
        "supported": int(supported.sum()),
        "auroc": round(auroc(log_odds, supported), 4),
        "accuracy": round(float(((probabilities >= 0.5) == supported).mean()), 4),
        "rules": shares(ruled),
        "support": shares(below),
        "both": shares(below | ruled),
    }


def fitted(
    network: ReaderNetwork, held_out: Mapping[str, Sequence[Claim]]
) -> tuple[Calibration, dict[str, Any]]:
    """The calibration, and the figures of the half that it was not fitted to."""
    odds: dict[str, Floats] = {}
    truth: dict[str, Bools] = {}
    for name, claims in held_out.items():
        log.info("%s: %d claims", name, len(claims))
        odds[name] = np.array(network.support([(claim.text, claim.evidence) for claim in claims]))
        truth[name] = np.array([claim.supported for claim in claims])
    first_odds = np.concatenate([odds[name][::2] for name in held_out])
    first_truth = np.concatenate([truth[name][::2] for name in held_out])
    bias, slope = fit(first_odds, first_truth)
    open_ended = Calibration(bias, slope, 0.0)
    limits = []
    for name in SHORT:
        honest = odds[name][::2][truth[name][::2]]
        limits.append(threshold_for(np.array([open_ended.probability(value) for value in honest])))
    calibration = Calibration(round(bias, 6), round(slope, 6), round(min(limits) - 5e-5, 4))
    figures: dict[str, Any] = {}
    for name, claims in held_out.items():
        second = slice(1, None, 2)
        ruled = by_rules(claims[second])
        figures[name] = measured(calibration, odds[name][second], truth[name][second], ruled)
        figures[name]["at"] = {
            str(each): measured(calibration, odds[name][second], truth[name][second], ruled, each)["support"]
            for each in GRID
        }
    return calibration, figures


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m rag.training.support", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds support/")
    parser.add_argument("--network", type=Path, default=MODEL, help="default: the shipped one")
    parser.add_argument("--out", type=Path, default=CALIBRATION, help="default: where the program reads it")
    parsed = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    network = ReaderNetwork(parsed.network)
    if not network.has_support():
        parser.error(f"{parsed.network} has no support head; train one, or name another --network")
    _, held_out = recorded(parsed.data / FOLDER)
    calibration, figures = fitted(network, held_out)
    found = {
        "network": digest_of_file(parsed.network),
        "bias": calibration.bias,
        "slope": calibration.slope,
        "threshold": calibration.threshold,
        "figures": figures,
    }
    parsed.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    log.info(
        "bias %.4f, slope %.4f, threshold %.4f", calibration.bias, calibration.slope, calibration.threshold
    )
    for name, figure in figures.items():
        log.info("%s: %s", name, json.dumps(figure))


if __name__ == "__main__":
    main()
