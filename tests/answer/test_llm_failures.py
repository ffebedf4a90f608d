"""Every way in which a model's server fails ends in one clear error, within its time limit, and never in an answer."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import re
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from evals.scripted_llm import ScriptedServer, scripted
from evals.scripted_rules import FAULTS, Rule, read_script
from rag.answer.llms import make_model
from rag.answer.llms.http import Key
from rag.answer.model import Tally, Usage
from rag.errors import AnswererError, ModelRefused, PromptTooLong, ReplyCut, UsageError
from rag.settings import LlmSettings

pytestmark = pytest.mark.usefixtures("imported", "threads_end")
DIALECTS = ["openai-compatible", "anthropic", "ollama"]
LONG = "The harbour office confirmed that thirty-seven people were on the third flight."
# Short waits, but long enough for a loaded machine to send a first piece that is not late.
QUICK = LlmSettings(
    first_token_seconds=8.0, stall_seconds=2.0, total_seconds=20.0, retries=0, connect_seconds=5.0
)
TRIES = LlmSettings(retries=2, retry_after_seconds=3.0)


def model_of(dialect: str, server: ScriptedServer, settings: LlmSettings = QUICK) -> Any:
    environ = {"ANTHROPIC_BASE_URL": server.root, "ANTHROPIC_API_KEY": "sk-1", "OLLAMA_HOST": server.root}
    spec = server.spec if dialect == "openai-compatible" else f"{dialect}:{server.model}"
    return make_model(spec, settings, environ)


def chats(server: ScriptedServer) -> int:
    return sum("messages" in request.body for request in server.requests)


def outcome(model: Any, **options: Any) -> tuple[AnswererError, str]:
    """The error, and what was read before it."""
    pieces: list[str] = []
    with pytest.raises(AnswererError) as caught:
        pieces.extend(piece_by_piece(model, pieces, options))
    error = caught.value
    assert error.what
    assert error.where
    assert error.next_step
    # What the transport knew is not carried along: a traceback of `--debug` would print it.
    assert error.__cause__ is None
    assert error.__context__ is None
    return error, "".join(pieces)


def piece_by_piece(model: Any, pieces: list[str], options: dict[str, Any]) -> list[str]:
    for piece in model.stream("You answer.", "How many?", **options):
        pieces.append(piece)
    return []


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("rule", "kind", "what", "read"),
    [
        (Rule(fault="close"), ReplyCut, "the connection broke", False),
        (Rule(fault="cut", reply=LONG), ReplyCut, "the connection broke", True),
        (Rule(fault="encoding", reply="señor"), AnswererError, "not text in UTF-8", False),
        (Rule(fault="event", reply=LONG), AnswererError, "not JSON", True),
        (Rule(fault="empty"), AnswererError, "replied with nothing", False),
        (Rule(reply=" \n "), AnswererError, "replied with nothing", True),
        (Rule(fault="html"), AnswererError, "sent text/html where", False),
        (Rule(fault="redirect", message="http://example.org/x"), AnswererError, "on to example.org", False),
        (Rule(reply=LONG, finish="length"), ReplyCut, "met its limit of 300 tokens", True),
        (Rule(fault="status", status=400, message="odd"), AnswererError, r"status 400 \(odd\)", False),
        (Rule(fault="status", status=401), AnswererError, "server refused", False),
        (Rule(fault="status", status=402), AnswererError, "no credit", False),
        (Rule(fault="status", status=403), AnswererError, "server refused", False),
        (Rule(fault="status", status=404), AnswererError, "does not know the model 'scripted'", False),
        (Rule(fault="status", status=413), PromptTooLong, "prompt is too long", False),
        (Rule(fault="status", status=429), AnswererError, "too many requests", False),
        (Rule(fault="status", status=500), AnswererError, "failed with status 500", False),
        (Rule(fault="status", status=503), AnswererError, "failed with status 503", False),
        (
            Rule(fault="status", status=400, message="This model's maximum context length is 2048 tokens."),
            PromptTooLong,
            "too long",
            False,
        ),
        (
            Rule(fault="status", status=429, message="You exceeded your current quota"),
            AnswererError,
            "no credit",
            False,
        ),
    ],
    ids=lambda value: (value.fault or value.finish) + str(value.status) if isinstance(value, Rule) else None,
)
def test_each_failure_has_its_own_words(
    dialect: str, rule: Rule, kind: type[AnswererError], what: str, read: bool
) -> None:
    with scripted(rule) as server:
        error, text = outcome(model_of(dialect, server), max_tokens=300)

        assert type(error) is kind
        assert re.search(what, error.what)
        assert bool(text) == read
        assert chats(server) == 1


@pytest.mark.parametrize("dialect", ["openai-compatible", "anthropic"])
def test_a_refusal_is_told_as_one(dialect: str) -> None:
    with scripted(Rule(fault="refusal")) as server:
        error, text = outcome(model_of(dialect, server))

    assert isinstance(error, ModelRefused)
    assert text == ""
    if dialect == "openai-compatible":  # the other sends no words
        assert "I cannot help with that." in error.what


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_slow_first_word_has_a_limit_of_its_own(dialect: str) -> None:
    settings = LlmSettings(first_token_seconds=1.0, retries=2)
    with scripted(Rule(fault="slow", delay_s=60.0)) as server:
        model = model_of(dialect, server, settings)
        _ = model.context_tokens
        began = time.monotonic()
        error, _ = outcome(model)
        took = time.monotonic() - began

        assert isinstance(error, ReplyCut)
        assert "began no reply within 1 s" in error.what
        assert 1.0 <= took < 8.0
        assert chats(server) <= 1  # a second try would be as slow


@pytest.mark.parametrize("dialect", DIALECTS)
def test_silence_in_the_middle_has_a_limit(dialect: str) -> None:
    with scripted(Rule(fault="stall", reply=LONG)) as server:
        error, text = outcome(model_of(dialect, server))

    assert isinstance(error, ReplyCut)
    assert "stood still for 2 s" in error.what
    assert LONG.startswith(text)
    assert text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_reply_that_never_ends_meets_the_limit_of_tokens_although_the_server_ignores_it(
    dialect: str,
) -> None:
    tally = Tally()
    with scripted(Rule(fault="endless", reply=LONG)) as server:
        model = model_of(dialect, server)
        error, text = outcome(model, max_tokens=40, tally=tally)

    assert isinstance(error, ReplyCut)
    assert "limit of 40 tokens, which the server ignores" in error.what
    assert len(text) < 3_000
    assert tally.usage.completion_tokens > 40  # what was made is counted, whoever ignored the limit


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_reply_that_never_ends_meets_the_limit_of_time(dialect: str) -> None:
    settings = LlmSettings(total_seconds=3.0, first_token_seconds=3.0, context_tokens=16_000)
    with scripted(Rule(fault="endless", pace_s=0.1), context_tokens=16_000) as server:
        model = model_of(dialect, server, settings)
        _ = model.context_tokens
        began = time.monotonic()
        error, _ = outcome(model, max_tokens=10_000)
        took = time.monotonic() - began

    assert isinstance(error, ReplyCut)
    assert "within 3 s" in error.what
    assert 2.9 < took < 10.0


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "fault",
    [
        Rule(fault="status", status=429, retry_after=0.2, times=2),
        Rule(fault="status", status=500, times=2),
        Rule(fault="status", status=529, times=1),
        Rule(fault="close", times=2),
        Rule(fault="cut", after=0, times=1),
    ],
    ids=["429", "500", "529", "close", "cut before the first word"],
)
def test_what_may_pass_is_tried_again(dialect: str, fault: Rule) -> None:
    with scripted(fault, Rule(reply="third time lucky")) as server:
        model, tally = model_of(dialect, server, TRIES), Tally()

        assert "".join(model.stream("s", "p", tally=tally)) == "third time lucky"
        assert chats(server) == (fault.times or 0) + 1
        assert tally.usage.completion_tokens == 3


@pytest.mark.parametrize("status", [400, 401, 404, 413])
def test_what_will_not_pass_is_not_tried_again(status: int) -> None:
    with scripted(Rule(fault="status", status=status)) as server:
        outcome(model_of("openai-compatible", server, TRIES))
        assert chats(server) == 1


def test_tries_end() -> None:
    with scripted(Rule(fault="status", status=500)) as server:
        outcome(model_of("openai-compatible", server, TRIES))
        assert chats(server) == 3


def test_nothing_is_tried_again_once_words_were_read() -> None:
    with scripted(Rule(fault="cut", reply=LONG, times=1), Rule(reply="another story")) as server:
        _, text = outcome(model_of("openai-compatible", server, TRIES))

        assert LONG.startswith(text)
        assert chats(server) == 1


def test_retry_after_is_waited_for() -> None:
    with scripted(Rule(fault="status", status=429, retry_after=1.5, times=1), Rule()) as server:
        model = model_of("openai-compatible", server, TRIES)
        list(model.stream("s", "p"))
        first, second = [request.at for request in server.requests if request.body]

        assert second - first >= 1.5


def test_retry_after_beyond_the_limit_is_an_error_at_once() -> None:
    with scripted(Rule(fault="status", status=429, retry_after=90.0)) as server:
        error, _ = outcome(model_of("openai-compatible", server, TRIES))

        assert error.next_step == "ask again in 90 s"
        assert chats(server) == 1


def test_retry_after_may_be_a_date() -> None:
    from rag.answer.llms.http import _retry_after

    class Response:
        def __init__(self, value: str) -> None:
            self.headers = {"retry-after": value}

    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)
    wait_s = _retry_after(Response(email.utils.format_datetime(soon, usegmt=True)))  # type: ignore[arg-type]
    assert wait_s is not None
    assert 55 < wait_s <= 60
    past = email.utils.format_datetime(soon - dt.timedelta(hours=1), usegmt=True)
    assert _retry_after(Response(past)) == 0.0  # type: ignore[arg-type]
    for nonsense in ("", "soon", "-5", "1e9", "nan"):
        assert _retry_after(Response(nonsense)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["openai-compatible:m@", "ollama:m"])
def test_no_server_listens(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    spec = f"{kind}{address}/v1" if kind.endswith("@") else kind
    error, _ = outcome(make_model(spec, TRIES, {"OLLAMA_HOST": address}))

    assert error.what == "no server listens there"
    assert "start the server" in error.next_step or "ollama serve" in error.next_step


def test_a_host_that_does_not_exist() -> None:
    # RFC 6761: the top-level domain `invalid` never resolves.
    error, _ = outcome(make_model("openai-compatible:m@http://model.invalid/v1", QUICK, {}))

    assert "'model.invalid' is not known" in error.what


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    made = subprocess.run([*command, *files], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("openssl is not installed here")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)

        def serve() -> None:
            for _ in range(1):
                connection, _ = listener.accept()
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        port = listener.getsockname()[1]
        error, _ = outcome(make_model(f"openai-compatible:m@https://localhost:{port}/v1", QUICK, {}))
        thread.join()

    assert "no secure connection (self" in error.what  # self-signed or self signed, by version
    assert "SSL_CERT_FILE" in error.next_step


def test_https_where_only_http_is_spoken() -> None:
    with scripted(Rule()) as server:
        error, _ = outcome(make_model(server.spec.replace("http:", "https:"), QUICK, {}))

    assert "no secure connection" in error.what


def test_a_server_that_accepts_and_says_nothing_while_it_is_asked_what_it_has() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        stop = threading.Event()
        threading.Timer(0.5, stop.set).start()
        model = make_model(f"openai-compatible:m@http://127.0.0.1:{port}/v1", LlmSettings(), {})
        began = time.monotonic()
        assert list(model.stream("s", "p", stop=stop)) == []
        assert time.monotonic() - began < 5.0


class Raw:
    """A server that sends the same bytes to everyone, whatever was asked."""

    def __init__(self, body: bytes, content_type: str = "text/event-stream") -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\nconnection: close\r\n\r\n"
        self._reply = head.encode() + body
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65_536)
                    connection.sendall(self._reply)
                except OSError:
                    continue

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"choices": 5},
        {"choices": [None]},
        {"choices": [{"delta": None, "finish_reason": None}]},
        {"choices": [{"delta": {"content": 5}, "finish_reason": None}]},
        {"choices": [{"delta": {"content": ["a"]}, "finish_reason": "stop"}]},
        {"error": {"message": "out of memory"}},
        {"choices": [{"delta": {"content": "well"}, "finish_reason": None}]},  # and no end
        [],
        None,
        "text",
    ],
    ids=str,
)
def test_events_of_any_other_form_are_an_error_and_not_a_crash(event: Any) -> None:
    data = f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n".encode()
    settings = LlmSettings(context_tokens=4_000, retries=0)
    with Raw(data) as server:
        outcome(make_model(f"openai-compatible:m@{server.url}", settings, {}))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'{"data": 5}', b'{"data": [5]}', b"\xff\xfe", b"[" * 5_000]
)
def test_a_list_of_models_of_any_other_form_is_an_error_or_tells_nothing(body: bytes) -> None:
    with Raw(body, "application/json") as server:
        model = make_model(f"openai-compatible:m@{server.url}", QUICK, {})
        told: int | str
        try:
            told = model.context_tokens
        except AnswererError as error:
            told = error.next_step

    assert told == 4_096 or (isinstance(told, str) and told)


@pytest.mark.parametrize(
    "text",
    [
        "key sk-abcdefgh12345678 is wrong",
        "Authorization: Bearer abcdefgh12345678",
        "header Basic abcdefgh12345678==",
        "hf_abcdefgh12345678 expired",
        "my-own-secret was sent",
        "\x1b[31mmy-own-secret\x00",
    ],
)
def test_what_looks_like_a_key_is_never_shown(text: str) -> None:
    shown = Key("my-own-secret", "X").hidden(text)

    assert "[key]" in shown
    assert "abcdefgh" not in shown
    assert "my-own-secret" not in shown
    assert shown.isprintable()


def test_what_a_server_says_is_shown_short_and_without_tags() -> None:
    page = b"<html><script>x</script>" + b"<p>broken </p>" * 400
    with Raw(page) as server:
        model = make_model(
            f"openai-compatible:m@{server.url}", LlmSettings(context_tokens=999, retries=0), {}
        )
        error, _ = outcome(model, max_tokens=99)
    assert len(str(error)) < 600


def test_usage_of_a_reply_that_broke_is_counted_here() -> None:
    with scripted(Rule(fault="cut", reply=LONG)) as server:
        model = model_of("openai-compatible", server)
        tally = Tally()
        outcome(model, tally=tally)

    assert tally.usage.prompt_tokens > 0
    assert tally.usage.completion_tokens > 0
    with scripted(Rule(fault="status", status=500)) as server:
        model = model_of("openai-compatible", server)
        tally = Tally()
        outcome(model, tally=tally)
    assert tally.usage == Usage(cost=0.0)


def test_the_script_names_a_line_that_it_does_not_understand(tmp_path: Path) -> None:
    script = tmp_path / "script.jsonl"
    script.write_text('{"reply": "a"}\n\n{"fault": "nonsense"}\n')
    with pytest.raises(UsageError, match="line 3"):
        read_script(script)
    script.write_text('{"replies": "a"}')
    with pytest.raises(UsageError, match="line 1"):
        read_script(script)


def test_the_server_can_be_started_from_the_command_line(tmp_path: Path) -> None:
    import sys

    script, record = tmp_path / "script.jsonl", tmp_path / "requests.jsonl"
    script.write_text('{"match": "flight", "reply": {"n": "{{\\\\[(\\\\d+)\\\\] the third}}"}}\n')
    command = [
        sys.executable,
        "-m",
        "evals.scripted_llm",
        str(script),
        "--port",
        "0",
        "--record",
        str(record),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            spec = process.stdout.readline().strip()
            model = make_model(spec, QUICK, {"OPENAI_COMPATIBLE_API_KEY": "sk-recorded-never"})
            reply = "".join(model.stream("s", "[4] the first flight\n[17] the third flight"))
        finally:
            process.terminate()
    assert json.loads(reply) == {"n": 17}
    recorded = record.read_text()
    assert "third flight" in recorded
    assert "sk-recorded-never" not in recorded


def test_every_fault_of_the_script_is_tested_here() -> None:
    source = Path(__file__).read_text("utf-8")
    # `invalid_json` is a reply like any other to a model; whoever reads the reply tests it.
    assert [fault for fault in FAULTS - {"invalid_json"} if f'fault="{fault}"' not in source] == []
