"""How fast is indexing, beside the loader that a user would write in five lines?

    python -m evals.bench.indexing [--files 300 | --texts DIR] [--only ours stock256 stock1024] [--json]

Every contender runs in a process of its own, imports included, on the same files, one after the other, and is
measured from outside: seconds from start to exit and the peak of its resident memory. `ours` is `onrecord add`.
`stock256` and `stock1024` are LlamaIndex's reader and splitter, the packaged model through sentence-transformers and
Chroma; with chunks of 256 tokens, what the model can read, and with the default of 1,024. No network is needed.
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
from dataclasses import asdict, dataclass
from pathlib import Path

from evals.bench.texts import write_texts

CONTENDERS = ("ours", "stock256", "stock1024")
OVERLAP_TOKENS = 32  # of stock256; its default of 200 would index nearly everything several times


@dataclass(frozen=True, slots=True)
class Measured:
    """One contender. `peak_mib` is None where the system does not tell (Windows)."""

    name: str
    seconds: float
    files: int
    chunks: int
    peak_mib: float | None

    def as_json(self) -> dict[str, object]:
        rates = {
            "files_per_second": self.files / self.seconds,
            "chunks_per_second": self.chunks / self.seconds,
        }
        return {**asdict(self), **rates}


def measure(name: str, texts: Path, work: Path) -> Measured:
    """Run one contender over the files in `texts`, with `work` as its empty folder.

    Raises RuntimeError, with what it wrote to standard error, where it fails.
    """
    began = time.perf_counter()
    with (work / "out").open("wb") as out, (work / "err").open("wb") as err:
        process = subprocess.Popen(
            _command(name, texts, work), stdout=out, stderr=err, env=_environment(work)
        )
        peak = None
        if hasattr(os, "wait4"):
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            peak = usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
        else:
            process.wait()
    seconds = time.perf_counter() - began
    if process.returncode != 0:
        raise RuntimeError(f"{name} failed: {(work / 'err').read_text(errors='replace')[-2000:]}")
    told = json.loads((work / "out").read_bytes())
    files = len(told["added"]) if name == "ours" else told["files"]
    return Measured(name, seconds, files, told["passages"], peak)


def _command(name: str, texts: Path, work: Path) -> list[str]:
    if name == "ours":
        return [sys.executable, "-m", "rag", "add", str(texts), "--library", str(work / "library"), "--json"]
    chunk = name.removeprefix("stock")
    return [
        sys.executable,
        "-m",
        "evals.bench.stock",
        str(texts),
        str(work / "chroma"),
        chunk,
        str(OVERLAP_TOKENS),
    ]


def _environment(work: Path) -> dict[str, str]:
    """Ours, with every look-up of the contenders switched off and nothing of the user's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ONRECORD_")}
    return {
        **kept,
        "ONRECORD_CACHE": str(work / "cache"),
        "XDG_CONFIG_HOME": str(work / "config"),
        "ANONYMIZED_TELEMETRY": "False",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def render(results: Sequence[Measured]) -> str:
    """A table, each contender compared with `ours`."""
    ours = next((result for result in results if result.name == "ours"), None)
    lines = [
        f"{'':10} {'seconds':>8} {'files/s':>8} {'chunks':>7} {'chunks/s':>9} {'peak MiB':>9} {'ours is':>9}"
    ]
    for result in results:
        ratio = f"{result.seconds / ours.seconds:.2f} x" if ours is not None and result is not ours else ""
        peak = "" if result.peak_mib is None else f"{result.peak_mib:.0f}"
        rate, chunk_rate = result.files / result.seconds, result.chunks / result.seconds
        lines.append(
            f"{result.name:10} {result.seconds:8.1f} {rate:8.1f} {result.chunks:7} {chunk_rate:9.1f} {peak:>9} {ratio:>9}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m evals.bench.indexing", description="Time onrecord add against the stock loader."
    )
    parser.add_argument("--files", type=int, default=300, help="synthetic text files to make (default 300)")
    parser.add_argument("--texts", type=Path, help="a folder of text files to index instead")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=CONTENDERS, metavar="NAME")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="onrecord-bench-") as folder:
        texts = options.texts
        if texts is None:
            texts = Path(folder) / "texts"
            texts.mkdir()
            write_texts(texts, options.files)
        results = []
        for name in options.only:
            work = Path(folder) / name
            work.mkdir()
            results.append(measure(name, texts, work))
            sys.stderr.write(f"{name}: {results[-1].seconds:.1f} s\n")
    if options.json:
        sys.stdout.write(json.dumps([result.as_json() for result in results], indent=2) + "\n")
    else:
        sys.stdout.write(render(results) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
