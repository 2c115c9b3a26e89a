"""Taking the comparison out of a sentence where a whole sentence about what is seen now is left, by rewriting.toml."""

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources

from mammoscribe.data.texts.accents import without_accents

_MARKER = re.compile(r"(?:\d{1,2}[.)]|[-–•*])\s+")
_NO_SUBJECT = (
    r"\A(?:(?:it|this|that|these|those|they|all|both|there|which) (?:is|are|appears?)|"
    r"(?:is|are|appears?|and|or|not?|neither)\b)"
)
_RUN_ON = re.compile(
    r"(?<=[a-z] )(?:The|There|No|Heart|Lungs?|Bilateral|Visualized|Stable|Right|Left|Mild|Small|Normal)\b|[a-z]{5} \d\Z"
)
"""Two sentences that lost the stop between them, or the number of the next one: nothing is sure in them."""
_SINCE = (
    r"(?:,? (?:(?:as |when )?(?:since|from|(?:compared|in comparison|relative) (?:to|with)|dating back to)|"
    r"as (?:before|seen|on)|over (?:time|the)|for (?:\d|at least|more|several|many|years|months)|"
    r"on (?:the )?(?:prior|previous)|to (?:slightly|the|prior|previous))\b"
    r"(?:(?! (?:and|without|but|which|with|is|are|no) )[^.;,])*)?"
)
"""What may stand behind `unchanged` and goes with it: nothing that says more of the finding."""
_SAME = (
    r"(?:unchanged|stable|similar|redemonstrated|without (?:significant |interval |appreciable )*change|as before|"
    r"persists?|in (?:an? )?(?:stable|unchanged) position)"
)
_LINK = (
    r"(?P<link>(?:which|that) (?:is|are|appears?|remains?) |(?:and|but) (?:(?:is|are) )?|"
    r"(?:is|are|appears?|remains?) )?"
)
_SIZE = r"(?: in (?:size|appearance|number|position|extent|degree|configuration))?"
_NO_CHANGE_IN = (
    r"(?:(?:there is )?(?:again )?re-?demonstration of|(?:stable|unchanged) (?:appearance|size|extent|degree) of|"
    r"(?:there (?:is|has been) )?no (?:significant |interval |appreciable )*change in(?: the)?"
    r"(?: appearance of| size of| extent of)?)"
)


@dataclass(frozen=True)
class _Words:
    """The alternatives of one language as rewriting.toml explains them, each one expression without groups."""

    adjective: str
    softener: str
    seen: str
    finding: str
    weak: str
    qualifier: str
    empty: str
    state: str
    unsafe: str
    verb: str
    beginning: str
    ending: str
    behind: str
    alone: str


def rewritten(sentence: str, negative: bool, language: str = "en") -> str:
    """The sentence without its comparison, "" where no rule is sure.

    English: a comparing adjective before a finding goes (`Stable mild cardiomegaly`, `There is a new asymmetry`); a
    clause at the end goes (`A nodule in the left lung, unchanged from 2009`) where a statement is left; `remains
    enlarged` becomes `is enlarged`; `again`, `still` and `now` go beside `is seen`; `Redemonstration of X` and `No
    change in X` become `X`. Spanish: the adjective behind a finding goes (`Nódulo estable`), `de nuevo` goes,
    `Persiste X` becomes `Se observa X`; Portuguese in the same way (`Observa-se X`). What is left must name a finding, or say of an organ what it is; else nothing
    is sure.

    Args:
        sentence: one sentence.
        negative: whether it denies something; then nothing that changes what is denied is taken out.
        language: `en`, `es` or `pt`.
    """
    marker = _MARKER.match(sentence.strip())
    start = marker[0] if marker else ""
    text = before = sentence.strip()[len(start) :].rstrip(" .;,")
    for rule in (_RULES_FOR_DENIALS if negative else _RULES)[language]:
        text = rule(text)
    if text == before or not _states_something(text, language):
        return ""
    if " " not in text and not _search(rf"(?:{_words(language).alone})\Z", text):
        return ""
    return start + _finished(text)


def _finished(text: str) -> str:
    """With a capital letter at its beginning and a full stop at its end."""
    text = re.sub(r"\s{2,}", " ", text).strip(" ,;")
    return text[:1].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


# --- what a whole statement is ---------------------------------------------------------------------------------------


def _states_something(text: str, language: str) -> bool:
    """Whether a text is a whole statement about what is seen: a finding, or an organ and its state."""
    w = _words(language)
    if _has(w.unsafe, text) or _search(rf"\b(?:{w.ending})\Z", text) or _RUN_ON.search(text):
        return False
    opening = _opening(text, language)
    if opening:
        return _names_finding(re.sub(_ARTICLE, "", text[opening:], flags=re.IGNORECASE), language)
    seen = _search(rf"\b(?:is|are|appears?) (?:{w.state})\b", text) if language == "en" else None
    if seen:
        return not _search(_NO_SUBJECT, text[: seen.end()])
    seen = _search(rf"\b(?:is|are) (?:{w.seen})\b(?! to\b| as\b)", text) if language == "en" else None
    if seen:
        return _names_finding(_without_the(text[: seen.start()]), language)
    begins = _search(rf"\A(?:{w.beginning})\b", text) is None
    return begins and not _verb(text, language) and _names_finding(text, language)


_ARTICLE = r"\A(?:el|la|los|las|o|a|os|as) (?=\w{3})"


def _verb(text: str, language: str) -> bool:
    """Whether there is a verb outside `which may ...`."""
    return _has(_words(language).verb, re.sub(r"\b(?:which|that) (?:may|is|are|could)\b", " ", text))


def _opening(text: str, language: str) -> int:
    """Where the noun begins behind `There is a`, `Se observa` or `Observa-se`, 0 when the text does not begin so."""
    if language == "en":
        seen = rf"\Athere (?:is|are)(?: also)?(?: an?)?(?: (?:{_words('en').seen}))? (?!no\b)"
    else:
        seen = rf"\A(?:{_ROMANCE[language].seen_by.format(_words(language).seen)}) "
    found = _search(seen, text)
    return found.end() if found else 0


def _without_the(text: str) -> str:
    return re.sub(r"\Athe ", "", text, flags=re.IGNORECASE)


def _names_finding(text: str, language: str) -> bool:
    """Whether a noun phrase names a finding, and each part of it after a comma names one too or a state."""
    w = _words(language)
    parts = re.split(r", (?:and |y |e )?", text)
    first = _parts_of_head(parts[0], language)
    return all(_is_finding(part, w) for part in first) and all(
        _is_finding(part, w) or _has(w.state, part) for part in parts[1:]
    )


def _parts_of_head(text: str, language: str) -> list[str]:
    """The nouns before the first preposition, and behind an `and` that comes before any other."""
    parts = []
    while text:
        cut = _search(rf",|\b(?:{_words(language).behind})\b", text)
        parts.append(text[: cut.start()] if cut else text)
        if cut is None or cut[0].lower() not in ("and", "y", "e"):
            break
        text = text[cut.end() :]
    return parts


def _is_finding(text: str, w: _Words) -> bool:
    named = _has(w.finding, text) or (_has(w.weak, text) and _has(w.qualifier, text))
    return named and (not _has(w.empty, text) or _search(r"\b(?:enlarged|normal)\b", text) is not None)


# --- English rules ---------------------------------------------------------------------------------------------------


def _again(text: str) -> str:
    """`Again seen is a nodule` -> `There is a nodule`; `A nodule is again seen` -> `A nodule is seen`."""
    w = _words("en")
    text = _sub(rf"\A(?:once )?(?:again,?(?: (?:{w.seen}))?|re-?demonstrated) (is|are) (?!the\b)", r"There \1 ", text)
    text = _sub(rf"\A(there (?:is|are)) again(?: (?:{w.seen}))? ", r"\1 ", text)
    text = _sub(r"\A(?:once )?again,? (?=there (?:is|are)\b)", "", text)
    text = _sub(rf"\b(is|are) (?:once )?(?:again|still|now) ((?:{w.seen}|{w.state})\b)", r"\1 \2", text)
    text = _sub(rf"\b((?:is|are) (?:{w.seen})) (?:once )?again\b", r"\1", text)
    text = _sub(r"\b(is|are) re-?demonstrated\b", r"\1 seen", text)
    text = _sub(r"\A(there (?:is|are)) (?:still|now) (?=\w)", r"\1 ", text)
    text = _sub(
        rf"\b(is|are|appears?) (?:(?:{w.softener}) )?(?:stable|unchanged) and ((?:{w.state})\b)", r"\1 \2", text
    )
    return _sub(rf"(?<=\w) (?:once )?again ((?:{w.seen})\b)", r" \1", text)


def _remains(text: str) -> str:
    """`The heart remains enlarged` -> `The heart is enlarged`; `An opacity persists` -> `An opacity is present`."""
    w = _words("en")
    for verb, now in (("remains", "is"), ("remain", "are")):
        text = _sub(rf"(?<!may )(?<!should )(?<!to )\b{verb} (?=(?:{w.state}|{w.seen})\b)", f"{now} ", text)
    for verb, now in (("persists", "is"), ("persist", "are")):
        text = _sub(
            rf"\A((?:(?!\b(?:if|may|should|symptoms)\b)[^,])+) {verb}(?= (?:in|at|within|on|along)\b|\Z)",
            rf"\1 {now} present",
            text,
        )
    return text


def _nouns(text: str) -> str:
    """`Redemonstration of a nodule` -> `Nodule`; `No change in the left effusion` -> `Left effusion`."""
    rest = _sub(rf"\A{_NO_CHANGE_IN} (?:the |an? )?(?=\w+ \w)", "", text)
    return text if _has("or", rest) else rest


def _trailing(text: str) -> str:
    """`A nodule, unchanged from 2009` -> `A nodule`."""
    w = _words("en")
    match = _search(rf",?\s+(?:-+ )?{_LINK}(?:(?:{w.softener}) )?{_SAME}{_SIZE}{_SINCE}\s*\Z", text)
    if match is None:
        return text
    rest = text[: match.start()].rstrip(" ,;-")
    own_verb = match["link"] is not None and _search(r"\A(?:is|are|appears?|remains?)\b", match["link"]) is not None
    return text if own_verb and _verb(rest, "en") else rest


def _adjectives(text: str) -> str:
    """`Stable mild cardiomegaly` -> `Mild cardiomegaly`; `There is a new effusion` -> `There is an effusion`."""
    for _ in range(4):
        text = _without_adjective(text, rf"{_words('en').adjective}|new")
    return text


def _adjectives_before_denial(text: str) -> str:
    """`Stable cardiomegaly without edema` -> `Cardiomegaly without edema`; nothing behind the denial, nor `new`."""
    deny = _search(r"\b(?:no|without|negative|not|free)\b", text)
    if deny is None:
        return text
    return _without_adjective(text[: deny.start()], _words("en").adjective) + text[deny.start() :]


def _without_adjective(text: str, adjective: str) -> str:
    w = _words("en")
    behind = r"and|or|but|to|in|from|since|compared|as|on|when|with|at|appearing|for|the|than|over|is|are"
    match = _search(
        rf"\b(?:(?:{w.softener}) )?(?:{adjective}),?(?: (?:{w.adjective}),?)? (?=[a-z0-9(])(?!(?:{behind})\b)", text
    )
    if match is None:
        return text
    ahead, rest = text[: match.start()], text[match.end() :]
    if not _may_go(ahead, rest):
        return text
    article = _search(r"\ban? \Z", ahead)
    if article:
        ahead = ahead[: article.start()] + ("an " if rest[0].lower() in "aeiou" else "a ")
    return ahead + rest


def _may_go(ahead: str, rest: str) -> bool:
    """Whether an adjective between these can be left out: it belongs to what follows, not to what stands before."""
    w = _words("en")
    if not ahead or _search(r"\b(?:there is|there are|an?|also|seen|noted) \Z", ahead):
        return True
    if _search(r"\bwith \Z", ahead):
        return not _has(w.empty, _parts_of_head(rest, "en")[0]) or _has("x{4}", rest)
    if _search(r"\b(?:and|or|but|in|the) \Z", ahead):
        return _search(r"\band \Z", ahead) is not None and _is_finding(ahead, w)
    return re.match(r"[A-Z][a-z]|X{3}|_", rest) is None and not _search(r"\b(?:is|are|appears?) \Z", ahead)


# --- Spanish and Portuguese rules ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Romance:
    """What the rules of a Romance language are made of, expressions.

    Args:
        seen_by: beginnings of sentences about what is seen, with a place for the verb.
        again: words for `again`.
        persists: `persists`, for one and for several; sees: what takes its place.
        not_after: what may not follow `persists`.
        since: what may follow `unchanged` and goes with it.
        size: in what something is unchanged.
        end: where the adjective's phrase ends.
        articles, new: in `a new mass`.
    """

    seen_by: str
    again: str
    persists: tuple[str, str]
    sees: tuple[str, str]
    not_after: str
    since: str
    size: str
    end: str
    articles: str
    new: str


_ROMANCE = {
    "es": _Romance(
        seen_by=r"se (?:{})|existen?|hay",
        again=r"de nuevo|nuevamente|otra vez",
        persists=("persiste|continúa|se mantiene|permanece", "persisten|continúan|se mantienen|permanecen"),
        sees=("Se observa", "Se observan"),
        not_after=r"de\b|con\b|sin\b|en\b",
        since=(
            r"(?:,? (?:con respecto|respecto|desde|en comparación|comparad[oa]s?|en relación) "
            r"(?:(?! (?:y|con|sin|pero|que|se|no) )[^.;,])*)?"
        ),
        size=r"(?: (?:en|de) (?:tamaño|número|aspecto|extensión))?",
        end=r"(?=\Z|, | en | de (?!tamaño|aspecto)| con )",
        articles="un |una |unos |unas ",
        new="nuev[oa]s?",
    ),
    "pt": _Romance(
        seen_by=r"(?:{})-se|há|existem?",
        again=r"de novo|novamente|outra vez",
        persists=("persiste|continua|mantém-se|permanece", "persistem|continuam|mantêm-se|permanecem"),
        sees=("Observa-se", "Observam-se"),
        not_after=r"d[eoa]s?\b|com\b|sem\b|em\b|n[oa]s?\b|inalterad|est[áa]ve",
        since=(
            r"(?:,? (?:com respeito|em relação|desde|em comparação|comparad[oa]s?|quando comparad[oa]s?) "
            r"(?:(?! (?:e|com|sem|mas|porém|que|se|não) )[^.;,])*)?"
        ),
        size=r"(?: (?:em|de) (?:tamanho|número|aspecto|extensão|dimensões))?",
        end=r"(?=\Z|, | em | n[oa]s? | d[eoa]s? (?!tamanho|aspecto)| com )",
        articles="um |uma |uns |umas ",
        new="nov[oa]s?",
    ),
}


def _romance_again(language: str) -> Callable[[str], str]:
    """`Se observa de nuevo un nódulo` -> `Se observa un nódulo`; `Persiste la masa` -> `Se observa la masa`."""
    rules = _ROMANCE[language]

    def rule(text: str) -> str:
        text = _sub(rf"\A(?:{rules.again}),? (?=(?:se|\w+-se)\b)", "", text)
        text = _sub(rf" (?:{rules.again})\b,?", "", text)
        for persists, sees in zip(rules.persists, rules.sees, strict=True):
            text = _sub(rf"\A(?:{persists}) (?=\w+ |\w+\Z)(?!{rules.not_after})", f"{sees} ", text)
        return text

    return rule


def _romance_adjective(language: str) -> Callable[[str], str]:
    """`Nódulo axilar estable desde 2015` -> `Nódulo axilar`; `Una nueva masa` -> `Una masa`."""
    rules = _ROMANCE[language]

    def rule(text: str) -> str:
        w = _words(language)
        text = _sub(rf",? (?:(?:{w.softener}) )?(?:{w.adjective}){rules.size}{rules.since}{rules.end}", "", text)
        opening = rules.seen_by.format(w.seen)
        return _sub(rf"\A((?:(?:{opening}) )?(?:{rules.articles})?){rules.new} (?=\w)", r"\1", text)

    return rule


_RULES: dict[str, tuple[Callable[[str], str], ...]] = {
    "en": (_again, _remains, _nouns, _trailing, _adjectives),
    **{language: (_romance_again(language), _romance_adjective(language)) for language in _ROMANCE},
}
_RULES_FOR_DENIALS: dict[str, tuple[Callable[[str], str], ...]] = {
    "en": (_again, _remains, _nouns, _adjectives_before_denial),
    **dict.fromkeys(_ROMANCE, ()),
}
"""Rules for sentences that deny something: none changes what is denied (`No new mass` is not `No mass`)."""


# --- expressions -----------------------------------------------------------------------------------------------------


def _search(pattern: str, text: str) -> re.Match[str] | None:
    return _compiled(pattern).search(without_accents(text))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(without_accents(pattern), re.IGNORECASE)


def _sub(pattern: str, new: str, text: str) -> str:
    """Replace in a text whose accents do not matter for the search."""
    match = _search(pattern, text)
    if match is None:
        return text
    written = re.sub(r"\\(\d)", lambda number: text[slice(*match.span(int(number[1])))], new)
    return text[: match.start()] + written + text[match.end() :]


def _has(words: str, text: str) -> bool:
    return bool(words) and _search(rf"\b(?:{words})\b", text) is not None


@cache
def _words(language: str) -> _Words:
    text = resources.files("mammoscribe.data.texts").joinpath("rewriting.toml").read_text("utf-8")
    table = tomllib.loads(text)[language]
    return _Words(**{part.name: "|".join(table[part.name]) for part in fields(_Words)})
