"""SQLite by SQLAlchemy: the file is opened for reading alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from slopewise.run.extras import needed
from slopewise.sources.databases.refusal import Refusal, about_query, lost, timed_out
from slopewise.sources.databases.rows import BATCH, Deadline, Rows, Session

STEPS = 100_000
"""Instructions of SQLite's machine between two looks at the clock: some milliseconds."""


@contextmanager
def connect(url: str, purpose: str) -> Iterator[Session]:
    """A session on the file of `url`; `purpose` is what messages say of a package that is missing. Raises `Refusal`."""
    sql = needed("sqlalchemy", "sqlite", purpose)
    try:
        file = sql.make_url(url).database
    except (sql.exc.ArgumentError, ValueError):
        file = None
    if not file:
        raise Refusal("the address is none such as sqlite:///folder/file.db", of_query=False)
    if not Path(file).is_file():
        raise Refusal("the address names a file that is not there; correct it", of_query=False)

    def opened() -> sqlite3.Connection:
        address = f"file:{quote(str(Path(file).absolute()))}?mode=ro"
        return sqlite3.connect(address, uri=True, isolation_level=None, timeout=10, check_same_thread=False)

    engine = sql.create_engine("sqlite://", creator=opened, poolclass=sql.pool.NullPool, hide_parameters=True)
    with closing(engine.connect()) as connection:
        connection = connection.execution_options(no_parameters=True, stream_results=True)
        try:
            connection.exec_driver_sql("PRAGMA query_only = ON")
            connection.exec_driver_sql("BEGIN")
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()  # from here on a snapshot
        except sql.exc.DBAPIError as error:
            raise _failed(error, Deadline(0.0), connecting=True) from None
        yield lambda text, timeout: _rows(sql, connection, text, timeout)


def _rows(sql: Any, connection: Any, text: str, timeout: float) -> Rows:
    """The names of the columns of a query and its rows."""
    deadline = Deadline(timeout)
    connection.connection.dbapi_connection.set_progress_handler(lambda: deadline.passed, STEPS)
    try:
        result = connection.exec_driver_sql(text)
        names = list(result.keys())
    except sql.exc.DBAPIError as error:
        raise _failed(error, deadline) from None
    except sql.exc.ResourceClosedError:
        raise Refusal("the query gives no rows; write one SELECT") from None

    def batches() -> Iterator[Any]:
        try:
            while part := result.fetchmany(BATCH):
                deadline.check()
                yield part
        except sql.exc.DBAPIError as error:
            raise _failed(error, deadline) from None

    return names, batches()


def _failed(error: Any, deadline: Deadline, connecting: bool = False) -> Refusal:
    """Why a query failed, by the code that SQLite gives."""
    name = str(getattr(error.orig, "sqlite_errorname", ""))
    message = about_query(str(error.orig))
    if name == "SQLITE_INTERRUPT":
        return timed_out(deadline.seconds)
    if name == "SQLITE_NOTADB":
        return Refusal("the address names a file that is no database of SQLite; correct it", of_query=False)
    if name.startswith("SQLITE_READONLY"):
        return Refusal("the query would write to the database, and it may only read; write one SELECT")
    if name in ("SQLITE_BUSY", "SQLITE_LOCKED"):
        return Refusal("another program has locked the database; run it again later", of_query=False)
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return Refusal("the address names a file that may not be read; have the rights changed", of_query=False)
    if name.startswith(("SQLITE_IOERR", "SQLITE_CORRUPT")) or connecting:
        return lost()
    if message.startswith(("no such table", "no such column")):
        return Refusal(f"there is {message}; correct the query")
    return Refusal(f"the database does not accept the query ({message}); write one SELECT")
