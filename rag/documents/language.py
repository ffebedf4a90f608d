"""Which language a text is in, as an ISO 639-1 code, or None where it is too short or not clear.

English and Spanish are told by their most frequent words, which takes microseconds; the model of py3langid (0.9 s to
load, measured) is only loaded for the texts that those words do not settle.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import Any

from rag.documents.lines import word_set
from rag.types import Span

_SAMPLE = 4_000  # characters; more does not change the result
_LEAST_LETTERS = 25
_LEAST_CONFIDENCE = 0.9
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = word_set(
    """
    the of and to in that is was for on with as by at from his her they this have had are were been
    which would
    """
)
_SPANISH = word_set(
    """
    el los las del y una pero también más según fue sus es al como para por con está han sido son lo
    """
)
# Words that Spanish does not have; one of its neighbours may be the language instead.
_NEIGHBOURS = word_set(
    """
    os uma não em ao dos das foi mais pelo els amb les dels és il che gli della di le des est une dans unha non
    pola und der die het een och
    """
)
# Languages that newsrooms are likely to hold; the others of the model win too easily on names and numbers.
_LANGUAGES = (
    "ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "gl", "he",
    "hi", "hr", "hu", "id", "is", "it", "ja", "ko", "lt", "lv", "nl", "no", "pl", "pt", "ro", "ru", "sk",
    "sl", "sr", "sv", "th", "tr", "uk", "ur", "vi", "zh",
)  # fmt: skip


def language_of(text: str, furniture: tuple[Span, ...] = ()) -> str | None:
    """The language of `text` without its furniture."""
    sample = _without(text, furniture)
    words = [word.casefold() for word in _WORD.findall(sample)]
    if sum(map(len, words)) < _LEAST_LETTERS:
        return None
    if len(words) >= 20:
        count = Counter(words)
        english = sum(count[word] for word in _ENGLISH) / len(words)
        spanish = sum(count[word] for word in _SPANISH) / len(words)
        others = sum(count[word] for word in _NEIGHBOURS) / len(words)
        if english >= 0.12 and spanish < 0.03 and others < 0.3 * english:
            return "en"
        if spanish >= 0.15 and english < 0.03 and others < 0.02:
            return "es"
    code, confidence = _identifier().classify(sample)
    return str(code) if confidence >= _LEAST_CONFIDENCE else None


def _without(text: str, furniture: tuple[Span, ...]) -> str:
    parts, offset, size = [], 0, 0
    for span in (*furniture, Span(len(text), len(text))):
        part = text[offset : min(span.start, offset + _SAMPLE - size)]
        parts.append(part)
        size += len(part)
        if size >= _SAMPLE:
            break
        offset = span.end
    return "\n".join(parts)


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_LANGUAGES)
    return identifier
