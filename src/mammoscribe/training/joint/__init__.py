"""Training the joint space of mammograms and phrases: statements and their truth, batches, losses, the task for the engine."""
