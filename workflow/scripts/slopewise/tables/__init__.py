"""The tables of a run: their files and schemas."""
