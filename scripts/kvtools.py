"""Server processes, a small Redis client and stock redis-cli, for the demo and the process tests.

Standard library only. Nothing here knows the library's code: a server is a program on a port.
"""

import binascii
import contextlib
import ctypes
import fcntl
import os
import pathlib
import random
import signal
import socket
import subprocess
import tempfile
import time
from typing import (BinaryIO, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set,
                    Tuple, Union)

HOST = "127.0.0.1"
SLOTS = 16384

Text = Union[str, bytes, int]
Reply = Union[None, int, str, bytes, list, "RespError"]


# --- Keys and slots -------------------------------------------------------------------------------

def slot_of(key: Union[str, bytes]) -> int:
    data = key.encode() if isinstance(key, str) else key
    start = data.find(b"{")
    if start >= 0:
        end = data.find(b"}", start + 1)
        if end > start + 1:
            data = data[start + 1:end]
    return binascii.crc_hqx(data, 0) % SLOTS


def tag_in(slots: Iterable[int], prefix: str = "t") -> str:
    """A hash tag whose slot is among `slots`."""
    wanted = set(slots)
    return next(f"{prefix}{n}" for n in range(10_000_000) if slot_of(f"{prefix}{n}") in wanted)


# --- A client -------------------------------------------------------------------------------------

class RespError(Exception):
    """An error reply; its text begins with the error's code."""


class Connection:
    """RESP2 over one socket. OSError and EOFError mean that the connection is gone."""

    def __init__(self, port: int, timeout: float = 5.0, host: str = HOST) -> None:
        self.port = port
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def encode(*words: Text) -> bytes:
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            data = word if isinstance(word, bytes) else str(word).encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
        return b"".join(parts)

    def send(self, *words: Text) -> None:
        self.socket.sendall(self.encode(*words))

    def read(self) -> Reply:
        """One reply; an error is returned, not raised."""
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return RespError(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._bytes(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        raise EOFError(f"not a RESP2 reply: {line[:40]!r}")

    def call(self, *words: Text) -> Reply:
        """Sends a command and returns its reply; raises RespError for an error."""
        self.send(*words)
        reply = self.read()
        if isinstance(reply, RespError):
            raise reply
        return reply

    def text(self, *words: Text) -> str:
        reply = self.call(*words)
        return reply.decode() if isinstance(reply, bytes) else str(reply)

    def pipeline(self, commands: Sequence[Sequence[Text]], batch: int = 500) -> List[Reply]:
        """Many commands; errors stand among the replies."""
        replies: List[Reply] = []
        for start in range(0, len(commands), batch):
            part = commands[start:start + batch]
            self.socket.sendall(b"".join(self.encode(*words) for words in part))
            replies += [self.read() for _ in part]
        return replies

    def _line(self) -> bytes:
        while (end := self.buffer.find(b"\r\n")) < 0:
            self._fill()
        line = bytes(self.buffer[:end])
        del self.buffer[:end + 2]
        return line

    def _bytes(self, size: int) -> bytes:
        while len(self.buffer) < size:
            self._fill()
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def _fill(self) -> None:
        data = self.socket.recv(1 << 18)
        if not data:
            raise EOFError("closed by the server")
        self.buffer += data


def moved_to(error: RespError) -> Optional[int]:
    """The port that a MOVED error names."""
    words = str(error).split()
    return int(words[2].rpartition(":")[2]) if words[0] == "MOVED" else None


# --- CLUSTER NODES --------------------------------------------------------------------------------

class NodeLine(NamedTuple):
    id: str
    port: int
    bus_port: int
    flags: Set[str]
    primary: Optional[str]
    config_epoch: int
    connected: bool
    ranges: List[Tuple[int, int]]

    @property
    def is_primary(self) -> bool:
        return "master" in self.flags

    @property
    def slots(self) -> List[int]:
        return [slot for first, last in self.ranges for slot in range(first, last + 1)]

    @property
    def health(self) -> str:
        """ok, fail? (this node's suspicion) or fail (the cluster's agreement)."""
        return "fail" if "fail" in self.flags else "fail?" if "fail?" in self.flags else "ok"


def parse_nodes(text: str) -> List[NodeLine]:
    nodes = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 8:
            continue
        address = words[1].split(",")[0]
        client, _, bus = address.partition("@")
        ranges = []
        for word in words[8:]:
            if not word.startswith("["):
                first, _, last = word.partition("-")
                ranges.append((int(first), int(last or first)))
        nodes.append(NodeLine(words[0], int(client.rpartition(":")[2]), int(bus or 0),
                              set(words[2].split(",")), None if words[3] == "-" else words[3],
                              int(words[6]), words[7] == "connected", ranges))
    return nodes


def parse_info(text: str) -> Dict[str, str]:
    """INFO and CLUSTER INFO."""
    return {name: value.strip() for name, colon, value in
            (line.partition(":") for line in text.splitlines()) if colon}


# --- Waiting --------------------------------------------------------------------------------------

class Timeout(AssertionError):
    """Something that was waited for did not happen in time."""


def wait_until(done: Callable[[], object], seconds: float, what: str, pause: float = 0.02) -> None:
    """Polls until `done` is true. A refused connection or an error reply counts as not yet."""
    deadline = time.monotonic() + seconds
    last: Optional[BaseException] = None
    while True:
        try:
            if done():
                return
            last = None
        except (OSError, EOFError, RespError, StopIteration) as error:
            last = error
        if time.monotonic() > deadline:
            raise Timeout(f"not within {seconds:g} s: {what}" + (f" ({last!r})" if last else ""))
        time.sleep(pause)


# --- Processes ------------------------------------------------------------------------------------

_claims: Optional[BinaryIO] = None
_claimed: Set[int] = set()


def _claim_port(port: int) -> bool:
    """Several programs look for ports at a time, and use them only later: each locks what it took
    in a file that all share, until it ends."""
    global _claims
    if _claims is None:
        path = pathlib.Path(tempfile.gettempdir()) / f"kvtools-ports-{os.getuid()}"
        _claims = path.open("ab")
    if port in _claimed:
        return False
    try:
        fcntl.lockf(_claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _claimed.add(port)
    return True


def free_ports(count: int) -> List[int]:
    """Client ports that are free together with their bus ports, below the ephemeral range."""
    found: List[int] = []
    candidates = list(range(12000, 20000))  # tests/docs takes those between.
    random.shuffle(candidates)
    for port in candidates:
        if len(found) == count:
            break
        with contextlib.ExitStack() as stack:
            try:
                for number in (port, port + 10000):
                    probe = stack.enter_context(socket.socket())
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("0.0.0.0", number))
            except OSError:
                continue
            if _claim_port(port) and _claim_port(port + 10000):
                found.append(port)
    return found


_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no server outlives a killed test.


class Server:
    """One server process with a directory of its own; survives restarts of the process."""

    def __init__(self, program: str, directory: pathlib.Path, port: int,
                 arguments: Sequence[str] = ()) -> None:
        self.program, self.directory, self.port = program, directory, port
        self.log_path = directory / "log"
        self.options = list(arguments)
        self.arguments = ["--port", str(port), "--bind", HOST, "--dir", str(directory),
                          "--save", "", "--appendonly", "no", "--protected-mode", "no",
                          "--daemonize", "no", *arguments]
        self.process: Optional[subprocess.Popen] = None
        self._connection: Optional[Connection] = None
        directory.mkdir(parents=True, exist_ok=True)

    # Life.

    def start(self, wait: float = 20.0) -> None:
        """Starts it; waits until it answers, unless `wait` is zero."""
        assert not self.running()
        self.forget_connection()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.program, *self.arguments],
                                            stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, cwd=self.directory,
                                            preexec_fn=_die_with_parent)
        if wait:
            self.wait_ready(wait)

    def wait_ready(self, seconds: float = 20.0) -> None:
        def ready() -> bool:
            if not self.running():
                raise Timeout(f"the server on port {self.port} ended with status "
                              f"{self.status()}:\n{self.log_tail()}")
            return self.call("PING") == "PONG"
        wait_until(ready, seconds, f"the server on port {self.port} answers PING")

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def status(self) -> Optional[int]:
        return self.process.poll() if self.process else None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, and waits until the process is gone."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.wait(10)
        self.forget_connection()

    def stop(self, seconds: float = 10.0) -> int:
        """SIGTERM; SIGKILL if that does not help. Returns the exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        self.forget_connection()
        return self.process.returncode

    # Requests, over a connection that is kept.

    def connect(self, timeout: float = 5.0) -> Connection:
        return Connection(self.port, timeout)

    def forget_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def call(self, *words: Text) -> Reply:
        if self._connection is None:
            self._connection = self.connect()
        try:
            return self._connection.call(*words)
        except (OSError, EOFError):
            self.forget_connection()
            raise

    def text(self, *words: Text) -> str:
        reply = self.call(*words)
        return reply.decode() if isinstance(reply, bytes) else str(reply)

    def info(self, section: str = "default") -> Dict[str, str]:
        return parse_info(self.text("INFO", section))

    def cluster_info(self) -> Dict[str, str]:
        return parse_info(self.text("CLUSTER", "INFO"))

    def nodes(self) -> List[NodeLine]:
        return parse_nodes(self.text("CLUSTER", "NODES"))

    def myself(self) -> NodeLine:
        return next(node for node in self.nodes() if "myself" in node.flags)

    def sees(self, port: int) -> NodeLine:
        return next(node for node in self.nodes() if node.port == port)

    # What it left behind.

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_tail(self, lines: int = 30) -> str:
        return "\n".join(self.log().splitlines()[-lines:])

    def resident_bytes(self) -> int:
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0


class Cluster:
    """Several servers of one cluster."""

    def __init__(self, program: str, directory: pathlib.Path, size: int = 6,
                 node_timeout_ms: int = 1000, arguments: Sequence[str] = ()) -> None:
        self.node_timeout = node_timeout_ms / 1000
        self.servers = [
            Server(program, directory / str(port), port,
                   ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
                    "--cluster-node-timeout", str(node_timeout_ms),
                    "--repl-diskless-sync-delay", "0", *arguments])
            for port in free_ports(size)]

    def start(self) -> None:
        for server in self.servers:
            server.start(wait=0)
        for server in self.servers:
            server.wait_ready()

    def stop(self) -> None:
        for server in self.servers:
            server.kill()

    def running(self) -> List[Server]:
        return [server for server in self.servers if server.running()]

    def at(self, port: int) -> Server:
        return next(server for server in self.servers if server.port == port)

    def form(self, replicas: int = 1) -> str:
        """Stock redis-cli makes it a cluster; returns what redis-cli said."""
        output = redis_cli("--cluster", "create", *[f"{HOST}:{s.port}" for s in self.servers],
                           "--cluster-replicas", str(replicas), "--cluster-yes", timeout=120)
        self.wait_healthy()
        return output

    def wait_healthy(self, seconds: float = 30.0) -> None:
        """All running servers agree on a complete cluster, and every replica has its copy."""
        def healthy() -> bool:
            for server in self.running():
                info = server.cluster_info()
                if info["cluster_state"] != "ok" or info["cluster_slots_ok"] != str(SLOTS):
                    return False
                replication = server.info("replication")
                if (replication["role"] == "slave"
                        and replication["master_link_status"] != "up"):
                    return False
            return True
        wait_until(healthy, seconds, "every server is up, in state ok and synchronised", 0.05)

    def wait_agreed(self, seconds: float = 20.0) -> None:
        """All running servers show the same nodes, in the same roles, with the same slots."""
        def seen(server: Server) -> List[tuple]:
            return sorted((n.id, n.port, n.primary or "", n.ranges) for n in server.nodes())
        wait_until(lambda: len({str(seen(server)) for server in self.running()}) == 1, seconds,
                   "all agree about the cluster")

    def primaries(self) -> List[Server]:
        """Running servers that own slots by their own account."""
        return [s for s in self.running() if s.myself().is_primary and s.myself().ranges]

    def replicas_of(self, primary: Server) -> List[Server]:
        id = primary.myself().id
        return [s for s in self.running() if s.myself().primary == id]

    def owner_seen_by(self, server: Server, slot: int) -> Optional[Server]:
        for node in server.nodes():
            if any(first <= slot <= last for first, last in node.ranges):
                return self.at(node.port)
        return None


def redis_cli(*arguments: str, stdin: Optional[str] = None, timeout: float = 30,
              check: bool = True) -> str:
    """Runs stock redis-cli and returns its output; AssertionError if it fails."""
    return _run(["redis-cli", *arguments], stdin, timeout, check)


def redis_benchmark(*arguments: str, timeout: float = 120) -> str:
    return _run(["redis-benchmark", *arguments], None, timeout, True)


def _run(command: List[str], stdin: Optional[str], timeout: float, check: bool) -> str:
    result = subprocess.run(command, input=stdin, stdin=None if stdin else subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                            text=True, errors="replace")
    if check and result.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit status {result.returncode}\n"
                             f"{result.stdout[-2000:]}")
    return result.stdout
