"""Bad input, a line each: what is wrong with the good study, where the message must say it is, and how it is broken.

`Case(name, place, change)`: `place` is a regular expression that the message must match. A case that ends well with a
documented warning is `Case(..., status=0)`, whose `place` the warning must match.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable

from tests.bad_input.case import Case
from tests.bad_input.cases_of_many import MANY
from tests.bad_input.good import (
    PEOPLE,
    STUDY,
    VISITS,
    Change,
    again,
    both,
    by_patient,
    by_site,
    carried,
    cell,
    column,
    command,
    dates,
    exchanged,
    extra,
    gone,
    key,
    line,
    moved,
    numbered,
    older,
    raw,
    rename,
    rescaled,
    rows,
    same,
    trial,
)

V, P, S = VISITS, PEOPLE, STUDY
FIRST = "P01"

# fmt: off
# -- files ------------------------------------------------------------------------------------------------------------

FILES = [
    Case("visits: no file", r"visits\.csv", raw(V, None)),
    Case("patients: no file", r"patients\.csv", raw(P, None)),
    Case("study: no file", r"study\.yaml", raw(S, None)),
    Case("visits: empty", r"visits\.csv", raw(V, b"")),
    Case("patients: empty", r"patients\.csv", raw(P, b"")),
    Case("study: empty", r"study\.yaml", raw(S, b"")),
    Case("visits: blank lines alone", r"visits\.csv", raw(V, b"\n\n  \n")),
    Case("visits: header alone", r"visits\.csv", raw(V, b"id,day,crp,albumin,dose\n")),
    Case("visits: an Excel file", r"visits\.csv", raw(V, b"PK\x03\x04" + bytes(200))),
    Case("visits: compressed", r"visits\.csv", raw(V, lambda old: gzip.compress(old, mtime=0))),
    Case("visits: a picture", r"visits\.csv", raw(V, b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)))),
    Case("visits: a NUL", r"visits\.csv: line 2", raw(V, lambda old: old.replace(b"\nP01,", b"\nP\x0001,", 1))),
    Case("visits: UTF-16 without a mark", r"visits\.csv", raw(V, lambda old: old.decode().encode("utf-16-le"))),
    Case("visits: half of UTF-16", r"visits\.csv", raw(V, lambda old: old.decode().encode("utf-16")[:-1])),
    Case("visits: an open quote", r"visits\.csv: line 2", raw(V, lambda old: old.replace(b"\nP01", b'\n"P01', 1))),
    Case("visits: text after a quote", r"visits\.csv: line 2", raw(V, lambda old: old.replace(b"\nP01", b'\n"P"01', 1))),
    Case("visits: a huge cell", r"visits\.csv: line 2", raw(V, lambda old: old.replace(b"\nP01", b"\n" + b"x" * 200_000, 1))),
    Case("visits: a cell too few", r"visits\.csv: line \d+", raw(V, lambda old: old + b"P02,5,1\n")),
    Case("visits: a cell too many", r"visits\.csv: line \d+", raw(V, lambda old: old + b"P02,5,1,2,3,4\n")),
    Case("visits: cut off", r"visits\.csv: line \d+", raw(V, lambda old: old[:-20].rpartition(b",")[0] + b"\n")),
    Case("visits: one column", r"visits\.csv", raw(V, b"id\nP01\nP02\n")),
    Case("visits: a note above the names", r"visits\.csv: line 1: 1 cell \('# exported 2024'\) where all other lines have 5", raw(V, lambda old: b"# exported 2024\n" + old)),
    Case("visits: Excel's line of the delimiter", r"visits\.csv: line 1: 2 cells \('sep='\) where all other lines have 5", raw(V, lambda old: b"sep=,\n" + old)),
    Case("visits: a note below the rows", r"visits\.csv: line 535: 1 cell \('Source: hospital'\) where", raw(V, lambda old: old + b"Source: hospital\n")),
    Case("visits: a page of HTML", r"visits\.csv", raw(V, b"<html>\n<body>Please log in</body>\n</html>\n")),
    Case("visits: JSON", r"visits\.csv", raw(V, b'[{"id": 1, "day": 2}]\n')),
    Case("visits: an LFS pointer", r"visits\.csv", raw(V, b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n")),
    Case("visits: a suffix that is not read", r"visits\.xlsx", key("data.measurements", "visits.xlsx")),
    Case("visits: another suffix", r"visits\.sav", both(key("data.measurements", "visits.sav"), raw("visits.sav", b"$FL2"))),
    Case("visits: no suffix", r"visits", both(key("data.measurements", "visits"), raw("visits", b"id,day\n"))),
    Case("visits: a broken Parquet file", r"v\.parquet", both(key("data.measurements", "v.parquet"), raw("v.parquet", b"PAR1 no"))),
    Case("visits: an empty Parquet file", r"v\.parquet", both(key("data.measurements", "v.parquet"), raw("v.parquet", b""))),
    Case("visits: a broken Excel file", r"v\.xlsx", both(key("data.measurements", "v.xlsx"), raw("v.xlsx", b"PK\x03\x04 no"))),
    Case("visits: a text called Excel", r"v\.xlsx", both(key("data.measurements", "v.xlsx"), raw("v.xlsx", b"id,day\n1,2\n"))),
    Case("visits: a broken SPSS file", r"v\.sav", both(key("data.measurements", "v.sav"), raw("v.sav", b"$FL2" + bytes(300)))),
    Case("visits: a broken Stata file", r"v\.dta", both(key("data.measurements", "v.dta"), raw("v.dta", b"<stata_dta>"))),
    Case("visits: a broken Feather file", r"v\.feather", both(key("data.measurements", "v.feather"), raw("v.feather", b"ARROW1"))),
    Case("visits: JSON that is no Dataset-JSON", r"v\.json", both(key("data.measurements", "v.json"), raw("v.json", b'[{"id": 1}]'))),
    Case("visits: a broken gzip file", r"v\.csv\.gz", both(key("data.measurements", "v.csv.gz"), raw("v.csv.gz", b"\x1f\x8b no"))),
    Case("visits: the folder", r"\.csv", key("data.measurements", ".csv")),
    Case("visits: a folder", r"data\.measurements", key("data.measurements", ".")),
    Case("visits: a name with a NUL", r"study\.yaml.*measurements", line("visits.csv", '"visits\\0.csv"')),
    Case("visits: a name of 300 letters", r"measurements", key("data.measurements", "v" * 300 + ".csv")),
    Case("patients: those of another study", r"patients\.csv|visits\.csv", column(P, "id", lambda n, old: f"Q{n}")),
    Case("visits: the same file twice", r"visits\.csv", key("data.patients", V)),
    Case("study: not text", r"study\.yaml", raw(S, bytes(range(128, 256)))),
    Case("study: Latin-1", r"study\.yaml: line 1", raw(S, lambda old: "title: Größe\n".encode("latin-1") + old)),
    Case("study: UTF-16", r"study\.yaml", raw(S, lambda old: old.decode().encode("utf-16"))),
    Case("study: the table", r"study\.yaml", raw(S, b"id,day,crp\nP01,0,1\n")),
]

# -- cells ------------------------------------------------------------------------------------------------------------

CELLS = [
    *(Case(f"marker: {value!r}", r"visits\.csv: line 4, patient P01, column crp", cell(V, 4, "crp", value)) for value in ("high", "<0.5", "0", "-1", "inf", "-inf", "1e999", "1 2", "12mg/l", "0x1f", "१", "1_000", "--", "=A1+1", "1.2.3", "٣")),
    *(Case(f"time: {value!r}", r"visits\.csv: line 4, patient P01, column day", cell(V, 4, "day", value)) for value in ("week 12", "inf", "2020-01-01", "1e400", "12:30", "1/2")),
    *(Case(f"follow-up: {value!r}", r"patients\.csv: line 2, patient P01, column futime", cell(P, 2, "futime", value)) for value in ("long", "-5", "inf", "31.12.2020", "1e400")),
    *(Case(f"event: {value!r}", r"patients\.csv: .*column status", cell(P, 2, "status", value)) for value in ("2", "yes", "1.5", "-1", "Death", "01")),
    *(Case(f"covariate: {value!r}", r"patients\.csv: line 2, patient P01, column age", cell(P, 2, "age", value)) for value in ("old", "inf", "60-65", "6O", "1e309")),
    Case("marker: per cent", r"visits\.csv: line 4, .*column albumin: '38%' is not a number because of the sign %", cell(V, 4, "albumin", "38%")),
    Case("marker: another minus sign", r"line 4, .*column albumin: '−35.0' is not a number: some of its characters", cell(V, 4, "albumin", "−35.0")),
    Case("marker: digits of full width", r"line 4, .*column crp: '１２.3' is not a number: some of its characters", cell(V, 4, "crp", "１２.3")),
    Case("entry after the end", r"patients\.csv: line 6, patient P05, column entry: the patient enters .* after the end of the follow-up",
         both(rename(P, "site", "entry"), column(P, "entry", lambda n, old: "0" if n != 4 else "2600"), key("outcome.entry", "entry"))),
    Case("ids with a spreadsheet's apostrophe", r"column id: .*\"'P01\" is written 'P01' there", column(P, "id", lambda n, old: "'" + old)),
    Case("marker: a thousand with its mark", r"visits\.csv: line 4, .*column crp", cell(V, 4, "crp", '"1,234.5"')),
    Case("marker: a decimal comma", r"visits\.csv: line 4, .*column crp", cell(V, 4, "crp", '"1,5"')),
    Case("marker: not plausible", r"visits\.csv: line 4, .*column crp", both(key("markers.log_crp.plausible", [0.1, 500]), cell(V, 4, "crp", "900"))),
    Case("marker: a code of missing values", r"visits\.csv: .*column albumin.*-999", column(V, "albumin", lambda n, old: "-999" if n % 9 == 0 else old), 0),
    Case("patient: two rows at one time", r"visits\.csv: line 3, patient P01, column day", both(cell(V, 3, "day", "0"), cell(V, 2, "day", "0"))),
    Case("patient: twice among patients", r"patients\.csv: line 62, patient P01", extra(P, "P01", "600", "0", "50", "f", "west")),
    Case("patient: no id", r"visits\.csv: line 4", both(cell(V, 4, "id", ""), key("data.incomplete", "error"))),
    Case("patient: no follow-up", r"patients\.csv: line 2, patient P01, column futime", both(cell(P, 2, "futime", ""), key("data.incomplete", "error"))),
    Case("patient: no event code", r"patients\.csv: line 2, patient P01, column status", both(cell(P, 2, "status", ""), key("data.incomplete", "error"))),
    Case("patient: no rows", r"patients\.csv: line 62, patient P99", both(extra(P, "P99", "600", "0", "50", "f", "west"), key("data.incomplete", "error"))),
    Case("patient: not among patients", r"visits\.csv: .*patient P99", both(extra(V, "P99", "0", "1", "30", "5"), key("data.incomplete", "error"))),
    Case("time: none", r"visits\.csv: line 4, patient P01, column day", both(cell(V, 4, "day", ""), key("data.incomplete", "error"))),
    Case("ids that lost their zeros", r"visits\.csv", both(column(V, "id", lambda n, old: old[1:].lstrip("0")), column(P, "id", lambda n, old: old[1:]))),
    Case("a date among days", r"visits\.csv: .*column day.*line 2", column(V, "day", "2020-02-03")),
    Case("days among dates", r"visits\.csv: .*column day", both(key("data.time_unit", "date"), key("data.time_zero", "first_visit"))),
]

# -- structure --------------------------------------------------------------------------------------------------------

SLIPS = [
    Case("values in two units within tenfold", r"line \d+, column crp: .* another unit",
         column(V, "crp", lambda n, old: f"{17.104 * float(old):.2f}" if n % 20 == 0 else old), status=0),
    Case("a centre in another unit", r"column crp: half of the values of site 'west'",
         both(key("data.centre", "site"), by_site("crp", 17.104)), status=0),
    Case("a competing event that nobody had", r"patients\.csv: column status: no patient has the code '?9'? \(moved away\) of outcome\.competing",
         key("outcome.competing", {9: "moved away"}), status=0),
    Case("values carried forward", r"column albumin: 100% of the values are the patient's previous one",
         carried("albumin"), status=0),
    Case("zeros for missing values", r"column albumin: 0 occurs 36 times",
         column(V, "albumin", lambda n, old: "0" if n % 15 == 0 else old), status=0),
    Case("a covariate of zeros for missing values", r"column age: 0 occurs 10 times",
         column(P, "age", lambda n, old: "0" if n % 6 == 0 else old), status=0),
    Case("years of birth called age", r"column age: .* years of birth",
         column(P, "age", lambda n, old: str(2015 - int(old))), status=0),
    Case("a time that is a code", r"line 9, column day: .* such as -9999", cell(V, 9, "day", "-9999"), status=0),
    Case("a row of means", r"line 62, column id: the patient is called 'Mean'",
         both(extra(V, "Mean", "400", "12.5", "30", "7"), extra(P, "Mean", "900", "0", "60", "f", "north")), status=0),
    Case("two markers exchanged in rows", r"line 5, column crp: in 19 rows the values of crp and albumin agree .* only when they",
         exchanged("crp", "albumin"), status=0),
    Case("a marker a row too low", r"column albumin: each patient's first value .* one row too low", moved("albumin"), status=0),
    Case("a patient under two ids", r"column id: the patients 'P05' and 'P77' have the same values", again("P05", "P77"), status=0),
    Case("a visit entered twice", r"line 535, column day: 1 row has the values of the patient's previous row",
         extra(V, "P02", "137", "2.65", "35.40", "8"), status=0),
    Case("a patient in months among days", r"line 27, column day: the visits of patient 'P04' are 3.9 apart, .* as in another unit",
         rescaled("P04", 1 / 30.4375), status=0),
    Case("numbers of visits for days", r"line 2, column day: all visits lie within 0.025 years of time zero, and the landmark is at 0.9 years",
         numbered(), status=0),
    Case("day and month exchanged", r"column day: 24 dates do not lie between .* such as 2021-06-01, which would be 2021-01-06",
         dates("%d/%m/%Y", exchanged_in=4), status=0),
    Case("a time zero years late", r"column day: the first visit of patient 'P03' is at -2.41 years since time zero",
         both(dates("%d/%m/%Y"), cell(P, 4, "start", "01/06/2022")), status=0),
    Case("a date for those still followed", r"line 2, column futime: 12 times lie far from all others .* such as 9999-12-31",
         both(dates("%d/%m/%Y"), column(P, "futime", lambda n, old: "31/12/9999" if n % 5 == 0 else old)), status=0),
    Case("a marker that is an age", r"column dose: from the first visit to the last it changes by 0.002738 for each unit",
         both(older("dose"), key("markers.dose", {"column": "dose"})), status=0),
    Case("a code in a continuous outcome", r"patients\.csv: line 2, column age: 999 occurs 7 times",
         both(column(P, "age", lambda n, old: "999" if n % 9 == 0 else old), key("landmark", "none"),
              key("outcome", {"kind": "continuous", "column": "age", "after_measurements": True})), status=0),
    Case("one age of 0", r"line 9, column age: 0 occurs once and lies far", cell(P, 9, "age", "0"), status=0),
    Case("a negative age", r"line 3, column age: 1 value is negative", cell(P, 3, "age", "-5"), status=0),
    Case("a spreadsheet's error among levels", r"line 9, column site: '#REF!' is what a spreadsheet writes",
         both(key("outcome.covariates", ["site"]), cell(P, 9, "site", "#REF!"))),
    Case("an abbreviated level", r"column sex: the level 'female' .* is 'f' in another spelling",
         both(column(P, "sex", lambda n, old: "female" if old == "f" and n % 3 == 0 else old),
              key("outcome.covariates", ["age", "sex"]))),
    Case("ids with a character that nobody sees", r"column id: .*'P01\\u200b' is written 'P01' there",
         column(P, "id", lambda n, old: f"{old}\u200b")),
]

STRUCTURE = [
    Case("visits: a column twice", r"visits\.csv: .*'crp'", rename(V, "dose", "crp")),
    Case("patients: a column twice", r"patients\.csv: .*'age'", rename(P, "site", "age")),
    *(Case(f"visits: no column {name}", rf"visits\.csv: column {name}", rename(V, name, "other")) for name in ("id", "day", "crp", "albumin")),
    *(Case(f"patients: no column {name}", rf"patients\.csv: column {name}", rename(P, name, "other")) for name in ("id", "futime", "status", "age")),
    Case("a column in other letters", r"visits\.csv: column crp.*'CRP'", rename(V, "crp", "CRP")),
    Case("nobody has the event", r"patients\.csv: column status", column(P, "status", "0")),
    Case("one event", r"event", column(P, "status", lambda n, old: str(int(n == 3)))),
    Case("everybody has the event at once", r"futime|horizon|event", both(column(P, "futime", "500"), column(P, "status", "1"))),
    Case("one patient", r"visits\.csv", both(rows(V, lambda n, row: row[0] == FIRST), rows(P, lambda n, row: row[0] == FIRST))),
    Case("two patients", r".", both(rows(V, lambda n, row: row[0] <= "P02"), rows(P, lambda n, row: row[0] <= "P02"))),
    Case("five patients", r".", both(rows(V, lambda n, row: row[0] <= "P05"), rows(P, lambda n, row: row[0] <= "P05"))),
    Case("one visit each", r"slope", rows(V, lambda n, row: row[1] == "0")),
    Case("nobody is at risk", r"landmark", column(P, "futime", "20")),
    Case("no visit before the landmark", r"landmark", rows(V, lambda n, row: float(row[1]) > 400)),
    Case("a marker that never changes", r"visits\.csv: column albumin", column(V, "albumin", "35")),
    Case("a marker that nobody has", r"visits\.csv: column albumin", column(V, "albumin", "")),
    Case("a marker that one patient has", r"visits\.csv: column albumin", column(V, "albumin", lambda n, old: old if n < 3 else "")),
    Case("a marker of words", r"visits\.csv: .*column albumin", column(V, "albumin", "normal")),
    Case("a marker that is another", r"albumin", both(column(V, "albumin", "1"), column(V, "crp", "1"))),
    Case("a constant covariate", r"patients\.csv: column age", column(P, "age", "60"), 0),
    Case("nobody has a covariate that is to be imputed", r"patients\.csv: column age: it is missing for all \d+ patients", both(key("outcome.missing_covariate", "impute"), column(P, "age", ""))),
    Case("most lack a covariate that is to be imputed", r"patients\.csv: column age: it is missing for \d+ of \d+ patients: most", both(key("outcome.missing_covariate", "impute"), column(P, "age", lambda n, old: old if n % 3 == 0 else "")), 0),
    Case("nothing is missing to impute", r"patients\.csv: outcome.missing_covariate is impute, but no covariate is missing", key("outcome.missing_covariate", "impute"), 0),
    Case("a covariate to impute is in the growth model", r"outcome.missing_covariate: each covariate \(age\) is the centre or in the growth formulas", both(key("outcome.missing_covariate", "impute"), key("growth.fixed", "~ time + age"))),
    Case("imputations of nothing", r"outcome.imputations: is for `missing_covariate: impute`", key("outcome.imputations", 20)),
    Case("a covariate that nobody has", r"age", column(P, "age", "")),
    Case("a covariate that is the event", r"patients\.csv: column died", both(key("outcome.covariates", ["died"]), rename(P, "site", "died"), same(P, "died", "status"))),
    Case("a level for each patient", r"patients\.csv: column site", both(key("outcome.covariates", ["site"]), column(P, "site", lambda n, old: f"s{n}"))),
    Case("levels that differ in case", r"patients\.csv: .*column sex", both(key("outcome.covariates", ["sex"]), cell(P, 2, "sex", "M"))),
    Case("a stratum without events", r"sex", both(key("outcome.strata", ["sex"]), column(P, "status", lambda n, old: old if n % 2 else "0"), column(P, "sex", lambda n, old: "fm"[n % 2]))),
    Case("one centre", r"data\.centre", both(key("data.centre", "site"), column(P, "site", "north"))),
    Case("follow-up in years called days", r"futime|landmark", column(P, "futime", lambda n, old: f"{float(old) / 365.25:.3f}")),
    Case("visits in years called days", r"visits\.csv: column day|landmark", column(V, "day", lambda n, old: f"{float(old) / 365.25:.4f}"), 0),
    Case("event and follow-up exchanged", r"patients\.csv", both(key("outcome.time", "status"), key("outcome.event", "futime"))),
    Case("a wide table", r"visits\.csv", raw(V, b"id,crp_0,crp_1,crp_2,albumin_0,albumin_1,albumin_2\nP01,1,2,3,4,5,6\nP02,1,2,3,4,5,6\n")),
]

# -- study file -------------------------------------------------------------------------------------------------------

NEEDED = (
    "study",
    "seed",
    "data",
    "markers",
    "landmark",
    "outcome",
    "data.measurements",
    "data.patient",
    "data.time",
    "data.time_unit",
    "data.analysis_unit",
    "markers.albumin.column",
    "outcome.kind",
    "outcome.time",
    "outcome.time_unit",
    "outcome.event",
    "outcome.events",
    "outcome.horizons",
)
UNKNOWN = (
    "sead",
    "data.mesurements",
    "data.tme",
    "markers.albumin.colum",
    "growth.fix",
    "outcome.event_code",
    "outcome.landmark",
    "crossfit.fold",
    "validation.fols",
    "report.patient",
)
WRONG = [
    ("study", "a b"), ("study", ""), ("study", "../up"), ("study", 5), ("study", "x" * 300), ("study", None),
    ("seed", -1), ("seed", "one"), ("seed", 1.5), ("seed", None), ("seed", True),
    ("title", 5), ("title", []), ("data", []), ("data", "visits.csv"), ("markers", {}), ("markers", []), ("markers", ["crp"]), ("markers", None),
    ("markers.albumin", "albumin"), ("markers.albumin.transform", "ln"), ("markers.albumin.plausible", [7, 1]), ("markers.albumin.plausible", 5),
    ("markers.albumin.plausible", ["a", "b"]), ("markers.albumin.fast_change", {"over": 1}), ("markers.albumin.unit", 5), ("markers.albumin.column", ""),
    ("data.time_unit", "day"), ("data.time_unit", None), ("data.analysis_unit", "date"), ("data.analysis_unit", "none"), ("data.delimiter", "::"), ("data.decimal", ";"),
    ("data.encoding", "utf-99"), ("data.date_format", "%d"), ("data.date_format", "dd/mm/yyyy"), ("data.patients_date_format", "%Y-%m-%d"), ("data.time_zero", "birth"),
    ("data.time_zero", {"colum": "x"}), ("data.time_zero", {"column": "nobody"}), ("data.duplicates", "drop"), ("data.missing", [True]), ("data.missing", {"a": 1}), ("data.incomplete", "skip"),
    ("data.categories", ["nothing"]), ("data.centre", "id"), ("data.patients_patient", "case"), ("data.patient", "day"),
    ("landmark", -1), ("landmark", "one year"), ("landmark", []), ("landmark", [1, 1]), ("landmark", [2, "x"]), ("landmark", 1000), ("landmark", None), ("landmark", True), ("landmark", "none"),
    ("growth.structure", "full"), ("growth.engine", "lme4"), ("growth.reml", "yes"), ("growth.bootstrap", -1), ("growth.bootstrap", 1.5), ("growth.slope_of", "dose"), ("growth.weights", "nothing"),
    ("growth.residual_by", "nothing"), ("growth.rows", "some"), ("growth", "~ time"),
    ("outcome.kind", "cox"), ("outcome.kind", "binary"), ("outcome.kind", "continuous"), ("outcome.kind", "none"), ("outcome.time", "day"), ("outcome.time_unit", "date"), ("outcome.time_unit", "none"),
    ("outcome.event", "futime"), ("outcome.events", {}), ("outcome.events", []), ("outcome.events", {1: ""}), ("outcome.events", {1: 5}), ("outcome.events", {0: "death"}), ("outcome.events", {1: "a", 2: "a"}),
    ("outcome.events", {True: "x"}), ("outcome.competing", {1: "other"}), ("outcome.censored", []), ("outcome.censored", [1]), ("outcome.covariates", "age sex"), ("outcome.covariates", ["age", "age"]),
    ("outcome.covariates", ["futime"]), ("outcome.covariates", ["log_crp"]), ("outcome.covariates", ["id"]), ("outcome.covariates", [5]), ("outcome.covariates", ["time"]), ("outcome.strata", ["age"]),
    ("outcome.strata", ["nothing"]), ("outcome.horizons", []), ("outcome.horizons", [2, 1]), ("outcome.horizons", [0]), ("outcome.horizons", [-1, 2]), ("outcome.horizons", ["five"]), ("outcome.horizons", [1, 50]),
    ("outcome.horizons", 3), ("outcome.margin", 2), ("outcome.margin", 0), ("outcome.terms", ["square"]), ("outcome.entry", "futime"), ("outcome.entry", "nothing"), ("outcome.positive", "1"), ("outcome.penalty", "lasso"),
    ("outcome.bootstrap", -2), ("outcome.after_measurements", True), ("crossfit.folds", 1), ("crossfit.folds", 1000), ("crossfit.repeats", 0), ("validation.folds", 1), ("validation.folds", 50), ("validation.repeats", "five"),
    ("validation.bootstrap", -1), ("validation.subgroups", ["nothing"]), ("validation.subgroups", ["id"]), ("report.small_cells", -1), ("report", "yes"),
]  # fmt: skip
FORMULAS = [
    "",
    "time",
    "~",
    "~ tme",
    "~ time +",
    "~ time + + sex",
    "~ time | id",
    "crp ~ time",
    "~ __import__('os')",
    "~ time.real",
    "~ time[0]",
    "~ lambda x: x",
    "~ time ** 9",
    "~ time ** 2.5",
    "~ spline(time)",
    "~ poly(time, 50)",
    "~ bs(time, df=-1)",
    "~ bs(time, df='5')",
    "~ bs(time, nodes=3)",
    "~ log(time)",
    "~ C(time + 1)",
    "~ 2",
    "~ time; import os",
    "~ time + `no column`",
    "~ exp(exp(exp(day)))",
    "~ (" * 150 + "time" + ")" * 150,
    "~ time" + " * time" * 120,
    "~ " + " + ".join(f"x{n}" for n in range(120)),
    "~ log_crp",
    "~ (time + age) ** 3 ** 3",
    "~ 0",
    "~ I(time",
    "~ 'time'",
    "~ 1e999 * time",
    "~ time %in% age",
]
TEXT = [
    Case("study: a tab", r"study\.yaml: line \d+", line("  patient: id", "\tpatient: id")),
    Case("study: a key twice", r"study\.yaml: line \d+.*seed", line("seed: 3", "seed: 3\nseed: 4")),
    Case("study: a part twice", r"study\.yaml: line \d+.*growth", line("growth:", "growth:\n  reml: true\ngrowth:")),
    Case("study: an anchor", r"study\.yaml: line \d+", line("seed: 3", "seed: &a 3")),
    Case("study: an alias", r"study\.yaml: line \d+", line("seed: 3", "seed: *a")),
    Case("study: a tag", r"study\.yaml: line \d+", line("seed: 3", "seed: !!python/object:os.system 3")),
    Case("study: an open bracket", r"study\.yaml: line \d+", line("landmark: 0.9", "landmark: [1")),
    Case("study: an open quote", r"study\.yaml: line \d+", line("study: good", 'study: "good')),
    Case("study: no blank after a colon", r"study\.yaml: line \d+", line("seed: 3", "seed:3")),
    Case("study: indented too far", r"study\.yaml: line \d+", line("seed: 3", "  seed: 3")),
    Case("study: a yes without quotes", r"study\.yaml: line \d+", line("seed: 3", "seed: yes")),
    Case("study: NaN", r"study\.yaml: line \d+", line("landmark: 0.9", "landmark: .nan")),
    Case("study: infinite", r"study\.yaml: line \d+", line("landmark: 0.9", "landmark: .inf")),
    Case("study: 1_000", r"study\.yaml: line \d+", line("seed: 3", "seed: 1_000")),
    Case("study: a number of 5000 digits", r"study\.yaml: line \d+", line("seed: 3", "seed: " + "9" * 5000)),
    Case("study: nested deeply", r"study\.yaml", line("landmark: 0.9", "landmark: " + "[" * 3000 + "]" * 3000)),
    Case("study: two documents", r"study\.yaml", raw(S, lambda old: old + b"---\n" + old)),
    Case("study: a list", r"study\.yaml", raw(S, b"- study: good\n")),
    Case("study: one word", r"study\.yaml", raw(S, b"good\n")),
    Case("study: a key that is a list", r"study\.yaml: line \d+", line("seed: 3", "[seed]: 3")),
    Case("study: a NUL", r"study\.yaml", line("seed: 3", 'title: "\\0"\nseed: 3')),
    Case("study: half a letter", r"study\.yaml", line("seed: 3", 'title: "\\ud800"\nseed: 3')),
    Case("study: a million aliases", r"study\.yaml", raw(S, b"a: &a [x,x]\n" + b"".join(b"%c: &%c [*%c,*%c]\n" % (98 + n, 98 + n, 97 + n, 97 + n) for n in range(20)))),
    Case("study: a long file", r"study\.yaml", raw(S, lambda old: old + b"# " + b"x" * 3_000_000)),
]
STUDY_FILE = [
    *TEXT,
    *(Case(f"study: no {path}", rf"study\.yaml.*{path.rpartition('.')[2]}", gone(path)) for path in NEEDED),
    *(Case(f"study: unknown key {path}", rf"study\.yaml: line \d+: .*{path.rpartition('.')[2]}", key(path, 1)) for path in UNKNOWN),
    *(Case(f"study: {path} = {str(value)[:40]!r}", value if value == "nothing" else path.rpartition(".")[2], key(path, value)) for path, value in WRONG),
    *(Case(f"formula: {formula[:40]!r}", r"growth\.fixed|formula|time", key("growth.fixed", formula)) for formula in FORMULAS),
    *(Case(f"random effects: {formula!r}", r"random|formula|time", key("growth.random", formula)) for formula in ("~ 0", "~ time - 1 + 0 * time", "~ time ** 2.5", "~ time + I(time**2) + I(time**3) + age + dose")),
]

# -- effects ----------------------------------------------------------------------------------------------------------


def interrupted(at: object, *more: Change, **others: object) -> Change:
    """The good study without an outcome, on all rows, with an interruption."""
    asked = key("effects", {"interruption": {"at": at, **others}})
    return both(key("outcome", {"kind": "none"}), key("landmark", "none"), asked, *more)


INTERRUPTIONS = [
    Case("interruption: after every series", r"visits\.csv: the interruption lies outside every series", interrupted(5000.0)),
    Case("interruption: before every series", r"visits\.csv: the interruption lies outside every series", interrupted(-10.0)),
    Case("interruption: patients without a row after it", r"no row after the interruption", interrupted(500.0)),
    Case("interruption: a date on a clock of days", r"effects\.interruption\.at.*data\.time_unit is no date", interrupted("2020-01-31")),
    Case("interruption: a column that is not there", r"law.*effects\.interruption\.at", interrupted({"column": "law"})),
    Case("interruption: a text for a moment", r"patients\.csv: column site.*is not a number", interrupted({"column": "site"})),
    Case("interruption: time is not in the model", r"growth\.fixed.*time", interrupted(300.0, key("growth.fixed", "~ 1"))),
    Case("interruption: after is a term of the study", r"growth\.fixed.*after", interrupted(300.0, key("growth.fixed", "~ time + after"))),
    Case("interruption: an effect before it", r"horizons", interrupted(300.0, horizons=[-1.0])),
    Case("interruption: a characteristic that varies", r"dose.*varies within the unit|varies within the unit.*dose", interrupted(300.0, characteristics=["dose"])),
    Case("formula: a harmonic without a period", r"harmonic", key("growth.fixed", "~ time + harmonic(time)")),
]



def received(number: int) -> int:
    """A treatment by row that follows no rule."""
    return int((number * number * 37 + number * 11) % 101 < 40)


def weighted(*more: Change, arm: Callable[[int], int] = received, **others: object) -> Change:
    """The good study without an outcome, on all rows, with a treatment that may change at each visit; `arm` by row."""
    asked = {"column": "arm", "confounders": ["log_crp", "dose"], **others}
    made = (trial(arm=lambda visit: "0"), column(V, "arm", lambda number, cell: str(arm(number))))
    return both(*made, key("outcome", {"kind": "none"}), key("landmark", "none"), key("effects", {"treatment_over_time": asked}), *more)


OVER_TIME = [
    Case("over time: no column of the treatment", r"visits\.csv: column drug: .*treatment_over_time\.column", weighted(column="drug")),
    Case("over time: a treatment that never changes", r"column arm: every row has the treatment '0'", weighted(arm=lambda number: 0)),
    Case("over time: three levels", r"column arm: the treatment has 3 levels", weighted(arm=lambda number: number % 3)),
    Case("over time: a reference that no row has", r"column arm: no row has the reference 'none'.*treatment_over_time\.reference", weighted(reference="none")),
    Case("over time: a confounder that is not there", r"visits\.csv: column state: .*treatment_over_time\.confounders", weighted(confounders=["state"])),
    Case("over time: no confounders", r"study\.yaml: line \d+: .*confounders.*empty", weighted(confounders=[])),
    Case("over time: a confounder measured at the end", r"study\.yaml: line \d+: .*`futime` is outcome\.time, which is measured after the treatment", weighted(key("outcome", {"kind": "survival", "time": "futime", "time_unit": "days", "event": "status", "events": {1: "death"}, "horizons": [1]}), key("landmark", 0.9), confounders=["futime"])),
    Case("over time: a confounder with one value a patient", r"column age: the confounder has one value a patient.*after the treatment", weighted(confounders=["age"])),
    Case("over time: the treatment as a confounder", r"column dose: the confounder is the treatment in other codes", weighted(column(V, "dose", lambda number, cell: "ab"[received(number)]))),
    Case("over time: a confounder that decides everything", r"treatment_over_time: treatment, denominator: .*no positivity", weighted(column(V, "dose", lambda number, cell: str(5 + received(number + 1) + (number % 7) / 100)))),
    Case("over time: a baseline column that varies", r"visits\.csv: line \d+, patient P01, column dose: a baseline column varies within the patient", weighted(confounders=["log_crp"], baseline=["dose"])),
    Case("over time: the column of a marker", r"`crp` is the column of the marker log_crp", weighted(confounders=["crp"])),
    Case("over time: a marker at baseline", r"`albumin` is a marker, which treatment may change", weighted(baseline=["albumin"])),
    Case("over time: a column twice", r"`dose` is treatment_over_time\.confounders already", weighted(baseline=["dose"])),
    Case("over time: a confounder in the growth model", r"growth\.fixed.*`dose` is a confounder that treatment may change", weighted(key("growth.fixed", "~ time + dose"))),
    Case("over time: weights of rows", r"growth\.weights.*leave it out", weighted(key("growth.weights", "dose"))),
    Case("over time: half of the weights truncated", r"treatment_over_time\.truncation", weighted(truncation=0.5)),
    Case("over time: another column among the terms of time", r"time_terms.*`time` alone", weighted(time_terms="~ dose")),
    Case("over time: an effect before treatment", r"horizons.*above 0", weighted(horizons=[0])),
    Case("over time: a time of an effect that is the same at all", r"horizons.*changes", weighted(changes=["level"], horizons=[1])),
    Case("over time: nobody changes", r"column arm: nobody's treatment changes", both(weighted(), column(V, "arm", lambda number, cell: cell), by_patient("arm"))),
    Case("over time: one visit each", r"every patient has one row|one visit|one value", both(weighted(), rows(V, lambda number, row: row[1] == "0"), by_patient("arm"))),
    Case("over time: a treatment and one over time", r"names `treatment` and `treatment_over_time`", both(weighted(), key("effects.treatment", {"column": "arm", "reference": "0"}))),
    Case("over time: the treatment in no formula", r"growth\.fixed.*`arm` is a term of", weighted(key("growth.fixed", "~ time + arm"))),
    Case("over time: a name that is taken", r"the name `treated` is reserved", weighted(rename(V, "arm", "treated"), column="treated")),
]



def bayes(**prior: object) -> Change:
    """The good study with a posterior of log_crp under this prior."""
    return both(key("growth.engine", "bayes"), key("bayes", {"priors": {"log_crp": prior}}))


PRIORS = [
    Case("priors: an SD in another unit", r"bayes\.priors\.log_crp: .*prior scale 1e\+06 of the SD of time makes no sense.*give a scale between", bayes(sd={"time": 1e6})),
    Case("priors: a residual in another unit", r"bayes\.priors\.log_crp: .*prior scale 1e-07 of the SD of the residual.*give a scale", bayes(residual=1e-7)),
    Case("priors: a fixed effect in another unit", r"bayes\.priors\.log_crp: .*prior SD of time makes no sense", bayes(fixed={"time": [0, 1e7]})),
    Case("priors: an SD of zero", r"bayes\.priors\.log_crp\.sd.*0", bayes(sd={"time": 0})),
    Case("priors: no such term", r"bayes\.priors\.log_crp: .*'age', which is no random effect.*name one of its random effects: Intercept, time", bayes(sd={"age": 1})),
]

# -- command line -----------------------------------------------------------------------------------------------------

COMMANDS = [
    Case("command: unknown", r"chek", command("chek", S), 2),
    Case("command: check without a file", r"STUDY", command("check"), 2),
    Case("command: check of nothing", r"nothing\.yaml", command("check", "nothing.yaml")),
    Case("command: check of a folder", r"\.", command("check", ".")),
    Case("command: check of a table", r"visits\.csv", command("check", V)),
    Case("command: check with an unknown option", r"--fast", command("check", "--fast", S), 2),
    Case("command: check of two files", r"extra", command("check", S, S), 2),
    Case("command: init without a table", r"MEASUREMENTS", command("init"), 2),
    Case("command: init of nothing", r"nothing\.csv", command("init", "nothing.csv", "--force")),
    Case("command: init over a study file", r"study\.yaml", command("init", V, "--patients", P)),
    Case("command: init below a file", r"visits\.csv", command("init", V, "--out", "visits.csv/study.yaml")),
    Case("command: init with an unknown unit", r"--time-unit", command("init", V, "--time-unit", "moons"), 2),
    Case("command: init with an unknown column", r"visits\.csv: column nothing|nothing", command("init", V, "--marker", "nothing", "--force")),
    Case("command: init with an unknown time", r"nothing", command("init", V, "--time", "nothing", "--force")),
    Case("command: init with an unknown event", r"nothing", command("init", V, "--patients", P, "--event", "nothing", "--force")),
    Case("command: init with a strange code", r"9", command("init", V, "--patients", P, "--event", "status", "--event-code", "9=death", "--force")),
    Case("command: init with a code without label", r"event-code|=", command("init", V, "--patients", P, "--event", "status", "--event-code", "=", "--force")),
    Case("command: init with a landmark of words", r"--landmark", command("init", V, "--landmark", "soon"), 2),
    Case("command: init with a long delimiter", r"delimiter", command("init", V, "--delimiter", "::", "--force")),
    Case("command: init with an unknown encoding", r"encoding", command("init", V, "--encoding", "utf-99", "--force")),
    Case("command: init with a strange date format", r"date", command("init", V, "--time", "day", "--time-unit", "date", "--date-format", "dd", "--force")),
    Case("command: init with a bad name", r"name", command("init", V, "--name", "a/b", "--force")),
    Case("command: init of the study file", r"study\.yaml", command("init", S, "--force")),
    Case("command: tables of nothing", r"nothing", command("tables", "nothing")),
    Case("command: tables of a file", r"visits\.csv", command("tables", V)),
    Case("command: tables of a folder without results", r"\.", command("tables", ".")),
    Case("command: tables in an unknown form", r"--format", command("tables", ".", "--format", "word"), 2),
    Case("command: predict without a model", r"--model", command("predict", "--measurements", V, "--out", "risks.csv"), 2),
    Case("command: predict with no such model", r"nothing\.json", command("predict", "--model", "nothing.json", "--measurements", V, "--out", "risks.csv")),
    Case("command: predict with a table for a model", r"visits\.csv", command("predict", "--model", V, "--measurements", V, "--out", "risks.csv")),
    Case("command: predict with an empty model", r"m\.json", both(raw("m.json", b"{}"), command("predict", "--model", "m.json", "--measurements", V, "--out", "risks.csv"))),
    Case("command: predict with a list for a model", r"m\.json", both(raw("m.json", b"[1, 2]"), command("predict", "--model", "m.json", "--measurements", V, "--out", "risks.csv"))),
    Case("command: predict with NaN for a model", r"m\.json", both(raw("m.json", b"NaN"), command("predict", "--model", "m.json", "--measurements", V, "--out", "risks.csv"))),
    Case("command: predict with half a model", r"m\.json", both(raw("m.json", b'{"format": 1, "study": {'), command("predict", "--model", "m.json", "--measurements", V, "--out", "risks.csv"))),
    Case("command: predict with a deep model", r"m\.json", both(raw("m.json", b"[" * 100_000), command("predict", "--model", "m.json", "--measurements", V, "--out", "risks.csv"))),
    Case("command: predict with a binary model", r"m\.json", both(raw("m.json", bytes(range(256))), command("predict", "--model", "m.json", "--measurements", V, "--out", "risks.csv"))),
]

ARM = {"arm": lambda visit: "ab"[visit % 2]}
EFFECTS = [
    Case("effects: no column of the treatment", r"visits\.csv: column arm: .*effects\.treatment\.column", trial(other=lambda visit: "a")),
    Case("effects: no column of the period", r"visits\.csv: column period: .*effects\.period", both(trial(**ARM), key("effects.period", "period"))),
    Case("effects: a reference that no row has", r"column arm: no row has the reference 'c'.*'a', 'b'", both(trial(**ARM), key("effects.treatment.reference", "c"))),
    Case("effects: one level", r"column arm: every row has the treatment 'a'", trial(arm=lambda visit: "a")),
    Case("effects: three levels", r"column arm: the treatment has 3 levels.*data\.where", trial(arm=lambda visit: "abc"[visit % 3])),
    Case("effects: a sequence without periods", r"study\.yaml: line \d+: .*effects\.sequence.*effects\.period", both(trial(**ARM), key("effects.sequence", "dose"))),
    Case("effects: several sequences in a patient", r"column order: \d+ patients have several sequences", both(trial(**ARM, when=lambda visit: str(visit // 2), order=lambda visit: "xy"[visit % 2]), key("effects.period", "when"), key("effects.sequence", "order"))),
    Case("effects: periods that are the treatment", r"column when: everybody has the same treatment in each period", both(trial(**ARM, when=lambda visit: str(visit % 2)), key("effects.period", "when"))),
    Case("effects: both treatments in one patient", r"column arm: 1 of \d+ patients have both treatments", both(trial(arm=lambda visit: "a"), cell(V, 2, "arm", "b"))),
    Case("effects: a treatment and an interruption", r"study\.yaml: line \d+: .*one of them", both(trial(**ARM), key("effects.interruption", {"at": 2.0}))),
    Case("effects: two columns in one", r"study\.yaml: line \d+: .*`arm` is effects\.period already", both(trial(**ARM), key("effects.period", "arm"))),
    Case("effects: a marker for a treatment", r"study\.yaml: line \d+: .*`crp` is a marker", both(trial(**ARM), key("effects.treatment.column", "crp"))),
    Case("effects: a meaningful difference of zero", r"study\.yaml: line \d+: .*effects\.meaningful", both(trial(**ARM), key("effects.meaningful", 0))),
    Case("effects: one value a period", r"each patient has one value of albumin under each treatment", both(trial(**ARM), rows(V, lambda number, row: int(row[1]) < 200)), 0),
]

CASES: list[Case] = [
    *FILES, *CELLS, *STRUCTURE, *STUDY_FILE, *COMMANDS, *EFFECTS, *INTERRUPTIONS, *OVER_TIME, *MANY, *PRIORS, *SLIPS
]
