"""The model folder at the end of a run: the image model and the decoder that writes from its patches."""

from dataclasses import dataclass
from pathlib import Path

from mammoscribe.models.biovil.files import load_strictly
from mammoscribe.models.biovil.image_model import JointImageModel
from mammoscribe.models.biovil.report_model import Parts, Pictures, write_report_folder
from mammoscribe.models.biovil.report_net import ReportNet
from mammoscribe.training.biovil_report.start import ReportStart
from mammoscribe.training.calibration.parts import part_of
from mammoscribe.training.engine.checkpoints import load_tensors


@dataclass(frozen=True)
class ReportExport:
    """Fills the model folder.

    Args:
        start: shapes of the models, tokeniser and frames.
        pixels: pre-processing of the pictures; None where several datasets were shown differently.
        pictures: what was learned from.
        name: what the cards call the model: the recipe and its data.
    """

    start: ReportStart
    pixels: str | None
    pictures: Pictures
    name: str

    def __call__(self, weights: Path, out: Path) -> None:
        """Write what `load_report_model` takes into `out`."""
        tensors, start = load_tensors(weights), self.start
        config = start.image.model.config
        image, net = JointImageModel(config), ReportNet(start.net.config, config.features)
        load_strictly(image, part_of(tensors, "image"), weights.name)
        load_strictly(net, part_of(tensors, "decoder"), weights.name)
        parts = Parts(
            image, start.image.size_px, self.pixels, net, start.files, start.frames, self.name, self.pictures
        )  # fmt: skip
        write_report_folder(parts, out)
