"""A scripted model behind a real HTTP server: replies, lies and failures on demand, without a model.

    python -m evals.scripted_llm script.jsonl --port 8123
    onrecord ask 'How many?' --answerer openai-compatible:scripted@http://127.0.0.1:8123/v1

It speaks OpenAI's `/v1/chat/completions` and `/v1/models`, and the parts of Anthropic's (`/v1/messages`) and Ollama's
(`/api/…`) interfaces that a chat needs, streamed and not. The script's form is told in `evals.scripted_rules`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from evals.scripted_dialects import Anthropic, Counts, Dialect, Ollama, OpenAi
from evals.scripted_rules import Rule, read_script
from rag.errors import OnRecordError

_PIECE = 12  # characters of a streamed piece
_DIALECTS: dict[str, Callable[[str, dict[str, Any]], Dialect]] = {
    "/v1/chat/completions": OpenAi,
    "/v1/messages": Anthropic,
    "/api/chat": Ollama,
}


@dataclass
class Recorded:
    """One request as it came; `gone` once the client closed the connection before the reply was whole."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    prompt: str
    at: float = field(default_factory=time.monotonic)
    gone: bool = False


class ScriptedServer:
    """A server on loopback, listening once made; `close` ends it and every request under way.

    `context_tokens` is what `/v1/models` and Ollama's `/api/show` report; None reports nothing.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        port: int = 0,
        model: str = "scripted",
        context_tokens: int | None = 32_768,
        record: Path | None = None,
    ) -> None:
        self.rules = list(rules)
        self.model = model
        self.context_tokens = context_tokens
        self.requests: list[Recorded] = []
        self.stopping = threading.Event()
        self._record = record
        self._served: dict[int, int] = {}
        self._lock = threading.Lock()

        class Handler(_Handler):
            scripted = self

        self._server = _Server(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    @property
    def spec(self) -> str:
        """To give as `--answerer`."""
        return f"openai-compatible:{self.model}@{self.url}"

    def close(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> ScriptedServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def chosen(self, prompt: str, schema: bool) -> Rule | None:
        with self._lock:
            for index, rule in enumerate(self.rules):
                served = self._served.get(index, 0)
                if rule.times is not None and served >= rule.times:
                    continue
                if rule.schema is not None and rule.schema != schema:
                    continue
                if rule.chosen_by(prompt):
                    self._served[index] = served + 1
                    return rule
        return None

    def note(self, request: Recorded) -> None:
        with self._lock:
            self.requests.append(request)
            if self._record is not None:  # without headers: a key has no place in a file
                line = {"path": request.path, "body": request.body}
                with self._record.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def scripted(*rules: Rule, **options: Any) -> Iterator[ScriptedServer]:
    """A server for tests: `with scripted(Rule(reply="…")) as server: … server.spec … server.requests`."""
    with ScriptedServer(rules, **options) as server:
        yield server


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):  # a client that went away is what this server is for
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    scripted: ScriptedServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Silence: standard error belongs to whoever runs the server."""

    def do_GET(self) -> None:
        server = self.scripted
        self.scripted.note(Recorded(self.path, dict(self.headers), {}, ""))
        if self.path == "/v1/models":
            entry: dict[str, Any] = {"id": server.model, "object": "model", "owned_by": "script"}
            if server.context_tokens is not None:
                entry["max_model_len"] = server.context_tokens
            self._json(200, {"object": "list", "data": [entry]})
        elif self.path == "/api/tags":
            self._json(200, {"models": [{"name": server.model}]})
        elif self.path == "/api/ps":
            self._json(200, {"models": [{"name": server.model, "context_length": server.context_tokens}]})
        else:
            self._json(404, {"error": {"message": f"no such path: {self.path}"}})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            self._json(400, {"error": {"message": "the request is not a JSON object"}})
            return
        prompt = _prompt(body)
        request = Recorded(self.path, dict(self.headers), body, prompt)
        self.scripted.note(request)
        if self.path == "/api/show":
            info = {"general.architecture": "scripted"}
            context = self.scripted.context_tokens
            self._json(
                200, {"model_info": {**info, **({"scripted.context_length": context} if context else {})}}
            )
            return
        make = _DIALECTS.get(self.path)
        if make is None:
            self._json(404, {"error": {"message": f"no such path: {self.path}"}})
            return
        rule = self.scripted.chosen(prompt, _wants_schema(body))
        if rule is None:
            self._json(500, {"error": {"message": "no rule of the script fits this prompt"}})
            return
        dialect = make(str(body.get("model", self.scripted.model)), body)
        self.close_connection = True
        try:
            self._play(rule, dialect, body, prompt)
        except ConnectionError:
            request.gone = True

    def _play(self, rule: Rule, dialect: Dialect, body: dict[str, Any], prompt: str) -> None:
        if rule.fault != "slow":
            self._wait(rule.delay_s)
        if rule.fault == "close":
            return
        if rule.fault in ("status", "html", "redirect"):
            self._refuse(rule)
            return
        text = rule.text(prompt)
        if rule.fault in ("empty", "refusal"):
            text = ""
        elif rule.fault == "invalid_json":
            text = text[: len(text) // 2]
        finish = "content_filter" if rule.fault == "refusal" else rule.finish
        counts = Counts(len(prompt.split()), len(text.split()))
        # Anthropic's default is not to stream, OpenAI's too; Ollama's is to stream.
        if not body.get("stream", isinstance(dialect, Ollama)):
            if rule.fault == "slow":
                self._wait(rule.delay_s)
            self._json(200, dialect.whole(text, finish, counts))
            return
        self._headers(200, dialect.content_type)
        if rule.fault == "slow":
            self._wait(rule.delay_s)
        self._send(dialect.start(self.scripted.model, counts))
        self._stream(rule, dialect, text)
        if rule.fault not in ("cut", "stall", "endless"):
            self._send(dialect.end(finish, counts))
            self._send(b"", last=True)

    def _stream(self, rule: Rule, dialect: Dialect, text: str) -> None:
        if rule.fault == "refusal":
            self._send(dialect.refusal("I cannot help with that."))
        if rule.fault in ("cut", "stall"):
            text = text[: len(text) // 2 if rule.after is None else rule.after]
        for first in range(0, len(text), _PIECE):
            piece = dialect.piece(text[first : first + _PIECE])
            self._send(piece.decode().encode("latin-1", "replace") if rule.fault == "encoding" else piece)
            self._wait(rule.pace_s)
        if rule.fault == "event":
            self._send(
                b"data: {this is not JSON\n\n" if dialect.content_type.endswith("stream") else b"{no\n"
            )
        while rule.fault == "endless":
            self._send(dialect.piece((text or "more ")[:_PIECE]))
            self._wait(max(rule.pace_s, 0.001))
        while rule.fault == "stall":
            self._wait(0.05)

    def _refuse(self, rule: Rule) -> None:
        if rule.fault == "html":
            page = b"<html><body>Please log in.</body></html>"
            self._headers(200, "text/html", length=len(page))
            self.wfile.write(page)
        elif rule.fault == "redirect":
            self._json(307, {}, location=rule.message)
        else:
            more = {} if rule.retry_after is None else {"retry-after": f"{rule.retry_after:g}"}
            self._json(rule.status, {"error": {"message": rule.message, "type": "scripted"}}, **more)

    def _headers(self, status: int, content_type: str, length: int | None = None, **more: str) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        for name, value in more.items():
            self.send_header(name, value)
        if length is None:
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("content-length", str(length))
        self.end_headers()
        self.wfile.flush()

    def _json(self, status: int, value: Any, **more: str) -> None:
        data = json.dumps(value, ensure_ascii=False).encode()
        self._headers(status, "application/json", len(data), **more)
        self.wfile.write(data)

    def _send(self, data: bytes, *, last: bool = False) -> None:
        """One chunk of a chunked body; an empty one is sent as `last` only, as it ends the body."""
        if data or last:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

    def _wait(self, seconds: float) -> None:
        """Wait. Raises ConnectionAbortedError as soon as the client hangs up or the server is closed."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            readable, _, _ = select.select([self.connection], [], [], min(left, 0.05))
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionAbortedError
            if self.scripted.stopping.is_set():
                raise ConnectionAbortedError


def _prompt(body: dict[str, Any]) -> str:
    """All text of a request: the system message (Anthropic's own field), then every message."""
    texts = [body.get("system")] + [
        message.get("content") for message in body.get("messages") or [] if isinstance(message, dict)
    ]
    parts = []
    for text in texts:
        if isinstance(text, str):
            parts.append(text)
        elif isinstance(text, list):
            parts += [str(block.get("text", "")) for block in text if isinstance(block, dict)]
    return "\n".join(parts)


def _wants_schema(body: dict[str, Any]) -> bool:
    return any(body.get(name) for name in ("response_format", "tool_choice", "format"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve a script until interrupted; prints the SPEC to use on standard output."""
    parser = argparse.ArgumentParser(
        prog="python -m evals.scripted_llm", description="Serve a scripted model on this machine."
    )
    parser.add_argument("script", metavar="SCRIPT", type=Path, help="JSON lines, one rule each")
    parser.add_argument(
        "--port", type=int, default=8123, help="port on 127.0.0.1 (default 8123; 0: any free)"
    )
    parser.add_argument("--model", default="scripted", help="name of the model it claims to be")
    parser.add_argument("--context-tokens", type=int, default=32_768, help="context that it reports")
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="append every request to FILE, JSON lines"
    )
    parsed = parser.parse_args(arguments)
    try:
        server = ScriptedServer(
            read_script(parsed.script),
            port=parsed.port,
            model=parsed.model,
            context_tokens=parsed.context_tokens,
            record=parsed.record,
        )
    except OnRecordError as error:
        sys.stderr.write(f"onrecord: {error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"onrecord: the port cannot be used ({error.strerror}), --port, choose another\n")
        return 2
    sys.stdout.write(f"{server.spec}\n")
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
