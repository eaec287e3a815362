"""The part of the page on how often each verdict is given."""

from __future__ import annotations

import pandas as pd

from parts.monte_carlo import Store, share
from parts.page import table
from slopewise.validate.verdict import Verdict

SHOWN = (
    Verdict.ADDS, Verdict.ADDS_LITTLE, Verdict.ASSOCIATED, Verdict.DISAGREE, Verdict.TOO_FEW, Verdict.TOO_POOR,
    Verdict.UNDECIDED, Verdict.NO_GAIN, Verdict.WORSE, Verdict.DROPPED,
)  # fmt: skip

FINDS = (Verdict.ADDS, Verdict.ADDS_LITTLE, Verdict.ASSOCIATED)

TEXT = """## How often each verdict on the slope is given

Data sets as above, with a hazard ratio per SD of the true slopes of 1, 1.25, 1.35 or 1.7, half of the patients with
events, slopes with a reliability of 0.5. Each is analysed as in a report: two repeats of nested validation with
{resamples} resamples, {two_stage} resamples through both stages, {permutations} permutations. Shares in per cent; the
last columns are the shares in which each test finds an association of the slope at an equal level. {sizes}.

{table}

- “Adds”, “adds little” or “associated” without an effect: {false}% at most.
- A verdict that denies a gain or states a loss (“no gain”, “worse”) where the hazard ratio is 1.25 or more: {denied}%
  at most.
- What the caution costs: with a hazard ratio of 1.7 an association is stated in {found} of data sets. Without an
  effect, its absence (“no gain”) is stated in {absent}; all other verdicts leave the matter open."""


def verdict_section(store: Store) -> str:
    """Shares of the verdicts by setting."""
    from parts.validity_verdict import PERMUTATIONS, RESAMPLES, TWO_STAGE

    sets = store.read("verdicts")
    tests = [name for name in sets.columns if str(name).startswith("test: ")]
    rows, shares = [], {}
    for setting, own in sets.groupby("setting", sort=False):
        found = {one: 100 * share(one.value, own[one.value].to_numpy() > 0).value for one in SHOWN}
        shares[str(setting)] = found
        found_by = [f"{100 * own[name].fillna(0).mean():.0f}" for name in tests]
        rows.append([str(setting), *(f"{value:.0f}" for value in found.values()), *found_by])
    none = [one for setting, one in shares.items() if setting.endswith(" 1")]
    sums = {setting: sum(one[verdict] for verdict in FINDS) for setting, one in shares.items()}
    some = [one for setting, one in shares.items() if not setting.endswith(" 1")]
    return TEXT.format(
        resamples=RESAMPLES, two_stage=TWO_STAGE, permutations=PERMUTATIONS, sizes=_sizes(sets),
        table=table(["setting", *(one.value for one in SHOWN), *(name.removeprefix("test: the ") for name in tests)],
                    rows),
        false=f"{max((sum(one[said] for said in FINDS) for one in none), default=0):.0f}",
        found=_by_size({name: value for name, value in sums.items() if name.endswith(" 1.7")}),
        absent=_by_size({name: one[Verdict.NO_GAIN] for name, one in shares.items() if name.endswith(" 1")}),
        denied=f"{max((one[Verdict.NO_GAIN] + one[Verdict.WORSE] for one in some), default=0):.0f}",
    )  # fmt: skip


def _by_size(values: dict[str, float]) -> str:
    """Per cent by the number of patients: "49% (100 patients) and 88% (400 patients)"."""
    return " and ".join(f"{value:.0f}% ({name.partition(',')[0]})" for name, value in values.items())


def _sizes(sets: pd.DataFrame) -> str:
    counts = sets.groupby("setting").size()
    fewest, most = counts.min(), counts.max()
    return f"{most} data sets a row" if fewest == most else f"{fewest} to {most} data sets a row"
