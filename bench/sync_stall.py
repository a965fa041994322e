#!/usr/bin/env python3
"""How long a client waits while a large data set is copied: to a replica, or to disk.

Usage: sync_stall.py [program] [keys] [bytes per value] [fields of one large hash, 0]

Prints the longest and the 99.9th percentile of the answer times of a client that pings as fast as
it can, and how much memory the server takes at most: before anything happens, while a replica takes
a full copy, and during BGSAVE, each also while another client overwrites keys; and while the large
hash is dumped and deleted. Then how long a restart from the snapshot takes. The program may be
redis-server: of its memory, that of the process that saves counts too, as far as it is its own.
"""

import contextlib
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import time
from typing import Callable

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "scripts"))

from kvtools import Connection, Server, free_ports, wait_until  # noqa: E402

CLUSTER = ("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--save", "",
           "--repl-diskless-sync-delay", "0")


class Pinger(threading.Thread):
    """Answer times in milliseconds, until it is told to end."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port, self.ended, self.times = port, False, []

    def run(self) -> None:
        with Connection(self.port, 60) as client:
            while not self.ended:
                begin = time.perf_counter()
                client.call("PING")
                self.times.append((time.perf_counter() - begin) * 1000)

    def __enter__(self) -> "Pinger":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended = True
        self.join()

    def summary(self) -> str:
        times = sorted(self.times)
        return (f"longest {times[-1]:7.2f} ms   p99.9 {times[int(len(times) * 0.999)]:6.2f} ms   "
                f"{len(times)} pings")


class Writer(Pinger):
    """Overwrites keys in turn, a pipeline of 16 at a time."""

    def __init__(self, port: int, keys: int, size: int) -> None:
        super().__init__(port)
        self.keys, self.value, self.written = keys, "y" * size, 0

    def run(self) -> None:
        with Connection(self.port, 60) as client:
            while not self.ended:
                client.pipeline([("SET", f"key:{(self.written + n) % self.keys:010}", self.value)
                                 for n in range(16)], 16)
                self.written += 16


class Memory(threading.Thread):
    """The most memory that a process and its children took, in bytes."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.pid, self.ended, self.most = pid, threading.Event(), 0

    def run(self) -> None:
        while not self.ended.wait(0.02):
            pids = [self.pid]
            with contextlib.suppress(OSError):
                children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children")
                pids += children.read_text().split()
            now = 0
            for pid in pids:
                with contextlib.suppress(OSError):
                    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
                    now += 1024 * int(text.split("Pss:")[1].split()[0])
            self.most = max(self.most, now)

    def __enter__(self) -> "Memory":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.join()


def fill(server: Server, keys: int, size: int) -> None:
    value = "x" * size
    with server.connect(60) as client:
        for start in range(0, keys, 10000):
            client.pipeline([("SET", f"key:{n:010}", value)
                             for n in range(start, min(start + 10000, keys))], 10000)


def copy_to_replica(server: Server) -> int:
    """Takes a full copy as fast as it comes; returns its size."""
    with Connection(server.port, 60) as replica:
        replica.call("REPLCONF", "capa", "eof")
        replica.send("PSYNC", "?", "-1")
        size, mark, tail = 0, b"", b""
        while True:
            data = replica.socket.recv(1 << 20)
            if not data:
                raise EOFError("the server hung up")
            size += len(data)
            tail = (tail + data)[-4096:] if mark else tail + data
            if not mark and b"$EOF:" in tail:
                mark = tail.split(b"$EOF:")[1][:40]
                tail = tail.split(b"$EOF:")[1][40:]
            if mark and mark in tail:
                return size


def save(server: Server) -> None:
    wait_until(lambda: server.call("BGSAVE"), 60, "it begins")
    wait_until(lambda: server.info("persistence")["rdb_bgsave_in_progress"] == "0", 600, "saved")


def fill_hash(server: Server, fields: int) -> None:
    with server.connect(60) as client:
        for start in range(0, fields, 1000):
            words = [word for n in range(start, min(start + 1000, fields))
                     for word in (f"field:{n:010}", f"value:{n:010}")]
            client.call("HSET", "large", *words)


def measure(server: Server, name: str, work: Callable[[], object]) -> None:
    begin = time.perf_counter()
    with Memory(server.pid) as memory, Pinger(server.port) as pinger:
        work()
    took = time.perf_counter() - begin
    print(f"{name:<22} {took:6.2f} s   {memory.most / 1e6:6.0f} MB   {pinger.summary()}",
          flush=True)


def main() -> None:
    program = sys.argv[1] if len(sys.argv) > 1 else "build/release/bin/kvserver"
    keys = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    size = int(sys.argv[3]) if len(sys.argv) > 3 else 64
    fields = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    program = shutil.which(program) or program
    with tempfile.TemporaryDirectory() as directory:
        server = Server(os.path.abspath(program), pathlib.Path(directory), free_ports(1)[0],
                        CLUSTER)
        try:
            server.start()
            server.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            wait_until(lambda: server.call("SET", "ready", "1") == "OK", 15, "it serves")
            empty = server.resident_bytes(), int(server.info("memory")["used_memory"])
            fill(server, keys, size)
            used = int(server.info("memory")["used_memory"]) - empty[1]
            print(f"{keys} keys, {size} bytes each: {used / keys:.1f} bytes a key used, "
                  f"{(server.resident_bytes() - empty[0]) / keys:.1f} resident")
            fill_hash(server, fields)
            measure(server, "nothing", lambda: time.sleep(2))
            for name, work in (("full copy", copy_to_replica), ("BGSAVE", save)):
                measure(server, name, lambda: work(server))
                with Writer(server.port, keys, size) as writer:
                    measure(server, f"{name} with writes", lambda: work(server))
                print(f"{'':<22} {writer.written} writes")
            server.kill()
            begin = time.perf_counter()
            server.start(120)
            print(f"restart                {time.perf_counter() - begin:6.2f} s", flush=True)
            wait_until(lambda: server.call("SET", "ready", "1") == "OK", 60, "it serves")
            if fields:
                measure(server, "DUMP", lambda: server.call("DUMP", "large"))
                measure(server, "DEL", lambda: (server.call("DEL", "large"), time.sleep(1)))
            measure(server, "FLUSHALL", lambda: (server.call("FLUSHALL"), time.sleep(2)))
        finally:
            server.kill()


if __name__ == "__main__":
    main()
