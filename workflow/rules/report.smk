# What a person reads, and how the run came about.
# needs  every table that the study has
# makes  provenance.json (the same for the same input), run.json (clock, host, cores), report.html;
#        report-patients.html where report.patients asks for it
# steps  record_run, render_report, render_patients


COHORT = results("cohort/measurements.parquet", "cohort/patients.parquet", "cohort/flow.csv", "cohort/problems.csv")
GROWTH = results(
    "growth/fixed_effects.csv",
    "growth/covariance.csv",
    "growth/population.csv",
    "growth/comparison.csv",
    "growth/serial.csv",
    "growth/heteroscedastic.csv",
    "growth/verdict.csv",
    "growth/trends.csv",
    "growth/variogram.csv",
    "growth/implied.csv",
    "growth/correlation.csv",
    "growth/patients.csv",
    "growth/planned.csv",
    "growth/residuals.csv",
    "growth/scatter.csv",
    "growth/spread.csv",
    "growth/quantiles.csv",
    "growth/normality.csv",
    "growth/visits.csv",
    "growth/linearity.csv",
    "growth/slopes_by_stratum.csv",
    "growth/centring.csv",
    "growth/origin.csv",
    "growth/lines.csv",
    "growth/fits.csv",
)
SLOPES = results(
    "slopes/slopes.parquet",
    "slopes/reliability.csv",
    "slopes/leakage_audit.csv",
    "slopes/fast_share.csv",
    "slopes/dropout.csv",
    "slopes/dropout_pattern.csv",
)
OUTCOME = results(
    "outcome/coefficients.csv",
    "outcome/ledger.csv",
    "outcome/proportional_hazards.csv",
    "outcome/likelihood_ratio.csv",
    "outcome/schoenfeld.csv",
    "outcome/validation_ledger.csv",
    "outcome/performance.csv",
    "outcome/calibration.csv",
    "outcome/decision_curve.csv",
    "outcome/apparent.parquet",
    "outcome/predictions.parquet",
    "model.json",
)
SENSITIVITY = results(
    "outcome/sensitivity.csv",
    "outcome/permutation.csv",
    "outcome/subgroups.csv",
    "outcome/centres.csv",
)


rule record_run:
    input:
        unpack(data_files),
        tables=COHORT + GROWTH + SLOPES + results("folds.parquet"),
        outcome=outcome_tables,
    output:
        provenance="results/{study}/provenance.json",
        run="results/{study}/run.json",
    log:
        "results/{study}/logs/record_run.log",
    benchmark:
        "results/{study}/timings/record_run.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        settings=settings("report"),
        code=code("record_run.py"),
        study_file=source_digest,
        inputs=input_digests,
        package=provenance.package_digest(SCRIPTS / "slopewise"),
    message:
        "{wildcards.study}: provenance"
    script:
        "../scripts/record_run.py"


rule render_report:
    input:
        tables=COHORT + GROWTH + SLOPES,
        outcome=outcome_tables,
        provenance="results/{study}/provenance.json",
    output:
        report=report(
            "results/{study}/report.html",
            caption="../report/report.rst",
            category="{study}",
            labels={"what": "report"},
        ),
    log:
        "results/{study}/logs/render_report.log",
    benchmark:
        "results/{study}/timings/render_report.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        settings=settings("report"),
        code=code("render_report.py"),
    message:
        "{wildcards.study}: the report"
    script:
        "../scripts/render_report.py"


rule render_patients:
    input:
        tables=COHORT + GROWTH + SLOPES + results("slopes/fast_changers.csv"),
        outcome=outcome_tables,
        provenance="results/{study}/provenance.json",
    output:
        report="results/{study}/report-patients.html",
    log:
        "results/{study}/logs/render_patients.log",
    benchmark:
        "results/{study}/timings/render_patients.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        settings=settings("report"),
        code=code("render_patients.py"),
    message:
        "{wildcards.study}: the page of single patients, not for sharing"
    script:
        "../scripts/render_patients.py"
