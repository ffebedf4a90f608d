"""Sentence boundaries: one trap per case, then what holds for any text."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.sentences import sentences


def split(text: str, language: str | None = None) -> list[str]:
    return [span.of(text) for span in sentences(text, language)]


# `|` marks where a sentence ends; the white space around it is the white space of the text.
ENGLISH = [
    "The U.S. Attorney spoke first.| The governor did not.",
    "He met U.S. Secretary of State Marco Rubio.| Nothing was agreed.",
    "They live in the U.S.| They like it there.",
    "They flew to Washington, D.C.| The plane landed late.",
    "The D.C. Circuit ruled on it.| It was unanimous.",
    "Mr. and Mrs. Lee, Dr. No and Prof. X came.| Gen. Vargas did not.",
    "Lt. Col. Ray Hart and Sgt. Kim spoke with Sen. Ann Hill, Rep. Bo Ray and Gov. Cy Day.",
    "The meeting began at 5 p.m. on Friday.| It ended at 7 p.m.| The mayor left.",
    "The 9 a.m. Monday flight was full.",
    "No. 5 on the list is gone, as are Nos. 7 and 8.| No. 6 stays.",
    "“Did he go?”| “No.| He stayed.”",
    "J. K. Rowe and George W. Bush met John F. Kennedy Jr. in Paris.",
    "Acme Inc. Chief Executive Jo Li resigned.| Acme Corp. followed.",
    "He works for Acme Inc.| The firm is large.",
    "It cost $3.5 million, i.e. 12.4 percent more, e.g. Mexico paid 0.5.| It rose.",
    "They came on Jan. 20 and left on Feb. 3.| In March they were back.",
    "That was in 2024.| 26 people were sent.",
    "See Fig. 3, p. 12 and Art. 5 of Vol. 2.| Then stop.",
    "“It is a matter of security.”| He said no more.",
    "“Will they come back?” he asked.| Nobody knew.",
    "“Will they come back?” Smith asked.| Nobody knew.",
    "“Will they come back?” Ana García Luna asked.| Nobody knew.",
    '"No!" she said.| "Never."| "Why?"',
    "“We did it.| We won,” he said.",
    "(They left.)| Nobody followed (as far as we know).| It was dark.",
    "Yahoo! and others bought it.",
    "It was late… and dark.| He waited...| Nothing came.",
    "He waited . . . and waited.| Then he left.",
    "What?!| Really?| Yes!",
    "The report [12] says so.[3]| Others differ.[4][5]| They may be wrong.",
    "Kim et al. found more, cf. Ray vs. Day.| They wrote again.",
    "1. The first point is this.| It matters.",
    "He scored 3.| The others scored none.",
    "They used iOS 17.2 and node.js v2.0.1 on example.com.| It worked.",
    "He lives on Main St. near St. Louis.| She lives on Main St.| They are friends.",
    "He sat.| Mexico won.| They were ill.| Kansas lost.",  # "Sat.", "Ill." are abbreviations only with a capital
    "It was a draw (2-2).| “Fine,” he said.",
    "‘Yes.’| He nodded.",
    "The so-called “Remain in the U.S.” plan failed.| It was new.",
    "A first sentence.| — A second, after a dash.",
    "The vote was 5 to 4.| § 12 applies.",
    "Samuel Cohn, Jr. (2002) and Kim et al. (1997) agree.| (Others do not use vitamin C.)| Scientists wrote it.",
    "The empire (lit. “Great State”) fell.| It was old.",
    "X is the hardest problem in C.| Thus it stays.",
]
SPANISH = [
    "Los EE. UU. pidieron 26 reos.| México aceptó.",
    "Viajó a los EE.UU. en enero.| Volvió en mayo.",
    "Los presos llegaron a EE. UU.| El avión volvió.",
    "¿Cuántos son?| ¡Muchos!| Nadie lo sabe.",
    "«¿Volverán?», preguntó.| Nadie respondió.",
    "—¿Volverán? —preguntó la Sra. Díaz.| Nadie respondió.",
    "El Sr. García, la Dra. Ruiz, el Lic. Peña y la Ing. Mora asistieron.",
    "El Gral. López y D. Juan hablaron con Ud. ayer.| Se fueron.",
    "La reunión fue a las 5 p.m. del viernes.| Terminó tarde.",
    "Según el art. 5, núm. 3, pág. 12, procede.| El juez lo negó.",
    "Costó 3.5 millones, p. ej. en enero.| Subió después.",
    "“Son decisiones soberanas.”| La presidenta no dijo más.",
    "Grupo Sol S.A. de C.V. ganó.| Compró Luna S.A.| La venta cerró.",
    "Quieren verlo.| 26 presos viajaron.",
    "« Son decisiones. »| Nadie dijo más.",
]
OTHERS = [
    ("de", "Am 3. Februar kam er an, d. h. zu spät.| Dr. Weiß wartete."),
    ("de", "Es waren 26.| Niemand fragte."),
    ("fr", "M. Dupont et Mme Petit sont venus.| « Bonjour. »| Ils sont partis."),
    ("zh", "他来了。|她走了！|为什么？"),
    ("ar", "وصل الوفد اليوم.| هل سيعود؟| لا أحد يعلم."),
    ("hi", "वह आया।| वह चला गया।"),
]


@pytest.mark.parametrize("marked", ENGLISH)
def test_english(marked: str) -> None:
    assert split(marked.replace("|", ""), "en") == [part.strip() for part in marked.split("|")]


@pytest.mark.parametrize("marked", SPANISH)
def test_spanish(marked: str) -> None:
    assert split(marked.replace("|", ""), "es") == [part.strip() for part in marked.split("|")]


@pytest.mark.parametrize(("language", "marked"), OTHERS)
def test_other_languages(language: str, marked: str) -> None:
    assert split(marked.replace("|", ""), language) == [part.strip() for part in marked.split("|")]


@pytest.mark.parametrize("marked", ENGLISH + SPANISH)
def test_an_unknown_language_changes_little(marked: str) -> None:
    # A Spanish title at the end of an English name is all that the languages disagree about in these cases.
    assert split(marked.replace("|", "")) == [part.strip() for part in marked.split("|")]


def test_a_hard_wrapped_paragraph_is_not_cut_at_its_lines() -> None:
    text = (
        "The government said on Tuesday that it had transferred 26 prisoners to\n"
        "the United States. The Secretary of Security, Omar García Harfuch, told\n"
        "Reuters that they were a threat. The flight left Mexico City at noon and\n"
        "landed in Texas.\n"
        "\n"
        "A second paragraph."
    )
    assert split(text) == [
        "The government said on Tuesday that it had transferred 26 prisoners to\nthe United States.",
        "The Secretary of Security, Omar García Harfuch, told\nReuters that they were a threat.",
        "The flight left Mexico City at noon and\nlanded in Texas.",
        "A second paragraph.",
    ]


def test_a_heading_without_a_stop_is_a_sentence() -> None:
    text = (
        "What happened next\n"
        "The plane left at noon with all of the prisoners on board, officials\n"
        "said. It landed in Texas two hours later, where agents were waiting."
    )
    assert split(text) == [
        "What happened next",
        "The plane left at noon with all of the prisoners on board, officials\nsaid.",
        "It landed in Texas two hours later, where agents were waiting.",
    ]


def test_long_lines_are_paragraphs() -> None:
    first = "Mexico sent twenty-six prisoners to the United States on Tuesday " * 3 + "without a stop"
    second = "Another paragraph of the same report"
    assert split(f"{first}\n{second}") == [first, second]


def test_headlines_in_a_list_stay_apart() -> None:
    lines = [
        "President defends the transfer of prisoners as sovereign",
        "Opposition wants answers",
        "Analysts doubt that the flights will go on for much longer",
        "Senate to vote",
        "Third flight in a year lands in Texas",
    ]
    assert split("\n".join(lines)) == lines


def test_items_rows_and_mail_quotes_stay_apart() -> None:
    for lines in (
        ["- one item", "- another item"],
        ["• first thing to do", "• second thing to do"],
        ["1) first", "2) second"],
        ["Date\tFlights", "2026-01-20\t1", "2025-02-27\t1"],
        ["| Name | Age |", "| Ann | 40 |"],
        ["Name      Age", "Ann       40"],
        ["> He wrote this", "> and then that"],
    ):
        assert split("\n".join(lines)) == lines


def test_a_blank_line_with_spaces_ends_a_sentence() -> None:
    assert split("a line that goes\n \t \non here") == ["a line that goes", "on here"]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u00a0\n"])
def test_nothing_but_white_space(text: str) -> None:
    assert sentences(text) == []


def test_hostile_text_takes_linear_time() -> None:
    for text in (
        "." * 200_000 + "x",
        '."' * 100_000 + "x",
        "\n" * 200_000 + "x",
        "a. " * 60_000,
        " " * 200_000 + ".",
    ):
        began = time.perf_counter()
        sentences(text)
        assert time.perf_counter() - began < 5


_PIECES = st.sampled_from(
    [
        *'abAB.!?…"”“’)([¿¡-—,:;1 \n\t\u00a0\u200b\u0301。！🙂',
        "U.S.",
        "Mr.",
        "No. 5",
        "p.m.",
        "\n\n",
        "He said",
        "EE. UU. ",
    ]
)
_TEXTS = st.one_of(st.text(max_size=120), st.lists(_PIECES, max_size=60).map("".join))


@given(_TEXTS, st.sampled_from([None, "en", "es", "de"]))
@settings(max_examples=400, deadline=None)
def test_spans_cover_every_character_that_is_not_white_space(text: str, language: str | None) -> None:
    end = 0
    for span in sentences(text, language):
        assert span.start >= end
        assert not text[end : span.start].strip()
        assert span.of(text) == span.of(text).strip() != ""
        assert not re.search(r"\n\s*\n", span.of(text))
        end = span.end
    assert not text[end:].strip()


@given(_TEXTS)
@settings(max_examples=200, deadline=None)
def test_a_sentence_on_one_line_is_one_sentence(text: str) -> None:
    for span in sentences(text):
        if "\n" not in span.of(text):
            assert len(sentences(span.of(text))) == 1


@given(_TEXTS, _TEXTS)
@settings(max_examples=100, deadline=None)
def test_paragraphs_do_not_influence_each_other(first: str, second: str) -> None:
    first, second = first.strip(), second.strip()
    if first and second:
        joined = f"{first}\n\n{second}"
        alone = sentences(first) + [span.shifted(len(first) + 2) for span in sentences(second)]
        assert sentences(joined) == alone
