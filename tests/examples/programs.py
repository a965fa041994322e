"""Runs the example programs as a reader would: started by hand, judged by what they print."""

import os
import pathlib
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from typing import List

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import kvtools  # noqa: E402

# Where they are built.
BIN = pathlib.Path(os.environ.get("EXAMPLES_BIN", ROOT / "build/release/bin")).resolve()


def path_of(name: str) -> str:
    return str(BIN / name)


class Program:
    """A process whose lines of output can be waited for."""

    def __init__(self, directory: pathlib.Path, name: str, *arguments: object) -> None:
        self.name = name
        self.lines: List[str] = []
        self._arriving: "queue.Queue[str]" = queue.Queue()
        self.process = subprocess.Popen(
            [path_of(name), *map(str, arguments)], cwd=directory, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._arriving.put(line.rstrip("\n"))

    def wait_for(self, pattern: str, seconds: float = 30) -> str:
        """The first line, printed already or to come, in which the pattern is found."""
        for line in self.lines:
            if re.search(pattern, line):
                return line
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._arriving.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                printed = "\n".join(self.lines)
                raise AssertionError(
                    f"{self.name} did not print {pattern!r} within {seconds} s, but\n{printed}"
                ) from None
            self.lines.append(line)
            if re.search(pattern, line):
                return line

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


class ExampleTest(unittest.TestCase):
    """Gives each test a directory, and ends what it started."""

    def setUp(self) -> None:
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="clusterkit-example-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def start(self, name: str, *arguments: object) -> Program:
        program = Program(self.directory, name, *arguments)
        self.addCleanup(program.kill)
        return program

    def run_to_end(self, name: str, *arguments: object,
                   seconds: float = 60) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([path_of(name), *map(str, arguments)], cwd=self.directory,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=seconds)


def free_ports(count: int) -> List[int]:
    return kvtools.free_ports(count)
