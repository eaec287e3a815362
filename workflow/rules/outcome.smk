# The ladder of outcome models on cross-fitted slopes, and its nested validation.
# needs  cohort/*.parquet, folds.parquet, slopes/{slopes,crossfit}.parquet, growth/{fits,covariance}.csv, slopes/filters.csv, outcome/permutation.csv
# makes  slopes/reliability.csv, outcome/{coefficients,ledger,proportional_hazards,schoenfeld,delta,selection,stability,instability,batch_check,classification,optimism,calibration_instability,slow_fast,likelihood_ratio,associations,performance,calibration,decision_curve,risk_groups,imputation_audit}.csv, outcome/{apparent,predictions}.parquet, outcome/models.json, outcome/examples.csv, outcome/evidence.csv, model.json
# steps  fit_outcome (with the patient bootstrap through both stages), validate_outcome, choose_examples (averages of patients, for the report), ship_model (the models with the predictors that the report's verdict recommends, and the evidence for it); for a study with an outcome


rule fit_outcome:
    input:
        unpack(later_rows),
        unpack(batch_effects),
        measurements="results/{study}/cohort/measurements.parquet",
        patients="results/{study}/cohort/patients.parquet",
        slopes="results/{study}/slopes/slopes.parquet",
        crossfit="results/{study}/slopes/crossfit.parquet",
        fits="results/{study}/growth/fits.csv",
        filters="results/{study}/slopes/filters.csv",
    output:
        **tables_of("fit_outcome"),
        models="results/{study}/outcome/models.json",
    log:
        "results/{study}/logs/fit_outcome.log",
    benchmark:
        "results/{study}/timings/fit_outcome.tsv"
    wildcard_constraints:
        study=named(lambda study: study.kind.predicts),
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=memory_of("fit_outcome"),
        runtime=minutes_of("fit_outcome"),
    params:
        settings=settings("outcome"),
        code=code("fit_outcome.py"),
    message:
        "{wildcards.study}: outcome models, patient bootstrap through both stages"
    script:
        "../scripts/fit_outcome.py"


rule validate_outcome:
    input:
        unpack(rows_in_batches),
        patients="results/{study}/cohort/patients.parquet",
        folds="results/{study}/folds.parquet",
        slopes="results/{study}/slopes/slopes.parquet",
        crossfit="results/{study}/slopes/crossfit.parquet",
        fits="results/{study}/growth/fits.csv",
        filters="results/{study}/slopes/filters.csv",
        apparent="results/{study}/outcome/apparent.parquet",
    output:
        **tables_of("validate_outcome"),
    log:
        "results/{study}/logs/validate_outcome.log",
    benchmark:
        "results/{study}/timings/validate_outcome.tsv"
    wildcard_constraints:
        study=named(lambda study: study.kind.predicts),
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=memory_of("validate_outcome"),
        runtime=minutes_of("validate_outcome"),
    params:
        settings=settings("validate"),
        code=code("validate_outcome.py"),
    message:
        "{wildcards.study}: nested validation"
    script:
        "../scripts/validate_outcome.py"


rule choose_examples:
    input:
        measurements="results/{study}/cohort/measurements.parquet",
        patients="results/{study}/cohort/patients.parquet",
        folds="results/{study}/folds.parquet",
        slopes="results/{study}/slopes/slopes.parquet",
        crossfit="results/{study}/slopes/crossfit.parquet",
        fits="results/{study}/growth/fits.csv",
        filters="results/{study}/slopes/filters.csv",
        predictions="results/{study}/outcome/predictions.parquet",
        models="results/{study}/outcome/models.json",
    output:
        **tables_of("choose_examples"),
    log:
        "results/{study}/logs/choose_examples.log",
    benchmark:
        "results/{study}/timings/choose_examples.tsv"
    wildcard_constraints:
        study=named(lambda study: study.kind.predicts),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory_of("choose_examples"),
        runtime=minutes_of("choose_examples"),
    params:
        settings=settings("examples"),
        code=code("choose_examples.py"),
    message:
        "{wildcards.study}: example patients, as averages of neighbours"
    script:
        "../scripts/choose_examples.py"


rule ship_model:
    input:
        models="results/{study}/outcome/models.json",
        patients="results/{study}/cohort/patients.parquet",
        covariance="results/{study}/growth/covariance.csv",
        slopes="results/{study}/slopes/slopes.parquet",
        reliability="results/{study}/slopes/reliability.csv",
        coefficients="results/{study}/outcome/coefficients.csv",
        likelihood_ratio="results/{study}/outcome/likelihood_ratio.csv",
        performance="results/{study}/outcome/performance.csv",
        permutation="results/{study}/outcome/permutation.csv",
    output:
        **tables_of("ship_model"),
        model="results/{study}/model.json",
    log:
        "results/{study}/logs/ship_model.log",
    benchmark:
        "results/{study}/timings/ship_model.tsv"
    wildcard_constraints:
        study=named(lambda study: study.kind.predicts),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory_of("ship_model"),
        runtime=minutes_of("ship_model"),
    params:
        settings=settings("ship"),
        code=code("ship_model.py"),
    message:
        "{wildcards.study}: the model for new patients"
    script:
        "../scripts/ship_model.py"
