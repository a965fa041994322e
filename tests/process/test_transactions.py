"""MULTI and EXEC in a formed cluster: slots, redirections, commands of the control plane."""

import unittest

import harness
from harness import RespError, wait_until
from kvtools import SLOTS, redis_cli, tag_in


class Transactions(harness.ProcessTest):
    def setUp(self):
        self.formed = self.cluster(size=3, replicas=0)
        self.node = self.formed.servers[0]
        self.own = tag_in(self.node.myself().slots)
        self.foreign = tag_in(set(range(SLOTS)) - set(self.node.myself().slots))

    def run_in_multi(self, *commands):
        with self.node.connect() as client:
            return client.pipeline([("MULTI",), *commands, ("EXEC",)])

    def test_keys_of_one_slot_are_changed_together(self):
        replies = self.run_in_multi(("SET", f"{{{self.own}}}a", 1), ("INCR", f"{{{self.own}}}a"))
        self.assertEqual(replies, ["OK", "QUEUED", "QUEUED", ["OK", 2]])

    def test_a_redirection_fails_the_transaction(self):
        replies = self.run_in_multi(("SET", self.own, 1), ("SET", self.foreign, 1))
        self.assertRegex(str(replies[2]), "^MOVED ")
        self.assertRegex(str(replies[3]), "^EXECABORT ")
        self.assertIsNone(self.node.call("GET", self.own))

    def test_keys_of_two_slots_do_not_make_a_transaction(self):
        other = tag_in(set(self.node.myself().slots), prefix="other")
        replies = self.run_in_multi(("SET", self.own, 1), ("SET", other, 1))
        self.assertEqual(replies[:3], ["OK", "QUEUED", "QUEUED"])
        self.assertRegex(str(replies[3]), "^CROSSSLOT ")

    def test_a_slot_that_is_gone_at_exec_is_answered_with_a_redirection(self):
        slot = self.node.myself().slots[0]
        tag = tag_in([slot])
        with self.node.connect() as client:
            client.pipeline([("MULTI",), ("SET", tag, 1)])
            self.node.call("CLUSTER", "DELSLOTS", slot)
            with self.assertRaisesRegex(RespError, "^CLUSTERDOWN Hash slot not served"):
                client.call("EXEC")
            self.assertEqual(client.call("PING"), "PONG")

    def test_commands_of_the_control_plane_run_in_order(self):
        # As redis-cli --cluster fix sends them for a slot that nobody owns.
        slot = self.node.myself().slots[0]
        for _ in range(3):
            replies = self.run_in_multi(
                ("CLUSTER", "DELSLOTS", slot), ("CLUSTER", "ADDSLOTS", slot),
                ("CLUSTER", "ADDSLOTS", slot), ("CLUSTER", "BUMPEPOCH"))
            self.assertEqual(replies[-1][:2], ["OK", "OK"])
            self.assertRegex(str(replies[-1][2]), f"^ERR Slot {slot} is already busy")
            self.assertRegex(str(replies[-1][3]), "^(BUMPED|STILL) ")
        self.assertIn(slot, self.node.myself().slots)

    def test_data_and_control_plane_in_one_transaction(self):
        key = f"{{{self.own}}}n"
        replies = self.run_in_multi(("SET", key, 1), ("CLUSTER", "INFO"), ("INCR", key),
                                    ("CLUSTER", "BUMPEPOCH"), ("GET", key))
        self.assertEqual((replies[-1][0], replies[-1][2], replies[-1][4]), ("OK", 2, b"2"))
        self.assertIn(b"cluster_state:ok", replies[-1][1])

    def test_fix_gives_a_slot_without_owner_to_somebody(self):
        slot = self.node.myself().slots[0]
        for server in self.formed.servers:
            server.call("CLUSTER", "DELSLOTS", slot)
        wait_until(lambda: all(not any(slot in n.slots for n in s.nodes())
                               for s in self.formed.servers), 10, "nobody owns the slot")
        redis_cli("--cluster", "fix", f"127.0.0.1:{self.node.port}", stdin="yes\n", timeout=60)
        self.formed.wait_healthy()


if __name__ == "__main__":
    harness.main()
