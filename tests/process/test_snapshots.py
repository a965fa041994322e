"""Snapshots on disk: what is in them, when they are written, what a start makes of them."""

import os
import pathlib
import random
import shutil
import socket
import subprocess
import threading
import time
import unittest

import harness
from harness import RespError, fill, lost_keys, wait_until
from kvtools import Connection, Server, tag_in

MANUAL = ("--save", "")


def rdb_of(server: Server) -> pathlib.Path:
    return pathlib.Path(server.directory) / "dump.rdb"


def persistence(server: Server):
    return server.info("persistence")


def ask_once(server: Server) -> str:
    with server.connect() as client:
        client.send("PING")
        return str(client.read())


class Alone(harness.ProcessTest):
    """A server without a cluster."""

    def started(self, *arguments: str, **options) -> Server:
        server = self.server(*(arguments or MANUAL), *harness.DEBUG, **options)
        server.start()
        return server

    def fill_all_types(self, server: Server) -> None:
        with server.connect(20) as client:
            client.pipeline([("SET", f"k{n}", "x" * n) for n in range(300)])
            for words in (("SET", "n", "-5"), ("SET", "bytes", b"\x00\r\n\xff"),
                          ("RPUSH", "l", *range(500)), ("SADD", "ints", 1, 2, 3),
                          ("SADD", "s", "a", "b"), ("HSET", "h", "f", "v", "g", "12"),
                          ("ZADD", "z", "1.5", "a", "-inf", "b", *[x for n in range(300)
                                                                   for x in (n, f"m{n}")]),
                          ("SET", "e", "1", "EX", "100000"), ("SET", "short", "1", "PX", "1")):
                client.call(*words)

    def assert_same_start(self, server: Server, restart) -> None:
        digest, size = server.call("DEBUG", "DIGEST"), server.call("DBSIZE")
        restart()
        self.assertEqual((server.call("DEBUG", "DIGEST"), server.call("DBSIZE")), (digest, size))

    def test_what_was_saved_is_there_after_a_crash(self):
        server = self.started()
        self.fill_all_types(server)
        wait_until(lambda: server.call("EXISTS", "short") == 0, 10, "it has expired")
        self.assertEqual(server.call("SAVE"), "OK")
        self.assertEqual(persistence(server)["rdb_changes_since_last_save"], "0")

        def crash():
            server.kill()
            server.start()
        self.assert_same_start(server, crash)
        self.assertGreater(server.call("TTL", "e"), 90000)
        info = persistence(server)
        self.assertEqual(info["rdb_last_load_keys_loaded"], str(server.call("DBSIZE")))
        self.assertEqual(info["rdb_changes_since_last_save"], "0")

    def test_a_key_that_expired_on_disk_is_deleted_when_it_is_met(self):
        server = self.started()
        server.call("SET", "a", "1", "PX", "300")
        server.call("SET", "b", "1")
        server.call("SAVE")
        server.kill()
        time.sleep(0.3)
        server.start()
        self.assertIsNone(server.call("GET", "a"))
        self.assertEqual(server.call("DBSIZE"), 1)

    def test_one_in_the_background_shows_one_moment(self):
        server = self.started()
        with server.connect(20) as client:
            client.pipeline([("SET", f"k{n}", "old") for n in range(100000)])
            before = int(client.call("LASTSAVE"))
            time.sleep(1.1)  # LASTSAVE counts seconds.
            replies = client.pipeline([("BGSAVE",), *[("SET", f"k{n}", "new")
                                                      for n in range(100000)]])
            self.assertEqual(replies[0], "Background saving started")
            client.call("FLUSHALL")
            client.call("SET", "late", "1")
            wait_until(lambda: persistence(server)["rdb_bgsave_in_progress"] == "0", 30, "saved")
            self.assertGreater(int(client.call("LASTSAVE")), before)
        info = persistence(server)
        self.assertEqual((info["rdb_last_bgsave_status"], info["rdb_saves"]), ("ok", "1"))
        self.assertGreater(int(info["rdb_changes_since_last_save"]), 0)
        server.kill()
        server.start()
        self.assertEqual(server.call("DBSIZE"), 100000)
        with server.connect(20) as client:
            values = set(client.pipeline([("GET", f"k{n}") for n in range(100000)]))
        self.assertEqual(values, {b"old"})

    def test_save_points_count_changes_and_seconds(self):
        server = self.started("--save", "1", "10")
        with server.connect() as client:
            client.pipeline([("SET", f"k{n}", "1") for n in range(10)])
        wait_until(lambda: persistence(server)["rdb_saves"] == "1", 20, "it was saved")
        self.assertIn("10 changes in 1 seconds. Saving...", server.log())
        server.call("SET", "k", "1")
        server.call("CONFIG", "SET", "save", "1 1")
        wait_until(lambda: persistence(server)["rdb_saves"] == "2", 20, "it was saved again")

    def test_the_end_of_the_process_saves_where_snapshots_are_configured(self):
        server = self.started("--save", "3600", "1")
        server.call("SET", "a", "1")

        def restart():
            self.assertEqual(server.stop(), 0)
            server.start()
        self.assert_same_start(server, restart)
        server.call("SET", "b", "1")
        with self.assertRaises(EOFError):
            server.call("SHUTDOWN", "NOSAVE")
        server.process.wait(10)
        server.start()
        self.assertEqual(server.call("DBSIZE"), 1)
        server.call("CONFIG", "SET", "save", "")
        server.call("SET", "b", "1")
        self.assertEqual(server.stop(), 0)
        server.start()
        self.assertEqual(server.call("DBSIZE"), 1)
        server.call("SET", "b", "1")
        server.call("CONFIG", "SET", "save", "")
        with self.assertRaises(EOFError):
            server.call("SHUTDOWN", "SAVE")
        server.process.wait(10)
        server.start()
        self.assertEqual(server.call("DBSIZE"), 2)

    def test_the_end_of_the_process_saves_no_half_of_a_transaction(self):
        server = self.started("--save", "3600", "1")
        server.call("SET", "moved", 1)
        with server.connect() as client, socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            for words in (("MULTI",), ("SET", "a", 1),
                          ("MIGRATE", "127.0.0.1", deaf.getsockname()[1], "moved", 0, 1000),
                          ("SET", "b", 1), ("EXEC",)):
                client.send(*words)
            with deaf.accept()[0]:  # It has come to its middle, and waits.
                server.process.terminate()
                self.assertEqual(server.process.wait(20), 0)
        server.start()
        self.assertEqual(server.call("MGET", "a", "b"), [b"1", b"1"])

    def test_what_cannot_be_saved_is_told_and_keeps_the_process(self):
        server = self.started("--save", "3600", "1")
        server.call("SET", "a", "1")
        rdb_of(server).mkdir()
        with self.assertRaises(RespError):
            server.call("SAVE")
        self.assertEqual(server.call("BGSAVE"), "Background saving started")
        wait_until(lambda: server.log().count("can't rename") == 2, 10, "both have failed")
        wait_until(lambda: str(persistence(server)["rdb_bgsave_in_progress"]) == "0", 10, "it ends")
        self.assertEqual(persistence(server)["rdb_last_bgsave_status"], "err")
        with self.assertRaisesRegex(RespError, "^MISCONF "):
            server.call("SET", "b", "1")
        server.call("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
        self.assertEqual(server.call("SET", "b", "1"), "OK")
        self.assertEqual([p.name for p in pathlib.Path(server.directory).glob("temp-*")], [])
        server.process.terminate()
        wait_until(lambda: "can't exit" in server.log(), 10, "it stays")
        self.assertEqual(server.call("GET", "a"), b"1")
        rdb_of(server).rmdir()
        self.assertEqual(server.stop(), 0)
        server.start()
        self.assertEqual(server.call("GET", "a"), b"1")

    def test_nonsense_is_refused(self):
        server = self.started()
        for words in (("SAVE", "x"), ("BGSAVE", "x"), ("BGSAVE", "SCHEDULE", "x"),
                      ("LASTSAVE", "x")):
            with self.subTest(words=words), self.assertRaises(RespError):
                server.call(*words)
        with server.connect() as client:
            replies = client.pipeline([("MULTI",), ("SET", "a", "1"), ("SAVE",)])
            self.assertIsInstance(replies[2], RespError)
            replies = client.pipeline([("DISCARD",), ("MULTI",), ("SET", "a", "1"), ("BGSAVE",),
                                       ("SET", "b", "1"), ("EXEC",)])
        self.assertEqual(replies[-1], ["OK", "Background saving scheduled", "OK"])
        wait_until(lambda: persistence(server)["rdb_saves"] == "1", 10, "it was saved")
        server.kill()
        server.start()
        self.assertEqual(server.call("DBSIZE"), 2)

    def test_a_damaged_file_is_refused_with_offset_and_reason(self):
        server = self.started()
        self.fill_all_types(server)
        server.call("SAVE")
        server.kill()
        good = rdb_of(server).read_bytes()
        middle = len(good) // 2
        damaged = {
            "cut off": good[:middle],
            "without its last byte": good[:-1],
            "a bit turned": good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1:],
            "bytes behind it": good + b"x",
            "empty": b"",
            "something else": b"# a text\n" * 100,
        }
        for what, contents in damaged.items():
            with self.subTest(what):
                rdb_of(server).write_bytes(contents)
                result = self.run_to_end("--port", str(server.port), "--dir",
                                         str(server.directory))
                self.assertEqual(result.returncode, 1)
                self.assert_refused(result, "dump.rdb at offset ")
                self.assertEqual(rdb_of(server).read_bytes(), contents, "it is left for the owner")
        rdb_of(server).write_bytes(good)
        server.start()
        self.assertGreater(server.call("DBSIZE"), 300)

    @unittest.skipUnless(shutil.which("redis-check-rdb"), "needs redis-server's tools")
    def test_redis_reads_what_was_saved_here_and_the_other_way_round(self):
        server = self.started()
        self.fill_all_types(server)
        server.call("DEL", "short")
        server.call("SAVE")
        check = subprocess.run(["redis-check-rdb", str(rdb_of(server))], stdout=subprocess.PIPE,
                               text=True, timeout=20, check=False)
        self.assertEqual(check.returncode, 0, check.stdout)
        self.assertIn("RDB looks OK", check.stdout)

        redis = Server(shutil.which("redis-server"), self.directory / "redis",
                       harness.kvtools.free_ports(1)[0], ["--save", ""])
        self.servers.append(redis)
        shutil.copy(rdb_of(server), redis.directory)
        redis.start()
        keys = sorted(redis.call("KEYS", "*"))
        self.assertEqual(keys, sorted(server.call("KEYS", "*")))
        for key in keys:
            self.assertEqual(redis.call("TYPE", key), server.call("TYPE", key))
        self.assertEqual(redis.call("LRANGE", "l", 0, -1), server.call("LRANGE", "l", 0, -1))
        self.assertEqual(redis.call("HGETALL", "h"), server.call("HGETALL", "h"))
        every = ("ZRANGE", "z", 0, -1, "WITHSCORES")
        self.assertEqual(redis.call(*every), server.call(*every))
        self.assertEqual(redis.call("GET", "bytes"), b"\x00\r\n\xff")

        redis.call("SADD", "ints", 4)
        redis.call("SET", "compressed", "ab" * 10000)
        digest = {key: redis.call("DUMP", key) for key in (b"k7", b"n", b"e")}
        redis.call("SAVE")
        redis.kill()
        server.kill()
        shutil.copy(redis.directory / "dump.rdb", server.directory)
        server.start()
        self.assertEqual(server.call("DBSIZE"), len(keys) + 1)
        self.assertEqual(server.call("GET", "compressed"), b"ab" * 10000)
        self.assertEqual(server.call("SCARD", "ints"), 4)
        for key, payload in digest.items():
            self.assertEqual(server.call("DUMP", key), payload)

    def test_clients_are_told_to_wait_while_it_loads(self):
        server = self.started()
        with server.connect(30) as client:
            for start in range(0, 300_000, 10_000):
                client.pipeline([("SET", f"key:{n}", n) for n in range(start, start + 10_000)],
                                10_000)
            client.call("SAVE")
        server.kill()
        server.start(wait=0)
        answers = []

        def ask() -> bool:
            with server.connect() as client:
                for words in (("GET", "key:1"), ("PING",), ("CLUSTER", "INFO")):
                    client.send(*words)
                    answers.append(str(client.read()))
                return client.text("INFO", "persistence").splitlines()[1] == "loading:0"
        wait_until(ask, 30, "it has loaded")
        self.assertIn("LOADING Redis is loading the dataset in memory", answers[:3])
        wait_until(lambda: server.call("GET", "key:299999") == b"299999", 10, "it serves")
        # Who is told to end meanwhile does so, and writes nothing.
        server.kill()
        server.start(wait=0)
        wait_until(lambda: "LOADING" in ask_once(server), 30, "it loads")
        server.process.terminate()
        self.assertEqual(server.process.wait(10), 0)
        server.start()
        self.assertEqual(server.call("GET", "key:299999"), b"299999")

    def test_what_a_killed_process_left_behind_is_removed(self):
        server = self.started()
        server.call("SET", "a", 1)
        server.call("SAVE")
        with server.connect(30) as client:
            for _ in range(30):
                client.pipeline([("RPUSH", "l", *["x" * 1000] * 500)] * 5, 5)
        server.call("BGSAVE")
        wait_until(lambda: [*server.directory.glob("temp-*-dump.rdb")], 10, "it writes")
        server.kill()
        others = [server.directory / name for name in
                  ("temp-1234567.rdb", "temp-1234567-other.rdb", f"temp-{os.getpid()}-dump.rdb",
                   "temp--dump.rdb", "temp-x1-dump.rdb")]
        for other in others:
            other.write_text("somebody else's")
        server.start()
        self.assertEqual(server.call("GET", "a"), b"1")
        self.assertEqual({*server.directory.glob("temp-*")}, {*others})

    def test_a_crash_at_any_moment_leaves_a_good_file(self):
        """Killed again and again under load, with a snapshot always under way."""
        server = self.started()
        dice = random.Random(20)
        saved = 0
        for _ in range(12):
            written, stop = [int(server.call("GET", "{t}a") or 0)], threading.Event()
            self.assertGreaterEqual(written[0], saved, "what was saved is there")
            self.assertEqual(server.call("GET", "{t}a"), server.call("GET", "{t}b"),
                             "a snapshot shows one moment")
            thread = threading.Thread(target=self.write, args=(server, written, stop))
            thread.start()
            end = time.monotonic() + dice.uniform(0.05, 0.6)
            while time.monotonic() < end:
                before = written[0]
                try:
                    server.call("BGSAVE")
                except RespError:
                    continue
                saves = int(persistence(server)["rdb_saves"])
                while time.monotonic() < end:
                    if int(persistence(server)["rdb_saves"]) > saves:
                        saved = before
                        break
            server.kill()
            stop.set()
            thread.join()
            server.start()
        self.assertGreater(saved, 0)

    @staticmethod
    def write(server: Server, written, stop) -> None:
        try:
            with Connection(server.port, 20) as client:
                while not stop.is_set():
                    n = written[0] + 1
                    client.pipeline([("MULTI",), ("SET", "{t}a", n), ("SET", f"pad{n % 5000}",
                                     "x" * 300), ("SET", "{t}b", n), ("EXEC",)])
                    written[0] = n
        except (OSError, EOFError):
            pass


class InCluster(harness.ProcessTest):
    """3 primaries, 3 replicas, snapshots only on request."""

    def setUp(self):
        self.nodes = self.cluster(arguments=(*harness.DEBUG, *MANUAL))
        self.primary = self.nodes.primaries()[0]
        self.replica = self.nodes.replicas_of(self.primary)[0]
        self.tag = tag_in(self.primary.myself().slots)
        self.keys = fill(self.primary, self.tag, 200)

    def owner(self):
        owners = [server for server in (self.primary, self.replica)
                  if server.running() and server.myself().ranges]
        return owners[0] if len(owners) == 1 else None

    def wait_whole(self):
        def whole():
            owner = self.owner()
            other = self.primary if owner is self.replica else self.replica
            return (owner and owner.cluster_info()["cluster_state"] == "ok"
                    and other.info("replication").get("master_link_status") == "up"
                    and owner.call("DEBUG", "DIGEST") == other.call("DEBUG", "DIGEST"))
        wait_until(whole, 40, "the shard is whole")

    def syncs(self, server):
        stats = server.info("stats")
        return int(stats["sync_full"]), int(stats["sync_partial_ok"])

    def test_a_replica_goes_on_from_its_snapshot(self):
        self.replica.call("SAVE")
        before = self.syncs(self.primary)
        self.replica.kill()
        self.keys.update((f"{{{self.tag}}}more{n}", b"1") for n in range(50))
        with self.primary.connect() as client:
            client.pipeline([("SET", f"{{{self.tag}}}more{n}", "1") for n in range(50)])
        self.replica.start()
        self.wait_whole()
        self.assertIs(self.owner(), self.primary)
        self.assertEqual(self.syncs(self.primary), (before[0], before[1] + 1))

    def test_an_old_snapshot_does_not_wipe_what_the_replica_has(self):
        self.primary.call("SAVE")
        self.keys.update(fill(self.primary, self.tag, 200, prefix="later"))
        for key in list(self.keys)[:20]:
            self.primary.call("DEL", key)
            del self.keys[key]
        with self.primary.connect() as client:
            client.call("SET", f"{{{self.tag}}}last", "1")
            self.assertEqual(client.call("WAIT", 1, 10000), 1)
        digest = self.replica.call("DEBUG", "DIGEST")
        self.primary.kill()
        self.primary.start()
        self.wait_whole()
        self.assertEqual(self.replica.call("DEBUG", "DIGEST"), digest)
        self.assertEqual(lost_keys(self.owner(), self.keys), [])

    def test_all_come_back_with_their_data(self):
        for server in self.nodes.servers:
            server.call("SAVE")
        for server in self.nodes.servers:
            server.kill()
        self.nodes.start()
        self.wait_whole()
        self.assertEqual(lost_keys(self.owner(), self.keys), [])

    def test_a_primary_whose_replica_is_gone_serves_its_snapshot(self):
        self.primary.call("SAVE")
        self.replica.kill()
        wait_until(lambda: self.primary.sees(self.replica.port).health == "fail", 20, "it is gone")
        self.primary.kill()
        self.primary.start()
        wait_until(lambda: self.primary.cluster_info()["cluster_state"] == "ok"
                   and not lost_keys(self.primary, self.keys), 40, "it serves what it has")

    def test_the_snapshot_of_another_shard_is_not_used(self):
        self.replica.call("SAVE")
        other = [s for s in self.nodes.primaries() if s is not self.primary][0]
        id = other.text("CLUSTER", "MYID")
        self.assertEqual(self.replica.call("CLUSTER", "REPLICATE", id), "OK")
        wait_until(lambda: self.replica.info("replication").get("master_link_status") == "up", 20,
                   "it has changed over")
        time.sleep(0.3)  # For its configuration to be on disk.
        before = self.syncs(other)
        self.replica.kill()
        self.replica.start()
        self.assertIn("The snapshot is of another shard", self.replica.log())
        wait_until(lambda: self.replica.info("replication").get("master_link_status") == "up"
                   and self.replica.call("DBSIZE") == other.call("DBSIZE"), 20, "it follows")
        self.assertEqual(self.syncs(other), (before[0] + 1, before[1]))


if __name__ == "__main__":
    harness.main()
