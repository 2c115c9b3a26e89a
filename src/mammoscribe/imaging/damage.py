"""The one door for what goes wrong in a picture file: whatever it was, an InputError that names the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mammoscribe.support.errors import InputError, MammoscribeError


@contextmanager
def named_damage(path: Path) -> Iterator[None]:
    """Whatever fails inside, as an InputError that names the file.

    pydicom makes a value of its bytes when it is first looked at, which fails in as many ways as files are damaged.
    """
    try:
        yield
    except InputError as error:
        if Path(path).name in error.found:
            raise
        raise type(error)(f"{path}: {error.found}", error.expected, error.do) from error
    except MammoscribeError:
        raise
    except MemoryError as error:
        raise InputError(f"{path} needs more memory than there is", "a picture of usual size") from error
    except Exception as error:
        raise InputError(f"{path} is damaged ({reason_of(error)})", "a whole DICOM file") from error


def reason_of(error: Exception) -> str:
    """The first line of an exception's words, or its name where it has none."""
    return worded(next((line for line in str(error).splitlines() if line.strip()), type(error).__name__))


def worded(value: object, most: int = 120) -> str:
    """A value out of a file as it may stand in a sentence: in one line, printable, not too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    return line if len(line) <= most else f"{line[: most - 3]}..."
