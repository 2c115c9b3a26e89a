"""report.html: one self-contained page, views in hanging order with boxes, sentences that light what they rest on."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from mammoscribe.domain.finding import Finding
from mammoscribe.domain.report import Report
from mammoscribe.domain.view import Laterality
from mammoscribe.exports import limits, shown, words
from mammoscribe.exports.hanging import Pane, Rect, ShownMark, hang
from mammoscribe.exports.pictures import MarkCrop, ViewImage, media_type_of
from mammoscribe.support.errors import InvalidNoun

SCRIPTS = ("light.js", "views.js", "closeup.js", "keys.js")
"""Parts of the page's one script, in the order in which they use each other."""


def report_html(
    report: Report, images: Mapping[str, ViewImage], crops: Sequence[MarkCrop] = (), truth: Sequence[Finding] = ()
) -> str:
    """The whole page as text: no network, styles, script and pictures inside; readable without script.

    Args:
        report: what to show.
        images: pictures by view id; a view without one is drawn as an empty place with its boxes.
        crops: surroundings of marks at full resolution, shown with their findings.
        truth: what is really there, where that is known (a synthetic exam): boxes and words behind a switch.

    Raises:
        InvalidNoun: when a picture belongs to no view of the exam or to one of another stored size, a crop to no mark,
            or a true finding to no view.
    """
    _check(report, crops, truth)
    hanging, keys = hang(report, images, truth), shown.keys_of(report)
    script, style = _script(), _asset("report.css")
    return _template().render(
        report=report,
        exam=report.exam,
        name=words.exam_name(report.exam),
        hanging=hanging,
        numbers=keys.numbers,
        colours=keys.colours,
        sections=shown.sections(report, keys),
        conclusion=shown.conclusion_lit(report, keys),
        cards=[shown.card(f, report, hanging, crops) for f in report.findings],
        breasts=[shown.breast_row(b) for b in report.breasts],
        truth=shown.truth_lines(truth, report.findings) if truth else [],
        true_numbers={f.id: i + 1 for i, f in enumerate(truth)},
        warnings=limits.folded(report.warnings),
        not_assessed=limits.not_assessed(report),
        marks_on_structures=limits.marks_on_structures(report),
        not_read=limits.files_not_read(report.exam),
        preprocessing=dict(report.provenance.preprocessing),
        limits=limits,
        words=words,
        script=Markup(script),  # noqa: S704 - our own files
        style=Markup(style),  # noqa: S704 - our own file
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _check(report: Report, crops: Sequence[MarkCrop], truth: Sequence[Finding]) -> None:
    for crop in crops:
        view, finding = report.exam.view(crop.view_id), report.finding(crop.finding_id)
        if finding.mark_in(view.id) is None:
            raise InvalidNoun(f"a crop of {finding.id} in {view.id}, where it has no mark")
        if crop.region.clipped(view.width_px, view.height_px) != crop.region:
            raise InvalidNoun(f"the crop of {finding.id} in {view.id} lies outside the stored array")
    for finding in truth:
        for mark in finding.marks:
            report.exam.view(mark.view_id)


@cache
def _template():
    environment = Environment(
        loader=PackageLoader("mammoscribe.exports", "page"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=words.percent, capitalised=words.capitalised, data_uri=_data_uri, place=_place, attributes=_attributes,
        label_side=_label_side,
    )  # fmt: skip
    return environment.get_template("report.html")


def _script() -> str:
    """The parts as one script with a scope of its own."""
    return '"use strict";\n(() => {\n' + "\n".join(_asset(name) for name in SCRIPTS) + "\n})();"


@cache
def _asset(name: str) -> str:
    return files("mammoscribe.exports").joinpath("page", name).read_text(encoding="utf-8").strip()


def _data_uri(picture: ViewImage | MarkCrop) -> str:
    return f"data:{media_type_of(picture.png)};base64,{base64.b64encode(picture.png).decode()}"


def _place(rect: Rect) -> str:
    """A rectangle as CSS properties."""
    return f"left:{rect.left:.4f}%;top:{rect.top:.4f}%;width:{rect.width:.4f}%;height:{rect.height:.4f}%"


def _attributes(rect: Rect) -> Markup:
    """A rectangle as SVG attributes, in a drawing of 100 x 100 units."""
    return Markup(f'x="{rect.left:.4f}" y="{rect.top:.4f}" width="{rect.width:.4f}" height="{rect.height:.4f}"')  # noqa: S704 - numbers only


def _label_side(mark: ShownMark, pane: Pane) -> str:
    """CSS classes of a box's label: it runs away from the middle line, below the box where above is no room."""
    side = "to-left" if pane.laterality is Laterality.RIGHT else "to-right"
    return f"{side} below" if mark.label_below else side
