"""Who says the words at a place, by the text's own account: "X said", "according to X", "said X", "dijo X".

News attributes speech in a few forms, so this is a grammar and not a model: each rule can be read, and what no rule
covers is None. None means "the text does not say it clearly here": the narrator's own words, a pronoun that could be
two people, two speakers in one span. A wrong name under a quote is worse than no name.

How: around the place, paragraphs are cut into sentences and quotations (a quotation may run over paragraphs). In each
sentence every reporting verb with a subject claims a region, the words that it reports; quotations without a tag of
their own continue the speech before them in the same paragraph. The answer is the speaker of the regions that the
place touches, if that is one speaker.

Known gaps: speech in straight single quotation marks, and dialogue opened with dashes.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Literal

from rag.answer.quotations import Window, parse_window, sentences_of
from rag.answer.speech import (
    ACCORDING,
    FREE_VERBS,
    MASK,
    NAMES,
    PARTICIPLES,
    PAST_OR_PRESENT,
    ROLE,
    VERB_CLASSES,
    Subject,
    VerbClass,
    clean_name,
    is_body,
    is_name,
    is_person,
    names_in,
    possessive,
    subject_after,
    subject_before,
    unnamed_person,
)
from rag.types import Document, Span

_BEFORE, _AFTER = 6_000, 3_000  # characters of context; a speech may run over several paragraphs
_MENTIONS = 300  # of one name that are looked at for a fuller form
_THAT = re.compile(r"^[^,;:.]{0,80}?(?:\b|,\s)(?:that|que)\s+")
# "wrote on X that …", "said that …"; but in "disclosed an order that …" the word begins a relative clause.
_PREPOSITIONAL = re.compile(
    r"^,?\s*(?:that|que|in|on|at|to|during|via|by|from|after|last|this|en|a|ante|durante|tras|(?:\w+day))\b"
)
_WITH_HEARER = frozenset(("told", "tells", "tell", "telling", "warned", "warns", "promised", "reminded"))
_TAIL_ONLY = re.compile(
    r"^(?:\s+(?:in|on|at|during|to|via|by|from|after|before|last|this|earlier|yesterday|today|later|reporters|"
    r"en|durante|ante|tras|este|ayer|hoy|a)\b[^,;:]*|\s+(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day[^,;:]*)?\s*(?:[.,;!?]|$)"
)
_SHORT_LEAD = re.compile(
    r"^\s*(?:(?:in|on|at|but|and|however|meanwhile|later|yesterday|today|after|before|during|en|el|tras|pero|según|ayer"
    r"|still|earlier|last|this|then|also|speaking|asked)\b[^,]{0,60}|\w+),?\s*$",
    re.IGNORECASE,
)
# "in Washington" is a place, "her predecessor Vega" is not she; "the New York senator" is not New York.
_NOT_HE = re.compile(
    r"\b(?:in|inside|outside|within|across|into|from|at|near|en|desde)\s$|\b(?:his|her|its|their|su|sus)\s(?:\w+\s){1,2}$",
    re.IGNORECASE,
)
_MODIFIES = re.compile(rf"\s{ROLE}\b")
_COORDINATE = re.compile(
    r"(?:[,;]\s*(?:but|and|while|whereas|though|although|pero|mientras|y|[Ww]hat)?|\b(?:but|while|whereas|pero|mientras))\s*$"
)


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who says it. `span` is the place of the attribution itself ("said Ana Ruiz"), `verb` as printed.

    `kind`: `direct` for words in quotation marks, `indirect` for reported speech.
    """

    speaker: str
    verb: str
    verb_class: VerbClass
    span: Span
    kind: Literal["direct", "indirect"]


@dataclass(frozen=True, slots=True)
class _Region:
    """Words that somebody is reported to say. `by` None: somebody whose name is not clear."""

    span: Span
    by: Attribution | None


@dataclass(frozen=True, slots=True)
class _Tag:
    """One reporting verb with its subject, in places of the masked window."""

    start: int
    end: int
    verb: str
    verb_class: VerbClass
    subject: Subject | None
    inverted: bool = False
    according: bool = False
    announced: bool = False  # "As Ruiz told the court, …": what it reports begins behind the next comma


def speaker_of(document: Document, span: Span) -> str | None:
    """Who says the words at `span`: a name as full as the document has it, or a group as printed; None if not clear."""
    found = attribution_of(document, span)
    return found.speaker if found else None


def attribution_of(document: Document, span: Span) -> Attribution | None:
    """The attribution of the words at `span`, a quotation, a clause, or whole sentences with their "X said".

    None for the narrator's own words, and where two speakers, or none that is clear, are reported at `span`. Sentences of
    the narrator beside words in quotation marks leave these their speaker.
    """
    text = document.text
    low = text.rfind("\n", 0, max(0, span.start - _BEFORE)) + 1
    high = min(len(text), span.end + _AFTER)
    window = parse_window(text[low:high])
    place = _trimmed(window.text, span.start - low, span.end - low)
    if place is None:
        return None
    sentences = sentences_of(window)
    claimed: list[list[_Region]] = []
    leads: list[Attribution | None] = []
    for index, sentence in enumerate(sentences):
        window.previous = sentences[max(0, index - 1)].start
        regions, lead = _regions(window, sentence, document, low)
        claimed.append(regions)
        leads.append(lead)
    _continue_speech(window, sentences, claimed, leads)
    touched: list[Attribution | None] = []
    told, spoken = False, True  # by the narrator; all the rest in quotation marks
    for index, sentence in enumerate(sentences):
        part = _overlap(sentence, place)
        if part is None or not re.search(r"\w", part.of(window.text)):
            continue
        regions = [region for region in claimed[index] if _says(window.text, region.span, part)]
        outer = [region for region in regions if not _nested(region, part, regions)]
        if not outer and MASK in part.of(window.masked):  # somebody's words, and nobody's name
            return None
        touched += [region.by for region in outer]
        told |= not outer
        spoken &= all(region.by is not None and _is_direct(window, part, region.by, low) for region in outer)
    found = touched[0] if touched else None
    if found is None or any(by is None or by.speaker != found.speaker for by in touched):
        return None
    if told and not spoken:
        return None
    direct = told or _is_direct(window, place, found, low)
    return replace(found, kind="direct" if direct else "indirect")


def same_person(first: str, second: str) -> bool:
    """Whether two printed names can be one person's: the shorter's words stand in the longer's, titles apart."""
    left, right = (_key(clean_name(name)) for name in (first, second))
    shorter, longer = sorted((left, right), key=len)
    return bool(shorter) and set(shorter) <= set(longer)


def _key(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name.casefold())
    return re.findall(r"\w+", "".join(char for char in plain if not unicodedata.combining(char)))


def _trimmed(text: str, start: int, end: int) -> Span | None:
    piece = text[start:end]
    words = [match.span() for match in re.finditer(r"\w+", piece)]
    return Span(start + words[0][0], start + words[-1][1]) if words else None


def _overlap(one: Span, other: Span) -> Span | None:
    return Span(max(one.start, other.start), min(one.end, other.end)) if one.overlaps(other) else None


def _says(text: str, region: Span, part: Span) -> bool:
    shared = _overlap(region, part)
    return shared is not None and re.search(r"\w", shared.of(text)) is not None


def _nested(region: _Region, part: Span, regions: list[_Region]) -> bool:
    """True for speech reported inside other speech, where the place also touches what is around it."""
    return any(
        other.span != region.span and other.span.contains(region.span) and not region.span.contains(part)
        for other in regions
    )


def _is_direct(window: Window, place: Span, found: Attribution, low: int) -> bool:
    """Whether all words of the place but the attribution itself stand in quotation marks."""
    tag = found.span.shifted(-low)
    rest = [
        match.start()
        for match in re.finditer(r"\w+", place.of(window.masked))
        if not tag.start <= match.start() + place.start < tag.end
    ]
    quoted = MASK in place.of(window.masked)
    return quoted and (not rest or _quoted_sentence(window, place, tag))


def _quoted_sentence(window: Window, place: Span, tag: Span) -> bool:
    """A tag after or between quotations: what follows the name ("a judge", "in a video") is not reported speech."""
    before = window.masked[place.start : max(place.start, min(tag.start, place.end))]
    return MASK in before and not re.search(r"\w", before.replace(MASK, ""))


# --- tags and the words they report ------------------------------------------------------------------------------


def _tags(masked: str, sentence: Span) -> list[_Tag]:
    """Each reporting verb of the sentence that has a subject, and each "according to", in order."""
    text = masked[: sentence.end]
    tags: list[_Tag] = []
    for match in PAST_OR_PRESENT.finditer(text, sentence.start, sentence.end):
        verb = match.group()
        lowered = verb.casefold()
        local = text[sentence.start :]
        at, end = match.start() - sentence.start, match.end() - sentence.start
        left = local[:at].rstrip()
        if lowered in PARTICIPLES:
            if re.search(r"(?:,|\band)$", left):
                subject = _sentence_subject(local, tags, sentence.start)
                tags.append(_Tag(match.start(), match.end(), verb, PARTICIPLES[lowered], subject))
            continue
        subject = subject_before(local, at)
        if subject is None and (not left or left[-1] in f",—–{MASK}"):
            after = subject_after(local, end)
            if after and not re.match(r"\s+(?:in|on|at|to|that|que|en)\b", local[end:]):
                shifted = replace(after, start=after.start + sentence.start, end=after.end + sentence.start)
                tags.append(
                    _Tag(match.start(), shifted.end, verb, VERB_CLASSES[lowered], shifted, inverted=True)
                )
                continue
        if subject:
            shifted = replace(subject, start=subject.start + sentence.start, end=subject.end + sentence.start)
            announced = re.fullmatch(r"\s*(?:But as|As|Como)\s*", local[: subject.start]) is not None
            tags.append(
                _Tag(shifted.start, match.end(), verb, VERB_CLASSES[lowered], shifted, announced=announced)
            )
        elif re.search(r"\band$|\by$", left) and tags and tags[-1].subject:
            # "Ruiz said the deal was bad and asked who had signed it"
            tags.append(_Tag(match.start(), match.end(), verb, VERB_CLASSES[lowered], tags[-1].subject))
    for match in ACCORDING.finditer(text, sentence.start, sentence.end):
        subject = subject_after(text, match.end())
        if subject:
            tags.append(
                _Tag(match.start(), subject.end, match.group().strip(), "said", subject, according=True)
            )
    return sorted(tags, key=lambda tag: tag.start)


def _sentence_subject(sentence: str, tags: list[_Tag], offset: int) -> Subject | None:
    """Whose participle it is: the last tag's, else the name that the sentence begins with."""
    if tags:
        return tags[-1].subject
    lead = re.match(r"\s*(?:(?:But|And|However|Yet|Still|Meanwhile|Also|Then|Pero),?\s+)?", sentence)
    begin = lead.end() if lead else 0
    name = NAMES.match(sentence, begin)
    if not name or not is_name(name.group()) or possessive(name.group()):
        return None
    if not re.match(r"\s[a-zà-ÿ]|,", sentence[name.end() :]) or re.match(
        r"\s(?:and|y|of|de)\b", sentence[name.end() :]
    ):
        return None
    return Subject(clean_name(name.group()), "name", offset + name.start(), offset + name.end())


def _regions(
    window: Window, sentence: Span, document: Document, low: int
) -> tuple[list[_Region], Attribution | None]:
    """What the sentence reports and by whom; and the last attribution, for a quotation that follows on its colon."""
    masked = window.masked
    tags = _tags(masked, sentence)
    quoted = [span for span in window.quotations if sentence.contains(span) or sentence.overlaps(span)]
    regions: list[_Region] = []
    lead: Attribution | None = None
    done = sentence.start  # where the speech of the tag before ended
    for index, tag in enumerate(tags):
        following = tags[index + 1] if index + 1 < len(tags) else None
        stop = sentence.end
        if following:
            joint = masked[tag.end : following.start]
            same = following.subject == tag.subject
            if same or _COORDINATE.search(joint):
                stop = following.start
        before = masked[done : tag.start]
        after = masked[tag.end : stop]
        spans: list[Span] = []
        behind = _reports_before(before, after, tag, first=done == sentence.start)
        # Whom "she said" means is never named in the very words that she is reported to say.
        by = _attribution(window, tag, document, low, done if behind else _beginning(tag))
        if behind:
            spans.append(Span(done, tag.start))
            goes_on = rf"[^.]*?,\s*\w|[^.;]*[,:]\s*{MASK}" if tag.according else rf"[^.;]*[,:]\s*{MASK}"
            if re.match(goes_on, after):
                spans.append(Span(tag.end, stop))
        else:
            spans += _reported_after(after, tag, stop)
        for span in spans:
            inside = [quote for quote in quoted if span.overlaps(quote)]
            regions.append(_Region(span, by))
            regions += [
                _Region(Span(max(quote.start, span.start), min(quote.end, span.end)), by) for quote in inside
            ]
        done = stop if spans and stop < sentence.end else done
        lead = by
    ends_open = sentence.of(masked).rstrip().endswith(":")
    return list(dict.fromkeys(regions)), lead if ends_open else None


def _beginning(tag: _Tag) -> int:
    """Of the tag or of its subject: in "He called … and asked" whom "he" means is named before the first verb."""
    return tag.start if tag.subject is None else min(tag.start, tag.subject.start)


def _reports_before(before: str, after: str, tag: _Tag, *, first: bool) -> bool:
    """Whether a tag stands behind what it reports ("…, Ruiz said." or "…, according to Ruiz, …")."""
    stripped = before.rstrip()
    if not re.search(rf"[\w{MASK}]", stripped):
        return False
    if MASK in stripped[-2:] or (tag.inverted and stripped[-1:] in f",—–{MASK}"):
        return True
    if stripped[-1:] not in ",—–" or (tag.according and not first):
        return tag.according and bool(re.search(r"\w", stripped)) and not _SHORT_LEAD.match(stripped)
    if tag.according:
        return not _SHORT_LEAD.match(stripped)
    return (
        not _SHORT_LEAD.match(stripped)
        and bool(_TAIL_ONLY.match(after))
        and tag.verb.casefold() not in PARTICIPLES
    )


def _reported_after(after: str, tag: _Tag, stop: int) -> list[Span]:
    """What a tag that stands in front reports: a clause, or only the quotations where the verb takes an object."""
    if tag.according or tag.announced:
        comma = re.match(r"[^,;:]{0,60},\s*" if tag.announced else r"(?:,[^,]{1,80})??,\s*", after)
        return [Span(tag.end + comma.end(), stop)] if comma else []
    that = _THAT.match(after)
    if that and (_PREPOSITIONAL.match(after) or tag.verb.casefold() in _WITH_HEARER):
        return [Span(tag.end + that.end(), stop)]
    colon = re.match(r"[^,;.¤]{0,80}:\s*", after)
    if colon:
        return [Span(tag.end + colon.end(), stop)]
    if MASK in after:
        quotations = [
            Span(tag.end + match.start(), tag.end + match.end()) for match in re.finditer(f"{MASK}+", after)
        ]
        if tag.verb.casefold() in FREE_VERBS or tag.verb.casefold() in PARTICIPLES:
            return [Span(tag.end, stop)]
        return quotations
    if tag.verb.casefold() in FREE_VERBS or (tag.verb.casefold() in PARTICIPLES and not tag.inverted):
        return (
            []
            if _TAIL_ONLY.match(after) and not re.search(r"\s\w+(?:ed|s)\b", after)
            else [Span(tag.end, stop)]
        )
    if tag.inverted:
        return []
    if re.match(r"\s+(?:if|whether|how|why|si)\s", after):
        return [Span(tag.end, stop)]
    return []


def _continue_speech(
    window: Window, sentences: list[Span], claimed: list[list[_Region]], leads: list[Attribution | None]
) -> None:
    """Give quotations without a tag the speaker of the speech that they continue, forward and then backward."""

    def alone(index: int) -> bool:
        masked = sentences[index].of(window.masked)
        return MASK in masked and not re.search(r"\w", masked.replace(MASK, ""))

    def continued(index: int) -> bool:
        return any(sentences[index].start <= start < sentences[index].end for start in window.continues)

    for index in range(1, len(sentences)):
        if not claimed[index] and alone(index):
            same_paragraph = not _paragraph_break(window, sentences[index - 1], sentences[index])
            if continued(index) or leads[index - 1] or same_paragraph:
                claimed[index] = _taken_up(window, sentences[index], claimed[index - 1], leads[index - 1])
    for index in range(len(sentences) - 2, -1, -1):
        if not claimed[index] and alone(index) and claimed[index + 1] and continued(index + 1):
            claimed[index] = [_Region(sentences[index], claimed[index + 1][0].by)]


def _taken_up(
    window: Window, sentence: Span, before: list[_Region], lead: Attribution | None
) -> list[_Region]:
    """The region of a quotation that stands alone: the speech right before it goes on, or its "X said:" ended there."""
    direct = [region for region in before if MASK in region.span.of(window.masked)]
    if direct:
        return [_Region(sentence, direct[-1].by)]
    return [_Region(sentence, lead)] if lead else []


def _paragraph_break(window: Window, one: Span, other: Span) -> bool:
    return any(one.end <= paragraph.start <= other.start for paragraph in window.paragraphs)


# --- who the subject is --------------------------------------------------------------------------------------------


def _attribution(
    window: Window, tag: _Tag, document: Document, low: int, known_before: int
) -> Attribution | None:
    """Who speaks in `tag`; a pronoun is somebody named before `known_before`."""
    if tag.subject is None:
        return None
    speaker: str | None = _printed(window, tag.subject)
    own = tag.subject.kind != "group"
    it = tag.subject.text.casefold() == "it"
    if it:
        speaker, own = _body(window, tag, known_before)
    elif tag.subject.kind == "pronoun":
        speaker = _antecedent(window, known_before)
    window.body = (tag.end, speaker, own) if speaker is not None and (it or is_body(tag.subject)) else None
    if speaker is None:
        return None
    if own:
        if speaker not in window.full_names:
            window.full_names[speaker] = _full_name(document.text, speaker)
        speaker = window.full_names[speaker]
    place = Span(tag.start, tag.end).shifted(low)
    return Attribution(speaker, tag.verb, tag.verb_class, place, "indirect")


def _printed(window: Window, subject: Subject) -> str:
    """The subject's words as the text has them: a nickname in quotation marks was masked."""
    at = window.masked.find(subject.text, subject.start, subject.end) if MASK in subject.text else -1
    return window.text[at : at + len(subject.text)] if at >= 0 else subject.text


def _full_name(text: str, name: str) -> str:
    """The fullest form under which `text` names this person; `name` itself where two people could be meant."""
    wanted = name.split()
    fuller: dict[str, None] = {}
    for count, match in enumerate(re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text)):
        if count == _MENTIONS:
            break
        low = max(0, match.start() - 80)
        around = re.sub(r"\s", " ", text[low : match.end() + 60])
        for found, start, end in names_in(around):
            tokens = found.split()
            if start <= match.start() - low < end and is_person(found) and len(tokens) > len(wanted):
                places = range(1, len(tokens) - len(wanted) + 1)
                if any(tokens[at : at + len(wanted)] == wanted for at in places):
                    fuller[found] = None
    longest = max(fuller, key=lambda found: len(found.split()), default=name)
    return longest if all(set(found.split()) <= set(longest.split()) for found in fuller) else name


def _body(window: Window, tag: _Tag, at: int) -> tuple[str | None, bool]:
    """Whom "it" of `tag` means, and whether by a name of its own: the organisation that spoke last, in this sentence or
    the one before and the same paragraph, where no other organisation is named since. `at`: where its words begin.
    """
    if window.body is None or tag.verb.casefold() in ("claimed", "claims"):  # "It claimed twelve lives"
        return None, False
    end, name, own = window.body
    paragraph = max((each.start for each in window.paragraphs if each.start <= at), default=0)
    since = window.masked[end:at]
    others = [other for other, _, _ in names_in(since) if not is_person(other)]
    if end < max(paragraph, window.previous) or others:
        return None, False
    return name, own


def _antecedent(window: Window, at: int) -> str | None:
    """Whom "he" or "she" at `at` means: the one person named before it in the paragraph, else in the one before.

    None where there are two, or where a person without a name ("the minister") could be meant.
    """
    index = next((n for n, paragraph in enumerate(window.paragraphs) if paragraph.end > at), 0)
    before = [Span(window.paragraphs[index].start, at)] if window.paragraphs else []
    before += [window.paragraphs[index - 1]] if index else []
    for piece in before:
        masked = piece.of(window.masked)
        people: list[str] = []
        for found, start, end in names_in(masked):
            place = _NOT_HE.search(masked[:start]) or _MODIFIES.match(masked[end:])
            if is_person(found) and not place and not any(same_person(found, other) for other in people):
                people.append(found)
        if len(people) > 1 or unnamed_person(masked):
            return None
        if people:
            return people[0]
    return None
