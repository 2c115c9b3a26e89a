"""Where weights are kept that do not come with the package: one folder, by a variable of the environment or by its usual name."""

import os
from pathlib import Path

VARIABLE = "MAMMOSCRIBE_WEIGHTS"
"""Variable of the environment that names the folder."""
USUAL = Path("weights")
"""Its name where the variable is not set; in the folder that a command runs in."""


def weights_folder() -> Path:
    """The folder that holds one folder for each model, whether it is there or not."""
    named = os.environ.get(VARIABLE, "").strip()
    return Path(named) if named else USUAL
