"""Training of a report decoder on the patches of an image model of BioViL-T's family: batches, task, recipe, export."""
