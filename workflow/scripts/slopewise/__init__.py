"""Growth-curve mixed models, cross-fitted slopes and honest validation of what they predict."""

from importlib import metadata

try:
    __version__ = metadata.version("slopewise")
except metadata.PackageNotFoundError:  # run from the source tree, as the workflow does
    __version__ = "0.2.0"
