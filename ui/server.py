"""The HTTP side of the app: pages of whole documents, original files, passwords, and who may talk to it at all.

`Guard` stands before everything, Gradio's own routes, uploads and event streams included:

- On loopback, only requests whose Host is this machine are answered and only from pages of this app (Origin), so that
  a web page elsewhere cannot drive the app through the reader's browser (DNS rebinding, cross-site posts).
- With an auth file, every request needs a user and password (HTTP Basic, RFC 7617).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import quote as url_quote
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.errors import OnRecordError, UsageError
from rag.passwords import matches
from rag.types import Span
from ui.desk import Desk
from ui.html import document_page, error_page
from ui.runs import Runs

_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Guard:
    """ASGI middleware that lets a request through, or answers it with 401 or 403."""

    def __init__(self, app: ASGIApp, users: Mapping[str, str] | None, loopback: bool) -> None:
        self._app, self._users, self._loopback = app, users, loopback
        # scrypt takes some 50 ms and a page has 80 resources: remember what was right, under a key of this process.
        self._key = secrets.token_bytes(32)
        self._right: set[bytes] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, headers: Headers) -> Response | None:
        host = urlsplit("//" + headers.get("host", "")).hostname
        if self._loopback and host not in _THIS_MACHINE:
            return PlainTextResponse("This app answers only under the name of this machine.", 403)
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            return PlainTextResponse("This app answers only its own pages.", 403)
        if self._users is not None and not self._known(headers.get("authorization", "")):
            return PlainTextResponse(
                "A user name and password are needed.",
                401,
                {"WWW-Authenticate": 'Basic realm="On the Record"'},
            )
        return None

    def _known(self, authorization: str) -> bool:
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "basic" or self._users is None:
            return False
        token = hmac.new(self._key, value.encode(), hashlib.sha256).digest()
        if token in self._right:
            return True
        try:
            user, colon, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
        except ValueError:
            return False
        # An unknown user costs as much time as a wrong password.
        hashed = self._users.get(user, next(iter(self._users.values())))
        if not matches(password, hashed) or user not in self._users or not colon:
            return False
        self._right.add(token)
        return True


def document_routes(desk: Desk) -> FastAPI:
    """The app's own routes: `/document/ID` (a page) and `/original/ID` (a download, never shown in place).

    What cannot be shown is a page too, which says why.
    """
    app = FastAPI(title="On the Record", docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(OnRecordError)
    def show_error(_: Request, error: OnRecordError) -> HTMLResponse:
        status = 404 if isinstance(error, UsageError) else 500
        return HTMLResponse(error_page(error), status, headers=_PAGE_HEADERS)

    @app.get("/document/{document_id}", response_class=HTMLResponse)
    def show_document(document_id: str, start: int | None = None, end: int | None = None) -> HTMLResponse:
        document, record = desk.document(document_id), desk.record(document_id)
        span = _span(start, end)
        if span is not None and span.end > len(document.text):
            span = None
        original = f"/original/{url_quote(document_id, safe='')}"
        return HTMLResponse(document_page(document, record, span, original), headers=_PAGE_HEADERS)

    @app.get("/original/{document_id}")
    def download_original(document_id: str) -> Response:
        data, record = desk.original(document_id), desk.record(document_id)
        # The name is ours (slug and hash), the type says nothing that a browser would open.
        suffix = "".join(c for c in str(record["path"]).rpartition(".")[2][:8] if c.isalnum() and c.isascii())
        name = f"{document_id}.{suffix}" if suffix else document_id
        headers = {**_PAGE_HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
        return Response(data, media_type="application/octet-stream", headers=headers)

    return app


def run_routes(app: FastAPI, runs: Runs) -> None:
    """Add `/run/NAME/document/ID` (a document that a run was asked about) and `/run/NAME/report` (one page)."""

    @app.get("/run/{name}/document/{document_id}", response_class=HTMLResponse)
    def show_document(
        name: str, document_id: str, start: int | None = None, end: int | None = None
    ) -> HTMLResponse:
        document, record, span = runs.document(name, document_id, _span(start, end))
        return HTMLResponse(document_page(document, record, span), headers=_PAGE_HEADERS)

    @app.get("/run/{name}/report", response_class=HTMLResponse)
    def show_report(name: str) -> HTMLResponse:
        return HTMLResponse(runs.report(name), headers=_PAGE_HEADERS)


def _span(start: int | None, end: int | None) -> Span | None:
    return Span(start, end) if start is not None and end is not None and 0 <= start < end else None
