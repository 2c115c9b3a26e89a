"""The training engine: one loop for every network of the package; it knows no task."""
