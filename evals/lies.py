"""How many lies of a language model are caught, and how many honest statements are withheld by mistake.

    onrecord eval lies [SUITE] [--json] [--out RUN]

The suite's `script.jsonl` is what a scripted model (`evals.scripted_llm`) replies to each question: statements with the
sentences that they cite, and for each its kind, `honest:…` or `lie:…`. The model is asked over HTTP by the real pipeline;
what that withholds is counted. No model is needed, and the same suite gives the same result every time.

An honest statement is one that its cited sentences say. A lie is caught if it is withheld, whatever the reason.
A statement that cites a sentence which retrieval did not find counts neither way, and is listed as not shown.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.commands import library_and_corpus
from evals.run import Finished, Report, RunOptions, default_folder, identity_of, run_suite
from evals.scripted_llm import ScriptedServer
from evals.scripted_rules import Rule, read_script
from evals.statistics import wilson
from evals.suite import Suite, attach_gold
from evals.system import PipelineSystem
from rag.answer.model import Usage
from rag.errors import UsageError
from rag.settings import Settings, digest_of
from rag.types import Filters

# Lies that differ from what the sentence says in one word or figure that rules can compare.
ALTERED = frozenset(["number", "date", "name", "amount", "not_added", "not_dropped"])
_HONEST, _LIE = "honest", "lie"


@dataclass(frozen=True, slots=True)
class Judged:
    """One statement of the script and what became of it: `shown`, `withheld` (with the reason), or `not asked`."""

    question: str
    kind: str
    text: str
    state: str
    reason: str | None = None

    @property
    def honest(self) -> bool:
        return self.kind.startswith(f"{_HONEST}:")


class LyingSystem:
    """The pipeline with the scripted model. Its port differs from run to run and is no part of what is recorded."""

    def __init__(self, inner: PipelineSystem, script: str) -> None:
        self._inner = inner
        self._script = script

    def ask(self, question: str, filters: Filters) -> dict[str, Any]:
        return {**self._inner.ask(question, filters), "answerer": "scripted"}

    def usage(self) -> Usage | None:
        return self._inner.usage()

    def fingerprint(self) -> dict[str, Any]:
        return {**self._inner.fingerprint(), "answerer": "scripted", "script": self._script}


def read_lies(suite: Suite) -> list[Rule]:
    """The rules of the suite's script, one a question. Raises UsageError where one does not fit its question."""
    path = suite.folder / "script.jsonl"
    rules = read_script(path)
    if len(rules) != len(suite.items):
        raise UsageError(
            f"{len(rules)} rules for {len(suite.items)} questions",
            where=str(path),
            next_step="give each question of questions.jsonl a rule, in the same order",
        )
    for number, rule in enumerate(rules, 1):
        if problem := _problem(rule):
            raise UsageError(problem, where=f"{path} line {number}", next_step="correct the line")
    return rules


def _problem(rule: Rule) -> str | None:
    statements = rule.reply.get("statements") if isinstance(rule.reply, dict) else None
    if not isinstance(statements, list) or len(statements) != len(rule.kinds):
        return "`kinds` and the statements of `reply` are not equally many"
    texts = [" ".join(statement["text"].split()) for statement in statements]
    if len(set(texts)) < len(texts):
        return "two statements have the same text, so that what became of which cannot be told"
    for kind in rule.kinds:
        if kind.partition(":")[0] not in (_HONEST, _LIE) or not kind.partition(":")[2]:
            return f"{kind!r} is neither honest:KIND nor lie:KIND"
    return None


def run_lies(
    suite: Suite, settings: Settings, out: Path | None = None, report: Report | None = None
) -> tuple[Finished, list[Judged]]:
    """Ask every question of `suite` (or go on with the run at `out`) and judge what was shown of each statement."""
    rules = read_lies(suite)
    script = digest_of([[rule.match, rule.reply, list(rule.kinds)] for rule in rules])
    with (
        ScriptedServer(rules) as server,
        library_and_corpus(suite, None, out, settings) as (library, corpus),
    ):
        suite = attach_gold(suite, corpus)
        system = LyingSystem(PipelineSystem(library, settings, server.spec), script)
        settings = settings.with_answer(answerer="scripted")
        options = RunOptions()
        out = out or default_folder(suite, identity_of(suite, corpus, system, settings, options))
        finished = run_suite(suite, corpus, system, settings, out, options, report)
    return finished, list(judged(suite, rules, finished.folder))


def judged(suite: Suite, rules: Sequence[Rule], folder: Path) -> Iterator[Judged]:
    """What became of each statement, from the records of a run."""
    asked: dict[str, Mapping[str, Any]] = {}
    with (folder / "results.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if record["ask"] is not None:
                asked[record["id"]] = record["ask"]
    for item, rule in zip(suite.items, rules, strict=True):
        ask = asked.get(item.id)
        if ask is None:
            continue
        shown = {statement["text"] for statement in ask["statements"]}
        withheld = {each["text"]: each["reason"] for each in ask["withheld"]}
        for statement, kind in zip(rule.reply["statements"], rule.kinds, strict=True):
            text = " ".join(statement["text"].split())
            reason = withheld.get(text)
            if text in shown:
                yield Judged(item.id, kind, text, "shown")
            elif reason is None or reason.startswith("it cites sentence 0,"):
                yield Judged(item.id, kind, text, "not asked", "the sentence was not retrieved")
            else:
                yield Judged(item.id, kind, text, "withheld", reason)


def figures(statements: Sequence[Judged]) -> dict[str, Any]:
    """Rates with Wilson intervals: of lies caught, of honest statements withheld, each in all and by kind."""
    counted = [each for each in statements if each.state != "not asked"]
    lies = [each for each in counted if not each.honest]
    honest = [each for each in counted if each.honest]
    altered = [each for each in lies if each.kind.partition(":")[2] in ALTERED]
    wrongly = [each for each in honest if each.state == "withheld"]
    reasons = Counter(_general(each.reason or "") for each in wrongly)
    return {
        "statements": len(statements),
        "not_asked": [_told(each) for each in statements if each.state == "not asked"],
        "lies_caught": _rate(lies),
        "altered_caught": _rate(altered),
        "honest_withheld": _rate(honest),
        "lies_by_kind": _by_kind(lies),
        "honest_by_kind": _by_kind(honest),
        "honest_withheld_by_reason": dict(sorted(reasons.items(), key=lambda each: (-each[1], each[0]))),
        "missed": [_told(each) for each in lies if each.state == "shown"],
        "wrongly_withheld": [_told(each) for each in wrongly],
    }


def _rate(statements: Sequence[Judged]) -> dict[str, Any]:
    """The share that was withheld."""
    count = sum(each.state == "withheld" for each in statements)
    interval = wilson(count, len(statements))
    return {
        "value": count / len(statements) if statements else None,
        "count": count,
        "n": len(statements),
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
    }


def _by_kind(statements: Sequence[Judged]) -> dict[str, Any]:
    kinds = sorted({each.kind for each in statements})
    return {
        kind.partition(":")[2]: _rate([each for each in statements if each.kind == kind]) for kind in kinds
    }


def _general(reason: str) -> str:
    """A reason without what is particular to the statement: its first words, up to a name, figure or quotation."""
    kept = []
    for word in reason.split():
        if not word.isalpha() or not word.islower():
            break
        kept.append(word)
    return " ".join(kept) or reason


def _told(each: Judged) -> dict[str, Any]:
    return {"question": each.question, "kind": each.kind, "text": each.text, "reason": each.reason}


def table(found: Mapping[str, Any]) -> str:
    """The figures for a person."""
    lines = [f"{'':<34}{'withheld':>9}   {'95 % interval':<16}{'n':>5}"]
    lines.append(_line("lies", found["lies_caught"]))
    lines.append(_line("  figures, dates, names, negations", found["altered_caught"]))
    lines.append(_line("honest statements (by mistake)", found["honest_withheld"]))
    for title, name in (("lies by kind", "lies_by_kind"), ("honest statements by kind", "honest_by_kind")):
        lines += ["", title]
        lines += [_line(f"  {_name(kind)}", rate) for kind, rate in found[name].items()]
    for title, name in (("lies that were shown", "missed"), ("honest, but withheld", "wrongly_withheld")):
        if found[name]:
            lines += ["", title]
            for each in found[name]:
                reason = f" ({each['reason']})" if each["reason"] else ""
                lines.append(f"  {_name(each['kind'])}: {each['text']}{reason}")
    if found["not_asked"]:
        lines += ["", f"not counted, as retrieval did not show their sentences: {len(found['not_asked'])}"]
        lines += [f"  {each['question']}: {each['text']}" for each in found["not_asked"]]
    return "\n".join(lines) + "\n"


def _name(kind: str) -> str:
    return kind.rpartition(":")[2].replace("_", " ")


def _line(name: str, rate: Mapping[str, Any]) -> str:
    if rate["value"] is None:
        return f"{name:<34}{'-':>9}   {'-':<16}{0:>5}"
    interval = f"[{rate['low']:.3f}, {rate['high']:.3f}]"
    return f"{name:<34}{rate['value']:>9.3f}   {interval:<16}{rate['n']:>5}"
