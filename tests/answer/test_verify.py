"""What may be printed as a quote, and what must not be. Every text and every lie here is invented."""

from __future__ import annotations

import datetime as dt
import time
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

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
from rag.answer.folding import fold
from rag.answer.verify import NOT_IN_QUOTES, ShortAnswer, Verified, compose, verify
from rag.documents.building import canonical
from rag.types import (
    Document,
    Draft,
    DraftStatement,
    Evidence,
    Hit,
    Page,
    Passage,
    Question,
    Resolved,
    Span,
    Statement,
    Withheld,
)

COUNCIL = (
    "The harbour council met on Tuesday. It did not approve the plan for 37 new moorings. "
    "The plan would cost 4.5 million crowns. The mayor called it “a gift to nobody” – and left."
)
QUESTION = Question("How many moorings were planned?")


def document(
    text: str, name: str = "council", *, furniture: tuple[Span, ...] = (), pages: tuple[Page, ...] = ()
) -> Document:
    return Document(name, text, "0" * 64, "text/plain", f"{name}.txt", furniture=furniture, pages=pages)


def hits_of(*shown: tuple[Document, Span]) -> list[Hit]:
    return [
        Hit(Passage(source.id, rank, span, span.of(source.text)), 1 / rank, rank, "fused")
        for rank, (source, span) in enumerate(shown, 1)
    ]


def whole(source: Document) -> tuple[Document, Span]:
    return source, Span(0, len(source.text))


def check(
    evidence: Evidence | list[Evidence], *sources: Document, text: str | None = None, **more: object
) -> Verified:
    pieces = tuple(evidence) if isinstance(evidence, list) else (evidence,)
    draft = Draft((DraftStatement(text, pieces),))
    return verify(draft, QUESTION, hits_of(*map(whole, sources)), {each.id: each for each in sources})


def says(words: str, name: str = "council") -> Evidence:
    return Evidence(name, words=words)


def reason(verified: Verified) -> str:
    assert not verified.citations
    assert not verified.statements
    return verified.withheld[0].reason


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


# --- folding -------------------------------------------------------------------------------------------------------

FOLDED = {
    "straight for curly": ("He called it “a gift”.", 'called it "a gift"', "called it “a gift”"),
    "single for double": ("He called it “a gift”.", "called it 'a gift'", "called it “a gift”"),
    "angle for curly": ("Lo llamó “un regalo” ayer.", "llamó «un regalo» ayer", "llamó “un regalo” ayer"),
    "apostrophe": ("The ship’s bell", "ship's bell", "ship’s bell"),
    "dash": ("The bell – old — rang", "bell - old – rang", "bell – old — rang"),
    "double hyphen": ("It rang—twice", "rang--twice", "rang—twice"),
    "white space": ("The\u00a0 ship\n sank", "The ship sank", "The\u00a0 ship\n sank"),
    "soft hyphens": ("The har\u00adbour\u00ad master", "harbour master", "har\u00adbour\u00ad master"),
    "zero width": ("The ship\u200b sank\ufeff fast", "ship sank fast", "ship\u200b sank\ufeff fast"),
    "ligatures": ("The ﬁrst ofﬁcer", "first officer", "ﬁrst ofﬁcer"),
    "ellipsis": ("He paused… then left", "paused... then", "paused… then"),
    "ellipsis, other way": ("He paused... then left", "paused… then", "paused... then"),
    "broken word": ("The nar-\nco boats", "narco boats", "nar-\nco boats"),
    "broken compound": ("A well-\nknown boat", "well-known boat", "well-\nknown boat"),
    "both kinds of break": (
        "A well-\nknown nar-\nco boat",
        "well-known narco boat",
        "well-\nknown nar-\nco boat",
    ),
    "broken, with a space": ("The nar-\n  co boats", "nar- co boats", "nar-\n  co boats"),
    "soft hyphen at a break": ("The nar\u00ad\nco boats", "narco boats", "nar\u00ad\nco boats"),
    "a figure broken at its dash": ("In 2018-\n2024 it sank", "2018-2024 it sank", "2018-\n2024 it sank"),
    "full width": ("Berth Ａ３ is free", "Berth A3 is free", "Berth Ａ３ is free"),
    "decomposed": ("Peña spoke", "Pen\u0303a spoke", "Peña spoke"),
    "wrapped in quotation marks": ("The ship sank.", '"The ship sank."', "The ship sank."),
    "emoji with a joiner": ("Our 👩\u200d✈️ flew the plane", "👩✈ flew", "👩\u200d✈️ flew"),
    "after İ": ("İİİİİ The mayor’s plan", "The mayor's plan", "The mayor’s plan"),
    "after ß": ("Straße ßßß “ja” sagte", '"ja" sagte', "“ja” sagte"),
    "after combining marks": ("x\u0302y\u0302 “ja” she said", '"ja" she', "“ja” she"),
    "regex signs": ("Costs (a+b)* [x] “so” .*", 'Costs (a+b)* [x] "so" .*', "Costs (a+b)* [x] “so” .*"),
}


@pytest.mark.parametrize(("text", "words", "slice_"), FOLDED.values(), ids=FOLDED)
def test_folded_words_are_found_and_the_original_is_printed(text: str, words: str, slice_: str) -> None:
    source = document(canonical(text))
    verified = check(says(words), source)

    assert verified.citations[0].quote.text == canonical(slice_)
    found = find_quote(words, source, [Span(0, len(source.text))])
    assert found is not None
    assert found.state == ("exact" if canonical(words) in source.text else "folded")


NOT_FOLDED = {
    "accents": ("Peña spoke", "Pena spoke"),
    "case": ("The Ship sank", "the ship sank"),
    "superscript": ("It has 10² berths", "102 berths"),
    "fraction": ("It took 3½ hours", "31/2 hours"),
    "a hyphen that no line break made": ("They re-sign it", "They resign it"),
    "a missing hyphen": ("They resign it", "They re-sign it"),
    "a missing space": ("It is now here", "It is nowhere"),
    "feet and inches": ("It is 5' long", 'It is 5" long'),
    "sharp s": ("Straße", "Strasse"),
    "a broken word before a capital": ("The Lind-\nHolm ferry", "LindHolm ferry"),
    "a circled digit": ("Berth ① is free", "Berth 1 is free"),
}


@pytest.mark.parametrize(("text", "words"), NOT_FOLDED.values(), ids=NOT_FOLDED)
def test_what_is_not_typesetting_is_not_folded(text: str, words: str) -> None:
    source = document(text)

    assert find_quote(words, source, [Span(0, len(text))]) is None


@pytest.mark.parametrize(
    "words", ["(", "a) the first", "[", "\\", "(?P<x>", "a{9999999}", "*", "nar-\nco(", "\ufdd0"]
)
def test_words_are_never_a_pattern(words: str) -> None:
    source = document("The nar-\nco boats, a) the first item.")

    found = find_quote(words, source, [Span(0, len(source.text))])
    assert found is None or found.span.of(source.text) == words


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


# --- properties ----------------------------------------------------------------------------------------------------

_TRICKY = "abİıßéñ 1.5,7 \n\t-–—“”\"'’«»…ﬁﬂ\u00ad\u200b\u200d\ufe0f\u0301\u0302👩✈①²½Ａ\ufdd0\u00a0"
_texts = st.text(alphabet=st.sampled_from(_TRICKY), max_size=60).map(canonical) | st.text(max_size=60).map(
    canonical
)


@given(_texts, st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=400, deadline=None)
def test_for_any_text_and_any_span_what_is_printed_is_the_slice(text: str, one: int, other: int) -> None:
    source = document(text)
    span = Span(min(one, other), max(one, other))
    shown = Span(0, len(text))
    verified = verify(
        Draft((DraftStatement(None, (Evidence("council", span=span),)),)),
        QUESTION,
        hits_of((source, shown)),
        {source.id: source},
    )

    for citation in verified.citations:
        quote = citation.quote
        assert quote.text == text[quote.span.start : quote.span.end] == span.of(text).strip()
    assert len(verified.citations) + len(verified.withheld) == 1


@given(_texts, _texts, st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=400, deadline=None)
def test_for_any_words_what_is_found_folds_to_them_and_lies_where_it_may(
    text: str, words: str, one: int, other: int
) -> None:
    within = Span(min(one, other, len(text)), min(max(one, other), len(text)))
    source = document(text)
    for wanted in (words, within.of(text)):
        found = find_quote(wanted, source, [within])
        if found is None:
            continue
        assert within.contains(found.span)
        piece = found.span.of(text)
        if found.state == "exact":
            assert piece == unicodedata.normalize("NFC", wanted).strip()
        else:
            assert _bare(piece) == _bare(wanted)


def _bare(text: str) -> str:
    """The letters and figures alone: no folding may ever change these."""
    folded = fold(unicodedata.normalize("NFC", text)).text
    return "".join(char for char in folded if char.isalnum())


@given(st.text(alphabet=st.sampled_from(_TRICKY), min_size=1, max_size=80).map(canonical))
@settings(max_examples=300, deadline=None)
def test_folding_maps_every_folded_stretch_back_to_what_folds_to_it(text: str) -> None:
    folded = fold(text)
    for start in range(len(folded.text)):
        for end in range(start + 1, min(start + 6, len(folded.text)) + 1):
            span = folded.original(start, end)
            if span is not None:
                assert 0 <= span.start < span.end <= len(text)
                # Context (a digit before a quotation mark, a letter before a line break) may fold marks differently.
                assert _bare(span.of(text)) == "".join(
                    char for char in folded.text[start:end] if char.isalnum()
                )


_words = st.lists(st.text(alphabet="abcdefgh", min_size=1, max_size=5), min_size=4, max_size=12)


@given(_words, st.integers(1, 998), st.data())
@settings(max_examples=200, deadline=None)
def test_a_change_of_one_word_or_figure_is_never_accepted(
    words: list[str], figure: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, len(words) - 1))
    true = [*words[:at], str(figure), "not", *words[at:]]
    source = document(f"Zulu {' '.join(true)} Zulu.")
    spans = [Span(0, len(source.text))]
    lies = [
        [*words[:at], str(figure + 1), "not", *words[at:]],
        [*words[:at], str(figure), *words[at:]],
        [*words[:at], str(figure), "not", "quite", *words[at:]],
        [*words[:at], "not", str(figure), *words[at:]],
    ]

    assert find_quote(" ".join(true), source, spans) is not None
    for lie in lies:
        assume(" ".join(lie) not in source.text)
        assert find_quote(" ".join(lie), source, spans) is None


# --- cost ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a" * 1_000_000, "a" * 1_000),
        ("a " * 500_000, "a " * 400 + "b"),
        ("nar-\nco " * 120_000, "narco " * 100 + "nar"),
        ("-" * 1_000_000 + "x", "- - x"),
        ("\u200b" * 1_000_000 + "x", "x y"),
        (" " * 1_000_000 + "x", "x y"),
        ("“a” " * 250_000, '"a" ' * 200 + "b"),
        ("7" * 1_000_000, "7" * 500),
    ],
    ids=[
        "one letter",
        "one word",
        "broken words",
        "dashes",
        "invisible",
        "blank",
        "quotation marks",
        "one figure",
    ],
)
def test_a_megabyte_of_anything_costs_seconds_at_most(text: str, words: str) -> None:
    source = document(text)
    start = time.process_time()
    verified = check(says(words), source)

    assert not verified.citations
    assert time.process_time() - start < 12
