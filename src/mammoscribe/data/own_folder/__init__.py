"""A lab's own folder as a dataset, described by a TOML file."""
