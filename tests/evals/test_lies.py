"""The bench of lies: what the script may say, what becomes of each statement, and the suite that comes with it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

import evals
from evals import lies
from evals.cli import main
from evals.scripted_rules import Rule, sentence_number
from evals.suite import read_suite
from rag.errors import UsageError
from rag.settings import load_settings
from tests.evals.conftest import write_suite

SHIPPED = Path(evals.__file__).parent / "suites" / "lies"
PROMPT = """\
Question: How many flew?

<<<
document: outlet: Quillmark; date: 2025-03-01
[1] Officials said “26 people” were flown north.
[2] Nobody was named.

document: outlet: Larkspur
[3] Nobody   was named there.
>>>

Answer this question from the numbered sentences, as JSON: How many flew?"""


@pytest.mark.parametrize(
    ("words", "document", "number"),
    [
        ("26 people", "", 1),
        ('said "26 PEOPLE" were', "", 1),
        ("nobody was named", "", 2),
        ("Nobody was named", "Larkspur", 3),
        ("29 people", "", 0),
        ("26 people", "Larkspur", 0),
        ("How many", "", 0),
    ],
)
def test_a_sentence_is_found_by_its_words(words, document, number):
    assert sentence_number(PROMPT, words, document) == number


def test_marks_become_numbers_in_a_reply():
    marks = [
        "{sentence:26 people}",
        "{sentence:nobody was named@Larkspur}",
        "{sentence:29 people}",
        "{after:2}",
        7,
    ]
    reply = {"statements": [{"text": "26 {sentence:26 people}", "sentences": marks}]}
    assert json.loads(Rule(reply=reply).text(PROMPT)) == {
        "statements": [{"text": "26 {sentence:26 people}", "sentences": [1, 3, 0, 5, 7]}]
    }


def said(text, *sentences):
    return {"text": text, "sentences": list(sentences), "speaker": None, "short": None}


STATEMENTS = {
    "honest:copied": said("26 people were flown north in February.", "{sentence:26 people}"),
    "honest:number_words": said("Twenty-six people  were flown north.", "{sentence:26 people}"),
    "honest:other": said("The documents were published.", "{sentence:words that are nowhere}"),
    "lie:number": said("28 people were flown north.", "{sentence:26 people}"),
    "lie:not_shown": said("Somebody was named.", "{after:1}"),
    "lie:made_up": said("Nobody was named.", "{sentence:26 people}", "{sentence:Nobody was named}"),
}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    folder = write_suite(
        tmp_path / "small",
        [{"id": "q1", "question": "How many people were flown north?", "answerable": True}],
        "name: small-lies\n",
    )
    write_script(folder, list(STATEMENTS), list(STATEMENTS.values()))
    return folder


def write_script(folder, kinds, statements):
    rule = {
        "match": "Question: How many people were flown north\\?\n",
        "kinds": kinds,
        "reply": {"statements": statements, "missing": None},
    }
    (folder / "script.jsonl").write_text(json.dumps(rule) + "\n")


def test_one_command_tells_what_became_of_each_statement(suite, tmp_path, capfd):
    out = tmp_path / "runs" / "one"
    assert main(["lies", str(suite), "--out", str(out), "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["honest_withheld"] | {"low": 0, "high": 0} == {
        "value": 0.0, "count": 0, "n": 2, "low": 0, "high": 0
    }  # fmt: skip
    assert [each["kind"] for each in found["not_asked"]] == ["honest:other"]
    assert found["lies_by_kind"]["number"]["value"] == found["lies_by_kind"]["not_shown"]["value"] == 1
    # True, though the script calls it a lie: it is shown, so it counts as missed.
    assert [each["text"] for each in found["missed"]] == ["Nobody was named."]
    assert found["lies_caught"]["count"] == 2
    assert found["lies_caught"]["n"] == 3
    assert found["altered_caught"]["n"] == 1
    first = (out / "results.jsonl").read_bytes()
    described = json.loads((out / "run.json").read_text())
    assert described["identity"]["system"]["answerer"] == "scripted"
    # Again, with a server at another port: nothing is asked, and a fresh run gives the same bytes.
    assert main(["lies", str(suite), "--out", str(out)]) == 0
    table = capfd.readouterr().out
    assert "lies that were shown" in table
    assert "made up: Nobody was named." in table
    again = tmp_path / "runs" / "two"
    assert main(["lies", str(suite), "--out", str(again)]) == 0
    assert (again / "results.jsonl").read_bytes() == first == (out / "results.jsonl").read_bytes()
    assert (again / "lies.json").read_bytes() == (out / "lies.json").read_bytes()


@pytest.mark.parametrize(
    ("kinds", "statements", "reason"),
    [
        (["honest:a"], [], "not equally many"),
        (["honest:a", "lie:b"], [said("Same.", 1), said(" Same. ", 2)], "the same text"),
        (["true:a"], [said("Text.", 1)], "neither honest:KIND nor lie:KIND"),
        (["lie:"], [said("Text.", 1)], "neither honest:KIND nor lie:KIND"),
    ],
)
def test_a_script_that_cannot_be_judged_is_refused(suite, kinds, statements, reason):
    write_script(suite, kinds, statements)
    with pytest.raises(UsageError, match=reason):
        main(["lies", str(suite)])


def test_a_script_needs_a_rule_for_each_question(suite):
    (suite / "script.jsonl").write_text("")
    with pytest.raises(UsageError, match="0 rules for 1 questions"):
        lies.read_lies(read_suite(suite))


def test_the_shipped_script_has_enough_of_each_kind_and_fits_its_questions():
    suite = read_suite(SHIPPED)
    rules = lies.read_lies(suite)
    kinds = Counter(kind for rule in rules for kind in rule.kinds)
    assert len(kinds) == 23
    assert min(kinds.values()) >= 8
    honest = sum(count for kind, count in kinds.items() if kind.startswith("honest:"))
    assert 0.4 < honest / kinds.total() < 0.6
    assert {f"lie:{kind}" for kind in lies.ALTERED} <= set(kinds)
    for item, rule in zip(suite.items, rules, strict=True):
        fitting = [other.id for other in suite.items if rule.chosen_by(f"Question: {other.question}\n\n<<<")]
        assert fitting == [item.id]


def test_the_shipped_suite_keeps_what_was_measured(tmp_path):
    """Floors of what the rules reach; the support model adds to them."""
    finished, statements = lies.run_lies(read_suite(SHIPPED), load_settings(), tmp_path / "run")
    assert finished.complete
    found = lies.figures(statements)
    assert len(found["not_asked"]) <= 12
    assert found["honest_withheld"]["value"] <= 0.07
    assert found["lies_caught"]["value"] >= 0.83
    assert found["altered_caught"]["value"] >= 0.95
    for kind in "number date name not_dropped invented_quote made_up_number not_shown markup speaker instruction".split():  # noqa: SIM905
        assert found["lies_by_kind"][kind]["value"] >= 0.95, kind
