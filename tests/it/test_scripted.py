#!/usr/bin/python3
"""Answers that a real API server will not give on demand: throttling, short watches, expired
snapshots, broken and hostile bytes."""
import email.utils
import json
import pathlib
import re
import shutil
import tempfile
import threading
import time
import unittest

from common import ROUNDS, bakewatch, main, scene, wait_for
from scripted import RST, Scripted, meta


def deployment(name, rv="1", ready=1, **more):
    return {"kind": "Deployment", "metadata": {"name": name, "namespace": "shop", "uid": "u-" + name,
                                               "resourceVersion": rv, "generation": 1, **more},
            "spec": {"replicas": 1, "template": {"spec": {"containers": [{"image": "r/x:1"}]}}},
            "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1,
                       "readyReplicas": ready, "availableReplicas": ready}}


def pod(name, ns="shop", rv="1", **more):
    return {"kind": "Pod", "metadata": {"name": name, "namespace": ns, "uid": f"u-{ns}-{name}", "resourceVersion": rv,
                                        "labels": {"pod-template-hash": "h1"},
                                        "ownerReferences": [{"uid": f"rs-{ns}", "kind": "ReplicaSet", "name": "web-h1",
                                                             "controller": True}]},
            "spec": {"containers": [{"name": "app", "image": "r/x:1"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
                       "containerStatuses": [{"name": "app", "ready": True, "image": "r/x:1", "restartCount": 0,
                                              "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]}, **more}


def replicaset(ns="shop", created="2026-01-01T00:00:00Z"):
    return {"kind": "ReplicaSet", "metadata": {"name": "web-h1", "namespace": ns, "uid": f"rs-{ns}", "resourceVersion": "1",
                                               "creationTimestamp": created, "labels": {"pod-template-hash": "h1"},
                                               "annotations": {"deployment.kubernetes.io/revision": "1"},
                                               "ownerReferences": [{"uid": "u-web", "kind": "Deployment", "name": "web",
                                                                    "controller": True}]},
            "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "app", "image": "r/x:1"}]}}},
            "status": {"replicas": 1, "readyReplicas": 1}}


def web(**more):
    """A server's answers for one Deployment, its ReplicaSet and its pod."""
    return {("deployments", "list"): lambda n: meta([deployment("web")]), ("replicasets", "list"): lambda n: meta([replicaset()]),
            ("pods", "list"): lambda n: meta([pod("web-1")]), **more}


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
        def date(seconds):
            return email.utils.formatdate(time.time() + seconds, usegmt=True)
        for value, least in (("1", 0.9), ("garbage", 0.2), ("", 0.2), ("-5", 0.2), (date(3), 0.9), ("0", 0.9), (date(-9), 0.9)):
            def throttle(n, v=value):
                if n < 2:
                    return 429, {"Retry-After": v}, [b"slow down"]
                return meta([deployment("web")])
            s = self.server({("deployments", "list"): throttle})
            self.assertEqual(self.names(s), ["deployment.apps/web"])
            times = [r["at"] for r in s.requests("deployments", "list")]
            self.assertEqual(len(times), 3)
            self.assertGreater(times[1] - times[0], least, value)
            self.assertLess(times[2] - times[0], 20, value)

    def test_throttled_for_long(self):
        """The screen says by whom, and until when: a minute at the most, whatever was asked for."""
        for value in ("60", "61", "2147483648", "99999999999999999999", "Fri, 31 Dec 2099 23:59:59 GMT"):
            status = 503 if value == "61" else 429
            s = self.server({("deployments", "list"): lambda n, v=value, c=status: (c, {"Retry-After": v}, [b"later"])})
            words = "throttled by the cluster: later" if status == 429 else "HTTP 503: later"
            scene(f"size 30 200\nstart $BAKEWATCH\nwait deployments shop\nkeys 4z\nwait {words}\nwait again in 5\nkeys q\n"
                  "exit 0\n", KUBECONFIG=s.config)
            self.assertEqual(len(s.requests("deployments", "list")), 1, value)

    def test_sick_from_the_start(self):
        """A server that answers is no lost connection, whatever it answers."""
        s = self.server({("livez", "list"): lambda n: (503, {}, [b"[-]etcd failed: reason withheld\n"]),
                         ("deployments", "list"): lambda n: (503, {}, [b"etcd is away"])})
        scene("start $BAKEWATCH\nwait SERVER SICK since\nwait : answers 503\nwait the server answers, but is not well\n"
              "wait not healthy: etcd\nnever NO CONNECTION\nkeys q\nexit 0\n", KUBECONFIG=s.config)

    def test_a_list_that_never_comes(self):
        """It is not stale: there was nothing.  Its name and the reason are said, in the strip and where rows would be."""
        s = self.server({("deployments", "list"): lambda n: (500, {}, [b"out of order"])})
        scene("size 30 120\nstart $BAKEWATCH\nwait deployments shop NEVER LOADED: HTTP 500: out of order\n"
              "wait deployments shop never loaded: HTTP 500\nwait workloads not loaded\nnever STALE\nnever all well\nkeys q\nexit 0\n",
              KUBECONFIG=s.config)

    def test_very_short_watches(self):
        """A proxy that ends every watch at once must not be asked in a hot loop."""
        s = self.server({("deployments", "list"): lambda n: meta([deployment("web")]),
                         ("deployments", "watch"): lambda n: (200, {}, [])})
        scene("start $BAKEWATCH\nwait web\nwait STALE deployments within 15000\nkeys q\nexit 0\n",
              KUBECONFIG=s.config)
        times = [r["at"] for r in s.requests("deployments", "watch")]
        self.assertLess(len(times), 4 + (times[-1] - times[0]))
        self.assertEqual(len(s.requests("deployments", "list")), 1)

    def test_watches_whose_time_is_over(self):
        """Row 4: they are opened again from where they were; nothing is listed, and nobody sees anything."""
        def watch(n):
            def chunks():
                yield event("BOOKMARK", {"metadata": {"resourceVersion": str(200 + n)}})
                if n > 3:
                    (self.dir / "four").touch()
                    yield None
                threading.Event().wait(1.1)  # the server's timeoutSeconds, short
            return 200, {}, chunks()
        s = self.server(web() | {("deployments", "watch"): watch, ("pods", "watch"): watch})
        scene(f"size 30 120\nstart $BAKEWATCH\nwait RO  live\nwait all well\nsh timeout 30 sh -c 'until test -e {self.dir}/four; do sleep 0.1; done'\n"
              "wait RO  live\nnever STALE\nnever LOST\nkeys q\nexit 0\n", KUBECONFIG=s.config)
        for kind in ("deployments", "pods"):
            self.assertEqual(sum("metrics" not in r["path"] for r in s.requests(kind, "list")), 1)
            self.assertEqual([r["query"]["resourceVersion"] for r in s.requests(kind, "watch")][:4], ["100", "200", "201", "202"])

    def test_gone_inside_a_watch(self):
        """410 in the stream: a new list is authoritative, and what it does not hold is gone."""
        gone = event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
        s = self.server({("deployments", "list"): lambda n: meta([deployment("new" if n else "old", str(n))]),
                         ("deployments", "watch"): lambda n: (200, {}, [None] if n else [gone])})
        scene("start $BAKEWATCH\nwait new\ngone old\nkeys q\nexit 0\n", KUBECONFIG=s.config)
        self.assertEqual(s.requests("deployments", "list")[1]["query"].get("limit"), "500")

    def test_an_expired_continue(self):
        """410 on a later page: the whole list once, without a limit; what the first page held and the whole
        does not is gone."""
        def pages(n):
            return (meta([deployment("ghost"), deployment("one")], "more"),
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
        """Two in a piece, one in many, blank lines, bookmarks; then an unknown type ends it, with a reason,
        and the next one goes on from the last version."""
        whole = (event("ADDED", deployment("a", "2")) + b"\n" + event("MODIFIED", deployment("a", "3", 0)) +
                 event("BOOKMARK", {"metadata": {"resourceVersion": "9"}}) + event("DELETED", deployment("bbb", "4")))
        bytes_each = [whole[i:i + 7] for i in range(0, len(whole), 7)]
        go = threading.Event()

        def watch(n):
            if n == 1:
                (self.dir / "again").touch()

            def chunks():
                yield from bytes_each
                go.wait(30)
                yield b'{"type":"ODD","object":{"metadata":{"resourceVersion":"10"}}}\n'
            return (200, {}, chunks() if n == 0 else [None])
        s = self.server({("deployments", "list"): lambda n: meta([deployment("bbb")]), ("deployments", "watch"): watch})
        (self.dir / "go").unlink(missing_ok=True)
        threading.Thread(target=lambda: (wait_for((self.dir / "go").exists, 60, "go"), go.set()), daemon=True).start()
        log = self.dir / "log"
        scene(f"size 30 120\nstart $BAKEWATCH --log-file {log}\nwait a  \nwait 0/1\ngone bbb\nsh touch {self.dir}/go\n"
              f"sh timeout 10 sh -c 'until grep -q \"a watch event of an unknown type\" {log}; do sleep 0.1; done'\n"
              f"sh timeout 20 sh -c 'until test -e {self.dir}/again; do sleep 0.1; done'\n"
              "wait RO  live\nwait 0/1\nkeys q\nexit 0\n", KUBECONFIG=s.config)
        self.assertEqual([r["query"]["resourceVersion"] for r in s.requests("deployments", "watch")], ["100", "4"])
        self.assertEqual(len(s.requests("deployments", "list")), 1)

    def test_broken_and_hostile_answers(self):
        """Each of these makes one source fail, with its reason, and nothing else."""
        giant = json.dumps(deployment("x", annotations={"a": "y" * 9000000})).encode()
        half = b'{"kind":"List","metadata":{"resourceVersion":"1"},"items":[{"a":'
        huge = b'{"kind":"Status","code":-7,"message":"' + b"\\u001b]0;x\\u0007" * 90000 + b'","details":{"retryAfterSeconds":2147483648}}'
        for name, answer, words in (
                ("no JSON", (200, {}, [b"<html>login here</html>"]), "unexpected character at byte 0"),
                ("cut", (200, {}, [half]), "the stream ended inside an object"),
                ("reset", (200, {}, [half, RST]), "reset by peer"),
                ("no identity", meta([{"metadata": {}}]), "an object without metadata.name"),
                ("nul", (200, {}, [b'{"metadata":{"resourceVersion":"1"},"items":[{"a":"\\u0000"}]}']), "u0000 is refused"),
                ("giant item", (200, {}, [b'{"items":[', giant, b"]}"]), "an item is larger than 8388608 bytes"),
                ("no version", (200, {}, [b'{"items":[]}']), "without metadata.resourceVersion"),
                ("garbage", (None, {}, [b"\x1b]0;pwned\x07 not HTTP at all\r\n\r\n"]), "HTTP/0.9"),
                ("headers", (200, {f"X-{i}": "y" * 4000 for i in range(40)}, [b"{}"]), "more than 65536 bytes of headers"),
                ("gzip", (200, {"Content-Encoding": "gzip"}, [b"no gzip"]), "JSON: unexpected character at byte 0"),
                ("huge status", (500, {}, [huge]), "HTTP 500: \u241b]0;x\u2407"),
                ("500", (500, {}, [b'{"kind":"Status","message":"\\u001b[31mboom"}']), "HTTP 500: \u241b[31mboom")):
            s = self.server({("deployments", "list"): lambda n, a=answer: a})
            try:
                scene(f"size 40 200\nstart $BAKEWATCH\nwait deployments shop\nkeys 4z\nwait deployments shop              failed\n"
                      f"wait {words}\nwait 14 live, 1 not\nnever \\e]0;\nnever \\e[31mboom\nkeys q\nexit 0\n", KUBECONFIG=s.config)
            except AssertionError as e:
                raise AssertionError(f"{name}: {e}") from e

    def test_a_hundred_mebibytes(self):
        """A list of any size in small items goes through; one item, or one word, of that size is refused.
        Memory stays what the rows need."""
        piece = b" " * 65536

        def padded(n):
            head, _, tail = json.dumps({"metadata": {"resourceVersion": "1"}, "items": [deployment("web")]}).partition("[{")
            yield (head + "[").encode()
            for _ in range(1600):
                yield piece
            yield ("{" + tail).encode()
        s = self.server({("deployments", "list"): lambda n: (200, {}, padded(n))})
        scene("size 30 120\nstart $BAKEWATCH\nwait all well within 60000\nmemory mark\nkeys q\nexit 0\n", KUBECONFIG=s.config)
        s = self.server({("deployments", "list"): lambda n: (200, {}, (b'{"items":[{"a":"' + b"x" * 65536 if i == 0 else b"x" * 65536 for i in range(1600))),
                         ("deployments", "watch"): lambda n: (200, {}, [None])})
        scene("size 30 200\nstart $BAKEWATCH\nwait deployments shop\nmemory mark\nkeys 4z\nwait an item is larger than 8388608 bytes within 60000\n"
              "memory 30000\nkeys q\nexit 0\n", KUBECONFIG=s.config)

    def test_cut_with_a_reset_anywhere(self):
        """Row 18 on a wire: lists and watches that are reset after N bytes leave nothing that is half."""
        listed = json.dumps({"metadata": {"resourceVersion": "5"}, "items": [deployment("aa"), deployment("bb")]}).encode()
        watched = event("MODIFIED", deployment("aa", "6", 0)) + event("DELETED", deployment("bb", "7"))
        cuts = list(range(0, len(listed), 11 if ROUNDS > 1 else 97))

        def lists(n):
            return (200, {}, [listed[:cuts[n]], RST]) if n < len(cuts) else (200, {}, [listed])
        wcuts = list(range(1, len(watched), 11 if ROUNDS > 1 else 97))

        def watches(n):
            return (200, {}, [watched[:wcuts[n]], RST] if n < len(wcuts) else [watched, None])
        s = self.server({("deployments", "list"): lists, ("deployments", "watch"): watches})
        scene(f"size 30 120\nstart $BAKEWATCH\npress R aa within {20000 + 1000 * len(cuts)}\npress R 0/1 within {20000 + 1000 * len(wcuts)}\n"
              f"press R RO  live within {20000 + 1000 * len(wcuts)}\ngone bb\nwait 0/1\nkeys q\nexit 0\n", KUBECONFIG=s.config, timeout=600)
        self.assertEqual(len(s.requests("deployments", "list")), len(cuts) + 1)
        self.assertGreater(len(s.requests("deployments", "watch")), len(wcuts))

    def test_rights_that_end(self):
        """Pods are forbidden after rows were shown: that is unknown and old, not well."""
        gone = event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
        s = self.server(web(**{}) | {
            ("pods", "list"): lambda n: meta([pod("web-1")]) if n == 0 else (403, {}, [b'{"kind":"Status","message":"no"}']),
            ("/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods", "list"): lambda n: meta([]),  # not one of the lists above
            ("pods", "watch"): lambda n: (200, {}, self.when("go", gone))})
        scene(f"size 30 120\nstart $BAKEWATCH\nwait all well\nwait RO  live\nsh touch {self.dir}/go\nwait 1 unknown\ngone all well\n"
              "wait STALE pods shop\ngone RO  live\nwait cannot see pods in shop: forbidden\nkeys q\nexit 0\n", KUBECONFIG=s.config)

    def when(self, name, *chunks):
        """Chunks that come once a file of that name is there."""
        wait_for((self.dir / name).exists, 60, name)
        yield from chunks
        yield None

    def test_metrics_of_two_namespaces(self):
        """The numbers of one namespace do not take away those of another."""
        def usage(name, ns, cpu):
            return {"metadata": {"name": name, "namespace": ns}, "containers": [{"name": "app", "usage": {"cpu": cpu, "memory": "5Mi"}}]}
        answers = {}
        for ns, cpu in (("shop", "271m"), ("back", "733m")):
            d = deployment("web")
            d["metadata"].update(namespace=ns, uid=f"u-web-{ns}")
            rs = replicaset(ns)
            rs["metadata"]["ownerReferences"][0]["uid"] = f"u-web-{ns}"
            for kind, group, item in (("deployments", "apis/apps/v1", d), ("replicasets", "apis/apps/v1", rs),
                                      ("pods", "api/v1", pod("web-1", ns)), ("pods", "apis/metrics.k8s.io/v1beta1", usage("web-1", ns, cpu))):
                answers[(f"/{group}/namespaces/{ns}/{kind}", "list")] = lambda n, i=item: meta([i])
        metrics = "/apis/metrics.k8s.io/v1beta1/namespaces/{}/pods"
        answers[(metrics.format("shop"), "list")] = lambda n: meta([usage("web-1", "shop", f"{271 + n}m")])

        def late(n):  # from the second round on, one of them takes its time
            if n:
                wait_for((self.dir / "release").exists, 60, "release")
            yield json.dumps({"metadata": {"resourceVersion": "1"}, "items": [usage("web-1", "back", f"{733 + n}m")]}).encode()
        answers[(metrics.format("back"), "list")] = lambda n: (200, {}, late(n))
        s = self.server(answers)
        scene(f"size 30 200\nstart $BAKEWATCH -n shop,back\nwait all well\nwait 271m\nwait 733m\nkeys R\nwait 272m\nkeys :sync<enter>\nwait sync 1\n"
              f"wait 733m within 1\nsh touch {self.dir}/release\nwait 734m\nwait 27\nkeys q\nexit 0\n", KUBECONFIG=s.config)

    def test_a_paused_view_opens_texts(self):
        s = self.server(web() | {("web", "list"): lambda n: (200, {}, [json.dumps(deployment("web", marker="here-it-is")).encode()])})
        scene("size 30 120\nstart $BAKEWATCH\nwait all well\nkeys p\nwait PAUSED\nkeys y\nwait raw deployments shop/web\n"
              "wait here-it-is\nkeys q\ngone here-it-is\nwait PAUSED\nkeys p\ngone PAUSED\nkeys q\nexit 0\n", KUBECONFIG=s.config)

    def test_times_order_and_layout(self):
        """T goes through the zones to T+, s orders by a column, P arranges."""
        def ago(seconds, t0=int(time.time())):
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t0 - seconds))
        ev = {"metadata": {"name": "e", "namespace": "shop", "uid": "e", "resourceVersion": "1"}, "involvedObject": {"kind": "Pod", "name": "web-1"},
              "reason": "Started", "message": "it started", "type": "Normal", "lastTimestamp": ago(60)}
        s = self.server(web() | {
            ("deployments", "list"): lambda n: meta([deployment("web", annotations={"deployment.kubernetes.io/revision": "1"}), deployment("aaa", ready=0)]),
            ("replicasets", "list"): lambda n: meta([replicaset(created=ago(90))]),
            ("events", "list"): lambda n: meta([ev])})
        scene("size 40 200\nenv TZ=UTC-3\nstart $BAKEWATCH\nwait it started\npress T T+0:30\nkeys T\ngone T+0:30\n"
              "keys 1\nkeys sna<enter>\nwait by NAME\nkeys s<enter>\ngone by NAME\nkeys snone<enter>\nwait no column \"none\" here\n"
              "keys P\nwait one column\nkeys P\nwait two columns\nkeys P\nwait by the screen's size\nkeys q\nexit 0\n", KUBECONFIG=s.config)

    def test_a_log_with_a_nul(self):
        """A NUL in a line is a mark, and the line goes on after it."""
        s = self.server(web() | {("web-1", "list"): lambda n: (200, {}, [json.dumps(pod("web-1")).encode()]),
                                 ("log", "list"): lambda n: (200, {}, [b"before\0after \x1b]0;pwned\x07\n" + b"plain\n", None])})
        scene("size 30 120\nstart $BAKEWATCH\nwait all well\nkeys <enter>\nwait web-1\nkeys /web-1<enter>\nkeys l\nwait before\u2400after\n"
              "wait plain\nnever \\e]0;\nkeys q\ngone plain\nkeys q\nkeys q\nkeys q\nexit 0\n", KUBECONFIG=s.config)

    def test_a_flood_of_events(self):
        """Row 48, short: a thousand changes a second, and keys are answered."""
        def flood(n):
            began, i = time.monotonic(), 0
            while time.monotonic() - began < 60 and not (self.dir / "enough").exists():
                i += 1
                p = pod(f"web-{i % 50}", rv=str(100 + i))
                yield event("MODIFIED", p) + event("MODIFIED", pod(f"web-{(i + 7) % 50}", rv=str(100000 + i)))
                ahead = i / 500 - (time.monotonic() - began)
                if ahead > 0:
                    threading.Event().wait(ahead)
            sent.append(2 * i / (time.monotonic() - began))
        sent = []
        s = self.server(web() | {("pods", "list"): lambda n: meta([pod(f"web-{i}") for i in range(50)]),
                                 ("pods", "watch"): lambda n: (200, {}, flood(n))})
        out = scene(f"size 40 140\nstart $BAKEWATCH\nwait web\nwait RO  live\nlatency 100\nsh touch {self.dir}/enough\nkeys q\nexit 0\n",
                    KUBECONFIG=s.config)
        p99 = float(re.search(r"([0-9.]+) ms at the 99th", out).group(1))
        wait_for(lambda: sent, 10, "the end of the flood")
        self.assertGreater(sent[0], 500)
        self.assertLess(p99, 500)

    def test_more_events_than_are_kept(self):
        """The newest are kept, and the title counts the others."""
        def at(i):
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 20000 + i))
        items = [{"metadata": {"name": f"e{i}", "namespace": "shop", "uid": f"e{i}", "resourceVersion": "1"},
                  "involvedObject": {"kind": "Pod", "name": "p"}, "reason": "R", "message": f"number-{i}", "lastTimestamp": at(i)}
                 for i in reversed(range(12000))]
        s = self.server({("events", "list"): lambda n: meta(items)})
        scene("size 30 120\nstart $BAKEWATCH\nwait 3 events\nkeys 3z\nwait number-11999 within 20000\n"
              "wait 5000 (0 warnings), 7000 older not kept within 20000\nkeys q\nexit 0\n", KUBECONFIG=s.config)

    def test_what_is_sent(self):
        """A path prefix is kept; nothing secret goes over plain http, but who is meant does."""
        s = self.server(prefix="/k8s/clusters/c-1/")
        self.names(s, "--as", "someone", "--as-group", "some group")
        self.assertTrue(s.requests("deployments", "list"))
        for r in s.requests("deployments", "list"):
            self.assertTrue(r["path"].startswith("/k8s/clusters/c-1/apis/apps/v1/namespaces/shop/"))
            self.assertNotIn("authorization", r["headers"])
            self.assertEqual(r["headers"]["impersonate-user"], "someone")
            self.assertEqual(r["headers"]["impersonate-group"], "some group")
            self.assertTrue(r["headers"]["user-agent"].startswith("bakewatch/"))


if __name__ == "__main__":
    main()
