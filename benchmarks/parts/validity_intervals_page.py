"""The part of the page on intervals of validated figures."""

from __future__ import annotations

import pandas as pd

from parts.monte_carlo import Quantity, Store, mean, share
from parts.page import table

AIM = (0.92, 0.98)
NAMES = {"c": "C of level and slope", "gain": "its gain on level"}
SHOWN = {"report": "the report's", "within": "without repeats", "fixed": "fixed", "repeated": "validation repeated"}

TEXT = """## 95% intervals of validated figures

Data sets as above, with effects of the slope of 0, 0.2 or 0.5 per SD and of the level of 0.3; with 56 patients neither
matters. Five repeats of nested validation. The truth is Harrell's C, up to 3 years, of the model that is shipped in
{new:,} new patients. Shares of intervals that hold it, with their mean width in square brackets. {sizes}; {refitted} of
each setting for the last column.

- The report's: the bootstrap of the tested patients within a repeat, and the variance between the repeats, whose models
  are refitted to other training patients.
- Without repeats: the first of the two alone.
- Fixed: percentiles of the mean over repeats in resamples of fixed predictions. Where repeats disagree, their errors
  cancel in the mean; such intervals collapse around a figure that is chance.
- Validation repeated: growth models, cross-fitting and outcome models again on {refits} resamples of the patients,
  estimate ± t × SD, at the cost of as many validations. These intervals are {wider:.1f} times as wide as the
  report's at most. A likely reason: what a figure loses by errors of the coefficients is quadratic in them, and a
  resample has twice their variance.

{table}

- The report's intervals hold the truth in {low:.3f} to {high:.3f}; aim {aim_low} to {aim_high}. {verdict}
- Fixed ones hold it in {fixed_low:.3f} to {fixed_high:.3f}."""


def held(own: pd.DataFrame, name: str, way: str) -> tuple[Quantity, float]:
    """The share of a setting's intervals that hold the truth, and their mean width; of those that were made."""
    known = own[own[f"{name} {way} low"].notna()]
    truth, low, high = (known[f"{name} {column}"] for column in ("truth", f"{way} low", f"{way} high"))
    return share(way, ((low <= truth) & (truth <= high)).to_numpy()), float((high - low).mean())


def interval_section(store: Store) -> str:
    """Coverage of each kind of interval by setting."""
    from parts.validity_intervals import NEW, REFITS, REFITTED

    sets = store.read("intervals")
    rows, found = [], []
    for name, words in NAMES.items():
        for setting, own in sets.groupby("setting", sort=False):
            error = mean("error", (own[f"{name} estimate"] - own[f"{name} truth"]).to_numpy())
            line = [f"{words}: {setting}", f"{own[f'{name} truth'].mean():.3f}", f"{error.value:+.3f}"]
            for way in SHOWN:
                if not own[f"{name} {way} low"].notna().any():
                    line.append("")
                    continue
                quantity, width = held(own, name, way)
                found.append((name, str(setting), way, quantity.value, quantity.se))
                line.append(f"{quantity.value:.3f} ({quantity.se:.3f}) [{width:.3f}]")
            rows.append(line)
    values = pd.DataFrame(found, columns=["figure", "setting", "way", "value", "se"])
    report, fixed = (values[values["way"] == way] for way in ("report", "fixed"))
    again = sets[sets["c repeated low"].notna()]
    widths = [
        (again[f"{name} {way} high"] - again[f"{name} {way} low"]).groupby(again["setting"]).mean()
        for way in ("repeated", "report")
        for name in NAMES
    ]
    return TEXT.format(
        wider=max((widths[0] / widths[2]).max(), (widths[1] / widths[3]).max()),
        new=NEW, refits=REFITS, refitted=min(REFITTED, int(sets.groupby("setting").size().max())), sizes=_sizes(sets),
        table=table(["setting", "truth", "bias", *SHOWN.values()], rows), aim_low=AIM[0], aim_high=AIM[1],
        low=report["value"].min(), high=report["value"].max(), verdict=_judged(report),
        fixed_low=fixed["value"].min(), fixed_high=fixed["value"].max(),
    )  # fmt: skip


def _judged(report: pd.DataFrame) -> str:
    """How many cells lie within the aim, and which fall short of it."""
    short, long = report[report["value"] < AIM[0]], report[report["value"] > AIM[1]]
    inside = len(report) - len(short) - len(long)
    said = f"Reached in {inside} of {len(report)} cells"
    if len(long):
        said += f", exceeded (intervals wider than they need be) in {len(long)}"
    if len(short):
        missed = (f"{NAMES[row.figure]}, {row.setting}: {row.value:.3f} ({row.se:.3f})" for row in short.itertuples())
        said += f". **Missed**: {'; '.join(missed)}"
    return said + "."


def _sizes(sets: pd.DataFrame) -> str:
    counts = sets.groupby("setting").size()
    fewest, most = counts.min(), counts.max()
    return f"{most} data sets a row" if fewest == most else f"{fewest} to {most} data sets a row"
