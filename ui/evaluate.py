"""The Evaluate page: run a suite, read its figures, look at single questions, compare two runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gradio as gr

from rag.errors import OnRecordError, UsageError
from ui import evaluate_html as view
from ui import question_html as questions
from ui.asking_html import no_place_html, suite_place_html
from ui.bench import Bench
from ui.comparison_html import comparison_html
from ui.desk import destination_of
from ui.html import error_html, message_html
from ui.runs import RunEntry

_POLL = 0.4  # seconds between two looks at a run
# One listener for the whole list, which stays when the rows change; the row says which question of which run it is.
_PICK = """element.addEventListener('click', (event) => {
  const row = event.target.closest('button[data-item]');
  if (!row) return;
  element.querySelectorAll('button[aria-current]').forEach((each) => each.removeAttribute('aria-current'));
  row.setAttribute('aria-current', 'true');
  trigger('select', {run: row.dataset.run, item: Number(row.dataset.item)});
});"""


def evaluate_page(blocks: gr.Blocks, tab: gr.Tab, bench: Bench) -> None:
    with gr.Row(equal_height=True):
        suite = gr.Dropdown(label="Suite", choices=[], elem_id="suite", scale=4)
        sample = gr.Textbox(
            label="Sample size", placeholder="all of it", max_length=9, elem_id="sample", scale=2
        )
        run = gr.Button("Run", variant="primary", elem_id="run", scale=1, min_width=90)
        stop = gr.Button("Stop", interactive=False, elem_id="stop-run", scale=1, min_width=90)
    with gr.Accordion("More …", open=False, elem_id="more"):
        with gr.Row(equal_height=True, visible=bench.any_folder):
            folder = gr.Textbox(
                label="Folder of another suite",
                placeholder="a folder with questions.jsonl and corpus/",
                elem_id="suite-folder",
                scale=5,
            )
            check = gr.Button("Check", elem_id="check", scale=1, min_width=90)
        found_wrong = gr.HTML(elem_id="check-report", js_on_load=None)
        with gr.Row():
            answerer = gr.Textbox(
                label="Answerer",
                placeholder=bench.settings.answer.answerer,
                elem_id="answerer",
                visible=bench.any_folder,
            )
            again = gr.Checkbox(label="Try again what crashed or was late", elem_id="again")
    place = gr.HTML(elem_id="bench-place", js_on_load=None)
    status = gr.HTML(elem_id="bench-status", js_on_load=None)
    chosen = gr.Dropdown(label=f"Runs, kept in {bench.folder}", choices=[], elem_id="chosen-run")
    with gr.Tabs():
        with gr.Tab("Figures"):
            figures = gr.HTML(elem_id="figures", js_on_load=None)
        with gr.Tab("Questions"):
            shown = gr.Dropdown(
                label="Show",
                choices=[("All", questions.ALL)],
                value=questions.ALL,
                elem_id="shown",
                filterable=False,
            )
            listing = gr.HTML(elem_id="questions", js_on_load=_PICK)
            question = gr.HTML(elem_id="question-detail", js_on_load=None)
        with gr.Tab("Compare"):
            with gr.Row(equal_height=True):
                first = gr.Dropdown(label="A, the run before", choices=[], elem_id="run-a", scale=4)
                second = gr.Dropdown(label="B, the run after", choices=[], elem_id="run-b", scale=4)
            compare = gr.Button("Compare", elem_id="compare")
            comparison = gr.HTML(elem_id="comparison", js_on_load=None)

    def refresh(
        suite_now: str | None, run_now: str | None, a: str | None, b: str | None
    ) -> tuple[Any, Any, Any, Any]:
        """The current choices; what is chosen stays chosen while it is there."""
        suites, runs = _suite_choices(bench), _run_choices(bench)
        newest = runs[0][1] if runs else None
        return (
            _choices(suites, suite_now, suites[0][1] if suites else None),
            _choices(runs, run_now, newest),
            _choices(runs, a, None),
            _choices(runs, b, newest),
        )

    def show(name: str | None) -> tuple[Any, Any, Any, Any]:
        """A run's figures and all its questions."""
        everything = gr.update(choices=[("All", questions.ALL)], value=questions.ALL)
        if not name:
            note = '<p class="otr-note">No runs yet. Choose a suite and press Run.</p>'
            return note, everything, note, ""
        try:
            found = bench.runs.load(name)
        except OnRecordError as error:
            return error_html(error), everything, "", ""
        filters = gr.update(choices=questions.filters(found.records), value=questions.ALL)
        return view.run_html(found), filters, questions.listing_html(found, questions.ALL), _CHOOSE

    def narrow(name: str | None, value: str) -> tuple[str, str]:
        try:
            return questions.listing_html(bench.runs.load(name or ""), value), _CHOOSE
        except OnRecordError as error:
            return error_html(error), ""

    def pick(event: gr.EventData) -> str:
        try:
            found = bench.runs.load(str(event.run))
        except OnRecordError as error:
            return error_html(error)
        item = event.item
        if not isinstance(item, int) or not 0 <= item < len(found.records):
            return message_html("The run has changed: choose it again.", bad=True)
        return questions.question_html(found, item)

    def where(spec: str | None) -> str:
        """Where the questions of a suite would go."""
        asked = (spec or "").strip() or bench.settings.answer.answerer
        try:
            return suite_place_html(asked, destination_of(asked))
        except OnRecordError as error:
            return no_place_html(error)

    def check_folder(path: str | None, listed: str | None) -> tuple[str, Any]:
        try:
            checked = bench.check(path or listed or "")
        except OnRecordError as error:
            return error_html(error), gr.skip()
        if not checked.good:
            return view.checked_html(checked), gr.skip()
        return view.checked_html(checked), gr.update(choices=_suite_choices(bench), value=str(checked.folder))

    async def begin(
        folder_now: str | None, size: str | None, spec: str | None, retry: bool
    ) -> AsyncIterator[tuple[Any, ...]]:
        try:
            bench.start(
                folder_now or "",
                sample=_number(size),
                answerer=(spec or "").strip() or None,
                retry_failed=retry,
            )
        except OnRecordError as error:
            yield error_html(error), *_buttons(bench.state().running), gr.skip()
            return
        async for update in follow():
            yield update

    async def follow() -> AsyncIterator[tuple[Any, ...]]:
        """How far the run is until it ends, whoever started it; then its name, so that it is shown."""
        followed = False
        while (state := bench.state()).running:
            followed = True
            yield view.state_html(state, stopping=bench.stopping), *_buttons(True), gr.skip()
            await asyncio.sleep(_POLL)
        name = (
            gr.update(choices=_run_choices(bench), value=state.run) if followed and state.run else gr.skip()
        )
        yield view.state_html(state), *_buttons(False), name

    def compare_runs(a: str | None, b: str | None) -> str:
        if not a or not b:
            return message_html("Choose two runs of the same suite.")
        try:
            return comparison_html(bench.runs.compare(a, b))
        except OnRecordError as error:
            return error_html(error)

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    lists, runs = [suite, chosen, first, second], [figures, shown, listing, question]
    following = {"concurrency_id": "bench", "concurrency_limit": 16, **quiet}
    progress = [status, run, stop, chosen]

    blocks.load(refresh, lists, lists, **quiet).then(show, [chosen], runs, **quiet).then(
        follow, None, progress, **following
    ).then(refresh, lists, lists, **quiet).then(show, [chosen], runs, **quiet)
    blocks.load(where, [answerer], [place], **quiet)
    answerer.change(where, [answerer], [place], **quiet)
    tab.select(refresh, lists, lists, **quiet)
    run.click(begin, [suite, sample, answerer, again], progress, **following).then(
        refresh, lists, lists, **quiet
    ).then(show, [chosen], runs, **quiet)
    stop.click(bench.stop, queue=False, **quiet)
    check.click(check_folder, [folder, suite], [found_wrong, suite], api_visibility="private")
    folder.submit(check_folder, [folder, suite], [found_wrong, suite], api_visibility="private")
    chosen.input(show, [chosen], runs, **quiet)
    shown.input(narrow, [chosen, shown], [listing, question], **quiet)
    listing.select(pick, None, [question], **quiet)
    compare.click(compare_runs, [first, second], [comparison], api_visibility="private")


_CHOOSE = '<p class="otr-note">Choose a question to see its answer beside the gold.</p>'


def _number(text: str | None) -> int | None:
    """A whole number; None for an empty field. Raises UsageError for anything else."""
    text = (text or "").strip()
    if text and not (text.isascii() and text.isdigit() and int(text)):
        raise UsageError(f"{text!r} is not a number of questions", next_step="leave it empty for all")
    return int(text) if text else None


def _buttons(running: bool) -> tuple[Any, Any]:
    return gr.update(interactive=not running), gr.update(interactive=running)


def _choices(choices: list[tuple[str, str]], now: str | None, otherwise: str | None) -> Any:
    return gr.update(choices=choices, value=now if now in {value for _, value in choices} else otherwise)


def _suite_choices(bench: Bench) -> list[tuple[str, str]]:
    suites = bench.suites()
    return [(_suite_label(path, suites), str(path)) for path in suites]


def _run_choices(bench: Bench) -> list[tuple[str, str]]:
    return [(_run_label(entry), entry.name) for entry in bench.runs.entries()]


def _suite_label(path: Path, every: list[Path]) -> str:
    """The folder's name; with its place where two have the same."""
    with (path / "questions.jsonl").open("rb") as stream:
        count = sum(bool(line.strip()) for line in stream)
    same = sum(each.name == path.name for each in every) > 1
    return f"{path.name}, {count} question{'' if count == 1 else 's'}" + (f" ({path.parent})" if same else "")


def _run_label(entry: RunEntry) -> str:
    if entry.error:
        return f"{entry.name}, cannot be read"
    unfinished = "" if entry.finished else f", unfinished: {entry.results} of {entry.wanted}"
    return f"{entry.name}, {entry.started[:16].replace('T', ' ')}{unfinished}"
