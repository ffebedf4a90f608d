"""The error tree: what went wrong, where, and what to do next.

    OnRecordError
    ├── UsageError            the call, or a file or setting it names, is unusable; nothing was changed (exit 2)
    │   ├── SettingsError     an unknown or badly typed setting
    │   ├── LibraryMissing    no library at the given folder
    │   ├── LibraryLocked     another process is writing to the library
    │   ├── LibraryMismatch   the library was built with another embedder
    │   ├── UnknownDocument   no document of that id
    │   └── ConfidentialLibrary   a confidential library and an answerer that is not on this machine
    ├── UnreadableFile        one input file cannot become a document; the others go on (reported in `failed`)
    ├── Stopped               the user stopped the question before its answer was there
    ├── LibraryDamaged        the library's stored state contradicts itself; `check --repair` is the next step
    └── AnswererError         an answerer (a model or its server) failed; not the same as "no answer"
        ├── PromptTooLong     the prompt does not fit into the model's context; nothing was sent
        ├── ReplyCut          the reply met a limit, or the connection broke; what came is incomplete
        └── ModelRefused      the model declined to reply

Bugs are not in the tree: a broken invariant raises `ValueError` from the constructor that guards it.
"""

from __future__ import annotations


class OnRecordError(Exception):
    """Base of every error that a user can act on.

    `what` happened, `where` (a path, an id, a setting; may be empty) and the `next_step` that helps.
    """

    def __init__(self, what: str, *, where: str = "", next_step: str) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.next_step = next_step

    def __str__(self) -> str:
        return ", ".join(part for part in (self.what, self.where, self.next_step) if part)


class UsageError(OnRecordError):
    """The call, or a file or setting it names, is unusable; nothing was changed."""


class SettingsError(UsageError):
    """An unknown setting, or a value of the wrong type or range."""


class LibraryMissing(UsageError):
    """There is no library at the folder that was named."""


class LibraryLocked(UsageError):
    """Another process is writing to this library."""


class LibraryMismatch(UsageError):
    """The library was built with an embedder other than the one in the settings."""


class UnknownDocument(UsageError):
    """No document has the id that was asked for."""


class ConfidentialLibrary(UsageError):
    """The library is confidential, and the answerer would send its text to another machine."""


class UnreadableFile(OnRecordError):
    """One input file cannot become a document. The other files are not affected."""


class Stopped(OnRecordError):
    """The user stopped the question before its answer was there."""


class LibraryDamaged(OnRecordError):
    """The library's stored state contradicts itself."""


class AnswererError(OnRecordError):
    """An answerer failed (a server refused, a model could not be loaded, a reply was unusable)."""


class PromptTooLong(AnswererError):
    """Prompt and reply do not fit into the model's context together; nothing was sent."""


class ReplyCut(AnswererError):
    """The reply met a limit (tokens, time) or the connection broke; what came of it is incomplete."""


class ModelRefused(AnswererError):
    """The model declined to reply (a refusal, or the provider's content filter)."""
