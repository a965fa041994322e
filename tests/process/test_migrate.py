"""MIGRATE: a socket of ours plays the target, or servers of both kinds do."""

import contextlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import harness
from harness import RespError, fill, lost_keys, wait_until
from kvtools import HOST, Connection, free_ports, tag_in

IOERR = "^IOERR error or timeout %s"


class Target:
    """One accepted connection: requests in, replies as the test wants them."""

    def __init__(self, link: socket.socket) -> None:
        self.connection = Connection.__new__(Connection)
        self.connection.socket = link
        self.connection.buffer = bytearray()
        link.settimeout(20)

    def next(self):
        return self.connection.read()

    def answer(self, *lines: str) -> None:
        self.connection.socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def close(self) -> None:
        self.connection.socket.close()


class Scripted(harness.ProcessTest):
    """A server, and a target that does what a test says."""

    ARGUMENTS = ()

    def setUp(self):
        self.source = self.server(*self.ARGUMENTS)
        self.source.start()
        self.listener = socket.socket()
        self.addCleanup(self.listener.close)
        self.listener.bind((HOST, 0))
        self.listener.listen()
        self.listener.settimeout(20)
        self.port = self.listener.getsockname()[1]
        self.client = self.connect()

    def connect(self) -> Connection:
        client = self.source.connect(20)
        self.addCleanup(client.close)
        return client

    def migrate(self, *keys, timeout=10000, options=()):
        self.client.send("MIGRATE", HOST, self.port, "", 0, timeout, *options, "KEYS", *keys)

    def accept(self) -> Target:
        target = Target(self.listener.accept()[0])
        self.addCleanup(target.close)
        return target

    def sent_keys(self, target, count, command=b"RESTORE"):
        """Accepts and takes the preamble; the names of the keys that are sent."""
        self.assertEqual(target.next(), [b"SELECT", b"0"])
        requests = [target.next() for _ in range(count)]
        self.assertEqual({request[0] for request in requests}, {command})
        return [request[1] for request in requests]

    def held(self, client, *words):
        """Sends a request that must not be answered yet."""
        client.send(*words)
        client.socket.settimeout(0.2)
        with self.assertRaises(socket.timeout):
            client.read()
        client.socket.settimeout(20)


class Alone(Scripted):
    """A server without a cluster."""

    # --- The ordinary way -----------------------------------------------------------------------

    def test_a_key_is_deleted_when_the_target_has_it_and_not_before(self):
        self.source.call("SET", "a", "1")
        self.migrate("a", "nosuch")
        target = self.accept()
        self.assertEqual(self.sent_keys(target, 1), [b"a"])
        self.assertEqual(self.source.call("GET", "a"), b"1")
        target.answer("+OK", "+OK")
        self.assertEqual(self.client.read(), "OK")
        self.assertEqual(self.source.call("EXISTS", "a"), 0)

    def test_what_is_sent_is_a_dump_with_the_time_to_live(self):
        self.source.call("SET", "a", "1", "PX", 60000)
        payload = self.source.call("DUMP", "a")
        self.client.send("MIGRATE", HOST, self.port, "a", 0, 1000, "COPY", "REPLACE", "AUTH2",
                         "me", "secret")
        target = self.accept()
        self.assertEqual(target.next(), [b"AUTH", b"me", b"secret"])
        self.assertEqual(target.next(), [b"SELECT", b"0"])
        restore = target.next()
        self.assertEqual((restore[:2], restore[3:]), ([b"RESTORE", b"a"], [payload, b"REPLACE"]))
        self.assertTrue(0 < int(restore[2]) <= 60000, restore)
        target.answer("+OK", "+OK", "+OK")
        self.assertEqual(self.client.read(), "OK")
        self.assertEqual(self.source.call("EXISTS", "a"), 1, "it was to be copied")

    def test_a_connection_is_kept_for_the_next_time(self):
        for first in (True, False):
            self.source.call("SET", "a", "1")
            self.migrate("a")
            if first:
                target = self.accept()
                self.assertEqual(target.next(), [b"SELECT", b"0"])
                target.answer("+OK")
            self.assertEqual(target.next()[:2], [b"RESTORE", b"a"])
            target.answer("+OK")
            self.assertEqual(self.client.read(), "OK")
            self.assertEqual(self.source.info("stats")["migrate_cached_sockets"], "1")
        # Closed over there: the next time a fresh one is made.
        target.close()
        self.source.call("SET", "a", "1")
        self.migrate("a")
        target = self.accept()
        self.sent_keys(target, 1)
        target.answer("+OK", "+OK")
        self.assertEqual(self.client.read(), "OK")
        wait_until(lambda: self.source.info("stats")["migrate_cached_sockets"] == "0", 20,
                   "an idle connection is closed", 0.2)

    def test_many_keys_are_sent_without_being_encoded_all_at_once(self):
        value = "x" * 100_000
        keys = [f"k{n}" for n in range(500)]
        with self.source.connect(20) as client:
            client.pipeline([("SET", key, value + key) for key in keys])
        before = self.source.resident_bytes()
        self.migrate(*keys)
        target = self.accept()
        # Only the window is encoded while the target does not read.
        time.sleep(0.5)
        self.assertLess(self.source.resident_bytes() - before, 30 << 20)
        self.assertEqual(self.sent_keys(target, len(keys)), [key.encode() for key in keys])
        target.answer(*["+OK"] * (len(keys) + 1))
        self.assertEqual(self.client.read(), "OK")
        self.assertEqual(self.source.call("DBSIZE"), 0)

    # --- Others, meanwhile ----------------------------------------------------------------------

    def test_writes_to_a_key_on_its_way_wait_and_reads_do_not(self):
        self.source.call("MSET", "a", "1", "b", "1")
        self.migrate("a")
        target = self.accept()
        self.sent_keys(target, 1)
        self.assertEqual(self.source.call("GET", "a"), b"1")
        self.assertEqual(self.source.call("SET", "b", "2"), "OK")
        writers = [self.connect() for _ in range(3)]
        self.held(writers[0], "INCR", "a")
        self.held(writers[1], "MSET", "b", "3", "a", "3")
        writers[2].pipeline([("MULTI",), ("GET", "b"), ("DEL", "a")])
        self.held(writers[2], "EXEC")
        self.assertEqual(self.source.call("GET", "a"), b"1")
        target.answer("+OK", "+OK")
        self.assertEqual(self.client.read(), "OK")
        # In whatever order: none of them met the key that went away.
        self.assertIn(writers[0].read(), (1, 4))
        self.assertEqual(writers[1].read(), "OK")
        self.assertEqual(len(writers[2].read()), 2)

    def test_a_key_on_its_way_is_not_sent_twice(self):
        self.source.call("SET", "a", "1")
        self.migrate("a", "a")
        target = self.accept()
        self.assertEqual(self.sent_keys(target, 1), [b"a"])
        other = self.connect()
        self.held(other, "MIGRATE", HOST, self.port, "a", 0, 1000)
        target.answer("+OK", "+OK")
        self.assertEqual(self.client.read(), "OK")
        self.assertEqual(other.read(), "NOKEY")

    def test_what_was_flushed_and_made_again_is_not_deleted(self):
        self.source.call("SET", "a", "old")
        self.migrate("a")
        target = self.accept()
        self.sent_keys(target, 1)
        self.source.call("FLUSHALL")
        writer = self.connect()
        self.held(writer, "SET", "a", "new")
        target.answer("+OK", "+OK")
        self.assertEqual(self.client.read(), "OK")
        self.assertEqual(writer.read(), "OK")
        self.assertEqual(self.source.call("GET", "a"), b"new")

    def test_a_key_may_expire_on_its_way(self):
        self.source.call("SET", "a", "1", "PX", 50)
        self.migrate("a")
        target = self.accept()
        self.sent_keys(target, 1)
        wait_until(lambda: self.source.call("DBSIZE") == 0, 10, "it expires")
        target.answer("+OK", "+OK")
        self.assertEqual(self.client.read(), "OK")
        self.assertEqual(self.source.call("SET", "a", "2"), "OK")

    def test_it_is_done_though_its_client_has_gone(self):
        self.source.call("MSET", "a", "1", "b", "1")
        self.migrate("a", "b")
        target = self.accept()
        self.sent_keys(target, 2)
        # Without a farewell: who only has nothing more to send still gets the answer.
        self.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.close()
        wait_until(lambda: self.source.info("clients")["connected_clients"] == "1", 10,
                   "the server knows")
        writer = self.connect()
        self.held(writer, "SET", "b", "2")
        target.answer("+OK", "+OK", "+OK")
        self.assertEqual(writer.read(), "OK")
        self.assertEqual(self.source.call("EXISTS", "a"), 0)

    def test_as_a_part_of_a_transaction(self):
        self.source.call("MSET", "a", "1", "b", "1")
        self.client.pipeline([("MULTI",), ("SET", "c", "1"), ("MIGRATE", HOST, self.port, "a", 0,
                                                              10000), ("EXISTS", "a", "b")])
        self.client.send("EXEC")
        target = self.accept()
        self.sent_keys(target, 1)
        reader = self.connect()
        self.held(reader, "GET", "c")
        target.answer("+OK", "+OK")
        self.assertEqual(self.client.read(), ["OK", "OK", 1])
        self.assertEqual(reader.read(), b"1")

    def test_it_deletes_nothing_in_the_middle_of_somebodys_transaction(self):
        self.source.call("MSET", "a", "1", "b", "1")
        self.migrate("a", timeout=300)
        target = self.accept()
        self.sent_keys(target, 1)
        other = self.connect()
        other.pipeline([("MULTI",), ("GET", "a"), ("MIGRATE", HOST, self.port, "b", 0, 10000),
                        ("GET", "a")])
        other.send("EXEC")
        second = self.accept()
        self.sent_keys(second, 1)
        target.answer("+OK", "+OK")
        target.close()
        time.sleep(0.6)  # Longer than its timeout: it has its answer, and waits for its turn.
        second.answer("+OK", "+OK")
        self.assertEqual(other.read(), [b"1", "OK", b"1"])
        self.assertEqual(self.client.read(), "OK")
        self.assertEqual(self.source.call("EXISTS", "a", "b"), 0)

    def test_a_pause_waits_for_it_and_holds_the_next(self):
        self.source.call("MSET", "a", "1", "b", "1")
        self.migrate("a")
        target = self.accept()
        self.sent_keys(target, 1)
        self.assertEqual(self.source.call("CLIENT", "PAUSE", 100000, "WRITE"), "OK")
        other = self.connect()
        self.held(other, "MIGRATE", HOST, self.port, "b", 0, 10000)
        target.answer("+OK", "+OK")
        self.assertEqual(self.client.read(), "OK")
        self.assertEqual(self.source.call("EXISTS", "a", "b"), 1)
        self.source.call("CLIENT", "UNPAUSE")
        self.assertEqual(target.next()[:2], [b"RESTORE", b"b"])
        target.answer("+OK")
        self.assertEqual(other.read(), "OK")

    # --- What goes wrong ------------------------------------------------------------------------

    def test_errors_of_the_target_keep_the_key_and_the_first_is_told(self):
        self.source.call("MSET", "a", "1", "b", "1", "c", "1")
        self.migrate("a", "b", "c")
        target = self.accept()
        self.sent_keys(target, 3)
        target.answer("+OK", "-BUSYKEY Target key name already exists.", "+OK", "-ERR no")
        self.assertEqual(str(self.client.read()),
                         "ERR Target instance replied with error: BUSYKEY Target key name already "
                         "exists.")
        self.assertEqual([self.source.call("EXISTS", key) for key in "abc"], [1, 0, 1])
        self.assertEqual(self.source.call("SET", "a", "2"), "OK")

    def test_a_preamble_that_fails_keeps_all_keys(self):
        self.source.call("MSET", "a", "1", "b", "1")
        self.migrate("a", "b", options=("AUTH", "wrong"))
        target = self.accept()
        self.assertEqual(target.next(), [b"AUTH", b"wrong"])
        self.sent_keys(target, 2)
        target.answer("-WRONGPASS no", "-NOAUTH x", "+OK", "+OK")
        self.assertEqual(str(self.client.read()),
                         "ERR Target instance replied with error: WRONGPASS no")
        self.assertEqual(self.source.call("EXISTS", "a", "b"), 2)
        # The database is selected anew.
        self.migrate("a")
        self.assertEqual(self.sent_keys(target, 1), [b"a"])
        target.answer("+OK", "+OK")
        self.assertEqual(self.client.read(), "OK")

    def test_a_target_that_says_nothing(self):
        self.source.call("SET", "a", "1")
        self.migrate("a", timeout=300)
        target = self.accept()
        self.sent_keys(target, 1)
        writer = self.connect()
        writer.send("APPEND", "a", "2")
        self.assertRegex(str(self.client.read()), IOERR % "reading to target instance")
        self.assertEqual(writer.read(), 2)

    def test_a_target_that_takes_nothing(self):
        self.source.call("SET", "a", "x" * 30_000_000)
        self.migrate("a", timeout=300)
        target = self.accept()
        self.assertRegex(str(self.client.read()), IOERR % "writing to target instance")
        self.assertEqual(self.source.call("EXISTS", "a"), 1)
        target.close()

    def test_time_is_counted_from_the_last_progress(self):
        keys = [f"k{n}" for n in range(8)]
        for key in keys:
            self.source.call("SET", key, "1")
        self.migrate(*keys, timeout=400)
        target = self.accept()
        self.sent_keys(target, len(keys))
        for _ in range(len(keys) + 1):  # Twice as long as the timeout, altogether.
            time.sleep(0.1)
            target.answer("+OK")
        self.assertEqual(self.client.read(), "OK")

    def test_nobody_listens(self):
        self.source.call("SET", "a", "1")
        port = free_ports(1)[0]
        with self.assertRaisesRegex(RespError, IOERR % "writing to target instance"):
            self.client.call("MIGRATE", HOST, port, "a", 0, 1000)
        with self.assertRaisesRegex(RespError, IOERR % "connecting to the client"):
            self.client.call("MIGRATE", "no-such-host.invalid", port, "a", 0, 5000)
        self.assertEqual(self.source.call("SET", "a", "2"), "OK")

    def test_a_target_that_hangs_up_is_asked_once_more_unless_it_had_begun(self):
        self.source.call("MSET", "a", "1", "b", "1")
        self.migrate("a", "b")
        target = self.accept()
        self.sent_keys(target, 2)
        target.close()
        target = self.accept()
        self.sent_keys(target, 2)
        target.answer("+OK", "+OK")
        wait_until(lambda: self.source.call("EXISTS", "a") == 0, 10, "one has arrived")
        target.close()
        self.assertRegex(str(self.client.read()), IOERR % "reading to target instance")
        self.assertEqual(self.source.call("EXISTS", "a", "b"), 1)

    def test_a_target_that_talks_nonsense(self):
        for nonsense in (":1", "$5", "*1", "OK", "", "+PONG", "x" * 100_000):
            self.source.call("SET", "a", "1")
            self.migrate("a")
            for _ in range(2):
                target = self.accept()
                self.sent_keys(target, 1)
                with contextlib.suppress(OSError):
                    target.answer("+OK", nonsense)
            self.assertRegex(str(self.client.read()), IOERR % "reading to target instance")
            self.assertEqual(self.source.call("GET", "a"), b"1")

    def test_more_targets_at_a_time_than_connections(self):
        count = 80
        clients = [self.connect() for _ in range(count)]
        for n, client in enumerate(clients):
            self.source.call("SET", f"k{n}", "1")
            client.send("MIGRATE", HOST, self.port, f"k{n}", 0, 20000)
        targets = [self.accept() for _ in range(64)]
        self.listener.settimeout(0.3)
        with self.assertRaises(socket.timeout):
            self.accept()
        for target in targets:
            self.sent_keys(target, 1)
            target.answer("+OK", "+OK")
        done = 0
        while done < count - 64:
            for target in targets:
                target.connection.socket.settimeout(0.05)
                with contextlib.suppress(socket.timeout):
                    self.assertEqual(target.next()[0], b"RESTORE")
                    target.answer("+OK")
                    done += 1
        self.assertEqual([client.read() for client in clients], ["OK"] * count)
        self.assertEqual(self.source.call("DBSIZE"), 0)


class InCluster(Scripted):
    """A node that owns all slots."""

    ARGUMENTS = ("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
                 "--cluster-node-timeout", "2000")

    def setUp(self):
        super().setUp()
        self.source.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: self.source.call("SET", "a", "1") == "OK", 15, "it serves")

    def test_deletions_reach_the_replica_in_their_place(self):
        replica = self.connect()
        replica.send("PSYNC", "?", "-1")
        wait_until(lambda: self.source.info("replication").get("slave0", "").find("online") > 0, 10,
                   "the replica is online")
        replica.socket.settimeout(0.5)
        with contextlib.suppress(socket.timeout):
            while replica.socket.recv(65536):
                pass
        replica.socket.settimeout(20)
        self.source.call("MSET", "{t}a", "1", "{t}b", "1")
        self.migrate("{t}a", "{t}b")
        target = self.accept()
        self.assertEqual(self.sent_keys(target, 2, b"RESTORE-ASKING"), [b"{t}a", b"{t}b"])
        target.answer("+OK", "-ERR no", "+OK")
        self.assertRegex(str(self.client.read()), "^ERR Target")
        stream = [words for words in (replica.read() for _ in range(2)) if words != [b"PING"]]
        self.assertEqual(stream, [[b"MSET", b"{t}a", b"1", b"{t}b", b"1"], [b"DEL", b"{t}b"]])

    def test_keys_of_two_slots_are_refused(self):
        with self.assertRaisesRegex(RespError, "^CROSSSLOT"):
            self.client.call("MIGRATE", HOST, self.port, "", 0, 1000, "KEYS", "a", "b")


class Demoted(harness.ProcessTest):
    def test_who_is_no_longer_the_primary_deletes_nothing(self):
        cluster = self.cluster(size=6, replicas=1)
        old = cluster.primaries()[0]
        heir = cluster.replicas_of(old)[0]
        tag = tag_in(old.myself().slots)
        expected = fill(old, tag, 1)
        key = next(iter(expected))
        with socket.socket() as listener, old.connect(60) as client:
            listener.bind((HOST, 0))
            listener.listen()
            listener.settimeout(20)
            client.send("MIGRATE", HOST, listener.getsockname()[1], key, 0, 60000)
            target = Target(listener.accept()[0])
            self.addCleanup(target.close)
            self.assertEqual(target.next(), [b"SELECT", b"0"])
            self.assertEqual(target.next()[1], key.encode())
            old.signal(signal.SIGSTOP)
            wait_until(lambda: heir.myself().is_primary, 30, "the replica is elected")
            old.signal(signal.SIGCONT)
            wait_until(lambda: old.info("replication")["role"] == "slave", 30, "it is demoted")
            target.answer("+OK", "+OK")
            self.assertRegex(str(client.read()), "^UNBLOCKED force unblock")
            with self.assertRaises((EOFError, OSError)):
                client.call("PING")
        self.assertEqual(lost_keys(heir, expected), [])
        cluster.wait_healthy()


class WithServers(harness.ProcessTest):
    """Between a server of ours and redis-server, both ways."""

    def redis(self) -> Connection:
        program = shutil.which("redis-server")
        if program is None:
            self.skipTest("no redis-server")
        port = free_ports(1)[0]
        directory = tempfile.mkdtemp(prefix="clusterkit-test-")
        self.addCleanup(shutil.rmtree, directory, True)
        process = subprocess.Popen([program, "--port", str(port), "--bind", HOST, "--save", "",
                                    "--dir", directory], stdout=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        connections = []
        wait_until(lambda: connections.append(Connection(port, 20)) or True, 10, "redis answers")
        self.addCleanup(connections[0].close)
        return connections[0]

    def test_there_and_back(self):
        ours = self.server()
        ours.start()
        redis = self.redis()
        with ours.connect(20) as here:
            here.pipeline([("SET", "s", "x" * 100_000), ("SET", "n", 42, "EX", 1000),
                           ("RPUSH", "l", *range(200)), ("HSET", "h", "f", "v"),
                           ("SADD", "set", 1, 2, 3), ("ZADD", "z", -1.5, "a", "inf", "b")])
            keys = ("s", "n", "l", "h", "set", "z")
            dumps = {key: here.call("DUMP", key) for key in keys}
            self.assertEqual(here.call("MIGRATE", HOST, redis.port, "", 0, 5000, "KEYS", *keys),
                             "OK")
            self.assertEqual(here.call("DBSIZE"), 0)
            self.assertTrue(990 < redis.call("TTL", "n") <= 1000)
            self.assertEqual(redis.call("LRANGE", "l", 0, 1), [b"0", b"1"])
            self.assertEqual(redis.call("MIGRATE", HOST, ours.port, "", 0, 5000, "KEYS", *keys),
                             "OK")
            self.assertEqual(redis.call("DBSIZE"), 0)
            self.assertEqual({key: here.call("DUMP", key) for key in keys}, dumps)
            here.call("SET", "n", 43)
            self.assertEqual(redis.call("SET", "n", 44), "OK")
            with self.assertRaisesRegex(RespError, "^ERR Target instance replied with error: BUSY"):
                here.call("MIGRATE", HOST, redis.port, "n", 0, 5000)
            self.assertEqual(here.call("MIGRATE", HOST, redis.port, "n", 0, 5000, "REPLACE"), "OK")
            self.assertEqual(redis.call("GET", "n"), b"43")


if __name__ == "__main__":
    harness.main()
