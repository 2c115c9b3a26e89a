"""The learning rate over a run of the crop refiner, the calcification network and the joint space."""

import numpy as np


def one_cycle(progress: float, warm_up: float) -> float:
    """Linear rise, cosine fall to 1 %; `progress` and `warm_up` are shares of the run."""
    if progress < warm_up:
        return 0.05 + 0.95 * progress / warm_up
    fall = (progress - warm_up) / (1 - warm_up)
    return 0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * fall)))
