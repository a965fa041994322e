"""A cluster, and stock redis-cli --cluster to operate it."""

import subprocess

import harness
from kvtools import HOST, Server, free_ports


def run(command, *words, **options):
    """redis-cli --cluster, whatever it ends with."""
    return subprocess.run(["redis-cli", "--cluster", command, *map(str, words)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=120,
                          **options)


class Operated(harness.ProcessTest):
    SIZE, REPLICAS = 6, 1

    def setUp(self):
        self.nodes = self.cluster(self.SIZE, self.REPLICAS)
        self.entry = f"{HOST}:{self.nodes.servers[0].port}"
        self.primaries = sorted(self.nodes.primaries(), key=lambda s: s.myself().ranges)

    def tool(self, command, *words):
        """redis-cli --cluster, which must succeed."""
        result = run(command, *words)
        self.assertEqual(result.returncode, 0, result.stdout[-3000:])
        self.assertNotIn("[ERR]", result.stdout)
        return result.stdout

    def refused(self, command, *words):
        result = run(command, *words)
        self.assertEqual(result.returncode, 1, result.stdout[-3000:])
        return result.stdout

    def newcomer(self):
        """A server that is no member yet."""
        port = free_ports(1)[0]
        server = Server(harness.KVSERVER, self.directory / str(port), port,
                        self.nodes.servers[0].options)
        self.servers.append(server)
        server.start()
        return server

    def address(self, server):
        return f"{HOST}:{server.port}"

    def id_of(self, server):
        return server.myself().id

    def slots_of(self, server):
        return len(server.myself().slots)

    def check(self):
        """Everybody agrees and nothing is open, in redis-cli's view and in everybody's own."""
        self.nodes.wait_healthy()
        self.nodes.wait_agreed()
        for server in self.nodes.running():
            self.assertNotRegex(server.text("CLUSTER", "NODES"), r"\[\d+-")
        output = self.tool("check", self.entry)
        self.assertIn("[OK] All nodes agree about slots configuration.", output)
        self.assertIn("[OK] All 16384 slots covered.", output)
