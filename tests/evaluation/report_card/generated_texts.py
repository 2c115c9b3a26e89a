"""Two hundred pairs of made-up texts with much and little overlap, the same everywhere; own words, no report."""

import random

_TEXT = (
    "mass the right left breast spiculated in upper outer quadrant is seen no of calcifications grouped oval and with at "
    "10 o'clock 2.5 cm bi-rads 4 1 density b c unchanged margin there are not new both"
)
WORDS = _TEXT.split()


def text(generator: random.Random, length: int) -> str:
    return " ".join(WORDS[int(generator.random() * len(WORDS))] for _ in range(length))


def varied(generator: random.Random, reference: str) -> str:
    """The reference with words dropped, exchanged and added, and its halves swapped now and then."""
    words = []
    for word in reference.split():
        draw = generator.random()
        if draw < 0.12:
            continue
        words.append(WORDS[int(generator.random() * len(WORDS))] if draw < 0.3 else word)
        if draw > 0.95:
            words.append(WORDS[int(generator.random() * len(WORDS))])
    if generator.random() < 0.3:
        half = len(words) // 2
        words = words[half:] + words[:half]
    return " ".join(words)


def pairs(number: int = 200) -> list[tuple[str, str]]:
    """(reference, candidate); some candidates are equal, short, unrelated, or a single word."""
    generator = random.Random(2024)
    found = []
    for i in range(number):
        reference = text(generator, 4 + int(generator.random() * 40))
        candidate = varied(generator, reference)
        if i % 20 == 0:
            candidate = reference
        elif i % 20 == 1:
            candidate = text(generator, 12)
        elif i % 20 == 2:
            candidate = "mass"
        found.append((reference, candidate or "no"))
    return found
