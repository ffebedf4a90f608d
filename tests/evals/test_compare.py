import json
from pathlib import Path

import numpy as np
import pytest

from evals.compare import compare, load_run, require_same, table
from evals.store import as_document, as_line
from rag.errors import UsageError


def write_run(
    folder: Path,
    scores: list[dict],
    *,
    clusters=None,
    suite="s" * 64,
    corpus="c" * 64,
    primary=None,
    states=None,
    finished=True,
    sample=None,
    system="offline",
) -> Path:
    """A run folder with these scores; questions are q0, q1, …"""
    folder.mkdir(parents=True)
    identity = {
        "suite": {"name": "suite", "digest": suite, "primary_metric": primary},
        "corpus": {"digest": corpus},
        "sample": sample,
        "system": {"answerer": system},
        "settings_digest": "d",
    }
    (folder / "run.json").write_bytes(as_document({"identity": identity}))
    records = [
        {
            "id": f"q{index}",
            "trial": 0,
            "question": f"Question {index}?",
            "category": None,
            "cluster": clusters[index] if clusters else None,
            "state": states[index] if states else "answered",
            "error": None,
            "stage": None,
            "ask": {"answer": "a", "confidence": 0.5},
            "scores": values,
            "counts": {"quote_verbatim": [1, 1]},
        }
        for index, values in enumerate(scores)
    ]
    (folder / "results.jsonl").write_bytes(b"".join(map(as_line, records)))
    if finished:
        (folder / "summary.json").write_bytes(as_document({"wanted": len(records)}))
    return folder


def both(tmp_path, a, b, **more):
    first = load_run(write_run(tmp_path / "a", a, **more))
    return compare(first, load_run(write_run(tmp_path / "b", b, **more)))


def reader_scores(random, n, gain=0.0):
    """F1 of two readers on the same questions, spread as for SQuAD: most are 1, some 0, the rest between.

    The better one mends questions that the other got wrong, and loses some that it got right.
    """
    first = np.where(random.random(n) < 0.78, 1.0, np.where(random.random(n) < 0.5, 0.0, random.random(n)))
    second = first.copy()
    changed = random.random(n) < 0.12
    second[changed] = np.where(random.random(n) < 0.85, 1.0, 0.0)[changed]
    short = gain - float(np.mean(second - first))
    pool = np.flatnonzero((second < 0.5) if short > 0 else (second > 0.5))
    for index in random.permutation(pool):
        if abs(gain - float(np.mean(second - first))) < 0.5 / n:
            break
        target = second[index] + np.clip(n * (gain - float(np.mean(second - first))), -1, 1)
        second[index] = float(np.clip(target, 0, 1))
    return first, second


def f1(values):
    return [{"answer_f1": float(value), "accuracy": float(value > 0.5)} for value in values]


def test_a_run_against_itself_cannot_tell(tmp_path):
    first, _ = reader_scores(np.random.default_rng(1), 1000)
    result = both(tmp_path, f1(first), f1(first))
    assert result["verdict"] == "cannot tell"
    assert result["detectable_difference"] is None
    assert {row["verdict"] for row in result["metrics"].values()} == {"cannot tell"}
    assert any("any difference is noise" in note for note in result["notes"])
    assert "cannot tell at n=1000" in table(result)


def test_a_difference_of_3_7_points_at_n_1000_is_found(tmp_path):
    for seed in range(5):
        first, second = reader_scores(np.random.default_rng(seed), 1000, gain=0.037)
        result = both(tmp_path / str(seed), f1(first), f1(second))
        assert result["metrics"]["answer_f1"]["difference"] == pytest.approx(0.037, abs=0.001)
        assert result["verdict"] == "better", result["metrics"]["answer_f1"]
        assert result["metrics"]["answer_f1"]["low"] > 0
        assert 0.01 < result["detectable_difference"] < 0.037
        backwards = both(tmp_path / f"{seed}b", f1(second), f1(first))
        assert backwards["verdict"] == "worse"


def test_the_detectable_difference_stands_before_the_verdict(tmp_path):
    first, second = reader_scores(np.random.default_rng(2), 300, gain=0.037)
    shown = table(both(tmp_path, f1(first), f1(second)))
    assert shown.index("least difference") < shown.index("95 % interval") < shown.index("at n=300")


def test_two_noisy_systems_of_equal_quality_are_rarely_told_apart(tmp_path):
    random = np.random.default_rng(11)
    told = 0
    for trial in range(40):
        a, b = random.random(120) < 0.7, random.random(120) < 0.7
        scores = [[{"accuracy": float(value)} for value in values] for values in (a, b)]
        told += both(tmp_path / str(trial), *scores)["verdict"] != "cannot tell"
    assert told <= 5  # 2 are expected at the 5 % level; 6 or more have a chance below 2 %


def test_rates_use_mcnemar_and_clusters_a_sign_flip(tmp_path):
    a = [{"accuracy": 0.0}] * 6 + [{"accuracy": 1.0}] * 6
    b = [{"accuracy": 1.0}] * 12
    row = both(tmp_path / "plain", a, b)["metrics"]["accuracy"]
    assert (row["test"], row["p"], row["verdict"]) == ("mcnemar_exact", pytest.approx(0.03125), "better")
    # The same six questions in two clusters prove nothing.
    result = both(tmp_path / "clustered", a, b, clusters=["x"] * 3 + ["y"] * 3 + ["z"] * 6)
    row = result["metrics"]["accuracy"]
    assert (row["test"], row["p"], row["verdict"]) == (
        "sign_flip_clusters",
        pytest.approx(0.5),
        "cannot tell",
    )
    assert any("3 clusters" in note for note in result["notes"])


def test_lower_is_better_for_refusals_and_forbidden_claims(tmp_path):
    a, b = [{"over_refusal": 1.0}] * 10, [{"over_refusal": 0.0}] * 10
    assert both(tmp_path, a, b, primary="over_refusal")["verdict"] == "better"


def test_the_primary_metric_is_tested_alone_and_the_others_by_holm(tmp_path):
    a = [{"accuracy": 0.0, "answer_em": 0.0, "answer_contains": 0.0}] * 6
    b = [{"accuracy": 1.0, "answer_em": 1.0, "answer_contains": 1.0}] * 6
    rows = both(tmp_path, a, b, primary="accuracy")["metrics"]
    assert (rows["accuracy"]["p_holm"], rows["accuracy"]["verdict"]) == (None, "better")
    assert rows["answer_em"]["p_holm"] == pytest.approx(2 * 0.03125)
    assert rows["answer_em"]["verdict"] == "cannot tell"


def test_questions_with_a_value_in_one_run_only_are_counted(tmp_path):
    a = [{"citation_precision": 1.0, "accuracy": 1.0}, {"citation_precision": None, "accuracy": 1.0}]
    b = [{"citation_precision": 1.0, "accuracy": 1.0}, {"citation_precision": 0.5, "accuracy": 1.0}]
    result = both(tmp_path, a, b)
    row = result["metrics"]["citation_precision"]
    assert (row["n"], row["only_in_a"], row["only_in_b"]) == (1, 0, 1)
    assert any("citation_precision 1" in note for note in result["notes"])


def test_changed_questions_are_listed(tmp_path):
    result = both(tmp_path, [{"accuracy": 1.0}, {"accuracy": 0.0}], [{"accuracy": 1.0}, {"accuracy": 1.0}])
    [changed] = result["changed"]
    assert (changed["id"], changed["a"]["correct"], changed["b"]["correct"]) == ("q1", 0.0, 1.0)
    json.dumps(result)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"suite": "t" * 64}, "the suites differ"),
        ({"corpus": "d" * 64}, "the corpora differ"),
        ({"sample": {"size": 2, "seed": 1}}, "the questions differ"),
    ],
)
def test_runs_of_different_things_are_refused(tmp_path, other, reason):
    scores = [{"accuracy": 1.0}] * 2
    first = load_run(write_run(tmp_path / "a", scores))
    second = load_run(write_run(tmp_path / "b", scores, **other))
    with pytest.raises(UsageError, match=reason):
        require_same(first, second)


def test_unfinished_missing_and_failed_runs_are_refused(tmp_path):
    scores = [{"accuracy": 1.0}] * 2
    with pytest.raises(UsageError, match="no run here"):
        load_run(tmp_path)
    with pytest.raises(UsageError, match="unfinished"):
        load_run(write_run(tmp_path / "a", scores, finished=False))
    folder = write_run(tmp_path / "b", scores)
    (folder / "results.jsonl").write_bytes(
        (folder / "results.jsonl").read_bytes().splitlines(keepends=True)[0]
    )
    with pytest.raises(UsageError, match="1 results of 2"):
        load_run(folder)
    with pytest.raises(UsageError, match="failed on every question"):
        load_run(write_run(tmp_path / "c", scores, states=["error", "timeout"]))
