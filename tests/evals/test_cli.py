"""`onrecord eval` from end to end, with the real pipeline over the small shipped suite."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evals.cli import main
from rag.cli import main as onrecord
from rag.errors import UsageError
from tests.evals.conftest import write_suite
from tests.evals.test_beir import write_beir
from tests.evals.test_squad_reading import qa, squad_file

ROOT = Path(__file__).parents[2]
SMOKE = ROOT / "evals/suites/smoke"
NAMES = {
    "answer_em", "answer_f1", "answer_contains", "nugget_recall", "quote_verbatim", "citation_precision",
    "citation_recall", "rejection_rate", "over_refusal", "aurc", "speaker_accuracy", "disagreement_accuracy",
    "forbidden_rate", "recall@10", "all@10", "mrr@10",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of the smoke suite, and what it printed."""
    folder = tmp_path_factory.mktemp("runs")
    command = [
        sys.executable,
        "-m",
        "rag",
        "eval",
        "answers",
        str(SMOKE),
        "--out",
        str(folder / "run"),
        "--json",
    ]
    found = subprocess.run(
        command, cwd=folder, capture_output=True, env=os.environ | {"ONRECORD_CONFIG": ""}, timeout=300
    )
    assert found.returncode == 0, found.stderr.decode()
    return folder / "run", json.loads(found.stdout)


def call(capfd, *arguments):
    """Exit code, standard output and standard error of `onrecord eval ARGUMENTS`."""
    code = onrecord(["eval", *map(str, arguments)])
    shown = capfd.readouterr()
    return code, shown.out, shown.err


def test_answers_prints_the_contract_s_object(run):
    folder, found = run
    assert (found["suite"], found["questions"], found["scored"], found["failed"]) == ("smoke", 10, 10, 0)
    assert set(found["metrics"]) >= NAMES
    assert all(set(entry) >= {"value", "n", "low", "high"} for entry in found["metrics"].values())
    assert found["metrics"]["quote_verbatim"]["value"] == 1
    assert found["metrics"]["recall@10"]["value"] >= 0.8
    assert found["by_category"]["single_fact"]["answer_contains"]["n"] == 3
    assert 0 < found["latency_ms"]["p50"] <= found["latency_ms"]["p95"]
    assert found["run"] == str(folder)


def test_the_same_command_changes_no_byte(run, capfd):
    folder, _ = run
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    code, shown, _ = call(capfd, "answers", SMOKE, "--out", folder)
    assert code == 0
    assert "quote_verbatim" in shown
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_second_run_offline_gives_the_same_results_bit_for_bit(run, capfd):
    folder, _ = run
    code, _, errors = call(capfd, "answers", SMOKE, "--out", folder.parent / "again", "--jobs", 2)
    assert code == 0, errors
    assert (folder.parent / "again/results.jsonl").read_bytes() == (folder / "results.jsonl").read_bytes()
    code, shown, _ = call(capfd, "compare", folder, folder.parent / "again", "--json")
    assert code == 0
    assert json.loads(shown)["verdict"] == "cannot tell"


def test_report_gate_and_export(run, tmp_path, capfd):
    folder, _ = run
    code, shown, _ = call(
        capfd, "report", folder, "--html", tmp_path / "r.html", "--junit", tmp_path / "r.xml"
    )
    assert code == 0
    assert "accuracy" in shown
    assert (tmp_path / "r.html").stat().st_size > 10_000
    assert (tmp_path / "r.xml").read_bytes().startswith(b"<?xml")
    floors = tmp_path / "floors.json"
    assert call(capfd, "gate", folder, "--floors", floors)[0] == 2
    assert call(capfd, "gate", folder, "--floors", floors, "--update", "--metric", "quote_verbatim")[0] == 0
    assert call(capfd, "gate", folder, "--floors", floors)[:2] == (0, "1 of 1 floors kept\n")
    pinned = json.loads(floors.read_text())
    pinned["smoke"]["floors"]["quote_verbatim"] = 1.1
    floors.write_text(json.dumps(pinned))
    assert call(capfd, "gate", folder, "--floors", floors)[0] == 1
    assert call(capfd, "export", "trec", folder, "--to", tmp_path)[0] == 0
    assert (tmp_path / "run.txt").exists()


def test_a_failed_gate_of_the_suite_is_1(tmp_path, capfd):
    question = {
        "id": "a",
        "question": "Who won the football final?",
        "answerable": True,
        "answers": ["nobody at all"],
    }
    suite = write_suite(tmp_path / "suite", [question], "gates:\n- {metric: answer_em, min: 0.5}\n")
    code, _, errors = call(capfd, "answers", suite, "--out", tmp_path / "runs/run")
    assert code == 1
    assert "gate failed: answer_em is 0.0000, below 0.5" in errors


def test_a_question_past_its_time_is_3(tmp_path, capfd):
    suite = write_suite(tmp_path / "suite", [{"id": "a", "question": "How many flew?", "answerable": False}])
    code, shown, errors = call(
        capfd, "answers", suite, "--out", tmp_path / "runs/run", "--time-limit", 0.000001, "--json"
    )
    assert code == 3
    assert json.loads(shown)["failed"] == 1
    assert "--retry-failed" in errors


def test_lint_names_every_problem_and_is_2(tmp_path, capfd):
    assert call(capfd, "lint", SMOKE)[0] == 0
    lines = [{"id": "a", "question": "Who?", "answerable": True, "answers": []}, {"id": "b"}]
    suite = write_suite(tmp_path / "suite", lines)
    code, _, errors = call(capfd, "lint", suite)
    assert code == 2
    assert f"{suite}/questions.jsonl:1: answers: the list is empty" in errors
    assert f"{suite}/questions.jsonl:2: question: the field is missing" in errors
    code, shown, _ = call(capfd, "lint", suite, "--json")
    assert code == 2
    assert {problem["line"] for problem in json.loads(shown)["problems"]} == {1, 2}
    code, _, errors = call(capfd, "answers", suite)
    assert code == 2
    assert "questions.jsonl:1" in errors


def test_an_answer_in_its_question_fails_lint_but_not_a_run(tmp_path, capfd):
    question = {"id": "a", "question": "Did 26 people fly?", "answerable": True, "answers": ["26"]}
    suite = write_suite(tmp_path / "suite", [question])
    assert call(capfd, "lint", suite)[0] == 2
    code, _, errors = call(capfd, "answers", suite, "--out", tmp_path / "runs/run")
    assert code == 0
    assert "warning" in errors


def test_retrieval_and_reading_print_the_contract_s_objects(tmp_path, capfd):
    code, shown, _ = call(
        capfd, "retrieval", write_beir(tmp_path / "beir"), "--json", "--trec", tmp_path / "trec"
    )
    assert code == 0
    found = json.loads(shown)
    assert {"queries", "documents", "stages", "index_seconds", "query_ms"} <= found.keys()
    assert set(found["stages"]["fused"]) == {"ndcg@10", "recall@10", "mrr@10"}
    assert (tmp_path / "trec/qrels.txt").exists()
    code, shown, _ = call(capfd, "reading", squad_file(tmp_path, qa("a", "five arches"), qa("b")), "--json")
    assert code == 0
    keys = {"n", "em", "f1", "has_answer", "no_answer", "auroc", "best", "questions_per_second"}
    assert keys <= json.loads(shown).keys()


@pytest.mark.parametrize(
    "arguments",
    [
        ("answers", "nowhere"),
        ("compare", "nowhere", "nowhere"),
        ("report", "nowhere"),
        ("retrieval", "nowhere"),
        ("reading", "nowhere"),
        ("answers", SMOKE, "--trials", "0"),
        ("export", "pdf", "nowhere"),
        ("unknown",),
    ],
)
def test_unusable_calls_are_2_with_one_line(tmp_path, capfd, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    code, shown, errors = call(capfd, *arguments)
    assert (code, shown) == (2, "")
    assert errors.startswith("onrecord: ")
    assert errors.count("\n") == 1


def test_help_on_every_level(capsys):
    for command in (
        "lint",
        "answers",
        "retrieval",
        "reading",
        "compare",
        "report",
        "gate",
        "import",
        "export",
    ):
        with pytest.raises(SystemExit) as caught:
            main([command, "--help"])
        assert caught.value.code == 0
        assert "example" in capsys.readouterr().out
    with pytest.raises(UsageError):
        main(["answers"])
