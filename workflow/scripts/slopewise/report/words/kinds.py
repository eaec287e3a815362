"""What differs in words between kinds of outcome: metrics, models and what their coefficients are."""

from __future__ import annotations

from dataclasses import dataclass, field

CONCORDANCES = {"c_uno": "Uno’s C", "c_harrell": "Harrell’s C"}
"""The metrics a headline may rest on, the first that was computed."""


@dataclass(frozen=True)
class Words:
    """`headlines`: the metrics that a headline may rest on, the first that was computed, by their names. `short`: one
    word for it, `explained`: what it is, `coin`: its value without any knowledge. `model`: the outcome model, `effect`
    and `effects` what its coefficients are, `left_side` what its terms are added to; `event`: what patients have or
    have not, `had`: the columns that count it. `analysed`: who is left at the end of the flow; `informative`: what
    carries the information; `ten_of`: what a group needs ten of."""

    analysed: str
    headlines: dict[str, str] = field(default_factory=dict)
    short: str = ""
    explained: str = ""
    coin: str = ""
    model: str = ""
    effect: str = ""
    effects: str = ""
    left_side: str = ""
    event: str = ""
    had: tuple[str, ...] = ()
    informative: str = "patients"
    ten_of: str = "patients"


WORDS = {
    "survival": Words(
        headlines=CONCORDANCES,
        short="C",
        explained="the proportion of pairs of patients ranked correctly",
        coin="0.5 is no better than chance",
        model="Cox",
        effect="hazard ratio",
        effects="Hazard ratios",
        left_side="log hazard(t) = log hazard₀(t)",
        event="event",
        had=("events",),
        analysed="at risk at the landmark",
        informative="events",
        ten_of="events",
    ),
    "binary": Words(
        headlines={"auc": "AUC"},
        short="AUC",
        explained="the proportion of pairs, one patient with the outcome and one without, ranked correctly",
        coin="0.5 is no better than chance",
        model="logistic",
        effect="odds ratio",
        effects="Odds ratios",
        left_side="log odds = intercept",
        event="outcome",
        had=("with the outcome",),
        analysed="whose outcome is predicted",
        informative="patients with the rarer outcome",
        ten_of="patients with the outcome, or without it,",
    ),
    "continuous": Words(
        headlines={"r2": "R²"},
        short="R²",
        explained="the proportion of the outcome’s variance explained",
        coin="0 is no better than the mean outcome",
        model="linear",
        effect="coefficient",
        effects="Differences in the outcome",
        left_side="mean outcome = intercept",
        event="outcome",
        analysed="whose outcome is predicted",
    ),
    "none": Words(analysed="analysed"),
}
"""By `outcome.kind`."""
