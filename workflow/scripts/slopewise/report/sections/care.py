"""The section on what to be careful about."""

from __future__ import annotations

from slopewise.outcome.sample_size import MARGIN, NAGELKERKE, OPTIMISM, SHRINKAGE, judge, ladder_sizes
from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Cell, Section, Table
from slopewise.report.words.cautions import cautions
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import count, number


def care_section(frames: Frames, naming: Naming) -> Section:
    """Cautions."""
    return Section(
        "care",
        "Cautions and sample size" if naming.kind.predicts else "Cautions",
        "care.html.j2",
        {
            "cautions": cautions(frames, naming),
            "sample_size": sample_size_table(frames, naming) if naming.kind.predicts else None,
        },
    )


def sample_size_table(frames: Frames, naming: Naming) -> Table | None:
    """The criteria of Riley et al. (2019, 2020) for the largest outcome model, a row each; None where none applies."""
    study, patients = naming.study, frames.patients
    sizes = ladder_sizes(study, patients)
    size = judge(study, patients, sizes)
    if size is None:
        return None
    here = count(size.patients, study.report.small_cells)
    margin = f"at most ±{MARGIN:g}"
    rows: list[list[Cell | str]] = [
        [f"(i) shrinkage of {SHRINKAGE:g} or more", f"{size.for_shrinkage} patients", f"{here} patients"],
        [f"(ii) optimism in R² of at most {OPTIMISM:g}", f"{size.for_optimism} patients", f"{here} patients"],
        [f"(iii) margin of error of {size.margin_of}", margin, f"±{number(size.margin)}"],
    ]
    caption = (
        f"Sample size of the largest outcome model ({size.parameters} coefficients): criteria of Riley et al. (2019, "
        f"2020), with Nagelkerke’s R² assumed to be {NAGELKERKE:g}"
    )
    return Table("sample-size", caption, ["criterion", "needed", "here"], rows, frozenset({0, 1, 2}))
