"""Signs that a file of candidates was put together wrongly: ids that are shuffled, breasts that are exchanged.

A very bad system looks like a shuffled file, so a caller who refuses such a file leaves a way to score it anyway.
"""

from collections.abc import Iterator

import numpy as np

from mammoscribe.evaluation.report_card.fact_counts import fact_counts
from mammoscribe.evaluation.report_card.fact_table import read_table
from mammoscribe.evaluation.report_card.figures import Sums
from mammoscribe.evaluation.report_card.pairs import ReportPairs

FEWEST_EXAMS, FEWEST_FINDINGS = 20, 5
MOST_READ = 300
_SAME_AGREEMENT = 0.02
_VARIED = 0.3
"""Share of distinct texts below which a system says much the same of every exam, whatever the ids."""


def suspicions(name: str, pairs: ReportPairs, sums: Sums) -> Iterator[str]:
    """Faults of one candidate, one sentence each.

    Args:
        name: of the candidate. pairs: its texts. sums: of its counts over all exams.
    """
    matched, exchanged = float(sums["findings matched"]), float(sums["findings in the other breast"])
    if exchanged > matched and exchanged >= FEWEST_FINDINGS:
        yield (
            f"{name}: agreement is higher with right and left exchanged than as given ({exchanged:.0f} findings are in the "
            f"other breast and {matched:.0f} in the right one)"
        )
    varied = len(set(pairs.candidates)) > _VARIED * len(pairs.candidates)
    if len(pairs.ids) >= FEWEST_EXAMS and varied:
        own, others = _agreements(pairs)
        if own - others < _SAME_AGREEMENT:
            yield (
                f"{name}: its reports agree with the references of other exams as well as with their own ({others:.2f} and "
                f"{own:.2f}); ids may be shuffled"
            )


def _agreements(pairs: ReportPairs) -> tuple[float, float]:
    """Mean R-GREEN with the own reference and with that of another exam, in a random order, of at most MOST_READ exams."""
    num = len(pairs.ids)
    chosen = range(0, num, -(-num // MOST_READ))
    order = np.random.default_rng(0).permutation(num).tolist()
    after = {exam: order[(k + 1) % num] for k, exam in enumerate(order)}  # one round, so that none is its own other
    own = others = 0.0
    for i in chosen:
        candidate = read_table(pairs.candidates[i])
        own += fact_counts(read_table(pairs.references[i]), candidate)["fact agreement"]
        others += fact_counts(read_table(pairs.references[after[i]]), candidate)["fact agreement"]
    return own / len(chosen), others / len(chosen)
