"""A study's tables from databases, read once into files that every step reads.

Both tables come from one read-only transaction, so that a change in the database cannot mix two states. The files are
kept beside the results by the digest of the queries. `.snapshot` is Parquet whose columns are all text, with the
query and the digest of its result as metadata; nobody but its owner can read it, and it holds no address.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from slopewise.run.errors import InputError
from slopewise.run.files import content_digest
from slopewise.run.folders import is_used, mark_used, temporary_name
from slopewise.run.progress import row_counter
from slopewise.sources.databases import duckdb, postgresql, sqlite
from slopewise.sources.databases.refusal import Refusal
from slopewise.sources.databases.rows import Session
from slopewise.sources.table import TextTable, refuse_twins
from slopewise.sources.typed import as_texts, refuse_nul
from slopewise.study.files import input_file
from slopewise.study.keys import Data
from slopewise.study.keys_of_databases import Database
from slopewise.study.model import Study

SUFFIX = ".snapshot"
SNAPSHOTS = Path(".snakemake/slopewise/snapshots")
"""Where a run keeps them, beside the working directory."""
QUERY = " (query)"
"""Behind a query's file in the name of its table, for messages."""
METADATA = b"slopewise"
IN_USE = (
    "another run is at work on the rows that were read before, which must not change meanwhile; wait until it has ended"
)

DATABASES: Mapping[str, Callable[[str, str], AbstractContextManager[Session]]] = {
    "postgresql": postgresql.connect,
    "sqlite": sqlite.connect,
    "duckdb": duckdb.connect,
}
"""How each kind of database is connected to, from its address and the purpose for messages."""


@dataclass(frozen=True)
class Query:
    """One table that is to be read: its key, where it is, the text of the query and the file it goes to."""

    key: str
    database: Database
    text: str
    file: str


def frozen(
    study: Study, folder: Path, beside: Path, again: bool = False, tell: Callable[[str], None] | None = None
) -> Study:
    """The study with a file in place of each database; the study itself where it has none.

    Queries are read from `folder`, files are written below `beside`. Files that are there for the same queries of the
    same database are taken as they are unless `again`; `tell` is then given a sentence that says so. Raises
    `InputError`.
    """
    if not study.data.databases:
        return study
    queries = [_query(folder, key, database) for key, database in study.data.databases.items()]
    asked = [[query.key, *query.database.model_dump(exclude={"timeout"}).items(), query.text] for query in queries]
    home = beside / study.study / content_digest(asked)[:16]
    if again or not all(_is_current(home / query.file, query.database) for query in queries):
        _read_all(queries, home)
        _remove_unused(home)
    elif tell is not None:
        names = " and ".join(query.database.query for query in queries)
        tell(f"{names}: the rows that were read before are used; slopewise check reads the database again")
    mark_used(home)
    files = {query.key.removeprefix("data."): str(home / query.file) for query in queries}
    return study.model_copy(update={"data": study.data.model_copy(update=files)})


def source_name(file: str) -> str:
    """What a person calls an input file: its name without folders, of a snapshot that of its query."""
    name = PurePath(file.replace("\\", "/")).name
    return f"{name.partition('-')[2].removesuffix(SUFFIX)}{QUERY}" if name.endswith(SUFFIX) else name


def facts_of(path: Path) -> dict[str, Any]:
    """What a snapshot says of itself: database, url_env, query, text, rows and the SHA-256 of the result."""
    import pyarrow.parquet as pq

    stored = json.loads(pq.read_schema(path).metadata[METADATA])
    counted = json.loads(pq.read_metadata(path).metadata[METADATA + b".result"])
    return {**stored, **counted}


def read_snapshot(path: Path, name: str, data: Data) -> TextTable:
    """The snapshot at `path`, called after its query in messages; its rows are counted from 1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = pq.read_table(path)
        title = json.loads(content.schema.metadata[METADATA])["query"]
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{name}: is no snapshot of a query; delete it, and the database is read again") from error
    text = pd.DataFrame({name: content[name].to_pandas() for name in content.column_names}, dtype=object)
    return TextTable(f"{title}{QUERY}", text, np.arange(1, len(text) + 1, dtype=np.int64), "database", ".")


def _query(folder: Path, key: str, database: Database) -> Query:
    path = input_file(folder, database.query, f"{key}.query")
    try:
        text = path.read_text(encoding="utf-8-sig").strip().removesuffix(";").rstrip()
    except UnicodeDecodeError as error:
        raise InputError(f"{database.query}: is not UTF-8 text ({key}.query); save the query as UTF-8") from error
    if not text or "\0" in text:
        raise InputError(f"{database.query}: holds no query ({key}.query); write one SELECT")
    return Query(key, database, text, f"{key.removeprefix('data.')}-{path.name}{SUFFIX}")


def _is_current(path: Path, database: Database) -> bool:
    """Whether a snapshot is there and, where the environment has an address, of the database at that address."""
    if not path.is_file():
        return False
    url = os.environ.get(database.url_env, "")
    return not url or _stored_place(path) == _place(url)


def _stored_place(path: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return str(json.loads(pq.read_schema(path).metadata[METADATA + b".place"]))
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        return ""


def _place(url: str) -> str:
    """A digest of host, port and name of the database, without user and password."""
    try:
        parts = urlsplit(url)
        place = [parts.hostname, parts.port, parts.path]
    except ValueError:
        place = []
    return content_digest(place)


def _read_all(queries: Sequence[Query], home: Path) -> None:
    """Read the tables, those of one database in one transaction, and put them in place together."""
    home.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    waiting = temporary_name(home)
    waiting.mkdir(mode=0o700)
    try:
        for kind, url_env in dict.fromkeys((query.database.database, query.database.url_env) for query in queries):
            mine = [query for query in queries if (query.database.database, query.database.url_env) == (kind, url_env)]
            _read_transaction(mine, kind, _address(mine[0], url_env), waiting)
        if home.is_dir() and is_used(home):
            raise InputError(f"{queries[0].database.query}: {IN_USE}, or delete {home}")
        shutil.rmtree(home, ignore_errors=True)
        waiting.replace(home)
    finally:
        shutil.rmtree(waiting, ignore_errors=True)


def _remove_unused(home: Path) -> None:
    """Remove the tables of earlier queries and what killed runs left, but nothing that another run reads or writes."""
    for other in home.parent.iterdir():
        if other != home and other.is_dir() and not is_used(other):
            shutil.rmtree(other, ignore_errors=True)


def _address(query: Query, url_env: str) -> str:
    url = os.environ.get(url_env, "").strip()
    if not url:
        way = "set it to the address of the database with user and password"
        raise InputError(f"{query.key}: the environment variable {url_env} is not set ({query.key}.url_env); {way}")
    return url


def _read_transaction(queries: Sequence[Query], kind: str, url: str, folder: Path) -> None:
    current = queries[0]
    try:
        with DATABASES[kind](url, f"{current.key}: reading a database of this kind") as session:
            for current in queries:
                _write(current, session, _place(url), folder / current.file)
    except Refusal as refusal:
        where = current.database.query if refusal.of_query else f"{current.key} ({current.database.url_env})"
        raise InputError(f"{where}: {refusal}") from None


def _write(query: Query, session: Session, place: str, path: Path) -> None:
    """Write the result of a query, batch by batch, with its digest."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names, batches = session(query.text, query.database.timeout)
    title = f"{query.database.query}{QUERY}"
    header = [name.strip() for name in names]
    refuse_twins(header, title)
    facts = query.database.model_dump(exclude={"timeout"}) | {"text": query.text}
    described = {METADATA: json.dumps(facts), METADATA + b".place": json.dumps(place)}
    schema = pa.schema([pa.field(name, pa.string(), nullable=False) for name in header], metadata=described)
    digest, rows = hashlib.sha256(json.dumps(header).encode()), 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer, row_counter(query.database.query) as count:
        for columns in _columns(batches, title, header):
            for cells in columns:
                digest.update("\0".join(cells).encode("utf-8", "surrogatepass") + b"\0\0")
            writer.write_table(pa.table([pa.array(cells, pa.string()) for cells in columns], schema=schema))
            rows += len(columns[0])
            count(len(columns[0]))
        if not rows:
            raise InputError(f"{title}: gives no rows; correct the query")
        result = {"rows": rows, "result_sha256": digest.hexdigest()}
        writer.add_key_value_metadata({METADATA + b".result": json.dumps(result)})
    path.chmod(0o600)


def _columns(batches: Iterator[Sequence[Any]], title: str, header: Sequence[str]) -> Iterator[list[list[str]]]:
    """Each batch of rows as columns of text."""
    before = 0
    for batch in batches:
        columns = [as_texts(values) for values in zip(*batch, strict=True)]
        for name, cells in zip(header, columns, strict=True):
            refuse_nul(title, name, cells, before)
        before += len(batch)
        yield columns
