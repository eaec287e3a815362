"""Tables below ``growth/`` about the population: its residual variances, shape, strata and clock."""

from __future__ import annotations

from slopewise.tables_schema import INTEGER, NUMBER, TEXT, Kind, Table


def _numbers(text: str) -> dict[str, Kind]:
    return dict.fromkeys(text.split(), NUMBER)


OF_GROWTH: dict[str, Table] = {
    "growth/residuals": Table(
        {
            "marker": TEXT,
            "stratum": TEXT,
            "rows": INTEGER,
            **_numbers("residual_sd ratio ci_low ci_high deviance_equal deviance lrt df p_value"),
        },
        ("marker", "stratum"),
    ),
    "growth/linearity": Table(
        {
            "marker": TEXT,
            "shape": ("linear", "quadratic", "spline", "study"),
            "formula": TEXT,
            "parameters": INTEGER,
            **_numbers("deviance_ml aic lrt df p_value slope_first slope_last"),
        },
        ("marker", "shape"),
    ),
    "growth/slopes_by_stratum": Table(
        {
            **dict.fromkeys(("marker", "by", "stratum", "versus"), TEXT),
            **_numbers("patients at estimate se df statistic p_value ci_low ci_high"),
        },
        ("marker", "by", "stratum", "versus"),
    ),
    "growth/lines": Table(
        {"marker": TEXT, "group": INTEGER, **_numbers("intercept slope intercept_ols slope_ols first last")},
        ("marker", "group"),
    ),
    "growth/centring": Table(
        {
            "marker": TEXT,
            "structure": ("correlated", "diagonal"),
            **_numbers("zero deviance intercept intercept_se intercept_sd slope slope_se slope_sd correlation"),
        },
        ("marker", "structure", "zero"),
    ),
}

OF_SLOPES: dict[str, Table] = {
    "slopes/fast_changers": Table(
        {
            "patient": TEXT,
            "marker": TEXT,
            "side": ("below", "above"),
            **_numbers("limit slope slope_sd probability"),
        },
        ("patient", "marker", "side"),
    ),
    "slopes/fast_share": Table(
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
