"""The page of a card in its two forms: markdown as it was written, and HTML in which nothing of it is markup by accident."""

from mammoscribe.evaluation.card_page import Page, Section
from mammoscribe.evaluation.card_writers import page_html, page_markdown

PAGE = Page("Card", ("a",), ("`n` counts <b>cases</b>.",), ("few cases",), (Section("Findings", "`found` & missed"),))


def test_words_between_backticks_are_code_and_everything_else_is_text():
    html = page_html(PAGE)
    assert "<p><code>n</code> counts &lt;b&gt;cases&lt;/b&gt;.</p>" in html
    assert "<code>found</code> &amp; missed" in html and "`" not in html.split("<body>")[1]
    assert "`n` counts <b>cases</b>." in page_markdown(PAGE)
