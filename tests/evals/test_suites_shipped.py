"""The suites that come with the project: valid, balanced, and true to their documents."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evals.corpus import document_loader, read_folder
from evals.suite import attach_gold, leaks, read_suite
from rag.documents.load import Loaded, load
from rag.settings import DocumentSettings, Settings
from rag.types import Document, Span

SUITES = Path(__file__).parents[2] / "evals" / "suites"
NAMES = ("transfers", "near-misses", "smoke", "lies")

_FOLD = str.maketrans(
    {**dict.fromkeys("“”„«»″", '"'), **dict.fromkeys("‘’‚′", "'"), **dict.fromkeys("–—−‑‐", "-")}
)


def questions(name: str) -> list[dict[str, Any]]:
    lines = (SUITES / name / "questions.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def corpus_of(name: str) -> Path:
    folder = read_suite(SUITES / name).corpus_folder
    assert folder is not None
    return folder


@pytest.fixture(scope="module")
def documents() -> dict[str, dict[str, Document]]:
    """By suite, by file name."""
    found: dict[str, dict[str, Document]] = {}
    for name in NAMES:
        found[name] = {}
        for path in sorted(corpus_of(name).iterdir()):
            for entry in load(path.read_bytes(), path.name, DocumentSettings()):
                assert isinstance(entry, Loaded), entry
                found[name][entry.document.path.rpartition("/")[2]] = entry.document
    return found


def folded(text: str) -> tuple[str, list[int]]:
    """Text with quotation marks and dashes made alike and white space collapsed, and where each character came from."""
    marks: list[str] = []
    origin: list[int] = []
    for place, mark in enumerate(unicodedata.normalize("NFC", text).translate(_FOLD)):
        if mark.isspace():
            if marks and marks[-1] == " ":
                continue
            mark = " "
        marks.append(mark)
        origin.append(place)
    return "".join(marks), origin


def places(document: Document, quote: str) -> list[Span]:
    """A search of its own, so that a fault in the bench's search is not repeated here."""
    text, origin = folded(document.text)
    wanted = folded(quote)[0].strip()
    return [
        Span(origin[found.start()], origin[found.end() - 1] + 1)
        for found in re.finditer(re.escape(wanted), text)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_bench_accepts_the_suite(name: str) -> None:
    suite = read_suite(SUITES / name)
    corpus = read_folder(corpus_of(name), document_loader(Settings()))
    checked = attach_gold(suite, corpus)
    assert [str(problem) for problem in checked.warnings] == []
    assert [str(problem) for problem in leaks(checked)] == []
    assert (suite.name, suite.licence) == (name, "CC0-1.0")


@pytest.mark.parametrize("name", NAMES)
def test_every_gold_quote_stands_in_its_document_outside_the_furniture(
    documents: Mapping[str, Mapping[str, Document]], name: str
) -> None:
    wrong = []
    for question in questions(name):
        for evidence in question.get("evidence", ()):
            document = documents[name][evidence["document"]]
            found = places(document, evidence["quote"])
            if not found or any(document.is_furniture(span) for span in found):
                wrong.append((question["id"], evidence["document"], evidence["quote"]))
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_gold_passes_the_filters_of_its_question(
    documents: Mapping[str, Mapping[str, Document]], name: str
) -> None:
    wrong = []
    for question in questions(name):
        filters = question.get("filters", {})
        for evidence in question.get("evidence", ()):
            document = documents[name][evidence["document"]]
            day = (document.published or "")[:10]
            if (
                filters.get("source", document.source) != document.source
                or filters.get("document", evidence["document"]) != evidence["document"]
                or ({"from", "to"} & set(filters) and not day)
                or not filters.get("from", day) <= day <= filters.get("to", day)
            ):
                wrong.append((question["id"], evidence["document"]))
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_each_answer_and_each_vital_nugget_can_be_read_off_some_gold_quote(name: str) -> None:
    """Short answers come from the text, so at least one accepted wording stands in the evidence, in every set."""
    # The speaker or the agency stands in the byline, in the sentence before, or only in the document's metadata.
    beyond_the_quote = {"who_said", "as_of", "total", "number_event"}
    wrong = []
    for question in questions(name):
        evidence = [folded(one["quote"])[0].lower() for one in question.get("evidence", ())]
        if not evidence:
            continue
        whole = " ".join(evidence)
        wordings = [
            [answer] if isinstance(answer, str) else [answer["value"], *answer["aliases"]]
            for answer in question.get("answers", ())
        ]
        if wordings and question["category"] not in beyond_the_quote:
            spoken = [folded(words)[0].lower().strip('"') for accepted in wordings for words in accepted]
            if not any(words in whole for words in spoken):
                wrong.append((question["id"], "answers"))
        sets = question.get("evidence_sets") or [list(range(len(evidence)))]
        for nugget in question.get("nuggets", ()):
            if nugget["importance"] != "vital":
                continue
            accepted = [folded(words)[0].lower() for words in nugget["any"]]
            for chosen in sets:
                text = " ".join(evidence[index] for index in chosen)
                if not any(words in text for words in accepted):
                    wrong.append((question["id"], nugget["text"], str(chosen)))
    assert wrong == []


def test_the_transfers_suite_is_large_and_balanced_enough() -> None:
    items = questions("transfers")
    assert len(items) >= 120
    for split in ("dev", "test"):
        part = [item for item in items if item["split"] == split]
        assert len(part) >= 0.4 * len(items)
        unanswerable = sum(not item["answerable"] for item in part)
        assert 0.25 * len(part) <= unanswerable <= 0.4 * len(part)
    counts = Counter(item["category"] for item in items)
    assert set(counts) == {
        "single_fact", "number_event", "total", "as_of", "apparent_conflict", "real_conflict", "who_said",
        "exact_quote", "synthesis", "near_miss", "false_premise", "missing_date", "stated_gap", "stripped_word",
        "furniture_bait", "reworded_copy", "spanish", "filters", "injection", "outsider",
    }  # fmt: skip
    assert counts.most_common()[0][1] < 0.3 * len(items)


def test_dev_and_test_are_split_by_event_and_twins_stay_together() -> None:
    splits: dict[str, set[str]] = defaultdict(set)
    items = questions("transfers")
    for item in items:
        event = item["id"].rpartition("-")[0]
        splits[event].add(item["split"])
        assert item["cluster"].partition("-")[0] == event
    assert {event: sorted(found) for event, found in splits.items() if len(found) > 1} == {}
    clusters = {item["id"]: item["cluster"] for item in items}
    twins = [item for item in items if "twin_of" in item]
    assert len(twins) >= 25
    assert [item["id"] for item in twins if clusters[item["twin_of"]] != item["cluster"]] == []


def test_the_near_misses_are_paired_with_questions_that_are_answered() -> None:
    """A near miss shows something only beside a question about the same people and events that has an answer."""
    items = questions("near-misses")
    assert len(items) >= 240
    missing = [item for item in items if not item["answerable"]]
    assert 0.4 * len(items) <= len(missing) <= 0.6 * len(items)
    for split in ("dev", "test"):
        assert sum(item["split"] == split for item in items) >= 0.4 * len(items)
    assert Counter(item["category"] for item in missing).keys() == {
        "absent_detail", "other_entity", "other_time", "other_number", "false_premise", "added_condition",
        "negated", "opposite",
    }  # fmt: skip
    answered = {item["cluster"] for item in items if item["answerable"]}
    assert [item["id"] for item in missing if item["cluster"] not in answered] == []
    wordings = Counter(" ".join(re.findall(r"\w+", item["question"].lower())) for item in items)
    assert [wording for wording, times in wordings.items() if times > 1] == []


def test_the_near_misses_copy_no_question_of_the_transfers_suite_and_are_split_the_same_way() -> None:
    """A threshold chosen on `dev` of the one suite may be tried on `test` of the other."""
    wordings: dict[str, set[str]] = {}
    splits: dict[str, set[str]] = defaultdict(set)
    for name in ("near-misses", "transfers"):
        items = questions(name)
        wordings[name] = {" ".join(re.findall(r"\w+", item["question"].lower())) for item in items}
        for item in items:
            splits[item["cluster"].partition("-")[0]].add(item["split"])
    assert wordings["near-misses"] & wordings["transfers"] == set()
    assert {event: sorted(found) for event, found in splits.items() if len(found) > 1} == {}


def test_forbidden_words_of_an_answerable_question_are_not_in_what_it_wants() -> None:
    wrong = []
    for item in questions("transfers"):
        gold = " ".join(evidence["quote"].lower() for evidence in item.get("evidence", ()))
        for forbidden in item.get("forbidden", ()):
            wrong += [
                (item["id"], words)
                for words in forbidden["any"]
                if item["answerable"] and words.lower() in gold
            ]
    assert wrong == []


def test_the_smoke_suite_is_quick() -> None:
    items = questions("smoke")
    assert len(items) == 10
    assert sum(not item["answerable"] for item in items) == 3
    assert sum(path.stat().st_size for path in corpus_of("smoke").iterdir()) < 6_000
