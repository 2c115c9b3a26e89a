"""Every edition of every dataset with the maker of its files; the contract test runs over all of them."""

from tests.data.datasets.makers import cmmd, csaw_cc, embed, inbreast, own_folder, rsna, vindr_mammo

CASES = (
    *own_folder.CASES,
    *rsna.CASES,
    *vindr_mammo.CASES,
    *inbreast.CASES,
    *cmmd.CASES,
    *embed.CASES,
    *csaw_cc.CASES,
)
