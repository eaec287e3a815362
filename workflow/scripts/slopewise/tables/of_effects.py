"""Tables below ``effects/``: the effect of a treatment or an interruption, and how much it differs between patients."""

from __future__ import annotations

from slopewise.tables.schema import FLAG, INTEGER, NUMBER, TEXT, Kind, Schema


def _numbers(text: str, kind: Kind = NUMBER) -> dict[str, Kind]:
    return dict.fromkeys(text.split(), kind)


OF_EFFECTS: dict[str, Schema] = {
    # What the data can tell, and on what it rests; the reference and the other level of a treatment.
    "effects/design": Schema(
        {
            "marker": TEXT,
            "design": ("within", "single", "parallel", "interruption", "weighted"),
            **dict.fromkeys(("reference", "versus"), TEXT),
            **_numbers("patients patients_both rows rows_reference rows_versus replicated", INTEGER),
            "residual": ("one", "by treatment", "by arm"),
            "formula": TEXT,
        },
        ("marker",),
    ),
    "effects/average": Schema(
        {
            **dict.fromkeys(("marker", "effect", "term"), TEXT),
            **_numbers("estimate se df statistic p_value ci_low ci_high"),
        },
        ("marker", "effect", "term"),
        positional=True,
    ),
    # Do the periods, the sequences or the time change the result? Likelihood-ratio tests by maximum likelihood.
    "effects/checks": Schema(
        {"marker": TEXT, "what": ("period", "sequence", "time"), **_numbers("lrt df p_value")}, ("marker", "what")
    ),
    "effects/spread": Schema(
        {
            **dict.fromkeys(("marker", "effect"), TEXT),
            **_numbers("sd ci_low ci_high correlation correlation_low correlation_high"),
            **_numbers("lrt p_value p_value_bootstrap reliability"),
            "singular": FLAG,
        },
        ("marker", "effect"),
    ),
    "effects/patients": Schema(
        {
            **dict.fromkeys(("marker", "effect", "patient"), TEXT),
            "rows": INTEGER,
            **_numbers("estimate se ci_low ci_high reliability own"),
        },
        ("marker", "effect", "patient"),
    ),
    "effects/shares": Schema(
        {
            **dict.fromkeys(("marker", "effect"), TEXT),
            "what": ("opposite", "meaningful"),
            "side": ("below", "above"),
            "limit": NUMBER,
            "patients": INTEGER,
            **_numbers("share ci_low ci_high"),
            **_numbers("likely sure", INTEGER),
        },
        ("marker", "effect", "what"),
    ),
    # Averages, spreads between patients and what the residuals have besides, under `growth.engine: bayes`.
    "effects/posterior": Schema(
        {
            **dict.fromkeys(("marker", "effect"), TEXT),
            "what": ("average", "spread", "residuals"),
            **_numbers("mean sd median ci_low ci_high above_zero"),
        },
        ("marker", "effect", "what"),
        positional=True,
    ),
    "effects/residuals": Schema(
        {
            **dict.fromkeys(("marker", "stratum"), TEXT),
            "rows": INTEGER,
            **_numbers("residual_sd ratio ci_low ci_high deviance_equal deviance lrt df p_value"),
        },
        ("marker", "stratum"),
    ),
    "effects/arms": Schema(
        {
            "marker": TEXT,
            "component": ("level", "slope", "correlation", "residual", "all"),
            **_numbers("reference versus ratio ci_low ci_high lrt df p_value"),
        },
        ("marker", "component"),
    ),
    # An interruption: the correlation of neighbouring residuals; its effect over time; the course without it.
    "effects/serial": Schema(
        {
            "marker": TEXT,
            "residuals": ("AR(1)", "exponential", "independent"),
            **_numbers("correlation ci_low ci_high step residual_sd deviance lrt p_value"),
        },
        ("marker", "residuals"),
    ),
    "effects/course": Schema(
        {"marker": TEXT, **_numbers("since estimate ci_low ci_high unit_low unit_high")}, ("marker", "since")
    ),
    "effects/curves": Schema(
        {**dict.fromkeys(("marker", "patient"), TEXT), **_numbers("time since observed fitted without")},
        ("marker", "patient", "time"),
        positional=True,
    ),
    "effects/sensitivity": Schema(
        {
            "marker": TEXT,
            "analysis": ("as reported", "independent residuals", "placebo moment"),
            "effect": TEXT,
            "units": INTEGER,
            **_numbers("estimate se df statistic p_value ci_low ci_high sd correlation"),
        },
        ("marker", "analysis", "effect"),
    ),
    "effects/characteristics": Schema(
        {
            **dict.fromkeys(("marker", "characteristic", "level", "effect"), TEXT),
            **_numbers("estimate se df statistic p_value ci_low ci_high sd_left lrt"),
            "lrt_df": INTEGER,
            "p_joint": NUMBER,
        },
        ("marker", "characteristic", "level", "effect"),
    ),
    # A treatment that follows the patient's state: its effect with weights and without, and what the weights are.
    "effects/analyses": Schema(
        {
            **dict.fromkeys(("marker", "analysis", "effect"), TEXT),
            **_numbers("estimate se df statistic p_value ci_low ci_high"),
            **_numbers("se_uncorrected ci_low_bootstrap ci_high_bootstrap resamples e_value e_value_limit"),
        },
        ("marker", "analysis", "effect"),
        positional=True,
    ),
    "effects/weights": Schema(
        {
            **dict.fromkeys(("marker", "visit"), TEXT),
            **_numbers("rows treated", INTEGER),
            **_numbers("mean minimum maximum effective"),
        },
        ("marker", "visit"),
        positional=True,
    ),
    "effects/balance": Schema(
        {**dict.fromkeys(("marker", "column"), TEXT), **_numbers("before after")}, ("marker", "column"), positional=True
    ),
    "effects/positivity": Schema(
        {
            **dict.fromkeys(("marker", "column", "stratum"), TEXT),
            "previous": ("no", "yes"),
            **_numbers("decisions treated", INTEGER),
            **_numbers("lowest highest"),
        },
        ("marker", "column", "previous", "stratum"),
        positional=True,
    ),
    "effects/models": Schema(
        {**dict.fromkeys(("marker", "model", "term"), TEXT), "log_odds": NUMBER},
        ("marker", "model", "term"),
        positional=True,
    ),
}
