"""stub"""

EXAMPLE = "Example: mammoscribe evaluate"


def command() -> None:
    """Stub"""
