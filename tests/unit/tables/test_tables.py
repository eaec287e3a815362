"""Tables are checked, sorted and typed on both sides of a step."""

from pathlib import Path

import pandas as pd
import pytest
from pandera.errors import SchemaError, SchemaErrors

from slopewise.run.errors import InputError
from slopewise.tables import files as tables
from slopewise.tables.files import TABLES, Schema, check


def folds() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "scheme": "crossfit",
            "repeat": 1,
            "held_out": 0,
            "patient": ["10", "001", "1"],
            "fold": [1, 2, 3],
        }
    )


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_table_comes_back_sorted_and_patients_stay_text(tmp_path: Path, suffix):
    path = tmp_path / f"folds{suffix}"
    written = tables.write(folds(), "folds", path)
    back = tables.read("folds", path)
    assert back.equals(written)
    assert back.patient.tolist() == ["001", "1", "10"]


def test_row_order_does_not_reach_the_bytes(tmp_path: Path):
    for suffix in (".csv", ".parquet"):
        tables.write(folds(), "folds", tmp_path / f"a{suffix}")
        tables.write(folds().iloc[::-1], "folds", tmp_path / f"b{suffix}")
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize(
    ("spoiled", "names"),
    [
        (folds().drop(columns="fold"), "fold"),
        (folds().assign(scheme="bootstrap"), "scheme"),
        (folds().assign(extra=1), "extra"),
        (folds().assign(patient="1"), "patient"),
    ],
)
def test_what_breaks_the_schema_is_never_written(tmp_path: Path, spoiled, names):
    with pytest.raises(ValueError, match=names):
        tables.write(spoiled, "folds", tmp_path / "folds.parquet")
    assert list(tmp_path.iterdir()) == []


def test_an_edited_table_is_an_error_with_a_way_out(tmp_path: Path):
    path = tmp_path / "folds.csv"
    tables.write(folds(), "folds", path)
    path.write_text(path.read_text().replace("crossfit", "other"))
    with pytest.raises(InputError, match=r"folds\.csv: .* Delete it and run the workflow again\."):
        tables.read("folds", path)


def test_every_table_has_keys_among_its_columns():
    for name, table in tables.TABLES.items():
        assert set(table.keys) <= set(table.columns), name


@pytest.mark.parametrize("text", ["=1+1", "+49 30", "-", "-2+3", "@SUM(A1)", "\tx", "'=1", "''@x", "=\n1", "-1\n"])
def test_a_formula_is_guarded_in_csv_and_comes_back_as_it_was(text: str):
    assert tables.guarded(text) == f"'{text}" and tables.bare(tables.guarded(text)) == text


@pytest.mark.parametrize("text", ["-2", "+1.5", "a=b", "'quoted'", "'-2", "", "'", "001", "1-2"])
def test_what_is_no_formula_stays_as_it_is(text: str):
    assert tables.guarded(text) == text == tables.bare(text)


def test_hostile_patients_survive_a_csv_file(tmp_path: Path):
    names = ["=1+1", "'=1+1", "-2", "+x", "plain", "@a", "'", '"quoted", =1']
    frame = pd.concat([folds().head(1).assign(patient=name) for name in names])
    tables.write(frame, "folds", tmp_path / "folds.csv")
    assert "'=1+1," in (tmp_path / "folds.csv").read_text(encoding="utf-8")
    assert set(tables.read("folds", tmp_path / "folds.csv")["patient"]) == set(names)


def broken(frame: pd.DataFrame, table: Schema, how: str) -> pd.DataFrame | None:
    """A frame of a table with a fault of one kind, if the table can have it."""
    words = [name for name, kind in table.columns.items() if isinstance(kind, tuple)]
    full = [name for name, kind in table.columns.items() if kind == "full"]
    if how == "as it should be":
        return frame
    if how == "a further column":
        return frame.assign(further=1.0)
    if how == "a row twice":
        return pd.concat([frame, frame.tail(1)], ignore_index=True)
    if how in ("another word", "no word") and words:
        return frame.assign(**{words[0]: pd.array(["?" if how == "another word" else None] * len(frame), "string")})
    if how == "no number" and full:
        return frame.assign(**{full[-1]: float("nan")})
    return None


@pytest.mark.parametrize(
    "how", ["as it should be", "a further column", "a row twice", "another word", "no word", "no number"]
)
def test_the_short_way_to_a_verdict_is_that_of_the_schema(how: str) -> None:
    tried = 0
    for name, table in TABLES.items():
        for part in table.either or ({},):
            own = table.of(pd.DataFrame(columns=list(part)))
            made = {
                column: [*kind, *kind][:2] if isinstance(kind, tuple) else ["a", "b"] if kind == "text" else [0, 1]
                for column, kind in own.columns.items()
            }
            frame = broken(check(pd.DataFrame(made), name), own, how) if len(made) else None
            if frame is None or (how != "as it should be" and tried >= 8):
                continue
            tried += 1
            try:
                own.schema.validate(frame, lazy=True)
                passes = True
            except (SchemaError, SchemaErrors):
                passes = False
            assert own.holds(frame) == passes, (name, how)
    assert tried >= 8
