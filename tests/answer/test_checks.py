"""What a statement may say of its sentences: every kind of lie that the rules know, and the honest form beside it."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.answer.checks import check
from rag.answer.figures import digit_readings, figures, sums
from rag.answer.names import Grounds, missing_name
from rag.answer.number_words import in_words
from rag.answer.polarity import negation_changed, opposite
from rag.types import Document, DraftStatement, Span
from tests.answer.scripted import document

FERRY = document(
    "ferry",
    "The ferry Aurora sank on 27 February 2031 with thirty-seven barrels, worth $1.5 million. "
    "“We lost them all,” said Marta Quill, its captain. "
    "Harbour master Ivo Brandt did not approve the departure. "
    "Quill denied taking bribes. "
    "About 5 percent of the oil reached Port Selden.",
    title="Ferry lost off Selden",
    source="Example Post",
    published="2031-03-01",
    language="en",
)
SECOND = document(
    "second",
    "The tug Borea carried 26 barrels. Ivo Brandt resigned in March.",
    source="Other Times",
    published="2031-03-05",
    language="en",
)


def reason(
    text: str,
    *quotes: str,
    speaker: str | None = None,
    question: str = "What happened?",
    of: tuple[Document, ...] = (FERRY, SECOND),
) -> str | None:
    places = []
    for quote in quotes:
        source = next(each for each in of if quote in each.text)
        at = source.text.index(quote)
        places.append((source, Span(at, at + len(quote))))
    shown = {each.id: [Span(0, len(each.text))] for each in of}
    return check(DraftStatement(text, (), speaker), places, question=question, shown=shown)


SANK = FERRY.text[: FERRY.text.index(" “We")]
SAID = "“We lost them all,” said Marta Quill, its captain."
BRANDT = "Harbour master Ivo Brandt did not approve the departure."
DENIED = "Quill denied taking bribes."
OIL = "About 5 percent of the oil reached Port Selden."
TUG = "The tug Borea carried 26 barrels."
RESIGNED = "Ivo Brandt resigned in March."


@pytest.mark.parametrize(
    ("text", "quotes"),
    [
        ("The ferry Aurora sank with 37 barrels.", [SANK]),
        ("The barrels were worth 1,500,000 dollars.", [SANK]),
        ("The Aurora sank on February 27, 2031.", [SANK]),
        ("It sank on 2031-02-27.", [SANK]),
        ("It sank in February.", [SANK]),
        ("It sank in 2031.", [SANK]),
        ("Some 5% of the oil reached Port Selden.", [OIL]),
        ("The harbour master, Ivo Brandt, did not approve the departure.", [BRANDT]),
        ("Brandt never approved the departure.", [BRANDT]),
        ("Marta Quill denied taking bribes.", [DENIED]),
        ("Quill denied that she took bribes.", [DENIED]),
        ("Captain Marta Quill said “We lost them all”.", [SAID]),
        ("The Example Post of 1 March 2031 reported that the ferry sank.", [SANK]),
        ("Together they carried 37 + 26 = 63 barrels.", [SANK, TUG]),
        ("The Aurora carried 37 barrels and the Borea carried 26 barrels.", [SANK, TUG]),
        ("The Aurora sank with 37 barrels; Ivo Brandt resigned in March.", [SANK, RESIGNED]),
        ("El ferry Aurora se hundió el 27 de febrero de 2031 con treinta y siete barriles.", [SANK]),
        ("El 5 por ciento del petróleo llegó a Port Selden.", [OIL]),
        ("Ivo Brandt no aprobó la salida.", [BRANDT]),
    ],
)
def test_an_honest_statement_is_let_through(text: str, quotes: list[str]) -> None:
    assert reason(text, *quotes) is None


@pytest.mark.parametrize(
    ("text", "quotes", "why"),
    [
        ("The Aurora sank with 73 barrels.", [SANK], "the figure 73"),
        ("The Aurora sank with thirty-eight barrels.", [SANK], "thirty-eight"),
        ("The barrels were worth $2.5 million.", [SANK], "the sum of money"),
        ("The barrels were worth 1.5 million euros.", [SANK], "the sum of money"),
        ("The Aurora sank on 26 February 2031.", [SANK], "the date"),
        ("The Aurora sank on 27 March 2031.", [SANK], "the date"),
        ("The Aurora sank on 27 February 2030.", [SANK], "the date"),
        ("About 50 percent of the oil reached Port Selden.", [OIL], "the percentage"),
        ("About 5 barrels reached Port Selden.", [OIL], "the figure 5"),
        ("The Borealis sank with 37 barrels.", [SANK], "Borealis"),
        ("“We lost them all,” said Petra Quill.", [SAID], "Petra"),
        ("About 5 percent of the oil reached Port Harlow.", [OIL], "Harlow"),
        ("Ivo Brandt approved the departure.", [BRANDT], "not"),
        ("Ivo Brandt did not resign in March.", [RESIGNED], "not"),
        ("Quill took bribes.", [DENIED], "denied"),
        ("Quill took bribes from the port.", [DENIED], "denied"),
        ("Ivo Brandt nunca renunció en marzo.", [RESIGNED], "not"),
        ("Together they carried 63 barrels.", [SANK, TUG], "63"),
        ("Together they carried 37 + 26 = 73 barrels.", [SANK, TUG], "does not add up"),
        ("Together they carried 37 + 27 = 64 barrels.", [SANK, TUG], "27"),
        ("The Aurora carried 37 + 37 = 74 barrels.", [SANK], "37"),
        ("Marta Quill said “We saved them all”.", [SAID], "quotation marks"),
        ("The Borea sank with 37 barrels.", [SANK, TUG], "joins"),
        ("Marta Quill resigned in March.", [SAID, RESIGNED], "joins"),
        ("Marta Quill lost them all, and resigned in March.", [SAID, RESIGNED], "joins"),
        ("Marta Quill lost them all. She resigned in March.", [SAID, RESIGNED], "joins"),
        ("Marta Quill and Ivo Brandt resigned in March.", [SAID, RESIGNED], "joins"),
        ("See [the list](http://leak.example/?q=37) of barrels.", [SANK], "markup"),
        ("The Aurora sank, see http://leak.example/?q=37.", [SANK], "link"),
        ("The Aurora sank <img src=x onerror=alert(1)>.", [SANK], "markup"),
        ("Some pigeons nested under tower roofs.", [SANK], "no word"),
        ("…", [SANK], "no words"),
    ],
)
def test_a_lie_is_withheld_and_the_reason_names_it(text: str, quotes: list[str], why: str) -> None:
    found = reason(text, *quotes)

    assert found is not None
    assert why in found


@pytest.mark.parametrize(
    ("speaker", "text", "held"),
    [
        ("Marta Quill", "They lost them all.", False),
        ("Quill", "They lost them all.", False),
        ("Ivo Brandt", "They lost them all.", True),
        (None, "Ivo Brandt said they lost them all.", True),
        (None, "Marta Quill said they lost them all.", False),
        ("Zoltan Peyre", "They lost them all.", True),
    ],
)
def test_the_speaker_is_the_one_of_the_source(speaker: str | None, text: str, held: bool) -> None:
    found = reason(text, SAID, speaker=speaker, question="What did Ivo Brandt and Marta Quill say?")

    assert (found is not None) is held


def test_names_of_the_question_are_allowed_and_its_figures_are_not() -> None:
    assert (
        reason(
            "The barrels of the Selden Trust were worth $1.5 million.",
            SANK,
            question="What were the Selden Trust’s barrels worth?",
        )
        is None
    )
    assert reason("Yes, 73 barrels sank.", SANK, question="Did 73 barrels sink?") is not None


def test_a_denial_may_be_told_without_its_relative_clause() -> None:
    source = document("plan", "Quill rejected the plan, which would cost $5 million.", language="en")

    assert reason("The plan would cost $5 million.", source.text, of=(source,)) is None


# --- figures -----------------------------------------------------------------------------------------------------

_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()  # noqa: SIM905, E501
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
_UNIDADES = "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve".split()  # noqa: SIM905, E501
_DECENAS = "treinta cuarenta cincuenta sesenta setenta ochenta noventa".split()  # noqa: SIM905
_CIENTOS = "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos".split()  # noqa: SIM905, E501
_MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
_MESES = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()  # noqa: SIM905


def english(number: int) -> str:
    for size, name in ((10**6, "million"), (1000, "thousand")):
        if number >= size:
            rest = number % size
            return f"{english(number // size)} {name}" + (f" {english(rest)}" if rest else "")
    if number >= 100:
        rest = number % 100
        return f"{_UNITS[number // 100]} hundred" + (f" and {english(rest)}" if rest else "")
    if number < 20:
        return _UNITS[number]
    return _TENS[number // 10 - 2] + (f"-{_UNITS[number % 10]}" if number % 10 else "")


def spanish(number: int) -> str:
    if number >= 10**6:
        head = "un millón" if number < 2 * 10**6 else f"{spanish(number // 10**6)} millones"
        return head + (f" {spanish(number % 10**6)}" if number % 10**6 else "")
    if number >= 1000:
        head = "mil" if number < 2000 else f"{spanish(number // 1000)} mil"
        return head + (f" {spanish(number % 1000)}" if number % 1000 else "")
    if number >= 100:
        if number == 100:
            return "cien"
        return _CIENTOS[number // 100 - 1] + (f" {spanish(number % 100)}" if number % 100 else "")
    if number < 30:
        return _UNIDADES[number]
    return _DECENAS[number // 10 - 3] + (f" y {_UNIDADES[number % 10]}" if number % 10 else "")


def one(text: str) -> frozenset[Fraction]:
    (figure,) = figures(text)
    return figure.readings


NUMBERS = st.one_of(
    st.integers(0, 3000), st.integers(2, 999).map(lambda n: n * 1000), st.integers(2, 2_999_999)
)


@given(NUMBERS)
@settings(deadline=None)
def test_a_number_is_the_same_in_words_in_digits_and_with_separators(number: int) -> None:
    wanted = {Fraction(number)}

    assert [value for _, value, _ in in_words(english(number))] == [Fraction(number)]
    assert [value for _, value, _ in in_words(spanish(number))] == [Fraction(number)]
    assert one(f"There were {english(number)} tins") == wanted
    assert one(f"Había {spanish(number)} latas") == wanted
    assert one(f"{number} tins") == wanted
    assert wanted <= one(f"{number:,} tins")
    assert wanted <= one(f"{number:,}".replace(",", ".") + " latas")
    assert wanted <= one(f"{number:,}".replace(",", "\u202f") + " latas")


@given(NUMBERS, NUMBERS)
@settings(deadline=None)
def test_two_numbers_say_the_same_only_where_they_are_the_same(first: int, second: int) -> None:
    (words,), (digits,) = figures(f"{english(first)} tins"), figures(f"{second} tins")

    assert digits.said_by(words) is (first == second)


@given(st.integers(1, 9999), st.sampled_from(["thousand", "million", "billion"]))
@settings(deadline=None)
def test_scales_are_multiplied(tenths: int, scale: str) -> None:
    factor = {"thousand": 10**3, "million": 10**6, "billion": 10**9}[scale]
    text = f"{tenths / 10:.1f}"

    assert one(f"{text} {scale} tins") == {Fraction(tenths * factor, 10)}
    assert one(f"${text} {scale}") == one(f"{text} {scale} dollars") == {Fraction(tenths * factor, 10)}


@given(
    st.dates(dt.date(1700, 1, 1), dt.date(2099, 12, 31)), st.dates(dt.date(1700, 1, 1), dt.date(2099, 12, 31))
)
@settings(deadline=None)
def test_a_day_is_the_same_in_every_form_and_no_other_day_is(day: dt.date, other: dt.date) -> None:
    forms = [
        f"{day.day} {_MONTHS[day.month - 1]} {day.year}",
        f"{_MONTHS[day.month - 1]} {day.day}, {day.year}",
        f"el {day.day} de {_MESES[day.month - 1]} de {day.year}",
        day.isoformat(),
    ]
    read = [figures(f"It sank on {form}.") for form in forms]

    assert all(len(found) == 1 and found[0].kind == "date" for found in read)
    for (first,) in read:
        for (second,) in read:
            assert first.said_by(second)
        (different,) = figures(other.isoformat())
        assert first.said_by(different) is (day == other)


@given(st.integers(1, 28), st.integers(1, 12), st.integers(1900, 2099))
@settings(deadline=None)
def test_a_vaguer_date_follows_from_an_exact_one_and_not_the_other_way_round(
    day: int, month: int, year: int
) -> None:
    (exact,) = figures(f"{day} {_MONTHS[month - 1]} {year}")
    (vague,) = figures(f"In {_MONTHS[month - 1]} {year}")

    assert vague.said_by(exact)
    assert not exact.said_by(vague)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("5%", "5 percent", True),
        ("5%", "cinco por ciento", True),
        ("half", "50 percent", True),
        ("5%", "5", False),
        ("two years", "24 months", True),
        ("two weeks", "14 days", True),
        ("two weeks", "15 days", False),
        ("37 days", "37 weeks", False),
        ("more than 40 men", "fewer than 40 men", False),
        ("more than 40 men", "40 men", True),
        ("10:30 a.m.", "10:30", True),
        ("10:30 p.m.", "10:30 a.m.", False),
        ("the 21st", "the twenty-first", True),
        ("a dozen", "12", True),
        ("half a million", "500,000", True),
        ("$5", "€5", False),
        ("1.5bn dollars", "$1,500,000,000", True),
        ("3/4/2031", "3 April 2031", True),
        ("3/4/2031", "4 March 2031", True),
        ("3/4/2031", "5 March 2031", False),
    ],
)
def test_figures_that_say_the_same(first: str, second: str, same: bool) -> None:
    (left,), (right,) = figures(first), figures(second)

    assert left.said_by(right) is same


@pytest.mark.parametrize("text", ["One of them left.", "May he go?", "the U.S. Congress", "route A1"])
def test_what_looks_like_a_figure_and_is_none_that_counts(text: str) -> None:
    assert [figure for figure in figures(text) if not figure.optional] == []


@given(st.text(max_size=200))
@settings(deadline=None, max_examples=60)
def test_any_text_can_be_read(text: str) -> None:
    spans = [figure.span for figure in figures(text)]

    assert spans == sorted(spans)
    assert all(not first.overlaps(second) for first, second in pairwise(spans))
    sums(text)
    missing_name(text, Grounds((text,)))
    negation_changed(text, [text])


def test_a_statement_that_repeats_its_sentence_is_never_withheld() -> None:
    for quote in (SANK, SAID, BRANDT, DENIED, OIL, TUG, RESIGNED):
        assert reason(quote, quote) is None
        assert opposite(quote, [quote]) is None


def test_digits_with_marks_keep_both_readings_where_both_are_usual() -> None:
    assert digit_readings("1.500") == {Fraction(1500), Fraction(3, 2)}
    assert digit_readings("0.125") == {Fraction(1, 8)}
    assert digit_readings("1.234.567,5") == {Fraction(2469135, 2)}


# --- names and negations -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("Marta Quill met Ana Ruiz.", None),
        ("Ana Quill met them.", "Ana Quill"),
        ("Quill met Harper.", "Harper"),
        ("Harper met Ruiz.", "Harper"),
        ("The FBI agreed.", None),
        ("The CIA agreed.", "CIA"),
        ("The Mexican president agreed.", None),
        ("Estados Unidos aceptó.", None),
        ("US officials agreed on Thursday.", None),
        ("They met on Friday.", "Friday"),
        ("Prisoners met in Harlow.", None),
        ("Thirty-seven people met.", None),
        ("Ana Ruíz’s friends met.", None),
        ("Ana Tanaka met them to agree at once.", "Tanaka"),
    ],
)
def test_names_are_looked_for_word_by_word(text: str, missing: str | None) -> None:
    source = (
        "Marta Quill, a lawyer, met Ana Ruiz in Harlow on Thursday. Mexico’s president and the Federal Bureau of "
        "Investigation agreed in the United States."
    )

    assert missing_name(text, Grounds((source,))) == missing


@pytest.mark.parametrize(
    ("text", "quote", "changed"),
    [
        ("The men were sent.", "The men were never sent to Harlow.", True),
        ("The council approved it.", "The council rejected it.", True),
        ("The deal was legal.", "The deal was illegal, he said.", True),
        ("He has resigned.", "He hasn’t resigned.", True),
        ("He hasn't resigned.", "He has resigned.", True),
        ("El alcalde aprobó el plan.", "El alcalde no aprobó el plan.", True),
        ("El alcalde nunca aprobó el plan.", "El alcalde aprobó el plan.", True),
        ("El ministro aceptó la oferta.", "El ministro negó la oferta.", True),
        (
            "It uses cream that was whipped.",
            "It uses cream that was not whipped, though whipped cream is sold.",
            True,
        ),
        ("They were not, by their own account, towed.", "They were towed, and not by the navy.", True),
        ("He was not hired in May.", "He was hired in May, not in June.", True),
        ("Nobody was hurt in the fire.", "No injuries were reported in the fire.", False),
        ("Nobody was hurt.", "No injuries were reported.", False),
        ("Quill denied it.", "“I had no part,” said Quill.", False),
        ("He is no longer mayor.", "He stopped being mayor.", False),
        ("37 barrels sank.", "Quill, who did not attend, said 37 barrels sank.", False),
        ("It was not only late but costly.", "It was late and costly.", False),
        ("He was released without charge.", "He was released; no charges were filed.", False),
    ],
)
def test_negations(text: str, quote: str, changed: bool) -> None:
    assert bool(negation_changed(text, [quote]) or opposite(text, [quote])) is changed


@pytest.mark.parametrize(
    ("text", "quote", "found"),
    [
        ("Fewer people came.", "More people came, although it rained.", True),
        ("He was the last to be charged.", "He was the first to be charged.", True),
        # A negation elsewhere in the sentence does not hide it.
        (
            "The order forbids the use of force.",
            "The order, signed without notice, permits the use of force.",
            True,
        ),
        ("She confirmed that the visa was valid.", "She denied that the visa was valid.", True),
        ("The pressure has fallen.", "The pressure has grown.", True),
        # Not the opposite where one of the two is negated.
        ("The council did not approve the plan.", "The council rejected the plan.", False),
        ("The council rejected the plan.", "The council did not approve the plan.", False),
        ("It was illegal, she said.", "She denied that it was legal.", False),
        ("More came, then fewer.", "First more came, then fewer.", False),
    ],
)
def test_an_opposite_is_found_unless_a_negation_turns_it(text, quote, found):
    assert bool(opposite(text, [quote])) is found
