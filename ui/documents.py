"""The Documents page: components and what happens when they are used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from rag.errors import OnRecordError
from ui import html
from ui.desk import Desk


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
        try:
            records, filter_choices = desk.records(), refresh()
        except OnRecordError as error:
            return html.error_html(error), gr.update(choices=[], value=[]), gr.skip(), gr.skip()
        named = [(f"{record['title'] or record['document_id']}", record["document_id"]) for record in records]
        return html.documents_html(records), gr.update(choices=named, value=[]), *filter_choices

    def add(paths: list[str] | None, progress: gr.Progress = gr.Progress()) -> tuple[Any, Any]:  # noqa: B008 - Gradio's way
        if not paths:
            return gr.skip(), gr.skip()
        try:
            found = desk.add(
                [Path(path) for path in paths],
                lambda done, total, label: progress((done, total), desc=label, unit="files"),
            )
        except OnRecordError as error:
            return html.error_html(error), None
        return html.add_report_html(found), None

    def drop(ids: list[str] | None) -> Any:
        if not ids:
            return html.message_html("Choose the documents to remove first.")
        try:
            desk.remove(ids)
        except OnRecordError as error:
            return html.error_html(error)
        return html.message_html(f"{len(ids)} removed.")

    shown = [listing, chosen, *filters]
    upload.upload(add, [upload], [report, upload], api_visibility="private").then(
        show, outputs=shown, api_visibility="private"
    )
    remove.click(drop, [chosen], [report], api_visibility="private").then(
        show, outputs=shown, api_visibility="private"
    )
    blocks.load(show, outputs=shown, api_visibility="private")
