# From the raw tables to the cohort at the landmark and its folds.
# needs  the files that the study names under data.measurements and data.patients (and filters.icc_table or filters.retest)
# makes  results/{study}/cohort/{measurements,later,patients}.parquet, cohort/{flow,problems,agreement}.csv, folds.parquet
# steps  prepare_cohort, make_folds


rule prepare_cohort:
    input:
        unpack(data_files),
    output:
        **tables_of("prepare_cohort"),
    log:
        "results/{study}/logs/prepare_cohort.log",
    benchmark:
        "results/{study}/timings/prepare_cohort.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory_of("prepare_cohort"),
        runtime=minutes_of("prepare_cohort"),
    params:
        settings=settings("cohort"),
        inputs=input_digests,
        code=code("prepare_cohort.py"),
    message:
        "{wildcards.study}: reading the tables and making the cohort"
    script:
        "../scripts/prepare_cohort.py"


rule make_folds:
    input:
        patients="results/{study}/cohort/patients.parquet",
    output:
        **tables_of("make_folds"),
    log:
        "results/{study}/logs/make_folds.log",
    benchmark:
        "results/{study}/timings/make_folds.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory_of("make_folds"),
        runtime=minutes_of("make_folds"),
    params:
        settings=settings("folds"),
        code=code("make_folds.py"),
    message:
        "{wildcards.study}: folds of patients"
    script:
        "../scripts/make_folds.py"
