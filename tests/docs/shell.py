"""Commands of a page, run in a directory that looks like the root of the tree.

Servers and buses get free ports instead of 7000 to 7009 and 17000 to 17009. Whatever a page leaves
running is ended with it.
"""

import ctypes
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from typing import Dict, List, NamedTuple, Optional

from pages import Block

COMMAND_LIMIT = 120.0
SOON = 60.0
PORT = re.compile(r"(?<![\d.])(1?)700(\d)(?!\d)")
COLOUR = re.compile(r"\x1b\[[\d;]*m")
NUMBER = r"\d+(?:\.\d+)?"
TOKEN = re.compile(r"(?P<dots>\.\.\.)|\b(?P<id>[0-9a-f]{40}|[0-9a-f]{8})\b|"
                   rf"(?P<number>{NUMBER})")


class Command(NamedTuple):
    text: str
    expected: List[str]


def commands_of(block: Block) -> List[Command]:
    """What follows a dollar sign, up to the next; a backslash at the end goes on."""
    commands: List[Command] = []
    going_on = False
    for line in block.lines:
        if going_on:
            commands[-1] = Command(commands[-1].text + "\n" + line.lstrip("> "), [])
        elif line.startswith("$ "):
            commands.append(Command(line[2:], []))
        elif not commands:
            raise ValueError(f"{block.place}: begin with a command: $ ...")
        else:
            commands[-1].expected.append(line)
        going_on = line.endswith("\\") and not commands[-1].expected
    return commands


def pattern_of(line: str, shape: bool) -> "re.Pattern[str]":
    """Matches a line of output: dots stand for anything, ids for ids, numbers if so wished."""
    line = " ".join(line.split())
    out, at = [], 0
    for token in TOKEN.finditer(line):
        out.append(re.escape(line[at:token.start()]))
        at = token.end()
        if token["dots"]:
            out.append(".*")
        elif token["id"]:
            out.append(f"[0-9a-f]{{{len(token['id'])}}}")
        else:
            out.append(NUMBER if shape else re.escape(token["number"]))
    out.append(re.escape(line[at:]))
    pattern = "".join(out).replace(r"\ .*", r"\s*.*").replace(r"\ ", r"\s+")
    return re.compile(pattern + r"\s*$")


def differs(expected: List[str], output: List[str], shape: bool) -> Optional[str]:
    """The first expected line that did not come. A line of dots stands for any lines."""
    expected = [line for line in expected if line.strip()]
    output = [line for line in output if line.strip()]
    at, skip = 0, False
    for line in expected:
        if line.strip() == "...":
            skip = True
            continue
        pattern = pattern_of(line, shape)
        while skip and at < len(output) and not pattern.match(output[at].strip()):
            at += 1
        if at == len(output) or not pattern.match(output[at].strip()):
            return line
        at, skip = at + 1, False
    return None if skip or at == len(output) else f"nothing more; but it said: {output[at]}"


class Sandbox:
    """The root of the tree, as far as commands can tell; what they write stays here."""

    def __init__(self, root: pathlib.Path, build: pathlib.Path) -> None:
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="clusterkit-docs-"))
        for entry in root.iterdir():
            if entry.name not in (".git", "build"):
                (self.directory / entry.name).symlink_to(entry)
        (self.directory / "build").mkdir()
        (self.directory / "build" / "release").symlink_to(build)
        self.ports = _free_ports()
        # Whatever loses its parent becomes ours, so that we can end it.
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)

    def close(self) -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            children = _children()
            if not children:
                break
            for pid in children:
                try:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                except (ProcessLookupError, ChildProcessError):
                    pass
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(self, script: str) -> "subprocess.CompletedProcess[str]":
        environment: Dict[str, str] = {**os.environ, "LC_ALL": "C.UTF-8"}
        # Into a file, not a pipe: servers in the background keep it open.
        with tempfile.TemporaryFile("w+") as output:
            try:
                done = subprocess.run(["bash", "-euo", "pipefail", "-c", self.mapped(script)],
                                      cwd=self.directory, env=environment, text=True,
                                      stdin=subprocess.DEVNULL, stdout=output,
                                      stderr=subprocess.STDOUT, timeout=COMMAND_LIMIT)
                code = done.returncode
            except subprocess.TimeoutExpired:
                code = -1
            output.seek(0)
            return subprocess.CompletedProcess(script, code, COLOUR.sub("", output.read()), "")

    def mapped(self, text: str) -> str:
        return PORT.sub(lambda match: str(self.ports + int(match.group(2))
                                          + (10000 if match.group(1) else 0)), text)

    def console(self, block: Block) -> Optional[str]:
        """What went otherwise than the block says."""
        for command in commands_of(block):
            deadline = time.monotonic() + (SOON if "soon" in block.directives else 0)
            while True:
                done = self.run(command.text)
                output = done.stdout.splitlines()
                expected = self.mapped("\n".join(command.expected)).splitlines()
                missing = differs(expected, output, "shape" in block.directives)
                if missing is None or time.monotonic() > deadline:
                    break
                time.sleep(0.05)
            if missing is not None:
                return (f"{block.place}: $ {command.text}\nexpected: {missing}\n"
                        f"it said (status {done.returncode}):\n{done.stdout}")
            if done.returncode not in (0, 1):
                return f"{block.place}: $ {command.text}\nstatus {done.returncode}\n{done.stdout}"
        return None

    def script(self, block: Block) -> Optional[str]:
        done = self.run("\n".join(block.lines))
        if done.returncode == 0:
            return None
        return f"{block.place}: status {done.returncode}\n{done.stdout}"


def _free_ports() -> int:
    """The first of ten free ports, of which the same plus 10000 are free too."""
    while True:
        base = random.randrange(10000, 12000, 10)  # scripts/kvtools.py takes others.
        try:
            for port in [*range(base, base + 10), *range(base + 10000, base + 10010)]:
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue


def _children() -> List[int]:
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(after_name[1]) == os.getpid():
            found.append(int(stat.parent.name))
    return found
