"""The datasets that mammoscribe knows, by name."""

from collections.abc import Mapping

from mammoscribe.data.dataset import Dataset
from mammoscribe.data.datasets.cmmd import CMMD
from mammoscribe.data.datasets.csaw_cc import CSAW_CC
from mammoscribe.data.datasets.embed import EMBED
from mammoscribe.data.datasets.inbreast import INBREAST
from mammoscribe.data.datasets.own_folder import FOLDER
from mammoscribe.data.datasets.rsna import RSNA
from mammoscribe.data.datasets.vindr_mammo import VINDR_MAMMO

DATASETS: Mapping[str, Dataset] = {
    d.name: d for d in (FOLDER, RSNA, VINDR_MAMMO, INBREAST, CMMD, EMBED, CSAW_CC)
}  # fmt: skip
"""Every dataset by the name that commands take."""
