#!/usr/bin/env python3
"""hello_cluster and custom_transport: nodes that a reader starts by hand, one after another."""

import socket
import subprocess
import unittest

from programs import ROOT, ExampleTest, Program, free_ports, path_of


class NodeTest(ExampleTest):
    def start_first(self, port: int) -> Program:
        """One that others can meet: who meets a node that does not listen yet is told so once."""
        first = self.start("hello_cluster", port)
        first.wait_for("^cluster .*ok")
        return first


class HelloCluster(NodeTest):
    def test_three_processes_form_a_cluster_and_notice_the_death_of_one(self) -> None:
        ports = free_ports(3)
        first = self.start_first(ports[0])
        second = self.start("hello_cluster", ports[1], ports[0])
        third = self.start("hello_cluster", ports[2], ports[0])
        # The second and the third were never told of each other.
        second.wait_for(f"added.*:{ports[2]}")
        third.wait_for(f"added.*:{ports[1]}")
        for other in (second, third):
            other.wait_for("^cluster .*ok")
        first.kill()
        for other in (second, third):
            other.wait_for("FAIL")

    def test_a_node_that_is_started_again_is_the_same_one(self) -> None:
        ports = free_ports(2)
        first = self.start_first(ports[0])
        second = self.start("hello_cluster", ports[1], ports[0])
        second.wait_for("^cluster .*ok")
        first.kill()
        second.wait_for("FAIL|PFAIL")
        again = self.start("hello_cluster", ports[0])
        # It has its slots, and knows the second without being told.
        again.wait_for("ALREADY_EXISTS")
        again.wait_for("^cluster .*ok")

    def test_the_readme_shows_this_very_program(self) -> None:
        program = (ROOT / "examples/hello_cluster/hello_cluster.cc").read_text()
        self.assertIn(f"```cpp\n{program}```\n", (ROOT / "README.md").read_text())

    def test_it_is_about_forty_lines(self) -> None:
        program = (ROOT / "examples/hello_cluster/hello_cluster.cc").read_text()
        self.assertLessEqual(len(program.splitlines()), 42)

    def test_without_a_port_it_says_what_it_wants(self) -> None:
        for program in ("hello_cluster", "custom_transport"):
            ended = self.run_to_end(program)
            self.assertEqual(ended.returncode, 2)
            self.assertIn("usage: ", ended.stdout)


class CustomTransport(NodeTest):
    def test_a_node_on_epoll_joins_nodes_on_libuv(self) -> None:
        ports = free_ports(3)
        first = self.start_first(ports[0])
        second = self.start("custom_transport", ports[1], ports[0])
        second.wait_for("^cluster .*ok")
        third = self.start("custom_transport", ports[2], ports[1])
        third.wait_for("^cluster .*ok")
        third.wait_for(f"added.*:{ports[0]}")
        first.wait_for(f"added.*:{ports[2]}")
        second.kill()
        for other in (first, third):
            other.wait_for("FAIL")

    def test_it_does_not_contain_libuv(self) -> None:
        linked = subprocess.run(["ldd", path_of("custom_transport")], text=True, check=True,
                                stdout=subprocess.PIPE).stdout
        self.assertNotIn("libuv", linked)
        symbols = subprocess.run(["nm", path_of("custom_transport")], text=True, check=True,
                                 stdout=subprocess.PIPE).stdout
        self.assertIn(" main\n", symbols)
        self.assertNotIn(" uv_", symbols)
        # That this would find it if it were there.
        hello = subprocess.run(["nm", path_of("hello_cluster")], text=True, check=True,
                               stdout=subprocess.PIPE).stdout
        self.assertIn(" uv_", hello)

    def test_a_port_that_is_taken_is_an_error_that_names_it(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            for program in ("hello_cluster", "custom_transport"):
                ended = self.run_to_end(program, port)
                self.assertEqual(ended.returncode, 1)
                self.assertIn(f"127.0.0.1:{port}: ", ended.stdout)


if __name__ == "__main__":
    unittest.main()
