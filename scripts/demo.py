#!/usr/bin/env python3
"""Six servers, one cluster, one SIGKILL: shows how the cluster heals and that nothing was lost.

scripts/demo.sh builds the server and runs this. Exit status 0 only if everything was observed.
"""

import argparse
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from typing import Dict, List, NamedTuple, Optional, Set, Tuple

from demo_writer import Ack, Writer
from kvtools import (HOST, Cluster, Connection, RespError, Server, Timeout, redis_benchmark,
                     redis_cli, slot_of, tag_in, wait_until)

# What the servers' logs say, by kind: clusterkit's own words, and Redis's. `{id}` stands for the
# killed server's id, in full or its first 8 digits. The first match names a line's kind.
LOG_PATTERNS = [
    ("pfail", r"{id} PFAIL \(|(?i:node) {id}.* possibly failing"),
    ("fail", r"{id} FAIL \(|Marking node {id}.* as failing|FAIL message received .* about {id}"),
    ("scheduled", r"election scheduled in|Start of election delayed"),
    ("started", r"election epoch \d+ started|Starting a failover election"),
    ("granted", r"voted for \S+, epoch|Failover auth granted to"),
    ("won", r"election epoch \d+ won|Failover election won"),
]
SHORTEN = re.compile(r"(?<=\b[0-9a-f]{8})[0-9a-f]{32}\b")  # Ids, to their first digits.
LOG_LINE = re.compile(r"^\d+:\w (\d\d \w{3} \d{4} \d\d:\d\d:\d\d)\.(\d{3}) [.\-*#] (.*)$")

TITLES = {
    "pfail": "PFAIL: suspects the killed server",
    "fail": "FAIL: a majority agrees",
    "scheduled": "prepares to stand for election",
    "started": "stands for election, asks for votes",
    "granted": "votes",
    "won": "is elected, takes over the slots",
    "promoted": "knows the new owner of the slots",
}


class Observation(NamedTuple):
    at: float
    port: int
    kind: str
    text: str


def log_time(day_and_time: str, milliseconds: str) -> float:
    return time.mktime(time.strptime(day_and_time, "%d %b %Y %H:%M:%S")) + int(milliseconds) / 1000


def read_log(server: Server, offset: int, killed: str) -> List[Observation]:
    """What the log has told since `offset`; the first line of each kind."""
    patterns = [(kind, re.compile(pattern.replace("{id}", f"(?:{killed}|{killed[:8]})")))
                for kind, pattern in LOG_PATTERNS]
    found: Dict[str, Observation] = {}
    with open(server.log_path, "rb") as log:
        log.seek(offset)
        for line in log.read().decode(errors="replace").splitlines():
            fields = LOG_LINE.match(line)
            if not fields:
                continue
            for kind, pattern in patterns:
                if pattern.search(fields[3]):
                    found.setdefault(kind, Observation(log_time(fields[1], fields[2]),
                                                       server.port, kind, fields[3]))
                    break
    return list(found.values())


class Watcher(threading.Thread):
    """Asks one survivor for CLUSTER NODES, over and over, and notes what is new in it."""

    def __init__(self, server: Server, killed: str, slot: int) -> None:
        super().__init__(daemon=True)
        self.server, self.killed, self.slot = server, killed, slot
        self.seen: Dict[str, Observation] = {}
        self.stopping = threading.Event()

    def run(self) -> None:
        connection: Optional[Connection] = None
        while not self.stopping.wait(0.01):
            try:
                connection = connection or self.server.connect()
                self.note(connection.text("CLUSTER", "NODES"))
            except (OSError, EOFError, RespError):
                connection = None

    def note(self, text: str) -> None:
        for line in text.splitlines():
            words = line.split()
            flags = words[2].split(",")
            if words[0] == self.killed:
                if "fail?" in flags:
                    self.add("pfail", f"CLUSTER NODES shows {words[2]}")
                if "fail" in flags:
                    self.add("fail", f"CLUSTER NODES shows {words[2]}")
            elif any(self.holds(word) for word in words[8:]):
                self.add("promoted", f"CLUSTER NODES shows {words[1].split('@')[0]} {words[2]}")

    def holds(self, word: str) -> bool:
        first, _, last = word.partition("-")
        return first.isdigit() and int(first) <= self.slot <= int(last or first)

    def add(self, kind: str, text: str) -> None:
        self.seen.setdefault(kind, Observation(time.time(), self.server.port, kind, text))


class Demo:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.began = time.time()
        self.failed: List[str] = []
        self.writers: List[Writer] = []
        self.content: Dict[str, bytes] = {}  # What was on primary and replica before the kill.

    def check(self, good: object, what: str, detail: str = "") -> bool:
        mark = "\N{CHECK MARK}" if good else "\N{BALLOT X}"
        print(f"  {mark} {what}" + (f"  ({detail})" if detail else ""), flush=True)
        if not good:
            self.failed.append(what)
        return bool(good)

    def run(self, keys: int) -> bool:
        self.set_up(keys)
        self.kill_one()
        self.show_timeline()
        self.restart_it()
        self.compare()
        return self.summarise()

    # --- Before -------------------------------------------------------------------------------

    def set_up(self, keys: int) -> None:
        print("\nSetting up")
        self.cluster.start()
        ports = [server.port for server in self.cluster.servers]
        self.check(True, "six servers answer", "ports " + " ".join(map(str, ports)))

        began = time.time()
        self.cluster.form(replicas=1)
        primaries = self.cluster.primaries()
        replicas = [replica for p in primaries for replica in self.cluster.replicas_of(p)]
        self.check(len(primaries) == 3 and len(replicas) == 3,
                   "redis-cli --cluster create: 3 primaries, 3 replicas, state ok",
                   f"{time.time() - began:.1f} s")

        script = "".join(f"SET demo:{n} value-{n}\n" for n in range(keys))
        answers = redis_cli("-c", "-p", str(ports[0]), stdin=script, timeout=120)
        self.check(answers.split().count("OK") == keys,
                   f"redis-cli -c: {keys} keys set, redirected where needed")

        report = redis_benchmark("--cluster", "-h", HOST, "-p", str(ports[0]), "-t", "set",
                                 "-n", str(20 * keys), "-r", str(5 * keys), "-c", "20", "-q")
        speed = re.findall(r"SET: ([\d.]+) requests per second", report.replace("\r", "\n"))
        self.check(speed, f"redis-benchmark --cluster: {20 * keys} SETs",
                   f"{float(speed[-1]):,.0f} per second" if speed else report[-300:])

        for primary in primaries:
            writer = Writer(ports, tag_in(primary.myself().slots))
            writer.start()
            self.writers.append(writer)
        wait_until(lambda: all(len(w.acks) > 50 for w in self.writers), 10, "the writers run")
        self.check(True, "a writer is running on every shard")
        self.note_replicated(primaries)

    def note_replicated(self, primaries: List[Server]) -> None:
        """Remembers what has certainly reached the replicas."""
        written = [ack for writer in self.writers for ack in list(writer.acks)]
        acknowledged = []
        for primary in primaries:
            # Each connection waits for its own last write; this one comes after all of the above.
            with primary.connect(timeout=15) as connection:
                listed = connection.call("KEYS", "*")
                values = connection.pipeline([("GET", key) for key in listed])
                self.content.update(zip((key.decode() for key in listed), values))
                connection.call("SET", f"barrier:{{{tag_in(primary.myself().slots)}}}", "1")
                acknowledged.append(connection.call("WAIT", 1, 10000))
        self.content.update((ack.key, ack.value.encode()) for ack in written)
        self.check(all(count >= 1 for count in acknowledged),
                   "WAIT 1: everything written so far is on a replica too",
                   f"{len(self.content):,} keys")

    # --- The failure --------------------------------------------------------------------------

    def kill_one(self) -> None:
        # The owner of slot 0 dies; its shard's writer and its replica are the ones to watch.
        self.victim = next(s for s in self.cluster.primaries() if 0 in s.myself().slots)
        self.victim_line = self.victim.myself()
        self.heir = self.cluster.replicas_of(self.victim)[0]
        self.writer = next(w for w in self.writers
                           if slot_of("{%s}" % w.tag) in self.victim_line.slots)
        self.role = {s.port: "primary" if s.myself().is_primary else "replica"
                     for s in self.cluster.servers}
        self.survivors = [s for s in self.cluster.servers if s is not self.victim]
        offsets = {s.port: s.log_path.stat().st_size for s in self.survivors}
        ranges = " ".join(f"{first}-{last}" for first, last in self.victim_line.ranges)
        watchers = [Watcher(s, self.victim_line.id, self.victim_line.ranges[0][0])
                    for s in self.survivors]

        for watcher in watchers:
            watcher.start()
        time.sleep(0.3)  # They are connected before there is anything to see.

        print(f"\nSIGKILL to 127.0.0.1:{self.victim.port}, primary of slots {ranges}, "
              f"id {self.victim_line.id[:8]}, under the running writer")
        self.killed_at = time.time()
        self.victim.signal(signal.SIGKILL)
        self.victim.kill()

        def healed() -> bool:
            return (any(ack.at > self.killed_at and ack.port != self.victim.port
                        for ack in self.writer.acks[-20:])
                    and all(s.cluster_info()["cluster_state"] == "ok" for s in self.survivors)
                    and all("promoted" in watcher.seen for watcher in watchers))
        try:
            wait_until(healed, 20 + 5 * self.cluster.node_timeout, "the cluster heals")
        except Timeout as timeout:
            print(f"  {timeout}")
        time.sleep(0.3)  # For the last lines of the logs.
        for watcher in watchers:
            watcher.stopping.set()

        self.observations = [o for s in self.survivors
                             for o in read_log(s, offsets[s.port], self.victim_line.id)]
        logged = {(o.port, o.kind) for o in self.observations}
        self.observations += [o for watcher in watchers for kind, o in watcher.seen.items()
                              if (o.port, kind) not in logged]
        self.observations.sort()

    def first(self, *kinds: str) -> Optional[float]:
        """Seconds from the kill to the first observation of these kinds."""
        times = [o.at - self.killed_at for o in self.observations if o.kind in kinds]
        return min(times) if times else None

    def show_timeline(self) -> None:
        print("\n   seconds  server        what it saw or did                    in its own words")
        print(f"  {0:+8.3f}  {self.victim.port:<6}primary killed")
        rows = [(o.at, f"{o.port:<6}{self.role[o.port]:<8}", TITLES[o.kind], o.text)
                for o in self.observations]
        resumed = self.first_write()
        if resumed is not None:
            rows.append((self.killed_at + resumed, f"{'writer':<14}",
                         "a write to these slots is accepted", ""))
        for at, who, what, text in sorted(rows):
            line = f"  {at - self.killed_at:+8.3f}  {who}{what:<37} {SHORTEN.sub(r'..', text)}"
            print(line.rstrip()[:118])

        print("\nObserved")
        voters = {o.port for o in self.observations if o.kind == "pfail"}
        self.check(voters, "PFAIL", self.when("pfail", f"{len(voters)} of 5 survivors"))
        agreed = {o.port for o in self.observations if o.kind == "fail"}
        self.check(agreed, "FAIL", self.when("fail", f"{len(agreed)} of 5 survivors"))
        self.check(any(o.kind in ("started", "won") and o.port == self.heir.port
                       for o in self.observations),
                   f"election: {self.heir.port} stood", self.when("started", "won"))
        owners = [self.cluster.owner_seen_by(s, 0) for s in self.survivors]
        self.check(all(owner is self.heir for owner in owners),
                   f"promotion: every survivor takes {self.heir.port} as the primary",
                   self.when("promoted", "won"))
        self.check(resumed is not None, "writes flow again",
                   "" if resumed is None else f"refused or unanswered for {resumed:.3f} s")
        covered = [s.cluster_info()["cluster_slots_ok"] for s in self.survivors]
        self.check(covered == ["16384"] * 5, "no slot was lost: all 16384 are served")

    def when(self, *kinds_and_notes: str) -> str:
        kinds = [word for word in kinds_and_notes if word in TITLES]
        notes = [word for word in kinds_and_notes if word not in TITLES]
        first = self.first(*kinds)
        return ", ".join(([] if first is None else [f"first at {first:+.3f} s"]) + notes)

    def first_write(self) -> Optional[float]:
        times = [ack.at - self.killed_at for ack in self.writer.acks
                 if ack.at > self.killed_at and ack.port != self.victim.port]
        return min(times) if times else None

    # --- Afterwards ---------------------------------------------------------------------------

    def restart_it(self) -> None:
        self.restarted_at = time.time()
        self.victim.start()
        heir_id = self.heir.myself().id

        def back() -> bool:
            own, info = self.victim.myself(), self.victim.info("replication")
            others = [s.sees(self.victim.port) for s in self.survivors]
            return (own.id == self.victim_line.id and own.primary == heir_id
                    and "slave" in own.flags and info.get("master_link_status") == "up"
                    and all(line.primary == heir_id and "slave" in line.flags
                            and line.health == "ok" for line in others))
        try:
            wait_until(back, 30 + 5 * self.cluster.node_timeout, "the killed server is a replica")
            self.rejoin = time.time() - self.restarted_at
            good = True
        except Timeout as timeout:
            print(f"  {timeout}")
            good = False
        self.check(good, f"the killed server is back: a replica of {self.heir.port}, "
                         "master_link_status:up",
                   f"{self.rejoin:.2f} s after its restart" if good else "")

    def compare(self) -> None:
        time.sleep(0.5)
        for writer in self.writers:
            writer.stop()
        acks = [ack for writer in self.writers for ack in writer.acks]
        after = [ack for ack in acks if ack.at > self.killed_at and
                 ack.port != self.victim.port]
        limbo = [ack for ack in acks if ack.key not in self.content and ack not in set(after)]

        lost, changed = self.missing({key: value for key, value in self.content.items()})
        self.check(not lost and not changed,
                   f"every replicated key is still there: {len(self.content):,}",
                   f"{len(lost)} lost, {len(changed)} changed" if lost or changed else "")
        lost, changed = self.missing({ack.key: ack.value.encode() for ack in after})
        self.check(after and not lost and not changed,
                   f"every write acknowledged by survivors is there: {len(after):,}",
                   f"{len(lost)} lost, {len(changed)} changed" if lost or changed else "")
        lost, _ = self.missing({ack.key: ack.value.encode() for ack in limbo})
        self.limbo = (len(limbo), len(lost))

        primary = self.cluster.owner_seen_by(self.heir, 0)
        wait_until(lambda: self.victim.call("DBSIZE") == primary.call("DBSIZE"), 10,
                   "the replica has as many keys as its primary")
        self.check(True, "its copy is complete", f"{self.victim.call('DBSIZE'):,} keys")
        checked = redis_cli("--cluster", "check", f"{HOST}:{self.heir.port}", check=False)
        self.check("[OK] All 16384 slots covered." in checked, "redis-cli --cluster check agrees")

    def missing(self, expected: Dict[str, bytes]) -> Tuple[Set[str], Set[str]]:
        """Keys that their owners do not have, and keys with another value."""
        owners: Dict[int, List[str]] = {}
        ranges = [(node.ranges, node.port) for node in self.heir.nodes() if node.ranges]
        for key in expected:
            slot = slot_of(key)
            port = next(port for part, port in ranges
                        if any(first <= slot <= last for first, last in part))
            owners.setdefault(port, []).append(key)
        lost, changed = set(), set()
        for port, keys in owners.items():
            with self.cluster.at(port).connect(timeout=15) as connection:
                for key, value in zip(keys, connection.pipeline([("GET", key) for key in keys])):
                    if value is None or isinstance(value, RespError):
                        lost.add(key)
                    elif value != expected[key]:
                        changed.add(key)
        return lost, changed

    def summarise(self) -> bool:
        print("\nMeasured, in seconds after the kill")
        for what, kinds in (("first PFAIL", ("pfail",)), ("first FAIL", ("fail",)),
                            ("promoted", ("won", "promoted"))):
            value = self.first(*kinds)
            print(f"  {what:40} {'-' if value is None else f'{value:8.3f}'}")
        resumed = self.first_write()
        print(f"  {'first write acknowledged again':40} "
              f"{'-' if resumed is None else f'{resumed:8.3f}'}")
        print(f"  {'longest pause of the other shards':40} {self.longest_pause():8.3f}")
        print(f"  {'writes in the last moment before the kill':40} {self.limbo[0]:8}, "
              f"{self.limbo[1]} lost (replication is asynchronous)")
        seconds = time.time() - self.began
        if self.failed:
            print(f"\nNot observed: {'; '.join(self.failed)}  [{seconds:.0f} s]")
            return False
        print(f"\nThe cluster healed, and nothing that was replicated is lost.  [{seconds:.0f} s]")
        return True

    def longest_pause(self) -> float:
        longest = 0.0
        for writer in self.writers:
            if writer is self.writer:
                continue
            times = [ack.at for ack in writer.acks
                     if self.killed_at - 0.5 < ack.at < self.restarted_at]
            longest = max([longest] + [b - a for a, b in zip(times, times[1:])])
        return longest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, help="the server program")
    parser.add_argument("--node-timeout", type=int, default=2000, metavar="MS")
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--keep", action="store_true", help="keep logs after success too")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(errors="replace")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    directory = pathlib.Path(tempfile.mkdtemp(prefix="clusterkit-demo-"))
    program = shutil.which(arguments.server) or arguments.server
    cluster = Cluster(str(pathlib.Path(program).absolute()), directory,
                      node_timeout_ms=arguments.node_timeout)
    good = False
    try:
        print(f"Six {pathlib.Path(program).name} processes, "
              f"cluster-node-timeout {arguments.node_timeout} ms")
        good = Demo(cluster).run(arguments.keys)
    except (AssertionError, OSError, EOFError, RespError) as error:
        print(f"\nThe demo could not go on: {error}")
    finally:
        cluster.stop()
        if good and not arguments.keep:
            shutil.rmtree(directory)
        else:
            print(f"Logs and state files: {directory}/<port>/")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
