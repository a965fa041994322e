#!/usr/bin/env python3
"""Gives the same random requests to redis-server and kvserver and compares replies and data.

  random_with_redis.py path/to/kvserver [path/to/redis-server]

Requests are such that Redis leaves nothing to chance or to the order of a hash table. Exits with 1
at the first difference of a seed, with 77 without a redis-server.
"""

import random
import shutil
import sys
from typing import Callable, List, Tuple

sys.dont_write_bytecode = True

from compare_with_redis import Server, difference, encode, receive_until  # noqa: E402

SEEDS = range(4)
REQUESTS = 6000
# Requests after which the data are compared.
BATCH = 50

# The answer to an unknown command tells where a reply ends.
END = b"-ERR unknown command 'END', with args beginning with: \r\n"

Request = List[str]


class Draw:
    """Draws arguments, now and then of the wrong kind."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def one(self, *words: str) -> str:
        return self.random.choice(words)

    def number(self, low: int = -12, high: int = 12) -> str:
        return str(self.random.randrange(low, high))

    def chance(self, likelihood: float) -> bool:
        return self.random.random() < likelihood

    def some(self, *words: str) -> Request:
        return [word for word in words if self.chance(0.3)]

    def many(self, draw: Callable[[], Request], most: int = 4) -> Request:
        return [word for _ in range(self.random.randrange(1, most)) for word in draw()]

    def any_key(self) -> str:
        return self.one("z1", "z2", "z3", "s1", "s2", "l1", "l2", "b1", "b2", "h1")

    def key(self, kind: str) -> str:
        return self.any_key() if self.chance(0.03) else kind + self.one("1", "2")

    def counted_keys(self, kind: str) -> Request:
        keys = self.many(lambda: [self.key(kind)])
        return [str(len(keys)), *keys]

    def member(self) -> str:
        return "m" + self.number(0, 5 if self.chance(0.5) else 300)

    def score(self) -> str:
        kinds = (lambda: self.number(-20, 20), lambda: f"{self.random.uniform(-5, 5):.2f}",
                 lambda: self.one("inf", "-inf"), lambda: "1e" + self.number(-20, 20))
        return self.random.choice(kinds)()

    def pair(self) -> Request:
        return [self.score(), self.member()]

    def bound(self) -> str:
        return self.one("", "(") + self.score()

    def limit(self) -> Request:
        return ["LIMIT", self.number(-1, 5), self.number(-1, 9)] if self.chance(0.4) else []

    def field_operation(self) -> Request:
        field = [self.one("i", "u") + self.number(1, 66), self.one("", "#") + self.number(0, 9)]
        operand = self.one(self.number(), str(self.random.randrange(-2 ** 63, 2 ** 63)))
        overflow = ["OVERFLOW", self.one("WRAP", "SAT", "FAIL")] if self.chance(0.5) else []
        return [*overflow, *self.random.choice([
            ["GET", *field], ["SET", *field, operand], ["INCRBY", *field, operand]])]

    def count(self) -> Request:
        return ["COUNT", self.number(0, 4)] if self.chance(0.5) else []


def of_sorted_sets(draw: Draw) -> Request:
    key = draw.key("z")
    scores = draw.some("WITHSCORES")
    options = draw.some("NX", "XX", "GT", "LT", "CH", "INCR")
    return draw.random.choice([
        lambda: ["ZADD", key, *options, *draw.many(draw.pair)],
        lambda: ["ZADD", key, *draw.many(draw.pair, 40)],
        lambda: ["ZINCRBY", key, *draw.pair()],
        lambda: ["ZREM", key, *draw.many(lambda: [draw.member()])],
        lambda: [draw.one("ZRANK", "ZREVRANK", "ZSCORE", "ZMSCORE"), key, draw.member()],
        lambda: ["ZRANGE", key, draw.number(), draw.number(), *draw.some("REV"), *scores],
        lambda: ["ZRANGE", key, draw.bound(), draw.bound(), "BYSCORE", *draw.some("REV"),
                 *draw.limit(), *scores],
        lambda: [draw.one("ZRANGEBYSCORE", "ZREVRANGEBYSCORE"), key, draw.bound(), draw.bound(),
                 *draw.limit(), *scores],
        lambda: [draw.one("ZCOUNT", "ZREMRANGEBYSCORE"), key, draw.bound(), draw.bound()],
        lambda: ["ZREMRANGEBYRANK", key, draw.number(), draw.number()],
        lambda: [draw.one("ZPOPMIN", "ZPOPMAX"), key, *draw.some(draw.number(-1, 4))],
        lambda: ["ZMPOP", *draw.counted_keys("z"), draw.one("MIN", "MAX"), *draw.count()],
        lambda: ["ZRANGESTORE", key, draw.key("z"), draw.number(), draw.number()],
    ])()


def of_combined_sorted_sets(draw: Draw) -> Request:
    store = ["STORE", draw.key("z")] if draw.chance(0.4) else [""]
    keys = draw.counted_keys(draw.one("z", "z", "s"))
    options = draw.some("WITHSCORES") if store == [""] else []
    operation = draw.one("ZUNION", "ZINTER", "ZDIFF")
    if operation != "ZDIFF" and draw.chance(0.4):
        options += ["AGGREGATE", draw.one("SUM", "MIN", "MAX")]
    if operation != "ZDIFF" and draw.chance(0.4):
        options += ["WEIGHTS", *(draw.number(1, 9) for _ in keys[1:])]
    return [operation + store[0], *store[1:], *keys, *options]


def of_sets(draw: Draw) -> Request:
    members = draw.many(lambda: [draw.one(draw.member(), draw.number())], 9)
    return draw.random.choice([
        lambda: ["SADD", draw.key("s"), *members],
        lambda: ["SREM", draw.key("s"), *members],
        lambda: [draw.one("SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"), draw.key("s"),
                 *draw.many(lambda: [draw.key("s")])],
        lambda: ["SMOVE", draw.key("s"), draw.key("s"), draw.member()],
        lambda: [draw.one("SINTERCARD", "ZINTERCARD"), *draw.counted_keys("s")],
    ])()


def of_lists(draw: Draw) -> Request:
    ends = [draw.one("LEFT", "RIGHT"), draw.one("LEFT", "RIGHT")]
    # Of sorted sets, Redis changes the encoding for it.
    sorted_key = draw.one("l1", "l2", "s1", "s2", "b1", "h1")
    rank = ["RANK", draw.number()] if draw.chance(0.5) else []
    return draw.random.choice([
        lambda: [draw.one("LPUSH", "RPUSH"), draw.key("l"), *draw.many(lambda: [draw.member()])],
        lambda: ["LMOVE", draw.key("l"), draw.key("l"), *ends],
        lambda: ["RPOPLPUSH", draw.key("l"), draw.key("l")],
        lambda: ["SORT", sorted_key, *draw.some("ALPHA", "DESC"), *draw.limit()],
        lambda: ["SORT", sorted_key, "ALPHA", *draw.limit(), "STORE", draw.key("l")],
        lambda: ["LMPOP", *draw.counted_keys("l"), ends[0], *draw.count()],
        lambda: ["LPOS", draw.key("l"), draw.member(), *rank, *draw.count()],
        lambda: ["LRANGE", draw.key("l"), draw.number(), draw.number()],
    ])()


def of_bits(draw: Draw) -> Request:
    key = draw.key("b")
    bounds = [draw.number(), draw.number(), *draw.some("BIT")] if draw.chance(0.7) else []
    return draw.random.choice([
        lambda: ["SETBIT", key, draw.number(0, 90), draw.one("0", "1")],
        lambda: ["GETBIT", key, draw.number(0, 90)],
        lambda: ["BITCOUNT", key, *bounds],
        lambda: ["BITPOS", key, draw.one("0", "1"), *bounds],
        lambda: ["BITOP", draw.one("AND", "OR", "XOR"), key, *draw.many(lambda: [draw.key("b")])],
        lambda: ["BITOP", "NOT", key, draw.key("b")],
        lambda: ["BITFIELD", key, *draw.many(draw.field_operation)],
        lambda: ["LCS", key, draw.key("b"), *draw.some("IDX", "WITHMATCHLEN")],
    ])()


def of_keys(draw: Draw) -> Request:
    return draw.random.choice([
        lambda: ["COPY", draw.any_key(), draw.any_key(), *draw.some("REPLACE")],
        lambda: ["RENAME", draw.any_key(), draw.any_key()],
        lambda: [draw.one("DEL", "TYPE", "EXISTS", "UNLINK"), draw.any_key()],
    ])()


KINDS: List[Tuple[Callable[[Draw], Request], int]] = [
    (of_sorted_sets, 10), (of_combined_sorted_sets, 4), (of_sets, 4), (of_lists, 4), (of_bits, 4),
    (of_keys, 1)]


def request(draw: Draw) -> Request:
    kinds, weights = zip(*KINDS)
    return draw.random.choices(kinds, weights)[0](draw)


def compare(servers: List[Server], seed: int) -> bool:
    draw = Draw(seed)
    connections = [server.connect() for server in servers]
    for server, connection in zip(servers, connections):
        server.flush()
        if seed % 2:
            connection.sendall(encode([b"HELLO", b"3"]))
            receive_until(connection, b"*0\r\n")
    for _ in range(REQUESTS // BATCH):
        requests = [request(draw) for _ in range(BATCH)]
        requests += [["OBJECT", "ENCODING", "z1"], ["DEBUG", "DIGEST"]]
        for words in requests:
            replies = []
            for connection in connections:
                connection.sendall(encode([word.encode() for word in words]) + encode([b"END"]))
                replies.append(receive_until(connection, END))
            # A string that was changed in place has an encoding of its own in Redis.
            if replies[0] != replies[1] and b"raw" not in replies[0]:
                print(f"seed {seed}, {words}, {difference(*replies)}")
                return False
    for connection in connections:
        connection.close()
    return True


def main() -> int:
    redis = sys.argv[2] if len(sys.argv) > 2 else shutil.which("redis-server")
    if redis is None:
        print("no redis-server")
        return 77
    servers: List[Server] = []
    try:
        for program in (redis, sys.argv[1]):
            servers.append(Server(program, ["--enable-debug-command", "yes"]))
        equal = [compare(servers, seed) for seed in SEEDS]
    finally:
        for server in servers:
            server.stop()
    print(f"{REQUESTS * len(equal)} requests, {equal.count(False)} seeds with a difference")
    return 0 if all(equal) else 1


if __name__ == "__main__":
    sys.exit(main())
