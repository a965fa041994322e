#!/usr/bin/env python3
"""Compiles the public headers as a project would that has them not from its system.

  tests/consumer/headers.py BUILD [COMPILER...]

Installs the components of a finished build one after the other. Each header of a component must
compile by itself, next to those of the components before; then all together, in either order, also
without exceptions and RTTI. No warning may come up. The first compiler (g++, if there is none) does
both, the others only all together, which takes less time.
"""

import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import List

# After the components that they need.
COMPONENTS = ["core", "node", "wire", "file", "uv", "sim"]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow",
            "-Wnon-virtual-dtor", "-Werror"]
PLAIN = ["-fno-exceptions", "-fno-rtti"]

# What headers leave to be compiled where it is used.
TEMPLATES = """
template class clusterkit::RandomId<clusterkit::NodeIdTag>;
int Count(const clusterkit::SlotSet& slots) {
  int count = 0;
  slots.ForEach([&](clusterkit::SlotId) { ++count; });
  return count;
}
"""


def compiles(compiler: str, include: pathlib.Path, headers: List[str], flags: List[str],
             uses: str = "") -> str:
    """What the compiler has to say about a file that includes these headers."""
    text = "".join(f'#include "{header}"\n' for header in headers) + uses
    command = [compiler, "-std=c++20", "-fsyntax-only", *WARNINGS, *flags, f"-I{include}",
               "-xc++", "-"]
    done = subprocess.run(command, input=text, universal_newlines=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode == 0:
        return ""
    return f"{' '.join(command)}\n{text}{done.stdout}"


def installed(include: pathlib.Path) -> List[str]:
    return sorted(path.relative_to(include).as_posix() for path in include.rglob("*.h"))


def check(build: pathlib.Path, compilers: List[str]) -> List[str]:
    trouble: List[str] = []
    with tempfile.TemporaryDirectory(prefix="clusterkit-headers-") as directory:
        prefix = pathlib.Path(directory)
        include = prefix / "include"
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            before: List[str] = []
            for component in COMPONENTS:
                subprocess.run(["cmake", "--install", str(build), "--prefix", str(prefix),
                                "--component", component], check=True, stdout=subprocess.DEVNULL)
                now = installed(include)
                new = [header for header in now if header not in before]
                before = now
                print(f"headers: {len(new)} of {component}", flush=True)
                if not new:
                    trouble.append(f"component {component} has no header")
                trouble += pool.map(
                    lambda header: compiles(compilers[0], include, [header], []), new)
            jobs = [(compiler, headers, flags)
                    for compiler in compilers
                    for headers, flags in ((before, []), (before[::-1], PLAIN))]
            print(f"headers: all together, {' '.join(compilers)}", flush=True)
            trouble += pool.map(lambda job: compiles(job[0], include, job[1], job[2], TEMPLATES),
                                jobs)
    return [text for text in trouble if text]


def main() -> int:
    if len(sys.argv) < 2 or not (pathlib.Path(sys.argv[1]) / "CMakeCache.txt").is_file():
        print(__doc__, file=sys.stderr)
        return 2
    trouble = check(pathlib.Path(sys.argv[1]), sys.argv[2:] or ["g++"])
    for text in trouble:
        print(text)
    print(f"headers: {len(trouble)} failed")
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
