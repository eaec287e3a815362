"""How much work the evidence on one marker is worth: all of it where markers are few, less where they are many."""

from __future__ import annotations

from dataclasses import dataclass

from slopewise.growth.evidence.standard_residuals import DRAWS

MANY = 24
"""Markers beyond which nobody looks at each of them: the report's tables show their first rows, too."""

DELETED = 1000
"""Patients that are left out one at a time; of more, those with the largest standardised random effects."""


@dataclass(frozen=True)
class Effort:
    """deleted: most patients that `influence` leaves out; drawn: data sets behind the bands of `normality`.

    evident, enough: of the parametric bootstrap of the random slope, whose draws are `enough` where the boundary
    mixture gives a p below `evident`.
    """

    deleted: int = DELETED
    drawn: int = DRAWS
    evident: float = 0.0
    enough: int = 0

    def draws(self, most: int, p_value: float) -> int:
        """Draws of the bootstrap, at most `most`; `p_value`: that of the boundary mixture."""
        return min(most, self.enough) if p_value < self.evident else most

    @staticmethod
    def of(markers: int) -> Effort:
        """What a study of so many markers spends on each."""
        return Effort() if markers <= MANY else Effort(deleted=20, drawn=79, evident=1e-4, enough=199)
