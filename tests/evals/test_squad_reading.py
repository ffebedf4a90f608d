import json
from pathlib import Path

import pytest

from evals.reading import Prediction, measure, score, squad_scores
from evals.squad import SquadQuestion, read_squad
from rag.errors import UsageError
from rag.types import Span

CONTEXT = "The old bridge has five arches. It was built in 1904."


def squad_file(folder: Path, *qas: dict, version: str = "v2.0") -> Path:
    path = folder / "squad.json"
    value = {
        "version": version,
        "data": [{"title": "Bridge", "paragraphs": [{"context": CONTEXT, "qas": list(qas)}]}],
    }
    path.write_text(json.dumps(value))
    return path


def qa(identity: str, *answers: str, question: str = "How many?") -> dict:
    return {
        "id": identity,
        "question": question,
        "answers": [{"text": text, "answer_start": 0} for text in answers],
    }


def question(*answers: str) -> SquadQuestion:
    return SquadQuestion("q", "How many?", CONTEXT, "", answers, not answers)


class WordReader:
    """Gives the word "five" wherever it stands, with the confidence that the question ends in."""

    threshold = 0.5

    def read(self, question, text, title=""):
        start = text.index("five")
        return Span(start, start + 4), float(question.rsplit(" ", 1)[1])


@pytest.mark.parametrize(
    ("prediction", "answers", "version_2", "expected"),
    [
        ("the five", ["five arches", "Five"], True, (1, 1)),
        ("five", ["five arches"], True, (0, pytest.approx(2 / 3))),
        ("", ["five"], True, (0, 0)),
        ("", [], True, (1, 1)),
        ("five", [], True, (0, 0)),
        ("the", [], True, (1, 1)),  # normalises to nothing, as the script has it
        ("", ["the", "five"], True, (0, 0)),  # answers without words are dropped
        ("", ["the"], True, (1, 1)),
        ("", ["the"], False, (1, 0)),  # version 1.1 compares the normalised texts, but shares no token
        ("five", ["five"], False, (1, 1)),
    ],
)
def test_scores_are_those_of_the_official_scripts(prediction, answers, version_2, expected):
    assert squad_scores(prediction, question(*answers), version_2=version_2) == expected


def test_a_2_0_file_is_read_at_the_threshold(tmp_path):
    path = squad_file(
        tmp_path,
        qa("right", "five", question="q 0.9"),
        qa("shy", "five", question="q 0.2"),
        qa("declined", question="q 0.1"),
        qa("fooled", question="q 0.6"),
    )
    result = measure(read_squad(path), WordReader())
    assert (result["n"], result["em"], result["f1"]) == (4, 50.0, 50.0)
    assert result["has_answer"] == {"n": 2, "em": 50.0, "f1": 50.0}
    assert result["no_answer"] == {"n": 2, "accuracy": 50.0}
    # (0.9, 0.2) against (0.1, 0.6): three of the four pairs are the right way round
    assert result["auroc"] == 0.75
    # down to 0.9: one right answer and two rightly declined; down to 0.2: two and one
    assert result["best"] == {"f1": 75.0, "threshold": 0.9}
    assert result["threshold"] == 0.5
    assert result["questions_per_second"] > 0


def test_a_file_without_impossible_questions_forces_answers(tmp_path):
    path = squad_file(
        tmp_path, qa("a", "five", question="q 0.1"), qa("b", "five arches", question="q 0.1"), version="1.1"
    )
    result = measure(read_squad(path), WordReader())
    assert (result["em"], result["f1"]) == (50.0, pytest.approx(100 * (1 + 2 / 3) / 2, abs=1e-3))
    assert result["no_answer"] == {"n": 0, "accuracy": None}
    assert result["auroc"] is None
    assert result["best"]["threshold"] is None


def test_the_version_decides_between_the_scripts_where_nothing_is_impossible(tmp_path):
    for version, f1 in (("v2.0", 100.0), ("1.1", 0.0)):
        squad = read_squad(squad_file(tmp_path, qa("a", "the"), version=version))
        assert score(squad, [Prediction("a", 0.1)], 0.5)["f1"] == f1


def test_a_limit_does_not_change_the_rules_of_the_file(tmp_path):
    squad = read_squad(squad_file(tmp_path, qa("a", "five", question="q 0.1"), qa("b")), limit=1)
    assert len(squad.questions) == 1
    assert squad.unanswerable
    assert score(squad, [Prediction("five", 0.1)], 0.5)["em"] == 0


def test_equal_confidences_are_accepted_or_declined_together(tmp_path):
    squad = read_squad(squad_file(tmp_path, qa("a", "five"), qa("b")))
    found = score(squad, [Prediction("five", 0.5), Prediction("five", 0.5)], 0.5)
    assert found["best"] == {"f1": 50.0, "threshold": None}
    assert found["auroc"] == 0.5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not UTF-8 JSON"),
        ("[]", "'data' is missing"),
        ('{"data": []}', "no question"),
        ('{"data": [{"paragraphs": [{"qas": []}]}]}', "'context'"),
        ('{"data": [{"paragraphs": [{"context": "c", "qas": [{"id": "a"}]}]}]}', "'question'"),
    ],
)
def test_files_of_another_layout_are_refused(tmp_path, text, reason):
    (tmp_path / "squad.json").write_text(text)
    with pytest.raises(UsageError, match=reason):
        read_squad(tmp_path / "squad.json")
    with pytest.raises(UsageError, match="no such file"):
        read_squad(tmp_path / "none.json")


@pytest.mark.shared
def test_gold_answers_score_full_marks_on_real_files():
    path = Path(__file__).parents[2] / "../shared/data/xquad/xquad.es.json"
    if not path.exists():
        pytest.skip("the development data is not here")
    squad = read_squad(path)
    found = score(squad, [Prediction(each.answers[0], 1.0) for each in squad.questions], 0.5)
    assert (found["n"], found["em"], found["f1"]) == (1190, 100.0, 100.0)
