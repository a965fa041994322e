"""What the process tests share: a program to test, directories, clean-up, logs of what failed.

The tests see the server as its users do: a program, its files, its sockets, stock redis-cli.
KVSERVER names the program. Nothing sleeps for a fixed time to let something happen; what should
happen is polled for with a deadline.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
from typing import Dict, Iterable, List, Optional, Sequence

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))

import kvtools  # noqa: E402
from kvtools import Cluster, RespError, Server, wait_until  # noqa: E402, F401

KVSERVER = os.environ.get("KVSERVER", "build/release/bin/kvserver")

# So that DEBUG may be used; refused by default.
DEBUG = ("--enable-debug-command", "yes")


class ProcessTest(unittest.TestCase):
    """Gives each test a directory; stops its servers and shows their logs if it failed."""

    def run(self, result: Optional[unittest.TestResult] = None) -> Optional[unittest.TestResult]:
        result = result or self.defaultTestResult()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="clusterkit-test-"))
        self.servers: List[Server] = []
        before = len(result.failures) + len(result.errors)
        try:
            super().run(result)
            if len(result.failures) + len(result.errors) > before:
                self.show_logs()
        finally:
            for server in self.servers:
                server.kill()
            shutil.rmtree(self.directory, ignore_errors=True)
        return result

    def watched(self) -> Iterable[Server]:
        """Whose logs are shown when a test fails."""
        return self.servers

    def show_logs(self) -> None:
        for server in self.watched():
            print(f"--- {self.id()}: log of the server on port {server.port}\n"
                  f"{server.log_tail(40)}", file=sys.stderr)

    def server(self, *arguments: str, name: str = "", port: int = 0) -> Server:
        """A server that is not started yet."""
        port = port or kvtools.free_ports(1)[0]
        server = Server(KVSERVER, self.directory / (name or str(port)), port, arguments)
        self.servers.append(server)
        return server

    def cluster(self, size: int = 6, replicas: int = 1, node_timeout_ms: int = 1000,
                arguments: Sequence[str] = DEBUG) -> Cluster:
        """A formed cluster."""
        cluster = Cluster(KVSERVER, self.directory, size, node_timeout_ms, arguments)
        self.servers += cluster.servers
        cluster.start()
        cluster.form(replicas)
        return cluster

    def run_to_end(self, *arguments: str, seconds: float = 10.0) -> subprocess.CompletedProcess:
        """Runs the program with these arguments alone; it must end by itself."""
        try:
            return subprocess.run([KVSERVER, *arguments], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=seconds, text=True, cwd=self.directory)
        except subprocess.TimeoutExpired as expired:
            output = expired.output.decode() if isinstance(expired.output, bytes) else ""
            self.fail(f"still running after {seconds} s: {arguments}\n{output}")

    def assert_refused(self, result: subprocess.CompletedProcess, *patterns: str) -> None:
        """It ended by itself, not well, and one line says why."""
        self.assertGreater(result.returncode, 0, result.stdout)
        for pattern in patterns:
            lines = [line for line in result.stdout.splitlines() if pattern in line]
            self.assertEqual(len(lines), 1, f"lines with {pattern!r} in:\n{result.stdout}")
        for noise in ("Assertion", "terminate called", "Aborted", "Traceback", "Sanitizer"):
            self.assertNotIn(noise, result.stdout)


def value_of(key: str) -> str:
    return f"value of {key}"


def fill(server: Server, tag: str, count: int, prefix: str = "key") -> Dict[str, bytes]:
    """Writes `count` keys of one slot through their owner; waits until one replica has them."""
    keys = [f"{prefix}:{{{tag}}}:{n}" for n in range(count)]
    with server.connect(timeout=15) as connection:
        replies = connection.pipeline([("SET", key, value_of(key)) for key in keys])
        assert replies == ["OK"] * count, [r for r in replies if r != "OK"][:3]
        assert connection.call("WAIT", 1, 10000) >= 1, "no replica acknowledged"
    return {key: value_of(key).encode() for key in keys}


def lost_keys(server: Server, expected: Dict[str, bytes]) -> List[str]:
    """Keys that this server does not have, or has with another value."""
    with server.connect(timeout=15) as connection:
        values = connection.pipeline([("GET", key) for key in expected])
    return [key for key, value in zip(expected, values) if value != expected[key]]


class FormedTest(ProcessTest):
    """3 primaries and 3 replicas, made once for all tests of a class."""

    @classmethod
    def setUpClass(cls) -> None:
        directory = pathlib.Path(tempfile.mkdtemp(prefix="clusterkit-test-"))
        cls.formed = Cluster(KVSERVER, directory, 6, 2000, DEBUG)
        cls.addClassCleanup(shutil.rmtree, directory, True)
        cls.addClassCleanup(cls.formed.stop)
        cls.formed.start()
        cls.created = cls.formed.form(replicas=1)  # What redis-cli said.

    def watched(self) -> Iterable[Server]:
        return self.formed.servers


class WatchedTest(ProcessTest):
    """A cluster of six servers, three of them replicas, each with an HTTP endpoint."""

    def setUp(self) -> None:
        self.cluster_ = Cluster(KVSERVER, self.directory, 6, 1000, DEBUG)
        self.http: Dict[int, int] = {}  # Port of the endpoint, by the server's.
        for server, port in zip(self.cluster_.servers, kvtools.free_ports(6)):
            server.arguments += ["--metrics-port", str(port)]
            self.http[server.port] = port
        self.servers += self.cluster_.servers
        self.cluster_.start()
        self.cluster_.form(1)


def main() -> None:
    if not shutil.which(KVSERVER):
        sys.exit(f"no server program {KVSERVER}: set KVSERVER")
    unittest.main(verbosity=2)
