"""The literature that the methods paragraph cites; numbered in the order of citation."""

from __future__ import annotations

from dataclasses import dataclass, field

WORKS: dict[str, tuple[str, str]] = {
    "laird_ware": (
        "Laird NM, Ware JH. Random-effects models for longitudinal data. Biometrics 1982;38:963–974.",
        "10.2307/2529876",
    ),
    "bates": (
        "Bates D, Mächler M, Bolker B, Walker S. Fitting linear mixed-effects models using lme4. "
        "Journal of Statistical Software 2015;67(1):1–48.",
        "10.18637/jss.v067.i01",
    ),
    "satterthwaite": (
        "Kuznetsova A, Brockhoff PB, Christensen RHB. lmerTest package: tests in linear mixed effects models. Journal "
        "of Statistical Software 2017;82(13):1–26.",
        "10.18637/jss.v082.i13",
    ),
    "henderson": (
        "Henderson CR. Best linear unbiased estimation and prediction under a selection model. Biometrics "
        "1975;31:423–447.",
        "10.2307/2529430",
    ),
    "statsmodels": (
        "Seabold S, Perktold J. Statsmodels: econometric and statistical modeling with Python. Proceedings of the 9th "
        "Python in Science Conference 2010:92–96.",
        "10.25080/Majora-92bf1922-011",
    ),
    "landmarking": (
        "van Houwelingen HC, Putter H. Dynamic Prediction in Clinical Survival Analysis. Boca Raton: CRC Press; 2011.",
        "",
    ),
    "signorelli": (
        "Signorelli M, Spitali P, Al-Khalili Szigyarto C, MARK-MD Consortium, Tsonaka R. Penalized regression "
        "calibration: a "
        "method for the prediction of survival outcomes using complex longitudinal and high-dimensional data. "
        "Statistics in "
        "Medicine 2021;40:6178–6196.",
        "10.1002/sim.9178",
    ),
    "elastic_net": (
        "Zou H, Hastie T. Regularization and variable selection via the elastic net. Journal of the Royal Statistical "
        "Society: Series B 2005;67:301–320.",
        "10.1111/j.1467-9868.2005.00503.x",
    ),
    "grambsch": (
        "Grambsch PM, Therneau TM. Proportional hazards tests and diagnostics based on weighted residuals. Biometrika "
        "1994;81:515–526.",
        "10.1093/biomet/81.3.515",
    ),
    "crossfitting": (
        "Chernozhukov V, Chetverikov D, Demirer M, et al. Double/debiased machine learning for treatment and "
        "structural "
        "parameters. The Econometrics Journal 2018;21:C1–C68.",
        "10.1111/ectj.12097",
    ),
    "uno": (
        "Uno H, Cai T, Pencina MJ, D’Agostino RB, Wei LJ. On the C-statistics for evaluating overall adequacy of risk "
        "prediction "
        "procedures with censored survival data. Statistics in Medicine 2011;30:1105–1117.",
        "10.1002/sim.4154",
    ),
    "brier": (
        "Brier GW. Verification of forecasts expressed in terms of probability. Monthly Weather Review 1950;78:1–3.",
        "10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
    ),
    "kattan": (
        "Kattan MW, Gerds TA. The index of prediction accuracy: an intuitive measure useful for evaluating risk "
        "prediction models. Diagnostic and Prognostic Research 2018;2:7.",
        "10.1186/s41512-018-0029-2",
    ),
    "graf": (
        "Graf E, Schmoor C, Sauerbrei W, Schumacher M. Assessment and comparison of prognostic classification schemes "
        "for "
        "survival data. Statistics in Medicine 1999;18:2529–2545.",
        "10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5",
    ),
    "austin": (
        "Austin PC, Harrell FE, van Klaveren D. Graphical calibration curves and the integrated calibration index "
        "(ICI) for "
        "survival models. Statistics in Medicine 2020;39:2714–2742.",
        "10.1002/sim.8570",
    ),
    "austin_binary": (
        "Austin PC, Steyerberg EW. The Integrated Calibration Index (ICI) and related metrics for quantifying the "
        "calibration of logistic regression models. Statistics in Medicine 2019;38:4051–4065.",
        "10.1002/sim.8281",
    ),
    "competing": (
        "Putter H, Fiocco M, Geskus RB. Tutorial in biostatistics: competing risks and multi-state models. Statistics "
        "in Medicine 2007;26:2389–2430.",
        "10.1002/sim.2712",
    ),
    "blanche": (
        "Blanche P, Dartigues JF, Jacqmin-Gadda H. Estimating and comparing time-dependent areas under receiver "
        "operating characteristic curves for censored event times with competing risks. Statistics in Medicine "
        "2013;32:5381–5397.",
        "10.1002/sim.5958",
    ),
    "wolbers": (
        "Wolbers M, Blanche P, Koller MT, Witteman JCM, Gerds TA. Concordance for prognostic models with competing "
        "risks. Biostatistics 2014;15:526–539.",
        "10.1093/biostatistics/kxt059",
    ),
    "scheike": (
        "Scheike TH, Zhang MJ, Gerds TA. Predicting cumulative incidence probability by direct binomial regression. "
        "Biometrika 2008;95:205–220.",
        "10.1093/biomet/asm096",
    ),
    "winkler": (
        "Winkler AM, Ridgway GR, Webster MA, Smith SM, Nichols TE. Permutation inference for the general linear model. "
        "NeuroImage 2014;92:381–397.",
        "10.1016/j.neuroimage.2014.01.060",
    ),
    "vickers": (
        "Vickers AJ, Elkin EB. Decision curve analysis: a novel method for evaluating prediction models. Medical "
        "Decision Making "
        "2006;26:565–574.",
        "10.1177/0272989X06295361",
    ),
    "tripod": (
        "Collins GS, Moons KGM, Dhiman P, et al. TRIPOD+AI statement: updated guidance for reporting clinical "
        "prediction models "
        "that use regression or machine learning methods. BMJ 2024;385:e078378.",
        "10.1136/bmj-2023-078378",
    ),
}
"""Key: (the work as it is printed, its DOI)."""


@dataclass
class Citations:
    """Gives a cited work its number and remembers the order."""

    cited: list[str] = field(default_factory=list)

    def __call__(self, *keys: str) -> str:
        """``[1,2]`` for the works of `keys`."""
        for key in keys:
            if key not in WORKS:
                raise KeyError(key)
            if key not in self.cited:
                self.cited.append(key)
        return f"[{','.join(str(self.cited.index(key) + 1) for key in keys)}]"

    @property
    def works(self) -> list[tuple[str, str]]:
        """The cited works in order: (text, DOI)."""
        return [WORKS[key] for key in self.cited]
