"""The three files of a card: `card.json` for programs, `card.md` for a paper, `card.html` with charts and pictures."""

import base64
import json
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from mammoscribe.evaluation.card import table
from mammoscribe.evaluation.card_page import Case, CasePicture, Chart, Page, Section, Table, finite, lines_table
from mammoscribe.support.files import write_text

NAMES = ("card.json", "card.md", "card.html")


def write_card_files(values: Mapping[str, Any], page: Page, folder: Path) -> list[Path]:
    """Write `card.json`, `card.md` and `card.html` into a folder.

    Args:
        values: of the JSON file; a number that is none becomes null.
        page: of the other two.
        folder: made where it is not there.
    """
    text = json.dumps(finite(dict(values)), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    written = (text, page_markdown(page), page_html(page))
    return [write_text(folder / name, content) for name, content in zip(NAMES, written, strict=True)]


# --- markdown -----------------------------------------------------------------------------------------------------


def page_markdown(page: Page) -> str:
    """The page as Markdown, charts as their captions."""
    parts = [f"# {page.title}", *page.intro, *(f"Note: {note}." for note in page.notes)]
    for section in page.sections:
        parts += [f"## {section.title}", *([section.text] if section.text else [])]
        if section.lines:
            parts.append(_plain_table(lines_table(page.systems, section.lines)))
        parts += [_plain_table(t) for t in section.tables]
        parts += [f"{chart.name} (drawn in card.html): {chart.caption}" for chart in section.charts]
        parts += ["\n".join(f"- {case.caption}" for case in section.cases)] if section.cases else []
    return "\n\n".join(parts) + "\n"


def _plain_table(given: Table) -> str:
    return table([_cell(h) for h in given.head], [[_cell(c) for c in row] for row in given.rows])


def _cell(text: str) -> str:
    """A text as a cell of a table: a bar would end it."""
    return text.replace("|", "/").replace("\n", " ")


# --- HTML ---------------------------------------------------------------------------------------------------------


def page_html(page: Page) -> str:
    """The page as one file of HTML: no network, no script, pictures inside."""
    intro = "".join(f"<p>{_prose(line)}</p>" for line in page.intro)
    notes = "".join(f"<li>{_prose(note)}.</li>" for note in page.notes)
    contents = "".join(f'<a href="#s{i}">{escape(s.title)}</a>' for i, s in enumerate(page.sections))
    body = "".join(_section(page, s, i) for i, s in enumerate(page.sections))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(page.title)}</title><style>{_CSS}</style></head><body><main><h1>{escape(page.title)}</h1>"
        f"{intro}{f'<ul class=notes>{notes}</ul>' if notes else ''}<nav>{contents}</nav>{body}</main></body></html>\n"
    )


def _section(page: Page, section: Section, number: int) -> str:
    text = f"<p>{_prose(section.text)}</p>" if section.text else ""
    lines = _table(lines_table(page.systems, section.lines)) if section.lines else ""
    charts, cases = "".join(map(_chart, section.charts)), "".join(map(_case, section.cases))
    return (
        f'<section id="s{number}"><h2>{escape(section.title)}</h2>{text}{lines}'
        f"{''.join(_table(t) for t in section.tables)}"
        f"{f'<div class=charts>{charts}</div>' if charts else ''}{f'<div class=cases>{cases}</div>' if cases else ''}</section>"
    )


def _table(given: Table) -> str:
    head = "".join(f'<th scope="col">{escape(h)}</th>' for h in given.head)
    most = max((int(c) for row in given.rows for c in row[1:] if c.isdigit()), default=0) if given.counts else 0
    rows = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(_data(cell, most) for cell in row[1:])}</tr>'
        for row in given.rows
    )
    name = "counts" if given.counts else "figures" if given.figures else ""
    kind = f' class="{name}"' if name else ""
    return f'<div class="wide"><table{kind}><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _prose(text: str) -> str:
    """Text as HTML; what stands between backticks, as in card.md, becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _data(cell: str, most: int) -> str:
    shade = int(cell) / most if most and cell.isdigit() else 0.0
    style = f' style="background:rgba(31,95,168,{0.75 * shade:.2f});color:{"#fff" if shade > 0.6 else "inherit"}"'
    return f"<td{style if shade else ''}>{escape(cell)}</td>"


def _chart(chart: Chart) -> str:
    named = chart.svg.replace("<svg ", f'<svg role="img" aria-label="{escape(chart.name, quote=True)}" ', 1)
    return f"<figure>{named}<figcaption>{escape(chart.caption)}</figcaption></figure>"


def _case(case: Case) -> str:
    pictures = "".join(_picture(p) for p in case.pictures)
    return f'<div class="case"><p>{escape(case.caption)}</p><div class="views">{pictures}</div></div>'


def _picture(p: CasePicture) -> str:
    data = base64.b64encode(p.jpeg).decode()
    boxes = "".join(
        f'<rect class="{escape(b.kind)}" x="{b.box[0]:.1f}" y="{b.box[1]:.1f}" width="{b.box[2] - b.box[0]:.1f}" '
        f'height="{b.box[3] - b.box[1]:.1f}"/>'
        for b in p.boxes
    )
    return (
        f'<figure class="view"><svg viewBox="0 0 {p.width_px} {p.height_px}" role="img" aria-label="{escape(p.name, quote=True)}">'
        f'<image href="data:image/jpeg;base64,{data}" width="{p.width_px}" height="{p.height_px}"/>{boxes}</svg>'
        f"<figcaption>{escape(p.name)}</figcaption></figure>"
    )


_CSS = """
:root{color-scheme:light}body{margin:0;font:15px/1.5 system-ui,sans-serif;color:#1c1c1c;background:#fff}
main{max-width:1180px;margin:0 auto;padding:24px}h1{font-size:26px}h2{font-size:20px;margin:36px 0 8px;border-bottom:1px solid #ccc}
.notes{background:#fff6dd;border-left:4px solid #d9a400;padding:8px 8px 8px 28px}
nav{display:flex;flex-wrap:wrap;gap:6px 14px;margin:14px 0}nav a{color:#1f5fa8}
.wide{overflow-x:auto;margin:10px 0}table{border-collapse:collapse;font-size:13.5px}
th,td{padding:4px 9px;border-bottom:1px solid #e2e2e2;text-align:left;vertical-align:top}thead th{background:#f2f4f7}
tbody th{font-weight:500}td{font-variant-numeric:tabular-nums}.figures td{white-space:nowrap}.counts td{text-align:right;min-width:34px}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(460px,1fr));gap:18px}figure{margin:0}
.charts svg{width:100%;height:auto;border:1px solid #e2e2e2}figcaption{font-size:13px;color:#444}
.cases{display:grid;grid-template-columns:repeat(auto-fill,minmax(430px,1fr));gap:12px;margin:12px 0}
.case{border:1px solid #ddd;border-radius:6px;padding:8px 12px}.case p{margin:0 0 8px}.views{display:flex;flex-wrap:wrap;gap:10px}
.view{width:195px}.view svg{width:100%;height:auto;background:#000}
rect.truth{fill:none;stroke:#3fd06a;stroke-width:2.5}rect.mark{fill:none;stroke:#ffb02e;stroke-width:2.5;stroke-dasharray:6 4}
@media print{main{max-width:none}.charts{grid-template-columns:1fr 1fr}.case{break-inside:avoid}}
@media(max-width:520px){.charts,.cases{grid-template-columns:1fr}main{padding:12px}}
""".replace("\n", "")
