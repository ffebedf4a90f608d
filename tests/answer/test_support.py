"""The support model: its calibration, what it withholds, and how both are fitted."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from rag.answer import support
from rag.answer.checks import check
from rag.answer.network import MODEL, ReaderNetwork, shipped_network
from rag.answer.support import CALIBRATION, Calibration, Supporter, digest_of_file, read_calibration
from rag.training import support as training
from rag.training.claims import Claim
from rag.types import Document, DraftStatement, Span


class SharedWords(ReaderNetwork):
    """A network in name only: the log-odds are high where the evidence has every word of the claim."""

    def __init__(self, has_head: bool = True) -> None:
        super().__init__()
        self._has_head = has_head
        self.asked: list[tuple[str, str]] = []

    def has_support(self) -> bool:
        return self._has_head

    def support(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        self.asked += pairs
        return [
            8 * len(set(claim.split()) & set(text.split())) / len(claim.split()) - 4 for claim, text in pairs
        ]


EVEN = Calibration(0.0, 1.0, 0.3)


@pytest.mark.parametrize(
    ("log_odds", "probability"), [(0, 0.5), (2, 0.880797), (-2, 0.119203), (900, 1), (-900, 0)]
)
def test_log_odds_become_probabilities(log_odds, probability):
    assert EVEN.probability(log_odds) == pytest.approx(probability, abs=1e-6)
    assert Calibration(1.0, 2.0, 0.3).probability(-0.5) == 0.5


def test_a_calibration_counts_for_the_network_that_it_was_fitted_to(tmp_path: Path):
    network = tmp_path / "reader.onnx"
    network.write_bytes(b"one network")
    path = tmp_path / "support.json"
    assert read_calibration(path, network) is None
    fitted = {"network": digest_of_file(network), "bias": 0.5, "slope": 2.0, "threshold": 0.25, "figures": {}}
    path.write_text(json.dumps(fitted))
    assert read_calibration(path, network) == Calibration(0.5, 2.0, 0.25)
    network.write_bytes(b"another network")
    assert read_calibration(path, network) is None


def test_without_a_head_or_a_calibration_everything_is_unknown():
    for supporter in (Supporter(SharedWords(has_head=False), EVEN), Supporter(SharedWords(), None)):
        assert supporter.support([("a claim", "a text"), ("b", "b")]) == [None, None]
        assert supporter.threshold == 0
    assert Supporter(SharedWords(), EVEN).support([("a b", "a b"), ("a b", "c d")]) == [
        pytest.approx(0.982, abs=1e-3),
        pytest.approx(0.018, abs=1e-3),
    ]


def test_the_shipped_network_and_its_calibration_belong_together():
    """A network with a head needs `python -m rag.training.support` run for it; one without needs no calibration."""
    if shipped_network().has_support():
        assert read_calibration(CALIBRATION, MODEL) is not None
        (true, untrue) = support.support(
            [
                (
                    "The ferry Aurora carried 37 barrels.",
                    "On Monday the ferry Aurora carried 37 barrels to Gannet.",
                ),
                ("The mayor resigned in May.", "On Monday the ferry Aurora carried 37 barrels to Gannet."),
            ]
        )
        assert true is not None
        assert untrue is not None
        assert true > untrue
        assert true > support.threshold()
    else:
        assert support.support([("a claim", "a text")]) == [None]
        assert support.threshold() == 0


def checked(text: str, evidence: str, language: str = "en") -> str | None:
    document = Document("one", evidence, "0" * 64, "text/plain", "one.txt", language=language)
    place = Span(0, len(evidence))
    return check(DraftStatement(text, ()), [(document, place)], question="", shown={"one": [place]})


def test_what_the_rules_let_pass_is_asked_of_the_network(monkeypatch: pytest.MonkeyPatch):
    network = SharedWords()
    monkeypatch.setattr(support, "shipped", lambda: Supporter(network, EVEN))
    evidence = "The ferry carried 37 barrels and a cow."
    assert checked("The ferry carried 37 barrels", evidence) is None
    reason = checked("Someone drowned with 37 barrels aboard, sadly", evidence)
    assert reason is not None
    assert reason.startswith("the cited sentences do not seem to say this (support 0.")
    asked = len(network.asked)
    # The rules come first; it reads no Spanish and does not add up.
    assert "figure" in (checked("The ferry carried 38 barrels", evidence) or "")
    assert checked("El barco llevó 37 barriles", evidence) is None
    assert (
        checked("Se ahogó una vaca con los 37 barriles", "El barco llevó 37 barriles y una vaca.", "es")
        is None
    )
    assert checked("Altogether 37 + 1 = 38 things drowned", "It carried 37 barrels and 1 cow.") is None
    assert len(network.asked) == asked


def test_the_fit_is_the_logistic_regression_of_balanced_classes():
    chance = np.random.default_rng(7)
    log_odds = chance.normal(0, 2, 4000)
    supported = chance.random(4000) < 1 / (1 + np.exp(-(1.5 * log_odds - 2)))
    bias, slope = training.fit(log_odds, supported)
    judge = LogisticRegression(C=1e9, class_weight="balanced").fit(log_odds[:, None], supported)
    assert (bias, slope) == pytest.approx((judge.intercept_[0], judge.coef_[0, 0]), abs=2e-3)
    assert slope == pytest.approx(1.5, abs=0.15)
    apart = training.fit(np.array([-1.0, -2.0, 1.0, 2.0]), np.array([False, False, True, True]))
    assert all(map(math.isfinite, apart))


def test_the_threshold_leaves_at_most_the_share_below_it():
    probabilities = np.linspace(0.01, 1, 100)
    threshold = training.threshold_for(probabilities, 0.05)
    assert (probabilities < threshold).sum() == 5
    assert training.threshold_for(np.array([0.4, 0.9]), 0.05) == 0.4


def test_auroc_is_that_of_scikit_learn():
    chance = np.random.default_rng(8)
    scores = chance.integers(0, 9, 300).astype(float)
    supported = chance.random(300) < scores / 10
    assert training.auroc(scores, supported) == pytest.approx(roc_auc_score(supported, scores))


def claims(count: int) -> list[Claim]:
    text = "The ferry carried 37 barrels and a cow."
    return [
        Claim("The ferry carried 37 barrels", text, True),
        Claim("The ferry carried 37 barrels", text, True),
        Claim("Someone drowned with barrels aboard", text, False),
        Claim("The ferry carried 12 barrels", text, False),
    ] * count


def test_what_is_fitted_on_one_half_is_measured_on_the_other(tmp_path: Path):
    held_out = {"begin": claims(5), "fm2": claims(5), "wice": claims(2)}
    calibration, figures = training.fitted(SharedWords(), held_out)
    begin = figures["begin"]
    assert begin["n"] == 10
    assert begin["supported"] == 5
    assert begin["auroc"] == 1
    assert begin["rules"] == {"supported_withheld": 0.0, "unsupported_caught": 1.0}
    assert begin["both"]["supported_withheld"] == 0
    assert begin["both"]["unsupported_caught"] == 1
    assert begin["at"]["0.5"]["supported_withheld"] == 0
    assert 0 < calibration.threshold < calibration.probability(4)


def test_a_network_without_a_head_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(training, "ReaderNetwork", lambda path: SharedWords(has_head=False))
    with pytest.raises(SystemExit):
        training.main(["--data", str(tmp_path), "--out", str(tmp_path / "support.json")])
    assert "no support head" in capsys.readouterr().err
    assert not (tmp_path / "support.json").exists()
