"""A SLURM cluster of two pretended nodes on this machine: munged, slurmctld and two slurmd with files of their own.

It needs root, and the Debian packages slurmctld, slurmd, slurm-client and munge (SLURM built with several slurmd on one
machine, as Debian does). Nothing outside its folder is written.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue", "scancel", "sinfo")
NODES = (socket.gethostname(), f"{socket.gethostname()}-2")
"""The first name must be one that can be looked up: the processes of a training look for the first node."""
READY_S = 20.0
CONFIGURATION = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerType=sched/builtin
ReturnToService=2
KillWait=60
NodeName={first},{second} NodeHostname={host} NodeAddr=127.0.0.1 Port=[{port1}-{port2}] CPUs=2 RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=2
"""


def missing() -> str:
    """Why no cluster can be started here, or ""."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"{', '.join(absent)} not found: apt-get install slurmctld slurmd slurm-client munge"
    return "" if os.geteuid() == 0 else "root is needed"


@dataclass(frozen=True)
class Cluster:
    """A cluster that is running.

    Args:
        folder: with its configuration, state and logs.
    """

    folder: Path

    def environment(self) -> dict[str, str]:
        """Variables by which SLURM's programs find it."""
        return {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf")}

    def ask(self, *command: str) -> str:
        """What one of SLURM's programs prints."""
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def job(self, number: str) -> dict[str, str]:
        """What SLURM knows of a job: JobState, Restarts, ..."""
        words = self.ask("scontrol", "--oneliner", "show", "job", number).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def states(self) -> dict[str, str]:
        """State of each job, by its number."""
        return dict(
            line.split() for line in self.ask("squeue", "--noheader", "--states=all", "--format=%i %T").splitlines()
        )


def wait_until(what: str, is_so: Callable[[], object], seconds: float) -> None:
    """Wait until something is so; an error that names it after so many seconds."""
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            raise RuntimeError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.5)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Start a cluster with all its files in a new folder; its jobs and daemons are ended with the block."""
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    found = Cluster(folder)
    _write_files(folder)
    with ExitStack() as stack:
        _daemon(stack, found, _munged(folder))
        wait_until("munged answers", lambda: (folder / "munge.socket").exists(), READY_S)
        _daemon(stack, found, ("slurmctld", "-D", "-c"))
        for node in NODES:
            _daemon(stack, found, ("slurmd", "-D", "-c", "-N", node))
        wait_until("all nodes are idle", lambda: _idle(found) == len(NODES), READY_S)
        try:
            yield found
        finally:
            _cancel_all(found)


def _write_files(folder: Path) -> None:
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)
    for name in ("state", *(f"spool-{node}" for node in NODES)):
        (folder / name).mkdir()
    ctld, port1, port2 = _free_ports(3)
    (folder / "slurm.conf").write_text(
        CONFIGURATION.format(
            folder=folder,
            host=socket.gethostname(),
            first=NODES[0],
            second=NODES[1],
            ctld=ctld,
            port1=port1,
            port2=port2,
        )
    )


def _free_ports(number: int) -> list[int]:
    """Free ports that follow each other: SLURM takes those of several nodes on one machine as a range."""
    while True:
        with ExitStack() as stack:
            first = _bound(stack, 0)
            try:
                return [first, *(_bound(stack, first + n) for n in range(1, number))]
            except OSError:
                continue


def _bound(stack: ExitStack, port: int) -> int:
    one = stack.enter_context(socket.socket())
    one.bind(("127.0.0.1", port))
    return one.getsockname()[1]


def _munged(folder: Path) -> tuple[str, ...]:
    files = {"socket": "socket", "key-file": "key", "log-file": "log", "pid-file": "pid", "seed-file": "seed"}
    return (
        "munged",
        "--foreground",
        "--force",
        *(f"--{option}={folder}/munge.{name}" for option, name in files.items()),
    )


def _daemon(stack: ExitStack, found: Cluster, command: tuple[str, ...]) -> None:
    name = f"{command[0]}-{Path(command[-1]).name}.printed"
    log = stack.enter_context((found.folder / name).open("wb"))
    process = subprocess.Popen(command, env=found.environment(), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    stack.callback(_end, process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _idle(found: Cluster) -> int:
    try:
        return found.ask("sinfo", "--noheader", "--Node", "--partition=main", "--format=%T").split().count("idle")
    except RuntimeError:
        return 0


def _cancel_all(found: Cluster) -> None:
    found.ask("scancel", "--user=root")
    wait_until("all jobs have ended", lambda: not found.ask("squeue", "--noheader"), 120)
