"""Does the answer hold: slopes made in other ways, the gain against chance, the gain in groups of patients."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.metrics.catalogue import METRICS
from slopewise.report.material.frames import Frames
from slopewise.report.material.gains import HEADLINES
from slopewise.report.material.parts import Cell, Section, Table
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import count, counts_of_parts, interval, number, signed
from slopewise.run.words import amount

WAYS = {
    "nested": "cross-fitted inside the training patients (this report)",
    "apparent": "not validated: the final model on its training patients",
    "in_sample": "from one model fitted to all patients",
    "reused_folds": "cross-fitted once, validated over the same folds",
    "complete_cases": "cross-fitted inside the training patients, patients without a missing covariate alone",
}


def checks_section(frames: Frames, naming: Naming) -> Section:
    """Sensitivity to how slopes are made, the permutation test, subgroups."""
    tables = [sensitivity_table(frames)]
    if len(frames.censoring):
        tables.append(censoring_of(frames, naming))
    if len(frames.subgroups):
        tables.append(group_table(frames, naming, frames.subgroups, "subgroups", "within groups"))
    context = {
        "chance": chance(frames),
        "tables": tables,
        "metric": metric_of(frames),
        "counted": naming.words.ten_of,
        "pairs": not naming.kind.numeric,
        "centres": centres_sentence(frames, naming),
        "centres_table": group_table(frames, naming, frames.centres, "centres", "each centre left out")
        if len(frames.centres)
        else None,
    }
    return Section("checks", "Does the answer hold?", "checks.html.j2", context)


def metric_of(frames: Frames) -> str:
    """The metric of these tables in words: Harrell’s C, AUC or R²."""
    return HEADLINES[str(frames.sensitivity["metric"].iloc[0])]


def sensitivity_table(frames: Frames) -> Table:
    """What level and slope predict with the slopes made in other ways, and without a validation."""
    own = frames.sensitivity.set_index(["slopes", "predictors"])["validated"]
    rows = [
        [words, number(own[way, "level"]), number(own[way, "slope"]), signed(own[way, "slope"] - own[way, "level"])]
        for way, words in WAYS.items()
        if (way, "level") in own.index
    ]
    columns = ["slopes used for training and testing", "level", "level and slope", "slope adds"]
    return Table("sensitivity", f"{metric_of(frames)} by the way in which slopes were computed", columns, rows)


def censoring_of(frames: Frames, naming: Naming) -> Table:
    """Figures of the event with weights from a Cox model of the censoring, with the slopes in the model."""
    own = frames.censoring
    own = own[own["predictors"] == "slope"]
    rows = [
        [METRICS[row["metric"]].label, naming.duration(row["horizon"]), number(row["marginal"], 3),
         number(row["conditional"], 3), signed(row["difference"], 3)]
        for _, row in own.iterrows()
    ]  # fmt: skip
    terms = amount(int(own["terms"].iloc[0]), "coefficient")
    title = f"If censoring depends on predictors: weights from a Cox model of the censoring with {terms}"
    columns = ["level and slope", "horizon", "marginal weights", "weights by predictors", "difference"]
    return Table("censoring", title, columns, rows)


def chance(frames: Frames) -> str:
    """The permutation test in a sentence."""
    row = frames.permutation.iloc[0]
    if math.isnan(row["p_value"]):
        return "No slope is in the model beside the level, so there is no gain to test against chance."
    once = f"In {amount(int(row['repeats']), 'repeat')} of the validation the"
    return (
        f"{once} slopes added {signed(row['gain'])} to {metric_of(frames)}. When the part of the slopes that levels "
        f"and covariates do not explain was permuted between patients ({row['permutations']} permutations), they "
        f"added {signed(row['null_mean'])} on average and more than {signed(row['null_high'])} in 5% of permutations; "
        f"p = {number(row['p_value'], 3)}. {_permutations(frames, int(row['permutations']))}"
    )


def _permutations(frames: Frames, number_of: int) -> str:
    """Why the gain is compared with that of permuted slopes, and what their number means for p."""
    chosen_anew = " Their number is small because the penalty is chosen anew in every training set of each."
    few = chosen_anew if frames.penalised else ""
    return (
        "In small samples uninformative slopes, like any further predictor, reduce performance slightly; the gain is "
        f"therefore compared with theirs, not with 0. With {number_of} permutations the smallest possible p is "
        f"{number(1 / (number_of + 1), 3)}, and the simulation error of a p of 0.05 is about "
        f"±{number(error_of_p(number_of), 2)}.{few}"
    )


def error_of_p(permutations: int) -> float:
    """Half the 95% interval of the share of `permutations` that are as large, where 0.05 of all are."""
    return 1.96 * math.sqrt(0.05 * 0.95 / permutations)


def centres_sentence(frames: Frames, naming: Naming) -> str:
    """What leaving out each centre is, and how far the centres lie apart; empty for a study without centres."""
    if not len(frames.centres):
        return ""
    own = _of_metric(frames, frames.centres).query("predictors == 'slope'").set_index("group")["validated"]
    single = own.drop("all centres").dropna()
    said = (
        f"Each {naming.study.data.centre} was also left out once: growth models, slopes and outcome models were "
        "fitted in the other centres and tested in the one left out (internal–external validation). Intervals treat "
        "these models as fixed."
    )
    if len(single) < 2:
        return said + " Too few of them are large enough for separate figures."
    return (
        f"{said} {metric_of(frames)} of level and slope lies between {number(single.min())} and {number(single.max())} "
        f"in the {len(single)} that are large enough, and is {number(own['all centres'])} overall; folds that mix "
        f"centres are informative about new patients of the same centres rather than about new centres."
    )


def _of_metric(frames: Frames, table: pd.DataFrame) -> pd.DataFrame:
    return table[table["metric"] == frames.sensitivity["metric"].iloc[0]]


def group_table(frames: Frames, naming: Naming, found: pd.DataFrame, name: str, what: str) -> Table:
    """What the slope adds in each group; a count that points at few people is masked, and cannot be subtracted."""
    own = _of_metric(frames, found)
    level = own[own["predictors"] == "level"].set_index(["column", "group"])
    slope = own[own["predictors"] == "slope"].reset_index(drop=True)
    counts = {key: masked(slope, key, naming.study.report.small_cells) for key in ("patients", "events")}
    with_events = not naming.kind.numeric
    rows = []
    for place, row in enumerate(slope.itertuples()):
        at = level.loc[(row.column, row.group)]
        ends = interval(row.difference_low, row.difference_high, plus=True)
        rows.append(
            [
                f"{row.column}: {row.group}",
                counts["patients"][place],
                *([counts["events"][place]] if with_events else []),
                Cell(number(at["validated"]), interval(at["ci_low"], at["ci_high"])),
                Cell(number(row.validated), interval(row.ci_low, row.ci_high)),
                Cell(signed(row.difference), ends),
            ]
        )
    events = naming.words.had
    columns = ["group", "patients", *events, "level", "level and slope", "slope adds"]
    return Table(name, f"{metric_of(frames)}, validated, {what}; 95% intervals", columns, rows)


def masked(table: pd.DataFrame, key: str, limit: int) -> list[str]:
    """The counts of a column of groups, masked within each set of groups that adds up to everybody."""
    shown = [""] * len(table)
    parts = table[table["group"] != "all centres"]
    for _, part in parts.groupby("column", sort=False):
        for place, text in zip(part.index, counts_of_parts(part[key].astype(int).tolist(), limit), strict=True):
            shown[place] = text
    for place in table.index.difference(parts.index):
        shown[place] = count(int(table.loc[place, key]), limit)
    return shown
