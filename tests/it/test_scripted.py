#!/usr/bin/python3
"""Answers that a real API server will not give on demand: throttling, short watches, expired
snapshots, broken and hostile bytes."""
import email.utils
import json
import pathlib
import shutil
import tempfile
import time
import unittest

from common import bakewatch, main, scene, wait_for
from scripted import Scripted, meta


def deployment(name, rv="1", ready=1, **more):
    return {"kind": "Deployment", "metadata": {"name": name, "namespace": "shop", "uid": "u-" + name,
                                               "resourceVersion": rv, "generation": 1, **more},
            "spec": {"replicas": 1, "template": {"spec": {"containers": [{"image": "r/x:1"}]}}},
            "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1,
                       "readyReplicas": ready, "availableReplicas": ready}}


def event(kind, obj):
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


class Scripts(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bakewatch-scripted-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def server(self, answers=None, prefix=""):
        s = Scripted(answers)
        self.addCleanup(s.server.shutdown)
        s.config = s.kubeconfig(self.dir / "config", prefix)
        return s

    def names(self, s, *args):
        _, out, _ = bakewatch("status", "-o", "name", "--timeout", "50s", *args, kubeconfig=s.config, check=0)
        return out.split()

    def test_throttled(self):
        """Retry-After in every spelling is waited for, and no longer than a minute."""
        for value, least in (("1", 0.9), ("garbage", 0.2),
                             (email.utils.formatdate(time.time() + 3, usegmt=True), 0.9), ("0", 0.9)):
            def throttle(n, v=value):
                if n < 2:
                    return 429, {"Retry-After": v}, [b"slow down"]
                return meta([deployment("web")])
            s = self.server({("deployments", "list"): throttle})
            self.assertEqual(self.names(s), ["deployment.apps/web"])
            times = [r["at"] for r in s.requests("deployments", "list")]
            self.assertEqual(len(times), 3)
            self.assertGreater(times[1] - times[0], least, value)

    def test_very_short_watches(self):
        """A proxy that ends every watch at once must not be asked in a hot loop."""
        s = self.server({("deployments", "list"): lambda n: meta([deployment("web")]),
                         ("deployments", "watch"): lambda n: (200, {}, [])})
        scene("start $BAKEWATCH\nwait web\nwait STALE deployments within 15000\nkeys q\nexit 0\n",
              KUBECONFIG=s.config)
        times = [r["at"] for r in s.requests("deployments", "watch")]
        self.assertLess(len(times), 4 + (times[-1] - times[0]))
        self.assertEqual(len(s.requests("deployments", "list")), 1)

    def test_gone_inside_a_watch(self):
        """410 in the stream: a new list is authoritative, and what it does not hold is gone."""
        gone = event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
        s = self.server({("deployments", "list"): lambda n: meta([deployment("new" if n else "old", str(n))]),
                         ("deployments", "watch"): lambda n: (200, {}, [None] if n else [gone])})
        scene("start $BAKEWATCH\nwait new\ngone old\nkeys q\nexit 0\n", KUBECONFIG=s.config)
        self.assertEqual(s.requests("deployments", "list")[1]["query"].get("limit"), "500")

    def test_an_expired_continue(self):
        """410 on a later page: the whole list once, without a limit."""
        def pages(n):
            return (meta([deployment("one")], "more"),
                    (410, {}, [json.dumps({"kind": "Status", "code": 410, "reason": "Expired"}).encode()]),
                    meta([deployment("one"), deployment("two")]))[min(n, 2)]
        s = self.server({("deployments", "list"): pages})
        self.assertEqual(self.names(s), ["deployment.apps/one", "deployment.apps/two"])
        queries = [r["query"] for r in s.requests("deployments", "list")]
        self.assertEqual(queries[1], {"limit": "500", "continue": "more"})
        self.assertEqual(queries[2], {})

    def test_pages_overlap(self):
        """The second page is asked for while the first is still being sent; a page that fails begins anew."""
        def first():
            head, _, tail = json.dumps({"metadata": {"resourceVersion": "1", "continue": "p2"},
                                        "items": [deployment("one"), deployment("two")]}).partition(', {"kind"')
            yield head.encode()
            wait_for(lambda: any("continue" in r["query"] for r in s.requests("deployments", "list")), 5, "page 2")
            yield (', {"kind"' + tail).encode()
        s = self.server({("deployments", "list"): lambda n: (
            (200, {}, first()), (500, {}, [b"oops"]),
            (200, {}, first()), meta([deployment("three")], "p3"), meta([deployment("four")]))[n]})
        self.assertEqual(self.names(s), [f"deployment.apps/{n}" for n in ("four", "one", "three", "two")])
        self.assertEqual([r["query"].get("continue") for r in s.requests("deployments", "list")],
                         [None, "p2", None, "p2", "p3"])

    def test_watch_events_in_every_shape(self):
        """Two in a piece, one in many, blank lines, bookmarks; then an unknown type ends it."""
        whole = (event("ADDED", deployment("a", "2")) + b"\n" + event("MODIFIED", deployment("a", "3", 0)) +
                 event("BOOKMARK", {"metadata": {"resourceVersion": "9"}}) + event("DELETED", deployment("b", "4")))
        bytes_each = [whole[i:i + 7] for i in range(0, len(whole), 7)]
        s = self.server({("deployments", "list"): lambda n: meta([deployment("b")]),
                         ("deployments", "watch"): lambda n: (200, {}, bytes_each + [b'{"type":"ODD","object":{"metadata":{"resourceVersion":"10"}}}\n'])
                         if n == 0 else (200, {}, [None])})
        scene("start $BAKEWATCH\nwait 0/1\ngone deployment b\nkeys q\nexit 0\n", KUBECONFIG=s.config)
        wait_for(lambda: len(s.requests("deployments", "watch")) > 0, 5, "a watch")

    def test_broken_and_hostile_answers(self):
        """Each of these makes one source fail, with a reason, and nothing else."""
        giant = json.dumps(deployment("x", annotations={"a": "y" * 9000000})).encode()
        for name, answer, words in (
                ("no JSON", (200, {}, [b"<html>login here</html>"]), "deployments"),
                ("cut", (200, {}, [b'{"kind":"List","metadata":{"resourceVersion":"1"},"items":[{"a":']), "inside an object"),
                ("no identity", meta([{"metadata": {}}]), "without metadata"),
                ("nul", (200, {}, [b'{"metadata":{"resourceVersion":"1"},"items":[{"a":"\\u0000"}]}']), "u0000"),
                ("giant item", (200, {}, [b'{"items":[', giant, b"]}"]), "larger than"),
                ("no version", (200, {}, [b'{"items":[]}']), "resourceVersion"),
                ("garbage", (None, {}, [b"\x1b]0;pwned\x07 not HTTP at all\r\n\r\n"]), ""),
                ("headers", (200, {f"X-{i}": "y" * 4000 for i in range(40)}, [b"{}"]), ""),
                ("500", (500, {}, [b'{"kind":"Status","message":"\\u001b[31mboom"}']), "boom")):
            s = self.server({("deployments", "list"): lambda n, a=answer: a})
            out = scene("size 40 200\nstart $BAKEWATCH\nwait deployments shop\nkeys 3z\nwait failed within 15000\n"
                        "dump\nnever \\e]0;\nnever \\e[31mboom\nkeys q\nexit 0\n", KUBECONFIG=s.config)
            self.assertIn(words, out, name)

    def test_what_is_sent(self):
        """A path prefix is kept, and nothing secret goes over plain http."""
        s = self.server(prefix="/k8s/clusters/c-1/")
        self.names(s, "--as", "someone")
        for r in s.requests("deployments", "list"):
            self.assertTrue(r["path"].startswith("/k8s/clusters/c-1/apis/apps/v1/namespaces/shop/"))
            self.assertNotIn("authorization", r["headers"])
            self.assertNotIn("impersonate-user", r["headers"])
            self.assertTrue(r["headers"]["user-agent"].startswith("bakewatch/"))


if __name__ == "__main__":
    main()
