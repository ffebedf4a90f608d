"""A run of seconds on the small data: it learns, an interrupted one goes on, and the shipped form says the same."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rag.answer.network import ReaderNetwork as Shipped
from rag.index.embed import packaged_model
from rag.training import reader as training
from rag.training.export import export, load_network
from rag.training.network import ReaderNetwork
from rag.training.reader import Plan, Trainer

PLAN = Plan(minutes=0.1, tokens=512, rate=3e-4)


@pytest.fixture(autouse=True)
def _note_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "LOG_STEPS", 2)


def losses(out: Path) -> list[float]:
    with (out / "curve.csv").open(encoding="utf-8") as file:
        return [float(row["value"]) for row in csv.DictReader(file) if row["measure"] == "loss"]


def test_a_run_learns_and_can_be_shipped(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    trainer = Trainer(data, out, replace(PLAN, minutes=0.4), "cpu")
    trainer.train()
    curve = losses(out)
    assert np.mean(curve[-3:]) < 0.9 * np.mean(curve[:3])

    network = load_network(out)
    path = tmp_path / "reader.onnx"
    export(network, path, full=True)
    shipped = Shipped(path)
    text = "The bridge of Arden was opened in 1908. It cost 31 million crowns."
    reading = shipped.read("What did the bridge cost?", [("Arden", text)])[0]
    (window,) = reading.windows
    ids = trainer.tokenizer.encode("What did the bridge cost?", add_special_tokens=False).ids
    title = trainer.tokenizer.encode("Arden", add_special_tokens=False).ids
    body = trainer.tokenizer.encode(text, add_special_tokens=False).ids
    first, separator = trainer.tokenizer.encode("").ids
    row = [first, *ids, separator, *title, separator, *body, separator]
    types = [0] * (len(ids) + 2) + [1] * (len(row) - len(ids) - 2)
    with torch.no_grad():
        spans, relevance, _ = network(torch.tensor([row]), torch.tensor([types]), torch.tensor([len(row)]))
    logits = (spans[0] - spans[0, 0]).numpy()[-1 - len(body) : -1]
    np.testing.assert_allclose(window.start, logits[:, 0], atol=2e-3)
    np.testing.assert_allclose(window.end, logits[:, 1], atol=2e-3)
    assert window.relevance == pytest.approx(float(relevance[0]), abs=2e-3)


def test_two_runs_can_be_shipped_as_their_mean(tmp_path: Path) -> None:
    states = []
    for seed in (1, 2):
        (tmp_path / str(seed)).mkdir()
        states.append(ReaderNetwork.from_packaged(packaged_model() / "model.safetensors", seed).state_dict())
        torch.save(states[-1], tmp_path / str(seed) / "network.pt")
    mean = load_network(tmp_path / "1", tmp_path / "2", 0.25).state_dict()
    assert not torch.equal(states[0]["span.weight"], states[1]["span.weight"])
    for name, values in mean.items():
        torch.testing.assert_close(values, 0.75 * states[0][name] + 0.25 * states[1][name])


def test_an_interrupted_run_goes_on(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = Trainer(data, out, PLAN, "cpu")
    first.train()
    again = Trainer(data, out, replace(PLAN, minutes=PLAN.minutes * 1.5), "cpu")
    again.resume()
    assert (again.step, again.seen, again.seconds) == (first.step, first.seen, first.seconds)
    again.train()
    assert again.step > first.step


def test_a_run_begins_with_the_weights_of_another(data: Path, tmp_path: Path) -> None:
    trainer = Trainer(data, tmp_path / "one", PLAN, "cpu")
    state = trainer.network.state_dict()
    path = tmp_path / "network.pt"
    torch.save({name: value for name, value in state.items() if not name.startswith("support.")}, path)
    other = Trainer(data, tmp_path / "two", replace(PLAN, seed=99), "cpu")
    other.start_from(path)
    assert torch.equal(other.network.span.weight, trainer.network.span.weight)

    torch.save({name: value for name, value in state.items() if not name.startswith("span.")}, path)
    with pytest.raises(RuntimeError, match="not the network of a reader"):
        other.start_from(path)
