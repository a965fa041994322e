"""clusterkit-top against live clusters: one frame as text, the terminal it draws in, and nodes that
do not answer as they should. CLUSTERKIT_TOP names the program."""

import fcntl
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
import unittest

import harness
from harness import wait_until
from http_client import HOST
from kvtools import free_ports

TOP = os.environ.get("CLUSTERKIT_TOP", "build/release/bin/clusterkit-top")
ESCAPE = re.compile(rb"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78HM])|[\x0e\x0f]")


def once(*arguments, seconds: float = 30.0) -> subprocess.CompletedProcess:
    return subprocess.run([TOP, "--once", *map(str, arguments)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=seconds, env={**os.environ, "TERM": "dumb"})


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, *arguments, rows: int = 50, columns: int = 130, term: str = "xterm") -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = term
            os.execv(TOP, [TOP, *map(str, arguments)])
        self.output = b""
        self.status = None
        self.resize(rows, columns)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def read(self) -> bool:
        """False at the end."""
        if not select.select([self.fd], [], [], 0.05)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # What Linux says when the other side is closed.
            return False
        self.output += data
        return bool(data)

    def text(self) -> str:
        return ESCAPE.sub(b"", self.output).decode(errors="replace")

    def wait_for(self, word: str, seconds: float = 20.0) -> None:
        """Until it has drawn this since the last call. Blanks may be drawn by moving."""
        def drawn() -> bool:
            going_on = self.read()
            if word in self.text():
                return True
            assert going_on, f"ended before {word!r}:\n{self.text()}"
            return False
        wait_until(drawn, seconds, f"{word!r} is drawn")
        self.output = b""

    def wait_end(self, seconds: float = 20.0) -> int:
        """How it ended, as os.waitpid tells."""
        deadline = time.monotonic() + seconds
        while self.status is None:
            assert time.monotonic() < deadline, f"still running:\n{self.text()}"
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
        while self.read() and time.monotonic() < deadline:
            if not select.select([self.fd], [], [], 0.1)[0]:
                break
        return self.status

    def close(self) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.status = -1
        os.close(self.fd)


class OddServer:
    """Answers every request with the same bytes, and then closes or says nothing more."""

    def __init__(self, answer: bytes, close: bool = True, endless: bool = False) -> None:
        self.answer, self.close_after, self.endless = answer, close, endless
        self.listener = socket.create_server((HOST, 0))
        self.port = self.listener.getsockname()[1]
        self.open = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            try:
                connection.recv(65536)
                connection.sendall(self.answer)
                while self.endless:
                    connection.sendall(b"x" * 65536)
            except OSError:
                pass
            if self.close_after:
                connection.close()
            else:
                self.open.append(connection)

    def stop(self) -> None:
        # shutdown() wakes the thread in accept(); close() alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.open:
            connection.close()


def http(body: bytes, status: str = "200 OK") -> bytes:
    return (f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode() + body


class OfACluster(harness.WatchedTest):
    def setUp(self):
        super().setUp()
        self.cluster_.wait_agreed()

    def row(self, frame: str, server) -> str:
        rows = [line for line in frame.splitlines()
                if re.match(rf"[ *] {HOST}:{server.port} ", line)]
        self.assertEqual(len(rows), 1, frame)
        return rows[0]

    def test_one_frame_shows_slots_nodes_and_events(self):
        server = self.cluster_.primaries()[0]
        result = once(self.http[server.port])
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        frame = result.stdout
        self.assertIn("cluster ok", frame)
        self.assertIn("16384 of 16384 slots have a live owner", frame)
        self.assertEqual(len(re.findall(r"^ *\d+ [ABC]{64}$", frame, re.M)), 4, frame)
        for node in server.nodes():
            row = self.row(frame, self.cluster_.at(node.port))
            self.assertIn("replica" if node.primary else "primary", row)
            self.assertIn("online", row)
            if node.ranges:
                self.assertRegex(row, rf" {len(node.slots)} ")
        self.assertRegex(self.row(frame, server), r"^\* .* self$")
        self.assertRegex(frame, r"#\d+ .*cluster state ok")
        self.assertRegex(frame, r"\n  ping +\d+ +\d+")
        self.assertNotIn("\x1b", frame)

    def test_a_promotion_is_seen_with_its_causes(self):
        killed = self.cluster_.primaries()[0]
        replica = self.cluster_.replicas_of(killed)[0]
        lost = killed.myself().ranges[0]
        killed.kill()
        wait_until(lambda: replica.myself().is_primary, 30, "the replica has taken over")
        wait_until(lambda: "cluster ok" in once(self.http[replica.port]).stdout, 20, "it serves")
        # The one that is dead does not keep the others from being shown.
        result = once(self.http[killed.port], self.http[replica.port])
        self.assertEqual(result.returncode, 0)
        frame = result.stdout
        self.assertIn("1 of 2 answer", frame)
        self.assertIn(f"{HOST}:{self.http[killed.port]} does not answer: cannot connect", frame)
        self.assertRegex(self.row(frame, killed), "primary +FAIL")
        self.assertRegex(self.row(frame, replica), r"^\* .*primary +online .* self$")
        self.assertIn(f"{HOST}:{replica.port} {lost[1] - lost[0] + 1}", frame)  # Of the slot map.
        story = re.search(r"#(\d+) +<- #\d+ +election epoch \d+ won.*?"
                          rf"#(\d+) +<- #\1 +{HOST}:{replica.port} is primary \(elected.*?"
                          rf"<- #\2 +slots {lost[0]}-{lost[1]} {HOST}:{killed.port} -> "
                          rf"{HOST}:{replica.port}", frame, re.S)
        self.assertIsNotNone(story, frame)

    def test_views_that_differ_are_told(self):
        one, other = self.cluster_.primaries()[:2]
        self.assertIn("VIEWS  those that answer agree",
                      once(self.http[one.port], self.http[other.port]).stdout)
        # One that was never introduced differs in everything.
        stranger = self.server("--cluster-enabled", "yes", "--metrics-port",
                               str(free_ports(1)[0]))
        stranger.start()
        port = int(stranger.arguments[stranger.arguments.index("--metrics-port") + 1])
        frame = once(self.http[one.port], port).stdout
        self.assertRegex(frame, rf"\n  cluster:  fail: .* \({HOST}:{port}\)  ok "
                                rf"\({HOST}:{self.http[one.port]}\)")
        self.assertRegex(frame, rf"\n  {HOST}:{other.port}:  primary, epoch \d+ "
                                rf"\({HOST}:{self.http[one.port]}\)  unknown \({HOST}:{port}\)")
        self.assertRegex(frame, r"\n  slot 0-\d+:  .*nobody's")

    def test_it_draws_follows_a_failover_and_quits(self):
        killed = self.cluster_.primaries()[0]
        replica = self.cluster_.replicas_of(killed)[0]
        terminal = Terminal("--interval", "0.1", self.http[replica.port],
                            self.http[killed.port])
        try:
            terminal.wait_for("NODES")
            terminal.type(b"?")
            terminal.wait_for("escape")
            terminal.type(b"?")
            terminal.wait_for("SLOTS")
            terminal.type(b"\x1bOB")  # Arrow down.
            terminal.wait_for("failure")  # Of the selected node's details.
            terminal.type(b"s")
            terminal.wait_for("address")
            terminal.type(b"p")
            terminal.wait_for("PAUSED")
            terminal.type(b"p")
            killed.kill()
            terminal.wait_for("elected")
            terminal.type(b"\t")
            terminal.wait_for("connect")  # The view of the one that was killed.
            for rows, columns in ((1, 1), (2, 3), (5, 20), (24, 80)):
                terminal.resize(rows, columns)
                terminal.type(b"s")
            terminal.wait_for("NODES")
            terminal.type(b"q")
            self.assertEqual(terminal.wait_end(), 0)
            # Back from the other screen, with the cursor visible.
            self.assertIn(b"\x1b[?1049l", terminal.output)
        finally:
            terminal.close()


class WithoutACluster(harness.ProcessTest):
    def odd(self, *arguments, **options) -> int:
        server = OddServer(*arguments, **options)
        self.addCleanup(server.stop)
        return server.port

    def test_nodes_that_answer_otherwise_than_they_should_are_named_with_the_reason(self):
        schema = self.odd(http(b'{"schema": 2}'))
        garbage = self.odd(http(b"\x00\xff" * 1000))
        halves = self.odd(http(b'{"schema": 1, "server"')[:-1])
        not_http = self.odd(b"+PONG\r\n")
        unavailable = self.odd(http(b"no", "503 Service Unavailable"))
        silent = self.odd(b"", close=False)
        endless = self.odd(b"HTTP/1.1 200 OK\r\n\r\n", endless=True)
        headers = self.odd(b"HTTP/1.1 200 OK\r\nA: b\r\n", endless=True)
        nobody = free_ports(1)[0]
        result = once(schema, garbage, halves, not_http, unavailable, silent, endless, headers,
                      nobody)
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        for port, reason in ((schema, "the answer has schema 2; this program reads 1"),
                             (garbage, "the answer is no JSON object"),
                             (halves, "no whole answer in time"), (not_http, ""),
                             (unavailable, "HTTP status 503"),
                             (silent, "no whole answer in time"), (endless, ""), (headers, ""),
                             (nobody, "cannot connect")):
            with self.subTest(port=port, reason=reason):
                self.assertIn(f"{HOST}:{port} does not answer: {reason}", result.stdout)

    def test_a_server_without_a_cluster_is_shown_as_such(self):
        port = free_ports(1)[0]
        self.server("--metrics-port", str(port)).start()
        result = once(port)
        self.assertEqual(result.returncode, 0)
        self.assertIn("cluster support is off", result.stdout)

    def test_a_terminal_can_be_quit_while_nobody_answers(self):
        silent = self.odd(b"", close=False)
        for term in ("xterm-256color", "vt100"):
            terminal = Terminal("--no-color", silent, term=term)
            try:
                terminal.wait_for("asking")
                terminal.type(b"q")
                self.assertEqual(terminal.wait_end(), 0)
                self.assertNotRegex(terminal.output, rb"\x1b\[[0-9;]*3[0-9]m")
            finally:
                terminal.close()

    def test_a_signal_leaves_the_terminal_as_it_was(self):
        terminal = Terminal(free_ports(1)[0])
        try:
            terminal.wait_for("connect")
            os.kill(terminal.pid, signal.SIGTERM)
            terminal.wait_end()
            self.assertIn(b"\x1b[?1049l", terminal.output)
        finally:
            terminal.close()

    def test_what_makes_no_sense_is_refused(self):
        for arguments, words in (((), "no address"), (("--often", "1"), "unknown option --often"),
                                 (("nowhere",), "'nowhere' is not [HOST:]PORT")):
            result = subprocess.run([TOP, *arguments], stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                    timeout=10)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn(words, result.stderr)
            self.assertIn("usage: clusterkit-top", result.stderr)
        result = subprocess.run([TOP, str(free_ports(1)[0])], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                timeout=10)
        self.assertEqual(result.returncode, 1)
        self.assertIn("--once", result.stderr)
        terminal = Terminal(free_ports(1)[0], term="no-such-terminal")
        try:
            self.assertEqual(os.waitstatus_to_exitcode(terminal.wait_end()), 1)
            self.assertIn("TERM", terminal.text())
        finally:
            terminal.close()


if __name__ == "__main__":
    harness.main()
