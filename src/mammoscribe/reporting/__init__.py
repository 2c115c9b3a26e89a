"""Facts to sentences and back: renderer, free-text report parser, gate, writing styles; no pixels, no torch."""
