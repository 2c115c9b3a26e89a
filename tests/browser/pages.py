"""Writing a report's page and asking it what is lit, or where something is."""

from pathlib import Path

from mammoscribe.exports import report_html


def write(path: Path, report, images, **more) -> str:
    """URL of the page of a report."""
    path.write_text(report_html(report, images, **more), encoding="utf-8")
    return path.as_uri()


def lit(browser, selector: str) -> list[str]:
    """What is lit among the elements of a selector: their ids, else their findings, else their views."""
    query = f"[...document.querySelectorAll('{selector}.lit')].map(e => e.id || e.dataset.f || e.dataset.v)"
    return browser.value(query)


def rect(browser, selector: str) -> dict[str, float]:
    """Where an element is in the window: left, right, top, bottom, width, height."""
    return browser.value(f"document.querySelector({selector!r}).getBoundingClientRect().toJSON()")
