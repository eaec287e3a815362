# What changes with the landmark, for a study that has a list of them.
# needs  results/{study}/landmark-{s}/ of each landmark s: outcome/performance.csv, outcome/coefficients.csv, cohort/patients.parquet
# makes  results/{study}/landmarks.csv, landmarks.html
# steps  gather_landmarks


rule gather_landmarks:
    input:
        performance=at_each_landmark("outcome/performance.csv"),
        coefficients=at_each_landmark("outcome/coefficients.csv"),
        patients=at_each_landmark("cohort/patients.parquet"),
    output:
        table="results/{study}/landmarks.csv",
        page=report(
            "results/{study}/landmarks.html",
            caption="../report/landmarks.rst",
            category="{study}",
            labels={"what": "landmarks"},
        ),
    log:
        "results/{study}/logs/gather_landmarks.log",
    benchmark:
        "results/{study}/timings/gather_landmarks.tsv"
    wildcard_constraints:
        study="[A-Za-z0-9_-]+",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        runs=lambda w: of_this_run(GRIDS, w.study),
        settings=lambda w: [STUDY_FILES[run][1].subset("report") for run in of_this_run(GRIDS, w.study)],
        code=code("gather_landmarks.py"),
    message:
        "{wildcards.study}: what changes with the landmark"
    script:
        "../scripts/gather_landmarks.py"
