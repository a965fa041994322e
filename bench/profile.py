#!/usr/bin/env python3
"""Where kvserver's data thread spends its time, by subject.

Usage: profile.py [kvserver]

Samples the server with `perf` (Debian: linux-perf; needs the right to use it) while
redis-benchmark sends SET and GET of 64 bytes on 50 connections: to one key and to 100,000 random
keys, one request at a time and 16. Shares of the samples in percent, and the greatest functions.
"""

import collections
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import Counter, List, Tuple

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "scripts"))

from kvtools import Server  # noqa: E402
from throughput import Work, benchmark_command, fill, start  # noqa: E402

# The first that matches says what a function is for; the others are "rest".
SUBJECTS: List[Tuple[str, str]] = [
    ("kernel", r"^\[kernel"),
    ("clock", r"vdso|clock_gettime|BootTime|UpdateClock|absl::.*(Duration|Time)|Loop::Now"),
    ("slot, route, lease", r"clusterkit::|ClusterHost|AskGate|MayAcknowledge"),
    ("data", r"kv::(Dict|Keyspace|Value|StoreString|\(anonymous namespace\)::(Set|Get)\b)|"
             r"memcmp|malloc|_int_free|Counted|KeyHash"),
    ("parsing", r"RequestParser|ReadSmallCount|memchr|RequestSize"),
    ("command", r"kv::(CommandTable|Executor|CallStats|Stats|ReplyWriter)|NameHash|hash_internal"),
    ("replication", r"kv::(Replication|Propagate|Persistence)"),
    ("loop, sockets", r"libuv|kv::(Connection|Server|BusyPoll|internal::OwnedHandle)|epoll|"
                      r"write$|read$|asynccancel"),
]


def subject_of(place: str) -> str:
    return next((name for name, pattern in SUBJECTS if re.search(pattern, place)), "rest")


def samples(server: Server, work: Work, directory: pathlib.Path) -> List[Tuple[float, str]]:
    """Shares in percent and functions, the greatest first."""
    recording = directory / "perf.data"
    load = subprocess.Popen(benchmark_command(server, work), stdout=subprocess.DEVNULL)
    try:
        subprocess.run(["perf", "record", "-q", "-F", "4000", "-p", str(server.pid),
                        "-o", str(recording), "--", "sleep", "1.5"], check=True,
                       stderr=subprocess.DEVNULL)
    finally:
        load.wait()
    report = subprocess.run(["perf", "report", "-q", "-i", str(recording), "--no-children",
                             "--sort", "dso,symbol", "-g", "none", "--stdio", "-w", "0,0,0"],
                            check=True, capture_output=True, text=True).stdout
    found = []
    for line in report.splitlines():
        match = re.match(r"\s*([0-9.]+)%\s+(\S+)\s+\[(.)\]\s+(.+?)\s*(-\s+-\s*)?$", line)
        if match:
            found.append((float(match[1]), f"{match[2]} {match[4]}"))
    return sorted(found, reverse=True)


def main() -> None:
    root = pathlib.Path(__file__).resolve().parents[1]
    program = sys.argv[1] if len(sys.argv) > 1 else str(root / "build/release/bin/kvserver")
    names = [name for name, _ in SUBJECTS] + ["rest"]
    print("| load | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    greatest = []
    with tempfile.TemporaryDirectory() as path:
        directory = pathlib.Path(path)
        server = start("kvserver", program, directory, ())
        try:
            for keys in (1, 100_000):
                fill(server, 100_000)
                for pipeline in (1, 16):
                    for command in ("set", "get"):
                        requests = 500_000 if pipeline == 1 else 5_000_000
                        work = Work(command, keys, pipeline, requests)
                        found = samples(server, work, directory)
                        share: Counter[str] = collections.Counter()
                        for percent, place in found:
                            share[subject_of(place)] += percent
                        label = f"{command}, {keys:,} keys, -P {pipeline}"
                        print(f"| {label} | " + " | ".join(f"{share[name]:.0f}" for name in names)
                              + " |", flush=True)
                        own = [f"{place.split(' ', 1)[1]} {percent:.1f}" for percent, place in found
                               if "kernel" not in place][:6]
                        greatest.append(f"{label}: " + ", ".join(own))
        finally:
            server.kill()
    print("\nThe greatest outside the kernel, in percent\n\n" + "\n".join(greatest))


if __name__ == "__main__":
    main()
