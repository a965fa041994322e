"""What operators do to a cluster with stock redis-cli."""

import re
import unittest

import harness
from cluster_client import missing_keys
from harness import fill, wait_until
from kvtools import HOST, SLOTS, tag_in
from operated import Operated, run


class Formed(Operated):
    """Of three primaries with a replica each."""

    def test_check_info_call_and_fix_with_nothing_to_do(self):
        for n, primary in enumerate(self.primaries):
            fill(primary, tag_in(primary.myself().slots), 10 * (n + 1))
        self.check()
        output = self.tool("info", self.entry)
        self.assertIn("[OK] 60 keys in 3 masters.", output)
        for n, primary in enumerate(self.primaries):
            self.assertIn(f"{self.address(primary)} ({self.id_of(primary)[:8]}...) -> "
                          f"{10 * (n + 1)} keys | {self.slots_of(primary)} slots | 1 slaves.",
                          output)
        before = [s.myself() for s in self.nodes.servers]
        self.assertIn("[OK] All 16384 slots covered.", self.tool("fix", self.entry))
        self.assertEqual([s.myself() for s in self.nodes.servers], before)
        output = self.tool("call", self.entry, "echo", "hello")
        for server in self.nodes.servers:
            self.assertIn(f"{self.address(server)}: hello\n", output)
        output = self.tool("call", self.entry, "dbsize", "--cluster-only-masters")
        self.assertEqual(len(re.findall(r"^[\d.]+:\d+: ", output, re.M)), 3)

    def test_reshard_from_one_and_from_all(self):
        one, two, three = self.primaries
        keys = {key: value for primary in self.primaries
                for key, value in fill(primary, tag_in(primary.myself().slots), 50).items()}
        self.tool("reshard", self.entry, "--cluster-from", self.id_of(one), "--cluster-to",
                  self.id_of(two), "--cluster-slots", 20, "--cluster-yes")
        self.assertEqual([self.slots_of(s) for s in self.primaries], [5441, 5482, 5461])
        self.assertEqual(two.myself().ranges[0], (0, 19))
        self.check()
        self.tool("reshard", self.entry, "--cluster-from", "all", "--cluster-to",
                  self.id_of(three), "--cluster-slots", 10, "--cluster-pipeline", 100,
                  "--cluster-yes")
        self.assertEqual(self.slots_of(three), 5471)
        self.check()
        self.assertEqual(missing_keys(self.nodes.servers, keys), [])

    def test_what_makes_no_sense_is_refused_and_changes_nothing(self):
        before = [s.myself().ranges for s in self.nodes.servers]
        for words in (("--cluster-from", "0" * 40, "--cluster-to", self.id_of(self.primaries[0])),
                      ("--cluster-from", "all", "--cluster-to", "0" * 40)):
            self.refused("reshard", self.entry, *words, "--cluster-slots", 5, "--cluster-yes")
        output = self.refused("del-node", self.entry, self.id_of(self.primaries[1]))
        self.assertIn(f"[ERR] Node {self.address(self.primaries[1])} is not empty! "
                      "Reshard data away and try again.", output)
        self.assertIn("is not empty", self.refused("add-node", self.address(self.primaries[1]),
                                                   self.entry))
        self.assertEqual([s.myself().ranges for s in self.nodes.servers], before)
        self.check()

    def test_rebalance_by_weights(self):
        one, two, three = self.primaries
        keys = {key: value for primary in self.primaries
                for key, value in fill(primary, tag_in(primary.myself().slots), 50).items()}
        self.assertIn("No rebalancing needed", self.tool("rebalance", self.entry))
        weights = ("--cluster-weight", f"{self.id_of(one)}=1.03", f"{self.id_of(two)}=0.97")
        self.tool("rebalance", self.entry, *weights, "--cluster-simulate",
                  "--cluster-threshold", 1)
        self.assert_sizes(5461, 5462, 5461)
        self.assertIn("No rebalancing needed", self.tool("rebalance", self.entry, *weights,
                                                         "--cluster-threshold", 10))
        self.tool("rebalance", self.entry, *weights, "--cluster-threshold", 1)
        self.check()
        self.assert_sizes(5625, 5298, 5461)
        self.tool("rebalance", self.entry, "--cluster-threshold", 1)
        self.check()
        self.assert_sizes(5461, 5462, 5461)
        self.assertEqual(missing_keys(self.nodes.servers, keys), [])

    def assert_sizes(self, *expected):
        for server, size in zip(self.primaries, expected):
            self.assertAlmostEqual(self.slots_of(server), size, delta=3)

    def test_nodes_that_come_and_go(self):
        # A primary, which gets slots when the others are asked to share.
        primary = self.newcomer()
        self.tool("add-node", self.address(primary), self.entry)
        self.nodes.servers.append(primary)
        self.check()
        self.assertEqual((self.slots_of(primary), primary.myself().is_primary), (0, True))
        self.tool("rebalance", self.entry)
        self.assertEqual(self.slots_of(primary), 0)
        self.tool("rebalance", self.entry, "--cluster-use-empty-masters", "--cluster-weight",
                  f"{self.id_of(primary)}=0.05")
        self.assertAlmostEqual(self.slots_of(primary), SLOTS * 0.05 / 3.05, delta=3)
        self.check()
        # Replicas: of whom has fewest, and of whom is named.
        replicas = []
        for words, expected in (((), primary), (("--cluster-master-id",
                                                 self.id_of(self.primaries[1])),
                                                self.primaries[1])):
            replicas.append(self.newcomer())
            self.tool("add-node", self.address(replicas[-1]), self.entry, "--cluster-slave",
                      *words)
            self.nodes.servers.append(replicas[-1])
            self.check()
            self.assertEqual(replicas[-1].myself().primary, self.id_of(expected))
        # They go: a replica, and a primary that has none left and no slots.
        for server in replicas:
            self.remove(server)
        # Without its last slot it becomes a replica, perhaps while redis-cli still talks to it.
        run("rebalance", self.entry, "--cluster-weight", f"{self.id_of(primary)}=0")
        wait_until(lambda: self.slots_of(primary) == 0, 10, "it has no slots any more")
        self.remove(primary)
        self.assertEqual(sum(self.slots_of(s) for s in self.primaries), SLOTS)

    def remove(self, server):
        id = self.id_of(server)
        self.tool("del-node", self.entry, id)
        self.nodes.servers.remove(server)
        for other in self.nodes.servers:
            wait_until(lambda: all(n.id != id for n in other.nodes()), 10, "it is forgotten")
        # It is on its own, and may be added again.
        wait_until(lambda: [n.id for n in server.nodes()] == [id], 10, "it knows only itself")
        self.assertTrue(server.myself().is_primary)
        self.check()


class Configured(harness.ProcessTest):
    def test_set_timeout_reaches_all_and_lasts(self):
        nodes = harness.Cluster(harness.KVSERVER, self.directory, 3, 1000)
        self.servers += nodes.servers
        for server in nodes.servers:
            path = server.directory / "conf"
            path.write_text("cluster-node-timeout 1000\n")
            at = server.arguments.index("--cluster-node-timeout")
            server.arguments = [str(path), *server.arguments[:at], *server.arguments[at + 2:]]
        nodes.start()
        nodes.form(replicas=0)
        output = run("set-timeout", f"{HOST}:{nodes.servers[1].port}", 3210).stdout
        self.assertIn("New node timeout set. 3 OK, 0 ERR.", output)
        for server in nodes.servers:
            self.assertEqual(server.call("CONFIG", "GET", "cluster-node-timeout"),
                             [b"cluster-node-timeout", b"3210"])
            self.assertEqual(server.stop(), 0)
            server.start()
            self.assertEqual(server.call("CONFIG", "GET", "cluster-node-timeout"),
                             [b"cluster-node-timeout", b"3210"])


if __name__ == "__main__":
    harness.main()
