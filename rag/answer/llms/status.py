"""Which answerers are usable now, and why the rest is not."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from rag.answer.llms.specs import KEYS, SPECS, Spec, check_spec, key_of, parse
from rag.errors import OnRecordError, UsageError
from rag.wording import Command

_LOOK_S = 1.0  # for a server on this machine to say what it has; for another host ten times as long
_LISTED = 20
# Where the usual servers listen when nobody says otherwise.
_USUAL_SERVERS = {
    "vLLM": "http://127.0.0.1:8000/v1",
    "llama.cpp": "http://127.0.0.1:8080/v1",
    "LM Studio": "http://127.0.0.1:1234/v1",
}


@dataclass(frozen=True, slots=True)
class AnswererStatus:
    """One kind of answerer, or one SPEC. `ready` lists SPECs that can be used as they stand."""

    spec: str
    usable: bool
    why: str
    next_step: str
    host: str | None = None
    ready: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ready": list(self.ready)}


def answerers(environ: Mapping[str, str] | None = None) -> list[AnswererStatus]:
    """The state of every kind, in the order of `SPECS`. Asks servers on this machine only: nothing elsewhere is called
    before somebody chooses it, so that a key is not known to be valid, nor an Ollama elsewhere to be there.
    """
    environ = os.environ if environ is None else environ
    with ThreadPoolExecutor(len(SPECS)) as pool:
        return list(pool.map(lambda form: _of_kind(form, environ), SPECS))


def checked(spec: str, environ: Mapping[str, str] | None = None) -> AnswererStatus:
    """The state of one SPEC: what it names is there, and its server answers and has the model."""
    environ = os.environ if environ is None else environ
    try:
        check_spec(spec, environ)
        found = parse(spec, environ)
        if found.kind == "huggingface":
            _check_huggingface(found)
        if found.kind not in ("ollama", "openai-compatible"):
            why = (
                "its key is set; the provider was not asked"
                if found.kind in KEYS
                else "it is on this machine"
            )
            return AnswererStatus(spec, True, why, "", found.host, (spec,))
        names = _models(found, environ)
    except OnRecordError as error:
        return AnswererStatus(spec, False, error.what, error.next_step, _host(spec, environ))
    known = found.model in names or f"{found.model}:latest" in names
    if not known and names:
        listed = ", ".join(names[:_LISTED])
        return AnswererStatus(
            spec,
            False,
            f"the server answers but has no model {found.model!r}",
            f"use one of: {listed}",
            found.host,
        )
    return AnswererStatus(spec, True, "its server answers", "", found.host, (spec,))


def _host(spec: str, environ: Mapping[str, str]) -> str | None:
    try:
        return parse(spec, environ).host
    except UsageError:
        return None  # it goes nowhere


def _of_kind(form: str, environ: Mapping[str, str]) -> AnswererStatus:
    kind = form.partition(":")[0]
    if kind == "offline":
        return AnswererStatus(form, True, "built in", "", None, (form,))
    if kind == "llamacpp":
        if importlib.util.find_spec("llama_cpp") is None:
            return AnswererStatus(
                form, False, "llama.cpp is not installed", Command("run pip install 'onrecord[llamacpp]'")
            )
        return AnswererStatus(form, True, "llama.cpp is installed", "name a GGUF file")
    if kind == "huggingface":
        return AnswererStatus(
            form, True, "transformers is installed", "name a folder, or a model in the local cache"
        )
    if kind == "openai-compatible":
        return _local_servers(form, environ)
    try:
        found = parse(f"{kind}:MODEL", environ)
        if kind == "ollama" and found.host is not None:
            return AnswererStatus(
                form,
                True,
                "OLLAMA_HOST names another machine, which was not asked",
                "name a model",
                found.host,
            )
        if kind == "ollama":
            names = _models(found, environ)
            if not names:
                return AnswererStatus(
                    form, False, "Ollama runs but has no model", Command("run ollama pull MODEL"), found.host
                )
            ready = tuple(f"ollama:{name}" for name in names[:_LISTED])
            return AnswererStatus(form, True, "Ollama runs", "", found.host, ready)
        key_of(kind, environ)
    except OnRecordError as error:
        return AnswererStatus(form, False, error.what, error.next_step, _host(f"{kind}:MODEL", environ))
    return AnswererStatus(
        form, True, "its key is set; the provider was not asked", "name a model", found.host
    )


def _local_servers(form: str, environ: Mapping[str, str]) -> AnswererStatus:
    ready: list[str] = []
    for url in _USUAL_SERVERS.values():
        try:
            names = _models(parse(f"openai-compatible:MODEL@{url}", environ), environ)
        except OnRecordError:
            continue
        ready += [f"openai-compatible:{name}@{url}" for name in names]
    if ready:
        return AnswererStatus(
            form, True, "a server answers on this machine", "", None, tuple(ready[:_LISTED])
        )
    tried = ", ".join(f"{url.split(':')[2].split('/')[0]} ({name})" for name, url in _USUAL_SERVERS.items())
    return AnswererStatus(
        form,
        False,
        f"no server answers on this machine at the usual ports: {tried}",
        "start one, or give its address after the model's name",
    )


def _models(spec: Spec, environ: Mapping[str, str]) -> list[str]:
    """Names of the models that a server has. Raises AnswererError."""
    from rag.answer.llms.calls import Call, Failed
    from rag.answer.llms.http import Key, client, explained, get_json
    from rag.errors import AnswererError

    key = Key(key_of(spec.kind, environ), KEYS[spec.kind])
    seconds = _LOOK_S if spec.host is None else 10 * _LOOK_S
    url, entries, name = f"{spec.url}/models", "data", "id"
    if spec.kind == "ollama":
        url, entries, name = f"{spec.url}/api/tags", "models", "name"
    error: OnRecordError
    try:
        with client(spec, key, Call(), connect_s=seconds, read_s=seconds) as http:
            found = get_json(http, url)
            return [each[name] for each in found.get(entries) or [] if isinstance(each[name], str)]
    except (AttributeError, KeyError, TypeError):
        error = AnswererError(
            "what answers there is not such a server", where=spec.where, next_step="check the address"
        )
    except Exception as caught:
        failed = caught if isinstance(caught, Failed) else explained(caught, spec, key, seconds)
        if failed is None:
            raise
        error = failed.error
    raise error


def _check_huggingface(spec: Spec) -> None:
    """Raises UsageError where the model is neither a folder nor in the local cache."""
    from pathlib import Path

    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    folder = Path(spec.model).expanduser()
    try:
        cached = folder.is_dir() or isinstance(try_to_load_from_cache(spec.model, "config.json"), str)
    except HFValidationError:
        cached = False
    if not cached:
        raise UsageError(
            "the model is neither a folder nor in the local cache",
            where=spec.where,
            next_step=Command(f"run hf download {spec.model}"),
        )
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise UsageError(
            "the folder holds no config.json", where=spec.where, next_step="name the folder of a model"
        )
