"""Articles by how a word is spoken."""

import pytest

from mammoscribe.support.words import with_article


@pytest.mark.parametrize(
    "phrase",
    [
        "a CT image", "an MR image", "an X-Ray", "an X-ray image", "an SR document", "a US image", "an ML view", "an AT view", "an LM view",
        "a CC view", "an XCCL view", "an FB view", "a PDF", "an RTF document", "a unit", "a universal code", "an unknown object", "an unusual view",
        "an ultrasound image", "an image", "an object", "a mammogram", "an uncertain finding", "a used file", "a European table", "a one-page table",
        "a header", "an Encapsulated PDF", "a Digital Mammography X-Ray", "an Enhanced CT", "a UID",
    ],
)  # fmt: skip
def test_the_article_is_that_of_the_spoken_word(phrase):
    assert with_article(phrase.split(" ", 1)[1]) == phrase
