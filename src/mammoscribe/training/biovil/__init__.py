"""The joint stage of BioViL-T: an image model and a text model trained on pairs of pictures and reports."""
