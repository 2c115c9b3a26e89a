"""The reader network: BioViL-T encoder per view, exam fusion, mark maps, finding queries and breast heads."""

from dataclasses import asdict, dataclass, field, replace

from torch import Tensor, nn

from mammoscribe.models.biovil.image_encoder import EncodedViews, ImageEncoderConfig, MultiImageEncoder
from mammoscribe.models.biovil.resnet import ResNetConfig
from mammoscribe.models.efficientnet_lite import EfficientNetLiteConfig
from mammoscribe.models.memory_layout import channels_last
from mammoscribe.models.reader.batch import ENCODER_STRIDE, ViewBatch
from mammoscribe.models.reader.breast_heads import BreastHeads, BreastOutput, PooledDensity, PooledMalignancy
from mammoscribe.models.reader.detection_head import MarkHead, MarkMaps, peaks
from mammoscribe.models.reader.fusion import ExamFusion, FusedTokens
from mammoscribe.models.reader.queries import FindingQueries, QueryOutput
from mammoscribe.support.errors import InvalidNoun

EARLY_STAGES = 3


@dataclass(frozen=True)
class ReaderConfig:
    """Shape of the reader; one architecture from the starter to a BioViL-T-size model.

    Args:
        canvas_px: (height, width) of the first pass, multiples of 32.
        um_per_px: scale of the first pass.
        detail_um: scale at which the crop refiner sees each mark.
        normed_detection: whether the detection head has group norms; see `detection_head` for where it should not.
        reads_priors: whether it learnt to compare a view with its prior; if not, priors are left out of the pass.
        pooled_malignancy: whether a linear rule over the pooled maps of a breast, fitted after training, says how likely it
            is malignant.
        pooled_density: whether linear rules over the same maps, fitted after training, give its density in acquired images.
        suspicion_map: whether the detection head also maps how suspicious each place is, for labels of whole breasts.
    """

    encoder: ImageEncoderConfig = field(default_factory=ImageEncoderConfig)
    canvas_px: tuple[int, int] = (512, 320)
    um_per_px: float = 400.0
    dim: int = 256
    heads: int = 8
    fusion_layers: int = 3
    query_layers: int = 3
    mark_channels: int = 128
    queries_per_view: int = 8
    detail_um: float = 200.0
    suspicion_map: bool = False
    pooled_malignancy: bool = False
    pooled_density: bool = False
    normed_detection: bool = True
    reads_priors: bool = True

    def __post_init__(self) -> None:
        if any(side % ENCODER_STRIDE for side in self.canvas_px):
            raise InvalidNoun(f"canvas of {self.canvas_px} pixels", "multiples of 32")

    def as_dict(self) -> dict:
        """Plain values, for the model card."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "ReaderConfig":
        """Inverse of `as_dict`; an unknown key raises TypeError."""
        values = dict(values)
        encoder = dict(values.pop("encoder"))
        values["canvas_px"] = tuple(values["canvas_px"])
        return cls(encoder=ImageEncoderConfig(backbone=_backbone(encoder.pop("backbone")), **encoder), **values)


def _backbone(values: dict) -> ResNetConfig | EfficientNetLiteConfig:
    """A backbone's shape from plain values; only EfficientNet-Lite has variants."""
    if "variant" in values:
        return EfficientNetLiteConfig(**values)
    return ResNetConfig(**{**values, "depths": tuple(values["depths"])})


def small_config() -> ReaderConfig:
    """Small enough to train on two cores in an hour or two, from random weights."""
    backbone = ResNetConfig(in_channels=1, stem=32, width=16, depths=(2, 3, 3, 2), norm="batch")
    return ReaderConfig(
        encoder=ImageEncoderConfig(backbone=backbone, dim=96, heads=4, blocks=2, dropout=0.0, drop_path=0.1),
        canvas_px=(384, 224), um_per_px=500.0, dim=192, heads=6, fusion_layers=2, query_layers=2, mark_channels=96, queries_per_view=6,
    )  # fmt: skip


def lite_config() -> ReaderConfig:
    """What ships with the package: EfficientNet-Lite0, whose published ImageNet weights training can start from, at 300 um."""
    encoder = ImageEncoderConfig(EfficientNetLiteConfig(), dim=96, heads=4, blocks=2, dropout=0.0, drop_path=0.1)
    return ReaderConfig(
        encoder=encoder, canvas_px=(640, 384), um_per_px=300.0, dim=192, heads=6, fusion_layers=2, query_layers=2, mark_channels=64, queries_per_view=6,
        suspicion_map=True, pooled_malignancy=True, normed_detection=False,
    )  # fmt: skip


def base_config() -> ReaderConfig:
    """BioViL-T size: the published encoder (three equal input channels), for a workstation or cluster."""
    return ReaderConfig()


def debug_config() -> ReaderConfig:
    """The starter's canvas with hardly any network: for trying a pipeline in seconds."""
    backbone = ResNetConfig(in_channels=1, stem=8, width=4, depths=(1, 1, 1, 1), norm="batch")
    return ReaderConfig(
        encoder=ImageEncoderConfig(backbone=backbone, dim=32, heads=2, blocks=1, dropout=0.0, drop_path=0.0),
        canvas_px=(384, 224), um_per_px=500.0, dim=32, heads=2, fusion_layers=1, query_layers=1, mark_channels=16, queries_per_view=3,
    )  # fmt: skip


PRESETS = {"small": small_config, "lite": lite_config, "base": base_config, "debug": debug_config}


@dataclass(frozen=True)
class ReaderNetOutput:
    """Everything one pass gives; one entry per head."""

    maps: MarkMaps
    queries: QueryOutput
    breasts: BreastOutput
    fused: FusedTokens


def _leave_out_rules(net: "ReaderNet", tensors: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Training begins with weights of a finished reader without its rules of density, which are fitted anew at its end."""
    if net.pooled_density is None:
        for name in [n for n in tensors if n.startswith(f"{prefix}pooled_density.")]:
            del tensors[name]


class ReaderNet(nn.Module):
    """Views of a few exams in, mark maps, finding queries and breast outputs out."""

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.config = config
        encoder = config.encoder
        self.image_encoder = MultiImageEncoder(encoder)
        self.fusion = ExamFusion(2 * encoder.dim, config.dim, config.heads, config.fusion_layers)
        self.mark_head = MarkHead(
            encoder.backbone.channels, config.dim, config.mark_channels, config.suspicion_map, config.normed_detection
        )
        self.queries = FindingQueries(config.mark_channels, config.dim, config.heads, config.query_layers)
        self.breast_heads = BreastHeads(config.dim, encoder.backbone.channels[:EARLY_STAGES], config.mark_channels)
        self.pooled_malignancy = PooledMalignancy(encoder.backbone.channels) if config.pooled_malignancy else None
        self.pooled_density = PooledDensity(encoder.backbone.channels) if config.pooled_density else None
        self.register_load_state_dict_pre_hook(_leave_out_rules)

    def forward(self, batch: ViewBatch) -> ReaderNetOutput:
        """One pass over the views of `batch`."""
        encoded, fused, maps = self._marked(batch)
        anchors = self.queries.anchors_from_maps(maps, *peaks(maps, self.config.queries_per_view))
        queries = self.queries(anchors, batch, fused)
        breasts = self.breast_heads(fused, batch, encoded.stages[:EARLY_STAGES], maps.features)
        if self.pooled_malignancy is not None and not self.training:
            pooled, logit = self.pooled_malignancy(batch, encoded.stages)
            density = None if self.pooled_density is None else self.pooled_density(pooled)
            breasts = replace(breasts, pooled=pooled, pooled_malignant=logit, pooled_density=density)
        return ReaderNetOutput(maps, queries, breasts, fused)

    def marked(self, batch: ViewBatch) -> tuple[tuple[Tensor, ...], MarkMaps]:
        """The backbone's maps at strides 4, 8, 16 and 32, and the maps that marks are read from; no other head is run."""
        encoded, _, maps = self._marked(batch)
        return encoded.stages, maps

    def _marked(self, batch: ViewBatch) -> tuple[EncodedViews, FusedTokens, MarkMaps]:
        images = self._channels(batch.images)
        previous, has_prior = None, None
        if self.config.reads_priors and batch.previous is not None:
            previous, has_prior = self._channels(batch.previous), batch.has_prior
        encoded = self.image_encoder(images, previous, has_prior)
        fused = self.fusion(encoded.patches, batch, ENCODER_STRIDE)
        return encoded, fused, self.mark_head(encoded.stages, fused.of_views(batch))

    def _channels(self, images: Tensor) -> Tensor:
        channels = self.config.encoder.backbone.in_channels
        images = images.expand(-1, channels, -1, -1) if channels > 1 else images
        return channels_last(images)
