"""A PostgreSQL server of a test's own: fresh data, a free port of the loopback address, an unprivileged user."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MISSING = "PostgreSQL is not installed (Debian: postgresql), or its user cannot run it"
OWNER = "owner"
READER = "reader"
PASSWORD = "planted-Kx7-password"
"""The password of both roles, which no output may contain."""


def programs() -> Path | None:
    """The folder with PostgreSQL's programs (Debian: postgresql), where the user who starts a server can run them."""
    found = [path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
    on_path = shutil.which("initdb")
    home = found[-1] if found else Path(on_path).parent if on_path else None
    if home is None:
        return None
    try:
        with tempfile.TemporaryDirectory(prefix="slopewise-postgresql-") as folder:
            os.chmod(folder, 0o755)
            reached = ["sh", "-c", f"'{home}/initdb' --version && ls '{folder}'"]
            ended = subprocess.run(reached, user=starter(), cwd="/", capture_output=True, check=False)
    except (KeyError, PermissionError):
        return None
    return home if ended.returncode == 0 else None


def starter() -> int | None:
    """The user who starts a server, which refuses root: `postgres` in root's place, `KeyError` where there is none."""
    return pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else None


@dataclass(frozen=True)
class Server:
    """A server that runs, with the process that a test may end."""

    port: int
    process: subprocess.Popen[bytes]

    def url(self, user: str = READER, password: str = PASSWORD, database: str = "postgres") -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def connect(self) -> Any:
        """A connection of the owner, each statement of which is in force at once."""
        import psycopg

        return psycopg.connect(self.url(OWNER), autocommit=True)


@contextmanager
def postgresql() -> Iterator[Server]:
    """Start a server, with a role `READER` that may read the tables made later in the schema `public`; end it."""
    home = programs()
    if home is None:
        raise FileNotFoundError("initdb")
    user = starter()
    folder = Path(tempfile.mkdtemp(prefix="slopewise-postgresql-"))
    secret = folder / "password"
    secret.write_text(PASSWORD)
    if user is not None:
        os.chown(folder, user, -1)
        os.chown(secret, user, -1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    words = [home / "initdb", "-D", data, "-U", OWNER, f"--pwfile={secret}", "-A", "scram-sha-256", "--no-sync"]
    subprocess.run([*words, "-E", "UTF8", "--locale=C"], check=True, capture_output=True, user=user, cwd=folder)
    settings = {"listen_addresses": "127.0.0.1", "fsync": "off", "unix_socket_directories": str(folder)}
    options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [home / "postgres", "-D", data, "-p", str(port), *options], stderr=log, stdout=log, user=user, cwd=folder
    )
    try:
        server = Server(port, process)
        _prepare(server)
        yield server
    finally:
        process.terminate()
        process.wait(30)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(server: Server) -> None:
    """Wait for the server, and make the role that reads."""
    import psycopg

    for _ in range(200):
        try:
            connection = server.connect()
            break
        except psycopg.OperationalError:
            if server.process.poll() is not None:
                raise
            time.sleep(0.05)
    with connection:
        connection.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}'")
        connection.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {READER}")
