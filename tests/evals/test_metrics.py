import pytest

from evals import metrics
from evals.suite import Gold
from evals.suite_fields import Forbidden, Item, Nugget
from rag.types import Span


def item(**fields):
    base = {"id": "q", "question": "How many?", "answerable": True, "line": 1}
    fields.setdefault("evidence_sets", ((0,),))
    return Item(**(base | fields))


def citation(document="d", start=0, end=10, quote="x" * 10, marker=1, speaker=None):
    return {
        "marker": marker,
        "document_id": document,
        "start": start,
        "end": end,
        "quote": quote,
        "speaker": speaker,
    }


def ask(answer="37 [1]", short=("37",), statements=(), citations=None, **more):
    return {
        "status": "answered",
        "answer": answer,
        "short_answers": list(short),
        "statements": list(statements),
        "citations": [citation()] if citations is None else list(citations),
        "disagreement": None,
        "hits": [],
    } | more


DECLINED = ask("The documents do not say.", (), (), (), status="no_answer")


def statement(text="They said so.", citations=(1,), speaker=None):
    return {"text": text, "citations": list(citations), "speaker": speaker}


def gold(start, end, document="d", more=()):
    return Gold(document, (Span(start, end), *(Span(*each) for each in more)), "")


@pytest.mark.parametrize(
    ("prediction", "answer", "em", "f1"),
    [
        ("The Cat", "cat", 1, 1),
        ("cat sat", "the cat sat down", 0, 0.8),  # P = 2/2, R = 2/3
        ("a b b", "b b c", 0, 0.8),  # bags: "a" is an article; b b against b b c
        ("dog", "cat", 0, 0),
        ("", "", 1, 1),
        ("the", "", 1, 1),
        ("cat", "the", 0, 0),
    ],
)
def test_exact_match_and_f1(prediction, answer, em, f1):
    assert metrics.exact_match(prediction, answer) == em
    assert metrics.token_f1(prediction, answer) == pytest.approx(f1)


def test_the_prediction_is_the_first_short_answer_else_the_text_without_markers():
    assert metrics.prediction(ask(short=("37", "29"))) == "37"
    assert metrics.prediction(ask("Room [7] holds 37 [1].", ())) == "Room [7] holds 37."
    assert metrics.prediction(DECLINED) == ""


def test_the_best_accepted_answer_counts():
    asked = item(answers=(("twenty",), ("forty", "37 people")))
    assert metrics.answer_em(asked, ask()) == 0
    assert metrics.answer_f1(asked, ask()) == pytest.approx(2 / 3)
    assert metrics.answer_em(asked, DECLINED) == 0
    assert metrics.answer_em(item(), ask()) is None
    assert metrics.answer_f1(item(answers=(("el coche",),), lang="es"), ask(short=("¿Coche?",))) == 1


def test_containment_looks_at_answer_short_answers_and_statements_but_not_at_quotes():
    asked = item(answers=(("26",),))
    assert metrics.answer_contains(asked, ask("26 were sent [1].", ())) == 1
    assert metrics.answer_contains(asked, ask(short=("26",))) == 1
    assert metrics.answer_contains(asked, ask(statements=[statement("Then 26 went.")])) == 1
    assert metrics.answer_contains(asked, ask(citations=[citation(quote="26 people.")])) == 0
    assert (
        metrics.answer_contains(item(answers=(("1",),)), ask("None at all [1].", ())) == 0
    )  # a marker is no answer
    assert metrics.answer_contains(asked, DECLINED) == 0


def test_nuggets():
    asked = item(
        nuggets=(Nugget("n", ("92", "ninety-two")), Nugget("m", ("three",)), Nugget("o", ("37",), "okay")),
    )
    found = ask("92 in all [1]")
    assert metrics.nugget_recall(asked, found) == 0.5
    assert metrics.nugget_recall(asked, found, vital_only=False) == pytest.approx(2 / 3)
    okay_only = item(nuggets=(Nugget("o", ("37",), "okay"),))
    assert metrics.nugget_recall(okay_only, found) is None
    assert metrics.nugget_recall(okay_only, found, vital_only=False) == 1


def test_verbatim_quotes():
    texts = {"d": "0123456789"}
    good, moved = citation(start=2, end=5, quote="234"), citation(start=3, end=6, quote="234")
    outside, elsewhere = citation(start=8, end=12, quote="8901"), citation("e", 2, 5, "234")
    printed = ask(citations=[good, moved, outside, elsewhere])
    assert metrics.quotes_verbatim(printed, texts.get) == (1, 4)
    assert metrics.quotes_verbatim(DECLINED, texts.get) == (0, 0)


def test_citations_by_characters():
    cited = ask(citations=[citation(start=50, end=150), citation("e", 0, 100)])
    # 50 of 200 cited characters are gold; 50 of 100 gold characters are cited; one of two citations stands on gold
    assert metrics.citation_scores(item(), [gold(0, 100)], cited) == (0.25, 0.5, 0.5)
    # overlapping citations are counted once
    twice = ask(citations=[citation(start=0, end=60), citation(start=40, end=100)])
    assert metrics.citation_scores(item(), [gold(0, 100)], twice) == (1, 1, 1)
    # a sentence around a gold phrase: precision takes off the rest, support does not
    wide = ask(citations=[citation(start=0, end=100)])
    assert metrics.citation_scores(item(), [gold(40, 50)], wide) == (0.1, 1, 1)
    assert metrics.citation_scores(item(), [gold(0, 10)], DECLINED) == (None, 0, None)
    assert metrics.citation_scores(item(evidence_sets=()), [], wide) == (None, None, None)


def test_any_one_evidence_set_suffices():
    pieces = [gold(0, 10), gold(0, 10, "e"), gold(20, 30, "e")]
    asked = item(evidence_sets=((0,), (1, 2)))
    assert metrics.citation_scores(asked, pieces, ask(citations=[citation("e", 0, 10)])) == (1, 0.5, 1)
    assert metrics.citation_scores(asked, pieces, ask(citations=[citation("d", 0, 10)])) == (1, 1, 1)
    one_set = item(evidence_sets=((0, 1, 2),))
    precision, recall, _ = metrics.citation_scores(one_set, pieces, ask(citations=[citation("d", 0, 10)]))
    assert (precision, recall) == (1, pytest.approx(1 / 3))


def test_a_repeated_gold_quote_is_cited_at_any_of_its_places():
    repeated = [gold(0, 10, more=[(100, 110)])]
    assert metrics.citation_scores(item(), repeated, ask(citations=[citation(start=100, end=110)])) == (
        1,
        1,
        1,
    )


def test_declining_both_ways():
    hopeless = item(answerable=False, evidence_sets=())
    failed = metrics.NOTHING
    assert [metrics.rejection(hopeless, each) for each in (DECLINED, ask(), failed)] == [1, 0, 0]
    assert [metrics.over_refusal(item(), each) for each in (DECLINED, ask(), failed)] == [1, 0, 0]
    assert metrics.rejection(item(), ask()) is None
    assert metrics.over_refusal(hopeless, ask()) is None


def test_the_speaker_of_the_gold_quote_counts():
    asked = item(speaker="Ana López")
    pieces = [gold(0, 10)]
    right = ask(citations=[citation(start=50, end=60, speaker="Bo"), citation(marker=2, speaker="López")])
    assert metrics.speaker_accuracy(asked, pieces, right) == 1
    wrong = ask(citations=[citation(start=50, end=60, speaker="López"), citation(marker=2, speaker="Bo")])
    assert metrics.speaker_accuracy(asked, pieces, wrong) == 0
    by_statement = ask(statements=[statement(citations=(1,), speaker="Ana López")])
    assert metrics.speaker_accuracy(asked, pieces, by_statement) == 1
    # without evidence only the first of each is looked at
    everybody = ask(statements=[statement(speaker="Bo"), statement(speaker="Ana López")])
    assert metrics.speaker_accuracy(asked, [], everybody) == 0
    assert metrics.speaker_accuracy(asked, [], ask(statements=[statement(speaker="Ana López")])) == 1
    assert metrics.speaker_accuracy(asked, pieces, ask("Ana López [1]", ["Ana López"])) == 1
    assert metrics.speaker_accuracy(asked, pieces, DECLINED) == 0
    assert metrics.speaker_accuracy(item(), pieces, right) is None


def test_disagreement():
    real = ask(disagreement={"kind": "real", "values": [], "note": "They differ."})
    assert metrics.disagreement_accuracy(item(disagreement="real"), real) == 1
    assert metrics.disagreement_accuracy(item(disagreement="apparent"), real) == 0
    assert metrics.disagreement_accuracy(item(disagreement="none"), ask()) == 1
    assert metrics.disagreement_accuracy(item(disagreement="none"), DECLINED) == 0
    assert metrics.disagreement_accuracy(item(disagreement="none", answerable=False), DECLINED) == 1
    assert metrics.disagreement_accuracy(item(disagreement="none"), metrics.NOTHING) == 0
    assert metrics.disagreement_accuracy(item(), real) is None


def test_forbidden_wordings_count_in_what_is_stated_and_not_in_quotes():
    asked = item(forbidden=(Forbidden(("contradict", "29")), Forbidden(("maybe",), "warn")))
    assert metrics.forbidden_rate(asked, ask("The sources are contradictory [1].")) == 1
    assert metrics.forbidden_rate(asked, ask(short=("29",))) == 1
    quoted = "Of these, 29 were sent in August that year"
    speaking = ask("37 [1]", statements=[statement(quoted)], citations=[citation(quote=quoted + ".")])
    assert metrics.forbidden_rate(asked, speaking) == 0
    assert metrics.forbidden_rate(asked, ask("Maybe [1].")) == 0
    assert metrics.forbidden_found(asked, ask("Maybe [1]."), "warn") == ["maybe"]
    assert metrics.forbidden_rate(asked, DECLINED) == 0
    assert metrics.forbidden_rate(item(forbidden=(Forbidden(("x",), "warn"),)), ask()) is None


def test_accuracy_takes_the_first_gold_there_is():
    scores = {"answer_contains": None, "nugget_recall": None, "citation_recall": None, "forbidden_rate": None}
    assert metrics.accuracy(item(), scores, ask()) is None
    assert metrics.accuracy(item(), scores | {"citation_recall": 0.6}, ask()) == 1
    assert metrics.accuracy(item(), scores | {"nugget_recall": 0.5, "citation_recall": 1.0}, ask()) == 0
    assert metrics.accuracy(item(), scores | {"answer_contains": 1.0, "nugget_recall": 0.0}, ask()) == 1
    assert metrics.accuracy(item(), scores | {"answer_contains": 1.0, "forbidden_rate": 1.0}, ask()) == 0
    assert metrics.accuracy(item(answerable=False), scores, DECLINED) == 1
