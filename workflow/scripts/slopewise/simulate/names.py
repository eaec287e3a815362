"""Names of features as PyRadiomics writes them: ``<image type>_<feature class>_<feature>``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CLASSES: dict[str, tuple[str, ...]] = {
    "shape": _words(
        "MeshVolume SurfaceArea SurfaceVolumeRatio Sphericity Maximum3DDiameter MajorAxisLength "
        "MinorAxisLength LeastAxisLength Elongation Flatness"
    ),
    "firstorder": _words(
        "Energy TotalEnergy Entropy Minimum 10Percentile 90Percentile Maximum Mean Median "
        "InterquartileRange Range MeanAbsoluteDeviation RobustMeanAbsoluteDeviation RootMeanSquared "
        "Skewness Kurtosis Variance Uniformity"
    ),
    "glcm": _words(
        "Autocorrelation JointAverage ClusterProminence ClusterShade ClusterTendency Contrast Correlation "
        "DifferenceAverage DifferenceEntropy DifferenceVariance JointEnergy JointEntropy Imc1 Imc2 Idm "
        "Idmn Id Idn InverseVariance MaximumProbability SumAverage SumEntropy SumSquares MCC"
    ),
    "glrlm": _words(
        "ShortRunEmphasis LongRunEmphasis GrayLevelNonUniformity RunLengthNonUniformity RunPercentage "
        "RunVariance RunEntropy LowGrayLevelRunEmphasis HighGrayLevelRunEmphasis"
    ),
    "glszm": _words(
        "SmallAreaEmphasis LargeAreaEmphasis GrayLevelNonUniformity SizeZoneNonUniformity ZonePercentage "
        "ZoneVariance ZoneEntropy"
    ),
    "ngtdm": _words("Coarseness Contrast Busyness Complexity Strength"),
}
"""Feature classes with features of each, in the order of a batch table; shape is of the original image alone."""

POSITIVE = ("shape", "glrlm", "glszm", "ngtdm")
"""Classes whose simulated features are log-normal; those of the others are normal."""


def image_types() -> Iterator[str]:
    """Image types in the order in which the names use them up, without end (Laplacians of Gaussian of larger width)."""
    yield "original"
    for sigma in range(1, 6):
        yield f"log-sigma-{sigma}-0-mm-3D"
    for first in "LH":
        for second in "LH":
            for third in "LH":
                yield f"wavelet-{first}{second}{third}"
    yield from ("square", "squareroot", "logarithm", "exponential", "gradient")
    for sigma in count(6):
        yield f"log-sigma-{sigma}-0-mm-3D"


def feature_names(number: int) -> list[str]:
    """The first `number` names."""
    every = (
        f"{image}_{family}_{feature}"
        for image in image_types()
        for family, features in CLASSES.items()
        if image == "original" or family != "shape"
        for feature in features
    )
    return list(islice(every, number))


def is_positive(name: str) -> bool:
    """Whether the simulated feature of this name is log-normal."""
    return name.split("_")[1] in POSITIVE
