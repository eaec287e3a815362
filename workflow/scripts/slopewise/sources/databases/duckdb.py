"""DuckDB: the file is opened for reading alone, and one SELECT is run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from slopewise.run.extras import needed
from slopewise.sources.databases.refusal import Refusal, about_query, lost, timed_out
from slopewise.sources.databases.rows import BATCH, Deadline, Rows, Session

PREFIX = "duckdb:///"
SETTINGS = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
"""Nothing is fetched from a network."""


@contextmanager
def connect(url: str, purpose: str) -> Iterator[Session]:
    """A session on the file of `url`; `purpose` is what messages say of a package that is missing. Raises `Refusal`."""
    duckdb = needed("duckdb", "duckdb", purpose)
    file = url.removeprefix(PREFIX)
    if not url.startswith(PREFIX) or not file:
        raise Refusal("the address is none such as duckdb:///folder/file.duckdb", of_query=False)
    if not Path(file).is_file():
        raise Refusal("the address names a file that is not there; correct it", of_query=False)
    try:
        opened = duckdb.connect(file, read_only=True, config=SETTINGS)
    except duckdb.Error as error:
        locked = "lock" in str(error).lower()
        reason = "another program has opened the database for writing; run it again later"
        other = "the address names a file that is no database of DuckDB, or of a newer version; correct it"
        raise Refusal(reason if locked else other, of_query=False) from None
    with closing(opened) as connection, ExitStack() as at_the_end:
        connection.execute("BEGIN TRANSACTION")
        yield lambda text, timeout: _rows(duckdb, connection, text, timeout, at_the_end)


def _rows(duckdb: Any, connection: Any, text: str, timeout: float, at_the_end: ExitStack) -> Rows:
    """The names of the columns of a query and its rows."""
    deadline = Deadline(timeout)
    timer = threading.Timer(timeout, connection.interrupt)
    timer.daemon = True
    at_the_end.callback(timer.cancel)
    timer.start()
    try:
        statements = connection.extract_statements(text)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise Refusal("the query must be one SELECT, which reads and does not write")
        result = connection.execute(statements[0])
        names = [str(column[0]) for column in result.description]
    except duckdb.Error as error:
        raise _failed(duckdb, error, deadline) from None

    def batches() -> Iterator[Any]:
        try:
            while part := result.fetchmany(BATCH):
                deadline.check()
                yield part
        except duckdb.Error as error:
            raise _failed(duckdb, error, deadline) from None
        timer.cancel()

    return names, batches()


def _failed(duckdb: Any, error: Exception, deadline: Deadline) -> Refusal:
    """Why a query failed, by the class of the error."""
    if isinstance(error, duckdb.InterruptException) or deadline.passed:
        return timed_out(deadline.seconds)
    if isinstance(error, duckdb.CatalogException | duckdb.BinderException | duckdb.ParserException):
        message = about_query(str(error).partition("\n")[0].partition(": ")[2])
        return Refusal(f"the database does not accept the query ({message}); correct the query")
    if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException | duckdb.InvalidInputException):
        return Refusal("a value cannot be converted; correct the types in the query")
    if isinstance(error, duckdb.PermissionException):
        return Refusal("the query would write to the database, and it may only read; write one SELECT")
    return lost()
