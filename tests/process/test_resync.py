"""Who goes on with a new primary's stream, and who must copy everything."""

import harness
from harness import fill, wait_until
from kvtools import Connection, tag_in


class Resync(harness.ProcessTest):
    """A shard with a primary and two replicas, which nobody else writes to."""

    def setUp(self):
        self.nodes = self.cluster(size=9, replicas=2)
        self.primary = self.nodes.primaries()[0]
        self.replicas = self.nodes.replicas_of(self.primary)
        self.tag = tag_in(self.primary.myself().slots)
        self.keys = fill(self.primary, self.tag, 200)
        for replica in self.replicas:
            wait_until(lambda: replica.call("DEBUG", "DIGEST") == self.digest(), 15, "same data")

    def digest(self):
        return self.primary.call("DEBUG", "DIGEST")

    def wait_following(self, primary, replicas):
        wait_until(lambda: primary.info("replication")["role"] == "master", 30, "it is promoted")
        primary.call("SET", f"{{{self.tag}}}last", "1")
        for replica in replicas:
            wait_until(lambda: replica.info("replication").get("master_link_status") == "up"
                       and replica.call("DEBUG", "DIGEST") == primary.call("DEBUG", "DIGEST"), 30,
                       f"{replica.port} has what {primary.port} has")

    def syncs(self, server):
        stats = server.info("stats")
        return int(stats["sync_full"]), int(stats["sync_partial_ok"])

    def test_after_a_planned_failover_nobody_copies_anything(self):
        old = self.primary.info("replication")
        heir, sibling = self.replicas
        self.assertEqual(heir.call("CLUSTER", "FAILOVER"), "OK")
        self.wait_following(heir, [self.primary, sibling])
        self.assertEqual(self.syncs(heir), (0, 2))
        info = heir.info("replication")
        self.assertEqual(info["master_replid2"], old["master_replid"])
        for replica in (self.primary, sibling):
            its = replica.info("replication")
            self.assertEqual(its["master_replid"], info["master_replid"])
            self.assertEqual(its["history_epoch"], info["history_epoch"])
        # And back.
        self.assertEqual(self.primary.call("CLUSTER", "FAILOVER"), "OK")
        self.wait_following(self.primary, [heir, sibling])
        self.assertEqual(self.syncs(self.primary)[1], 2)

    def test_after_a_crash_the_sibling_goes_on(self):
        self.primary.kill()
        wait_until(lambda: any(r.info("replication")["role"] == "master" for r in self.replicas),
                   30, "one is promoted")
        heir, sibling = sorted(self.replicas,
                               key=lambda r: r.info("replication")["role"] != "master")
        self.wait_following(heir, [sibling])
        self.assertEqual(self.syncs(heir), (0, 1))
        # Who lost its memory has nothing to go on from.
        self.primary.start()
        self.wait_following(heir, [sibling, self.primary])
        self.assertEqual(self.syncs(heir), (1, 1))

    def test_what_the_successor_never_had_cannot_be_gone_on_from(self):
        heir = self.replicas[0]
        old_id = self.primary.info("replication")["master_replid"]
        self.assertEqual(heir.call("CLUSTER", "FAILOVER"), "OK")
        self.wait_following(heir, [self.primary, self.replicas[1]])
        taken_over_at = int(heir.info("replication")["second_repl_offset"]) - 1
        for offset, answer in ((taken_over_at, "CONTINUE"), (taken_over_at + 1, "FULLRESYNC"),
                               (taken_over_at - 1, "CONTINUE")):
            with self.subTest(answer=answer), Connection(heir.port) as replica:
                replica.send("PSYNC", old_id, offset + 1)
                self.assertEqual(str(replica.read()).split()[0], answer)

    def test_a_suffix_that_was_never_replicated_is_lost_whole(self):
        """The old primary goes on alone, unknown to the others, and must unlearn what it did."""
        heir, sibling = self.replicas
        for server in self.nodes.servers:
            if server is not self.primary:
                server.call("CONFIG", "SET", "masterauth", "wrong")
        self.primary.call("CONFIG", "SET", "requirepass", "secret")
        with Connection(self.primary.port) as client:
            client.call("AUTH", "secret")
            self.assertEqual(client.call("CLIENT", "KILL", "TYPE", "replica"), 2)
            client.call("SET", f"{{{self.tag}}}lonely", "1")
            self.assertEqual(heir.call("CLUSTER", "FAILOVER", "TAKEOVER"), "OK")
            wait_until(lambda: client.call("ROLE")[0] == b"slave", 30, "it follows")
            client.call("CONFIG", "SET", "requirepass", "")
        self.wait_following(heir, [self.primary, sibling])
        self.assertEqual(self.syncs(heir), (1, 1))
        with self.primary.connect() as client:
            client.call("READONLY")
            self.assertIsNone(client.call("GET", f"{{{self.tag}}}lonely"))

    def test_a_broken_link_costs_no_copy(self):
        before = self.syncs(self.primary)
        for _ in range(3):
            self.assertEqual(self.primary.call("CLIENT", "KILL", "TYPE", "replica"), 2)
            self.wait_following(self.primary, self.replicas)
        self.assertEqual(self.syncs(self.primary), (before[0], before[1] + 6))


if __name__ == "__main__":
    harness.main()
