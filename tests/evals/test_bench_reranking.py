"""The bench of reranking: its nDCG is trec_eval's, its grid holds the shipped constants, and it runs from end to end."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from evals.bench import embedders, reranking
from evals.bench.reranking import Task, dossier, grid, look, main, ndcg, news, table, weigh
from evals.retrieval_metrics import document_scores
from rag.answer.network import ReaderNetwork
from rag.index.embed import make_embedder, packaged_model
from rag.search.rerank import MIX
from rag.settings import IndexSettings, SearchSettings

FACTS = [
    ("Harbour", "The harbour of Port Vell was closed for nine days after the storm broke two cranes."),
    ("Harbour", "Ships waited outside and fruit worth 3 million euros was thrown away."),
    ("Election", "Mayor Ruth Calder lost the election by 212 votes and asked for a new count."),
    ("School", "The school in Linden Street has taught in a tent since its roof fell in."),
    ("Trains", "Night trains between the capital and the coast will run again from May."),
    ("Museum", "The museum bought the letters of the explorer Ana Quist for 80,000 crowns."),
]
QUESTIONS = [
    ("How long was the harbour of Port Vell closed?", [0]),
    ("Who lost the election by 212 votes?", [2]),
    (
        "Which harbour was closed after a storm broke its cranes, and what fruit was thrown away by ships?",
        [0, 1],
    ),
    ("From when will night trains run again?", [4]),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """News in the layout of MultiHop-RAG; the other sets are missing."""
    folder = tmp_path_factory.mktemp("data") / "multihop_rag"
    folder.mkdir()
    lines = [
        {
            "id": number,
            "query": question,
            "evidence_list": [{"title": FACTS[place][0], "fact": FACTS[place][1]} for place in places],
        }
        for number, (question, places) in enumerate(QUESTIONS)
    ]
    lines.append(
        {"id": 9, "query": "?", "evidence_list": [{"title": title, "fact": fact} for title, fact in FACTS]}
    )
    text = "\n".join(json.dumps(line) for line in lines)
    (folder / "queries_with_evidence.jsonl").write_text(text, encoding="utf-8")
    return folder.parent


@pytest.mark.parametrize("seed", range(10))
def test_the_gain_of_one_query_is_that_of_trec_eval(seed: int) -> None:
    draw = random.Random(seed)
    names = [f"d{number}" for number in range(30)]
    ranking = draw.sample(names, 20)
    relevant = dict.fromkeys(draw.sample(names, draw.randrange(1, 14)), 1)
    assert ndcg(ranking, relevant) == pytest.approx(
        document_scores({"q": relevant}, {"q": ranking})["ndcg@10"], abs=1e-6
    )


def test_the_shipped_constants_are_tried_once() -> None:
    assert list(grid()).count(MIX) == 1
    assert len(set(grid())) == len(list(grid())) > 50


def test_other_constants_need_no_other_reading(data: Path) -> None:
    embedder = make_embedder(IndexSettings())
    task = news(data, embedder, 100, titled=True)
    assert (len(task.shelf), len(task.queries), len(task.dev)) == (6, 5, 3)
    network = ReaderNetwork()
    measured = look(task, SearchSettings(), network)
    for query in task.queries:
        shipped = measured.with_mix(MIX, [query])
        assert shipped == [ndcg(measured.rankings["reranked"][query], task.qrels[query])]
    rows = weigh([measured])
    assert [row["shipped"] for row in rows].count(True) == 1
    assert [row["mean"] for row in rows] == sorted((row["mean"] for row in rows), reverse=True)


def test_from_end_to_end(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(data), "--sets", "news", "xquad", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result["sets"]) == {"news"}
    stages = result["sets"]["news"]["test"]["stages"]
    assert set(stages) == {"dense", "lexical", "fused", "fused by ranks", "reranked"}
    assert all(0 < values["ndcg@10"] <= 1 for values in stages.values())
    printed = table(result)
    assert "<- shipped" in printed
    assert "reranked - fused" in printed


def test_an_embedder_is_compared_with_the_packaged_one(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--data", str(data), "--model", str(packaged_model()), "--sets", "news", "nq"]
    assert embedders.main([*asked, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert list(result) == ["news"]  # the other set is missing
    for found in result["news"].values():
        assert found["queries"] == 2
        assert found["packaged"] > 0.5
        assert found["model"] == found["packaged"]  # the same weights
        assert found["gain"]["ndcg@10"] == 0


def test_the_dossier_is_asked_passage_by_passage() -> None:
    task: Task = dossier(make_embedder(IndexSettings()))
    assert task.by_passage
    assert len(task.dev) > 50
    assert len(task.test) > 50
    known = {passage_id for relevant in task.qrels.values() for passage_id in relevant}
    assert len(task.shelf.passages(sorted(known))) == len(known)
    assert reranking.SUITE.name == "transfers"
