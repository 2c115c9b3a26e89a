"""The one error a user sees: what was found, what was expected, what to do."""


class MammoscribeError(Exception):
    """Base of every error that is the user's to read; the command line prints it and exits with 2.

    Args:
        found: what was met, naming the file or value.
        expected: what would have been right, or "" when that is obvious.
        do: what the user can do next, or "".
    """

    def __init__(self, found: str, expected: str = "", do: str = "") -> None:
        self.found, self.expected, self.do = found, expected, do
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """The error as one line: found; expected; do."""
        parts = [self.found.rstrip(".")]
        if self.expected:
            parts.append(f"expected {self.expected.rstrip('.')}")
        if self.do:
            parts.append(self.do.rstrip("."))
        told = "; ".join(parts)
        return told if told.endswith("?") else f"{told}."


class InvalidNoun(MammoscribeError, ValueError):
    """A domain object was built from values that contradict each other or its definition."""


class InputError(MammoscribeError):
    """A file, manifest or option given by the user cannot be used."""


class SetAside(InputError):
    """Something that can be read and is left out on purpose: nothing is wrong with the file."""


class NotAMammogram(SetAside):
    """A readable file that is not a mammography view this software reads (spot view, CT, SR, ...)."""


class MissingExtra(MammoscribeError):
    """An optional dependency is needed and not installed."""
