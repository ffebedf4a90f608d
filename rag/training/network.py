"""The trained reader as a torch module: BERT layers over (question, passage) or (claim, evidence), four heads.

Input: `[CLS] question [SEP] title [SEP] passage [SEP]` (or without the title's part); the question has token type 0, the
rest type 1. Output per token: start and end logits, place 0 (`[CLS]`) standing for "no answer here"; and one relevance
logit per pair. A pair of claim and evidence has one support logit instead. The embeddings are those of the packaged
all-MiniLM-L6-v2 and are not trained, so the exported reader need not hold them: it reads the packaged model's.

Dropout leaves out the same dimensions at every token of a pair (Gal and Ghahramani 2016): on a processor drawing a mask
for every token costs a tenth of a step, this costs nothing.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from rag.index.minilm import DIMENSION, HEAD_DIMENSION, HEADS, LAYER_NORM_EPSILON, LAYERS

HEAD_OUTPUTS = 2  # start, end
DROPOUT = 0.08


class Layer(nn.Module):
    """One layer of BERT; parameters are named as in the packaged file."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(DIMENSION, DIMENSION)
        self.key = nn.Linear(DIMENSION, DIMENSION)
        self.value = nn.Linear(DIMENSION, DIMENSION)
        self.attention_output = nn.Linear(DIMENSION, DIMENSION)
        self.attention_norm = nn.LayerNorm(DIMENSION, eps=LAYER_NORM_EPSILON)
        self.intermediate = nn.Linear(DIMENSION, 4 * DIMENSION)
        self.output = nn.Linear(4 * DIMENSION, DIMENSION)
        self.output_norm = nn.LayerNorm(DIMENSION, eps=LAYER_NORM_EPSILON)

    def forward(self, states: Tensor, mask: Tensor | None) -> Tensor:
        def heads(part: Tensor) -> Tensor:
            return part.view(*part.shape[:2], HEADS, HEAD_DIMENSION).transpose(1, 2)

        query, key, value = (heads(part(states)) for part in (self.query, self.key, self.value))
        # Not `scaled_dot_product_attention`: its backward pass on a processor takes several times as long.
        scores = query @ key.transpose(-1, -2) * HEAD_DIMENSION**-0.5
        weights = torch.softmax(scores if mask is None else scores + mask, -1, dtype=scores.dtype)
        joined = (weights @ value).transpose(1, 2).reshape(states.shape)
        states = self.attention_norm(states + self._dropped(self.attention_output(joined)))
        inner = functional.gelu(self.intermediate(states))
        changed: Tensor = self.output_norm(states + self._dropped(self.output(inner)))
        return changed

    def _dropped(self, states: Tensor) -> Tensor:
        if not self.training:
            return states
        kept = torch.full((states.shape[0], 1, states.shape[2]), 1 - DROPOUT, device=states.device)
        return states * (torch.bernoulli(kept) / (1 - DROPOUT)).to(states.dtype)


# Our names for the parts of a layer, and the packaged file's.
_PARTS = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attention_output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "intermediate": "intermediate.dense",
    "output": "output.dense",
    "output_norm": "output.LayerNorm",
}


class ReaderNetwork(nn.Module):
    """`forward(ids, types, lengths)` gives logits: start and end (b, length, 2), relevance (b,) and support (b,)."""

    words: Tensor
    positions: Tensor
    types: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.embedding_norm = nn.LayerNorm(DIMENSION, eps=LAYER_NORM_EPSILON).requires_grad_(False)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.span = nn.Linear(DIMENSION, HEAD_OUTPUTS)
        self.relevance = nn.Linear(DIMENSION, 1)
        self.support = nn.Linear(DIMENSION, 1)
        for name in ("words", "positions", "types"):
            self.register_buffer(name, torch.empty(0), persistent=False)

    @classmethod
    def from_packaged(cls, path: Path, seed: int = 0) -> ReaderNetwork:
        """The packaged model's weights from its safetensors file, with new heads."""
        torch.manual_seed(seed)
        network = cls()
        stored = load_file(path)
        network.words = stored["embeddings.word_embeddings.weight"]
        network.positions = stored["embeddings.position_embeddings.weight"]
        network.types = stored["embeddings.token_type_embeddings.weight"]
        network.embedding_norm.load_state_dict(
            {name: stored[f"embeddings.LayerNorm.{name}"] for name in ("weight", "bias")}
        )
        for number, layer in enumerate(network.layers):
            layer.load_state_dict(
                {
                    f"{ours}.{name}": stored[f"encoder.layer.{number}.{theirs}.{name}"]
                    for ours, theirs in _PARTS.items()
                    for name in ("weight", "bias")
                }
            )
        nn.init.normal_(network.span.weight, std=0.02)
        nn.init.normal_(network.relevance.weight, std=0.02)
        nn.init.normal_(network.support.weight, std=0.02)
        return network

    def forward(self, ids: Tensor, types: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        places = torch.arange(ids.shape[1], device=ids.device)
        present = places < lengths[:, None]
        with torch.no_grad():
            states = self.embedding_norm(self.words[ids] + self.positions[places] + self.types[types])
        mask = None if bool(present.all()) else (present[:, None, None, :].to(states.dtype) - 1) * 1e4
        for layer in self.layers:
            states = layer(states, mask)
        spans = self.span(states).float()
        spans = spans.masked_fill(~present[:, :, None], -1e4)
        whole = states[:, 0]
        return spans, self.relevance(whole).float().squeeze(-1), self.support(whole).float().squeeze(-1)
