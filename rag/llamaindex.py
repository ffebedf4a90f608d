"""Our library as a LlamaIndex retriever and query engine, for programs that are built on LlamaIndex.

    retriever = LibraryRetriever(library, settings)        # nodes with exact offsets into the document's text
    engine = OnRecordQueryEngine(Pipeline(library, settings))
    engine.query("How many were transferred?").source_nodes  # the verified quotes, and nothing else

LlamaIndex is imported here and in `rag.answer.llms` only; nothing on the way of `onrecord ask` imports this module.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import Response
from llama_index.core.callbacks import CallbackManager
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.schema import (
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)

from rag.pipeline import Documents, Pipeline, Retrieves, make_retriever
from rag.render import citation_json
from rag.settings import Settings
from rag.types import Answer, Citation, Document, Filters, Hit, Question

# What a language model is not shown of a node's metadata: places and digests carry no meaning for it.
_NOT_FOR_MODELS = ["document_id", "path", "start", "end", "rank", "by", "marker"]


class LibraryRetriever(BaseRetriever):
    """Retrieves our hits as nodes: `start_char_idx` and `end_char_idx` are places in the document's own text.

    `k` defaults to the setting `search.top_k`; `filters` hold for every query.
    """

    def __init__(
        self,
        library: Documents,
        settings: Settings,
        *,
        filters: Filters | None = None,
        k: int | None = None,
        retriever: Retrieves | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        self._library = library
        self._retriever = retriever or make_retriever(library, settings)
        self._filters = filters or Filters()
        self._k = k
        super().__init__(callback_manager=callback_manager)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self._retriever.retrieve(Question(query_bundle.query_str, self._filters), self._k)
        return [hit_node(hit, self._library.document(hit.passage.document_id)) for hit in hits]


class OnRecordQueryEngine(BaseQueryEngine):
    """Answers through our `Pipeline`. The source nodes are the citations, each exactly the quoted characters.

    The response's metadata has `status`, `reason`, `short_answers`, `withheld` and `confidence`. Without an answer the
    response is the plain sentence that says so, and there are no source nodes.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        filters: Filters | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._filters = filters or Filters()
        super().__init__(callback_manager=callback_manager)

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}

    def _query(self, query_bundle: QueryBundle) -> Response:
        answer = self._pipeline.ask(Question(query_bundle.query_str, self._filters))
        answered = isinstance(answer, Answer)
        metadata: dict[str, Any] = {
            "status": "answered" if answered else "no_answer",
            "reason": None if isinstance(answer, Answer) else answer.reason,
            "short_answers": list(answer.short_answers) if isinstance(answer, Answer) else [],
            "withheld": [{"text": each.text, "reason": each.reason} for each in answer.withheld],
            "confidence": answer.confidence,
            "answerer": answer.answerer,
        }
        citations: Sequence[Citation] = answer.citations if isinstance(answer, Answer) else ()
        return Response(
            answer.text, source_nodes=[citation_node(citation) for citation in citations], metadata=metadata
        )

    async def _aquery(self, query_bundle: QueryBundle) -> Response:
        return await asyncio.to_thread(self._query, query_bundle)


def hit_node(hit: Hit, document: Document) -> NodeWithScore:
    """One passage as a node, with the score that ranked it; scores compare only within one `by`."""
    passage = hit.passage
    return _node(
        f"{document.id}:{passage.ordinal:05d}",
        passage.text,
        passage.span.start,
        passage.span.end,
        {
            "document_id": document.id,
            "path": document.path,
            "title": document.title,
            "source": document.source,
            "author": document.author,
            "published": document.published,
            "page": document.page_at(passage.span.start),
            "heading": passage.heading,
            "start": passage.span.start,
            "end": passage.span.end,
            "rank": hit.rank,
            "by": hit.by,
        },
        hit.score,
    )


def citation_node(citation: Citation) -> NodeWithScore:
    """One quote as a node. It has no score: a quote is found or it is not."""
    quote = citation.quote
    return _node(
        f"{quote.document_id}[{quote.span.start}:{quote.span.end}]",
        quote.text,
        quote.span.start,
        quote.span.end,
        {name: value for name, value in citation_json(citation).items() if name != "quote"},
        None,
    )


def _node(
    node_id: str, text: str, start: int, end: int, metadata: dict[str, Any], score: float | None
) -> NodeWithScore:
    node = TextNode(
        id_=node_id,
        text=text,
        start_char_idx=start,
        end_char_idx=end,
        metadata=metadata,
        excluded_embed_metadata_keys=_NOT_FOR_MODELS,
        excluded_llm_metadata_keys=_NOT_FOR_MODELS,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=metadata["document_id"])},
    )
    return NodeWithScore(node=node, score=score)
