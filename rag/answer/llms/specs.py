"""What a SPEC names: a kind of answerer, a model, an address; and where the text of a question would go.

Nothing is imported or called to know it: `onrecord ask` looks at the SPEC of the built-in reader, too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from rag.answer.places import host_of, pinned, place_of
from rag.errors import UsageError
from rag.wording import Command, Environment, Phrase, Way

SPECS = (
    "offline",
    "openai:MODEL",
    "anthropic:MODEL",
    "ollama:MODEL",
    "openai-compatible:MODEL@URL",
    "llamacpp:FILE.gguf",
    "huggingface:NAME-OR-FOLDER",
)
IN_PROCESS = frozenset({"offline", "llamacpp", "huggingface"})
# Where each kind looks for its key. A server that is merely compatible has a variable of its own, so that no key of
# OpenAI's is ever sent to somebody else.
KEYS = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "ollama": "OLLAMA_API_KEY",
    "openai-compatible": "OPENAI_COMPATIBLE_API_KEY",
}
KEY_NEEDED = frozenset({"openai", "anthropic"})
# The variables by which the providers' own programs are pointed elsewhere, and the addresses without them.
_ADDRESSES = {
    "openai": ("OPENAI_BASE_URL", "https://api.openai.com/v1"),
    "anthropic": ("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
    "ollama": ("OLLAMA_HOST", "http://127.0.0.1:11434"),
}


@dataclass(frozen=True, slots=True)
class Spec:
    """A SPEC, taken apart. `url` has no slash at its end and is empty for what runs in this process."""

    text: str
    kind: str
    model: str
    url: str = ""

    @property
    def host(self) -> str | None:
        """The name of the host that gets the text; None is this machine."""
        if self.kind in IN_PROCESS:
            return None
        # A local Ollama hands the prompts of its cloud models on.
        if self.kind == "ollama" and re.search(r"[:-]cloud$", self.model):
            return "ollama.com"
        return place_of(self.url)

    @property
    def where(self) -> str:
        """For error messages: the address, or the SPEC of what has none."""
        return self.url or Phrase(Way.ANSWERER, " ", self.text)


def parse(spec: str, environ: Mapping[str, str] | None = None) -> Spec:
    """Take a SPEC apart; `environ` (default: `os.environ`) may name another address for some kinds.

    Raises:
        UsageError: a SPEC of no known form, or an address that no server can have.
    """
    environ = os.environ if environ is None else environ
    if spec == "offline":
        return Spec(spec, "offline", "")
    kind, _, rest = spec.partition(":")
    if kind not in {form.partition(":")[0] for form in SPECS} - {"offline"} or not rest.strip():
        raise _unknown(spec)
    found = Spec(spec, kind, rest)
    if kind == "openai-compatible":
        parts = re.fullmatch(r"(.+)@(https?://.+)", rest)
        if parts is None:
            raise _unknown(spec)
        return replace(found, model=parts[1], url=_address(parts[2], Way.ANSWERER))
    if kind in _ADDRESSES:
        variable, usual = _ADDRESSES[kind]
        url = environ.get(variable, "").strip() or usual
        if kind == "ollama":
            url = _ollama_address(url)
        return replace(found, url=_address(url, f"environment variable {variable}"))
    return found


def destination(spec: str, environ: Mapping[str, str] | None = None) -> str | None:
    """Where the text of a question would go: a host's name, or None for this machine. Raises UsageError as `parse`."""
    return parse(spec, environ).host


def check_spec(spec: str, environ: Mapping[str, str] | None = None) -> None:
    """Raise UsageError, as `make_model`, for what can be known without making or calling anything."""
    environ = os.environ if environ is None else environ
    found = parse(spec, environ)
    if found.kind in KEY_NEEDED:
        key_of(found.kind, environ)
    if found.kind == "llamacpp":
        _check_llamacpp(found)
    if found.kind == "huggingface" and re.match(r"[./~]", found.model) and not _folder(found).is_dir():
        raise UsageError(
            "there is no such folder", where=found.where, next_step="name the folder that holds config.json"
        )


def key_of(kind: str, environ: Mapping[str, str]) -> str:
    """The key for `kind`, empty where none is set and none is needed. Raises UsageError, which never shows it."""
    variable = KEYS[kind]
    key = environ.get(variable, "").strip()
    if not key and kind in KEY_NEEDED:
        raise UsageError(
            "no key is set",
            where=f"environment variable {variable}",
            next_step=Environment(f"run export {variable}=…"),
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(
            "the key holds characters that no key has",
            where=f"environment variable {variable}",
            next_step=Environment("set it again, without spaces and quotation marks"),
        )
    return key


def _folder(spec: Spec) -> Path:
    return Path(spec.model).expanduser()


def _check_llamacpp(spec: Spec) -> None:
    import importlib.util

    if not _folder(spec).is_file():
        raise UsageError("there is no such file", where=spec.where, next_step="name a GGUF file")
    if importlib.util.find_spec("llama_cpp") is None:
        raise UsageError(
            "llama.cpp is not installed",
            where=spec.where,
            next_step=Command("run pip install 'onrecord[llamacpp]'"),
        )


def _ollama_address(url: str) -> str:
    """`OLLAMA_HOST` as Ollama's own programs read it: scheme and port may lack, and 0.0.0.0 means this machine."""
    if "://" not in url:
        url = f"http://{url}"
    parts = urlsplit(url)
    try:
        lacks_port = parts.port is None and parts.scheme == "http"
    except ValueError:
        return url  # `_address` says what is wrong
    netloc = f"{parts.netloc.rstrip(':')}:11434" if lacks_port else parts.netloc
    netloc = re.sub(r"^0\.0\.0\.0(?=:|$)", "127.0.0.1", netloc)
    return parts._replace(netloc=netloc).geturl()


def _address(url: str, where: str) -> str:
    """`url` without a slash at its end. An address may not carry a key: it is printed with every answer."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise UsageError(
            "this is not an address", where=where, next_step="give one such as http://127.0.0.1:8000/v1"
        )
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise UsageError(
            "an address with a user name, a key or a question mark is not accepted",
            where=where,
            next_step=Phrase(
                "give the address alone; ", Environment(f"put the key into {KEYS['openai-compatible']}")
            ),
        )
    try:
        host_of(url)
    except UsageError as error:
        raise UsageError(error.what, where=where, next_step=error.next_step) from None
    return pinned(url).rstrip("/")


def _unknown(spec: str) -> UsageError:
    shown = re.sub(r"//[^/@]*@", "//…@", spec[:200])  # an address may hold a password
    return UsageError(
        f"unknown answerer {shown!r}", where=Way.ANSWERER, next_step=f"use one of {', '.join(SPECS)}"
    )
