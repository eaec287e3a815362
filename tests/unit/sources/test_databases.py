"""Tables from databases: the rows of a query, one moment for both tables, and one sentence for whatever goes wrong."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from slopewise.run.errors import InputError
from slopewise.sources import snapshot
from slopewise.sources.databases.rows import Rows
from slopewise.sources.readers import place_of, read_table
from slopewise.sources.snapshot import facts_of, frozen
from slopewise.sources.study_tables import patients_of
from slopewise.study.reading import parse_study
from tests import servers

STUDY = """
study: small
seed: 1
data:
  measurements: {database: KIND, url_env: TRIAL_DATABASE, query: visits.sql, timeout: 5}
  patients: {database: KIND, url_env: TRIAL_DATABASE, query: people.sql}
  patient: id
  time: day
  time_unit: days
  analysis_unit: days
markers: {crp: {column: crp}}
landmark: 3
outcome: {kind: none}
"""
TABLES = """
CREATE TABLE visits (id TEXT, day INTEGER, crp DOUBLE PRECISION, seen DATE);
INSERT INTO visits VALUES ('007', 0, 4.5, '2020-01-31'), ('007', 7, NULL, '2020-02-07'), ('é 8', 0, 3.0, NULL);
CREATE TABLE people (id TEXT, sex TEXT);
INSERT INTO people VALUES ('007', 'f'), ('é 8', 'm');
"""
VISITS = "SELECT id, day, crp, seen FROM visits WHERE id NOT LIKE '%test%' ORDER BY id, day;\n"
READ = {
    "id": ["007", "007", "é 8"],
    "day": ["0", "7", "0"],
    "crp": ["4.5", "", "3"],
    "seen": ["2020-01-31", "2020-02-07", ""],
}


@pytest.fixture(scope="module")
def server(postgresql: servers.Server) -> servers.Server:
    with postgresql.connect() as owner:
        owner.execute(TABLES)
        owner.execute("CREATE TABLE secret AS SELECT * FROM visits; REVOKE ALL ON secret FROM reader")
    return postgresql


@pytest.fixture(params=["postgresql", "sqlite", "duckdb"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each kind of database with the two tables, its address in the environment, queries in the working directory."""
    kind: str = request.param
    if kind == "postgresql":
        url = request.getfixturevalue("server").url()
    else:
        url = f"{kind}:///{tmp_path / 'trial.db'}"
        filled(kind, tmp_path / "trial.db")
    monkeypatch.setenv("TRIAL_DATABASE", url)
    monkeypatch.chdir(tmp_path)
    Path("visits.sql").write_text(VISITS)
    Path("people.sql").write_text("SELECT * FROM people ORDER BY id")
    return kind


def filled(kind: str, file: Path) -> None:
    if kind == "sqlite":
        with sqlite3.connect(file) as made:
            made.executescript(TABLES)
        made.close()
    else:
        with duckdb.connect(str(file)) as other:
            other.execute(TABLES)


def read(kind: str, **options: Any) -> Any:
    """The study with files in place of its databases."""
    study = parse_study(STUDY.replace("KIND", kind).encode(), "study.yaml")
    return frozen(study, Path(), Path("snapshots"), **options)


def refused(kind: str) -> str:
    with pytest.raises(InputError) as caught:
        read(kind)
    message = str(caught.value)
    assert servers.PASSWORD not in message and "127.0.0.1" not in message and "\n" not in message
    assert not [*Path("snapshots").rglob("*.snapshot")]
    return message


def test_the_rows_of_a_query_are_a_table_of_text(place: str) -> None:
    study = read(place)
    assert study.data.databases == {}
    table = read_table(Path(), study.data.measurements, "data.measurements", study.data)
    assert {name: list(table.text[name]) for name in table.text} == READ
    assert table.name == "visits.sql (query)" and list(table.lines) == [1, 2, 3]
    facts = facts_of(Path(study.data.measurements))
    content = json.dumps(list(READ)) + "".join("\0".join(cells) + "\0\0" for cells in READ.values())
    assert facts == {
        "result_sha256": hashlib.sha256(content.encode()).hexdigest(),
        "database": place,
        "url_env": "TRIAL_DATABASE",
        "query": "visits.sql",
        "text": VISITS.strip().removesuffix(";"),
        "rows": 3,
    }


def test_a_third_table_is_joined_and_is_of_the_same_moment(
    place: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = STUDY.replace("KIND", place).replace("people.sql}", "people.sql}\n  subjects: {SUBJECTS}")
    text = text.replace("SUBJECTS", f"database: {place}, url_env: TRIAL_DATABASE, query: ages.sql")
    Path("ages.sql").write_text("SELECT id, 10 * count(*) AS age FROM visits GROUP BY id ORDER BY id")
    if place == "postgresql":  # a row more after the first table was read
        owner = request.getfixturevalue("server").connect()
        between(monkeypatch, lambda: owner.execute("INSERT INTO visits VALUES ('007', 9, 9, NULL)"))
    study = frozen(parse_study(text.encode(), "study.yaml"), Path(), Path("snapshots"))
    if place == "postgresql":
        owner.execute("DELETE FROM visits WHERE day = 9")
        owner.close()
    table = patients_of(study, Path())
    assert table is not None and table.text.to_dict("list") == {
        "id": ["007", "é 8"],
        "sex": ["f", "m"],
        "age": ["20", "10"],
    }
    assert place_of(table, table.line(1, "age")) == "ages.sql (query): row 2"
    assert facts_of(Path(study.data.files["data.subjects"]))["rows"] == 2


def test_files_are_the_owners_alone_and_hold_no_address(place: str) -> None:
    study = read(place)
    for file in study.data.files.values():
        assert Path(file).stat().st_mode & 0o077 == 0
        content = Path(file).read_bytes()
        assert servers.PASSWORD.encode() not in content and b"127.0.0.1" not in content and b"trial.db" not in content


@pytest.fixture
def other_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """What a second process does that reads the tables by the same queries and stays at work, until the test ends."""
    running = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

    def reads() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(os, "getpid", lambda: running.pid)
            read("sqlite")

    yield reads
    running.communicate(b"\n")


def test_a_run_leaves_the_tables_of_another_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other_run: Callable[[], None]
) -> None:
    """Each of two runs at once had removed what the other one had read by other queries, or was writing."""
    filled("sqlite", tmp_path / "trial.db")
    monkeypatch.setenv("TRIAL_DATABASE", f"sqlite:///{tmp_path / 'trial.db'}")
    monkeypatch.chdir(tmp_path)
    Path("visits.sql").write_text(VISITS)
    Path("people.sql").write_text("SELECT * FROM people ORDER BY id")
    other_run()
    with pytest.raises(InputError, match=r"visits\.sql: another run is at work .*; wait until .*, or delete "):
        read("sqlite", again=True)
    (theirs,) = {file.parent for file in Path("snapshots").rglob("*.snapshot")}
    abandoned = theirs.with_name(f".x.{'0' * 8}{os.getpid():08x}{'0' * 8}.tmp")
    for folder, age in ((abandoned, 0), (abandoned.with_name("0123456789abcdef"), 0)):
        folder.mkdir()
        os.utime(folder, (age, age))
    Path("visits.sql").write_text(f"{VISITS.strip().removesuffix(';')} -- in another way")
    mine = Path(read("sqlite").data.measurements).parent
    kept = {folder.name for folder in theirs.parent.iterdir()}
    assert kept == {theirs.name, mine.name} and len([*theirs.glob("*.snapshot")]) == 2


def test_a_study_is_read_once_until_it_is_asked_for_again(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(place)
    address = os.environ["TRIAL_DATABASE"]
    monkeypatch.delenv("TRIAL_DATABASE")
    said: list[str] = []
    assert read(place, tell=said.append) == first and said[0].startswith(
        "visits.sql and people.sql: the rows that were"
    )
    with pytest.raises(InputError, match=r"^data\.measurements: the environment variable TRIAL_DATABASE is not set"):
        read(place, again=True)
    assert all(Path(file).is_file() for file in first.data.files.values())  # what was read before is still there
    monkeypatch.setenv("TRIAL_DATABASE", address)
    Path("visits.sql").write_text(VISITS.replace("ORDER", "AND day = 0 ORDER"))
    other = read(place)
    assert facts_of(Path(other.data.measurements))["rows"] == 2
    assert not Path(first.data.measurements).exists()


def test_an_address_of_another_database_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("visits.sql").write_text(VISITS)
    Path("people.sql").write_text("SELECT * FROM people")
    for name, rows in (("one.db", 3), ("two.db", 1)):
        filled("sqlite", tmp_path / name)
        with sqlite3.connect(name) as made:
            made.execute("DELETE FROM visits WHERE rowid > ?", [rows])
        made.close()
        monkeypatch.setenv("TRIAL_DATABASE", f"sqlite:///{tmp_path / name}")
        assert facts_of(Path(read("sqlite").data.measurements))["rows"] == rows


DEFECTS: list[tuple[str, str]] = [
    ("SELECT * FROM visit", "visits.sql: .*visit.*; correct the query$"),
    ("SELECT crpp FROM visits", "visits.sql: .*crpp.*; "),
    ("SELEC * FROM visits", "visits.sql: the database does not accept the query (.*SELEC.*); "),
    ("DELETE FROM visits", "visits.sql: .*write one SELECT$|visits.sql: the query must be one SELECT"),
    ("SELECT 1; SELECT 2", "visits.sql: .*one SELECT"),
    ("SELECT * FROM visits WHERE day > 99", r"visits.sql (query): gives no rows; correct the query"),
    ("SELECT id, day, day FROM visits", "visits.sql (query): the column name 'day' appears twice (columns 2 and 3)"),
    (" ;\n", "visits.sql: holds no query (data.measurements.query); write one SELECT"),
]


@pytest.mark.parametrize(("query", "words"), DEFECTS)
def test_a_query_that_cannot_be_used_is_one_sentence(place: str, query: str, words: str) -> None:
    import re

    Path("visits.sql").write_text(query)
    pattern = re.escape(words).replace(r"\.\*", ".*").replace(r"\$", "$").replace(r"\|", "|")
    assert re.match(pattern, refused(place)), refused(place)


ENDLESS = {
    "postgresql": "SELECT pg_sleep(60)",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "duckdb": "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range * 7 % 13 = b.range % 11",
}


def test_a_slow_query_is_given_up(place: str) -> None:
    Path("visits.sql").write_text(ENDLESS[place])
    began = time.monotonic()
    study = parse_study(STUDY.replace("KIND", place).replace("timeout: 5", "timeout: 0.3").encode(), "study.yaml")
    with pytest.raises(InputError, match=r"^visits\.sql: the query took longer than 0\.3 seconds and was stopped"):
        frozen(study, Path(), Path("snapshots"))
    assert time.monotonic() - began < 5


ADDRESSES: list[tuple[str, Callable[[str], str], str]] = [
    ("postgresql", lambda url: url.replace("Kx7", "Kx8"), "the database refused the user or the password"),
    ("postgresql", lambda url: url.replace("reader", "nobody"), "the database refused the user or the password"),
    ("postgresql", lambda url: url.replace("/postgres", "/trial"), "the server has no such database"),
    ("postgresql", lambda url: f"postgresql://a:{servers.PASSWORD}@127.0.0.1:1/x", "there is no connection to the da"),
    ("postgresql", lambda url: f"{servers.PASSWORD} nonsense", "the address is none such as postgresql://user:passw"),
    ("postgresql", lambda url: f"sqlite:///{servers.PASSWORD}.db", "the address is none such as postgresql://user:pa"),
    ("sqlite", lambda url: f"sqlite:///{servers.PASSWORD}.db", "the address names a file that is not there"),
    ("sqlite", lambda url: "sqlite:///visits.sql", "the address names a file that is no database of SQLite"),
    ("sqlite", lambda url: "sqlite://", "the address is none such as sqlite:///folder/file.db"),
    ("duckdb", lambda url: f"duckdb:///{servers.PASSWORD}.db", "the address names a file that is not there"),
    ("duckdb", lambda url: "duckdb:///visits.sql", "the address names a file that is no database of DuckDB"),
    ("duckdb", lambda url: "file.duckdb", "the address is none such as duckdb:///folder/file.duckdb"),
]


@pytest.mark.parametrize(("kind", "changed", "words"), ADDRESSES)
def test_an_address_that_cannot_be_used_is_one_sentence(
    kind: str,
    changed: Callable[[str], str],
    words: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: Any,
) -> None:
    url = request.getfixturevalue("server").url() if kind == "postgresql" else ""
    monkeypatch.setenv("TRIAL_DATABASE", changed(url))
    monkeypatch.chdir(tmp_path)
    Path("visits.sql").write_text(VISITS * 200)
    Path("people.sql").write_text(VISITS)
    assert refused(kind).startswith(f"data.measurements (TRIAL_DATABASE): {words}")


def of_postgresql(server: servers.Server, folder: Path, monkeypatch: pytest.MonkeyPatch, query: str = VISITS) -> None:
    monkeypatch.setenv("TRIAL_DATABASE", server.url())
    monkeypatch.chdir(folder)
    Path("visits.sql").write_text(query)
    Path("people.sql").write_text("SELECT * FROM people ORDER BY id")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (
            "SELECT * FROM secret",
            "visits.sql: the user has no right to read (permission denied for table secret); have",
        ),
        (
            "SELECT id::integer FROM visits",
            "visits.sql: a value cannot be converted (SQLSTATE 22P02); correct the types",
        ),
        ("SELECT 'a' AS id, nextval('n') FROM visits", 'visits.sql: relation "n" does not exist; correct the query'),
    ],
)
def test_what_only_a_server_refuses(
    server: servers.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str, words: str
) -> None:
    of_postgresql(server, tmp_path, monkeypatch, query)
    message = refused("postgresql")
    assert message.startswith(words) and "é 8" not in message


def between(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Have something happen once, after the first table was read."""
    written, acts = snapshot._columns, [act]

    def columns(batches: Any, *facts: Any) -> Iterator[Any]:
        yield from written(batches, *facts)
        while acts:
            acts.pop()()

    monkeypatch.setattr(snapshot, "_columns", columns)


def test_both_tables_are_of_one_moment(server: servers.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_postgresql(server, tmp_path, monkeypatch)
    with server.connect() as owner:
        between(monkeypatch, lambda: owner.execute("INSERT INTO people VALUES ('9', 'f')"))
        try:
            assert facts_of(Path(read("postgresql").data.patients))["rows"] == 2
            assert facts_of(Path(read("postgresql", again=True).data.patients))["rows"] == 3
        finally:
            owner.execute("DELETE FROM people WHERE id = '9'")


def test_a_connection_that_breaks_is_one_sentence(
    server: servers.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_postgresql(server, tmp_path, monkeypatch)
    with server.connect() as owner:
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'"
        between(monkeypatch, lambda: owner.execute(end))
        message = refused("postgresql")
    assert message == (
        "data.patients (TRIAL_DATABASE): the connection to the database broke while the rows were read; run it again"
    )


def test_a_package_that_is_missing_is_named_with_its_extra(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    package = {"postgresql": "psycopg", "sqlite": "sqlalchemy", "duckdb": "duckdb"}[place]
    monkeypatch.setitem(sys.modules, package, None)
    extra = place.replace("postgresql", "postgres")
    assert f"is not installed; install slopewise[{extra}] (pip install " in refused(place)


def test_a_text_with_a_nul_character_is_refused_with_its_row() -> None:
    def session(text: str, timeout: float) -> Rows:
        return ["id"], iter([[("1",)] * 3, [("1",), ("a\0b",)]])

    query = json.loads('{"database": "sqlite", "url_env": "A", "query": "v.sql"}')
    database = snapshot.Database.model_validate(query)
    with pytest.raises(InputError, match=r"^v\.sql \(query\): row 5, column id: 'a\\x00b' holds a NUL character"):
        snapshot._write(snapshot.Query("data.measurements", database, "", "f"), session, "", Path("/dev/null"))
