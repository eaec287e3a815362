"""How a step runs: errors, seeds, files, threads, logs, provenance."""
