"""Features of views by a reader that stays as it is: computed when a view is first seen, and kept on disk."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mammoscribe.models.reader.batch import ViewBatch, tissue_cells, trimmed
from mammoscribe.models.reader.detection_head import STRIDE
from mammoscribe.models.reader.joint_head import CellFeatures
from mammoscribe.support.files import write_bytes
from mammoscribe.training.joint.batches import JointBatch

Look = Callable[[ViewBatch], CellFeatures]
"""One pass of the reader over views, each an exam of its own."""


@dataclass(frozen=True)
class KeptFeatures:
    """Mark features of views, of the cells that show the breast, in half precision.

    A view is looked at by itself, so its features do not depend on which views were in its batch, and a run that is stopped
    goes on with the same numbers. Several processes may share the folder: a file is whole or absent.

    Args:
        folder: one file for each view, about 0.3 MB; its name has to change when another reader looks.
    """

    folder: Path

    def __call__(self, batch: JointBatch, look: Look) -> CellFeatures:
        """The features of a batch; `look` is called for the views that have none yet."""
        tissue = tissue_cells(batch.views.images, STRIDE)[:, 0] > 0.5
        rows = [self._of_view(batch, number, seen, look) for number, seen in enumerate(tissue)]
        return CellFeatures(torch.stack(rows), tissue)

    def _of_view(self, batch: JointBatch, number: int, tissue: Tensor, look: Look) -> Tensor:
        path = self.folder / f"{hashlib.sha256(batch.keys[number].encode()).hexdigest()[:32]}.npy"
        if not path.is_file():
            self._keep(path, one_view(batch.views, number), look)
        cells = torch.from_numpy(np.load(path)).float().to(tissue.device)
        grid = cells.new_zeros(len(cells), *tissue.shape)
        grid[:, tissue] = cells
        return grid

    def _keep(self, path: Path, view: ViewBatch, look: Look) -> None:
        cut, _ = trimmed(view)  # empty rows are already at the bottom, so the first row stays the first
        features = look(cut)
        stream = io.BytesIO()
        np.save(stream, features.fine[0][:, features.tissue[0]].half().cpu().numpy())
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, stream.getvalue())


def one_view(batch: ViewBatch, number: int) -> ViewBatch:
    """The batch of one view of a batch in which each view is an exam of its own."""
    row = slice(number, number + 1)
    has_prior, previous = batch.has_prior[row], None
    if batch.previous is not None and bool(has_prior.any()):
        before = int(batch.has_prior[:number].sum())
        previous = batch.previous[before : before + 1]
    return replace(
        batch, images=batch.images[row], exam=batch.exam[:1] * 0, slot=batch.slot[row], nipple=batch.nipple[row],
        mm_per_px=batch.mm_per_px[row], previous=previous, has_prior=has_prior, num_exams=1,
    )  # fmt: skip
