"""HTTP as all servers need it: a key that nobody sees, a connection that can be shut, failures in plain words.

A client follows no redirect (a prompt goes where the user said and nowhere else), uses no proxy for this machine's own
addresses, and checks that a connection to "this machine" really leads there before a byte is sent.
"""

from __future__ import annotations

import email.utils
import ipaddress
import json
import math
import re
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx

from rag.answer.llms.calls import Call, Ended, Failed
from rag.answer.llms.specs import KEYS, Spec
from rag.answer.places import place_of
from rag.errors import AnswererError, PromptTooLong, ReplyCut
from rag.wording import Command, Environment, Phrase, Way

_MAX_LINE = 4 * 1024 * 1024  # bytes of one event
_MAX_ERROR = 64 * 1024  # bytes of an error page that are looked at
_MAX_ANSWER = 16 * 1024 * 1024  # bytes of a JSON answer (a list of models)
_SHOWN = 200  # characters of what a server says
_TEMPORARY = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_TOO_LONG = re.compile(
    r"context[ _-]?(?:length|window|size)|maximum context|too many tokens|prompt is too long|max_model_len"
    r"|exceeds? the (?:available )?context|(?:input|prompt|request) (?:is )?too (?:long|large)",
    re.IGNORECASE,
)
_LOOKS_LIKE_A_KEY = re.compile(
    r"(?:sk|pk|gsk|hf|key)[-_][\w*.-]{8,}|(?i:bearer|basic|api[ _-]?key:?) +[\w+/=.*~-]{8,}"
)


class Key:
    """A key from the environment. No representation of it shows it."""

    __slots__ = ("_value", "variable")

    def __init__(self, value: str, variable: str) -> None:
        self._value = value
        self.variable = variable

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return f"Key({self.variable})"

    def __reduce__(self) -> str:
        raise TypeError("a key is not stored")

    def headers(self, kind: str) -> dict[str, str]:
        if not self._value:
            return {}
        if kind == "anthropic":
            return {"x-api-key": self._value}
        return {"authorization": f"Bearer {self._value}"}

    def hidden(self, text: str) -> str:
        """`text` as it may be shown: in one line, short, without this key and without what looks like one."""
        if self._value:
            text = text.replace(self._value, "[key]")
        text = _LOOKS_LIKE_A_KEY.sub("[key]", text)
        text = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * _SHOWN])
        text = " ".join(text.split())
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def client(
    spec: Spec, key: Key, call: Call, *, connect_s: float, read_s: float, content_type: str = ""
) -> httpx.Client:
    """A client for one call to the server of `spec`; close it. Every failure it meets raises `Failed`, or an
    httpx.TransportError to be given to `explained`. `content_type`: what the body must be where the request succeeds.
    """
    this_machine = place_of(spec.url) is None

    def connected(name: str, info: dict[str, Any]) -> None:
        if name not in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            return
        stream = info["return_value"]
        connection: socket.socket = stream.get_extra_info("socket")
        try:
            call.watch(connection)
            if this_machine:
                check_peer(spec, connection)
        except (Failed, Ended):
            stream.close()
            raise

    def before(request: httpx.Request) -> None:
        call.check()
        for header in ("authorization", "openai-organization", "openai-project"):
            if header in request.headers and spec.kind != "openai":
                del request.headers[header]
        request.headers.update(key.headers(spec.kind))
        request.extensions = {**request.extensions, "trace": connected}

    def after(response: httpx.Response) -> None:
        if response.status_code >= 300:
            raise refused(spec, key, response)
        given = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type and given != content_type:
            raise Failed(
                AnswererError(
                    f"the server sent {key.hidden(given) or 'something unknown'} where {content_type} was due",
                    where=spec.where,
                    next_step="check that the address is that of a model's server, not of a web page",
                )
            )

    return httpx.Client(
        timeout=httpx.Timeout(read_s, connect=connect_s),
        follow_redirects=False,
        trust_env=not this_machine,
        event_hooks={"request": [before], "response": [after]},
    )


def check_peer(spec: Spec, connection: socket.socket) -> None:
    """Raise Failed where a connection to "this machine" leads to another: a name means what the resolver says."""
    peer = connection.getpeername()[0]
    if not ipaddress.ip_address(peer.partition("%")[0]).is_loopback:
        raise Failed(
            AnswererError(
                f"the address leads to {peer}, which is not this machine; nothing was sent",
                where=spec.where,
                next_step="write 127.0.0.1 in place of the name",
            )
        )


def refused(spec: Spec, key: Key, response: httpx.Response) -> Failed:
    """The failure that a status of 300 or more stands for. Reads the body, up to a limit."""
    status = response.status_code
    message = key.hidden(_message(_body(response)))
    said = f" ({message})" if message else ""
    variable = KEYS[spec.kind]
    retry, wait_s = status in _TEMPORARY, None
    kind: type[AnswererError] = AnswererError
    if status < 400:
        target = urlsplit(response.headers.get("location", "")).hostname or "another address"
        what = f"the server wants to send the request on to {key.hidden(target)}"
        step = "give the final address, if you trust it"
    elif status in (401, 403):
        what = f"the server refused {'the key' if key else 'a request without a key'}{said}"
        step = Environment(f"{'check' if key else 'set'} the environment variable {variable}")
    elif status == 402 or "insufficient_quota" in message or "exceeded your current quota" in message:
        what, step, retry = f"the account has no credit left{said}", "add credit at the provider", False
    elif status == 404:
        what = f"the server does not know the model {spec.model!r}, or the address{said}"
        step = {
            "ollama": Command(f"run ollama pull {spec.model}"),
            "openai-compatible": Phrase(Way.SEE_MODELS, "; most addresses end in /v1"),
        }.get(spec.kind, "correct the model's name")
    elif status == 413 or (status in (400, 422, 500) and _TOO_LONG.search(message)):
        kind, retry = PromptTooLong, False
        what = f"the server says that the prompt is too long{said}"
        step = "set llm.context_tokens to what the server allows, or a smaller search.top_k"
    elif status == 429:
        wait_s = _retry_after(response)
        what = f"the server gets too many requests{said}"
        step = "wait, then ask again" if wait_s is None else f"ask again in {math.ceil(wait_s)} s"
    elif status >= 500:
        wait_s = _retry_after(response)
        what, step = f"the server failed with status {status}{said}", "ask again later, or look at its log"
    else:
        what = f"the server refused the request with status {status}{said}"
        step = "check the model's name and the settings of [llm]"
    error = kind(what, where=spec.where, next_step=step)
    return Failed(error, retry=retry, wait_s=wait_s, status=status, message=message)


def explained(error: Exception, spec: Spec, key: Key, connect_s: float) -> Failed | None:
    """The failure that an exception of the transport or of decoding stands for; None where it is neither."""
    chain = list(_chain(error))
    for each in chain:
        if isinstance(each, Failed):
            return each

    def failed(
        what: str, step: str, *, retry: bool = False, kind: type[AnswererError] = AnswererError
    ) -> Failed:
        return Failed(kind(what, where=spec.where, next_step=step), retry=retry)

    start = {
        "ollama": Command("run ollama serve"),
        "openai-compatible": "start the server, or correct the address",
    }
    for each in chain:
        if isinstance(each, socket.gaierror):
            # EAI_AGAIN: the name server did not answer, as in the first seconds after waking up.
            return failed(
                f"the host {urlsplit(spec.url).hostname!r} is not known",
                "correct the address, or check the network",
                retry=each.errno == socket.EAI_AGAIN,
            )
        if isinstance(each, ssl.SSLError):
            reason = key.hidden(getattr(each, "verify_message", "") or each.reason or "no details")
            return failed(
                f"no secure connection ({reason})",
                "check the certificate (SSL_CERT_FILE names others to trust), and http or https in the address",
            )
        if isinstance(each, ConnectionRefusedError):
            return failed("no server listens there", start.get(spec.kind, "check the address"))
        if isinstance(each, httpx.ConnectTimeout):
            return failed(
                f"the server could not be reached within {connect_s:g} s", "check address and network"
            )
        if isinstance(each, httpx.ProxyError):
            return failed("the proxy refused", "check HTTPS_PROXY and NO_PROXY")
    for each in chain:
        if isinstance(each, httpx.TimeoutException):
            return failed("the server fell silent", "ask again, or raise llm.total_seconds")
        if isinstance(each, httpx.ConnectError):
            return failed(f"no connection ({key.hidden(str(each))})", "check address and network", retry=True)
        if isinstance(each, httpx.TransportError | ConnectionError):
            return failed(
                "the connection broke", "ask again, or look at the server's log", retry=True, kind=ReplyCut
            )
        if isinstance(each, UnicodeDecodeError | json.JSONDecodeError):
            form = "text in UTF-8" if isinstance(each, UnicodeDecodeError) else "JSON"
            return failed(
                f"the server's reply is not {form}", "look at the server's log, or use another model"
            )
        if isinstance(each, httpx.HTTPError | httpx.InvalidURL | httpx.StreamError):
            return failed(f"the request failed ({key.hidden(str(each))})", "check the address")
    return None


def lines(response: httpx.Response) -> Iterator[str]:
    """The lines of a body, without their ends. Raises UnicodeDecodeError for bytes that are not UTF-8."""
    rest = b""
    for data in response.iter_bytes():
        rest += data
        *whole, rest = rest.split(b"\n")
        for line in whole:
            yield line.rstrip(b"\r").decode("utf-8")
        if len(rest) > _MAX_LINE:
            raise httpx.RemoteProtocolError("an event of the reply is too long")
    if rest:
        yield rest.decode("utf-8")


def get_json(http: httpx.Client, url: str, body: dict[str, Any] | None = None) -> Any:
    """The JSON at `url`, which is posted to where there is a `body`. Raises as the client does, or a ValueError."""
    method = "GET" if body is None else "POST"
    with http.stream(method, url, json=body) as response:
        data = bytearray()
        for part in response.iter_bytes():
            data += part
            if len(data) > _MAX_ANSWER:
                raise httpx.RemoteProtocolError("the answer is too long")
    return json.loads(data.decode("utf-8"))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen = 0
    while error is not None and seen < 20:
        yield error
        error = error.__cause__ or error.__context__
        seen += 1


def _body(response: httpx.Response) -> str:
    data = b""
    try:
        for part in response.iter_bytes():
            data += part
            if len(data) > _MAX_ERROR:
                break
    except httpx.HTTPError:
        pass  # the status says enough
    return data[:_MAX_ERROR].decode("utf-8", "replace")


def _message(body: str) -> str:
    """What the error body says: the usual places of JSON, else the text without tags."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return re.sub(r"<[^<>]*>", " ", body[:2_000])
    for _ in range(4):
        if isinstance(value, list) and value:
            value = value[0]
        elif isinstance(value, dict):
            inner = [value[name] for name in ("error", "message", "msg", "detail") if value.get(name)]
            if not inner:
                return ""
            code = value.get("code") if isinstance(inner[0], str) else None
            value = f"{inner[0]} [{code}]" if isinstance(code, str) else inner[0]
    return value if isinstance(value, str) else ""


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds from the header `Retry-After`, which is a number or a date."""
    given = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", given):
        return float(given)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(given).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
