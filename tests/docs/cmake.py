"""CMake blocks that are no excerpts: each configures a project of its own.

The project has a program `app`, finds an installation of the build, and has the sources in its
directory `clusterkit`.
"""

import pathlib
import subprocess
import tempfile
from typing import Iterator, Sequence

from pages import Block

COMPONENTS = ("core", "wire", "node", "file", "uv", "sim")
HEAD = """cmake_minimum_required(VERSION 3.22)
project(documented LANGUAGES CXX)
add_executable(app app.cc)
"""


def faults(blocks: Sequence[Block], root: pathlib.Path, build: pathlib.Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="clusterkit-docs-") as directory:
        prefix = pathlib.Path(directory) / "prefix"
        for component in COMPONENTS:
            done = _run("cmake", "--install", build, "--prefix", prefix, "--component", component)
            if done.returncode != 0:
                yield f"installing {component}: {done.stderr}"
                return
        for number, block in enumerate(blocks):
            project = pathlib.Path(directory) / str(number)
            project.mkdir()
            (project / "clusterkit").symlink_to(root)
            (project / "app.cc").write_text("int main() {}\n")
            (project / "CMakeLists.txt").write_text(HEAD + "\n".join(block.lines) + "\n")
            done = _run("cmake", "-S", project, "-B", project / "build",
                        f"-DCMAKE_PREFIX_PATH={prefix}")
            if done.returncode != 0:
                yield f"{block.place}: {done.stderr}"


def _run(*command: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=120)
