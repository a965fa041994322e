"""One formed cluster, as stock redis-cli and redis-benchmark see it."""

import re
import unittest

import harness
from harness import RespError, fill, lost_keys, value_of, wait_until
from kvtools import HOST, SLOTS, redis_benchmark, redis_cli, slot_of, tag_in


class Formed(harness.FormedTest):
    """3 primaries and 3 replicas, made once for all tests."""

    def setUp(self):
        self.primaries = sorted(self.formed.primaries(), key=lambda s: s.myself().ranges)
        self.entry = self.formed.servers[0]
        self.address = ("-p", str(self.entry.port))

    def foreign(self, server):
        """A hash tag of a slot that this server does not own."""
        own = set(server.myself().slots)
        return tag_in(slot for slot in range(SLOTS) if slot not in own)

    # --- What redis-cli --cluster says --------------------------------------------------------

    def test_create_and_check_find_nothing_to_complain_about(self):
        for output in (self.created,
                       redis_cli("--cluster", "check", f"{HOST}:{self.entry.port}")):
            self.assertIn("[OK] All nodes agree about slots configuration.", output)
            self.assertIn("[OK] All 16384 slots covered.", output)
            self.assertNotIn("[ERR]", output)

    def test_three_primaries_share_the_slots_and_have_a_replica_each(self):
        self.assertEqual([s.myself().ranges for s in self.primaries],
                         [[(0, 5460)], [(5461, 10922)], [(10923, 16383)]])
        for primary in self.primaries:
            self.assertEqual(len(self.formed.replicas_of(primary)), 1)

    def test_all_servers_hold_the_same_view(self):
        def view(server):
            return sorted((n.id, n.port, n.bus_port, n.primary, n.ranges, n.config_epoch,
                           "master" in n.flags) for n in server.nodes())
        wait_until(lambda: all(view(s) == view(self.entry) for s in self.formed.servers), 10,
                   "all servers show the same nodes")

    def test_an_address_announced_at_run_time_reaches_all(self):
        name = "cluster-announce-port"
        self.entry.call("CONFIG", "SET", name, "7777")
        self.addCleanup(self.entry.call, "CONFIG", "SET", name, "0")
        my_id = self.entry.myself().id
        def shown():
            return {n.port for s in self.formed.servers for n in s.nodes() if n.id == my_id}
        wait_until(lambda: shown() == {7777}, 10, "all servers show the new port")
        self.entry.call("CONFIG", "SET", name, "0")
        wait_until(lambda: shown() == {self.entry.port}, 10, "all servers show the old port")

    def test_a_hostname_reaches_all_and_clients_are_sent_there(self):
        owner = self.primaries[0]
        key = "{%s}" % tag_in(owner.myself().slots)
        other = self.primaries[1]
        owner.call("CONFIG", "SET", "cluster-announce-hostname", "one.example")
        self.addCleanup(owner.call, "CONFIG", "SET", "cluster-announce-hostname", "")
        shown = b"@%d,one.example " % owner.myself().bus_port
        wait_until(lambda: all(shown in s.call("CLUSTER", "NODES") for s in self.formed.servers),
                   10, "all servers show the hostname")
        self.addCleanup(other.call, "CONFIG", "SET", "cluster-preferred-endpoint-type", "ip")
        for kind, host in (("hostname", "one.example"), ("unknown-endpoint", ""), ("ip", HOST)):
            other.call("CONFIG", "SET", "cluster-preferred-endpoint-type", kind)
            with self.assertRaises(RespError) as refused:
                other.call("GET", key)
            self.assertEqual(str(refused.exception),
                             f"MOVED {slot_of(key)} {host}:{owner.port}")

    def test_links_are_listed_and_can_be_broken(self):
        peer = next(n.id for n in self.entry.nodes() if "myself" not in n.flags)
        def links():
            rows = [dict(zip(row[::2], row[1::2])) for row in self.entry.call("CLUSTER", "LINKS")]
            return {(row[b"direction"], row[b"node"].decode()): row[b"create-time"]
                    for row in rows}
        self.assertEqual(len(links()), 10)
        before = links()
        self.entry.call("DEBUG", "CLUSTERLINK", "KILL", "all", peer)
        def renewed():
            # The time of creation is told as an age, so it varies by a millisecond or two.
            return {key for key, created in links().items() if created > before[key] + 20}
        wait_until(lambda: renewed() == {(b"to", peer), (b"from", peer)} and len(links()) == 10,
                   10, "both links with this node, and no others, are new")

    def test_packets_can_be_dropped(self):
        self.addCleanup(self.entry.call, "DEBUG", "DROP-CLUSTER-PACKET-FILTER", "-1")
        received = lambda: int(self.entry.cluster_info()["cluster_stats_messages_received"])
        self.entry.call("DEBUG", "DROP-CLUSTER-PACKET-FILTER", "-2")
        before = received()
        self.entry.call("DEBUG", "DROP-CLUSTER-PACKET-FILTER", "-1")
        wait_until(lambda: received() > before + 5, 10, "messages arrive again")

    def test_config_epochs_are_distinct(self):
        epochs = [s.myself().config_epoch for s in self.primaries]
        self.assertEqual(len(set(epochs)), 3, epochs)
        self.assertGreaterEqual(int(self.entry.cluster_info()["cluster_current_epoch"]),
                                max(epochs))

    def test_cluster_info(self):
        info = self.entry.cluster_info()
        self.assertEqual(
            {name: info[name] for name in (
                "cluster_state", "cluster_slots_assigned", "cluster_slots_ok",
                "cluster_slots_pfail", "cluster_slots_fail", "cluster_known_nodes",
                "cluster_size")},
            {"cluster_state": "ok", "cluster_slots_assigned": "16384",
             "cluster_slots_ok": "16384", "cluster_slots_pfail": "0", "cluster_slots_fail": "0",
             "cluster_known_nodes": "6", "cluster_size": "3"})
        self.assertGreater(int(info["cluster_stats_messages_sent"]), 0)
        self.assertEqual(self.entry.info("cluster")["cluster_enabled"], "1")

    def test_slots_and_shards_describe_what_nodes_describes(self):
        ports = {n.id: n.port for n in self.entry.nodes()}
        replica_of = {n.primary: n.id for n in self.entry.nodes() if n.primary}
        expected = sorted((n.ranges[0][0], n.ranges[0][1], n.id, replica_of[n.id])
                          for n in self.entry.nodes() if n.ranges)
        slots = [(first, last, primary[2].decode(), replica[2].decode())
                 for first, last, primary, replica in self.entry.call("CLUSTER", "SLOTS")]
        self.assertEqual(sorted(slots), expected)
        for _, _, *nodes in self.entry.call("CLUSTER", "SLOTS"):
            for host, port, id, _ in nodes:
                self.assertEqual((host, port), (HOST.encode(), ports[id.decode()]))

        shards = []
        for shard in self.entry.call("CLUSTER", "SHARDS"):
            fields = dict(zip(shard[::2], shard[1::2]))
            nodes = [dict(zip(node[::2], node[1::2])) for node in fields[b"nodes"]]
            by_role = {node[b"role"]: node[b"id"].decode() for node in nodes}
            self.assertTrue(all(node[b"health"] == b"online" for node in nodes))
            shards.append((*fields[b"slots"], by_role[b"master"], by_role[b"replica"]))
        self.assertEqual(sorted(shards), expected)

    def test_replicas_of_a_primary(self):
        primary = self.primaries[0]
        lines = self.entry.call("CLUSTER", "REPLICAS", primary.myself().id)
        self.assertEqual(len(lines), 1)
        self.assertIn(self.formed.replicas_of(primary)[0].myself().id, lines[0].decode())
        with self.assertRaisesRegex(RespError, "Unknown node nonsense"):
            self.entry.call("CLUSTER", "REPLICAS", "nonsense")

    # --- Keys and redirections ----------------------------------------------------------------

    def test_redis_cli_follows_redirections(self):
        names = [f"cli:{n}" for n in range(50)]
        written = redis_cli("-c", *self.address, stdin="".join(f"SET {n} {n}\n" for n in names))
        self.assertEqual(written.split().count("OK"), 50)
        read = redis_cli("-c", *self.address, stdin="".join(f"GET {n}\n" for n in names))
        self.assertLessEqual(set(names), set(read.split()))

    def test_redis_benchmark_in_cluster_mode(self):
        output = redis_benchmark("--cluster", "-h", HOST, *self.address, "-t", "set,get,incr",
                                 "-n", "3000", "-r", "1000", "-c", "10", "-q")
        for command in ("SET", "GET", "INCR"):
            self.assertRegex(output, rf"{command}: [\d.]+ requests per second")
        self.assertNotRegex(output, "(?i)error|MOVED|CLUSTERDOWN")

    def test_a_key_of_another_primary_is_redirected(self):
        tag = self.foreign(self.primaries[0])
        owner = self.formed.owner_seen_by(self.entry, slot_of(tag))
        for command in (("GET", tag), ("SET", tag, "1"), ("DEL", tag), ("EXISTS", tag),
                        ("EXPIRE", tag, "10"), ("MGET", f"{{{tag}}}a", f"{{{tag}}}b")):
            with self.subTest(command=command), self.assertRaises(RespError) as raised:
                self.primaries[0].call(*command)
            self.assertEqual(str(raised.exception), f"MOVED {slot_of(tag)} {HOST}:{owner.port}")

    def test_keys_of_several_slots_are_refused(self):
        a, b = tag_in(self.primaries[0].myself().slots), self.foreign(self.primaries[0])
        for command in (("MGET", a, b), ("MSET", a, "1", b, "2"), ("DEL", a, b)):
            with self.subTest(command=command), self.assertRaisesRegex(
                    RespError, "^CROSSSLOT Keys in request don't hash to the same slot$"):
                self.primaries[0].call(*command)

    def test_commands_without_keys_are_served_anywhere(self):
        for server in self.formed.servers:
            self.assertEqual(server.call("PING", "x"), b"x")
            self.assertEqual(server.call("ECHO", "x"), b"x")
            self.assertGreaterEqual(server.call("DBSIZE"), 0)

    def test_select_is_refused(self):
        self.assertEqual(self.entry.call("SELECT", 0), "OK")
        with self.assertRaisesRegex(RespError, "SELECT is not allowed in cluster mode"):
            self.entry.call("SELECT", 1)

    def test_keyslot_agrees_with_the_clients_hash(self):
        for key in (b"foo", b"{user1000}.following", b"foo{}{bar}", b"foo{{bar}}zap", b"",
                    b"\x00\xff\r\n", b"x" * 10000):
            self.assertEqual(self.entry.call("CLUSTER", "KEYSLOT", key), slot_of(key))

    def test_keys_in_a_slot(self):
        tag = tag_in(self.primaries[0].myself().slots, "slot")
        keys = fill(self.primaries[0], tag, 5)
        slot = slot_of(tag)
        self.assertEqual(self.primaries[0].call("CLUSTER", "COUNTKEYSINSLOT", slot), 5)
        listed = self.primaries[0].call("CLUSTER", "GETKEYSINSLOT", slot, 100)
        self.assertEqual({key.decode() for key in listed}, set(keys))
        self.assertEqual(len(self.primaries[0].call("CLUSTER", "GETKEYSINSLOT", slot, 2)), 2)

    # --- Replicas -----------------------------------------------------------------------------

    def test_a_replica_redirects_until_readonly(self):
        primary = self.primaries[0]
        replica = self.formed.replicas_of(primary)[0]
        tag = tag_in(primary.myself().slots, "readonly")
        key = next(iter(fill(primary, tag, 1)))
        moved = f"^MOVED {slot_of(tag)} {HOST}:{primary.port}$"
        with replica.connect() as connection:
            with self.assertRaisesRegex(RespError, moved):
                connection.call("GET", key)
            self.assertEqual(connection.call("READONLY"), "OK")
            self.assertEqual(connection.call("GET", key), value_of(key).encode())
            with self.assertRaisesRegex(RespError, moved):
                connection.call("SET", key, "1")
            with self.assertRaisesRegex(RespError, "^MOVED "):
                connection.call("GET", self.foreign(primary))
            self.assertEqual(connection.call("READWRITE"), "OK")
            with self.assertRaisesRegex(RespError, moved):
                connection.call("GET", key)

    def test_replication_is_reported(self):
        primary = self.primaries[0]
        replica = self.formed.replicas_of(primary)[0]
        info = replica.info("replication")
        self.assertEqual((info["role"], info["master_port"], info.get("master_link_status")),
                         ("slave", str(primary.port), "up"))
        info = primary.info("replication")
        self.assertEqual((info["role"], info["connected_slaves"]), ("master", "1"))
        self.assertRegex(info["slave0"], rf"port={replica.port},state=online,offset=\d+,lag=\d+")
        wait_until(lambda: primary.info("replication")["master_repl_offset"] ==
                   replica.info("replication")["slave_repl_offset"], 10, "the offsets meet")

    def test_wait_counts_replicas(self):
        primary = self.primaries[0]
        with primary.connect() as connection:
            connection.call("SET", f"{{{tag_in(primary.myself().slots)}}}wait", "1")
            self.assertEqual(connection.call("WAIT", 1, 5000), 1)
            self.assertEqual(connection.call("WAIT", 2, 100), 1)

    def test_expiry_and_deletion_reach_the_replica(self):
        primary = self.primaries[1]
        replica = self.formed.replicas_of(primary)[0]
        tag = tag_in(primary.myself().slots, "expiry")
        with primary.connect() as connection, replica.connect() as reader:
            reader.call("READONLY")
            connection.call("SET", f"{{{tag}}}a", "1", "PX", "300")
            connection.call("SET", f"{{{tag}}}b", "1")
            connection.call("WAIT", 1, 5000)
            self.assertEqual(reader.call("GET", f"{{{tag}}}b"), b"1")
            connection.call("DEL", f"{{{tag}}}b")
            wait_until(lambda: reader.call("EXISTS", f"{{{tag}}}a") == 0, 5, "a expires")
            wait_until(lambda: reader.call("EXISTS", f"{{{tag}}}b") == 0, 5, "b is deleted")


class Restarted(harness.ProcessTest):
    def test_a_replica_comes_back_by_itself_and_catches_up(self):
        cluster = self.cluster()
        primary = cluster.primaries()[0]
        replica = cluster.replicas_of(primary)[0]
        id = replica.myself().id
        tag = tag_in(primary.myself().slots)
        keys = fill(primary, tag, 100, "before")
        self.assertEqual(replica.stop(), 0)
        with primary.connect() as connection:
            for n in range(100):
                connection.call("SET", f"while:{{{tag}}}:{n}", value_of(f"while:{{{tag}}}:{n}"))
        keys.update({f"while:{{{tag}}}:{n}": value_of(f"while:{{{tag}}}:{n}").encode()
                     for n in range(100)})
        replica.start()
        cluster.wait_healthy()
        self.assertEqual((replica.myself().id, replica.myself().primary),
                         (id, primary.myself().id))
        with replica.connect() as reader:
            reader.call("READONLY")
            wait_until(lambda: [reader.call("GET", key) for key in keys] == list(keys.values()),
                       10, "the replica has every key")
        self.assertEqual(lost_keys(primary, keys), [])


class Down(harness.ProcessTest):
    CLUSTER = ("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
               "--cluster-node-timeout", "1000")

    def test_a_node_without_slots_serves_nothing(self):
        server = self.server(*self.CLUSTER)
        server.start()
        self.assertEqual(server.cluster_info()["cluster_state"], "fail")
        with self.assertRaisesRegex(RespError, "^CLUSTERDOWN Hash slot not served$"):
            server.call("GET", "a")
        self.assertEqual(server.call("PING"), "PONG")

    def test_slots_without_owner_stop_the_cluster_or_not(self):
        for coverage, expected in (("yes", "^CLUSTERDOWN The cluster is down$"), ("no", "")):
            with self.subTest(coverage=coverage):
                server = self.server(*self.CLUSTER, "--cluster-require-full-coverage", coverage)
                server.start()
                server.call("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
                owned, unowned = tag_in(range(8192)), tag_in(range(8192, SLOTS))
                if expected:
                    # It says so although it owns the slot.
                    wait_until(lambda: re.match(expected, self.error(server, "GET", owned)), 10,
                               "the cluster is down")
                else:
                    wait_until(lambda: server.call("SET", owned, "1") == "OK", 10, "it serves")
                self.assertRegex(self.error(server, "GET", unowned),
                                 "^CLUSTERDOWN Hash slot not served$")

    def error(self, server, *words):
        try:
            server.call(*words)
        except RespError as error:
            return str(error)
        return ""

    def test_without_a_majority_nothing_is_served(self):
        cluster = self.cluster(size=3, replicas=0)
        survivor, *others = cluster.servers
        tag = tag_in(survivor.myself().slots)
        probe = f"{{{tag}}}probe"
        self.assertEqual(survivor.call("SET", tag, "1"), "OK")
        for server in others:
            server.kill()
        wait_until(lambda: self.error(survivor, "SET", probe, "1").startswith("CLUSTERDOWN"), 10,
                   "writes are refused")
        self.assertEqual(self.error(survivor, "GET", tag), "CLUSTERDOWN The cluster is down")
        for server in others:
            server.start()
        wait_until(lambda: survivor.call("GET", tag) == b"1", 20, "it serves again")


if __name__ == "__main__":
    harness.main()
