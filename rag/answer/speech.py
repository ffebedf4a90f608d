"""The vocabulary and the small grammar by which English and Spanish news say who said something.

`subject_before` and `subject_after` read the subject of a reporting verb at a known place. They know what a subject
looks like and give None for everything else: "the man who met Vega said" is not said by Vega, and "Ruiz did not say"
is no report of speech at all. All functions work on text in which quotations are masked (see `MASK`).
"""

# ruff: noqa: SIM905  (word lists are easier to read and to extend as text)
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

VerbClass = Literal["said", "claimed", "denied", "warned", "admitted", "asked", "promised"]

MASK = "¤"  # stands for every character of a quotation, so that its words are not taken for the narrator's

# Verbs after which a bare clause is what was said ("Ruiz said the flights stopped").
_FREE = "said says say claimed claims claim added adds argued argues argue insisted insists alleged alleges stated"
_BY_CLASS: dict[VerbClass, str] = {
    "said": """said says say told tells tell wrote writes added adds add stated states noted notes explained explains
        remarked observed replied responded answered announced declared reported recalled commented continued concluded
        tweeted posted stressed emphasized emphasised underlined reiterated repeated opined testified suggested
        predicted ruled argued argues argue maintained insisted insists confirmed revealed disclosed highlighted highlight
        believes described describes called calls referred defended praised hailed criticized criticised slammed branded
        labeled labelled blasted denounced condemned appreciated recounted joked predicts estimates
        dijo dijeron dice dicen afirmó afirma afirmaron aseguró asegura aseguraron señaló señala señalaron declaró
        declara declararon explicó explica explicaron agregó añadió sostuvo sostiene indicó indica informó informaron
        confirmó confirmaron escribió comentó insistió subrayó aclaró recordó apuntó manifestó expresó respondió
        consideró anunció calificó""",
    "claimed": "claimed claims claim alleged alleges contended accused denunció acusó alegó",
    "denied": "denied denies deny rejected refuted disputed dismissed negó niega negaron rechazó desmintió",
    "warned": "warned warns warn cautioned cautions threatened advirtió advierte advirtieron alertó amenazó",
    "admitted": "admitted admits acknowledged acknowledges conceded concedes confessed reconoció admitió",
    "asked": "asked asks wondered questioned preguntó cuestionó",
    "promised": "promised promises vowed vows pledged prometió",
}
_PARTICIPLES: dict[str, VerbClass] = {
    **dict.fromkeys("saying adding stating noting arguing insisting explaining stressing calling".split(), "said"),
    **dict.fromkeys("describing declaring telling suggesting writing".split(), "said"),
    "claiming": "claimed", "alleging": "claimed", "denying": "denied", "warning": "warned", "asking": "asked",
    "admitting": "admitted", "acknowledging": "admitted", "promising": "promised",
}  # fmt: skip
VERB_CLASSES: dict[str, VerbClass] = {
    verb: kind for kind, verbs in _BY_CLASS.items() for verb in verbs.split()
}
FREE_VERBS = frozenset(_FREE.split())
PARTICIPLES = _PARTICIPLES
PAST_OR_PRESENT = re.compile(
    rf"(?<![\w-])(?:{'|'.join(VERB_CLASSES)}|{'|'.join(_PARTICIPLES)}|Dijo|Afirmó|Agregó|Añadió)(?![\w-])"
)
ACCORDING = re.compile(r"\b(?:[Aa]ccording to|[Ss]egún|[Dd]e acuerdo con|[Aa] juicio de)\s+")

_U = "A-ZÀ-ÖØ-Þ" + "".join(chr(code) for code in range(0x100, 0x180) if chr(code).isupper())
_ABBREVIATED = (
    "Mrs?|Ms|Dr|Drs|Sra?|Srta|Sen|Gov|Rep|Gen|Col|Lt|Sgt|Capt|Prof|Rev|Hon|St|Jr|Adm|Cmdr|Amb|Lic|Ing"
)
_TOKEN = rf"(?:(?:{_ABBREVIATED})\.|(?:[{_U}]\.)+|[{_U}]\w*(?:[’'-]\w+)*)"
_PARTICLE = r"(?:de la|de los|de las|del|de|di|da|dos|van der|van|von|bin|ibn|al|el|la|le)"
_OF = r"(?:Ministry|Department|Bank|University|Bureau|Institute|Office|Council|Secretary|Secretaría|Ministerio|Center)"
NAME = rf"(?:{_OF} (?:of|for|de)(?: the| la)? )?{_TOKEN}(?:(?: {_PARTICLE})? {_TOKEN}| {MASK}+ {_TOKEN})*"
_NAME_AT_END = re.compile(rf"(?<![\w’'.-]){NAME}$")
_NAME_AT_START = re.compile(NAME)
NAMES = re.compile(rf"(?<![\w’'.-]){NAME}")

_ROLES = """spokesman spokeswoman spokesperson spokespeople official officials minister ministers ministry secretary
    president governor mayor senator senators lawyer lawyers attorney attorneys prosecutor prosecutors judge court
    police authorities government agency army navy military analyst analysts expert experts critic critics observer
    observers witness witnesses source sources adviser advisers aide aides director head chief leader leaders member
    members activist activists resident residents researcher researchers economist economists professor doctor doctors
    journalist journalists company report statement newspaper union group bank department office embassy
    administration campaign committee commission party mother father wife husband brother sister son daughter
    neighbour neighbor woman man relatives ambassador general commander captain inspector detective historian author
    manager executive chairman chairwoman chancellor king queen pope bishop scientist scientists teacher driver
    portavoz vocero vocera ministro ministra presidente presidenta gobierno fiscalía fiscal policía autoridades expertos
    analistas funcionario funcionaria funcionarios abogado abogada alcalde alcaldesa gobernador gobernadora juez jueza
    ministerio secretaría ejército empresa mandataria mandatario testigos testigo fuentes directora secretario
    secretaria diputado diputada senadora experto experta analista académica académico investigador investigadora
    exministro exministra médico médica profesora profesor""".split()
ROLE = rf"(?:{'|'.join(_ROLES)})"
# Roles that are not one person: "he" and "she" never mean these.
_NO_PERSON = frozenset(
    """officials ministers ministry senators lawyers attorneys prosecutors court police authorities government agency
    army navy military analysts experts critics observers witnesses sources advisers aides leaders members activists
    residents researchers economists doctors journalists company report statement newspaper union group bank department
    office embassy administration campaign committee commission party relatives scientists gobierno fiscalía policía
    autoridades expertos analistas funcionarios ministerio secretaría ejército empresa testigos fuentes general head
    spokespeople""".split()
)
# Those of them that "it" may mean, where they have spoken before.
_BODIES = re.compile(
    r"\b(?:ministry|court|government|agency|army|navy|military|company|newspaper|union|group|bank|department|office|"
    r"embassy|administration|campaign|committee|commission|party)$",
    re.IGNORECASE,
)
_PREPOSITIONS = """of for by with from to at in on about against near under over between toward towards into via
    through behind beside de por con para en contra sobre del a ante""".split()
# A subject may follow these; after any other lower-case word a name is taken to be somebody else's object.
_BEFORE_SUBJECT = """that while as but and when because what where which although though since after before than yet so
    or then how however meanwhile still que pero y mientras cuando porque aunque como donde luego
    month week year day night morning evening afternoon yesterday today ayer hoy mes semana año""".split()
# "If Ruiz said so", "it is not true that Ruiz said so": nobody is reported to have said it.
_HYPOTHETICAL = re.compile(
    r"\b(?:if|whether|unless|si|had)\s*$|\b(?:not|never|false|untrue|no|falso)\b[^.;,]{0,40}\b(?:that|que)\s*$",
    re.IGNORECASE,
)
_WORD = (
    r"(?!(?:"
    + "|".join([*_PREPOSITIONS, *_BEFORE_SUBJECT, "who", "whose", "not", "never"])
    + rf")\b)(?:(?:[{_U}]\.)+|[\w’'-]+(?:\.[\w’'-]+)*)"
)
_DETERMINER = (
    r"(?:the|a|an|one|another|some|several|many|most|other|two|three|four|five|these|those|his|her|its|their|el|la|los"
    r"|las|un|una|unos|su|sus|otro|otra|dos|tres|varios)"
)
_TAIL = rf"(?: (?:of|for|at|in|from|with|by|de|del|en)(?: (?:the|la|el|los|this|that))?(?: {_WORD}){{1,4}}?)"
GENERIC = rf"(?:{_DETERMINER} )?(?:{_WORD} ){{0,4}}?{ROLE}"
_GENERIC_AT_END = re.compile(rf"(?<![\w’'.-]){GENERIC}{_TAIL}?$", re.IGNORECASE)
_GENERIC_AT_START = re.compile(rf"{GENERIC}\b", re.IGNORECASE)
_TAIL_AT_START = re.compile(rf"{_TAIL}(?=[.,;:]|$)")
_PRONOUN_AT_END = re.compile(r"(?<![\w’'-])(?:he|she|it|él|ella)$", re.IGNORECASE)
_PRONOUN_AT_START = re.compile(r"(?:he|she|él|ella)\b", re.IGNORECASE)
_UNNAMED = re.compile(
    rf"\b{_DETERMINER} (?:[a-zà-ÿ]+ ){{0,2}}(?:{'|'.join(role for role in _ROLES if role not in _NO_PERSON)})\b",
    re.IGNORECASE,
)
_ADVERBS = re.compile(
    r"(?:(?<=\s)|^)(?:has|have|had|also|later|then|first|now|again|once|already|further|in turn|himself|herself|soon"
    r"|[a-z]{3,}ly|ha|han|había|también|luego|después)\s+$"
)
_NOT_A_NAME = frozenset(
    """monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december lunes martes miércoles jueves viernes sábado domingo
    nobody none everyone everybody somebody someone nadie
    yesterday today tomorrow earlier later again once only even perhaps maybe instead also another some many most
    one two three four five six seven eight nine ten eleven twelve dozens ayer hoy mañana
    the a an this that these those it he she they we i you but and or if when while as in on at for to from by with
    after before since however meanwhile there here what who why how where no yes not then so yet still according both
    el la los las un una en de por con para según pero y cuando mientras que quien cómo qué no sí""".split()
)
_TITLES = frozenset(
    """councillor councilor councilman councilwoman concejal
    mr mrs ms dr sr sra srta sen gov rep gen col lt sgt capt prof rev adm amb lic ing president presidenta presidente
    senator governor minister secretary general mayor judge chancellor king queen pope bishop father sister brother
    congressman congresswoman representative ambassador deputy former vice prime foreign defense defence interior
    justice treasury attorney chief commander captain colonel sergeant lieutenant inspector detective professor doctor
    president-elect vice-president health energy finance education environment labour labor trade home press first
    agriculture transport culture senate house majority minority leader speaker state security chairman chairwoman
    director spokesman spokeswoman
    ministro ministra gobernador gobernadora senador senadora alcalde alcaldesa general fiscal diputado diputada
    secretario secretaria doctor doctora don doña señor señora us u.s uk mexican american""".split()
)
_ORGANISATION = frozenset(
    """ministry department bank university bureau institute office council agency administration house party cartel
    court committee commission union police army navy times journal post news company inc group city states church
    center centre association federation foundation society embassy congress parliament board force service security
    ministerio secretaría fiscalía universidad partido banco policía gobierno instituto""".split()
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Who the text says is speaking, as printed. `start` and `end` are its place in the text that was searched."""

    text: str
    kind: Literal["name", "group", "pronoun"]
    start: int
    end: int


def subject_before(text: str, verb_at: int) -> Subject | None:
    """The subject that ends right before the verb at `verb_at`, adverbs and an apposition between them allowed."""
    low = max(0, verb_at - 400)
    left = text[low:verb_at]
    while adverb := _ADVERBS.search(left):
        left = left[: adverb.start()]
    left = left.rstrip(" ")
    found = _apposed(left) if left.endswith(",") else _subject_at_end(left)
    return found and Subject(found.text, found.kind, found.start + low, found.end + low)


def _apposed(left: str) -> Subject | None:
    """`Ana Ruiz, a judge,` and `the judge, Ana Ruiz,`: the subject is the named one of the two."""
    inner = left[:-1]
    for commas, comma in enumerate(reversed([match.start() for match in re.finditer(",", inner)])):
        between = re.sub(rf"\b(?:{_ABBREVIATED}|[{_U}])\.", "", inner[comma:])
        if commas == 3 or re.search(rf"[;:.{MASK}]\s", between):
            break
        first, second = inner[:comma], inner[comma + 1 :].lstrip()
        whole = _NAME_AT_START.fullmatch(second)
        head = _subject_at_end(first)
        if head and head.kind == "name":
            return head
        if head and whole and is_name(second):
            return Subject(clean_name(second), "name", head.start, len(inner))
    return None


def _subject_at_end(left: str) -> Subject | None:
    pronoun = _PRONOUN_AT_END.search(left)
    if pronoun:
        ok = not _HYPOTHETICAL.search(left[: pronoun.start()])
        return Subject(pronoun.group(), "pronoun", pronoun.start(), pronoun.end()) if ok else None
    name = _NAME_AT_END.search(left)
    if name:
        start = name.start()
        printed = name.group()
        while (first := printed.split(" ", 1))[0].casefold() in _NOT_A_NAME and len(first) == 2:
            # "But Ana Ruiz said", "While Ana Ruiz said"; but not "If Ana Ruiz said" and "For Ana Ruiz".
            if _HYPOTHETICAL.fullmatch(first[0]) or first[0].casefold() in _PREPOSITIONS:
                return None
            start, printed = start + len(first[0]) + 1, first[1]
        before = left[: name.start()]
        if is_organisation(printed):
            before = re.sub(r"\b(?:[Tt]he|[Ee]l|[Ll]a) $", "", before)
            start = len(before)
        if is_name(printed) and not possessive(printed) and _may_precede(before):
            return Subject(clean_name(printed), "name", start, name.end())
    group = _GENERIC_AT_END.search(left)
    if (
        group
        and _may_precede(left[: group.start()])
        and not re.search(r"(?:ing|ed)\b", group.group().split()[0])
    ):
        return Subject(group.group(), "group", group.start(), group.end())
    return None


def _may_precede(before: str) -> bool:
    """True where a subject may begin right after `before`."""
    before = before.rstrip(" ")
    if _HYPOTHETICAL.search(before):
        return False
    if not before or before[-1] in f',;:.!?—–-(…{MASK}"”»':
        return True
    word = before.split()[-1]
    if word.casefold() in ("and", "y"):  # "Ruiz and Vega said": said by both, so by neither alone
        rest = before.split()[:-1]
        return not (rest and rest[-1][:1].isupper())
    return word.casefold() in _BEFORE_SUBJECT or word in _ROLES or word in VERB_CLASSES


def subject_after(text: str, at: int) -> Subject | None:
    """The subject that starts at `at`, right after a verb ("said Ana Ruiz, a judge") or "according to"."""
    right = text[at : at + 300]
    lead = len(right) - len(right.lstrip(" "))
    right = right[lead:]
    at += lead
    pronoun = _PRONOUN_AT_START.match(right)
    if pronoun:
        return Subject(pronoun.group(), "pronoun", at, at + pronoun.end())
    led = re.match(rf"(?:{_DETERMINER} )?(?:{_WORD} ){{0,4}}?(?={_TOKEN})", right)
    for start in dict.fromkeys((0, led.end() if led else 0)):
        name = _NAME_AT_START.match(right, start)
        if not name or not is_name(name.group()):
            continue
        if possessive(name.group()):
            break
        joint = re.match(rf"(?:, [^,]+)? (?:and|y|e) (?:the )?{_TOKEN}", right[name.end() :])
        if joint or (start and not _leads_to_name(right[:start])):
            return None
        return Subject(clean_name(name.group()), "name", at, at + name.end())
    group = _GENERIC_AT_START.match(right)
    if not group:
        return None
    apposed = re.match(rf", ({NAME})(?=[,.;]|$)", right[group.end() :])
    if apposed and is_name(apposed[1]):
        return Subject(clean_name(apposed[1]), "name", at, at + group.end() + apposed.end())
    tail = _TAIL_AT_START.match(right, group.end())
    end = tail.end() if tail else group.end()
    apposed = re.match(rf", ({NAME})(?=[,.;]|$)", right[end:])
    if apposed and is_name(apposed[1]):
        return Subject(clean_name(apposed[1]), "name", at, at + end + apposed.end())
    return Subject(right[:end], "group", at, at + end)


def _leads_to_name(words: str) -> bool:
    """True for what stands between a verb and the name of its subject: "the security minister", "la presidenta"."""
    return any(word in _ROLES for word in words.casefold().split())


def is_name(printed: str) -> bool:
    tokens = [token.casefold().rstrip(".") for token in printed.split()]
    return bool(tokens) and tokens[0] not in _NOT_A_NAME and not all(token in _TITLES for token in tokens)


def possessive(printed: str) -> bool:
    return printed.endswith(("’s", "'s"))


def clean_name(printed: str) -> str:
    """A name without titles and without whose office it is: "Mexico’s President Ana Ruiz" gives "Ana Ruiz"."""
    tokens = printed.split()
    owners = [index for index, token in enumerate(tokens) if possessive(token)]
    if owners and owners[-1] + 1 < len(tokens):
        tokens = tokens[owners[-1] + 1 :]
    if is_organisation(" ".join(tokens)):
        return " ".join(tokens)
    phrase = " ".join(tokens).removeprefix("Secretary of State ").split()
    while len(phrase) > 1 and phrase[0].casefold().rstrip(".") in _TITLES:
        phrase = phrase[1:]
    return " ".join(phrase)


def is_organisation(name: str) -> bool:
    tokens = name.casefold().split()
    return bool(tokens) and (
        tokens[-1] in _ORGANISATION
        or (tokens[0] in _ORGANISATION and tokens[1:2] in (["of"], ["for"], ["de"]))
    )


def is_person(name: str) -> bool:
    """Whether a capitalised name may be a person's; acronyms and organisations are not."""
    return not is_organisation(name) and not (name.isupper() and len(name) <= 6)


def is_body(subject: Subject) -> bool:
    """Whether "it" may mean this speaker: an organisation, or "the agency"."""
    if subject.kind == "group":
        return _BODIES.search(subject.text) is not None
    return subject.kind == "name" and not is_person(subject.text)


def names_in(text: str) -> list[tuple[str, int, int]]:
    """Each capitalised name of `text`, cleaned of titles, with its place; sentence openers ("While") are left off."""
    found = []
    for match in NAMES.finditer(text):
        start, tokens = match.start(), match.group().split(" ")
        while tokens and tokens[0].casefold() in _NOT_A_NAME:
            start += len(tokens.pop(0)) + 1
        printed = " ".join(tokens)
        if printed and is_name(printed):
            name = clean_name(printed)
            found.append((name[:-2] if possessive(name) else name, start, match.end()))
    return found


def unnamed_person(text: str) -> bool:
    """Whether `text` speaks of a person by role alone, as in "the minister", with no name right beside it."""
    for match in _UNNAMED.finditer(text):
        named_before = re.search(rf"{_TOKEN}, $", text[max(0, match.start() - 40) : match.start()])
        named_after = re.match(rf",? {_TOKEN}", text[match.end() :])
        if not named_before and not named_after:
            return True
    return False
