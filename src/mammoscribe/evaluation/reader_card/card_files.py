"""The card of readers as values for a JSON file, and as a page."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import isnan
from typing import Any

from mammoscribe.evaluation.calibration import reliability_table
from mammoscribe.evaluation.card_page import (
    COMPARISON,
    Case,
    Page,
    Section,
    Table,
    confusion_table,
    difference_json,
    differences_table,
    ends_json,
    interval_words,
    line_json,
    number,
)
from mammoscribe.evaluation.classification import GroupAuc, roc_points
from mammoscribe.evaluation.reader_card.abstention import ABSTENTION
from mammoscribe.evaluation.reader_card.card import (
    FINDINGS,
    LEAST_IN_GROUP,
    MALIGNANCY,
    ReaderCard,
    SystemCases,
    confusions,
    delong_rows,
    grouped_lines,
)
from mammoscribe.evaluation.reader_card.charts import (
    BINS,
    abstention_charts,
    froc_charts,
    gap_chart,
    group_chart,
    malignancy_charts,
)
from mammoscribe.evaluation.reader_card.mark_measures import HIT_RULE

SCHEMA = "mammoscribe.reader-card/1"
METHOD = (
    "Intervals are 95 % percentile intervals of a bootstrap that draws whole patients, wider where cases are few (Hesterberg "
    "2015). `n` gives the cases and, where "
    "something is positive, its share. `detectable` is the difference from a second system that a set of this size would "
    "show in four of five tests at 5 %, if the two erred independently. Outputs were stored before labels were looked at."
)
MISSES = (
    "Views as the reader sees them, with the chest wall on the left. Solid green: boxes of the dataset; broken orange: marks "
    "with a sentence in the report."
)


# --- JSON ---------------------------------------------------------------------------------------------------------


def card_json(card: ReaderCard) -> dict[str, Any]:
    """The card as JSON values; a figure that is not defined is NaN here and null in the file."""
    return {
        "schema": SCHEMA,
        "method": METHOD,
        "hit_rule": HIT_RULE,
        "dataset": card.dataset,
        "split": card.split,
        "synthetic": card.synthetic,
        "candidates": [{"name": s.name, "made_by": s.made_by, "sha256_of_outputs": s.sha256} for s in card.systems],
        "exams": len(card.joined.labels),
        "patients": card.num_patients,
        "bootstrap_draws": card.num_draws,
        "threshold": None if card.threshold is None else asdict(card.threshold),
        "abstention": [
            {
                "candidate": s.name, "alpha": a.alpha, "source": a.source,
                "highest_probability_of_other": limits[0], "lowest_probability_of_malignant": 1 - limits[1],
            }
            for s, a in zip(card.systems, card.abstaining, strict=False)
            if (limits := a.rule.limits(a.alpha))
        ],
        "left_out": {"without_output": list(card.joined.missing), "unreadable": list(card.joined.unreadable)},
        "notes": list(card.notes),
        "figures": [line_json(line) for line in card.lines],
        "differences": [difference_json(d) for d in card.differences],
        "groups": [
            {"candidate": card.systems[g.system].name, "property": g.property, "groups": [_group_json(x) for x in g.groups]}
            for g in card.groups
        ],
        "curves": [
            {"candidate": s.name, **_curves(own)} for s, own in zip(card.systems, card.cases, strict=True)
        ],
        "confusion": [
            {"candidate": s.name, **{name: rows for name, (_, rows) in confusions(own).items()}}
            for s, own in zip(card.systems, card.cases, strict=True)
        ],
    }  # fmt: skip


def _group_json(g: GroupAuc) -> dict[str, Any]:
    return {
        "group": g.group, "n": g.n, "positives": g.positives, "auc": g.auc, "interval": ends_json(g.interval),
        "gap": g.gap, "gap_interval": ends_json(g.gap_interval),
    }  # fmt: skip


def _curves(own: SystemCases) -> dict[str, Any]:
    found: dict[str, Any] = {}
    c = own.malignancy
    if c.both_classes:
        fpr, tpr = roc_points(c.scores, c.labels)
        found["roc"] = {"false_positive_rate": fpr.tolist(), "true_positive_rate": tpr.tolist()}
        found["reliability"] = [asdict(b) for b in reliability_table(c.scores, c.labels, BINS)]
    for kind in own.kinds:
        if kind.num_lesions and kind.complete:
            curve = kind.curve()
            found[f"froc {kind.kind.value}"] = {
                "false_per_view": curve.false_per_view.tolist(), "sensitivity": curve.sensitivity.tolist(),
                "threshold": curve.thresholds.tolist(), "lesions": curve.num_lesions, "views": curve.num_views,
            }  # fmt: skip
    return found


# --- page ---------------------------------------------------------------------------------------------------------


def card_page(card: ReaderCard, misses: Sequence[tuple[str, tuple[Case, ...]]] = ()) -> Page:
    """The card as a page; `misses` are (system, its worst misses)."""
    drawn = "synthetic exams" if card.synthetic else "exams"
    size = f"{card.dataset}, {card.split}: {len(card.joined.labels)} {drawn} of {card.num_patients} patients, {card.num_draws} bootstrap draws."
    return Page(
        "Evaluation card",
        tuple(s.name for s in card.systems),
        (size, METHOD),
        card.notes,
        tuple(_sections(card, misses)),
    )


def _sections(card: ReaderCard, misses: Sequence[tuple[str, tuple[Case, ...]]]) -> Iterator[Section]:
    yield Section("Systems", tables=(_systems_table(card),))
    for group, lines in grouped_lines(card.lines):
        charts = {MALIGNANCY: malignancy_charts, FINDINGS: froc_charts, ABSTENTION: abstention_charts}.get(group)
        yield Section(
            group, _text(card, group), lines, tuple(_tables(card, group)), tuple(charts(card)) if charts else ()
        )
    if card.differences:
        title = f"{card.systems[0].name} against {card.systems[1].name}"
        yield Section(title, COMPARISON, tables=(differences_table(card.differences),))
    yield from _group_sections(card)
    for name, cases in misses:
        if cases:
            yield Section(f"Worst misses of {name}" if len(misses) > 1 else "Worst misses", MISSES, cases=cases)


def _text(card: ReaderCard, group: str) -> str:
    if group == FINDINGS:
        return HIT_RULE
    if group == ABSTENTION:
        several = len(card.systems) > 1
        return " ".join(
            f"{s.name}: {a.words}" if several else a.words for s, a in zip(card.systems, card.abstaining, strict=True)
        )
    if group == MALIGNANCY and card.threshold is not None:
        return f"The threshold {card.threshold.value:g} was fixed on {card.threshold.source}."
    return ""


def _tables(card: ReaderCard, group: str) -> Iterator[Table]:
    for system, own in zip(card.systems, card.cases, strict=True):
        if group in (found := confusions(own)):
            classes, rows = found[group]
            yield confusion_table(f"label \\ {system.name}", classes, rows)
    if group == MALIGNANCY and (rows := delong_rows(card)):
        yield Table(("check by DeLong, breasts as independent", "system", "AUC (95 % interval)"), tuple(rows))


def _group_sections(card: ReaderCard) -> Iterator[Section]:
    for system, s in enumerate(card.systems):
        own = [g for g in card.groups if g.system == system]
        if own:
            rows = tuple(
                (
                    f"{g.property}: {x.group}", f"{x.positives} of {x.n} ({100 * x.positives / x.n:.1f} %)",
                    number(x.auc, 3, "too few"), interval_words(x.interval, 3),
                    "" if isnan(x.gap) else f"{x.gap:+.3f}", interval_words(x.gap_interval, 3),
                )
                for g in own
                for x in g.groups
            )  # fmt: skip
            text = (
                f"AUC of malignancy; not given below {LEAST_IN_GROUP} breasts, or two of a class. A gap is the group's AUC minus "
                "that of all other breasts whose group is known, on the same draws of patients; many gaps are looked at here, so one interval in "
                f"twenty that leaves out 0 is no surprise. {_gaps(own)}"
            )
            table = Table(("group", "n", "AUC", "95 % interval", "gap to the others", "95 % interval"), rows)
            charts = (group_chart(card, own, system), *gap_chart(card, own, system))
            yield Section(f"Groups, {s.name}", text, tables=(table,), charts=charts)


def _gaps(own) -> str:
    """The widest gap of each property, in words."""
    parts = []
    for g in own:
        known = [x for x in g.groups if x.auc == x.auc]
        if len(known) > 1:
            low, high = min(known, key=lambda x: x.auc), max(known, key=lambda x: x.auc)
            parts.append(f"{g.property}: {high.auc - low.auc:.3f} ({low.group} lowest, {high.group} highest)")
    return f"Widest gap by {'; '.join(parts)}." if parts else ""


def _systems_table(card: ReaderCard) -> Table:
    rows = tuple((s.name, _made(s.made_by), s.sha256[:12]) for s in card.systems)
    return Table(("system", "made by", "sha256 of its outputs"), rows)


def _made(values: Any) -> str:
    configuration = values.get("configuration") or {}
    words = [f"{k.replace('_', ' ')} {str(v)[:12]}" for k, v in configuration.items() if k in _SHOWN and v is not None]
    return ", ".join([*words, f"code {values['code']['sha256'][:12]}"])


_SHOWN = ("model", "version", "weights_sha256", "setting", "device", "by_breast")
