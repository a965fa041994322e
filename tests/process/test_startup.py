"""Starting, and refusing to start: each fault is one clear line and a non-zero exit status, and
nothing is overwritten."""

import os
import pathlib
import signal
import socket
import unittest

import harness
from harness import RespError, wait_until
from kvtools import Connection, free_ports, parse_info


class Options(harness.ProcessTest):
    """Command line and configuration file."""

    def test_an_unknown_directive_is_refused(self):
        result = self.run_to_end("--port", str(free_ports(1)[0]), "--no-such-directive", "1")
        self.assert_refused(result, "no-such-directive",
                            "Bad directive or wrong number of arguments")

    def test_a_bad_value_is_refused(self):
        for directive, value in (("port", "abc"), ("port", "70000"), ("cluster-enabled", "maybe"),
                                 ("cluster-node-timeout", "-1"), ("loglevel", "loud")):
            with self.subTest(directive=directive, value=value):
                self.assert_refused(self.run_to_end(f"--{directive}", value), f">>> '{directive}")

    def test_a_missing_configuration_file_is_refused(self):
        self.assert_refused(self.run_to_end(str(self.directory / "absent.conf")), "absent.conf")

    def test_a_directive_of_redis_without_effect_here_is_accepted(self):
        server = self.server("--activedefrag", "no", "--latency-tracking", "yes")
        server.start()
        self.assertEqual(server.call("PING"), "PONG")

    def test_a_fault_in_a_file_is_reported_with_its_line(self):
        config = self.directory / "kv.conf"
        config.write_text("port 7000\n\n# fine until here\ncluster-enabled perhaps\n")
        result = self.run_to_end(str(config))
        self.assert_refused(result, "at line 4", ">>> 'cluster-enabled perhaps'")

    def test_a_configuration_file_in_redis_syntax_works_unchanged(self):
        port = free_ports(1)[0]
        config = self.directory / "kv.conf"
        config.write_text("\n".join([
            "# Konfiguration \u2014 Gr\u00fc\u00dfe",
            "",
            "bind 127.0.0.1   ",
            f"port {port}\t ",
            "daemonize no",
            f'dir "{self.directory}"',
            "  loglevel   notice",
            "dbfilename 'dump file.rdb'",
            "CLUSTER-ENABLED yes",
            'cluster-config-file "nodes-\\x41.conf"',
            "cluster-node-timeout 1500",
            "cluster-require-full-coverage no",
            'save ""',
            ""]), encoding="utf-8")
        server = self.server(port=port)
        server.arguments = [str(config)]
        server.start()
        pairs = server.call("CONFIG", "GET", "*")
        values = {pairs[i].decode(): pairs[i + 1].decode() for i in range(0, len(pairs), 2)}
        self.assertEqual(values["dbfilename"], "dump file.rdb")
        self.assertEqual(values["cluster-node-timeout"], "1500")
        self.assertEqual(values["cluster-require-full-coverage"], "no")
        wait_until((self.directory / "nodes-A.conf").exists, 5, "its state is saved there")

    def test_arguments_override_the_configuration_file(self):
        port = free_ports(1)[0]
        config = self.directory / "kv.conf"
        config.write_text("port 1\nbind 127.0.0.1\nloglevel warning\n")
        server = self.server(port=port)
        server.arguments = [str(config), "--port", str(port), "--loglevel", "verbose"]
        server.start()
        self.assertEqual(server.call("CONFIG", "GET", "loglevel")[1], b"verbose")


class Process(harness.ProcessTest):
    """Log, pid file, signals, standing alone."""

    def test_it_says_what_operators_scripts_wait_for(self):
        server = self.server("--always-show-logo", "yes")
        server.start()
        wait_until(lambda: "Ready to accept connections" in server.log(), 5, "the log says ready")
        self.assertIn("Server initialized", server.log())
        self.assertRegex(server.log(), rf"\bPID: {server.pid}\b")
        self.assertRegex(server.log(), r"(?m)^\d+:M \d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3} [*#] ")

    def test_daemon_with_pidfile_and_logfile(self):
        port = free_ports(1)[0]
        pidfile, logfile = self.directory / "kv.pid", self.directory / "kv.log"
        result = self.run_to_end("--port", str(port), "--bind", "127.0.0.1", "--daemonize", "yes",
                                 "--pidfile", str(pidfile), "--logfile", str(logfile),
                                 "--dir", str(self.directory), "--save", "")
        self.assertEqual(result.returncode, 0, result.stdout)
        wait_until(lambda: pidfile.exists() and pidfile.read_text().strip(), 10, "the pid file")
        pid = int(pidfile.read_text())
        try:
            wait_until(lambda: "Ready to accept" in logfile.read_text(), 10, "it is ready")
            with Connection(port) as connection:
                info = parse_info(connection.text("INFO", "server"))
            self.assertEqual(int(info["process_id"]), pid)
        finally:
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), 10, "it ends")
        self.assertFalse(pidfile.exists(), "it removes its pid file")

    def test_sigterm_ends_it_well(self):
        server = self.server()
        server.start()
        self.assertEqual(server.stop(), 0)

    def test_shutdown_command_ends_it_well(self):
        server = self.server()
        server.start()
        with server.connect() as connection:
            connection.send("SHUTDOWN", "NOSAVE")
            wait_until(lambda: not server.running(), 10, "it ends")
        self.assertEqual(server.status(), 0)

    def test_without_cluster_it_is_a_plain_server(self):
        server = self.server("--cluster-enabled", "no")
        server.start()
        self.assertEqual(server.call("SET", "a", "1"), "OK")
        self.assertEqual(server.call("MSET", "b", "2", "c", "3"), "OK")
        self.assertEqual(server.call("MGET", "a", "b", "c"), [b"1", b"2", b"3"])
        self.assertEqual(server.info("server")["redis_mode"], "standalone")
        self.assertEqual(server.info("cluster")["cluster_enabled"], "0")
        with self.assertRaisesRegex(RespError, "This instance has cluster support disabled"):
            server.call("CLUSTER", "INFO")
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", server.port + 10000), 1)
        self.assertFalse((server.directory / "nodes.conf").exists())


class Refusals(harness.ProcessTest):
    """What the machine or an earlier run makes impossible."""

    CLUSTER = ("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf")

    def arguments(self, port: int, directory: pathlib.Path):
        directory.mkdir(exist_ok=True)
        return ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), "--save", "",
                *self.CLUSTER)

    def occupied(self, port: int) -> socket.socket:
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        return listener

    def test_a_client_port_in_use(self):
        port = free_ports(1)[0]
        self.occupied(port)
        result = self.run_to_end(*self.arguments(port, self.directory / "a"))
        self.assert_refused(result, "ddress already in use")
        self.assertIn(str(port), result.stdout)

    def test_a_bus_port_in_use(self):
        port = free_ports(1)[0]
        self.occupied(port + 10000)
        result = self.run_to_end(*self.arguments(port, self.directory / "a"))
        self.assert_refused(result, "ddress already in use")
        self.assertIn(str(port + 10000), result.stdout)

    def test_a_directory_that_does_not_exist(self):
        absent = self.directory / "absent"
        result = self.run_to_end("--port", str(free_ports(1)[0]), "--dir", str(absent),
                                 *self.CLUSTER)
        self.assert_refused(result, str(absent))
        self.assertFalse(absent.exists())

    def test_a_directory_that_cannot_be_written(self):
        if os.geteuid() == 0:
            directory = pathlib.Path("/proc")  # Not even root creates files here.
        else:
            directory = self.directory / "closed"
            directory.mkdir(mode=0o555)
        result = self.run_to_end("--port", str(free_ports(1)[0]), "--bind", "127.0.0.1",
                                 "--dir", str(directory), *self.CLUSTER)
        self.assert_refused(result, "nodes.conf")

    def test_a_second_process_on_the_same_state(self):
        first = self.server(*self.CLUSTER, name="shared")
        first.start()
        path = first.directory / "nodes.conf"
        wait_until(path.exists, 5, "its identity is saved")
        state = path.read_bytes()
        result = self.run_to_end(*self.arguments(free_ports(1)[0], first.directory))
        self.assert_refused(result, "nodes.conf")
        self.assertEqual(path.read_bytes(), state)
        self.assertEqual(first.call("PING"), "PONG")

    def damaged(self, damage, expected: str) -> None:
        """The state file of a node with slots, damaged, is refused and left as it is."""
        server = self.server(*self.CLUSTER)
        server.start()
        server.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        path = server.directory / "nodes.conf"
        wait_until(lambda: "0-16383" in path.read_text(), 5, "the slots are saved")
        self.assertEqual(server.stop(), 0)
        good = path.read_bytes()
        path.write_bytes(damage(good))

        files = sorted(f.name for f in server.directory.iterdir())
        result = self.run_to_end(*server.arguments)
        self.assert_refused(result, "nodes.conf")
        line = next(line for line in result.stdout.splitlines() if "nodes.conf" in line)
        self.assertRegex(line, expected)
        self.assertEqual(path.read_bytes(), damage(good), "the file was changed")
        self.assertEqual(sorted(f.name for f in server.directory.iterdir()), files)

        path.write_bytes(good)
        server.start()
        self.assertEqual(len(server.myself().slots), 16384)

    def test_a_state_file_cut_in_the_middle(self):
        self.damaged(lambda good: good[:len(good) // 2], r"line \d")

    def test_a_state_file_with_a_changed_character(self):
        # The id is still an id: only the checksum can tell.
        self.damaged(lambda good: (b"1" if good[:1] == b"0" else b"0") + good[1:], "checksum")

    def test_a_state_file_with_a_garbage_line(self):
        self.damaged(lambda good: b"\x00\xff garbage\n" + good, r"line \d")

    def test_a_state_file_with_a_slot_out_of_range(self):
        self.damaged(lambda good: good.replace(b"0-16383", b"0-99999"), r"line \d")

    def test_an_empty_state_file_is_a_first_start(self):
        server = self.server(*self.CLUSTER)
        (server.directory / "nodes.conf").write_bytes(b"")
        server.start()
        self.assertEqual(len(server.text("CLUSTER", "MYID")), 40)

    def test_a_state_file_of_redis_is_accepted(self):
        server = self.server(*self.CLUSTER)
        id = "07c37dfeb235213a872192d90877d0cd55635b91"
        peer = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1"
        (server.directory / "nodes.conf").write_text(
            f"{id} 127.0.0.1:{server.port}@{server.port + 10000} myself,master - 0 0 3 "
            "connected 0-5460\n"
            f"{peer} 127.0.0.1:1@10001 master - 0 1426238317239 4 connected 5461-16383\n"
            "vars currentEpoch 6 lastVoteEpoch 0\n")
        server.start()
        me = server.myself()
        self.assertEqual((me.id, me.ranges, me.config_epoch), (id, [(0, 5460)], 3))
        self.assertEqual(server.sees(1).id, peer)
        self.assertEqual(server.cluster_info()["cluster_current_epoch"], "6")

    def test_identity_and_slots_survive_sigkill(self):
        server = self.server(*self.CLUSTER)
        server.start()
        server.call("CLUSTER", "ADDSLOTSRANGE", 100, 200)
        id = server.text("CLUSTER", "MYID")
        path = server.directory / "nodes.conf"
        wait_until(lambda: "100-200" in path.read_text(), 5, "the slots are saved")
        server.kill()
        server.start()
        self.assertEqual((server.myself().id, server.myself().ranges), (id, [(100, 200)]))


class Version(harness.ProcessTest):
    def test_clients_are_told_a_version_they_know(self):
        server = self.server()
        server.start()
        info = server.info("server")
        self.assertEqual(info["redis_version"], "7.0.15")
        self.assertEqual(info["server_name"], "kvserver")
        self.assertEqual(int(info["tcp_port"]), server.port)


if __name__ == "__main__":
    harness.main()
