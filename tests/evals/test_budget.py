"""Suites asked of a language model's server: what is spent, when a run stops, and what never gets into its records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.budget import ANY_FAILURES, SERVER_FAILURES, Budget, Failures
from evals.cli import main
from evals.run import RunOptions
from evals.scripted_llm import Rule, scripted
from rag.answer import prompts
from rag.answer.model import Usage
from rag.errors import AnswererError, ModelRefused, ReplyCut, UsageError
from tests.evals.conftest import write_suite

KEY = "sk-test-0123456789-do-not-write-me-down"
QUESTIONS = [
    {"id": f"q{number}", "question": f"How many people flew north, number {number}?", "answerable": True}
    for number in range(6)
]
SAID = {
    "statements": [
        {
            "text": "26 people were flown north.",
            "sentences": [r"{{\[(\d+)\] [^\n]*26 people}}"],
            "speaker": None,
            "short": "26",
        }
    ],
    "missing": None,
}


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_suite(tmp_path_factory.mktemp("budget") / "suite", QUESTIONS)


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_COMPATIBLE_API_KEY", KEY)
    monkeypatch.setenv("ONRECORD_LLM_PRICE_PROMPT", "2")
    monkeypatch.setenv("ONRECORD_LLM_PRICE_COMPLETION", "10")
    monkeypatch.setenv("ONRECORD_LLM_RETRIES", "0")


def run(suite: Path, spec: str, name: str, *more: str) -> tuple[int, Path]:
    out = suite.parent / name
    return main(["answers", str(suite), "--answerer", spec, "--out", str(out), "--json", *more]), out


def records(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def test_tokens_and_cost_are_recorded_for_each_question_and_for_the_run_and_no_key_is(suite, capfd):
    # The server repeats the key in an error, as careless proxies do.
    leak = Rule(match="number 3", fault="status", status=400, message=f"bad key {KEY} given")
    with scripted(leak, Rule(reply=SAID)) as server:
        code, out = run(suite, server.spec, "costs")
        asked = server.requests[-1]
    headers = {name.casefold(): value for name, value in asked.headers.items()}
    assert headers["authorization"] == f"Bearer {KEY}"  # it was sent, so it could have leaked
    printed = capfd.readouterr()
    summary = json.loads(printed.out)
    assert code == 3
    assert summary["failed"] == 1
    by_id = {record["id"]: record for record in records(out)}
    assert by_id["q3"]["state"] == "error"
    assert by_id["q3"]["error"].startswith("AnswererError: ")
    used = by_id["q0"]["ask"]["usage"]
    assert used["prompt_tokens"] > 100
    assert used["completion_tokens"] > 5
    assert used["cost"] == pytest.approx((2 * used["prompt_tokens"] + 10 * used["completion_tokens"]) / 1e6)
    assert by_id["q0"]["ask"]["citations"][0]["quote"].startswith("Officials said 26 people")
    total = summary["usage"]
    assert total["questions"] == 6
    for name in ("prompt_tokens", "completion_tokens"):
        told = sum(record["ask"]["usage"][name] for record in by_id.values() if record["ask"])
        assert total[name] >= told
    assert total["cost"] == pytest.approx(
        (2 * total["prompt_tokens"] + 10 * total["completion_tokens"]) / 1e6
    )
    described = json.loads((out / "run.json").read_text())
    assert described["identity"]["system"]["answerer_details"]["prompts"] == prompts.DIGEST
    assert described["identity"]["settings"]["llm"]["temperature"] == 0
    everything = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert KEY.encode() not in everything + printed.out.encode() + printed.err.encode()


def test_a_run_stops_when_its_budget_is_spent_and_goes_on_with_a_greater_one(suite, capfd):
    with scripted(Rule(reply=SAID)) as server:
        code, out = run(suite, server.spec, "spent", "--max-tokens", "500")
        assert code == 3
        said = capfd.readouterr().err
        assert "the budget of 500 tokens is spent" in said
        assert "greater --max-tokens" in said
        first = records(out)
        assert 0 < len(first) < 6
        assert not (out / "summary.json").exists()
        code, _ = run(suite, server.spec, "spent", "--max-tokens", "500")
        assert code == 3
        assert len(records(out)) == len(first)
        code, _ = run(suite, server.spec, "spent", "--max-cost", "0.0000001")
        assert code == 3
        assert "the budget of $1e-07 is spent" in capfd.readouterr().err
        code, _ = run(suite, server.spec, "spent", "--max-tokens", "1000000", "--max-cost", "5")
        assert code == 0
        assert records(out)[: len(first)] == first
        chats = [request for request in server.requests if request.path.endswith("completions")]
        assert len(chats) == 6
        code, whole = run(suite, server.spec, "whole", "--jobs", "3")
    assert (whole / "results.jsonl").read_bytes() == (out / "results.jsonl").read_bytes()
    spent, unlimited = (json.loads((each / "summary.json").read_text())["usage"] for each in (out, whole))
    assert spent == unlimited


def test_a_server_that_does_not_answer_ends_the_run_early(suite, capfd):
    with scripted(Rule(reply=SAID)) as server:
        spec = server.spec
    code, out = run(suite, spec, "gone")
    said = capfd.readouterr().err
    assert code == 3
    assert f"{SERVER_FAILURES} questions in a row failed" in said
    assert "--retry-failed" in said
    assert [record["state"] for record in records(out)] == ["error"] * SERVER_FAILURES
    assert not (out / "summary.json").exists()


def test_max_cost_needs_prices(suite, monkeypatch):
    monkeypatch.delenv("ONRECORD_LLM_PRICE_PROMPT")
    with scripted(Rule(reply=SAID)) as server:
        with pytest.raises(UsageError, match=r"llm\.price_prompt"):
            run(suite, server.spec, "unpriced", "--max-cost", "1")
        assert not [request for request in server.requests if request.path.endswith("completions")]
    assert not (suite.parent / "unpriced").exists()


def test_budgets_must_be_positive():
    with pytest.raises(UsageError, match="--max-cost must be more than 0"):
        RunOptions(max_cost=0.0)
    assert Budget(tokens=10).spent(Usage(5, 5, None))
    assert not Budget(tokens=11).spent(Usage(5, 5, None))
    assert not Budget(cost=1.0).spent(Usage(10**9, 0, 0.99))
    assert Budget(cost=1.0).spent(Usage(0, 0, 1.0))


def test_failures_of_single_replies_stop_a_run_later_than_those_of_a_server():
    refused = ModelRefused("no", next_step="ask otherwise")
    down = AnswererError("not there", next_step="start it")
    failures = Failures()
    assert [bool(failures.after(refused)) for _ in range(ANY_FAILURES)] == [False] * (ANY_FAILURES - 1) + [
        True
    ]
    failures = Failures()
    for problem in (down, down, None, down, down, ReplyCut("cut", next_step="again"), down, ValueError("x")):
        assert failures.after(problem) is None
    assert "not there" in [failures.after(down) for _ in range(SERVER_FAILURES)][-1]
