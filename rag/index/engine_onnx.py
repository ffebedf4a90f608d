"""The packaged model on ONNX Runtime, for machines on which OpenVINO is not installed. Always float32.

The graph is built in memory with `onnx.helper` over the mapped weights each time it is needed, so there is no
converted file to keep. It mirrors `rag.index.engine_openvino` operator by operator.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from rag.index.minilm import (
    DIMENSION,
    HEAD_DIMENSION,
    HEADS,
    LAYER_NORM_EPSILON,
    Array,
    Layer,
    Linear,
    Weights,
)


def available() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in ("onnx", "onnxruntime"))


def import_onnxruntime() -> Any:
    """The `onnxruntime` package, its telemetry switched off before it starts.

    Since 1.29 the official builds for Linux and macOS, too, report sessions and models to Microsoft and keep an
    identifier of the machine under the user's cache; it is decided once, when the library is loaded. The call that
    its API offers comes too late for the first report, the variable does not.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    return onnxruntime


class ONNXEngine:
    """An ONNX Runtime session on the processor."""

    name = "onnx"
    precision = "f32"

    def __init__(self, weights: Weights) -> None:
        onnxruntime = import_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors only: warnings would mix with our own messages
        self._session = onnxruntime.InferenceSession(
            onnx_model(weights), options, providers=["CPUExecutionProvider"]
        )

    def infer(self, batches: Iterable[tuple[Array, Array]]) -> list[Array]:
        """Vectors (b, 384) of each batch of token ids (b, length) int32 and mask (b, length) float32, in order."""
        return [self._session.run(["vectors"], {"ids": ids, "mask": mask})[0] for ids, mask in batches]


def onnx_model(weights: Weights) -> bytes:
    """A serialised ONNX model (opset 20) of (ids int32, mask float32), both (batch, length), to (batch, 384)."""
    return Graph().build(weights)


class Graph:
    """Collects nodes and constants; every method returns the name of the value that it adds."""

    def __init__(self) -> None:
        from onnx import TensorProto, helper, numpy_helper

        self._types, self._helper, self._arrays = TensorProto, helper, numpy_helper
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def build(self, weights: Weights) -> bytes:
        helper, float32 = self._helper, self._types.FLOAT
        length = self._add("Gather", self._add("Shape", "ids"), self._integers(1))
        positions = self._add(
            "Slice", self._array(weights.positions), self._integers(0), length, self._integers(0)
        )
        words = self._add("Gather", self._array(weights.words), "ids")
        states = self._norm(self._add("Add", words, positions), weights.embedding_norm)
        # 0 for a token, -10,000 for padding, added to the attention scores (batch, 1, 1, length).
        absent = self._add("Sub", self._add("Unsqueeze", "mask", self._integers(1, 2)), self._scalar(1))
        hidden = self._add("Mul", absent, self._scalar(1e4))
        for layer in weights.layers:
            states = self.layer(states, layer, hidden)
        weight = self._add("Unsqueeze", "mask", self._integers(2))
        total = self._add("ReduceSum", self._add("Mul", states, weight), self._integers(1), keepdims=0)
        mean = self._add("Div", total, self._add("ReduceSum", weight, self._integers(1), keepdims=0))
        self._nodes.append(helper.make_node("LpNormalization", [mean], ["vectors"], axis=1, p=2))
        return self.finished(
            "minilm",
            [
                helper.make_tensor_value_info("ids", self._types.INT32, ["batch", "length"]),
                helper.make_tensor_value_info("mask", float32, ["batch", "length"]),
            ],
            [helper.make_tensor_value_info("vectors", float32, ["batch", DIMENSION])],
        )

    def layer(self, states: str, layer: Layer, hidden: str | None) -> str:
        """One layer of BERT. `hidden` is added to the attention scores; None where nothing is padded."""
        query = self._heads(self._linear(states, layer.query), [0, 2, 1, 3])
        key = self._heads(self._linear(states, layer.key), [0, 2, 3, 1])
        value = self._heads(self._linear(states, layer.value), [0, 2, 1, 3])
        scores = self._add("Mul", self._add("MatMul", query, key), self._scalar(HEAD_DIMENSION**-0.5))
        shown = scores if hidden is None else self._add("Add", scores, hidden)
        attention = self._add("Softmax", shown, axis=-1)
        joined = self._add("Transpose", self._add("MatMul", attention, value), perm=[0, 2, 1, 3])
        context = self._add("Reshape", joined, self._integers(0, 0, DIMENSION))
        attended = self._add("Add", states, self._linear(context, layer.attention_output))
        states = self._norm(attended, layer.attention_norm)
        activated = self._add("Gelu", self._linear(states, layer.intermediate))
        return self._norm(self._add("Add", states, self._linear(activated, layer.output)), layer.output_norm)

    def finished(self, name: str, inputs: list[Any], outputs: list[Any]) -> bytes:
        """The collected nodes as a serialised model."""
        graph = self._helper.make_graph(self._nodes, name, inputs, outputs, self._constants)
        model = self._helper.make_model(
            graph, opset_imports=[self._helper.make_opsetid("", 20)], ir_version=10
        )
        serialised: bytes = model.SerializeToString()
        return serialised

    def _add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        output = f"v{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def _array(self, array: np.ndarray[Any, Any]) -> str:
        name = f"c{len(self._constants)}"
        self._constants.append(self._arrays.from_array(np.asarray(array), name))
        return name

    def _integers(self, *values: int) -> str:
        return self._array(np.array(values, np.int64))

    def _scalar(self, value: float) -> str:
        return self._array(np.array(value, np.float32))

    def _linear(self, states: str, layer: Linear) -> str:
        product = self._add("MatMul", states, self._array(np.ascontiguousarray(layer.weight.T)))
        return self._add("Add", product, self._array(layer.bias))

    def _norm(self, states: str, layer: Linear) -> str:
        scale, bias = self._array(layer.weight), self._array(layer.bias)
        return self._add("LayerNormalization", states, scale, bias, axis=-1, epsilon=LAYER_NORM_EPSILON)

    def _heads(self, states: str, order: list[int]) -> str:
        split = self._add("Reshape", states, self._integers(0, 0, HEADS, HEAD_DIMENSION))
        return self._add("Transpose", split, perm=order)
