"""Reading and checking a study file."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from slopewise.run.errors import InputError
from slopewise.study.errors import MOST_OTHERS, Finding, close_to, findings_of, one_line, shortened_path
from slopewise.study.model import Study
from slopewise.study.rules import broken_rules
from slopewise.study.strict_yaml import MOST_BYTES, Document, StrictYamlError, read_document


def load_study(path: str | Path) -> Study:
    """Read and check a study file.

    Raises `InputError` with the first finding in the order of lines: file, line, key, what is wrong, what to do;
    the others follow in short. Paths in the study stay as they are written.
    """
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        reason = f"{path}: the study file cannot be read: {error.strerror or error}"
        raise InputError(f"{reason}{_way_out(Path(path))}") from error
    return parse_study(data, str(path))


def _way_out(path: Path) -> str:
    """What to do about a study file that cannot be opened."""
    beside = [file.name for file in path.parent.iterdir() if file.is_file()] if path.parent.is_dir() else []
    if path.is_dir():
        return "; name the study file in it"
    close = close_to(path.name, beside)
    return f"; did you mean {close}?" if close else "; check the path, or make a study file with slopewise init"


def parse_study(data: bytes, name: str) -> Study:
    """Read and check the bytes of a study file; `name` stands in messages. Raises `InputError`."""
    try:
        document = read_document(data)
    except StrictYamlError as error:
        raise InputError(one_line(name, error.line, Finding(error.path, str(error)))) from error
    try:
        study = Study.model_validate(document.content)
    except ValidationError as error:
        raise _refusal(name, document, findings_of(error, Study)) from error
    findings = [*broken_rules(study)]
    if findings:
        raise _refusal(name, document, findings)
    return study


def _refusal(name: str, document: Document, findings: list[Finding]) -> InputError:
    """The first finding in full and the others in short, in the order of their lines."""
    placed = sorted((document.line(finding.path) or 0, finding) for finding in findings)
    message = one_line(name, *placed[0])
    if others := [
        f"line {line}, {shortened_path(key)}" if line else shortened_path(key) for line, (key, _) in placed[1:]
    ]:
        listed = "; ".join(others[:MOST_OTHERS]) + ("; ..." if len(others) > MOST_OTHERS else "")
        message += f" (and {len(others)} more: {listed})"
    return InputError(message)
