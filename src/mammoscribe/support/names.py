"""File and folder names made from ids that may hold anything."""

from urllib.parse import quote


def folder_name(text: str) -> str:
    """`text` as one path component, different for different texts (`a/b` -> `a%2Fb`, `..` -> `%2E%2E`)."""
    name = quote(text, safe=" ")
    return name.replace(".", "%2E") if not name.strip(". ") else name
