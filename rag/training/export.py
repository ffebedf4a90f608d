"""Make the shipped reader of a training run: `python -m rag.training.export --run OUT [--earlier RUN --share S]
[--out rag/models/reader]`.

With `--earlier` its weights are the mean of the run's and of those of the run that this one began with ("model soup",
Wortsman et al. 2022, arXiv:2203.05482).

The network's layers and heads become one ONNX model, its matrices in 8 bits (per column, activations quantised as they
come). The word embeddings are those of the packaged model and stay there: the model takes their rows as input.
`--full` keeps float32, to compare. Needs torch, onnx and onnxruntime.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from rag.index.embed import packaged_model
from rag.index.engine_onnx import Graph, import_onnxruntime
from rag.index.minilm import DIMENSION, Array, Layer, Linear
from rag.training.network import ReaderNetwork

log = logging.getLogger(__name__)

MODEL = "reader.onnx"


def load_network(run: Path, earlier: Path | None = None, share: float = 0.0) -> ReaderNetwork:
    """The result of a run, or its last checkpoint where it has not ended; `share` of it (0 to 1) that of `earlier`."""
    network = ReaderNetwork.from_packaged(packaged_model() / "model.safetensors")
    state = _state(run)
    if earlier is not None:
        before = _state(earlier)
        state = {name: torch.lerp(values, before[name], share) for name, values in state.items()}
    network.load_state_dict(state)
    return network.eval()


def _state(run: Path) -> dict[str, torch.Tensor]:
    path = run / "network.pt"
    state: dict[str, torch.Tensor]
    if path.exists():
        state = torch.load(path, map_location="cpu", weights_only=True)
    else:
        state = torch.load(run / "checkpoint.pt", map_location="cpu", weights_only=True)["network"]
    return state


class _ReaderGraph(Graph):
    def build_reader(self, network: ReaderNetwork) -> bytes:
        """(words float32 (batch, length, 384), types int64 (batch, length)) to the three heads' outputs. No padding."""
        helper = self._helper
        length = self._add("Gather", self._add("Shape", "words"), self._integers(1))
        positions = self._add(
            "Slice", self._array(network.positions.numpy()), self._integers(0), length, self._integers(0)
        )
        types = self._add("Gather", self._array(network.types.numpy()), "types")
        states = self._norm(
            self._add("Add", self._add("Add", "words", positions), types), _linear(network.embedding_norm)
        )
        for layer in network.layers:
            states = self.layer(states, _layer(layer), None)
        first = self._add("Gather", states, self._array(np.array(0, np.int64)), axis=1)
        outputs = {
            "spans": self._linear(states, _linear(network.span)),
            "relevance": self._linear(first, _linear(network.relevance)),
            "support": self._linear(first, _linear(network.support)),
        }
        for name, value in outputs.items():
            self._nodes.append(helper.make_node("Identity", [value], [name]))
        float32, int64 = self._types.FLOAT, self._types.INT64
        return self.finished(
            "reader",
            [
                helper.make_tensor_value_info("words", float32, ["batch", "length", DIMENSION]),
                helper.make_tensor_value_info("types", int64, ["batch", "length"]),
            ],
            [
                helper.make_tensor_value_info("spans", float32, ["batch", "length", 2]),
                helper.make_tensor_value_info("relevance", float32, ["batch", 1]),
                helper.make_tensor_value_info("support", float32, ["batch", 1]),
            ],
        )


def _linear(module: nn.Module) -> Linear:
    def numbers(value: torch.Tensor) -> Array:
        array: Array = value.detach().numpy()
        return array

    return Linear(numbers(module.get_parameter("weight")), numbers(module.get_parameter("bias")))


def _layer(layer: nn.Module) -> Layer:
    return Layer(**{name: _linear(part) for name, part in layer.named_children()})


def export(network: ReaderNetwork, path: Path, *, full: bool = False) -> str:
    """Write the model; returns the SHA-256 of the file."""
    import_onnxruntime()
    from onnxruntime.quantization import QuantType, quantize_dynamic

    serialised = _ReaderGraph().build_reader(network)
    path.parent.mkdir(parents=True, exist_ok=True)
    if full:
        path.write_bytes(serialised)
    else:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "full.onnx"
            source.write_bytes(serialised)
            # In 7 of the 8 bits: processors without VNNI add pairs of products in 16 bits, which 8 would overflow.
            quantize_dynamic(
                source,
                path,
                op_types_to_quantize=["MatMul"],
                per_channel=True,
                reduce_range=True,
                weight_type=QuantType.QInt8,
            )
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the shipped reader of a training run.")
    parser.add_argument("--run", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--earlier", type=Path, help="folder of the run that it began with")
    parser.add_argument("--share", type=float, default=0.3, help="share of that one in the weights (0.3)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "models" / "reader")
    parser.add_argument("--full", action="store_true", help="keep float32")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    path = arguments.out / MODEL
    digest = export(
        load_network(arguments.run, arguments.earlier, arguments.share), path, full=arguments.full
    )
    log.info("%s: %d bytes, sha256 %s", path, path.stat().st_size, digest)


if __name__ == "__main__":
    main()
