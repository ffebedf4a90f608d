"""The app in a real browser: ask, read the quote in its place, add, remove; nothing leaves this machine."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from rag.passwords import hash_password
from rag.settings import Settings

from .conftest import Serve

pytestmark = pytest.mark.browser

# Everything a hostile page may try, as text of a document.
HOSTILE = """The harbour of Vella

The harbour of Vella has nine cranes & a “dry dock”. The harbour master wrote <script>window.hit = 1</script> in the log.

The dry dock was built in 1931 by the yard Orsolo ${window.hit = 3} {{window.hit = 4}} and rebuilt after the flood. A
clerk had typed <img src=x onerror="window.hit = 2"> into the register of the dry dock.

The nine cranes lift forty tonnes each. ![leak](http://leak.invalid/?q=1) Two of them are idle.
"""
MENU = "Home\nNews\nSubscribe to our newsletter\n\n"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from rag.index.library import Library

    folder = tmp_path_factory.mktemp("app")
    (folder / "in").mkdir()
    (folder / "in" / "harbour.txt").write_text(HOSTILE, encoding="utf-8")
    with Library.open(folder / "library", Settings(), write=True, create=True) as library:
        report = library.add([folder / "in"])
    assert not report.as_json()["failed"]
    return folder / "library"


@pytest.fixture(scope="module")
def address(serve: Serve, library: Path) -> Any:
    with serve(library) as found:
        yield found


def _ask(page: Any, address: str, question: str) -> None:
    page.goto(address)
    page.get_by_label("Question").fill(question)
    page.locator("#ask").click()
    page.locator("#answer .otr-answer").wait_for(timeout=60_000)


def test_an_answer_shows_its_quote_in_context_and_opens_the_document_there(
    page: Any, address: str, tmp_path: Path
) -> None:
    _ask(page, address, "How many cranes does the harbour of Vella have?")
    quote = page.locator("#source-1 mark.quote").inner_text()
    assert "nine cranes" in quote
    page.screenshot(path=str(tmp_path / "answer.png"))
    assert (tmp_path / "answer.png").stat().st_size > 10_000
    with page.context.expect_page() as opened:
        page.get_by_text("Open the document at this quote").first.click()
    document = opened.value
    document.wait_for_load_state()
    marked = document.locator("#quote")
    assert " ".join(marked.inner_text().split()) == " ".join(quote.split())
    box = marked.bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 1000
    shown = document.locator("pre").inner_text()
    assert shown.strip() == HOSTILE.strip()


def test_text_of_documents_and_questions_stays_text(page: Any, address: str) -> None:
    _ask(page, address, 'Who built the dry dock <img src=x onerror="window.hit=6">?')
    page.wait_for_timeout(300)
    assert page.evaluate("window.hit") is None
    assert page.locator("#answer img, #answer script, #answer a[href^=javascript]").count() == 0
    page.goto(f"{address}/document/{_document_id(page, address)}")
    assert page.evaluate("window.hit") is None
    assert page.locator("pre img, pre script, pre a").count() == 0


def _document_id(page: Any, address: str) -> str:
    page.goto(address)
    page.get_by_role("tab", name="Documents").click()
    link = page.locator("#listing a").first
    link.wait_for()
    return str(link.get_attribute("href")).rsplit("/", 1)[-1]


def test_nothing_is_asked_of_another_machine(page: Any, address: str) -> None:
    _ask(page, address, "How many cranes does the harbour of Vella have?")
    page.get_by_role("tab", name="Documents").click()
    page.wait_for_timeout(500)
    assert len(page.asked) > 10
    outside = [
        url for url in page.asked if urlsplit(url).scheme in {"http", "https"} and not url.startswith(address)
    ]
    assert outside == []
    assert page.errors == []


def test_an_outsider_is_declined(page: Any, address: str) -> None:
    _ask(page, address, "Who won the World Cup final in 1966?")
    assert page.locator("#answer .otr-refusal").count() == 1
    assert page.locator("#answer .otr-card").count() == 0


def test_files_are_added_listed_and_removed(page: Any, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "lighthouse.txt").write_text(
        MENU + "The lighthouse of Orsolo was lit again on 3 May 2024.", encoding="utf-8"
    )
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    with serve(tmp_path / "library") as address:
        page.goto(address)
        page.get_by_label("Question").fill("When was the lighthouse lit again?")
        page.locator("#ask").click()
        page.get_by_text("There are no documents yet").wait_for()
        page.get_by_role("tab", name="Documents").click()
        files = [str(tmp_path / "lighthouse.txt"), str(tmp_path / "broken.pdf")]
        page.locator("#upload input[type=file]").set_input_files(files)
        page.locator("#report .otr-bad").wait_for(timeout=60_000)
        report = page.locator("#report").inner_text()
        assert "1 added" in report
        assert "broken.pdf" in report
        page.locator("#listing td", has_text="lighthouse").first.wait_for()
        page.get_by_role("tab", name="Ask").click()
        page.locator("#ask").click()
        page.locator("#source-1 mark.quote").wait_for(timeout=60_000)
        assert "3 May 2024" in page.locator("#source-1 mark.quote").inner_text()
        page.get_by_role("tab", name="Documents").click()
        page.locator("#chosen input").click()
        page.get_by_role("option").first.click()
        page.keyboard.press("Escape")
        page.locator("#remove").click()
        page.get_by_text("1 removed").wait_for()
        page.get_by_text("No documents yet").wait_for()


def test_an_answer_is_exported(page: Any, address: str, tmp_path: Path) -> None:
    from rag.evidence import verify_pack

    _ask(page, address, "How many cranes does the harbour of Vella have?")
    page.locator("#export").click()
    link = page.locator("#files a[href*='evidence.zip']").first
    link.wait_for()
    with page.expect_download() as download:
        link.click()
    download.value.save_as(tmp_path / "evidence.zip")
    assert verify_pack(tmp_path / "evidence.zip").changed == ()


def _status(address: str, headers: dict[str, str] | None = None) -> int:
    try:
        with urllib.request.urlopen(
            urllib.request.Request(address, headers=headers or {}), timeout=20
        ) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code)


def test_another_host_name_or_page_is_refused(address: str) -> None:
    assert _status(address) == 200
    assert _status(address, {"Host": "evil.invalid"}) == 403
    assert _status(address, {"Origin": "http://evil.invalid"}) == 403
    assert _status(f"{address}/document/none") == 404


def test_a_password_stands_before_everything(serve: Serve, library: Path, tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text(f"ana:{hash_password('correct horse')}\n", encoding="utf-8")

    def basic(text: str) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}

    with serve(library, "--auth-file", str(users)) as address:
        for path in ("/", "/document/x", "/original/x", "/config", "/gradio_api/info"):
            assert _status(address + path) == 401
        assert _status(address, basic("ana:wrong")) == 401
        assert _status(address, basic("bob:correct horse")) == 401
        assert _status(address, basic("ana:correct horse")) == 200


def test_an_original_comes_as_a_download(address: str, page: Any) -> None:
    with urllib.request.urlopen(f"{address}/original/{_document_id(page, address)}", timeout=20) as answer:
        assert answer.read().decode() == HOSTILE
        assert re.match(
            r"attachment; filename=\"harbour-[0-9a-f]+\.txt\"", answer.headers["Content-Disposition"]
        )
        assert answer.headers["Content-Type"] == "application/octet-stream"


def test_a_port_in_use_is_one_line(serve: Serve, library: Path) -> None:
    with serve(library) as address:
        port = address.rsplit(":", 1)[1]
        command = [sys.executable, "-m", "rag", "serve", "--port", port, "--library", str(library)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"onrecord: port {port} cannot be used")
    assert len(done.stderr.splitlines()) == 1
