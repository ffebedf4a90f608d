"""The page with a language model behind it: choosing one, an answer as it comes, failing, stopping, confidentiality.

The model is `evals.scripted_llm`, a real server on this machine that replies, lies and fails as each test says.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from evals.scripted_llm import Recorded, Rule, ScriptedServer, scripted
from rag.errors import UsageError
from rag.passwords import hash_password
from rag.settings import Settings
from ui.desk import Desk

from .conftest import Serve

pytestmark = pytest.mark.browser

TEXT = """The harbour of Vella

The harbour of Vella has nine cranes and a dry dock. The harbour master, Ines Tolmar, took office in 2019.

The dry dock was built in 1931 by the yard Orsolo. It was rebuilt after the flood of 1954.

The ferry Albatross carries 240 passengers. It sails to Orsolo every Monday.
"""
CRANES = "The harbour of Vella has nine cranes"
QUESTION = "How many cranes does the harbour of Vella have?"
# Says it is not this machine, and would reach the scripted server all the same if anything were sent.
AWAY = "0.0.0.0"


def number_of(prompt: str, words: str) -> int:
    """The number under which the prompt shows the sentence that has these words."""
    found = re.search(rf"\[(\d+)\] [^\n]*{re.escape(words)}", prompt)
    assert found, f"{words!r} was not shown"
    return int(found[1])


def says(*statements: tuple[str, str], **more: Any) -> Callable[[str], str]:
    """A reply of statements, each with the words of the sentence that it cites."""

    def reply(prompt: str) -> str:
        told = [
            {"text": text, "sentences": [number_of(prompt, words)], "speaker": None, "short": None}
            for text, words in statements
        ]
        return json.dumps({"statements": told, "missing": None} | more)

    return reply


HONEST = says(("The harbour of Vella has nine cranes.", CRANES))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from rag.index.library import Library

    folder = tmp_path_factory.mktemp("answerers")
    (folder / "harbour.txt").write_text(TEXT, encoding="utf-8")
    with Library.open(folder / "library", Settings(), write=True, create=True) as library:
        library.add([folder / "harbour.txt"])
    return folder / "library"


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted() as running:
        yield running


@pytest.fixture(scope="module")
def address(serve: Serve, library: Path, server: ScriptedServer) -> Iterator[str]:
    with serve(library, "--answerer", server.spec) as found:
        yield found


@pytest.fixture
def script(server: ScriptedServer) -> Iterator[Callable[..., None]]:
    """`script(Rule(…), …)` says what the model does from now on."""

    def write(*rules: Rule) -> None:
        server.rules[:] = rules
        server.requests.clear()
        server._served.clear()

    write()
    yield write
    write()


def ask(page: Any, question: str = QUESTION) -> None:
    page.get_by_label("Question").fill(question)
    page.locator("#ask").click()


def choose(page: Any, spec: str) -> None:
    if not page.locator("#who input").is_visible():
        page.locator("#settings button").first.click()
    field = page.locator("#who input")
    field.wait_for()
    field.fill(spec)
    field.press("Enter")


def place(page: Any) -> Any:
    return page.locator("#place .otr-place")


# An answer ----------------------------------------------------------------------------------------------------------


def test_statements_are_shown_as_they_are_verified_and_then_the_answer(
    page: Any, address: str, script: Callable[..., None]
) -> None:
    reply = says(
        ("The harbour of Vella has nine cranes.", CRANES),
        ("The dry dock was built in 1931 by the yard Orsolo.", "built in 1931"),
    )
    script(Rule(reply=reply, pace_s=0.25))
    page.goto(address)
    ask(page, "What is there in the harbour of Vella, and when was the dry dock built?")
    page.locator("#answer .otr-steps").wait_for()
    page.locator("#answer .otr-steps", has_text="drafting").wait_for()
    first = page.locator("#answer .otr-stated .otr-statement").first
    first.wait_for(timeout=60_000)
    # One statement is on the page while the second is still being written.
    assert page.locator("#answer .otr-statement").count() == 1
    assert page.locator("#answer .otr-answer").count() == 0
    assert "nine cranes" in first.inner_text()
    page.locator("#answer .otr-answer").wait_for(timeout=60_000)
    answer = page.locator("#answer .otr-answer").inner_text()
    assert "nine cranes" in answer
    assert "1931" in answer
    quotes = page.locator("#answer .otr-card mark.quote").all_inner_texts()
    assert all(" ".join(quote.split()) in " ".join(TEXT.split()) for quote in quotes)
    assert len(quotes) == 2
    use = page.locator("#answer .otr-use").inner_text()
    assert "openai-compatible:scripted@" in use
    assert "on this machine" in use
    assert re.search(r"\d tokens read", use)
    assert page.errors == []


def test_a_lie_is_withheld_closed_with_its_reason(
    page: Any, address: str, script: Callable[..., None]
) -> None:
    script(Rule(reply=says(("The harbour has nine cranes.", CRANES), ("It has 14 cranes.", CRANES))))
    page.goto(address)
    ask(page)
    page.locator("#answer .otr-answer").wait_for(timeout=60_000)
    assert "14" not in page.locator("#answer .otr-answer").inner_text()
    withheld = page.locator("#answer details.otr-withheld")
    assert "1 withheld" in withheld.locator("summary").inner_text()
    assert not withheld.locator("li").is_visible()
    withheld.locator("summary").click()
    assert "It has 14 cranes." in withheld.locator("li").inner_text()
    assert "14" in withheld.locator("li em").inner_text()


def test_what_a_model_says_is_never_markup(page: Any, address: str, script: Callable[..., None]) -> None:
    evil = (
        '<img src=x onerror="window.hit=1"> ![leak](http://leak.invalid/?q=1) [x](javascript:window.hit=2) '
        "${window.hit=3} {{window.hit=4}}"
    )
    statements = [
        {"text": f"The harbour has nine cranes. {evil}", "sentences": [1], "speaker": evil, "short": evil},
        {"text": f"{evil} {evil}", "sentences": [99999], "speaker": evil, "short": None},
    ]
    script(Rule(reply=json.dumps({"statements": statements, "missing": evil}), pace_s=0.02))
    page.goto(address)
    ask(page)
    page.locator("#answer .otr-answer, #answer .otr-failure").first.wait_for(timeout=60_000)
    page.wait_for_timeout(300)
    assert page.evaluate("window.hit") is None
    shown = page.locator("#answer")
    assert shown.locator("img, script, iframe, a[href^=javascript], a[href*='leak.invalid']").count() == 0
    outside = [
        url for url in page.asked if urlsplit(url).scheme.startswith("http") and not url.startswith(address)
    ]
    assert outside == []
    assert page.errors == []


def test_a_follow_up_is_understood_from_the_topic_until_a_new_one_begins(
    page: Any, address: str, script: Callable[..., None]
) -> None:
    understood = "When was the dry dock of Vella built?"
    script(
        Rule(match="The last question, to be rewritten", reply=json.dumps({"question": understood})),
        Rule(match="dry dock of Vella built", reply=says(("It was built in 1931.", "built in 1931"))),
        Rule(reply=HONEST),
    )
    page.goto(address)
    assert not page.locator("#new-topic").is_visible()
    ask(page)
    page.locator("#answer .otr-answer").wait_for(timeout=60_000)
    ask(page, "And when was its dry dock built?")
    page.locator("#earlier details").wait_for(timeout=60_000)
    page.locator("#answer .otr-searched").wait_for(timeout=60_000)
    page.locator("#answer .otr-answer").wait_for(timeout=60_000)
    assert understood in page.locator("#answer .otr-searched").inner_text()
    assert "1931" in page.locator("#source-1 mark.quote").inner_text()
    # The earlier turn keeps its own evidence, under names of its own.
    page.locator("#earlier summary").first.click()
    assert "nine cranes" in page.locator("#earlier #turn-1-source-1 mark.quote").inner_text()
    page.locator("#new-topic").click()
    page.locator("#earlier details").wait_for(state="detached")
    assert page.locator("#answer .otr-answer").count() == 0
    ask(page)
    page.locator("#answer .otr-answer").wait_for(timeout=60_000)
    assert page.locator("#answer .otr-searched").count() == 0


# Failing and stopping -----------------------------------------------------------------------------------------------


def test_a_failure_is_clear_and_the_built_in_reader_answers_instead(
    page: Any, address: str, script: Callable[..., None], server: ScriptedServer
) -> None:
    script(Rule(fault="status", status=401, message="wrong key"))
    page.goto(address)
    ask(page)
    failure = page.locator("#answer .otr-failure")
    failure.wait_for(timeout=60_000)
    assert "Next step" in failure.inner_text()
    assert page.locator("#answer .otr-answer").count() == 0
    asked = len(server.requests)
    page.locator("#instead").click()
    page.locator("#source-1 mark.quote").wait_for(timeout=60_000)
    assert "nine cranes" in page.locator("#source-1 mark.quote").inner_text()
    assert "built-in reader" in page.locator("#answer .otr-use").inner_text()
    assert not page.locator("#instead").is_visible()
    assert len(server.requests) == asked
    # And the model can be asked again.
    script(Rule(reply=HONEST))
    ask(page)
    page.locator("#answer .otr-use", has_text="scripted").wait_for(timeout=60_000)


@pytest.mark.parametrize("fault", ["cut", "invalid_json", "refusal"])
def test_every_broken_reply_ends_in_a_state_with_a_next_step(
    page: Any, address: str, script: Callable[..., None], fault: str
) -> None:
    script(Rule(reply=HONEST, fault=fault, after=5))
    page.goto(address)
    ask(page)
    page.locator("#answer .otr-failure, #answer .otr-answer").first.wait_for(timeout=90_000)
    assert "internal error" not in page.locator("#answer").inner_text()
    if page.locator("#answer .otr-failure").count():
        assert page.locator("#instead").is_visible()
        assert "Next step" in page.locator("#answer").inner_text()


@pytest.mark.parametrize("fault", ["slow", "stall", "endless"])
def test_stop_works_at_any_moment_and_the_page_stays_usable(
    page: Any, address: str, script: Callable[..., None], server: ScriptedServer, fault: str
) -> None:
    script(Rule(reply=HONEST, fault=fault, delay_s=60, pace_s=0.05, after=30))
    page.goto(address)
    ask(page)
    page.locator("#answer .otr-steps", has_text="drafting").wait_for(timeout=60_000)
    _until(lambda: len(_prompts(server)) == 1)
    begun = time.monotonic()
    page.locator("#stop").click()
    page.get_by_text("Stopped.").wait_for()
    assert time.monotonic() - begun < 5
    _until(lambda: _prompts(server)[0].gone)  # the connection was closed, so the server stops too
    script(Rule(reply=HONEST))
    ask(page)
    page.locator("#answer .otr-answer").wait_for(timeout=60_000)


def test_another_page_is_answered_while_one_waits(
    page: Any, address: str, script: Callable[..., None], server: ScriptedServer
) -> None:
    script(Rule(reply=HONEST, fault="stall", after=5, times=1), Rule(reply=HONEST))
    page.goto(address)
    ask(page)
    _until(lambda: len(_prompts(server)) == 1)
    other = page.context.new_page()
    other.goto(address)
    ask(other)
    other.locator("#answer .otr-answer").wait_for(timeout=60_000)
    assert page.locator("#answer .otr-steps").count() == 1
    other.locator("#stop").wait_for()
    page.locator("#stop").click()
    page.get_by_text("Stopped.").wait_for()
    assert other.locator("#answer .otr-answer").count() == 1


def test_a_second_question_takes_the_place_of_the_first(
    page: Any, address: str, script: Callable[..., None], server: ScriptedServer
) -> None:
    script(Rule(reply=HONEST, fault="stall", after=5, times=1), Rule(reply=HONEST))
    page.goto(address)
    ask(page)
    _until(lambda: len(_prompts(server)) == 1)
    ask(page, "Tell me: how many cranes does the harbour of Vella have?")
    page.locator("#answer .otr-answer").wait_for(timeout=60_000)
    page.wait_for_timeout(500)
    assert "Tell me" in page.locator("#answer .otr-asked").inner_text()
    assert page.get_by_text("Stopped.").count() == 0


def test_closing_the_page_ends_the_request(
    page: Any, address: str, script: Callable[..., None], server: ScriptedServer
) -> None:
    script(Rule(reply=HONEST, fault="stall", after=5))
    page.goto(address)
    ask(page)
    _until(lambda: len(_prompts(server)) == 1)
    page.goto("about:blank")
    _until(lambda: _prompts(server)[0].gone, seconds=30)


def _prompts(server: ScriptedServer) -> list[Recorded]:
    """Without the requests that only ask which models there are."""
    return [request for request in server.requests if request.path.endswith("/chat/completions")]


def _until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


# Where the text goes -------------------------------------------------------------------------------------------------


def test_the_head_says_where_text_goes_with_each_choice(page: Any, address: str) -> None:
    page.goto(address)
    place(page).filter(has_text="scripted").wait_for()
    assert "on this machine" in place(page).inner_text()
    choose(page, "openai-compatible:big@https://models.example.org/v1")
    place(page).filter(has_text="models.example.org").wait_for()
    assert "on this machine" not in place(page).inner_text()
    choose(page, "openai-compatible:big@http://127.0.0.1.evil.example/v1")
    place(page).filter(has_text="127.0.0.1.evil.example").wait_for()
    choose(page, "offline")
    place(page).filter(has_text="built-in reader").wait_for()
    assert "on this machine" in place(page).inner_text()
    choose(page, "nonsense")
    place(page).filter(has_text="Nothing is sent").wait_for()
    assert page.errors == []


def test_answerers_are_listed_with_what_is_missing(page: Any, address: str) -> None:
    page.goto(address)
    page.locator("#settings button").first.click()
    table = page.locator("#answerers table")
    table.wait_for(timeout=60_000)
    rows = table.locator("tbody tr").all_inner_texts()
    assert any(row.startswith("offline") and "yes" in row for row in rows)
    assert any(row.startswith("anthropic:MODEL") for row in rows)


def test_a_confidential_library_sends_nothing_to_another_machine(
    page: Any, serve: Serve, server: ScriptedServer, script: Callable[..., None], tmp_path: Path
) -> None:
    from rag.index.library import Library

    (tmp_path / "harbour.txt").write_text(TEXT, encoding="utf-8")
    with Library.open(tmp_path / "library", Settings(), write=True, create=True) as library:
        library.add([tmp_path / "harbour.txt"])
    script(Rule(reply=HONEST))
    away = server.spec.replace("127.0.0.1", AWAY)
    with serve(tmp_path / "library", "--answerer", away) as address:
        page.goto(address)
        place(page).filter(has_text=AWAY).wait_for()
        # Without the mark it is asked: what follows is the mark's doing, not the address's.
        ask(page)
        page.locator("#answer .otr-answer").wait_for(timeout=60_000)
        assert AWAY in page.locator("#answer .otr-use").inner_text()
        asked = len(server.requests)
        assert asked > 0
        page.locator("#settings button").first.click()
        page.locator("#confidential input").check()
        place(page).filter(has_text="confidential").wait_for()
        assert "Nothing is sent" in place(page).inner_text()
        with Library.open(tmp_path / "library", Settings()) as library:
            assert library.confidential
        ask(page)
        page.locator("#answer .otr-failure").wait_for(timeout=60_000)
        refusal = page.locator("#answer .otr-failure").inner_text()
        assert "confidential" in refusal
        assert "clear “Confidential library”" in refusal
        assert len(server.requests) == asked
        page.locator("#instead").click()
        page.locator("#source-1").wait_for(timeout=60_000)
        # This machine's own server may be asked.
        choose(page, server.spec)
        place(page).filter(has_text="on this machine").wait_for()
        ask(page)
        page.locator("#answer .otr-use", has_text="scripted").wait_for(timeout=60_000)
        assert len(server.requests) > asked
        # Set elsewhere (the command line), it counts from the next question on; taken back here, it is shown.
        page.locator("#confidential input").uncheck()
        place(page).filter(has_text="Confidential").wait_for(state="detached")
        with Library.open(tmp_path / "library", Settings(), write=True) as library:
            assert not library.confidential
            library.set_confidential(True)
        server.requests.clear()
        choose(page, away)
        ask(page)
        page.locator("#answer .otr-failure", has_text="confidential").wait_for(timeout=60_000)
        assert server.requests == []


def test_others_than_the_owner_choose_from_the_list_only(
    chromium: Any, serve: Serve, library: Path, tmp_path: Path
) -> None:
    users = tmp_path / "users"
    users.write_text(f"ana:{hash_password('correct horse')}\n", encoding="utf-8")
    with serve(library, "--auth-file", str(users)) as address:
        context = chromium.new_context(http_credentials={"username": "ana", "password": "correct horse"})
        page = context.new_page()
        page.goto(address)
        page.locator("#settings button").first.click()
        page.locator("#confidential input").wait_for()
        assert page.locator("#confidential input").is_disabled()
        context.close()


def test_a_spec_that_was_not_offered_is_refused_whoever_sends_it(library: Path) -> None:
    desk = Desk(library, Settings())
    for spec in ("openai-compatible:m@http://127.0.0.1:9/v1", "huggingface:/etc"):
        with pytest.raises(UsageError, match="in its list"):
            desk.choose(spec)
    with pytest.raises(UsageError, match="only who runs this app"):
        desk.set_confidential(False)
    desk.close()


# How it looks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_window_and_both_schemes_can_be_read(
    chromium: Any, address: str, script: Callable[..., None], scheme: str, tmp_path: Path
) -> None:
    script(Rule(reply=says(("The harbour has nine cranes.", CRANES), ("It has 14 cranes.", CRANES))))
    context = chromium.new_context(viewport={"width": 400, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    ask(page)
    page.locator("#answer .otr-answer").wait_for(timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    for part in (".otr-answer", ".otr-card blockquote", ".otr-use", ".otr-asked", ".otr-withheld summary"):
        assert _contrast(page, f"#answer {part}") >= 4.5, part
    assert _contrast(page, "#place .otr-place") >= 4.5
    context.close()


_COLOURS = """(element) => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const layers = [];
  for (let each = element; each; each = each.parentElement) layers.unshift(getComputedStyle(each).backgroundColor);
  const paint = (colours) => {
    canvas.fillStyle = '#fff'; canvas.fillRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return Array.from(canvas.getImageData(0, 0, 1, 1).data).slice(0, 3);
  };
  return [paint(layers), paint([...layers, getComputedStyle(element).color])];
}"""


def _contrast(page: Any, selector: str) -> float:
    """Contrast of an element's text with what lies behind it, as WCAG 2 computes it."""

    def luminance(colour: list[int]) -> float:
        parts = [value / 255 for value in colour]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    behind, text = (luminance(colour) for colour in page.locator(selector).first.evaluate(_COLOURS))
    return (max(behind, text) + 0.05) / (min(behind, text) + 0.05)
