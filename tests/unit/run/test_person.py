"""Users without a name or a home folder, as containers have them."""

import getpass
import os
from pathlib import Path

import pytest

from slopewise.run.person import has_home, house_user, name_user


def nobody_knows(number: int) -> None:
    raise KeyError(f"getpwuid(): uid not found: {number}")


@pytest.fixture
def unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user of whom the system has neither a name nor a home folder."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOGNAME", "")  # so that the test's own variable is taken away again
    monkeypatch.setattr("pwd.getpwuid", nobody_knows)


@pytest.mark.usefixtures("unknown")
def test_a_user_without_a_name_is_given_the_number(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises((KeyError, OSError)):
        getpass.getuser()
    name_user()
    assert getpass.getuser() == f"user-{os.getuid()}"


def test_a_user_with_a_name_keeps_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOGNAME", "ada")
    name_user()
    assert os.environ["LOGNAME"] == "ada"


def test_a_user_without_a_home_folder_is_given_one(unknown: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", "/root")
    assert has_home() and not house_user(tmp_path) and os.environ["HOME"] == "/root"
    monkeypatch.delenv("HOME")
    assert not has_home() and house_user(tmp_path) and Path.home() == tmp_path
