"""Messages between the nodes of a cluster: who gets them, in which order, and whom they hold up."""

import select
import shutil
import signal
from typing import List

import harness
from harness import RespError, wait_until
from kvtools import Connection, Server, moved_to, slot_of, tag_in


class Subscriber(Connection):
    """A RESP2 client with subscriptions."""

    def __init__(self, server: Server, *words, timeout: float = 20.0) -> None:
        super().__init__(server.port, timeout)
        self.send(*words)
        for _ in words[1:]:
            reply = self.read()
            if isinstance(reply, RespError):
                self.close()
                raise reply

    def messages(self, count: int) -> List[str]:
        return [self.read()[-1].decode() for _ in range(count)]

    def until(self, last: str) -> List[str]:
        """Messages up to one that says so."""
        found: List[str] = []
        while not found or found[-1] != last:
            found += self.messages(1)
        return found


def publish(server: Server, channel: str, texts: List[str], command: str = "PUBLISH") -> None:
    with server.connect(timeout=20) as connection:
        for reply in connection.pipeline([(command, channel, text) for text in texts]):
            if isinstance(reply, RespError):
                raise reply


def reach(publisher: Server, subscriber: Subscriber, channel: str, mark: str) -> List[str]:
    """Publishes until something arrives: a link may have to be made anew first. Returns all that
    arrives."""
    def arrives() -> bool:
        publish(publisher, channel, [mark])
        return bool(select.select([subscriber.socket], [], [], 0.1)[0])
    wait_until(arrives, 20, f"a message of {publisher.port} reaches {subscriber.port}")
    publish(publisher, channel, [f"end of {mark}"])
    return subscriber.until(f"end of {mark}")


def pubsub_figure(server: Server, name: str) -> int:
    return int(server.info("stats")[name])


def used_memory(server: Server) -> int:
    return int(server.info("memory")["used_memory"])


class Formed(harness.FormedTest):
    """3 primaries and 3 replicas, made once for all tests of the class."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.formed.wait_agreed()

    def subscriber(self, server: Server, *words) -> Subscriber:
        subscriber = Subscriber(server, *words)
        self.addCleanup(subscriber.close)
        return subscriber

    def shard(self, number: int = 0):
        """A primary, its replica, and a shard channel of theirs."""
        primary = sorted(self.formed.primaries(), key=lambda s: s.myself().ranges)[number]
        tag = tag_in(primary.myself().slots, self.id().rpartition(".")[2])
        return primary, self.formed.replicas_of(primary)[0], tag


class Messages(Formed):
    def test_each_node_reaches_the_subscribers_of_all_in_order(self):
        servers = self.formed.servers
        subscribers = [self.subscriber(server, "SUBSCRIBE", "all") for server in servers]
        listeners = [self.subscriber(server, "PSUBSCRIBE", "a?l") for server in servers]
        count = 500
        for number, server in enumerate(servers):
            publish(server, "all", [f"{number}:{n}" for n in range(count)])
        for subscriber in subscribers + listeners:
            messages = subscriber.messages(count * len(servers))
            for number in range(len(servers)):
                own = [text for text in messages if text.startswith(f"{number}:")]
                self.assertEqual(own, [f"{number}:{n}" for n in range(count)])
        for server in servers:
            self.assertEqual(pubsub_figure(server, "pubsub_dropped_messages"), 0)

    def test_publish_counts_the_receivers_of_its_node(self):
        here, there = self.formed.servers[:2]
        for _ in range(3):
            self.subscriber(there, "SUBSCRIBE", "counted")
        self.subscriber(here, "PSUBSCRIBE", "count*")
        self.assertEqual(here.call("PUBLISH", "counted", "x"), 1)
        self.assertEqual(there.call("PUBLISH", "counted", "x"), 3)
        self.assertEqual(there.call("PUBSUB", "NUMSUB", "counted"), [b"counted", 3])
        self.assertEqual(here.call("PUBSUB", "CHANNELS", "counted"), [])

    def test_large_messages_arrive_whole(self):
        here, there = self.formed.servers[:2]
        subscriber = self.subscriber(there, "SUBSCRIBE", "large")
        texts = [letter * 3_000_000 for letter in "abc"]
        publish(here, "large", texts)
        self.assertEqual(subscriber.messages(3), texts)

    def test_what_is_published_in_a_transaction_arrives(self):
        here, there = self.formed.servers[:2]
        subscriber = self.subscriber(there, "SUBSCRIBE", "exec")
        with here.connect() as connection:
            replies = connection.pipeline([("MULTI",), ("PUBLISH", "exec", "1"),
                                           ("PUBLISH", "exec", "2"), ("EXEC",)])
        self.assertEqual(replies[-1], [0, 0])
        self.assertEqual(subscriber.messages(2), ["1", "2"])


class ShardChannels(Formed):
    def test_messages_stay_within_the_shard(self):
        primary, replica, channel = self.shard()
        stranger = next(s for s in self.formed.servers if s not in (primary, replica))
        subscribers = [self.subscriber(server, "SSUBSCRIBE", channel)
                       for server in (primary, replica)]
        others = [self.subscriber(server, "SUBSCRIBE", channel) for server in self.formed.servers]
        with self.assertRaises(RespError) as refused:
            Subscriber(stranger, "SSUBSCRIBE", channel)
        self.assertEqual(moved_to(refused.exception), primary.port)
        publish(primary, channel, ["from the primary"], "SPUBLISH")
        for subscriber in subscribers:
            self.assertEqual(subscriber.messages(1), ["from the primary"])
        publish(replica, channel, ["from the replica"], "SPUBLISH")
        for subscriber in subscribers:
            self.assertEqual(subscriber.messages(1), ["from the replica"])
        publish(stranger, channel, ["for all"])
        for subscriber in others:
            self.assertEqual(subscriber.messages(1), ["for all"])

    def test_a_slot_that_leaves_takes_its_subscribers_leave(self):
        primary, replica, channel = self.shard(0)
        target, _, _ = self.shard(1)
        slot = slot_of(channel)
        stays = tag_in(set(primary.myself().slots) - {slot}, channel)
        subscribers = [self.subscriber(server, "SSUBSCRIBE", channel)
                       for server in (primary, replica)]
        for subscriber in subscribers:
            subscriber.send("SSUBSCRIBE", stays)
            self.assertEqual(subscriber.read(), [b"ssubscribe", stays.encode(), 2])
        target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", primary.myself().id)
        primary.call("CLUSTER", "SETSLOT", slot, "MIGRATING", target.myself().id)
        # An open slot is still served by its owner, who would miss no key of a message.
        publish(primary, channel, ["while it moves"], "SPUBLISH")
        for server in (target, primary):
            server.call("CLUSTER", "SETSLOT", slot, "NODE", target.myself().id)
        for subscriber in subscribers:
            self.assertEqual(subscriber.messages(1), ["while it moves"])
            self.assertEqual(subscriber.read(), [b"sunsubscribe", channel.encode(), 1])
        with self.assertRaises(RespError) as refused:
            Subscriber(primary, "SSUBSCRIBE", channel)
        self.assertEqual(moved_to(refused.exception), target.port)
        there = self.subscriber(target, "SSUBSCRIBE", channel)
        publish(target, channel, ["there"], "SPUBLISH")
        self.assertEqual(there.messages(1), ["there"])
        publish(primary, stays, ["here"], "SPUBLISH")
        for subscriber in subscribers:
            self.assertEqual(subscriber.messages(1), ["here"])


class Changes(harness.ProcessTest):
    """What happens to messages when nodes do."""

    def test_a_node_that_was_killed_gets_messages_again(self):
        cluster = self.cluster()
        publisher = cluster.primaries()[0]
        victim = cluster.replicas_of(cluster.primaries()[1])[0]
        other = cluster.replicas_of(publisher)[0]
        with Subscriber(victim, "SUBSCRIBE", "c") as before:
            publish(publisher, "c", ["before"])
            self.assertEqual(before.messages(1), ["before"])
        bystander = Subscriber(other, "SUBSCRIBE", "c")
        self.addCleanup(bystander.close)
        victim.kill()
        publish(publisher, "c", [f"meanwhile {n}" for n in range(100)])
        self.assertEqual(bystander.messages(100), [f"meanwhile {n}" for n in range(100)])
        victim.start()
        with Subscriber(victim, "SUBSCRIBE", "c") as after:
            reach(publisher, after, "c", "again")
            publish(publisher, "c", [str(n) for n in range(1000)])
            self.assertEqual(after.messages(1000), [str(n) for n in range(1000)])
            # Both ways.
            publish(victim, "c", ["thanks"])
            self.assertEqual(bystander.until("thanks")[-1], "thanks")

    def test_who_has_the_address_of_another_node_gets_no_messages_for_that(self):
        cluster = self.cluster(3, 0, node_timeout_ms=30000)
        publisher, _, replaced = cluster.servers
        replaced.kill()
        shutil.rmtree(replaced.directory)
        replaced.directory.mkdir()
        replaced.start()  # with another id
        with Subscriber(replaced, "SUBSCRIBE", "c") as subscriber:
            def dropped() -> bool:
                publish(publisher, "c", ["for the node that was here"])
                return pubsub_figure(publisher, "pubsub_dropped_messages") > 0
            wait_until(dropped, 10, "the link is refused")
            publish(replaced, "c", ["alone"])
            self.assertEqual(subscriber.messages(1), ["alone"])
            # The others do not know yet that the node is gone; once is enough all the same.
            replaced.call("CLUSTER", "MEET", harness.kvtools.HOST, publisher.port)
            wait_until(lambda: len(replaced.nodes()) == 4, 20, "it knows all, and its predecessor")
            reach(publisher, subscriber, "c", "again")
            for server in (publisher, replaced):
                texts = [f"{server.port}:{n}" for n in range(100)]
                publish(server, "c", texts)
                self.assertEqual(subscriber.messages(100), texts)

    def test_a_failover_keeps_the_subscriptions_of_the_shard(self):
        cluster = self.cluster()
        primary = cluster.primaries()[0]
        replica = cluster.replicas_of(primary)[0]
        channel = tag_in(primary.myself().slots)
        with Subscriber(replica, "SSUBSCRIBE", channel) as subscriber:
            primary.kill()
            wait_until(lambda: replica.myself().is_primary, 20, "the replica is elected")
            publish(replica, channel, ["successor"], "SPUBLISH")
            self.assertEqual(subscriber.messages(1), ["successor"])

    def test_a_replica_that_changes_its_shard_ends_its_subscriptions(self):
        cluster = self.cluster()
        one, two = cluster.primaries()[:2]
        replica = cluster.replicas_of(one)[0]
        channel, new = tag_in(one.myself().slots), tag_in(two.myself().slots)
        with Subscriber(replica, "SSUBSCRIBE", channel) as subscriber:
            replica.call("CLUSTER", "REPLICATE", two.myself().id)
            self.assertEqual(subscriber.read(), [b"sunsubscribe", channel.encode(), 0])
        cluster.wait_agreed()
        with Subscriber(replica, "SSUBSCRIBE", new) as subscriber:
            publish(two, new, ["welcome"], "SPUBLISH")
            self.assertEqual(subscriber.messages(1), ["welcome"])

    def test_links_to_a_forgotten_node_are_closed(self):
        cluster = self.cluster()
        gone = cluster.replicas_of(cluster.primaries()[0])[0]
        rest = [server for server in cluster.servers if server is not gone]

        def links() -> int:
            return gone.text("CLIENT", "LIST").count("cmd=publish-local")
        for server in rest:
            publish(server, "c", ["x"])
        wait_until(lambda: links() == len(rest), 10, "all have a link")
        id = gone.myself().id
        for server in rest:
            server.call("CLUSTER", "FORGET", id)
        wait_until(lambda: links() == 0, 10, "their links are gone")
        before = pubsub_figure(rest[0], "pubsub_relayed_messages")
        publish(rest[0], "c", ["x"])
        wait_until(lambda: pubsub_figure(rest[0], "pubsub_relayed_messages") == before + 4, 10,
                   "the others got it")
        self.assertEqual(pubsub_figure(rest[0], "pubsub_dropped_messages"), 0)

    def test_a_cluster_that_is_down_serves_shard_channels_unless_told_otherwise(self):
        cluster = self.cluster(3, 0)
        server = cluster.primaries()[0]
        channel = tag_in(server.myself().slots)
        for other in cluster.servers:
            if other is not server:
                other.kill()
        wait_until(lambda: server.cluster_info()["cluster_state"] == "fail", 20, "it is down")
        with Subscriber(server, "SSUBSCRIBE", channel) as subscriber:
            publish(server, channel, ["down"], "SPUBLISH")
            self.assertEqual(subscriber.messages(1), ["down"])
        server.call("CONFIG", "SET", "cluster-allow-pubsubshard-when-down", "no")
        with self.assertRaisesRegex(RespError, "CLUSTERDOWN The cluster is down"):
            Subscriber(server, "SSUBSCRIBE", channel)
        self.assertEqual(server.call("PUBLISH", channel, "x"), 0)


class Limits(harness.ProcessTest):
    """Whom a slow subscriber, a node that hangs or one that refuses holds up: nobody else."""

    def test_a_subscriber_that_does_not_read_is_closed(self):
        cluster = self.cluster(3, 0)
        publisher, server = cluster.servers[:2]
        server.call("CONFIG", "SET", "client-output-buffer-limit", "pubsub 4mb 0 0")
        slow = Subscriber(server, "SUBSCRIBE", "c")
        self.addCleanup(slow.close)
        with Subscriber(server, "SUBSCRIBE", "c") as reader:
            text = "x" * 100_000
            before = used_memory(server)
            for number in range(30):
                publish(publisher, "c", [text] * 20 + [f"end {number}"])
                self.assertEqual(len(reader.until(f"end {number}")), 21)
                # The buffer of the slow one may be twice as large as what it holds.
                self.assertLess(used_memory(server) - before, 20_000_000)
            self.assertIn("closed: its output buffer holds", server.log())
        wait_until(lambda: server.call("PUBSUB", "NUMSUB", "c") == [b"c", 0], 10, "both are gone")
        with self.assertRaises((EOFError, OSError)):
            slow.messages(1000)

    def test_a_node_that_hangs_holds_up_nobody_and_its_queue_is_limited(self):
        cluster = self.cluster(3, 0, node_timeout_ms=30000)
        publisher, hanging, other = cluster.servers
        publisher.call("CONFIG", "SET", "client-output-buffer-limit", "pubsub 2mb 0 0")
        late = Subscriber(hanging, "SUBSCRIBE", "c")
        self.addCleanup(late.close)
        text = "x" * 100_000
        with Subscriber(other, "SUBSCRIBE", "c") as subscriber:
            publish(publisher, "c", ["first"])
            self.assertEqual(late.messages(1), ["first"])
            before = used_memory(publisher)
            hanging.signal(signal.SIGSTOP)
            try:
                subscriber.messages(1)
                sent = [f"{number:03} {text}" for number in range(600)]
                for part in (sent[n:n + 5] for n in range(0, len(sent), 5)):
                    publish(publisher, "c", part)
                    self.assertEqual(subscriber.messages(len(part)), part)
                self.assertGreater(pubsub_figure(publisher, "pubsub_dropped_messages"), 0)
                self.assertLess(used_memory(publisher) - before, 10_000_000)
            finally:
                hanging.signal(signal.SIGCONT)
            # What its queue did not hold is lost; what comes is in order.
            wait_until(lambda: hanging.call("PING") == "PONG", 20, "it is back")
            found = reach(publisher, late, "c", "back")
            kept = [text for text in found if text in sent]
            self.assertEqual(kept, sent[:len(kept)])
            self.assertLess(len(kept), len(sent))
            publish(publisher, "c", [str(n) for n in range(100)])
            self.assertEqual(late.messages(100), [str(n) for n in range(100)])

    def test_passwords_are_those_of_replication(self):
        cluster = self.cluster(3, 0)
        here, there, open_ = cluster.servers
        with Subscriber(there, "SUBSCRIBE", "c") as subscriber, \
                Subscriber(open_, "SUBSCRIBE", "c") as other:
            there.call("CONFIG", "SET", "requirepass", "secret")
            publish(here, "c", ["refused"])
            self.assertEqual(other.messages(1), ["refused"])
            wait_until(lambda: pubsub_figure(here, "pubsub_dropped_messages") > 0, 10, "it is lost")
            # It does no harm where no password is asked for.
            here.call("CONFIG", "SET", "masterauth", "secret")
            reach(here, subscriber, "c", "with password")
            publish(here, "c", ["last"])
            self.assertEqual(other.until("last")[-1], "last")


if __name__ == "__main__":
    harness.main()
