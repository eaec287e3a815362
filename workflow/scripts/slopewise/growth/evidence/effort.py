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

    influences, exceedances: data sets drawn from the fit to which a large influence is compared, at most, and how many
    as influential ones end the drawing. compared: patients that are left out there, one at a time, of the observed
    data and of each drawn set: those with the largest standardised random effects.
    """

    deleted: int = DELETED
    drawn: int = DRAWS
    evident: float = 0.0
    enough: int = 0
    influences: int = 199
    exceedances: int = 10
    compared: int = 50

    def draws(self, most: int, p_value: float) -> int:
        """Draws of the bootstrap, at most `most`; `p_value`: that of the boundary mixture."""
        return min(most, self.enough) if p_value < self.evident else most

    @staticmethod
    def of(markers: int) -> Effort:
        """What a study of so many markers spends on each."""
        return Effort() if markers <= MANY else OF_MANY


OF_MANY = Effort(deleted=20, drawn=79, evident=1e-4, enough=199, influences=20, exceedances=1, compared=20)
"""Of 20 draws none may be as influential for a p below 0.05, which is then 1/21; the first that is ends the drawing."""
