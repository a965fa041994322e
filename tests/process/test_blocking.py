"""Clients that wait for keys of a cluster while slots move, primaries change, connections end."""

import collections
import signal
import threading
import time
import unittest

import harness
from cluster_client import ClusterClient
from harness import RespError, wait_until
from kvtools import HOST, slot_of, tag_in

UNBLOCKED = ("UNBLOCKED force unblock from blocking operation, instance state changed (master -> "
             "replica?)")


class Waiting(harness.ProcessTest):
    def waiter(self, server, *words):
        """A connection that has said so, and is known to wait."""
        connection = server.connect(timeout=30)
        self.addCleanup(connection.close)
        client = connection.call("CLIENT", "ID")
        connection.send(*words)
        wait_until(lambda: b"flags=b" in server.call("CLIENT", "LIST", "ID", client), 10,
                   f"{words} waits")
        return connection

    def blocked(self, server):
        return int(server.info("clients")["blocked_clients"])

    def assert_error(self, connection, pattern):
        with self.assertRaisesRegex(RespError, pattern):
            reply = connection.read()
            if isinstance(reply, RespError):
                raise reply


class InOneShard(Waiting):
    def setUp(self):
        self.nodes = self.cluster()
        self.primary = self.nodes.primaries()[0]
        self.replica = self.nodes.replicas_of(self.primary)[0]
        self.tag = tag_in(self.primary.myself().slots)
        self.key = f"{{{self.tag}}}jobs"

    def test_who_came_first_is_served_first_and_the_replica_has_the_rest(self):
        waiters = [self.waiter(self.primary, "BLPOP", self.key, 0) for _ in range(20)]
        waiters.append(self.waiter(self.primary, "BLMOVE", self.key, self.key + "2", "LEFT",
                                   "RIGHT", 0))
        waiters.append(self.waiter(self.primary, "BZPOPMAX", self.key + "z", 0))
        self.assertEqual(self.blocked(self.primary), 22)
        self.primary.call("RPUSH", self.key, *range(25))
        self.primary.call("ZADD", self.key + "z", 1, "one", 2, "two")
        for number, waiter in enumerate(waiters[:20]):
            self.assertEqual(waiter.read(), [self.key.encode(), b"%d" % number])
        self.assertEqual(waiters[20].read(), b"20")
        self.assertEqual(waiters[21].read(), [(self.key + "z").encode(), b"two", b"2"])
        self.assertEqual(self.blocked(self.primary), 0)

        self.assertEqual(self.primary.call("WAIT", 1, 10000), 1)
        with self.replica.connect() as reader:
            reader.call("READONLY")
            self.assertEqual(reader.call("LRANGE", self.key, 0, -1), [b"21", b"22", b"23", b"24"])
            self.assertEqual(reader.call("LRANGE", self.key + "2", 0, -1), [b"20"])
            self.assertEqual(reader.call("ZRANGE", self.key + "z", 0, -1), [b"one"])

    def test_what_is_for_a_client_that_is_gone_is_for_the_next(self):
        for _ in range(3):
            self.waiter(self.primary, "BLPOP", self.key, 0).close()
        wait_until(lambda: self.blocked(self.primary) == 0, 10, "they are forgotten")
        # Also if it had sent more behind, than is read of one that waits for an answer.
        eager = self.waiter(self.primary, "BLPOP", self.key, 0)
        eager.socket.sendall(eager.encode("ECHO", b"x" * 10_000) * 300)
        eager.close()
        wait_until(lambda: self.blocked(self.primary) == 0, 10, "it is forgotten")
        waiter = self.waiter(self.primary, "BLPOP", self.key, 0)
        self.primary.call("RPUSH", self.key, "a", "b")
        self.assertEqual(waiter.read(), [self.key.encode(), b"a"])
        self.assertEqual(self.primary.call("LRANGE", self.key, 0, -1), [b"b"])

    def test_time_is_up(self):
        with self.primary.connect() as client:
            self.assertIsNone(client.call("BLPOP", self.key, "0.05"))
            self.assertIsNone(client.call("BZMPOP", "0.001", 1, self.key, "MIN"))
            self.assertEqual(client.call("PING"), "PONG")

    def test_while_writes_are_paused_nobody_is_served(self):
        waiter = self.waiter(self.primary, "BLPOP", self.key, 0)
        self.primary.call("CLIENT", "PAUSE", 60000, "WRITE")
        pusher = self.waiter(self.primary, "RPUSH", self.key, "a")
        self.assertEqual(self.blocked(self.primary), 2)
        self.primary.call("CLIENT", "UNPAUSE")
        self.assertEqual(waiter.read(), [self.key.encode(), b"a"])
        self.assertEqual(pusher.read(), 1)

    def test_a_planned_change_disconnects_who_waits(self):
        waiters = [self.waiter(self.primary, "BLPOP", self.key, 0),
                   self.waiter(self.primary, "BZMPOP", 0, 1, self.key, "MIN")]
        self.assertEqual(self.replica.call("CLUSTER", "FAILOVER"), "OK")
        for waiter in waiters:
            # Who hears of the new owner first is sent there.
            self.assert_error(waiter, f"^UNBLOCKED|^MOVED {slot_of(self.tag)} "
                                      f"{HOST}:{self.replica.port}$")
        self.assertEqual(self.blocked(self.primary), 0)

    def test_a_takeover_disconnects_who_waits(self):
        waiter = self.waiter(self.primary, "BLPOP", self.key, 0)
        self.assertEqual(self.replica.call("CLUSTER", "FAILOVER", "TAKEOVER"), "OK")
        self.assert_error(waiter, f"^UNBLOCKED|^MOVED {slot_of(self.tag)} ")

    def test_workers_lose_nothing_when_the_primary_changes_as_planned(self):
        with Workers(self.nodes, self.key) as workers:
            for heir in (self.replica, self.primary):
                workers.wait_for_more(200)
                self.assertEqual(heir.call("CLUSTER", "FAILOVER"), "OK")
                wait_until(lambda: heir.info("replication")["role"] == "master"
                           and heir.cluster_info()["cluster_state"] == "ok", 30, "promoted")
        left = self.primary.call("LRANGE", self.key, 0, -1)
        print(workers.summary(), flush=True)
        got = collections.Counter(workers.got + left)
        self.assertEqual([job for job, times in got.items() if times > 1][:5], [])
        self.assertEqual([job for job in workers.acknowledged if job not in got][:5], [])

    def test_a_primary_that_dies_takes_nobody_along(self):
        waiter = self.waiter(self.primary, "BLPOP", self.key, 0)
        self.primary.kill()
        with self.assertRaises((EOFError, OSError)):
            waiter.read()
        wait_until(lambda: self.replica.info("replication")["role"] == "master", 20, "promoted")
        wait_until(lambda: self.replica.cluster_info()["cluster_state"] == "ok", 20, "it serves")
        waiter = self.waiter(self.replica, "BLPOP", self.key, 0)
        self.replica.call("RPUSH", self.key, "a")
        self.assertEqual(waiter.read(), [self.key.encode(), b"a"])


class Workers:
    """Two that push numbered jobs, and four that wait for them."""

    def __init__(self, nodes, key):
        self.ports, self.key = [s.port for s in nodes.servers], key
        self.acknowledged, self.got = [], []
        self.interrupted = collections.Counter()
        self.stopping = False
        self.threads = [threading.Thread(target=self.push, args=(n,)) for n in range(2)]
        self.threads += [threading.Thread(target=self.pop) for _ in range(4)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join()

    def attempt(self, client, *words):
        try:
            return client.call(self.key, *words)
        except (OSError, EOFError, RespError) as error:
            self.interrupted[str(error)[:20]] += 1
            return None

    def push(self, name):
        with ClusterClient(self.ports) as client:
            number = 0
            while not self.stopping:
                number += 1
                job = b"%d-%d" % (name, number)
                if self.attempt(client, "RPUSH", self.key, job) is not None:
                    self.acknowledged.append(job)
                time.sleep(0.001)

    def pop(self):
        with ClusterClient(self.ports) as client:
            while not self.stopping:
                reply = self.attempt(client, "BLPOP", self.key, "0.2")
                if reply is not None:
                    self.got.append(reply[1])

    def wait_for_more(self, count):
        enough = len(self.got) + count
        wait_until(lambda: len(self.got) >= enough, 30, "jobs are done")

    def summary(self):
        return (f"{len(self.acknowledged)} jobs acknowledged, {len(self.got)} done, "
                f"interrupted: {dict(self.interrupted)}")


class BetweenShards(Waiting):
    def setUp(self):
        self.nodes = self.cluster(size=3, replicas=0)
        self.source, self.target, self.third = self.nodes.primaries()
        self.tag = tag_in(self.source.myself().slots)
        self.slot = slot_of(self.tag)
        self.key = f"{{{self.tag}}}jobs"

    def test_who_waits_is_sent_after_the_slot(self):
        waiters = [self.waiter(self.source, "BLPOP", self.key, 0),
                   self.waiter(self.source, "BLPOP", self.key, self.key + "2", 0)]
        ids = {server: server.myself().id for server in (self.source, self.target)}
        self.target.call("CLUSTER", "SETSLOT", self.slot, "IMPORTING", ids[self.source])
        self.source.call("CLUSTER", "SETSLOT", self.slot, "MIGRATING", ids[self.target])
        # Nothing is decided yet; those who ask now wait at the other end.
        asking = self.target.connect(timeout=30)
        self.addCleanup(asking.close)
        asking.call("ASKING")
        asking.send("BLPOP", self.key, 0)
        wait_until(lambda: self.blocked(self.target) == 1, 10, "somebody waits at the target")
        time.sleep(0.5)  # They are looked at when something has changed in the cluster.
        self.assertEqual(self.blocked(self.source), 2)
        self.assertEqual(self.blocked(self.target), 1)

        for server in (self.target, self.source):
            server.call("CLUSTER", "SETSLOT", self.slot, "NODE", ids[self.target])
        for waiter in waiters:
            self.assert_error(waiter, f"^MOVED {self.slot} {HOST}:{self.target.port}$")
        self.target.call("RPUSH", self.key, "a")
        self.assertEqual(asking.read(), [self.key.encode(), b"a"])

    def test_who_waits_hears_that_the_cluster_is_down(self):
        waiter = self.waiter(self.source, "BLPOP", self.key, 0)
        for server in (self.target, self.third):
            server.signal(signal.SIGKILL)
        self.assert_error(waiter, "^CLUSTERDOWN")


if __name__ == "__main__":
    harness.main()
