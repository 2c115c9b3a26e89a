"""What the malignancy of a breast is judged by: one code for reading and for the fit of its weights."""

from collections.abc import Iterable
from typing import NamedTuple


class MarkSigns(NamedTuple):
    """What a mark contributes: `strength` and `suspicion` 0..1, and whether it shows calcifications."""

    strength: float
    suspicion: float
    calcification: bool


class MalignancyFeatures(NamedTuple):
    """Features of one breast, in the order of the weights on the model card (`OperatingPoint.malignant`).

    Args:
        malignant_logit, recall_logit: of the two breast heads.
        strongest: strength of its strongest mark; calcifications are left out, which coarse films do not show.
        suspicious: largest product of strength and suspicion.
        pooled_logit: of the rule over its pooled maps; 0 where the reader has none.
    """

    malignant_logit: float
    recall_logit: float
    strongest: float
    suspicious: float
    pooled_logit: float


def malignancy_features(
    malignant_logit: float, recall_logit: float, pooled_logit: float, marks: Iterable[MarkSigns]
) -> MalignancyFeatures:
    """Features of one breast.

    Args:
        malignant_logit, recall_logit: of its heads.
        pooled_logit: of the rule over its pooled maps; 0 where the reader has none.
        marks: of any number.
    """
    signs = list(marks)
    return MalignancyFeatures(
        malignant_logit,
        recall_logit,
        max((m.strength for m in signs if not m.calcification), default=0.0),
        max((m.strength * m.suspicion for m in signs), default=0.0),
        pooled_logit,
    )
