#!/usr/bin/env python3
"""A cluster of six under load and faults for a long time.

Usage: [KVSERVER=program] soak.py [minutes, 30] [seed]

Clients change keys of all types; others leave in the middle of requests, read slowly, make and
delete large values. Meanwhile servers are killed, stopped for seconds, shut down and started again;
replicas take over by command, slots move, snapshots are taken, links break. One copy of each shard
is left alone at a time.

Ends with status 1 if a server ended by itself or a sanitizer spoke up, if a write is lost that a
replica had acknowledged (WAIT), if a reply is none that could be, if memory grows, if replicas
differ from their primaries at the end, or if leaks are found when they exit. Then the logs are
kept.
"""

import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from typing import Callable, Dict, List, Tuple

import harness  # Finds kvtools.
from cluster_client import ClusterClient, Unreachable
from kvtools import HOST, Cluster, Connection, RespError, Server, Timeout, wait_until

MEGABYTE = 1 << 20
KEYS = 60         # of each client that checks
LONGEST = 50      # elements of a value that is checked
PATIENCE = 120.0  # until a cluster with sanitizers on a busy machine is whole again
TROUBLE = re.compile(r"ERROR: \w+Sanitizer|runtime error:|Assertion|CHECK failed|terminate called")


class Wrong(Exception):
    """What must not be."""


# --- Keys of all types, and what is in them -------------------------------------------------------

def change_string(value, rng):
    n = rng.randrange(1000)
    if value is None or len(value) > 400 or rng.random() < 0.3:
        return ("SET", n), b"%d" % n
    return ("APPEND", n), value + b"%d" % n


def change_number(value, rng):
    n = rng.randrange(-100, 100)
    return ("INCRBY", n), b"%d" % (int(value or 0) + n)


def change_list(value, rng):
    items, n = list(value or ()), b"%d" % rng.randrange(1000)
    command = rng.choice(("RPUSH", "LPUSH", "LPOP", "RPOP", "LTRIM"))
    if command == "LTRIM" or len(items) > LONGEST:
        return ("LTRIM", 1, 20), tuple(items[1:21])
    if "PUSH" in command:
        return (command, n), tuple(items + [n] if command == "RPUSH" else [n] + items)
    return (command,), tuple(items[1:] if command == "LPOP" else items[:-1])


def change_set(value, rng):
    member = b"%d" % rng.randrange(LONGEST)
    if rng.random() < 0.6:
        return ("SADD", member), (value or frozenset()) | {member}
    return ("SREM", member), (value or frozenset()) - {member}


def change_hash(value, rng):
    fields, field = dict(value or ()), b"%d" % rng.randrange(LONGEST)
    n = rng.randrange(1000)
    if rng.random() < 0.3:
        fields.pop(field, None)
        return ("HDEL", field), frozenset(fields.items())
    if rng.random() < 0.5:
        fields[field] = b"%d" % (int(fields.get(field, 0)) + n)
        return ("HINCRBY", field, n), frozenset(fields.items())
    fields[field] = b"%d" % n
    return ("HSET", field, n), frozenset(fields.items())


def change_sorted_set(value, rng):
    scores, member = dict(value or ()), b"%d" % rng.randrange(LONGEST)
    n = rng.randrange(1000)
    if rng.random() < 0.3:
        scores.pop(member, None)
        return ("ZREM", member), frozenset(scores.items())
    if rng.random() < 0.5:
        scores[member] = b"%d" % (int(scores.get(member, 0)) + n)
        return ("ZINCRBY", n, member), frozenset(scores.items())
    scores[member] = b"%d" % n
    return ("ZADD", n, member), frozenset(scores.items())


def pairs(reply):
    return frozenset(zip(reply[::2], reply[1::2]))


# How to change one: a command without its key, and what is there then (None or empty: nothing).
# How to read one, and what the reply means.
TYPES: Dict[str, Tuple[Callable, Tuple, Callable]] = {
    "string": (change_string, ("GET",), lambda reply: reply),
    "number": (change_number, ("GET",), lambda reply: reply),
    "list": (change_list, ("LRANGE", 0, -1), tuple),
    "set": (change_set, ("SMEMBERS",), frozenset),
    "hash": (change_hash, ("HGETALL",), pairs),
    "zset": (change_sorted_set, ("ZRANGE", 0, -1, "WITHSCORES"), pairs),
}


class Checker(threading.Thread):
    """Changes keys that nobody else changes, and knows what may be in them.

    That is what a replica acknowledged, or what any later write made of it: one whose reply never
    came, or that no replica acknowledged, may be lost.
    """

    def __init__(self, name: str, ports: List[int], seed: int) -> None:
        super().__init__(name=name)
        self.rng, self.client = random.Random(f"{name} {seed}"), ClusterClient(ports, 20.0)
        self.possible: Dict[str, List] = {
            f"{name}:{kind}:{n}": [None] for n in range(KEYS // len(TYPES)) for kind in TYPES}
        self.ended, self.fault = threading.Event(), None
        self.writes = self.waited = self.failures = 0

    def run(self) -> None:
        try:
            while not self.ended.is_set():
                self.round(self.rng.choice(list(self.possible)))
        except Exception as fault:  # For the main thread.
            self.fault = fault

    def round(self, key: str) -> None:
        possible = self.possible[key]
        try:
            if self.rng.random() < 0.2:
                self.read(key)
            for _ in range(self.rng.randrange(1, 5)):
                self.write(key)
            if self.client.wait(1, 1000):
                self.waited += 1
                del possible[:-1]
        except (OSError, EOFError, Unreachable):
            self.failures += 1
            self.resolve(key)
        except RespError:  # It was not executed.
            self.failures += 1
            time.sleep(0.05)

    def write(self, key: str) -> None:
        change, _, _ = TYPES[key.split(":")[1]]
        possible, before = self.possible[key], self.possible[key][-1]
        if self.rng.random() < 0.02:
            words, after = ("DEL",), None
        else:
            words, after = change(before, self.rng)
        possible.append(after or None)
        try:
            self.client.call(key, words[0], key, *words[1:])
        except RespError:
            possible.pop()
            raise
        self.writes += 1

    def read(self, key: str):
        _, words, meaning = TYPES[key.split(":")[1]]
        reply = self.client.call(key, words[0], key, *words[1:])
        value = (meaning(reply) if reply is not None else None) or None
        if value not in self.possible[key]:
            raise Wrong(f"{key} is {value!r}; it may be one of the last {len(self.possible[key])} "
                        f"of {self.possible[key][-3:]!r}")
        return value

    def resolve(self, key: str) -> None:
        """Goes on from what is there."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.possible[key].append(self.read(key))
                return
            except (OSError, EOFError, RespError, Unreachable) as error:
                if time.monotonic() > deadline:
                    raise Wrong(f"{key} cannot be read: {error!r}") from error
                time.sleep(0.1)

    def stop(self) -> None:
        self.ended.set()
        self.join()

    def verify(self) -> None:
        if self.fault is not None:
            raise self.fault
        for key in self.possible:
            self.resolve(key)


# --- Clients that nobody likes --------------------------------------------------------------------

class Nuisance(threading.Thread):
    """What it suffers is of no interest."""

    def __init__(self, ports: List[int], seed: int) -> None:
        super().__init__(daemon=True)
        self.ports, self.rng, self.ended = ports, random.Random(seed), threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            with contextlib.suppress(OSError, EOFError, RespError, Unreachable):
                self.rng.choice((self.leave, self.read_slowly, self.large_values, self.expire))()
            self.ended.wait(0.05)

    def leave(self) -> None:
        requests = b"".join(Connection.encode(*self.rng.choice(
            (("GET", "big"), ("INFO",), ("CLUSTER", "NODES"), ("SET", "x", "1"), ("MULTI",),
             ("SCAN", 0), ("WAIT", 1, 0)))) for _ in range(200))
        for _ in range(20):
            with Connection(self.rng.choice(self.ports), 5) as client:
                if self.rng.random() < 0.5:
                    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                             struct.pack("ii", 1, 0))
                client.socket.sendall(requests[:self.rng.randrange(len(requests))])

    def read_slowly(self) -> None:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Connection(port, 5)) for port in self.ports * 3]
            for client in clients:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.socket.sendall(Connection.encode("COMMAND") * 100)
            for _ in range(self.rng.randrange(1, 30)):
                for client in clients:
                    client.socket.recv(1)
                self.ended.wait(0.05)

    def large_values(self) -> None:
        with ClusterClient(self.ports, 5.0) as client:
            key = f"large:{self.rng.randrange(20)}"
            client.call(key, "DEL", key)
            command = self.rng.choice(("RPUSH", "SADD", "HSET", "ZADD"))
            for start in range(0, 20_000, 1000):
                words = range(start, start + 1000)
                if command in ("HSET", "ZADD"):
                    words = [word for n in words for word in (n, f"member {n}")]
                client.call(key, command, key, *words)
            if self.rng.random() < 0.7:
                client.call(key, self.rng.choice(("DEL", "UNLINK")), key)

    def expire(self) -> None:
        with ClusterClient(self.ports, 5.0) as client:
            for n in range(300):
                key = f"short:{self.rng.randrange(1000)}"
                client.call(key, "SET", key, "x" * n, "PX", self.rng.randrange(1, 5000))


# --- Faults ---------------------------------------------------------------------------------------

class Faults:
    """One at a time; each leaves a cluster that can become whole again by itself."""

    def __init__(self, cluster: Cluster, rng: random.Random) -> None:
        self.cluster, self.rng, self.count = cluster, rng, Counter()
        self.kinds = (self.kill, self.kill, self.stop, self.shut_down, self.fail_over,
                      self.fail_over, self.reshard, self.save, self.save, self.break_links)

    def next(self) -> None:
        fault = self.rng.choice(self.kinds)
        try:
            fault()
        except (OSError, EOFError) as error:  # A server is too busy to answer; it must recover.
            print(f"not answered: {fault.__name__}: {error!r}", flush=True)
        self.count[fault.__name__.replace("_", " ")] += 1

    def any(self) -> Server:
        return self.rng.choice(self.cluster.servers)

    def kill(self) -> None:
        server = self.any()
        if self.rng.random() < 0.5:
            with contextlib.suppress(RespError):
                server.call("BGSAVE")
        server.kill()
        time.sleep(self.rng.choice((0, 0.2, 8)))
        server.start(wait=0)

    def stop(self) -> None:
        server = self.any()
        server.signal(signal.SIGSTOP)
        time.sleep(self.rng.uniform(0.2, 8))
        server.signal(signal.SIGCONT)

    def shut_down(self) -> None:
        server = self.any()
        check_exit(server, server.stop(60))
        server.start(wait=0)

    def fail_over(self) -> None:
        replicas = [s for s in self.cluster.servers if not s.myself().is_primary]
        with contextlib.suppress(RespError):
            self.rng.choice(replicas).call("CLUSTER", "FAILOVER")
        time.sleep(2)

    def reshard(self) -> None:
        giver, taker = self.rng.sample(self.cluster.primaries(), 2)
        result = subprocess.run(
            ["redis-cli", "--cluster", "reshard", f"{HOST}:{giver.port}", "--cluster-yes",
             "--cluster-from", giver.myself().id, "--cluster-to", taker.myself().id,
             "--cluster-slots", str(self.rng.randrange(1, 60))], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
        if result.returncode != 0 or "[ERR]" in result.stdout:
            raise Wrong(f"redis-cli --cluster reshard:\n{result.stdout[-2000:]}")

    def save(self) -> None:
        for server in self.cluster.servers:
            with contextlib.suppress(RespError):
                server.call("BGSAVE")

    def break_links(self) -> None:
        for server in self.cluster.primaries():
            server.call("CLIENT", "KILL", "TYPE", "replica")


# --- What is watched ------------------------------------------------------------------------------

def check_exit(server: Server, status: int) -> None:
    if status != 0:
        raise Wrong(f"the server on port {server.port} exits with status {status}:\n"
                    f"{server.log_tail(60)}")


def check_servers(cluster: Cluster) -> None:
    for server in cluster.servers:
        if not server.running():
            raise Wrong(f"the server on port {server.port} ended by itself:\n{server.log_tail(60)}")
        if found := TROUBLE.search(server.log()):
            raise Wrong(f"the server on port {server.port} says: {server.log()[found.start():]}")


def replicas_equal(cluster: Cluster) -> bool:
    for primary in cluster.primaries():
        digests = {s.call("DEBUG", "DIGEST") for s in [primary, *cluster.replicas_of(primary)]}
        if len(digests) > 1:
            return False
    return True


class Memory:
    """The most that any server held, by time; it must level off."""

    def __init__(self) -> None:
        self.samples: List[int] = []
        self.resident = 0

    def sample(self, cluster: Cluster) -> None:
        self.samples.append(max(int(s.info("memory")["used_memory"]) for s in cluster.servers))
        self.resident = max(self.resident, *(s.resident_bytes() for s in cluster.servers))

    def verify(self) -> None:
        quarter = len(self.samples) // 4
        if quarter < 3:
            return
        early, late = sorted(self.samples[quarter:2 * quarter]), sorted(self.samples[-quarter:])
        early, late = early[quarter // 2], late[quarter // 2]
        if late > 1.5 * early + 20 * MEGABYTE:
            raise Wrong(f"memory grows: {early >> 20} MiB, later {late >> 20} MiB")


class Soak:
    def __init__(self, directory: pathlib.Path, minutes: float, seed: int) -> None:
        self.rng = random.Random(seed)
        self.began, self.end = time.monotonic(), time.monotonic() + 60 * minutes
        self.cluster = Cluster(harness.KVSERVER, directory, 6, 3000,
                               [*harness.DEBUG, "--repl-backlog-size", "4mb"])
        self.cluster.start()
        self.cluster.form(1)
        ports = [server.port for server in self.cluster.servers]
        self.checkers = [Checker(f"checker{n}", ports, seed) for n in range(3)]
        self.nuisances = [Nuisance(ports, seed + n) for n in range(2)]
        self.faults, self.memory = Faults(self.cluster, self.rng), Memory()

    def run(self) -> None:
        for thread in (*self.checkers, *self.nuisances):
            thread.start()
        try:
            while time.monotonic() < self.end:
                self.turn()
        finally:
            for thread in (*self.nuisances, *self.checkers):
                thread.ended.set()
            for checker in self.checkers:
                checker.stop()
        self.finish()

    def turn(self) -> None:
        time.sleep(self.rng.uniform(1, 6))
        self.faults.next()
        self.wait_whole()
        check_servers(self.cluster)
        with contextlib.suppress(OSError, EOFError):
            self.memory.sample(self.cluster)
        for checker in self.checkers:
            if checker.fault is not None:
                raise checker.fault
        self.say()

    def wait_whole(self) -> None:
        """A killed server has its data again, so that the next one may go."""
        self.cluster.wait_healthy(PATIENCE)

        def replicated() -> bool:
            return all(s.info("replication")["connected_slaves"] == "1"
                       for s in self.cluster.primaries())
        wait_until(replicated, PATIENCE, "each primary has its replica", 0.1)

    def say(self) -> None:
        writes, waited, failures = (sum(getattr(c, name) for c in self.checkers)
                                    for name in ("writes", "waited", "failures"))
        faults = ", ".join(f"{n} {kind}" for kind, n in sorted(self.faults.count.items()))
        used = max(self.memory.samples[-1:], default=0)
        print(f"[{time.monotonic() - self.began:6.0f} s] {writes:,} writes, {waited:,} times "
              f"replicated, {failures:,} refused or cut off; {used >> 20} MiB used, "
              f"{self.memory.resident >> 20} resident; {faults}", flush=True)

    def finish(self) -> None:
        for checker in self.checkers:
            checker.verify()
        self.wait_whole()
        wait_until(lambda: replicas_equal(self.cluster), PATIENCE, "replicas equal their primaries")
        check_servers(self.cluster)
        self.memory.verify()
        for server in self.cluster.servers:
            check_exit(server, server.stop(PATIENCE))
        self.say()


def main() -> int:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    print(f"soak: {minutes:g} minutes, seed {seed}", flush=True)
    os.environ.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="clusterkit-soak-"))
    soak = None
    try:
        soak = Soak(directory, minutes, seed)
        soak.run()
    except (Wrong, Timeout, AssertionError, OSError, EOFError, RespError) as fault:
        print(f"soak: {fault!r}\n{fault}\nlogs and data: {directory}", file=sys.stderr)
        return 1
    finally:
        for server in soak.cluster.servers if soak is not None else ():
            with contextlib.suppress(OSError):
                server.kill()
    shutil.rmtree(directory, ignore_errors=True)
    print("soak: nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
