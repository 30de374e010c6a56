#!/usr/bin/python3
"""Clocks that are set while the console runs, by libfaketime, and a console that was stopped: the ages on the screen stay
right, no trigger fires, and the screen says what happened."""
import glob
import os
import pathlib
import tempfile
import unittest

from common import Typed, main, wait_for
from sim import Sim

FAKETIME = next(iter(glob.glob("/usr/lib*/*/faketime/libfaketimeMT.so.1")), "libfaketimeMT.so.1")


class Clocks(unittest.TestCase):
    def setUp(self):
        # pylint: disable=consider-using-with
        self.sim = Sim(story="good-release", speed=1)
        self.addCleanup(self.sim.end)
        self.tmp = tempfile.TemporaryDirectory(prefix="bakewatch-clocks-")
        self.addCleanup(self.tmp.cleanup)
        self.offset = pathlib.Path(self.tmp.name) / "offset"
        self.set("+0")
        os.mkdir(pathlib.Path(self.tmp.name) / "state", 0o700)
        config = pathlib.Path(self.sim.kubeconfig).parent / "config.yaml"
        self.console = Typed(f"size 44 150\nenv LD_PRELOAD={FAKETIME}\nenv FAKETIME_TIMESTAMP_FILE={self.offset}\n"
                             "env FAKETIME_NO_CACHE=1\nenv DONT_FAKE_MONOTONIC=1\n"
                             f"start $BAKEWATCH --config {config} -e demo\nwait workloads 7 within 20000",
                             KUBECONFIG=self.sim.kubeconfig, XDG_STATE_HOME=self.tmp.name + "/state")
        self.addCleanup(self.console.end)

    def set(self, offset):
        self.offset.write_text(offset + "\n")

    def test_it_is_set_and_set_back(self):
        c = self.console
        c.play("wait PASS so far  shop/checkout-api within 100000\nwait T+0:2 within 60000", 170)
        for offset, words, age in (("+3600", "was set, 60m ahead", "T+0:4"), ("-3600", "was set, 60m back", "T+1:0")):
            self.set(offset)
            c.play(f"wait {words} within 20000\nwait {age} within 60000\nwait PASS so far\ngone STALE\nwait RO  live", 100)
        self.set("+0")
        c.play("gone was set within 20000\nwait PASS so far\nnever ROLL BACK")

    def test_a_suspend(self):
        """What was not watched is a gap in the window and fires nothing."""
        c = self.console
        c.play("wait PASS so far  shop/checkout-api within 100000\nconsole STOP", 110)
        asleep = self.story() + 45000
        wait_for(lambda: self.story() > asleep, 90, "45 s of sleep")
        c.play("console CONT\nwait RO  live within 30000\nwait PASS so far within 60000\nkeys v\nwait watched\nkeys q\nnever ROLL BACK", 100)

    def story(self):
        return self.sim.say("now")["now_ms"]


if __name__ == "__main__":
    main()
