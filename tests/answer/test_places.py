"""What counts as this machine: every spelling that could lead a question elsewhere must not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.places import host_of, in_words, is_loopback, pinned, place_of, require_permitted
from rag.errors import ConfidentialLibrary, UsageError


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.255.255.254",
        "localhost",
        "LocalHost",
        "llm.localhost",
        "a.b.localhost",
        "::1",
        "0:0:0:0:0:0:0:1",
    ],
)
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "127.0.0.1.evil.com",
        "localhost.evil.com",
        "evillocalhost",
        "localhost.",  # a name server may be asked for it
        "evil.com/.localhost",
        "evil.com#.localhost",
        "@.localhost",
        ".localhost",
        "localhost\n",
        "127.0.0.1\n",
        " 127.0.0.1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "::1%eth0",
        "[::1]",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.1",
        "127.0.0.01",
        "127.0.0.1:80",
        "0.0.0.0",
        "::",
        "128.0.0.1",
        "10.0.0.1",
        "192.168.1.5",
        "169.254.1.1",
        "１２７.0.0.1",  # full-width digits
        "ⓛocalhost",
        "localtest.me",  # resolves to 127.0.0.1 today
    ],
)
def test_another_machine(host: str) -> None:
    assert not is_loopback(host)


@given(st.integers(0, 2**32 - 1))
def test_of_all_ipv4_addresses_exactly_those_that_start_with_127_count(number: int) -> None:
    octets = [str(number >> shift & 255) for shift in (24, 16, 8, 0)]
    assert is_loopback(".".join(octets)) == (octets[0] == "127")
    assert not is_loopback(str(number))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://127.0.0.1:8080/v1", None),
        ("http://[::1]:8080/v1", None),
        ("HTTPS://LOCALHOST/v1", None),
        ("https://api.openai.com/v1", "api.openai.com"),
        ("http://127.0.0.1.evil.com/v1", "127.0.0.1.evil.com"),
        ("http://[::ffff:127.0.0.1]/v1", "::ffff:127.0.0.1"),
        ("http://2130706433/", "2130706433"),
        ("http://evil.com/@localhost", "evil.com"),
        ("http://evil.com?@localhost", "evil.com"),
        ("http://evil.com#@localhost", "evil.com"),
        ("http://gpu-box:8000", "gpu-box"),
    ],
)
def test_the_place_of_an_address(url: str, place: str | None) -> None:
    assert place_of(url) == place


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8080",
        "ftp://localhost/",
        "file:///etc/passwd",
        "http://",
        "http:///v1",
        "http://127.0.0.1\\@evil.com/",
        "http://local\thost/",
        "http://localhost\n.evil.com/",
        "http://127。0。0。1/",
        "http://ⓛocalhost/",
        "http://%6cocalhost/",
        "http://[::1%25eth0]/",
        "http://[::1/",
        "http://[127.0.0.1]/",
        "http://localhost:port/",
        "http://localhost:99999/",
        "http://ev il.com/",
    ],
)
def test_what_two_programs_could_read_differently_is_no_address(url: str) -> None:
    with pytest.raises(UsageError, match="not the address of a server"):
        host_of(url)


@pytest.mark.parametrize("url", ["http://localhost@evil.com/", "http://sk-secret:x@localhost/"])
def test_a_user_name_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError, match="no user name") as refused:
        host_of(url)
    assert "secret" not in str(refused.value)
    assert url.split("//")[1].split("@")[0] not in str(refused.value)


@given(st.text(alphabet="localhost127.0:@/\\#?[]%eví \t", max_size=30))
def test_no_text_is_taken_for_this_machine_by_us_alone(text: str) -> None:
    """Whatever we call this machine, the HTTP client that connects reads as this machine too."""
    httpx = pytest.importorskip("httpx")
    url = "http://" + text
    try:
        here = place_of(url) is None
    except UsageError:
        return
    read = httpx.URL(url).host
    assert is_loopback(read) == here


def test_a_name_under_localhost_is_not_looked_up() -> None:
    assert pinned("http://llm.localhost:8080/v1?x=1") == "http://127.0.0.1:8080/v1?x=1"
    assert pinned("http://llm.localhost/v1") == "http://127.0.0.1/v1"
    assert pinned("http://localhost:8080/v1") == "http://localhost:8080/v1"
    assert pinned("https://api.openai.com/v1") == "https://api.openai.com/v1"


class Shelf:
    def __init__(self, confidential: bool) -> None:
        self.confidential, self.folder = confidential, "/dossier/library"


def test_a_confidential_library_refuses_another_machine_and_names_the_setting() -> None:
    with pytest.raises(ConfidentialLibrary) as refused:
        require_permitted("openai:some-model", "api.openai.com", Shelf(True))
    message = str(refused.value)
    assert "api.openai.com" in message
    assert "/dossier/library" in message
    assert "onrecord library --not-confidential" in message


def test_it_allows_this_machine_and_others_allow_everything() -> None:
    require_permitted("offline", None, Shelf(True))
    require_permitted("openai:some-model", "api.openai.com", Shelf(False))
    require_permitted("openai:some-model", "api.openai.com", object())


def test_places_in_words() -> None:
    assert in_words(None) == "on this machine"
    assert in_words("api.openai.com") == "api.openai.com"
