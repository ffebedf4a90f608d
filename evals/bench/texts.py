"""Text files in the manner of short news reports, made from word lists: the same files for the same arguments.

They mean nothing. What matters for speed is like the real thing: lengths of words, sentences, paragraphs and files,
about 1.3 tokens a word, and no sentence twice, so that no cache helps anybody.
"""

from __future__ import annotations

import random
from pathlib import Path

_WHO = [
    "the minister",
    "a senior official",
    "the prosecutor",
    "the defence lawyer",
    "the mayor of the port",
    "two witnesses",
    "a spokeswoman for the court",
    "the regional governor",
    "an independent analyst",
    "the director of the agency",
    "several relatives",
    "the union leader",
    "a retired judge",
    "the commission",
    "local reporters",
    "the harbour authority",
]
_NAMES = [
    "Adela Montiel",
    "Bruno Ferrante",
    "Carla Okafor",
    "Dorian Weiss",
    "Elena Zubiri",
    "Fausto Lindqvist",
    "Greta Halloran",
    "Hugo Sato",
    "Inés Barrantes",
    "Jonah Merriweather",
    "Karim Delacroix",
    "Lucía Ferreyra",
    "Milan Novak",
    "Nadia Brandt",
    "Oskar Thielemann",
]
_DID = [
    "confirmed",
    "denied",
    "explained to the committee",
    "repeated in a letter",
    "admitted under oath",
    "told this newspaper",
    "announced",
    "wrote in an internal report",
    "argued before the tribunal",
    "suggested during the hearing",
    "complained",
]
_WHAT = [
    "the contract for the northern terminal had been signed without a public tender",
    "at least {n} containers left the warehouse before the inspectors arrived",
    "payments of {m} million had been routed through a foundation in a neighbouring country",
    "the vessel was registered under a different flag only {n} days earlier",
    "no transcript of the meeting was ever handed over to the archive",
    "the laboratory results contradict the version published in the spring",
    "{n} of the former employees were never interviewed",
    "the procedure followed the extradition agreement to the letter",
    "the water supply of {n} villages depends on the same reservoir",
    "an earlier audit had warned of irregularities in the procurement department",
    "the aircraft landed at a military airfield shortly after midnight",
    "budget cuts of {m} percent left the hospital without two of its wards",
]
_TAIL = [
    "",
    ", according to documents seen on {day}",
    ", although the figures could not be verified independently",
    ", a claim that the opposition rejects",
    ", as had been expected since {day}",
    ", while negotiations over compensation continue behind closed doors",
    ", citing security concerns",
    ", for the {n}th time this year",
]
_OPEN = [
    "On {day}, ",
    "Meanwhile, ",
    "By contrast, ",
    "In a statement of {n} pages, ",
    "Under pressure from creditors, ",
    "",
    "",
    "",
    "",
    "",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def write_texts(folder: Path, files: int, seed: int = 20) -> int:
    """Write `files` text files of 2,500 to 6,500 characters into `folder`; gives the characters written."""
    generator = random.Random(seed)
    total = 0
    for number in range(files):
        text = _report(generator, number)
        (folder / f"report-{number:04d}.txt").write_text(text, encoding="utf-8")
        total += len(text)
    return total


def _report(generator: random.Random, number: int) -> str:
    length = generator.randint(2_500, 6_500)
    paragraphs = [f"Report {number}: {_capital(generator.choice(_WHAT).format(n=number, m=number))}"]
    while sum(map(len, paragraphs)) < length:
        paragraphs.append(" ".join(_sentence(generator) for _ in range(generator.randint(2, 5))))
    return "\n\n".join(paragraphs) + "\n"


def _sentence(generator: random.Random) -> str:
    who = generator.choice(_NAMES) if generator.random() < 0.4 else generator.choice(_WHO)
    claim = f"{generator.choice(_WHAT)}{generator.choice(_TAIL)}"
    if generator.random() < 0.25:
        shape = f"{generator.choice(_OPEN)}“{_capital(claim)},” {who} said"
    else:
        shape = f"{generator.choice(_OPEN)}{who} {generator.choice(_DID)} that {claim}"
    figures = {
        "n": generator.randint(2, 98),
        "m": f"{generator.uniform(1, 60):.1f}",
        "day": generator.choice(_DAYS),
    }
    return _capital(shape.format(**figures)) + "."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
