"""A run in the formats of other tools: trec_eval (qrels and run), Inspect (a log file), promptfoo (a configuration)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from evals.measures import MEASURES
from evals.score import Record
from evals.store import as_document
from rag.errors import UsageError


def export(
    format_: str,
    description: Mapping[str, Any],
    summary: Mapping[str, Any],
    records: Sequence[Record],
    target: Path,
) -> list[Path]:
    """Write the files of `format_` into the folder `target`; gives their paths."""
    if format_ == "trec":
        files = trec(description, records)
    elif format_ == "inspect":
        files = {"inspect-log.json": as_document(inspect_log(description, summary, records))}
    else:
        config = promptfoo(description, records)
        files = {"promptfooconfig.yaml": yaml.safe_dump(config, sort_keys=False, allow_unicode=True).encode()}
    written = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (target / name).write_bytes(data)
            written.append(target / name)
    except OSError as error:
        raise UsageError(
            f"the folder cannot be written to ({error.strerror})",
            where=str(target),
            next_step="name another with --to",
        ) from error
    return written


def trec(description: Mapping[str, Any], records: Sequence[Record]) -> dict[str, bytes]:
    """`qrels.txt` (documents that hold gold evidence) and `run.txt` (documents by their best passage), first trial.

    The score is minus the rank, so that trec_eval, which breaks ties by document id, keeps our order.
    """
    tag = "".join(str(description["identity"]["system"].get("answerer", "onrecord")).split())
    judged: list[str] = []
    ranked: list[str] = []
    for record in records:
        if record["trial"]:
            continue
        query = "_".join(str(record["id"]).split())
        judged += [f"{query} 0 {name} 1\n" for name in _documents(record["gold"]["evidence"])]
        hits = record["ask"]["hits"] if record["ask"] else []
        ranked += [
            f"{query} Q0 {name} {rank} {-rank} {tag}\n" for rank, name in enumerate(_documents(hits), start=1)
        ]
    return {"qrels.txt": "".join(judged).encode(), "run.txt": "".join(ranked).encode()}


def _documents(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys("_".join(entry["document_id"].split()) for entry in entries))


def inspect_log(
    description: Mapping[str, Any], summary: Mapping[str, Any], records: Sequence[Record]
) -> dict[str, Any]:
    """An Inspect log (version 2, JSON): a sample a question, an epoch a trial, a scorer a metric.

    A metric that is not defined for a question has no score in its sample; Inspect shows it as unscored.
    """
    identity, environment = description["identity"], description.get("environment", {})
    created = environment.get("started") or "1970-01-01T00:00:00+00:00"
    model = f"onrecord/{identity['system'].get('answerer', 'system')}"
    run_id = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:22]
    measured = {name: entry for name, entry in summary["metrics"].items() if entry["value"] is not None}
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "eval_id": run_id,
            "run_id": run_id,
            "created": created,
            "task": identity["suite"]["name"],
            "task_id": identity["suite"]["digest"][:22],
            "task_version": identity["suite"].get("version") or 0,
            "dataset": {
                "name": identity["suite"]["name"],
                "samples": summary["questions"],
                "sample_ids": list(dict.fromkeys(record["id"] for record in records)),
            },
            "model": model,
            "config": {"epochs": identity.get("trials", 1)},
            "packages": {
                name: version for name, version in environment.get("packages", {}).items() if version
            },
            "metadata": {"suite": identity["suite"]["digest"], "corpus": identity["corpus"]["digest"]},
        },
        "results": {
            "total_samples": len(records),
            "completed_samples": summary["scored"],
            "scores": [
                {
                    "name": name,
                    "scorer": name,
                    "params": {},
                    "metrics": {
                        "mean": {"name": "mean", "value": entry["value"], "params": {}},
                        **{
                            end: {"name": end, "value": entry[end], "params": {}}
                            for end in ("low", "high")
                            if entry[end] is not None
                        },
                    },
                }
                for name, entry in measured.items()
            ],
        },
        "samples": [_sample(record, model) for record in records],
    }


def _sample(record: Record, model: str) -> dict[str, Any]:
    ask, gold = record["ask"], record["gold"]
    answer = (ask["answer"] or "") if ask else ""
    target = [answer[0] for answer in gold["answers"] or ()] or ("" if gold["answerable"] else "NO ANSWER")
    sample: dict[str, Any] = {
        "id": record["id"],
        "epoch": record["trial"] + 1,
        "input": record["question"],
        "target": target,
        "metadata": {"category": record["category"], "stage": record["stage"], "state": record["state"]},
        "messages": [
            {"role": "user", "content": record["question"]},
            {"role": "assistant", "content": answer, "source": "generate", "model": model},
        ],
        "output": {
            "model": model,
            "choices": [{"message": {"role": "assistant", "content": answer}, "stop_reason": "stop"}],
        },
        "scores": {
            name: {"value": value, "answer": answer, "explanation": record["why"].get(name, "as wanted")}
            for name, value in record["scores"].items()
            if value is not None and name in MEASURES
        },
    }
    if record["error"]:
        sample["error"] = {"message": record["error"], "traceback": "", "traceback_ansi": ""}
    return sample


def promptfoo(description: Mapping[str, Any], records: Sequence[Record]) -> dict[str, Any]:
    """A configuration for `promptfoo eval`: the kept answers come back from its `echo` provider, and each test asserts
    the correctness that was measured here, so its viewer shows this run and asks no model."""
    identity = description["identity"]
    tests = []
    for record in records:
        if record["trial"]:
            continue
        ask, correct = record["ask"], record["scores"]["accuracy"]
        answer = (ask["answer"] or "") if ask else f"({record['state']}) {record['error'] or ''}"
        quotes = [f"{entry['path']}: {entry['quote']}" for entry in ask["citations"]] if ask else []
        test: dict[str, Any] = {
            "description": _inert(f"{record['id']}: {record['question']}"),
            "vars": {
                "question": _inert(record["question"]),
                "answer": _inert(answer),
                "quotes": _inert("\n".join(quotes)),
            },
            "metadata": {"category": record["category"], "stage": record["stage"]},
        }
        if correct is not None:
            test["assert"] = [{"type": "javascript", "value": f"{correct} >= 1", "metric": "accuracy"}]
        tests.append(test)
    return {
        "description": f"{identity['suite']['name']} by {identity['system'].get('answerer', 'onrecord')}",
        "providers": ["echo"],
        "prompts": ["{{ answer }}"],
        "tests": tests,
    }


def _inert(text: str) -> str:
    """promptfoo runs templates inside values, and a document may hold one: a space takes its brackets apart."""
    return text.replace("{{", "{ {").replace("{%", "{ %").replace("{#", "{ #")
