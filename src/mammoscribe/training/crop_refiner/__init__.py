"""Training the crop refiner: crops of marks at 200 um with their priors, losses, the task for the engine."""
