"""The datasets that mammoscribe knows, by name."""

from collections.abc import Mapping

from mammoscribe.data.dataset import Dataset
from mammoscribe.data.datasets.own_folder import FOLDER
from mammoscribe.data.datasets.rsna import RSNA

DATASETS: Mapping[str, Dataset] = {d.name: d for d in (FOLDER, RSNA)}
"""Every dataset by the name that commands take."""
