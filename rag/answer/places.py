"""Where the text of a question goes: decided on the address that is written, before anything is sent.

Loopback is a property of what the user wrote, never of what a name resolves to: who answers DNS could point any name
at this machine for the check and elsewhere for the question. So only loopback addresses in their ordinary form count,
and `localhost` with the names under it, which RFC 6761 (6.3) keeps for this machine. Other spellings (one decimal
number, hexadecimal, `127.1`, IPv6 with an IPv4 address inside) are read differently by different programs and count
as another machine: whoever means this machine can write 127.0.0.1.

Names under `localhost` do reach DNS on many systems (measured: Debian with glibc sends the query), so `pinned` puts
the address in their place before a connection is made.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from rag.errors import ConfidentialLibrary, UsageError
from rag.wording import Phrase, Way

HERE = "on this machine"
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_.])?", re.IGNORECASE)
_IPV6 = re.compile(r"[0-9a-f:.]+", re.IGNORECASE)


def is_loopback(host: str) -> bool:
    """Whether `host` (a parsed host: no port, no brackets) can only mean this machine; see the module's rule.

    Nothing is looked up. An upper-case name counts as its lower-case form; a dot at the end does not pass.
    """
    name = host.lower()
    if name == "localhost" or (name.endswith(".localhost") and _NAME.fullmatch(name)):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    # `is_loopback` of the standard library follows IPv4 addresses inside IPv6 ones, in some versions.
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_loopback
    return address == ipaddress.IPv6Address("::1") and address.scope_id is None


def host_of(url: str) -> str:
    """The host of an http or https address, in lower case, without port and brackets.

    Stricter than any URL parser, so that no other one can read another host from the same text: ASCII only, no white
    space, no backslash, no user name.

    Raises:
        UsageError: not such an address. The message does not repeat what could be a password.
    """
    parts = None
    if url.isascii() and url.isprintable() and " " not in url and "\\" not in url:
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError:
            parts = None
    if parts is not None and "@" in parts.netloc:
        raise UsageError(
            "an address of a server holds no user name and no password",
            where=f"{parts.scheme}://…@{parts.netloc.rpartition('@')[2]}",
            next_step="leave out what stands before the @; a key is given in the environment",
        )
    host = (parts.hostname or "") if parts is not None else ""
    if parts is None or parts.scheme not in {"http", "https"} or not _is_host(host, parts.netloc):
        raise UsageError(
            "this is not the address of a server",
            where=url,
            next_step="write it as http://127.0.0.1:8080/v1 (a name in other letters in its xn-- form)",
        )
    return host


def _is_host(host: str, netloc: str) -> bool:
    if netloc.startswith("["):
        return bool(_IPV6.fullmatch(host)) and ":" in host
    return bool(_NAME.fullmatch(host))


def place_of(url: str) -> str | None:
    """Where text sent to `url` goes: None is this machine, else the host's name. Raises as `host_of`."""
    host = host_of(url)
    return None if is_loopback(host) else host


def pinned(url: str) -> str:
    """`url` with 127.0.0.1 in place of a name under `localhost`, so that no name server is asked. Raises as `host_of`.

    `localhost` itself stays: every system has it in its own table, and some servers listen on ::1 only.
    """
    host = host_of(url)
    if not host.endswith(".localhost"):
        return url
    parts = urlsplit(url)
    netloc = "127.0.0.1" if parts.port is None else f"127.0.0.1:{parts.port}"
    return parts._replace(netloc=netloc).geturl()


def in_words(host: str | None) -> str:
    """The place for a person: "on this machine", or the host's name."""
    return HERE if host is None else host


def require_permitted(spec: str, host: str | None, library: object) -> None:
    """Raise ConfidentialLibrary where `library` is confidential and `host` (None: this machine) is elsewhere.

    `library` is anything; what has no attribute `confidential` is not confidential (a library made for a test).
    """
    if host is None or not getattr(library, "confidential", False):
        return
    raise ConfidentialLibrary(
        f"this library is confidential, and {spec} would send its text to {host}",
        where=str(getattr(library, "folder", "")),
        next_step=Phrase(
            "use an answerer on this machine (offline, llamacpp:, ollama: and others), or ",
            Way.NOT_CONFIDENTIAL,
        ),
    )
