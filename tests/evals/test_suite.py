import json
from pathlib import Path

import pytest

from evals.corpus import Corpus, Source, UnknownName, digest_folder, read_folder
from evals.suite import Suite, SuiteInvalid, attach_gold, leaks, read_suite
from tests.evals.conftest import load_text, write_suite


def question(identity: str = "q1", **fields: object) -> dict[str, object]:
    return {
        "id": identity,
        "question": f"How many flew, {identity}?",
        "answerable": True,
        "answers": ["26"],
        **fields,
    }


def read(folder: Path) -> Suite:
    suite = read_suite(folder)
    corpus = read_folder(suite.corpus_folder, load_text) if suite.corpus_folder else None
    return attach_gold(suite, corpus)


def unanswerable(**fields: object) -> dict[str, object]:
    return {"id": "q1", "question": "Who won?", "answerable": False, **fields}


EVIDENCE = {"document": "first.txt", "quote": "26 people"}

# (what is broken, the lines of questions.jsonl, the line to blame, the field, a part of the reason)
BROKEN_QUESTIONS = [
    ("bad JSON", b'{"id": "q1",\n', 1, "", "not JSON"),
    ("not an object", [["q1"]], 1, "", "not a list"),
    ("not UTF-8", b'{"id":"a","question":"b","answerable":false}\n{"id":"\xff"}\n', 2, "", "not UTF-8"),
    ("field twice", b'{"id":"a","id":"b","question":"b","answerable":false}\n', 1, "id", "given twice"),
    ("no id", [{"question": "Who?", "answerable": False}], 1, "id", "missing"),
    ("no question", [{"id": "a", "answerable": False}], 1, "question", "missing"),
    ("no answerable", [{"id": "a", "question": "Who?"}], 1, "answerable", "missing"),
    ("empty question", [unanswerable(question=" ")], 1, "question", "empty"),
    ("id is a number", [unanswerable(id=7)], 1, "id", "not a number"),
    ("answerable is text", [unanswerable(answerable="yes")], 1, "answerable", "not text"),
    ("unknown field", [question(answer="26")], 1, "answer", "unknown field"),
    ("duplicate id", [question(), question(question="Another?")], 2, "id", "line 1"),
    (
        "duplicate question",
        [question(), question("q2", question="how many flew  q1")],
        2,
        "question",
        "line 1",
    ),
    ("unanswerable with answers", [unanswerable(answers=["26"])], 1, "answers", "unanswerable"),
    ("unanswerable with evidence", [unanswerable(evidence=[EVIDENCE])], 1, "evidence", "unanswerable"),
    ("unanswerable with nuggets", [unanswerable(nuggets=[{"text": "a"}])], 1, "nuggets", "unanswerable"),
    ("no answers in the list", [question(answers=[])], 1, "answers", "empty"),
    ("answers is text", [question(answers="26")], 1, "answers", "a list is needed"),
    ("empty answer", [question(answers=["26", " "])], 1, "answers[1]", "empty"),
    ("answer is a number", [question(answers=[26])], 1, "answers[0]", "not a number"),
    (
        "aliases is text",
        [question(answers=[{"value": "26", "aliases": "x"}])],
        1,
        "answers[0].aliases",
        "a list",
    ),
    (
        "bad importance",
        [question(nuggets=[{"text": "a", "importance": "high"}])],
        1,
        "nuggets[0].importance",
        "high",
    ),
    ("no wording", [question(nuggets=[{"text": "a", "any": []}])], 1, "nuggets[0].any", "empty"),
    (
        "bad severity",
        [question(forbidden=[{"any": ["x"], "severity": "bad"}])],
        1,
        "forbidden[0].severity",
        "bad",
    ),
    ("nothing forbidden", [question(forbidden=[{"severity": "fail"}])], 1, "forbidden[0].any", "missing"),
    ("bad disagreement", [question(disagreement="yes")], 1, "disagreement", "real, apparent, none"),
    ("bad split", [question(split="train")], 1, "split", "dev, test"),
    ("unknown twin", [question(twin_of="q9")], 1, "twin_of", "q9"),
    ("bad date", [question(filters={"from": "3 March"})], 1, "filters.from", "3 March"),
    (
        "dates reversed",
        [question(filters={"from": "2026-03-01", "to": "2026-02-01"})],
        1,
        "filters.from",
        "after",
    ),
    ("unknown filter", [question(filters={"outlet": "x"})], 1, "filters.outlet", "unknown field"),
    ("filter on no document", [question(filters={"document": "no.txt"})], 1, "filters.document", "no.txt"),
    (
        "no such document",
        [question(evidence=[{"document": "x.txt", "quote": "26"}])],
        1,
        "evidence[0].document",
        "x.txt",
    ),
    (
        "quote not there",
        [question(evidence=[EVIDENCE | {"quote": "27 people"}])],
        1,
        "evidence[0].quote",
        "27 people",
    ),
    ("no quote", [question(evidence=[{"document": "first.txt"}])], 1, "evidence[0].quote", "missing"),
    (
        "index out of range",
        [question(evidence=[EVIDENCE], evidence_sets=[[0], [1]])],
        1,
        "evidence_sets[1]",
        "index 1",
    ),
    (
        "empty alternative",
        [question(evidence=[EVIDENCE], evidence_sets=[[]])],
        1,
        "evidence_sets[0]",
        "empty",
    ),
    ("sets without evidence", [question(evidence_sets=[[0]])], 1, "evidence_sets[0]", "missing"),
]


@pytest.mark.parametrize(
    ("kind", "lines", "line", "field", "reason"), BROKEN_QUESTIONS, ids=lambda value: str(value)[:30]
)
def test_a_broken_question_is_named_with_line_field_and_reason(
    suite_folder, kind, lines, line, field, reason
):
    with pytest.raises(SuiteInvalid) as caught:
        read(suite_folder(lines))
    problems = [problem for problem in caught.value.problems if problem.severity == "error"]
    fitting = [problem for problem in problems if (problem.line, problem.field) == (line, field)]
    assert fitting, [str(problem) for problem in problems]
    assert reason in fitting[0].reason
    assert fitting[0].file.endswith("questions.jsonl")
    assert f"questions.jsonl:{line}" in str(caught.value)


BROKEN_YAML = [
    ("not YAML", "name: [", 1, "", "not YAML"),
    ("not a mapping", "- a\n", 1, "", "names and values"),
    ("not UTF-8", b"name: \xff\n", None, "", "not UTF-8"),
    ("unknown key", "name: a\nlicense: CC0\n", 2, "license", "unknown field"),
    ("unknown primary metric", "primary_metric: f1\n", 1, "primary_metric", "'f1'"),
    ("gate on an unknown metric", "gates:\n- {metric: f1, min: 0.5}\n", 1, "gates[0].metric", "'f1'"),
    ("gate without a bound", "gates:\n- {metric: answer_f1}\n", 1, "gates[0].min", "missing"),
    ("gate with text", "gates:\n- {metric: answer_f1, min: high}\n", 1, "gates[0].min", "a number"),
    ("corpus not there", "corpus: ../elsewhere\n", None, "corpus", "no folder"),
]


@pytest.mark.parametrize(
    ("kind", "yaml", "line", "field", "reason"), BROKEN_YAML, ids=lambda value: str(value)[:30]
)
def test_a_broken_suite_yaml_is_named_with_line_field_and_reason(
    suite_folder, kind, yaml, line, field, reason
):
    with pytest.raises(SuiteInvalid) as caught:
        read(suite_folder([question()], yaml))
    [problem] = caught.value.problems
    assert (problem.line, problem.field) == (line, field)
    assert reason in problem.reason


def test_missing_files_are_named(tmp_path, suite_folder):
    with pytest.raises(SuiteInvalid, match="no such folder"):
        read(tmp_path / "nowhere")
    (tmp_path / "bare").mkdir()
    with pytest.raises(SuiteInvalid, match=r"questions\.jsonl: the file is missing"):
        read(tmp_path / "bare")
    with pytest.raises(SuiteInvalid, match="holds no question"):
        read(suite_folder(b"\n\n"))
    with pytest.raises(SuiteInvalid, match="name a --library"):
        read(write_suite(tmp_path / "no-corpus", [question(evidence=[EVIDENCE])], texts=None))
    empty = write_suite(tmp_path / "empty-corpus", [question()], texts=None)
    (empty / "corpus").mkdir()
    with pytest.raises(SuiteInvalid, match="holds no file"):
        read(empty)


def test_all_problems_are_found_in_one_reading(suite_folder):
    lines = [question(answers=[]), {"id": "b"}, question("c", speaker=3, lang=4)]
    with pytest.raises(SuiteInvalid) as caught:
        read(suite_folder(lines, "licence: 3\n"))
    assert {
        (problem.line, problem.field) for problem in caught.value.problems if problem.severity == "error"
    } == {
        (1, "licence"),
        (1, "answers"),
        (2, "question"),
        (2, "answerable"),
        (3, "speaker"),
        (3, "lang"),
    }


def test_a_full_question_is_read_and_its_gold_found(suite_folder):
    full = question(
        answers=["26", {"value": "twenty-six", "aliases": ["26 people"]}],
        nuggets=[{"text": "26 flew", "any": ["26"]}, {"text": "in February", "importance": "okay"}],
        evidence=[EVIDENCE, {"document": "sub/second.txt", "quote": 'people  followed, "a gesture" - said'}],
        evidence_sets=[[0], [1]],
        forbidden=[{"any": ["29"]}],
        speaker="Ana López",
        disagreement="none",
        category="number",
        lang="en",
        cluster="flights",
        filters={"source": ["A", "B"], "document": "third.txt", "from": "2026-01-01", "to": None},
        rev=2,
        split="dev",
        note=None,
    )
    suite = read(suite_folder([full], "name: Flights\nversion: 1.0\nprimary_metric: answer_f1\ngates: []\n"))
    [item] = suite.items
    assert (suite.name, suite.version) == ("Flights", "1.0")
    assert item.answers == (("26",), ("twenty-six", "26 people"))
    assert [nugget.any for nugget in item.nuggets] == [("26",), ("in February",)]
    assert item.filters.sources == ("A", "B")
    assert suite.filter_documents["q1"] == ("doc-third",)
    first, second = suite.gold["q1"]
    assert first.document_id == "doc-first"
    text = (suite.corpus_folder / "sub/second.txt").read_text(encoding="utf-8")
    assert second.places[0].of(text) == "people followed, “a gesture” – said"


def test_answerable_without_gold_is_only_warned_about(suite_folder):
    bare = {"id": "a", "question": "Who?", "answerable": True}
    suite = read(suite_folder([bare]))
    assert [problem.severity for problem in suite.warnings] == ["warning"]


def test_the_same_question_under_other_filters_is_another_question(suite_folder):
    dated = question("q2", question="How many flew, q1?", filters={"to": "2026-02-01"})
    assert len(read(suite_folder([question(), dated])).items) == 2


def test_answers_that_stand_in_their_question(suite_folder):
    suite = read(
        suite_folder(
            [
                question("a", question="Did 26 people fly?"),
                question("b", question="Was it 26 or 29?"),
                question("c", question="Did 126 fly?"),
                question("d", question="Is there no answer?", answers=["no"]),
            ]
        )
    )
    assert [(problem.line, problem.field) for problem in leaks(suite)] == [(1, "answers[0]")]


def test_documents_are_found_by_id_path_or_unique_name():
    def source(identity: str, *paths: str) -> Source:
        return Source(identity, paths, lambda: identity)

    corpus = Corpus(
        [source("one", "a/x.txt", "copy.txt"), source("two", "b/x.txt"), source("three", "box.zip!/y.txt")]
    )
    assert corpus.resolve("one") == "one"
    assert corpus.resolve("a/x.txt") == "one"
    assert corpus.resolve("./copy.txt") == "one"
    assert corpus.resolve("y.txt") == "three"
    with pytest.raises(UnknownName, match="fits 2 documents"):
        corpus.resolve("x.txt")
    with pytest.raises(UnknownName, match="no document"):
        corpus.resolve("opy.txt")
    absolute = Corpus(
        [source("one", "/home/x/suite/corpus/a/x.txt"), source("two", "/home/x/suite/corpus/ba/x.txt")]
    )
    assert absolute.resolve("a/x.txt") == "one"


def test_digests_change_with_every_byte_name_and_file(tmp_path, suite_folder):
    folder = suite_folder([question()])
    suite, corpus = read_suite(folder).digest, digest_folder(folder / "corpus")
    assert (read_suite(folder).digest, digest_folder(folder / "corpus")) == (suite, corpus)
    (folder / "suite.yaml").write_text("name: b\n")
    assert read_suite(folder).digest != suite
    (folder / "corpus/first.txt").rename(folder / "corpus/renamed.txt")
    assert digest_folder(folder / "corpus") != corpus


def test_a_sample_depends_on_the_seed_only_and_keeps_the_order(suite_folder):
    suite = read_suite(suite_folder([question(f"q{number}") for number in range(50)]))
    ids = [item.id for item in suite.sample(10, seed=1).items]
    assert ids == [item.id for item in suite.sample(10, seed=1).items]
    assert ids != [item.id for item in suite.sample(10, seed=2).items]
    assert len(ids) == 10
    assert ids == [item.id for item in suite.items if item.id in ids]
    assert len(suite.sample(99, seed=1).items) == 50


def test_problems_have_a_json_form(suite_folder):
    with pytest.raises(SuiteInvalid) as caught:
        read(suite_folder([question(lang=3)]))
    [problem] = caught.value.problems
    assert json.loads(json.dumps(problem.as_json()))["line"] == 1
