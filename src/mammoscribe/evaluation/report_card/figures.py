"""The figures of the card: each a function of sums of counts over reports, so that every bootstrap draw is one sum.

Sums are arrays of any shape, one entry for each draw, baseline or left-out exam, and a figure is computed for all at
once. NaN where a figure is not defined.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mammoscribe.evaluation.bootstrap import FloatArray
from mammoscribe.evaluation.report_card.fact_counts import CATEGORIES, DENSITIES, ERRORS, ORDINAL, RECALLS
from mammoscribe.evaluation.report_card.text_scores import MAX_N

_TINY, _SMALL = 1e-15, 1e-9
"""coco-caption adds these to numerators and denominators of BLEU."""


class Sums(Mapping[str, FloatArray]):
    """Sums of counts by name.

    Args:
        names: of the counts, in the order of the last axis.
        values: [..., counts].
    """

    def __init__(self, names: Sequence[str], values: FloatArray) -> None:
        self._at = {name: i for i, name in enumerate(names)}
        self.values_ = values

    def __getitem__(self, name: str) -> FloatArray:
        return self.values_[..., self._at[name]]

    def __iter__(self):
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)


Value = Callable[[Sums], FloatArray]


@dataclass(frozen=True)
class Figure:
    """One figure.

    Args:
        name: with its protocol where there are several.
        group: heading of the card that it is under.
        value: from sums.
        count: the n it rests on, from sums. of: what that n counts.
        higher_is_better: False for errors. digits: decimals printed.
    """

    name: str
    group: str
    value: Value
    count: Value
    of: str
    higher_is_better: bool = True
    digits: int = 3


def _over(above: FloatArray, below: FloatArray) -> FloatArray:
    """A ratio, NaN without a denominator."""
    above, below = np.broadcast_arrays(np.asarray(above, dtype=float), np.asarray(below, dtype=float))
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below != 0)


def _share(above: str, below: str) -> Value:
    return lambda s: _over(s[above], s[below])


def _total(*names: str) -> Value:
    return lambda s: np.sum([s[name] for name in names], axis=0)


def _pooled_f1(name: str) -> Value:
    return lambda s: _over(2 * s[f"{name} right"], 2 * s[f"{name} right"] + s[f"{name} wrong"] + s[f"{name} missed"])


# --- density and category -----------------------------------------------------------------------------------------


def confusion(s: Sums, name: str, true: str, given: str) -> FloatArray:
    """[..., true, given] sums of pairs of classes."""
    rows = [np.stack([s[f"{name} {t}{c}"] for c in given], axis=-1) for t in true]
    return np.stack(rows, axis=-2)


def _kappa(name: str, classes: str, power: int) -> Value:
    """Chance-corrected agreement with weights |i - j| ** power, of the cases whose classes are both among these."""
    at = np.arange(len(classes))
    weights = np.abs(at[:, None] - at[None, :]) ** power

    def value(s: Sums) -> FloatArray:
        table = confusion(s, name, classes, classes)
        chance = table.sum(-1)[..., :, None] * table.sum(-2)[..., None, :]
        total = table.sum((-1, -2))
        return 1 - _over((weights * table).sum((-1, -2)) * total, (weights * chance).sum((-1, -2)))

    return value


def _accuracy(name: str, classes: str) -> Value:
    """Right answers of all cases; a missing answer is not right."""
    every = [f"{name} {t}{c}" for t in classes for c in f"{classes}-"]
    return lambda s: _over(_total(*(f"{name} {c}{c}" for c in classes))(s), _total(*every)(s))


def _macro_f1(name: str, classes: str) -> Value:
    """Mean F1 of the classes that the reference has; a missing answer is a miss."""

    def value(s: Sums) -> FloatArray:
        table = confusion(s, name, classes, f"{classes}-")
        right = np.diagonal(table[..., : len(classes)], axis1=-2, axis2=-1)
        true, given = table.sum(-1), table[..., : len(classes)].sum(-2)
        f1 = np.where(true > 0, _over(2 * right, true + given), 0.0)
        return _over(f1.sum(-1), (true > 0).sum(-1))

    return value


def _rate(name: str, of: str, yes: str, answers: str) -> Value:
    """Share of the cases of these true classes whose answer is among `yes`; a missing one is not."""
    return lambda s: _over(
        _total(*(f"{name} {t}{c}" for t in of for c in yes))(s),
        _total(*(f"{name} {t}{c}" for t in of for c in answers))(s),
    )


def _density_figures() -> list[Figure]:
    every = f"{DENSITIES}-"
    asked = _total(*(f"density {t}{c}" for t in DENSITIES for c in every))
    answered = _total(*(f"density {t}{c}" for t in DENSITIES for c in DENSITIES))
    dense, not_dense = "cd", "ab"
    return [
        Figure("density exact", "density", _accuracy("density", DENSITIES), asked, "exams with a density"),
        Figure("density kappa (linear weights)", "density", _kappa("density", DENSITIES, 1), answered, "exams answered"),
        Figure(
            "dense (c, d): sensitivity", "density", _rate("density", dense, dense, every),
            _total(*(f"density {t}{c}" for t in dense for c in every)), "dense exams",
        ),
        Figure(
            "dense (c, d): specificity", "density", _rate("density", not_dense, not_dense, every),
            _total(*(f"density {t}{c}" for t in not_dense for c in every)), "exams not dense",
        ),
    ]  # fmt: skip


def _birads_figures() -> list[Figure]:
    every, group = f"{CATEGORIES}-", "BI-RADS"
    asked = _total(*(f"birads {t}{c}" for t in CATEGORIES for c in every))
    ordinal = _total(*(f"birads {t}{c}" for t in ORDINAL for c in ORDINAL))
    complete = lambda s: _over(  # noqa: E731
        _total(*(f"birads {t}{c}" for t in CATEGORIES for c in CATEGORIES))(s), asked(s)
    )
    macro, of = _macro_f1("birads", CATEGORIES), "breasts or exams with a category"
    figures = [
        Figure("BI-RADS exact (4A to 4C as 4)", group, _accuracy("birads", CATEGORIES), asked, of),
        Figure(
            "BI-RADS kappa (quadratic weights, 1 to 5)", group, _kappa("birads", ORDINAL, 2), ordinal, "both of 1 to 5"
        ),
        Figure("BI-RADS macro F1", group, macro, asked, of),
        Figure("BI-RADS completeness", group, complete, asked, of),
        Figure("BI-RADS macro F1 times completeness", group, lambda s: macro(s) * complete(s), asked, of),
    ]
    for words, recalled in RECALLS.items():
        kept = "".join(c for c in "012345" if c not in recalled)
        for name, of_these in (("sensitivity", recalled), ("specificity", kept)):
            n = _total(*(f"birads {t}{c}" for t in of_these for c in every))
            value = _rate("birads", of_these, of_these, every)
            figures.append(Figure(f"recall ({words}): {name}", group, value, n, "breasts or exams"))
    return figures


# --- all ----------------------------------------------------------------------------------------------------------


def _mean(name: str, count: str, group: str, of: str = "reports", below: str = "reports") -> Figure:
    return Figure(name, group, _share(count, below), _total(below), of)


def _set_figures(name: str, title: str) -> list[Figure]:
    all_facts, stated = _total(f"{name} right", f"{name} missed"), f"{title}s in the references"
    return [
        _mean(f"{title}-set F1, mean of reports (none and none: 1)", f"{name} mean", "findings"),
        _mean(
            f"{title}-set F1, reports without any left out", f"{name} mean not empty", "findings",
            below=f"{name} not empty",
        ),
        Figure(f"{title} F1, pooled", "findings", _pooled_f1(name), all_facts, stated),
    ]  # fmt: skip


def _finding_figures() -> list[Figure]:
    matched = "matched findings"
    return [
        _mean("R-GREEN: facts right / (facts right + errors)", "fact agreement", "all facts"),
        _mean("severity-weighted score (after CRIMSON)", "severity score", "all facts"),
        *_set_figures("findings", "finding"),
        *_set_figures("triplets", "triplet"),
        *_set_figures("entities", "entity"),
        Figure(
            "descriptor F1 of matched findings", "findings", _pooled_f1("descriptors"),
            _total("descriptors right", "descriptors missed"), "descriptors in the references",
        ),
        _mean("placed correctly", "place right", "findings", matched, "placed"),
        _mean("quadrant exact", "quadrant right", "findings", matched, "quadrant stated"),
        _mean("clock face within one hour", "clock right", "findings", matched, "clock stated"),
        _mean("depth exact", "depth right", "findings", matched, "depth stated"),
        _mean("change right", "changes right", "findings", matched, "changes stated"),
        _mean("denials borne out", "denials borne out", "negation", "denials of a kind in a breast", "denials"),
        Figure(
            "findings that are denied", "negation", _share("findings denied", "findings there"),
            _total("findings there"), "findings in the references", higher_is_better=False,
        ),
    ]  # fmt: skip


def _entailment_figures() -> list[Figure]:
    """R-RadFact's six numbers: precision from the candidate's statements, recall from the reference's."""
    figures = []
    for side, word in (("given", "precision"), ("true", "recall")):
        facts, grounded = _total(f"radfact {side}"), _total(f"radfact {side} grounded")
        entailed, placed = f"radfact {side} grounded entailed", f"radfact {side} grounded in place"
        of = f"sentences with boxes in the {'candidates' if side == 'given' else 'references'}"
        figures += [
            Figure(f"R-RadFact logical {word}", "entailment", _share(f"radfact {side} entailed", f"radfact {side}"), facts, "facts"),
            Figure(f"R-RadFact grounding {word}", "entailment", _share(placed, entailed), _total(entailed), f"{of} that are entailed"),
            Figure(f"R-RadFact spatial {word}", "entailment", _share(placed, f"radfact {side} grounded"), grounded, of),
        ]  # fmt: skip
    return figures


def _error_figures() -> list[Figure]:
    return [
        Figure(
            f"{name}, per 100 reports", "errors", lambda s, key=key: 100 * _over(s[key], s["reports"]),
            _total("reports"), "reports", higher_is_better=False, digits=1,
        )
        for name, key in (*((e, f"error {e}") for e in ERRORS), ("errors of all kinds", "errors"))
    ]  # fmt: skip


def bleu(n: int) -> Value:
    """Corpus BLEU-n of sums, as coco-caption computes it."""

    def value(s: Sums) -> FloatArray:
        product = np.ones_like(s["bleu length"], dtype=float)
        for k in range(1, n + 1):
            product = product * (s[f"bleu shared {k}"] + _TINY) / (s[f"bleu grams {k}"] + _SMALL)
        ratio = (s["bleu length"] + _TINY) / (s["bleu reference"] + _SMALL)
        return product ** (1 / n) * np.exp(np.minimum(0.0, 1 - 1 / ratio))

    return value


def _text_figures() -> list[Figure]:
    group, reports = "text", _total("reports")
    return [
        *(Figure(f"BLEU-{n} (corpus, coco-caption)", group, bleu(n), reports, "reports") for n in range(1, MAX_N + 1)),
        _mean("ROUGE-1 (F1, rouge-score, no stemmer)", "rouge 1", group),
        _mean("ROUGE-2 (F1, rouge-score, no stemmer)", "rouge 2", group),
        _mean("ROUGE-L (F1, rouge-score, no stemmer)", "rouge l", group),
        _mean("CIDEr-D (coco-caption)", "cider", group),
        _mean("METEOR (exact matches only, nltk formula)", "meteor", group),
    ]


FIGURES: tuple[Figure, ...] = (
    *_finding_figures(), *_entailment_figures(), *_density_figures(), *_birads_figures(), *_error_figures(), *_text_figures(),
)  # fmt: skip
"""All figures that have an interval and are compared, in the order of the card."""
