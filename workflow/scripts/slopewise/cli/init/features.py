"""Features of PyRadiomics in unknown measurements: proposed by pattern, since nobody reads a thousand entries."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from slopewise.cli.columns import Column, scalar
from slopewise.cli.init.markers import LeftOut, ProposedMarker
from slopewise.sources.features import IMAGE_FEATURE, matches

FEWEST = 20
"""Features from which patterns are proposed in place of a marker each."""
SPREAD = 20.0
"""A feature of positive values whose largest is more than so many times the smallest is taken as its logarithm."""
HARMLESS = ("no value at all", "one value only")
"""Reasons to leave a column out that a run finds itself, so that a pattern may match it."""


@dataclass(frozen=True)
class FeatureGroup:
    """An entry of `features`: its name, patterns and transform, and the columns that it stands for."""

    name: str
    patterns: tuple[str, ...]
    transform: str
    columns: tuple[str, ...]

    @property
    def lines(self) -> Iterator[str]:
        """The entry as lines of a study file."""
        yield f"  {self.name}:"
        if self.transform != "none":
            yield f"    transform: {self.transform}"
        yield "    pattern:"
        for pattern in self.patterns:
            yield f"      - {scalar(pattern)}"


def feature_groups(
    markers: Sequence[ProposedMarker], columns: Mapping[str, Column], left_out: Sequence[LeftOut]
) -> list[FeatureGroup]:
    """Groups of the proposed markers that are features, by transform; none where there are fewer than `FEWEST`.

    The patterns match these markers and of the other `columns` only those that a run leaves out by itself.
    """
    features = [marker.column for marker in markers if IMAGE_FEATURE.fullmatch(marker.column)]
    if len(features) < FEWEST:
        return []
    harmless = {left.column for left in left_out if left.reason in HARMLESS}
    logged = [name for name in features if is_spread(columns[name].values)]
    groups = []
    for name, transform, own in (
        ("log_features", "log", logged),
        ("features", "none", [name for name in features if name not in set(logged)]),
    ):
        if own:
            others = [column for column in columns if column not in {*own, *harmless}]
            groups.append(FeatureGroup(name, tuple(shortest(own, others)), transform, tuple(own)))
    return groups


def is_spread(values: np.ndarray) -> bool:
    """Whether all values (NaN where missing) are positive, and the largest is more than `SPREAD` times the smallest."""
    known = values[np.isfinite(values)]
    return bool(len(known) and known.min() > 0 and known.max() > SPREAD * known.min())


def shortest(own: Sequence[str], others: Sequence[str]) -> list[str]:
    """Patterns that match each of the features `own` and none of `others`: whole classes, single features, names."""
    found: dict[str, None] = {}
    for name in own:
        if matches(name, list(found)):
            continue
        _, family, feature = name.split("_", 2)
        candidates = (f"*_{family}_*", f"*_{family}_{glob.escape(feature)}")
        free = (pattern for pattern in candidates if not any(matches(other, [pattern]) for other in others))
        found[next(free, glob.escape(name))] = None
    return list(found)
