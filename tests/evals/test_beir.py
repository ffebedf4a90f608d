import json
from pathlib import Path

import ir_measures
import pytest
from ir_measures import RR, R, nDCG

from evals.beir import measure, rank_documents, read_beir, table, write_documents, write_trec
from rag.errors import UsageError
from rag.settings import Settings
from rag.types import Hit, Passage, Span

CORPUS = [
    {"_id": "d1", "title": "Bridge", "text": "The old bridge over the river has five arches."},
    {"_id": "d2", "title": "", "text": "The harbour was closed after the storm in November."},
    {"_id": "d3", "title": "Bakery", "text": "A bakery in the market street sells rye bread."},
    {"_id": "d3-copy", "title": "Bakery", "text": "A bakery in the market street sells rye bread."},
    {"_id": "empty", "title": "", "text": " "},
]
QUERIES = [
    {"_id": "q1", "text": "how many arches has the bridge"},
    {"_id": "q2", "text": "where to buy rye bread"},
    {"_id": "q3", "text": "not judged"},
]
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td3-copy\t2\nq2\tempty\t1\n"


def write_beir(folder: Path, corpus=CORPUS, queries=QUERIES, qrels=QRELS) -> Path:
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in corpus))
    (folder / "queries.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in queries))
    (folder / "qrels/test.tsv").write_text(qrels)
    return folder


def test_a_folder_is_read(tmp_path):
    beir = read_beir(write_beir(tmp_path / "beir"))
    assert [document.id for document in beir.documents] == ["d1", "d2", "d3", "d3-copy", "empty"]
    assert list(beir.queries) == ["q1", "q2"]
    assert beir.qrels == {"q1": {"d1": 1}, "q2": {"d3-copy": 2, "empty": 1}}
    assert beir.documents[0].whole == "Bridge\n\nThe old bridge over the river has five arches.\n"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"corpus": [{"_id": "a"}]}, r"corpus\.jsonl:1, correct|text is missing"),
        ({"corpus": [CORPUS[0], CORPUS[0]]}, "there twice"),
        ({"queries": []}, "judged query 'q1' is missing"),
        ({"qrels": "q1\td1\n"}, "holds nothing"),
        ({"qrels": "a\tb\tc\nq1 d1 one two three\n"}, "three columns"),
    ],
)
def test_a_broken_folder_is_named(tmp_path, change, reason):
    with pytest.raises(UsageError, match=reason):
        read_beir(write_beir(tmp_path / "beir", **change))
    with pytest.raises(UsageError, match="no such folder"):
        read_beir(tmp_path / "none")


def test_documents_that_are_alike_share_a_file_and_a_rank(tmp_path):
    beir = read_beir(write_beir(tmp_path / "beir"))
    names = write_documents(beir.documents, tmp_path / "files")
    assert list(names.values()) == [["d1"], ["d2"], ["d3", "d3-copy"]]
    ids = {"ours-1": ["d1"], "ours-3": ["d3", "d3-copy"]}

    def hit(document: str, rank: int) -> Hit:
        return Hit(Passage(document, rank, Span(0, 1), "x"), 1.0, rank, "fused")

    hits = [hit("ours-3", 1), hit("ours-1", 2), hit("ours-3", 3)]
    assert rank_documents(hits, ids, 10) == ["d3", "d3-copy", "d1"]
    assert rank_documents(hits, ids, 2) == ["d3", "d3-copy"]


def test_a_small_folder_from_end_to_end_equals_trec_eval(tmp_path):
    beir = read_beir(write_beir(tmp_path / "beir"))
    result, rankings = measure(beir, Settings())
    assert (result["queries"], result["documents"]) == (2, 5)
    assert set(result["stages"]) == {"dense", "lexical", "fused", "reranked"}
    assert rankings["fused"]["q1"][0] == "d1"
    assert rankings["fused"]["q2"][:2] == ["d3", "d3-copy"]
    assert result["stages"]["fused"]["mrr@10"] == pytest.approx((1 + 1 / 2) / 2)
    assert result["index_seconds"] > 0
    assert 0 < result["query_ms"]["p50"] <= result["query_ms"]["p95"]
    assert "fused" in table(result)
    write_trec(beir, rankings, tmp_path / "trec")
    for stage, found in result["stages"].items():
        oracle = ir_measures.calc_aggregate(
            [nDCG @ 10, R @ 10, RR @ 10],
            ir_measures.read_trec_qrels(str(tmp_path / "trec/qrels.txt")),
            ir_measures.read_trec_run(str(tmp_path / f"trec/run.{stage}.txt")),
        )
        assert found["ndcg@10"] == pytest.approx(oracle[nDCG @ 10], abs=5e-5)
        assert found["recall@10"] == pytest.approx(oracle[R @ 10], abs=5e-5)
        assert found["mrr@10"] == pytest.approx(oracle[RR @ 10], abs=5e-5)
