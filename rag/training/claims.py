"""What the support head learns from: claims with evidence, and whether the evidence supports the claim.

Sources (folder `--data`): `support/` (BEGIN, Fool Me Twice, WiCE; a fixed part of each is held out for the figures,
ExpertQA is not trained on), and claims made from SQuAD: sentences of a paragraph, and questions turned into statements
with their answers, right ones and ones with a small untruth (`rag.training.edits`), wrong answers and other paragraphs.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.sentences import sentences
from rag.training.edits import NAME, apply, conditions, exchanged, reversed_meaning, swapped

FOLDER = "support"
HELD_OUT_SHARE = (
    4  # of Fool Me Twice and WiCE one record in so many is held out; of BEGIN its own "dev" part is
)

_SUBJECT_QUESTION = re.compile(
    r"(?:who|what|which(?: [\w-]+){1,3}?|how many(?: [\w-]+){1,2}?)"
    r" (?=(?:is|was|are|were|has|had|have|can|could|will|would)\b|\w+ed\b|(?:led|won|wrote|made|became|took|held) )",
    re.I,
)
_AUXILIARY_ALONE = re.compile(r"(?:did|does|do)\b", re.I)


@dataclass(frozen=True)
class Claim:
    """A statement, the text to hold it against, and whether the text supports it."""

    text: str
    evidence: str
    supported: bool


def recorded(folder: Path) -> tuple[list[Claim], dict[str, list[Claim]]]:
    """(to train on, held out by name). Partly supported counts as not supported; generic talk is left out."""
    train: list[Claim] = []
    held: dict[str, list[Claim]] = {"begin": [], "fm2": [], "wice": []}
    for row in _rows(folder / "begin.jsonl"):
        if row["label"] == "Generic":
            continue
        claim = Claim(row["claim"], row["premise"], row["label"] == "Fully attributable")
        (held["begin"] if row["split"] == "dev" else train).append(claim)
    for number, row in enumerate(_rows(folder / "fm2_dev.jsonl")):
        claim = Claim(row["claim"], row["premise"], row["label"] == "SUPPORTS")
        (train if number % HELD_OUT_SHARE else held["fm2"]).append(claim)
    for number, row in enumerate(_rows(folder / "wice_claim_dev.jsonl")):
        claim = Claim(row["claim"], row["premise_oracle"] or "", row["label"] == "supported")
        if claim.evidence:
            (train if number % HELD_OUT_SHARE else held["wice"]).append(claim)
    return train, held


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def statement(question: str, answer: str) -> str | None:
    """A question about its subject with the answer in the place of the question word; None for any other form."""
    match = _SUBJECT_QUESTION.match(question)
    if match is None or _AUXILIARY_ALONE.match(question, match.end()):
        return None
    lead = match[0].split()
    if lead[0].casefold() == "how":
        answer = f"{answer} {' '.join(lead[2:])}"
    return f"{answer[:1].upper()}{answer[1:]} {question[match.end() :].rstrip('? ')}."


def made(
    paragraph: str,
    asked: Sequence[tuple[str, str]],
    pages: Sequence[str],
    chance: random.Random,
) -> Claim | None:
    """A claim about a paragraph, from a sentence of it or from one of its (question, answer) pairs; None: none found."""
    options = [(sentence.of(paragraph), "") for sentence in sentences(paragraph, "en")]
    options = [(text, "") for text, _ in options if 30 <= len(text) <= 250]
    if asked and chance.random() < 0.5:
        question, answer = chance.choice(asked)
        told = statement(question, answer)
        options = [(told, answer)] if told else options
    if not options:
        return None
    text, answer = chance.choice(options)
    fate = chance.random()
    if fate < 0.4:
        return Claim(_shortened(text, chance) if not answer else text, paragraph, True)
    if fate < 0.5:
        other = chance.choice(pages)
        return None if text in other or other == paragraph else Claim(text, other, False)
    if answer and fate < 0.75:
        wrong = [other for _, other in asked if other not in text and answer not in other]
        if wrong:
            return Claim(text.replace(answer, chance.choice(wrong), 1), paragraph, False)
    untrue = _untrue(text, paragraph, pages, chance)
    return Claim(untrue, paragraph, False) if untrue and untrue not in paragraph else None


def _untrue(text: str, paragraph: str, pages: Sequence[str], chance: random.Random) -> str | None:
    """The statement with one thing wrong: a word, who did it to whom, a detail that nobody told, or whom it is about."""
    kind = chance.choices(["word", "roles", "detail", "subject"], [0.45, 0.25, 0.15, 0.15])[0]
    if kind == "roles":
        return swapped(text, chance)
    if kind == "detail":
        added = conditions(text, paragraph, pages, chance)
        return apply(text, chance.choice(added)) if added else None
    if kind == "subject":
        return _of_another(text, paragraph, chance)
    edits = exchanged(text, paragraph, pages, chance)
    edits += reversed_meaning(text, chance)[: max(1, len(edits))]
    return apply(text, chance.choice(edits)) if edits else None


def _of_another(text: str, paragraph: str, chance: random.Random) -> str | None:
    """What one sentence says of its first name, said of the first name of another sentence."""
    name = NAME.match(text)
    if name is None or " " not in name[0]:  # one capital may be only that of the sentence's first word
        return None
    openings = (NAME.match(paragraph, span.start) for span in sentences(paragraph, "en"))
    others = sorted({other[0] for other in openings if other and " " in other[0] and other[0] not in text})
    return chance.choice(others) + text[name.end() :] if others else None


def _shortened(text: str, chance: random.Random) -> str:
    """The sentence, or half of the time its part before or after a comma where that is long enough."""
    if chance.random() < 0.5:
        return text
    parts = [part.strip() for part in text.split(", ")]
    long = [part for part in (parts[0], ", ".join(parts[:-1])) if len(part.split()) >= 6]
    return f"{chance.choice(long).rstrip('.')}." if long else text
