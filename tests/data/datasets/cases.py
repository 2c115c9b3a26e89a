"""Every edition of every dataset with the maker of its files; the contract test runs over all of them."""

from tests.data.datasets.makers import (
    cbis_ddsm,
    cdd_cesm,
    cmmd,
    csaw_cc,
    dmid,
    embed,
    inbreast,
    mendeley,
    mimic_iii,
    mini_mias,
    own_folder,
    pubmed,
    rsna,
    vindr_mammo,
)

CASES = (
    *own_folder.CASES,
    *rsna.CASES,
    *cbis_ddsm.CASES,
    *mini_mias.CASES,
    *cdd_cesm.CASES,
    *dmid.CASES,
    *vindr_mammo.CASES,
    *inbreast.CASES,
    *cmmd.CASES,
    *embed.CASES,
    *csaw_cc.CASES,
    *mendeley.CASES,
    *mimic_iii.CASES,
    *pubmed.CASES,
)
