"""What a person at the page reads of an error: the same message as on the command line, with steps that the page has."""

from __future__ import annotations

import ast
import copy
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from evals.ways import RunWay
from rag.answer.llms import answerers, check_spec
from rag.answer.places import require_permitted
from rag.errors import AnswererError, OnRecordError, UsageError
from rag.index.library import Library
from rag.settings import Settings
from rag.wording import REPAIR, Command, Environment, Phrase, Way, parts_of
from ui.asking_html import failure_html, no_place_html, statuses_html
from ui.bench import Bench
from ui.desk import Desk
from ui.evaluate import _number
from ui.html import add_report_html, error_html
from ui.runs import Runs
from ui.server import document_routes, run_routes
from ui.words import message, said, step

REPOSITORY = Path(__file__).parents[2]
# A flag, or a command of ours: how the command line talks.
TERMINAL = re.compile(r"(?<![\w-])--[a-z]|\bonrecord [a-z]")
# What the page leads to. The rest of `rag` and `evals` speaks on the terminal only; so do `ui/app.py`, before there is a
# page, and `evals/run.py` of the options that the page does not have.
REACHED = [
    *(REPOSITORY / "rag" / "index").glob("*.py"),
    *(REPOSITORY / "rag" / "search").glob("*.py"),
    *(REPOSITORY / "rag" / "answer").rglob("*.py"),
    REPOSITORY / "rag" / "pipeline.py",
    *(REPOSITORY / "evals" / f"{name}.py" for name in ("compare", "corpus", "index", "store", "system")),
    *(path for path in (REPOSITORY / "ui").glob("*.py") if path.name != "app.py"),
]


class Shelf:
    confidential = True
    folder = "box"


# The words ----------------------------------------------------------------------------------------------------------


def test_every_way_has_words_of_the_page() -> None:
    for way in (*Way, *RunWay):
        assert said(way) != way
        assert not TERMINAL.search(said(way)), said(way)


def test_a_message_is_the_command_line_s_as_text_and_the_page_s_in_its_parts() -> None:
    words = Phrase("look at its log, ", Phrase("or use ", Way.OFFLINE), " for 3 --tries")
    assert words == "look at its log, or use --answerer offline for 3 --tries"
    assert said(words) == "look at its log, or use the built-in reader for 3 --tries"
    assert said("use --answerer offline") == "use --answerer offline"  # a document's words are no way of ours
    for same in (copy.deepcopy(words), pickle.loads(pickle.dumps(words))):
        assert (same, parts_of(same)) == (words, parts_of(words))


def test_a_command_is_run_where_the_app_runs() -> None:
    assert said(REPAIR) == "on the machine of this app, run: onrecord check --repair"
    key = Phrase("or ", Environment("set KEY"))
    assert said(key) == "or on the machine of this app, set KEY, and start it again"
    assert said(copy.deepcopy(Command("run x"))) == "on the machine of this app, run x"


def test_a_setting_is_said_to_count_from_the_next_start() -> None:
    assert step("split the file, or raise documents.max_pages").endswith(
        "(settings are read when the app starts)"
    )
    assert (
        step("split the file into documents.max_pages_of_mine")
        == "split the file into documents.max_pages_of_mine"
    )
    assert step("split the file") == "split the file"


def constants(path: Path) -> Iterator[tuple[int, str]]:
    """The strings of a file, its docstrings and what is marked as a command left out."""
    tree = ast.parse(path.read_text("utf-8"))
    left_out: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            left_out.update(ast.walk(node))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"Command", "Environment"}:
            left_out.update(ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in left_out:
            yield node.lineno, node.value


def test_what_the_page_leads_to_speaks_of_the_command_line_in_ways_only() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{line} {text}"
        for path in REACHED
        for line, text in constants(path)
        if TERMINAL.search(text)
    ]
    assert found == []


# What a person sees ---------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "library", Settings(), any_answerer=True)
    yield made
    made.close()


def seen(error: OnRecordError) -> str:
    """Everything that a page may show of an error."""
    shown = [
        message(error),
        error_html(error),
        no_place_html(error),
        failure_html("Why?", error, offline=True),
    ]
    return "\n".join(shown)


def test_without_a_library_the_page_leads_to_its_documents(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(OnRecordError, match="onrecord add FILE") as caught:
        desk.document("x")
    assert "add files on the Documents page" in message(caught.value)
    bench = Bench(tmp_path / "runs", tmp_path / "library", Settings(), any_folder=True)
    suite = tmp_path / "suite"
    suite.mkdir()
    (suite / "questions.jsonl").write_text(
        '{"id": "1", "question": "Why?", "answerable": true}', encoding="utf-8"
    )
    with pytest.raises(OnRecordError) as caught:
        bench.check(str(suite))
    assert "add files on the Documents page" in seen(caught.value)
    assert not TERMINAL.search(seen(caught.value))


def test_a_folder_that_is_no_library_is_not_named_by_a_flag(tmp_path: Path) -> None:
    for name in ("file", "full"):
        (tmp_path / "full").mkdir(exist_ok=True)
        (tmp_path / "full" / "letter.txt").write_text("Dear", encoding="utf-8")
        (tmp_path / "file").write_text("x", encoding="utf-8")
        desk = Desk(tmp_path / name, Settings())
        with pytest.raises(UsageError, match="--library") as caught:
            desk.records()
        assert re.search("start the app with (another|a new or an empty) folder", seen(caught.value))
        assert not TERMINAL.search(seen(caught.value))
        desk.warm()  # says nothing: whoever asks is told


def test_a_confidential_library_is_opened_to_others_on_the_page() -> None:
    with pytest.raises(UsageError, match="--not-confidential") as caught:
        require_permitted("openai:gpt", "api.openai.com", Shelf())
    assert "clear “Confidential library”" in seen(caught.value)
    assert not TERMINAL.search(seen(caught.value))


def test_an_answerer_is_named_as_the_field_that_it_is_written_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    steps = {
        "gpt": "unknown answerer 'gpt', Answerer, use one of",
        "llamacpp:none.gguf": "there is no such file, Answerer llamacpp:none.gguf, name a GGUF file",
        "openai:gpt": "on the machine of this app, run export OPENAI_API_KEY=…, and start it again",
    }
    for spec, words in steps.items():
        with pytest.raises(UsageError) as caught:
            check_spec(spec)
        assert words in message(caught.value)
        assert not TERMINAL.search(seen(caught.value))


def test_the_list_of_answerers_says_where_a_command_is_run() -> None:
    shown = statuses_html(answerers({"OLLAMA_HOST": "127.0.0.1:1"}))
    assert "on the machine of this app, run export OPENAI_API_KEY=…, and start it again" in shown
    assert "on the machine of this app, run ollama serve" in shown
    assert not TERMINAL.search(shown)


def test_the_built_in_reader_is_offered_once() -> None:
    way = Phrase("ask again, or use ", Way.OFFLINE)
    offered = failure_html("Why?", AnswererError("it failed", next_step=way), offline=True)
    assert offered.count("built-in reader") == 1
    assert (
        failure_html("Why?", AnswererError("it failed", next_step="ask again"), offline=True).count(
            "built-in"
        )
        == 1
    )
    assert "built-in" not in failure_html(
        "Why?", AnswererError("it failed", next_step="ask again"), offline=False
    )


def test_a_file_that_was_not_read_says_when_a_setting_counts() -> None:
    entry = {
        "path": "a.pdf",
        "error": "900 pages",
        "next_step": "split the file, or raise documents.max_pages",
    }
    report = {"added": [], "updated": [], "unchanged": [], "copies": [], "failed": [entry], "passages": 0}
    assert "documents.max_pages (settings are read when the app starts)" in add_report_html(report)


def test_a_suite_that_cannot_be_indexed_says_why(tmp_path: Path) -> None:
    suite = tmp_path / "suite"
    (suite / "corpus").mkdir(parents=True)
    (suite / "corpus" / "a.pdf").write_bytes(b"%PDF-1.7 broken")
    (suite / "questions.jsonl").write_text(
        '{"id": "1", "question": "Why?", "answerable": true}', encoding="utf-8"
    )
    bench = Bench(tmp_path / "runs", tmp_path / "library", Settings(), any_folder=True)
    bench.start(str(suite))
    assert bench._thread is not None
    bench._thread.join(60)
    state = bench.state()
    assert "see the reasons below" in state.message
    assert any("a.pdf" in note for note in state.notes)


@pytest.mark.parametrize("text", ["0", "00", "-1", "1.5", "many"])
def test_a_size_of_a_sample_that_is_none_is_refused_in_words_of_the_page(text: str) -> None:
    with pytest.raises(UsageError, match="is not a number of questions"):
        _number(text)
    assert _number(" 12 ") == 12
    assert _number("") is None


# Addresses -----------------------------------------------------------------------------------------------------------


def test_what_cannot_be_shown_is_a_page_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "harbour.txt").write_text("The harbour of Vella has nine cranes.", encoding="utf-8")
    with Library.open(tmp_path / "library", Settings(), write=True, create=True) as library:
        (entry,) = library.add([tmp_path / "harbour.txt"]).as_json()["added"]
        original = library.originals.path(library.record(entry["document_id"]).sha256)
    desk = Desk(tmp_path / "library", Settings())
    app = document_routes(desk)
    run_routes(app, Runs(tmp_path / "runs", tmp_path / "library", Settings()))
    client = TestClient(app)
    assert client.get(f"/original/{entry['document_id']}").status_code == 200
    for path in ("/document/<b>x", "/original/none", "/run/none/report", "/run/none/document/x"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "<b>" not in answer.text.partition("<body")[2]
        assert not TERMINAL.search(answer.text.partition("<body")[2])
    assert "see the Documents page" in client.get("/document/none").text
    original.unlink()
    answer = client.get(f"/original/{entry['document_id']}")
    assert answer.status_code == 500
    assert "on the machine of this app, run: onrecord check --repair" in answer.text
    desk.close()
