#!/usr/bin/env python3
"""sim_failover prints the same timeline each time, and it is the one that docs show.

  test_sim_failover.py --rewrite   writes what it prints into sim_failover.txt: read the difference
"""

import pathlib
import sys
import unittest

from programs import ExampleTest

EXPECTED = pathlib.Path(__file__).with_name("sim_failover.txt")


class SimFailover(ExampleTest):
    def test_it_prints_the_timeline_of_a_failover(self) -> None:
        ended = self.run_to_end("sim_failover")
        self.assertEqual(ended.returncode, 0, ended.stdout)
        if "--rewrite" in REWRITE:
            EXPECTED.write_text(ended.stdout)
        self.maxDiff = None
        self.assertEqual(ended.stdout, EXPECTED.read_text())

    def test_nothing_is_left_behind(self) -> None:
        self.run_to_end("sim_failover")
        self.assertEqual(list(self.directory.iterdir()), [])


if __name__ == "__main__":
    REWRITE = [argument for argument in sys.argv[1:] if argument == "--rewrite"]
    unittest.main(argv=[argument for argument in sys.argv if argument not in REWRITE])
