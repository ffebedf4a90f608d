"""What may be printed as a quote, and what must not be. Every text and every lie here is invented."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from rag.answer.finding import (
    CUTS_A_WORD,
    FURNITURE,
    LEAVES_OUT_NEGATION,
    NO_EVIDENCE,
    NO_WORDS,
    NOT_FOUND,
    NOT_SHOWN,
    NOT_TOGETHER,
    OUTSIDE_DOCUMENT,
    OUTSIDE_PASSAGES,
    QUESTION_ONLY,
    Match,
    find_quote,
)
from rag.answer.verify import NOT_IN_QUOTES, ShortAnswer, Verified, compose, verify
from rag.documents.building import canonical
from rag.types import Document, Draft, DraftStatement, Evidence, Page, Resolved, Span, Statement, Withheld
from tests.answer.verifying import COUNCIL, QUESTION, check, document, hits_of, reason, says, whole

# --- the list of lies ----------------------------------------------------------------------------------------------


LIES = {
    "a changed figure": "It did not approve the plan for 73 new moorings.",
    "a dropped not": "It did approve the plan for 37 new moorings.",
    "an added not": "The plan would not cost 4.5 million crowns.",
    "an inserted word": "It did not approve the whole plan for 37 new moorings.",
    "a dropped word": "It did not approve the plan for new moorings.",
    "two sentences merged": "It did not approve the plan for 37 new moorings that would cost 4.5 million crowns.",
    "what is between left out": "The harbour council met on Tuesday. The plan would cost 4.5 million crowns.",
    "words left out behind an ellipsis": "It did not approve … 37 new moorings.",
    "a decimal point moved": "The plan would cost 45 million crowns.",
    "a decimal comma": "The plan would cost 4,5 million crowns.",
    "another name": "The harbour board met on Tuesday.",
    "case changed": "the harbour council met on Tuesday.",
    "a number in words": "It did not approve the plan for thirty-seven new moorings.",
    "a full stop made a question": "The plan would cost 4.5 million crowns?",
    "a bracketed insertion": "It [the council] did not approve the plan",
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lie_is_withheld_and_never_printed(lie: str) -> None:
    verified = check(says(lie), document(COUNCIL))

    assert not verified.citations
    assert verified.text == ""
    assert [each.text for each in verified.withheld] == [lie]


HALF_TRUTHS = {
    "7 out of 37": ("7 new moorings", CUTS_A_WORD),
    "3 out of 37": ("the plan for 3", CUTS_A_WORD),
    "5 million out of 4.5 million": ("5 million crowns", CUTS_A_WORD),
    "approve out of not approve": ("approve the plan for 37 new moorings", LEAVES_OUT_NEGATION),
    "half a word": ("bour council met on Tuesday", CUTS_A_WORD),
}


@pytest.mark.parametrize(("words", "why"), HALF_TRUTHS.values(), ids=HALF_TRUTHS)
def test_verbatim_words_that_cut_a_figure_or_a_negation_are_withheld(words: str, why: str) -> None:
    assert words in COUNCIL
    assert reason(check(says(words), document(COUNCIL))) == why
    at = COUNCIL.index(words)
    place = Evidence("council", span=Span(at, at + len(words)))
    assert reason(check(place, document(COUNCIL))) == why


@pytest.mark.parametrize(
    ("text", "words", "usable"),
    [
        ("It sold 1,200 boats.", "200 boats", False),
        ("Between 10–20 boats sank.", "20 boats sank", False),
        ("It was −5 degrees.", "5 degrees", False),
        ("It was 5 degrees.", "5 degrees", True),
        ("At 12:30 they left.", "30 they left", False),
        ("10² boats", "10", False),
        ("They saw 37.", "They saw 37", True),
        ("In all 37, they said, sank.", "In all 37", True),
        ("An unlawful order.", "lawful order", False),
        ("A non-violent march.", "violent march", False),
        ("Ana didn’t sign it.", "Ana didn", False),
        ("Ana can't sign it.", "Ana can", False),
        ("Ana never signed it.", "signed it", False),
        ("Ana nunca firmó el acuerdo.", "firmó el acuerdo", False),
        ("The nar\u00adco boats", "co boats", False),
        ("The nar-\nco boats", "co boats", False),
        ("Ana said no.\nBea said yes.", "Bea said yes", True),
        ("Berth No 37 is free.", "37 is free", True),
        ("x\u0302 marks it", "x", False),
        ("港口委员会批准了计划", "委员会批准", True),
        ("¿Firmó? Firmó.", "Firmó.", True),
    ],
)
def test_where_a_quote_may_begin_and_end(text: str, words: str, usable: bool) -> None:
    source = document(canonical(text))

    assert (find_quote(words, source, [Span(0, len(source.text))]) is not None) is usable


def test_each_failed_check_has_its_own_reason() -> None:
    menu = Span(0, len("Home News Contact\n\n"))
    page = document(
        "Home News Contact\n\n" + COUNCIL + "\n\nAnglers complained to the guild.", "page", furniture=(menu,)
    )
    other = document("The ferry to Lindholm runs twice a day.", "ferry")
    unseen = document("The lighthouse was sold in May.", "lighthouse")
    shown = hits_of((page, Span(menu.end, menu.end + len(COUNCIL))), whole(other))
    documents = {each.id: each for each in (page, other, unseen)}

    def why(evidence: Evidence) -> str:
        return reason(verify(Draft((DraftStatement(None, (evidence,)),)), QUESTION, shown, documents))

    assert why(says("Home News Contact", "page")) == FURNITURE
    assert why(says("Anglers complained to the guild.", "page")) == OUTSIDE_PASSAGES
    assert (
        why(says("The ferry to Lindholm", "page")) == "found in another document than the one it names: ferry"
    )
    assert why(says("The lighthouse was sold", "lighthouse")) == NOT_SHOWN
    assert why(says("The harbour council met", "nowhere")) == NOT_SHOWN
    assert why(says("Pigeons nested in the tower.", "page")) == NOT_FOUND
    assert why(says("How many moorings were planned?", "page")) == QUESTION_ONLY
    assert why(says("Tuesday crowns mayor gift", "page")) == NOT_TOGETHER
    assert why(says("It did approve the plan for 37 new moorings.", "page")) == (
        "the words differ from the source, which has: It did not approve the plan for 37 new moorings."
    )
    assert why(says(" … ", "page")) == NO_WORDS
    end = len(page.text)
    assert why(Evidence("page", span=Span(end - 3, end + 1))) == OUTSIDE_DOCUMENT
    assert why(Evidence("page", span=Span(end - 6, end))) == OUTSIDE_PASSAGES
    assert why(Evidence("page", span=Span(menu.end - 2, menu.end))) == NO_WORDS


def test_furniture_is_never_quoted_even_inside_a_shown_passage() -> None:
    text = "Ships left at dawn. SHARE THIS PAGE Ships came back at dusk."
    at = text.index("SHARE")
    source = document(text, furniture=(Span(at, at + len("SHARE THIS PAGE")),))

    assert reason(check(says("SHARE THIS PAGE"), source)) == FURNITURE
    assert reason(check(Evidence("council", span=Span(0, len(text))), source)) == FURNITURE
    assert reason(check(says("dawn. SHARE THIS PAGE Ships"), source)) == FURNITURE
    assert check(says("Ships came back at dusk."), source).citations[0].quote.span == Span(at + 16, len(text))


def test_a_quote_lies_inside_one_passage_not_across_two() -> None:
    source = document(COUNCIL)
    cut = COUNCIL.index(" The plan would")
    shown = hits_of((source, Span(0, cut)), (source, Span(cut, len(COUNCIL))))
    across = Draft((DraftStatement(None, (says("37 new moorings. The plan would cost"),)),))

    assert reason(verify(across, QUESTION, shown, {source.id: source})) == OUTSIDE_PASSAGES


def test_a_passage_of_another_document_shows_nothing_of_this_one() -> None:
    one, copy = document(COUNCIL, "one"), document(COUNCIL, "copy")
    draft = Draft((DraftStatement(None, (says("The harbour council met", "copy"),)),))

    assert reason(verify(draft, QUESTION, hits_of(whole(one)), {"one": one, "copy": copy})) == NOT_SHOWN


# --- repeated text -------------------------------------------------------------------------------------------------


def test_of_repeated_words_the_ones_in_the_best_passage_are_taken() -> None:
    text = "The gate was shut. Rain fell. The gate was shut. Snow fell. The gate was shut."
    source = document(text)
    second, last = Span(30, 59), Span(60, len(text))

    assert find_quote("The gate was shut.", source, [last, second]) == Match(Span(60, 78), "exact")
    assert find_quote("The gate was shut.", source, [second, last]) == Match(Span(30, 48), "exact")
    assert find_quote("The gate was shut.", source, [Span(1, 29)]) is None


def test_an_exact_find_in_a_later_passage_goes_before_a_folded_one() -> None:
    text = 'It was “sealed”. It was "sealed".'
    source = document(text)

    found = find_quote('"sealed"', source, [Span(0, 16), Span(17, len(text))])
    assert found == Match(Span(24, 32), "exact")


def test_a_usable_occurrence_is_found_behind_an_unusable_one() -> None:
    source = document("It cost 37 crowns. Later it cost 7 crowns.")

    assert find_quote("7 crowns", source, [Span(0, len(source.text))]) == Match(Span(33, 41), "exact")


# --- statements, citations, short answers --------------------------------------------------------------------------


def test_citations_are_numbered_by_first_use_and_used_again() -> None:
    first, second = says("The harbour council met on Tuesday."), says("It did not approve the plan")
    draft = Draft(
        (
            DraftStatement("The council refused.", (second,)),
            DraftStatement("It met on Tuesday and refused.", (first, second)),
        )
    )
    source = document(COUNCIL, pages=(Page(1, Span(0, 35)), Page(2, Span(35, len(COUNCIL)))))
    verified = verify(draft, QUESTION, hits_of(whole(source)), {source.id: source})

    assert verified.statements == (
        Statement("The council refused.", (1,)),
        Statement("It met on Tuesday and refused.", (2, 1)),
    )
    assert [(each.marker, each.quote.text, each.quote.page) for each in verified.citations] == [
        (1, "It did not approve the plan", 2),
        (2, "The harbour council met on Tuesday.", 1),
    ]
    assert verified.text == "The council refused. [1] It met on Tuesday and refused. [2][1]"


def test_a_worded_statement_without_a_quote_left_is_withheld_with_its_evidence() -> None:
    verified = check(says("It did approve the plan."), document(COUNCIL), text="The council agreed.")

    assert not verified.statements
    assert [each.text for each in verified.withheld] == ["It did approve the plan.", "The council agreed."]


def test_a_worded_statement_keeps_the_quotes_that_hold() -> None:
    verified = check(
        [says("It did approve it."), says("It did not approve the plan")],
        document(COUNCIL),
        text="It refused.",
    )

    assert verified.statements == (Statement("It refused.", (1,)),)
    assert [each.text for each in verified.withheld] == ["It did approve it."]


def test_a_statement_without_evidence_is_withheld() -> None:
    verified = verify(Draft((DraftStatement("Trust me.", ()),)), QUESTION, [], {})

    assert verified.withheld == (Withheld("Trust me.", NO_EVIDENCE),)


def test_quotes_that_are_the_statement_stay_apart() -> None:
    verified = check(
        [says("The harbour council met on Tuesday."), says("The plan would cost 4.5 million crowns.")],
        document(COUNCIL),
    )

    assert [each.text for each in verified.statements] == [
        "The harbour council met on Tuesday.",
        "The plan would cost 4.5 million crowns.",
    ]


def test_the_same_evidence_twice_is_one_quote() -> None:
    same = says("The harbour council met on Tuesday.")
    verified = check([same, same, Evidence("council", span=Span(0, 35))], document(COUNCIL))

    assert len(verified.citations) == len(verified.statements) == 1


def test_max_quotes_limits_bare_quotes_and_not_worded_statements() -> None:
    source = document(COUNCIL)
    words = ["The harbour council met on Tuesday.", "37 new moorings", "4.5 million crowns"]
    bare = Draft(tuple(DraftStatement(None, (says(each),)) for each in words))
    worded = Draft(tuple(DraftStatement(f"The plan has {each}", (says(each),)) for each in words))
    shown = hits_of(whole(source)), {source.id: source}

    assert len(verify(bare, QUESTION, *shown, max_quotes=2).citations) == 2
    assert len(verify(worded, QUESTION, *shown, max_quotes=2).citations) == 3


def test_a_span_is_trimmed_of_white_space_and_then_quoted() -> None:
    source = document("\n  The gate was shut. \n\n")

    assert check(Evidence("council", span=Span(0, len(source.text))), source).citations[0].quote.span == Span(
        3, 21
    )


def test_short_answers_are_slices_of_cited_quotes_and_carry_their_markers() -> None:
    one = document("The council planned 37 moorings.", "one")
    two = document("In all, 37 moorings were planned; 26 were built.", "two")
    draft = Draft(
        (
            DraftStatement(None, (says("The council planned 37 moorings.", "one"),)),
            DraftStatement(None, (says("In all, 37 moorings were planned; 26 were built.", "two"),)),
        ),
        short_answers=(
            Evidence("one", span=Span(20, 22)),
            Evidence("two", words="37"),
            Evidence("two", words="26"),
            Evidence("two", words="40"),
            Evidence("three", words="26"),
        ),
    )
    verified = verify(draft, QUESTION, hits_of(whole(one), whole(two)), {"one": one, "two": two})

    assert verified.short_answers == ("37", "26")
    assert verified.text == "37 [1][2]; 26 [2]"
    assert verified.withheld == (Withheld("40", NOT_IN_QUOTES), Withheld("26", NOT_IN_QUOTES))


def test_a_short_answer_has_the_day_that_its_document_counts_it_from() -> None:
    text = "The mill burned on Tuesday. It made 37 barrels."
    may16 = Resolved(dt.date(2024, 5, 14), dt.date(2024, 5, 14), "2024-05-16")

    def dates(*published: str | None, other: str = "") -> tuple[tuple[str, ...], tuple[Resolved | None, ...]]:
        sources = [
            replace(document(other if number and other else text, f"paper-{number}"), published=each)
            for number, each in enumerate(published)
        ]
        quotes = [says(source.text[: source.text.index(".") + 1], source.id) for source in sources]
        at = text.index("Tuesday")
        first = Evidence("paper-0", span=Span(at, at + 7))
        shorts = (first, Evidence("paper-0", words="37"))
        repeats = tuple(says(other[11:-1] if other else "Tuesday", source.id) for source in sources[1:])
        draft = Draft(
            tuple(DraftStatement(None, (quote,)) for quote in (*quotes, says(text, "paper-0"))),
            short_answers=shorts,
            repeats=(repeats, ()),
        )
        verified = verify(
            draft, QUESTION, hits_of(*map(whole, sources)), {source.id: source for source in sources}
        )
        return verified.short_answers, verified.short_answer_dates

    assert dates("2024-05-16") == (("Tuesday", "37"), (may16, None))
    assert dates(None)[1] == (None, None)
    # Papers of one week agree, those of two weeks do not; a paper without a date leaves it open.
    assert dates("2024-05-16", "2024-05-15")[1] == (may16, None)
    assert dates("2024-05-16", "2024-05-23")[1] == (None, None)
    assert dates("2024-05-16", None)[1] == (None, None)
    # The same day in full elsewhere takes nothing away.
    assert dates("2024-05-16", "2024-07-01", other="It burned on 14 May 2024.")[1] == (may16, None)


def test_a_short_answer_never_cuts_a_figure() -> None:
    verified = verify(
        Draft(
            (DraftStatement(None, (says("The plan would cost 4.5 million crowns."),)),),
            short_answers=(says("5 million"),),
        ),
        QUESTION,
        hits_of(whole(document(COUNCIL))),
        {"council": document(COUNCIL)},
    )

    assert verified.short_answers == ()
    assert verified.withheld == (Withheld("5 million", NOT_IN_QUOTES),)


def test_one_short_answer_reads_as_the_contract_prints_it() -> None:
    assert compose([Statement("whatever", (1,))], [ShortAnswer("37", (1,))]) == "37 [1]"
    assert compose([Statement("A\nb.", (1,)), Statement("C.", (2,))]) == "A b. [1] C. [2]"


def test_a_wrong_speaker_is_withheld_and_a_right_one_is_the_sources() -> None:
    source = document("The pier is safe, said Ana Ruiz. “It will hold,” Bo Lind wrote in a letter.")
    words = "“It will hold,”"

    def told(speaker: str | None) -> Verified:
        draft = Draft((DraftStatement("The pier will hold.", (says(words),), speaker),))
        return verify(draft, QUESTION, hits_of(whole(source)), {source.id: source})

    assert told("Lind").statements[0].speaker == "Bo Lind"
    assert told(None).statements[0].speaker == "Bo Lind"
    assert told("Ana Ruiz").withheld == (
        Withheld("The pier will hold.", "it names Ana Ruiz as the speaker, the source has Bo Lind"),
    )


def test_citations_carry_what_is_known_of_their_document() -> None:
    source = Document(
        "d",
        COUNCIL,
        "0" * 64,
        "text/plain",
        "box/d.txt",
        title="Moorings",
        source="Example Post",
        published="2031-02-03",
    )
    citation = check(says("The harbour council met", "d"), source).citations[0]

    assert (citation.path, citation.title, citation.source, citation.published) == (
        "box/d.txt",
        "Moorings",
        "Example Post",
        "2031-02-03",
    )
    assert (citation.speaker, citation.quote.page) == (None, None)
