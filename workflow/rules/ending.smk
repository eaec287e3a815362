# What a run does first and last: it removes the temporary files that a killed run left (no other run is in this folder:
# Snakemake locks it). What the user reads last: where the reports lie; when a job has failed the reason, not the name of a log.
# needs  results/{study}/logs/, as the jobs of this run left them (for any executor)
# makes  no file; a line on the terminal for each report that was asked for, or for each job that failed
# steps  none
import atexit

from slopewise.run.folders import full_disk
from slopewise.run.reasons import reasons, stamps
from slopewise.run.log import REASONS_AT_END

LOG_FOLDERS = [Path("results", study) for study in sorted({*STUDIES, *GRIDS})]
LOGS_BEFORE = {}

if IS_MAIN:  # of a workflow that is loaded by another, `onerror` below does not run
    os.environ[REASONS_AT_END] = "yes"


onstart:
    for folder in [*LOG_FOLDERS, Path(".snakemake/slopewise")]:
        sweep_below(folder)
    LOGS_BEFORE.update(stamps(LOG_FOLDERS))


onsuccess:
    reports = sorted(str(file) for job in workflow.dag.jobs for file in job.output if str(file).endswith(".html"))
    for file in reports:
        atexit.register(print, f"The report: {file}", file=sys.stderr)


onerror:
    # After Snakemake's own last words, which say that some job failed. On a full disk its own files fail without a name.
    for reason in reasons(LOGS_BEFORE, stamps(LOG_FOLDERS)) or filter(None, [full_disk(Path("results"))]):
        atexit.register(print, f"slopewise: {reason}", file=sys.stderr)
