"""The page of the simulations, made from their tables alone: what was aimed at, what came out, what was missed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from parts.monte_carlo import Quantity, Store, mean, share
from parts.page import table
from parts.validity_batches import batches_section
from parts.validity_bayes import bayes_section
from parts.validity_cautions import cautions_section
from parts.validity_effect_posterior import effect_posterior_section
from parts.validity_effects import effects_section
from parts.validity_growth import DRAWS, REPORTED
from parts.validity_interruption import interruption_section
from parts.validity_intervals_page import interval_section
from parts.validity_markers import markers_section
from parts.validity_outcome import EFFECT
from parts.validity_starts import starts_section
from parts.validity_trends_page import claims_section, dropout_section, fast_section
from parts.validity_verdict_page import verdict_section
from parts.validity_weighting import weighting_section

Within = tuple[float, float]


def cell(row: pd.Series) -> str:
    """A value with its Monte Carlo standard error in brackets."""
    return f"{row['value']:.3f} ({row['se']:.3f})" if np.isfinite(row["se"]) else f"{row['value']:.3f}"


def wide(found: pd.DataFrame, columns: Sequence[str]) -> str:
    """Markdown: a row for each setting, a column for each quantity."""
    rows = []
    for setting, own in found.groupby("setting", sort=False):
        by_name = own.set_index("quantity")
        rows.append([str(setting), *(cell(by_name.loc[name]) if name in by_name.index else "" for name in columns)])
    return table(["setting", *columns], rows)


def verdict(found: pd.DataFrame, quantities: Sequence[str], aim: Within, what: str) -> str:
    """A sentence: how many cells lie within the aim, and which do not, by how many standard errors."""
    own = found[found["quantity"].isin(list(quantities))]
    low, high = aim
    outside = own[(own["value"] < low) | (own["value"] > high)]
    words = f"{what}: aim {low:g} to {high:g}; "
    if not len(own):
        return f"{words}not run yet."
    if not len(outside):
        return f"{words}**reached**." if len(own) == 1 else f"{words}**reached in all {len(own)} cells**."
    missed = []
    for _, row in outside.iterrows():
        bound = low if row["value"] < low else high
        beyond = "in every data set" if row["value"] else "in none"
        if row["se"] > 0:
            beyond = f"{abs(row['value'] - bound) / row['se']:.1f} standard errors beyond"
        missed.append(f"{row['setting']}, {row['quantity']}: {row['value']:.3f}, {beyond}")
    return f"{words}reached in {len(own) - len(outside)} of {len(own)} cells. **Missed**: " + "; ".join(missed) + "."


def size(found: pd.DataFrame) -> str:
    """How many data sets a setting has."""
    most = found.groupby("setting")["sets"].max()
    low, high = int(most.min()), int(most.max())
    return f"{low:,} data sets a row" if low == high else f"{low:,} to {high:,} data sets a row"


def at_least(found: pd.DataFrame, patients: int) -> pd.DataFrame:
    """The settings with so many patients or more."""
    return found[found["setting"].str.extract(r"^(\d+)")[0].astype(int).ge(patients).to_numpy()]


def page(store: Store, command: str) -> str:
    """The whole page; a part that was not run yet says so."""
    parts = [
        section(store) if len(store.read(name)) else f"## {title}\n\nNot run yet." for name, title, section in PARTS
    ]
    return "\n\n".join([HEAD.format(command=command), *parts]) + "\n"


def no_slope(store: Store) -> str:
    """Type I error."""
    found, reported = store.read("type_one"), store.read("sequential")
    lines = [
        verdict(found, ["bootstrap"], (0.035, 0.065), "Parametric bootstrap, one draw a data set"),
        verdict(reported, [REPORTED], (0.035, 0.065), "Sequential bootstrap, as the report prints it"),
        verdict(found, ["F test"], (0.035, 0.065), "F test of equal slopes within patients"),
    ]
    naive = found[found["quantity"] == "naive"]["value"]
    mixture = found[found["quantity"] == "mixture"]["value"]
    both = pd.concat([one for one in (found, reported) if len(one)])
    return NO_SLOPE.format(
        size=size(found), name=REPORTED.capitalize(), draws=f"{DRAWS:,}",
        reported=size(reported) if len(reported) else "not run yet",
        table=wide(both, (REPORTED, *TESTS)), verdicts="\n".join(f"- {line}" for line in lines),
        naive=f"{naive.min():.3f} to {naive.max():.3f}", mixture=f"{mixture.min():.3f} to {mixture.max():.3f}",
    )  # fmt: skip


TESTS = ("bootstrap", "mixture", "naive", "F test")


def power(store: Store) -> str:
    """Rejection where there are slopes."""
    found = store.read("power")
    documented = found[found["setting"] == DOCUMENTED]
    line = verdict(documented, ["F test"], (0.9, 1.0), f"F test in the documented setting ({DOCUMENTED})")
    return POWER.format(size=size(found), table=wide(found, TESTS), verdict=line)


DOCUMENTED = "100 patients, balanced, slope SD 0.15"


def serial(store: Store) -> str:
    """Serial correlation that looks like slopes, and the comparison that protects."""
    found, kept = store.read("serial_tests"), store.read("protection")
    without = kept[kept["setting"].str.contains("lag-1")] if len(kept) else kept
    with_slopes = kept[~kept["setting"].str.contains("lag-1")] if len(kept) else kept
    cried = found[found["quantity"] == "mixture"]["value"]
    survived = without[without["quantity"] == "and survives"]["value"]
    said = (
        f"keeps a slope in {survived.min():.1%} to {survived.max():.1%} of them" if len(survived) else "was not run yet"
    )
    columns = ("mixture", "and survives")
    return SERIAL.format(
        size=size(found), table=wide(found, TESTS), low=f"{cried.min():.0%}", high=f"{cried.max():.0%}", said=said,
        without=wide(without, columns) if len(without) else "", with_slopes=wide(with_slopes, columns),
        without_size=size(without) if len(without) else "", with_size=size(with_slopes) if len(with_slopes) else "",
    )  # fmt: skip


def coverage(store: Store) -> str:
    """Intervals."""
    found = store.read("coverage")
    large = at_least(found, 100)
    lines = [
        verdict(large, COVERED[:2], (0.925, 0.98), "Fixed effects, 100 patients or more"),
        verdict(large, COVERED[2:], (0.925, 0.98), "Profile intervals of variance components, 100 patients or more"),
    ]
    return COVERAGE.format(
        size=size(found),
        table=wide(found, COVERED),
        verdicts="\n".join(f"- {line}" for line in lines),
    )


COVERED = ("intercept", "mean slope", "SD of intercepts", "SD of slopes", "correlation", "residual SD")


def calibration(store: Store) -> str:
    """Predicted slopes of new patients."""
    found = store.read("calibration")
    large = at_least(found, 300)
    stated = large[large["quantity"] == "reliability stated"]
    judged = large[large["setting"].isin(stated.loc[stated["value"] >= 0.4, "setting"])]
    lines = [
        verdict(judged, ["truth on BLUP"], (0.97, 1.03), "Truth on BLUP, 300 patients, reliability of 0.4 or more"),
        verdict(judged, ["stated less true"], (-0.02, 0.02), "Stated reliability less squared correlation, the same"),
    ]
    columns = ("truth on BLUP", "reliability stated", "squared correlation", "stated less true", "no slopes")
    gaps = found[(found["quantity"] == "stated less true") & found["setting"].str.endswith("ragged, slope SD 0.1")]
    shrinking = ", ".join(f"{setting.split()[0]}: {value:.3f}" for setting, value in gaps[["setting", "value"]].values)
    return CALIBRATION.format(
        size=size(found), table=wide(found, columns), verdicts="\n".join(f"- {line}" for line in lines),
        shrinking=shrinking,
    )  # fmt: skip


def two_stages(store: Store) -> str:
    """A true effect through both stages."""
    sets = store.read("two_stages")
    rows = []
    for setting, own in sets.groupby("setting", sort=False):
        rows += [(str(setting), *vars(one).values()) for one in effect_found(own)]
    found = pd.DataFrame(rows, columns=["setting", "quantity", "value", "se", "sets"])
    lines = [
        verdict(found, ["bias"], (-0.05, 0.05), "Bias of the coefficient × true SD of slopes"),
        verdict(found, ["bootstrap coverage"], (0.90, 0.98), "Bootstrap through both stages, 95% intervals"),
    ]
    columns = ("bias", "bootstrap coverage", "naive coverage", "reliability stated", "events")
    return TWO_STAGES.format(
        size=size(found), table=wide(found, columns), verdicts="\n".join(f"- {line}" for line in lines), effect=EFFECT
    )


def effect_found(own: pd.DataFrame) -> list[Quantity]:
    """Bias and coverage from the rows of the data sets; a missing interval covers nothing."""
    inside = (own["ci_low"] <= EFFECT) & (own["ci_high"] >= EFFECT)
    boot = (own["ci_low_bootstrap"] <= EFFECT) & (own["ci_high_bootstrap"] >= EFFECT)
    return [
        mean("bias", own["estimate"].to_numpy() - EFFECT),
        share("bootstrap coverage", boot.to_numpy()),
        share("naive coverage", inside.to_numpy()),
        mean("reliability stated", own["reliability"].to_numpy()),
        mean("events", own["events"].to_numpy()),
    ]


def nothing(store: Store) -> str:
    """Markers that say nothing."""
    sets = store.read("nothing")
    rows = []
    for setting, own in sets.groupby("setting", sort=False):
        for name in NOTHING:
            rows.append((str(setting), *vars(mean(name, own[name].to_numpy())).values()))
    found = pd.DataFrame(rows, columns=["setting", "quantity", "value", "se", "sets"])
    line = verdict(found, ["level validated", "slope validated"], (0.47, 0.53), "Validated C, mean over data sets")
    weak = found[found["quantity"] == "weak"]["value"]
    spread = sets[["level validated", "slope validated"]].std().max()
    return NOTHING_THERE.format(
        size=size(found), table=wide(found, NOTHING), verdict=line, weak=f"{weak.mean():.2f}", spread=f"{spread:.3f}"
    )


NOTHING = ("level validated", "slope validated", "weak")

HEAD = """# Do the tests, intervals and coefficients hold what they promise?

Simulation with known truth. Every number below comes from tables in [validity/](validity), which `{command}` fills;
this page and its pictures are made of them. Seeds are fixed. In brackets stands the Monte Carlo standard error: a
value that misses its aim by less than about two of them may have missed it by chance.

The growth half is simulated with intercepts of SD 1, residuals of SD 0.5, a mean slope of 0.1 and visits at times 0
to 5 ("ragged": each visit after the second missing with probability 0.4)."""

NO_SLOPE = """## No patient has a slope of its own: how often a test at 0.05 says otherwise

{size}. "{name}" is the p-value that a report prints: up to {draws} draws of each data set, which
end at the twentieth ratio as large as the observed one (Besag & Clifford 1991); {reported}. "Bootstrap"
takes one draw of each data set and pools the draws ("warp speed"), which estimates the share that very many draws would
reject. The mixture is half chi-square 1 and half chi-square 2; naive is chi-square 2,
as if the slope's variance could lie on either side of 0.

{table}

{verdicts}
- Mixture: {mixture}; naive: {naive} (no aim: the report shows them beside the bootstrap). Naive, the test is too
  cautious and misses slopes.

![Shares rejected where there is no slope](validity/no_slope.svg)"""

POWER = """## Patients have slopes of their own: how often each test finds them

{size}.

{table}

- {verdict}

![Power against the spread of slopes](validity/power.svg)"""

SERIAL = """## No slopes, but residuals that resemble their neighbours

Residuals are an Ornstein–Uhlenbeck process whose values one time unit apart correlate at 0.3 or 0.6. {size}.

{table}

All four tests, the bootstrap among them, then find slopes that are not there, in {low} to {high} of data sets:
within a few visits a slow drift is a trend. A bootstrap of the wrong model is no protection. This is why the report
compares with a random intercept and exponential correlation, and claims no patient-specific trend unless the slope
survives: that comparison {said} ({without_size}):

{without}

What the protection costs where there are slopes and no serial correlation ({with_size}):

{with_slopes}"""

COVERAGE = """## 95% intervals of growth models

Slope SD 0.2, correlation of intercept and slope 0.3. {size}. Fixed effects have t intervals with Satterthwaite's
degrees of freedom; SDs, correlation and residual SD have REML profile intervals, as the report gives
them.

{table}

{verdicts}

![Coverage of 95% intervals](validity/coverage.svg)"""

CALIBRATION = """## Slopes of new patients and their reliability

Each data set's model scores the patients of another one ({size}). "Truth on BLUP" is the slope of the regression of
true slopes on predicted ones: 1 says that predictions are neither too bold nor too timid. Stated reliability should
equal the squared correlation of truth and prediction. "No slopes" is the share of data sets whose fit has no slope
variance, which have no part in the other columns.

{table}

{verdicts}
- The stated reliability takes the estimated variances for the true ones, which is too bold where slopes are weak, by an
  amount that shrinks with the number of patients (ragged visits, slope SD 0.1; {shrinking}). Hence its bootstrap
  interval in the report. Where a fit found hardly any spread of slopes, the regression on it runs wild: see the
  standard errors with 30 patients."""

TWO_STAGES = """## A true effect of the slope on survival

Five visits up to a landmark at 2 years, slopes with a true reliability of 0.5; after the landmark the hazard is
constant and depends on the true level (0.3 per SD) and on the true slope ({effect} per SD), and half of the
patients have the event. The coefficient is that of the slope in the step `slope` (level and slope, cross-fitted
over 5 folds twice, Cox), per unit, times the true SD of slopes: {effect} is right. Naive intervals take the slopes
as known; the bootstrap refits growth models, cross-fitting and Cox model on 200 resamples of the patients. {size}.

{table}

{verdicts}

![Estimates and intervals of the slope's coefficient](validity/two_stages.svg)"""

NOTHING_THERE = """## Two hundred markers that say nothing

300 patients, 200 markers with courses of their own, half of the patients with events; elastic-net Cox models of all
levels, and of all levels and slopes (400 predictors), in 5×(5+1) nested folds with the penalty chosen inside the
training patients. "Noise": no marker matters. "Permuted outcomes": ten markers matter, then follow-up and event are
dealt to the patients at random. "Weak": an elastic net with a fixed weak penalty (0.05), scored by Harrell's C in
its own training patients, as is often printed. {size}.

{table}

- {verdict}
- A fixed weak penalty reads {weak} in its training patients, out of nothing. Validated C varies between data sets with
  an SD of {spread}.

![Validated and in-sample C of markers that say nothing](validity/nothing.svg)"""

SAID = {"wide": wide, "verdict": verdict, "size": size}

PARTS: tuple[tuple[str, str, Callable[[Store], str]], ...] = (
    ("starts", "Growth models of few patients: does the search end at the lowest deviance?", starts_section),
    ("type_one", "No patient has a slope of its own", no_slope),
    ("power", "Patients have slopes of their own", power),
    ("serial_tests", "No slopes, but residuals that resemble their neighbours", serial),
    ("trend_claims", "How often a patient-specific trend is claimed", partial(claims_section, **SAID)),
    ("coverage", "95% intervals of growth models", coverage),
    ("calibration", "Slopes of new patients and their reliability", calibration),
    ("cautions", "How often a caution is given where nothing is wrong", partial(cautions_section, **SAID)),
    ("dropout", "Slopes of those who were seen for the shortest time", partial(dropout_section, **SAID)),
    ("fast_share", "The share of fast changers", partial(fast_section, **SAID)),
    ("effects", "Effects of a treatment that differ between patients", partial(effects_section, **SAID)),
    ("interruption", "An interruption of many series", partial(interruption_section, **SAID)),
    ("effect_posterior", "Effects under a posterior", partial(effect_posterior_section, **SAID)),
    ("iptw", "A treatment that follows the patient's state", partial(weighting_section, **SAID)),
    ("sbc", "Posteriors: ranks of true values", partial(bayes_section, verdict=verdict)),
    ("two_stages", "A true effect of the slope on survival", two_stages),
    ("intervals", "95% intervals of validated figures", interval_section),
    ("verdicts", "How often each verdict on the slope is given", verdict_section),
    ("nothing", "Two hundred markers that say nothing", nothing),
    ("combat", "A scanner that is used at late visits", partial(batches_section, **SAID)),
    ("markers", "Many markers: filters and selection inside and outside the folds", partial(markers_section, **SAID)),
)


def write_page(store: Store, path: Path, command: str) -> None:
    """Write the page, and beside the tables the pictures of the parts that are there."""
    from parts import validity_pictures as pictures

    pictures.draw_all(store)
    path.write_text(page(store, command), encoding="utf-8")
