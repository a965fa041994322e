"""redis-cli --cluster import, from a redis-server that knows no cluster, of all it may hold."""

import functools
import shutil
import time
import unittest

import harness
from cluster_client import ClusterClient
from kvtools import Server, free_ports
from operated import Operated, run

BYTES = bytes(range(1, 256))  # redis-cli cuts keys off at a NUL.
READS = {b"string": ("GET",), b"list": ("LRANGE", 0, -1), b"set": ("SMEMBERS",),
         b"hash": ("HGETALL",), b"zset": ("ZRANGE", 0, -1, "WITHSCORES")}
ENCODINGS = {(b"string", b"int"), (b"string", b"embstr"), (b"string", b"raw"),
             (b"list", b"quicklist"), (b"set", b"intset"), (b"set", b"hashtable"),
             (b"hash", b"listpack"), (b"hash", b"hashtable"),
             (b"zset", b"listpack"), (b"zset", b"skiplist")}
DAY_MS = 86_400_000


def made_by():
    """Requests that make keys of all types, sizes and encodings."""
    for n, text in enumerate([b"", b"0", b"-1", b"12345", b"9223372036854775807", b"01", b"x",
                              b"e" * 44, b"r" * 45, BYTES, b"\0" * 1000, BYTES * 4000,
                              b"long" * 500_000]):
        yield ("SET", f"string{n}", text)
    yield ("APPEND", "string3", "6")
    for key in (BYTES, b"\xff\xfe", b" blank and\r\nline ", "{tag}\u00e9".encode(), b"k" * 3000):
        yield ("SET", key, b"of " + key)
    small = [b"a", b"", b"7", b"-70000", b"123456789012", b"m" * 60, BYTES[:60]]
    for name, elements in {"small": small, "long": [*small, b"m" * 65, BYTES],
                           "many": [b"member%d" % n for n in range(3000)],
                           "huge": [b"x" * 100_000, b"y" * 100_000]}.items():
        yield ("RPUSH", f"list:{name}", *elements)
        yield ("SADD", f"set:{name}", *elements)
        yield ("HSET", f"hash:{name}", *[word for n, element in enumerate(elements)
                                         for word in (element, f"value{n}")])
        yield ("HSET", f"hash:values:{name}", *[word for n, element in enumerate(elements)
                                                for word in (f"field{n}", element)])
        yield ("ZADD", f"zset:{name}", *[word for n, element in enumerate(elements)
                                         for word in (n * n - 0.5, element)])
    for name, numbers in {"16": range(-5, 5), "32": [1, -70000, 2 ** 31 - 1],
                          "64": [1, 2 ** 63 - 1, -2 ** 63], "many": range(600)}.items():
        yield ("SADD", f"set:int{name}", *numbers)
    yield ("ZADD", "zset:scores", "inf", "a", "-inf", "b", "3.141592653589793", "c", "1e-300", "d",
           "-0", "e", "12345678901234567", "f")
    # List nodes of one plain element each.
    yield ("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "50b")
    yield ("RPUSH", "list:plain", *small, b"p" * 100, BYTES)
    yield ("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "0")
    for n in range(300):
        yield ("SET", f"lasting{n}", n, "PX", DAY_MS + 1000 * n)
    for key in ("list:many", "set:many", "hash:small", "zset:small"):
        yield ("PEXPIRE", key, DAY_MS)


@unittest.skipUnless(shutil.which("redis-server"), "no redis-server")
class Imported(Operated):
    SIZE, REPLICAS = 3, 0

    def setUp(self):
        super().setUp()
        self.redis = Server("redis-server", self.directory / "redis", free_ports(1)[0],
                            harness.DEBUG)
        self.servers.append(self.redis)
        self.redis.start()
        with self.redis.connect(timeout=30) as connection:
            connection.pipeline(list(made_by()))
            keys = connection.call("KEYS", "*")
            encodings = {(connection.text("TYPE", key).encode(),
                          connection.call("OBJECT", "ENCODING", key)) for key in keys}
            self.assertEqual(encodings, ENCODINGS)
            self.values = {key: self.value(key, connection.call) for key in keys}
            self.ends = {key: self.end(key, connection.call) for key in keys}
        self.assertEqual(sum(end is not None for end in self.ends.values()), 304)

    @staticmethod
    def value(key, call):
        """As commands show it; None if the key is absent."""
        kind = call("TYPE", key)
        kind = kind.encode() if isinstance(kind, str) else kind
        if kind not in READS:
            return None
        command, *rest = READS[kind]
        reply = call(command, key, *rest)
        if kind == b"set":
            reply.sort()
        elif kind == b"hash":
            reply = dict(zip(reply[::2], reply[1::2]))
        return kind, reply

    @staticmethod
    def end(key, call):
        """When its time is up."""
        left_ms = call("PTTL", key)
        return None if left_ms < 0 else time.time() * 1000 + left_ms

    def import_(self, *options):
        return run("import", self.entry, "--cluster-from", self.address(self.redis), *options)

    def assert_imported(self):
        with ClusterClient([s.port for s in self.nodes.servers]) as client:
            for key in self.values:
                call = functools.partial(client.call, key)
                self.assertEqual(self.value(key, call), self.values[key], key[:50])
                end = self.end(key, call)
                if self.ends[key] is None:
                    self.assertIsNone(end, key[:50])
                else:
                    # What a slow transfer takes of it is given back by nobody.
                    self.assertAlmostEqual(end, self.ends[key], delta=60_000)
        self.assertEqual(sum(s.call("DBSIZE") for s in self.nodes.servers), len(self.values))

    def test_all_keys_are_moved(self):
        result = self.import_()
        self.assertEqual(result.returncode, 0, result.stdout[-3000:])
        self.assertEqual(self.redis.call("DBSIZE"), 0)
        self.assert_imported()

    def test_keys_are_copied(self):
        result = self.import_("--cluster-copy")
        self.assertEqual(result.returncode, 0, result.stdout[-3000:])
        self.assertEqual(self.redis.call("DBSIZE"), len(self.values))
        self.assert_imported()

    def test_what_is_there_already_is_replaced_only_if_that_is_wanted(self):
        old = {b"string7": ("SET", "old"), b"list:many": ("SADD", "old")}
        with ClusterClient([s.port for s in self.nodes.servers]) as client:
            for key, (command, value) in old.items():
                client.call(key, command, key, value)
            result = self.import_("--cluster-copy")
            self.assertIn("BUSYKEY", result.stdout)
            self.assertEqual(client.call(b"string7", "GET", b"string7"), b"old")
            self.assertEqual(client.call(b"list:many", "SMEMBERS", b"list:many"), [b"old"])
        self.assertEqual(self.redis.call("DBSIZE"), len(self.values))
        for _ in range(2):
            result = self.import_("--cluster-copy", "--cluster-replace")
            self.assertEqual(result.returncode, 0, result.stdout[-3000:])
            self.assert_imported()
        result = self.import_("--cluster-replace")
        self.assertEqual(result.returncode, 0, result.stdout[-3000:])
        self.assertEqual(self.redis.call("DBSIZE"), 0)
        self.assert_imported()


if __name__ == "__main__":
    harness.main()
