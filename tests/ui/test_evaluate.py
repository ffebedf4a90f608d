"""The Evaluate page in a real browser: run, read, filter, open, compare, stop, go on; and what stands behind it."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from rag.errors import UsageError
from rag.settings import Settings
from ui.bench import SUITES_VARIABLE, Bench

from .conftest import Serve

SHIPPED = Path(__file__).parents[2] / "evals" / "suites"
HOSTILE = """The harbour of Vella

The harbour of Vella has nine cranes <img src=x onerror="window.hit = 1"> and a dry dock ${window.hit = 2}. The harbour
master is Ines Tolmar {{window.hit = 3}}.
"""
MANY = 300  # questions: enough that a run lasts while something else is asked, some ten seconds
EVIL = '<img src=x onerror="window.hit = 4">'


def write_suite(folder: Path, questions: list[dict[str, Any]], text: str = HOSTILE) -> Path:
    (folder / "corpus").mkdir(parents=True)
    (folder / "corpus" / "harbour.txt").write_text(text, encoding="utf-8")
    lines = "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in questions)
    (folder / "questions.jsonl").write_text(lines, encoding="utf-8")
    return folder


def wrong_questions() -> list[dict[str, Any]]:
    """One that is answered rightly, one whose gold no answer can reach, and markup in every field."""
    evidence = [{"document": "harbour.txt", "quote": "The harbour of Vella has nine cranes"}]
    return [
        {"id": "good", "question": "Who is the harbour master?", "answerable": True, "answers": ["Ines Tolmar"]},
        {
            "id": f"evil {EVIL}",
            "question": f"How many cranes does the harbour of Vella have {EVIL}?",
            "answerable": True,
            "answers": [f"twelve {EVIL}"],
            "evidence": evidence,
            "category": f"{EVIL} & more",
        },
    ]  # fmt: skip


def many_questions(count: int) -> list[dict[str, Any]]:
    return [
        {"id": f"q{n}", "question": f"How many cranes did the harbour of Vella have in {n}?", "answerable": False}
        for n in range(1000, 1000 + count)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a library of one document, and `suites` beside it, named in ONRECORD_SUITES."""
    from rag.index.library import Library

    folder = tmp_path_factory.mktemp("evaluate")
    write_suite(folder / "suites" / "wrong", wrong_questions())
    write_suite(folder / "suites" / "long", many_questions(MANY))
    with Library.open(folder / "library", Settings(), write=True, create=True) as library:
        library.add([folder / "suites" / "wrong" / "corpus"])
    return folder


@pytest.fixture(scope="module")
def address(serve: Serve, places: Path) -> Iterator[str]:
    os.environ[SUITES_VARIABLE] = str(places / "suites")
    try:
        with serve(places / "library") as found:
            yield found
    finally:
        del os.environ[SUITES_VARIABLE]


def open_page(page: Any, address: str) -> None:
    page.goto(address)
    page.get_by_role("tab", name="Evaluate").click()
    page.locator("#figures").get_by_text("questions").or_(page.locator("#figures .otr-note")).first.wait_for()


def choose(page: Any, field: str, text: str) -> None:
    page.locator(f"{field} input").click()
    page.get_by_role("option", name=text).first.click()


def run_suite(page: Any, name: str) -> None:
    choose(page, "#suite", name)
    page.locator("#run").click()
    page.locator("#bench-status .otr-report:not(.otr-running)").wait_for(timeout=90_000)
    page.locator("#figures h2", has_text=name).wait_for(timeout=20_000)


def results(places: Path, name: str) -> list[dict[str, Any]]:
    (folder,) = (places / "runs").glob(f"{name}-offline-*")
    return [json.loads(line) for line in (folder / "results.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.browser
def test_a_suite_is_run_read_filtered_and_compared(page: Any, address: str, places: Path) -> None:
    open_page(page, address)
    run_suite(page, "smoke")
    assert "Finished: 10 answers" in page.locator("#bench-status").inner_text()
    (folder,) = (places / "runs").glob("smoke-offline-*")
    summary = json.loads((folder / "summary.json").read_bytes())
    accuracy = summary["metrics"]["accuracy"]
    row = page.locator("#figures tr", has=page.get_by_text("accuracy", exact=True)).first.inner_text()
    assert f"{100 * accuracy['value']:.1f} %" in row
    assert f"{accuracy['count']:g} of 10" in row
    assert f"{100 * accuracy['low']:.1f} – {100 * accuracy['high']:.1f} %" in row
    for category in summary["by_category"]:
        assert page.locator("#figures").get_by_text(category, exact=True).count() >= 1
    assert page.locator("#figures .otr-plots svg").count() == 2

    page.get_by_role("tab", name="Questions").click()
    assert page.locator("#questions button").count() == 10
    failed = [record for record in results(places, "smoke") if record["stage"] is not None]
    choose(page, "#shown", "Failures")
    page.wait_for_function(
        f"document.querySelectorAll('#questions button').length == {len(failed)}", timeout=20_000
    )
    assert page.locator("#questions .otr-asked").all_inner_texts() == [
        record["question"] for record in failed
    ]

    page.get_by_role("tab", name="Compare").click()
    for field in ("#run-a", "#run-b"):
        choose(page, field, folder.name)
    page.locator("#compare").click()
    page.locator("#comparison .otr-answer").wait_for(timeout=60_000)
    said = page.locator("#comparison").inner_text()
    assert said.startswith("Cannot tell at n = 7")
    assert "0 questions changed" in said
    assert page.errors == []
    outside = [
        url for url in page.asked if urlsplit(url).scheme in {"http", "https"} and not url.startswith(address)
    ]
    assert outside == []


@pytest.mark.browser
def test_a_question_shows_answer_and_gold_as_text_and_opens_its_document(
    page: Any, address: str, places: Path
) -> None:
    open_page(page, address)
    run_suite(page, "wrong")
    assert page.locator("#figures").get_by_text(f"{EVIL} & more", exact=True).count() >= 1
    page.get_by_role("tab", name="Questions").click()
    choose(page, "#shown", "Failures")
    page.locator("#questions button", has_text="How many cranes").click()
    detail = page.locator("#question-detail article")
    detail.wait_for()
    (record,) = (record for record in results(places, "wrong") if EVIL in record["question"])
    said = detail.inner_text()
    for text in (
        record["question"],
        record["id"],
        record["ask"]["answer"],
        f"twelve {EVIL}",
        record["stage"],
    ):
        assert " ".join(text.split()) in " ".join(said.split())
    quotes = detail.locator("section:first-child mark.quote")
    shown = [" ".join(text.split()) for text in quotes.all_inner_texts()]
    assert shown == [" ".join(citation["quote"].split()) for citation in record["ask"]["citations"]]
    assert page.locator("#question-detail img, #figures img, #questions img").count() == 0

    with page.context.expect_page() as opened:
        detail.locator("section:first-child a").first.click()
    document = opened.value
    document.wait_for_load_state()
    assert " ".join(document.locator("#quote").inner_text().split()) == shown[0]
    assert document.locator("pre").inner_text().strip() == HOSTILE.strip()
    assert page.evaluate("window.hit") is None
    assert document.evaluate("window.hit") is None
    assert page.errors == []


@pytest.mark.browser
def test_questions_are_answered_while_a_suite_runs_and_a_stopped_run_goes_on(
    page: Any, address: str, places: Path
) -> None:
    open_page(page, address)
    choose(page, "#suite", "long")
    page.locator("#run").click()
    page.locator("#bench-status").get_by_text("left").wait_for(timeout=60_000)
    page.get_by_role("tab", name="Ask").click()
    page.get_by_label("Question").fill("Who is the harbour master of Vella?")
    page.locator("#ask").click()
    page.locator("#answer .otr-answer").wait_for(timeout=60_000)
    page.get_by_role("tab", name="Evaluate").click()
    assert page.locator("#bench-status .otr-running").count() == 1, "the run ended before the answer came"
    page.locator("#stop-run").click()
    page.locator("#bench-status").get_by_text("Stopped.").wait_for(timeout=60_000)
    before = results(places, "long")
    assert 0 < len(before) < MANY
    page.locator("#figures").get_by_text(f"Unfinished: {len(before)} of {MANY}").wait_for()

    page.locator("#run").click()
    page.locator("#bench-status .otr-running").wait_for()
    open_page(page, address)  # whoever opens the page follows the run
    page.locator("#bench-status").get_by_text(f"Finished: {MANY} answers").wait_for(timeout=90_000)
    after = results(places, "long")
    assert after[: len(before)] == before
    assert [record["id"] for record in after] == [question["id"] for question in many_questions(MANY)]
    (folder,) = (places / "runs").glob("long-offline-*")
    assert len((folder / "timings.jsonl").read_text("utf-8").splitlines()) == MANY, "nothing was asked twice"


@pytest.mark.browser
def test_a_broken_suite_shows_what_is_wrong_with_it(page: Any, address: str, tmp_path: Path) -> None:
    good, bad = wrong_questions()
    broken = write_suite(tmp_path / "broken", [good, {**bad, "answerable": "yes"}, {**good, "id": "again"}])
    fine = write_suite(tmp_path / "fine", [good])
    open_page(page, address)
    page.locator("#more button").first.click()
    page.locator("#suite-folder textarea, #suite-folder input").fill(str(broken))
    page.locator("#check").click()
    page.locator("#check-report .otr-bad").wait_for(timeout=60_000)
    rows = page.locator("#check-report tbody tr").all_inner_texts()
    assert any("questions.jsonl, line 2" in row and "answerable" in row for row in rows)
    assert any("questions.jsonl, line 3" in row and "the same question as line 1" in row for row in rows)
    page.locator("#suite-folder textarea, #suite-folder input").fill(str(fine))
    page.locator("#check").click()
    page.locator("#check-report").get_by_text("nothing wrong").wait_for(timeout=30_000)
    assert page.locator("#suite input").input_value() == "fine, 1 question"


def get(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code), error.read().decode()


# Without a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "runs", tmp_path / "library", Settings(), any_folder=True)
    yield made
    made.close()


def finish(bench: Bench) -> None:
    until = time.monotonic() + 90
    while bench.state().running:
        assert time.monotonic() < until, "the run does not end"
        time.sleep(0.02)


def test_stop_while_indexing_and_go_on(bench: Bench, tmp_path: Path) -> None:
    suite = str(write_suite(tmp_path / "suite", wrong_questions()))
    bench.start(suite)
    bench.stop()
    with pytest.raises(UsageError, match="running already"):
        bench.start(suite)
    finish(bench)
    assert bench.state().message.startswith("Stopped")
    bench.start(suite)
    finish(bench)
    state = bench.state()
    assert state.message == "Finished: 2 answers."
    assert state.run is not None
    (entry,) = bench.runs.entries()
    assert (entry.name, entry.finished, entry.results) == (state.run, True, 2)
    run = bench.runs.load(state.run)
    assert run.documents
    bench.start(suite)
    finish(bench)
    assert "nothing was asked" in bench.state().message
    assert bench.runs.load(state.run) is run, "not one byte of a finished run changed"


def test_a_suite_without_documents_asks_the_library_of_the_app(
    places: Path, tmp_path: Path, bench: Bench
) -> None:
    suite = write_suite(tmp_path / "suite", wrong_questions()[:1])
    (suite / "corpus" / "harbour.txt").unlink()
    (suite / "corpus").rmdir()
    bench.start(str(suite))
    finish(bench)
    assert bench.state().bad
    assert "library" in bench.state().message
    other = Bench(tmp_path / "other", places / "library", Settings(), any_folder=True)
    other.start(str(suite))
    finish(other)
    assert other.state().message == "Finished: 1 answers."
    (record,) = other.runs.load(str(other.state().run)).records
    assert record["stage"] is None


def test_names_of_runs_never_become_paths(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "runs" / "real").mkdir(parents=True)
    (tmp_path / "runs" / "real" / "run.json").write_text("{}")
    assert [entry.name for entry in bench.runs.entries()] == ["real"]
    for name in ("..", "../runs/real", str(tmp_path / "runs" / "real"), ".", "", "real/", "other"):
        with pytest.raises(UsageError, match="no such run"):
            bench.runs.load(name)
    with pytest.raises(UsageError, match="does not say what was run"):
        bench.runs.load("real")


def test_only_the_person_at_the_machine_names_folders_and_models(tmp_path: Path) -> None:
    own = write_suite(tmp_path / "own", wrong_questions())
    closed = Bench(tmp_path / "runs", tmp_path / "library", Settings(), any_folder=False)
    for call in (closed.check, closed.start):
        with pytest.raises(UsageError, match="only the suites in its list"):
            call(str(own))
    with pytest.raises(UsageError, match="one answerer"):
        closed.start(str(SHIPPED / "smoke"), answerer="openai-compatible:x@http://127.0.0.1:1")
    assert not closed.state().running


def test_suites_come_from_the_package_and_the_environment(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = write_suite(tmp_path / "one", wrong_questions())
    two = write_suite(tmp_path / "many" / "two", wrong_questions())
    monkeypatch.setenv(SUITES_VARIABLE, os.pathsep.join([str(one), str(tmp_path / "many"), "", "/nowhere"]))
    shipped = [SHIPPED / name for name in ("lies", "near-misses", "smoke", "transfers")]
    assert bench.suites() == [*shipped, one, two]


@pytest.mark.browser
def test_the_addresses_of_a_run_know_only_runs_of_the_list(address: str, places: Path) -> None:
    (folder,) = (places / "runs").glob("wrong-offline-*")
    status, report = get(f"{address}/run/{folder.name}/report")
    assert status == 200
    assert EVIL not in report
    document = results(places, "wrong")[0]["ask"]["hits"][0]["document_id"]
    status, shown = get(f"{address}/run/{folder.name}/document/{document}?start=5&end=4000000")
    assert status == 200
    assert 'id="quote"' not in shown
    for path in (f"/run/..%2Fruns%2F{folder.name}/report", "/run/../report", "/run/none/report",
                 f"/run/{folder.name}/document/none", f"/run/none/document/{document}"):  # fmt: skip
        assert get(address + path)[0] == 404
