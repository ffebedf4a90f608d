"""Models of every kind of server, all answered by the one scripted server of `evals.scripted_llm`."""

from __future__ import annotations

import time
from typing import Any

from evals.scripted_llm import ScriptedServer
from rag.answer.llms import make_model
from rag.settings import LlmSettings

KEY = "sk-test-0123456789abcdefSECRET"
DIALECTS = ["openai-compatible", "openai", "anthropic", "ollama"]


def environment(server: ScriptedServer) -> dict[str, str]:
    """Everything that a program of the provider would be told to find `server` and to log in."""
    return {
        "OPENAI_BASE_URL": server.url,
        "OPENAI_API_KEY": KEY,
        "OPENAI_COMPATIBLE_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": server.root,
        "ANTHROPIC_API_KEY": KEY,
        "OLLAMA_HOST": server.root,
        "OLLAMA_API_KEY": KEY,
    }


def spec_of(dialect: str, server: ScriptedServer) -> str:
    return server.spec if dialect == "openai-compatible" else f"{dialect}:{server.model}"


def model_of(dialect: str, server: ScriptedServer, **settings: Any) -> Any:
    return make_model(spec_of(dialect, server), LlmSettings(**settings), environment(server))


def wait_for(condition: Any, seconds: float = 5.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)
