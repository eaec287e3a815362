# What a run does first and last: it removes the temporary files that a killed run left (no other run is in this folder:
# Snakemake locks it). What the user reads last: where the reports lie; when a job has failed the reason, not the name of a log.
# needs  results/{study}/logs/, as the jobs of this run left them (for any executor)
# makes  no file; a line on the terminal for each report that was asked for, or for each job that failed
# steps  none
import atexit

from slopewise.run import cluster, preloaded
from slopewise.run.folders import close_to_others, full_disk
from slopewise.run.reasons import reasons, stamps
from slopewise.run.log import REASONS_AT_END
from slopewise.run.running import Notes

LOG_FOLDERS = [Path("results", study) for study in sorted({*STUDIES, *GRIDS})]
LOGS_BEFORE = {}
NOTES = Notes(Path(".snakemake/slopewise/running").absolute(), sorted({*STUDIES, *GRIDS}))

if IS_MAIN:  # of a workflow that is loaded by another, `onerror` below does not run
    os.environ[REASONS_AT_END] = "yes"


def speak_last():
    """Say what Snakemake's own messages cannot: whether a run is at work or was killed, and that the disk is full."""
    if NOTES.are_ours and any(file.is_file() for file in NOTES.files.values()):
        # Neither onsuccess nor onerror came: Snakemake could not write its own records.
        NOTES.remove()
        for line in filter(None, [full_disk(RESULTS)]):
            print(f"slopewise: {line}", file=sys.stderr)
    elif LOCKS.is_dir() and any(LOCKS.iterdir()):
        for line in NOTES.others():
            print(f"slopewise: {line}", file=sys.stderr)


LOCKS = Path(".snakemake/locks").absolute()
RESULTS = Path("results").absolute()
if IS_MAIN and workflow.is_main_process and not workflow.dryrun:
    atexit.register(speak_last)


if not workflow.is_main_process:  # a job of a cluster, with the environment of the process that sent it
    preloaded.withdraw()


onstart:
    NOTES.leave()
    if workflow.local_exec and not workflow.deployment_settings.deployment_method:
        preloaded.offer()
    for folder in [*LOG_FOLDERS, Path(".snakemake/slopewise")]:
        sweep_below(folder)
    for name in PRIVATE:  # what was made before the study was private
        close_to_others(Path("results", name))
    LOGS_BEFORE.update(stamps(LOG_FOLDERS))


onsuccess:
    NOTES.remove()
    reports = sorted(str(file) for job in workflow.dag.jobs for file in job.output if str(file).endswith(".html"))
    for file in reports:
        atexit.register(print, f"The report: {file}", file=sys.stderr)


def ended_by_cluster(logs_of_snakemake):
    """What SLURM gives as the reason of a job's end, by the job's log."""
    limits = {
        Path(file): cluster.Limits(*(job.resources.get(name, 0) for name in ("mem_mb", "runtime")))
        for job in workflow.dag.jobs
        for file in job.log
    }
    texts = [Path(file).read_text(encoding="utf-8", errors="replace") for file in logs_of_snakemake]
    return cluster.verdicts("\n".join(texts), limits)


onerror:
    NOTES.remove()
    # After Snakemake's own last words, which say that some job failed. On a full disk its own files fail without a name.
    ended = ended_by_cluster([file for file in log if os.path.isfile(file)])
    for reason in reasons(LOGS_BEFORE, stamps(LOG_FOLDERS), ended) or filter(None, [full_disk(Path("results"))]):
        atexit.register(print, f"slopewise: {reason}", file=sys.stderr)
