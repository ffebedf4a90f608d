"""all-MiniLM-L6-v2 from its safetensors file: the weights, memory-mapped, and an exact forward pass in numpy.

The weights are mapped, not read: a process that asks one question touches the 43 MB of the layers and a few rows of
the vocabulary. Nothing is converted and nothing is cached, because building the graph from the mapped weights each
time is as fast as loading a converted copy and leaves no file to be corrupted, raced for or outdated.

Cold process to the vector of one question, in seconds (2 cores; numpy itself takes 0.17 of each):
numpy here 0.23; OpenVINO with the graph built from the mapped weights 0.42.
Later questions take 13 ms and 1.6 ms. So one question goes through `forward`, many passages through an engine, and a
question has one vector, whether it is the first of a process or not.

The architecture is BERT (Devlin et al. 2018) with 6 layers, mean pooling and L2 normalisation, as configured in the
model's own `config.json` and `1_Pooling/config.json`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

LAYERS = 6
HEADS = 12
DIMENSION = 384
HEAD_DIMENSION = DIMENSION // HEADS
LAYER_NORM_EPSILON = 1e-12
_DTYPES = {"F32": "<f4", "I64": "<i8"}


@dataclass(frozen=True)
class Linear:
    """`weight` is (out, in) as stored, so a layer is `x @ weight.T + bias`."""

    weight: Array
    bias: Array


@dataclass(frozen=True)
class Layer:
    query: Linear
    key: Linear
    value: Linear
    attention_output: Linear
    attention_norm: Linear
    intermediate: Linear
    output: Linear
    output_norm: Linear


@dataclass(frozen=True)
class Weights:
    """`words` (vocabulary, 384); `positions` (512, 384), the embedding of token type 0 already added."""

    words: Array
    positions: Array
    embedding_norm: Linear
    layers: tuple[Layer, ...]


def load_weights(path: Path) -> Weights:
    """Map a safetensors file (8 bytes of header length, JSON header, raw tensors) and name its tensors.

    Raises:
        ValueError: the file is not a safetensors file of this model.
    """
    # Copy-on-write, because OpenVINO takes only writable arrays; no page is ever written.
    data = np.memmap(path, dtype=np.uint8, mode="c")
    start = 8 + int.from_bytes(data[:8].tobytes(), "little")
    try:
        header = json.loads(data[8:start].tobytes())
    except ValueError as error:
        raise ValueError(f"{path} is not a safetensors file") from error

    def tensor(name: str) -> Array:
        if name not in header:
            raise ValueError(f"{path} holds no tensor {name!r}")
        entry = header[name]
        begin, end = entry["data_offsets"]
        array: Array = data[start + begin : start + end].view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])
        return array

    def linear(name: str) -> Linear:
        return Linear(tensor(f"{name}.weight"), tensor(f"{name}.bias"))

    def layer(name: str) -> Layer:
        return Layer(
            query=linear(f"{name}.attention.self.query"),
            key=linear(f"{name}.attention.self.key"),
            value=linear(f"{name}.attention.self.value"),
            attention_output=linear(f"{name}.attention.output.dense"),
            attention_norm=linear(f"{name}.attention.output.LayerNorm"),
            intermediate=linear(f"{name}.intermediate.dense"),
            output=linear(f"{name}.output.dense"),
            output_norm=linear(f"{name}.output.LayerNorm"),
        )

    types = tensor("embeddings.token_type_embeddings.weight")
    return Weights(
        words=tensor("embeddings.word_embeddings.weight"),
        positions=tensor("embeddings.position_embeddings.weight") + types[0],
        embedding_norm=linear("embeddings.LayerNorm"),
        layers=tuple(layer(f"encoder.layer.{number}") for number in range(LAYERS)),
    )


def forward(weights: Weights, texts: Sequence[Sequence[int]]) -> Array:
    """Vectors, (len(texts), 384) and of unit length, of token id sequences that hold their special tokens.

    float32 throughout. The texts are laid end to end, so no padding is computed; each text attends to itself only.
    """
    if not texts:
        return np.zeros((0, DIMENSION), np.float32)
    lengths = [len(ids) for ids in texts]
    ends = np.cumsum(lengths)
    slices = [slice(int(end) - length, int(end)) for end, length in zip(ends, lengths, strict=True)]
    tokens = np.concatenate([np.asarray(ids, np.int64) for ids in texts])
    places = np.concatenate([np.arange(length) for length in lengths])
    states = _norm(weights.words[tokens] + weights.positions[places], weights.embedding_norm)
    for layer in weights.layers:
        query = _linear(states, layer.query) * np.float32(HEAD_DIMENSION**-0.5)
        key, value = _linear(states, layer.key), _linear(states, layer.value)
        context = np.empty_like(states)
        for part in slices:
            context[part] = _attend(query[part], key[part], value[part])
        states = _norm(states + _linear(context, layer.attention_output), layer.attention_norm)
        hidden = _gelu(_linear(states, layer.intermediate))
        states = _norm(states + _linear(hidden, layer.output), layer.output_norm)
    pooled = np.stack([states[part].mean(axis=0) for part in slices])
    vectors: Array = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    return vectors


_BLAS_LOCK = threading.Lock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let numpy multiply matrices on one thread meanwhile.

    OpenBLAS divides even these small ones among all cores and then spins for the slowest. On an idle machine that
    turns 13 ms a question into 9 ms; beside other busy processes it was measured to turn 28 ms into 240 to 1,100 ms.
    """
    from threadpoolctl import threadpool_limits

    # The number is the whole process's: two threads that set and restore it across each other would leave it at one.
    with _BLAS_LOCK, threadpool_limits(limits=1, user_api="blas"):
        yield


def _linear(states: Array, layer: Linear) -> Array:
    product: Array = states @ layer.weight.T
    product += layer.bias
    return product


def _norm(states: Array, layer: Linear) -> Array:
    centred = states - states.mean(axis=-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    normed: Array = centred / np.sqrt(variance + np.float32(LAYER_NORM_EPSILON)) * layer.weight + layer.bias
    return normed


def _attend(query: Array, key: Array, value: Array) -> Array:
    def heads(states: Array) -> Array:
        return states.reshape(-1, HEADS, HEAD_DIMENSION).transpose(1, 0, 2)

    scores = heads(query) @ heads(key).transpose(0, 2, 1)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    context: Array = (weights @ heads(value)).transpose(1, 0, 2).reshape(-1, DIMENSION)
    return context


def _gelu(states: Array) -> Array:
    activated: Array = states * (0.5 + 0.5 * _erf(states * np.float32(0.5**0.5)))
    return activated


def _erf(values: Array) -> Array:
    """Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7; numpy has no erf and scipy takes long to import."""
    size = np.abs(values)
    t = 1 / (1 + np.float32(0.3275911) * size)
    polynomial = np.float32(1.061405429) * t - np.float32(1.453152027)
    for coefficient in (1.421413741, -0.284496736, 0.254829592):
        polynomial = polynomial * t + np.float32(coefficient)
    signed: Array = np.sign(values) * (1 - polynomial * t * np.exp(-size * size))
    return signed
