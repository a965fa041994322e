#!/usr/bin/env python3
"""How long a client waits while a large data set is copied: to a replica, or to disk.

Usage: sync_stall.py [kvserver] [keys] [bytes per value]

Prints the longest and the 99.9th percentile of the answer times of a client that pings as fast as
it can, before anything happens, while a replica takes a full copy, and during BGSAVE; and how long
a restart from that snapshot takes.
"""

import pathlib
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "scripts"))

from kvtools import Connection, Server, free_ports, wait_until  # noqa: E402

CLUSTER = ("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--save", "")


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


def fill(server: Server, keys: int, size: int) -> None:
    value = "x" * size
    with server.connect(60) as client:
        for start in range(0, keys, 10000):
            client.pipeline([("SET", f"key:{n:010}", value)
                             for n in range(start, min(start + 10000, keys))], 10000)


def copy_to_replica(server: Server) -> int:
    """Takes a full copy as fast as it comes; returns its size."""
    with Connection(server.port, 60) as replica:
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
    server.call("BGSAVE")
    wait_until(lambda: server.info("persistence")["rdb_bgsave_in_progress"] == "0", 600, "saved")


def main() -> None:
    program = sys.argv[1] if len(sys.argv) > 1 else "build/release/bin/kvserver"
    keys = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    size = int(sys.argv[3]) if len(sys.argv) > 3 else 64
    with tempfile.TemporaryDirectory() as directory:
        server = Server(program, pathlib.Path(directory), free_ports(1)[0], CLUSTER)
        try:
            server.start()
            server.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            wait_until(lambda: server.call("SET", "ready", "1") == "OK", 15, "it serves")
            fill(server, keys, size)
            print(f"{keys} keys, {size} bytes each")
            for name, work in (("nothing", lambda: time.sleep(2)),
                               ("full copy", lambda: copy_to_replica(server)),
                               ("BGSAVE", lambda: save(server))):
                begin = time.perf_counter()
                with Pinger(server.port) as pinger:
                    work()
                took = time.perf_counter() - begin
                print(f"{name:<10} {took:6.2f} s   {pinger.summary()}")
            server.kill()
            begin = time.perf_counter()
            server.start()
            print(f"restart    {time.perf_counter() - begin:6.2f} s")
        finally:
            server.kill()


if __name__ == "__main__":
    main()
