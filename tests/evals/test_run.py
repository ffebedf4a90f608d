import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from evals.corpus import read_folder
from evals.run import RunOptions, default_folder, identity_of, run_suite
from evals.store import RunFolder
from evals.suite import attach_gold, read_suite
from rag.errors import UsageError
from rag.settings import Settings
from tests.evals.conftest import ScriptedSystem, load_text, write_suite

QUESTIONS = [
    {
        "id": f"q{number}",
        "question": f"How many flew, number {number}?",
        "answerable": number % 3 != 0,
        "category": "even" if number % 2 == 0 else "odd",
        **(
            {"answers": ["26"], "evidence": [{"document": "first.txt", "quote": "26 people"}]}
            if number % 3
            else {}
        ),
    }
    for number in range(12)
]


def load(folder: Path):
    suite = read_suite(folder)
    corpus = read_folder(suite.corpus_folder, load_text)
    return attach_gold(suite, corpus), corpus


@pytest.fixture
def loaded(suite_folder):
    return load(suite_folder(QUESTIONS))


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_bytes().splitlines()]


def run(loaded, out, system=None, **options):
    return run_suite(*loaded, system or ScriptedSystem(), Settings(), out, RunOptions(**options))


def test_a_run_leaves_everything_that_the_contract_names(loaded, tmp_path):
    finished = run(loaded, tmp_path / "run")
    assert finished.complete
    described = json.loads((tmp_path / "run/run.json").read_text())
    assert described["identity"]["settings"]["search"]["top_k"] == 10
    assert (
        len(described["identity"]["suite"]["digest"]) == len(described["identity"]["corpus"]["digest"]) == 64
    )
    assert described["environment"]["packages"]["numpy"]
    found = lines(tmp_path / "run")
    assert [record["id"] for record in found] == [question["id"] for question in QUESTIONS]
    assert found[1]["ask"]["citations"][0]["quote"] == "26 people"
    assert found[1]["scores"]["answer_em"] == 1
    assert found[1]["contexts"][0]["before"].endswith("Officials said ")
    assert found[0]["scores"]["answer_em"] is None
    assert found[0]["stage"] == "wrongly answered"
    assert "unanswerable" in found[0]["why"]["rejection_rate"]
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary == finished.summary
    assert summary["metrics"]["answer_em"] | {"low": 0, "high": 0} == {
        "value": 1.0, "n": 8, "low": 0, "high": 0, "count": 8.0
    }  # fmt: skip
    assert summary["metrics"]["rejection_rate"]["value"] == 0
    assert summary["metrics"]["speaker_accuracy"] == {"value": None, "n": 0, "low": None, "high": None}
    assert set(summary["by_category"]) == {"even", "odd"}
    assert summary["latency_ms"]["p50"] >= 0


def test_a_finished_run_is_scored_again_to_the_same_bytes_and_asks_nothing(loaded, tmp_path):
    run(loaded, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    system = ScriptedSystem()
    run(loaded, tmp_path / "run", system)
    assert system.asked == []
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


@pytest.mark.parametrize("cut", [0, 1, 200, 2000, 9000])
def test_a_torn_file_is_completed_to_the_bytes_of_an_uninterrupted_run(loaded, tmp_path, cut):
    run(loaded, tmp_path / "whole")
    run(loaded, tmp_path / "torn")
    whole = (tmp_path / "whole/results.jsonl").read_bytes()
    (tmp_path / "torn/results.jsonl").write_bytes(whole[:cut])
    (tmp_path / "torn/summary.json").unlink()
    system = ScriptedSystem()
    run(loaded, tmp_path / "torn", system)
    assert (tmp_path / "torn/results.jsonl").read_bytes() == whole
    assert len(system.asked) == len(QUESTIONS) - whole[:cut].count(b"\n")


def test_a_damaged_line_in_the_middle_is_an_error(loaded, tmp_path):
    run(loaded, tmp_path / "run")
    path = tmp_path / "run/results.jsonl"
    path.write_bytes(path.read_bytes().replace(b'{"ask"', b'{"ask', 1))
    with pytest.raises(UsageError, match="line 1 is damaged"):
        run(loaded, tmp_path / "run")


def test_many_at_a_time_give_the_same_lines_in_the_same_order(loaded, tmp_path):
    run(loaded, tmp_path / "one")
    uneven = ScriptedSystem(delay=lambda question: 0.05 if question.endswith("0?") else 0.0)
    run(loaded, tmp_path / "four", uneven, jobs=4)
    assert (tmp_path / "one/results.jsonl").read_bytes() == (tmp_path / "four/results.jsonl").read_bytes()
    assert not (tmp_path / "four/pending.jsonl").exists()


def test_answers_before_their_turn_are_not_asked_again(loaded, tmp_path):
    run(loaded, tmp_path / "whole")
    run(loaded, tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    found = folder.results.read_bytes().splitlines(keepends=True)
    folder.results.write_bytes(b"".join(found[:3]))
    folder.pending.write_bytes(b"".join(found[5:8]) + b'{"torn')
    (tmp_path / "run/summary.json").unlink()
    system = ScriptedSystem()
    run(loaded, tmp_path / "run", system)
    assert len(system.asked) == 12 - 6
    assert folder.results.read_bytes() == (tmp_path / "whole/results.jsonl").read_bytes()


def test_a_crash_a_time_out_and_a_refusal_are_three_states_and_all_count(suite_folder, tmp_path):
    questions = [
        {"id": name, "question": f"{name}?", "answerable": True, "answers": ["26"]}
        for name in ("good", "crash", "late", "decline", "broken")
    ]
    loaded = load(suite_folder(questions))
    started = time.perf_counter()
    finished = run(loaded, tmp_path / "run", ScriptedSystem(), time_limit=0.3)
    assert time.perf_counter() - started < 3
    assert [record["state"] for record in lines(tmp_path / "run")] == [
        "answered",
        "error",
        "timeout",
        "no_answer",
        "error",
    ]
    found = lines(tmp_path / "run")
    assert found[1]["error"] == "RuntimeError: the model fell over"
    assert "0.3 s" in found[2]["error"]
    assert "status" in found[4]["error"]
    metrics = finished.summary["metrics"]
    assert (metrics["answer_em"]["value"], metrics["answer_em"]["n"]) == (0.2, 5)
    assert (metrics["over_refusal"]["value"], metrics["over_refusal"]["n"]) == (0.2, 5)
    assert (finished.summary["failed"], finished.summary["scored"]) == (3, 2)
    assert not finished.complete

    # Only on request are they asked again.
    system = ScriptedSystem()
    run(loaded, tmp_path / "run", system, time_limit=0.3)
    assert system.asked == []
    run(loaded, tmp_path / "run", system, time_limit=0.3, retry_failed=True)
    assert system.asked == ["crash?", "late?", "broken?"]
    assert [record["id"] for record in lines(tmp_path / "run")] == [
        "good",
        "crash",
        "late",
        "decline",
        "broken",
    ]


def test_a_run_stops_when_too_many_calls_never_return(suite_folder, tmp_path):
    release = threading.Event()

    class Stuck(ScriptedSystem):
        def ask(self, question, filters):
            release.wait(30)
            return super().ask(question, filters)

    loaded = load(
        suite_folder([{"id": f"q{n}", "question": f"{n}?", "answerable": False} for n in range(12)])
    )
    finished = run(loaded, tmp_path / "run", Stuck(), time_limit=0.02)
    release.set()
    assert "8 calls are still running" in finished.stopped
    assert not (tmp_path / "run/summary.json").exists()
    assert len(lines(tmp_path / "run")) == 8


def test_a_folder_with_another_run_is_left_alone(loaded, tmp_path):
    run(loaded, tmp_path / "run")
    with pytest.raises(UsageError, match="other sample"):
        run(loaded, tmp_path / "run", sample=3)
    with pytest.raises(UsageError, match="other system"):
        run(loaded, tmp_path / "run", ScriptedSystem(name="other"))


def test_the_default_folder_names_suite_and_answerer_and_follows_the_identity(loaded):
    def folder(**options):
        return default_folder(
            loaded[0], identity_of(*loaded, ScriptedSystem(), Settings(), RunOptions(**options))
        )

    assert folder().name.startswith("suite-scripted-")
    assert folder() == folder(jobs=3)
    assert folder() != folder(trials=2)


def test_samples_and_trials(loaded, tmp_path):
    finished = run(loaded, tmp_path / "sample", sample=5, seed=3)
    assert finished.summary["questions"] == 5 == len(lines(tmp_path / "sample"))
    system = ScriptedSystem()
    finished = run(loaded, tmp_path / "trials", system, trials=2)
    assert len(system.asked) == 24
    assert finished.summary["metrics"]["answer_em"]["n"] == 8
    assert [record["trial"] for record in lines(tmp_path / "trials")] == [0] * 12 + [1] * 12


def test_the_cache_gives_the_same_bytes_and_knows_trial_corpus_settings_and_system(loaded, tmp_path):
    cache = tmp_path / "cache"
    first = ScriptedSystem()
    run(loaded, tmp_path / "a", first, cache=cache)
    second = ScriptedSystem()
    finished = run(loaded, tmp_path / "b", second, cache=cache)
    assert (len(first.asked), second.asked) == (12, [])
    assert (tmp_path / "a/results.jsonl").read_bytes() == (tmp_path / "b/results.jsonl").read_bytes()
    assert finished.summary["latency_ms"] == {"p50": None, "p95": None}
    other = ScriptedSystem(name="other")
    run(loaded, tmp_path / "c", other, cache=cache)
    assert len(other.asked) == 12
    again = ScriptedSystem()
    run(loaded, tmp_path / "d", again, cache=cache, trials=2)
    assert len(again.asked) == 12


def test_bad_options_are_refused():
    with pytest.raises(UsageError, match="--jobs"):
        RunOptions(jobs=0)
    with pytest.raises(UsageError, match="--sample"):
        RunOptions(sample=0)


KILLED = """
import sys, time
from pathlib import Path
from tests.evals.conftest import ScriptedSystem
from tests.evals.test_run import load, run
system = ScriptedSystem(delay=lambda question: 0.02, log=Path(sys.argv[3]))
run(load(Path(sys.argv[1])), Path(sys.argv[2]), system, jobs=int(sys.argv[4]))
"""


@pytest.mark.parametrize("jobs", [1, 3])
def test_killed_runs_are_completed_with_nothing_asked_twice(tmp_path, jobs):
    folder = write_suite(tmp_path / "suite", QUESTIONS)
    run(load(folder), tmp_path / "whole")
    log, out = tmp_path / "asked.txt", tmp_path / "killed"
    command = [sys.executable, "-c", KILLED, str(folder), str(out), str(log), str(jobs)]
    root = Path(__file__).parents[2]
    kills = 0
    for wanted in (2, 5, 9):
        process = subprocess.Popen(command, cwd=root, start_new_session=True)
        deadline = time.monotonic() + 60
        results = out / "results.jsonl"
        while process.poll() is None and time.monotonic() < deadline:
            if results.exists() and results.read_bytes().count(b"\n") >= wanted:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
                break
            time.sleep(0.002)
        process.wait(30)
    assert kills
    subprocess.run(command, cwd=root, check=True, timeout=60)
    assert (out / "results.jsonl").read_bytes() == (tmp_path / "whole/results.jsonl").read_bytes()
    # A question whose answer was not on the disk when the kill came is asked again: at most `jobs` a kill.
    asked = log.read_text().splitlines()
    assert len(QUESTIONS) <= len(asked) <= len(QUESTIONS) + kills * jobs
