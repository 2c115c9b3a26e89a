"""Probes on image towers: linear and full probes, RE-tune adaptors, temporal heads, as tasks of the engine."""
