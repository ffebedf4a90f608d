"""One frozen `Settings`, read once from the defaults, a TOML file and the environment, then passed down in parts.

Order, later wins: the defaults below; the TOML file named by `ONRECORD_CONFIG`, else `config.toml` in the user's
configuration folder if it is there; environment variables `ONRECORD_<SECTION>_<KEY>`, such as
`ONRECORD_SEARCH_TOP_K=12`. Unknown sections, keys and wrong types are errors that name where they stand.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from rag.errors import SettingsError

_PREFIX = "ONRECORD_"
# Variables of ours that are not settings of a section.
_OTHER_VARIABLES = {"ONRECORD_LIBRARY", "ONRECORD_CONFIG", "ONRECORD_CACHE", "ONRECORD_SUITES"}
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DocumentSettings:
    """Limits for hostile or accidental input; each failure names the limit that it met."""

    max_bytes: int = 200 * MIB  # one file, compressed; the largest real PDFs of a newsroom are near 100 MiB
    max_characters: int = 20_000_000  # text of one document; a thousand-page book has about 3 million
    max_pages: int = 5_000
    max_seconds: float = 120.0  # to parse one file, without the pages that are read by OCR
    max_archive_files: int = 20_000
    max_archive_bytes: int = 2_000 * MIB  # everything an archive expands to, nested archives included
    max_nesting: int = 4  # archives and mails inside each other
    ocr: bool = True  # scanned pages through Tesseract, where it is installed
    ocr_languages: str = "eng+spa"
    ocr_page_seconds: float = 6.0  # more of max_seconds for every scanned page of a file; one takes 1-3 s


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """What shapes passages and vectors. Changing the embedder or the splitter needs a rebuilt library."""

    embedder: str = (
        "packaged"  # all-MiniLM-L6-v2 from the installed package; else a sentence-transformers name or folder
    )
    engine: str = "auto"  # of the packaged embedder: auto, openvino or onnx
    passage_tokens: int = 200  # of the embedder's window of 256; the rest is for the title and the heading
    overlap_tokens: int = 32
    vectors: str = "embedded"  # Chroma in the library's own folder, or http://host:port of a Chroma server


@dataclass(frozen=True, slots=True)
class SearchSettings:
    top_k: int = 10  # passages shown to the answerer
    candidates: int = 50  # from each of dense and lexical, before fusion
    fusion: str = (
        "scores"  # of the two rankings: scores (scaled and averaged) or ranks (reciprocal rank fusion)
    )
    rrf_k: int = 60  # Cormack, Clarke and Buettcher 2009
    rerank: int = 30  # of the fused passages are read and ordered anew; 0: none
    per_document: int = 4  # passages of one document among the top_k, unless there is nothing else
    exact_limit: int = 20_000  # up to so many vectors are searched exactly, without the vector index


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    answerer: str = "offline"
    threshold: float | None = (
        None  # least confidence at which to answer; None: the answerer's own shipped value
    )
    max_quotes: int = 3


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """How language models are asked. Keys are not settings: they stand in the environment alone."""

    temperature: float = 0.0  # the same question should get the same answer
    context_tokens: int = 0  # of prompt and reply together; 0: ask the server or the model
    max_reply_tokens: int = 1_024  # ten statements with their numbers take about 600
    connect_seconds: float = 10.0  # to reach the server
    first_token_seconds: float = 120.0  # a small machine reads a prompt of 4,000 tokens in about a minute
    stall_seconds: float = 60.0  # of silence in the middle of a reply
    total_seconds: float = 300.0  # for one reply, with all its tries and waits
    retries: int = 2  # after a failure that may pass (429, 5xx, a connection that broke before the reply)
    retry_after_seconds: float = 60.0  # longest wait that a server may ask for; more is a failure at once
    price_prompt: float | None = None  # US dollars for a million tokens; None: costs are unknown
    price_completion: float | None = None

    @property
    def priced(self) -> bool:
        return self.price_prompt is not None and self.price_completion is not None


@dataclass(frozen=True, slots=True)
class Settings:
    documents: DocumentSettings = field(default_factory=DocumentSettings)
    index: IndexSettings = field(default_factory=IndexSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    answer: AnswerSettings = field(default_factory=AnswerSettings)
    llm: LlmSettings = field(default_factory=LlmSettings)

    def with_answer(self, *, answerer: str | None = None, threshold: float | None = None) -> Settings:
        """These settings with another answerer or threshold; None leaves what is there."""
        answer = self.answer
        if answerer is not None:
            answer = dataclasses.replace(answer, answerer=answerer)
        if threshold is not None:
            answer = dataclasses.replace(answer, threshold=threshold)
        return dataclasses.replace(self, answer=answer)

    def digest(self) -> str:
        """sha256 over every value, defaults included: two runs with one digest were configured alike."""
        return digest_of(dataclasses.asdict(self))


def digest_of(values: Any) -> str:
    """sha256 (hexadecimal) of the canonical JSON form of `values`."""
    canonical = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def default_library() -> Path:
    """`ONRECORD_LIBRARY`, else a folder under the user's data directory."""
    named = os.environ.get("ONRECORD_LIBRARY")
    return Path(named) if named else Path(platformdirs.user_data_dir("onrecord", False)) / "library"


def cache_folder() -> Path:
    """Where converted models are kept: `ONRECORD_CACHE`, else the user's cache directory. May not exist yet."""
    named = os.environ.get("ONRECORD_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("onrecord", False))


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the defaults, the TOML file and `environ` (default: `os.environ`).

    Raises:
        SettingsError: an unknown key, a value of the wrong type, or a TOML file that cannot be read.
    """
    environ = os.environ if environ is None else environ
    sections: dict[str, Any] = {part.name: {} for part in dataclasses.fields(Settings)}
    for where, section, key, value in [*_from_toml(environ), *_from_environment(environ, sections)]:
        if section not in sections:
            raise SettingsError(
                f"unknown section {section!r}", where=where, next_step=f"use one of {', '.join(sections)}"
            )
        fields = {part.name: part for part in dataclasses.fields(_section_class(section))}
        if key not in fields:
            raise SettingsError(
                f"unknown setting {key!r}", where=where, next_step=f"use one of {', '.join(fields)}"
            )
        sections[section][key] = _typed(value, str(fields[key].type), f"{where}: {section}.{key}")
    return Settings(**{name: _section_class(name)(**values) for name, values in sections.items()})


def _section_class(section: str) -> type[Any]:
    return type(getattr(Settings(), section))


def _from_toml(environ: Mapping[str, str]) -> list[tuple[str, str, str, Any]]:
    named = environ.get("ONRECORD_CONFIG")
    path = Path(named) if named else Path(platformdirs.user_config_dir("onrecord", False)) / "config.toml"
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if named:
            raise SettingsError(
                "the settings file is missing", where=named, next_step="correct ONRECORD_CONFIG"
            ) from None
        return []
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"the settings file cannot be read ({error})", where=str(path), next_step="correct the file"
        ) from error
    found = []
    for section, table in tables.items():
        if not isinstance(table, dict):
            raise SettingsError(
                f"{section!r} stands outside a section", where=str(path), next_step="put it under [section]"
            )
        found += [(str(path), section, key, value) for key, value in table.items()]
    return found


def _from_environment(
    environ: Mapping[str, str], sections: Mapping[str, Any]
) -> list[tuple[str, str, str, Any]]:
    found = []
    for variable, value in environ.items():
        if variable.startswith(_PREFIX) and variable not in _OTHER_VARIABLES:
            section, _, key = variable.removeprefix(_PREFIX).lower().partition("_")
            found.append((f"environment variable {variable}", section, key, value))
    return found


def _typed(value: Any, wanted: str, where: str) -> Any:
    """`value` as the field's annotated type; text from the environment is converted, TOML values must fit."""
    try:
        if isinstance(value, str) and wanted != "str":
            if wanted.endswith("| None") and value.lower() in {"", "none"}:
                return None
            if wanted == "bool":
                return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
            return int(value) if wanted == "int" else float(value)
        if wanted == "str" and isinstance(value, str):
            return value
        if wanted == "bool" and isinstance(value, bool):
            return value
        if wanted == "int" and isinstance(value, int) and not isinstance(value, bool):
            return value
        if wanted.startswith("float") and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    except (KeyError, ValueError):
        pass
    raise SettingsError(
        f"{value!r} is not a value of type {wanted}", where=where, next_step="correct the value"
    )
