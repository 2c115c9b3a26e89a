"""Measures the report decoder on random fact tables: what it writes about facts it has not met, before any gate.

Memory rows are a noisy random projection of the facts, so this is the decoder's own ceiling: no vision is involved.
Facts are read from each claim by the report parser and held against the table's findings. `cited` is the share of
positive finding claims whose first pointer is a finding of the breast and type that the text names.

    python benchmarks/decoder_toy.py --exams 1000 --epochs 8
"""

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np
import torch

from mammoscribe.domain.evidence import Claim, EvidenceKind
from mammoscribe.domain.search import everything_searched
from mammoscribe.evaluation.facts import FactCounts, count_facts, findings_only, text_keys, truth_keys
from mammoscribe.models.decoder.memory import FactTable
from mammoscribe.models.decoder.network import DecoderConfig, ReportDecoder
from mammoscribe.models.tokenizer import load_tokenizer
from mammoscribe.reporting.chart import Chart
from mammoscribe.reporting.facts import Status, birads_fact, density_fact
from mammoscribe.reporting.gate import gate
from mammoscribe.reporting.parse import parse_claim
from mammoscribe.training.decoder import DecoderExample, DecoderSchedule, train_decoder
from mammoscribe.training.fact_tables import facts_example, random_fact_table


def main(arguments: Sequence[str]) -> None:
    """Train, generate for unseen tables, print the figures."""
    options = _options(arguments)
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(0)
    examples = [facts_example(random_fact_table(rng), noise=options.noise, seed=i) for i in range(options.exams)]
    config = DecoderConfig(vocab_size=load_tokenizer().vocab_size)
    schedule = DecoderSchedule(epochs=options.epochs, device=options.device, bf16=options.bf16)
    decoder = train_decoder(examples, config, schedule, report=lambda row: print(row, flush=True))
    print(f"parameters: {decoder.num_parameters:,}")
    unseen = np.random.default_rng(10**6)
    tables = [random_fact_table(unseen) for _ in range(options.tests)]
    _measure(decoder, tables, [facts_example(t, noise=options.noise, seed=10**6 + i) for i, t in enumerate(tables)])


def _measure(decoder: ReportDecoder, tables: Sequence[FactTable], examples: Sequence[DecoderExample]) -> None:
    device = decoder.token.weight.device
    started = time.monotonic()
    written = [decoder.generate(e.memory.to(device), e.refs) for e in examples]
    seconds = time.monotonic() - started
    tokens = sum(len(decoder.tokenizer.encode(c.text)) + 1 + len(c.pointers) for claims in written for c in claims)
    print(f"generation: {seconds / len(examples):.2f} s per exam, {tokens / seconds:.0f} tokens/s")
    total, kinds, after = (FactCounts(0, 0, 0) for _ in range(3))
    for table, claims in zip(tables, written, strict=True):
        stated, true = text_keys(c.text for c in claims), truth_keys(table.findings)
        total += count_facts(stated, true)
        kinds += count_facts(findings_only(stated), findings_only(true))
        chart = Chart(table.exam, everything_searched(table.exam), table.breasts, table.findings)
        passed = gate(claims, chart).sentences
        after += count_facts(text_keys(s.text for s in passed), true)
    for name, counts in (("facts", total), ("breast and type", kinds), ("facts after the gate", after)):
        print(f"{name}: F1 {counts.f1:.3f} (precision {counts.precision:.3f}, recall {counts.recall:.3f})")
    everything = [(t, c) for t, claims in zip(tables, written, strict=True) for c in claims]
    print(f"claims the parser reads in full: {np.mean([parse_claim(c.text).fully_read for _, c in everything]):.3f}")
    cited = [right for t, c in everything if (right := _cites_what_it_names(t, c)) is not None]
    print(f"cited: {np.mean(cited):.3f} of {len(cited)} positive finding claims")
    breast = [right for t, claims in zip(tables, written, strict=True) for right in _breast_facts(t, claims)]
    print(f"density and category of imaged breasts stated right: {np.mean(breast):.3f} of {len(breast)}")


def _cites_what_it_names(table: FactTable, claim: Claim) -> bool | None:
    """None for a claim that names no finding of a breast."""
    facts = [f for f in parse_claim(claim.text).facts if f.kind.is_finding and f.status is Status.POSITIVE]
    if not facts or facts[0].laterality is None:
        return None
    cited = {p.ref for p in claim.pointers if p.kind is EvidenceKind.FINDING}
    meant = (f for f in table.findings if f.id in cited)
    return any(f.laterality is facts[0].laterality and f.type.value == facts[0].kind.value for f in meant)


def _breast_facts(table: FactTable, claims: Sequence[Claim]) -> list[bool]:
    stated = {f for c in claims for f in parse_claim(c.text).facts}
    true = [f for s, (d, c) in table.stated.items() for f in (density_fact(s, d), birads_fact(s, c))]
    return [fact in stated for fact in true]


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--exams", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--noise", type=float, default=0.1, help="of each memory value, as a share of its unit size")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bf16", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
