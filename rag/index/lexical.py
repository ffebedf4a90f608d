"""Search by words (BM25) with tantivy, one index per library, derived from the catalogue.

Each passage is indexed three times: `stem` (accents folded, stemmed for the document's language), `exact` (folded
only: names, and phrases in quotation marks) and `head` (title and heading, stemmed). The words are cut and normalised
here, so figures meet however they are written ("1,200", "1.200" and "1200"; "U.S." and "US"), and a question is built
into a query from such words, never parsed: no punctuation in it can be an error or an operator.

tantivy's commits are atomic over a crash, and a truncated file is refused when the index is opened. No text is
stored; entries carry the catalogue's numbers of document and passage.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from rag.errors import LibraryDamaged
from rag.wording import REPAIR
from rag.words import STOPWORDS

# Grows when the words or the fields change; an index of another format is rebuilt.
FORMAT = 1

_STEMMERS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "fi": "finnish", "fr": "french", "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian",
    "nb": "norwegian", "nn": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish",
    "ta": "tamil", "tr": "turkish",
}  # fmt: skip
_DEFAULT_STEMMER = "english"

# Weights of the fields against `stem`. The unstemmed word adds a little where the spelling itself agrees.
_EXACT_WEIGHT = 0.3
_HEAD_WEIGHT = 0.4
_PHRASE_WEIGHT = 4.0

_WORD = re.compile(r"(?:[^\W\d_]\.){2,}|\d+(?:[.,]\d+)*|[^\W\d_][^\W_]*")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_POSSESSIVE = re.compile(r"(?<=\w)['’]s\b")
_QUOTED = re.compile(r'"([^"]+)"|“([^”]+)”|«([^»]+)»|„([^“”]+)[“”]')
_LONGEST_WORD = 60  # characters; longer ones are encoded data, not words


@dataclass(frozen=True, slots=True)
class Entry:
    """What is indexed of one passage; the numbers are the catalogue's."""

    document: int
    passage: int
    text: str
    head: str
    language: str | None


def plain_words(text: str) -> list[str]:
    """The words of `text` in order, lower case, accents kept.

    >>> plain_words("The U.S. sent García’s 1,200 men")
    ['the', 'us', 'sent', 'garcía', '1200', 'men']
    """
    text = text.lower()
    if "'s" in text or "’s" in text:
        text = _POSSESSIVE.sub("", text)
    words = [word if word.isalpha() else _plain(word) for word in _WORD.findall(text)]
    return (
        words
        if max(map(len, words), default=0) <= _LONGEST_WORD
        else [w for w in words if len(w) <= _LONGEST_WORD]
    )


def _plain(word: str) -> str:
    """Figures without the marks that group digits, abbreviations without their dots."""
    if word[0].isdigit():
        return _without_grouping(word) if _GROUPED.fullmatch(word) else word
    return word.replace(".", "")


def _without_grouping(number: str) -> str:
    """`1,200.5` and `1.200,5` → `1200.5`. The last kind of mark is the decimal one where there are two kinds."""
    if "," in number and "." in number:
        decimal = max(number.rfind(","), number.rfind("."))
        return re.sub(r"[.,]", "", number[:decimal]) + "." + number[decimal + 1 :]
    return re.sub(r"[.,]", "", number)


@lru_cache(maxsize=32)
def _analyzer(stemmer: str | None) -> Any:
    import tantivy

    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).filter(tantivy.Filter.ascii_fold())
    if stemmer:
        builder = builder.filter(tantivy.Filter.stemmer(stemmer))
    return builder.build()


def stemmer_of(language: str | None) -> str:
    return _STEMMERS.get((language or "").partition("-")[0].lower(), _DEFAULT_STEMMER)


@lru_cache(maxsize=1)
def _schema() -> Any:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("document", indexed=True, fast=True)
    builder.add_unsigned_field("passage", fast=True)
    for name in ("stem", "exact", "head"):
        builder.add_text_field(name, tokenizer_name="whitespace")
    return builder.build()


def _document(entry: Entry) -> Any:
    import tantivy

    stem, fold = _analyzer(stemmer_of(entry.language)).analyze, _analyzer(None).analyze
    words = " ".join(plain_words(entry.text))
    document = tantivy.Document()
    document.add_unsigned("document", entry.document)
    document.add_unsigned("passage", entry.passage)
    document.add_text("stem", " ".join(stem(words)))
    document.add_text("exact", " ".join(fold(words)))
    document.add_text("head", " ".join(stem(" ".join(plain_words(entry.head)))))
    return document


class LexicalIndex:
    """One tantivy index: on disk in `folder`, or in memory where `folder` is None.

    A searcher sees the state of the last `refresh`. Raises LibraryDamaged where the files cannot be read.
    """

    def __init__(self, folder: Path | None, *, create: bool = False) -> None:
        import tantivy

        self._writer: Any = None
        self._folder = folder
        try:
            if folder is None:
                self._index = tantivy.Index(_schema())
            elif create:
                folder.mkdir(parents=True, exist_ok=True)
                self._index = tantivy.Index(_schema(), str(folder))
            else:
                self._index = tantivy.Index.open(str(folder))
            # "manual": no thread that watches the folder; `refresh` is called instead.
            self._index.config_reader("manual")
            self.refresh()
        except (ValueError, OSError) as error:
            raise self._damaged(error) from error

    def refresh(self) -> None:
        self._index.reload()
        self._searcher: Any = self._index.searcher()

    def _damaged(self, error: Exception) -> LibraryDamaged:
        return LibraryDamaged(
            f"the word index cannot be read ({str(error)[:200]})",
            where=str(self._folder or "in memory"),
            next_step=REPAIR,
        )

    # Writing -----------------------------------------------------------------------------------------------------

    def add(self, entries: Iterable[Entry]) -> None:
        """Not visible, and not kept, before `commit`."""
        writer = self._open_writer()
        for entry in entries:
            try:
                writer.add_document(_document(entry))
            except ValueError:
                # The writing thread is gone. Only a commit, which then fails, says of what (a full disk).
                writer.commit()
                raise

    def delete(self, documents: Iterable[int]) -> None:
        """Every passage of these documents. Not visible, and not kept, before `commit`."""
        import tantivy

        # By query: `delete_documents_by_term` of tantivy 0.27 deletes nothing where the field is a number.
        among = tantivy.Query.term_set_query(_schema(), "document", list(documents))
        self._open_writer().delete_documents_by_query(among)

    def commit(self) -> None:
        """Durable and visible when this returns."""
        if self._writer is not None:
            self._writer.commit()
        self.refresh()

    def close(self) -> None:
        """Let merges end and release the index's own lock."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.wait_merging_threads()

    def _open_writer(self) -> Any:
        if self._writer is None:
            # One thread: the text is prepared here anyway, and 30 MB holds some 30,000 passages before a flush.
            self._writer = self._index.writer(30_000_000, 1)
        return self._writer

    # Reading -----------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def entries(self) -> dict[int, int]:
        """Document number by passage number, of everything in the index."""
        import tantivy

        if not len(self):
            return {}
        hits = self._searcher.search(tantivy.Query.all_query(), len(self), count=False).hits
        addresses = [address for _, address in hits]
        return dict(
            zip(self._numbers("passage", addresses), self._numbers("document", addresses), strict=True)
        )

    def _numbers(self, field: str, addresses: list[Any]) -> list[int]:
        values: list[int] = self._searcher.fast_field_values(field, addresses)
        return values

    def vocabulary(self) -> dict[str, dict[str, int]]:
        """For each field, in how many passages each word stands: for comparing two indexes word by word."""
        import tantivy

        everything = tantivy.Query.all_query()
        return {
            name: dict(self._searcher.terms_with_prefix(name, "", filter_query=everything))
            for name in ("stem", "exact", "head")
        }

    def search(
        self, text: str, limit: int, languages: Iterable[str | None], documents: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """(passage number, BM25), best first, at least the best `limit` that match, and all that tie with the last.

        `languages` are those of the documents that may be found: each word is stemmed as each of them would be.
        With `documents`, only those are searched; the statistics stay those of the whole index, so that a score
        means the same under every filter.
        """
        import tantivy

        query = self._query(text, languages)
        if query is None or limit < 1 or (documents is not None and not documents):
            return []
        if documents is not None:
            among = tantivy.Query.term_set_query(_schema(), "document", list(documents))
            must = tantivy.Occur.Must
            query = tantivy.Query.boolean_query(
                [(must, tantivy.Query.const_score_query(among, 0.0)), (must, query)]
            )
        fetch = limit + 32
        while True:
            hits = self._searcher.search(query, fetch, count=False).hits
            if len(hits) < fetch or hits[-1][0] < hits[limit - 1][0]:
                break
            fetch *= 4
        passages = self._numbers("passage", [address for _, address in hits])
        return [(passage, score) for passage, (score, _) in zip(passages, hits, strict=True)]

    def _query(self, text: str, languages: Iterable[str | None]) -> Any | None:
        import tantivy

        stemmers = sorted({stemmer_of(language) for language in languages}) or [_DEFAULT_STEMMER]
        words = plain_words(text)
        content = [word for word in words if word not in STOPWORDS] or words
        should, parts = tantivy.Occur.Should, []
        for word in dict.fromkeys(content):
            parts.append((should, _word_query(word, stemmers)))
        for phrase in quoted_phrases(text):
            terms = _analyzer(None).analyze(" ".join(phrase))
            query = tantivy.Query.phrase_query(_schema(), "exact", terms)
            parts.append((should, tantivy.Query.boost_query(query, _PHRASE_WEIGHT)))
        return tantivy.Query.boolean_query(parts) if parts else None


def quoted_phrases(text: str) -> list[list[str]]:
    """The words of each part of `text` in double quotation marks that has at least two."""
    phrases = [plain_words(next(filter(None, groups))) for groups in _QUOTED.findall(text)]
    return [phrase for phrase in phrases if len(phrase) > 1]


def _word_query(word: str, stemmers: Sequence[str]) -> Any:
    """The word's best stem in `stem` and in `head`, and the word itself in `exact`."""
    import tantivy

    stems = sorted({stem for stemmer in stemmers for stem in _analyzer(stemmer).analyze(word)})
    should = tantivy.Occur.Should

    def best(field: str) -> Any:
        return tantivy.Query.disjunction_max_query(
            [tantivy.Query.term_query(_schema(), field, stem) for stem in stems]
        )

    folded = "".join(_analyzer(None).analyze(word))
    exact = tantivy.Query.term_query(_schema(), "exact", folded)
    return tantivy.Query.boolean_query(
        [
            (should, best("stem")),
            (should, tantivy.Query.boost_query(best("head"), _HEAD_WEIGHT)),
            (should, tantivy.Query.boost_query(exact, _EXACT_WEIGHT)),
        ]
    )


def build(folder: Path | None, entries: Iterable[Entry]) -> LexicalIndex:
    """A new index of `entries`, in `folder` (emptied first) or in memory."""
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    index = LexicalIndex(folder, create=True)
    index.add(entries)
    index.commit()
    return index
