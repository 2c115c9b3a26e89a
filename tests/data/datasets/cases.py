"""Every edition of every dataset with the maker of its files; the contract test runs over all of them."""

from tests.data.datasets.makers import rsna

CASES = (*rsna.CASES,)
