"""The text stage of BioViL-T: a tokeniser, masked tokens, and findings matched with impressions."""
