from __future__ import annotations

import json

import pytest

from rag.answer.features import DRAFT_FEATURES
from rag.answer.passage import WEIGHTS, PassageReader, PassageWeights
from rag.settings import AnswerSettings

LIBRARY = (
    "The new reading room of the Calder library opened on 4 May 2021 with 118 seats. It was paid for by the Osei "
    "foundation, which gave 2.3 million pounds. The architect, Ruth Amadi, put the shelves under the windows "
    "because readers had complained about glare. The old room now holds the map collection."
)


@pytest.fixture(scope="module")
def reader() -> PassageReader:
    return PassageReader(AnswerSettings())


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How many seats does the reading room have?", "118"),
        ("When did the new reading room open?", "4 May 2021"),
        ("Who paid for the reading room?", "Osei"),
        ("Who was the architect?", "Ruth Amadi"),
    ],
)
def test_the_span_of_one_text(reader: PassageReader, question: str, answer: str) -> None:
    span, confidence = reader.read(question, LIBRARY)
    assert span is not None
    assert answer in span.of(LIBRARY)
    assert len(span.of(LIBRARY).split()) <= len(answer.split()) + 2
    assert confidence >= reader.threshold


@pytest.mark.parametrize(
    "question",
    [
        "How many students failed the entrance exam?",
        "Which river floods the valley every spring?",
        "Who lost the election in Norway?",
    ],
)
def test_a_text_about_something_else_does_not_answer(reader: PassageReader, question: str) -> None:
    assert reader.read(question, LIBRARY)[1] < reader.threshold


def test_a_text_without_words_has_no_span(reader: PassageReader) -> None:
    assert reader.read("How many seats?", " \n ") == (None, 0.0)


def test_a_sentence_longer_than_the_window_is_survived(reader: PassageReader) -> None:
    text = "The wing has 62 beds and " + "very " * 600 + "long corridors."
    span, _ = reader.read("How many beds does the wing have?", text)
    assert span is not None
    assert span.of(text) == "62"


def test_the_setting_overrules_the_shipped_threshold() -> None:
    assert PassageReader(AnswerSettings(threshold=0.9)).threshold == 0.9


def test_weights_for_other_features_are_refused() -> None:
    values = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    assert tuple(values["weights"]) == DRAFT_FEATURES
    values["weights"]["novelty"] = 1.0
    with pytest.raises(ValueError, match="train them again"):
        PassageWeights.from_json(values)
