"""The other programs: statsmodels in this process, lme4 in an R that waits for its turn."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from parts.clocks import Stopwatch

if TYPE_CHECKING:
    import pandas as pd


class Lmer:
    """lme4's lmer with its defaults on one frame; `version` is None where R or lme4 is not there."""

    def __init__(self, frame: pd.DataFrame, folder: Path) -> None:
        self.version: str | None = None
        if shutil.which("Rscript") is None:
            return
        path = folder / "lmer.csv"
        frame.to_csv(path, index=False)
        script = Path(__file__).with_suffix("").with_name("lmer.R")
        self._process = subprocess.Popen(
            ["Rscript", "--vanilla", str(script), str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.version = self._process.stdout.readline().strip() or None

    def fit(self) -> tuple[float, float]:
        """(seconds of processor time, deviance) of one more fit."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("again\n")
        self._process.stdin.flush()
        seconds, deviance = self._process.stdout.readline().split()
        return float(seconds), float(deviance)

    def close(self) -> None:
        if self.version is not None:
            self._process.communicate()


def fit_statsmodels(frame: pd.DataFrame, fixed: str, random: str) -> tuple[float, float]:
    """(seconds of processor time, deviance) of MixedLM with its defaults."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    watch = Stopwatch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its notes on convergence; the deviance tells
        fit = MixedLM.from_formula(f"y0 {fixed}", frame, groups=frame["patient"], re_formula=random).fit(reml=True)
    return watch.processor(), -2.0 * float(fit.llf)
