"""Changes of a primary that somebody planned: by command, by shutdown, by restarting everything."""

import signal
import unittest

import harness
from cluster_client import Load, missing_keys
from harness import RespError, fill, lost_keys, wait_until
from kvtools import HOST, Server, free_ports, tag_in

HANDING_OVER = "Handing over to a replica before shutting down."


class Handover(harness.ProcessTest):
    """Each test has a cluster of its own: 3 primaries, 3 replicas, node timeout 1 s."""

    def setUp(self):
        self.nodes = self.cluster()
        self.primary = self.nodes.primaries()[0]
        self.replica = self.nodes.replicas_of(self.primary)[0]
        wait_until(lambda: all(len(shard) == 4 for server in self.nodes.servers
                               for shard in server.call("CLUSTER", "SLOTS")), 10,
                   "everybody knows that the replicas have their copies")
        self.others = [s for s in self.nodes.servers if s not in (self.primary, self.replica)]
        self.ranges = self.primary.myself().ranges
        self.tag = tag_in(self.primary.myself().slots)

    def wait_swapped(self, primary=None, replica=None):
        """The replica has the slots, and the old primary a complete copy."""
        primary, replica = primary or self.primary, replica or self.replica
        self.wait_promoted(replica)
        wait_until(lambda: primary.myself().primary == replica.myself().id, 30,
                   f"{primary.port} is a replica of {replica.port}")
        self.nodes.wait_healthy()
        wait_until(lambda: primary.call("DBSIZE") == replica.call("DBSIZE"), 10,
                   "the copy is complete")

    def wait_promoted(self, replica):
        wait_until(lambda: replica.info("replication")["role"] == "master"
                   and replica.cluster_info()["cluster_state"] == "ok", 30,
                   f"{replica.port} is promoted")

    def wait_for_writes(self, load, count=100):
        """So many more than there were."""
        enough = load.acknowledged + count
        wait_until(lambda: load.acknowledged >= enough, 30, "writes are acknowledged")

    def refusal(self, server, *words):
        with self.assertRaises(RespError) as refused:
            server.call(*words)
        return str(refused.exception)

    def assert_nothing_lost(self, load):
        """Neither a request nor an acknowledged write."""
        print(load.summary(), flush=True)
        self.assertEqual(load.failures[:5], [])
        self.assertEqual(missing_keys(self.nodes.running(), load.keys()), [])


class ByCommand(Handover):
    def test_failover_under_load_costs_nobody_a_write(self):
        with Load(self.nodes.servers) as load:
            self.wait_for_writes(load)
            primary, replica = self.primary, self.replica
            for _ in range(2):  # There and back.
                epoch = int(primary.cluster_info()["cluster_current_epoch"])
                self.assertEqual(replica.call("CLUSTER", "FAILOVER"), "OK")
                self.wait_swapped(primary, replica)
                self.assertEqual(replica.myself().ranges, self.ranges)
                self.assertGreater(replica.myself().config_epoch, epoch)
                self.wait_for_writes(load)
                primary, replica = replica, primary
        self.assert_nothing_lost(load)

    def test_force_replaces_a_primary_that_hangs(self):
        self.replica.call("CONFIG", "SET", "cluster-replica-no-failover", "yes")
        keys = fill(self.primary, self.tag, 200)
        self.primary.signal(signal.SIGSTOP)
        self.addCleanup(lambda: self.primary.running() and self.primary.signal(signal.SIGCONT))
        self.primary.forget_connection()
        self.assert_only_force_helps(keys)
        self.primary.signal(signal.SIGCONT)
        self.wait_swapped()
        self.assertEqual(lost_keys(self.replica, keys), [])

    def test_force_replaces_a_primary_that_was_killed(self):
        self.replica.call("CONFIG", "SET", "cluster-replica-no-failover", "yes")
        keys = fill(self.primary, self.tag, 200)
        self.primary.kill()
        self.assert_only_force_helps(keys)
        self.primary.start()
        self.wait_swapped()
        self.assertEqual(lost_keys(self.replica, keys), [])

    def assert_only_force_helps(self, keys):
        wait_until(lambda: self.replica.sees(self.primary.port).health == "fail", 20,
                   "the replica knows that its primary failed")
        self.assertEqual(self.refusal(self.replica, "CLUSTER", "FAILOVER"),
                         "ERR Master is down or failed, please use CLUSTER FAILOVER FORCE")
        self.assertEqual(self.replica.call("CLUSTER", "FAILOVER", "FORCE"), "OK")
        self.wait_promoted(self.replica)
        self.assertEqual(self.replica.myself().ranges, self.ranges)
        self.assertEqual(lost_keys(self.replica, keys), [])

    def test_takeover_replaces_primaries_that_no_majority_could(self):
        dead = self.nodes.primaries()[:2]
        heirs = [self.nodes.replicas_of(primary)[0] for primary in dead]
        keys = [fill(p, tag_in(p.myself().slots), 200) for p in dead]
        for primary in dead:
            primary.kill()
        survivors = self.nodes.running()
        wait_until(lambda: all(s.cluster_info()["cluster_state"] == "fail" for s in survivors), 20,
                   "nobody serves")
        # FORCE needs votes, and nobody is there to give them.
        self.assertEqual(heirs[0].call("CLUSTER", "FAILOVER", "FORCE"), "OK")
        wait_until(lambda: "timed out" in heirs[0].log(), 20, "the forced failover has failed")
        self.assertEqual(heirs[0].info("replication")["role"], "slave")

        for heir in heirs:
            self.assertEqual(heir.call("CLUSTER", "FAILOVER", "TAKEOVER"), "OK")
        for primary, heir, expected in zip(dead, heirs, keys):
            self.wait_promoted(heir)
            primary.start()
            self.wait_swapped(primary, heir)
            self.assertEqual(lost_keys(heir, expected), [])

    def test_takeover_of_a_primary_that_is_well(self):
        keys = fill(self.primary, self.tag, 200)
        self.assertEqual(self.replica.call("CLUSTER", "FAILOVER", "TAKEOVER"), "OK")
        self.wait_swapped()
        self.assertEqual(lost_keys(self.replica, keys), [])

    def test_what_makes_no_sense_is_refused_and_changes_nothing(self):
        for words in ((), ("FORCE",), ("takeover",)):
            self.assertEqual(self.refusal(self.primary, "CLUSTER", "FAILOVER", *words),
                             "ERR You should send CLUSTER FAILOVER to a replica")
        for server in (self.primary, self.replica):
            for words in (("NOW",), ("FORCE", "TAKEOVER"), ("",)):
                self.assertEqual(self.refusal(server, "CLUSTER", "FAILOVER", *words),
                                 "ERR syntax error")
        self.assertEqual(self.primary.myself().ranges, self.ranges)
        self.assertEqual(self.replica.myself().primary, self.primary.myself().id)


class ByShutdown(Handover):
    def test_sigterm_hands_over_first(self):
        self.shut_down_under_load(lambda: self.primary.signal(signal.SIGTERM))

    def test_shutdown_hands_over_first(self):
        def shut_down():
            with self.primary.connect(timeout=30) as connection:
                with self.assertRaises(EOFError):
                    connection.call("SHUTDOWN", "NOSAVE")
        self.shut_down_under_load(shut_down)

    def shut_down_under_load(self, request):
        with Load(self.nodes.servers) as load:
            self.wait_for_writes(load)
            request()
            self.assertEqual(self.primary.process.wait(30), 0)
            self.assertIn(HANDING_OVER, self.primary.log())
            # Not after its failure, but before: it was the primary already when the process ended.
            self.assertEqual(self.replica.info("replication")["role"], "master")
            self.wait_for_writes(load)
            self.assertEqual(self.replica.myself().ranges, self.ranges)
        self.assert_nothing_lost(load)
        self.primary.start()
        self.wait_swapped()

    def test_a_replica_goes_without_ado(self):
        self.assertEqual(self.replica.stop(), 0)
        self.assertNotIn(HANDING_OVER, self.replica.log())
        self.assertEqual(self.primary.myself().ranges, self.ranges)

    def test_a_handover_ends_in_time_even_if_the_replica_does_not_answer(self):
        self.primary.call("CONFIG", "SET", "shutdown-timeout", "1")
        self.hang(self.replica)
        self.primary.signal(signal.SIGTERM)
        self.assertEqual(self.primary.process.wait(30), 0)

    def test_a_second_sigterm_ends_it_at_once(self):
        self.primary.call("CONFIG", "SET", "shutdown-timeout", "600")
        self.hang(self.replica)
        self.primary.signal(signal.SIGTERM)
        wait_until(lambda: HANDING_OVER in self.primary.log(), 10, "it waits for its replica")
        self.assertTrue(self.primary.running())
        self.primary.signal(signal.SIGTERM)
        self.assertEqual(self.primary.process.wait(30), 1)

    def hang(self, server):
        server.signal(signal.SIGSTOP)
        server.forget_connection()
        self.addCleanup(lambda: server.running() and server.signal(signal.SIGCONT))


class Alone(harness.ProcessTest):
    def test_a_primary_without_replicas_does_not_wait_for_one(self):
        cluster = self.cluster(size=3, replicas=0,
                               arguments=(*harness.DEBUG, "--shutdown-timeout", "600"))
        for server in cluster.servers:
            self.assertEqual(server.stop(30), 0)

    def test_a_server_that_is_no_cluster_does_not_wait_for_one(self):
        server = self.server("--shutdown-timeout", "600")
        server.start()
        self.assertEqual(server.stop(30), 0)


class Everything(Handover):
    def test_restarting_each_in_turn_fails_no_request(self):
        with Load(self.nodes.servers, workers=6, writes_per_second=600) as load:
            for server in self.nodes.servers:
                self.wait_for_writes(load)
                self.assertEqual(server.stop(30), 0)
                self.wait_for_writes(load)
                server.start()
                self.nodes.wait_healthy()
            self.wait_for_writes(load)
        self.assert_nothing_lost(load)

    def test_all_come_back_at_other_addresses(self):
        self.restart_at(free_ports(6))  # Their own are not free now.

    def test_all_come_back_at_each_others_addresses(self):
        ports = [server.port for server in self.nodes.servers]
        self.restart_at(ports[1:] + ports[:1])

    def restart_at(self, ports):
        """They know each other by id; all they need to be told is where one of them is."""
        before = self.layout(self.nodes.servers[0])
        for server in self.nodes.servers:
            server.kill()
        moved = []
        for server, port in zip(self.nodes.servers, ports):
            heir = Server(harness.KVSERVER, server.directory, port, server.options)
            self.servers.append(heir)
            moved.append(heir)
        self.nodes.servers = moved
        self.nodes.start()
        seed = moved[0]
        for server in moved[1:]:
            self.assertEqual(server.call("CLUSTER", "MEET", HOST, seed.port), "OK")
        wait_until(lambda: all(s.cluster_info()["cluster_state"] == "ok" for s in moved), 60,
                   "the cluster is in state ok")
        self.nodes.wait_healthy()
        for server in moved:
            wait_until(lambda: self.layout(server) == before, 10, "the layout is as it was")
            wait_until(lambda: {n.port for n in server.nodes()} == set(ports), 10,
                       "everybody knows where the others are")
        with Load(moved) as load:
            self.wait_for_writes(load)
        self.assert_nothing_lost(load)

    @staticmethod
    def layout(server):
        """Who owns what and follows whom, by id."""
        return sorted((node.id, node.primary or "", node.ranges) for node in server.nodes())


if __name__ == "__main__":
    harness.main()
