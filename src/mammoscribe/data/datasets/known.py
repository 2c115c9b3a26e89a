"""The datasets that mammoscribe knows, by name."""

from collections.abc import Mapping

from mammoscribe.data.dataset import Dataset
from mammoscribe.data.datasets.cbis_ddsm import CBIS_DDSM
from mammoscribe.data.datasets.cdd_cesm import CDD_CESM
from mammoscribe.data.datasets.cmmd import CMMD
from mammoscribe.data.datasets.csaw_cc import CSAW_CC
from mammoscribe.data.datasets.dmid import DMID
from mammoscribe.data.datasets.embed import EMBED
from mammoscribe.data.datasets.inbreast import INBREAST
from mammoscribe.data.datasets.iu_xray import IU_XRAY
from mammoscribe.data.datasets.mendeley import KAGGLE_CXR, MENDELEY_CXR, MENDELEY_OCT
from mammoscribe.data.datasets.mimic_cxr import MIMIC_CXR, MIMIC_CXR_JPG
from mammoscribe.data.datasets.mimic_iii import MIMIC_III
from mammoscribe.data.datasets.mini_mias import MINI_MIAS
from mammoscribe.data.datasets.own_folder import FOLDER
from mammoscribe.data.datasets.padchest import PADCHEST
from mammoscribe.data.datasets.phantom import PHANTOM
from mammoscribe.data.datasets.pubmed import PUBMED
from mammoscribe.data.datasets.rsna import RSNA
from mammoscribe.data.datasets.vindr_mammo import VINDR_MAMMO

DATASETS: Mapping[str, Dataset] = {
    d.name: d
    for d in (
        FOLDER, PHANTOM, RSNA, CBIS_DDSM, MINI_MIAS, CDD_CESM, DMID, VINDR_MAMMO, INBREAST, CMMD, EMBED, CSAW_CC,
        IU_XRAY, MIMIC_CXR, MIMIC_CXR_JPG, PADCHEST, MENDELEY_OCT, MENDELEY_CXR, KAGGLE_CXR,
        MIMIC_III, PUBMED,
    )
}  # fmt: skip
"""Every dataset by the name that commands take."""
