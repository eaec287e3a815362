"""Keys of a study of many markers: patterns of columns, batches, and what of them the outcome models leave out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from slopewise.study.base import Keys, Name


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Patterns = Annotated[tuple[Name, ...], BeforeValidator(_listed), Field(strict=False)]


class Features(Keys):
    """Many markers at once: the columns of the measurements whose names match a pattern."""

    pattern: Patterns
    """Pattern or patterns of columns, of a long table of parameters (`data.layout`): `*` stands for any text, `?` for
    one character. Each is a marker of its own name; other characters than letters, digits, `_` and `-` become `_`.
    Example: `"original_*"`"""
    exclude: Patterns = ()
    """Pattern or patterns of columns that are left out. Example: `["diagnostics_*", "*_shape_*"]`"""
    transform: Literal["none", "log", "log1p", "sqrt", "logit"] = "none"
    """Applied to each value, as `markers.NAME.transform`. Example: `log`"""
    unit: str = ""
    """Unit after the transform, for the report. Example: `HU`"""


class Batch(Keys):
    """The batch (scanner, plate, reader) in which a row was measured, and how its effect on the markers is removed."""

    column: Name
    """Column with the batch of each row; its numbers are codes. Levels and slopes are those of one batch for everybody.
    Example: `scanner`"""
    method: Literal["fixed", "combat"] = "fixed"
    """`fixed`: a fixed effect of the growth model; `growth.residual_by` gives each batch its own residual variance.
    `combat`: location and scale of each batch from the growth model, shrunken across the markers (ComBat) and learned
    in each training set from its patients alone, then removed from the values. Example: `combat`"""


class Lesions(Keys):
    """Several lesions of a patient at one visit, a row each, and what is taken of them."""

    column: Name
    """Column that names the lesion. Example: `lesion`"""
    rule: Literal["largest", "sum", "mean", "volume_weighted"]
    """What a visit has: the row of the lesion with the largest volume (another one may be the largest at the next
    visit), or the sum, the mean or the mean weighted by volume of each marker, before its transform.
    Example: `largest`"""
    volume: Name | None = None
    """Column with the volume, for `largest` and `volume_weighted`. Example: `original_shape_MeshVolume`"""


Share = Annotated[float, Field(gt=0.0, lt=1.0)]


class Filters(Keys):
    """What of many markers is left out of the outcome models: learned, in the order of these keys, in each training set
    from its patients alone, and replayed on the patients that are held out."""

    constant: Share | None = None
    """A marker is left out where one value has more than this share of its rows. Example: `0.9`"""
    missing: Share | None = None
    """A marker is left out where more than this share of the rows lack it. Example: `0.2`"""
    duplicates: bool = False
    """Of markers that are equal in every row the first is kept. Example: `true`"""
    icc: Share | None = None
    """A marker is left out where the lower 95% limit of its intraclass correlation between repeated scans is lower;
    the scans are not those of the cohort, so that it is the same in every training set. Needs `icc_table` or `retest`.
    Example: `0.75`"""
    icc_table: Name | None = None
    """Table with a row per feature: `feature` (its column in the measurements) and `icc_low`, the lower 95% limit, or
    `icc`. Example: `data/icc.csv`"""
    retest: Name | None = None
    """Table of repeated scans of patients who are not in the study, a row each, with the patient (`data.patient`) and
    the features, from which the ICC is computed after the transform. Example: `data/retest.csv`"""
    icc_form: Literal["2,1", "3,1"] = "2,1"
    """ICC(2,1), absolute agreement of single scans, or ICC(3,1), their consistency. Example: `"3,1"`"""
    redundant: Share | None = None
    """Markers whose levels correlate (|Spearman|) at this value or above, in clusters by average linkage, are left out
    but for the one in the middle of each cluster. Example: `0.9`"""
    reliability: Share | None = None
    """The slope of a marker, not its level, is left out where the mean reliability of the slopes is lower. Example:
    `0.3`"""
    q_value: Share | None = None
    """The slope of a marker, not its level, is left out where the test of its random slope has a higher q-value
    (Benjamini and Hochberg, over the markers that are left). Example: `0.1`"""

    @property
    def any(self) -> bool:
        """Whether anything is asked for."""
        return self != Filters()

    @property
    def files(self) -> dict[str, str]:
        """The files that are read besides the study's data, by their key."""
        named = {"filters.icc_table": self.icc_table, "filters.retest": self.retest}
        return {key: file for key, file in named.items() if file is not None}
