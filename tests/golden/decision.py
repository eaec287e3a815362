"""Reference numbers for net benefit, by the authors' program for decision curves, dcurves.

    python -m pip install dcurves==1.1.7 && python decision.py    (in this folder, after outcome.R)

Makes decision.csv: of each column of risks in outcome_cohort.csv the net benefit for the plain outcome (had the event
or not) and for the event within 3, 5 and 8 years under censoring (the Kaplan-Meier risk of those above the threshold).
"""

import pandas as pd
from dcurves import dca

THRESHOLDS = [0.1, 0.3, 0.5]
HORIZONS = (3, 5, 8)

cohort = pd.read_csv("outcome_cohort.csv")
cohort["had"] = (cohort["event"] == 1).astype(int)
risks = [f"risk_{horizon}" for horizon in HORIZONS]
plain = dca(data=cohort, outcome="had", modelnames=risks, thresholds=THRESHOLDS).assign(kind="plain", horizon=0)
timed = [
    dca(
        data=cohort, outcome="had", modelnames=[f"risk_{horizon}"], thresholds=THRESHOLDS, time=horizon,
        time_to_outcome_col="followup",
    ).assign(kind="timed", horizon=horizon)
    for horizon in HORIZONS
]  # fmt: skip
table = pd.concat([plain, *timed])[["kind", "horizon", "model", "threshold", "net_benefit"]]
table.to_csv("decision.csv", index=False)
