"""The benchmark of answers: one real run over the smallest suite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.bench.asking import main


def test_every_question_is_timed(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = repository / "evals" / "suites" / "smoke"
    assert main(["--suite", str(suite), "--cold", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["cold_ms"]["n"], found["warm_ms"]["n"]) == (1, 10)
    assert 0 < found["warm_ms"]["p50"] <= found["warm_ms"]["p95"]
