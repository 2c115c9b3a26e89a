"""Measuring: detection, classification, calibration, facts in the text, twins, and the tables they are printed in."""
