"""`GrowthFit`: one fitted growth model and the tables that one reads off it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from slopewise.design.products import Matrix
from slopewise.growth.batch import GrowthBatch
from slopewise.growth.bayes.mixture import Draws, courses, mixture_quantiles
from slopewise.growth.engine.estimates import Estimates, sandwich, transformed
from slopewise.growth.engine.layout import Design, Layout, Specification, expanded, residual_columns
from slopewise.growth.engine.many import Results
from slopewise.growth.engine.moments import Moments, reduce_rows
from slopewise.growth.engine.run import random_effects
from slopewise.growth.inference import satterthwaite, t_tests
from slopewise.growth.plot import plot_fit
from slopewise.growth.record import fields_of, to_dict
from slopewise.growth.summary import GrowthSummary
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr


@dataclass(frozen=True, repr=False)
class GrowthFit(ShortRepr):
    """One fit. `batch` and `index` say where it came from; a fit that was read from a file has none.

    ratios (K,): residual variance of each stratum of `residual_by` relative to the first.
    """

    specification: Specification
    response: str
    patient: str
    design: Design
    results: Results  # of this fit alone
    ratios: Matrix
    stratum_names: tuple[str, ...]
    degrees: tuple[float, ...] | None = None  # of freedom, where the data are no longer there to work them out
    batch: GrowthBatch | None = None
    index: int = 0

    @staticmethod
    def from_batch(batch: GrowthBatch, j: int) -> GrowthFit:
        return GrowthFit(
            specification=batch.data.specification,
            response=batch.data.response,
            patient=batch.data.layout.patient,
            design=batch.designs[batch.design_of[j]],
            results=batch.results.one(j),
            ratios=batch.ratios[j],
            stratum_names=batch.data.layout.stratum_names,
            batch=batch,
            index=j,
        )

    def _facts(self) -> dict[str, str]:
        return {
            "response": repr(self.response),
            **self.specification.facts(),
            "structure": repr(self.structure),
            "patients": str(self.n_patients),
            "rows": str(self.n_rows),
            "deviance": f"{self.deviance:.6g}",
            "converged": str(self.converged),
            "singular": str(self.singular),
        }

    @cached_property
    def estimates(self) -> Estimates:
        return Estimates(self.results, self.design.x_columns, self.design.z_columns)

    @cached_property
    def beta(self) -> pd.Series:
        """Fixed effects by term; an aliased term is left out."""
        kept = ~self.results.aliased[0]
        names = np.array(self.design.fixed_names, dtype=object)
        return pd.Series(self.estimates.beta[0][kept], index=names[kept], name="estimate")

    @property
    def aliased(self) -> tuple[str, ...]:
        """Terms that the terms before them span; they were dropped."""
        return tuple(name for name, gone in zip(self.design.fixed_names, self.results.aliased[0], strict=True) if gone)

    @cached_property
    def fixed_effects(self) -> pd.DataFrame:
        """term, estimate, se, df (Satterthwaite), statistic (t), p_value, ci_low, ci_high (95%).

        Of the engine bayes: posterior means, SDs and 95% intervals; it has no degrees of freedom and no test.
        """
        kept = ~self.results.aliased[0]
        estimate, se = self.estimates.beta[0][kept], self.estimates.se[0][kept]
        df = np.asarray(self.degrees_of_freedom)[kept]
        terms = [name for name, keep in zip(self.design.fixed_names, kept, strict=True) if keep]
        table = pd.DataFrame({"term": terms, **t_tests(estimate, se, df)})
        if self.draws is None:
            return table
        low, high = self._credible((0.025, 0.975))
        return table.assign(statistic=np.nan, ci_low=low, ci_high=high)

    @property
    def draws(self) -> Draws | None:
        """Of the engine bayes: a weighted sample of the parameters; None for others, and where the fit has no data."""
        return self.batch.draws[self.index] if self.batch is not None and self.batch.draws else None

    def _credible(self, shares: tuple[float, ...]) -> Matrix:
        """(shares, kept terms): posterior quantiles of the fixed effects that are not aliased."""
        assert self.draws is not None
        kept = ~self.results.aliased[0]
        each = Estimates(self.draws.results, self.design.x_columns, self.design.z_columns)
        return mixture_quantiles(each.beta[:, kept], each.se[:, kept], self.draws.weights, shares)

    @cached_property
    def degrees_of_freedom(self) -> tuple[float, ...]:
        """Satterthwaite's, one per fixed effect; NaN for an aliased one."""
        if self.degrees is not None:
            return self.degrees
        if self.specification.engine == "bayes":
            return (float("nan"),) * len(self.design.fixed_names)
        assert self.batch is not None
        return tuple(float(value) for value in satterthwaite(self.batch, self.index))

    @cached_property
    def beta_covariance(self) -> pd.DataFrame:
        """Covariance of the fixed effects that are not aliased."""
        kept = np.flatnonzero(~self.results.aliased[0])
        names = list(self.beta.index)
        return pd.DataFrame(self.estimates.beta_covariance[0][np.ix_(kept, kept)], index=names, columns=names)

    # The names that statsmodels has for the same.

    @property
    def params(self) -> pd.Series:
        """The fixed effects, as `beta`."""
        return self.beta

    @property
    def vcov(self) -> pd.DataFrame:
        """Covariance of the fixed effects, as `beta_covariance`."""
        return self.beta_covariance

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Intervals of the fixed effects by term: lower, upper; t with Satterthwaite's degrees of freedom."""
        if not 0.0 < level < 1.0:
            raise ValueError("level is a share between 0 and 1, such as 0.95")
        table = self.fixed_effects.set_index("term")
        if self.draws is not None:
            low, high = self._credible((0.5 - 0.5 * level, 0.5 + 0.5 * level))
            return pd.DataFrame({"lower": low, "upper": high}, index=table.index)
        half = stdtrit(table["df"].to_numpy(), 0.5 + 0.5 * level) * table["se"]
        return pd.DataFrame({"lower": table["estimate"] - half, "upper": table["estimate"] + half})

    @cached_property
    def fittedvalues(self) -> pd.Series:
        """X beta + Z b of the rows that entered the fit, in the order and with the index of their frame."""
        return self._in_sample()[0].rename("fittedvalues")

    @cached_property
    def resid(self) -> pd.Series:
        """Response less `fittedvalues`."""
        fitted, values = self._in_sample()
        return (values - fitted).rename("resid")

    def _in_sample(self) -> tuple[pd.Series, pd.Series]:
        """Fitted values and responses of the fit's rows."""
        if self.batch is None:
            raise InputError("this fit was read from a file and has no rows: give predict a frame")
        data = self.batch.data
        drawn = self.batch.counts[self.index] > 0
        rows = np.flatnonzero(drawn[data.codes])
        rows = rows[np.argsort(data.layout.order[data.kept[rows]], kind="stable")]
        frame, who = data.frame.iloc[rows], np.flatnonzero(drawn)
        b = self.batch.random_effects(self.index, who)[0][np.searchsorted(who, data.codes[rows])]
        fitted = self.predict(frame, "population") + np.einsum("nq,nq->n", self.design.random.matrix(frame), b)
        return pd.Series(fitted, frame.index), pd.Series(data.values[rows], frame.index)

    def summary(self) -> GrowthSummary:
        """Settings, fixed effects and variance components, to be printed or shown in a notebook."""
        return GrowthSummary.of(self)

    def plot(self, ax: Any = None, most: int | None = 200) -> Any:
        """Measurements, fitted courses of at most `most` patients, and the population's; matplotlib's axes come back.

        Raises `InputError` for a fit that was read from a file, which has no rows.
        """
        if self.batch is None:
            raise InputError("this fit was read from a file and has no rows to plot")
        return plot_fit(self.batch, self.index, lambda rows: self.predict(rows, "population"), ax, most)

    @cached_property
    def covariance(self) -> pd.DataFrame:
        """Covariance of the random effects, in outcome units squared."""
        names = list(self.design.random_names)
        return pd.DataFrame(self.estimates.covariance[0], index=names, columns=names)

    @property
    def sigma(self) -> float:
        """Residual standard deviation; with `residual_by` that of the first stratum."""
        return float(self.estimates.sigma[0])

    @property
    def residual_sd(self) -> Any:
        """A float, or with `residual_by` a Series with one value per stratum."""
        if not self.stratum_names:
            return self.sigma
        return pd.Series(self.sigma * np.sqrt(self.ratios), index=list(self.stratum_names), name="residual_sd")

    @property
    def deviance(self) -> float:
        """-2 log (restricted) likelihood with its constant."""
        return float(self.results.deviance[0])

    @property
    def converged(self) -> bool:
        return bool(self.estimates.converged[0])

    @property
    def singular(self) -> bool:
        return bool(self.estimates.singular[0])

    @property
    def structure(self) -> str:
        return self.estimates.structure[0]

    @property
    def n_patients(self) -> int:
        return int(self.results.patients[0])

    @property
    def n_rows(self) -> int:
        return int(self.results.rows[0])

    @property
    def message(self) -> str:
        return self.estimates.message(0, self.specification.structure, self.design.fixed_names)

    @property
    def optimiser(self) -> dict[str, Any]:
        """iterations (evaluations of the likelihood), gradient (norm of G Lambda), start and end (standardised Psi)."""
        return {
            "engine": self.specification.engine,
            "iterations": int(self.results.evaluations[0]),
            "gradient": float(self.results.gradient[0]),
            "start": np.eye(len(self.design.random_names)).tolist(),
            "end": self.results.psi[0].tolist(),
        }

    def random_effects(self, frame: pd.DataFrame | None = None) -> pd.DataFrame:
        """patient, one column per random term, se_<term>; one row a patient, sorted as text.

        Without a frame: the patients of the fit. With one: its patients, whom the fit need not have seen; rows without
        a response count as absent, and a patient without rows gets 0 and the population's standard deviation.
        """
        if frame is None:
            if self.batch is None:
                raise InputError("this fit was read from a file and holds no patient: give random_effects a frame")
            who = np.flatnonzero(self.batch.counts[self.index] > 0)
            names = [self.batch.data.patients[i] for i in who]
            effects, covariances = self.batch.random_effects(self.index, who)
        else:
            names, effects, covariances = self.score(frame)
        table: dict[str, Any] = {"patient": names}
        for k, name in enumerate(self.design.random_names):
            table[name] = effects[:, k]
        for k, name in enumerate(self.design.random_names):
            table[f"se_{name}"] = np.sqrt(np.maximum(covariances[:, k, k], 0.0))
        return pd.DataFrame(table)

    def score(self, frame: pd.DataFrame) -> tuple[list[str], Matrix, Matrix]:
        """Names, b (n, q) and its covariance given beta (n, q, q) of a frame's patients, in the user's units.

        The patients need not have been seen by the fit; names are sorted as text.
        """
        names, moments = self._moments(frame)
        if self.draws is not None:
            found, p = courses(self.draws, self.design, moments, np.arange(len(names))), len(self.design.fixed_names)
            return names, found.mean_effects(), found.covariance()[:, p:, p:]
        pairs = np.zeros(len(names), np.int64), np.arange(len(names))
        standard, spread = random_effects(*pairs, moments, self.results)
        transform = np.repeat(self.estimates.to_user_z, len(names), axis=0)
        scale = float(self.estimates.response_scale[0])
        return names, scale * transformed(transform, standard), scale**2 * sandwich(transform, spread)

    def residual_rows(self, frame: pd.DataFrame) -> tuple[NDArray[np.int64], Matrix]:
        """Stratum of the residual variance and prior weight of each row, in the frame's order."""
        spec = self.specification
        return residual_columns(frame, spec.residual_by, spec.weights, self.stratum_names)

    def reliability(self, frame: pd.DataFrame | None = None) -> pd.DataFrame:
        """patient and one column per random term: (Psi T Psi)_kk / Psi_kk, in [0, 1]; 0 where the term does not vary.

        The share of a random effect's variance that the patient's own rows settle; a plug-in value.
        """
        table = self.random_effects(frame)
        for k, name in enumerate(self.design.random_names):
            variance = float(self.estimates.covariance[0, k, k])
            left = table.pop(f"se_{name}") ** 2
            table[name] = np.clip(1.0 - left / variance, 0.0, 1.0) if variance > 0 else 0.0
        return table

    def _moments(self, frame: pd.DataFrame) -> tuple[list[str], Moments]:
        """Patients and moments of new rows, under this fit's recipe and residual variances."""
        levels: dict[str, tuple[object, ...]] = {**self.design.random.levels, **self.design.fixed.levels}
        weights = self.specification.weights
        layout = Layout.make(self.specification, frame, self.patient, weights, levels, self.stratum_names)
        values = layout.response(frame, self.response)
        kept = layout.kept_rows(values)
        layout.require_complete(kept)
        columns = self.design.replay(layout.frame.iloc[kept])
        counts = np.bincount(layout.codes[kept], minlength=len(layout.patients))
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        row_weights = layout.weights[kept] / self.ratios[layout.strata[kept]]
        return layout.patients, reduce_rows(
            columns, values[kept], row_weights, starts, self.design.x_columns, self.design.z_columns
        )

    def predict(self, frame: pd.DataFrame, level: str = "patient", effects: pd.DataFrame | None = None) -> Matrix:
        """The expected response in each row, (rows,), in the frame's order.

        level "population": X beta. level "patient": X beta + Z b, with b from `effects` (as `random_effects` gives
        them) or, where none are given, of the patients of the fit; an unknown patient raises `InputError`.
        """
        if level not in ("population", "patient"):
            raise ValueError("level is population or patient")
        expected: Matrix = self.design.fixed.matrix(frame) @ self.estimates.beta[0]
        if level == "population":
            return expected
        table = (self.random_effects() if effects is None else effects).set_index("patient")
        if self.patient not in frame.columns:
            raise InputError(f"there is no column {self.patient!r}, which names the patient of each row")
        places = table.index.get_indexer(pd.Index([str(value) for value in frame[self.patient]]))
        if (places < 0).any():
            unknown = frame[self.patient].iloc[int(np.flatnonzero(places < 0)[0])]
            raise InputError(f"patient {unknown}: not in the fit; give predict the effects of random_effects(frame)")
        b = table[list(self.design.random_names)].to_numpy()[places]
        return expected + np.einsum("nq,nq->n", self.design.random.matrix(frame), b)

    def simulate(self, rng: np.random.Generator, n: int = 1) -> Matrix:
        """n new responses drawn from the fitted model, (n, rows), for the rows of the fit's data in their order there.

        For the parametric bootstrap: `fit.batch.data.with_values(row)` is the same data with one of them.
        """
        if self.batch is None:
            raise InputError("this fit was read from a file and has no rows to simulate")
        data, design = self.batch.data, self.design
        columns = self.batch.columns_of(self.index)
        x, z = expanded(columns, design.x_columns), expanded(columns, design.z_columns)
        values, vectors = np.linalg.eigh(self.estimates.covariance[0])
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        noise = self.sigma * np.sqrt(self.ratios[data.strata] / data.weights)
        expected = x @ self.estimates.beta[0]
        drawn = np.empty((n, len(data.values)))
        for k in range(n):
            b = rng.standard_normal((len(data.patients), len(root))) @ root.T
            drawn[k] = expected + np.einsum("nq,nq->n", z, b[data.codes]) + noise * rng.standard_normal(len(noise))
        return drawn

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: version, recipe, parameters, optimiser record and a checksum; no patient's data."""
        return to_dict(self)

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> GrowthFit:
        """The fit that `to_dict` wrote; raises `InputError` where the content was changed since."""
        return GrowthFit(**fields_of(content))


def residual_variances(fit: GrowthFit) -> NDArray[np.float64]:
    """(rows,): the residual variance of each of the fit's own rows, by its stratum and its prior weight."""
    assert fit.batch is not None
    data = fit.batch.data
    variances: NDArray[np.float64] = fit.sigma**2 * fit.ratios[data.strata] / data.weights
    return variances


def design_of(fit: GrowthFit) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """X (rows, p) and Z (rows, q) of the fit's own rows."""
    assert fit.batch is not None
    columns = fit.batch.columns_of(fit.index)
    return expanded(columns, fit.design.x_columns), expanded(columns, fit.design.z_columns)


def active_terms(fit: GrowthFit) -> list[str]:
    """The random terms that have a variance in the structure that was fitted."""
    names = [str(name) for name in fit.design.random_names]
    return {"excluded": [], "intercept": names[:1]}.get(fit.structure, names)
