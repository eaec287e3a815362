"""A SLURM of one machine: munge, a controller and as many compute daemons as are asked for, on the loopback interface.

Debian's packages munge, slurmctld, slurmd and slurm-client are enough; nothing below /etc is read or written. Memory is
watched by the daemons themselves (once a second), so that no control groups are needed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "sinfo", "scancel")
WHERE = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
PORT = 16817
SECONDS = 60

SETTINGS = """ClusterName=lab
SlurmctldHost={host}({address})
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=20
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
PlugStackConfig={folder}/plugstack.conf
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
MinJobAge=3600
SlurmdParameters=config_overrides
EnforcePartLimits=ALL
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=100
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=5
SlurmdTimeout=15
ReturnToService=2
JobRequeue=1
KillWait=3
InactiveLimit=0
OverTimeLimit=0
"""


def missing() -> list[str]:
    """The programs of SLURM that this machine has not."""
    return [name for name in PROGRAMS if not shutil.which(name, path=WHERE)]


@dataclass(frozen=True)
class Lab:
    """A running SLURM; all that it writes lies in `folder`."""

    folder: Path
    nodes: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which the commands of SLURM find this one."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": f"{self.folder / 'bin'}{os.pathsep}{WHERE}"}

    def call(self, *words: str) -> str:
        """What a command prints that must end well."""
        return subprocess.run(
            words, env={**os.environ, **self.environment}, check=True, capture_output=True, text=True, timeout=SECONDS
        ).stdout

    def start_node(self, node: str) -> None:
        """Start a compute daemon, or start it again, and wait until it takes jobs."""
        self.call("slurmd", "-N", node, "-f", str(self.folder / "slurm.conf"))
        self.wait_for(node, {"idle", "mixed", "allocated"})

    def wait_for(self, node: str, states: set[str]) -> None:
        end = time.monotonic() + SECONDS
        while self.call("sinfo", "-h", "-N", "-n", node, "-o", "%T").split()[:1] == [] or not states & {
            state.strip("*") for state in self.call("sinfo", "-h", "-N", "-n", node, "-o", "%T").split()
        }:
            assert time.monotonic() < end, f"{node} is not {states}: {self.folder}/slurmd.{node}.log"
            time.sleep(0.2)

    def jobs(self) -> dict[str, str]:
        """The node of each running job, by its comment: the rule and the wildcards."""
        lines = self.call("squeue", "-h", "-t", "R", "-o", "%N|%k").splitlines()
        return {comment: node for node, _, comment in (line.partition("|") for line in lines)}

    def cut_off(self, node: str) -> None:
        """A power cut of one node: its daemon, what watches its jobs, and the jobs end by signal 9."""
        log = str(self.folder / f"slurmd.{node}.log")
        daemon = int((self.folder / f"slurmd.{node}.pid").read_text())
        for process in [daemon, *(one for step in _steps(log) for one in _descendants(step))]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def stop(self) -> None:
        """Cancel all jobs and end every daemon."""
        with suppress(subprocess.SubprocessError):
            waiting = self.call("squeue", "-h", "-o", "%A").split()
            if waiting:
                self.call("scancel", *waiting)
                time.sleep(1)
        for node in self.nodes:
            for step in _steps(str(self.folder / f"slurmd.{node}.log")):
                for process in _descendants(step):
                    with suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)
        for name in (*(f"slurmd.{node}" for node in self.nodes), "slurmctld", "munged"):
            with suppress(OSError, ValueError):
                process = int((self.folder / f"{name}.pid").read_text())
                if Path(f"/proc/{process}/comm").read_text().strip() == name.split(".")[0]:
                    os.kill(process, signal.SIGKILL if name.startswith("slurmd") else signal.SIGTERM)


@contextmanager
def slurm(folder: Path, nodes: int = 2, cores: int = 2, memory: int = 6000) -> Iterator[Lab]:
    """A SLURM with so many nodes, each of which says that it has so many cores and so much memory (MB)."""
    host = socket.gethostname().split(".")[0]
    address = socket.gethostbyname(host)
    lab = Lab(folder, tuple(f"n{number}" for number in range(1, nodes + 1)))
    for name in ("state", "bin", *(f"spool.{node}" for node in lab.nodes)):
        (folder / name).mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    settings = SETTINGS.format(host=host, address=address, port=PORT, user=_user(), folder=folder)
    for number, node in enumerate(lab.nodes, start=1):
        settings += f"NodeName={node} NodeHostname={host} NodeAddr={address} Port={PORT + number} "
        settings += f"CPUs={cores} RealMemory={memory} State=UNKNOWN\n"
    settings += "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=60 State=UP\n"
    (folder / "slurm.conf").write_text(settings)
    (folder / "plugstack.conf").touch()
    for name in PROGRAMS[3:]:  # the plugin takes SLURM_CONF away before it calls srun
        wrapper = folder / "bin" / name
        wrapper.write_text(
            f"#!/bin/sh\nSLURM_CONF='{folder}/slurm.conf' exec {shutil.which(name, path=WHERE)} \"$@\"\n"
        )
        wrapper.chmod(0o755)
    try:
        _start_munge(folder)
        lab.call("slurmctld", "-f", str(folder / "slurm.conf"))
        for node in lab.nodes:
            lab.start_node(node)
        yield lab
    finally:
        lab.stop()


def _user() -> str:
    return subprocess.run(["id", "-un"], check=True, capture_output=True, text=True).stdout.strip()


def _start_munge(folder: Path) -> None:
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o600)
    words = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munged.pid", "log-file": "munged.log",
             "seed-file": "munged.seed"}  # fmt: skip
    options = [f"--{option}={folder / name}" for option, name in words.items()]
    environment = {**os.environ, "PATH": WHERE}
    subprocess.run(["munged", "--force", *options], check=True, capture_output=True, env=environment, timeout=SECONDS)


def _steps(log: str) -> list[int]:
    """The processes that watch the jobs of a node: those that write to its log."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "comm").read_text().strip() == "slurmstepd" and log in {
                os.readlink(one) for one in (folder / "fd").iterdir()
            }:
                found.append(int(folder.name))
    return found


def _descendants(process: int) -> Iterator[int]:
    """A process and all that it started."""
    yield process
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in children.read_text().split():
                yield from _descendants(int(child))
