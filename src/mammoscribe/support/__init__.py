"""Errors, name look-up, digests and safe file writing: what every other room may use."""
