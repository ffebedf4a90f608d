"""Short answers read and compared; each case is one way to say the same or something else."""

from __future__ import annotations

import pytest

from rag.answer.values import Date, dates_in, incompatible, numbers_in, same, value_of

SAME = [
    ("thirty-seven prisoners", "37"),
    ("ninety-two people", "92 personas"),
    ("Three", "three large-scale labs"),
    ("$1.5 million", "1.5m dollars"),
    ("two hundred thirty-seven", "237"),
    ("12035", "12,035"),
    ("more than 3,000 kilometres", "3,000 km"),
    ("27 February 2025", "2025-02-27"),
    ("on February 27, 2025", "27 de febrero de 2025"),
    ("February 2025", "27 February 2025"),
    ("between 2018 and 2024", "from 2018 until 2024"),
    ("President Claudia Sheinbaum", "Sheinbaum"),
    ("Enrique “Kiki” Camarena", "Enrique Camarena"),
    ("DEA", "the Drug Enforcement Administration"),
    ("the US", "United States"),
    ("Miriam Okafor", "Judge Miriam Okafor"),
    ("because they calm small children", "they calm children"),
]
DIFFERENT = [
    ("37", "26 prisoners"),
    ("17", "16 relatives"),
    ("27 February 2025", "28 February 2025"),
    ("2021", "2022"),
    ("Claudia Sheinbaum", "Marco Rubio"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_thing_in_two_spellings(one: str, other: str) -> None:
    assert same(value_of(one), value_of(other))
    assert same(value_of(other), value_of(one))
    assert not incompatible(value_of(one), value_of(other))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_values_of_a_kind_exclude_each_other(one: str, other: str) -> None:
    assert not same(value_of(one), value_of(other))
    assert incompatible(value_of(one), value_of(other))
    assert incompatible(value_of(other), value_of(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("17 relatives", "27 February 2025"),  # of different sorts
        ("3,000 kilometres", "3,000 dollars"),  # of different measures
        ("29, 26 and 37", "92"),  # a list against a figure
        ("about 3,000", "3,040"),  # rounded
        ("because of the fuel", "to save money"),  # reasons can add up
    ],
)
def test_neither_the_same_nor_contradictory(one: str, other: str) -> None:
    assert not same(value_of(one), value_of(other))
    assert not incompatible(value_of(one), value_of(other))


def test_figures_are_found_with_their_places() -> None:
    text = "The three groups have 29, twenty-six and 37 people, 1.5 million in 2025."
    found = [(span.of(text), number) for span, number in numbers_in(text)]
    assert found == [
        ("three", 3.0),
        ("29", 29.0),
        ("twenty-six", 26.0),
        ("37", 37.0),
        ("1.5 million", 1_500_000.0),
        ("2025", 2025.0),
    ]


def test_dates_are_found_and_the_verb_may_is_none() -> None:
    text = "He may come on 3 March 2025, in May 2026 or on 2027-01-05; el 2 de mayo de 2024."
    assert [date for _, date in dates_in(text)] == [
        Date(2025, 3, 3),
        Date(2026, 5, None),
        Date(2027, 1, 5),
        Date(2024, 5, 2),
    ]
    assert Date(2025, 3, None).fits(Date(2025, 3, 3))
    assert not Date(2025, 3, 4).fits(Date(2025, 3, 3))


@pytest.mark.parametrize("text", ["", " ", "…", "the", "a" * 10_000, "1" * 400, "1,2,3,4", "“"])
def test_any_text_has_a_value(text: str) -> None:
    value = value_of(text)
    assert same(value, value) or not value.keys
