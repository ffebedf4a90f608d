"""Fine-tune the packaged embedder on questions with passages: `python -m rag.training.embedder --data DIR --out FOLDER`.

The packaged model stays what is shipped; this is here to measure whether another would be better. One that learnt from
6,400 questions in ten minutes on two cores changed nDCG@10 so (`python -m evals.bench.embedders`; by meaning alone, then
fused with words, which is what the program does): Natural Questions .899 to .919 (p .04), .882 to .887 (p .35); news
.629 to .618 (p .20), .751 to .748 (p .52); the dossier of this repository .567 to .605 (p .01), .762 to .778 (p .03).
Better on one of three where it counts is not worth 45 MB more in the repository and every library indexed anew.
Pairs: SQuAD 1.1 train (without the articles that `rag.training.data` holds out) and Natural Questions train; a question's
negatives are the other passages of its batch (multiple negatives ranking loss, Henderson et al. 2017), among them, for
SQuAD, another paragraph of its own article. FOLDER is a sentence-transformers model: `index.embedder = FOLDER` uses it,
and `onrecord eval retrieval` with that setting measures it.
"""

from __future__ import annotations

import argparse
import logging
import random
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from rag.index.embed import packaged_model
from rag.training.data import NATURAL_QUESTIONS, SQUAD, Article, squad_split, tokenised_examples

log = logging.getLogger(__name__)

BATCH = 32
TOKENS = 200  # of a passage, as the splitter cuts them
WARM_UP = 0.1
NATURAL_SHARE = 0.3

Triple = tuple[str, str, str]  # question, its passage, another passage of the article (or of anywhere)


def triples(data: Path, seed: int) -> Iterator[Triple]:
    """Endless, repeatable."""
    chance = random.Random(seed)
    articles, _ = squad_split(data / SQUAD)
    natural = tokenised_examples(data / NATURAL_QUESTIONS)
    while True:
        if chance.random() < NATURAL_SHARE:
            one, other = chance.sample(natural, 2)
            yield one.question, one.text, other.text
        else:
            yield _of_article(chance.choice(articles), chance)


def _of_article(article: Article, chance: random.Random) -> Triple:
    example = chance.choice(article.examples)
    others = [text for text in article.texts if text != example.text]
    return example.question, example.text, chance.choice(others or list(article.texts))


def train(data: Path, out: Path, minutes: float, rate: float, seed: int = 5) -> None:
    """Writes the model when the time is used up."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    torch.manual_seed(seed)
    model = SentenceTransformer(str(packaged_model()), device="cpu")
    model.max_seq_length = TOKENS
    loss = MultipleNegativesRankingLoss(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    source = triples(data, seed)
    began, step, total = time.monotonic(), 0, 0.0
    while (share := (time.monotonic() - began) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate * min(share / WARM_UP + 1e-3, (1 - share) / (1 - WARM_UP))
        questions, passages, others = zip(*(next(source) for _ in range(BATCH)), strict=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value = loss([model.preprocess(list(column)) for column in (questions, passages, others)], None)
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step, total = step + 1, total + float(value.detach())
        if step % 20 == 0:
            log.info("step %d, %d questions: loss %.4f", step, step * BATCH, total / 20)
            total = 0.0
    model.max_seq_length = 256
    model.save(str(out))


def main() -> None:
    parser = argparse.ArgumentParser(description="Fine-tune the packaged embedder.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=2e-5, help="highest learning rate")
    parser.add_argument("--threads", type=int, default=0, help="threads; 0: as torch chooses")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_flush_denormal(True)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    train(arguments.data, arguments.out, arguments.minutes, arguments.rate)


if __name__ == "__main__":
    main()
