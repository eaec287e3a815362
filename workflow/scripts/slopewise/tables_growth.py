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
}
