"""From trained networks to a model folder: operating points and calibration, fixed on a validation split."""
