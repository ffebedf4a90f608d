"""A run for a person at a terminal, and for a build server (JUnit XML)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from evals.measures import MEASURES
from evals.score import Record

# XML 1.0 cannot hold these, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def table(summary: Mapping[str, Any]) -> str:
    """The metrics that were measured, each with its interval and count; then the accuracy of each category."""
    states = summary["states"]
    lines = [
        f"{summary['suite']}: {summary['questions']} questions, {states['answered']} answered, "
        f"{states['no_answer']} declined, {states['error']} crashed, {states['timeout']} past the time limit",
        "",
        f"{'metric':<24}{'value':>8}   {'95 % interval':<16}{'n':>6}",
    ]
    lines += [_line(name, entry) for name, entry in summary["metrics"].items() if entry["value"] is not None]
    missing = [name for name, entry in summary["metrics"].items() if entry["value"] is None]
    if missing:
        lines.append(f"not measured (no question defines it): {', '.join(missing)}")
    if summary["by_category"]:
        lines += ["", f"{'category':<24}{'accuracy':>8}   {'95 % interval':<16}{'n':>6}"]
        for name, found in summary["by_category"].items():
            lines.append(
                _line(name, found.get("accuracy", {"value": None, "n": 0, "low": None, "high": None}))
            )
    latency = summary["latency_ms"]
    if latency["p50"] is not None:
        lines += ["", f"latency {latency['p50']:.0f} ms (median), {latency['p95']:.0f} ms (95th percentile)"]
    if summary.get("usage"):  # not in a summary of an older version
        lines += ["", _usage_line(summary["usage"])]
    return "\n".join(lines) + "\n"


def _usage_line(used: Mapping[str, Any]) -> str:
    cost = "cost unknown" if used["cost"] is None else f"${used['cost']:.4f}"
    return (
        f"language model: {used['prompt_tokens']:,} tokens of prompts and {used['completion_tokens']:,} of replies "
        f"for {used['questions']} questions, {cost}"
    )


def _line(name: str, entry: Mapping[str, Any]) -> str:
    value = "-" if entry["value"] is None else f"{entry['value']:.3f}"
    interval = "-" if entry["low"] is None else f"[{entry['low']:.3f}, {entry['high']:.3f}]"
    arrow = "" if name not in MEASURES or MEASURES[name].higher_is_better else "  (lower is better)"
    return f"{name:<24}{value:>8}   {interval:<16}{entry['n']:>6}{arrow}"


def junit(name: str, records: Sequence[Record]) -> bytes:
    """One test case a question (and trial). Wrong answers are failures, crashes and time-outs errors; a question
    without gold for its correctness is skipped."""
    root = ElementTree.Element("testsuites")
    counts = {"failure": 0, "error": 0, "skipped": 0}
    suite = ElementTree.SubElement(root, "testsuite", name=_xml(name), tests=str(len(records)))
    for record in records:
        trial = f" (trial {record['trial']})" if record["trial"] else ""
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=_xml(f"{name}.{record['category'] or 'questions'}"),
            name=_xml(f"{record['id']}: {record['question']}{trial}"),
        )
        correct = record["scores"]["accuracy"]
        if record["state"] in {"error", "timeout"}:
            kind, message = "error", record["error"] or record["state"]
        elif correct is None:
            kind, message = "skipped", "no gold says whether it is right"
        elif correct < 1:
            kind, message = "failure", f"{record['stage']}: {record['why'].get('accuracy', '')}"
        else:
            continue
        counts[kind] += 1
        found = ElementTree.SubElement(case, kind, message=_xml(message))
        found.text = _xml(_details(record))
    for kind, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(attribute, str(counts[kind]))
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _details(record: Record) -> str:
    ask = record["ask"]
    lines = [f"answer: {ask['answer'] if ask else '-'}"]
    lines += [
        f"[{entry['marker']}] {entry['path']}: {entry['quote']}"
        for entry in (ask["citations"] if ask else ())
    ]
    gold = record["gold"]
    if gold["answers"]:
        lines.append("accepted: " + " | ".join(answer[0] for answer in gold["answers"]))
    lines += [f"gold: {entry['document_id']}: {entry['quote']}" for entry in gold["evidence"]]
    lines += [f"{name}: {reason}" for name, reason in record["why"].items()]
    return "\n".join(lines)


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
