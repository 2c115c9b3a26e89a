"""Which statements are true of which views, false of them, or unknown, as tensors that processes can exchange.

What a dataset does not say is unknown: an oval mass without a labelled margin may be spiculated, and a view of which only
masses are boxed may show calcifications. An unknown pair of a statement and a view teaches nothing.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mammoscribe.domain.finding import Change
from mammoscribe.domain.lexicon import TERMS, Axis
from mammoscribe.domain.location import Depth, Half, Quadrant, Region
from mammoscribe.domain.view import Laterality
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.models.reader.queries import SINGLE_AXES
from mammoscribe.training.joint.statements import TISSUE, Facts


def _of_axis(axis: Axis) -> tuple[str, ...]:
    return tuple(t.id for t in TERMS.values() if t.axis is axis)


FIELDS: Mapping[str, tuple[str, ...]] = {
    "kind": (*(t.value for t in TYPES), TISSUE), "side": tuple(s.value for s in Laterality),
    **{axis.value: _of_axis(axis) for axis in SINGLE_AXES}, **dict.fromkeys(_of_axis(Axis.ASSOCIATED), ("yes",)),
    "quadrant": tuple(q.value for q in Quadrant), "clock": tuple(str(hour) for hour in range(1, 13)),
    "depth": tuple(d.value for d in Depth), "half": tuple(h.value for h in Half),
    "region": tuple(r.value for r in Region), "change": tuple(c.value for c in Change), "composition": tuple("abcd"),
}  # fmt: skip
"""Fields of facts with their values, in the order of a code; the first is the kind."""
TISSUE_CODE = len(TYPES) + 1
"""Code of the kind `TISSUE`; the kinds of finding come before it."""


def codes_of(facts: Sequence[Facts]) -> Tensor:
    """[len(facts), fields] int64: 1 + the number of the value, 0 where the field is not said."""
    rows = [[values.index(f[name]) + 1 if name in f else 0 for name, values in FIELDS.items()] for f in facts]
    return torch.tensor(rows, dtype=torch.long).view(len(facts), len(FIELDS))


def fits(statements: Tensor, things: Tensor) -> tuple[Tensor, Tensor]:
    """Whether what is shown is what a statement is about.

    Args:
        statements: [S, fields] codes of what is stated.
        things: [T, fields] codes of what is shown.

    Returns:
        yes [S, T], where all that is stated is known to hold, and no [S, T], where something stated is known not to;
        pairs in neither are unknown.
    """
    stated, shown = statements[:, None], things[None]
    no = ((stated > 0) & (shown > 0) & (stated != shown)).any(dim=2)
    no = no | ((statements[:, 0] == 0)[:, None] & (things[:, 0] == TISSUE_CODE)[None])  # no fact: any finding
    unsaid = ((stated > 0) & (shown == 0)).any(dim=2)
    return ~no & ~unsaid, no


def truth(
    statements: Tensor, denies: Tensor, things: Tensor, thing_view: Tensor, known: Tensor
) -> tuple[Tensor, Tensor]:
    """Which statements are true and which are false of which views.

    Args:
        statements: [S, fields] codes.
        denies: [S] bool, statements that there is no such thing.
        things: [T, fields] codes of what the views show.
        thing_view: [T] number of the view of each.
        known: [N, kinds + 1] bool: of which kinds (the last is the tissue) all that a view shows is among `things`.

    Returns:
        true [N, S] and false [N, S]; pairs in neither are unknown.
    """
    yes, no = fits(statements, things)
    inside = (thing_view[:, None] == torch.arange(len(known), device=known.device)).float()
    shows, maybe = ((part.float() @ inside > 0).T for part in (yes, ~yes & ~no))
    kind = statements[:, 0]
    closed = torch.where(kind > 0, known[:, (kind - 1).clamp(min=0)], known[:, : len(TYPES)].all(dim=1)[:, None])
    absent = ~shows & ~maybe & closed
    return torch.where(denies, absent, shows), torch.where(denies, shows, absent)
