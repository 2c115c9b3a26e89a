"""Things that are not of the body, as plans: markers on the skin, clips, wires, devices; what they are and where, in mm."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mammoscribe.domain.view import Laterality, Projection, Role
from mammoscribe.phantom.geometry import ViewGeometry
from mammoscribe.phantom.streams import GeneratorVersion, choose, stream
from mammoscribe.phantom.structures import DistractorKind

_NEED_MM = 3.0
"""Least distance of a lesion's centre from the edge of a foreign object."""
Point = tuple[float, float, float]


@dataclass(frozen=True)
class ForeignObject:
    """One thing of metal or plastic, the same in every view of its breast.

    Args:
        id: names its random stream.
        style: its make: `ball`, `ring`, `nipple_ball`, `scar_wire`, `ribbon`, `coil`, `bar`, `staple`, `hook`, `port`.
        points: x, lat, z in the breast frame: a centre, or the points of a line; none for a ball on the nipple.
        size_mm: diameter, or length of a clip.
        projections: views that show it.
        current, prior: visits at which it is there.
    """

    id: str
    kind: DistractorKind
    style: str
    laterality: Laterality
    points: tuple[Point, ...]
    size_mm: float
    projections: tuple[Projection, ...] = (Projection.CC, Projection.MLO)
    current: bool = True
    prior: bool = True

    def shown_in(self, view: ViewGeometry) -> bool:
        """Whether it is in that view."""
        there = self.current if view.role is Role.CURRENT else self.prior
        return there and self.laterality is view.laterality and view.projection in self.projections

    def projected(self, view: ViewGeometry) -> np.ndarray:
        """Its points as x, u in a view, [n, 2]; of a ball on the nipple, the nipple's tip."""
        if not self.points:
            x, u = view.nipple_place()
            return np.array([[x + 0.35 * self.size_mm, u]])
        return np.stack(view.project(*np.asarray(self.points).T), axis=1)

    def covers(self, view: ViewGeometry, x: float, u: float) -> bool:
        """Whether a lesion's centre at (x, u) of a view would lie on it, or too near."""
        if not self.shown_in(view):
            return False
        wide = 0.5 * self.size_mm if len(self.points) == 1 else 0.5
        near = np.hypot(*(self.projected(view) - (x, u)).T).min()
        return bool(near < wide + _NEED_MM)


def draw_foreign(seed: int, role: Role, views: Sequence[ViewGeometry], rate: float) -> tuple[ForeignObject, ...]:
    """All foreign objects of a visit, placed by the geometry of the current one.

    Args:
        views: all four of the current visit.
        rate: scales how often each kind is there.
    """
    found: list[ForeignObject] = []
    for side in Laterality:
        place = _Places(*(v for v in views if v.laterality is side))
        found += _on_the_skin(seed, role, place, rate)
        found += _in_the_breast(seed, place, rate)
    return tuple(found)


@dataclass(frozen=True)
class _Places:
    """Where things can be in one breast, which its two views decide."""

    cc: ViewGeometry
    mlo: ViewGeometry

    def at(self, depth: float, phi: float, out: float) -> Point:
        """The point behind the nipple at `depth` (0 nipple, 1 chest wall), in direction phi, `out` of the way to the skin."""
        half = 0.9 * min(self.cc.up, self.cc.down)
        reach = out * half * math.sqrt(max(0.0, 1 - max(0.0, 1 - depth) ** 2.2))
        return (1 - depth) * self.cc.depth, reach * math.sin(phi), reach * math.cos(phi)

    def holds(self, point: Point, margin: float) -> bool:
        """Whether a point lies within both outlines by a margin in mm."""
        for view in (self.cc, self.mlo):
            x, u = (float(v) for v in view.project(*point))
            if any(float(view.breast_outline(u + d)) < x + margin for d in (-margin, margin)) or u > view.top - 4:
                return False
        return point[0] > 6.0

    def draw(self, rng: np.random.Generator, out: tuple[float, float], margin: float) -> Point | None:
        """A point between two parts of the way to the skin that both outlines hold; None when none was found."""
        for _ in range(40):
            point = self.at(rng.uniform(0.18, 0.85), rng.uniform(-math.pi, math.pi), rng.uniform(*out))
            if self.holds(point, margin):
                return point
        return None


def _on_the_skin(seed: int, role: Role, place: _Places, rate: float) -> list[ForeignObject]:
    """Balls on nipples, balls and rings on moles or lumps, wires on scars."""
    side, found = place.cc.laterality, []
    habit = stream(seed, "nipple_balls", role, version=GeneratorVersion.V2)
    if habit.random() < 0.16 * rate:
        size = float(habit.uniform(1.3, 2.2))
        found.append(ForeignObject("nipple_ball", DistractorKind.MARKER, "nipple_ball", side, (), size))
    rng = stream(seed, "skin_marker", side, version=GeneratorVersion.V2)
    here, ring, prior = rng.random() < 0.12 * rate, rng.random() < 0.55, rng.random() < 0.5
    size = rng.uniform(8.0, 13.0) if ring else rng.uniform(1.4, 2.4)
    if here and (point := place.draw(rng, (0.7, 0.97), 2.0)):
        style = "ring" if ring else "ball"
        found.append(
            ForeignObject("skin", DistractorKind.MARKER, style, side, (point,), float(size), prior=bool(prior))
        )
    rng = stream(seed, "scar", side, version=GeneratorVersion.V2)
    here, prior = rng.random() < 0.06 * rate, rng.random() < 0.6
    if here and (line := _scar(rng, place)):
        kind = DistractorKind.SCAR_MARKER
        found.append(ForeignObject("scar", kind, "scar_wire", side, line, 0.6, prior=bool(prior)))
    return found


def _scar(rng: np.random.Generator, place: _Places) -> tuple[Point, ...] | None:
    """A line over the skin, 15 to 50 mm long, that both views hold."""
    for _ in range(40):
        depth, phi, length = rng.uniform(0.2, 0.75), rng.uniform(-math.pi, math.pi), rng.uniform(15, 50)
        turn, bend = rng.uniform(-math.pi, math.pi), rng.normal(0, 0.12)
        t = np.linspace(-0.5, 0.5, 40)
        depths = depth + length * t * math.cos(turn) / place.cc.depth
        phis = phi + length * t * math.sin(turn) / (0.75 * place.cc.up) + bend * (4 * t * t - 1)
        line = tuple(place.at(float(d), float(p), 0.93) for d, p in zip(depths, phis, strict=True))
        if all(place.holds(point, 1.5) for point in line[::3]):
            return line
    return None


def _in_the_breast(seed: int, place: _Places, rate: float) -> list[ForeignObject]:
    """A clip of an earlier biopsy, staples of an operation, a localisation wire, a port or pacemaker above the breast."""
    side, found = place.cc.laterality, []
    rng = stream(seed, "biopsy_clip", side, version=GeneratorVersion.V2)
    here, style = rng.random() < 0.10 * rate, choose(rng, {"ribbon": 0.35, "coil": 0.25, "bar": 0.4})
    prior, size = rng.random() < 0.6, rng.uniform(2.0, 3.6)
    if here and (point := place.draw(rng, (0.0, 0.7), 8.0)):
        found.append(
            ForeignObject("biopsy", DistractorKind.CLIP, style, side, (point,), float(size), prior=bool(prior))
        )
    found += _staples(stream(seed, "staples", side, version=GeneratorVersion.V2), place, rate)
    rng = stream(seed, "hook", side, version=GeneratorVersion.V2)
    here, turn = rng.random() < 0.012 * rate, rng.normal(0, 0.3)
    if here and (tip := place.draw(rng, (0.1, 0.6), 10.0)):
        found.append(
            ForeignObject("hook", DistractorKind.WIRE, "hook", side, _needle(place, tip, turn), 0.45, prior=False)
        )
    rng = stream(seed, "port", side, version=GeneratorVersion.V2)
    here, size, x = rng.random() < 0.015 * rate, rng.uniform(24, 42), rng.uniform(4, 20)
    above = (place.mlo.top - rng.uniform(0.1, 0.5) * size) / (math.cos(place.mlo.angle) + math.sin(place.mlo.angle))
    if here:
        kind, shown = DistractorKind.DEVICE, (Projection.MLO,)
        found.append(ForeignObject("port", kind, "port", side, ((float(x), above, above),), float(size), shown))
    return found


def _staples(rng: np.random.Generator, place: _Places, rate: float) -> list[ForeignObject]:
    """Surgical clips in the bed of an excised lump: four to six within 15 mm."""
    here, prior, count = rng.random() < 0.035 * rate, rng.random() < 0.6, int(rng.integers(4, 7))
    offsets, size = rng.normal(0, 5.0, (count, 3)), rng.uniform(4.0, 6.0)
    centre = place.draw(rng, (0.2, 0.7), 12.0) if here else None
    if centre is None:
        return []
    points = [_point(np.asarray(centre) + o) for o in offsets]
    return [
        ForeignObject(f"staple{k}", DistractorKind.CLIP, "staple", place.cc.laterality, (p,), float(size), prior=bool(prior))
        for k, p in enumerate(points)
        if place.holds(p, 3.0)
    ]  # fmt: skip


def _needle(place: _Places, tip: Point, turn: float) -> tuple[Point, ...]:
    """A straight wire from its tip out through the skin into the air."""
    outward = math.atan2(tip[1], tip[2]) + turn
    length = 1.9 * min(place.cc.up, place.cc.down)
    way = np.array([0.25, math.sin(outward), math.cos(outward)])
    way /= np.linalg.norm(way)
    return tuple(_point(np.asarray(tip) + s * length * way) for s in np.linspace(0, 1, 40))


def _point(values: np.ndarray) -> Point:
    x, lat, z = (float(v) for v in values)
    return x, lat, z
