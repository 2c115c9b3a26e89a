"""One module per dataset (or family of like ones): its facts, and how its files become records."""
