"""Password hashes and the auth file."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import UsageError
from rag.passwords import hash_password, matches, read_auth_file


def test_a_password_matches_its_own_hash_only() -> None:
    hashed = hash_password("correct horse")
    assert matches("correct horse", hashed)
    assert not matches("correct horsE", hashed)
    assert not matches("", hashed)


def test_two_hashes_of_one_password_differ() -> None:
    assert hash_password("same") != hash_password("same")


@pytest.mark.parametrize(
    "hashed",
    ["", "scrypt", "scrypt$1$8$1$AA==$AA==", "bcrypt$16384$8$1$AA==$AA==", "scrypt$16384$8$1$???$AA=="],
)
def test_a_malformed_hash_matches_nothing(hashed: str) -> None:
    assert not matches("", hashed)


def test_the_auth_file_skips_comments_and_blank_lines(tmp_path: Path) -> None:
    file = tmp_path / "users"
    hashed = hash_password("x")
    file.write_text(f"# editors\n\nana:{hashed}\n", encoding="utf-8")
    assert read_auth_file(file) == {"ana": hashed}


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("ana", "line 1"),
        ("ana:secret", "line 1"),
        (":scrypt$1$2$3$4$5", "line 1"),
        ("ana:scrypt$1$2$3$4$5\nana:scrypt$1$2$3$4$5", "line 2"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, content: str, where: str) -> None:
    file = tmp_path / "users"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=where):
        read_auth_file(file)


def test_an_auth_file_without_users_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text("# nobody\n", encoding="utf-8")
    with pytest.raises(UsageError, match="names no user"):
        read_auth_file(file)


def test_a_missing_auth_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_auth_file(tmp_path / "none")
