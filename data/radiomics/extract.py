"""Simulate the tables of this folder: 200 features of 120 invented patients at three to seven scans, and the truth.

Run as ``python data/radiomics/extract.py [FOLDER]`` with the package on the path (``PYTHONPATH=workflow/scripts``). The
same as ``slopewise simulate radiomics --patients 120 --features 200 --seed 1``, without the study file.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from slopewise.simulate.radiomics import Radiomics, simulate
from slopewise.simulate.writing import MEASUREMENTS, PATIENTS, TRUE_PATIENTS, TRUTH, write_study

NUMBER_OF_PATIENTS, FEATURES, SEED = 120, 200, 1


def made() -> Radiomics:
    """The tables and the truth."""
    return simulate(NUMBER_OF_PATIENTS, FEATURES, SEED)


def main(folder: Path) -> None:
    """Write the four files into `folder`."""
    with tempfile.TemporaryDirectory(dir=folder) as beside:
        write_study(made(), Path(beside), "radiomics", SEED)
        for name in (MEASUREMENTS, PATIENTS, TRUTH, TRUE_PATIENTS):
            (Path(beside) / name).replace(folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
