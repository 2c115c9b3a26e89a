"""The command line: one file per command, no logic of its own, and no torch until a command needs it."""

from mammoscribe.cli.app import app, main

__all__ = ["app", "main"]
