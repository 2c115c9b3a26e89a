"""Loading a joint space by name: the one that ships, or a folder of a reader or of published BioViL files."""

from collections.abc import Mapping
from pathlib import Path

from mammoscribe.imaging.joint_prepare import PUBLISHED, WHOLE
from mammoscribe.models.biovil.fast import Quick
from mammoscribe.models.biovil.space import IMAGE_FILES, BiovilSpace
from mammoscribe.models.joint_space import JointSpace
from mammoscribe.models.reader.space import load_starter_space
from mammoscribe.support.errors import InputError


def load_space(
    name_or_dir: str = "starter", mode: str | None = None, view_names: Mapping[str, str] | None = None,
    quick: Quick | None = None,
) -> JointSpace:  # fmt: skip
    """The joint space of that name or folder.

    Args:
        name_or_dir: `starter`, a folder with a reader's `card.json`, or a folder in the published BioViL layout.
        mode: pre-processing of a published model, `published` or `whole`; when None, what a model trained here learned from, and
            `published` for the published files.
        view_names: file name -> `RCC`, for mammograms whose file does not say its view; a reader's space only.
        quick: what quick copies of a published model compute in (benchmarks/biovil): `float32` differs by less than 1e-5,
            `bfloat16` is for processors with AMX; None is the model as it is. A reader's space has no `bfloat16`.

    Raises:
        InputError: when there is no such model, or an option is given that it does not use.
    """
    folder = Path(name_or_dir)
    if folder.is_dir() and any((folder / name).is_file() for name in IMAGE_FILES):
        if view_names:
            raise InputError(f"--view for {name_or_dir}, which takes any picture", "the picture without --view")
        if mode not in (None, PUBLISHED, WHOLE):
            raise InputError(f"--mode {mode}", f"{PUBLISHED} or {WHOLE}")
        asked = None if mode is None else "whole" if mode == WHOLE else "published"
        return BiovilSpace.load(folder, asked, quick=quick)
    if folder.is_dir() and not (folder / "card.json").is_file():
        raise InputError(f"no model in {name_or_dir}", f"card.json, or one of {', '.join(IMAGE_FILES)}")
    if mode is not None:
        raise InputError(f"--mode {mode} for {name_or_dir}, which has its own canvas", "--mode with a BioViL folder")
    if quick == "bfloat16":
        raise InputError(f"--bfloat16 for {name_or_dir}, a reader", "--bfloat16 with a BioViL folder")
    return load_starter_space(name_or_dir, view_names)
