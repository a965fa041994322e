"""The replication protocol, byte by byte: a socket of ours plays the replica, or the primary."""

import contextlib
import socket
import struct
import threading
import unittest
from typing import Dict, Optional

import harness
from harness import RespError, wait_until
from kvtools import HOST, Connection

CLUSTER = ("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
           "--cluster-node-timeout", "1000")
NO_EXPIRY = -1


# --- Snapshots, as examples/kvserver/snapshot.h describes them ------------------------------------

def checksum(seed: int, data: bytes) -> int:
    mask, prime = (1 << 64) - 1, 0x9e3779b97f4a7c15
    total = seed ^ (len(data) * prime & mask)
    whole = len(data) // 8 * 8
    for (word,) in struct.iter_unpack("<Q", data[:whole]):
        total = (total ^ word) * prime & mask
        total ^= total >> 29
    for byte in data[whole:]:
        total = (total ^ byte) * prime & mask
        total ^= total >> 29
    return total


class Container(bytes):
    """A value that is no string, as in a payload of DUMP without its last ten bytes."""


def encode_snapshot(data: Dict[bytes, bytes], history: int = 0) -> bytes:
    out = b"KVSNAP1\n" + struct.pack("<Q", history)
    total = checksum(0xcbf29ce484222325, out)
    for key, value in data.items():
        mark = 2 if isinstance(value, Container) else 1
        record = struct.pack("<bqIQ", mark, NO_EXPIRY, len(key), len(value)) + key + value
        total = checksum(total, record)
        out += record
    return out + struct.pack("<bQQ", 0, len(data), total)


# --- A replica ------------------------------------------------------------------------------------

class Replica(Connection):
    """Pulls from a server of ours, which must be a primary."""

    def sync(self) -> None:
        self.socket.sendall(b"".join(self.encode(*words) for words in (
            ("PING",), ("REPLCONF", "listening-port", "7777"),
            ("REPLCONF", "capa", "eof", "capa", "psync2"), ("PSYNC", "?", "-1"))))
        assert [self.read() for _ in range(3)] == ["PONG", "OK", "OK"]
        while self._bytes_ahead() == b"\n":  # Keeps the link alive while a snapshot is awaited.
            self._bytes(1)
        word, self.stream_id, offset = str(self.read()).split()
        assert word == "FULLRESYNC", word
        self.offset = int(offset)
        marker = self._line()
        assert marker.startswith(b"$EOF:"), marker
        self.mark = marker[5:]
        assert len(self.mark) == 40
        self.data = self.read_snapshot()
        assert self._bytes(40) == self.mark

    def resume(self, stream_id: str, offset: int):
        """Asks to go on from there; the words of the answer."""
        self.stream_id, self.offset = stream_id, offset
        self.send("PSYNC", stream_id, offset + 1)
        while self._bytes_ahead() == b"\n":
            self._bytes(1)
        return str(self.read()).split()

    def read_snapshot(self) -> Dict[bytes, bytes]:
        head = self._bytes(16)
        assert head[:8] == b"KVSNAP1\n", head
        total, data = checksum(0xcbf29ce484222325, head), {}
        while self._bytes_ahead() != b"\x00":
            record = self._bytes(21)
            mark, _, key_size, value_size = struct.unpack("<bqIQ", record)
            assert mark in (1, 2, 3), mark  # Large containers are tested elsewhere.
            body = self._bytes(key_size + value_size)
            key, value = body[:key_size], body[key_size:]
            if mark == 3:  # More of a string.
                value = data[key] + value
            data[key] = Container(value) if mark == 2 else value
            total = checksum(total, record + body)
        _, count, expected = struct.unpack("<bQQ", self._bytes(17))
        assert (count, expected) == (len(data), total)
        return data

    def _bytes_ahead(self) -> bytes:
        while not self.buffer:
            self._fill()
        return bytes(self.buffer[:1])

    def next(self):
        """The next command of the stream, but for PING; counts what it took."""
        while True:
            words = self.read()
            self.offset += len(self.encode(*words))
            if words != [b"PING"]:
                return words

    def ack(self) -> None:
        self.send("REPLCONF", "ACK", self.offset)


class Passwords(harness.ProcessTest):
    """A primary and its replica, and a password that changes at run time."""

    def test_a_replica_needs_the_primarys_password(self):
        primary, replica = self.server(*CLUSTER), self.server(*CLUSTER)
        for server in (primary, replica):
            server.start()
        primary.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        replica.call("CLUSTER", "MEET", HOST, primary.port)
        id = primary.text("CLUSTER", "MYID")
        wait_until(lambda: replica.call("CLUSTER", "REPLICATE", id) == "OK", 10, "it follows")

        def link():
            return replica.info("replication")["master_link_status"]
        wait_until(lambda: link() == "up", 15, "in sync")
        primary.call("CONFIG", "SET", "requirepass", "secret")
        self.assertEqual(primary.call("CLIENT", "KILL", "TYPE", "replica"), 1)
        wait_until(lambda: link() == "down", 10, "the link is down")
        replica.call("CONFIG", "SET", "masterauth", "wrong")
        wait_until(lambda: "WRONGPASS" in replica.log(), 10, "it tells why")
        self.assertEqual(link(), "down")
        replica.call("CONFIG", "SET", "masterauth", "secret")
        wait_until(lambda: link() == "up", 10, "in sync again")
        replica.call("CONFIG", "SET", "masteruser", "nobody")
        self.assertEqual(primary.call("CLIENT", "KILL", "TYPE", "slave"), 1)
        wait_until(lambda: link() == "down", 10, "the link is down")
        replica.call("CONFIG", "SET", "masteruser", "default")
        wait_until(lambda: link() == "up", 10, "in sync again")


class AsPrimary(harness.ProcessTest):
    """A cluster of one node with all slots."""

    def setUp(self):
        # Drops what does not read soon enough to be seen.
        self.primary = self.server(*CLUSTER, "--client-output-buffer-limit", "replica", "16mb",
                                   "0", "0", "--repl-ping-replica-period", "3600")
        self.start(self.primary)

    def start(self, server):
        server.start()
        server.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: server.call("SET", "ready", "1") == "OK", 15, "it serves")

    def replica(self) -> Replica:
        replica = Replica(self.primary.port, 20)
        self.addCleanup(replica.close)
        return replica

    def info(self):
        return self.primary.info("replication")

    def test_full_synchronisation_then_the_stream(self):
        self.primary.call("SET", "k", b"\x00\r\n\xff")
        replica = self.replica()
        replica.sync()
        self.assertEqual(replica.data, {b"ready": b"1", b"k": b"\x00\r\n\xff"})
        self.assertEqual(replica.stream_id, self.info()["master_replid"])
        self.assertRegex(self.info()["slave0"], "^ip=127.0.0.1,port=7777,state=online,")

        self.primary.call("SET", "a", "1")
        self.primary.call("SET", "b", "2", "PX", "60000")
        self.primary.call("DEL", "a")
        self.primary.call("GET", "b")
        self.assertEqual(replica.next(), [b"SET", b"a", b"1"])
        with_expiry = replica.next()
        self.assertEqual(with_expiry[:4], [b"SET", b"b", b"2", b"PXAT"], "expiries are absolute")
        self.assertEqual(replica.next(), [b"DEL", b"a"])
        self.assertEqual(replica.offset, int(self.info()["master_repl_offset"]))

    def counts(self):
        stats = self.primary.info("stats")
        return tuple(int(stats[name])
                     for name in ("sync_full", "sync_partial_ok", "sync_partial_err"))

    def test_a_replica_goes_on_from_where_its_link_broke(self):
        first = self.replica()
        first.sync()
        self.primary.call("SET", "a", "1")
        self.assertEqual(first.next(), [b"SET", b"a", b"1"])
        first.close()
        self.primary.call("SET", "a", "2")
        wait_until(lambda: self.info()["connected_slaves"] == "0", 10, "the link is gone")
        self.primary.call("SET", "a", "3")
        second = self.replica()
        self.assertEqual(second.resume(first.stream_id, first.offset)[:2],
                         ["CONTINUE", first.stream_id])
        self.assertRegex(self.info()["slave0"], ",state=online,")
        self.primary.call("SET", "a", "4")
        for n in (2, 3, 4):
            self.assertEqual(second.next(), [b"SET", b"a", b"%d" % n])
        self.assertEqual(second.offset, int(self.info()["master_repl_offset"]))
        self.assertEqual(self.counts(), (1, 1, 0))
        second.ack()
        wait_until(lambda: f"offset={second.offset}," in self.info()["slave0"], 10, "acknowledged")

    def test_what_is_not_sure_to_be_the_same_is_copied(self):
        replica = self.replica()
        replica.sync()
        id, offset = replica.stream_id, replica.offset
        asked = 0
        for words in ((id, offset + 1), ("0" * 40, 0), ("f" * 40, offset), (id[:-1], offset),
                      ("", offset), (id, -1), (id, -5), (id, 2 ** 62)):
            with self.subTest(words=words):
                self.assertEqual(self.replica().resume(*words)[0], "FULLRESYNC")
                asked += 1
                self.assertEqual(self.counts(), (1 + asked, 0, asked))
        self.assertEqual(self.replica().resume(id, offset)[0], "CONTINUE")

    def test_a_backlog_reaches_as_far_as_it_is_large(self):
        self.primary.call("CONFIG", "SET", "repl-backlog-size", 20000)
        replica = self.replica()
        replica.sync()
        start = replica.offset
        for n in range(4):
            self.primary.call("SET", "a", str(n) * 10000)
            replica.next()
        info = self.info()
        self.assertEqual((info["repl_backlog_active"], info["repl_backlog_size"],
                          info["repl_backlog_histlen"]), ("1", "20000", "20000"))
        first = int(info["repl_backlog_first_byte_offset"])
        self.assertEqual(first, replica.offset - 20000 + 1)
        self.assertEqual(self.replica().resume(replica.stream_id, start)[0], "FULLRESYNC")
        self.assertEqual(self.replica().resume(replica.stream_id, first - 2)[0], "FULLRESYNC")
        self.assertEqual(self.replica().resume(replica.stream_id, first - 1)[0], "CONTINUE")

    def test_a_backlog_goes_when_no_replica_was_here_for_long(self):
        self.primary.call("CONFIG", "SET", "repl-backlog-ttl", 1)
        self.replica().sync()
        self.assertEqual(self.info()["repl_backlog_active"], "1")
        self.assertEqual(self.primary.call("CLIENT", "KILL", "TYPE", "replica"), 1)
        wait_until(lambda: self.info()["repl_backlog_active"] == "0", 10, "it is gone")

    def test_going_on_does_not_exceed_the_output_limit(self):
        replica = self.replica()
        replica.sync()
        self.primary.call("CONFIG", "SET", "repl-backlog-size", "40mb")
        with self.primary.connect(20) as client:
            for _ in range(60):
                client.call("SET", "big", "x" * 500_000)
        second = self.replica()
        self.assertEqual(second.resume(replica.stream_id, replica.offset)[0], "CONTINUE")
        for _ in range(60):
            self.assertEqual(second.next()[1], b"big")

    def test_who_catches_up_gets_what_came_meanwhile_in_order(self):
        replica = self.replica()
        replica.sync()
        self.primary.call("CONFIG", "SET", "repl-backlog-size", "100mb")
        with self.primary.connect(20) as client:
            client.pipeline([("SET", "n", f"{n:0100000}") for n in range(200)], 10)
            second = self.replica()
            self.assertEqual(second.resume(replica.stream_id, replica.offset)[0], "CONTINUE")
            client.pipeline([("SET", "n", n) for n in range(200, 300)], 1)
        values = [second.next()[2].lstrip(b"0") or b"0" for _ in range(300)]
        self.assertEqual(values, [b"%d" % n for n in range(300)])

    def test_who_catches_up_too_slowly_for_the_backlog_is_dropped(self):
        replica = self.replica()
        replica.sync()
        self.primary.call("CONFIG", "SET", "repl-backlog-size", "20mb")
        with self.primary.connect(20) as client:
            client.pipeline([("SET", "n", f"{n:0100000}") for n in range(150)], 10)
            second = self.replica()
            self.assertEqual(second.resume(replica.stream_id, replica.offset)[0], "CONTINUE")
            client.pipeline([("SET", "n", f"{n:0100000}") for n in range(200)], 10)
        with self.assertRaises((OSError, EOFError)):
            for _ in range(350):
                second.next()
        self.assertIn("the backlog does not reach back", self.primary.log())

    def test_a_transaction_that_waits_is_in_the_stream_or_in_the_snapshot(self):
        with self.primary.connect(20) as client:
            client.pipeline([("MULTI",), ("INCR", "{t}n"), *[("CLUSTER", "BUMPEPOCH")] * 50,
                             ("INCR", "{t}n")])
            client.send("EXEC")
            replica = self.replica()
            replica.sync()
            client.read()
        self.primary.call("SET", "last", "1")
        value = int(replica.data.get(b"{t}n", b"0"))
        while (words := replica.next())[1:2] != [b"last"]:
            value += words[0] == b"INCR"
        self.assertEqual(value, 2)

    def test_containers_are_in_the_snapshot_and_their_changes_in_the_stream(self):
        for words in (("RPUSH", "l", "a", "bc"), ("SADD", "s", "a"), ("HSET", "h", "f", "12"),
                      ("ZADD", "z", "1.5", "a")):
            self.primary.call(*words)
        replica = self.replica()
        replica.sync()
        for key in (b"l", b"s", b"h", b"z"):
            self.assertIsInstance(replica.data[key], Container)
            self.assertEqual(replica.data[key], self.primary.call("DUMP", key)[:-10])
        self.assertNotIsInstance(replica.data[b"ready"], Container)

        for words in ((b"HSET", b"h", b"f", b"13"), (b"LPUSH", b"l", b"x"), (b"RPOP", b"l"),
                      (b"SADD", b"s", b"b"), (b"HDEL", b"h", b"f"),
                      (b"ZINCRBY", b"z", b"0.1", b"b")):
            self.primary.call(*words)
            self.assertEqual(replica.next(), [*words])
        popped = self.primary.call("SPOP", "s")
        self.assertEqual(replica.next(), [b"SREM", b"s", popped], "a replica would draw another")
        self.primary.call("HINCRBYFLOAT", "h", "g", "0.1")
        self.assertEqual(replica.next(), [b"HSET", b"h", b"g", b"0.1"])
        payload = self.primary.call("DUMP", "l")
        self.primary.call("RESTORE", "copy", 0, payload)
        self.assertEqual(replica.next(),
                         [b"RESTORE", b"copy", b"0", payload, b"REPLACE", b"ABSTTL"])

    def test_containers_in_a_snapshot_are_those_of_one_moment_while_writes_go_on(self):
        keys = [f"{kind}{n}" for n in range(3000) for kind in "lshz"]
        add = {"l": ("RPUSH",), "s": ("SADD",), "h": ("HSET", "field"), "z": ("ZADD", "1")}

        def request(key: str, value: str):
            command, *words = add[key[0]]
            return (command, key, *words, value)

        with self.primary.connect(20) as client:
            client.pipeline([request(key, "old") for key in keys])
            replica = self.replica()
            replica.socket.sendall(replica.encode("REPLCONF", "listening-port", "7777") +
                                   replica.encode("PSYNC", "?", "-1"))
            client.pipeline([request(key, "new") for key in keys])
            client.call("SET", "last", "1")
            final = {key: client.call("DUMP", key)[:-10] for key in keys}
        self.assertEqual(replica.read(), "OK")
        replica.offset = 0
        self.assertTrue(str(replica.read()).startswith("FULLRESYNC"))
        replica.mark = replica._line()[5:]
        data = replica.read_snapshot()
        self.assertEqual(replica._bytes(40), replica.mark)
        changed = set()
        while (words := replica.next())[1] != b"last":
            changed.add(words[1].decode())
        for key in keys:
            # Old and then changed by the stream, or new already.
            self.assertEqual(data[key.encode()] != final[key], key in changed, key)

    def test_a_transaction_travels_as_one(self):
        replica = self.replica()
        replica.sync()
        with self.primary.connect() as client:
            replies = client.pipeline([("MULTI",), ("SET", "{t}a", "1"), ("GET", "{t}a"),
                                       ("CLUSTER", "MYID"), ("CLUSTER", "BUMPEPOCH"),
                                       ("INCR", "{t}a"), ("EXEC",)])
        self.assertEqual(replies[:6], ["OK"] + ["QUEUED"] * 5)
        self.assertEqual((replies[6][:2], replies[6][-1]), (["OK", b"1"], 2))
        self.assertEqual([replica.next() for _ in range(4)],
                         [[b"MULTI"], [b"SET", b"{t}a", b"1"], [b"INCR", b"{t}a"], [b"EXEC"]])
        self.primary.call("GET", "{t}a")
        self.assertEqual(replica.offset, int(self.info()["master_repl_offset"]))

    def test_an_expired_key_reaches_the_replica_as_a_deletion(self):
        replica = self.replica()
        replica.sync()
        self.primary.call("SET", "short", "1", "PX", "50")
        self.assertEqual(replica.next()[0], b"SET")
        self.assertEqual(replica.next(), [b"DEL", b"short"])

    def test_wait_counts_acknowledgements(self):
        replicas = [self.replica() for _ in range(2)]
        for replica in replicas:
            replica.sync()
        with self.primary.connect(20) as client:
            client.call("SET", "a", "1")
            client.send("WAIT", 2, 10000)
            for replica in replicas:
                self.assertEqual(replica.next(), [b"SET", b"a", b"1"])
                self.assertEqual(replica.next(), [b"REPLCONF", b"GETACK", b"*"])
                replica.ack()
            self.assertEqual(client.read(), 2)
            client.call("SET", "a", "2")
            client.send("WAIT", 2, 300)
            self.assertEqual(replicas[0].next(), [b"SET", b"a", b"2"])
            replicas[0].ack()
            self.assertEqual(client.read(), 1, "one of two in time")

    def test_a_snapshot_shows_one_moment_while_writes_go_on(self):
        count = 20000
        with self.primary.connect(20) as client:
            client.pipeline([("SET", f"k{n}", "old") for n in range(count)])
            replica = self.replica()
            # All in one turn of the server: the snapshot is taken before, between or after.
            replica.socket.sendall(replica.encode("REPLCONF", "listening-port", "7777") +
                                   replica.encode("PSYNC", "?", "-1"))
            client.pipeline([("SET", f"k{n}", "new") for n in range(count)])
            client.call("SET", "last", "1")
        self.assertEqual(replica.read(), "OK")
        replica.stream_id, replica.offset = str(replica.read()).split()[1], 0
        replica.mark = replica._line()[5:]
        data = replica.read_snapshot()
        self.assertEqual(replica._bytes(40), replica.mark)
        while (words := replica.next())[1] != b"last":
            if words[0] == b"SET":
                data[words[1]] = words[2]
        self.assertEqual({key: value for key, value in data.items() if key[:1] == b"k"},
                         {b"k%d" % n: b"new" for n in range(count)})

    def test_replicas_that_ask_at_different_times_are_all_served(self):
        with self.primary.connect(20) as client:
            client.pipeline([("SET", f"k{n}", "x" * 100) for n in range(50000)])
        replicas = [self.replica() for _ in range(4)]
        # Side by side: a snapshot goes no faster than its slowest reader.
        threads = [threading.Timer(n * 0.01, replica.sync) for n, replica in enumerate(replicas)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.primary.call("SET", "after", "1")
        for replica in replicas:
            self.assertEqual(len(replica.data), 50001)
            self.assertEqual(replica.next(), [b"SET", b"after", b"1"])

    def test_a_replica_that_does_not_read_the_stream_is_dropped(self):
        self.replica().sync()
        with self.primary.connect(20) as client:
            for _ in range(100):
                client.call("SET", "big", "x" * 500_000)
        wait_until(lambda: self.info()["connected_slaves"] == "0", 10, "it is dropped")

    def test_a_replica_that_does_not_read_its_snapshot_is_dropped(self):
        with self.primary.connect(20) as client:
            client.pipeline([("SET", f"k{n}", "x" * 1000) for n in range(20000)])
            self.replica().send("PSYNC", "?", "-1")
            wait_until(lambda: "send_bulk" in self.info().get("slave0", ""), 10,
                       "its snapshot begins")
            for _ in range(100):
                client.call("SET", "big", "x" * 500_000)
        wait_until(lambda: self.info()["connected_slaves"] == "0", 10, "it is dropped")
        # It blocks nobody else.
        self.replica().sync()

    def test_nonsense_is_answered_and_harmless(self):
        for words in (("PSYNC",), ("PSYNC", "?"), ("REPLCONF", "listening-port"),
                      ("REPLCONF", "listening-port", "x"), ("REPLCONF", "no-such-option", "1")):
            with self.subTest(words=words), self.assertRaises(RespError):
                self.primary.call(*words)
        with self.primary.connect() as client:
            client.send("REPLCONF", "ACK", "99999999999999999999")
            client.send("REPLCONF", "ACK", "5")
            self.assertEqual(client.call("PING"), "PONG", "acknowledgements are not answered")
        replica = self.replica()
        replica.sync()
        replica.send("REPLCONF", "ACK", "9" * 15)
        replica.send("PSYNC", "?", "-1")
        self.primary.call("SET", "still", "1")
        self.assertEqual(replica.next(), [b"SET", b"still", b"1"])

    def test_a_replica_that_looks_for_another_node_is_refused(self):
        # As when a machine comes back with an empty disk at its old address.
        stranger = self.replica()
        self.assertEqual(stranger.call("REPLCONF", "primary-id", "f" * 40), "OK")
        with self.assertRaisesRegex(RespError, "^ERR Can't SYNC: this is not the primary"):
            stranger.call("PSYNC", "?", "-1")
        replica = self.replica()
        own = self.primary.text("CLUSTER", "MYID")
        self.assertEqual(replica.call("REPLCONF", "primary-id", own), "OK")
        replica.sync()
        self.assertEqual(replica.data, {b"ready": b"1"})

    def test_writes_wait_for_enough_replicas_to_follow(self):
        refusal = "^NOREPLICAS Not enough good replicas to write"
        self.primary.call("CONFIG", "SET", "min-replicas-to-write", 1)
        for words in (("SET", "a", "1"), ("FLUSHALL",)):
            with self.assertRaisesRegex(RespError, refusal):
                self.primary.call(*words)
        self.assertEqual(self.primary.call("GET", "ready"), b"1")
        replica = self.replica()
        replica.sync()
        wait_until(lambda: "state=online" in self.info().get("slave0", ""), 10, "it follows")
        self.assertEqual(self.primary.call("SET", "a", "1"), "OK")
        # It says nothing more: the primary believes in it for as long as it may lag.
        self.primary.call("CONFIG", "SET", "min-replicas-max-lag", 1)

        def refused():
            try:
                self.primary.call("SET", "a", "2")
            except RespError as error:
                return str(error).startswith("NOREPLICAS")
            return False
        wait_until(refused, 10, "it lags too far behind")
        replica.ack()
        wait_until(lambda: not refused(), 10, "it follows again")

    def test_replicas_of_a_replica_are_refused(self):
        other = self.server(*CLUSTER)
        other.start()
        other.call("CLUSTER", "MEET", HOST, self.primary.port)
        id = self.primary.text("CLUSTER", "MYID")
        wait_until(lambda: other.call("CLUSTER", "REPLICATE", id) == "OK", 10, "it is a replica")
        wait_until(lambda: other.info("replication")["master_link_status"] == "up", 10, "in sync")
        with self.assertRaisesRegex(RespError, "^ERR Can't SYNC with a replica"):
            other.call("PSYNC", "?", "-1")


# --- A primary ------------------------------------------------------------------------------------

class Primary:
    """One accepted replication link, after the replica's first commands."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        link.settimeout(20)
        self.received = b""
        self.wait_for(b"PSYNC")
        link.sendall(b"+PONG\r\n+OK\r\n+OK\r\n")

    def wait_for(self, text: bytes) -> None:
        while text not in self.received:
            data = self.link.recv(65536)
            if not data:
                raise EOFError("the replica hung up")
            self.received += data

    def answer(self, *parts: bytes) -> None:
        for part in parts:
            self.link.sendall(part)

    def full_resync(self, snapshot: bytes, offset: int = 100, mark: bytes = b"m" * 40,
                    end: Optional[bytes] = None) -> None:
        self.answer(b"+FULLRESYNC %s %d\r\n" % (b"1" * 40, offset), b"\n", b"$EOF:%s\r\n" % mark,
                    snapshot, mark if end is None else end)

    def hung_up(self) -> bool:
        try:
            while self.link.recv(65536):
                pass
        except ConnectionError:
            pass
        return True


class AsReplica(harness.ProcessTest):
    """The replica of a primary that announces our port as its own."""

    def setUp(self):
        self.listener = socket.socket()
        self.addCleanup(self.listener.close)
        self.listener.bind((HOST, 0))
        self.listener.listen()
        self.listener.settimeout(20)
        announced = self.listener.getsockname()[1]
        primary = self.server(*CLUSTER, "--cluster-announce-port", str(announced))
        self.replica = self.server(*CLUSTER)
        for server in (primary, self.replica):
            server.start()
        primary.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        self.replica.call("CLUSTER", "MEET", HOST, primary.port)
        id = primary.text("CLUSTER", "MYID")
        wait_until(lambda: self.replica.call("CLUSTER", "REPLICATE", id) == "OK", 10, "it follows")
        wait_until(lambda: self.replica.cluster_info()["cluster_state"] == "ok", 10, "state ok")

    @contextlib.contextmanager
    def link(self):
        link = self.listener.accept()[0]
        with link:
            yield Primary(link)

    def get(self, key: str):
        with self.replica.connect(20) as client:
            client.call("READONLY")
            return client.call("GET", key)

    def info(self):
        return self.replica.info("replication")

    def test_it_takes_the_snapshot_and_the_stream(self):
        with self.link() as primary:
            self.assertEqual(self.info()["master_link_status"], "down")
            primary.full_resync(encode_snapshot({b"a": b"1", b"b": b"2"}, history=7), 100)
            wait_until(lambda: self.info()["master_link_status"] == "up", 10, "the link is up")
            primary.wait_for(b"$3\r\n100\r\n")  # The first acknowledgement.
            self.assertEqual(self.get("a"), b"1")
            self.assertEqual(self.info()["history_epoch"], "7")
            stream = (Connection.encode("SET", "a", "3") + Connection.encode("PING") +
                      Connection.encode("DEL", "b") + Connection.encode("REPLCONF", "GETACK", "*"))
            for n in range(len(stream)):  # Byte by byte.
                primary.answer(stream[n:n + 1])
            primary.wait_for(b"ACK\r\n$3\r\n%d\r\n" % (100 + len(stream)))
            self.assertEqual((self.get("a"), self.get("b")), (b"3", None))
            self.assertEqual(int(self.info()["slave_repl_offset"]), 100 + len(stream))

    def test_it_takes_containers(self):
        snapshot = encode_snapshot({
            b"l": Container(b"\x01\x02\x01a\x02bc"), b"s": Container(b"\x02\x01\xc0\x05"),
            b"h": Container(b"\x04\x01\x01f\x01v"), b"string": b"1"})
        with self.link() as primary:
            primary.full_resync(snapshot)
            wait_until(lambda: self.info()["master_link_status"] == "up", 10, "the link is up")
            primary.answer(Connection.encode("RPUSH", "l", "d"),
                           Connection.encode("SREM", "s", "5"),
                           Connection.encode("HSET", "h", "g", "w"),
                           Connection.encode("SET", "string", "2"))
            wait_until(lambda: self.get("string") == b"2", 10, "the stream is applied")
        with self.replica.connect(20) as client:
            client.call("READONLY")
            self.assertEqual(client.call("LRANGE", "l", 0, -1), [b"a", b"bc", b"d"])
            self.assertEqual(client.call("EXISTS", "s"), 0)
            self.assertEqual(client.call("HGETALL", "h"), [b"f", b"v", b"g", b"w"])

    def test_it_applies_a_transaction_at_its_end(self):
        with self.link() as primary:
            primary.full_resync(encode_snapshot({b"a": b"1", b"b": b"1"}), 100)
            begin = (Connection.encode("MULTI") + Connection.encode("SET", "a", "2") +
                     Connection.encode("SET", "b", "2"))
            primary.answer(begin, Connection.encode("REPLCONF", "GETACK", "*"))
            # What is queued is not acknowledged: it would be lost with the link.
            primary.wait_for(b"ACK\r\n$3\r\n100\r\n")
            self.assertEqual((self.get("a"), self.get("b")), (b"1", b"1"))
            primary.answer(Connection.encode("EXEC"))
            wait_until(lambda: self.get("b") == b"2", 10, "it is applied")
            self.assertEqual(self.get("a"), b"2")
            self.assertEqual(int(self.info()["slave_repl_offset"]),
                             100 + len(begin + Connection.encode("REPLCONF", "GETACK", "*") +
                                       Connection.encode("EXEC")))
            primary.answer(Connection.encode("MULTI"), Connection.encode("SET", "a", "3"))
        with self.link() as primary:
            primary.full_resync(encode_snapshot({b"a": b"1"}), 100)
            primary.answer(Connection.encode("SET", "c", "1"))
            wait_until(lambda: self.get("c") == b"1", 10, "the new stream is applied")
            self.assertEqual(self.get("a"), b"1", "of the unfinished transaction nothing is left")

    def asked(self, primary) -> list:
        """The last words of the handshake: stream and position."""
        primary.wait_for(b"$5\r\nPSYNC\r\n")
        while primary.received.count(b"\r\n", primary.received.index(b"PSYNC")) < 5:
            primary.received += primary.link.recv(65536)
        return primary.received[primary.received.index(b"PSYNC"):].split(b"\r\n")[2:5:2]

    def test_it_goes_on_where_the_link_broke(self):
        with self.link() as primary:
            self.assertEqual(self.asked(primary), [b"?", b"-1"])
            primary.full_resync(encode_snapshot({b"a": b"1"}, history=7), 100)
            wait_until(lambda: self.get("a") == b"1", 10, "it has the data")
        self.assertEqual(self.info()["data_complete"], "1")
        with self.link() as primary:
            self.assertEqual(self.asked(primary), [b"1" * 40, b"101"])
            change = Connection.encode("SET", "b", "2")
            primary.answer(b"+CONTINUE %s 7 0\r\n" % (b"1" * 40), change[:7])
            primary.wait_for(b"$3\r\n100\r\n")
            primary.answer(change[7:])
            wait_until(lambda: self.get("b") == b"2", 10, "the stream is applied")
            self.assertEqual(self.get("a"), b"1")
            info = self.info()
            self.assertEqual((info["master_link_status"], info["history_epoch"]), ("up", "7"))
            self.assertEqual(int(info["slave_repl_offset"]), 100 + len(change))
            self.assertEqual((info["master_replid"], info["master_replid2"]), ("1" * 40, "0" * 40))
        with self.link() as primary:
            self.assertEqual(self.asked(primary)[1], b"%d" % (101 + len(change)))

    def test_it_goes_on_with_the_stream_of_a_successor(self):
        change = Connection.encode("SET", "b", "2")
        with self.link() as primary:
            primary.full_resync(encode_snapshot({b"a": b"1"}, history=7), 100)
            wait_until(lambda: self.get("a") == b"1", 10, "it has the data")
        with self.link() as primary:
            # The new history begins behind what is still to come of the old one.
            primary.answer(b"+CONTINUE %s 9 %d\r\n" % (b"2" * 40, 100 + len(change)))
            primary.wait_for(b"$3\r\n100\r\n")
            info = self.info()
            self.assertEqual(info["history_epoch"], "7")
            self.assertEqual((info["master_replid"], info["master_replid2"]), ("2" * 40, "1" * 40))
            primary.answer(change)
            wait_until(lambda: self.info()["history_epoch"] == "9", 10, "the new history")
        with self.link() as primary:
            self.assertEqual(self.asked(primary), [b"2" * 40, b"%d" % (101 + len(change))])

    def test_an_answer_that_cannot_be_is_not_believed(self):
        with self.link() as primary:
            primary.full_resync(encode_snapshot({b"a": b"1"}, history=7), 100)
            wait_until(lambda: self.get("a") == b"1", 10, "it has the data")
        for answer in (b"+CONTINUE\r\n", b"+CONTINUE 1 2\r\n", b"+CONTINUE 1 7 0\r\n",
                       b"+CONTINUE %s\r\n" % (b"1" * 40), b"+CONTINUE %s -1 0\r\n" % (b"1" * 40),
                       b"+CONTINUE %s 7 x\r\n" % (b"1" * 40)):
            with self.subTest(answer=answer), self.link() as primary:
                self.assertEqual(self.asked(primary), [b"1" * 40, b"101"])
                primary.answer(answer)
                self.assertTrue(primary.hung_up())
        with self.link() as primary:
            primary.answer(b"+CONTINUE %s 6 0\r\n" % (b"1" * 40))  # An older history.
            self.assertTrue(primary.hung_up())
        with self.link() as primary:
            self.assertEqual(self.asked(primary), [b"?", b"-1"])
        self.assertEqual(self.get("a"), b"1")

    def test_it_says_whom_it_looks_for(self):
        with self.link() as primary:
            id = self.replica.text("CLUSTER", "NODES").split("myself,slave ")[1].split()[0]
            primary.wait_for(b"primary-id\r\n$40\r\n" + id.encode())

    def test_refusals_are_tried_again(self):
        for refusal in (b"-NOMASTERLINK data is missing here\r\n", b"-LOADING later\r\n",
                        b"+CONTINUE " + b"1" * 40 + b"\r\n", b"+FULLRESYNC x\r\n",
                        b"+FULLRESYNC x -5\r\n", b"$EOF:" + b"m" * 40 + b"\r\n", b"x" * 5000):
            with self.subTest(refusal=refusal[:30]), self.link() as primary:
                primary.answer(refusal)
                self.assertTrue(primary.hung_up())
        with self.link() as primary:
            primary.full_resync(encode_snapshot({b"a": b"1"}))
            wait_until(lambda: self.get("a") == b"1", 10, "it has the data in the end")

    def test_the_old_data_stay_until_the_new_ones_come(self):
        with self.link() as primary:
            primary.full_resync(encode_snapshot({b"a": b"1"}))
            wait_until(lambda: self.get("a") == b"1", 10, "it has the data")
        with self.link() as primary:
            primary.answer(b"+FULLRESYNC %s 0\r\n$EOF:%s\r\n" % (b"1" * 40, b"m" * 40))
            primary.answer(b"REDIS0010 is not what it understands")
            self.assertTrue(primary.hung_up())
        self.assertEqual(self.get("a"), b"1")
        self.assertEqual(self.info()["data_complete"], "1")

    def test_a_damaged_snapshot_is_refused_and_never_counts_as_complete(self):
        good = encode_snapshot({b"a": b"1", b"b": b"x" * 1000})
        broken = {
            "a changed byte": good[:60] + b"?" + good[61:],
            "an unknown record": good[:16] + b"\x09" + good[17:],
            "a wrong count": good[:-16] + b"\x07" + good[-15:],
            "a container that is none": encode_snapshot({b"a": Container(b"\x02\x01")}),
            "an empty container": encode_snapshot({b"a": Container(b"\x04\x00")}),
            "a huge value": good[:16] + struct.pack("<bqIQ", 1, -1, 1, 1 << 63) + b"k",
        }
        for what, snapshot in broken.items():
            with self.subTest(what), self.link() as primary:
                primary.full_resync(snapshot)
                self.assertTrue(primary.hung_up())
                self.assertEqual(self.info()["data_complete"], "0")
                self.assertEqual(self.info()["master_link_status"], "down")
        with self.subTest("a wrong mark at the end"), self.link() as primary:
            primary.full_resync(good, end=b"n" * 40)
            self.assertTrue(primary.hung_up())
        with self.subTest("cut off"), self.link() as primary:
            primary.full_resync(good[:-20], end=b"")
        with self.link() as primary:
            primary.full_resync(good)
            wait_until(lambda: self.info()["data_complete"] == "1", 10, "complete in the end")

    def test_a_stream_that_cannot_be_applied_leads_to_a_full_synchronisation(self):
        for bad in (b"*1\r\n$-5\r\n", b"*3\r\n$3\r\nSET\r\n:1\r\n", b"\x00\xff\r\n", b"\n",
                    b"*0\r\n", Connection.encode("NOSUCHCOMMAND", "a"),
                    Connection.encode("INCR", "a"), Connection.encode("SET", "a")):
            with self.subTest(bad=bad), self.link() as primary:
                self.assertEqual(self.asked(primary), [b"?", b"-1"])
                primary.full_resync(encode_snapshot({b"a": b"text"}))
                primary.wait_for(b"ACK")
                primary.answer(bad)
                self.assertTrue(primary.hung_up())
        self.assertTrue(self.replica.running())


if __name__ == "__main__":
    harness.main()
