"""Kinds of questions and short answers; each case is one trap."""

from __future__ import annotations

import pytest

from rag.answer.short import best_span, expressions, kind_of


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many prisoners left?", "number"),
        ("¿Cuántos presos salieron?", "number"),
        ("How much money was paid?", "money"),
        ("How much did the bridge cost?", "money"),
        ("What percentage of voters agreed?", "percent"),
        ("How long did the hearing last?", "duration"),
        ("How many years did she serve?", "duration"),
        ("When was the treaty signed?", "date"),
        ("In what year did it open?", "date"),
        ("¿Cuándo llegó?", "date"),
        ("Who signed the order?", "person"),
        ("Which minister resigned?", "person"),
        ("Which columnist called it a pause?", "person"),
        ("Which Norwegian judge signed the order?", "person"),
        ("¿Qué jueza firmó la orden?", "person"),
        ("Which judges' union objected?", "other"),
        ("Which judge's ruling was overturned?", "other"),
        ("Which pilot project was cancelled?", "other"),
        ("Which documents name Ruiz?", "other"),
        ("Which street name was changed?", "other"),
        ("¿Canceló la empresa el ferry?", "yes_no"),
        ("Didn't the ferry run?", "yes_no"),
        ("¿En qué puerto quedó?", "other"),
        ("¿Quién firmó la orden?", "person"),
        ("Where did the plane land?", "place"),
        ("¿Dónde aterrizó?", "place"),
        ("Why did it stop?", "reason"),
        ("¿Por qué paró?", "reason"),
        ("What did the mayor say about the bridge?", "speech"),
        ("Did she deny it?", "yes_no"),
        ("Is the bridge open?", "yes_no"),
        ("What is the treaty about?", "other"),
        ("¿Qué temperatura marcó el termómetro?", "number"),
        ("¿Cómo se llama el portavoz?", "person"),
        # The first word decides, not the "when" inside what was said.
        ("Who said that the mayor knows when to stop?", "person"),
    ],
)
def test_kind_of(question: str, kind: str) -> None:
    assert kind_of(question) == kind


def found(kind: str, text: str) -> list[str]:
    return [span.of(text) for span in expressions(kind, text)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("number", "Of 1,200 seats, thirty-seven were empty.", ["1,200", "thirty-seven"]),
        # The day and the year belong to a date.
        ("number", "On 3 May 2024 they counted 26 boats.", ["26"]),
        ("money", "It cost $4.5 million, or 90 million pesos.", ["$4.5 million", "90 million pesos"]),
        ("percent", "Between 30% to 40% of it, and 5 percent more.", ["30% to 40%", "5 percent"]),
        ("date", "It began on February 27 and ended in May 2025.", ["February 27", "May 2025"]),
        ("date", "Firmado el 3 de mayo de 2024.", ["3 de mayo de 2024"]),
        ("date", "It reopens next Tuesday, not tomorrow.", ["next Tuesday", "tomorrow"]),
        ("date", "Reabrió hace tres semanas, no anoche.", ["hace tres semanas", "anoche"]),
        # "may" is a verb here.
        ("date", "They may leave.", []),
        ("duration", "He spent 15 years there, then three months away.", ["15 years", "three months"]),
        ("person", "The order of Ana Ruiz de la Vega surprised the Ministry.", ["Ana Ruiz de la Vega"]),
        ("person", "Yesterday the Mexican Senate met.", []),
        ("place", "The plane left from San Pedro for the coast.", ["San Pedro"]),
        ("reason", "Because of rain.", []),
    ],
)
def test_expressions(kind: str, text: str, expected: list[str]) -> None:
    assert found(kind, text) == expected


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        ("How many boats left the harbour?", "Of 90 boats, 12 left the harbour on 3 May.", "12"),
        # The figure that is already in the question is not its answer.
        ("How many of the 90 boats left?", "Of 90 boats, 12 left.", "12"),
        ("When was the bridge opened?", "The bridge was opened on 4 June 1999 by Ana Ruiz.", "4 June 1999"),
        ("Who opened the bridge?", "The bridge was opened on 4 June 1999 by Ana Ruiz.", "Ana Ruiz"),
        ("Where is the bridge?", "The bridge in Puerto Lindo was opened on 4 June.", "Puerto Lindo"),
        ("¿Cuántos barcos salieron?", "Salieron 12 barcos del puerto.", "12"),
        ("¿Qué temperatura se midió?", "Se midió una temperatura de 44,6 grados.", "44,6"),
        ("¿Cómo se llama la portavoz?", "La portavoz, Marta Solís, pidió calma.", "Marta Solís"),
    ],
)
def test_best_span(question: str, text: str, expected: str) -> None:
    answer = best_span(question, text)
    assert answer is not None
    assert answer[0].of(text) == expected
    assert 0.0 < answer[1] < 1.0


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Why did the boats leave?", "The 12 boats left because of the storm."),
        ("Did the boats leave?", "The 12 boats left on 3 May."),
        ("How many boats left?", "The boats left because of the storm."),
        ("Who is Ana Ruiz?", "Ana Ruiz opened the bridge."),
    ],
)
def test_no_short_answer(question: str, text: str) -> None:
    assert best_span(question, text) is None


def test_rival_figures_lower_the_score() -> None:
    alone = best_span("How many boats left?", "12 boats left.")
    rivals = best_span("How many boats left?", "12 boats left and 14 boats left.")
    assert alone is not None
    assert rivals is not None
    assert alone[1] > rivals[1]
