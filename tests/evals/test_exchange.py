"""Importers and exporters: what comes in can be run, what goes out can be read by the others' tools."""

import csv
import json

import ir_measures
import pytest
import yaml
from ir_measures import RR

from evals.corpus import read_folder
from evals.exporters import export
from evals.importers import import_suite
from evals.run import RunOptions, run_suite
from evals.store import RunFolder
from evals.suite import attach_gold, read_suite
from rag.errors import UsageError
from rag.settings import Settings
from tests.evals.conftest import ScriptedSystem, load_text, write_suite
from tests.evals.test_beir import write_beir
from tests.evals.test_run import QUESTIONS, load
from tests.evals.test_squad_reading import qa, squad_file


def imported(format_, source, target, **more):
    result = import_suite(format_, source, target, **more)
    suite = read_suite(target)
    return attach_gold(suite, read_folder(suite.corpus_folder, load_text)), result


def test_squad(tmp_path):
    source = squad_file(
        tmp_path,
        qa("a", "five arches", "five"),
        qa("b", question="Why?"),
        qa("c", "five", question="how many"),
    )
    suite, result = imported("squad", source, tmp_path / "suite")
    first, second = suite.items
    assert first.answers == (("five arches",), ("five",))
    assert suite.gold["a"][0].quote == "five arches"
    assert not second.answerable
    assert first.cluster == "Bridge"
    assert "1 questions" in result["notes"][0]


def test_beir(tmp_path):
    suite, result = imported("beir", write_beir(tmp_path / "beir"), tmp_path / "suite")
    assert [item.id for item in suite.items] == ["q1", "q2"]
    assert result["documents"] == 3
    assert suite.gold["q2"][0].quote.endswith("rye bread.")


ARTICLES = [
    {"title": "One", "body": "Alpha rose. Beta fell.", "source": "A", "published_at": "2023-10-01"},
    {"title": "Two", "body": "Gamma stayed.", "source": "B"},
]
MULTIHOP = [
    {"query": "Did Alpha rise?", "answer": "Yes", "question_type": "comparison_query",
     "evidence_list": [{"title": "One", "fact": "Alpha rose."}, {"title": "Two", "fact": "Delta left."}]},
    {"query": "Who is Omega?", "answer": "Insufficient information.", "question_type": "null_query", "evidence_list": []},
]  # fmt: skip


def test_multihop_rag_with_and_without_articles(tmp_path):
    source = tmp_path / "multi.json"
    source.write_text(json.dumps(MULTIHOP))
    (tmp_path / "articles.json").write_text(json.dumps(ARTICLES))
    suite, result = imported("multihop-rag", source, tmp_path / "suite", corpus=tmp_path / "articles.json")
    assert [item.answerable for item in suite.items] == [True, False]
    assert [gold.quote for gold in suite.gold["0"]] == ["Alpha rose."]
    assert any("1 evidence sentences" in note for note in result["notes"])
    suite, result = imported("multihop-rag", source, tmp_path / "bare")
    assert suite.name == "multihop-rag-evidence-only"
    assert len(suite.gold["0"]) == 2


def test_csv(tmp_path):
    (tmp_path / "notes.txt").write_text("The bridge has five arches.")
    source = tmp_path / "questions.csv"
    with source.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["Question", "answer", "document", "quote", "answerable"])
        rows.writerow(["How many arches?", "five|5", "notes.txt", "five arches", ""])
        rows.writerow(["Who painted it?", "", "", "", "false"])
    suite, _ = imported("csv", source, tmp_path / "suite")
    assert suite.items[0].answers == (("five",), ("5",))
    assert suite.gold["row-2"][0].quote == "five arches"
    assert not suite.items[1].answerable


def test_csv_reads_no_file_outside_its_folder(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "in").mkdir()
    source = tmp_path / "in/questions.csv"
    source.write_text("question,document,quote\nWhat?,../secret.txt,secret\n")
    with pytest.raises(UsageError, match="not beside"):
        import_suite("csv", source, tmp_path / "suite")


def test_ragas(tmp_path):
    source = tmp_path / "ragas.jsonl"
    entries = [
        {
            "user_input": "How many arches?",
            "reference": "five",
            "reference_contexts": ["The bridge has five arches."],
        },
        {
            "user_input": "Why?",
            "reference": "Because the river is wide and deep there.",
            "retrieved_contexts": ["Other."],
        },
    ]
    source.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    suite, result = imported("ragas", source, tmp_path / "suite")
    assert suite.items[0].answers == (("five",),)
    assert suite.items[1].nuggets[0].text.startswith("Because")
    assert result["documents"] == 2


def test_imports_refuse_a_full_folder_and_files_of_another_kind(tmp_path):
    source = squad_file(tmp_path, qa("a", "five"))
    with pytest.raises(UsageError, match="not empty"):
        import_suite("squad", source, tmp_path)
    with pytest.raises(UsageError):
        import_suite("ragas", source, tmp_path / "suite")
    with pytest.raises(UsageError):
        import_suite("csv", tmp_path / "none.csv", tmp_path / "suite")
    assert not (tmp_path / "suite").exists()


@pytest.fixture
def run(tmp_path):
    suite, corpus = load(write_suite(tmp_path / "suite", QUESTIONS))
    run_suite(suite, corpus, ScriptedSystem(), Settings(), tmp_path / "run", RunOptions())
    folder = RunFolder(tmp_path / "run")
    return folder.description(), folder.summary(), folder.records()


def test_trec_files_are_read_by_trec_eval(run, tmp_path):
    export("trec", *run, tmp_path / "out")
    found = ir_measures.calc_aggregate(
        [RR @ 10],
        ir_measures.read_trec_qrels(str(tmp_path / "out/qrels.txt")),
        ir_measures.read_trec_run(str(tmp_path / "out/run.txt")),
    )
    assert found[RR @ 10] == run[1]["metrics"]["mrr@10"]["value"] == 1


def test_an_inspect_log_has_a_sample_a_question_and_no_score_where_nothing_is_defined(run, tmp_path):
    [path] = export("inspect", *run, tmp_path / "out")
    log = json.loads(path.read_text())
    assert (log["version"], log["status"], len(log["samples"])) == (2, "success", 12)
    assert "answer_em" not in log["samples"][0]["scores"]
    assert log["samples"][1]["scores"]["answer_em"]["value"] == 1


def test_promptfoo_asserts_what_was_measured_and_runs_no_template(run, tmp_path):
    run[2][1]["ask"]["answer"] = "{{ env.SECRET }} {% raw %}"
    [path] = export("promptfoo", *run, tmp_path / "out")
    config = yaml.safe_load(path.read_text())
    assert config["providers"] == ["echo"]
    assert len(config["tests"]) == 12
    assert config["tests"][0]["assert"][0]["value"] == "0.0 >= 1"
    assert config["tests"][1]["assert"][0]["value"] == "1.0 >= 1"
    assert "{{" not in config["tests"][1]["vars"]["answer"]
    assert "{%" not in config["tests"][1]["vars"]["answer"]
