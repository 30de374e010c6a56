#!/usr/bin/python3
"""Credentials that are made by a program, that expire, hang or change under the console; and the
link's other doors: a proxy, a name that nobody answers for."""
import json
import pathlib
import ssl
import subprocess
import threading
import unittest

from common import HERE, ROUNDS, Cluster, main, scene, wait_for
from names import SILENT, scene_with_name_server
from scripted import Scripted
from socks import Socks

PLUGIN = """#!/bin/sh
echo run >> {dir}/runs
printf '{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"%s"}}}}' \
    "$(cat {dir}/credential)"
"""


class Credentials(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster()
        cls.c.shop()

    @classmethod
    def tearDownClass(cls):
        cls.c.down()

    def config(self, name, user=None, **cluster):
        doc = json.loads(pathlib.Path(self.c.admin).read_text())
        if user:
            doc["users"][0]["user"] = user
        doc["clusters"][0]["cluster"].update(cluster)
        path = self.c.dir / f"{name}.kubeconfig"
        path.write_text(json.dumps(doc))
        return str(path)

    def plugin(self, name, text):
        program = self.c.dir / name
        program.write_text(text)
        program.chmod(0o755)
        return self.config(name, {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program),
                                           "interactiveMode": "IfAvailable"}})

    def play(self, text, config, **env):
        return scene(text, KUBECONFIG=config, CLUSTER=f"{HERE}/cluster", D=str(self.c.dir), **env)

    def test_1_a_plugin_is_run_once_and_again_after_401(self):
        d = self.c.dir
        (d / "credential").write_text("plugin-1")
        with open(d / "tokens.csv", "a", encoding="ascii") as f:
            f.write('plugin-1,plugin,plugin,"system:masters"\n')
        self.c.run("kill", "apiserver")
        self.c.run("start", "apiserver")
        self.play("""
size 30 120
start $BAKEWATCH -n shop
wait RO  live
wait policy-api
sh test $(wc -l < $D/runs) = 1
sh sed -i s/plugin-1/plugin-2/ $D/tokens.csv && echo plugin-2 > $D/credential
sh $CLUSTER kill $D apiserver
wait LINK LOST since
sh $CLUSTER start $D apiserver
wait RO  live within 20000
sh test $(wc -l < $D/runs) = 2
keys q
exit 0
""", self.plugin("good", PLUGIN.format(dir=d)))

    def test_2_a_plugin_that_hangs(self):
        """It has 30 s; then it and its children are gone.  The screen answers meanwhile."""
        config = self.plugin("hangs", "#!/bin/sh\nsleep 98765 & sleep 98765\n")
        self.play("""
size 30 120
start $BAKEWATCH -n shop
wait waiting
sh timeout 10 sh -c 'until pgrep -f "sleep 9876[5]"; do sleep 0.1; done' >/dev/null
latency 20
wait did not answer in 30 s within 40000
keys q
exit 0
""", config)
        wait_for(lambda: subprocess.run(["pgrep", "-f", "sleep 9876[5]"], stdout=subprocess.DEVNULL,
                                        check=False).returncode == 1, 5, "the plugin's end")

    def test_3_plugins_that_misbehave(self):
        for name, script, words in (
                ("floods", 'head -c 20000000 /dev/zero | tr "\\0" x >&2\nprintf "\\033]0;pwned\\007 no" >&2\nexit 3', "exit 3"),
                ("tty", 'printf "\\033]0;pwned\\007" >/dev/tty\nread x </dev/tty || exit 4', "exit 4"),
                ("stdin", "read x || exit 5", "exit 5"),
                ("talks", "head -c 5000000 /dev/zero", "printed too much"),
                ("garbage", "echo hello", "exec plugin"),
                ("killed", "kill -9 $$", "exit 137")):
            config = self.plugin(name, "#!/bin/sh\n" + script + "\n")
            self.play(f"size 30 200\nstart $BAKEWATCH -n shop\nwait {words} within 20000\nlatency 5\n"
                      "never \\e]0;\nkeys q\nexit 0\nsane\n", config)

    def test_4_a_client_certificate_is_rotated(self):
        """New files are used for new connections; a server that would rather speak HTTP/2 is spoken to in 1.1.
        With ROUNDS, for it takes two minutes: the connections of the old files are closed."""
        d = self.c.dir
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(d / "server.crt", d / "server.key")
        tls.load_verify_locations(d / "ca.crt")
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.set_alpn_protocols(["h2", "http/1.1"])
        seen = open(d / "seen", "a", encoding="ascii", buffering=1)
        self.addCleanup(seen.close)
        peers = []

        def on_peer(peer):
            name = dict(x[0] for x in peer.getpeercert()["subject"])["commonName"]
            peers.append((name, peer))
            seen.write(f"{name} {peer.selected_alpn_protocol()}\n")
            if name == "second":
                threading.Thread(target=closed, daemon=True).start()

        def closed():
            if ROUNDS > 1:
                wait_for(lambda: all(p.fileno() < 0 for n, p in peers if n == "first"), 100, "the end of the old connections")
            (d / "closed").touch()
        s = Scripted(tls=tls, on_peer=on_peer)
        self.addCleanup(s.server.shutdown)
        for name in ("first", "second"):
            self.c.run("cert", name)
        config = self.config("rotated", {"client-certificate": "first.crt", "client-key": "first.key"}, server=s.url)
        self.play("""
start $BAKEWATCH -n shop
wait RO  live
sh test "$(sort -u $D/seen)" = "first http/1.1"
sh cd $D && mv second.crt first.crt && mv second.key first.key
sh timeout 60 sh -c 'until grep -q "second http/1.1" $D/seen; do sleep 0.1; done'
sh timeout 160 sh -c 'until test -e $D/closed; do sleep 0.1; done'
wait RO  live
keys q
exit 0
""", config)

    def test_5_proxies(self):
        """socks5h: the proxy resolves the name; a proxy that is not there is named."""
        proxy = Socks()
        self.addCleanup(proxy.end)
        port = json.loads((self.c.dir / "ports").read_text())["apiserver"]
        config = self.config("socks", server=f"https://kubernetes.test:{port}",
                             **{"proxy-url": f"socks5h://127.0.0.1:{proxy.port}"})
        self.play("size 30 120\nstart $BAKEWATCH -n shop\nwait RO  live\nwait policy-api\nkeys q\nexit 0\n", config)
        self.assertEqual(set(proxy.asked), {("kubernetes.test", port)})
        config = self.config("noproxy", **{"proxy-url": "http://127.0.0.1:1"})
        self.play("size 30 120\nstart $BAKEWATCH -n shop\nwait NO CONNECTION\nwait 127.0.0.1\nkeys q\nexit 0\n", config)

    def test_6_nobody_answers_for_the_name(self):
        """A resolver that is silent: the screen answers, and q is at once."""
        config = self.config("dns", server="https://kubernetes.test.invalid:6443")
        scene_with_name_server(self.c.dir, SILENT, "size 30 120\nstart $BAKEWATCH -n shop\nwait waiting\nlatency 20\n"
                               "wait NO CONNECTION within 30000\nlatency 20\nkeys q\nexit 0 within 1000\nsane\n", KUBECONFIG=config)


if __name__ == "__main__":
    main()
