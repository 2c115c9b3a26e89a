"""The one error a user sees: what was found, what was expected, what to do."""

MAX_CHARS = 700
"""Characters of each of the three parts; a longer one keeps its beginning and its end."""
_KEPT_AT_END = 160


class MammoscribeError(Exception):
    """Base of every error that is the user's to read; the command line prints it and exits with 2.

    Parts may quote what a file holds: they are made printable and not too long here, once for all errors.

    Args:
        found: what was met, naming the file or value.
        expected: what would have been right, or "" when that is obvious.
        do: what the user can do next, or "".
    """

    def __init__(self, found: str, expected: str = "", do: str = "") -> None:
        self.found, self.expected, self.do = printable(found), printable(expected), printable(do)
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """The error as one line: found; expected; do."""
        parts = [self.found.rstrip(".")]
        if self.expected:
            parts.append(f"expected {self.expected.rstrip('.')}")
        if self.do:
            parts.append(self.do.rstrip("."))
        text = "; ".join(parts)
        return text if text.endswith("?") else f"{text}."


def printable(text: str, max_chars: int = MAX_CHARS) -> str:
    r"""The text as one line that a terminal and a CSV show as it is.

    White space of every kind becomes a space. Characters without a picture of their own (control and escape characters,
    marks that turn the direction of writing, surrogates of a file name that is no Unicode) become `\\x1b`, `\\u202e`,
    `\\udce9`. Of a text longer than `max_chars` the middle is left out, with the number of its characters.
    """
    if len(text) > max_chars:
        kept = max_chars - _KEPT_AT_END
        text = f"{text[:kept]} ... ({len(text) - max_chars} characters left out) ... {text[-_KEPT_AT_END:]}"
    if text.isprintable():
        return text
    return "".join(" " if c.isspace() else c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


class InvalidNoun(MammoscribeError, ValueError):
    """A domain object was built from values that contradict each other or its definition."""


class InputError(MammoscribeError):
    """A file, manifest or option given by the user cannot be used."""


class SetAside(InputError):
    """Something that can be read and is left out on purpose: nothing is wrong with the file."""


class NotAMammogram(SetAside):
    """A readable file that is not a mammography view this software reads (spot view, CT, SR, ...)."""


def install_extra(extra: str) -> str:
    """How an optional part is installed: from a checkout, since the project is on no package index."""
    return f"pip install '.[{extra}]' in a checkout of mammoscribe"


class MissingExtra(MammoscribeError):
    """An optional dependency is needed and not installed."""
