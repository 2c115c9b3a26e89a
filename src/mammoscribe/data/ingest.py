"""Ingesting: a download is read once, row by row, and becomes a catalogue; what cannot be read is listed, not lost."""
