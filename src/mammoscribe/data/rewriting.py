"""Taking the comparison out of an English sentence where a whole sentence about what is seen now is left."""

import re

_ADJECTIVE = r"(?:stable|unchanged|persistent|persisting|residual stable)"
_SEEN = r"(?:seen|noted|demonstrated|identified|visualized|visualised|observed|present|shown)"
_EMPTY = re.compile(
    r"\b(?:appearance|silhouette|mediastin\w*|contours?|examination|exam|study|chest|heart|lungs?|size|positions?|positioning|"
    r"findings?|vasculature|structures|radiograph|mammogram|disease process|tubes?|lines?|support|apparatus|life|interval|course)\b",
    re.IGNORECASE,
)
"""Nouns that say nothing by themselves: `Stable cardiac silhouette` without `stable` is no statement."""
_SINCE = r"(?:\s*,?\s*(?:as |when )?(?:since|from|compared (?:to|with)|in comparison (?:to|with)|dating back to)\b(?:(?!\b(?:and|with|without|but|which)\b(?! prior| previous| the prior| the previous))[^.;,])*)?"
_TRAILING = re.compile(
    rf",?\s+(?:(?:which|that) (?:is|are|appears?) |and (?:is|are) |(?:is|are) )?(?:grossly |essentially |relatively |overall )?"
    rf"(?P<word>unchanged|stable|similar)(?: in (?:size|appearance|number|position|extent))?{_SINCE}\s*\.?\s*\Z",
    re.IGNORECASE,
)
_WHOLE = re.compile(rf"\A(?:there (?:is|are|appears?)\b.+|.+\b(?:is|are) {_SEEN}\b.*)", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|be|been|appears?|shows?|demonstrates?|may|can|could|should)\b", re.IGNORECASE
)
_DANGLING = re.compile(
    r"\b(?:is|are|was|were|be|been|appears?|and|or|but|with|of|the|a|an|in|to|from|as|has|have|which|that|than|for|\w+ly|also|both|all|these|this)\Z",
    re.IGNORECASE,
)
_UNSAFE = re.compile(
    r"\b(?:or|but|although|however|may|though|versus|likely|while|previous(?:ly)?|prior)\b", re.IGNORECASE
)


def rewritten(sentence: str, negative: bool) -> str:
    """The sentence without its comparison, "" where no rule is sure.

    Rules: an adjective before a finding goes (`Stable mild cardiomegaly`); a clause at the end goes (`..., unchanged from
    2009`) where a statement is left; `remains` becomes `is`; `again` goes before `seen`; `new` goes after `there is`.

    Args:
        sentence: one sentence.
        negative: whether it denies something; then nothing that changes what is denied is taken out.
    """
    text = sentence.strip()
    for rule in (_again, _remains, _trailing, *(() if negative else (_leading, _after_there_is))):
        text = rule(text)
    return "" if text == sentence.strip() or not text else _finished(text)


def _again(text: str) -> str:
    """`Again seen is a nodule` -> `There is a nodule`; `A nodule is again seen` -> `A nodule is seen`."""
    text = re.sub(rf"\Aagain,? (?:{_SEEN}) (is|are) ", r"There \1 ", text, flags=re.IGNORECASE)
    text = re.sub(rf"\A(there (?:is|are)) again {_SEEN} ", r"\1 ", text, flags=re.IGNORECASE)
    return re.sub(rf"\b(is|are) (?:once )?again ({_SEEN})\b", r"\1 \2", text, flags=re.IGNORECASE)


def _remains(text: str) -> str:
    """`The heart remains normal` -> `The heart is normal`; not before a word that compares itself."""
    text = re.sub(
        r"\bremains (?=(?:normal|clear|within|mildly|moderately|markedly|borderline|enlarged|intact)\b)", "is ", text
    )
    return re.sub(
        r"\bremain (?=(?:normal|clear|within|mildly|moderately|markedly|borderline|enlarged|intact)\b)", "are ", text
    )


def _trailing(text: str) -> str:
    match = _TRAILING.search(text)
    if match is None:
        return text
    rest = text[: match.start()].rstrip(" ,;")
    bare = re.match(r"(?:the|this|that|these|both|all|it|they)\b", rest, re.IGNORECASE)  # `The mass` says nothing
    phrase = not bare and _VERB.search(rest) is None and len(rest.split()) > 1 and not _EMPTY.search(rest)
    if _DANGLING.search(rest) or _UNSAFE.search(rest) or not (_WHOLE.match(rest) or phrase):
        return text
    return f"{rest}."


def _leading(text: str) -> str:
    match = re.match(rf"{_ADJECTIVE} (?P<rest>[^,;]+)\Z", text, re.IGNORECASE)
    if match is None or _EMPTY.search(match["rest"]) or _VERB.search(match["rest"]) or _UNSAFE.search(match["rest"]):
        return text
    if len(match["rest"].split()) > 12 or re.match(
        r"(?:since|from|compared|in|as|to|on|when|and|or|appearing)\b", match["rest"]
    ):
        return text
    return match["rest"]


def _after_there_is(text: str) -> str:
    """`There is a new small effusion` -> `There is a small effusion`."""
    pattern = rf"\A(there (?:is|are)(?: an?)?) (?:{_ADJECTIVE}|new) (?=[a-z])(?P<rest>[^,;]+)\Z"
    match = re.match(pattern, text, re.IGNORECASE)
    if (
        match is None
        or _UNSAFE.search(match["rest"])
        or re.match(r"(?:appearance|since|from|in|or|and)\b", match["rest"])
    ):
        return text
    opening, rest = match[1], match["rest"]
    if opening.lower().endswith((" a", " an")):
        opening = re.sub(r" an?\Z", " an" if rest[0].lower() in "aeiou" else " a", opening, flags=re.IGNORECASE)
    return f"{opening} {rest}"


def _finished(text: str) -> str:
    """With a capital letter at its beginning and a full stop at its end."""
    text = re.sub(r"\s{2,}", " ", text).strip(" ,;")
    if text and text[-1] not in ".!?":
        text += "."
    return text[:1].upper() + text[1:]
