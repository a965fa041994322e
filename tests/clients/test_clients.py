"""Cluster clients that people use, against a live cluster that is changed meanwhile.

Each is a program that goes through its steps and asks, by a line of output, for what is to happen
to the cluster. ioredis and node-redis are installed by npm into CLIENTS_DIR.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "process"))

import harness  # noqa: E402
from harness import wait_until  # noqa: E402
from kvtools import HOST, redis_cli  # noqa: E402

CLIENTS_DIR = pathlib.Path(os.environ.get("CLIENTS_DIR", HERE.parents[1] / "build/clients"))
LOCK = "package-lock.json"


def install():
    """What package-lock.json says, unless it is there already."""
    there = CLIENTS_DIR / "node_modules"
    done = CLIENTS_DIR / "installed.json"
    if done.exists() and done.read_bytes() == (HERE / LOCK).read_bytes():
        return there
    CLIENTS_DIR.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", LOCK):
        shutil.copy(HERE / name, CLIENTS_DIR)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=CLIENTS_DIR,
                   stdin=subprocess.DEVNULL, check=True, timeout=300)
    shutil.copy(HERE / LOCK, done)
    return there


def python_with_redis():
    """Debian's package is for Debian's Python."""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import redis.cluster"],
                          stderr=subprocess.DEVNULL).returncode == 0:
            return python
    return None


class Clients(harness.ProcessTest):
    def test_ioredis(self):
        self.run_node("client_ioredis.js")

    def test_node_redis(self):
        self.run_node("client_node_redis.js")

    def test_redis_py(self):
        python = python_with_redis()
        if python is None:
            self.skipTest("no redis-py")
        self.run_program([python, "-B", str(HERE / "client_redis_py.py")])

    def run_node(self, program):
        if not (shutil.which("node") and shutil.which("npm")):
            self.skipTest("no node or no npm")
        self.run_program(["node", str(HERE / program)], NODE_PATH=str(install().resolve()))

    def run_program(self, command, **environment):
        self.nodes = self.cluster()
        self.victim = None
        program = subprocess.Popen(
            [*command, *[str(s.port) for s in self.nodes.servers]], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, bufsize=1, env={**os.environ, **environment})
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        for line in program.stdout:
            if line.startswith("ACT "):
                action = getattr(self, line[4:].strip().replace(" ", "_"))
                answer = action()
                with contextlib.suppress(BrokenPipeError):  # It has given up meanwhile.
                    print("done" if answer is None else answer, file=program.stdin, flush=True)
            else:
                print(line, end="", flush=True)
        self.assertEqual(program.wait(30), 0, "not all steps succeeded")

    # --- What a program may ask for -----------------------------------------------------------

    def replicate(self):
        """Waits until all replicas have what their primaries have, and everybody lists them."""
        def offset(server):
            info = server.info("replication")
            return info.get("slave_repl_offset", info["master_repl_offset"])
        for primary in self.nodes.primaries():
            for replica in self.nodes.replicas_of(primary):
                wait_until(lambda: offset(replica) == offset(primary), 10, "it has everything")
        wait_until(lambda: all(len(shard) == 4 for server in self.nodes.servers
                               for shard in server.call("CLUSTER", "SLOTS")), 10, "all are listed")

    def reads_of_replicas(self):
        """How often a replica was asked for a key."""
        count = 0
        for server in self.nodes.servers:
            if server.info("replication")["role"] == "slave":
                stats = server.info("commandstats").get("cmdstat_get", "calls=0,")
                count += int(stats.split("calls=")[1].split(",")[0])
        return count

    def reshard(self):
        """Moves slots in both directions between two primaries."""
        one, two = self.nodes.primaries()[:2]
        for source, target in ((one, two), (two, one)):
            redis_cli("--cluster", "reshard", f"{HOST}:{one.port}", "--cluster-from",
                      source.myself().id, "--cluster-to", target.myself().id, "--cluster-slots",
                      "200", "--cluster-yes", timeout=120)
            self.nodes.wait_agreed()

    def kill(self):
        """SIGKILL of a primary; returns when its replica has taken over."""
        self.victim = self.nodes.primaries()[0]
        heir = self.nodes.replicas_of(self.victim)[0]
        self.victim.kill()
        wait_until(lambda: heir.info("replication")["role"] == "master"
                   and heir.cluster_info()["cluster_state"] == "ok", 30, "its replica took over")
        self.nodes.wait_healthy()

    def revive(self):
        """It comes back as a replica."""
        self.victim.start()
        self.nodes.wait_healthy()


if __name__ == "__main__":
    harness.main()
