"""Errors as the page says them: what `rag` and `evals` word for the command line, in the words of the page.

Everything a message tells a person to do is either done on the page, or on the machine that runs the app: then the page
says so, since who reads it may sit elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import fields
from enum import StrEnum
from functools import cache

from rag.errors import OnRecordError
from rag.settings import Settings
from rag.wording import Command, Environment, Way, parts_of

_ON_ITS_MACHINE = "on the machine of this app, "
_SETTINGS = re.compile(
    "|".join(
        rf"\b{section.name}\.{setting.name}\b"
        for section in fields(Settings)
        for setting in fields(getattr(Settings(), section.name))
    )
)


def said(text: str) -> str:
    """`text` as the page says it: as it is, but for the parts that name a way of the command line."""
    return "".join(map(_part, parts_of(text)))


def _part(text: str) -> str:
    if isinstance(text, Environment):
        return f"{_ON_ITS_MACHINE}{text}, and start it again"
    if isinstance(text, Command):
        return f"{_ON_ITS_MACHINE}{text}"
    return _ways()[text] if isinstance(text, StrEnum) else text


@cache
def _ways() -> dict[StrEnum, str]:
    from evals.ways import RunWay  # the app starts without `evals`

    return {
        Way.ADD_FILES: "add files on the Documents page",
        Way.SEE_DOCUMENTS: "see the Documents page",
        Way.OTHER_FOLDER: "start the app with another folder as its library",
        Way.EMPTY_FOLDER: "start the app with a new or an empty folder as its library",
        Way.DO_AGAIN: "do the same again",
        Way.NOT_CONFIDENTIAL: "clear “Confidential library” under “Who answers …” (only who runs the app can)",
        Way.SEE_MODELS: "see “Who answers …” for its models",
        Way.OFFLINE: "the built-in reader",
        Way.ANSWERER: "Answerer",
        RunWay.GO_ON: "press Run again to go on",
        RunWay.FINISH: "run its suite again to finish it",
        RunWay.RETRY: "run its suite again with “Try again what crashed or was late”",
        RunWay.SEE_ERRORS: "see what failed under “Questions”",
        RunWay.SEE_REASONS: "see the reasons below",
        RunWay.OTHER_FOLDER: "move that folder away",
    }


def step(text: str) -> str:
    """A next step as the page says it; one that names a setting says when it counts, since no page sets any."""
    told = said(text)
    return f"{told} (settings are read when the app starts)" if _SETTINGS.search(told) else told


def message(error: OnRecordError) -> str:
    """What went wrong, where, and what to do, in one line."""
    return ", ".join(part for part in (said(error.what), said(error.where), step(error.next_step)) if part)
