"""A confidential library, asked every way there is, sends no byte to another machine.

The other machine is 0.0.0.0: by our rule it is not this machine, and yet the system leads it to the scripted server, so
anything that was sent would be seen. Each refusal is paired with the same call on a library that is not confidential.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evals.scripted_llm import Rule, ScriptedServer, scripted
from rag.errors import AnswererError, ConfidentialLibrary
from rag.index.library import Library
from rag.pipeline import Pipeline, make_answerer
from rag.settings import Settings
from rag.types import Question

from .cli.conftest import Run, onrecord

__all__ = ["onrecord"]  # the fixture

TEXT = """The harbour of Vella

The harbour of Vella has nine cranes and a dry dock. The dry dock was built in 1931 by the yard Orsolo.
"""
QUESTION = "How many cranes does the harbour of Vella have?"


def _honest(prompt: str) -> str:
    found = re.search(r"\[(\d+)\] [^\n]*nine cranes", prompt)
    told = {"text": "The harbour of Vella has nine cranes.", "sentences": [int(found[1]) if found else 0]}
    return json.dumps({"statements": [told | {"speaker": None, "short": None}], "missing": None})


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted(Rule(reply=_honest)) as running:
        yield running


@pytest.fixture
def away(server: ScriptedServer) -> str:
    return server.spec.replace("127.0.0.1", "0.0.0.0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("confidential")
    (place / "harbour.txt").write_text(TEXT, encoding="utf-8")
    with Library.open(place / "library", Settings(), write=True, create=True) as library:
        library.add([place / "harbour.txt"])
    return place / "library"


Mark = Callable[[bool], None]


@pytest.fixture
def mark(folder: Path) -> Iterator[Mark]:
    def change(wanted: bool) -> None:
        with Library.open(folder, Settings(), write=True) as library:
            library.set_confidential(wanted)

    yield change
    change(False)


def test_ask_is_refused_in_one_line_and_nothing_is_sent(
    onrecord: Run, folder: Path, mark: Mark, server: ScriptedServer, away: str
) -> None:
    mark(True)
    done = onrecord("ask", QUESTION, "--answerer", away, "--json", library=folder)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("onrecord: this library is confidential")
    assert "onrecord library --not-confidential" in done.err
    assert len(done.err.splitlines()) == 1
    assert server.requests == []
    mark(False)
    done = onrecord("ask", QUESTION, "--answerer", away, "--json", library=folder)
    assert done.json()["status"] == "answered", done.err
    assert server.requests


def test_ask_goes_to_a_server_on_this_machine(
    onrecord: Run, folder: Path, mark: Mark, server: ScriptedServer
) -> None:
    mark(True)
    done = onrecord("ask", QUESTION, "--answerer", server.spec, "--json", library=folder)
    assert done.json()["status"] == "answered", done.err


def test_eval_is_refused(
    onrecord: Run, folder: Path, mark: Mark, server: ScriptedServer, away: str, tmp_path: Path
) -> None:
    suite = tmp_path / "suite"
    suite.mkdir()
    line = {"id": "cranes", "question": QUESTION, "answerable": True, "answers": ["nine"]}
    (suite / "questions.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    call = ["eval", "answers", suite, "--answerer", away, "--json"]
    mark(True)
    refused = onrecord(*call, "--out", tmp_path / "refused", library=folder)
    assert refused.code == 2
    assert "this library is confidential" in refused.err
    assert server.requests == []
    mark(False)
    allowed = onrecord(*call, "--out", tmp_path / "allowed", library=folder)
    assert allowed.json()["scored"] == 1, allowed.err
    assert server.requests


def test_the_llamaindex_engine_is_refused_also_when_it_was_made_before(
    folder: Path, mark: Mark, server: ScriptedServer, away: str
) -> None:
    from rag.llamaindex import OnRecordQueryEngine

    settings = Settings().with_answer(answerer=away)
    with Library.open(folder, settings) as library:
        engine = OnRecordQueryEngine(Pipeline(library, settings))
        assert "nine cranes" in str(engine.query(QUESTION))
        sent = len(server.requests)
        mark(True)
        with pytest.raises(ConfidentialLibrary):
            engine.query(QUESTION)
        with pytest.raises(ConfidentialLibrary):
            OnRecordQueryEngine(Pipeline(library, settings))
        assert len(server.requests) == sent


def test_an_answerer_that_was_made_for_another_library_is_refused(
    folder: Path, mark: Mark, server: ScriptedServer, away: str
) -> None:
    mark(True)
    answerer = make_answerer(away, object(), Settings())
    with Library.open(folder, Settings()) as library, pytest.raises(ConfidentialLibrary):
        Pipeline(library, Settings(), answerer).ask(Question(QUESTION))
    assert server.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1.evil.invalid/v1",
        "http://[::ffff:127.0.0.1]:9/v1",
        "http://2130706433:9/v1",
        "http://localhost.:9/v1",
        "https://api.openai.com/v1",
    ],
)
def test_addresses_that_only_look_like_this_machine_are_refused(
    folder: Path, mark: Mark, address: str
) -> None:
    mark(True)
    with Library.open(folder, Settings()) as library, pytest.raises(ConfidentialLibrary):
        make_answerer(f"openai-compatible:m@{address}", library, Settings())


def test_hosted_models_are_refused_whatever_their_variables_say(
    folder: Path, mark: Mark, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark(True)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-test")
    monkeypatch.setenv("OLLAMA_HOST", "gpu-box.invalid")
    with Library.open(folder, Settings()) as library:
        for spec in ("openai:m", "anthropic:m", "ollama:m", "ollama:big-cloud"):
            with pytest.raises(ConfidentialLibrary):
                make_answerer(spec, library, Settings())
    # Pointed at this machine, the same kinds are allowed.
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.delenv("OLLAMA_HOST")
    with Library.open(folder, Settings()) as library:
        for spec in ("openai:m", "ollama:m"):
            make_answerer(spec, library, Settings())


@contextlib.contextmanager
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """A port, and the first bytes of everyone who came."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        done = threading.Event()

        def watch() -> None:
            while not done.is_set():
                with contextlib.suppress(TimeoutError):
                    client, _ = server.accept()
                    with client:
                        client.settimeout(1)
                        seen.append(client.recv(4096))

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield int(server.getsockname()[1]), seen
        finally:
            done.set()
            thread.join()


def test_no_proxy_sees_what_goes_to_this_machine(
    folder: Path, mark: Mark, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark(True)
    with listener() as (port, seen):
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        with Library.open(folder, Settings()) as library:
            answerer = make_answerer(server.spec, library, Settings())
            answer = Pipeline(library, Settings(), answerer).ask(Question(QUESTION))
        assert "nine cranes" in answer.text
        assert seen == []


def test_a_server_here_cannot_send_the_question_on(folder: Path, mark: Mark) -> None:
    mark(True)
    with listener() as (port, seen):
        elsewhere = Rule(fault="redirect", message=f"http://0.0.0.0:{port}/v1/chat/completions")
        with scripted(elsewhere) as server, Library.open(folder, Settings()) as library:
            answerer = make_answerer(server.spec, library, Settings())
            with pytest.raises(AnswererError):
                Pipeline(library, Settings(), answerer).ask(Question(QUESTION))
            assert server.requests
        assert seen == []
