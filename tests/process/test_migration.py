"""Slots on their way from one primary to another, step by step, as redis-cli moves them."""

import signal
import unittest

import harness
from harness import RespError, fill, lost_keys, value_of, wait_until
from kvtools import HOST, SLOTS, slot_of, tag_in

NOT_A_FORM = "ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP"
TRYAGAIN = "TRYAGAIN Multiple keys request during rehashing of slot"


class Formed(harness.FormedTest):
    """3 primaries and 3 replicas, made once for all tests of a class. Each test has a slot."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.used = 0

    def setUp(self):
        """`tag` is of a slot that `source` owns; a move to `target` is the subject."""
        type(self).used += 1
        self.source, self.target, self.third = sorted(self.formed.primaries(),
                                                      key=lambda s: s.myself().ranges)
        self.tag = tag_in(self.source.myself().slots[10:], f"{type(self).__name__}{self.used}-")
        self.slot = slot_of(self.tag)
        self.addCleanup(self.close)

    def close(self):
        for server in (self.source, self.target, self.third):
            with server.connect() as connection:
                for key in connection.call("CLUSTER", "GETKEYSINSLOT", self.slot, 1000):
                    connection.pipeline([("ASKING",), ("DEL", key)])
                connection.call("CLUSTER", "SETSLOT", self.slot, "STABLE")

    def id(self, server=None):
        return super().id() if server is None else server.myself().id

    def key(self, name):
        return f"{{{self.tag}}}{name}"

    def open(self):
        """The first steps of a move."""
        self.target.call("CLUSTER", "SETSLOT", self.slot, "IMPORTING", self.id(self.source))
        self.source.call("CLUSTER", "SETSLOT", self.slot, "MIGRATING", self.id(self.target))

    def migrate(self, *words, source=None, target=None, timeout=5000):
        return (source or self.source).call("MIGRATE", HOST, (target or self.target).port, "", 0,
                                            timeout, *words)

    def marks(self, server):
        """The open slots that this server shows, of itself and of others."""
        return [word for line in server.text("CLUSTER", "NODES").splitlines()
                for word in line.split()[8:] if word.startswith("[")]

    def reply(self, connection, *words):
        """An error is a reply like others."""
        try:
            return connection.call(*words)
        except RespError as error:
            return str(error)

    def asking(self, server, *words):
        with server.connect() as connection:
            self.assertEqual(connection.call("ASKING"), "OK")
            return self.reply(connection, *words)

    def moved(self, server):
        return f"MOVED {self.slot} {HOST}:{server.port}"

    def ask(self, server):
        return f"ASK {self.slot} {HOST}:{server.port}"


class SetSlot(Formed):
    def setslot(self, server, *words):
        return self.reply(server, "CLUSTER", "SETSLOT", *words)

    def test_a_slot_is_opened_at_both_ends_and_closed_again(self):
        self.open()
        self.assertEqual(self.marks(self.source), [f"[{self.slot}->-{self.id(self.target)}]"])
        self.assertEqual(self.marks(self.target), [f"[{self.slot}-<-{self.id(self.source)}]"])
        self.assertEqual(self.marks(self.third), [])
        # Another node may be named later.
        self.assertEqual(self.setslot(self.source, self.slot, "migrating", self.id(self.third)),
                         "OK")
        self.assertEqual(self.marks(self.source), [f"[{self.slot}->-{self.id(self.third)}]"])
        for server in (self.source, self.target, self.third):
            self.assertEqual(self.setslot(server, self.slot, "stable"), "OK")
            self.assertEqual(self.marks(server), [])

    def test_only_whole_forms_are_taken(self):
        me, other = self.id(self.source), self.id(self.target)
        for words in (("MIGRATING",), ("IMPORTING",), ("NODE",), ("STABLE", other), ("", other),
                      ("MIGRATING", other, "x"), ("IMPORTING", other, "x"), ("NODE", me, "x"),
                      ("MOVING", other)):
            with self.subTest(words=words):
                self.assertEqual(self.setslot(self.source, self.slot, *words), NOT_A_FORM)
        for words in ((), (self.slot,)):
            self.assertEqual(self.setslot(self.source, *words),
                             "ERR wrong number of arguments for 'cluster|setslot' command")
        self.assertEqual(self.marks(self.source), [])

    def test_only_slots_that_are_some_are_taken(self):
        for slot in (-1, SLOTS, "x", "", "1.5", "99999999999999999999"):
            for words in (("STABLE",), ("MIGRATING", self.id(self.target)), ("NONSENSE",)):
                with self.subTest(slot=slot, words=words):
                    self.assertEqual(self.setslot(self.source, slot, *words),
                                     "ERR Invalid or out of range slot")

    def test_only_an_owner_exports_and_only_another_imports(self):
        other = self.id(self.target)
        self.assertEqual(self.setslot(self.third, self.slot, "MIGRATING", other),
                         f"ERR I'm not the owner of hash slot {self.slot}")
        self.assertEqual(self.setslot(self.source, self.slot, "IMPORTING", other),
                         f"ERR I'm already the owner of hash slot {self.slot}")
        self.assertEqual(self.marks(self.source) + self.marks(self.third), [])

    def test_only_primaries_that_are_known_take_part(self):
        nobody = "0" * 40
        replica = self.formed.replicas_of(self.target)[0]
        for name in (nobody, "nonsense"):
            self.assertEqual(self.setslot(self.source, self.slot, "MIGRATING", name),
                             f"ERR I don't know about node {name}")
            self.assertEqual(self.setslot(self.target, self.slot, "IMPORTING", name),
                             f"ERR I don't know about node {name}")
            self.assertEqual(self.setslot(self.source, self.slot, "NODE", name),
                             f"ERR Unknown node {name}")
        for server, form in ((self.source, "MIGRATING"), (self.target, "IMPORTING"),
                             (self.source, "NODE")):
            self.assertEqual(self.setslot(server, self.slot, form, self.id(replica)),
                             "ERR Target node is not a master")
        self.assertEqual(self.marks(self.source) + self.marks(self.target), [])

    def test_replicas_are_told_nothing(self):
        replica = self.formed.replicas_of(self.source)[0]
        for words in ((self.slot, "STABLE"), (self.slot, "MIGRATING", self.id(self.target)),
                      ("nonsense", "STABLE"), (self.slot, "NONSENSE")):
            self.assertEqual(self.setslot(replica, *words),
                             "ERR Please use SETSLOT only with masters.")

    def test_a_slot_with_keys_is_not_given_away(self):
        fill(self.source, self.tag, 3)
        self.open()
        text = (f"ERR Can't assign hashslot {self.slot} to a different node while I still hold "
                "keys for this hash slot.")
        self.assertEqual(self.setslot(self.source, self.slot, "NODE", self.id(self.target)), text)
        self.assertIn(self.slot, self.source.myself().slots)

    def test_the_end_of_a_move(self):
        epochs = [n.config_epoch for n in self.target.nodes()]
        self.open()
        node = self.id(self.target)
        self.assertEqual(self.setslot(self.target, self.slot, "NODE", node), "OK")
        # That alone is enough: the claim with the greatest config epoch convinces everybody.
        self.assertIn(self.slot, self.target.myself().slots)
        self.assertGreater(self.target.myself().config_epoch, max(epochs))
        for server in self.formed.servers:
            wait_until(lambda: self.formed.owner_seen_by(server, self.slot) is self.target, 10,
                       "everybody knows the new owner")
        for server in (self.source, self.third):
            self.assertEqual(self.setslot(server, self.slot, "NODE", node), "OK")
        wait_until(lambda: not any(self.marks(s) for s in self.formed.servers), 10,
                   "no slot is open")


class Served(Formed):
    """Who answers what while a slot is open: some of its keys are here, some there."""

    def setUp(self):
        super().setUp()
        self.here, self.there = self.key("here"), self.key("there")
        self.here2, self.there2 = self.key("here2"), self.key("there2")
        self.nowhere, self.nowhere2 = self.key("nowhere"), self.key("nowhere2")
        for key in (self.here, self.here2, self.there, self.there2):
            self.source.call("SET", key, value_of(key))
        self.open()
        self.migrate("KEYS", self.there, self.there2)

    def test_the_source_serves_what_it_has_and_asks_for_the_rest_there(self):
        for words, expected in (
                (("GET", self.here), value_of(self.here).encode()),
                (("SET", self.here, value_of(self.here)), "OK"),
                (("MGET", self.here, self.here2),
                 [value_of(k).encode() for k in (self.here, self.here2)]),
                (("EXISTS", self.here, self.here), 2),
                (("GET", self.there), self.ask(self.target)),
                (("GET", self.nowhere), self.ask(self.target)),
                (("SET", self.nowhere, "1"), self.ask(self.target)),
                (("EXISTS", self.nowhere), self.ask(self.target)),
                (("MGET", self.there, self.nowhere), self.ask(self.target)),
                (("DEL", self.there, self.there2), self.ask(self.target)),
                (("MGET", self.here, self.there), TRYAGAIN),
                (("MGET", self.there, self.here), TRYAGAIN),
                (("DEL", self.here, self.nowhere), TRYAGAIN),
                (("MSET", self.here, "1", self.nowhere, "1"), TRYAGAIN)):
            with self.subTest(words=words):
                self.assertEqual(self.reply(self.source, *words), expected)

    def test_the_target_serves_whoever_asks(self):
        for words, expected in (
                (("GET", self.there), value_of(self.there).encode()),
                (("GET", self.nowhere), None),
                (("GET", self.here), None),
                (("SET", self.there, value_of(self.there)), "OK"),
                (("MGET", self.there, self.there2),
                 [value_of(k).encode() for k in (self.there, self.there2)]),
                (("MGET", self.nowhere, self.nowhere), [None, None]),
                (("EXISTS", self.there, self.there), 2),
                (("MGET", self.there, self.here), TRYAGAIN),
                (("MGET", self.nowhere, self.nowhere2), TRYAGAIN),
                (("MSET", self.there, "1", self.nowhere, "1"), TRYAGAIN)):
            with self.subTest(words=words):
                self.assertEqual(self.reply(self.target, *words), self.moved(self.source))
                self.assertEqual(self.asking(self.target, *words), expected)

    def test_asking_is_good_for_one_command(self):
        with self.target.connect() as connection:
            connection.call("ASKING")
            self.assertEqual(connection.call("GET", self.there), value_of(self.there).encode())
            self.assertEqual(self.reply(connection, "GET", self.there), self.moved(self.source))
            connection.call("ASKING")
            connection.call("PING")
            self.assertEqual(self.reply(connection, "GET", self.there), self.moved(self.source))

    def test_asking_is_good_for_one_transaction(self):
        with self.target.connect() as connection:
            connection.call("ASKING")
            self.assertEqual(connection.pipeline(
                [("MULTI",), ("GET", self.there), ("GET", self.there2), ("EXEC",)]),
                ["OK", "QUEUED", "QUEUED",
                 [value_of(self.there).encode(), value_of(self.there2).encode()]])
            self.assertEqual(self.reply(connection, "GET", self.there), self.moved(self.source))
            replies = connection.pipeline([("MULTI",), ("GET", self.there), ("EXEC",)])
            self.assertEqual(str(replies[1]), self.moved(self.source))
            self.assertRegex(str(replies[2]), "^EXECABORT ")

    def test_asking_opens_no_other_slot(self):
        foreign = tag_in(set(self.third.myself().slots))
        self.assertEqual(self.asking(self.target, "GET", foreign),
                         f"MOVED {slot_of(foreign)} {HOST}:{self.third.port}")
        self.assertEqual(self.asking(self.third, "GET", self.here), self.moved(self.source))

    def test_a_third_node_sends_everybody_to_the_owner(self):
        for key in (self.here, self.there, self.nowhere):
            self.assertEqual(self.reply(self.third, "GET", key), self.moved(self.source))

    def test_a_transaction_at_the_source(self):
        with self.source.connect() as connection:
            self.assertEqual(connection.pipeline([("MULTI",), ("GET", self.here), ("EXEC",)]),
                             ["OK", "QUEUED", [value_of(self.here).encode()]])
            replies = connection.pipeline(
                [("MULTI",), ("GET", self.here), ("GET", self.there), ("EXEC",)])
            self.assertEqual(str(replies[2]), self.ask(self.target))
            self.assertRegex(str(replies[3]), "^EXECABORT ")

    def test_a_transaction_whose_keys_leave_before_it_is_executed(self):
        for keys, leaving, expected in (((self.here,), (self.here,), self.ask(self.target)),
                                        ((self.here2, self.nowhere), (self.here2,), TRYAGAIN)):
            with self.subTest(keys=keys), self.source.connect() as connection:
                self.source.call("CLUSTER", "SETSLOT", self.slot, "STABLE")
                self.source.call("MSET", *[word for key in keys for word in (key, "1")])
                connection.pipeline([("MULTI",), *[("GET", key) for key in keys]])
                self.open()
                self.migrate("REPLACE", "KEYS", *leaving)
                self.assertEqual(self.reply(connection, "EXEC"), expected)
                self.assertEqual(connection.call("PING"), "PONG")

    def test_restore_asking_needs_no_asking(self):
        payload = self.source.call("DUMP", self.here)
        self.assertEqual(self.reply(self.target, "RESTORE", self.nowhere, 0, payload),
                         self.moved(self.source))
        self.assertEqual(self.target.call("RESTORE-ASKING", self.nowhere, 0, payload), "OK")
        self.assertEqual(self.asking(self.target, "GET", self.nowhere),
                         value_of(self.here).encode())


class Migrate(Formed):
    """MIGRATE itself. The slot is open, so that the target takes its keys."""

    def setUp(self):
        super().setUp()
        self.open()

    def set(self, name):
        """Creates the key although the slot is open."""
        key = self.key(name)
        self.source.call("CLUSTER", "SETSLOT", self.slot, "STABLE")
        self.source.call("SET", key, value_of(key))
        self.source.call("CLUSTER", "SETSLOT", self.slot, "MIGRATING", self.id(self.target))
        return key

    def held_by(self, server):
        return {k.decode() for k in server.call("CLUSTER", "GETKEYSINSLOT", self.slot, 1000)}

    def error(self, *words, **options):
        with self.assertRaises(RespError) as refused:
            self.migrate(*words, **options)
        return str(refused.exception)

    def test_one_key(self):
        key = self.set("a")
        self.assertEqual(self.source.call("MIGRATE", HOST, self.target.port, key, 0, 5000), "OK")
        self.assertEqual((self.held_by(self.source), self.held_by(self.target)), (set(), {key}))
        self.assertEqual(self.asking(self.target, "GET", key), value_of(key).encode())

    def test_several_keys_of_which_some_are_missing(self):
        keys = {self.set(name) for name in "abc"}
        self.assertEqual(self.migrate("KEYS", *keys, self.key("d"), self.key("e")), "OK")
        self.assertEqual((self.held_by(self.source), self.held_by(self.target)), (set(), keys))

    def test_nothing_to_do(self):
        self.assertEqual(self.migrate("KEYS", self.key("a"), self.key("b")), "NOKEY")
        self.assertEqual(self.source.call("MIGRATE", HOST, self.target.port, self.key("a"), 0,
                                          5000), "NOKEY")

    def test_copy_leaves_the_key_behind(self):
        key = self.set("a")
        self.assertEqual(self.migrate("COPY", "KEYS", key), "OK")
        self.assertEqual((self.held_by(self.source), self.held_by(self.target)), ({key}, {key}))

    def test_a_key_that_is_there_already_is_not_overwritten_unless_wanted(self):
        busy, free = self.set("busy"), self.set("free")
        with self.target.connect() as connection:
            connection.pipeline([("ASKING",), ("SET", busy, "another")])
        self.assertEqual(self.error("KEYS", busy, free),
                         "ERR Target instance replied with error: "
                         "BUSYKEY Target key name already exists.")
        # The others go all the same.
        self.assertEqual((self.held_by(self.source), self.held_by(self.target)),
                         ({busy}, {busy, free}))
        self.assertEqual(self.asking(self.target, "GET", busy), b"another")
        self.assertEqual(self.migrate("REPLACE", "KEYS", busy), "OK")
        self.assertEqual(self.asking(self.target, "GET", busy), value_of(busy).encode())
        self.assertEqual(self.held_by(self.source), set())

    def test_values_of_all_types_and_their_time_to_live(self):
        self.source.call("CLUSTER", "SETSLOT", self.slot, "STABLE")
        writes = {"string": ("SET", "x" * 3_000_000), "number": ("SET", "17"),
                  "list": ("RPUSH", *map(str, range(5000))), "set": ("SADD", "a", "b", "c"),
                  "numbers": ("SADD", *map(str, range(1000))),
                  "hash": ("HSET", *map(str, range(2000))),
                  "scores": ("ZADD", "0.1", "a", "-inf", "b"),
                  "many scores": ("ZADD", *map(str, range(2000))),
                  "lasting": ("SET", "1", "PX", "600000")}
        for name, (command, *words) in writes.items():
            self.source.call(command, self.key(name), *words)
        keys = [self.key(name) for name in writes]
        digests = self.source.call("DEBUG", "DIGEST-VALUE", *keys)
        self.open()
        self.assertEqual(self.migrate("KEYS", *keys), "OK")
        self.assertEqual(self.target.call("DEBUG", "DIGEST-VALUE", *keys), digests)
        left = self.asking(self.target, "PTTL", self.key("lasting"))
        self.assertTrue(0 < left <= 600000, left)
        self.assertEqual(self.asking(self.target, "PTTL", self.key("string")), -1)

    def test_replicas_of_both_ends_follow(self):
        key = self.set("a")
        self.migrate("KEYS", key)
        for server, count in ((self.source, 0), (self.target, 1)):
            replica = self.formed.replicas_of(server)[0]
            wait_until(lambda: replica.call("CLUSTER", "COUNTKEYSINSLOT", self.slot) == count, 10,
                       "the replica has what its primary has")

    def test_a_key_of_a_slot_that_is_closed_is_refused_by_the_target(self):
        key = self.set("a")
        self.target.call("CLUSTER", "SETSLOT", self.slot, "STABLE")
        self.assertEqual(self.error("KEYS", key), "ERR Target instance replied with error: "
                         + self.moved(self.source))
        self.assertEqual(self.held_by(self.source), {key})

    def test_a_key_of_a_slot_of_another_node_is_redirected(self):
        self.assertEqual(self.reply(self.third, "MIGRATE", HOST, self.target.port, self.key("a"),
                                    0, 1000), self.moved(self.source))

    def test_a_target_that_is_dead(self):
        key = self.set("a")
        dead = harness.kvtools.free_ports(1)[0]
        # Which of them it is that fails tells nothing more.
        self.assertRegex(
            str(self.reply(self.source, "MIGRATE", HOST, dead, key, 0, 1000)),
            "^IOERR error or timeout (connecting to the client|writing to target instance)$")
        self.assertEqual(self.held_by(self.source), {key})

    def test_a_target_that_hangs(self):
        key = self.set("a")
        hanging = self.server(name="hanging")
        hanging.start()
        hanging.signal(signal.SIGSTOP)
        self.assertEqual(self.error("KEYS", key, target=hanging, timeout=300),
                         "IOERR error or timeout reading to target instance")
        self.assertEqual(self.held_by(self.source), {key})
        # Nobody else had to wait for that for long, and the next one is not confused by it.
        self.assertEqual(self.migrate("KEYS", key), "OK")

    def test_a_target_with_a_password(self):
        target = self.server("--requirepass", "secret", name="locked")
        target.start(wait=0)
        with self.assertRaises(RespError):
            wait_until(lambda: self.connects(target), 10, "the target is up")
            target.call("PING")
        refused = "ERR Target instance replied with error: "
        key = self.set("a")
        self.assertEqual(self.error("KEYS", key, target=target),
                         refused + "NOAUTH Authentication required.")
        self.assertRegex(self.error("AUTH", "wrong", "KEYS", key, target=target),
                         f"^{refused}WRONGPASS ")
        self.assertRegex(self.error("AUTH2", "nobody", "secret", "KEYS", key, target=target),
                         f"^{refused}WRONGPASS ")
        self.assertEqual(self.held_by(self.source), {key})
        self.assertEqual(self.migrate("AUTH", "secret", "COPY", "KEYS", key, target=target), "OK")
        self.assertEqual(self.migrate("COPY", "REPLACE", "AUTH2", "default", "secret", "KEYS", key,
                                      target=target), "OK")
        with target.connect() as connection:
            connection.call("AUTH", "secret")
            self.assertEqual(connection.call("GET", key), value_of(key).encode())

    def connects(self, server):
        server.connect().close()
        return True

    def test_another_database(self):
        key = self.set("a")
        self.assertEqual(self.reply(self.source, "MIGRATE", HOST, self.target.port, key, 1, 1000),
                         "ERR Target instance replied with error: "
                         "ERR SELECT is not allowed in cluster mode")
        self.assertEqual(self.held_by(self.source), {key})

    def test_what_makes_no_sense_is_refused(self):
        key = self.set("a")
        port = self.target.port
        for words, expected in (
                ((HOST, port, key, 0), "ERR wrong number of arguments for 'migrate' command"),
                ((HOST, port, key, "x", 1000), "ERR value is not an integer or out of range"),
                ((HOST, port, key, 0, "x"), "ERR value is not an integer or out of range"),
                ((HOST, port, key, 0, 1000, "NONSENSE"), "ERR syntax error"),
                ((HOST, port, key, 0, 1000, "AUTH"), "ERR syntax error"),
                ((HOST, port, key, 0, 1000, "AUTH2", "x"), "ERR syntax error"),
                ((HOST, port, key, 0, 1000, "KEYS", key),
                 "ERR When using MIGRATE KEYS option, the key argument must be set to the empty "
                 "string")):
            with self.subTest(words=words):
                self.assertEqual(self.reply(self.source, "MIGRATE", *words), expected)
        self.assertEqual(self.held_by(self.source), {key})


class Interrupted(harness.ProcessTest):
    """A move goes on where it was, whoever died meanwhile."""

    def setUp(self):
        self.nodes = self.cluster()
        self.source, self.target, self.third = self.nodes.primaries()
        self.heirs = {s.port: self.nodes.replicas_of(s)[0] for s in self.nodes.primaries()}
        self.tag = tag_in(self.source.myself().slots)
        self.slot = slot_of(self.tag)
        self.keys = fill(self.source, self.tag, 100)
        self.target.call("CLUSTER", "SETSLOT", self.slot, "IMPORTING", self.source.myself().id)
        self.source.call("CLUSTER", "SETSLOT", self.slot, "MIGRATING", self.target.myself().id)

    def shows(self, server, arrow, peer):
        return f"[{self.slot}{arrow}{peer.myself().id}]" in server.text("CLUSTER", "NODES")

    def move_half(self):
        keys = list(self.keys)[:50]
        self.source.call("MIGRATE", HOST, self.target.port, "", 0, 5000, "KEYS", *keys)
        for server in (self.source, self.target):
            wait_until(lambda: self.heirs[server.port].call("DBSIZE") == 50, 10,
                       "the replica has the same keys")

    def wait_marks(self, source, target):
        wait_until(lambda: self.shows(source, "->-", target), 20, "the source's mark")
        wait_until(lambda: self.shows(target, "-<-", source), 20, "the target's mark")
        wait_until(lambda: source.cluster_info()["cluster_state"] == "ok"
                   and target.cluster_info()["cluster_state"] == "ok", 20, "both serve")

    def finish(self, source, target):
        """Carries out what is left of the move; nothing is lost and nobody is confused."""
        sample = list(self.keys)
        self.assertEqual(source.call("GET", sample[70]), value_of(sample[70]).encode())
        for words, expected in ((("GET", sample[7]), f"ASK {self.slot} {HOST}:{target.port}"),
                                (("MGET", sample[7], sample[70]), TRYAGAIN)):
            with self.assertRaisesRegex(RespError, f"^{expected}$"):
                source.call(*words)
        with target.connect() as connection:
            connection.call("ASKING")
            self.assertEqual(connection.call("GET", sample[7]), value_of(sample[7]).encode())
        source.call("MIGRATE", HOST, target.port, "", 0, 5000, "KEYS", *sample[50:])
        for server in (target, source, self.third):
            server.call("CLUSTER", "SETSLOT", self.slot, "NODE", target.myself().id)
        self.assertEqual(lost_keys(target, self.keys), [])

    def test_marks_survive_a_restart(self):
        for server in (self.source, self.target):
            self.heirs[server.port].kill()  # Nobody takes over.
            server.kill()
            self.assertIn(f"[{self.slot}-", (server.directory / "nodes.conf").read_text())
        for server in (self.source, self.target):
            server.start()
        self.wait_marks(self.source, self.target)

    def test_the_source_is_replaced(self):
        self.move_half()
        self.source.kill()
        heir = self.heirs[self.source.port]
        wait_until(lambda: heir.info("replication")["role"] == "master", 20, "promoted")
        self.wait_marks(heir, self.target)
        self.finish(heir, self.target)

    def test_the_target_is_replaced(self):
        self.move_half()
        self.target.kill()
        heir = self.heirs[self.target.port]
        wait_until(lambda: heir.info("replication")["role"] == "master", 20, "promoted")
        self.wait_marks(self.source, heir)
        self.finish(self.source, heir)

    def test_both_hand_over(self):
        self.move_half()
        heirs = [self.heirs[s.port] for s in (self.source, self.target)]
        for heir in heirs:
            self.assertEqual(heir.call("CLUSTER", "FAILOVER"), "OK")
        self.nodes.wait_healthy()
        for heir in heirs:
            wait_until(lambda: heir.info("replication")["role"] == "master", 20, "promoted")
        self.wait_marks(*heirs)
        self.finish(*heirs)


if __name__ == "__main__":
    harness.main()
