"""Every edition of every dataset with the maker of its files; the contract test runs over all of them."""

from tests.data.datasets.makers import own_folder, rsna

CASES = (*own_folder.CASES, *rsna.CASES)
