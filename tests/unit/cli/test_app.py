"""`slopewise version`: the version, and the digest that names a checkout."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from slopewise import __version__
from slopewise.cli.app import app
from slopewise.run.code import package_digest
from slopewise.run.place import PACKAGE


def printed(*arguments: str) -> str:
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == 0, ended.output
    return ended.output.strip()


@pytest.mark.parametrize(("checked_out", "shown"), [(None, ""), ("0123456789ab", " (commit 0123456789ab)")])
def test_the_option_and_the_command_print_the_version_and_the_commit(monkeypatch, checked_out: str | None, shown: str):
    monkeypatch.setattr("slopewise.cli.app.commit", lambda: checked_out)
    assert printed("version") == printed("--version") == f"slopewise {__version__}{shown}"


def test_a_copy_of_the_code_has_the_same_digest_and_an_edited_copy_another(tmp_path: Path):
    copy = tmp_path / "scripts" / "slopewise"
    shutil.copytree(PACKAGE.parent, copy.parent)
    assert printed("version", "--digest") == package_digest(copy)
    (copy / "__init__.py").write_text("changed = 1\n", encoding="utf-8")
    assert printed("version", "--digest") != package_digest(copy)
