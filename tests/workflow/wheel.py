"""slopewise as a user has it who installed a wheel: built from this checkout, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.workflow.running import ROOT


def install(folder: Path) -> Path:
    """Build a wheel and install it below `folder`, beside this environment's packages; the command `slopewise`.

    Nothing is fetched. What is installed here in development mode is not seen there.
    """
    done([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], ROOT)
    (wheel,) = folder.glob("slopewise-*.whl")
    environment = folder / "environment"
    done([sys.executable, "-m", "venv", "--without-pip", str(environment)], folder)
    python = environment / "bin" / "python"
    pip = ["-m", "pip", "--python", str(python), "--disable-pip-version-check", "install", "--no-index", "--no-deps"]
    done([sys.executable, *pip, "--no-compile", "-q", str(wheel)], folder)
    inside = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    (inside / "beside.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return environment / "bin" / "slopewise"


def offline() -> list[str]:
    """What takes the network away from a command, where this user may do so."""
    words = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    try:
        return words if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0 else []
    except OSError:
        return []


def done(words: list[str], folder: Path, **variables: str) -> str:
    """What a command prints that ends well; it sees nothing of this checkout but what it is given."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(
        words, cwd=folder, env={**inherited, "NO_COLOR": "1", **variables}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, f"{words}\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    return ended.stdout + ended.stderr
