"""The web app: `build(desk, bench)` makes the Gradio Blocks, `serve(...)` runs them behind `ui.server.Guard`.

The page itself asks nothing of another machine: analytics, look-ups of models and web fonts are off, which a browser
test holds it to.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("DO_NOT_TRACK", "1")

import gradio as gr
import uvicorn
from fastapi import FastAPI

from rag.errors import UsageError
from rag.settings import Settings
from ui.ask import ask_page
from ui.bench import Bench
from ui.desk import Desk
from ui.documents import documents_page
from ui.evaluate import evaluate_page
from ui.html import STYLE
from ui.server import Guard, document_routes, run_routes

_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
_MONO = ("ui-monospace", "Consolas", "monospace")


def build(desk: Desk, bench: Bench) -> gr.Blocks:
    """The app as Gradio Blocks. Style and theme are given where it is mounted (`application`)."""
    with gr.Blocks(title="On the Record", analytics_enabled=False) as blocks:
        gr.HTML(
            '<div class="otr-head"><h1>On the Record</h1><p>Questions to your own documents. '
            "Every quote is the source's own text.</p></div>",
            js_on_load=None,
        )
        # Filled when the page is opened, and again with every choice and every question.
        place = gr.HTML(elem_id="place", js_on_load=None)
        with gr.Tab("Ask"):
            filters, refresh = ask_page(blocks, desk, place)
        with gr.Tab("Documents"):
            documents_page(blocks, desk, filters, refresh)
        with gr.Tab("Evaluate") as tab:
            evaluate_page(blocks, tab, bench)
    return blocks


def application(
    desk: Desk, bench: Bench, *, users: dict[str, str] | None = None, loopback: bool = True
) -> Any:
    """The whole app as ASGI: our document pages and Gradio's, behind the guard."""
    routes: FastAPI = document_routes(desk)
    run_routes(routes, bench.runs)
    theme = gr.themes.Base(primary_hue="red", neutral_hue="slate", font=_FONTS, font_mono=_MONO)
    mounted = gr.mount_gradio_app(
        routes,
        build(desk, bench),
        path="/",
        css=STYLE,
        theme=theme,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        show_error=True,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        max_file_size=desk.settings.documents.max_bytes,
    )
    return Guard(mounted, users, loopback)


def serve(folder: Path, settings: Settings, *, host: str, port: int, users: dict[str, str] | None) -> int:
    """Run the app until it is interrupted. Raises UsageError where the port cannot be had."""
    loopback = host in {"127.0.0.1", "localhost", "::1"}
    alone = loopback and users is None
    desk = Desk(folder, settings, any_answerer=alone)
    # Runs lie beside the library. Folders of one's own are only for the person who sits at this machine.
    runs = folder.absolute().parent / "runs"
    bench = Bench(runs, folder, settings, any_folder=alone)
    config = uvicorn.Config(
        application(desk, bench, users=users, loopback=loopback),
        host=host,
        port=port,
        log_level="warning",
        timeout_graceful_shutdown=2,
        access_log=False,
    )
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise UsageError(
            f"port {port} cannot be used ({error.strerror})",
            where=host,
            next_step="choose another with --port",
        ) from error
    # A browser that comes before the app is ready waits instead of being refused.
    sock.listen(128)
    shown = f"[{host}]" if ":" in host else host
    print(
        f"On the Record is at http://{shown}:{sock.getsockname()[1]} (stop it with Ctrl-C)", file=sys.stderr
    )
    threading.Thread(target=desk.warm, daemon=True).start()
    try:
        uvicorn.Server(config).run(sockets=[sock])
    finally:
        bench.close()
        desk.close()
    return 0
