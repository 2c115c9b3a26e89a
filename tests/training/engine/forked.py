"""Functions run in processes of their own, which are forked so that nothing is imported again."""

import multiprocessing
import os
import pickle
import socket
from collections.abc import Callable
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

CONTEXT = multiprocessing.get_context("fork")


def forked(function: Callable[..., Any], *arguments: Any) -> ForkProcess:
    """A process that runs the function; whoever starts it waits for it or kills it."""
    process = CONTEXT.Process(target=function, args=arguments)
    process.start()
    return process


def in_ranks(world: int, folder: Path, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What the function gives in each of `world` processes that find each other over gloo; exit codes of those that failed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    files = [folder / f"rank{rank}.pickle" for rank in range(world)]
    started = [forked(_as_rank, rank, world, port, files[rank], function, *arguments) for rank in range(world)]
    for process in started:
        process.join(120)
        if process.is_alive():
            process.kill()
            process.join()
    codes = [process.exitcode for process in started]
    return [pickle.loads(f.read_bytes()) if f.exists() else code for f, code in zip(files, codes, strict=True)]


def _as_rank(rank: int, world: int, port: str, file: Path, function: Callable[..., Any], *arguments: Any) -> None:
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
    }  # fmt: skip
    file.write_bytes(pickle.dumps(function(*arguments)))
