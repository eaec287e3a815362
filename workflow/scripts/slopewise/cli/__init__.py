"""The command `slopewise`."""
