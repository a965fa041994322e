#!/usr/bin/env python3
"""What a project pays for clusterkit: size of its program, time to compile each public header.

  scripts/footprint.py size BUILD [SHARED_BUILD]   programs of tests/consumer, shared libraries
  scripts/footprint.py headers [COMPILER...]       g++ and clang++-14, if none is named

Tables in Markdown. Times are processor time, the lesser of two runs, so that they can be taken on a
busy machine. Abseil, protobuf and libuv are shared libraries, and in no size.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import Dict, Iterable, List, NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONSUMER = ROOT / "tests" / "consumer"
RUNS = 2


class Program(NamedTuple):
    what: str
    source: str
    library: str  # By pkg-config.


def run(*command: str, text: str = "", **environment: str) -> str:
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, check=True,
                          universal_newlines=True, env={**os.environ, **environment}).stdout


def table(head: List[str], rows: Iterable[List[str]]) -> None:
    print("| " + " | ".join(head) + " |")
    print("|" + "|".join(["---"] + ["---:"] * (len(head) - 1)) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


# --- Sizes ----------------------------------------------------------------------------------------

def programs() -> Dict[Program, str]:
    readme = re.search(r"^```cpp\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    if readme is None:
        sys.exit("footprint: README.md shows no program")
    return {
        Program("the protocol alone", "parts/core.cc", "clusterkit-core"):
            (CONSUMER / "parts/core.cc").read_text(),
        Program("a node on a host's own ports", "parts/node.cc", "clusterkit-node"):
            (CONSUMER / "parts/node.cc").read_text(),
        Program("a node with libuv, protobuf and a state file", "README.md", "clusterkit"):
            readme.group(1),
        Program("the simulator", "app/main.cc", "clusterkit-sim"):
            (CONSUMER / "app/main.cc").read_text(),
    }


def size_of_program(directory: pathlib.Path, text: str, flags: List[str]) -> int:
    program = directory / "program"
    run("g++", "-std=c++20", "-O2", "-s", "-xc++", "-", "-xnone", *flags, "-o", str(program),
        text=text)
    return program.stat().st_size


def sizes(build: pathlib.Path, shared: List[pathlib.Path]) -> None:
    with tempfile.TemporaryDirectory(prefix="clusterkit-footprint-") as name:
        directory = pathlib.Path(name)
        run("cmake", "--install", str(build), "--prefix", str(directory / "prefix"))
        packages = next((directory / "prefix").rglob("clusterkit-core.pc")).parent
        nothing = size_of_program(directory, "int main() {}", [])
        rows = []
        for program, text in programs().items():
            flags = run("pkg-config", "--cflags", "--libs", "--static", program.library,
                        PKG_CONFIG_PATH=str(packages)).split()
            size = size_of_program(directory, text, flags)
            rows.append([program.what, f"`{program.library}`", f"{(size - nothing) // 1024} KiB"])
        print("Statically linked, stripped, above the size of an empty program:\n")
        table(["program", "links", "size"], rows)
        if not shared:
            return
        rows = []
        for library in sorted((shared[0] / "src").rglob("libclusterkit_*.so")):
            stripped = directory / library.name
            run("strip", "-o", str(stripped), str(library.resolve()))
            rows.append([f"`{library.name}`", f"{stripped.stat().st_size // 1024} KiB"])
        print("Shared libraries, stripped:\n")
        table(["library", "size"], rows)


# --- Times ----------------------------------------------------------------------------------------

def seconds(command: List[str], text: str) -> float:
    """Processor time of the command, the least of its runs."""
    least = float("inf")
    for _ in range(RUNS):
        before = os.times()
        subprocess.run(command, input=text, universal_newlines=True, check=True)
        after = os.times()
        least = min(least, after.children_user - before.children_user
                    + after.children_system - before.children_system)
    return least


def headers(compilers: List[str]) -> None:
    include = ROOT / "include"
    names = [path.relative_to(include).as_posix() for path in sorted(include.rglob("*.h"))]
    rows = []
    for name in ["string", "absl/status/statusor.h"] + names:
        text = f"#include <{name}>\n"
        flags = ["-std=c++20", f"-I{include}", "-xc++", "-"]
        lines = run(compilers[0], "-E", "-P", *flags, text=text).count("\n")
        times = [seconds([compiler, "-fsyntax-only", *flags], text) for compiler in compilers]
        rows.append([f"`{name}`", f"{lines}"] + [f"{time:.2f} s" for time in times])
    print("One file that includes the header and nothing else; the first two for comparison:\n")
    table(["header", "lines, all included"] + compilers, rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["size", "headers"])
    parser.add_argument("arguments", nargs="*")
    arguments = parser.parse_args()
    if arguments.what == "headers":
        headers(arguments.arguments or ["g++", "clang++-14"])
    elif 1 <= len(arguments.arguments) <= 2:
        build, *shared = map(pathlib.Path, arguments.arguments)
        sizes(build, shared)
    else:
        parser.error("size of which build?")
    return 0


if __name__ == "__main__":
    sys.exit(main())
