"""The reader: networks from views to findings and breast readings, their card, and how a model is loaded."""
