"""Small matters of English in messages: articles."""

import re


def with_article(name: str) -> str:
    """`a CT image`, `an MR image`, `an X-ray`, `a unit`, `an unknown object`: by how the first word is spoken.

    A word of capitals, and a capital before a hyphen, is spoken letter by letter (`an ML view`, `an X-ray`).
    """
    first = re.split(r"[\s\-/]", name.strip(), maxsplit=1)[0]
    if first.isupper() and first.isalpha():
        spoken = first[0] in "AEFHILMNORSX"
    else:
        spoken = re.match(r"[aeio]|u(?!n[io](?!n|m)|s[aeiu]|t[ei]|r[aeiou])(?!nique)", first, re.IGNORECASE) is not None
        spoken = spoken and re.match(r"eu|one\b|once\b", first, re.IGNORECASE) is None
    return f"{'an' if spoken else 'a'} {name}"
