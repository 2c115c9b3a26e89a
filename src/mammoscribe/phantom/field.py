"""How much air a film or a detector shows around a breast."""

from mammoscribe.domain.view import Projection
from mammoscribe.phantom.geometry import PIXEL_MM, Field, ViewGeometry
from mammoscribe.phantom.streams import GeneratorVersion, stream

_FILM_MM = (180.0, 240.0)
"""Width and height of the usual film."""


def draw_field(seed: int, view: ViewGeometry, film: bool) -> Field:
    """How much air lies around the breast: of a film nearly all of it, of a detector picture more or less."""
    rng = stream(seed, "field", view.view_id, version=GeneratorVersion.V2)
    share, split, ahead = rng.uniform(0.3, 1.0), rng.uniform(0.3, 0.7), rng.uniform(0.0, 60.0)
    strip, scan = rng.uniform(0, 2.5, 3), rng.uniform(0.8, 1.0)
    spare = 40.0 * share
    if film:
        ahead = max(6.0, scan * _FILM_MM[0] - view.cols * PIXEL_MM)
        spare = max(4.0, scan * _FILM_MM[1] - view.rows * PIXEL_MM)
    above, below = spare * split, spare * (1 - split)
    if view.projection is Projection.MLO:
        above, below = 0.0, 0.0 if view.abdomen else 0.5 * spare
    if film:
        above, below = above + strip[0], below + strip[1]
    wall = strip[2] if film else 0.0
    return Field(*(round(mm / PIXEL_MM) for mm in (above, below, wall, ahead)))
