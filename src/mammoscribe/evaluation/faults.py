"""What is done about a fault of a measurement: it is refused, or the user says that it is to be measured anyway."""

from collections.abc import Sequence

from mammoscribe.support.errors import InputError


def refuse(faults: Sequence[str], anyway: bool) -> None:
    """InputError with these sentences, unless there are none or the fault is to go on the card.

    Args:
        faults: one sentence each. anyway: whether to measure all the same.
    """
    if faults and not anyway:
        raise InputError(
            "; ".join(faults), "a measurement without this", "mend it, or add --anyway, which puts it on the card"
        )
