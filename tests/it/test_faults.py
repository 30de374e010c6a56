#!/usr/bin/python3
"""The link, the server and its storage fail while the console is open: it says so in time, keeps what
it has, and is live again by itself.  The limits are those that a person was promised; figures are
printed by `measure`."""
import json
import pathlib
import shutil
import ssl
import subprocess
import sys
import unittest
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "chaos"))
from chaos import Chaos  # noqa: E402
from common import HERE, Cluster, bakewatch, main, scene, status, wait_for  # noqa: E402
from scripted import Scripted  # noqa: E402

OPEN = """
size 30 120
start $BAKEWATCH -n shop
wait policy-api
wait RO  live
keys j
keys :sync<enter>
wait sync 1
"""
CLOSE = """
keys q
exit 0
sane
"""


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster()
        cls.c.shop()

    @classmethod
    def tearDownClass(cls):
        cls.c.down()

    def play(self, text, config=None):
        return scene(OPEN + text + CLOSE, KUBECONFIG=config or self.c.admin, K=self.c.admin,
                     CLUSTER=f"{HERE}/cluster", D=str(self.c.dir))

    def through(self, *tls):
        """A proxy before the API server, and a kubeconfig that goes through it."""
        port = json.loads((self.c.dir / "ports").read_text())["apiserver"]
        chaos = Chaos(f"127.0.0.1:{port}", *tls)
        self.addCleanup(chaos.end)
        base = json.loads(pathlib.Path(self.c.admin).read_text())
        base["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{chaos.port}"
        path = self.c.dir / f"chaos-{chaos.port}.kubeconfig"
        path.write_text(json.dumps(base))
        return chaos, str(path)

    def tls(self):
        d = self.c.dir
        return ["--cert", f"{d}/server.crt", "--key", f"{d}/server.key", "--upstream-ca", f"{d}/ca.crt"]

    def test_1_the_api_server_dies_and_returns(self):
        """Down for a minute: no restart, no growth, and the selection stays."""
        self.play("""
keys gg/^web$<enter>
wait /^web$/ 1 of 5
keys <esc>
gone /^web$/ 1 of 5
memory mark
sh $CLUSTER kill $D apiserver
measure loss-to-screen LINK LOST since within 5000
wait : refused
wait policy-api
wait 5, as of
gone all well
gone req/s
wait retry in
idle 60000 3 400
sh $CLUSTER start $D apiserver
measure return-to-live RO  live within 8000
wait policy-api
memory 2048
sh kubectl --kubeconfig $K -n shop set image deploy/web app=registry.example/web:3.0.0
wait 3.0.0
keys y
wait raw deployments shop/web
keys q
gone raw deployments
""")

    def test_2_the_api_server_is_silent(self):
        try:
            self.play("""
sh $CLUSTER stop $D apiserver
measure silence-to-screen LINK LOST since within 20000
keys ?
wait WHAT IT DOES within 1000
keys q
sh $CLUSTER cont $D apiserver
measure cont-to-live RO  live within 10000
""")
        finally:
            self.c.run("cont", "apiserver")

    def test_3_storage_is_silent(self):
        try:
            self.play("""
sh $CLUSTER stop $D etcd
measure storage-to-screen SERVER SICK since within 20000
sh $CLUSTER cont $D etcd
wait RO  live within 20000
""")
        finally:
            self.c.run("cont", "etcd")

    def test_4_a_black_hole(self):
        chaos, config = self.through()
        text = f"""
sh {self.say(chaos, 'blackhole on')}
measure blackhole-to-screen LINK LOST since within 20000
sh {self.say(chaos, 'reset')}
wait RO  live within 15000
"""
        self.play(text, config)

    @staticmethod
    def say(chaos, command):
        return (f"python3 -c 'import socket; s=socket.socket(socket.AF_UNIX); s.connect(\"{chaos.path}\"); "
                f"s.sendall(b\"{command}\\n\"); s.recv(100)'")

    def test_5_resets_and_refusals(self):
        chaos, config = self.through()
        self.play(f"""
sh {self.say(chaos, 'rst')}
wait RO  live within 10000
sh {self.say(chaos, 'refuse on')}
sh {self.say(chaos, 'rst')}
wait LINK LOST since
sh {self.say(chaos, 'refuse off')}
wait RO  live within 10000
""", config)

    def test_6_a_swallowed_event_is_found(self):
        chaos, config = self.through(*self.tls())
        self.play(f"""
sh {self.say(chaos, 'drop registry.example/scrapers:lost-1 1000')}
sh kubectl --kubeconfig $K -n shop set image deploy/scrapers app=registry.example/scrapers:lost-1
measure swallowed-to-screen lost-1 within 75000
""", config)
        self.assertGreater(json.loads(chaos("stats"))["dropped"], 0)

    def test_7_history_is_compacted(self):
        """While nothing reaches the console, the history that it would continue from is compacted away: a real 410
        in the stream, and a list that brings what was missed and takes what was deleted."""
        chaos, config = self.through()
        self.c.kubectl("-n", "shop", "create", "deployment", "ghost", "--image=registry.example/ghost:1")
        log = self.c.dir / "log-7"
        scene(OPEN.replace("-n shop", f"-n shop --log-file {log}") + f"""
wait ghost
sh {self.say(chaos, 'blackhole on')}
wait LINK LOST since within 20000
sh kubectl --kubeconfig $K -n shop set image deploy/web app=registry.example/web:4.0.0
sh kubectl --kubeconfig $K -n shop delete deploy/ghost
sh $CLUSTER compact $D
sh $CLUSTER kill $D apiserver
sh $CLUSTER start $D apiserver
sh kubectl --kubeconfig $K -n shop set image deploy/web app=registry.example/web:5.0.0
sh {self.say(chaos, 'rst')}
sh {self.say(chaos, 'reset')}
wait RO  live within 20000
wait 5.0.0
gone ghost
""" + CLOSE, KUBECONFIG=config, K=self.c.admin, CLUSTER=f"{HERE}/cluster", D=str(self.c.dir))
        lines = [line for line in log.read_text().splitlines() if "listing again" in line and "deployments shop" in line]
        self.assertTrue(lines, log.read_text())
        self.assertIn("too old resource version", lines[0])

    def test_8_a_token_is_rotated(self):
        base = json.loads(pathlib.Path(self.c.admin).read_text())
        token = self.c.dir / "rotating"
        token.write_text("admin-token")
        base["users"][0]["user"] = {"tokenFile": str(token)}
        path = self.c.dir / "rotating.kubeconfig"
        path.write_text(json.dumps(base))
        self.play(f"""
sh echo wrong-token > {token}
sh $CLUSTER kill $D apiserver
wait LINK LOST since
sh $CLUSTER start $D apiserver
wait CREDENTIALS REJECTED since within 20000
sh echo admin-token > {token}
wait RO  live within 30000
""", str(path))

    def test_9_answers_cut_anywhere(self):
        """A list that ends early is an error and is asked for again, never half a state."""
        chaos, config = self.through()
        want = {k: (w["ready"], w["desired"], w["revision"]) for k, w in status(self.c.admin, "-n", "shop").items()}
        for n in (0, 1, 700, 2500, 4000, 9000, 20000, 40000):
            chaos(f"cut {n}")
            p = subprocess.Popen([*self.command(), "--timeout", "60s"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, env={"KUBECONFIG": config, "HOME": "/nonexistent"})
            before = json.loads(chaos("stats"))["accepted"]
            wait_for(lambda b=before, q=p: json.loads(chaos("stats"))["accepted"] > b or q.poll() is not None,
                     20, "a connection")
            chaos("reset")
            out, _ = p.communicate(timeout=60)
            if p.returncode == 4:  # the very first answer was cut: it says that it cannot connect
                continue
            got = {f"{w['kind']}/{w['name']}": (w["ready"], w["desired"], w["revision"])
                   for w in json.loads(out)["workloads"]}
            self.assertEqual(got, want)

    def test_a_a_pause_of_both(self):
        """The console and the server are stopped, and only the console goes on: it is not live until that is proved."""
        try:
            self.play("""
sh $CLUSTER stop $D apiserver
console STOP
console CONT
wait STALE within 3000
wait LINK LOST since within 20000
sh $CLUSTER cont $D apiserver
wait RO  live within 20000
""")
        finally:
            self.c.run("cont", "apiserver")

    def test_b_rights_are_revoked(self):
        """The next watch is forbidden: what is held is old and says so; with the rights back it is live again."""
        chaos, config = self.through()
        base = json.loads(pathlib.Path(config).read_text())
        base["users"][0]["user"] = {"token": "onlyns-token"}
        pathlib.Path(config).write_text(json.dumps(base))
        self.play(f"""
sh kubectl --kubeconfig $K -n shop get rolebinding onlyns -o json > $D/onlyns.json
sh kubectl --kubeconfig $K -n shop delete rolebinding onlyns
sh {self.say(chaos, 'rst')}
wait STALE within 20000
wait 5 unknown within 20000
wait cannot see deployments in shop: forbidden within 20000
gone all well
gone RO  live
sh sed -i /resourceVersion/d $D/onlyns.json && kubectl --kubeconfig $K -n shop create -f $D/onlyns.json
press R RO  live within 20000
gone cannot see
""", config)

    def test_c_a_page_that_expires(self):
        """Row 6: a real server's own 410 for a page whose snapshot was compacted; the list begins anew."""
        port = json.loads((self.c.dir / "ports").read_text())["apiserver"]
        tls = ssl.create_default_context(cafile=self.c.dir / "ca.crt")
        codes = []

        def page(n):
            query = s.requests("deployments", "list")[n]["query"]
            if "limit" in query:
                query["limit"] = "1"
            if n == 1:
                self.c.kubectl("-n", "shop", "annotate", "--overwrite", "deploy/web", "compact=now")
                self.c.run("compact")
            ask = urllib.request.Request(f"https://127.0.0.1:{port}/apis/apps/v1/namespaces/shop/deployments?{urllib.parse.urlencode(query)}",
                                         headers={"Authorization": "Bearer admin-token"})
            try:
                with urllib.request.urlopen(ask, context=tls) as a:
                    codes.append(a.status)
                    return 200, {}, [a.read()]
            except urllib.error.HTTPError as e:
                codes.append(e.code)
                return e.code, {}, [e.read()]
        s = Scripted({("deployments", "list"): page})
        self.addCleanup(s.server.shutdown)
        code, out, err = bakewatch("status", "-o", "name", kubeconfig=s.kubeconfig(self.c.dir / "pages.kubeconfig"))
        self.assertEqual((code, sorted(out.split())), (0, sorted(self.c.kubectl("-n", "shop", "get", "deploy", "-o", "name").split())), err)
        self.assertEqual(codes, [200, 410, 200])

    def test_d_storage_is_restored(self):
        """Row 8: etcd comes back as it was before: a watch from our version is answered and silent for ever.  The
        audit finds it.  The last test: the controllers of this cluster are lost after it."""
        d = self.c.dir
        self.c.kubectl("-n", "shop", "set", "image", "deploy/scrapers", "app=registry.example/scrapers:before")
        self.c.run("kill", "etcd")
        shutil.copytree(d / "etcd", d / "etcd-then")
        self.c.run("start", "etcd")
        self.play("""
wait before within 20000
sh kubectl --kubeconfig $K -n shop set image deploy/scrapers app=registry.example/scrapers:after
wait after within 20000
sh $CLUSTER kill $D controller-manager
sh $CLUSTER kill $D kubelet
sh $CLUSTER kill $D apiserver
sh $CLUSTER kill $D etcd
sh rm -rf $D/etcd && mv $D/etcd-then $D/etcd
sh $CLUSTER start $D etcd
sh $CLUSTER start $D apiserver
measure restored-to-screen before within 90000
gone after
wait RO  live within 20000
""")

    @staticmethod
    def command():
        from common import BAKEWATCH
        return [BAKEWATCH, "status", "-n", "shop", "-o", "json"]


if __name__ == "__main__":
    main()
