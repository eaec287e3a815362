"""The tables of a small invented study, as its steps would have written them, for tests of figures and of the report.

Patients, courses and risks are simulated with a known pattern; performance is written down rather than measured, so
that a test can ask for a gain, for none or for a loss.
"""

from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from slopewise.report.material.frames import MadeOnce
from slopewise.run.files import write_json
from slopewise.study.model import Study
from slopewise.study.reading import parse_study
from slopewise.tables import files as tables
from slopewise.tables.of_growth import OF_GROWTH, OF_SLOPES
from slopewise.validate.risk_groups import risk_groups_table
from tests.unit.cli.check_tables import check_tables

EMPTY = {**OF_GROWTH, **OF_SLOPES}

CAUSE = "transplant or death"
HORIZONS = (1.0, 3.0)
REFERENCES = {
    "clinical": None, "baseline": "clinical", "last": "baseline", "delta": "baseline", "ols": "baseline",
    "level": "last", "slope": "level", "slope_only": "clinical",
}  # fmt: skip
VALUES = {
    "clinical": 0.541, "baseline": 0.772, "last": 0.806, "delta": 0.807, "ols": 0.801, "level": 0.812, "slope": 0.811,
    "slope_only": 0.744,
}  # fmt: skip
QUANTITIES = {
    "clinical": (), "baseline": ("first",), "last": ("last",), "delta": ("first", "delta"), "ols": ("first", "ols"),
    "level": ("level",), "slope": ("level", "slope"), "slope_only": ("slope",),
}  # fmt: skip
AT_HORIZON = {
    "auc": 0.8, "log_score": -0.5, "brier": 0.15, "ipa": 0.3, "calibration_slope": 0.93,
    "calibration_intercept": -0.05, "ici": 0.02, "observed_expected": 1.04, "net_benefit": 0.2,
}  # fmt: skip


class SomeFrames(SimpleNamespace, MadeOnce):
    """The frames that a test needs, in place of all of a report's."""

    def __init__(self, **frames: Any) -> None:
        super().__init__(**{"further": {}, **frames})


@dataclass
class Invented:
    """What the study is like; `gain` is the row ``slope`` of C: difference, its low and high end."""

    patients: int = 60
    markers: tuple[str, ...] = ("alpha", "beta")
    gain: tuple[float, float, float] = (-0.001, -0.008, 0.005)
    dropped: tuple[str, ...] = ()
    ratio_p: float = 0.4321
    permutation_p: float = 0.0149
    slope_effect: float | None = None
    """The coefficient of every slope beside its level, per unit and per SD; None invents another for each term."""
    singular: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ("c_uno", "c_harrell")
    keys: dict[str, Any] = field(default_factory=dict)
    """Further keys of the study file, by their path: ``{"title": "..."}``."""

    @property
    def names(self) -> list[str]:
        """Identifiers that nothing else in a report could look like, not in the order of their making."""
        return sorted(f"ZQ{(7919 * i) % 10007:05d}x" for i in range(1, self.patients + 1))

    def study(self) -> Study:
        """The study, read from its text like any other."""
        content: dict[str, Any] = {
            "study": "invented",
            "title": "An invented study",
            "seed": 11,
            "data": {
                "measurements": "m.csv", "patient": "id", "time": "month", "time_unit": "months",
                "analysis_unit": "years",
            },
            "markers": {name: {"column": name, "unit": "mg/l"} for name in self.markers},
            "landmark": 2,
            "outcome": {
                "kind": "survival", "time": "end", "time_unit": "months", "event": "status",
                "events": {"1": "transplant", "2": "death"}, "covariates": ["age", "sex"], "horizons": list(HORIZONS),
            },
        }  # fmt: skip
        for path, value in self.keys.items():
            *parents, key = path.split(".")
            place = content
            for parent in parents:
                place = place.setdefault(parent, {})
            place[key] = value
        import yaml

        return parse_study(yaml.safe_dump(content, allow_unicode=True, sort_keys=False).encode(), "invented.yaml")

    def write(self, folder: Path) -> Path:
        """Write every table and provenance.json below `folder`; returns it."""
        rng = np.random.default_rng(5)
        patients = self._patients(rng)
        measurements = self._measurements(rng)
        slopes = self._slopes(measurements, rng)
        frames = {
            "cohort/measurements.parquet": measurements,
            "cohort/patients.parquet": patients,
            "cohort/flow.csv": self._flow(patients, len(measurements)),
            "cohort/excluded.csv": pd.DataFrame(columns=list(tables.TABLES["cohort/excluded"].columns)),
            "cohort/problems.csv": self._problems(),
            "growth/fixed_effects.csv": self._fixed(),
            "growth/covariance.csv": self._covariance(),
            "growth/population.csv": self._population(),
            "growth/comparison.csv": self._comparison(),
            "growth/serial.csv": self._serial(),
            "growth/trends.csv": self._trends(),
            "growth/variogram.csv": self._variogram(),
            "growth/implied.csv": self._implied(),
            **{f"{name}.csv": pd.DataFrame(columns=list(table.columns)) for name, table in EMPTY.items()},
            **{
                f"slopes/{name}.csv": pd.DataFrame(columns=list(tables.TABLES[f"slopes/{name}"].columns))
                for name in ("filters", "filter_survival", "filter_stability", "batch_audit")
            },
            "cohort/agreement.csv": pd.DataFrame(columns=list(tables.TABLES["cohort/agreement"].columns)),
            "outcome/batch_check.csv": pd.DataFrame(columns=list(tables.TABLES["outcome/batch_check"].columns)),
            **check_tables(self.markers, slopes),
            "growth/origin.csv": self._origin(),
            "growth/heteroscedastic.csv": self._heteroscedastic(),
            "growth/verdict.csv": self._verdict(),
            "growth/fits.csv": self._fits(),
            "slopes/slopes.parquet": slopes,
            "slopes/reliability.csv": self._reliability(),
            "slopes/leakage_audit.csv": self._audit(),
            "outcome/coefficients.csv": self._coefficients(),
            "outcome/ledger.csv": self._ledger(),
            "outcome/proportional_hazards.csv": self._hazards(),
            "outcome/schoenfeld.csv": self._schoenfeld(),
            "outcome/likelihood_ratio.csv": self._likelihood_ratio(),
            **{
                f"outcome/{name}.csv": pd.DataFrame(columns=list(tables.TABLES[f"outcome/{name}"].columns))
                for name in (
                    *("selection", "stability", "examples", "instability", "slow_fast", "imputation_audit"),
                    *("classification", "optimism", "calibration_instability", "associations"),
                )
            },
            "outcome/performance.csv": self._performance(),
            "outcome/calibration.csv": _curves(tuple(VALUES), 0.98),
            "outcome/decision_curve.csv": _curves((*VALUES, "treat_all", "treat_none"), -0.3),
            "outcome/predictions.parquet": (predictions := self._predictions(slopes)),
            "outcome/risk_groups.csv": (
                risk_groups_table(self.study(), patients, predictions)
                if self.study().causes
                else pd.DataFrame(columns=list(tables.TABLES["outcome/risk_groups"].columns))
            ),
            "outcome/sensitivity.csv": _sensitivity(),
            "outcome/censoring.csv": _censoring(),
            "outcome/delta.csv": self._delta(),
            "outcome/permutation.csv": _permutation(self.permutation_p),
            "outcome/subgroups.csv": _subgroups(),
            "outcome/centres.csv": _subgroups().iloc[:0],
        }
        for file, frame in frames.items():
            tables.write(frame, file.rsplit(".", 1)[0], folder / file)
        tables.write(self._validation_ledger(), "outcome/ledger", folder / "outcome" / "validation_ledger.csv")
        write_json(folder / "provenance.json", self._provenance())
        return folder

    def _patients(self, rng: np.random.Generator) -> pd.DataFrame:
        n = self.patients
        return pd.DataFrame(
            {
                "patient": self.names, "age": rng.normal(50, 10, n), "sex": np.where(np.arange(n) % 4 == 0, "m", "f"),
                "entry": np.nan, "followup": np.linspace(0.2, 6.0, n), "event": (np.arange(n) % 2).astype(int),
            }
        )  # fmt: skip

    def _measurements(self, rng: np.random.Generator) -> pd.DataFrame:
        rows = []
        for place, name in enumerate(self.names):
            start, slope = rng.normal(1.0, 0.9), rng.normal(0.1, 0.3)
            for visit in range(1 + place % 4):
                time = 0.55 * visit
                rows.append((name, time, *(start + slope * time + rng.normal(0, 0.3, len(self.markers)))))
        return pd.DataFrame(rows, columns=["patient", "time", *self.markers])

    def _slopes(self, measurements: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        parts = []
        for marker in self.markers:
            own = measurements.groupby("patient")
            first, last = own[marker].first(), own[marker].last()
            visits, span = own.size(), own["time"].max()
            change = (last - first).where(span > 0)
            share = visits / (visits + 4.0)
            parts.append(
                pd.DataFrame(
                    {
                        "patient": first.index, "marker": marker, "visits": visits.to_numpy(), "span": span.to_numpy(),
                        "intercept": first.to_numpy(), "level": (0.9 * last + 0.1).to_numpy(),
                        "slope": (0.1 + share * (change.fillna(0) / 1.2)).to_numpy() + rng.normal(0, 0.01, len(first)),
                        "level_se": 0.3, "slope_se": 0.2, "slope_deviation": 0.0, "reliability": share.to_numpy(),
                        "slope_ols": (change / span.where(span > 0)).to_numpy(), "first": first.to_numpy(),
                        "last": last.to_numpy(), "delta": change.to_numpy(), "delta_relative": np.nan,
                    }
                )
            )  # fmt: skip
        return pd.concat(parts)

    def _flow(self, patients: pd.DataFrame, rows: int) -> pd.DataFrame:
        n, events = len(patients), int((patients["event"] == 1).sum())
        lines = [
            ("start", "patients and rows in the files", 0, 0, n + 9, rows + 40, events + 6),
            ("followup_ended", "follow-up ended at or before the landmark (2 years)", 9, 20, n, rows + 20, events),
            ("later_rows", "rows after the landmark (2 years) set aside", 0, 20, n, rows, events),
            ("final", "the cohort", 0, 0, n, rows, events),
        ]
        return pd.DataFrame(lines, columns=list(tables.TABLES["cohort/flow"].columns))

    def _problems(self) -> pd.DataFrame:
        first = self.names[0]
        lines = [
            (
                "warning",
                "m.csv",
                np.nan,
                None,
                "month",
                "the landmark splits a visit: 9 rows before, 8 after",
                "move it",
            ),
            (
                "warning",
                "m.csv",
                12.0,
                first,
                "month",
                f"visit of {first} after the end of follow-up",
                "check the dates",
            ),
        ]
        return pd.DataFrame(lines, columns=list(tables.TABLES["cohort/problems"].columns))

    def _fixed(self) -> pd.DataFrame:
        rows = [
            (marker, "study", term, estimate, 0.04, 57.31, estimate / 0.04, p, estimate - 0.078, estimate + 0.078)
            for marker in self.markers
            for term, estimate, p in (("Intercept", 1.234, 1e-30), ("time", 0.0944, 0.0217))
        ]
        return pd.DataFrame(rows, columns=list(tables.TABLES["growth/fixed_effects"].columns))

    def _covariance(self) -> pd.DataFrame:
        rows = []
        for marker in self.markers:
            correlation = 1.0 if marker in self.singular else 0.263
            rows += [
                (marker, model, *row, np.nan, np.nan)
                for model in ("random_slope", "study")
                for row in (
                    ("Intercept", "Intercept", 0.81, 0.9),
                    ("Intercept", "time", 0.1, correlation),
                    ("time", "time", 0.0757, 0.275),
                    ("Residual", "Residual", 0.1, 0.317),
                )
            ]
        return pd.DataFrame(rows, columns=list(tables.TABLES["growth/covariance"].columns))

    def _origin(self) -> pd.DataFrame:
        rows = [
            (m, "zero", 0.0, 1.234, 0.05, 40.0, 1.134, 1.334, 0.0944, 0.05, 0.139, 0.9, 0.275, *(
                (1.0, np.nan, np.nan) if m in self.singular else (0.263, 0.05, 0.45)
            ))
            for m in self.markers
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=list(tables.TABLES["growth/origin"].columns))

    def _population(self) -> pd.DataFrame:
        times = np.linspace(0, 2, 5)
        parts = [pd.DataFrame({"marker": m, "time": times, "mean": 1.234 + 0.0944 * times}) for m in self.markers]
        return pd.concat(parts)

    def _comparison(self) -> pd.DataFrame:
        rows = []
        for marker in self.markers:
            rows += [
                (marker, "pooled", 3, 400.0, 404.0, 406.0, 412.0, *[np.nan] * 5, 0.0, 0.1, 0.1),
                (marker, "random_intercept", 4, 350.0, 354.0, 358.0, 364.0, 50.0, 0, 0, np.nan, 0, 0.61, 0.1, 0.6),
                (marker, "random_slope", 6, 340, 344, 352, 361, 10, 0.004, 0.007, 0.003, 0.008, 0.7, 0.1, 0.7),
            ]  # fmt: skip
        return pd.DataFrame(rows, columns=list(tables.TABLES["growth/comparison"].columns))

    def _serial(self) -> pd.DataFrame:
        rows = [(m, 354.0, 344.0, 345.0, 341.0, 0.4, 1.5, 0.3, 4.0, p) for m, p in self._beside()]
        return pd.DataFrame(rows, columns=list(tables.TABLES["growth/serial"].columns))

    def _beside(self) -> list[tuple[str, float]]:
        """p of the slope beside serial correlation: the first marker's slope survives it."""
        return [(marker, 0.02 if place == 0 else 0.09) for place, marker in enumerate(self.markers)]

    def _heteroscedastic(self) -> pd.DataFrame:
        rows = [(m, by, 352.0, 343.0, 1.3, 2.0, 0.16, 9.0, 0.007) for m in self.markers for by in ("time", "fitted")]
        return pd.DataFrame(rows, columns=list(tables.TABLES["growth/heteroscedastic"].columns))

    def _verdict(self) -> pd.DataFrame:
        rows = [
            (m, "trend" if p < 0.05 else "unclear", "" if p < 0.05 else "serial", "bootstrap", 0.003, 0.008, 0.03, p,
             0.007, 0.007, False)
            for m, p in self._beside()
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=list(tables.TABLES["growth/verdict"].columns))

    def _trends(self) -> pd.DataFrame:
        rows = [(m, 45, 0.31, 0.2, 1.7, 44, 61, 0.03) for m in self.markers]
        return pd.DataFrame(rows, columns=list(tables.TABLES["growth/trends"].columns))

    def _variogram(self) -> pd.DataFrame:
        rows = [
            (m, lag, 40, 0.1 * lag, 0.12, 0.1 + 0.03 * lag**2, 0.15) for m in self.markers for lag in (0.5, 1.0, 1.6)
        ]
        return pd.DataFrame(rows, columns=list(tables.TABLES["growth/variogram"].columns))

    def _implied(self) -> pd.DataFrame:
        rows = [
            (m, time, 40, 0.9 + 0.1 * time, 1.0, 0.9 + 0.08 * time**2) for m in self.markers for time in (0.0, 1.0, 1.6)
        ]
        return pd.DataFrame(rows, columns=list(tables.TABLES["growth/implied"].columns))

    def _fits(self) -> pd.DataFrame:
        rows = [
            (
                marker,
                scheme,
                repeat,
                held_out,
                fold,
                "correlated",
                True,
                marker in self.singular,
                6,
                1e-9,
                100.0,
                40,
                90,
                "",
            )
            for marker in self.markers
            for scheme, repeat, held_out, fold in _fit_keys()
        ]
        return pd.DataFrame(rows, columns=list(tables.TABLES["growth/fits"].columns))

    def _reliability(self) -> pd.DataFrame:
        values = np.linspace(0.31, 0.62, len(self.markers))
        return pd.DataFrame(
            {"marker": self.markers, "reliability": values, "ci_low": values - 0.1, "ci_high": values + 0.1}
        )

    def _audit(self) -> pd.DataFrame:
        rows = [
            (scheme, repeat, held_out, fold, 40, 20, 0, 1.65, 2.0, 0, "clean")
            for scheme, repeat, held_out, fold in _fit_keys()
            if repeat
        ]
        return pd.DataFrame(rows, columns=list(tables.TABLES["slopes/leakage_audit"].columns))

    def _coefficients(self) -> pd.DataFrame:
        rows = []
        for step, quantities in QUANTITIES.items():
            terms = ["age", "sex[m]", *(f"{m}.{q}" for m in self.markers for q in quantities)]
            for (place, term), scale in product(enumerate(terms), ("unit", "sd")):
                estimate = 0.2 * (place + 1)
                if step == "slope" and term.endswith(".slope") and self.slope_effect is not None:
                    estimate = self.slope_effect
                if step == "slope" and term.endswith(".slope") and term.rpartition(".")[0] in self.dropped:
                    estimate = np.nan
                low, high = estimate - 0.196, estimate + 0.196
                rows.append(
                    (
                        step,
                        CAUSE,
                        term,
                        scale,
                        estimate,
                        0.1,
                        np.exp(estimate),
                        low,
                        high,
                        0.04,
                        low - 0.1,
                        high + 0.1,
                        np.nan,
                        np.nan,
                        np.nan,
                    )
                )
        return pd.DataFrame(rows, columns=list(tables.TABLES["outcome/coefficients"].columns))

    def _delta(self) -> pd.DataFrame:
        rows = [
            (delta, "slope", CAUSE, f"{marker}.slope", 60, 12, 0.3 + delta / 10, np.exp(0.3 + delta / 10), delta / 10,
             0.6 + delta / 10)
            for delta in (-1.0, -0.5, 0.0, 0.5, 1.0)
            for marker in self.markers
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=list(tables.TABLES["outcome/delta"].columns))

    def _ledger(self) -> pd.DataFrame:
        reason = (
            "the random effects have rank one (correlation 0.9976 in training patients), so only fold noise would tell"
        )
        rows = [
            ("slope", 0, 0, m, f"{m}.slope left out, {m}.level stays: {reason} level and slope apart")
            for m in self.dropped
        ]
        rows += [
            (
                "delta",
                0,
                0,
                m,
                f"{m}.delta: missing for 3 of {self.patients} patients and replaced by the training patients' mean",
            )
            for m in self.markers
        ]
        return pd.DataFrame(rows, columns=list(tables.TABLES["outcome/ledger"].columns))

    def _hazards(self) -> pd.DataFrame:
        rows = [
            (step, CAUSE, term, 1.234, 2 if term == "" else 1, 0.2)
            for step in QUANTITIES
            for term in ("", "age", "sex[m]", *(f"{m}.{q}" for m in self.markers for q in QUANTITIES[step]))
        ]
        return pd.DataFrame(rows, columns=list(tables.TABLES["outcome/proportional_hazards"].columns))

    def _likelihood_ratio(self) -> pd.DataFrame:
        rows = [
            (step, CAUSE, versus, 3.21, len(self.markers), np.nan, self.ratio_p, "")
            for step, versus in (("baseline", "clinical"), ("slope", "level"), ("slope_only", "clinical"))
        ]
        return pd.DataFrame(rows, columns=list(tables.TABLES["outcome/likelihood_ratio"].columns))

    def _schoenfeld(self) -> pd.DataFrame:
        terms = ["age", *(f"{m}.level" for m in self.markers)]
        rows = [
            ("slope", CAUSE, term, time, 0.3 + 0.5 * (place % 3 - 1), 0.3, 0.1, 0.5)
            for term in terms
            for place, time in enumerate(np.linspace(0.3, 5.0, 15))
        ]
        return pd.DataFrame(rows, columns=list(tables.TABLES["outcome/schoenfeld"].columns))

    def _validation_ledger(self) -> pd.DataFrame:
        text = "alpha.slope left out, alpha.level stays: they correlate above 0.99 (correlation 0.99{} in training)"
        rows = [("", 0, 0, "", "net_benefit of every step at horizon 1 is at the threshold 0.20, the cohort's risk")]
        rows += [("slope", 1, k, "alpha", text.format(k)) for k in (1, 3)]
        return pd.DataFrame(rows, columns=list(tables.TABLES["outcome/ledger"].columns))

    def _performance(self) -> pd.DataFrame:
        rows = []
        for metric in self.metrics:
            values = {**VALUES, "slope": VALUES["level"] + self.gain[0]}
            shift = 0.0 if metric == "c_uno" else 0.013
            rows += [self._line(step, metric, max(HORIZONS), value + shift) for step, value in values.items()]
        rows += [
            self._line(step, metric, horizon, value + 0.001 * place)
            for metric, value in AT_HORIZON.items()
            for horizon in HORIZONS
            for place, step in enumerate(VALUES)
        ]
        return pd.DataFrame(rows, columns=list(tables.TABLES["outcome/performance"].columns))

    def _line(self, step: str, metric: str, horizon: float, value: float) -> tuple[Any, ...]:
        versus = REFERENCES[step]
        gain = (np.nan, np.nan, np.nan) if versus is None else (0.0123, -0.0456, 0.0789)
        if step == "slope" and metric in self.metrics:
            gain = self.gain
        spread = 0.3 if metric == "calibration_slope" else 0.037
        return (step, CAUSE, metric, horizon, value + 0.014, value, value - spread, value + spread, versus, *gain)

    def _predictions(self, slopes: pd.DataFrame) -> pd.DataFrame:
        level = slopes[slopes["marker"] == self.markers[0]].set_index("patient")["level"]
        parts = []
        for step, repeat, horizon in product(VALUES, (1, 2), HORIZONS):
            score = (0.1 if step == "clinical" else 1.0) * (level - level.mean()) + 0.01 * repeat
            risk = 1 - np.exp(-0.2 * horizon * np.exp(score))
            parts.append(
                pd.DataFrame(
                    {
                        "patient": level.index, "predictors": step, "cause": CAUSE, "repeat": repeat,
                        "fold": np.arange(len(level)) % 5 + 1, "linear_predictor": score.to_numpy(), "horizon": horizon,
                        "risk": risk.to_numpy(),
                    }
                )
            )  # fmt: skip
        return pd.concat(parts)

    def _provenance(self) -> dict[str, Any]:
        study = self.study()
        return {
            "study": study.model_dump(mode="json"), "order": {
                "markers": self.markers, "events": list(study.outcome.events), "competing": [],
            }, "study_file_sha256": "ab" * 32, "seed": 11, "code_digest": "0123456789abcdef",
            "inputs": {"/home/somebody/secret/m.csv": "cd" * 32}, "event_labels": {"0": "censored", "1": CAUSE},
            "versions": {"python": "3.11.7", "slopewise": "0.1.0", "numpy": "2.0.0"},
            "tables": {"folds.parquet": "ef" * 32},
        }  # fmt: skip


def _fit_keys() -> list[tuple[str, int, int, int]]:
    keys = [("crossfit", 0, 0, 0), *(("crossfit", repeat, 0, fold) for repeat in (1, 2) for fold in (1, 2, 3))]
    return [*keys, *(("validation", 1, held_out, fold) for held_out in (1, 2, 3) for fold in (0, 1, 2, 3))]


def _curves(steps: tuple[str, ...], slope: float) -> pd.DataFrame:
    x = np.arange(5, 95, 5) / 100.0
    parts = [
        pd.DataFrame(
            {
                "predictors": step, "cause": CAUSE, "horizon": horizon, "x": x, "y": 0.2 + slope * (x - 0.2),
                "ci_low": 0.1 + slope * (x - 0.2), "ci_high": 0.3 + slope * (x - 0.2),
            }
        )
        for step in steps
        for horizon in HORIZONS
    ]  # fmt: skip
    return pd.concat(parts)


def _censoring() -> pd.DataFrame:
    rows = [
        ("slope", CAUSE, metric, horizon, value, value + 0.01, 0.01, 4)
        for metric, value in (("auc", 0.8), ("brier", 0.12), ("ipa", 0.2), ("observed_expected", 1.0))
        for horizon in (1.0, 3.0)
    ]
    return pd.DataFrame(rows, columns=list(tables.TABLES["outcome/censoring"].columns))


def _sensitivity() -> pd.DataFrame:
    rows = [
        (way, step, CAUSE, "c_harrell", max(HORIZONS), value + place / 1000, place / 1000)
        for place, way in enumerate(("nested", "apparent", "in_sample", "reused_folds"))
        for step, value in (("level", 0.8111), ("slope", 0.8222))
    ]
    return pd.DataFrame(rows, columns=list(tables.TABLES["outcome/sensitivity"].columns))


def _permutation(p: float) -> pd.DataFrame:
    row = ("slope", CAUSE, "c_harrell", max(HORIZONS), "level", 0.0111, -0.0022, 0.0033, p, 200, 2)
    return pd.DataFrame([row], columns=list(tables.TABLES["outcome/permutation"].columns))


def _subgroups() -> pd.DataFrame:
    gain = ("level", 0.0171, -0.0272, 0.0373)
    rows = [
        (
            "sex",
            group,
            patients,
            events,
            step,
            CAUSE,
            "c_harrell",
            max(HORIZONS),
            value,
            value - 0.05,
            value + 0.05,
            *gain,
        )
        for group, patients, events in (("f", 90, 33), ("m", 30, 3))
        for step, value in (("level", 0.7444), ("slope", 0.7666))
    ]
    return pd.DataFrame(rows, columns=list(tables.TABLES["outcome/subgroups"].columns))
