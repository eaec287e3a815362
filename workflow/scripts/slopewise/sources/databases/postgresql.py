"""PostgreSQL by SQLAlchemy and psycopg 3: a repeatable-read, read-only transaction and a cursor on the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from slopewise.run.extras import needed
from slopewise.sources.databases.refusal import Refusal, about_query, lost, timed_out
from slopewise.sources.databases.rows import BATCH, Deadline, Rows, Session

CONNECT_SECONDS = 10
KEPT_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""A server that no longer answers is noticed within a minute."""


@contextmanager
def connect(url: str, purpose: str) -> Iterator[Session]:
    """A session on the server at `url`; `purpose` is what messages say of a package that is missing.

    Raises `Refusal`.
    """
    sql = needed("sqlalchemy", "postgres", purpose)
    needed("psycopg", "postgres", purpose)
    try:
        address = sql.make_url(url)
        if address.get_backend_name() not in ("postgresql", "postgres"):
            raise ValueError
        address = address.set(drivername="postgresql+psycopg")
        engine = sql.create_engine(
            address,
            poolclass=sql.pool.NullPool,
            hide_parameters=True,
            isolation_level="REPEATABLE READ",
            connect_args={"connect_timeout": CONNECT_SECONDS, **KEPT_ALIVE},
        )
    except (sql.exc.ArgumentError, ValueError, TypeError):
        raise Refusal("the address is none such as postgresql://user:password@host/name", of_query=False) from None
    try:
        connection = engine.connect().execution_options(postgresql_readonly=True, no_parameters=True)
    except (sql.exc.DBAPIError, UnicodeError) as error:
        raise _not_connected(str(getattr(error, "orig", error))) from None
    with ExitStack() as at_the_end:
        at_the_end.callback(engine.dispose)
        at_the_end.callback(connection.close)
        yield lambda text, timeout: _rows(sql, connection, text, timeout, at_the_end)


def _rows(sql: Any, connection: Any, text: str, timeout: float, at_the_end: ExitStack) -> Rows:
    """The names of the columns of a query and its rows."""
    deadline = Deadline(timeout)
    try:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, int(1000 * timeout))}")
        result = connection.exec_driver_sql(text, execution_options={"stream_results": True, "yield_per": BATCH})
        at_the_end.callback(result.close)
        names = list(result.keys())
    except sql.exc.DBAPIError as error:
        raise _failed(error, timeout) from None

    def batches() -> Iterator[list[Any]]:
        try:
            for part in result.partitions():
                deadline.check()
                yield part
        except sql.exc.DBAPIError as error:
            raise _failed(error, timeout) from None

    return names, batches()


def _not_connected(message: str) -> Refusal:
    """Why there is no connection: libpq gives no code, so that its words decide, of which none are repeated."""
    lower = message.lower()
    if "password" in lower or "role" in lower or "authentication" in lower or "pg_hba" in lower:
        reason = "the database refused the user or the password; correct the address"
    elif "database" in lower and "does not exist" in lower:
        reason = "the server has no such database; correct the address"
    elif "timeout" in lower:
        reason = f"the database did not answer within {CONNECT_SECONDS} seconds; check host, port and network"
    else:
        reason = "there is no connection to the database; check host, port and network"
    return Refusal(reason, of_query=False)


def _failed(error: Any, timeout: float) -> Refusal:
    """Why a query failed, by the class of the server's code (SQLSTATE)."""
    code = getattr(error.orig, "sqlstate", None) or ""
    message = getattr(getattr(error.orig, "diag", None), "message_primary", None) or ""
    if code == "57014":
        return timed_out(timeout)
    if error.connection_invalidated or code[:2] in ("08", "57") or not code:
        return lost()
    if code == "42501":
        return Refusal(f"the user has no right to read ({about_query(message)}); have the right granted (GRANT SELECT)")
    if code == "42P01":
        return Refusal(f"{about_query(message)}; correct the query")
    if code == "25006":
        return Refusal("the query would write to the database, and it may only read; write one SELECT")
    if code[:2] == "42":
        return Refusal(f"the database does not accept the query ({about_query(message)}); write one SELECT")
    if code[:2] == "22":
        return Refusal(f"a value cannot be converted (SQLSTATE {code}); correct the types in the query")
    return Refusal(f"the database gave up (SQLSTATE {code}); ask its administrator")
