"""redis-py through the steps of steps.js; see there."""

import contextlib
import itertools
import logging
import sys
import threading
import time
import traceback

import redis
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import ClusterCrossSlotError, RedisClusterException

PATIENCE = 30  # seconds, for a write that is repeated


def act(what):
    """Asks whoever started us to do something to the cluster, and waits until it is done."""
    print(f"ACT {what}", flush=True)
    answer = sys.stdin.readline()
    if not answer:
        raise EOFError("nobody answers")
    return answer.strip()


def check(actual, expected):
    if actual != expected:
        raise AssertionError(f"{actual!r} instead of {expected!r}"[:500])


class Steps:
    def __init__(self, ports):
        self.ports = ports
        self.written = []
        self.renewing = threading.Lock()

    def connect_to(self, ports, **options):
        return RedisCluster(startup_nodes=[ClusterNode("127.0.0.1", port) for port in ports],
                            decode_responses=True, **options)

    def connect(self):
        self.client = self.connect_to(self.ports[:1])
        return "knowing one of the nodes"

    def single_keys(self):
        for n in range(500):
            key = f"single:{n}"
            check(self.client.set(key, key), True)
            check(self.client.get(key), key)
            self.written.append(key)
        check(self.client.delete("single:0"), 1)
        check(self.client.get("single:0"), None)
        self.written.pop(0)
        return "500 keys in all slots"

    def other_types(self):
        client = self.client
        check(client.hset("h", mapping={"a": "1", "b": "2"}), 2)
        check(client.hgetall("h"), {"a": "1", "b": "2"})
        check(client.rpush("l", "1", "2", "3"), 3)
        check(client.lrange("l", 0, -1), ["1", "2", "3"])
        check(client.sadd("s", "x", "y"), 2)
        check(client.smembers("s"), {"x", "y"})
        check(client.incrby("n", 17), 17)
        check(client.expire("n", 100), True)
        check(client.ttl("n") > 0, True)
        self.rejects(redis.ResponseError, client.incr, "h")
        return "hashes, lists, sets, numbers, expiry, an error"

    def rejects(self, expected, function, *arguments):
        try:
            function(*arguments)
        except expected:
            return
        raise AssertionError("not refused")

    def pipelines(self):
        keys = [f"{{pipeline}}{n}" for n in range(200)] + [f"pipeline:{n}" for n in range(1000)]
        with self.client.pipeline() as pipeline:
            for key in keys:
                pipeline.set(key, key)
            check(pipeline.execute(), [True] * len(keys))
        self.read_back(self.client, keys)
        return "200 commands of one slot, 1000 of all slots"

    def read_back(self, client, keys):
        for at in range(0, len(keys), 500):
            part = keys[at:at + 500]
            with client.pipeline() as pipeline:
                for key in part:
                    pipeline.get(key)
                check(pipeline.execute(), part)

    def hash_tags(self):
        keys = [f"{{tag}}{n}" for n in range(50)]
        check(self.client.mset({key: key for key in keys}), True)
        check(self.client.mget(keys), keys)
        check(self.client.delete(*keys[1:]), 49)
        # Across slots the library refuses by itself, unless it is told which node to ask.
        owner = self.client.get_node_from_key("a")
        self.rejects(ClusterCrossSlotError, lambda: self.client.execute_command(
            "MGET", "a", "b", target_nodes=owner))
        self.client.mset_nonatomic({f"apart:{n}": str(n) for n in range(50)})
        check(self.client.mget_nonatomic([f"apart:{n}" for n in range(50)]),
              [str(n) for n in range(50)])
        return "MSET, MGET, and a refusal without them"

    def messages(self):
        texts = [str(n) for n in range(100)]
        subscriber = self.client.pubsub(ignore_subscribe_messages=True)
        subscriber.subscribe("all")
        subscriber.get_message(timeout=PATIENCE)  # That it is subscribed.
        for text in texts:
            self.client.publish("all", text)
        got = []
        deadline = time.monotonic() + PATIENCE
        while len(got) < len(texts) and time.monotonic() < deadline:
            message = subscriber.get_message(timeout=1)
            got += [message["data"]] if message else []
        check(sorted(got, key=int), texts)
        subscriber.close()
        return "100 to all"

    def replica_reads(self):
        act("replicate")
        reader = self.connect_to(self.ports, read_from_replicas=True)
        before = int(act("reads of replicas"))
        for key in self.written:
            check(reader.get(key), key)
        after = int(act("reads of replicas"))
        reader.close()
        if after <= before:
            raise AssertionError("replicas were not read from")
        return f"{after - before} of {len(self.written)} reads"

    def live_reshard(self):
        keys, _ = self.write("reshard", lambda: act("reshard"), retry=False)
        self.read_back(self.client, keys + self.written)
        self.written += keys
        return f"{len(keys)} writes, no error"

    def primary_killed(self):
        keys, errors = self.write("kill", lambda: act("kill"), retry=True)
        self.read_back(self.client, keys + self.written)
        self.written += keys
        return f"{len(keys)} writes, {errors} repeated"

    def primary_back(self):
        keys, _ = self.write("back", lambda: act("revive"), retry=False)
        self.read_back(self.client, keys + self.written)
        self.client.close()
        return f"{len(self.written)} keys are all there"

    def write(self, name, until, retry, workers=4):
        """Workers write new keys, one after the other each, until `until` returns."""
        keys, repeated, failures, stop = [], [], [], threading.Event()

        def set_key(key, deadline):
            while True:
                client = self.client
                try:
                    return check(client.set(key, key), True)
                except Exception as error:  # Of no common class.
                    if not retry or time.monotonic() > deadline:
                        raise
                    repeated.append(error)
                    self.renew(client)
                    time.sleep(0.02)

        def worker(number):
            for n in itertools.count():
                if stop.is_set():
                    return
                key = f"{name}:{number}:{n}"
                try:
                    set_key(key, time.monotonic() + PATIENCE)
                except Exception as error:
                    failures.append(f"SET {key}: {error!r}")
                    return
                keys.append(key)
                time.sleep(0.001)

        threads = [threading.Thread(target=worker, args=(n,)) for n in range(workers)]
        for thread in threads:
            thread.start()
        try:
            until()
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        check(failures, [])
        return keys, len(repeated)

    def renew(self, used):
        """This version of the library cannot do without the node that it began with."""
        with self.renewing:
            if self.client is used:
                with contextlib.suppress(redis.RedisError, RedisClusterException):
                    self.client = self.connect_to(self.ports)


def main():
    """Takes the steps, prints a table; those after one that failed are not tried."""
    logging.disable()  # It logs what it raises.
    steps = Steps([int(port) for port in sys.argv[1:]])
    failed = False
    for name in ("connect", "single keys", "other types", "pipelines", "hash tags",
                 "messages", "replica reads", "live reshard", "primary killed", "primary back"):
        result, detail = "not tried", ""
        if not failed:
            try:
                result, detail = "ok", getattr(steps, name.replace(" ", "_"))()
            except Exception:
                failed, result, detail = True, "FAILED", traceback.format_exc()
        print(f"{'redis-py':12}{name:16}{result:10}{detail}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
