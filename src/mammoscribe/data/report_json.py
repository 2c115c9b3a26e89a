"""Sentences of a report.json (`mammoscribe.report/1`) with the boxes that they rest on."""

from collections.abc import Mapping
from typing import Any

from mammoscribe.domain.grounded import GroundedSentence
from mammoscribe.domain.view import Box, Role

REPORT = "report.json"


def current_views(report: Mapping[str, Any]) -> dict[str, str]:
    """Id of each current view -> its name, such as `R_CC`."""
    views = [v for v in report["exam"]["views"] if v["role"] == Role.CURRENT.value]
    return {v["id"]: f"{v['laterality']}_{v['projection']}" for v in views}


def grounded_sentences(report: Mapping[str, Any]) -> tuple[GroundedSentence, ...]:
    """The sentences in their order; KeyError, TypeError, AttributeError or InvalidNoun where it is no report."""
    names = current_views(report)
    boxes = {
        f["id"]: tuple((names[m["view"]], Box(*m["box_px"])) for m in f["marks"] if m["view"] in names)
        for f in report["findings"]
    }
    return tuple(
        GroundedSentence(s["text"], tuple(b for e in s["evidence"] for b in boxes.get(e["ref"], ())))
        for s in report["sentences"]
    )
