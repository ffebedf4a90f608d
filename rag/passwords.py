"""Password hashes for `serve --auth-file`: scrypt from the standard library, one `user:hash` a line.

A hash reads `scrypt$N$r$p$salt$key` with salt and key in base64; parameters as RFC 7914 suggests for logins.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from pathlib import Path

from rag.errors import UsageError

_N, _R, _P, _LENGTH = 2**14, 8, 1, 32
_MEMORY = 64 * 1024 * 1024


def hash_password(password: str) -> str:
    salt = secrets.token_bytes(16)
    key = hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P, dklen=_LENGTH, maxmem=_MEMORY)
    return f"scrypt${_N}${_R}${_P}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def matches(password: str, hashed: str) -> bool:
    """True where `password` has this hash; compared in constant time. A malformed hash matches nothing."""
    try:
        scheme, n, r, p, salt, key = hashed.split("$")
        if scheme != "scrypt":
            return False
        wanted = base64.b64decode(key, validate=True)
        found = hashlib.scrypt(
            password.encode(),
            salt=base64.b64decode(salt, validate=True),
            n=int(n),
            r=int(r),
            p=int(p),
            dklen=len(wanted),
            maxmem=_MEMORY,
        )
    except ValueError:
        return False
    return hmac.compare_digest(found, wanted)


def read_auth_file(path: Path) -> dict[str, str]:
    """User name → hash. Empty lines and lines that start with `#` are skipped.

    Raises:
        UsageError: the file cannot be read, a line is not `user:hash`, a user stands twice, or there is no user.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the auth file cannot be read ({error})",
            where=str(path),
            next_step="make one with `onrecord password USER >> FILE`",
        ) from error
    users: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        user, colon, hashed = line.strip().partition(":")
        if (
            not colon
            or not user
            or not hashed.startswith("scrypt$")
            or hashed.count("$") != 5
            or user in users
        ):
            raise UsageError(
                "not a line of the form user:password-hash, or a user who stands twice",
                where=f"{path}, line {number}",
                next_step="make lines with `onrecord password USER`",
            )
        users[user] = hashed
    if not users:
        raise UsageError(
            "the auth file names no user",
            where=str(path),
            next_step="make one with `onrecord password USER >> FILE`",
        )
    return users
