"""Train the reader: `python -m rag.training.reader --data DIR --out DIR [--device cuda] [--minutes N]
[--start NETWORK] [--resume]`.

Needs torch and the data that `rag.training.data` names. The learning rate rises for 6 % of the time and then falls to 0
at its end, so `--minutes` is the plan and a run uses all of it. `OUT/checkpoint.pt` is replaced every five
minutes; `--resume` goes on from there, the time already used included. `OUT/network.pt` is the result, `OUT/curve.csv`
the curve; `--start` begins with the weights of another run's (give it another `--seed`, or it learns from the same
examples first). `rag.training.export` makes the shipped file of it.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import os
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from rag.index.embed import packaged_model
from rag.training.claims import FOLDER, recorded
from rag.training.data import SQUAD, SQUAD2, Example, news, spanish, squad2_split, squad_split
from rag.training.network import ReaderNetwork
from rag.training.stream import Stream
from rag.training.windows import Encoded, Windows, batches

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 300
LOG_STEPS = 50
WARM_UP = 0.06
MULTIPLE = (
    16  # batches are as wide as a multiple of this: on a processor every new shape costs; 1.4 x measured
)


@dataclass(frozen=True)
class Plan:
    """What a run is. `tokens` is the size of a batch, padding included."""

    minutes: float
    tokens: int = 4096
    rate: float = 2e-4
    head_rate: float = 1e-3
    smoothing: float = 0.05
    relevance_weight: float = 0.5
    support_weight: float = 1.0
    seed: int = 5


def collate(members: Sequence[Encoded]) -> dict[str, Tensor]:
    """Padded tensors of a batch."""
    lengths = torch.tensor([len(member.ids) for member in members])
    width = -(-int(lengths.max()) // MULTIPLE) * MULTIPLE
    ids = torch.zeros(len(members), width, dtype=torch.long)
    types = torch.zeros_like(ids)
    for row, member in enumerate(members):
        ids[row, : len(member.ids)] = torch.tensor(member.ids)
        types[row, : len(member.ids)] = torch.tensor(member.types)
    return {
        "ids": ids,
        "types": types,
        "lengths": lengths,
        "start": torch.tensor([member.start for member in members]),
        "end": torch.tensor([member.end for member in members]),
        "claim": torch.tensor([member.supported is not None for member in members]),
        "supported": torch.tensor([bool(member.supported) for member in members]),
    }


def loss_of(network: ReaderNetwork, batch: dict[str, Tensor], plan: Plan) -> Tensor:
    """Cross-entropy of start and end (the first place where there is no answer) and of the relevance; of the support
    where the pair is a claim."""
    spans, relevance, support = network(batch["ids"], batch["types"], batch["lengths"])
    places = [
        _smoothed(spans[:, :, index], batch[name], batch["lengths"], plan.smoothing)
        for index, name in enumerate(("start", "end"))
    ]
    answers = (batch["start"] > 0).float()
    related = functional.binary_cross_entropy_with_logits(relevance, answers, reduction="none")
    supported = functional.binary_cross_entropy_with_logits(
        support, batch["supported"].float(), reduction="none"
    )
    read = (places[0] + places[1]) / 2 + plan.relevance_weight * related
    return torch.where(batch["claim"], plan.support_weight * supported, read).mean()


def _smoothed(logits: Tensor, places: Tensor, lengths: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy with the label spread over the present places only."""
    logs = functional.log_softmax(logits, dim=1)
    present = torch.arange(logits.shape[1], device=logits.device) < lengths[:, None]
    right = logs.gather(1, places[:, None]).squeeze(1)
    even = (logs * present).sum(1) / lengths
    return -((1 - smoothing) * right + smoothing * even)


def development(data: Path, tokenizer: Tokenizer, count: int = 250) -> list[tuple[str, Encoded]]:
    """A fixed sample of (kind, example) from the held-out articles, texts and claims; passages of up to 200 tokens."""
    chance = random.Random(1)
    windows = Windows(tokenizer)
    parts: dict[str, list[Example]] = {
        "squad": [example for article in squad_split(data / SQUAD)[1] for example in article.examples],
        "squad2": [example for article in squad2_split(data / SQUAD2)[1] for example in article.examples],
        "news": [example for article in news()[1] for example in article.examples],
        "spanish": [example for article in spanish()[1] for example in article.examples],
    }
    sample = []
    for kind, examples in parts.items():
        for example in chance.sample(examples, min(count, len(examples))):
            encoded = windows.encode(example, chance, longest=200)
            if encoded:
                sample.append((kind, encoded))
    held = [claim for part in recorded(data / FOLDER)[1].values() for claim in part]
    return sample + [("claims", windows.claim(claim)) for claim in chance.sample(held, min(count, len(held)))]


def best_spans(spans: Tensor, ids: Sequence[int], separator: int) -> tuple[int, int, float]:
    """(start, end, score above that of no answer) of the best span of at most 30 tokens of the passage."""
    body = [place for place, token in enumerate(ids) if token == separator]
    first, last = body[-2] + 1, body[-1]
    sums = spans[first:last, None, 0] + spans[None, first:last, 1]
    allowed = torch.ones_like(sums, dtype=torch.bool).triu().tril(29)
    sums = sums.masked_fill(~allowed, -1e9)
    best = int(sums.argmax())
    width = last - first
    return first + best // width, first + best % width, float(sums.max() - spans[0].sum())


def evaluate(
    network: ReaderNetwork, sample: Sequence[tuple[str, Encoded]], separator: int, device: str
) -> dict[str, float]:
    """Token F1 of the best span where there is an answer; how well score and relevance tell the two kinds apart."""
    network.eval()
    overlaps: dict[str, list[float]] = {}
    scores: dict[str, list[tuple[float, float, bool]]] = {}
    claims: list[tuple[float, bool]] = []
    order = sorted(range(len(sample)), key=lambda index: len(sample[index][1].ids))
    with torch.no_grad():
        for start in range(0, len(order), 16):
            members = [sample[index] for index in order[start : start + 16]]
            batch = {name: value.to(device) for name, value in collate([one for _, one in members]).items()}
            spans, relevance, support = network(batch["ids"], batch["types"], batch["lengths"])
            for row, (kind, one) in enumerate(members):
                if one.supported is not None:
                    claims.append((float(support[row]), one.supported))
                    continue
                first, last, score = best_spans(spans[row].cpu(), one.ids, separator)
                if kind != "squad":
                    scores.setdefault(kind, []).append((score, float(relevance[row]), one.start > 0))
                if one.start:
                    shared = max(0, min(last, one.end) - max(first, one.start) + 1)
                    total = last - first + one.end - one.start + 2
                    overlaps.setdefault(kind, []).append(2 * shared / total)
    network.train()
    report = {f"{kind} f1": sum(values) / len(values) for kind, values in sorted(overlaps.items())}
    for kind, values in sorted(scores.items()):
        report[f"{kind} auroc span"] = _auroc([(score, label) for score, _, label in values])
        report[f"{kind} auroc relevance"] = _auroc([(score, label) for _, score, label in values])
    report["auroc support"] = _auroc(claims)
    return {name: round(value, 4) for name, value in report.items()}


def _auroc(scores: Iterable[tuple[float, bool]]) -> float:
    from sklearn.metrics import roc_auc_score

    values, labels = zip(*scores, strict=True)
    return float(roc_auc_score(labels, values))


class Trainer:
    """One run: network, optimiser, the stream of batches, and the seconds used so far."""

    def __init__(self, data: Path, out: Path, plan: Plan, device: str) -> None:
        folder = packaged_model()
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.data, self.out, self.plan, self.device = data, out, plan, device
        self.network = ReaderNetwork.from_packaged(folder / "model.safetensors", plan.seed).to(device)
        heads = [
            parameter
            for head in (self.network.span, self.network.relevance, self.network.support)
            for parameter in head.parameters()
        ]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": list(self.network.layers.parameters()), "rate": plan.rate},
                {"params": heads, "rate": plan.head_rate},
            ],
            betas=(0.9, 0.98),
            weight_decay=0.01,
            fused=True,
        )
        self.step, self.seconds, self.seen = 0, 0.0, 0
        self.autocast = torch.autocast(device, dtype=torch.bfloat16, enabled=half_is_faster(device))

    def train(self) -> None:
        """Until the plan's time is used up; writes `network.pt`."""
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / "plan.json").write_text(json.dumps(asdict(self.plan)) + "\n", encoding="utf-8")
        stream = Stream(self.data, self.tokenizer, self.plan.seed)
        stream.load()
        sample = development(self.data, self.tokenizer)
        # A resumed run passes over the batches that were used before; that takes seconds.
        source = islice(batches(stream.examples(), self.plan.tokens), self.step, None)
        losses: list[float] = []
        saved = self.seconds
        while self.seconds < self.plan.minutes * 60:
            began = time.monotonic()
            members = next(source)
            losses.append(self._step(members))
            self.step, self.seen = self.step + 1, self.seen + len(members)
            self.seconds += time.monotonic() - began
            if self.step % LOG_STEPS == 0:
                self._note({"loss": round(sum(losses) / len(losses), 4)})
                losses = []
            if self.seconds - saved >= CHECKPOINT_SECONDS:
                self.save()
                saved = self.seconds
                self._note(self._evaluate(sample))
        self._note(self._evaluate(sample))
        self.save()
        torch.save(self.network.state_dict(), self.out / "network.pt")

    def _step(self, members: Sequence[Encoded]) -> float:
        batch = {name: value.to(self.device) for name, value in collate(members).items()}
        share = self.seconds / (self.plan.minutes * 60)
        factor = max(0.0, min(1.0, (share + 1e-4) / WARM_UP, (1 - share) / (1 - WARM_UP)))
        for group in self.optimizer.param_groups:
            group["lr"] = factor * group["rate"]
        with self.autocast:
            loss = loss_of(self.network, batch, self.plan)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        return float(loss.detach())

    def _evaluate(self, sample: Sequence[tuple[str, Encoded]]) -> dict[str, float]:
        with self.autocast:
            return evaluate(self.network, sample, self.tokenizer.encode("").ids[-1], self.device)

    def _note(self, values: dict[str, float]) -> None:
        path = self.out / "curve.csv"
        rows = [[self.step, self.seen, round(self.seconds), name, value] for name, value in values.items()]
        new = not path.exists()
        with path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([["step", "examples", "seconds", "measure", "value"]] if new else [])
            writer.writerows(rows)
        log.info("step %d, %d examples, %.0f s: %s", self.step, self.seen, self.seconds, values)

    def save(self) -> None:
        """Replace the checkpoint; an interruption leaves the old one."""
        state: dict[str, Any] = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "seen": self.seen,
        }
        part = self.out / "checkpoint.part"
        torch.save(state, part)
        os.replace(part, self.out / "checkpoint.pt")

    def start_from(self, path: Path) -> None:
        """Begin with the weights of a finished run; a head that it lacks begins new. Raises RuntimeError for others'."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        lacking = self.network.load_state_dict(state, strict=False)
        if lacking.unexpected_keys or any(not name.startswith("support.") for name in lacking.missing_keys):
            raise RuntimeError(f"{path} is not the network of a reader")

    def resume(self) -> None:
        """Go on from the checkpoint. Raises FileNotFoundError where there is none."""
        state = torch.load(self.out / "checkpoint.pt", map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds, self.seen = state["step"], state["seconds"], state["seen"]


def half_is_faster(device: str) -> bool:
    """Whether to compute in bfloat16: on a GPU, and on processors that have instructions for it."""
    if device != "cpu":
        return True
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and torch.cpu._is_amx_tile_supported()


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the reader.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--minutes", type=float, default=50.0)
    parser.add_argument("--tokens", type=int, default=Plan.tokens, help="tokens in a batch")
    parser.add_argument("--rate", type=float, default=Plan.rate, help="highest learning rate")
    parser.add_argument(
        "--threads", type=int, default=0, help="threads on the processor; 0: as torch chooses"
    )
    parser.add_argument("--seed", type=int, default=Plan.seed, help="of the order of the examples")
    parser.add_argument("--start", type=Path, help="a network.pt to begin with instead of the packaged model")
    parser.add_argument("--resume", action="store_true", help="go on from OUT/checkpoint.pt")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_flush_denormal(True)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    plan = Plan(arguments.minutes, tokens=arguments.tokens, rate=arguments.rate, seed=arguments.seed)
    trainer = Trainer(arguments.data, arguments.out, plan, arguments.device)
    if arguments.start:
        trainer.start_from(arguments.start)
    if arguments.resume:
        trainer.resume()
    trainer.train()


if __name__ == "__main__":
    main()
