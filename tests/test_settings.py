"""Where settings come from, in which order, and what is refused."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from rag import settings as settings_module
from rag.errors import SettingsError
from rag.settings import (
    AnswerSettings,
    SearchSettings,
    Settings,
    cache_folder,
    default_library,
    digest_of,
    load_settings,
)


def toml(folder: Path, text: str) -> dict[str, str]:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return {"ONRECORD_CONFIG": str(path)}


def test_without_a_file_and_variables_the_defaults_hold() -> None:
    assert load_settings({}) == Settings()


def test_the_file_goes_before_the_defaults_and_the_environment_before_the_file(tmp_path: Path) -> None:
    environ = toml(
        tmp_path, '[search]\ntop_k = 7\nrrf_k = 9\n[answer]\nanswerer = "offline"\nthreshold = 1\n'
    )
    loaded = load_settings({**environ, "ONRECORD_SEARCH_TOP_K": "12"})

    assert loaded.search == SearchSettings(top_k=12, rrf_k=9)
    assert loaded.answer == AnswerSettings(threshold=1.0)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("ONRECORD_DOCUMENTS_OCR", "false", False),
        ("ONRECORD_DOCUMENTS_OCR", "1", True),
        ("ONRECORD_DOCUMENTS_OCR_LANGUAGES", "eng", "eng"),
        ("ONRECORD_DOCUMENTS_MAX_SECONDS", "2.5", 2.5),
        ("ONRECORD_ANSWER_THRESHOLD", "", None),
        ("ONRECORD_ANSWER_THRESHOLD", "0.25", 0.25),
        ("ONRECORD_INDEX_PASSAGE_TOKENS", "120", 120),
    ],
)
def test_text_of_the_environment_is_read_as_the_type_of_the_setting(
    variable: str, value: str, expected: object
) -> None:
    section, _, key = variable.removeprefix("ONRECORD_").lower().partition("_")

    assert getattr(getattr(load_settings({variable: value}), section), key) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[serach]\ntop_k = 1", "unknown section 'serach'"),
        ("[search]\ntopk = 1", "unknown setting 'topk'"),
        ("top_k = 1", "stands outside a section"),
        ('[search]\ntop_k = "ten"', "is not a value of type int"),
        ("[search]\ntop_k = 1.5", "is not a value of type int"),
        ("[search]\ntop_k = true", "is not a value of type int"),
        ("[documents]\nocr = 1", "is not a value of type bool"),
        ("[index]\nembedder = 1", "is not a value of type str"),
        ("[search", "cannot be read"),
    ],
)
def test_a_wrong_file_is_an_error_that_names_it(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(toml(tmp_path, text))

    assert message in str(caught.value)
    assert str(tmp_path / "config.toml") in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ONRECORD_SEARCH_TOPK", "1"),
        ("ONRECORD_NOTHING", "1"),
        ("ONRECORD_SEARCH_TOP_K", "many"),
        ("ONRECORD_DOCUMENTS_OCR", "maybe"),
    ],
)
def test_a_wrong_variable_is_an_error_that_names_it(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        load_settings({variable: value})


def test_a_named_file_that_is_missing_is_an_error_and_the_users_own_may_be(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is missing"):
        load_settings({"ONRECORD_CONFIG": str(tmp_path / "nowhere.toml")})


def test_variables_of_other_kinds_are_no_settings(tmp_path: Path) -> None:
    assert load_settings({"ONRECORD_LIBRARY": "x", "ONRECORD_CACHE": "y", "PATH": "z"}) == Settings()


def test_folders_are_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONRECORD_LIBRARY", str(tmp_path / "library"))
    monkeypatch.setenv("ONRECORD_CACHE", str(tmp_path / "cache"))

    assert default_library() == tmp_path / "library"
    assert cache_folder() == tmp_path / "cache"


def test_one_changed_value_changes_the_digest_and_the_same_values_do_not() -> None:
    assert Settings().digest() == Settings().digest()
    assert Settings(search=SearchSettings(top_k=11)).digest() != Settings().digest()
    # sha256 of the two characters "{}"
    assert digest_of({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().search = SearchSettings()  # type: ignore[misc]


def test_every_section_says_what_it_is_for() -> None:
    source = Path(settings_module.__file__).read_text("utf-8")
    sections = [type(getattr(Settings(), part.name)) for part in dataclasses.fields(Settings)]

    assert len(sections) >= 4
    for section in sections:
        assert section.__name__.endswith("Settings")
        for part in dataclasses.fields(section):
            assert re.search(rf"^    {part.name}: ", source, re.MULTILINE)
            assert str(part.type) in ("int", "float", "str", "bool", "float | None"), part.name
