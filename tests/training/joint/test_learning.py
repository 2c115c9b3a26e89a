"""A head and a text side learn from the losses alone where kinds of finding are, on features that tell them apart."""

import torch

from mammoscribe.models.reader.joint_head import CellFeatures, JointHead
from mammoscribe.models.reader.phrases import PhraseConfig, PhraseNet
from mammoscribe.models.tokenizer import load_tokenizer
from mammoscribe.training.joint.batches import JointBatch
from mammoscribe.training.joint.losses import Embedded, Scales, cell_cosines, counts, losses
from tests.training.joint.made import GROUPED, HIGH, OVAL, WIDE, batch_of, view

VIEWS = [view(OVAL, seed=n) if n % 2 else view(GROUPED, seed=n) for n in range(6)] + [view(seed=9), view(OVAL, GROUPED)]


def features(batch: JointBatch, seed: int) -> CellFeatures:
    """Noise, and in the cells of a box a channel of its kind: masses the first, calcifications the second."""
    generator = torch.Generator().manual_seed(seed)
    fine = 0.1 * torch.randn(len(batch.known), 8, HIGH // 8, WIDE // 8, generator=generator)
    for number, inside in enumerate(batch.boxes):
        fine[batch.box_view[number], int(batch.things[number, 0]) - 1] += 3.0 * inside
    return CellFeatures(fine, torch.ones(len(batch.known), HIGH // 8, WIDE // 8, dtype=torch.bool))


def hits(head: JointHead, phrases: PhraseNet, batch: JointBatch, seed: int) -> float:
    """Share of statements whose strongest cell is in a box that they are about."""
    own = features(batch, seed)
    with torch.no_grad():
        cells, whole, _ = head(own)
        cosines = cell_cosines(Embedded(cells, whole, phrases(batch.ids, batch.mask), own.tissue), batch)
    return float(
        batch.point_boxes.flatten(1).gather(1, cosines.flatten(1).argmax(dim=1)[:, None]).float().mean()
    )  # fmt: skip


def test_phrases_point_at_their_kind_of_finding_after_sixty_steps():
    torch.manual_seed(0)
    head, scales = JointHead(8, 32), Scales()
    phrases = PhraseNet(PhraseConfig(load_tokenizer().vocab_size, dim=32, heads=2, layers=1, joint_dim=32))
    optimiser = torch.optim.AdamW([*head.parameters(), *phrases.parameters(), *scales.parameters()], lr=5e-3)
    unseen = batch_of(*VIEWS, first_seed=9000)
    before = hits(head.eval(), phrases.eval(), unseen, 999)
    head.train()
    phrases.train()
    for step in range(60):
        batch = batch_of(*VIEWS, first_seed=100 * step)
        own = features(batch, step)
        cells, whole, _ = head(own)
        sums = losses(Embedded(cells, whole, phrases(batch.ids, batch.mask), own.tissue), batch, scales())
        number = counts(batch)
        optimiser.zero_grad()
        torch.stack([value / number[name] for name, value in sums.items()]).sum().backward()
        optimiser.step()
    after = hits(head.eval(), phrases.eval(), unseen, 999)
    assert before < 0.5 and after > 0.9
