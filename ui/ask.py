"""The Ask page: a question, who answers it, its answer as it comes, and the earlier turns of the topic."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import gradio as gr

from rag.answer.verify import Verified
from rag.errors import AnswererError, ConfidentialLibrary, LibraryMissing, OnRecordError, Stopped, UsageError
from rag.pipeline import Drafted, Finished, Retrieved, Stated
from rag.render import answer_json
from rag.types import Filters, Turn
from ui import asking_html as view
from ui.asking import Asking, Askings
from ui.desk import OFFLINE, Desk
from ui.html import answer_html, message_html
from ui.words import message

_EMPTY = "There are no documents yet: add some on the Documents page."
_TOGETHER = 8  # questions at work at the same time, of all pages
_REMEMBERED = 6  # turns that a follow-up question is understood from
_OFFLINE_CHOICE = ("The built-in reader (offline)", OFFLINE)


def ask_page(
    blocks: gr.Blocks, desk: Desk, place: gr.HTML
) -> tuple[list[Any], Callable[[], tuple[Any, Any]]]:
    """The Ask page. Returns its two filter components and the function that gives their current choices.

    `place` stands in the head of the page and says where the text of a question goes.
    """
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
    who = _settings(blocks, desk, place)
    with gr.Row(elem_id="ask-row"):
        ask = gr.Button("Ask", variant="primary", elem_id="ask", scale=6, min_width=120)
        stop = gr.Button("Stop", elem_id="stop", scale=1, min_width=80, interactive=False)
        new_topic = gr.Button("New topic", elem_id="new-topic", scale=1, min_width=150, visible=False)
    result = gr.HTML(elem_id="answer", js_on_load=None)
    instead = gr.Button(
        "Answer with the offline reader instead", variant="primary", visible=False, elem_id="instead"
    )
    # What was answered last (the `ask` object), what was asked last (to ask it again), and the topic's turns.
    answered, asked, topic = gr.State(None), gr.State(None), gr.State([])
    export = gr.Button("Export this answer", visible=False, elem_id="export")
    files = gr.File(label="Markdown and evidence pack", visible=False, file_count="multiple", elem_id="files")
    earlier = gr.HTML(elem_id="earlier", js_on_load=None)
    askings = Askings()

    def refresh() -> tuple[Any, Any]:
        records = desk.records()
        outlets = sorted({record["source"] for record in records if record["source"]})
        named = [(record["title"] or record["document_id"], record["document_id"]) for record in records]
        return gr.update(choices=outlets), gr.update(choices=named)

    async def answer(
        text: str | None,
        outlets: list[str] | None,
        ids: list[str] | None,
        day_from: str | None,
        day_to: str | None,
        spec: str | None,
        turns: list[dict[str, Any]],
        request: gr.Request,
    ) -> AsyncIterator[dict[Any, Any]]:
        wanted = {"text": text or "", "filters": (outlets, ids, day_from, day_to)}
        async for update in work(wanted, spec, turns, request):
            yield update

    async def answer_offline(
        wanted: dict[str, Any], turns: list[dict[str, Any]], request: gr.Request
    ) -> AsyncIterator[dict[Any, Any]]:
        async for update in work(wanted, OFFLINE, turns, request):
            yield update

    async def work(
        wanted: dict[str, Any], spec: str | None, turns: list[dict[str, Any]], request: gr.Request
    ) -> AsyncIterator[dict[Any, Any]]:
        """Ask one question and show how far it is; every way out leaves a page that can be used."""
        text, page = wanted["text"].strip(), str(request.session_hash)
        shown = view.turns_html(turns)
        begun = {
            result: view.progress_html(text, ["Searching …"]),
            answered: None,
            asked: wanted,
            export: gr.update(visible=False),
            files: gr.update(visible=False, value=None),
            instead: gr.update(visible=False),
            stop: gr.update(interactive=True),
            earlier: shown,
        }
        over = {stop: gr.update(interactive=False)}
        asking: Asking | None = None
        chosen = spec or desk.spec
        try:
            filters = _filters(*wanted["filters"])
            chosen = desk.choose(spec)
            conversation = [Turn(turn["searched"], turn["answer"]) for turn in turns[-_REMEMBERED:]]
            asking = Asking(
                lambda halt: desk.events(text, filters, spec=chosen, conversation=conversation, stop=halt)
            )
            askings.begin(page, asking)
            goes = desk.place(chosen)
            yield begun | {place: view.place_html(goes)}
            progress = _Progress(text, chosen)
            async for event in asking.events():
                if not isinstance(event, Finished):
                    yield {result: progress.after(event)}
                    continue
                found = answer_json(event.answer)
                finished = _answer_html(desk, found, "") + view.facts_html(found, goes)
                searched = found.get("searched")
                turn = {
                    "question": text,
                    "searched": searched or text,
                    "answer": event.answer.text,
                    # Kept for when the next question moves it down; its cards get names of their own.
                    "html": _answer_html(desk, found, f"turn-{len(turns) + 1}-")
                    + view.facts_html(found, goes),
                }
                yield over | {
                    result: view.asked_html(text, searched) + finished,
                    answered: found,
                    export: gr.update(visible=True),
                    topic: [*turns, turn],
                    new_topic: gr.update(visible=True),
                }
        except Stopped:
            # A page's next question takes the place of this one, and shows itself.
            if asking is None or askings.is_current(page, asking):
                yield over | {result: view.stopped_html(text)}
        except LibraryMissing:
            yield begun | over | {result: message_html(_EMPTY)}
        except OnRecordError as error:
            of_answerer = isinstance(error, AnswererError | ConfidentialLibrary) or type(error) is UsageError
            offer = of_answerer and bool(text) and chosen != OFFLINE
            failed = view.failure_html(text, error, offline=offer)
            yield begun | over | {result: failed, instead: gr.update(visible=offer)}
        finally:
            if asking is not None:
                asking.stop()
                askings.end(page, asking)

    def halt(request: gr.Request) -> None:
        askings.stop(str(request.session_hash))

    def forget(request: gr.Request) -> dict[Any, Any]:
        askings.stop(str(request.session_hash))
        return {
            topic: [],
            earlier: "",
            result: "",
            answered: None,
            question: "",
            new_topic: gr.update(visible=False),
            instead: gr.update(visible=False),
            export: gr.update(visible=False),
            files: gr.update(visible=False, value=None),
        }

    def write_files(found: dict[str, Any]) -> Any:
        try:
            written = desk.export(found, Path(tempfile.mkdtemp(prefix="onrecord-")))
        except OnRecordError as error:
            raise gr.Error(message(error)) from error
        return gr.update(value=[str(path) for path in written], visible=True)

    outputs = [
        place,
        result,
        answered,
        asked,
        topic,
        export,
        files,
        instead,
        stop,
        new_topic,
        earlier,
        question,
    ]
    asking_options: dict[str, Any] = {
        "outputs": outputs,
        "show_progress": "hidden",
        "api_visibility": "private",
        "concurrency_limit": _TOGETHER,
        "concurrency_id": "ask",
        # A second question of a page ends the first.
        "trigger_mode": "multiple",
    }
    inputs = [question, sources, documents, date_from, date_to, who, topic]
    ask.click(answer, inputs, **asking_options)
    question.submit(answer, inputs, **asking_options)
    instead.click(answer_offline, [asked, topic], **asking_options)
    # Not through the queue: it must work while every place in it is taken.
    stop.click(halt, queue=False, show_progress="hidden", api_visibility="private")
    new_topic.click(forget, outputs=outputs, queue=False, show_progress="hidden", api_visibility="private")
    export.click(write_files, [answered], [files], api_visibility="private")
    blocks.unload(halt)
    return [sources, documents], refresh


class _Progress:
    """How far one question is, as the page shows it, from the pipeline's events."""

    def __init__(self, question: str, spec: str) -> None:
        self._question = question
        self._spec = spec
        self._found = ""
        self._drafted = 0
        self._statements: list[str] = []

    def after(self, event: Any) -> str:
        if isinstance(event, Retrieved):
            self._found = f"{_counted(len(event.hits), 'passage')} found"
        elif isinstance(event, Drafted):
            self._drafted = len(event.draft.statements)
        elif isinstance(event, Stated):
            quotes = [citation.quote.text for citation in event.citations]
            self._statements.append(
                view.statement_html(event.statement.text, quotes, event.statement.speaker)
            )
        return view.progress_html(self._question, [self._found, self._now(event)], self._statements)

    def _now(self, event: Any) -> str:
        if isinstance(event, Verified):
            return "Putting the answer together …"
        if self._spec == OFFLINE:
            return "Checking every quote …" if self._drafted else "Reading them …"
        drafted = f"{self._drafted} drafted, {len(self._statements)} verified so far"
        return f"{self._spec} is drafting … {drafted if self._drafted else ''}".rstrip()


def _settings(blocks: gr.Blocks, desk: Desk, place: gr.HTML) -> gr.Dropdown:
    """Who answers, and whether answerers on other machines may read the library at all. Returns who."""
    start = list(dict.fromkeys([desk.spec, OFFLINE]))
    with gr.Accordion("Who answers …", open=False, elem_id="settings") as panel:
        with gr.Row(equal_height=True):
            who = gr.Dropdown(
                label="Answerer",
                info="The built-in reader, or a language model such as ollama:MODEL"
                if desk.any_answerer
                else None,
                choices=_choices(start),
                value=desk.spec,
                allow_custom_value=desk.any_answerer,
                elem_id="who",
                scale=3,
            )
            confidential = gr.Checkbox(
                label="Confidential library",
                info="Refuse every answerer that is not on this machine",
                interactive=desk.any_answerer,
                elem_id="confidential",
                scale=2,
            )
        report = gr.HTML(elem_id="settings-report", js_on_load=None, visible=False)
        usable = gr.HTML(elem_id="answerers", js_on_load=None)

    def show(spec: str | None) -> dict[Any, Any]:
        try:
            goes = desk.place(desk.choose(spec))
        except OnRecordError as error:
            return {place: view.no_place_html(error), report: _note(""), confidential: gr.skip()}
        return {place: view.place_html(goes), report: _note(""), confidential: goes.confidential}

    def keep(wanted: bool, spec: str | None) -> dict[Any, Any]:
        try:
            desk.set_confidential(wanted)
        except OnRecordError as error:
            text = _EMPTY if isinstance(error, LibraryMissing) else message(error)
            return show(spec) | {report: _note(message_html(text, bad=True)), confidential: not wanted}
        return show(spec)

    def look(spec: str | None) -> dict[Any, Any]:
        found = desk.answerers()
        ready = [spec for status in found for spec in status.ready]
        named = [*start, *([spec] if spec else []), *(ready if desk.any_answerer else [])]
        return {
            usable: view.statuses_html(found),
            who: gr.update(choices=_choices(list(dict.fromkeys(named)))),
        }

    shown = [place, report, confidential]
    options: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    who.change(show, [who], shown, **options)
    confidential.input(keep, [confidential, who], shown, **options)
    panel.expand(look, [who], [usable, who], **options)
    blocks.load(show, [who], shown, **options)
    return who


def _note(html: str) -> Any:
    return gr.update(value=html, visible=bool(html))


def _choices(specs: list[str]) -> list[tuple[str, str]]:
    return [_OFFLINE_CHOICE if spec == OFFLINE else (spec, spec) for spec in specs]


def _answer_html(desk: Desk, found: dict[str, Any], prefix: str) -> str:
    shown = {hit["document_id"] for hit in found["hits"]}
    return answer_html(found, {each: desk.document(each) for each in shown}, prefix)


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


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
