"""The pages of the app: components and what happens when they are used."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from rag.errors import LibraryMissing, OnRecordError, UsageError
from rag.pipeline import Finished, Retrieved
from rag.render import answer_json
from rag.types import Filters
from ui import html
from ui.desk import Desk

_EMPTY = "There are no documents yet: add some on the Documents page."


def ask_page(desk: Desk) -> tuple[list[Any], Callable[[], tuple[Any, Any]]]:
    """The Ask page. Returns its two filter components and the function that gives their current choices."""
    question = gr.Textbox(
        label="Question",
        placeholder="How many people were on the third flight?",
        lines=1,
        max_lines=4,
        max_length=2_000,
        autofocus=True,
        elem_id="question",
    )
    with gr.Accordion("Only from …", open=False), gr.Row():
        sources = gr.Dropdown(label="Outlets", multiselect=True, choices=[], elem_id="sources")
        documents = gr.Dropdown(label="Documents", multiselect=True, choices=[], elem_id="documents")
        date_from = gr.Textbox(label="Published from", placeholder="YYYY-MM-DD", elem_id="date-from")
        date_to = gr.Textbox(label="Published to", placeholder="YYYY-MM-DD", elem_id="date-to")
    with gr.Row():
        ask = gr.Button("Ask", variant="primary", elem_id="ask", scale=6)
        stop = gr.Button("Stop", elem_id="stop", scale=1)
    result = gr.HTML(elem_id="answer", js_on_load=None)
    state = gr.State(value=None)
    export = gr.Button("Export this answer", visible=False, elem_id="export")
    files = gr.File(label="Markdown and evidence pack", visible=False, file_count="multiple", elem_id="files")

    def refresh() -> tuple[Any, Any]:
        records = desk.records()
        outlets = sorted({record["source"] for record in records if record["source"]})
        named = [(record["title"] or record["document_id"], record["document_id"]) for record in records]
        return gr.update(choices=outlets), gr.update(choices=named)

    def answer(
        text: str | None,
        outlets: list[str] | None,
        ids: list[str] | None,
        day_from: str | None,
        day_to: str | None,
    ) -> Iterator[tuple[Any, Any, Any, Any]]:
        hidden = (None, gr.update(visible=False), gr.update(visible=False, value=None))
        try:
            filters = _filters(outlets, ids, day_from, day_to)
            yield html.message_html("Searching …"), *hidden
            for event in desk.events(text or "", filters):
                if isinstance(event, Retrieved):
                    yield html.message_html(f"Reading {len(event.hits)} passages …"), *hidden
                elif isinstance(event, Finished):
                    found = answer_json(event.answer)
                    ids_shown = {hit["document_id"] for hit in found["hits"]}
                    page = html.answer_html(found, {each: desk.document(each) for each in ids_shown})
                    yield page, found, gr.update(visible=True), gr.update(visible=False, value=None)
        except LibraryMissing:
            yield html.message_html(_EMPTY), *hidden
        except OnRecordError as error:
            yield html.message_html(str(error), bad=True), *hidden

    def write_files(found: dict[str, Any]) -> Any:
        try:
            written = desk.export(found, Path(tempfile.mkdtemp(prefix="onrecord-")))
        except OnRecordError as error:
            raise gr.Error(str(error)) from error
        return gr.update(value=[str(path) for path in written], visible=True)

    inputs, outputs = [question, sources, documents, date_from, date_to], [result, state, export, files]
    running = [
        ask.click(answer, inputs, outputs, show_progress="minimal", api_visibility="private"),
        question.submit(answer, inputs, outputs, show_progress="minimal", api_visibility="private"),
    ]
    stop.click(None, cancels=running, api_visibility="private")
    export.click(write_files, [state], [files], api_visibility="private")
    return [sources, documents], refresh


def _filters(
    outlets: list[str] | None, ids: list[str] | None, day_from: str | None, day_to: str | None
) -> Filters:
    try:
        return Filters(
            sources=tuple(outlets or ()),
            documents=tuple(ids or ()),
            date_from=(day_from or "").strip() or None,
            date_to=(day_to or "").strip() or None,
        )
    except ValueError as error:
        raise UsageError(str(error), next_step="write the day as YYYY-MM-DD") from None


def documents_page(
    blocks: gr.Blocks, desk: Desk, filters: list[Any], refresh: Callable[[], tuple[Any, Any]]
) -> None:
    """The Documents page: upload with progress, the list, removal. `refresh` fills the `filters` of the Ask page."""
    upload = gr.File(label="Add documents", file_count="multiple", height=140, elem_id="upload")
    report = gr.HTML(elem_id="report", js_on_load=None)
    listing = gr.HTML(elem_id="listing", js_on_load=None)
    with gr.Row(equal_height=True):
        chosen = gr.Dropdown(
            label="Remove documents", multiselect=True, choices=[], elem_id="chosen", scale=4
        )
        remove = gr.Button("Remove without a trace", variant="stop", elem_id="remove", scale=1)

    def show() -> tuple[Any, Any, Any, Any]:
        records = desk.records()
        named = [(f"{record['title'] or record['document_id']}", record["document_id"]) for record in records]
        return html.documents_html(records), gr.update(choices=named, value=[]), *refresh()

    def add(paths: list[str] | None, progress: gr.Progress = gr.Progress()) -> tuple[Any, Any]:  # noqa: B008 - Gradio's way
        if not paths:
            return gr.skip(), gr.skip()
        try:
            found = desk.add(
                [Path(path) for path in paths],
                lambda done, total, label: progress((done, total), desc=label, unit="files"),
            )
        except OnRecordError as error:
            return html.message_html(str(error), bad=True), None
        return html.add_report_html(found), None

    def drop(ids: list[str] | None) -> Any:
        if not ids:
            return html.message_html("Choose the documents to remove first.")
        try:
            desk.remove(ids)
        except OnRecordError as error:
            return html.message_html(str(error), bad=True)
        return html.message_html(f"{len(ids)} removed.")

    shown = [listing, chosen, *filters]
    upload.upload(add, [upload], [report, upload], api_visibility="private").then(
        show, outputs=shown, api_visibility="private"
    )
    remove.click(drop, [chosen], [report], api_visibility="private").then(
        show, outputs=shown, api_visibility="private"
    )
    blocks.load(show, outputs=shown, api_visibility="private")
