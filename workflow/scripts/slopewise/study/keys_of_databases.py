"""The keys of a table that a database holds: what kind of database, where its address stands, which query.

An address holds a password. It comes from the environment alone, and no message repeats what stands in its place.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError, PydanticKnownError

from slopewise.study.base import Keys, Name


class Database(Keys):
    """A table of the study that is the result of a query, read once before the study runs."""

    database: Literal["postgresql", "sqlite", "duckdb"]
    """Kind of the database. Example: `postgresql`"""
    url_env: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
    """Name of the environment variable that holds the address with user and password
    (`postgresql://user:password@host/name`, `sqlite:///file`, `duckdb:///file`). Example: `TRIAL_DATABASE`"""
    query: Name
    """File with one SELECT, path beside the working directory. ORDER BY makes the order of rows, and with it the digest
    in `provenance.json`, the same at every reading. Example: `visits.sql`"""
    timeout: Annotated[float, Field(gt=0, le=86400)] = 600.0
    """Seconds after which the query is given up. Example: `60`"""


def _table(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """A path, or the keys of a database; an error names keys and repeats no value, which may be an address."""
    if isinstance(value, dict):
        try:
            return Database.model_validate(value)
        except ValidationError as error:
            raise PydanticCustomError("database", "{faults}", {"faults": _faults(error)}) from None
    try:
        return handler(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise PydanticKnownError(first["type"], first.get("ctx")) from None  # type: ignore[arg-type]


def _faults(error: ValidationError) -> str:
    found = []
    for item in error.errors(include_input=False):
        key = str(item["loc"][0])
        if item["type"] == "extra_forbidden":
            found.append(f"unknown key `{key[:40]}`")
        elif item["type"] == "missing":
            found.append(f"`{key}` is missing")
        elif item["type"] == "literal_error":
            found.append(f"`{key}` must be {item['ctx']['expected']}")
        elif key == "url_env":
            found.append("`url_env` must be the name of an environment variable, not an address")
        else:
            found.append(f"`{key}` {item['msg'].replace('Input should be', 'must be')}")
    words = "; a database has `database`, `url_env` (the environment variable with its address), `query`, `timeout`"
    return "; ".join(found) + words


Table = Annotated[Name | Database, WrapValidator(_table)]
"""Where a table of the study is: a file, or the result of a query."""


class Tables(Keys):
    """The tables of a study: files, or what databases hold."""

    measurements: Table
    """Table with a row per patient and visit: a path beside the working directory, or a query to a database
    (`{database: postgresql, url_env: TRIAL_DATABASE, query: visits.sql}`). A file's name ends in `.csv`,
    `.tsv`, `.tab` or `.txt` (delimited text), `.gz` or `.zip` (one such file), `.parquet`, `.pq` or `.feather`,
    `.xlsx`, `.xlsm` or `.ods` (one sheet of a workbook), `.sav` or `.zsav` (SPSS), `.dta` (Stata), `.sas7bdat` or
    `.xpt` (SAS), `.json` or `.ndjson` (CDISC Dataset-JSON 1.1; `.ndjson` also FHIR's Patient, Observation or
    Condition). A name with `*` or `?` stands for several files with the same columns (`data/visits_*.csv`), which are
    read in the order of their names.
    Example: `data/pbcseq/measurements.csv`"""
    patients: Table | None = None
    """Table with a row per patient: a file or a query. Without it, patient-level columns must be in the measurements
    and constant within a patient. Example: `data/pbcseq/patients.csv`"""

    subjects: Table | None = None
    """A third table with a row per patient, such as ADSL of a trial: its columns are joined to those of
    `data.patients`, by the patient; a column that both have is that of `data.patients`. With `data.conditions` a table
    with a row per patient and diagnosis. Example: `adsl.xpt`"""

    @property
    def databases(self) -> dict[str, Database]:
        """The tables that databases hold, by their keys."""
        return {key: table for key, table in self._tables.items() if isinstance(table, Database)}

    @property
    def files(self) -> dict[str, str]:
        """The tables that are files, by their keys; `ValueError` for a study whose databases have not been read."""
        if self.databases:
            raise ValueError("a study with databases is read by its snapshot (sources.snapshot)")
        return {key: str(table) for key, table in self._tables.items() if table is not None}

    @property
    def _tables(self) -> dict[str, str | Database | None]:
        tables = {"data.measurements": self.measurements, "data.patients": self.patients}
        return tables | ({} if self.subjects is None else {"data.subjects": self.subjects})
