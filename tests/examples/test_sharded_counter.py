#!/usr/bin/env python3
"""sharded_counter as processes: two shards, clients over TCP, a SIGKILL, a SIGTERM."""

import contextlib
import pathlib
import signal
import socket
import unittest
from typing import Dict, List, Optional

from programs import ExampleTest, Program, free_ports, kvtools

wait_until = kvtools.wait_until


class Client:
    """Says a line, gets a line. OSError and EOFError: the connection is gone."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.file = self.socket.makefile("r", newline="\n")

    def say(self, line: str) -> None:
        self.socket.sendall(line.encode() + b"\n")

    def hear(self) -> str:
        line = self.file.readline()
        if not line.endswith("\n"):
            raise EOFError
        return line.rstrip("\n")

    def ask(self, line: str) -> str:
        self.say(line)
        return self.hear()

    def close(self) -> None:
        self.file.close()
        self.socket.close()


class Node:
    def __init__(self, test: ExampleTest, port: int) -> None:
        self.test, self.port = test, port
        self.start()

    def start(self) -> None:
        self.process: Program = self.test.start("sharded_counter", self.port, self.port + 10000)
        self.id = self.process.wait_for("^node ").split()[1]

    def ask(self, line: str) -> str:
        with contextlib.closing(Client(self.port)) as client:
            return client.ask(line)

    def nodes(self) -> Dict[str, List[str]]:
        """What it knows: role, client endpoint, slots and health of each, by id."""
        with contextlib.closing(Client(self.port)) as client:
            client.say("NODES")
            lines = iter(client.hear, "END")
            return {words[1]: words[2:] for words in map(str.split, lines)}

    def role(self) -> str:
        return self.nodes()[self.id][0]


class ShardedCounter(ExampleTest):
    def form(self, replicas: int = 1) -> List[Node]:
        """Three primaries, then the replicas of the first, in state ok."""
        nodes = [Node(self, port) for port in free_ports(3 + replicas)]
        for other in nodes[1:]:
            self.assertEqual(nodes[0].ask(f"MEET 127.0.0.1 {other.port + 10000}"), "OK")
        for number, node in enumerate(nodes[:3]):
            first, last = number * 16384 // 3, (number + 1) * 16384 // 3 - 1
            self.assertEqual(node.ask(f"OWN {first} {last}"), "OK")
        for replica in nodes[3:]:
            wait_until(lambda: nodes[0].id in replica.nodes(), 30, "the replica knows its primary")
            wait_until(lambda: replica.ask(f"REPLICATE {nodes[0].id}") == "OK", 30, "a replica")
        for node in nodes:
            wait_until(lambda: len(node.nodes()) == len(nodes), 30, "all know each other")
            wait_until(lambda: node.ask(f"GET {key_in(0)}").split()[0] in ("VALUE", "MOVED"), 30,
                       "the cluster is ok")
        wait_until(lambda: nodes[0].ask(f"INCR {key_in(0, 'warm')} SYNC") == "VALUE 1", 30,
                   "the first shard counts")
        return nodes

    def test_keys_are_counted_by_their_shard_and_others_say_where_that_is(self) -> None:
        nodes = self.form(replicas=0)
        for shard, node in enumerate(nodes):
            key = key_in(shard)
            wait_until(lambda: node.ask(f"GET {key}") == "VALUE 0", 30, "the shard serves")
            self.assertEqual(node.ask(f"INCR {key}"), "VALUE 1")
            self.assertEqual(node.ask(f"INCR {key} SYNC"), "VALUE 2")
            self.assertEqual(node.ask(f"GET {key}"), "VALUE 2")
            other = nodes[(shard + 1) % 3]
            self.assertEqual(other.ask(f"INCR {key}"), f"MOVED 127.0.0.1 {node.port}")

    def test_what_was_counted_by_all_copies_survives_a_sigkill(self) -> None:
        nodes = self.form()
        primary, replica, key = nodes[0], nodes[3], key_in(0)
        for n in range(1, 21):
            self.assertEqual(primary.ask(f"INCR {key} SYNC"), f"VALUE {n}")
        self.assertEqual(replica.ask(f"GET {key}"), f"MOVED 127.0.0.1 {primary.port}")
        primary.process.kill()
        wait_until(lambda: replica.ask(f"INCR {key} SYNC") == "VALUE 21", 30, "a successor counts")

        # It comes back as a replica, and takes over again when it is asked to.
        primary.start()
        wait_until(lambda: primary.role() == "replica", 30, "it follows")
        self.assertEqual(replica.ask(f"INCR {key} SYNC"), "VALUE 22")
        wait_until(lambda: primary.ask("FAILOVER") == "OK", 30, "it may take over")
        wait_until(lambda: primary.role() == "primary", 30, "it has taken over")
        wait_until(lambda: primary.ask(f"GET {key}") == "VALUE 22", 30, "with everything")

    def test_a_primary_that_is_told_to_end_hands_over_first(self) -> None:
        nodes = self.form()
        primary, replica, key = nodes[0], nodes[3], key_in(0)
        self.assertEqual(primary.ask(f"INCR {key} SYNC"), "VALUE 1")
        primary.process.process.send_signal(signal.SIGTERM)
        self.assertEqual(primary.process.process.wait(timeout=30), 0)
        wait_until(lambda: replica.ask(f"INCR {key}") == "VALUE 2", 30, "a successor counts")
        self.assertNotIn("FAIL", "\n".join(replica.process.lines))

    def test_data_that_was_lost_comes_back_from_a_replica(self) -> None:
        nodes = self.form()
        primary, replica, key = nodes[0], nodes[3], key_in(0)
        for n in range(1, 6):
            self.assertEqual(primary.ask(f"INCR {key} SYNC"), f"VALUE {n}")
        primary.process.kill()
        (self.directory / f"counters-{primary.port}.data").unlink()
        primary.start()  # Perhaps before anybody was elected: it owns slots, and has nothing.
        wait_until(lambda: replica.ask(f"GET {key}") == "VALUE 5", 30, "the copy is served")
        wait_until(lambda: primary.role() == "replica", 30, "and followed")
        wait_until(lambda: replica.ask(f"INCR {key} SYNC") == "VALUE 6", 30, "by its old primary")

    def test_a_copy_that_is_away_holds_up_what_waits_for_it_until_it_is_forgotten(self) -> None:
        nodes = self.form()
        primary, replica, key = nodes[0], nodes[3], key_in(0)
        replica.process.kill()
        with contextlib.closing(Client(primary.port)) as patient:
            patient.say(f"INCR {key} SYNC")
            wait_until(lambda: primary.ask(f"GET {key}") == "VALUE 1", 30, "it is counted")
            self.assertEqual(primary.ask(f"INCR {key}"), "VALUE 2")
            self.assertEqual(primary.ask(f"FORGET {replica.id}"), "OK")
            self.assertEqual(patient.hear(), "VALUE 1")

    def test_nonsense_is_refused_and_changes_nothing(self) -> None:
        node = Node(self, free_ports(1)[0])
        for line in ("", "INCR", "INCR a b", "INCR a SYNC SYNC", "GET a b", "INCR " + "k" * 65,
                     "INCR a=b", "INCR a@b", "GET \xff", "OWN 5", "OWN 5 4", "OWN 0 16384",
                     "OWN x y", "MEET 127.0.0.1 0", "MEET 127.0.0.1 65536", "REPLICATE me",
                     "REPLICATE " + "0" * 40, "FORGET me", "FAILOVER", "FAILOVER now", "HAVE 5",
                     "HAVE x", "DO 1 1 INCR a", "COPY 9 9 9 a=5"):
            with self.subTest(line=line):
                self.assertRegex(node.ask(line), "^ERROR ")
        self.assertEqual(node.ask("FOLLOW " + "0" * 40), "TRYAGAIN")
        self.assertRegex(node.ask("INCR a"), "^DOWN ")
        self.assertEqual(node.ask("NODES"),
                         f"NODE {node.id} primary 127.0.0.1:{node.port} 0 online")
        with contextlib.closing(Client(node.port)) as flood, self.assertRaises((EOFError, OSError)):
            flood.socket.sendall(b"x" * (4 << 20))
            flood.hear()
        self.assertRegex(node.ask("INCR a\r"), "^DOWN ")

    def test_a_damaged_file_is_not_overwritten(self) -> None:
        port = free_ports(1)[0]
        for content in ("", "COPY 1 1", "OWN 1 1 1 a=1"):
            path = pathlib.Path(self.directory / f"counters-{port}.data")
            path.write_text(content)
            ended = self.run_to_end("sharded_counter", port, port + 10000)
            self.assertEqual(ended.returncode, 1)
            self.assertIn("DATA_LOSS", ended.stdout)
            self.assertEqual(path.read_text(), content)


def key_in(shard: int, prefix: Optional[str] = None) -> str:
    """A key of this third of the slots."""
    low, high = shard * 16384 // 3, (shard + 1) * 16384 // 3 - 1
    tag = kvtools.tag_in(range(low, high + 1))
    return "{" + tag + "}" + (prefix or "n")


if __name__ == "__main__":
    unittest.main()
