"""Charts of a reader's card: ROC, reliability, coverage against risk, FROC, groups."""

from collections.abc import Iterator
from dataclasses import replace

from mammoscribe.domain.finding import FindingType
from mammoscribe.evaluation.calibration import coverage_and_risk, reliability_table
from mammoscribe.evaluation.card_page import Chart
from mammoscribe.evaluation.classification import auc, roc_points
from mammoscribe.evaluation.reader_card.abstention import abstention_chart
from mammoscribe.evaluation.reader_card.breast_measures import HALF
from mammoscribe.evaluation.reader_card.card import Grouped, ReaderCard
from mammoscribe.support.charts import UNIT, Bar, Points, interval_chart, line_chart

BINS = 10
MOST_FALSE = 4.0
"""False marks a view at which the FROC curve is cut off."""


def malignancy_charts(card: ReaderCard) -> Iterator[Chart]:
    """ROC, reliability, coverage against risk; nothing where malignancy cannot be measured."""
    named = [(s.name, c.malignancy) for s, c in zip(card.systems, card.cases, strict=True) if c.malignancy.both_classes]
    if not named:
        return
    n = "; ".join(f"{name}: {int(c.labels.sum())} of {len(c.labels)} breasts malignant" for name, c in named)
    curves = {name: list(zip(*(a.tolist() for a in roc_points(c.scores, c.labels)), strict=True)) for name, c in named}
    yield Chart(
        "ROC curve",
        line_chart("ROC curve", "1 - specificity", curves, replace(UNIT, diagonal=True), "sensitivity"),
        f"Malignant breasts by the probability of malignancy. {n}.",
    )
    bins = {name: reliability_table(c.scores, c.labels, BINS) for name, c in named}
    points = {name: [(b.predicted, b.observed) for b in table] for name, table in bins.items()}
    bars = {
        name: [Bar(b.observed, b.interval.low, b.interval.high, b.predicted) for b in table]
        for name, table in bins.items()
    }
    yield Chart(
        "Reliability",
        line_chart(
            "Reliability", "predicted probability", points, replace(UNIT, diagonal=True), "observed share", bars
        ),
        f"Breasts in {BINS} groups of like size by predicted probability, with the share that is malignant (Wilson interval, "
        "breasts as independent).",
    )
    decided = card.threshold.value if card.threshold else HALF
    risks = {
        name: list(zip(*(a.tolist() for a in coverage_and_risk(c.scores, c.labels, decided)), strict=True))
        for name, c in named
    }
    highest = max(r for points in risks.values() for _, r in points)
    frame = replace(UNIT, y_range=(0.0, min(1.0, max(0.05, 1.1 * highest))))
    yield Chart(
        "Coverage against risk",
        line_chart("Coverage against risk", "share of breasts kept", risks, frame, "share decided wrongly"),
        f"Breasts decided at the probability {decided:g}, the most certain ones kept first.",
    )


def abstention_charts(card: ReaderCard) -> Iterator[Chart]:
    """Coverage against risk of the breasts that are not left to a person."""
    cases = (c.malignancy for c in card.cases)
    named = [(s.name, c, a) for s, c, a in zip(card.systems, cases, card.abstaining, strict=True)]
    yield from abstention_chart(named)


def froc_charts(card: ReaderCard) -> Iterator[Chart]:
    """A FROC curve for each kind of finding that has lesions and all marks."""
    for place, kind in enumerate(FindingType):
        curves: dict[str, Points] = {}
        words = []
        for system, own in zip(card.systems, card.cases, strict=True):
            c = own.kinds[place]
            if c.num_lesions and c.complete:
                curve = c.curve()
                pairs = zip(curve.false_per_view.tolist(), curve.sensitivity.tolist(), strict=True)
                curves[system.name] = _steps([(x, y) for x, y in pairs if x <= MOST_FALSE])
                words.append(f"{system.name}: {c.num_lesions} lesions, {c.num_views} views")
        if curves:
            name = f"FROC, {kind.value.replace('_', ' ')}"
            frame = replace(UNIT, x_range=(0.0, MOST_FALSE))
            yield Chart(
                name, line_chart(name, "false marks per view", curves, frame, "lesions found"), f"{'; '.join(words)}."
            )


def _steps(points: list[tuple[float, float]]) -> Points:
    """A curve that starts where nothing is marked."""
    return [(0.0, 0.0), *points]


def group_chart(card: ReaderCard, grouped: list[Grouped], system: int) -> Chart:
    """AUC of every group of one system, beside that of all breasts."""
    c = card.cases[system].malignancy
    whole = auc(c.scores, c.labels)
    bars = [
        Bar(
            g.auc, g.interval.low if g.interval else float("nan"), g.interval.high if g.interval else float("nan"),
            name=f"{own.property}: {g.group} ({g.positives} of {g.n})",
        )
        for own in grouped
        for g in own.groups
    ]  # fmt: skip
    name = f"Groups, {card.systems[system].name}"
    return Chart(name, interval_chart(name, "AUC", bars, whole), "The broken line is the AUC of all breasts together.")


def gap_chart(card: ReaderCard, grouped: list[Grouped], system: int) -> Iterator[Chart]:
    """The gap of every group to all other breasts; nothing where no group has one."""
    bars = [
        Bar(g.gap, g.gap_interval.low, g.gap_interval.high, name=f"{own.property}: {g.group} ({g.positives} of {g.n})")
        for own in grouped
        for g in own.groups
        if g.gap_interval is not None
    ]
    if bars:
        name = f"Gaps between groups, {card.systems[system].name}"
        picture = interval_chart(name, "AUC of the group minus AUC of the others", bars, 0.0)
        yield Chart(name, picture, "Left of the broken line: worse in this group than in the others.")
