"""Findings of one kind are one line, with how many there are and examples, the gravest first."""

from slopewise.cohort.findings import NOTE, WARNING, DataFinding
from slopewise.cohort.kinds import kinds
from slopewise.run.words import agree, amount, duration, singular


def finding(message, *, line=None, patient=None, column="time", action="correct it", severity=WARNING):
    return DataFinding(severity, "m.csv", line, patient, column, message, action)


def test_findings_of_one_kind_are_one_line():
    many = [finding(f"visits after the end: {n}", line=n, patient=f"P{n}") for n in range(2, 40)]
    (kind,) = kinds(many)
    assert kind.concerned == 38
    assert str(kind) == (
        "m.csv: column time: 38 warnings such as: visits after the end: 2; correct it (first at line 2, patient P2; "
        "line 3, patient P3; line 4, patient P4; and 35 more)"
    )
    assert str(kinds(many[:1])[0]) == str(many[0])
    assert str(kinds(many[:2])[0]).endswith("correct it (first at line 2, patient P2; line 3, patient P3)")
    cells = [finding(f"'{cell}' is not a number", line=place) for place, cell in enumerate(["<30", "x", "<30"], 5)]
    assert "column time: 2 × '<30', 1 × 'x' is not a number; correct it (first at line 5)" in str(kinds(cells)[0])


def test_columns_values_and_numbers_do_not_make_kinds():
    columns = [
        finding(f"{share} of 60 values of {name} are '{code}'", column=name, action=f"set markers.{name}.plausible")
        for name, share, code in (("f1", 3, "-9"), ("f2", 4, "999"), ("f3", 5, "1e30"))
    ]
    (kind,) = kinds(columns)
    assert "(3 such findings: column f1; column f2; column f3)" in str(kind)
    assert len(kinds([*columns, finding("another matter")])) == 2
    assert len(kinds([finding("read as Latin-1"), finding("read as Latin-1", severity=NOTE)])) == 2


def test_the_gravest_come_first():
    few = [finding("a: 1", line=2, patient="P1")]
    many = [finding("b: 1", line=n, patient=f"P{n}") for n in range(9)]
    whole = [finding("c of the whole file")]
    note = [finding("d", severity=NOTE)]
    order = [kind.problems[0].message[0] for kind in kinds([*note, *few, *many, *whole])]
    assert order == ["c", "b", "a", "d"]


def test_numbers_agree_with_what_they_count():
    assert [amount(n, "visit") for n in (0, 1, 2, "1,440")] == ["0 visits", "1 visit", "2 visits", "1,440 visits"]
    assert amount("<5", "patient") == "<5 patients" and amount(2, "analysis", "analyses") == "2 analyses"
    assert [agree(n, "is", "are") for n in (0, 1, 2)] == ["are", "is", "are"]
    assert [duration(value, "months") for value in (0.5, 1, 1.0000001, 6)] == [
        "0.5 months",
        "1 month",
        "1 month",
        "6 months",
    ]
    assert duration(1.0, "none") == "1" and singular("hours") == "hour"
