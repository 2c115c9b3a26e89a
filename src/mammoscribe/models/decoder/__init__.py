"""The report decoder: a causal transformer over what the reader found, and the grammar it writes by."""
