"""A client that keeps writing to one shard and remembers what was acknowledged."""

import threading
import time
from typing import List, NamedTuple, Optional, Sequence

from kvtools import Connection, RespError, moved_to


class Ack(NamedTuple):
    key: str
    value: str
    at: float  # time.time()
    port: int  # Who acknowledged it.


class Writer(threading.Thread):
    """Sets one new key after the other, all with the hash tag `tag`.

    It repeats each write until it is acknowledged, follows MOVED, and asks the next server it
    knows when one does not answer. It waits for each reply, so a key that is not in `acks` was
    never acknowledged.
    """

    def __init__(self, ports: Sequence[int], tag: str, per_second: float = 200,
                 request_timeout: float = 0.25) -> None:
        super().__init__(daemon=True)
        self.ports, self.tag = list(ports), tag
        self.pause, self.request_timeout = 1 / per_second, request_timeout
        self.acks: List[Ack] = []
        self.refusals: List[str] = []
        self._stopping = threading.Event()
        self._connection: Optional[Connection] = None
        self._next = 0

    def stop(self) -> None:
        self._stopping.set()
        self.join(10)

    def run(self) -> None:
        number = 0
        while not self._stopping.is_set():
            key, value = f"writer:{{{self.tag}}}:{number}", f"value-{number}"
            if self._write(key, value):
                number += 1
                self._stopping.wait(self.pause)
            else:
                self._stopping.wait(0.005)
        self._connect(None)

    def _write(self, key: str, value: str) -> bool:
        try:
            if self._connection is None:
                self._next = (self._next + 1) % len(self.ports)
                self._connect(self.ports[self._next])
            self._connection.call("SET", key, value)
        except RespError as error:
            self.refusals.append(str(error))
            port = moved_to(error)
            try:
                self._connect(port)  # After CLUSTERDOWN and the like: ask somebody else.
            except OSError:
                self._connect(None)
            return False
        except (OSError, EOFError) as error:
            self.refusals.append(str(error))
            self._connect(None)
            return False
        self.acks.append(Ack(key, value, time.time(), self._connection.port))
        return True

    def _connect(self, port: Optional[int]) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if port is not None:
            self._connection = Connection(port, self.request_timeout)
