"""A cluster-aware client as it should be, and a load of several that counts what they suffer.

It keeps a table of slots, follows MOVED and ASK, and has one request outstanding on a connection at
most. It looks at a connection before it sends: if the server has closed it, it dials again. So
whatever else happens to a request is the servers' doing, and counts as a failure.
"""

import random
import select
import threading
import time
from typing import Dict, Iterable, List, Optional, Sequence, Union

from harness import value_of
from kvtools import SLOTS, Connection, Reply, RespError, Server, Text, moved_to, slot_of


class Unreachable(Exception):
    """Nobody serves the slot, for longer than a client has patience."""


class ClusterClient:
    """Not for several threads."""

    def __init__(self, ports: Sequence[int], patience: float = 30.0) -> None:
        self.ports, self.patience = list(ports), patience
        self.redirects = 0   # MOVED and ASK that were followed.
        self.reconnects = 0  # Dials because the server had closed an idle connection.
        self.served_by: Optional[int] = None  # The port that the last request went to.
        self._owners: List[Optional[int]] = [None] * SLOTS
        self._connections: Dict[int, Connection] = {}
        self.refresh(self.ports)

    def close(self) -> None:
        for port in list(self._connections):
            self._drop(port)

    def __enter__(self) -> "ClusterClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def refresh(self, ports: Iterable[int]) -> None:
        """Reads the table of slots from the first of these that gives one."""
        for port in ports:
            try:
                shards = self._to(port).call("CLUSTER", "SLOTS")
            except (OSError, EOFError, RespError):
                self._drop(port)
                continue
            for first, last, primary, *_ in shards:
                self._owners[first:last + 1] = [primary[1]] * (last + 1 - first)
            if shards:
                return

    def call(self, key: Union[str, bytes], *words: Text) -> Reply:
        """Sends a command to the owner of the key's slot.

        RespError: the server refused it. OSError, EOFError: the connection was lost while the
        request was outstanding.
        """
        slot, deadline, asked = slot_of(key), time.monotonic() + self.patience, None
        while time.monotonic() < deadline:
            port = asked or self._owners[slot]
            try:
                connection = self._to(port) if port else None
            except OSError:
                connection = None
            if connection is None:  # Nothing was sent yet. Whoever owns the slot now will be known.
                self.refresh(random.sample(self.ports, len(self.ports)))
                time.sleep(0.005)
                asked = None
                continue
            self.served_by = port
            try:
                reply = self._exchange(connection, words, asked is not None)
            except (OSError, EOFError):
                self._drop(port)
                raise
            if not isinstance(reply, RespError):
                return reply
            asked = _asked(reply)
            owner = moved_to(reply)
            if asked is None and owner is None:
                raise reply
            self.redirects += 1
            if owner is not None:
                self.refresh([owner])
                self._owners[slot] = owner
        raise Unreachable(f"slot {slot}")

    def wait(self, replicas: int, milliseconds: int) -> bool:
        """Whether so many replicas have the last write, if it went where the last request did."""
        connection = self._connections.get(self.served_by)
        try:
            return connection is not None and connection.call("WAIT", replicas,
                                                              milliseconds) >= replicas
        except RespError:
            return False
        except (OSError, EOFError):
            self._drop(self.served_by)
            return False

    @staticmethod
    def _exchange(connection: Connection, words: Sequence[Text], asking: bool) -> Reply:
        if asking:
            connection.socket.sendall(connection.encode("ASKING") + connection.encode(*words))
            connection.read()
        else:
            connection.send(*words)
        return connection.read()

    def _to(self, port: int) -> Connection:
        connection = self._connections.get(port)
        # Nothing is outstanding, so that what can be read is the end.
        if connection is not None and select.select([connection.socket], [], [], 0)[0]:
            self.reconnects += 1
            self._drop(port)
        if port not in self._connections:
            self._connections[port] = Connection(port, 20)
        return self._connections[port]

    def _drop(self, port: int) -> None:
        connection = self._connections.pop(port, None)
        if connection is not None:
            connection.close()


def _asked(error: RespError) -> Optional[int]:
    words = str(error).split()
    return int(words[2].rpartition(":")[2]) if words[0] == "ASK" else None


class _Worker(threading.Thread):
    """Writes new keys in all slots and reads back old ones, one request after the other."""

    def __init__(self, name: str, ports: Sequence[int], pause: float) -> None:
        super().__init__(daemon=True)
        self.client, self.name, self.pause = ClusterClient(ports), name, pause
        self.keys: List[str] = []  # Acknowledged.
        self.failures: List[str] = []
        self.acknowledged_at = time.monotonic()
        self.longest_gap = 0.0
        self.stopping = threading.Event()

    def run(self) -> None:
        rng = random.Random(self.name)
        number = 0
        while not self.stopping.wait(self.pause):
            key = f"{self.name}:{number}"
            if self._try(key, "SET", "OK", value_of(key)):
                self.keys.append(key)
                number += 1
                now = time.monotonic()
                self.longest_gap = max(self.longest_gap, now - self.acknowledged_at)
                self.acknowledged_at = now
            if self.keys:
                key = rng.choice(self.keys)
                self._try(key, "GET", value_of(key).encode())
        self.client.close()

    def _try(self, key: str, command: str, expected: Reply, *words: Text) -> bool:
        try:
            reply = self.client.call(key, command, key, *words)
        except (OSError, EOFError, RespError, Unreachable) as error:
            self.failures.append(f"{command} {key}: {error!r}")
            return False
        if reply != expected:
            self.failures.append(f"{command} {key}: {reply!r}")
        return reply == expected


class Load:
    """Several clients that write and read until they are stopped. A context manager."""

    def __init__(self, servers: Sequence[Server], workers: int = 4,
                 writes_per_second: float = 400) -> None:
        ports = [server.port for server in servers]
        self.workers = [_Worker(f"load{n}", ports, workers / writes_per_second)
                        for n in range(workers)]

    def __enter__(self) -> "Load":
        for worker in self.workers:
            worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        for worker in self.workers:
            worker.stopping.set()
        for worker in self.workers:
            worker.join(60)

    @property
    def acknowledged(self) -> int:
        return sum(len(worker.keys) for worker in self.workers)

    def keys(self) -> Dict[str, bytes]:
        return {key: value_of(key).encode() for worker in self.workers for key in worker.keys}

    @property
    def failures(self) -> List[str]:
        """Error replies but redirections, wrong replies, connections lost with a request out."""
        return [failure for worker in self.workers for failure in worker.failures]

    def summary(self) -> str:
        clients = [worker.client for worker in self.workers]
        gap = max(worker.longest_gap for worker in self.workers)
        return (f"{self.acknowledged} writes acknowledged, {len(self.failures)} failures, "
                f"{sum(c.redirects for c in clients)} redirects, "
                f"{sum(c.reconnects for c in clients)} reconnects, "
                f"at most {gap:.3f} s without a write")


def missing_keys(servers: Sequence[Server], expected: Dict[str, bytes]) -> List[str]:
    """Keys that their owners do not have, or have with another value."""
    missing: List[str] = []
    with ClusterClient([server.port for server in servers]) as client:
        for key, value in expected.items():
            if client.call(key, "GET", key) != value:
                missing.append(key)
    return missing
