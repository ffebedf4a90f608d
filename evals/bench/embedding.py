"""How fast, and how exact, is each way to run the packaged embedding model?

    python -m evals.bench.embedding [--passages 300] [--only numpy openvino onnx torch] [--json]

Every way runs in a process of its own. `cold_s` is one question from the start of the process to its end, imports
included; `question_ms` the median of later questions; `passages_per_second` on passages of about 180 tokens, after the
first batch; `cosine` the least agreement with sentence-transformers in float32 over those passages. `numpy` encodes
questions only (see `rag.index.minilm`), the engines passages only; `torch` is sentence-transformers itself.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WAYS = ("torch", "numpy", "openvino", "onnx")
QUESTION = "How many prisoners were on the third flight?"
_PASSAGE_TOKENS = 180


def passages(number: int, embedder: Any) -> list[str]:
    """Synthetic passages of at most `_PASSAGE_TOKENS` tokens each, the same every time."""
    from evals.bench.texts import write_texts

    with tempfile.TemporaryDirectory() as folder:
        write_texts(Path(folder), number // 4 + 1)
        words = " ".join(path.read_text(encoding="utf-8") for path in sorted(Path(folder).iterdir()))
    spans = embedder.token_spans(words)
    starts = range(0, len(spans) - _PASSAGE_TOKENS, _PASSAGE_TOKENS)
    found = [words[spans[at].start : spans[at + _PASSAGE_TOKENS - 8].end] for at in starts]
    return found[:number]


def child(way: str, number: int, vectors: Path) -> dict[str, Any]:
    """Measure one way in this process; its vectors are written to `vectors`."""
    import numpy as np

    from rag.index.embed import PackagedEmbedder, SentenceTransformerEmbedder, packaged_model

    packaged = PackagedEmbedder("auto" if way in {"numpy", "torch"} else way)
    embedder = SentenceTransformerEmbedder(str(packaged_model())) if way == "torch" else packaged
    ask = embedder.encode if way in {"openvino", "onnx"} else embedder.encode_query
    if number == 0:
        ask(QUESTION if way in {"numpy", "torch"} else [QUESTION])  # type: ignore[arg-type]
        return {}
    texts = passages(number, packaged)
    if way == "numpy":
        texts = texts[:40]
        found = np.stack([packaged.encode_query(text) for text in texts[:2]])
        began = time.perf_counter()
        found = np.stack([packaged.encode_query(text) for text in texts])
    else:
        embedder.encode(texts[:16])
        began = time.perf_counter()
        found = embedder.encode(texts)
    seconds = time.perf_counter() - began
    np.save(vectors, found)
    times = []
    for turn in range(21):
        began = time.perf_counter()
        ask(f"{QUESTION} {turn}" if way in {"numpy", "torch"} else [f"{QUESTION} {turn}"])  # type: ignore[arg-type]
        times.append(time.perf_counter() - began)
    return {
        "way": way,
        "precision": packaged.engine.precision if way in {"openvino", "onnx"} else "f32",
        "passages_per_second": len(texts) / seconds,
        "question_ms": 1000 * sorted(times)[len(times) // 2],
    }


def measure(ways: Sequence[str], number: int) -> list[dict[str, Any]]:
    """One row a way; `cosine` is None where `torch` was not run."""
    import numpy as np

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for way in ways:
            stored = Path(folder) / f"{way}.npy"
            row = json.loads(_run(way, number, stored))
            colds = []
            for _ in range(3):
                began = time.perf_counter()
                _run(way, 0, stored)
                colds.append(time.perf_counter() - began)
            row["cold_s"] = sorted(colds)[1]
            rows.append(row)
        for row in rows:
            row["cosine"] = None
            if "torch" in ways:
                found, exact = (np.load(Path(folder) / f"{way}.npy") for way in (row["way"], "torch"))
                row["cosine"] = float((found * exact[: len(found)]).sum(axis=1).min())
    return rows


def _run(way: str, number: int, vectors: Path) -> str:
    command = [sys.executable, "-m", "evals.bench.embedding", "--child", way, str(number), str(vectors)]
    done = subprocess.run(
        command, env={**os.environ, "HF_HUB_OFFLINE": "1"}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{way} failed: {done.stderr[-2000:]}")
    return done.stdout


def render(rows: Sequence[dict[str, Any]]) -> str:
    lines = [f"{'':10} {'':5} {'passages/s':>10} {'question ms':>12} {'cold s':>7} {'cosine':>8}"]
    for row in rows:
        cosine = "" if row["cosine"] is None else f"{row['cosine']:.5f}"
        lines.append(
            f"{row['way']:10} {row['precision']:5} {row['passages_per_second']:10.1f} {row['question_ms']:12.1f} "
            f"{row['cold_s']:7.2f} {cosine:>8}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m evals.bench.embedding",
        description="Time the ways to run the packaged embedding model.",
    )
    parser.add_argument("--passages", type=int, default=300)
    parser.add_argument("--only", nargs="+", choices=WAYS, default=WAYS, metavar="WAY")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--child", nargs=3, metavar=("WAY", "PASSAGES", "VECTORS"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        way, number, vectors = options.child
        sys.stdout.write(json.dumps(child(way, int(number), Path(vectors))) + "\n")
        return 0
    rows = measure(options.only, options.passages)
    sys.stdout.write((json.dumps(rows, indent=2) if options.json else render(rows)) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
