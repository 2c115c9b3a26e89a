"""The one door for what goes wrong in a picture file: whatever it was, an InputError that names the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mammoscribe.support.errors import InputError, MammoscribeError


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
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
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise InputError(f"{path} is damaged ({reason})", "a whole DICOM file") from error
