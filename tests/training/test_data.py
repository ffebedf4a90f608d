from __future__ import annotations

import json
import random
from itertools import islice
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from rag.index.embed import packaged_model
from rag.training import claims, edits
from rag.training.data import (
    AMAZON,
    NEAR_MISSES,
    NEWS,
    REPHRASED,
    SPANISH,
    SQUAD,
    SQUAD2,
    Article,
    Example,
    near_misses,
    news,
    place_of,
    rephrased,
    spanish,
    squad2_split,
    squad_articles,
    squad_split,
)
from rag.training.stream import SHARES, Stream
from rag.training.windows import Windows, batches
from rag.types import Span


@pytest.fixture
def tokenizer() -> Tokenizer:
    found = Tokenizer.from_file(str(packaged_model() / "tokenizer.json"))
    found.no_truncation()
    found.no_padding()
    return found


def _plain(tokenizer: Tokenizer, text: str) -> str:
    """As the tokenizer sees it: without capitals, accents and blanks."""
    return tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids).replace(" ", "")


def test_every_place_in_the_stream_is_the_answer(data: Path, tokenizer: Tokenizer) -> None:
    """Decoding the marked tokens gives an answer that the data set accepts; unanswerable ones have no place."""
    accepted = {
        _plain(tokenizer, example.answer.of(example.text))
        for article in (
            *squad_split(data / SQUAD)[0],
            *squad2_split(data / SQUAD2)[0],
            *squad_articles(data / AMAZON),
            *news()[0],
            *news(SPANISH)[0],
        )
        for example in article.examples
        if example.answer
    } | {"2kilograms"}
    seen = {"places": 0, "none": 0, "claims": 0}
    for encoded in islice(Stream(data, tokenizer, 3).examples(), 600):
        assert len(encoded.ids) == len(encoded.types)
        if encoded.supported is not None:
            seen["claims"] += 1
            assert encoded.start == encoded.end == 0
        elif encoded.start:
            seen["places"] += 1
            assert encoded.types[encoded.start] == 1
            told = tokenizer.decode(encoded.ids[encoded.start : encoded.end + 1])
            assert told.replace(" ", "") in accepted
        else:
            seen["none"] += 1
    assert min(seen.values()) > 30


def test_places_decode_to_the_answer_of_the_example(data: Path, tokenizer: Tokenizer) -> None:
    windows, chance = Windows(tokenizer), random.Random(4)
    for article in squad_split(data / SQUAD)[0]:
        for example in article.examples:
            encoded = windows.encode(example, chance)
            assert encoded is not None
            assert example.answer is not None
            told = tokenizer.decode(encoded.ids[encoded.start : encoded.end + 1])
            assert told == example.answer.of(example.text).casefold()


def test_the_stream_is_the_same_for_the_same_seed(data: Path, tokenizer: Tokenizer) -> None:
    def first(seed: int) -> list[list[int]]:
        stream = batches(Stream(data, tokenizer, seed).examples(), 512)
        return [member.ids for batch in islice(stream, 12) for member in batch]

    assert first(1) == first(1)
    assert first(1) != first(2)


def test_held_out_articles_are_not_trained_on(data: Path) -> None:
    for split, path in ((squad_split, SQUAD), (squad2_split, SQUAD2)):
        train, held = split(data / path)
        assert held
        assert not {article.title for article in train} & {article.title for article in held}


def test_shares_are_a_whole() -> None:
    assert sum(SHARES.values()) == pytest.approx(1.0)


def test_recorded_claims_leave_out_generic_talk_and_hold_some_back(data: Path) -> None:
    train, held = claims.recorded(data / claims.FOLDER)
    assert {len(part) for part in held.values()} == {200, 30}
    assert len(train) == 201 + 90 + 90
    assert {claim.supported for claim in train} == {True, False}


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("Who opened the bridge?", "Mayor Ito", "Mayor Ito opened the bridge."),
        ("What is the name of the river?", "the Lenn", "The Lenn is the name of the river."),
        ("How many towns were flooded?", "three", "Three towns were flooded."),
        ("Which council member has resigned?", "Ana Ruiz", "Ana Ruiz has resigned."),
        ("What did the mayor say?", "nothing", None),
        ("When was the bridge opened?", "1921", None),
    ],
)
def test_questions_about_their_subject_become_statements(
    question: str, answer: str, expected: str | None
) -> None:
    assert claims.statement(question, answer) == expected


def test_made_claims_are_right_about_themselves(data: Path) -> None:
    """Where a made claim is supported its words are the paragraph's; where it is not, it says something else."""
    chance = random.Random(9)
    found = {True: 0, False: 0}
    articles = squad_split(data / SQUAD)[0]
    for article in articles:
        asked = [(one.question, one.answer.of(one.text)) for one in article.examples[:3] if one.answer]
        for _ in range(12):
            claim = claims.made(article.texts[0], asked, article.texts, chance)
            if claim is None:
                continue
            found[claim.supported] += 1
            if not claim.supported:
                assert claim.text not in claim.evidence
    assert min(found.values()) > 50


def test_exchanges_bring_something_that_the_text_lacks() -> None:
    chance = random.Random(2)
    source = "In 1921 the bridge was opened by Clara Ito."
    pages = ["They asked Boris Lund and Hanna Berg about the year 1950."]
    found = edits.exchanged("Who met Clara Ito in 1921?", source, pages, chance)
    assert len(found) == 2
    for edit in found:
        assert edit[1] not in source


def test_a_not_is_added_or_dropped() -> None:
    chance = random.Random(2)
    added = edits.reversed_meaning("The tower was finished.", chance)
    assert edits.apply("The tower was finished.", added[0]) == "The tower was not finished."
    dropped = edits.reversed_meaning("The tower was not finished.", chance)
    assert edits.apply("The tower was not finished.", dropped[0]) == "The tower was finished."


def test_conditions_stand_before_the_question_mark() -> None:
    chance = random.Random(2)
    for edit in edits.conditions("Who opened it?", "Clara opened it.", ["They met Boris Lund."], chance):
        changed = edits.apply("Who opened it?", edit)
        assert changed.startswith("Who opened it ")
        assert changed.endswith("?")


def test_two_names_change_places_unless_they_are_in_a_row() -> None:
    chance = random.Random(5)
    assert edits.swapped("Clara Dunn sued Boris Lund.", chance) == "Boris Lund sued Clara Dunn."
    assert edits.swapped("Clara Dunn and Boris Lund sued them.", chance) is None
    assert edits.swapped("Clara Dunn, Boris Lund (the chair) won.", chance) is None
    assert edits.swapped("Clara Dunn thanked Clara Dunn.", chance) is None
    assert edits.swapped("She left.", chance) is None


def test_made_claims_hold_every_kind_of_untruth() -> None:
    text = "Clara Dunn sued the port of Arden in 2019. Boris Lund opened the mill. The mill has 40 looms."
    asked = [("Who opened the mill?", "Boris Lund"), ("How many looms are there?", "40")]
    pages = ["They say that Ana Ruiz came to Mora.", "It is known that Ivo Brandt lost."]
    chance = random.Random(6)
    found = [claims.made(text, asked, pages, chance) for _ in range(600)]
    false = {claim.text for claim in found if claim and claim.evidence == text and not claim.supported}
    assert "Arden sued the port of Clara Dunn in 2019." in false  # roles
    assert "Clara Dunn opened the mill." in false  # what another did
    assert any(told.startswith("Boris Lund opened the mill ") for told in false)  # a detail more
    assert any("not " in told for told in false)
    assert not {told for told in false if told in text}


def test_answers_put_to_questions_are_judged(data: Path, tokenizer: Tokenizer) -> None:
    windows, chance = Windows(tokenizer), random.Random(7)
    text = "Clara Dunn opened the mill. Boris Lund closed it."
    right, wrong = Span(0, 10), Span(28, 38)
    example = Example("Who opened the mill?", "", text, right)
    for place, label in ((right, True), (wrong, False)):
        encoded = windows.answer(example, place, label, chance)
        assert encoded is not None
        assert encoded.supported is label
        told = tokenizer.decode(encoded.ids)
        assert told.startswith(f"who opened the mill? {place.of(text).casefold()} ")
        assert place.of(text).casefold() in told.partition("? ")[2].partition(" ")[2]
    assert windows.answer(example, Span(10, 11), True, chance) is None  # a blank


def test_the_written_near_misses_are_used_where_their_article_is(tmp_path: Path) -> None:
    path = tmp_path / "near.jsonl"
    rows = [
        {"article": "Arden", "paragraph": 1, "question": "Who closed the bridge?", "near": [4, 10]},
        {"article": "Elsewhere", "paragraph": 0, "question": "Who swam?", "near": [0, 3]},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    article = Article("Arden", ("One.", "The bridge was opened by Clara."), ())
    (example,) = near_misses([article], path)
    assert (example.question, example.answer, example.near) == ("Who closed the bridge?", None, Span(4, 10))
    assert example.near.of(example.text) == "bridge"


def test_the_questions_in_other_words_are_used_with_their_answers(tmp_path: Path) -> None:
    path = tmp_path / "rephrased.jsonl"
    row = {"article": "Arden", "paragraph": 0, "question": "Which person cut the ribbon?", "answer": [25, 30]}
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    article = Article("Arden", ("The bridge was opened by Clara.",), ())
    (example,) = rephrased([article], path)
    assert example.answer is not None
    assert example.answer.of(example.text) == "Clara"


@pytest.mark.parametrize(("path", "place"), [(NEAR_MISSES, "near"), (REPHRASED, "answer")])
def test_the_shipped_questions_are_questions(path: Path, place: str) -> None:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(rows) > 2000
    assert len({(row["article"], row["paragraph"], row["question"]) for row in rows}) > 0.99 * len(rows)
    for row in rows:
        assert len(row["question"].split()) >= 3
        assert 0 <= row[place][0] < row[place][1]


ROWS = """Flight 1 of 2017 left on 3 May.
Flight: 7; Date: 3 May 2017; People: 17; Town: Orla
Flight: 17; Date: 7 June 2017; People: 7; Town: Besk
The mayor of Orla is 7 years older than the mayor of Besk."""


@pytest.mark.parametrize(
    ("told", "question", "before"),
    [
        ("17", "How many people from Orla were on flight 7?", "People: "),  # not the end of "2017"
        ("7", "How many people were on the flight to Besk?", "People: "),  # nor of "17"
        ("7", "How much older is the mayor of Orla?", "The mayor of Orla is "),
        ("Orla", "What is the town?", "Town: "),
        ("201", "Which number stands inside another?", "Flight 1 of "),  # only there: better than nothing
    ],
)
def test_an_answer_stands_where_the_question_asks_for_it(told: str, question: str, before: str) -> None:
    place = place_of(told, ROWS, question)
    assert place.of(ROWS) == told
    assert ROWS[: place.start].endswith(before)


def test_among_equal_places_the_first_is_the_answer() -> None:
    assert place_of("Lee", "Lee won. Lee lost.", "Who was it?").start == 0
    with pytest.raises(ValueError, match=r"'Kim' does not stand in the text that begins 'Lee won\."):
        place_of("Kim", "Lee won.", "Who was it?")


@pytest.mark.parametrize("path", [NEWS, SPANISH], ids=lambda path: path.stem)
def test_the_shipped_news_texts_hold_their_answers_and_some_are_held_out(path: Path) -> None:
    train, held = news(path)
    assert len(train) > 6 * len(held) > 0
    for article in (*train, *held):
        (text,) = article.texts
        for example in article.examples:
            place = example.answer or example.near
            assert place is not None
            assert place.of(text).strip()
        assert any(example.answer for example in article.examples)
        assert any(example.answer is None for example in article.examples)


def test_no_text_that_is_held_out_is_trained_on_in_the_other_language() -> None:
    (english, held_english), (both, held_both) = news(), spanish()
    assert held_both
    for trained, held in ((english, held_both), (both, held_english)):
        assert not {article.texts for article in trained} & {article.texts for article in held}
