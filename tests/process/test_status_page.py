"""kvserver's status page in a browser: headless Chromium runs it against a live cluster, and what
it has drawn is compared with what the servers say. Status 77 where there is no Chromium.

STATUS_PAGE_PNG names a file to keep the picture in; docs/images/status_page.png is made so.
"""

import html.parser
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import unittest
from typing import Dict, List, Optional

import harness
from harness import wait_until
from http_client import HOST, get, get_json
from kvtools import SLOTS, tag_in

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)
VOID = {"meta", "link", "input", "br", "hr", "img"}


class Element:
    def __init__(self, tag: str, attributes: Dict[str, Optional[str]]) -> None:
        self.tag, self.attributes = tag, attributes
        self.children: List["Element"] = []
        self.texts: List[str] = []

    def all(self, tag: str = "", **attributes: str) -> List["Element"]:
        wanted = {name.replace("_", "-"): value for name, value in attributes.items()}
        found = [child for child in self.children
                 if tag in ("", child.tag)
                 and all(child.attributes.get(name) == value for name, value in wanted.items())]
        for child in self.children:
            found += child.all(tag, **attributes)
        return found

    def text(self) -> str:
        return " ".join(filter(None, ["".join(self.texts).strip(),
                                      *(child.text() for child in self.children)]))


class Tree(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        element = Element(tag, dict(attributes))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        while len(self.open) > 1 and self.open.pop().tag != tag:
            pass

    def handle_data(self, data):
        self.open[-1].texts.append(data)


class StatusPage(harness.WatchedTest):
    def browse(self, server, *arguments: str) -> str:
        """Runs the page and returns what the browser printed."""
        result = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--enable-logging=stderr", f"--user-data-dir={self.directory / 'chromium'}",
             *arguments, f"http://{HOST}:{self.http[server.port]}/"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=120)
        self.assertEqual(result.returncode, 0, result.stderr)
        # A fault of the script, or something that the page may not load.
        faults = [line for line in result.stderr.splitlines() if "CONSOLE" in line]
        self.assertEqual(faults, [])
        return result.stdout

    def gauge(self, server, name: str) -> float:
        metrics = get_json(self.http[server.port], "/status.json")["metrics"]
        return next(entry["value"] for entry in metrics if entry["name"] == name)

    def page(self, server) -> Element:
        return Tree(self.browse(server, "--dump-dom", "--virtual-time-budget=5000")).root

    def show(self, page: Element, id: str) -> str:
        return page.all(id=id)[0].text()

    def test_the_page_is_whole_by_itself(self):
        page = get(self.http[self.cluster_.servers[0].port], "/")
        self.assertEqual(page.status, 200)
        self.assertEqual(page.content_type, "text/html; charset=utf-8")
        text = page.body.decode()
        for foreign in ("http:", "https:", "src=", "@import", "url("):
            self.assertNotIn(foreign, text.replace("http://www.w3.org/2000/svg", ""))

    def test_a_healthy_cluster_is_drawn(self):
        server = self.cluster_.primaries()[0]
        page = self.page(server)
        self.assertEqual(page.all("body")[0].attributes.get("data-ready"), "yes")
        self.assertEqual(self.show(page, "state"), "cluster ok")
        self.assertIn("100%", self.show(page, "ring"))
        for node in server.nodes():
            row = page.all("tr", data_node=node.id)
            self.assertEqual(len(row), 1)
            self.assertIn("replica" if node.primary else "primary", row[0].text())
            self.assertIn("online", row[0].text())
            drawn = [arc.text() for arc in page.all("path", data_owner=node.id)]
            self.assertEqual([text.split(": ")[1] for text in drawn],
                             [f"{first}-{last}" for first, last in node.ranges])
        self.assertIn("this node", page.all("tr", data_node=server.myself().id)[0].text())
        self.assertIn("cluster state ok", self.show(page, "events"))

    def test_a_failover_is_told_with_its_causes(self):
        killed = self.cluster_.primaries()[0]
        replica = self.cluster_.replicas_of(killed)[0]
        id = killed.myself().id
        killed.kill()
        wait_until(lambda: replica.myself().is_primary
                   and replica.cluster_info()["cluster_state"] == "ok", 30,
                   "the replica has taken over")
        page = self.page(replica)
        row = page.all("tr", data_node=id)[0]
        self.assertIn("failed", row.text())
        self.assertIn("gone", row.attributes["class"].split())
        self.assertEqual(page.all("path", data_owner=id), [])
        self.assertIn(f"{SLOTS:,} of {SLOTS:,} served", self.show(page, "ring"))
        self.assertIn("won with", self.show(page, "now"))
        told = self.show(page, "events")
        self.assertIn(f"{HOST}:{killed.port} FAIL", told)  # By name, not by id.
        self.assertIn(f"{HOST}:{replica.port} is primary (elected", told)
        answer = get_json(self.http[replica.port], "/events")
        rebound = [e for e in answer["events"] if e["kind"] == "SlotsRebound"][-1]
        line = page.all("li", data_number=str(rebound["number"]))[0]
        self.assertIn(f"#{rebound['cause']}", line.text())

    def test_a_picture_can_be_taken(self):
        killed = self.cluster_.primaries()[0]
        replica = self.cluster_.replicas_of(killed)[0]
        harness.fill(killed, tag_in([killed.myself().ranges[0][0]]), 500)
        wait_until(lambda: all(self.gauge(s, "abstaining") == 0 for s in self.cluster_.servers),
                   30, "nobody has become a voter too recently to vote")
        killed.kill()
        wait_until(lambda: replica.myself().is_primary, 30, "the replica has taken over")
        picture = self.directory / "page.png"
        self.browse(replica, f"--screenshot={picture}", "--window-size=1100,900",
                    "--virtual-time-budget=5000")
        data = picture.read_bytes()
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(struct.unpack(">II", data[16:24]), (1100, 900))
        self.assertGreater(len(data), 20000, "an empty page")
        if os.environ.get("STATUS_PAGE_PNG"):
            pathlib.Path(os.environ["STATUS_PAGE_PNG"]).write_bytes(data)


if __name__ == "__main__":
    if CHROMIUM is None:
        print("skipped: no chromium here; scripts/install_deps.sh --all installs it")
        sys.exit(77)
    harness.main()
