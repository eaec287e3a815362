"""Bad input of studies with many markers: patterns, columns that are no features, tables of repeated scans."""

from __future__ import annotations

from collections.abc import Callable

from tests.bad_input.case import Case
from tests.bad_input.good import VISITS, Change, Good, both, column, key, raw

V = VISITS


def features(*patterns: str, **more: str) -> Change:
    """The markers are the columns that `patterns` match; `more`: further columns, of one text in every cell."""

    def change(study: Good) -> None:
        table = study.visits
        table[0].extend(more)
        for row in table[1:]:
            row.extend(more.values())
        study.study["markers"] = {}
        study.study["features"] = {f"group{k + 1}": {"pattern": pattern} for k, pattern in enumerate(patterns)}

    return change


def as_lines(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def batches(name_of: Callable[[int, list[str]], str], **more: str) -> Change:
    """A column `scanner` of the visits, named by a function of the row's number (from 0) and its cells; `data.batch`."""

    def change(study: Good) -> None:
        study.visits[0].append("scanner")
        for number, row in enumerate(study.visits[1:]):
            row.append(name_of(number, row))
        study.study["data"]["batch"] = {"column": "scanner"} | more

    return change


def scans_of_visits(study: Good) -> None:
    """Six markers, and as repeated scans the visits of the study's patients under other ids."""
    table = study.visits
    table[0].extend(f"t{k}" for k in range(4))
    for number, row in enumerate(table[1:]):
        row.extend(f"{(7 * number + 3 * k) % 101}.{k}" for k in range(4))
    study.study["markers"] = {}
    study.study["features"] = {"group1": {"pattern": ["crp", "albumin", "t*"]}}
    study.study["filters"] = {"icc": 0.75, "retest": "retest.csv"}
    header, *rows = table[:9]
    study.raw["retest.csv"] = as_lines(",".join(header), *(",".join([f"x{row[0]}", *row[1:]]) for row in rows))


RETEST = ("id,crp,albumin", *(f"R{k // 2},{1 + k // 2}.{k % 2},{38 - k // 2}.{k % 2}" for k in range(8)))

# fmt: off
MANY = [
    Case("many: a pattern that matches nothing", r"features\.group1: 'original_\*' matches no column of visits\.csv.*crp", features("original_*")),
    Case("many: a pattern of other letters", r"'CRP' matches no column of visits\.csv.*upper and lower case differ", features("CRP")),
    Case("many: a pattern that matches everything", r"features\.group1: the pattern matches 'id'.*data\.patient", features("*")),
    Case("many: a pattern that matches diagnostics", r"features\.group2: the pattern matches 'diagnostics_Versions_Python'.*exclude", features("crp", "diag*", diagnostics_Versions_Python="3.9")),
    Case("many: two patterns that match one column", r"features\.group2: column 'albumin' is claimed by features\.group1", features("alb*", "*min")),
    Case("many: a marker and a pattern of one column", r"features\.group1: column 'crp' is claimed by markers\.log_crp", both(features("crp"), key("markers", {"log_crp": {"column": "crp"}}))),
    Case("many: everything excluded", r"features\.group1: everything that the pattern matches is excluded", both(features("crp"), key("features.group1.exclude", ["*"]))),
    Case("many: a feature of text", r"features\.group1: the pattern matches 'texture'.*a column of text", features("*t*ure", texture="rough")),
    Case("many: one feature, without a value", r"features: none of 1 columns can be analysed; 'texture': it has no value", features("texture", texture="")),
    Case("many: one feature, the same in every row", r"'texture': it has one value in all rows", features("texture", texture="3.5")),
    Case("many: one feature, infinite", r"'texture': \d+ values are infinite", features("texture", texture="inf")),
    Case("many: features that are left out are listed", r"texture.*it has no value", features("crp", "albumin", "texture", texture=""), 0),
    Case("many: a constant feature is left out, and listed", r"texture.*one value in all rows", features("crp", "albumin", "texture", texture="1"), 0),
    Case("many: an infinite feature is left out, and listed", r"texture.*infinite", features("crp", "albumin", "texture", texture="-inf"), 0),
    Case("many: one cell of a feature that is no number", r"visits\.csv: line 3, patient P01, column crp", both(features("crp", "albumin"), column(V, "crp", lambda number, old: "high" if number == 1 else old))),
    Case("many: an ICC table of other features", r"icc\.csv: holds an ICC of none of the 2 markers", both(features("crp", "albumin"), key("filters", {"icc": 0.75, "icc_table": "icc.csv"}), raw("icc.csv", as_lines("feature,icc_low", "volume,0.9")))),
    Case("many: an ICC table that is not there", r"icc\.csv", both(features("crp", "albumin"), key("filters", {"icc": 0.75, "icc_table": "icc.csv"}))),
    Case("many: an ICC table of other columns", r"icc\.csv: needs the columns feature and icc_low", both(features("crp", "albumin"), key("filters", {"icc": 0.75, "icc_table": "icc.csv"}), raw("icc.csv", as_lines("name,value", "crp,0.9")))),
    Case("many: an ICC table with a feature twice", r"icc\.csv: the feature 'crp' has two rows", both(features("crp", "albumin"), key("filters", {"icc": 0.75, "icc_table": "icc.csv"}), raw("icc.csv", as_lines("feature,icc", "crp,0.9", "crp,0.8")))),
    Case("many: repeated scans of the study's patients", r"retest\.csv: 1 of its patients are patients of the study", both(features("crp", "albumin"), key("filters", {"icc": 0.75, "retest": "retest.csv"}), raw("retest.csv", as_lines(*RETEST, "P01,2.0,30.0")))),
    Case("many: visits as repeated scans, under other ids", r"retest\.csv: \d+ of its rows have the values of a visit of the study in all 6 markers", scans_of_visits),
    Case("many: one repeated scan", r"retest\.csv: an ICC needs 3 patients with two scans", both(features("crp", "albumin"), key("filters", {"icc": 0.75, "retest": "retest.csv"}), raw("retest.csv", as_lines(*RETEST[:3])))),
    Case("many: an ICC without a table", r"study\.yaml: line \d+: .*filters\.icc", both(features("crp", "albumin"), key("filters", {"icc": 0.75}))),
    Case("many: a filter that is no share", r"study\.yaml: line \d+: .*filters\.redundant", both(features("crp", "albumin"), key("filters", {"redundant": 90}))),
    Case("batch: no such column", r"column plate: there is no such column \(data\.batch\)", key("data.batch", {"column": "plate"})),
    Case("batch: one for all", r"visits\.csv: column scanner: all \d+ rows of the cohort are of the batch 'A'; leave data\.batch out", batches(lambda number, row: "A")),
    Case("batch: of one patient", r"visits\.csv: patient P07, column scanner: the batch 'B' has rows of one patient alone", batches(lambda number, row: "B" if row[0] == "P07" else "AC"[number % 2])),
    Case("batch: a moment in time", r"column scanner: each batch was used at one time alone", both(column(V, "day", lambda number, old: str(int(old) // 120 * 120)), batches(lambda number, row: row[1]))),
    Case("batch: missing in a row", r"growth +scanner +A: 267, B: 265, 1 missing", batches(lambda number, row: "" if number == 3 else "AB"[number % 2]), 0),
    Case("batch: numbers are codes", r"data\.batch.*1: 267, 2: 266|scanner +1: 267, 2: 266", batches(lambda number, row: "12"[number % 2], method="combat"), 0),
    Case("batch: in the formula, too", r"study\.yaml: line \d+: .*`scanner` is in growth\.fixed already", both(batches(lambda number, row: "AB"[number % 2]), key("growth.fixed", "~ time + scanner"))),
    Case("batch: a marker", r"study\.yaml: line \d+: .*`albumin` is a marker and no batch; name another column", key("data.batch", {"column": "albumin"})),
    Case("batch: combat with weights", r"study\.yaml: line \d+: .*`combat` makes all rows vary alike; leave out growth\.weights", both(batches(lambda number, row: "AB"[number % 2], method="combat"), key("growth.weights", "dose"))),
    Case("batch: an unknown method", r"study\.yaml: line \d+: .*data\.batch\.method", key("data.batch", {"column": "dose", "method": "quantile"})),
]
# fmt: on
