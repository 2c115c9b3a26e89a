"""The published BioViL files: repository, pinned revision, size and digest of each, and the upload to refuse."""

from dataclasses import dataclass
from pathlib import Path

from mammoscribe.models.biovil.card import read_joint_card
from mammoscribe.support.downloads import PinnedFile, digest_of
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import sha256_of
from mammoscribe.support.lookup import look_up

HOST = "https://huggingface.co"
REPLACED_SHA256 = "146c2441"
"""Start of the digest of the first BioViL-T image upload (2023-03-06), which its publisher replaced on 2023-03-20."""
TERMS = "tagged MIT; the model card is for research and calls any deployed use out of scope"


@dataclass(frozen=True)
class PublishedModel:
    """A repository at a pinned tag, and which of its files make the model."""

    name: str
    repository: str
    revision: str
    what: str
    files: tuple[PinnedFile, ...]
    terms: str = TERMS

    def url(self, file: str) -> str:
        """Where the pinned version of a file is."""
        return f"{HOST}/{self.repository}/resolve/{self.revision}/{file}"


BIOVIL_T_IMAGE = PinnedFile(
    "biovil_t_image_model_proj_size_128.pt",
    109_745_561,
    "b2399d73dc2a68b9f3a1950e864ae0ecd24093fb07aa459d7e65807ebdc0fb77",
    "a83080e2f23aa584a4f2b24c39b1bb64",
)
BIOVIL_T_TEXT = PinnedFile(
    "pytorch_model.bin", sha256="6d86a8d760eaa09c9a55d57cc6f6bb01b0cbccb8b827fc775a79f37a8fbda76c"
)
BIOVIL_IMAGE = PinnedFile("biovil_image_resnet50_proj_size_128.pt", md5="02ce6ee460f72efd599295f440dbb453")
BIOVIL_TEXT = PinnedFile(
    "pytorch_model.bin", 438_588_639, "a41d2f4b33e5bdbacabecb8d34c4420163e2165b9fdc6915014e8263a0d0782b"
)
BIOVIL_VOCABULARY = PinnedFile(
    "vocab.txt",
    235_402,
    "e025f479c3a7ce6e248971bfe1b409708db0439e9488d30e254f81f27f75d678",
    "b83211641a2d0b545cdd786570054f31",
)
CONFIG = PinnedFile("config.json")

PUBLISHED: dict[str, PublishedModel] = {
    "biovil-t": PublishedModel(
        "biovil-t",
        "microsoft/BiomedVLP-BioViL-T",
        "v1.0",
        "an image with its prior, and text",
        (BIOVIL_T_IMAGE, BIOVIL_T_TEXT, CONFIG, PinnedFile("vocab.txt", 235_402)),
    ),
    "biovil": PublishedModel(
        "biovil",
        "microsoft/BiomedVLP-CXR-BERT-specialized",
        "v1.1",
        "one image, and text (CXR-BERT-specialized)",
        (BIOVIL_IMAGE, BIOVIL_TEXT, CONFIG, BIOVIL_VOCABULARY),
    ),
}
"""By name. PubMedBERT and CXR-BERT-general are read from any folder, and not fetched: no revision of them is pinned."""


def published(name: str) -> PublishedModel:
    """The model called `name`; an unknown name raises InputError naming the nearest known ones."""
    return look_up(name, PUBLISHED, "published model")


def published_name(sha256: str) -> str | None:
    """Which model the weights with this digest belong to; None for any other file."""
    return next((m.name for m in PUBLISHED.values() if any(f.sha256 == sha256 for f in m.files)), None)


def refuse_replaced(file: str, sha256: str) -> None:
    """Raise InputError for the image file that its publisher replaced."""
    if sha256.startswith(REPLACED_SHA256):
        raise InputError(
            f"{file} is the BioViL-T image upload of 2023-03-06, which its publisher replaced on 2023-03-20",
            f"SHA-256 {BIOVIL_T_IMAGE.sha256}",
            "fetch it again with `mammoscribe weights pull biovil-t`",
        )


def check_published(pinned: PinnedFile, path: Path) -> None:
    """Raise InputError where `path` is not the pinned file; the replaced upload is refused with its reason."""
    refuse_replaced(pinned.file, sha256_of(path))
    pinned.check(path, pinned.file)


@dataclass(frozen=True)
class Verdict:
    """What `verify` says of one file; `ok` is None where nothing is pinned to hold it against."""

    file: str
    ok: bool | None
    remark: str


def verify(path: Path) -> list[Verdict]:
    """Hold a file, or those of a folder that are known by name, against the table and the cards of our own copies.

    Raises:
        InputError: when nothing known is there, or the replaced upload is.
    """
    names = {file.file for model in PUBLISHED.values() for file in model.files}
    paths = [path]
    if path.is_dir():
        paths = sorted(p for p in path.iterdir() if p.name in names or p.suffix == ".safetensors")
    if not path.exists() or not paths:
        raise InputError(f"nothing to verify at {path}", "a published file, a copy of ours, or a folder of them")
    return [_verdict(p) for p in paths]


def _verdict(path: Path) -> Verdict:
    digest = sha256_of(path)
    refuse_replaced(path.name, digest)
    card = read_joint_card(path) if path.suffix == ".safetensors" else None
    if card is not None:
        ok = card.weights_sha256 == digest
        return Verdict(path.name, ok, f"{card.name}, from {card.source_file}" if ok else "not what its card says")
    candidates = [(model, file) for model in PUBLISHED.values() for file in model.files if file.file == path.name]
    for model, file in candidates:
        if digest == file.sha256 or (file.md5 is not None and digest_of(path, "md5") == file.md5):
            return Verdict(path.name, True, f"{model.repository} {model.revision}")
    unpinned = [file for _, file in candidates if not file.pinned]
    size = path.stat().st_size
    if not candidates or any(file.size_bytes in (None, size) for file in unpinned):
        return Verdict(path.name, None, f"no digest to hold it against; sha256 {digest}")
    return Verdict(path.name, False, f"sha256 {digest} of {size} bytes is not the published one")
