# Growth-curve mixed models of each marker and the cross-fitted slopes of each patient.
# needs  cohort/measurements.parquet, cohort/patients.parquet, cohort/agreement.csv, folds.parquet
# makes  growth/{fixed_effects,covariance,population,comparison,serial,heteroscedastic,verdict,trends,variogram,implied,
#        correlation,patients,influence,planned,residuals,scatter,spread,quantiles,normality,visits,linearity,slopes_by_stratum,centring,origin,lines,fits}.csv,
#        slopes/{slopes,crossfit}.parquet, slopes/{slopes,leakage_audit,fast_changers,fast_share,dropout,dropout_pattern}.csv,
#        slopes/{filters,filter_survival,filter_stability}.csv (empty without `filters`)
#        slopes/{batch_parameters,batch_audit}.csv (empty without `data.batch`, combat)
#        slopes/reliability.csv (rate_slopes, for a study without an outcome; else fit_outcome makes it)
# steps  learn_batches (for `data.batch`, combat); compare_growth, or of several chunks of markers compare_growth_chunk
#        and gather_growth; cross_fit_slopes (a job per chunk of markers), gather_slopes, rate_slopes


rule learn_batches:
    input:
        measurements="results/{study}/cohort/measurements.parquet",
        patients="results/{study}/cohort/patients.parquet",
        folds="results/{study}/folds.parquet",
    output:
        parameters=temp("results/{study}/work/batch_parameters.parquet"),
        audit=temp("results/{study}/work/batch_audit.parquet"),
    log:
        "results/{study}/logs/learn_batches.log",
    benchmark:
        "results/{study}/timings/learn_batches.tsv"
    wildcard_constraints:
        study=named(lambda study: study.removes_batches),
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=memory_of("learn_batches"),
        runtime=minutes_of("learn_batches"),
    params:
        settings=settings("crossfit"),
        code=code("learn_batches.py"),
    message:
        "{wildcards.study}: effects of batches in every training set"
    script:
        "../scripts/learn_batches.py"


rule compare_growth:
    input:
        unpack(later_rows),
        unpack(batch_effects),
        measurements="results/{study}/cohort/measurements.parquet",
        patients="results/{study}/cohort/patients.parquet",
    output:
        **tables_of("compare_growth"),
    log:
        "results/{study}/logs/compare_growth.log",
    benchmark:
        "results/{study}/timings/compare_growth.tsv"
    wildcard_constraints:
        study=named(lambda study: len(study.chunks()) == 1),
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=memory_of("compare_growth"),
        runtime=minutes_of("compare_growth"),
    params:
        settings=settings("compare_growth"),
        code=code("compare_growth.py"),
    message:
        "{wildcards.study}: growth models on everybody"
    script:
        "../scripts/compare_growth.py"


rule compare_growth_chunk:
    input:
        unpack(later_rows),
        unpack(batch_effects),
        measurements="results/{study}/cohort/measurements.parquet",
        patients="results/{study}/cohort/patients.parquet",
    output:
        part=temp("results/{study}/work/{chunk}.growth.zip"),
    log:
        "results/{study}/logs/compare_growth.{chunk}.log",
    benchmark:
        "results/{study}/timings/compare_growth.{chunk}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory_of("compare_growth_chunk"),
        runtime=minutes_of("compare_growth_chunk"),
    params:
        settings=settings("compare_growth"),
        code=code("compare_growth.py"),
    message:
        "{wildcards.study}: growth models on everybody, chunk {wildcards.chunk} of markers"
    script:
        "../scripts/compare_growth.py"


rule gather_growth:
    input:
        parts=lambda w: collect("results/{{study}}/work/{chunk}.growth.zip", chunk=chunks(w)),
    output:
        **tables_of("compare_growth"),
    log:
        "results/{study}/logs/gather_growth.log",
    benchmark:
        "results/{study}/timings/gather_growth.tsv"
    wildcard_constraints:
        study=named(lambda study: len(study.chunks()) > 1),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory_of("gather_growth"),
        runtime=minutes_of("gather_growth"),
    params:
        code=code("gather_growth.py"),
    message:
        "{wildcards.study}: growth models on everybody, all markers"
    script:
        "../scripts/gather_growth.py"


rule cross_fit_slopes:
    input:
        unpack(later_rows),
        unpack(batch_effects),
        measurements="results/{study}/cohort/measurements.parquet",
        patients="results/{study}/cohort/patients.parquet",
        folds="results/{study}/folds.parquet",
    output:
        scores=temp("results/{study}/work/{chunk}.scores.parquet"),
        fits=temp("results/{study}/work/{chunk}.fits.parquet"),
        slopes=temp("results/{study}/work/{chunk}.slopes.parquet"),
        fast=temp("results/{study}/work/{chunk}.fast.parquet"),
        share=temp("results/{study}/work/{chunk}.share.parquet"),
    log:
        "results/{study}/logs/cross_fit_slopes.{chunk}.log",
    benchmark:
        "results/{study}/timings/cross_fit_slopes.{chunk}.tsv"
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=memory_of("cross_fit_slopes"),
        runtime=minutes_of("cross_fit_slopes"),
    params:
        settings=settings("crossfit"),
        code=code("cross_fit_slopes.py"),
    message:
        "{wildcards.study}: cross-fitted slopes, chunk {wildcards.chunk} of markers"
    script:
        "../scripts/cross_fit_slopes.py"


rule gather_slopes:
    input:
        unpack(later_rows),
        unpack(batch_tables),
        measurements="results/{study}/cohort/measurements.parquet",
        patients="results/{study}/cohort/patients.parquet",
        folds="results/{study}/folds.parquet",
        agreement="results/{study}/cohort/agreement.csv",
        scores=lambda w: collect("results/{{study}}/work/{chunk}.scores.parquet", chunk=chunks(w)),
        fits=lambda w: collect("results/{{study}}/work/{chunk}.fits.parquet", chunk=chunks(w)),
        slopes=lambda w: collect("results/{{study}}/work/{chunk}.slopes.parquet", chunk=chunks(w)),
        fast=lambda w: collect("results/{{study}}/work/{chunk}.fast.parquet", chunk=chunks(w)),
        share=lambda w: collect("results/{{study}}/work/{chunk}.share.parquet", chunk=chunks(w)),
    output:
        **tables_of("gather_slopes"),
    log:
        "results/{study}/logs/gather_slopes.log",
    benchmark:
        "results/{study}/timings/gather_slopes.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory_of("gather_slopes"),
        runtime=minutes_of("gather_slopes"),
    params:
        settings=settings("gather"),
        code=code("gather_slopes.py"),
    message:
        "{wildcards.study}: leakage audit, drop-out, filters of markers"
    script:
        "../scripts/gather_slopes.py"


rule rate_slopes:
    input:
        unpack(later_rows),
        unpack(batch_effects),
        measurements="results/{study}/cohort/measurements.parquet",
        patients="results/{study}/cohort/patients.parquet",
        slopes="results/{study}/slopes/slopes.parquet",
    output:
        **tables_of("rate_slopes"),
    log:
        "results/{study}/logs/rate_slopes.log",
    benchmark:
        "results/{study}/timings/rate_slopes.tsv"
    wildcard_constraints:
        study=named(lambda study: not study.kind.predicts),
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=memory_of("rate_slopes"),
        runtime=minutes_of("rate_slopes"),
    params:
        settings=settings("outcome"),
        code=code("rate_slopes.py"),
    message:
        "{wildcards.study}: reliability of the slopes, patient bootstrap"
    script:
        "../scripts/rate_slopes.py"
