#!/usr/bin/env python3
"""Gives redis-server and kvserver the same requests of several clients, who wait for each other,
and compares what each client is answered.

  blocking_with_redis.py path/to/kvserver [path/to/redis-server]

The requests are in blocking_cases.txt; each case runs once with RESP2 and once with RESP3. Exits
with 1 and the differences if there are any, with 77 without a redis-server.
"""

import pathlib
import select
import shutil
import sys
import time
from typing import Dict, List, Tuple

sys.dont_write_bytecode = True

from compare_with_redis import Server, difference, encode, words_of  # noqa: E402
from kvtools import Connection, Reply  # noqa: E402

Step = Tuple[str, str]  # client, request; an empty one: wait for its answer

AT_MOST_S = 10


def read_cases() -> Dict[str, List[Step]]:
    cases: Dict[str, List[Step]] = {}
    for line in (pathlib.Path(__file__).parent / "blocking_cases.txt").read_text().splitlines():
        if line.startswith("["):
            steps = cases[line[1:-1]] = []
        elif line and not line.startswith("#"):
            client, request = line.split("<" if line.endswith("<") else ": ", 1)
            steps.append((client, request))
    return cases


class Clients:
    """Of one case and one server."""

    def __init__(self, server: Server, names: List[str], resp3: bool) -> None:
        self.control = Connection(server.port, AT_MOST_S)
        self.control.call("FLUSHALL")
        self.connections = {name: Connection(server.port, AT_MOST_S) for name in names}
        self.ids = {}
        self.answers = {name: b"" for name in names}
        for name, connection in self.connections.items():
            self.ids[name] = connection.call("CLIENT", "ID")
            if resp3:
                connection.send("HELLO", "3")
                self.take(name)
                self.answers[name] = b""

    def close(self) -> None:
        for connection in [self.control, *self.connections.values()]:
            connection.close()

    def is_blocked(self, name: str) -> bool:
        line: Reply = self.control.call("CLIENT", "LIST", "ID", self.ids[name])
        return b"flags=b" in line

    def take(self, name: str, at_most_s: float = AT_MOST_S) -> bool:
        """Waits for some bytes of the answer. False: none came."""
        socket = self.connections[name].socket
        if not select.select([socket], [], [], at_most_s)[0]:
            return False
        try:
            data = socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.answers[name] += data
        return bool(data)

    def say(self, name: str, request: str) -> None:
        """Until it is answered, or waits."""
        words = words_of(request)
        if words[0] == b"UNBLOCK":
            words[:2] = [b"CLIENT", b"UNBLOCK", b"%d" % self.ids[words[1].decode()]]
        elif words[0] == b"KILL":
            words = [b"CLIENT", b"KILL", b"ID", b"%d" % self.ids[words[1].decode()]]
        self.connections[name].socket.sendall(encode(words))
        deadline = time.monotonic() + AT_MOST_S
        while not self.is_blocked(name) and not self.take(name, 0.002):
            if request.startswith("CLIENT REPLY OFF"):
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"{name}: {request} is not answered")

    def finish(self) -> Dict[str, bytes]:
        for name, connection in self.connections.items():
            end = b"$3\r\nend\r\n"
            try:
                connection.send("ECHO", "end")
            except OSError:
                continue
            deadline = time.monotonic() + AT_MOST_S
            while not self.answers[name].endswith(end) and time.monotonic() < deadline:
                self.control.call("CLIENT", "UNBLOCK", self.ids[name])
                if not self.take(name, 0.01) and self.is_gone(name):
                    break
        return self.answers

    def is_gone(self, name: str) -> bool:
        return not self.control.call("CLIENT", "LIST", "ID", self.ids[name])


def answers(server: Server, steps: List[Step], resp3: bool) -> Dict[str, bytes]:
    clients = Clients(server, sorted({name for name, _ in steps}), resp3)
    try:
        for name, request in steps:
            if request:
                clients.say(name, request)
            else:
                clients.take(name)
        return clients.finish()
    finally:
        clients.close()


def main() -> int:
    redis = sys.argv[2] if len(sys.argv) > 2 else shutil.which("redis-server")
    if redis is None:
        print("no redis-server")
        return 77
    cases = read_cases()
    servers: List[Server] = []
    differences = 0
    try:
        for program in (redis, sys.argv[1]):
            servers.append(Server(program, []))
        for resp3 in (False, True):
            for title, steps in cases.items():
                expected, actual = (answers(server, steps, resp3) for server in servers)
                for name in expected:
                    if expected[name] == actual[name]:
                        continue
                    differences += 1
                    print(f"{title}, RESP{3 if resp3 else 2}, client {name}, "
                          f"{difference(expected[name], actual[name])}")
    finally:
        for server in servers:
            server.stop()
    print(f"{len(cases)} cases with RESP2 and RESP3, {differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
