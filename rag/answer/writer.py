"""The answerer that words its answer: a language model chooses numbered sentences, and says what they say.

It sees the sentences of the retrieved passages as data (`rag.answer.prompts`) and returns statements, each with sentence
numbers. A number stands for a place in a document, so nothing of the model's reply is ever a quote; `rag.answer.verify`
cuts the quotes and withholds every statement that they do not carry.

The prompt is counted before it is sent. What does not fit is left out passage by passage from the end, and the draft's
note says so. Statements are handed on one by one while the reply arrives.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from rag.answer import prompts
from rag.answer.candidates import candidates_of
from rag.answer.features import Candidate, needs_company
from rag.answer.figures import figures
from rag.answer.finding import NO_EVIDENCE, Match, find_quote
from rag.answer.model import LanguageModel, Tally
from rag.answer.names import Grounds, missing_name
from rag.answer.prompts import Numbered
from rag.answer.replies import Reply, Said, question_of, read_reply
from rag.errors import AnswererError, PromptTooLong, ReplyCut
from rag.settings import Settings
from rag.types import Document, Draft, DraftStatement, Evidence, Hit, Question, Span, Turn

MAX_CITED = 8  # sentences under one statement; who cites everything points at nothing
MAX_GAP = 3  # characters between a sentence and the one before, for both to be one quote
MAX_BACK = 2  # sentences that are quoted with one that points back ("He said …")
MAX_CHARACTERS = 700  # of one quote widened so
MARGIN = 64  # tokens left free for what a server puts around prompt and schema
REWRITE_TOKENS = 300
MAX_MISSING = 300  # characters of what a model says is missing


@dataclass(frozen=True)
class _Sheet:
    """What the model is shown: the prompt, and what each number in it stands for."""

    prompt: str
    sentences: Mapping[int, Candidate]
    before: Mapping[int, Candidate]  # the sentence right before, where it stands in the same passage
    left_out: int  # passages
    passages: int


@dataclass
class Writer:
    """Implements `Answerer` over any `LanguageModel`. Keeps no state between questions; threads may share it."""

    model: LanguageModel
    settings: Settings = field(default_factory=Settings)

    @property
    def name(self) -> str:
        return self.model.spec

    @property
    def prompt_digest(self) -> str:
        """Changes with the wording of the prompts, for run records."""
        return prompts.DIGEST

    def fingerprint(self) -> dict[str, Any]:
        """What answers depend on besides the model, the settings and what was retrieved."""
        return {"prompts": prompts.DIGEST}

    def draft(self, question: Question, hits: Sequence[Hit], documents: Mapping[str, Document]) -> Draft:
        """The last of `drafts`."""
        *_, last = self.drafts(question, hits, documents)
        return last

    def drafts(
        self,
        question: Question,
        hits: Sequence[Hit],
        documents: Mapping[str, Document],
        stop: threading.Event | None = None,
        tally: Tally | None = None,
    ) -> Iterator[Draft]:
        """Growing drafts, each with more statements than the one before; the last one is whole.

        A draft without statements declines; its note says what the documents do not say. Once `stop` is set the iterator
        ends, and no draft of it is whole. What the model uses is added to `tally`.

        Raises:
            AnswererError: the model failed, or its reply could not be read, twice.
        """
        dropped = 0
        while True:
            sheet = self._sheet(question, hits, documents, dropped)
            if sheet is None:
                yield Draft(note="the passages hold no sentence")
                return
            try:
                yield from self._asked(sheet, documents, stop, tally)
                return
            except PromptTooLong:  # the server counts otherwise than we do
                if sheet.passages - sheet.left_out <= 1:
                    raise
                dropped = sheet.left_out + 1

    def standalone(
        self,
        question: Question,
        conversation: Sequence[Turn],
        stop: threading.Event | None = None,
        tally: Tally | None = None,
    ) -> Question:
        """A follow-up question put so that it can be understood alone; the question itself where that fails."""
        if not conversation:
            return question
        prompt = prompts.standalone_prompt(question.text, conversation)
        try:
            reply = "".join(
                self.model.stream(
                    prompts.STANDALONE,
                    prompt,
                    schema=prompts.STANDALONE_SCHEMA,
                    max_tokens=REWRITE_TOKENS,
                    stop=stop,
                    tally=tally,
                )
            )
        except AnswererError:
            return question
        rewritten = question_of(reply)
        usable = 0 < len(rewritten) <= max(400, 4 * len(question.text))
        return replace(question, text=rewritten) if usable else question

    def _sheet(
        self, question: Question, hits: Sequence[Hit], documents: Mapping[str, Document], dropped: int
    ) -> _Sheet | None:
        """As many passages, best first, as fit with the reply. None where they hold no sentence.

        Raises:
            PromptTooLong: not even the best passage fits.
        """
        candidates = candidates_of(hits, documents)
        if not candidates:
            return None
        groups = [
            list(group) for _, group in groupby(candidates, key=lambda each: (each.document_id, each.passage))
        ]
        room = self._room()
        for count in range(len(groups) - dropped, 0, -1):
            sheet = _numbered(question.text, groups[:count], documents, len(groups))
            if self.model.count_tokens(prompts.SYSTEM) + self.model.count_tokens(sheet.prompt) <= room:
                return sheet
        raise PromptTooLong(
            f"not even one passage fits into the {self.model.context_tokens} tokens of this model",
            where=self.model.spec,
            next_step="use a model with a larger context, or ask a shorter question",
        )

    def _room(self) -> int:
        return self.model.context_tokens - self._reply_tokens() - MARGIN

    def _reply_tokens(self) -> int:
        """At most a third of the context: the rest is for what is read."""
        return min(self.settings.llm.max_reply_tokens, self.model.context_tokens // 3)

    def _asked(
        self,
        sheet: _Sheet,
        documents: Mapping[str, Document],
        stop: threading.Event | None,
        tally: Tally | None,
    ) -> Iterator[Draft]:
        prompt = sheet.prompt
        for attempt in (1, 2):
            text, told, cut = "", 0, False
            reply = Reply()
            try:
                for piece in self._stream(prompt, stop, tally):
                    text += piece
                    if "}" not in piece:
                        continue
                    reply = read_reply(text)
                    if len(reply.statements) > told:
                        told = len(reply.statements)
                        yield _draft(reply, sheet, documents)
            except ReplyCut:
                cut = True
                if not read_reply(text).statements:
                    raise
            if stop is not None and stop.is_set():
                return
            reply = read_reply(text)
            if reply.readable and (reply.whole or reply.statements):
                note = _note(reply, sheet, cut=cut or not reply.whole)
                yield _draft(reply, sheet, documents, note)
                return
            if attempt == 1:
                prompt = prompts.repair_prompt(sheet.prompt, text)
        raise AnswererError(
            "the model's reply is not the JSON that was asked for, also at the second attempt",
            where=self.model.spec,
            next_step="ask again, or use a model that follows instructions better",
        )

    def _stream(self, prompt: str, stop: threading.Event | None, tally: Tally | None) -> Iterator[str]:
        yield from self.model.stream(
            prompts.SYSTEM,
            prompt,
            schema=prompts.SCHEMA,
            max_tokens=self._reply_tokens(),
            stop=stop,
            tally=tally,
        )


def _numbered(
    question: str, groups: Sequence[Sequence[Candidate]], documents: Mapping[str, Document], total: int
) -> _Sheet:
    sentences: dict[int, Candidate] = {}
    before: dict[int, Candidate] = {}
    blocks: list[str] = []
    for group in groups:
        rows: list[Numbered] = []
        for candidate in group:
            number = len(sentences) + 1
            if rows and 0 <= candidate.span.start - rows[-1].span.end <= MAX_GAP:
                before[number] = sentences[number - 1]
            sentences[number] = candidate
            rows.append(Numbered(number, candidate.document_id, candidate.span))
        blocks.append(prompts.passage_block(documents[group[0].document_id], rows))
    return _Sheet(prompts.answer_prompt(question, blocks), sentences, before, total - len(groups), total)


def _draft(reply: Reply, sheet: _Sheet, documents: Mapping[str, Document], note: str = "") -> Draft:
    statements = [_statement(said, sheet) for said in reply.statements[: prompts.MAX_STATEMENTS]]
    shorts = [
        place
        for said, statement in zip(reply.statements, statements, strict=False)
        if (place := _short(said, statement, documents))
    ]
    return Draft(tuple(statements), tuple(dict.fromkeys(shorts)), note=note)


def _statement(said: Said, sheet: _Sheet) -> DraftStatement:
    """The statement with its places; with the problem where its numbers are wrong."""
    unknown = [number for number in said.numbers if number not in sheet.sentences]
    problem = ""
    if unknown:
        problem = f"it cites sentence {unknown[0]}, which was not shown"
    elif len(said.numbers) > MAX_CITED:
        problem = f"it cites {len(said.numbers)} sentences, more than {MAX_CITED}"
    elif not said.numbers:
        problem = NO_EVIDENCE
    places: list[tuple[str, Span]] = []
    for number in said.numbers:
        if number in sheet.sentences:
            places.append((sheet.sentences[number].document_id, _widened(number, sheet)))
    kept = [
        place
        for place in dict.fromkeys(places)
        if not any(
            other != place and other[0] == place[0] and other[1].contains(place[1]) for other in places
        )
    ]
    evidence = tuple(Evidence(document_id, span=span) for document_id, span in kept[:MAX_CITED])
    return DraftStatement(said.text, evidence, said.speaker, problem)


def _widened(number: int, sheet: _Sheet) -> Span:
    """The sentence; with those before it as long as it points back at them ("He said …")."""
    span = sheet.sentences[number].span
    for _ in range(MAX_BACK):
        earlier = sheet.before.get(number)
        if earlier is None or not needs_company(sheet.sentences[number].text):
            break
        union = Span(earlier.span.start, span.end)
        if len(union) > MAX_CHARACTERS:
            break
        span, number = union, number - 1
    return span


def _short(said: Said, statement: DraftStatement, documents: Mapping[str, Document]) -> Evidence | None:
    """Where the short answer stands in the statement's own sentences; None where it does not."""
    if said.short is None or statement.problem:
        return None
    for evidence in statement.evidence:
        if evidence.span is not None:
            match: Match | None = find_quote(said.short, documents[evidence.document_id], [evidence.span])
            if match:
                return Evidence(evidence.document_id, span=match.span)
    return None


def _note(reply: Reply, sheet: _Sheet, *, cut: bool) -> str:
    """What is missing, as far as the model's words for it claim nothing, and what it was not shown."""
    parts = []
    if not reply.statements and reply.missing and _claims_nothing(reply.missing, sheet.prompt):
        parts.append(reply.missing)
    if cut:
        parts.append("The reply was cut off; only its whole statements were read.")
    if sheet.left_out:
        parts.append(
            f"{sheet.left_out} of {sheet.passages} passages did not fit into the model's context and were not read."
        )
    return " ".join(parts)


def _claims_nothing(missing: str, prompt: str) -> bool:
    """Names and figures only of the question, which is the prompt's first line; nothing that looks like a link."""
    question = prompt.partition("\n")[0]
    asked = figures(question)
    return (
        len(missing) <= MAX_MISSING
        and "://" not in missing
        and not set("<>[]") & set(missing)
        and missing_name(missing, Grounds((question, "The documents"))) is None
        and all(one.optional or any(one.said_by(other) for other in asked) for one in figures(missing))
    )
