# Effects of a treatment, of an interruption of a series, or of a treatment that follows the patient's state.
# needs  cohort/measurements.parquet, cohort/patients.parquet
# makes  effects/{design,average,checks,spread,patients,shares,posterior,residuals,arms,serial,course,curves,sensitivity,characteristics,
#        analyses,weights,balance,positivity,models}.csv, for a study with `effects`
# steps  estimate_effects


rule estimate_effects:
    input:
        measurements="results/{study}/cohort/measurements.parquet",
        patients="results/{study}/cohort/patients.parquet",
    output:
        **tables_of("estimate_effects"),
    log:
        "results/{study}/logs/estimate_effects.log",
    benchmark:
        "results/{study}/timings/estimate_effects.tsv"
    wildcard_constraints:
        study=named(lambda study: study.effects.kind),
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=memory_of("estimate_effects"),
        runtime=minutes_of("estimate_effects"),
    params:
        settings=settings("effects"),
        code=code("estimate_effects.py"),
    message:
        "{wildcards.study}: effects and how much they differ between patients"
    script:
        "../scripts/estimate_effects.py"
