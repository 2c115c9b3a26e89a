"""stub"""

EXAMPLE = "Example: mammoscribe train"


def command() -> None:
    """Stub"""
