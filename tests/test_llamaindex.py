"""Our library seen from LlamaIndex: exact offsets in every node, and only verified quotes as sources."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("llama_index.core")

from llama_index.core.schema import MetadataMode, QueryBundle

from rag.llamaindex import LibraryRetriever, OnRecordQueryEngine
from rag.pipeline import Pipeline
from rag.settings import Settings
from rag.types import Draft, Evidence, Filters
from tests.test_pipeline import FERRY, QUOTED, TEXT, Scripted, Shelf, WholeDocuments, draft_of

SHELF = Shelf({"ferry": FERRY})


def engine_of(draft: Draft, **more: Filters) -> OnRecordQueryEngine:
    return OnRecordQueryEngine(
        Pipeline(SHELF, Settings(), Scripted(draft), retriever=WholeDocuments(SHELF)), **more
    )


def test_retrieved_nodes_are_slices_at_their_offsets() -> None:
    (found,) = LibraryRetriever(SHELF, Settings(), retriever=WholeDocuments(SHELF)).retrieve("barrels")

    assert found.score == 1.0
    assert found.node.get_content() == TEXT[found.node.start_char_idx : found.node.end_char_idx]
    assert found.node.ref_doc_id == "ferry"
    assert found.node.metadata["path"] == "box/ferry.txt"
    assert (found.node.metadata["rank"], found.node.metadata["by"]) == (1, "fused")
    assert "box/ferry.txt" not in found.node.get_content(MetadataMode.LLM)


def test_the_retriever_keeps_its_filters_and_its_k() -> None:
    retriever = WholeDocuments(SHELF)
    nothing = LibraryRetriever(SHELF, Settings(), filters=Filters(sources=("Other",)), retriever=retriever)

    assert nothing.retrieve("barrels") == []
    assert LibraryRetriever(SHELF, Settings(), k=1, retriever=retriever).retrieve("barrels") != []


def test_the_sources_of_an_answer_are_its_verified_quotes() -> None:
    response = engine_of(
        draft_of(QUOTED, Evidence("ferry", words="A lie."), shorts=(Evidence("ferry", words="37"),))
    ).query("How many barrels were lost?")

    assert str(response) == "37 [1]"
    (source,) = response.source_nodes
    assert source.node.get_content() == QUOTED.words
    assert TEXT[source.node.start_char_idx : source.node.end_char_idx] == QUOTED.words
    assert (source.node.metadata["speaker"], source.node.metadata["page"]) == ("Marta Quill", 2)
    assert response.metadata is not None
    assert (response.metadata["status"], response.metadata["short_answers"]) == ("answered", ["37"])
    assert [each["text"] for each in response.metadata["withheld"]] == ["A lie."]


def test_without_an_answer_there_are_no_sources() -> None:
    response = engine_of(Draft(confidence=0.1)).query("Who won the cup?")

    assert str(response) == "The documents do not say."
    assert response.source_nodes == []
    assert response.metadata is not None
    assert (response.metadata["status"], response.metadata["reason"]) == ("no_answer", "declined")


def test_the_asynchronous_way_gives_the_same() -> None:
    engine = engine_of(draft_of(QUOTED))

    assert str(asyncio.run(engine.aquery(QueryBundle("How many?")))) == str(engine.query("How many?"))
