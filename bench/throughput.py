#!/usr/bin/env python3
"""kvserver and redis-server side by side: requests, answer times, processor time, memory.

Usage: throughput.py [--rounds 5] [--program build/release/bin/kvserver] [--option 'NAME VALUE']...

One primary with all slots, redis-benchmark with 50 connections and values of 64 bytes: GET and SET
of one key and of 100,000 random keys, one request at a time and 16. The servers take turns, and
who begins changes; a ratio is the median of the rounds' ratios. With two cores the server has the
first and the benchmark the second. Then: what a key of 16 bytes with a value of 64 costs, for a
million of them. Each --option goes to kvserver alone.
"""

import argparse
import csv
import pathlib
import statistics
import subprocess
import sys
import tempfile
from typing import Dict, List, NamedTuple, Sequence

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "scripts"))

from kvtools import Server, free_ports, wait_until  # noqa: E402

CLIENTS, VALUE_BYTES, RANDOM_KEYS, MEMORY_KEYS = 50, 64, 100_000, 1_000_000


class Work(NamedTuple):
    command: str
    keys: int
    pipeline: int
    requests: int


class Result(NamedTuple):
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float  # of the server, for each request


def processor_seconds(server: Server) -> float:
    tasks = pathlib.Path(f"/proc/{server.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def benchmark_command(server: Server, work: Work) -> List[str]:
    command = ["taskset", "-c", "1", "redis-benchmark", "-p", str(server.port), "-c", str(CLIENTS),
               "-d", str(VALUE_BYTES), "-t", work.command, "-P", str(work.pipeline),
               "-n", str(work.requests), "--csv"]
    return command + ["-r", str(work.keys)] if work.keys > 1 else command


def run(server: Server, work: Work) -> Result:
    before = processor_seconds(server)
    lines = subprocess.run(benchmark_command(server, work), check=True, capture_output=True,
                           text=True).stdout.splitlines()
    cpu = processor_seconds(server) - before
    table = next(i for i, line in enumerate(lines) if line.startswith('"test"'))
    row = next(csv.DictReader(lines[table:]))
    return Result(float(row["rps"]), float(row["p50_latency_ms"]), float(row["p99_latency_ms"]),
                  cpu / work.requests * 1e6)


def fill(server: Server, keys: int) -> None:
    with server.connect(60) as client:
        for start in range(0, keys, 10_000):
            batch = [("SET", f"key:{n:012}", "x" * VALUE_BYTES)
                     for n in range(start, start + 10_000)]
            client.pipeline(batch, len(batch))


def start(name: str, program: str, directory: pathlib.Path, options: Sequence[str]) -> Server:
    server = Server(program, directory / name, free_ports(1)[0],
                    ("--cluster-enabled", "yes", "--loglevel", "warning", *options))
    server.start()
    subprocess.run(["taskset", "-a", "-p", "-c", "0", str(server.pid)], check=True,
                   capture_output=True)
    server.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    wait_until(lambda: server.call("SET", "key:__rand_int__", "x") == "OK", 15, "it serves")
    return server


def median_ratio(results: Sequence[Result], base: Sequence[Result]) -> float:
    return statistics.median(a.per_second / b.per_second for a, b in zip(results, base))


def compare(servers: Dict[str, Server], work: Work, rounds: int) -> None:
    results: Dict[str, List[Result]] = {name: [] for name in servers}
    for round_number in range(rounds):
        names = list(servers) if round_number % 2 == 0 else list(reversed(servers))
        for name in names:
            results[name].append(run(servers[name], work))
    base = next(iter(results.values()))
    for name, own in results.items():
        middle = [statistics.median(column) for column in zip(*own)]
        print(f"| {work.command} | {work.keys:>7,} | {work.pipeline:>2} | {name:<8} "
              f"| {middle[0]:>9,.0f} | {median_ratio(own, base):5.2f} "
              f"| {middle[1]:6.3f} | {middle[2]:6.3f} | {middle[3]:6.2f} |", flush=True)


def memory(servers: Dict[str, Server]) -> None:
    print(f"\n{MEMORY_KEYS:,} keys of 16 bytes with values of {VALUE_BYTES}, bytes for each\n")
    print("| server   | resident | used_memory |\n|---|---|---|")
    for name, server in servers.items():
        server.call("FLUSHALL")
        resident, used = server.resident_bytes(), int(server.info("memory")["used_memory"])
        fill(server, MEMORY_KEYS)
        resident = server.resident_bytes() - resident
        used = int(server.info("memory")["used_memory"]) - used
        print(f"| {name:<8} | {resident / MEMORY_KEYS:8.1f} | {used / MEMORY_KEYS:11.1f} |")


def main() -> None:
    root = pathlib.Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--program", default=str(root / "build/release/bin/kvserver"))
    parser.add_argument("--option", action="append", default=[])
    arguments = parser.parse_args()
    options = [word for option in arguments.option
               for word in ("--" + option.split(maxsplit=1)[0], option.split(maxsplit=1)[1])]
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory)
        servers: Dict[str, Server] = {}
        try:
            servers["redis"] = start("redis", "redis-server", path, ())
            servers["kvserver"] = start("kvserver", arguments.program, path, options)
            memory(servers)
            for server in servers.values():
                server.call("FLUSHALL")
            print("\n|     | keys    | -P | server   | requests/s | ratio | p50 ms | p99 ms "
                  "| server CPU us |\n|---|---|---|---|---|---|---|---|---|")
            for keys in (1, RANDOM_KEYS):
                for server in servers.values():
                    fill(server, keys if keys > 1 else 10_000)
                for pipeline in (1, 16):
                    for command in ("set", "get"):
                        requests = 300_000 if pipeline == 1 else 2_000_000
                        compare(servers, Work(command, keys, pipeline, requests), arguments.rounds)
        finally:
            for server in servers.values():
                server.kill()


if __name__ == "__main__":
    main()
