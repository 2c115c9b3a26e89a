"""The gate against claims made false on purpose, and a second opinion on what it prints.

True sentences in all our styles and in free wording, and the same made false in one respect (`gate_damage.DAMAGES`), go
through the gate one by one. A false part has reached the report when a false claim is kept word for word, or when the
oracle (`evaluation.oracle`, no code shared with the gate) objects to a sentence that was printed of it. A true claim is
lost when no sentence of the report cites what it is about. Then the oracle reads every sentence of whole reports: of
phantoms with disturbed findings, and of real exams where MAMMOSCRIBE_DATA has them. Last, the oracle itself is measured:
how many of the false claims it objects to when a gate lets all of them pass.

    python -m benchmarks.gate                    # 10,000 claims, 200 phantoms, 30 real exams
    python -m benchmarks.gate --claims 1000 --phantoms 0 --real 0
"""

import argparse
import itertools
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.gate_charts import disturbed_chart, random_chart
from benchmarks.gate_claims import FreeWriter, Made
from benchmarks.gate_damage import damaged
from mammoscribe.data.datasets.rsna import RSNA
from mammoscribe.data.record_views import exam_of
from mammoscribe.data.records import MammoExam
from mammoscribe.domain.evidence import Claim, EvidenceKind, GateResult, Section, Sentence, Writer
from mammoscribe.domain.report import Provenance, Report
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.bootstrap import clopper_pearson
from mammoscribe.evaluation.card import Row, Sense, markdown, write_rows
from mammoscribe.evaluation.oracle import objections
from mammoscribe.phantom import draw_exam
from mammoscribe.reporting.chart import Chart
from mammoscribe.reporting.compose import compose_report
from mammoscribe.reporting.gate import Gate, gate
from mammoscribe.reporting.render import render
from mammoscribe.reporting.styles import STYLES, write_reference

DATA = Path(os.environ.get("MAMMOSCRIBE_DATA", Path(__file__).parents[2] / "shared" / "data"))
FIRST_SEED = 150_000
"""Of the phantoms: validation seeds."""
SHOWN = 12


@dataclass
class Tally:
    """What happened to the claims.

    Args:
        false, true, free: how many there were; of the true ones, how many were in free wording.
        reached: false claims with a false part in the report, in words.
        lost, lost_free: true claims in our styles, and in free wording, that left nothing in the report.
        false_alarms: true claims in free wording to which the oracle, shown them as they are, objects.
        missed: false claims to which the oracle, shown them as they are, does not object.
        by_damage: name of a damage -> claims, and with ", missed" those of `missed`.
    """

    false: int = 0
    true: int = 0
    free: int = 0
    reached: list[str] = field(default_factory=list)
    lost_free: list[str] = field(default_factory=list)
    false_alarms: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    by_damage: Counter[str] = field(default_factory=Counter)


def style_claims(chart: Chart, rng: np.random.Generator) -> Iterator[Made]:
    """Sentences of the rendered report, and of a reference report in a random style."""
    stated = {
        b.laterality: (b.density, b.assessment.category if b.assessment else None) for b in chart.breasts if b.imaged
    }
    style = int(rng.integers(len(STYLES)))
    sentences = [s.sentence for s in render(chart) if s.facts]
    sentences += write_reference(chart.search, chart.findings, stated, style, rng)
    return (as_claim(s, chart) for s in sentences)


def as_claim(sentence: Sentence, chart: Chart) -> Made:
    """A sentence of ours as a claim, with what it is about."""
    cited = {f.id: f for f in chart.findings}
    found = [cited[e.ref] for e in sentence.evidence if e.kind is EvidenceKind.FINDING]
    sides = {f.laterality for f in found}
    sides |= {Laterality(e.ref) for e in sentence.evidence if e.kind is EvidenceKind.BREAST}
    sides |= {chart.exam.view(e.ref).laterality for e in sentence.evidence if e.kind is EvidenceKind.VIEW}
    about = found[0] if len(found) == 1 and sentence.section is Section.FINDINGS else None
    side = sides.pop() if len(sides) == 1 and "verall" not in sentence.text else None
    return Made(sentence.text, sentence.section, sentence.evidence, side, about, free=False)


def claims_of(chart: Chart, rng: np.random.Generator) -> Iterator[Made]:
    """True claims of a chart, each followed by itself made false in the ways that apply."""
    for made in itertools.chain(style_claims(chart, rng), FreeWriter(chart, rng).claims()):
        yield made
        yield from damaged(made, chart, rng)


def measure_claims(count: int, seed: int = 0) -> Tally:
    """Send claims through the gate until `count` false ones have gone."""
    rng, tally = np.random.default_rng(seed), Tally()
    while tally.false < count:
        chart = random_chart(rng)
        keeper = Gate(chart)
        for made in claims_of(chart, rng):
            printed = [s.sentence for s in keeper.judge(Claim(made.text, Writer.EXTERNAL, made.section))[0]]
            if not made.damage:
                count_true(made, printed, chart, tally)
            elif tally.false < count:
                count_false(made, printed, chart, tally)
    return tally


def count_true(made: Made, printed: list[Sentence], chart: Chart, tally: Tally) -> None:
    """Whether a true claim is in the report: sentences of its section that cite such findings, or else the rest of it."""
    tally.true += 1
    tally.free += made.free
    cited = {e for s in printed if s.section is made.section for e in s.evidence}
    by_id = {f.id: (f.type, f.laterality) for f in chart.findings}
    wanted, found = ({by_id[e.ref] for e in some if e.kind is EvidenceKind.FINDING} for some in (made.evidence, cited))
    if not (wanted <= found if wanted else cited & set(made.evidence)):
        (tally.lost_free if made.free else tally.lost).append(made.text)
    if made.free and objections(Sentence(made.text, made.section, made.evidence), chart):
        tally.false_alarms.append(made.text)


def count_false(made: Made, printed: list[Sentence], chart: Chart, tally: Tally) -> None:
    """Whether a false claim is printed, or a sentence that the oracle objects to; and whether it objects to the claim."""
    tally.false += 1
    for sentence in printed:
        against = objections(sentence, chart)
        if sentence.gate is GateResult.CONSISTENT:
            tally.reached.append(f"[{made.damage}] kept: {sentence.text}")
        elif against:
            tally.reached.append(f"[{made.damage}] {made.text} -> {sentence.text} ({'; '.join(against)})")
    tally.by_damage[made.damage] += 1
    if not objections(Sentence(made.text, made.section, made.evidence), chart):
        tally.by_damage[f"{made.damage}, missed"] += 1
        tally.missed.append(f"[{made.damage}] {made.text}")


def phantom_reports(count: int, seed: int = 0) -> Iterator[Report]:
    """Reports on phantoms with disturbed findings, rendered and in the words of a model that writes our styles."""
    rng = np.random.default_rng(seed)
    made_by = Provenance("mammoscribe", "gate benchmark", "0" * 64, "nothing")
    for number in range(count):
        chart = disturbed_chart(draw_exam(FIRST_SEED + number), rng)
        claims = tuple(Claim(m.text, Writer.EXTERNAL, m.section) for m in claims_of(chart, rng))
        yield compose_report(chart, made_by)
        yield compose_report(chart, made_by, claims, Writer.EXTERNAL)


def real_reports(count: int) -> Iterator[Report]:
    """Reports of the starter on RSNA exams, rendered and by its decoder; none where the data are absent."""
    from mammoscribe.reading import load_reader, read_exam
    from mammoscribe.writers.decoder import DecoderAuthor

    root = DATA / "rsna_512"
    if not count or not root.is_dir():
        return
    reader = load_reader("starter")
    records = (item for item in RSNA.edition_in(root).read(root) if isinstance(item, MammoExam))
    for record in itertools.islice(records, count):
        for author in (None, DecoderAuthor(reader)):
            yield read_exam(exam_of(record, root), reader, author, images=False).report


def objected(reports: Iterator[Report]) -> tuple[int, int, list[str]]:
    """Reports and sentences read, and the sentences that the oracle objects to."""
    num_reports, num_sentences, against = 0, 0, []
    for report in reports:
        num_reports += 1
        for sentence in report.sentences:
            num_sentences += 1
            if reasons := objections(sentence, report, report.possible):
                against.append(f"{sentence.text} ({'; '.join(reasons)})")
    return num_reports, num_sentences, against


def gate_seconds(charts: int = 40) -> float:
    """Median processor time of gating a whole report, claims in and statements out."""
    rng, times = np.random.default_rng(5), []
    for _ in range(charts):
        chart = random_chart(rng)
        claims = tuple(Claim(m.text, Writer.EXTERNAL, m.section) for m in style_claims(chart, rng))
        start = time.process_time()
        gate(claims, chart)
        times.append(time.process_time() - start)
    return float(np.median(times))


def rows_of(tally: Tally, printed: dict[str, tuple[int, int, list[str]]]) -> list[Row]:
    """The figures as rows of a report card."""
    lost = len(tally.lost) + len(tally.lost_free)
    noticed = 1 - len(tally.missed) / tally.false
    rows = [
        Row("false claims with a false part in the report", len(tally.reached), f"{tally.false} false claims", None, 0, Sense.AT_MOST, 0),
        Row("true claims lost", lost / tally.true, f"{tally.true} true claims", clopper_pearson(lost, tally.true), 0.01, Sense.AT_MOST),
        Row("... of those in free wording", len(tally.lost_free) / tally.free, f"{tally.free} true claims", clopper_pearson(len(tally.lost_free), tally.free), 0.01, Sense.AT_MOST),
        Row("false claims that the oracle objects to, were they printed", noticed, f"{tally.false} false claims", clopper_pearson(tally.false - len(tally.missed), tally.false), 0.98),
    ]  # fmt: skip
    rows.append(
        Row(
            "true claims in free wording that it objects to",
            len(tally.false_alarms) / tally.free,
            f"{tally.free} true claims",
        )
    )
    for name, (reports, sentences, against) in printed.items():
        if reports:
            n = f"{sentences} sentences of {reports} reports"
            rows.append(
                Row(f"printed sentences that the oracle objects to, {name}", len(against), n, None, 0, Sense.AT_MOST, 0)
            )
    return [
        *rows,
        Row(
            "gating a report, ms of one processor (median)",
            1000 * gate_seconds(),
            "40 reports",
            None,
            50,
            Sense.AT_MOST,
            1,
        ),
    ]


def main() -> int:
    """Print the table and examples of what went wrong; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=int, default=10_000, help="false claims")
    parser.add_argument("--phantoms", type=int, default=200, help="phantoms whose reports the oracle reads")
    parser.add_argument("--real", type=int, default=30, help="real exams whose reports the oracle reads")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    args = parser.parse_args()
    tally = measure_claims(args.claims, args.seed)
    printed = {
        "phantoms": objected(phantom_reports(args.phantoms, args.seed)),
        "RSNA exams": objected(real_reports(args.real)),
    }
    rows = rows_of(tally, printed)
    print(markdown(rows))
    names = sorted({k.removesuffix(", missed") for k in tally.by_damage})
    print(
        "\n"
        + "; ".join(
            f"{n} {tally.by_damage[n]} ({tally.by_damage[f'{n}, missed']} unnoticed by the oracle)" for n in names
        )
    )
    against = [a for name, (_, _, found) in printed.items() if name == "phantoms" for a in found]
    for what, examples in (
        ("reached", tally.reached),
        ("lost", tally.lost + tally.lost_free),
        ("unnoticed", tally.missed),
        ("false alarm", tally.false_alarms),
        ("objected", against),
    ):
        for text in examples[:SHOWN]:
            print(f"{what}: {text}")
    if args.json:
        write_rows(rows, args.json)
    return int(any(r.met is False for r in rows))


if __name__ == "__main__":
    sys.exit(main())
