"""Help without Python's types: a flag shows no `<bool>`, and an argument that has a name no `<list[Path]>`."""

from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption


class _PlainHelp:
    """A command or group that leaves out what typer says of the types of flags and arguments."""

    def get_params(self, ctx: Any) -> Any:
        params = super().get_params(ctx)  # type: ignore[misc]  # of the class that this is mixed into
        for param in params:
            if isinstance(param, TyperOption) and param.is_flag and param.metavar is None:
                param.metavar = ""
            elif isinstance(param, TyperArgument):
                param.display_type_rich = lambda ctx: ""  # noqa: ARG005  # the name that typer calls it by
        return params


class PlainCommand(_PlainHelp, TyperCommand):
    """A command with plain help."""


class PlainGroup(_PlainHelp, TyperGroup):
    """A group of commands with plain help."""
