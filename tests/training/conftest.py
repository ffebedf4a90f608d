"""A small folder of training data in the public sets' own formats, written for these tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

TOWNS = ("Arden", "Bexley", "Corby", "Dunmore", "Elstow", "Farley", "Garth", "Hythe")


def _paragraph(town: str, number: int) -> tuple[str, list[tuple[str, str]]]:
    year, cost = 1901 + number * 7, 30 + number
    text = (
        f"The bridge of {town} was opened in {year} by Mayor Clara {town}son. It cost {cost} million crowns, "
        f"and the council of {town} paid for most of it. The northern tower was not finished before {year + 4}."
    )
    return text, [
        (f"When was the bridge of {town} opened?", str(year)),
        (f"Who opened the bridge of {town} in {year}?", f"Mayor Clara {town}son"),
        ("What did the bridge cost?", f"{cost} million crowns"),
    ]


def _article(town: str, paragraphs: int, *, impossible: bool = False) -> dict[str, Any]:
    made = []
    for number in range(paragraphs):
        text, asked = _paragraph(town, number)
        questions: list[dict[str, Any]] = [
            {
                "id": f"{town}-{number}-{index}",
                "question": question,
                "answers": [{"text": answer, "answer_start": text.index(answer)}],
                "is_impossible": False,
            }
            for index, (question, answer) in enumerate(asked)
        ]
        if impossible:
            questions.append(
                {
                    "id": f"{town}-{number}-no",
                    "question": f"Who demolished the bridge of {town}?",
                    "answers": [],
                    "plausible_answers": [{"text": "Mayor", "answer_start": text.index("Mayor")}],
                    "is_impossible": True,
                }
            )
        made.append({"context": text, "qas": questions})
    return {"title": town, "paragraphs": made}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """SQuAD, SQuAD 2.0, Natural Questions, QAMR, reviews and claims, each with a few records."""
    folder = tmp_path / "data"

    def write(name: str, content: str) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def lines(rows: list[dict[str, Any]]) -> str:
        return "".join(json.dumps(row) + "\n" for row in rows)

    towns = [f"{town} {number}" for number in range(4) for town in TOWNS]
    write("squad/train-v1.1.json", json.dumps({"data": [_article(town, 5) for town in towns]}))
    write(
        "squad/dev-v2.0_partA_noxquad.json",
        json.dumps({"version": "v2.0", "data": [_article(town, 3, impossible=True) for town in TOWNS]}),
    )
    write("squadshifts/amazon_reviews_v1.0.json", json.dumps({"data": [_article("Kettle", 3)]}))
    text = "The lamp weighs 2 kilograms , and its switch is `` very loud '' ."
    tokenised = {
        "id": "1",
        "title": "Lamp",
        "question": "how heavy is the lamp",
        "context": text,
        "answers": [{"text": "2 kilograms", "answer_start": text.index("2 kilograms")}],
    }
    write("nq/nq_qed_train.jsonl", lines([{**tokenised, "id": str(number)} for number in range(4)]))
    write("qamr/dev.jsonl", lines([tokenised]))
    begin = {"premise": "The lamp is red.", "claim": "The lamp has a colour.", "label": "Fully attributable"}
    write(
        "support/begin.jsonl",
        lines(
            [{**begin, "split": split} for split in ("dev", "test") for _ in range(200)]
            + [{**begin, "split": "test", "label": "Not fully attributable", "claim": "The lamp is blue."}]
            + [{**begin, "split": "test", "label": "Generic"}]
        ),
    )
    fm2 = {"claim": "The lamp is green.", "premise": "The lamp is red.", "label": "REFUTES"}
    write("support/fm2_dev.jsonl", lines([fm2] * 120))
    wice = {"claim": "The lamp is red.", "premise_oracle": "A red lamp stood there.", "label": "supported"}
    write("support/wice_claim_dev.jsonl", lines([wice] * 120))
    return folder
