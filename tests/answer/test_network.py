"""The shipped reader network: its file, its figures on a fixed set, and that a reading depends on the passage alone.

The passages and questions were written for this test; none is from a data set that the network was trained on.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rag.answer.network import ANSWER_TOKENS, MODEL, ReaderNetwork
from rag.types import Span

CARD = (MODEL.parent / "MODEL_CARD.md").read_text(encoding="utf-8")

LIGHTHOUSE = """The lighthouse on Carrow Point was lit for the first time on 3 May 1887. It was designed by the engineer \
Agnes Tullock, who had studied in Lisbon, and cost 41,000 crowns, twice the sum that parliament had granted. The lamp \
burned whale oil until 1911, when it was changed to paraffin. A keeper lived in the tower with her family until the \
light was made automatic in 1974."""
STRIKE = """About 3,200 tram drivers in Veldhaven stopped work on Monday because the city had cut their pauses from \
thirty minutes to twelve. "Nobody can drive nine hours on a sandwich," said their spokesman, Joris Maan. Mayor Elif \
Demir called the strike unlawful and said that the city would go to court. The airport line is run by another company, \
Noordlijn, and was not affected."""
RIVER = """The Ombra is 212 kilometres long and flows from the Sellin hills into the Bay of Marasi. In dry summers its \
upper part disappears under gravel. A dam near the town of Petrel has supplied electricity since 1962, and the reservoir \
behind it is the country's largest lake. Otters came back to the river in 2009 after a paper mill was closed."""
TRIAL = """The jury needed six hours to find Warren Ashby guilty of forging eleven paintings. Prosecutor Lena Moritz had \
asked for seven years; judge Paul Okonjo gave him four. The paintings had been sold through a gallery in Zurich for a \
total of 5.6 million francs. Ashby, a former restorer, said he would not appeal."""
HARVEST = """Apple growers in the Lenne valley expect to pick 18 percent fewer apples than last year. A late frost on \
the night of 22 April killed many blossoms, the growers' union said. Prices are nevertheless expected to fall, since the \
harvest in Poland was the best in ten years. Most growers are insured against hail, but not against frost."""
PASSAGES = (LIGHTHOUSE, STRIKE, RIVER, TRIAL, HARVEST)

ANSWERED = [
    ("When was the lighthouse first lit?", LIGHTHOUSE, "3 May 1887"),
    ("Who designed the lighthouse?", LIGHTHOUSE, "Agnes Tullock"),
    ("What did the lamp burn until 1911?", LIGHTHOUSE, "whale oil"),
    ("how much did the lighthouse cost", LIGHTHOUSE, "41,000 crowns"),
    ("How many tram drivers stopped work?", STRIKE, "3,200"),
    ("Who is the spokesman of the drivers?", STRIKE, "Joris Maan"),
    ("Which company runs the airport line?", STRIKE, "Noordlijn"),
    ("What did the mayor call the strike?", STRIKE, "unlawful"),
    ("How long is the Ombra?", RIVER, "212 kilometres"),
    ("Into which bay does the river flow?", RIVER, "Bay of Marasi"),
    ("Since when has the dam supplied electricity?", RIVER, "1962"),
    ("what animals came back to the river", RIVER, "Otters"),
    ("How long did the jury need?", TRIAL, "six hours"),
    ("How many paintings did Ashby forge?", TRIAL, "eleven"),
    ("In which city was the gallery?", TRIAL, "Zurich"),
    ("Who was the judge?", TRIAL, "Paul Okonjo"),
    ("What killed the blossoms?", HARVEST, "frost"),
    ("Where was the harvest the best in ten years?", HARVEST, "Poland"),
    ("What are most growers insured against?", HARVEST, "hail"),
    ("By how much will the apple harvest shrink?", HARVEST, "18 percent"),
]


@pytest.fixture(scope="module")
def network() -> ReaderNetwork:
    return ReaderNetwork()


def test_the_file_is_the_one_that_the_card_describes() -> None:
    data = MODEL.read_bytes()
    assert hashlib.sha256(data).hexdigest() in CARD
    assert f"{len(data):,} bytes" in CARD
    assert len(data) <= 25_000_000


def test_figures_on_the_fixed_set_match_the_card(network: ReaderNetwork) -> None:
    """The right words inside the span and little more, and the right passage ahead of the four others."""
    found = placed = 0
    for question, text, answer in ANSWERED:
        readings = network.read(question, [("", passage) for passage in PASSAGES])
        spans = [reading.best() for reading in readings]
        scores = [span[1] if span else -99.0 for span in spans]
        right = PASSAGES.index(text)
        placed += max(range(len(PASSAGES)), key=lambda index: scores[index]) == right
        best = spans[right]
        assert best is not None
        words = best[0].of(text)
        found += answer in words and len(words.split()) <= len(answer.split()) + 4
    stated = re.search(r"fixed set: (\d+) of (\d+) spans, (\d+) of \d+ passages", CARD)
    assert stated is not None
    assert int(stated[2]) == len(ANSWERED)
    # Processors round the quantised activations differently; one question may tip over.
    assert abs(found - int(stated[1])) <= 1
    assert abs(placed - int(stated[3])) <= 1


def test_a_reading_does_not_depend_on_what_else_is_read(network: ReaderNetwork) -> None:
    question = "Who designed the lighthouse?"
    (alone,) = network.read(question, [("Carrow Point", LIGHTHOUSE)])
    together = network.read(
        question, [("", STRIKE), ("Carrow Point", LIGHTHOUSE), ("", RIVER + " " + HARVEST), ("", "Short.")]
    )[1]
    again = network.read(question, [("Carrow Point", LIGHTHOUSE)])[0]
    for other in (together, again):
        for one, two in zip(alone.windows, other.windows, strict=True):
            assert np.array_equal(one.start, two.start)
            assert np.array_equal(one.end, two.end)
            assert one.relevance == two.relevance


def test_spans_stay_inside_the_sentence_that_is_asked_for(network: ReaderNetwork) -> None:
    (reading,) = network.read("Who gave Ashby four years?", [("", TRIAL)])
    for start, end in ((0, 80), (81, 171), (172, len(TRIAL))):
        found = reading.best(Span(start, end))
        assert found is not None
        assert Span(start, end).contains(found[0])
    best = reading.best()
    assert best is not None
    assert best[1] >= max(reading.best(Span(start, start + 60))[1] for start in range(0, 180, 20))  # type: ignore[index]
    assert reading.best(Span(3, 3)) is None


def test_long_texts_are_read_in_windows_and_empty_ones_are_survived(network: ReaderNetwork) -> None:
    filler = "The weather was grey and nothing else happened on the quay that day. " * 60
    text = filler + LIGHTHOUSE + " " + filler
    long, empty, broken = network.read(
        "Who designed the lighthouse?", [("", text), ("", " \n"), ("", "Agnes \ud800 Tullock")]
    )
    best = long.best()
    assert best is not None
    assert "Agnes Tullock" in best[0].of(text)
    assert len(long.windows) > 3
    assert empty.windows == ()
    assert empty.best() is None
    assert empty.relevance < -10
    assert broken.windows[0].tokens.max() == len("Agnes x Tullock")
    for window in long.windows:
        sums = window.sums(0, len(window.tokens))
        assert np.isfinite(sums[sums > -np.inf]).all()
    assert max(len(span) for span in (best[0],)) < ANSWER_TOKENS * 20


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("**May 1887**: the _lamp_ is lit.", "May 1887: the lamp is lit."),
        ("## Lamps\nThe lamp was lit in `May 1887`.", "Lamps\nThe lamp was lit in May 1887."),
    ],
)
def test_markdown_is_not_read_and_places_stay_those_of_the_text(
    network: ReaderNetwork, marked: str, plain: str
) -> None:
    with_marks, without = network.read("When was the lamp lit?", [("", marked), ("", plain)])
    (span, score), best = with_marks.best() or pytest.fail("no span"), without.best()
    assert span.of(marked) == "May 1887"
    assert best is not None
    assert (best[0].of(plain), best[1], without.relevance) == ("May 1887", score, with_marks.relevance)


def test_marks_inside_words_are_read(network: ReaderNetwork) -> None:
    named = "The lamp's log is in the file lamp_log_1887.txt on the desk, 3 # 4."
    (reading,) = network.read("Which file holds the log?", [("", named)])
    span, _ = reading.best() or pytest.fail("no span")
    assert "lamp_log_1887" in span.of(named)


def test_what_was_read_is_not_read_again_while_it_is_kept() -> None:
    network = ReaderNetwork(keep=3)
    question = "Who was the judge?"
    first, same, other = network.read(question, [("", TRIAL), ("", TRIAL), ("", HARVEST)])
    assert first is same is not other
    assert network.read(question, [("", HARVEST), ("", TRIAL)]) == [other, first]
    assert network.read(question, [("", TRIAL)])[0] is first
    assert network.read(question, [("A title", TRIAL)])[0] is not first
    assert network.read("Who was the prosecutor?", [("", TRIAL)])[0] is not first
    # Three others since: the first is gone, and read again it says the same.
    network.read(question, [("", LIGHTHOUSE)])
    again = network.read(question, [("", TRIAL), ("", STRIKE), ("", RIVER), ("", HARVEST), ("", LIGHTHOUSE)])[
        0
    ]
    assert again is not first
    assert (again.relevance, again.best()) == (first.relevance, first.best())


def test_several_threads_share_one_network() -> None:
    network = ReaderNetwork(keep=2)
    wanted = [("", passage) for passage in PASSAGES]
    alone = [reading.best() for reading in network.read("Who was the judge?", wanted)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: network.read("Who was the judge?", wanted), range(8)))
    assert all([reading.best() for reading in readings] == alone for readings in found)


def test_reading_needs_no_torch() -> None:
    code = (
        "import sys; from rag.answer.network import ReaderNetwork;"
        "ReaderNetwork().read('Who?', [('', 'Agnes Tullock designed it.')]);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'onnx', 'transformers', 'llama_index')))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0
