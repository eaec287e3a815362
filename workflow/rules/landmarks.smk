# What changes with the landmark, for a study that has a list of them.
# needs  results/{study}/landmark-{s}/ of each landmark s: outcome/performance.csv, outcome/coefficients.csv, model.json, cohort/{measurements,patients}.parquet
# makes  results/{study}/landmarks.csv, supermodel.csv, landmarks.html
# steps  stack_landmarks (both stages on all landmarks together), gather_landmarks


rule stack_landmarks:
    input:
        unpack(later_rows_of_each),
        unpack(batch_effects_of_each),
        measurements=at_each_landmark("cohort/measurements.parquet"),
        patients=at_each_landmark("cohort/patients.parquet"),
    output:
        **tables_of("stack_landmarks"),
    log:
        "results/{study}/logs/stack_landmarks.log",
    benchmark:
        "results/{study}/timings/stack_landmarks.tsv"
    wildcard_constraints:
        study="[A-Za-z0-9_-]+",
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=memory_of("stack_landmarks"),
        runtime=minutes_of("stack_landmarks"),
    params:
        runs=lambda w: GRIDS[w.study],
        settings=lambda w: [subset(STUDY_FILES[run][1], "outcome") for run in GRIDS[w.study]],
        code=code("stack_landmarks.py"),
    message:
        "{wildcards.study}: one model for all landmarks, patient bootstrap through both stages"
    script:
        "../scripts/stack_landmarks.py"


rule gather_landmarks:
    input:
        performance=at_each_landmark("outcome/performance.csv"),
        coefficients=at_each_landmark("outcome/coefficients.csv"),
        patients=at_each_landmark("cohort/patients.parquet"),
        models=at_each_landmark("model.json"),
        supermodel="results/{study}/supermodel.csv",
    output:
        **tables_of("gather_landmarks"),
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
        mem_mb=memory_of("gather_landmarks"),
        runtime=minutes_of("gather_landmarks"),
    params:
        runs=lambda w: of_this_run(GRIDS, w.study),
        settings=lambda w: [subset(STUDY_FILES[run][1], "report") for run in of_this_run(GRIDS, w.study)],
        code=code("gather_landmarks.py"),
    message:
        "{wildcards.study}: what changes with the landmark"
    script:
        "../scripts/gather_landmarks.py"
