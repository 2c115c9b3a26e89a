"""Training the calcification network: patches of views at 100 um, losses, the task for the engine."""
