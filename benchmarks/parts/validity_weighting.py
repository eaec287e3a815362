"""A treatment that follows the patient's state: bias and coverage of marginal structural models and random slopes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from parts.monte_carlo import COLUMNS, Quantity, Store, mean, share
from parts.validity_growth import SEED
from slopewise.effects.weighting.histories import history_of, with_histories
from slopewise.effects.weighting.marginal import Marginal, marginal_model
from slopewise.effects.weighting.models import WeightModels, stabilised_weights
from slopewise.effects.weighting.resampling import percentiles, resampled
from slopewise.growth.fitting import fit_everybody
from slopewise.growth.model import GrowthModel
from slopewise.run.seeds import generator

RESAMPLES, NORMAL = 200, 1.959964
LEVEL, SLOPE, VISITS, DROPPED = -0.5, -0.2, 6, 5.0
"""The treatment's effects on level and slope, the number of visits, and the end of follow-up."""

SECTION = """## A treatment that follows the patient's state

Patients with up to 6 visits. Treatment starts and stops with a state of the last visit, by the log odds that the
setting names per unit; earlier treatment lowers the state by 0.5, and the state shares a cause with the marker.
Treatment changes the marker's level by −0.5 and its slope by −0.2; the SD of the marker's level between patients is
1, as is its residual SD. Four analyses with the same terms: marginal structural models with all weights as they are
("weighted") and with weights truncated at 1% and 99% ("truncated"), and random-slope models without the state
("random slopes") and adjusted for the state of the last visit ("adjusted"). "Error" is the mean estimate less the
truth; coverage is that of the 95% intervals, which for weighted analyses are robust ones, corrected for patients with
large weights, with Satterthwaite's degrees of freedom ("uncorrected": without either). With drop-out, patients with a
high state leave more often, and staying is weighted for. {size}.

{table}

{bootstrap}{verdicts}"""


BOOTSTRAP = """The robust intervals take the weights as known. Those of the bootstrap of patients
({resamples} resamples), in which the weights are estimated anew, cover as follows. {size}.

{table}

"""


@dataclass(frozen=True)
class Followed:
    """How many patients, the log odds of treatment per unit of the state, and whether the state makes them drop out."""

    patients: int
    confounding: float
    dropout: bool

    @property
    def name(self) -> str:
        """What the tables and the seeds call it."""
        ending = ", drop-out" if self.dropout else ""
        return f"{self.patients} patients, log odds {self.confounding:g}{ending}"


SETTINGS = (Followed(400, 0.6, False), Followed(400, 0.6, True), Followed(400, 1.0, False))


def _chance(eta: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-eta))


def rows(followed: Followed, rng: np.random.Generator) -> pd.DataFrame:
    """Rows of one data set with their histories."""
    n = followed.patients
    level, slope = rng.normal(size=n), 0.1 * rng.normal(size=n)
    drug, state, exposure, here = np.zeros(n), np.zeros(n), np.zeros(n), np.ones(n, dtype=bool)
    parts = []
    for visit in range(VISITS):
        if visit:
            here = here & ~(followed.dropout & (rng.random(n) < _chance(-2.5 + 0.7 * state)))
            drug = (rng.random(n) < _chance(-1.2 + followed.confounding * state + 1.2 * drug)).astype(float)
            exposure = exposure + drug
        state = 0.7 * level - 0.5 * drug + rng.normal(size=n)
        y = 10 + (0.2 + slope) * visit + level + LEVEL * drug + SLOPE * exposure + rng.normal(size=n)
        parts.append(
            pd.DataFrame({"patient": np.arange(n), "time": float(visit), "drug": drug, "state": state, "y": y})[here]
        )
    frame = pd.concat(parts)
    return with_histories(frame.assign(patient=frame["patient"].map("p{:04d}".format).astype(object)), "drug")


def _estimates(frame: pd.DataFrame, followed: Followed) -> dict[str, pd.DataFrame]:
    """term, estimate, ci_low, ci_high by analysis."""
    until = DROPPED if followed.dropout else None
    whole = stabilised_weights(frame, ["state"], followed_until=until)
    cut = stabilised_weights(frame, ["state"], truncation=0.01, followed_until=until)
    fixed = "~ time + treated + exposure"
    last = history_of(frame, ["state"])["state"].fillna(0.0)
    adjusted = frame.assign(last_state=last)
    return {
        "weighted": marginal_model(frame, "y", fixed, whole.truncated),
        "truncated": marginal_model(frame, "y", fixed, cut.truncated),
        "random slopes": fit_everybody(GrowthModel(fixed=fixed, random="~ time").data(frame, "y")).fixed_effects,
        "adjusted": fit_everybody(
            GrowthModel(fixed=f"{fixed} + last_state", random="~ time").data(adjusted, "y")
        ).fixed_effects,
    }


def covered(followed: Followed, count: int) -> list[Quantity]:
    """Errors and coverage of each analysis."""
    found: dict[str, list[float]] = {}
    for k in range(count):
        frame = rows(followed, generator(SEED, "iptw", followed.name, k))
        for way, table in _estimates(frame, followed).items():
            by_term = table.set_index("term")
            for what, term, truth in (("level", "treated", LEVEL), ("slope", "exposure", SLOPE)):
                row = by_term.loc[term]
                found.setdefault(f"error, {what}, {way}", []).append(float(row["estimate"] - truth))
                inside = row["ci_low"] <= truth <= row["ci_high"]
                found.setdefault(f"coverage, {what}, {way}", []).append(float(inside))
                if way == "weighted":
                    inside = abs(row["estimate"] - truth) <= NORMAL * row["se_robust"]
                    found.setdefault(f"coverage, {what}, uncorrected", []).append(float(inside))
    return [
        share(name, np.array(values) > 0) if name.startswith("coverage") else mean(name, values)
        for name, values in found.items()
    ]


def covered_by_bootstrap(followed: Followed, number: int) -> dict[str, float]:
    """Whether the percentile intervals of the weighted effects, without truncation, include the truth in a data set."""
    until = DROPPED if followed.dropout else None
    rng = generator(SEED, "iptw_bootstrap", followed.name, number)
    frame = rows(followed, rng)
    models = WeightModels.learn(frame, ["state"], followed_until=until)
    marginal = Marginal.learn(frame, "y", "~ time + treated + exposure")
    low, high = percentiles(resampled(models, marginal, RESAMPLES, 0.0, rng), RESAMPLES)
    places = {"level": (marginal.names.index("treated"), LEVEL), "slope": (marginal.names.index("exposure"), SLOPE)}
    return {what: float(low[place] <= truth <= high[place]) for what, (place, truth) in places.items()}


def _of_bootstrap(store: Store) -> pd.DataFrame:
    """The coverage of those intervals, in the form of the tables."""
    found = store.read("iptw_bootstrap")
    rows = [
        (setting, one.name, one.value, one.se, one.sets)
        for setting, own in found.groupby("setting", sort=False)
        for one in (share(f"coverage, {what}, bootstrap", own[what] > 0) for what in ("level", "slope"))
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def weighting_section(
    store: Store, wide: Callable[..., str], verdict: Callable[..., str], size: Callable[..., str]
) -> str:
    """The table of errors and coverage."""
    found = store.read("iptw")
    effects = ("level", "slope")
    lines = [
        verdict(found, [f"error, {of}, weighted" for of in effects], (-0.05, 0.05), "Error with weights"),
        verdict(found, [f"coverage, {of}, weighted" for of in effects], (0.9, 0.98), "Coverage with weights"),
    ]
    columns = [
        f"{what}, {of}, {way}"
        for way in ("weighted", "truncated", "random slopes", "adjusted")
        for of in effects
        for what in ("error", "coverage")
    ]
    columns[4:4] = [f"coverage, {of}, uncorrected" for of in effects]
    drawn = _of_bootstrap(store)
    names = tuple(f"coverage, {of}, bootstrap" for of in effects)
    bootstrap = ""
    if len(drawn):
        lines.append(verdict(drawn, list(names), (0.9, 0.98), "Coverage of the bootstrap"))
        bootstrap = BOOTSTRAP.format(resamples=RESAMPLES, size=size(drawn), table=wide(drawn, names))
    return SECTION.format(
        size=size(found),
        verdicts="\n".join(f"- {line}" for line in lines),
        table=wide(found, tuple(columns)),
        bootstrap=bootstrap,
    )
