"""Tables below ``growth/``: the population's residual variances, shape, strata and clock; checks; pooling."""

from __future__ import annotations

from slopewise.tables.schema import FLAG, FULL, INTEGER, NUMBER, TEXT, Kind, Schema

EFFECTS = ("residual", "intercept", "slope")
PARAMETERS = ("fixed", "sd", "correlation", "residual")


def _numbers(text: str, kind: Kind = NUMBER) -> dict[str, Kind]:
    return dict.fromkeys(text.split(), kind)


OF_GROWTH: dict[str, Schema] = {
    "growth/residuals": Schema(
        {
            "marker": TEXT,
            "stratum": TEXT,
            "rows": INTEGER,
            **_numbers("residual_sd ratio ci_low ci_high deviance_equal deviance lrt df p_value"),
        },
        ("marker", "stratum"),
    ),
    "growth/linearity": Schema(
        {
            "marker": TEXT,
            "shape": ("linear", "quadratic", "spline", "study"),
            "formula": TEXT,
            "parameters": INTEGER,
            **_numbers("deviance_ml aic lrt df p_value slope_first slope_last"),
        },
        ("marker", "shape"),
    ),
    "growth/slopes_by_stratum": Schema(
        {
            **dict.fromkeys(("marker", "by", "stratum", "versus"), TEXT),
            **_numbers("patients at estimate se df statistic p_value ci_low ci_high"),
        },
        ("marker", "by", "stratum", "versus"),
    ),
    "growth/lines": Schema(
        {"marker": TEXT, "group": INTEGER, **_numbers("intercept slope intercept_ols slope_ols first last")},
        ("marker", "group"),
    ),
    "growth/centring": Schema(
        {
            "marker": TEXT,
            "structure": ("correlated", "diagonal"),
            **_numbers("zero deviance intercept intercept_se intercept_sd slope slope_se slope_sd correlation"),
        },
        ("marker", "structure", "zero"),
    ),
    # Values and the patients' differences at a moment within the measurements.
    "growth/origin": Schema(
        {
            "marker": TEXT,
            "moment": ("zero", "landmark", "mean"),
            "at": FULL,
            **_numbers("estimate se df ci_low ci_high slope slope_low slope_high sd slope_sd"),
            **_numbers("correlation correlation_low correlation_high"),
        },
        ("marker",),
    ),
    # The slope beside a residual variance that changes with the predictor, or with the value that is expected.
    "growth/heteroscedastic": Schema(
        {
            "marker": TEXT,
            "by": ("time", "fitted"),
            **_numbers("deviance_intercept deviance_slope sd_ratio lrt_scatter p_scatter lrt p_value"),
        },
        ("marker", "by"),
    ),
    "growth/verdict": Schema(
        {
            "marker": TEXT,
            "verdict": ("none", "trend", "unclear"),
            "against": TEXT,
            "arbiter": ("bootstrap", "mixture"),
            **_numbers("p_value q_value p_f p_serial p_time p_fitted"),
            "singular": FLAG,
        },
        ("marker",),
    ),
    "growth/posterior": Schema(
        {
            "marker": TEXT,
            "kind": PARAMETERS,
            **dict.fromkeys(("term_1", "term_2"), TEXT),
            **_numbers("mean sd median ci_low ci_high above_zero rhat ess_bulk ess_tail reml"),
        },
        ("marker", "kind", "term_1", "term_2"),
    ),
    "growth/prior_sensitivity": Schema(
        {
            "marker": TEXT,
            "kind": PARAMETERS,
            **dict.fromkeys(("term_1", "term_2"), TEXT),
            **_numbers("mean narrow wide shift"),
            "sensitive": FLAG,
        },
        ("marker", "kind", "term_1", "term_2"),
    ),
    "growth/posterior_check": Schema(
        {
            "marker": TEXT,
            "statistic": ("mean", "sd", "smallest", "largest", "sd_of_means", "within_sd", "step_sd"),
            **_numbers("observed predicted ci_low ci_high above"),
        },
        ("marker", "statistic"),
    ),
    # The order of chain and draw is that of sampling, so that `arviz.from_dict` can take a parameter as an array.
    "growth/posterior_draws": Schema(
        {
            "marker": TEXT,
            "kind": PARAMETERS,
            **dict.fromkeys(("term_1", "term_2"), TEXT),
            "chain": INTEGER,
            "draw": INTEGER,
            "value": FULL,
        },
        ("marker", "kind", "term_1", "term_2", "chain", "draw"),
    ),
    "growth/correlation": Schema(
        {"marker": TEXT, **_numbers("time_1 time_2", FULL), **_numbers("random_intercept random_slope")},
        ("marker", "time_1", "time_2"),
    ),
    # One row a patient, under no, partial and complete pooling, and what the model loses without the patient.
    "growth/patients": Schema(
        {
            "marker": TEXT,
            "patient": TEXT,
            "visits": INTEGER,
            **_numbers("first last middle residual", FULL),
            **_numbers("trend trend_noise intercept_ols slope_ols intercept slope slope_se reliability"),
            **_numbers("intercept_pooled slope_pooled slope_change slope_change_se slope_sd_change cook"),
        },
        ("marker", "patient"),
    ),
    "growth/planned": Schema(
        {"marker": TEXT, "span": FULL, "visits": INTEGER, "reliability": FULL}, ("marker", "span", "visits")
    ),
    "growth/scatter": Schema(
        {"marker": TEXT, **_numbers("fitted residual", FULL)}, ("marker", "fitted", "residual"), positional=True
    ),
    "growth/spread": Schema(
        {"marker": TEXT, "fitted": FULL, "rows": INTEGER, **_numbers("mean sd", FULL)}, ("marker", "fitted")
    ),
    "growth/quantiles": Schema(
        {"marker": TEXT, "what": EFFECTS, **_numbers("normal seen low high", FULL)}, ("marker", "what", "normal")
    ),
    "growth/normality": Schema(
        {
            "marker": TEXT,
            "what": EFFECTS,
            "number": INTEGER,
            **_numbers("skewness kurtosis beyond_2 beyond_3 outside p_value largest"),
        },
        ("marker", "what"),
    ),
    "growth/influence": Schema({"marker": TEXT, **_numbers("slope_change_se slope_sd_change p_value")}, ("marker",)),
    "growth/visits": Schema(
        {
            "marker": TEXT,
            **_numbers("patients fewest most", INTEGER),
            **_numbers("correlation correlation_low correlation_high estimate se df p_value ci_low ci_high"),
        },
        ("marker",),
    ),
}

OF_SLOPES: dict[str, Schema] = {
    "slopes/dropout": Schema(
        {
            "marker": TEXT,
            "part": INTEGER,
            **_numbers("last_from last_to", FULL),
            "patients": INTEGER,
            **_numbers("slope df slope_low slope_high difference difference_low difference_high p_value reliability"),
        },
        ("marker", "part"),
    ),
    "slopes/dropout_pattern": Schema(
        {"marker": TEXT, "part": INTEGER, "time": FULL, "patients": INTEGER, **_numbers("mean mean_low mean_high")},
        ("marker", "part", "time"),
    ),
    "slopes/fast_changers": Schema(
        {
            "patient": TEXT,
            "marker": TEXT,
            "side": ("below", "above"),
            **_numbers("limit slope slope_sd probability"),
        },
        ("patient", "marker", "side"),
    ),
    "slopes/fast_share": Schema(
        {
            "marker": TEXT,
            "side": ("below", "above"),
            "limit": NUMBER,
            "patients": INTEGER,
            **_numbers("share ci_low ci_high share_slope share_ols"),
            "likely": INTEGER,
            "sure": INTEGER,
        },
        ("marker", "side"),
    ),
}
"""Tables of the slopes for which the study names a limit; the first has a row a patient."""
