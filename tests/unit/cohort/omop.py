"""A small OMOP Common Data Model 5.4, made of the PBC study: only the tables and columns that the templates read."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

CONCEPTS = {"bili": 3024128, "albumin": 3024561, "protime": 3034426, "platelet": 3007461}
UNITS = {"bili": 8840, "albumin": 8713, "protime": 8555, "platelet": 0}
CODES = {8840: "mg/dL", 8713: "g/dL", 8555: "s"}
CIRRHOSIS, OF_CIRRHOSIS = 4064161, 196463
"""A condition, and one of its descendants."""


def entry(patient: str) -> date:
    """The day from which the days of a patient count."""
    return date(1975, 1, 1) + timedelta(days=7 * int(patient))


def omop(measurements: pd.DataFrame, patients: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The tables, from those of the PBC study as text; every event is a death, every tenth patient had cirrhosis."""
    long = measurements.melt(["id", "day"], list(CONCEPTS), "name", "value").query("value != ''").reset_index(drop=True)
    person = patients["id"].astype(int)
    born = [
        entry(one) - timedelta(days=round(float(age) * 365.25))
        for one, age in zip(patients["id"], patients["age"], strict=True)
    ]
    end = [entry(one) + timedelta(days=int(day)) for one, day in zip(patients["id"], patients["futime"], strict=True)]
    observed = pd.DataFrame({"person_id": person, "observation_period_end_date": end})
    early = observed.assign(observation_period_end_date=[entry(one) for one in patients["id"]])
    ill = patients["id"].astype(int) % 10 == 0
    first = [entry(one) + timedelta(days=900) for one in patients["id"][ill]]
    conditions = pd.DataFrame(
        {"person_id": person[ill], "condition_concept_id": OF_CIRRHOSIS, "condition_start_date": first}
    )
    again = conditions.assign(condition_start_date=[day + timedelta(days=100) for day in first])
    return {
        "measurement": pd.DataFrame(
            {
                "measurement_id": range(len(long)),
                "person_id": long["id"].astype(int),
                "measurement_concept_id": long["name"].map(CONCEPTS),
                "measurement_date": [
                    entry(one) + timedelta(days=int(day)) for one, day in zip(long["id"], long["day"], strict=True)
                ],
                "operator_concept_id": 4172703,
                "value_as_number": long["value"].astype(float),
                "unit_concept_id": long["name"].map(UNITS),
                "unit_source_value": "as the laboratory wrote it",
            }
        ),
        "concept": pd.DataFrame({"concept_id": list(CODES), "concept_code": list(CODES.values())}),
        "person": pd.DataFrame(
            {
                "person_id": person,
                "gender_concept_id": patients["sex"].map({"m": 8507, "f": 8532}),
                "year_of_birth": [day.year for day in born],
                "month_of_birth": [day.month for day in born],
                "day_of_birth": [day.day for day in born],
            }
        ),
        "observation_period": pd.concat([early, observed]),
        "death": pd.DataFrame({"person_id": person, "death_date": end})[patients["status"] != "0"],
        "condition_occurrence": pd.concat([again, conditions]),
        "concept_ancestor": pd.DataFrame(
            {"ancestor_concept_id": [CIRRHOSIS, CIRRHOSIS], "descendant_concept_id": [CIRRHOSIS, OF_CIRRHOSIS]}
        ),
    }
