"""Teaches the projector of a starter-chat words for what labels say of each part of a view; its files are read in the order of `task.py`."""
