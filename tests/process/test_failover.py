"""Bad days: servers that die, come back at once, stop, hang. No acknowledged key may be lost."""

import re
import signal
import time
import unittest

import harness
from harness import fill, lost_keys, wait_until
from kvtools import Connection, RespError, redis_cli, slot_of, tag_in

from demo_writer import Writer

NODE_TIMEOUT = 1.0


class Failover(harness.ProcessTest):
    """Each test has a cluster of its own: 3 primaries, 3 replicas, node timeout 1 s."""

    def setUp(self):
        self.nodes = self.cluster(node_timeout_ms=int(NODE_TIMEOUT * 1000))
        self.primary = self.nodes.primaries()[0]
        self.replica = self.nodes.replicas_of(self.primary)[0]
        self.line = self.primary.myself()
        self.tag = tag_in(self.line.slots)
        self.others = [s for s in self.nodes.servers if s not in (self.primary, self.replica)]
        self.keys = fill(self.primary, self.tag, 500)

    def owner(self):
        """Whom all other servers take for the primary of the shard; None if they differ."""
        owners = {self.nodes.owner_seen_by(s, self.line.ranges[0][0]) for s in self.others}
        return owners.pop() if len(owners) == 1 else None

    def wait_promoted(self, seconds=20.0):
        wait_until(lambda: self.owner() is self.replica
                   and self.replica.info("replication")["role"] == "master",
                   seconds, f"{self.replica.port} is promoted")

    def wait_demoted(self, seconds=30.0):
        """The old primary is a replica with a complete copy, in everybody's view."""
        heir = self.replica.myself().id

        def demoted():
            info = self.primary.info("replication")
            return (info["role"] == "slave" and info.get("master_link_status") == "up"
                    and int(info["master_port"]) == self.replica.port
                    and all(s.sees(self.primary.port).primary == heir
                            and s.sees(self.primary.port).health == "ok" for s in self.others))
        wait_until(demoted, seconds, f"{self.primary.port} is a replica of {self.replica.port}")
        wait_until(lambda: self.primary.call("DBSIZE") == self.replica.call("DBSIZE"), 10,
                   "its copy is complete")

    def assert_whole(self):
        wait_until(lambda: all(s.cluster_info()["cluster_state"] == "ok"
                               and s.cluster_info()["cluster_slots_ok"] == "16384"
                               for s in self.nodes.servers), 20, "all servers are in state ok")
        self.assertIn("[OK] All 16384 slots covered.", redis_cli(
            "--cluster", "check", f"127.0.0.1:{self.others[0].port}"))


class Killed(Failover):
    def test_sigkill_heals_and_loses_nothing(self):
        writer = Writer([s.port for s in self.others], self.tag)
        writer.start()
        self.addCleanup(writer.stop)
        wait_until(lambda: len(writer.acks) > 20, 10, "the writer runs")
        killed_at = time.time()
        self.primary.kill()
        self.wait_promoted()
        wait_until(lambda: writer.acks[-1].port == self.replica.port, 10, "writes flow again")
        resumed = next(ack.at for ack in writer.acks if ack.port == self.replica.port)
        print(f"no write for {resumed - killed_at:.3f} s after SIGKILL", flush=True)

        self.primary.start()
        self.wait_demoted()
        writer.stop()
        self.assertEqual(lost_keys(self.replica, self.keys), [])
        self.assertEqual(lost_keys(self.replica, {ack.key: ack.value.encode()
                                                  for ack in writer.acks
                                                  if ack.port == self.replica.port}), [])
        self.assert_whole()

    def test_the_logs_tell_it_in_the_words_that_scripts_wait_for(self):
        old, heir = self.line.id, self.replica.myself().id
        self.others[0].call("CONFIG", "SET", "loglevel", "verbose")
        self.primary.kill()
        self.wait_promoted()
        self.primary.start()
        self.wait_demoted()

        def somebody_says(pattern, servers=None):
            return any(re.search(pattern, s.log()) for s in servers or self.nodes.servers)
        for pattern in (rf"Marking node {old} \(\) as failing \(quorum reached\)\.",
                        rf"Failover auth granted to {heir} \(\) for epoch \d+",
                        rf"Clear FAIL state for node {old} \(\): .*is reachable again",
                        "Cluster state changed: fail", "Cluster state changed: ok"):
            self.assertTrue(somebody_says(pattern), pattern)
        for pattern in (r"Start of election delayed for \d+ milliseconds \(rank #0, offset \d+\)\.",
                        r"Starting a failover election for epoch \d+\.",
                        r"Failover election won: I'm the new master\.",
                        r"configEpoch set to \d+ after successful failover"):
            self.assertTrue(somebody_says(pattern, [self.replica]), pattern)
        self.assertTrue(somebody_says(
            rf"Reconfiguring myself as a replica of {heir} \(\)", [self.primary]))

    def test_a_restart_within_50_ms_does_not_wipe_the_shard(self):
        killed_at = time.monotonic()
        self.primary.kill()
        self.primary.start(wait=0)
        print(f"restarted {time.monotonic() - killed_at:.3f} s after SIGKILL", flush=True)
        # Nobody may find the shard served without its keys, neither now nor later.
        deadline = time.monotonic() + 30
        while self.owner() is not self.replica and time.monotonic() < deadline:
            self.assert_never_served_empty(self.primary)
            time.sleep(0.01)
        self.wait_promoted()
        self.wait_demoted()
        self.assertEqual(lost_keys(self.replica, self.keys), [])
        with self.primary.connect() as connection:
            connection.call("READONLY")
            self.assertEqual([connection.call("GET", key) for key in self.keys],
                             list(self.keys.values()))
        self.assert_whole()

    def assert_never_served_empty(self, server):
        try:
            with Connection(server.port, 1) as connection:
                self.assertIsNotNone(connection.call("GET", next(iter(self.keys))))
        except (OSError, EOFError, RespError):
            pass  # It refuses, or is not up yet.

    def test_the_whole_cluster_killed_and_restarted_comes_back(self):
        for server in self.nodes.servers:
            server.kill()
        for server in self.nodes.servers:
            server.start()
        # No copy is left; all that can be asked is that it serves again, under the same owners.
        self.nodes.wait_healthy(60)
        key = f"{{{self.tag}}}again"
        wait_until(lambda: self.owner().call("SET", key, "1") == "OK", 20, "it serves writes")
        self.assert_whole()

    def test_a_replica_killed_disturbs_nobody(self):
        writer = Writer([s.port for s in self.others], self.tag)
        writer.start()
        self.addCleanup(writer.stop)
        wait_until(lambda: len(writer.acks) > 20, 10, "the writer runs")
        refused = len(writer.refusals)
        self.replica.kill()
        wait_until(lambda: all(s.sees(self.replica.port).health == "fail" for s in self.others),
                   20, "everybody knows that it failed")
        self.replica.start()
        self.nodes.wait_healthy()
        wait_until(lambda: all(s.sees(self.replica.port).health == "ok" for s in self.others),
                   20, "everybody knows that it is back")
        writer.stop()
        self.assertEqual(writer.refusals[refused:], [])
        self.assertIs(self.owner(), self.primary)
        self.assertEqual(lost_keys(self.primary, {ack.key: ack.value.encode()
                                                  for ack in writer.acks}), [])


class Stopped(Failover):
    def test_what_piled_up_while_stopped_is_not_acknowledged(self):
        clients = [self.primary.connect(timeout=20) for _ in range(5)]
        for client in clients:
            self.addCleanup(client.close)
            self.assertEqual(client.call("PING"), "PONG")
        self.primary.signal(signal.SIGSTOP)
        self.addCleanup(lambda: self.primary.running() and self.primary.signal(signal.SIGCONT))
        stopped_at = time.monotonic()
        for number, client in enumerate(clients):
            for n in range(200):
                client.send("SET", f"late:{{{self.tag}}}:{number}:{n}", "lost")
        self.primary.forget_connection()
        self.wait_promoted()
        print(f"promoted {time.monotonic() - stopped_at:.3f} s after SIGSTOP", flush=True)
        newer = fill_alone(self.replica, self.tag, 100)

        self.primary.signal(signal.SIGCONT)
        replies = []
        for client in clients:
            try:
                replies += [client.read() for _ in range(200)]
            except (OSError, EOFError):
                pass  # Closing the connection is an answer too.
        acknowledged = [r for r in replies if not isinstance(r, RespError)]
        self.assertEqual(acknowledged, [], f"{len(acknowledged)} writes acknowledged")
        for reply in replies:
            self.assertRegex(str(reply), "^(MOVED|CLUSTERDOWN) ")

        self.wait_demoted()
        self.assertEqual(lost_keys(self.replica, {**self.keys, **newer}), [])
        self.assert_whole()

    def test_a_short_stop_changes_nothing(self):
        epoch = self.line.config_epoch
        self.primary.signal(signal.SIGSTOP)
        time.sleep(NODE_TIMEOUT * 0.4)
        self.primary.signal(signal.SIGCONT)
        key = f"{{{self.tag}}}after"
        wait_until(lambda: self.primary.call("SET", key, "1") == "OK", 10, "it serves")
        deadline = time.monotonic() + 2 * NODE_TIMEOUT
        while time.monotonic() < deadline:
            self.assertIs(self.owner(), self.primary)
            time.sleep(0.05)
        self.assertEqual(self.primary.myself().config_epoch, epoch)


class Hung(Failover):
    def sleep(self, seconds):
        """Hangs the data thread; the process goes on."""
        connection = self.primary.connect(timeout=60)
        self.addCleanup(connection.close)
        connection.send("DEBUG", "SLEEP", f"{seconds:g}")
        self.primary.forget_connection()
        return connection

    def test_a_slow_command_does_not_make_the_node_look_dead(self):
        connection = self.sleep(2 * NODE_TIMEOUT)
        deadline = time.monotonic() + 2 * NODE_TIMEOUT
        while time.monotonic() < deadline:
            for server in self.others:
                self.assertNotEqual(server.sees(self.primary.port).health, "fail")
            time.sleep(0.05)
        self.assertEqual(connection.read(), "OK")
        self.assertIs(self.owner(), self.primary)
        key = f"{{{self.tag}}}after"
        wait_until(lambda: self.primary.call("SET", key, "1") == "OK", 10, "it serves")

    def test_a_host_that_hangs_longer_than_the_stall_timeout_is_replaced(self):
        hung_at = time.monotonic()
        stall_timeout = 3 * NODE_TIMEOUT
        seconds = stall_timeout + 8 * NODE_TIMEOUT
        self.sleep(seconds)
        self.wait_promoted(seconds)
        promoted = time.monotonic() - hung_at
        print(f"promoted {promoted:.3f} s after the host hung", flush=True)
        self.assertGreater(promoted, stall_timeout * 0.9)
        self.assertLess(promoted, seconds, "only when it was awake again")
        newer = fill_alone(self.replica, self.tag, 100)
        self.wait_demoted(60)
        self.assertEqual(lost_keys(self.replica, {**self.keys, **newer}), [])
        self.assert_whole()


def fill_alone(server, tag, count):
    """Like fill(), for a primary without a replica."""
    keys = {f"newer:{{{tag}}}:{n}": b"1" for n in range(count)}
    assert slot_of(next(iter(keys))) == slot_of(tag)
    for key, value in keys.items():
        wait_until(lambda: server.call("SET", key, value) == "OK", 10, f"{server.port} serves")
    return keys


if __name__ == "__main__":
    harness.main()
