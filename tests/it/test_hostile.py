#!/usr/bin/python3
"""Text from a cluster, a kubeconfig or a log that would take over a terminal: it is shown, never obeyed, and
every terminal draws the same."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest
import urllib.parse

from common import BAKEWATCH, main, scene, wait_for
from scripted import Scripted, meta
from test_scripted import deployment, pod, replicaset

# what each does: sets the clipboard, makes a link, asks for an answer, is a program, a status line, C1 in two forms
BAD = {"osc52": "\x1b]52;c;cHduZWQ=\x07", "osc8": "\x1b]8;;http://evil\x1b\\", "dcs": "\x1bP$q\"p\x1b\\", "apc": "\x1b_Gi=1\x1b\\",
       "pm": "\x1b^pm\x1b\\", "csi": "\x1b[2J\x1b[31m", "c1": "\u009d0;t\u009c\u009b2J", "lines": "\r\n\t\b\v\f", "hide": "\u202e\u2066\u200b\u200d\ufeff",
       "marks": "e" + "\u0301" * 1000, "wide": "\u4e2d\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f1e9\U0001f1ea"}
ALL = "".join(BAD.values())


def spoil(value, keep=()):
    """The same object with every string made hostile, but for those whose key is in `keep`."""
    if isinstance(value, dict):
        return {k: v if k in keep else spoil(v, keep) for k, v in value.items()}
    if isinstance(value, list):
        return [spoil(v, keep) for v in value]
    return value + ALL if isinstance(value, str) else value


KEEP = ("uid", "resourceVersion", "namespace", "kind", "type", "status", "phase", "deployment.kubernetes.io/revision", "pod-template-hash",
        "creationTimestamp", "lastTimestamp", "startedAt", "finishedAt", "apiVersion", "controller")


class Hostile(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bakewatch-hostile-"))
        self.addCleanup(shutil.rmtree, self.dir)
        d = spoil(deployment("WEB", annotations={"deployment.kubernetes.io/revision": "1", "kubernetes.io/change-cause": "c", "meta.helm.sh/release-name": "rel"}), KEEP)
        d["metadata"]["uid"] = "u-web"
        d["status"]["conditions"] = [{"type": "Progressing", "status": "True", "reason": ALL, "message": ALL}]
        rs = spoil(replicaset(), KEEP)
        p = pod("POD")
        p["spec"]["nodeName"] = "NODE"
        p["status"] = {"phase": "Pending", "containerStatuses": [{"name": "CONTAINER", "restartCount": 3, "state": {"waiting": {"reason": "REASON", "message": "MESSAGE"}},
                                                                  "lastState": {"terminated": {"exitCode": 1, "reason": "LAST", "message": "LASTM"}}}],
                       "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "COND"}]}
        p["spec"]["containers"] = [{"name": "CONTAINER", "image": "IMAGE"}]
        p = spoil(p, KEEP)
        ev = spoil({"metadata": {"name": "e", "namespace": "shop", "uid": "e", "resourceVersion": "1"},
                    "involvedObject": {"kind": "Pod", "name": "OBJECT", "namespace": "shop", "uid": p["metadata"]["uid"]}, "reason": "EVREASON", "message": "EVMESSAGE",
                    "type": "Warning", "source": {"component": "FROM"}, "lastTimestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}, KEEP)
        one = {("deployments", "list"): lambda n: meta([d]), ("replicasets", "list"): lambda n: meta([rs]), ("pods", "list"): lambda n: meta([p]),
               ("events", "list"): lambda n: meta([ev]), ("log", "list"): lambda n: (200, {}, [("LOGLINE" + ALL.replace("\n", "") + "\n").encode() + b"\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80 BYTES\n", None]),
               ("statefulsets", "list"): lambda n: (403, {}, [json.dumps({"kind": "Status", "message": "DENIED" + ALL}).encode()]),
               ("namespaces", "list"): lambda n: meta([{"metadata": {"name": "ns" + ALL}}])}
        self.s = Scripted(one)
        self.addCleanup(self.s.server.shutdown)
        answer = self.s.answer

        def by_name(h):  # an object asked for by its name, however it is spelled
            path = h.path.split("?")[0]
            for kind, obj in () if (path, "list") in self.s.answers else (("deployments", d), ("pods", p), ("replicasets", rs)):
                if f"/{kind}/" in path and not path.endswith("/log"):
                    self.s.answers[(path.rstrip("/"), "list")] = lambda n, o=obj: (200, {}, [json.dumps(o).encode()])
            answer(h)
        self.s.answer = by_name
        config = json.loads(pathlib.Path(self.s.kubeconfig(self.dir / "config")).read_text())
        bad = "CTX" + "".join(v for k, v in BAD.items() if k not in ("lines", "wide", "marks"))  # what YAML can say
        config["current-context"] = config["contexts"][0]["name"] = bad
        config["contexts"][0]["context"]["user"] = config["users"][0]["name"] = bad
        config["contexts"][0]["context"]["cluster"] = config["clusters"][0]["name"] = bad
        (self.dir / "config").write_text(json.dumps(config))
        self.config = str(self.dir / "config")

    WALK = """
wait WEB
keys <enter>
wait POD
wait MESSAGE
keys j<space>
wait CONTAINER
keys y
wait raw pods
wait uid: u-shop-POD
keys q
gone uid: u-shop-POD
keys d
wait describe pod
keys q
gone describe pod
keys l
wait LOGLINE
wait BYTES
keys q
gone LOGLINE
keys q
wait 4 sources
keys 3z
wait EVMESSAGE
keys z4z
wait SOURCE
keys z
keys :ctx<space>
wait :ctx
keys <esc>
gone :ctx
keys :ns<space>
wait :ns
keys <esc>
gone :ns
keys :log<enter>
wait gather
keys q
gone gather
keys 1
wait WEB
"""
    NEVER = "".join(f"never {s}\n" for s in (
        "\\e]52", "\\e]8;", "\\eP$q", "\\e_G", "\\e^pm", "\\e[2J\\e[31m", "\\xc2\\x9d", "\\xc2\\x9b", "\\xc2\\x9c", "\\xe2\\x80\\xae", "\\xe2\\x81\\xa6",
        "\\xe2\\x80\\x8b", "\\xe2\\x80\\x8d", "\\xef\\xbb\\xbf", "\\xcc\\x81\\xcc\\x81\\xcc\\x81", "\\xc0\\xaf", "\\xed\\xa0\\x80"))

    def test_every_text_in_every_view(self):
        for extra in ("", " --ascii"):
            scene(f"size 60 220\nstart $BAKEWATCH{extra}\n" + self.WALK + self.NEVER + "keys q\nexit 0\nsane\n" + self.NEVER, KUBECONFIG=self.config)

    def test_ascii_is_ascii(self):
        """--ascii: no byte above 0x7E, whatever the cluster says."""
        scene("size 60 220\nstart $BAKEWATCH --ascii\n" + self.WALK + "".join(f"never \\x{b:02x}\n" for b in range(0x80, 0x100)) +
              "keys q\nexit 0\n", KUBECONFIG=self.config)

    def test_names_that_look_alike(self):
        """Two names that a person cannot tell apart are two rows, and each opens its own object."""
        names = ["web", "w\u0435b", "we\u0301b", "web\u200b"]
        self.s.answers[("deployments", "list")] = lambda n: meta([deployment(name) for name in names])
        for i, name in enumerate(names):
            quoted = urllib.parse.quote(name)
            self.s.answers[(f"/apis/apps/v1/namespaces/shop/deployments/{quoted}", "list")] = \
                lambda n, i=i: (200, {}, [json.dumps({"kind": "Deployment", "marker": f"object-{i}"}).encode()])
        opened = "".join(f"keys gg{'j' * i}y\nwait marker: object-\ndump\nkeys q\ngone marker:\n" for i in range(4))
        out = scene("size 30 120\nstart $BAKEWATCH\nwait 1 workloads 4\nwait web\u00b7\n" + opened + "keys q\nexit 0\n", KUBECONFIG=self.config)
        self.assertEqual(sorted(set(re.findall("object-[0-9]", out))), [f"object-{i}" for i in range(4)])

    def test_two_emulators_agree(self):
        """libvterm's screen and tmux's, of the same console: wide characters in the last column shift nothing."""
        if not shutil.which("tmux"):
            self.skipTest("tmux is not here")
        wide = "\u4e2d\u6587" * 60
        self.s.answers[("deployments", "list")] = lambda n: meta([deployment(name, ready=0) for name in
                                                                 ("WEB" + wide, "x" + wide, "\U0001f468\u200d\U0001f469\U0001f1e9\U0001f1ea" * 9, "e\u0301" * 40)])
        self.s.answers[("events", "list")] = lambda n: meta([{
            "metadata": {"name": f"e{i}", "namespace": "shop", "uid": f"e{i}", "resourceVersion": "1"}, "involvedObject": {"kind": "Pod", "name": wide[i:]},
            "reason": wide[i:9], "message": "y" * i + wide, "lastTimestamp": f"2026-01-01T00:00:0{i}Z"} for i in range(4)])

        def settled(text):  # times and rates move
            text = re.sub(r"[0-9.]+ req/s|[0-9.]+ requests/s|[0-9:]{8}Z| +\d+m?s\b", lambda m: "#" * len(m.group()), text)
            return [line.rstrip() for line in text.splitlines()][1:24]
        for cols in (79, 80, 81, 100):
            sock = f"bw{os.getpid()}-{cols}"
            tmux = ["tmux", "-L", sock, "-f", "/dev/null"]
            env = {**os.environ, "KUBECONFIG": self.config, "TERM": "xterm-256color", "LANG": "C.UTF-8", "XDG_STATE_HOME": str(self.dir)}
            subprocess.run([*tmux, "-u", "new-session", "-d", "-x", str(cols), "-y", "30", f"{BAKEWATCH}; tmux wait -S over"], env=env, check=True)
            try:
                def theirs():
                    return subprocess.run([*tmux, "capture-pane", "-p"], env=env, stdout=subprocess.PIPE, text=True, check=True).stdout
                out = scene(f"size 30 {cols}\nstart $BAKEWATCH\nwait forbidden\nwait 3 events 4\nwait WEB\nwait RO  live\nwait 14 live, 1 not\ndump\nkeys q\nexit 0\n", KUBECONFIG=self.config)
                ours = settled(out)
                self.assertIn("WEB", "".join(ours))
                wait_for(lambda: settled(theirs()) == ours, 15, f"the same screen at {cols} columns")
            except AssertionError as e:
                raise AssertionError(f"{e}\n" + "\n".join(f"{a}\n{b}" for a, b in zip(ours, settled(theirs())) if a != b)) from e
            finally:
                subprocess.run([*tmux, "kill-server"], env=env, stderr=subprocess.DEVNULL, check=False)


if __name__ == "__main__":
    main()
