"""The parts of a message that each front end says in its own words.

A message is written once and is text for the command line. Where it speaks of something that is done another way
elsewhere, it holds a `Way`, or a `Command` for a terminal; a `Phrase` holds them among other words. All are `str`, so
whoever knows only the command line joins and prints them as they are, and the web page (`ui.words`) puts its own words
in their place. Joining with `+` or an f-string keeps the text and loses the parts: that takes a `Phrase`.
"""

from __future__ import annotations

from enum import StrEnum


class Way(StrEnum):
    """Something to do or to name that every front end has; the value is how the command line says it."""

    ADD_FILES = "make one: onrecord add FILE-OR-FOLDER"
    SEE_DOCUMENTS = "see: onrecord documents"
    OTHER_FOLDER = "name another folder with --library"
    EMPTY_FOLDER = "name a new or an empty folder with --library"
    DO_AGAIN = "run the same command again"
    NOT_CONFIDENTIAL = "run: onrecord library --not-confidential"
    SEE_MODELS = "see `onrecord answerers` for its models"
    OFFLINE = "--answerer offline"
    ANSWERER = "--answerer"


class Command(str):
    """What to run in a terminal of the machine that the program runs on."""


class Environment(Command):
    """The same, of a variable of the environment: a program that runs already does not see the change."""


class Phrase(str):
    """Words with parts that a front end may say otherwise."""

    parts: tuple[str, ...]

    def __new__(cls, *parts: str) -> Phrase:
        made = super().__new__(cls, "".join(parts))
        made.parts = parts
        return made


def parts_of(text: str) -> tuple[str, ...]:
    """The parts of which `text` is made, phrases inside phrases taken apart; `text` itself where it is no phrase."""
    if not isinstance(text, Phrase):
        return (text,)
    return tuple(inner for part in text.parts for inner in parts_of(part))


REPAIR = Command("run: onrecord check --repair")
