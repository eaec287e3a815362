"""The literature that the methods paragraph cites; numbered in the order of citation."""

from __future__ import annotations

from dataclasses import dataclass, field

WORKS: dict[str, tuple[str, str]] = {
    "riley_size": (
        "Riley RD, Ensor J, Snell KIE, et al. Calculating the sample size required for developing a clinical "
        "prediction model. BMJ 2020;368:m441.",
        "10.1136/bmj.m441",
    ),
    "gerds": (
        "Gerds TA, Schumacher M. Consistent estimation of the expected Brier score in general survival models with "
        "right-censored event times. Biometrical Journal 2006;48(6):1029–1040.",
        "10.1002/bimj.200610301",
    ),
    "cro": (
        "Cro S, Morris TP, Kenward MG, Carpenter JR. Sensitivity analysis for clinical trials with missing continuous "
        "outcome data using controlled multiple imputation: a practical guide. Statistics in Medicine "
        "2020;39(21):2815–2842.",
        "10.1002/sim.8569",
    ),
    "white_chained": (
        "White IR, Royston P, Wood AM. Multiple imputation using chained equations: issues and guidance for practice. "
        "Statistics in Medicine 2011;30(4):377–399.",
        "10.1002/sim.4067",
    ),
    "white_royston": (
        "White IR, Royston P. Imputing missing covariate values for the Cox model. Statistics in Medicine "
        "2009;28(15):1982–1998.",
        "10.1002/sim.3618",
    ),
    "barnard": (
        "Barnard J, Rubin DB. Small-sample degrees of freedom with multiple imputation. Biometrika 1999;86(4):948–955.",
        "10.1093/biomet/86.4.948",
    ),
    "d2": (
        "Li KH, Meng XL, Raghunathan TE, Rubin DB. Significance levels from repeated p-values with multiply-imputed "
        "data. Statistica Sinica 1991;1(1):65–92.",
        "",
    ),
    "hoogland": (
        "Hoogland J, van Barreveld M, Debray TPA, et al. Handling missing predictor values when validating and "
        "applying a prediction model to new patients. Statistics in Medicine 2020;39(25):3591–3607.",
        "10.1002/sim.8682",
    ),
    "laird_ware": (
        "Laird NM, Ware JH. Random-effects models for longitudinal data. Biometrics 1982;38:963–974.",
        "10.2307/2529876",
    ),
    "combat": (
        "Johnson WE, Li C, Rabinovic A. Adjusting batch effects in microarray expression data using empirical Bayes "
        "methods. Biostatistics 2007;8(1):118–127.",
        "10.1093/biostatistics/kxj037",
    ),
    "long_combat": (
        "Beer JC, Tustison NJ, Cook PA, et al. Longitudinal ComBat: a method for harmonizing longitudinal "
        "multi-scanner imaging data. NeuroImage 2020;220:117129.",
        "10.1016/j.neuroimage.2020.117129",
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
    "group_lasso": (
        "Yuan M, Lin Y. Model selection and estimation in regression with grouped variables. Journal of the Royal "
        "Statistical Society: Series B 2006;68:49–67.",
        "10.1111/j.1467-9868.2005.00532.x",
    ),
    "elastic_net": (
        "Zou H, Hastie T. Regularization and variable selection via the elastic net. Journal of the Royal Statistical "
        "Society: Series B 2005;67:301–320.",
        "10.1111/j.1467-9868.2005.00503.x",
    ),
    "stram": (
        "Stram DO, Lee JW. Variance components testing in the longitudinal mixed effects model. Biometrics "
        "1994;50:1171–1177.",
        "10.2307/2533455",
    ),
    "besag": (
        "Besag J, Clifford P. Sequential Monte Carlo p-values. Biometrika 1991;78:301–304.",
        "10.1093/biomet/78.2.301",
    ),
    "benjamini": (
        "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach to multiple "
        "testing. Journal of the Royal Statistical Society: Series B 1995;57:289–300.",
        "10.1111/j.2517-6161.1995.tb02031.x",
    ),
    "nakagawa": (
        "Nakagawa S, Schielzeth H. A general and simple method for obtaining R² from generalized linear mixed-effects "
        "models. Methods in Ecology and Evolution 2013;4:133–142.",
        "10.1111/j.2041-210x.2012.00261.x",
    ),
    "johnson": (
        "Johnson PCD. Extension of Nakagawa & Schielzeth’s R²GLMM to random slopes models. Methods in Ecology and "
        "Evolution 2014;5:944–946.",
        "10.1111/2041-210X.12225",
    ),
    "pinheiro": (
        "Pinheiro JC, Bates DM. Mixed-effects models in S and S-PLUS. New York: Springer; 2000.",
        "10.1007/b98882",
    ),
    "diggle": (
        "Diggle PJ. An approach to the analysis of repeated measurements. Biometrics 1988;44:959–971.",
        "10.2307/2531727",
    ),
    "cook": (
        "Cook RD. Detection of influential observation in linear regression. Technometrics 1977;19:15–18.",
        "10.1080/00401706.1977.10489493",
    ),
    "little": (
        "Little RJA. Pattern-mixture models for multivariate incomplete data. Journal of the American Statistical "
        "Association 1993;88:125–134.",
        "10.1080/01621459.1993.10594302",
    ),
    "robins": (
        "Robins JM, Hernán MA, Brumback B. Marginal structural models and causal inference in epidemiology. "
        "Epidemiology 2000;11:550–560.",
        "10.1097/00001648-200009000-00011",
    ),
    "liang": (
        "Liang KY, Zeger SL. Longitudinal data analysis using generalized linear models. Biometrika 1986;73:13–22.",
        "10.1093/biomet/73.1.13",
    ),
    "mancl": (
        "Mancl LA, DeRouen TA. A covariance estimator for GEE with improved small-sample properties. Biometrics "
        "2001;57:126–134.",
        "10.1111/j.0006-341X.2001.00126.x",
    ),
    "tipton": (
        "Pustejovsky JE, Tipton E. Small-sample methods for cluster-robust variance estimation and hypothesis testing "
        "in fixed effects models. Journal of Business & Economic Statistics 2018;36:672–683.",
        "10.1080/07350015.2016.1247004",
    ),
    "vanderweele": (
        "VanderWeele TJ, Ding P. Sensitivity analysis in observational research: introducing the E-value. Annals of "
        "Internal Medicine 2017;167:268–274.",
        "10.7326/M16-2607",
    ),
    "wagner": (
        "Wagner AK, Soumerai SB, Zhang F, Ross-Degnan D. Segmented regression analysis of interrupted time series "
        "studies in medication use research. Journal of Clinical Pharmacy and Therapeutics 2002;27:299–309.",
        "10.1046/j.1365-2710.2002.00430.x",
    ),
    "senn": (
        "Senn S. Mastering variation: variance components and personalised medicine. Statistics in Medicine "
        "2016;35:966–977.",
        "10.1002/sim.6739",
    ),
    "zou": (
        "Zou GY, Donner A. Construction of confidence limits about effect measures: a general approach. Statistics in "
        "Medicine 2008;27:1693–1702.",
        "10.1002/sim.3095",
    ),
    "schemper": (
        "Schemper M, Smith TL. A note on quantifying follow-up in studies of failure time. Controlled Clinical Trials "
        "1996;17:343–346.",
        "10.1016/0197-2456(96)00075-X",
    ),
    "kaplan": (
        "Kaplan EL, Meier P. Nonparametric estimation from incomplete observations. Journal of the American "
        "Statistical Association 1958;53:457–481.",
        "10.1080/01621459.1958.10501452",
    ),
    "harrell": (
        "Harrell FE, Lee KL, Mark DB. Multivariable prognostic models: issues in developing models, evaluating "
        "assumptions and adequacy, and measuring and reducing errors. Statistics in Medicine 1996;15:361–387.",
        "10.1002/(SICI)1097-0258(19960229)15:4<361::AID-SIM168>3.0.CO;2-4",
    ),
    "good": (
        "Good IJ. Rational decisions. Journal of the Royal Statistical Society: Series B 1952;14:107–114.",
        "10.1111/j.2517-6161.1952.tb00104.x",
    ),
    "efron_bca": (
        "Efron B. Better bootstrap confidence intervals. Journal of the American Statistical Association "
        "1987;82:171–185.",
        "10.1080/01621459.1987.10478410",
    ),
    "efron_ties": (
        "Efron B. The efficiency of Cox’s likelihood function for censored data. Journal of the American Statistical "
        "Association 1977;72:557–565.",
        "10.1080/01621459.1977.10480613",
    ),
    "breslow": (
        "Breslow N. Covariance analysis of censored survival data. Biometrics 1974;30:89–99.",
        "10.2307/2529620",
    ),
    "centres": (
        "Steyerberg EW, Harrell FE. Prediction models need appropriate internal, internal–external, and external "
        "validation. Journal of Clinical Epidemiology 2016;69:245–247.",
        "10.1016/j.jclinepi.2015.04.005",
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
    "metrics": (
        "Kocak B, Akinci D’Antonoli T, Mercaldo N, et al. METhodological RadiomICs Score (METRICS): a quality scoring "
        "tool for radiomics research endorsed by EuSoMII. Insights Imaging 2024;15:8.",
        "10.1186/s13244-023-01572-w",
    ),
    "clear": (
        "Kocak B, Baessler B, Bakas S, et al. CheckList for EvaluAtion of Radiomics research (CLEAR): a step-by-step "
        "reporting guideline for authors and reviewers endorsed by ESR and EuSoMII. Insights Imaging 2023;14:75.",
        "10.1186/s13244-023-01415-8",
    ),
    "probast": (
        "Moons KGM, Damen JAA, Kaul T, et al. PROBAST+AI: an updated quality, risk of bias, and applicability "
        "assessment tool for prediction models using regression or artificial intelligence methods. BMJ "
        "2025;388:e082505.",
        "10.1136/bmj-2024-082505",
    ),
    "stratos": (
        "Van Calster B, Collins GS, Vickers AJ, et al. Performance evaluation of predictive AI models to support "
        "medical decisions: overview and guidance. arXiv 2024;2412.10288.",
        "10.48550/arXiv.2412.10288",
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
