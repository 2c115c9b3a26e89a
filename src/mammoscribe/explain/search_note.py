"""What a search by picture is worth with a model, in the words that are printed beside its results."""

from mammoscribe.domain.view import Origin
from mammoscribe.imaging.joint_pixels import JointPixels
from mammoscribe.models.joint_space import JointSpace, MeasuredSpace
from mammoscribe.models.space_measures import PictureSearch


def search_note(space: JointSpace, image: JointPixels) -> str:
    """How often the nearest pictures have to do with a picture like `image`, or that nobody measured it.

    Args:
        space: the model that is searched with.
        image: the picture that is searched by.
    """
    measures = space.measures if isinstance(space, MeasuredSpace) else None
    if not isinstance(space, MeasuredSpace) or measures is None or not measures.picture_search:
        return f"what a search by picture finds with {space.name} was not measured"
    origin = space.origin_of(image)
    own = [m for m in measures.picture_search if m.origin is origin]
    if not own:
        kind = {Origin.ACQUIRED: "images from an X-ray machine", Origin.SYNTHETIC: "drawn images"}[origin]
        return f"what a search by picture finds among {kind} with {space.name} was not measured"
    first = own[0]
    lead = "most of the nearest pictures do not show the same: " if max(m.precision for m in own) < 0.5 else ""
    found = "; ".join(_found(m) for m in own)
    return f"{lead}measured on {first.exams} {first.population}, of the {first.nearest} nearest pictures {found}"


def _found(measured: PictureSearch) -> str:
    shares = f"{measured.precision:.0%} show {measured.related}"
    if not measured.better_than_chance:
        return f"{shares}, which is no more than by chance ({measured.chance:.0%}): it cannot tell these from others"
    return f"{shares} ({measured.chance:.0%} by chance)"
