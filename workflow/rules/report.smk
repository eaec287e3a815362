# What a person reads, and how the run came about.
# needs  every table that the study has
# makes  provenance.json (the same for the same input), run.json (clock, host, cores), report.html, rigour.json;
#        report-patients.html where report.patients asks for it
# steps  record_run, render_report, render_patients


REPORTED = below_results(catalogue.read_by_report("every study"))


rule record_run:
    input:
        unpack(data_files),
        tables=below_results(catalogue.in_provenance("every study")),
        outcome=recorded_outcome,
        effects=effects_of(catalogue.in_provenance),
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
        mem_mb=memory_of("record_run"),
        runtime=minutes_of("record_run"),
    params:
        settings=settings("report"),
        code=code("record_run.py"),
        study_file=source_digest,
        inputs=input_digests,
        package=package_digest(PACKAGE),
    message:
        "{wildcards.study}: provenance"
    script:
        "../scripts/record_run.py"


rule render_report:
    input:
        tables=REPORTED,
        outcome=outcome_tables,
        effects=effects_of(catalogue.read_by_report),
        provenance="results/{study}/provenance.json",
    output:
        report=report(
            "results/{study}/report.html",
            caption="../report/report.rst",
            category="{study}",
            labels={"what": "report"},
        ),
        rigour="results/{study}/rigour.json",
    log:
        "results/{study}/logs/render_report.log",
    benchmark:
        "results/{study}/timings/render_report.tsv"
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=memory_of("render_report"),
        runtime=minutes_of("render_report"),
    params:
        settings=settings("report"),
        code=code("render_report.py"),
    message:
        "{wildcards.study}: the report"
    script:
        "../scripts/render_report.py"


rule render_patients:
    input:
        tables=REPORTED + below_results([catalogue.entry("slopes/fast_changers")]),
        outcome=outcome_tables,
        effects=effects_of(catalogue.read_by_report),
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
        mem_mb=memory_of("render_patients"),
        runtime=minutes_of("render_patients"),
    params:
        settings=settings("report"),
        code=code("render_patients.py"),
    message:
        "{wildcards.study}: the page of single patients, not for sharing"
    script:
        "../scripts/render_patients.py"
