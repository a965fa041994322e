"""kvserver over HTTP: what it shows while a cluster lives and fails over, and that whoever connects
there can do no harm."""

import json
import pathlib
import socket
import threading
import time
import unittest

import harness
from harness import wait_until
from http_client import HOST, Metrics, get, get_json
from kvtools import SLOTS, free_ports


def chain_of(events: list, kind: str) -> list:
    """Kinds from the last event of this kind back to what began it."""
    by_number = {event["number"]: event for event in events}
    at = [event for event in events if event["kind"] == kind][-1]["number"]
    chain = []
    while at:
        chain.append(by_number[at]["kind"])
        at = by_number[at]["cause"]
    return chain


DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "observability.md"


def documented(heading: str) -> dict:
    """The JSON block below this heading."""
    text = DOCS.read_text().split(f"### {heading}\n", 1)[1]
    return json.loads(text.split("```json\n", 1)[1].split("```", 1)[0])


def fields(value: object, path: str = "") -> set:
    """Paths of all fields. Of a list, those of the elements together; labels are as they come."""
    if isinstance(value, dict):
        return set().union({path} if path else set(),
                           *(fields(value[key], f"{path}.{key}") for key in value
                             if not path.endswith(".labels")))
    if isinstance(value, list):
        return set().union({path}, *(fields(element, f"{path}[]") for element in value))
    return {path}


class OneServer(harness.ProcessTest):
    def start(self, *arguments: str):
        self.http = free_ports(1)[0]
        server = self.server("--metrics-port", str(self.http), *arguments)
        server.start()
        return server

    def test_nothing_listens_unless_asked(self):
        server = self.server()
        server.start()
        self.assertEqual(server.call("CONFIG", "GET", "metrics-port"), [b"metrics-port", b"0"])

    def test_a_server_without_a_cluster_shows_itself(self):
        server = self.start()
        server.call("SET", "a", "1")
        wait_until(lambda: get_json(self.http, "/status.json")["server"]["keys"] == 1, 10,
                   "the key is counted")
        status = get_json(self.http, "/status.json")
        self.assertEqual(status["schema"], 1)
        self.assertEqual(status["cluster"], {"enabled": False})
        self.assertEqual(status["nodes"], [])
        self.assertEqual(status["server"]["port"], server.port)
        self.assertEqual(status["server"]["pid"], server.pid)
        self.assertEqual(get_json(self.http, "/events")["events"], [])
        metrics = Metrics(get(self.http, "/metrics").body.decode())
        self.assertEqual(metrics.samples[("kvserver_keys", ())], 1)

    def test_a_port_that_is_taken_is_refused_with_its_name(self):
        with socket.socket() as taken:
            taken.bind((HOST, 0))
            taken.listen()
            port = taken.getsockname()[1]
            result = self.run_to_end("--port", str(free_ports(1)[0]), "--metrics-port", str(port))
        self.assert_refused(result, f"Could not listen for HTTP on 127.0.0.1:{port}")

    def test_two_servers_do_not_share_a_port(self):
        first = self.start()
        self.assertEqual(get(self.http, "/").status, 200)
        result = self.run_to_end("--port", str(free_ports(1)[0]), "--metrics-port", str(self.http))
        self.assert_refused(result, f"Could not listen for HTTP on 127.0.0.1:{self.http}")
        # But who comes after it gets it at once, connections that have ended notwithstanding.
        first.stop()
        first.start()
        self.assertEqual(get(self.http, "/").status, 200)

    def test_it_listens_on_the_loopback_alone_unless_told_otherwise(self):
        server = self.start()
        self.assertEqual(server.call("CONFIG", "GET", "metrics-bind"),
                         [b"metrics-bind", b"127.0.0.1"])
        # Every address of 127/8 reaches the machine, but only one was bound.
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", self.http), 5).close()

    def test_what_it_does_not_have_it_refuses(self):
        self.start()
        self.assertEqual(get(self.http, "/nothing").status, 404)
        self.assertEqual(get(self.http, "/../etc/passwd").status, 404)
        for method in ("POST", "PUT", "DELETE"):
            with self.subTest(method=method):
                self.assertIn(get(self.http, "/status.json", method).status, (400, 404, 405))
        self.assertEqual(get(self.http, "/", "HEAD").body, b"")
        for query in ("since=-1", "since=abc", "since=99999999999999999999", "since=", "x=1"):
            with self.subTest(query=query):
                self.assertEqual(get_json(self.http, f"/events?{query}")["events"], [])

    def test_bad_requests_end_with_their_connection(self):
        server = self.start()
        requests = (b"\r\n\r\n", b"\x00\xff" * 100 + b"\r\n\r\n", b"GET\r\n\r\n",
                    b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
                    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
                    b"GET / HTTP/1.1\r\nRange: bytes=9-1,-,zz\r\n\r\n",
                    b"GET / HTTP/1.1\r\nRange: bytes=99999999999999999999-\r\n\r\n",
                    b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
                    b"GET /events?since=%zz%0 HTTP/1.1\r\n\r\n")
        for request in requests:
            with self.subTest(request=request[:40]):
                with socket.create_connection((HOST, self.http), 15) as connection:
                    try:
                        connection.sendall(request)
                        connection.shutdown(socket.SHUT_WR)  # More will not come.
                        while connection.recv(65536):
                            pass
                    except OSError:
                        pass  # It may hang up before it has read everything.
        self.assertEqual(get(self.http, "/status.json").status, 200)
        self.assertEqual(server.call("PING"), "PONG")

    def test_silent_and_slow_clients_hold_up_only_each_other(self):
        server = self.start()
        idle = [socket.create_connection((HOST, self.http), 15) for _ in range(18)]
        for connection in idle[::2]:
            connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        try:
            self.assertEqual(server.call("PING"), "PONG")
            # They are let go after a while, the ones that wait behind them, too.
            idle[0].settimeout(30)
            self.assertEqual(idle[0].recv(1), b"")
        finally:
            for connection in idle:
                connection.close()
        wait_until(lambda: get(self.http, "/status.json").status == 200, 60, "it answers again")
        started = time.monotonic()
        server.stop()
        self.assertLess(time.monotonic() - started, 15)

    def test_shutting_down_does_not_wait_for_a_client(self):
        server = self.start()
        with socket.create_connection((HOST, self.http), 15) as connection:
            connection.sendall(b"GET / HT")
            self.assertEqual(get(self.http, "/").status, 200)
            server.stop()
            self.assertFalse(server.running())


class Cluster(harness.WatchedTest):
    def status(self, server) -> dict:
        return get_json(self.http[server.port], "/status.json")

    def metrics(self, server) -> Metrics:
        return Metrics(get(self.http[server.port], "/metrics").body.decode())

    def events(self, server) -> list:
        events, since = [], 0
        while True:
            answer = get_json(self.http[server.port], f"/events?since={since}")
            if not answer["events"]:
                return events
            events += answer["events"]
            since = events[-1]["number"]

    def test_the_status_says_what_cluster_nodes_says(self):
        for server in self.cluster_.servers:
            status = self.status(server)
            self.assertEqual(status["cluster"]["state"], "ok")
            self.assertEqual(status["cluster"]["slots_assigned"], SLOTS)
            shown = {node["id"]: node for node in status["nodes"]}
            nodes = server.nodes()
            self.assertEqual(set(shown), {node.id for node in nodes})
            for node in nodes:
                entry = shown[node.id]
                self.assertEqual(entry["port"], node.port)
                self.assertEqual(entry["primary"], node.primary)
                self.assertEqual(entry["role"], "replica" if node.primary else "primary")
                self.assertEqual([tuple(r) for r in entry["slots"]],
                                 [tuple(r) for r in node.ranges])
                self.assertEqual(entry["health"], "online")
            self.assertEqual(sum(entry["slot_count"] for entry in status["nodes"]), SLOTS)

    def test_metrics_are_well_formed_and_agree_with_the_rest(self):
        server = self.cluster_.primaries()[0]
        metrics = self.metrics(server)
        self.assertEqual(metrics.value("nodes_known"), 6)
        self.assertEqual(metrics.value("voters"), 3)
        self.assertEqual(metrics.value("state_ok"), 1)
        self.assertEqual(metrics.value("slots_covered"), SLOTS)
        self.assertGreater(metrics.value("frames_sent_total", kind="ping"), 0)
        self.assertGreater(metrics.value("bytes_received_total", kind="pong"), 0)
        self.assertGreater(metrics.value("ping_round_trip_seconds_count"), 0)
        self.assertGreater(metrics.value("lease_seconds"), 0)
        before = metrics.sum("frames_sent_total")
        wait_until(lambda: self.metrics(server).sum("frames_sent_total") > before, 10,
                   "more is counted as time goes on")
        # The JSON shows the same figures under the same names.
        names = {entry["name"] + ("_total" if entry["type"] == "counter" else "")
                 for entry in self.status(server)["metrics"]}
        self.assertEqual({"clusterkit_" + name for name in names},
                         {name for name in metrics.types if name.startswith("clusterkit_")})

    def test_a_failover_can_be_followed(self):
        killed = self.cluster_.primaries()[0]
        replica = self.cluster_.replicas_of(killed)[0]
        voter = self.cluster_.primaries()[1]
        run_id = self.status(voter)["server"]["run_id"]
        killed.kill()
        wait_until(lambda: self.status(replica)["cluster"]["state"] == "ok"
                   and replica.myself().is_primary, 30, "the replica has taken over")
        status = self.status(replica)
        failed = next(node for node in status["nodes"] if node["port"] == killed.port)
        self.assertEqual(failed["health"], "fail")
        self.assertEqual(failed["slot_count"], 0)
        own = next(node for node in status["nodes"] if node["self"])
        self.assertEqual((own["role"], own["port"]), ("primary", replica.port))
        events = self.events(replica)
        self.assertEqual([event["number"] for event in events],
                         list(range(events[0]["number"], events[-1]["number"] + 1)))
        chain = chain_of(events, "SlotsRebound")
        # It may have lost some rounds before: voters abstain for a while after they became such.
        self.assertEqual(chain[:4], ["SlotsRebound", "RoleChanged", "ElectionEnded",
                                     "ElectionStarted"])
        self.assertEqual(set(chain[4:chain.index("ElectionScheduled")])
                         - {"ElectionEnded", "ElectionStarted"}, set())
        self.assertEqual(set(chain[chain.index("ElectionScheduled") + 1:]), {"HealthChanged"})
        metrics = self.metrics(replica)
        self.assertEqual(metrics.value("elections_won_total", cause="primary failed"), 1)
        self.assertEqual(metrics.value("failover_seconds_count"), 1)
        wait_until(lambda: self.metrics(replica).value("convergence_all_seconds_count") == 1, 20,
                   "all have said that they know")
        self.assertGreaterEqual(self.metrics(voter).value("votes_granted_total"), 1)
        answer = get_json(self.http[voter.port], "/events?since=0")
        self.assertEqual(answer["run_id"], run_id)

    def test_a_stalled_data_thread_holds_up_no_page(self):
        server = self.cluster_.primaries()[0]
        sleeper = server.connect(timeout=30)
        thread = threading.Thread(target=lambda: sleeper.call("DEBUG", "SLEEP", "3"))
        thread.start()
        try:
            wait_until(lambda: self.asleep(server), 10, "the data thread sleeps")
            self.assertEqual(get(self.http[server.port], "/metrics").status, 200)
            self.assertEqual(get(self.http[server.port], "/").status, 200)
        finally:
            thread.join()
            sleeper.close()

    def asleep(self, server) -> bool:
        try:
            with server.connect(timeout=0.2) as probe:
                probe.call("PING")
            return False
        except OSError:
            return True

    def test_a_move_of_slots_is_shown_at_both_ends(self):
        source, target = self.cluster_.primaries()[:2]
        slot = source.myself().ranges[0][0]
        target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", source.myself().id)
        source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", target.myself().id)
        self.assertEqual(self.status(source)["open_slots"],
                         [{"direction": "exporting", "peer": target.myself().id,
                           "slots": [[slot, slot]]}])
        self.assertEqual(self.status(target)["open_slots"][0]["direction"], "importing")
        self.assertEqual(self.metrics(source).value("slots_open"), 1)

    def test_the_answers_have_the_fields_that_the_documentation_names(self):
        source, target = self.cluster_.primaries()[:2]
        slot = source.myself().ranges[0][0]
        target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", source.myself().id)
        status = documented("/status.json")
        # Which only a move by the library has; kvserver's operators move slots themselves.
        status["move"] = None
        self.assertEqual(fields(self.status(target)), fields(status))
        self.assertEqual(fields(get_json(self.http[target.port], "/events")),
                         fields(documented("/events?since=N")))


if __name__ == "__main__":
    harness.main()
