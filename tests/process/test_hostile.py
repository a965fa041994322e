"""Bytes that no honest client or peer sends: the server survives and its memory stays bounded."""

import contextlib
import random
import socket
import struct
import time
import unittest

import harness
from harness import wait_until
from kvtools import Connection, RespError, tag_in

MEGABYTE = 1 << 20
SEED = 20250101


class Hostile(harness.ProcessTest):
    CLUSTER = ("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
               "--cluster-node-timeout", "2000")
    LIMITS = ("--client-query-buffer-limit", "4mb", "--proto-max-bulk-len", "1mb",
              "--client-output-buffer-limit", "normal 8mb 0 0", "--maxclients", "500")

    def setUp(self):
        self.target = self.server(*self.CLUSTER, *self.LIMITS)
        self.target.start()
        self.target.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        self.key = "a"
        wait_until(lambda: self.target.call("SET", self.key, "1") == "OK", 10, "it serves")
        self.memory = self.target.resident_bytes()

    def assert_well(self, may_grow=64 * MEGABYTE):
        """It runs, serves old and new clients, and did not grow."""
        self.assertTrue(self.target.running(), self.target.log_tail())
        self.assertEqual(self.target.call("GET", self.key), b"1")
        with self.target.connect() as connection:
            self.assertEqual(connection.call("PING"), "PONG")
        grown = self.target.resident_bytes() - self.memory
        self.assertLess(grown, may_grow, f"grew by {grown / MEGABYTE:.0f} MiB")

    def raw(self, port, timeout=5.0):
        return socket.create_connection(("127.0.0.1", port), timeout)

    def send_until_closed(self, peer, data):
        """Sends as much as the other side takes."""
        with contextlib.suppress(OSError):
            peer.sendall(data)

    def read_to_end(self, peer, limit=16 * MEGABYTE):
        """All that comes until the connection ends; None if it does not end in time."""
        received = bytearray()
        try:
            while len(received) < limit:
                data = peer.recv(65536)
                if not data:
                    return bytes(received)
                received += data
        except socket.timeout:
            return None
        except OSError:
            return bytes(received)
        return bytes(received)


class Resp(Hostile):
    """The clients' port."""

    def test_malformed_requests_get_an_error_and_lose_the_connection(self):
        for request in (b"*10000000000\r\n", b"*-7777777777777777777777\r\n", b"*1x\r\n",
                        b"*2\r\n$3\r\nGET\r\n$-5\r\n", b"*1\r\n$abc\r\n", b"*1\r\n:5\r\n",
                        b"*1\r\n$99999999999999999999\r\n", b"*1\r\n$2000000\r\n",
                        b"GET 'unbalanced\r\n", b"*3\r\n$3\r\nSET\r\nxx\r\n"):
            with self.subTest(request=request), self.raw(self.target.port) as client:
                client.sendall(request)
                answer = self.read_to_end(client)
                self.assertIsNotNone(answer, "the connection stays open")
                self.assertTrue(answer.startswith(b"-ERR Protocol error"), answer)
        self.assert_well()

    def test_odd_but_valid_requests_are_served(self):
        with self.raw(self.target.port) as client:
            client.sendall(b"\r\n\r\nPING\r\n*0\r\n*-1\r\n*1\r\n$4\r\nping\r\nPING\n")
            wanted = b"+PONG\r\n" * 3
            answer = b""
            while len(answer) < len(wanted):
                answer += client.recv(100)
            self.assertEqual(answer, wanted)
        self.assert_well()

    def test_an_endless_line_is_cut_off(self):
        for start in (b"", b"*", b"*1\r\n$"):
            with self.subTest(start=start), self.raw(self.target.port) as client:
                self.send_until_closed(client, start + b"1" * (8 * MEGABYTE))
                self.assertIsNotNone(self.read_to_end(client), "the connection stays open")
        self.assert_well()

    def test_a_request_beyond_the_query_buffer_is_cut_off(self):
        with self.raw(self.target.port, 20) as client:
            argument = b"$1000000\r\n" + b"x" * 1000000 + b"\r\n"
            self.send_until_closed(client, b"*1000\r\n" + argument * 200)
            self.assertIsNotNone(self.read_to_end(client), "the connection stays open")
        self.assert_well()

    def test_unfinished_requests_cost_what_was_sent(self):
        request = Connection.encode("SET", "b", "x" * 1000)
        with contextlib.ExitStack() as stack:
            for n in range(200):
                client = stack.enter_context(self.raw(self.target.port))
                client.sendall(request[:1 + n % (len(request) - 1)])
            # Announced, not sent.
            for _ in range(100):
                client = stack.enter_context(self.raw(self.target.port))
                client.sendall(b"*1000000\r\n$1000000\r\n")
            self.assert_well()
        self.assertEqual(self.target.call("EXISTS", "b"), 0)

    def test_a_request_byte_by_byte(self):
        with self.raw(self.target.port) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in Connection.encode("SET", "slow", "value"):
                client.sendall(bytes([byte]))
            self.assertEqual(client.recv(100), b"+OK\r\n")
        self.assert_well()

    def test_a_client_that_does_not_read_is_cut_off(self):
        self.target.call("SET", "big", "x" * 500000)
        self.memory = self.target.resident_bytes()
        with self.raw(self.target.port, 10) as client:
            request = Connection.encode("GET", "big")
            self.send_until_closed(client, request * 2000)  # Asks for a gigabyte.
            self.assert_well()

    def test_random_bytes(self):
        chance = random.Random(SEED)
        for _ in range(300):
            with self.raw(self.target.port) as client:
                data = bytearray(chance.randbytes(chance.randrange(1, 2000)))
                if chance.random() < 0.5:
                    data[:0] = b"*3\r\n$3\r\nSET\r\n$1\r\nz\r\n$"
                self.send_until_closed(client, bytes(data))
        self.assert_well()

    def test_mutated_requests(self):
        chance = random.Random(SEED)
        words = [("SET", "m", "1"), ("MGET", "m", "n"), ("CLUSTER", "NODES"), ("HELLO", "3"),
                 ("SCAN", "0", "COUNT", "10"), ("CLUSTER", "MEET", "127.0.0.1", "1"),
                 ("SET", "m", "1", "PX", "100"), ("CONFIG", "GET", "*"), ("INFO",)]
        for _ in range(500):
            request = bytearray(b"".join(Connection.encode(*chance.choice(words))
                                         for _ in range(3)))
            for _ in range(chance.randrange(1, 4)):
                request[chance.randrange(len(request))] = chance.randrange(256)
            with self.raw(self.target.port) as client:
                self.send_until_closed(client, bytes(request))
                client.shutdown(socket.SHUT_WR)
                self.assertIsNotNone(self.read_to_end(client), request)
        self.assert_well()

    def test_more_clients_than_allowed(self):
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(self.raw(self.target.port)) for _ in range(600)]
            refused = 0
            for client in clients[-50:]:
                answer = self.read_to_end(client)
                refused += answer is not None and answer.startswith(b"-ERR max number of clients")
            self.assertEqual(refused, 50)
            self.assertEqual(self.target.call("PING"), "PONG")
        # Those who left make room.
        wait_until(lambda: self.assert_well() is None, 10, "there is room")

    def test_bad_arguments_are_answered(self):
        for words in (("SET",), ("SET", "a"), ("GET", "a", "b"), ("NOSUCH",), ("", ""),
                      ("CLUSTER",), ("CLUSTER", "NOSUCH"), ("CLUSTER", "MEET", "x", "y"),
                      ("CLUSTER", "ADDSLOTS", "99999"), ("CLUSTER", "ADDSLOTS", "-1"),
                      ("CLUSTER", "ADDSLOTSRANGE", "1"), ("CLUSTER", "REPLICATE", "x"),
                      ("CLUSTER", "FORGET", "x" * 40), ("CLUSTER", "GETKEYSINSLOT", "1", "-1"),
                      ("CLUSTER", "COUNTKEYSINSLOT", "16384"), ("CLUSTER", "SET-CONFIG-EPOCH", "x"),
                      ("WAIT", "x", "y"), ("SCAN", "x"), ("EXPIRE", "a", "99999999999999999999"),
                      ("INCRBY", "a", "9223372036854775808"), ("HELLO", "9"),
                      ("CONFIG", "SET", "nosuch", "1"), ("DEBUG", "SLEEP", "1"),
                      ("PSYNC", "x"), ("REPLCONF", "x")):
            with self.subTest(words=words), self.assertRaises(RespError):
                self.target.call(*words)
        self.assert_well()


# --- The bus --------------------------------------------------------------------------------------

def varint(number):
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes(encoded + bytes([number]))


def number_field(field, value):
    return varint(field << 3) + varint(value)


def bytes_field(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def frame(payload):
    return struct.pack(">I", len(payload)) + payload


def hello(name=b"", sender=b"s" * 20, version=1):
    """See proto/clusterkit/v1/bus.proto."""
    return frame(bytes_field(1, number_field(1, version) + number_field(2, version)
                             + number_field(3, 1) + bytes_field(4, name)
                             + bytes_field(5, sender) + bytes_field(6, b"h" * 20)))


def heartbeat(sender=b"s" * 20, kind=0, gossip=b"", epoch=0):
    header = (bytes_field(1, sender) + bytes_field(2, b"h" * 20)
              + (number_field(5, epoch) if epoch else b"")
              + bytes_field(10, bytes_field(1, b"127.0.0.1") + number_field(2, 1)
                            + number_field(3, 1)))
    return frame(bytes_field(3, bytes_field(1, header)
                             + bytes_field(10, number_field(1, kind) + number_field(2, 1)
                                           + gossip)))


class Bus(Hostile):
    """The port for other nodes."""

    def setUp(self):
        super().setUp()
        self.bus = self.target.port + 10000

    def known_nodes(self):
        return int(self.target.cluster_info()["cluster_known_nodes"])

    def assert_closed(self, data):
        with self.raw(self.bus) as peer:
            self.send_until_closed(peer, data)
            self.assertIsNotNone(self.read_to_end(peer), "the link stays open")

    def test_frames_that_break_the_rules_close_the_link(self):
        for data in (frame(b""), struct.pack(">I", 0xffffffff), struct.pack(">I", 2 * MEGABYTE),
                     frame(b"\xff" * 100), frame(b"\x00"), b"RCmb" + b"\x00" * 2252,
                     b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"*1\r\n$4\r\nPING\r\n" * 10,
                     heartbeat()):
            with self.subTest(data=data[:20]):
                self.assert_closed(data)
        self.assert_well()

    def test_an_announced_size_is_not_allocated(self):
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                peer = stack.enter_context(self.raw(self.bus))
                peer.sendall(struct.pack(">I", MEGABYTE) + b"\x0a")
            self.assert_well(may_grow=32 * MEGABYTE)

    def test_a_frame_cut_anywhere(self):
        data = hello() + heartbeat()
        for end in range(0, len(data), 3):
            with self.raw(self.bus) as peer:
                self.send_until_closed(peer, data[:end])
        self.assert_well()

    def test_a_peer_of_another_cluster_is_refused_and_reported(self):
        self.assert_closed(hello(name=b"another cluster"))
        wait_until(lambda: "other cluster" in self.target.log(), 5, "the log says so")
        self.assertEqual(self.known_nodes(), 1)
        self.assert_well()

    def test_a_peer_without_a_common_version_is_refused_and_reported(self):
        self.assert_closed(hello(version=99))
        wait_until(lambda: "no common version" in self.target.log(), 5, "the log says so")
        self.assert_well()

    def test_strangers_are_not_remembered(self):
        for n in range(300):
            with self.raw(self.bus) as peer:
                sender = struct.pack(">I", n) + b"s" * 16
                self.send_until_closed(peer, hello(sender=sender) + heartbeat(sender))
        self.assertEqual(self.known_nodes(), 1)
        self.assert_well()

    def test_a_stranger_cannot_raise_the_epoch(self):
        before = self.target.cluster_info()["cluster_current_epoch"]
        with self.raw(self.bus) as peer:
            self.send_until_closed(peer, hello() + heartbeat(epoch=1 << 40))
            self.read_to_end(peer)
        self.assertEqual(self.target.cluster_info()["cluster_current_epoch"], before)
        self.assert_well()

    def test_gossip_beyond_the_limit_is_refused(self):
        entry = bytes_field(4, bytes_field(1, b"g" * 20))
        self.assert_closed(hello() + heartbeat(gossip=entry * 40000))
        self.assertEqual(self.known_nodes(), 1)
        self.assert_well()

    def test_links_that_say_nothing_are_limited(self):
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(self.raw(self.bus)) for _ in range(600)]
            # Some are refused; those that are kept do not keep an honest client from being served.
            closed = 0
            for peer in peers:
                peer.settimeout(0.001)
                with contextlib.suppress(socket.timeout):
                    closed += self.read_to_end(peer) is not None
            self.assertGreater(closed, 0)
            self.assert_well()
        self.assert_well()

    def test_random_and_mutated_frames(self):
        chance = random.Random(SEED)
        for _ in range(500):
            data = bytearray(hello() + heartbeat(gossip=bytes_field(4, bytes_field(1, b"g" * 20))))
            for _ in range(chance.randrange(1, 6)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            if chance.random() < 0.3:
                data = bytearray(frame(chance.randbytes(chance.randrange(1, 3000))))
            with self.raw(self.bus) as peer:
                self.send_until_closed(peer, bytes(data))
        self.assert_well()


class Attacked(harness.ProcessTest):
    def test_a_cluster_goes_on_while_its_buses_are_attacked(self):
        cluster = self.cluster(size=3, replicas=0)
        chance = random.Random(SEED)
        tags = {server: tag_in(server.myself().slots) for server in cluster.servers}
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            for server in cluster.servers:
                with contextlib.suppress(OSError):
                    with socket.create_connection(("127.0.0.1", server.port + 10000), 1) as peer:
                        # With the id of a member, which only its own cluster knows.
                        sender = bytes.fromhex(chance.choice(cluster.servers).myself().id)
                        peer.sendall(hello(sender=sender) + frame(chance.randbytes(500)))
                self.assertEqual(server.call("SET", tags[server], "1"), "OK")
        for server in cluster.servers:
            self.assertEqual(server.cluster_info()["cluster_state"], "ok")
            self.assertTrue(all(node.health == "ok" for node in server.nodes()))


if __name__ == "__main__":
    harness.main()
