"""The whole way from question to answer over small real implementations of the Protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from rag.answer.verify import Verified
from rag.errors import AnswererError, UnknownDocument, UsageError
from rag.export import to_html, to_markdown
from rag.pipeline import (
    MAX_QUESTION,
    SPECS,
    Drafted,
    Finished,
    Pipeline,
    Retrieved,
    in_spanish,
    make_answerer,
)
from rag.render import answer_json, answer_text, date_notes
from rag.settings import AnswerSettings, Settings
from rag.types import (
    Answer,
    Document,
    Draft,
    DraftStatement,
    Evidence,
    Filters,
    Hit,
    NoAnswer,
    Page,
    Passage,
    Question,
    Span,
    Statement,
    Withheld,
)
from ui.html import answer_html

TEXT = "The ferry sank in 2031. “We lost 37 barrels,” said Marta Quill, its captain."
FERRY = Document(
    "ferry",
    TEXT,
    "0" * 64,
    "text/plain",
    "box/ferry.txt",
    title="Ferry lost",
    source="Example Post",
    published="2031-05-02",
    pages=(Page(1, Span(0, 24)), Page(2, Span(24, len(TEXT)))),
)
QUESTION = Question("How many barrels were lost?")
QUOTED = Evidence("ferry", words="“We lost 37 barrels,” said Marta Quill, its captain.")


@dataclass
class Shelf:
    """A library in memory: what the pipeline needs of one."""

    kept: dict[str, Document]
    embedder: object = None

    def document(self, document_id: str) -> Document:
        if document_id not in self.kept:
            raise UnknownDocument(
                f"there is no document {document_id!r}", next_step="see: onrecord documents"
            )
        return self.kept[document_id]

    def matching(self, filters: Filters) -> frozenset[str] | None:
        if not filters:
            return None
        return frozenset(
            name for name, each in self.kept.items() if not filters.sources or each.source in filters.sources
        )


@dataclass
class WholeDocuments:
    """Retrieves every document that passes the filter as one passage, by id."""

    shelf: Shelf
    listed: tuple[str, ...] = ()

    def retrieve(self, question: Question, k: int | None = None) -> list[Hit]:
        passing = self.shelf.matching(question.filters)
        names = sorted(
            name for name in (self.listed or self.shelf.kept) if passing is None or name in passing
        )
        texts = [(name, self.shelf.kept[name].text if name in self.shelf.kept else "gone") for name in names]
        return [
            Hit(Passage(name, 0, Span(0, len(text)), text), 1 / rank, rank, "fused")
            for rank, (name, text) in enumerate(texts, 1)
        ][:k]


@dataclass
class Scripted:
    """An answerer that says what it was told to say, and remembers what it was shown."""

    drafts: Draft
    name: str = "scripted"
    threshold: float | None = None
    shown: list[tuple[str, ...]] = field(default_factory=list)

    def draft(self, question: Question, hits: Sequence[Hit], documents: Mapping[str, Document]) -> Draft:
        self.shown.append(tuple(hit.passage.document_id for hit in hits))
        assert {hit.passage.document_id for hit in hits} <= set(documents)
        return self.drafts


class Broken:
    name = "broken"

    def draft(self, question: Question, hits: Sequence[Hit], documents: Mapping[str, Document]) -> Draft:
        raise AnswererError("the server refused", where="http://127.0.0.1:1", next_step="start it")


def draft_of(*evidence: Evidence, confidence: float | None = 0.9, shorts: tuple[Evidence, ...] = ()) -> Draft:
    return Draft(tuple(DraftStatement(None, (each,)) for each in evidence), shorts, confidence)


def pipeline_of(
    drafts: Draft, *documents: Document, threshold: float | None = None, settings: Settings | None = None
) -> tuple[Pipeline, Scripted]:
    shelf = Shelf({each.id: each for each in documents or (FERRY,)})
    answerer = Scripted(drafts, threshold=threshold)
    return Pipeline(shelf, settings or Settings(), answerer, retriever=WholeDocuments(shelf)), answerer


def test_an_answer_has_quotes_with_all_that_is_known_of_them() -> None:
    pipeline, _ = pipeline_of(draft_of(QUOTED, shorts=(Evidence("ferry", words="37"),)))
    answer = pipeline.ask(QUESTION)

    assert isinstance(answer, Answer)
    assert (answer.text, answer.short_answers) == ("37 [1]", ("37",))
    assert answer.statements == (Statement(QUOTED.words or "", (1,), "Marta Quill"),)
    (citation,) = answer.citations
    assert citation.quote.text == TEXT[citation.quote.span.start : citation.quote.span.end] == QUOTED.words
    assert (citation.title, citation.source, citation.published) == (
        "Ferry lost",
        "Example Post",
        "2031-05-02",
    )
    assert (citation.path, citation.quote.page, citation.speaker) == ("box/ferry.txt", 2, "Marta Quill")
    assert (answer.answerer, answer.confidence, len(answer.hits)) == ("scripted", 0.9, 1)
    assert set(answer.timings_ms) == {"retrieve", "answer", "total"}
    assert answer.timings_ms["total"] >= answer.timings_ms["retrieve"] + answer.timings_ms["answer"] > 0


def test_a_day_that_is_only_named_is_told_beside_the_answer_and_never_in_it() -> None:
    text = "The ferry sank on Tuesday. Its owner left last month."
    ferry = replace(FERRY, text=text, pages=(), published="2024-05-16")
    draft = draft_of(
        Evidence("ferry", words=text),
        shorts=tuple(Evidence("ferry", words=each) for each in ("Tuesday", "last month")),
    )
    answer = pipeline_of(draft, ferry)[0].ask(QUESTION)

    assert isinstance(answer, Answer)
    printed = answer_json(answer)
    assert printed["short_answers"] == ["Tuesday", "last month"]
    assert printed["short_answer_dates"] == [
        {"first": "2024-05-14", "last": "2024-05-14", "counted_from": "2024-05-16"},
        {"first": "2024-04-01", "last": "2024-04-30", "counted_from": "2024-05-16"},
    ]
    assert answer_text(answer, {"ferry": ferry}).splitlines()[:4] == [
        "Tuesday [1]; last month [1]",
        "Tuesday (14 May 2024, counted from the document's date, 16 May 2024)",
        "last month (April 2024, counted from the document's date, 16 May 2024)",
        "",
    ]
    shown = answer_html(printed, {"ferry": ferry})
    assert "Tuesday (14 May 2024, counted from the document&#x27;s date, 16 May 2024)" in shown
    assert "2024" not in shown.partition("</div>")[0]  # the answer itself is the source's own words
    markdown = to_markdown(printed)
    assert "*Tuesday (14 May 2024, counted from the document's date, 16 May 2024)*" in markdown
    assert "last month (April 2024" in to_html(printed, {"ferry": text})


def test_without_a_day_nothing_is_told() -> None:
    pipeline, _ = pipeline_of(draft_of(QUOTED, shorts=(Evidence("ferry", words="37"),)))
    answer = pipeline.ask(QUESTION)
    printed = answer_json(answer)

    assert printed["short_answer_dates"] == [None]
    assert "counted from" not in answer_text(answer, {"ferry": FERRY}) + answer_html(
        printed, {"ferry": FERRY}
    )
    del printed["short_answer_dates"]  # an answer that an earlier version wrote
    assert date_notes(printed) == []


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2024-05-14", "2024-05-14", "14 May 2024"),
        ("2024-05-31", "2024-05-31", "31 May 2024"),
        ("2024-02-01", "2024-02-29", "February 2024"),
        ("2024-12-01", "2024-12-31", "December 2024"),
        ("2023-01-01", "2023-12-31", "2023"),
        ("2024-01-01", "2024-05-31", "1 January 2024 to 31 May 2024"),
        ("2024-05-05", "2024-05-12", "5 May 2024 to 12 May 2024"),
    ],
)
def test_days_are_told_in_words(first: str, last: str, expected: str) -> None:
    day = {"first": first, "last": last, "counted_from": "2025"}
    (note,) = date_notes({"short_answers": ["then"], "short_answer_dates": [day]})
    assert note == f"then ({expected}, counted from the document's date, 2025)"


def test_without_short_answers_the_statements_are_the_text() -> None:
    pipeline, _ = pipeline_of(draft_of(Evidence("ferry", words="The ferry sank in 2031.")))

    assert pipeline.ask(QUESTION).text == "The ferry sank in 2031. [1]"


def test_events_come_in_order_and_the_last_one_is_what_ask_gives() -> None:
    pipeline, _ = pipeline_of(draft_of(QUOTED))
    events = list(pipeline.events(QUESTION))

    assert [type(event) for event in events] == [Retrieved, Drafted, Verified, Finished]
    assert isinstance(events[-1], Finished)
    assert isinstance(events[-1].answer, Answer)
    first, again = events[-1].answer, pipeline.ask(QUESTION)
    assert isinstance(again, Answer)
    assert replace(again, timings_ms={}) == replace(first, timings_ms={})


def test_closing_the_events_stops_before_the_answerer_is_asked() -> None:
    pipeline, answerer = pipeline_of(draft_of(QUOTED))
    events = pipeline.events(QUESTION)
    assert isinstance(next(events), Retrieved)
    events.close()  # type: ignore[attr-defined]

    assert answerer.shown == []


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("How many barrels were lost?", "The documents do not say."),
        ("¿Cuántos barriles se perdieron?", "Los documentos no lo dicen."),
        ("Cuantos barriles se perdieron según el capitán", "Los documentos no lo dicen."),
        ("What did Ana de la Torre say?", "The documents do not say."),
    ],
)
def test_an_empty_draft_declines_in_the_language_of_the_question(question: str, sentence: str) -> None:
    pipeline, _ = pipeline_of(Draft(confidence=0.1))
    answer = pipeline.ask(Question(question))

    assert isinstance(answer, NoAnswer)
    assert (answer.reason, answer.text, answer.confidence) == ("declined", sentence, 0.1)
    assert len(answer.hits) == 1


@pytest.mark.parametrize(
    ("confidence", "own", "setting", "answered"),
    [
        (0.5, 0.6, None, False),
        (0.6, 0.6, None, True),  # the least confidence at which to answer is enough
        (0.5, 0.6, 0.4, True),  # the setting goes before the answerer's own
        (0.5, None, 0.6, False),
        (0.5, None, None, True),
        (None, 0.6, None, True),  # no confidence, nothing to compare
        (0.0, None, 0.0, True),
    ],
)
def test_below_the_threshold_it_declines(
    confidence: float | None, own: float | None, setting: float | None, answered: bool
) -> None:
    settings = Settings(answer=AnswerSettings(threshold=setting))
    pipeline, _ = pipeline_of(draft_of(QUOTED, confidence=confidence), threshold=own, settings=settings)
    answer = pipeline.ask(QUESTION)

    assert isinstance(answer, Answer) is answered
    assert isinstance(answer, Answer) or answer.reason == "declined"


def test_when_nothing_survives_verification_the_lie_is_withheld_and_not_in_the_text() -> None:
    lie = Evidence("ferry", words="“We lost 73 barrels,” said Marta Quill, its captain.")
    pipeline, _ = pipeline_of(draft_of(lie))
    answer = pipeline.ask(QUESTION)

    assert isinstance(answer, NoAnswer)
    assert answer.reason == "no_verified_quote"
    assert "73" not in answer.text
    assert [each.text for each in answer.withheld] == [lie.words]
    assert [type(event) for event in pipeline.events(QUESTION)] == [Retrieved, Drafted, Verified, Finished]


def test_what_was_withheld_beside_a_true_quote_is_kept_with_the_answer() -> None:
    pipeline, _ = pipeline_of(draft_of(QUOTED, Evidence("ferry", words="Pigeons nested in the tower.")))
    answer = pipeline.ask(QUESTION)

    assert isinstance(answer, Answer)
    assert answer.withheld == (
        Withheld("Pigeons nested in the tower.", "not found in any document that was shown"),
    )


def test_no_hits_says_whether_the_filters_left_no_document() -> None:
    pipeline, answerer = pipeline_of(draft_of(QUOTED))
    filtered = pipeline.ask(Question("Who sank?", Filters(sources=("Nobody’s News",))))
    empty = Pipeline(Shelf({}), Settings(), answerer, retriever=WholeDocuments(Shelf({}))).ask(QUESTION)

    assert isinstance(filtered, NoAnswer)
    assert isinstance(empty, NoAnswer)
    assert (filtered.reason, filtered.text) == (
        "no_hits",
        "No document in the library passes the filters of this question.",
    )
    assert (empty.reason, empty.text) == ("no_hits", "Nothing was found in the documents.")
    assert answerer.shown == []
    assert set(empty.timings_ms) == {"retrieve", "answer", "total"}


def test_a_document_removed_in_the_middle_of_a_question_is_not_shown() -> None:
    shelf = Shelf({"ferry": FERRY})
    answerer = Scripted(draft_of(QUOTED))
    pipeline = Pipeline(shelf, Settings(), answerer, retriever=WholeDocuments(shelf, ("ferry", "gone")))
    answer = pipeline.ask(QUESTION)

    assert isinstance(answer, Answer)
    assert answerer.shown == [("ferry",)]
    assert [hit.passage.document_id for hit in answer.hits] == ["ferry"]


def test_max_quotes_is_read_from_the_settings() -> None:
    evidence = [Evidence("ferry", words="The ferry sank in 2031."), QUOTED]
    pipeline, _ = pipeline_of(draft_of(*evidence), settings=Settings(answer=AnswerSettings(max_quotes=1)))
    answer = pipeline.ask(QUESTION)

    assert isinstance(answer, Answer)
    assert len(answer.citations) == 1


@pytest.mark.parametrize("text", ["", "  \n", "a" * (MAX_QUESTION + 1)], ids=["empty", "blank", "too long"])
def test_a_question_that_is_none_is_a_usage_error(text: str) -> None:
    pipeline, answerer = pipeline_of(draft_of(QUOTED))
    with pytest.raises(UsageError, match="question"):
        pipeline.ask(Question(text))
    assert answerer.shown == []


def test_a_failing_answerer_is_an_error_and_not_an_answer() -> None:
    shelf = Shelf({"ferry": FERRY})
    with pytest.raises(AnswererError, match="refused"):
        Pipeline(shelf, Settings(), Broken(), retriever=WholeDocuments(shelf)).ask(QUESTION)


@pytest.mark.parametrize(
    "spec", ["Offline", "gpt", "openai:", "openai", "offline:x", "openai-compatible:m", ""]
)
def test_an_unknown_spec_lists_the_valid_forms(spec: str) -> None:
    with pytest.raises(UsageError, match="unknown answerer") as caught:
        make_answerer(spec, Shelf({}), Settings())
    assert all(form in str(caught.value) for form in SPECS)


def test_the_offline_spec_is_the_built_in_reader() -> None:
    answerer = make_answerer("offline", Shelf({}), Settings())

    assert answerer.name == "offline"


@pytest.mark.parametrize(
    ("text", "spanish"),
    [
        ("¿Quién firmó?", True),
        ("Que dijo la ministra del interior", True),
        ("Who signed it?", False),
        ("What happened in Los Angeles and El Paso?", False),
        ("Sheinbaum", False),
        ("When was the head of La Familia arrested?", False),
    ],
)
def test_the_language_of_a_question(text: str, spanish: bool) -> None:
    assert in_spanish(text) is spanish
