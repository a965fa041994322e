"""Slots are moved by stock redis-cli under load, and whoever takes part is killed meanwhile."""

import subprocess
import time

import harness
from cluster_client import Load, missing_keys
from harness import value_of, wait_until
from kvtools import HOST, tag_in
from operated import Operated, run


class Reshard(Operated):
    """The first slots of `source`, all of which have keys, go to `target`."""

    def setUp(self):
        super().setUp()
        self.source, self.target, self.third = self.primaries
        self.heir = {s: self.nodes.replicas_of(s)[0] for s in self.primaries}
        self.entry = f"{HOST}:{self.third.port}"  # Which is never killed.

    def fill_slots(self, slots, keys_each):
        """Keys in the first slots; the replica has them too."""
        self.tags, keys = [tag_in([slot]) for slot in range(slots)], {}
        with self.source.connect(timeout=30) as connection:
            for tag in self.tags:
                names = [f"{{{tag}}}{n}" for n in range(keys_each)]
                connection.pipeline([("SET", key, value_of(key)) for key in names])
                keys.update({key: value_of(key).encode() for key in names})
            self.assertGreaterEqual(connection.call("WAIT", 1, 10000), 1)
        return keys

    def reshard(self, slots):
        return ["reshard", self.entry, "--cluster-from", self.id_of(self.source), "--cluster-to",
                self.id_of(self.target), "--cluster-slots", str(slots), "--cluster-yes"]

    def start_reshard(self, slots):
        tool = subprocess.Popen(["redis-cli", "--cluster", *self.reshard(slots)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.addCleanup(tool.wait, 10)
        self.addCleanup(tool.kill)
        return tool

    def fix(self):
        """Ends well, perhaps only when the nodes have heard of each other's changes."""
        def fixed():
            self.said = run("fix", self.entry).stdout
            return "[OK] All nodes agree about slots configuration." in self.said \
                and not self.open_slots()
        try:
            wait_until(fixed, 30, "fix ends well")
        except harness.kvtools.Timeout:
            self.fail(f"fix does not help:\n{self.said[-3000:]}")

    def open_slots(self):
        return {mark for server in self.nodes.running() for mark in self.marks(server)}

    def marks(self, server):
        return [word for line in server.text("CLUSTER", "NODES").splitlines()
                for word in line.split()[8:] if word.startswith("[")]

    def assert_each_key_once(self, keys):
        """Nothing is lost, and no primary has anything that is not its own."""
        self.check()
        self.assertEqual(missing_keys(self.nodes.running(), keys), [])
        wait_until(lambda: sum(s.call("DBSIZE") for s in self.nodes.primaries()) == len(keys), 10,
                   f"there are {len(keys)} keys")

    # --- How far a move has got ---------------------------------------------------------------

    def is_open(self):
        """A slot is on its way."""
        return bool(self.marks(self.source))

    def is_on_both_sides(self):
        """A slot is on its way, and so are its keys: some here, some there."""
        for mark in self.marks(self.source):
            slot = mark[1:].split("->-")[0]
            if all(s.call("CLUSTER", "COUNTKEYSINSLOT", slot) for s in (self.source, self.target)):
                return True
        return False

    def is_empty(self):
        """A slot is on its way, and its keys are all there."""
        for mark in self.marks(self.source):
            slot = mark[1:].split("->-")[0]
            if not self.source.call("CLUSTER", "COUNTKEYSINSLOT", slot):
                return True
        return False

    # --- The steps of a move, as redis-cli takes them -----------------------------------------

    def import_(self, slot):
        self.target.call("CLUSTER", "SETSLOT", slot, "importing", self.id_of(self.source))

    def export(self, slot):
        self.source.call("CLUSTER", "SETSLOT", slot, "migrating", self.id_of(self.target))

    def send_half(self, slot, count=20):
        keys = self.source.call("CLUSTER", "GETKEYSINSLOT", slot, count)
        self.source.call("MIGRATE", HOST, self.target.port, "", 0, 60000, "KEYS", *keys)

    def send_rest(self, slot):
        self.send_half(slot, 1000)

    def bind_at_target(self, slot):
        self.target.call("CLUSTER", "SETSLOT", slot, "node", self.id_of(self.target))

    def bind_at_source(self, slot):
        self.source.call("CLUSTER", "SETSLOT", slot, "node", self.id_of(self.target))

    def leave_a_slot_at_each_step(self):
        """Slot 0 after the first step of its move, slot 1 after the second, and so on."""
        steps = [self.import_, self.export, self.send_half, self.send_rest, self.bind_at_target,
                 self.bind_at_source]
        keys = self.fill_slots(len(steps) + 1, 40)
        for slot in range(len(steps)):
            for step in steps[:slot + 1]:
                step(slot)
        return keys


class Undisturbed(Reshard):
    def test_under_load_it_costs_nobody_a_request(self):
        keys = self.fill_slots(300, 67)
        started = time.monotonic()
        with Load(self.nodes.servers) as load:
            self.tool(*self.reshard(300))
            seconds = time.monotonic() - started
            enough = load.acknowledged + 100
            wait_until(lambda: load.acknowledged >= enough, 10, "writes go on")
        print(f"{len(keys)} keys in {seconds:.1f} s; {load.summary()}", flush=True)
        self.assertEqual(load.failures[:5], [])
        self.assertEqual(self.target.myself().ranges[0], (0, 299))
        self.assert_each_key_once({**keys, **load.keys()})


class Killed(Reshard):
    def test_the_tool_at_some_moment_under_load(self):
        keys = self.fill_slots(60, 67)
        with Load(self.nodes.servers) as load:
            for reached in (self.is_open, self.is_on_both_sides, self.is_empty):
                tool = self.start_reshard(20)
                wait_until(reached, 30, reached.__doc__, pause=0)
                tool.kill()
                tool.wait(10)
                self.fix()
                self.check()
        print(load.summary(), flush=True)
        self.assert_only_down(load)
        self.assert_each_key_once({**keys, **load.keys()})

    def test_the_tool_after_each_step(self):
        keys = self.leave_a_slot_at_each_step()
        with Load(self.nodes.servers) as load:
            self.fix()
        self.assert_only_down(load)
        self.assert_each_key_once({**keys, **load.keys()})

    def assert_only_down(self, load):
        """While fix gives a slot another owner a server may say so, but nothing wrong."""
        self.assertEqual([f for f in load.failures if "CLUSTERDOWN" not in f][:5], [])

    def test_the_source_after_each_step(self):
        self.kill_after_each_step(self.source)

    def test_the_target_after_each_step(self):
        self.kill_after_each_step(self.target)

    def kill_after_each_step(self, victim):
        keys = self.leave_a_slot_at_each_step()
        victim.kill()
        self.return_replaced(victim)
        self.fix()
        self.assert_each_key_once(keys)

    def test_the_source_while_the_tool_runs(self):
        self.kill_while_the_tool_runs(self.source)

    def test_the_target_while_the_tool_runs(self):
        self.kill_while_the_tool_runs(self.target)

    def kill_while_the_tool_runs(self, victim):
        keys = self.fill_slots(60, 67)
        tool = self.start_reshard(60)
        wait_until(self.is_on_both_sides, 30, "a slot is on its way", pause=0)
        victim.kill()
        self.assertNotEqual(tool.wait(90), 0)
        self.return_replaced(victim)
        self.fix()
        self.assert_each_key_once(keys)

    def return_replaced(self, victim):
        """Its replica takes over. It comes back, for fix does nothing while anybody is missing."""
        heir = self.heir[victim]
        wait_until(lambda: heir.info("replication")["role"] == "master"
                   and heir.cluster_info()["cluster_state"] == "ok", 30, "the replica took over")
        victim.start()
        self.nodes.wait_healthy()


if __name__ == "__main__":
    harness.main()
