"""Processes for trying the training engine: functions in processes that are forked, alone or as ranks of one run."""

import multiprocessing
import os
import pickle
import socket
from collections.abc import Callable
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

CONTEXT = multiprocessing.get_context("fork")  # nothing is imported again
WAIT_S = 600


def forked(function: Callable[..., Any], *arguments: Any) -> ForkProcess:
    """A process that runs the function; the caller waits for it or kills it."""
    process = CONTEXT.Process(target=function, args=arguments)
    process.start()
    return process


def in_ranks(world: int, folder: Path, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What the function gives in each of `world` processes that find each other over gloo; the exit code of one that failed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    files = [folder / f"rank{rank}.pickle" for rank in range(world)]
    for file in files:
        file.unlink(missing_ok=True)
    started = [forked(_as_rank, rank, world, port, files[rank], function, *arguments) for rank in range(world)]
    for process in started:
        process.join(WAIT_S)
        if process.is_alive():
            process.kill()
            process.join()
    codes = [process.exitcode for process in started]
    return [pickle.loads(f.read_bytes()) if f.exists() else code for f, code in zip(files, codes, strict=True)]  # noqa: S301


def _as_rank(rank: int, world: int, port: str, file: Path, function: Callable[..., Any], *arguments: Any) -> None:
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
    }  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(pickle.dumps(function(*arguments)))


def children(pid: int) -> list[int]:
    """Processes that a process started and that live; Linux only."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found
