"""What is drawn how often: prevalence, size, contrast and distractor distributions of synthetic exams."""

from collections.abc import Mapping
from dataclasses import dataclass

from mammoscribe.phantom.streams import GeneratorVersion
from mammoscribe.support.errors import InvalidNoun


@dataclass(frozen=True)
class PhantomSpec:
    """Distributions a synthetic exam is drawn from; lengths in mm, probabilities 0..1, weights unnormalised.

    Args:
        prior_probability: chance that the exam has a prior.
        density_probabilities: composition a, b, c, d (screening populations are near 10/40/40/10 %).
        lesion_probability: chance that a breast has at least one lesion.
        extra_lesion_probability: chance of one more, repeated up to `max_lesions_per_breast`.
        mass_weight .. asymmetry_weight: how often each kind of lesion is drawn.
        mass_diameter_mm: median, log sigma, low, high.
        mass_contrast: contrast-to-noise ratio that a mass is lifted to where its physics gives less: low, high.
        subtle_fraction: share of lesions at the edge of what can be seen (`subtle_contrast` instead).
        calc_count, calc_diameter_mm, calc_extent_mm: particles of a suspicious group: low, high.
        one_view_fraction: share of masses and distortions that one projection does not show.
        distractor_rate: scales the chance of every distractor; the same for breasts with and without lesions.
        generator: version of the generator; 2 adds distractors and looks of real pictures to what 1 draws.

    Raises:
        InvalidNoun: when a probability is outside 0..1 or a range is empty.
    """

    name: str
    prior_probability: float = 0.3
    density_probabilities: tuple[float, float, float, float] = (0.1, 0.4, 0.4, 0.1)
    lesion_probability: float = 0.42
    extra_lesion_probability: float = 0.15
    max_lesions_per_breast: int = 3
    mass_weight: float = 0.42
    suspicious_calc_weight: float = 0.22
    benign_calc_weight: float = 0.15
    distortion_weight: float = 0.08
    asymmetry_weight: float = 0.13
    mass_diameter_mm: tuple[float, float, float, float] = (12.0, 0.42, 5.0, 30.0)
    mass_contrast: tuple[float, float] = (2.6, 4.0)
    subtle_contrast: tuple[float, float] = (1.0, 1.6)
    subtle_fraction: float = 0.10
    calc_count: tuple[int, int] = (5, 25)
    calc_diameter_mm: tuple[float, float] = (0.15, 0.60)
    calc_extent_mm: tuple[float, float] = (5.0, 25.0)
    one_view_fraction: float = 0.04
    distractor_rate: float = 1.0
    generator: GeneratorVersion = GeneratorVersion.V1

    def __post_init__(self) -> None:
        fractions = (self.prior_probability, self.lesion_probability, self.extra_lesion_probability)
        fractions += (*self.density_probabilities, self.subtle_fraction, self.one_view_fraction)
        if not all(0.0 <= p <= 1.0 for p in fractions):
            raise InvalidNoun(f"phantom spec {self.name!r} has a probability outside 0..1")
        if abs(sum(self.density_probabilities) - 1) > 1e-6:
            raise InvalidNoun(f"densities {self.density_probabilities} of {self.name!r} do not sum to 1")
        pairs = (self.mass_contrast, self.subtle_contrast, self.calc_count, self.calc_diameter_mm, self.calc_extent_mm)
        if any(low > high for low, high in (*pairs, self.mass_diameter_mm[2:])):
            raise InvalidNoun(f"phantom spec {self.name!r} has an empty range")


TRAINING_SPEC = PhantomSpec(name="training")
"""Enriched: about 42 % of breasts with a lesion."""

SCREENING_SPEC = PhantomSpec(name="screening", lesion_probability=0.06, extra_lesion_probability=0.05)
"""Near a screening population: about one exam in nine shows something, most of it benign."""

ENRICHED_SPEC = PhantomSpec(
    name="enriched", lesion_probability=0.75, extra_lesion_probability=0.3, mass_weight=0.50,
    suspicious_calc_weight=0.12, benign_calc_weight=0.08, distortion_weight=0.13, asymmetry_weight=0.17,
)  # fmt: skip
"""More lesions per drawn exam than any clinic sees, and fewer calcifications, which a network of their own learns."""

CALCIFICATION_SPEC = PhantomSpec(
    name="calcifications", prior_probability=0.0, lesion_probability=0.85, extra_lesion_probability=0.35,
    mass_weight=0.08, suspicious_calc_weight=0.50, benign_calc_weight=0.32, distortion_weight=0.05, asymmetry_weight=0.05,
)  # fmt: skip
"""Mostly calcifications, so that few exams teach much; look-alikes are drawn as often as ever."""

SPECS: Mapping[str, PhantomSpec] = {
    s.name: s for s in (TRAINING_SPEC, ENRICHED_SPEC, CALCIFICATION_SPEC, SCREENING_SPEC)
}
"""What a user can ask for by name."""
