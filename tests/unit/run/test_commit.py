"""The commit of a checkout: there for a tracked package alone, and marked where files differ from it."""

import subprocess
from pathlib import Path

from slopewise.run.commit import commit


def git(folder: Path, *arguments: str) -> str:
    names = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *names, *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_a_commit_is_that_of_a_tracked_package_alone(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    module = package / "__init__.py"
    module.write_text("one = 1\n", encoding="utf-8")
    git(tmp_path, "init", "-q")
    assert commit(package) is None, "nothing is committed, and the package is not tracked"
    git(tmp_path, "add", "package")
    git(tmp_path, "commit", "-q", "-m", "one")
    assert commit(package) == git(tmp_path, "rev-parse", "--short=12", "HEAD").strip()
    module.write_text("one = 2\n", encoding="utf-8")
    assert commit(package) == git(tmp_path, "rev-parse", "--short=12", "HEAD").strip() + "-dirty"
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "__init__.py").write_text("one = 1\n", encoding="utf-8")
    assert commit(copy) is None, "a copy inside another repository is not of its commit"
