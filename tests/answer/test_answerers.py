"""Which answerers are usable, and why the others are not."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evals.scripted_llm import scripted
from evals.scripted_rules import Rule
from rag.answer.llms import answerers, checked
from tests.answer.dialects import KEY


def test_answerers_lists_every_kind_and_what_is_missing() -> None:
    with scripted(Rule()) as server:
        environ = {"OLLAMA_HOST": server.root, "OPENAI_API_KEY": KEY}
        found = {status.spec: status for status in answerers(environ)}

    assert list(found)[:2] == ["offline", "openai:MODEL"]
    assert len(found) == 7
    assert found["offline"].usable
    assert found["openai:MODEL"].usable
    assert found["openai:MODEL"].host == "api.openai.com"
    assert not found["anthropic:MODEL"].usable
    assert found["anthropic:MODEL"].why == "no key is set"
    assert "ANTHROPIC_API_KEY" in found["anthropic:MODEL"].next_step
    assert found["ollama:MODEL"].ready == ("ollama:scripted",)
    assert KEY not in str(found)


def test_listing_the_answerers_calls_no_other_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    look_up = socket.getaddrinfo

    def noted(host: Any, *rest: Any, **more: Any) -> Any:
        asked.append(str(host))
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    found = {
        status.spec: status for status in answerers({"OLLAMA_HOST": "gpu-box.invalid", "OPENAI_API_KEY": KEY})
    }
    assert found["ollama:MODEL"].host == "gpu-box.invalid"
    assert "not asked" in found["ollama:MODEL"].why
    assert set(asked) <= {"127.0.0.1", "localhost"}
    assert asked  # the usual servers on this machine


def test_a_spec_is_checked_against_its_server() -> None:
    with scripted(Rule()) as server:
        assert checked(server.spec, {}).usable
        wrong = checked(f"openai-compatible:other@{server.url}", {})
        assert (wrong.usable, wrong.next_step) == (False, "use one of: scripted")
        gone = server.url
    off = checked(f"openai-compatible:m@{gone}", {})
    assert (off.usable, off.why) == (False, "no server listens there")
    assert checked("huggingface:no-such/model", {}).next_step == "run hf download no-such/model"
    assert not checked("nonsense", {}).usable


def test_the_command_prints_the_same_as_json(tmp_path: Path) -> None:
    with scripted(Rule()) as server:
        done = subprocess.run(
            [sys.executable, "-m", "rag", "answerers", server.spec, "llamacpp:/no.gguf", "--json"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "OPENAI_COMPATIBLE_API_KEY": KEY},
        )
    assert done.returncode == 1  # one of the two is not usable
    assert done.stderr == ""
    first, second = json.loads(done.stdout)["answerers"]
    assert first == {
        "spec": server.spec,
        "usable": True,
        "why": "its server answers",
        "next_step": "",
        "host": None,
        "ready": [server.spec],
    }
    assert second["why"] == "there is no such file"
    assert KEY not in done.stdout
