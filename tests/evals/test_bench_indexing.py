"""The indexing benchmark: deterministic files, one real run of our own side, and its arithmetic."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.bench.indexing import Measured, main, measure, render
from evals.bench.texts import write_texts


def test_the_same_files_come_out_every_time(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    assert write_texts(first, 12) == write_texts(second, 12)
    texts = [path.read_text(encoding="utf-8") for path in sorted(first.iterdir())]
    assert texts == [path.read_text(encoding="utf-8") for path in sorted(second.iterdir())]
    assert len(set(texts)) == 12
    assert all(2_500 <= len(text) <= 8_000 for text in texts)


def test_the_table_compares_with_ours() -> None:
    table = render([Measured("ours", 2.0, 300, 1200, 400.0), Measured("stock256", 9.0, 300, 1100, None)])
    assert [line.split() for line in table.splitlines()[1:]] == [
        ["ours", "2.0", "150.0", "1200", "600.0", "400"],
        ["stock256", "9.0", "33.3", "1100", "122.2", "4.50", "x"],
    ]


def test_our_side_runs_for_real(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--files", "3", "--only", "ours", "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)
    assert (result["name"], result["files"]) == ("ours", 3)
    assert result["chunks"] >= 9
    assert result["chunks_per_second"] == pytest.approx(result["chunks"] / result["seconds"])
    assert result["peak_mib"] > 50


def test_a_contender_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    with pytest.raises(RuntimeError, match=r"stock256 failed: [\s\S]*no-such-folder"):
        measure("stock256", tmp_path / "no-such-folder", tmp_path / "work")


def test_the_embedding_benchmark_runs_for_real(capsys: pytest.CaptureFixture[str]) -> None:
    from evals.bench import embedding

    assert embedding.main(["--passages", "8", "--only", "numpy", "openvino", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["way"], row["cosine"]) for row in rows] == [("numpy", None), ("openvino", None)]
    assert all(
        row["passages_per_second"] > 0 and row["question_ms"] > 0 and row["cold_s"] > 0 for row in rows
    )
    assert "numpy" in embedding.render(rows)
