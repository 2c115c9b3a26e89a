"""Measures a model's report decoder on random fact tables: what it writes about facts it has not met, before and after the gate.

No vision is involved, so this is the decoder's own ceiling. The tables are none of those that `train decoder` trains on
or validates with. Facts are read from each claim by the report parser and held against the table's findings. `cited` is
the share of positive finding claims whose first pointer is a finding of the breast and type that the text names.

    python benchmarks/decoder_toy.py --model starter --tests 200
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
from mammoscribe.models.decoder.memory import FactTable, facts_memory
from mammoscribe.models.decoder.network import ReportDecoder
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.reporting.chart import Chart
from mammoscribe.reporting.facts import Status, birads_fact, density_fact
from mammoscribe.reporting.gate import gate
from mammoscribe.reporting.parse import parse_claim
from mammoscribe.training.decoder.fact_tables import RandomTables

UNSEEN_SEED = 950_000
"""Seed of the tables; `train decoder` trains on seeds below 900,000, and validates with that one."""


def main(arguments: Sequence[str]) -> None:
    """Generate for unseen tables, print the figures."""
    options = _options(arguments)
    torch.set_num_threads(options.threads)
    reader = load_reader(options.model)
    if reader.decoder is None:
        raise SystemExit(f"the model {options.model} has no decoder")
    print(f"parameters: {reader.decoder.num_parameters:,}")
    tables = RandomTables(UNSEEN_SEED, options.tests)
    _measure(reader.decoder.to(options.device), list(tables), options.noise)


def _measure(decoder: ReportDecoder, tables: Sequence[FactTable], noise: float) -> None:
    device, dim = decoder.token.weight.device, decoder.config.memory_dim
    shown = [facts_memory(t, dim, noise, seed) for seed, t in enumerate(tables)]
    started = time.monotonic()
    written = [decoder.generate(memory.to(device), refs) for memory, refs in shown]
    seconds = time.monotonic() - started
    tokens = sum(len(decoder.tokenizer.encode(c.text)) + 1 + len(c.pointers) for claims in written for c in claims)
    print(f"generation: {seconds / len(tables):.2f} s per exam, {tokens / seconds:.0f} tokens/s")
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
    parser.add_argument("--model", default="starter", metavar="NAME_OR_DIR")
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--noise", type=float, default=0.0, help="of each memory value, as a share of its unit size")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
