"""Training: labelled canvases, losses by the supervision table, the loop and the recipes that made the shipped weights."""
