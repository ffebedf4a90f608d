"""The offline answerer over a real library of a few short reports written for this test."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from rag.answer.choosing import choose
from rag.answer.features import DRAFT_FEATURES, SENTENCE_FEATURES
from rag.answer.reader import WEIGHTS, OfflineReader, Weights, candidates_of, shipped_weights
from rag.index.library import Library
from rag.search.retrieve import Retriever
from rag.settings import AnswerSettings, Settings
from rag.types import Document, Draft, Filters, Hit, Question, Span

FERRY = """Ferry service to Almora Island stops for the winter

The Kestrel Line will stop its ferry to Almora Island on 14 November 2023. It carried 48,000 passengers last year, a \
third fewer than before the new bridge opened. The company blamed the price of fuel, which has doubled in two years.

Harbour master Ines Caldwell said that the pier needs repairs worth 2.3 million euros. "Nobody has looked under the \
planks since 1998," she said. The islanders must now use the bridge at Torre Point, 26 kilometres away.

Councillor Peter Nwosu rejected the plan. He called the decision "a slap in the face of every islander" and announced \
a petition.
"""
HOSPITAL = """New hospital wing opens in Marlow

The children's wing of Marlow General Hospital opened on Tuesday with 62 beds. It was built in three years and was \
paid for by the province.

Doctor Hanna Lindqvist, who leads the wing, told reporters that the first patients had arrived before noon. Nurses \
had asked for more staff because the old ward closed its night shift in 2021.

The architect, Tomas Ferreira, chose yellow walls because they calm small children.
"""
TRIAL = """Bakery trial ends with a fine

A court in Westhaven fined the bakery chain Golden Crust 85,000 dollars on 3 March 2024 for selling underweight loaves. \
Judge Miriam Okafor said the company had "weighed its profits more carefully than its bread".

The chain employs 410 people. Its lawyer, Ruben Hale, announced an appeal. Inspectors had found 17 shops with wrong \
scales.
"""
# The same report as it stands in another paper: a different document with the same sentences.
TRIAL_REPRINT = "From the agencies\n\n" + TRIAL.split("\n\n", 1)[1] + "\nThe Westhaven Courier, page 4.\n"
SPANISH = """El puente de Torre Point reabre

El puente de Torre Point reabrió el 2 de mayo de 2024 después de once semanas de obras. La ministra Clara Benavides \
dijo que la reparación costó 4 millones de euros.
"""
FILES = {
    "ferry.txt": FERRY,
    "hospital.txt": HOSPITAL,
    "trial.txt": TRIAL,
    "reprint.txt": TRIAL_REPRINT,
    "puente.txt": SPANISH,
}


@dataclass(frozen=True)
class Desk:
    """A library with everything that asks it."""

    retriever: Retriever
    reader: OfflineReader
    documents: Mapping[str, Document]

    def hits(self, text: str, filters: Filters | None = None) -> list[Hit]:
        return self.retriever.retrieve(Question(text, filters or Filters()))

    def draft(self, text: str) -> Draft:
        return self.reader.draft(Question(text), self.hits(text), self.documents)

    def quotes(self, draft: Draft) -> list[str]:
        return [
            evidence.span.of(self.documents[evidence.document_id].text)
            for statement in draft.statements
            for evidence in statement.evidence
            if evidence.span is not None
        ]

    def short(self, draft: Draft) -> list[str]:
        return [
            evidence.span.of(self.documents[evidence.document_id].text)
            for evidence in draft.short_answers
            if evidence.span is not None
        ]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("reports")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    settings = Settings()
    with Library.open(folder.parent / "library", settings, write=True, create=True) as library:
        report = library.add([folder])
        assert not report.failed
        documents = {
            record.document_id: library.document(record.document_id) for record in library.documents()
        }
        yield Desk(Retriever(library, settings.search), OfflineReader(settings.answer), documents)


ANSWERED = [
    ("When does the ferry to Almora Island stop?", "on 14 November 2023"),
    ("How many passengers did the ferry carry last year?", "48,000 passengers"),
    ("What are the repairs of the pier worth?", "2.3 million euros"),
    ("Who called the decision a slap in the face?", "a slap in the face"),
    ("How far away is the bridge at Torre Point?", "26 kilometres away"),
    ("How many beds does the children's wing have?", "62 beds"),
    ("Which doctor leads the wing?", "Hanna Lindqvist"),
    ("Why did the architect choose yellow walls?", "they calm small children"),
    ("How much was Golden Crust fined?", "85,000 dollars"),
    ("Who said that the company “weighed its profits more carefully than its bread”?", "Judge Miriam Okafor"),
    ("How many people does the bakery chain employ?", "410 people"),
    ("In how many shops did inspectors find wrong scales?", "17 shops"),
    ("¿Cuándo reabrió el puente de Torre Point?", "2 de mayo de 2024"),
]


@pytest.mark.parametrize(("question", "words"), ANSWERED)
def test_the_best_sentence_comes_first(desk: Desk, question: str, words: str) -> None:
    quotes = desk.quotes(desk.draft(question))
    assert quotes, "declined"
    assert words in quotes[0]


def test_a_rival_that_repeats_the_question_leaves_the_answer_among_the_first_three(desk: Desk) -> None:
    # Another sentence has all of the question's words and a name; without a reader it comes first.
    quotes = desk.quotes(desk.draft("Who leads the children's wing?"))
    assert any("Hanna Lindqvist" in quote for quote in quotes)


@pytest.mark.parametrize(
    "question",
    [
        "Who won the World Cup final?",
        "What is the capital of Australia?",
        "How many moons does Jupiter have?",
        "Which king signed the Magna Carta?",
        "how do i bake sourdough",
        "¿Quién pintó La Gioconda?",
    ],
)
def test_obvious_outsiders_are_declined_with_their_confidence(desk: Desk, question: str) -> None:
    draft = desk.draft(question)
    assert draft.statements == ()
    assert draft.short_answers == ()
    assert draft.confidence is not None
    assert draft.confidence < desk.reader.threshold
    assert "below the threshold" in draft.note


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How many passengers did the ferry carry last year?", ["48,000"]),
        ("How many beds does the children's wing have?", ["62"]),
        ("When was the bakery chain fined?", ["3 March 2024"]),
        ("¿Cuándo reabrió el puente de Torre Point?", ["2 de mayo de 2024"]),
        ("Why did the architect choose yellow walls?", ["they calm small children"]),
        ("Who called the decision a slap in the face?", ["Peter Nwosu"]),
        ("Did the bakery chain have to pay a fine?", []),
    ],
)
def test_short_answers_stand_in_the_best_sentence(desk: Desk, question: str, answer: list[str]) -> None:
    assert desk.short(desk.draft(question)) == answer


def test_what_somebody_said_about_something_is_among_the_quotes(desk: Desk) -> None:
    """Not always the first: here another sentence of the same person is preferred."""
    quotes = desk.quotes(desk.draft("What did Ines Caldwell say about the planks?"))
    assert any("Nobody has looked under the planks" in quote for quote in quotes)


def test_the_words_of_another_are_no_answer(desk: Desk) -> None:
    assert desk.draft("What did Peter Nwosu call the decision?").statements
    other = desk.draft("What did Ines Caldwell call the decision?")
    assert not other.statements
    assert other.confidence < desk.draft("What did Peter Nwosu call the decision?").confidence / 4
    # Nwosu is not the one whose words are asked for here.
    assert desk.draft("What did the decision make Peter Nwosu announce?").statements


def test_every_quote_lies_inside_one_shown_passage(desk: Desk) -> None:
    for question, _ in ANSWERED:
        hits = desk.hits(question)
        for statement in desk.draft(question).statements:
            assert statement.text is None
            (evidence,) = statement.evidence
            assert evidence.span is not None
            assert any(
                hit.passage.document_id == evidence.document_id and hit.passage.span.contains(evidence.span)
                for hit in hits
            )


def test_at_most_the_wanted_number_of_quotes(desk: Desk) -> None:
    question = Question("How many beds does the children's wing have?")
    hits = desk.hits(question.text)
    ranked = desk.reader.rank(question.text, candidates_of(hits, desk.documents))
    assert ranked is not None
    assert [len(choose(ranked, hits, limit, close=100.0)) for limit in (1, 2, 3, 5)] == [1, 2, 3, 5]


def test_a_clear_answer_is_quoted_alone(desk: Desk) -> None:
    assert len(desk.quotes(desk.draft("How much was Golden Crust fined?"))) == 1


def test_a_sentence_in_two_documents_is_quoted_once(desk: Desk) -> None:
    quotes = desk.quotes(desk.draft("How much was Golden Crust fined?"))
    assert sum("85,000 dollars" in quote for quote in quotes) == 1


def test_a_sentence_that_points_back_brings_the_one_before(desk: Desk) -> None:
    quotes = desk.quotes(desk.draft("Who called the decision a slap in the face?"))
    assert "Councillor Peter Nwosu rejected the plan." in quotes[0]


def test_the_order_of_the_hits_given_does_not_matter(desk: Desk) -> None:
    question = Question("Who leads the children's wing?")
    hits = desk.hits(question.text)
    straight = desk.reader.draft(question, hits, desk.documents)
    backwards = desk.reader.draft(question, hits[::-1], desk.documents)
    assert straight == backwards == desk.reader.draft(question, hits, desk.documents)


def test_furniture_is_never_a_candidate(desk: Desk) -> None:
    hits = desk.hits("How many beds does the children's wing have?")
    name = hits[0].passage.document_id
    document = desk.documents[name]
    at = document.text.index("The children's wing")
    marked = replace(document, furniture=(Span(at, at + 20),))
    texts = [one.text for one in candidates_of(hits, {**desk.documents, name: marked})]
    assert not any("62 beds" in text for text in texts)
    assert any("Hanna Lindqvist" in text for text in texts)


def test_the_setting_overrules_the_shipped_threshold(desk: Desk) -> None:
    hits = desk.hits("How many moons does Jupiter have?")
    eager = OfflineReader(AnswerSettings(threshold=0.0))
    assert eager.threshold == 0.0
    assert eager.draft(Question("How many moons does Jupiter have?"), hits, desk.documents).statements
    assert desk.reader.threshold == shipped_weights().threshold


def test_no_hits_no_answer(desk: Desk) -> None:
    assert desk.reader.draft(Question("Who?"), [], {}) == Draft(
        confidence=0.0, note="the passages hold no sentence"
    )


def test_a_question_without_content_words_is_survived(desk: Desk) -> None:
    for question in ("Who is it?", "?", "…", "42", "a " * 3000):
        draft = desk.draft(question)
        assert draft.confidence is not None
        assert 0.0 <= draft.confidence <= 1.0


def test_weights_and_code_and_card_agree() -> None:
    values = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    assert tuple(values["sentence"]["weights"]) == SENTENCE_FEATURES
    assert tuple(values["draft"]["weights"]) == DRAFT_FEATURES
    card = (WEIGHTS.parent / "MODEL_CARD.md").read_text(encoding="utf-8")
    for name in (*SENTENCE_FEATURES, *DRAFT_FEATURES):
        assert f"`{name}`" in card, f"the card does not explain {name}"
    assert f"threshold {values['threshold']}" in card
    # Each figure in the file is printed in the card's table, kind by kind.
    for kind, part in values["figures"].items():
        row = next(line for line in card.splitlines() if line.startswith(f"| {kind} "))
        numbers = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", row)}
        assert {float(value) for value in part.values()} <= numbers, row
    for licence in ("CC BY-SA 4.0", "CC BY-SA 3.0"):
        assert licence in card


def test_weights_for_other_features_are_refused() -> None:
    values = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    values["sentence"]["weights"]["novelty"] = 1.0
    with pytest.raises(ValueError, match="train them again"):
        Weights.from_json(values)


def test_answering_imports_neither_torch_nor_scikit_learn() -> None:
    code = (
        "import sys, rag.answer.reader, rag.search.retrieve; rag.answer.reader.shipped_weights();"
        "sys.exit(any(name in sys.modules for name in ('torch', 'sklearn', 'scipy', 'llama_index', 'chromadb')))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0
