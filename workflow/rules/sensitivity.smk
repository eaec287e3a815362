# Does the answer depend on how the slopes were made, could chance have made the slope's gain, does it hold in each group?
# needs  cohort/patients.parquet, folds.parquet, slopes/{slopes,crossfit}.parquet, growth/fits.csv, slopes/filters.csv, outcome/{apparent,predictions}.parquet
# makes  outcome/{sensitivity,censoring,permutation,subgroups,centres}.csv (the last is empty without data.centre)
# steps  examine_sensitivity; for a study with an outcome


rule examine_sensitivity:
    input:
        patients="results/{study}/cohort/patients.parquet",
        folds="results/{study}/folds.parquet",
        slopes="results/{study}/slopes/slopes.parquet",
        crossfit="results/{study}/slopes/crossfit.parquet",
        fits="results/{study}/growth/fits.csv",
        filters="results/{study}/slopes/filters.csv",
        apparent="results/{study}/outcome/apparent.parquet",
        predictions="results/{study}/outcome/predictions.parquet",
    output:
        **tables_of("examine_sensitivity"),
    log:
        "results/{study}/logs/examine_sensitivity.log",
    benchmark:
        "results/{study}/timings/examine_sensitivity.tsv"
    wildcard_constraints:
        study=named(lambda study: study.kind.predicts),
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=memory_of("examine_sensitivity"),
        runtime=minutes_of("examine_sensitivity"),
    params:
        settings=settings("validate"),
        code=code("examine_sensitivity.py"),
    message:
        "{wildcards.study}: sensitivity, permutation test, subgroups"
    script:
        "../scripts/examine_sensitivity.py"
