import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from evals import plots
from evals.gate import broken_floors, broken_gates, read_floors, update_floors
from evals.report import junit, table
from evals.report_html import page
from evals.run import RunOptions, run_suite
from evals.store import RunFolder
from evals.suite import Gate
from rag.errors import UsageError
from rag.settings import Settings
from tests.evals.conftest import ScriptedSystem, write_suite
from tests.evals.test_run import load

NASTY = '<script>alert("x")</script> & {{ 7*7 }} \x07 ]]>'


class NastySystem(ScriptedSystem):
    """Every text it prints could break a page that does not escape."""

    def ask(self, question, filters):
        found = super().ask(question, filters)
        found["answer"] = NASTY + found["answer"]
        for citation in found["citations"]:
            citation |= {"speaker": NASTY, "path": NASTY}
        return found


@pytest.fixture
def finished(tmp_path):
    questions = [
        {"id": "right", "question": "How many flew?", "answerable": True, "answers": ["26"], "category": "numbers"},
        {"id": "wrong", "question": f"How {NASTY}?", "answerable": True, "answers": ["29"], "category": "numbers",
         "evidence": [{"document": "sub/second.txt", "quote": "29 more people"}]},
        {"id": "missed", "question": "decline?", "answerable": True, "answers": ["26"],
         "evidence": [{"document": "first.txt", "quote": "26 people"}]},
        {"id": "fooled", "question": "Who won?", "answerable": False},
        {"id": "crashed", "question": "crash?", "answerable": True, "answers": ["26"]},
        {"id": "open", "question": "What else?", "answerable": True},
    ]  # fmt: skip
    suite, corpus = load(write_suite(tmp_path / "suite", questions))
    run_suite(suite, corpus, NastySystem(), Settings(), tmp_path / "run", RunOptions())
    folder = RunFolder(tmp_path / "run")
    return folder.description(), folder.summary(), folder.records()


def test_the_stage_that_failed_is_named(finished):
    stages = {record["id"]: record["stage"] for record in finished[2]}
    assert stages == {
        "right": None,
        "wrong": "not retrieved",
        "missed": "wrongly declined",
        "fooled": "wrongly answered",
        "crashed": "failed",
        "open": None,
    }


def test_the_table_gives_each_value_its_interval_and_count(finished):
    shown = table(finished[1])
    assert "6 questions, 4 answered, 1 declined, 1 crashed" in shown
    assert re.search(r"answer_em +0\.250 +\[0\.0\d+, 0\.\d+\] +4", shown)
    assert re.search(r"over_refusal .*lower is better", shown)
    assert "not measured" in shown
    assert "speaker_accuracy" in shown.split("not measured")[1]


class Collector(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links, self.open = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [
            value for name, value in attributes if name in {"src", "href"} or name.startswith("on")
        ]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)


def test_the_page_is_self_contained_escaped_and_well_formed(finished):
    html = page(*finished)
    found = Collector()
    found.feed(html)
    assert found.open == []
    assert "script" not in found.tags
    assert found.links == []
    assert html.count("<svg") == 2
    assert "<mark>26 people</mark>" in html
    assert "Officials said " in html
    assert "&lt;script&gt;" in html
    for stage in ("not retrieved", "wrongly declined", "wrongly answered", "failed"):
        assert stage in html
    # failures stand before what went right
    assert html.index('id="wrong"') < html.index('id="right"')


def test_junit_is_xml_with_failures_errors_and_skips(finished):
    root = ElementTree.fromstring(junit("suite", finished[2]))
    suite = root.find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == (
        "6",
        "3",
        "1",
        "1",
    )
    cases = {case.get("name").split(":")[0]: case for case in suite}
    assert cases["right"].find("failure") is None
    assert "not retrieved" in cases["wrong"].find("failure").get("message")
    assert "29" in cases["wrong"].find("failure").text


def test_plots_stay_inside_their_frame():
    pairs = [(0.9, 1.0), (0.1, 0.0), (0.5, 1.0)]
    for drawn in (plots.risk_coverage(pairs, 4), plots.reliability(pairs)):
        ElementTree.fromstring(drawn)
        assert all(
            0 <= float(value) <= 420 for value in re.findall(r'(?:x1|x2|cx|y1|y2|cy)="([\d.]+)"', drawn)
        )


SUMMARY = {
    "metrics": {"accuracy": {"value": 0.8}, "over_refusal": {"value": 0.1}, "aurc": {"value": None}},
    "by_category": {"numbers": {"accuracy": {"value": 0.5}}},
}


def test_gates_of_a_suite():
    assert broken_gates([Gate("accuracy", min=0.8), Gate("over_refusal", max=0.1)], SUMMARY) == []
    assert broken_gates([Gate("accuracy", min=0.81)], SUMMARY) == ["accuracy is 0.8000, below 0.81"]
    assert broken_gates([Gate("over_refusal", max=0.05)], SUMMARY) == ["over_refusal is 0.1000, above 0.05"]
    assert broken_gates([Gate("accuracy", min=0.6, category="numbers")], SUMMARY) == [
        "accuracy of numbers is 0.5000, below 0.6"
    ]
    assert broken_gates([Gate("aurc", max=1.0)], SUMMARY) == ["aurc was not measured"]
    assert broken_gates([Gate("accuracy", min=0.1, category="none")], SUMMARY) == [
        "accuracy of none was not measured"
    ]


IDENTITY = {"suite": {"name": "s", "digest": "a" * 64}, "corpus": {"digest": "b" * 64}}


def with_accuracy(value, refusal=0.1):
    return {"metrics": {"accuracy": {"value": value}, "over_refusal": {"value": refusal}}, "by_category": {}}


def test_floors_are_pinned_raised_and_not_lowered_quietly(tmp_path):
    path = tmp_path / "floors.json"
    assert update_floors(
        path, IDENTITY, SUMMARY, ["accuracy", "over_refusal", "accuracy/numbers"], allow_lower=False
    )
    assert read_floors(path)["s"]["floors"] == {"accuracy": 0.8, "accuracy/numbers": 0.5, "over_refusal": 0.1}
    assert broken_floors(read_floors(path), IDENTITY, SUMMARY) == []
    worse = with_accuracy(0.7, 0.2) | {"by_category": {"numbers": {"accuracy": {"value": 0.5}}}}
    assert broken_floors(read_floors(path), IDENTITY, worse) == [
        "accuracy is 0.7000, its floor is 0.8000",
        "over_refusal is 0.2000, its floor is 0.1000",
    ]
    before = path.read_bytes()
    with pytest.raises(UsageError, match="2 floors would be lowered"):
        update_floors(path, IDENTITY, worse, [], allow_lower=False)
    assert path.read_bytes() == before
    assert update_floors(path, IDENTITY, worse, [], allow_lower=True) == [
        "accuracy 0.8000 → 0.7000",
        "over_refusal 0.1000 → 0.2000",
    ]
    assert update_floors(path, IDENTITY, worse, [], allow_lower=False) == []


def test_floors_of_another_suite_or_corpus_do_not_count(tmp_path):
    path = tmp_path / "floors.json"
    update_floors(path, IDENTITY, with_accuracy(0.8), ["accuracy"], allow_lower=False)
    other = IDENTITY | {"corpus": {"digest": "c" * 64}}
    with pytest.raises(UsageError, match="another corpus"):
        broken_floors(read_floors(path), other, with_accuracy(0.9))
    with pytest.raises(UsageError, match="no floors are pinned"):
        broken_floors({}, IDENTITY, with_accuracy(0.9))


@pytest.mark.parametrize(
    "text", ["{", "[1]", '{"s": {"floors": {}}}', '{"s": {"suite": "", "corpus": "", "floors": {"f1": 1}}}']
)
def test_broken_floors_files_are_refused(tmp_path, text):
    (tmp_path / "floors.json").write_text(text)
    with pytest.raises(UsageError):
        read_floors(tmp_path / "floors.json")


def test_everything_in_a_record_is_json(finished):
    json.dumps(finished[2])
