"""Which day "Tuesday" or "el mes pasado" names, and above all where no day is told. Every sentence is invented."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.relative_dates import resolve, resolve_at
from rag.types import Document, Resolved, Span

THURSDAY = "2024-05-16"
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
DIAS = ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"]


def days(words: str, sentence: str, published: str | None = THURSDAY) -> str | None:
    """The resolved day, or "first..last"."""
    found = resolve(words, sentence, published)
    if found is None:
        return None
    first, last = found.first.isoformat(), found.last.isoformat()
    return first if first == last else f"{first}..{last}"


@pytest.mark.parametrize(
    ("words", "sentence", "expected"),
    [
        ("Tuesday", "The mill burned on Tuesday.", "2024-05-14"),
        ("on Tuesday", "The mill burned on Tuesday.", "2024-05-14"),
        ("Thursday", "The mill burned on Thursday.", "2024-05-16"),
        ("Friday", "The mill burned on Friday.", "2024-05-10"),
        ("Tuesday", "The mill burned down late on Tuesday night, the mayor said.", "2024-05-14"),
        ("Monday night", "A fire destroyed the mill in Ferrow, on the Lune, on Monday night.", "2024-05-13"),
        ("Tuesday", "On Tuesday, the council met.", "2024-05-14"),
        ("Tuesday", "The council said on Tuesday that the bridge will reopen.", "2024-05-14"),
        ("Tuesday", "The council announced on Tuesday that the bridge will close.", "2024-05-14"),
        ("Tuesday", "“We will meet again,” she said on Tuesday.", "2024-05-14"),
        ("Tuesday", "The man arrested on Tuesday will appear in court on Friday.", "2024-05-14"),
        ("Friday", "The man arrested on Tuesday will appear in court on Friday.", "2024-05-17"),
        ("Wednesday", "Three men were arrested on Tuesday and charged on Wednesday.", "2024-05-15"),
        ("Tuesday", "A man who will stand trial in June walked into the station on Tuesday.", "2024-05-14"),
        ("since Tuesday", "The museum has been closed since Tuesday.", "2024-05-14"),
        ("Tuesday", "The ferry captain refused to sail on Tuesday.", "2024-05-14"),
        ("last Tuesday", "The bridge opened last Tuesday.", "2024-05-14"),
        ("Thursday", "The bridge opened last Thursday.", "2024-05-09"),
        ("Tuesday last week", "He died on Tuesday last week.", "2024-05-07"),
        ("Tuesday", "He died on Tuesday of last week.", "2024-05-07"),
        ("martes", "El molino ardió el martes.", "2024-05-14"),
        ("el martes", "El molino ardió el martes por la noche.", "2024-05-14"),
        ("noche del lunes", "El hombre murió la noche del lunes.", "2024-05-13"),
        ("el martes pasado", "El consejo se reunió el martes pasado.", "2024-05-14"),
        ("el pasado sábado", "El consejo se reunió el pasado sábado.", "2024-05-11"),
        ("martes 14", "El consejo se reunió el martes 14.", "2024-05-14"),
        ("lunes", "El hombre detenido el lunes murió en el hospital.", "2024-05-13"),
    ],
)
def test_a_weekday_in_the_past_is_the_last_one(words: str, sentence: str, expected: str) -> None:
    assert days(words, sentence) == expected


@pytest.mark.parametrize(
    ("words", "sentence", "expected"),
    [
        ("Tuesday", "The council will meet on Tuesday.", "2024-05-21"),
        ("Tuesday", "On Tuesday the council will meet.", "2024-05-21"),
        ("Tuesday", "The council said it will meet on Tuesday.", "2024-05-21"),
        ("Friday", "The council is due to vote on Friday.", "2024-05-17"),
        ("Friday", "The report is due on Friday.", "2024-05-17"),
        ("Monday", "The trial is scheduled to begin on Monday.", "2024-05-20"),
        ("Tuesday", "The bill rejected in committee will be debated on Tuesday.", "2024-05-21"),
        ("Saturday", "The bridge is going to be closed until Saturday.", "2024-05-18"),
        ("next Tuesday", "The bridge opens next Tuesday.", "2024-05-21"),
        ("Tuesday", "The bridge opens next Tuesday.", "2024-05-21"),
        ("next Thursday", "The bridge opens next Thursday.", "2024-05-23"),
        ("martes", "El consejo se reunirá el martes.", "2024-05-21"),
        ("el martes", "El consejo va a reunirse el martes.", "2024-05-21"),
        ("el próximo martes", "El consejo se reúne el próximo martes.", "2024-05-21"),
        ("el martes que viene", "El consejo se reúne el martes que viene.", "2024-05-21"),
    ],
)
def test_a_weekday_to_come_is_the_next_one(words: str, sentence: str, expected: str) -> None:
    assert days(words, sentence) == expected


@pytest.mark.parametrize(
    ("words", "sentence", "expected"),
    [
        ("yesterday", "The mill burned yesterday.", "2024-05-15"),
        ("yesterday", "Yesterday's fire: the mill burned yesterday.", "2024-05-15"),
        ("today", "The mill burned today.", "2024-05-16"),
        ("earlier today", "The mill, closed for years, went up in flames earlier today.", "2024-05-16"),
        ("this morning", "The mill burned this morning.", "2024-05-16"),
        ("tonight", "The council meets tonight.", "2024-05-16"),
        ("tomorrow", "The council will meet tomorrow.", "2024-05-17"),
        ("the day before yesterday", "The mill burned the day before yesterday.", "2024-05-14"),
        ("last night", "The mill burned last night.", "2024-05-15..2024-05-16"),
        ("overnight", "The mill burned overnight.", "2024-05-15..2024-05-16"),
        ("ayer", "El molino ardió ayer por la tarde.", "2024-05-15"),
        ("ayer miércoles", "El molino ardió ayer miércoles.", "2024-05-15"),
        ("anteayer", "El molino ardió anteayer.", "2024-05-14"),
        ("anoche", "El molino ardió anoche.", "2024-05-15..2024-05-16"),
        ("hoy", "El molino ardió hoy.", "2024-05-16"),
        ("mañana", "El puente se abrirá mañana.", "2024-05-17"),
        ("pasado mañana", "El puente se abrirá pasado mañana.", "2024-05-18"),
        ("last week", "The mill burned last week.", "2024-05-05..2024-05-12"),
        ("last weekend", "The mill burned last weekend.", "2024-05-11..2024-05-12"),
        ("last month", "The mill burned last month.", "2024-04-01..2024-04-30"),
        ("last year", "The mill burned late last year.", "2023-01-01..2023-12-31"),
        ("last year", "The mill burned in May last year.", "2023-05-01..2023-05-31"),
        ("3 May last year", "The mill burned on 3 May last year.", "2023-05-03"),
        ("this year", "The mill will open this year.", "2024-01-01..2024-12-31"),
        ("this year", "The mill burned earlier this year.", "2024-01-01..2024-05-16"),
        ("later this month", "The mill will open later this month.", "2024-05-16..2024-05-31"),
        ("next month", "The mill will open next month.", "2024-06-01..2024-06-30"),
        ("la semana pasada", "El molino ardió la semana pasada.", "2024-05-05..2024-05-12"),
        ("el mes pasado", "El molino ardió el mes pasado.", "2024-04-01..2024-04-30"),
        ("el año que viene", "El puente se abrirá el año que viene.", "2025-01-01..2025-12-31"),
        ("mayo del año pasado", "El molino ardió en mayo del año pasado.", "2023-05-01..2023-05-31"),
        ("three days ago", "The mill burned three days ago.", "2024-05-13"),
        ("16 days ago", "The mill burned 16 days ago.", "2024-04-30"),
        ("two weeks ago", "The mill burned two weeks ago.", "2024-04-29..2024-05-05"),
        ("a month ago", "The mill burned a month ago.", "2024-04-01..2024-04-30"),
        ("six months ago", "The mill burned six months ago.", "2023-11-01..2023-11-30"),
        ("two years ago", "The mill burned two years ago.", "2022-01-01..2022-12-31"),
        ("hace tres días", "El molino ardió hace tres días.", "2024-05-13"),
        ("hace un año", "El molino ardió hace un año.", "2023-01-01..2023-12-31"),
        ("dos meses atrás", "El molino ardió dos meses atrás.", "2024-03-01..2024-03-31"),
        ("dentro de dos días", "El puente se abrirá dentro de dos días.", "2024-05-18"),
    ],
)
def test_words_that_count_from_the_documents_day(words: str, sentence: str, expected: str) -> None:
    assert days(words, sentence) == expected


@pytest.mark.parametrize(
    ("words", "sentence", "expected"),
    [
        ("14 May", "The mill burned on 14 May.", "2024-05-14"),
        ("May 14", "The mill burned on May 14.", "2024-05-14"),
        ("20 December", "The mill burned on 20 December.", "2023-12-20"),
        ("20 May", "The council will meet on 20 May.", "2024-05-20"),
        ("20 May", "The mill burned on 20 May.", None),  # a year ago is further than four days ahead
        ("3 June", "The council meets on Monday 3 June.", "2024-06-03"),
        ("Tuesday, 14 May", "The mill burned on Tuesday, 14 May.", "2024-05-14"),
        ("Tuesday", "The mill burned on Tuesday 14 May.", "2024-05-14"),
        ("Monday 14 May", "The mill burned on Monday 14 May.", None),  # it was a Tuesday
        ("14 de mayo", "El molino ardió el 14 de mayo.", "2024-05-14"),
        ("primero de mayo", "El molino ardió el primero de mayo.", "2024-05-01"),
        ("30 February", "The mill burned on 30 February.", None),
        ("May 14", "In May 14 people died.", None),
        ("14 May", "Ana Ruiz was born between 14 May and 3 June 1990.", None),
        ("14 May", "They celebrated the fire every 14 May.", None),
        ("Sept. 11", "The airports closed on Sept. 11.", None),
        ("may 14", "It may 14 times fail.", None),
    ],
)
def test_a_day_and_month_without_a_year(words: str, sentence: str, expected: str | None) -> None:
    assert days(words, sentence) == expected


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        # absolute
        ("Tuesday 14 May 2024", "The mill burned on Tuesday 14 May 2024."),
        ("Tuesday", "The mill burned on Tuesday 14 May 2024."),
        ("2019", "The mill burned in 2019."),
        ("May 2023", "The mill burned in May 2023."),
        ("14 de mayo de 2023", "El molino ardió el 14 de mayo de 2023."),
        ("2024-05-14", "The mill burned on 2024-05-14."),
        # no date, or not in the sentence
        ("37", "The mill had 37 looms last year."),
        ("the mill", "The mill burned on Tuesday."),
        ("Wednesday", "The mill burned on Tuesday."),
        ("the fire on Tuesday", "The mayor spoke of the fire on Tuesday."),
        ("", "The mill burned on Tuesday."),
        # the tense is not clear
        ("Tuesday", "The council would meet on Tuesday, the mayor said."),
        ("Tuesday", "The council opens the bridge on Tuesday."),
        ("Tuesday", "The council, which met in May, opens the bridge on Tuesday."),
        ("Tuesday", "The council agreed to meet on Tuesday."),
        ("Tuesday", "The council announced a meeting on Tuesday."),
        ("Tuesday", "The meeting planned for Tuesday was cancelled."),
        ("Tuesday", "The meeting was due to begin on Tuesday."),
        ("Tuesday", "The museum was closed until Tuesday."),
        ("Tuesday", "Town hall, Tuesday, 8 pm"),
        ("Tuesday", "Ferrow will play Lune before meeting second-ranked Orsk on Tuesday."),
        ("Tuesday", "If the council voted on Tuesday, the bridge is saved."),
        ("Tuesday", "The mayor spoke of Tuesday's vote."),
        ("Thursday", "The council will meet on Thursday."),  # today or in a week
        ("martes", "El consejo se reuniría el martes."),
        ("martes", "El consejo acordó reunirse el martes."),
        ("martes", "El consejo abre el puente el martes."),
        # in a quotation
        ("tomorrow", "“We will meet tomorrow,” she said on Tuesday."),
        ("yesterday", '"It burned yesterday," she said.'),
        ("ayer", "«Ardió ayer», dijo."),
        # counted from another day
        ("Tuesday", "In 1912 the mill burned on Tuesday."),
        ("Tuesday", "The following Tuesday the mill burned."),
        ("Tuesday", "The mill burned that Tuesday."),
        ("Tuesday", "Last month the council met on Tuesday."),
        ("martes", "Aquel martes ardió el molino."),
        # habits, ranges, names
        ("Tuesday", "The council met every Tuesday."),
        ("Tuesdays", "The council met on Tuesdays."),
        ("los martes", "El consejo se reunía los martes."),
        ("Monday", "The office was open from Monday to Friday."),
        ("Friday", "The office was open from Monday to Friday."),
        ("Monday", "The mill burned on Monday or Tuesday."),
        ("Monday", "The mill burned on Easter Monday."),
        ("Sunday", "The Sunday Times reported the fire."),
        ("Saturday", "She sang on Saturday Night Out in Ferrow."),
        ("domingo", "Plácido Domingo cantó el lunes."),
        ("Tuesday", "The council opened the bridge on the first Tuesday of May."),
        ("Tuesday", "The council voted on Tuesday 14 times."),
        # other meanings
        ("today", "Today the mill is a museum."),
        ("hoy", "El molino es hoy en día un museo."),
        ("mañana", "El puente se abrió por la mañana."),
        ("tomorrow", "The school taught tomorrow's leaders."),
        ("last year", "Over the last year, the mill burned twice."),
        ("last week", "The mill burned in the last week of May."),
        ("this weekend", "The mill burned this weekend."),
        # round and vague numbers
        ("10 years ago", "The mill burned 10 years ago."),
        ("three days ago", "The mill burned about three days ago."),
        ("about three days ago", "The mill burned about three days ago."),
        ("a few days ago", "The mill burned a few days ago."),
        ("half years ago", "The mill burned two and a half years ago."),
        ("a week ago", "The mill burned a week ago Tuesday."),
        ("hace tres días", "El molino arde desde hace tres días."),
        ("hace un año", "El molino ardió hace un año y medio."),
        ("hace unos días", "El molino ardió hace unos días."),
        ("ayer martes", "El molino ardió ayer martes."),  # it was a Wednesday
    ],
)
def test_what_is_not_clear_is_not_told(words: str, sentence: str) -> None:
    assert days(words, sentence) is None


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        (None, None),
        ("", None),
        ("last week", None),
        ("2024-13-01", None),
        ("2024-05-32", None),
        ("16.05.2024", None),
        ("2024-05", None),
        ("2024", None),
        ("2024-05-16", "2024-05-14"),
        (" 2024-05-16 ", "2024-05-14"),
        ("2024-05-16T23:30:00+02:00", "2024-05-14"),
        ("2024-05-14T00:10:00-05:00", "2024-05-14"),  # its own day, in whatever zone
        ("2024-05-13T23:50:00Z", "2024-05-07"),
        ("0001-01-01", None),
    ],
)
def test_what_the_date_of_the_document_may_be(published: str | None, expected: str | None) -> None:
    assert days("Tuesday", "The mill burned on Tuesday.", published) == expected


def test_a_month_is_enough_where_each_of_its_days_tells_the_same() -> None:
    assert resolve("last month", "The mill burned last month.", "2024-01") == Resolved(
        dt.date(2023, 12, 1), dt.date(2023, 12, 31), "2024-01"
    )
    assert days("last year", "The mill burned last year.", "2024") == "2023-01-01..2023-12-31"
    assert days("last month", "The mill burned last month.", "2024") is None


def test_on_a_sunday_the_week_is_not_clear() -> None:
    assert days("last week", "The mill burned last week.", "2024-05-19") is None
    assert days("last weekend", "The mill burned last weekend.", "2024-05-19") is None


def test_at_the_ends_of_the_calendar_nothing_is_told() -> None:
    assert days("yesterday", "The mill burned yesterday.", "0001-01-01") is None
    assert days("next year", "The mill will open next year.", "9999-12-31") is None
    assert days("999 years ago", "The mill burned 999 years ago.", "0500-01-01") is None


def test_all_places_of_the_words_must_agree() -> None:
    both = "The council met on Tuesday and the board will meet on Tuesday."
    assert days("Tuesday", both) is None
    document = Document("mill", both, "0" * 64, "text/plain", "mill.txt", published=THURSDAY)
    found = [resolve_at(document, Span(at, at + 7)) for at in (19, both.rindex("Tuesday"))]
    assert [each and each.first.isoformat() for each in found] == ["2024-05-14", "2024-05-21"]


def test_a_quotation_over_several_sentences_is_the_speakers() -> None:
    text = "“It is decided. The mill burned yesterday. We leave,” said Ana Ruiz. The mill burned yesterday."
    document = Document("mill", text, "0" * 64, "text/plain", "mill.txt", published=THURSDAY)
    inside, outside = text.index("yesterday"), text.rindex("yesterday")

    assert resolve_at(document, Span(inside, inside + 9)) is None
    found = resolve_at(document, Span(outside, outside + 9))
    assert found == Resolved(dt.date(2024, 5, 15), dt.date(2024, 5, 15), THURSDAY)


DAYS = st.dates(dt.date(1900, 1, 15), dt.date(2100, 12, 15))


@given(DAYS, st.integers(0, 6), st.booleans())
def test_a_past_weekday_lies_in_the_week_up_to_the_document(
    published: dt.date, number: int, spanish: bool
) -> None:
    name = DIAS[number] if spanish else WEEKDAYS[number]
    sentence = f"El molino ardió el {name}." if spanish else f"The mill burned on {name}."
    found = resolve(name, sentence, published.isoformat())

    assert found is not None
    assert found.first == found.last
    assert found.first.weekday() == number
    assert 0 <= (published - found.first).days < 7


@given(DAYS, st.integers(0, 6), st.booleans())
def test_a_weekday_to_come_lies_in_the_week_after_the_document(
    published: dt.date, number: int, marked: bool
) -> None:
    name = WEEKDAYS[number]
    sentence = f"The council meets next {name}." if marked else f"The council will meet on {name}."
    found = resolve(name, sentence, published.isoformat())

    if not marked and published.weekday() == number:
        assert found is None
        return
    assert found is not None
    assert found.first.weekday() == number
    assert 0 < (found.first - published).days <= 7


@given(st.text(max_size=60), st.text(max_size=30), st.one_of(st.none(), st.text(max_size=25)))
def test_no_text_makes_it_fail(before: str, words: str, published: str | None) -> None:
    resolve(words, f"{before} {words} last Tuesday", published)
    resolve("last Tuesday", f"{before} last Tuesday {words}", THURSDAY)


def test_a_resolved_date_is_in_order() -> None:
    with pytest.raises(ValueError, match="is after"):
        Resolved(dt.date(2024, 5, 2), dt.date(2024, 5, 1), THURSDAY)


def test_other_answers_compile_no_pattern() -> None:
    code = (
        "from rag.answer import relative_dates, time_expressions as t\n"
        "relative_dates.resolve('37', 'There were 37.', '2024-05-16')\n"
        "assert t._compiled.cache_info().misses == 0"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
