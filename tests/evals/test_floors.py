"""The shipped answerer keeps the pinned floors on the sample dossier's questions."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.cli import main


def test_the_floors_hold(repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite, floors = repository / "evals" / "suites" / "transfers", repository / "evals" / "floors.json"
    assert main(["answers", str(suite), "--out", str(tmp_path / "run")]) == 0
    code = main(["gate", str(tmp_path / "run"), "--floors", str(floors)])
    assert code == 0, capsys.readouterr().out


def test_a_worse_run_breaks_them(repository: Path, tmp_path: Path) -> None:
    """A threshold that declines nearly everything must not pass."""
    suite, floors = repository / "evals" / "suites" / "transfers", repository / "evals" / "floors.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONRECORD_ANSWER_THRESHOLD", "0.99")
        assert main(["answers", str(suite), "--out", str(tmp_path / "run")]) == 0
    assert main(["gate", str(tmp_path / "run"), "--floors", str(floors)]) == 1
