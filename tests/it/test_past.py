#!/usr/bin/python3
"""Time travel in the demo, stepped: the past is shown as it was and never taken for now, what happens now is
said, nothing is changed from there, and F returns."""
import unittest

from common import Typed, main
from test_demo import Control


def clock(second):
    """What the screen's clock says at T+second."""
    return f"10:{second // 60:02}:{second % 60:02}Z"


def age(seconds):
    return f"{seconds}s" if seconds < 120 else f"{seconds // 60}m{seconds % 60:02}s"


class Console(Typed):
    def __init__(self, flags=""):
        super().__init__(f"size 40 140\nstart $BAKEWATCH demo --seed 7 --speed 0 {flags}\nwait RO  live within 20000")
        self.control = Control(self.tmp.name)

    def until(self, *seconds):
        """Each of these times is seen: what is not seen is not recorded."""
        for t in seconds:
            self.control.say(f"until T+{t // 60}:{t % 60:02}")
            self.play(f"wait {clock(t)}")

    def end(self):
        self.control.close()
        super().end()


class Past(unittest.TestCase):
    def test_a_bad_release(self):
        c = Console()
        try:
            c.until(15, 30, 45)
            c.play("wait all well\nwait 2.14.0\nwait NO BAKE")
            c.until(65)
            c.play("wait 2.15.0")
            c.until(80)
            c.play("wait PASS so far")

            # somebody looks at what was before the deploy; it is said so, and what is on screen is of then
            c.play("keys t-40s<enter>\nwait PAST 10:00:40Z, T-0:2\nwait 40s ago\nwait F returns to now\nwait 2.14.0\ngone 2.15.0\n"
                   "wait all well\nwait NO BAKE\ngone RO  live")
            c.play("keys ,\nwait PAST 10:00:25Z, T-0:\nkeys .\nwait PAST 10:00:40Z")
            # nothing is changed or fetched from there
            c.play("keys :arm<enter>\nwait changes: not in the past; F returns to now\nkeys d\nwait a text of the platform is of now\n"
                   "keys M<enter>\nwait a mark is of now: not in the past\nwait PAST 10:00:40Z")

            # what happens now is said; the past stands
            for t in range(95, 200, 15):
                c.control.say(f"until T+{t // 60}:{t % 60:02}")
                c.play(f"wait {age(t - 40)} ago")
            c.play("wait now: verdict: ROLL BACK\nwait PAST 10:00:40Z\nwait 2.14.0\ngone 2.15.0")

            # the events of the time line, one by one, and back to now
            c.play("keys }\nwait deploy\nwait PAST 10:01:0\nwait 2.15.0\n"
                   # before the first minute nothing is there: that one is shown
                   "keys :at -2h<enter>\nwait nothing was recorded before this time\nwait T-1:0")
            c.play("keys F\ngone PAST\nwait ROLL BACK\nwait restarts since the deploy\nwait RO  live")
            c.play("keys {\nwait PAST\nkeys :now<enter>\ngone PAST\nkeys .\nwait this is now")
            c.play("keys :at noon<enter>\nwait \"noon\" is no time")
        finally:
            c.end()

    def test_without_colours(self):
        c = Console(flags="--no-color")
        try:
            c.until(15, 30)
            c.play("keys ,\nwait PAST 10:00:15Z\nnever \\e[38;5\nkeys F\ngone PAST")
        finally:
            c.end()


if __name__ == "__main__":
    main()
