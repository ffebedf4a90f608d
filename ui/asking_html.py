"""What the Ask page shows around an answer: where text goes, how far a question is, what failed, earlier turns.

As in `ui.html`, all text is escaped at the last step: what a model, a server or a document says is never markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rag.errors import OnRecordError
from rag.html import escape
from rag.wording import Way, parts_of
from ui.desk import OFFLINE, Place
from ui.words import message, said, step

if TYPE_CHECKING:
    from rag.answer.llms import AnswererStatus

BUILT_IN = "the built-in reader"


def answerer_name(spec: str) -> str:
    return BUILT_IN if spec == OFFLINE else spec


def place_html(place: Place) -> str:
    """Where the text of a question goes with the answerer that is chosen now."""
    who = f"Answered by {escape(answerer_name(place.spec))}."
    if place.refused:
        text = (
            f"This library is <strong>confidential</strong>: {escape(place.spec)} is refused, because it would send "
            f"text to <strong>{escape(place.host or '')}</strong>. Nothing is sent."
        )
        return f'<p class="otr-place otr-refused" role="status">{text}</p>'
    if place.host is not None:
        text = (
            "Your questions, and the passages found for them, go to "
            f"<strong>{escape(place.host)}</strong>. {who}"
        )
        return f'<p class="otr-place otr-away" role="status">{text}</p>'
    kept = "Confidential: other answerers are refused." if place.confidential else ""
    if place.vectors is not None:
        text = (
            "The text of your questions stays <strong>on this machine</strong>; the vectors made of it go to "
            f"<strong>{escape(place.vectors)}</strong>. {who}"
        )
        return f'<p class="otr-place otr-away" role="status">{text}</p>'
    text = f"Your questions and documents stay <strong>on this machine</strong>. {who} {kept}"
    return f'<p class="otr-place" role="status">{text.rstrip()}</p>'


def suite_place_html(spec: str, host: str | None) -> str:
    """Where the questions of a suite go, which may have another answerer than the Ask page."""
    if host is None:
        text = f"The questions of a suite stay <strong>on this machine</strong>, with {escape(answerer_name(spec))}."
        return f'<p class="otr-place">{text}</p>'
    text = (
        f"The questions of a suite, and the passages found for them, go to <strong>{escape(host)}</strong>, with "
        f"{escape(spec)}."
    )
    return f'<p class="otr-place otr-away">{text}</p>'


def no_place_html(error: OnRecordError) -> str:
    """In the same place, where no question can be asked: nothing goes anywhere."""
    return f'<p class="otr-place otr-refused" role="status">Nothing is sent: {escape(message(error))}.</p>'


def asked_html(question: str, searched: str | None = None) -> str:
    """The question as it was asked, and as it was searched for where the conversation was needed to understand it."""
    note = (
        f'<p class="otr-searched">Understood from the conversation as: <em>{escape(searched)}</em></p>'
        if searched and searched != question
        else ""
    )
    return f'<p class="otr-asked">{escape(question)}</p>{note}'


def progress_html(question: str, steps: Sequence[str], statements: Sequence[str] = ()) -> str:
    """How far a question is: the steps done and the one at work, then what is verified so far.

    `statements` are HTML, from `statement_html`.
    """
    items = "".join(
        f'<li class="{"otr-now" if number == len(steps) - 1 else "otr-done"}">{escape(step)}</li>'
        for number, step in enumerate(steps)
    )
    said = f'<div class="otr-stated">{"".join(statements)}</div>' if statements else ""
    return f'{asked_html(question)}<ol class="otr-steps" role="status" aria-live="polite">{items}</ol>{said}'


def statement_html(text: str, quotes: Sequence[str], speaker: str | None) -> str:
    """One verified statement while others are still to come, with the source's own words behind it."""
    said = f'<span class="otr-speaker">{escape(speaker)}</span>' if speaker else ""
    # A statement that is the quotes themselves is not shown twice.
    words = "".join(f"<blockquote>{escape(quote)}</blockquote>" for quote in quotes if quote != text)
    return f'<div class="otr-statement"><p>{escape(text)}</p>{said}{words}</div>'


def failure_html(question: str, error: OnRecordError, *, offline: bool) -> str:
    """What went wrong, where, and what to do; `offline`: the built-in reader is offered below."""
    where = f'<p class="otr-facts">{escape(said(error.where))}</p>' if error.where else ""
    instead = (
        '<p class="otr-facts">The built-in reader can answer it on this machine, without a network.</p>'
        if offline and Way.OFFLINE not in parts_of(error.next_step)  # which may say so already
        else ""
    )
    return (
        f'{asked_html(question)}<div class="otr-report otr-bad otr-failure" role="alert">'
        f"<strong>{escape(_sentence(said(error.what)))}</strong>{where}"
        f"<p>Next step: {escape(step(error.next_step))}.</p>{instead}</div>"
    )


def stopped_html(question: str) -> str:
    return (
        f'{asked_html(question)}<div class="otr-report" role="status">Stopped. Nothing of an unfinished answer is '
        "kept.</div>"
    )


def facts_html(answer: Mapping[str, Any], place: Place) -> str:
    """Who answered, how long it took, what it cost as far as that is known, and where the text went."""
    facts = [f"Answered by {escape(answerer_name(answer['answerer']))}"]
    total = (answer.get("timings_ms") or {}).get("total")
    if total is not None:
        facts.append(f"{total / 1000:.1f} s")
    use = answer.get("usage")
    host = use["host"] if use else place.host
    if use:
        counted = [
            f"{use[name]:,} {what}"
            for name, what in (("prompt_tokens", "tokens read"), ("completion_tokens", "written"))
            if use[name] is not None
        ]
        facts.append(" and ".join(counted) if counted else "tokens not counted")
        facts.append(f"${use['cost']:.4f}" if use["cost"] is not None else "cost not known")
    facts.append(f"text went to {escape(host)}" if host is not None else "on this machine")
    return f'<p class="otr-facts otr-use">{" · ".join(facts)}</p>'


def turns_html(turns: Sequence[Mapping[str, Any]]) -> str:
    """The earlier turns of the topic, newest first, each closed. `turns` hold `question` and finished `html`."""
    if not turns:
        return ""
    items = "".join(
        f'<details class="otr-turn"><summary>{escape(turn["question"])}</summary>{turn["html"]}</details>'
        for turn in reversed(turns)
    )
    return f'<div class="otr-turns"><p class="otr-h">Earlier in this topic</p>{items}</div>'


def statuses_html(statuses: Sequence[AnswererStatus]) -> str:
    """Every form of SPEC, whether it can be used now, and why not."""
    rows = "".join(
        f"<tr><td><code>{escape(status.spec)}</code></td><td>{'yes' if status.usable else 'no'}</td>"
        f"<td>{escape(_reason(status))}</td></tr>"
        for status in statuses
    )
    return (
        '<div class="otr-scroll"><table class="otr-table otr-answerers"><thead><tr><th>Answerer</th>'
        f"<th>Usable now</th><th></th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _reason(status: AnswererStatus) -> str:
    return "; ".join(part for part in (said(status.why), step(status.next_step)) if part)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
