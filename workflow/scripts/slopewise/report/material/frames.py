"""What the report is made of: every table of a study, read once, and the few facts that many sections need."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from pydantic import ValidationError

from slopewise.run.errors import InputError
from slopewise.run.files import read_json
from slopewise.run.short_repr import ShortRepr
from slopewise.study.keys_of_effects import KINDS_OF_EFFECTS
from slopewise.study.model import Study
from slopewise.tables import catalogue
from slopewise.tables import files as tables

Made = TypeVar("Made")


def recorded_study(results: Path) -> Study:
    """The study that made ``results/{study}``, from its provenance.json.

    Raises `InputError` where no finished study lies there. JSON is written with sorted keys; markers and events come
    back in the order of the study file.
    """
    path = results / "provenance.json"
    if not path.is_file():
        message = "no finished study lies there (provenance.json is missing); give the folder of one study, for example"
        raise InputError(f"{results}: {message} results/pbc")
    record = read_json(path)
    try:
        content, order = record["study"], record["order"]
        content["markers"] = {name: content["markers"][name] for name in order["markers"]}
        for key in ("events", "competing"):
            content["outcome"][key] = {code: content["outcome"][key][code] for code in order[key]}
        return Study.model_validate_json(json.dumps(content))
    except (KeyError, TypeError, ValidationError) as error:
        raise InputError(f"{path}: the study of another version of slopewise; run it again") from error


def at_horizon(rows: pd.DataFrame, horizon: float) -> pd.DataFrame:
    """The rows of one horizon; a missing one is the outcome's that has no time."""
    return rows[rows["horizon"].isna() if pd.isna(horizon) else rows["horizon"] == horizon]


class MadeOnce:
    """Parts of tables that many sections need, each made once."""

    further: dict[str, pd.DataFrame]

    @cached_property
    def _made(self) -> dict[Hashable, Any]:
        return {}

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` gives, made once for these tables; `key` names it."""
        if key not in self._made:
            self._made[key] = make()
        made: Made = self._made[key]
        return made

    def of(self, name: str, marker: str) -> pd.DataFrame:
        """The marker's rows of a table, by the name of its frame; none where it has no row for the marker."""
        table: pd.DataFrame = self.further[name] if name in self.further else getattr(self, name)
        parts = self.once(
            ("rows by marker", name), lambda: {str(one): rows for one, rows in table.groupby("marker", sort=False)}
        )
        return parts.get(marker, table.iloc[:0])


@dataclass(frozen=True, repr=False)
class Frames(ShortRepr, MadeOnce):
    """The tables by name, the validation's ledger, and provenance.json as it is."""

    measurements: pd.DataFrame
    patients: pd.DataFrame
    flow: pd.DataFrame
    problems: pd.DataFrame
    fixed_effects: pd.DataFrame
    covariance: pd.DataFrame
    population: pd.DataFrame
    comparison: pd.DataFrame
    serial: pd.DataFrame
    heteroscedastic: pd.DataFrame
    judged: pd.DataFrame
    trends: pd.DataFrame
    variogram: pd.DataFrame
    implied: pd.DataFrame
    correlation: pd.DataFrame
    pooling: pd.DataFrame
    influence: pd.DataFrame
    planned: pd.DataFrame
    residuals: pd.DataFrame
    scatter: pd.DataFrame
    spread: pd.DataFrame
    quantiles: pd.DataFrame
    normality: pd.DataFrame
    visits: pd.DataFrame
    linearity: pd.DataFrame
    strata: pd.DataFrame
    centring: pd.DataFrame
    origin: pd.DataFrame
    lines: pd.DataFrame
    posterior: pd.DataFrame
    prior_sensitivity: pd.DataFrame
    posterior_check: pd.DataFrame
    fits: pd.DataFrame
    slopes: pd.DataFrame
    reliability: pd.DataFrame
    fast_share: pd.DataFrame
    dropout: pd.DataFrame
    dropout_pattern: pd.DataFrame
    audit: pd.DataFrame
    coefficients: pd.DataFrame
    ledger: pd.DataFrame
    hazards: pd.DataFrame
    schoenfeld: pd.DataFrame
    selection: pd.DataFrame
    stability: pd.DataFrame
    likelihood_ratio: pd.DataFrame
    performance: pd.DataFrame
    calibration: pd.DataFrame
    decision_curve: pd.DataFrame
    predictions: pd.DataFrame
    sensitivity: pd.DataFrame
    censoring: pd.DataFrame
    delta: pd.DataFrame
    permutation: pd.DataFrame
    subgroups: pd.DataFrame
    centres: pd.DataFrame
    validation_ledger: pd.DataFrame
    provenance: dict[str, Any]
    folder: Path
    """Where the tables lie; ``model.json`` beside them."""
    competing: dict[str, Frames] = field(default_factory=dict)
    """The same for each competing event, with the rows of that cause in the outcome's tables; the tables above are of
    the event alone."""
    further: dict[str, pd.DataFrame] = field(default_factory=dict)
    """Tables of the catalogue that have no field above, by the name of their frame."""

    @classmethod
    def read(cls, results: Path) -> Frames:
        """Read all of them below ``results/{study}``; `InputError` where one is missing or broken.

        A study without an outcome has none of the outcome's tables, one without effects none of theirs: they are empty
        here.
        """
        patients = tables.read("cohort/patients", results / catalogue.entry("cohort/patients").file)
        record = read_json(results / "provenance.json")
        labels, asked = record["event_labels"], record["study"].get("effects") or {}
        parts = {"every study"} | ({"outcome"} if "event" in patients or "outcome" in patients else set())
        parts |= {"effects"} if any(asked.get(kind) for kind in KINDS_OF_EFFECTS) else set()
        read = {one.frame_name: _read(one, results, parts) for one in catalogue.read_by_report()}
        named = {one.name for one in fields(cls)}
        further = {name: read.pop(name) for name in [*read] if name not in named}
        whole = cls(**read, provenance=record, folder=results, further=further)
        if "2" not in labels:
            return whole
        others = {name: whole.of_cause(name) for code, name in sorted(labels.items()) if int(code) > 1}
        return replace(whole.of_cause(labels["1"]), competing=others)

    def of_cause(self, cause: str) -> Frames:
        """These frames with the rows of one cause in the outcome's tables."""
        names = (
            *("coefficients", "hazards", "schoenfeld", "likelihood_ratio", "performance", "calibration"),
            *("decision_curve", "predictions", "censoring"),
        )
        tables_of = {name: getattr(self, name) for name in names}
        further = {
            name: table[table["cause"] == cause] if "cause" in table else table for name, table in self.further.items()
        }
        chosen = {name: table[table["cause"] == cause] for name, table in tables_of.items()}
        return replace(self, **chosen, further=further)

    @property
    def n_patients(self) -> int:
        """Patients at risk at the landmark."""
        return len(self.patients)

    @cached_property
    def n_events(self) -> int:
        """Patients with the event after the landmark, or with a binary outcome; 0 without either."""
        column = next((name for name in ("event", "outcome") if name in self.patients), None)
        return 0 if column is None else int((self.patients[column] == 1).sum())

    @cached_property
    def published_fits(self) -> pd.DataFrame:
        """The fits on everybody, one row a marker, indexed by marker: the shipped model's."""
        own = self.fits[(self.fits["scheme"] == "crossfit") & (self.fits["repeat"] == 0) & (self.fits["fold"] == 0)]
        return own.set_index("marker")

    @property
    def penalised(self) -> bool:
        """Whether a shipped outcome model is penalised, of the cause that these tables are of."""
        return bool(self.coefficients["penalty"].notna().any())

    def by_penalty(self, cause: str) -> tuple[list[str], list[str]]:
        """Causes whose shipped models are penalised, and the others; `cause` is the name of the outcome's own."""
        own = {cause: self, **self.competing}
        return [name for name in own if own[name].penalised], [name for name in own if not own[name].penalised]

    def is_singular(self, marker: str) -> bool:
        """Whether the marker's fit on everybody is singular: its random effects have one dimension less."""
        return marker in self.published_fits.index and bool(self.published_fits.loc[marker, "singular"])

    def metric(self, name: str, horizon: float | None = None) -> pd.DataFrame:
        """One metric's rows of the performance table, indexed by ladder step; at one horizon, where it has several.

        `versus` is empty for a step that is compared with none.
        """
        rows = self.performance[self.performance["metric"] == name].fillna({"versus": ""})
        if horizon is not None:
            rows = at_horizon(rows, horizon)
        return rows.set_index("predictors")


def _read(entry: catalogue.Entry, results: Path, parts: set[str]) -> pd.DataFrame:
    """A table as the study has it; without rows where it is of a part (`catalogue.PARTS`) that the study has not."""
    name = entry.schema_name
    if catalogue.part_of(entry) not in parts:
        return tables.check(pd.DataFrame(columns=list(tables.TABLES[name].columns)), name)
    return tables.read(name, results / entry.file)
