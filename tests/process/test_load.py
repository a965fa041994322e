"""Many clients, slow ones, large requests and long pipelines: bounded memory, others are served."""

import contextlib
import resource
import socket
import struct
import threading
import unittest

import harness
from harness import wait_until
from kvtools import Connection, RespError, free_ports, tag_in

MEGABYTE = 1 << 20
CLUSTER = ("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
           "--cluster-node-timeout", "2000")
TCP_REPAIR = 19


def allow_open_files(count):
    """As many of them as this machine allows, at most `count`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        hard = max(hard, count)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
            return count
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))
    return min(count, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def read_exactly(connection, size):
    """Reads and drops so many bytes."""
    buffer = bytearray(MEGABYTE)
    while size > 0:
        got = connection.recv_into(buffer, min(size, len(buffer)))
        if got == 0:
            raise EOFError(f"{size} bytes are missing")
        size -= got


def read_all(connection):
    """What comes until the other side closes."""
    received = bytearray()
    while data := connection.recv(MEGABYTE):
        received += data
    return bytes(received)


class Other(threading.Thread):
    """Another client, at work all the time. What it found wrong is raised at the end."""

    def __init__(self, server):
        super().__init__()
        self.server, self.ended, self.rounds, self.fault = server, threading.Event(), 0, None

    def run(self):
        try:
            with self.server.connect(30) as client:
                while not self.ended.wait(0.001):
                    assert client.call("SET", "other", self.rounds) == "OK"
                    assert client.call("GET", "other") == str(self.rounds).encode()
                    self.rounds += 1
        except BaseException as fault:  # To be raised in the test's thread.
            self.fault = fault

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()
        if self.fault is not None:
            raise self.fault
        assert self.rounds > 0


class Load(harness.ProcessTest):
    ARGUMENTS = ()

    def setUp(self):
        self.target = self.server(*self.ARGUMENTS)
        self.target.start()
        self.memory = self.target.resident_bytes()

    def raw(self, timeout=30, receive_buffer=0):
        client = socket.socket()
        client.settimeout(timeout)
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.connect(("127.0.0.1", self.target.port))
        return client

    def grown(self):
        return (self.target.resident_bytes() - self.memory) / MEGABYTE

    def used(self):
        return int(self.target.info("memory")["used_memory"])

    def wait_clients(self, count):
        wait_until(lambda: int(self.target.info("clients")["connected_clients"]) == count, 30,
                   f"{count} clients are left")


class Clients(Load):
    ARGUMENTS = ("--maxclients", "10050")
    COUNT = 10000

    def test_ten_thousand_at_once(self):
        count = min(self.COUNT, allow_open_files(self.COUNT + 200) - 200)
        count = min(count, int(self.target.call("CONFIG", "GET", "maxclients")[1]) - 50)
        used = self.used()
        for _ in range(2):
            with Other(self.target), contextlib.ExitStack() as stack:
                clients = [stack.enter_context(self.raw()) for _ in range(count)]
                for client in clients:
                    client.sendall(b"PING\r\n")
                for client in clients:
                    self.assertEqual(client.recv(100), b"+PONG\r\n")
                self.wait_clients(count + 2)
                self.assertLess((self.used() - used) / count, 2500, "bytes for an idle client")
                self.assertLess(self.grown(), 40)
            self.wait_clients(1)
            self.assertLess(self.used() - used, MEGABYTE)

    def test_the_largest_go_first_where_maxmemory_clients_says_so(self):
        self.target.call("CONFIG", "SET", "client-output-buffer-limit", "normal 1gb 0 0")
        self.target.call("SET", "big", b"x" * MEGABYTE)
        with self.raw(receive_buffer=4096) as greedy, self.raw() as modest:
            modest.sendall(b"PING\r\n")
            self.assertEqual(modest.recv(100), b"+PONG\r\n")
            greedy.sendall(Connection.encode("GET", "big") * 40)
            self.assertEqual(self.target.call("CONFIG", "SET", "maxmemory-clients", "16mb"), "OK")
            self.wait_clients(2)
            with self.assertRaises((EOFError, OSError)):
                read_exactly(greedy, 40 * MEGABYTE)
            modest.sendall(b"PING\r\n")
            self.assertEqual(modest.recv(100), b"+PONG\r\n")


class Readers(Load):
    def test_slow_readers_cost_little_and_get_everything(self):
        size, requests, count = 100_000, 200, 300
        self.target.call("SET", "big", b"x" * size)
        reply = len(b"$100000\r\n") + size + 2
        with contextlib.ExitStack() as stack:
            readers = [stack.enter_context(self.raw(receive_buffer=4096)) for _ in range(count)]
            for reader in readers:  # Six gigabytes in all.
                reader.sendall(Connection.encode("GET", "big") * requests)
            with Other(self.target):
                for _ in range(20):
                    for reader in readers:
                        self.assertEqual(len(reader.recv(1)), 1)
                    self.assertLess(self.grown(), 600)
            last = readers[-1]
            last.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MEGABYTE)
            read_exactly(last, requests * reply - 20)
            last.sendall(b"PING\r\n")
            self.assertEqual(last.recv(100), b"+PONG\r\n")
        self.wait_clients(1)
        wait_until(lambda: self.used() < self.memory, 10, "the memory comes back")

    def test_a_million_commands_in_one_write_are_answered_in_order(self):
        count = 1_000_000
        with Other(self.target), self.raw() as client:
            client.sendall(b"INCR n\r\n" * count)  # All of them before the first reply is read.
            replies = bytearray()
            while not replies.endswith(b":%d\r\n" % count):
                data = client.recv(MEGABYTE)
                self.assertTrue(data, "closed")
                replies += data
        self.assertEqual(bytes(replies), b"".join(b":%d\r\n" % n for n in range(1, count + 1)))
        self.assertLess(self.grown(), 100)

    def test_a_pipeline_with_large_replies_waits_for_its_reader(self):
        count, size = 1_000_000, 1000
        self.target.call("SET", "k", b"x" * size)
        requests = Connection.encode("GET", "k") * count
        with Other(self.target), self.raw() as client:
            client.sendall(requests)
            self.assertLess(self.grown(), 200)  # Of a gigabyte of replies.
            read_exactly(client, count * (len(b"$1000\r\n") + size + 2))
            client.sendall(b"PING\r\n")
            self.assertEqual(client.recv(100), b"+PONG\r\n")
        self.assertLess(self.grown(), 200)

    def closed(self, client):
        """Reads nothing; sees the server's end."""
        self.wait_clients(1)
        with contextlib.suppress(OSError):
            read_all(client)
        return True

    def test_limits_of_output(self):
        self.target.call("SET", "big", b"x" * MEGABYTE)
        for limit in ("normal 12mb 0 0", "normal 0 12mb 1"):
            with self.subTest(limit=limit), self.raw(receive_buffer=4096) as client:
                self.target.call("CONFIG", "SET", "client-output-buffer-limit", limit)
                client.sendall(Connection.encode("GET", "big") * 40)
                self.assertTrue(self.closed(client))
        # Who reads in time exceeds nothing.
        with self.raw() as client:
            client.sendall(Connection.encode("GET", "big") * 8)
            read_exactly(client, 8 * MEGABYTE)
        self.assertIn("client-output-buffer-limit", self.target.log())


class Ends(Load):
    """Connections that end in unusual ways."""
    ARGUMENTS = CLUSTER

    def setUp(self):
        super().setUp()
        self.target.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: self.target.call("SET", "k", b"x" * 10000) == "OK", 10, "it serves")

    def test_who_shuts_down_its_side_still_gets_its_replies(self):
        with self.raw(receive_buffer=4096) as client:
            client.sendall(Connection.encode("GET", "k") * 2000 + b"PING\r\n")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(read_all(client),
                             (b"$10000\r\n" + b"x" * 10000 + b"\r\n") * 2000 + b"+PONG\r\n")
        # Also if its last reply is large, and nothing is left to be served.
        self.target.call("SET", "large", b"x" * 30_000_000)
        with self.raw(receive_buffer=4096) as client:
            client.sendall(Connection.encode("GET", "large"))
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(len(read_all(client)), len(b"$30000000\r\n") + 30_000_000 + 2)
        # Also those that another thread has to answer, and those behind them.
        with self.raw() as client:
            client.sendall(b"CLUSTER MYID\r\nCLUSTER INFO\r\nPING\r\nSET k")
            client.shutdown(socket.SHUT_WR)
            answer = read_all(client)
            self.assertTrue(answer.startswith(b"$40\r\n"), answer)
            self.assertTrue(answer.endswith(b"+PONG\r\n"), answer)
            self.assertIn(b"cluster_state:ok", answer)
        self.wait_clients(1)

    def test_who_waits_for_what_may_never_come_is_let_go(self):
        with self.raw() as client:
            client.sendall(b"PING\r\nWAIT 1 0\r\nPING\r\n")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(read_all(client), b"+PONG\r\n")
        self.wait_clients(1)

    def test_clients_that_leave_with_requests_outstanding(self):
        for n in range(300):
            with self.raw() as client:
                if n % 2 == 0:  # With a reset.
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.sendall(Connection.encode("GET", "k") * 500 + b"CLUSTER NODES\r\n" * (n % 3))
        self.wait_clients(1)
        self.assertLess(self.grown(), 64)

    def test_a_peer_that_vanishes_is_noticed(self):
        self.target.call("CONFIG", "SET", "tcp-keepalive", "1")
        client = self.raw()
        try:
            client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        except OSError:
            self.skipTest("no right to end a connection without a word")
        client.close()
        self.wait_clients(1)


class Huge(Load):
    ARGUMENTS = ("--proto-max-bulk-len", "128mb")
    SIZE = 100 * MEGABYTE

    def test_a_huge_value_is_stored_and_read(self):
        value = b"x" * self.SIZE
        with Other(self.target), self.target.connect(60) as client:
            for _ in range(3):
                self.assertEqual(client.call("SET", "huge", value), "OK")
            self.assertEqual(client.call("STRLEN", "huge"), self.SIZE)
            client.send("GET", "huge")
            read_exactly(client.socket, len(b"$%d\r\n" % self.SIZE) + self.SIZE + 2)
            self.assertLess(self.grown() * MEGABYTE, 4.5 * self.SIZE)
            self.assertEqual(client.call("DEL", "huge"), 1)
        self.wait_clients(1)
        wait_until(lambda: self.grown() < 32, 10, "the memory comes back")

    def test_a_command_of_a_million_arguments(self):
        words = ["MSET"]
        for n in range(500_000):
            words += [f"key:{n}", "value"]
        with Other(self.target), self.target.connect(60) as client:
            self.assertEqual(client.call(*words), "OK")
            self.assertEqual(client.call("DBSIZE"), 500_001)

    def test_more_than_allowed_is_refused(self):
        with Other(self.target):
            with self.raw() as client:
                client.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$%d\r\n" % (128 * MEGABYTE + 1))
                self.assertEqual(read_all(client), b"-ERR Protocol error: invalid bulk length\r\n")
            with self.target.connect(60) as client:
                self.assertEqual(client.call("SET", "a", b"x" * self.SIZE), "OK")
                for words in (("APPEND", "a", b"x" * 30 * MEGABYTE),
                              ("SETRANGE", "a", 128 * MEGABYTE, "x"),
                              ("SETBIT", "b", 8 * 128 * MEGABYTE, 1)):
                    with self.subTest(command=words[0]), self.assertRaises(RespError):
                        client.call(*words)
                self.assertEqual(client.call("STRLEN", "a"), self.SIZE)
                # A size that is only announced takes nothing.
                with contextlib.ExitStack() as stack:
                    for _ in range(100):
                        stack.enter_context(self.raw()).sendall(
                            b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$%d\r\nxxx" % self.SIZE)
                    client.call("DEL", "a")
                    wait_until(lambda: self.grown() < 64, 10, "the memory comes back")


if __name__ == "__main__":
    harness.main()
