"""What a key never gets into, and what no prompt is sent through or to."""

from __future__ import annotations

import copy
import logging
import pickle
import socket
import traceback
from typing import Any

import pytest

from evals.scripted_llm import scripted
from evals.scripted_rules import Rule
from rag.answer.llms import make_model
from rag.answer.llms.calls import Failed
from rag.answer.llms.http import check_peer
from rag.answer.llms.specs import parse
from rag.errors import AnswererError, UsageError
from rag.settings import LlmSettings
from tests.answer.dialects import DIALECTS, KEY, model_of

pytestmark = pytest.mark.usefixtures("imported", "threads_end")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_key_goes_to_the_server_and_nowhere_else(dialect: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = f"invalid key {KEY} (Authorization: Bearer {KEY})"
    with scripted(Rule(times=1), Rule(fault="status", status=401, message=echo)) as server:
        model = model_of(dialect, server)
        list(model.stream("s", "p"))
        with pytest.raises(AnswererError, match="refused the key") as caught:
            list(model.stream("s", "p"))
        sent = server.requests[-1].headers

    header = sent["x-api-key"] if dialect == "anthropic" else sent["authorization"].removeprefix("Bearer ")
    assert header == KEY
    told = "".join(traceback.format_exception(caught.value))
    assert "[key]" in str(caught.value)
    for place in (str(caught.value), told, repr(model), repr(vars(model)), caplog.text):
        assert KEY not in place
    with pytest.raises(TypeError, match="not stored"):
        pickle.dumps(model._key)
    with pytest.raises(TypeError, match="not stored"):
        copy.copy(model._key)


def test_without_a_key_none_is_sent_and_openais_never_goes_to_another_server() -> None:
    with scripted(Rule()) as server:
        model = make_model(server.spec, LlmSettings(), {"OPENAI_API_KEY": KEY})
        list(model.stream("s", "p"))

        assert all("authorization" not in request.headers for request in server.requests)
        assert all(KEY not in str(request.headers) for request in server.requests)


def test_a_key_that_cannot_be_a_header_is_refused_without_being_shown() -> None:
    with pytest.raises(UsageError, match="characters that no key has") as caught:
        make_model("openai:m", LlmSettings(), {"OPENAI_API_KEY": "sk-schlüssel secret"})
    assert "schlüssel" not in str(caught.value)


def test_a_proxy_is_not_used_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with scripted(Rule(reply="direct")) as server:
        assert "".join(model_of("openai-compatible", server).stream("s", "p")) == "direct"


def test_a_connection_to_this_machine_must_end_at_loopback() -> None:
    class Connection:
        def __init__(self, peer: str) -> None:
            self.peer = peer

        def getpeername(self) -> tuple[str, int]:
            return self.peer, 80

    spec = parse("openai-compatible:m@http://localhost/v1", {})
    for peer in ("127.0.0.1", "127.8.8.8", "::1"):
        check_peer(spec, Connection(peer))  # type: ignore[arg-type]
    for peer in ("10.0.0.1", "8.8.8.8", "fe80::1%eth0", "0.0.0.0"):
        with pytest.raises(Failed, match="nothing was sent"):
            check_peer(spec, Connection(peer))  # type: ignore[arg-type]


def test_a_name_of_this_machine_that_leads_elsewhere_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`localhost` in a manipulated hosts file: the connection is dropped before a byte of the prompt is sent."""
    own = socket.gethostbyname(socket.gethostname())
    if own.startswith("127."):
        pytest.skip("this machine has no address besides loopback")
    with socket.create_server((own, 0)) as listener:
        port = listener.getsockname()[1]
        real = socket.getaddrinfo

        def manipulated(host: Any, *rest: Any, **more: Any) -> Any:
            return real(own if host in ("localhost", b"localhost") else host, *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", manipulated)
        model = make_model(f"openai-compatible:m@http://localhost:{port}/v1", LlmSettings(retries=0), {})
        with pytest.raises(AnswererError, match="not this machine; nothing was sent"):
            list(model.stream("s", "p"))
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(100) == b""
