"""Priors of a study with `growth.engine: bayes`: whether they make sense in the units of its data, before a run."""

from __future__ import annotations

from slopewise.cohort import Cohort
from slopewise.growth.bayes.sampled import whole_posterior
from slopewise.run.errors import InputError
from slopewise.slopes.inputs import GrowthInputs
from slopewise.study.model import Study


def refuse_priors(study: Study, cohort: Cohort) -> None:
    """Raise `InputError` for priors of a marker that no posterior is sampled under; nothing is sampled here."""
    if study.growth.engine != "bayes":
        return
    for marker in GrowthInputs(study, cohort.measurements, cohort.patients, None).markers():
        try:
            whole_posterior(marker.growth)
        except InputError as error:
            raise InputError(f"bayes.priors.{marker.marker}: {error}") from None
