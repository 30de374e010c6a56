#!/usr/bin/python3
"""The ways to a server: whom to trust, which proxy, which credentials, which context; each against a
scripted server with TLS of its own."""
import base64
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import threading
import unittest

from common import BAKEWATCH, bakewatch, certificates, main, scene, together, wait_for
from names import NOBODY_HAS_IT, scene_with_name_server
from scripted import Scripted, meta
from socks import Socks
from test_scripted import deployment

NO_PROXY = {v: "" for n in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY") for v in (n, n.lower())}


class Doors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.certs = pathlib.Path(tempfile.mkdtemp(prefix="bakewatch-doors-"))
        certificates(cls.certs)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.certs)

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bakewatch-door-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def server(self, by="server", answers=None):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.certs / f"{by}.crt", self.certs / f"{by}.key")
        s = Scripted(answers or {("deployments", "list"): lambda n: meta([deployment("web")])}, tls=tls)
        self.addCleanup(s.server.shutdown)
        self.addCleanup(s.server.server_close)
        return s

    def ca(self, name="ca"):
        return {"certificate-authority-data": base64.b64encode((self.certs / f"{name}.crt").read_bytes()).decode()}

    def config(self, s, name="config", cluster=None, **user):
        return s.kubeconfig(self.dir / name, cluster=self.ca() if cluster is None else cluster, **(user or {"token": "the-token"}))

    def plugin(self, text):
        program = self.dir / "plug in"
        program.write_text("#!/bin/sh\n" + text)
        program.chmod(0o755)
        return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plug in", "args": ["a b", "c"],
                         "interactiveMode": "Never"}}

    @staticmethod
    def tokens(s):
        return {r["headers"].get("authorization") for r in s.log}

    # ---- whom to trust ----

    def test_a_ca_of_the_system_is_not_trusted(self):
        """certificate-authority-data alone counts; what /etc/ssl/certs holds does not.  Nothing is sent."""
        s = self.server("other-server")
        store = self.dir / "store"
        store.mkdir()
        shutil.copy(self.certs / "other-ca.crt", store / "other.pem")
        subprocess.run(["openssl", "rehash", str(store)], check=True)
        shutil.copy(store / "other.pem", store / "ca-certificates.crt")

        def status(cluster):
            config = self.config(s, cluster=cluster)
            done = subprocess.run(["unshare", "--map-root-user", "--mount", "sh", "-c",
                                   'mount --bind "$0" /etc/ssl/certs && exec "$@"', str(store), BAKEWATCH, "status", "-o", "name"],
                                  env={**os.environ, **NO_PROXY, "KUBECONFIG": config, "HOME": "/nonexistent"}, capture_output=True, text=True,
                                  timeout=60, check=False)
            return done.returncode, done.stdout + done.stderr
        self.assertEqual(status({}), (0, "deployment.apps/web\n"))  # the store is in force: without a CA it decides
        self.assertEqual(self.tokens(s), {"Bearer the-token"})
        s.log.clear()
        code, text = status(self.ca("ca"))
        self.assertEqual((code, s.log), (4, []))
        self.assertIn("certificate", text)
        (self.dir / "ca.crt").write_bytes((self.certs / "ca.crt").read_bytes())
        code, text = status({"certificate-authority": "ca.crt"})
        self.assertEqual((code, s.log), (4, []))

    def test_a_wrong_ca_or_name(self):
        """Row 16: refused at once, with the reason; no retry storm, and no token is sent."""
        for cluster, words in ((self.ca("other-ca"), "certificate"), (dict(self.ca(), **{"tls-server-name": "wrong.test"}), "wrong.test")):
            s = self.server()
            config = self.config(s, cluster=cluster)
            scene(f"size 30 160\nstart $BAKEWATCH\nmeasure refusal {words} within 3000\nwait NO CONNECTION since\nidle 5000 30 20000\n"
                  "keys q\nexit 0\n", KUBECONFIG=config, **NO_PROXY)
            self.assertEqual(s.log, [])
            self.assertLess(s.accepted, 60)  # a dozen sources at the start, then the link alone asks each second or two

    # ---- proxies ----

    def socks(self):
        proxy = Socks()
        self.addCleanup(proxy.end)
        return proxy, f"socks5h://127.0.0.1:{proxy.port}"

    def run_status(self, config, **env):
        code, out, err = bakewatch("status", "-o", "name", "--request-timeout", "5s", kubeconfig=config, env={**NO_PROXY, **env})
        return code, out + err

    def test_proxy_url_is_for_every_host(self):
        s = self.server()
        proxy, url = self.socks()
        config = self.config(s, cluster={**self.ca(), "server": s.url.replace("127.0.0.1", "kubernetes.test"), "proxy-url": url})
        for no_proxy in ("*", "kubernetes.test", ".test"):
            proxy.asked.clear()
            self.assertEqual(self.run_status(config, NO_PROXY=no_proxy, no_proxy=no_proxy), (0, "deployment.apps/web\n"))
            self.assertEqual({n for n, _ in proxy.asked}, {"kubernetes.test"})

    def test_proxies_of_the_environment(self):
        """HTTPS_PROXY is for names that NO_PROXY does not have, never for this machine; ALL_PROXY for nobody."""
        s = self.server()
        proxy, url = self.socks()
        far = self.config(s, "far", cluster={**self.ca(), "server": s.url.replace("127.0.0.1", "kubernetes.test")})
        near = self.config(s, "near")
        for name in ("HTTPS_PROXY", "https_proxy"):
            proxy.asked.clear()
            self.assertEqual(self.run_status(far, **{name: url})[0], 0)
            self.assertEqual({n for n, _ in proxy.asked}, {"kubernetes.test"})
            proxy.asked.clear()
            self.assertEqual(self.run_status(near, **{name: url})[0], 0)
            self.assertEqual(proxy.asked, [])
        for env in ({"HTTPS_PROXY": url, "NO_PROXY": "kubernetes.test"}, {"ALL_PROXY": url}, {"all_proxy": url}, {"HTTP_PROXY": url}):
            proxy.asked.clear()
            self.assertEqual(self.run_status(far, **env)[0], 4, env)
            self.assertEqual(proxy.asked, [], env)

    # ---- credentials ----

    def test_a_plugin_whose_tokens_are_refused(self):
        """It is run again at once, then ever more seldom; what it takes as arguments is not torn apart."""
        s = self.server(answers={(k, how): lambda n: (401, {}, [b"no"]) for how in ("list", "watch")
                                 for k in ("livez", "deployments", "statefulsets", "daemonsets", "replicasets", "controllerrevisions", "pods",
                                           "events", "horizontalpodautoscalers", "services", "jobs", "nodes", "namespaces")})
        config = self.config(s, **self.plugin(
            'echo "$#,$1,$(date +%s)" >> ' + f"'{self.dir}/runs'\n"
            'echo \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t"}}\'\n'))
        scene("size 30 160\nstart $BAKEWATCH\nwait CREDENTIALS REJECTED since within 20000\nidle 20000 30 50000\nwait credentials rejected\n"
              "keys q\nexit 0\n", KUBECONFIG=config, **NO_PROXY)
        runs = [line.split(",") for line in (self.dir / "runs").read_text().splitlines()]
        self.assertEqual({tuple(r[:2]) for r in runs}, {("2", "a b")})
        self.assertIn(len(runs), range(3, 8))
        self.assertLess(int(runs[1][2]) - int(runs[0][2]), 3)  # many requests were refused together: that is one refusal

    def test_a_token_file_that_is_empty_for_a_moment(self):
        s = self.server()
        token = self.dir / "token"
        token.write_text("first\n")
        config = self.config(s, tokenFile="token")
        log = self.dir / "log"
        until = "timeout 30 sh -c 'until grep -q \"%s\" %s; do sleep 0.1; done'"
        threading.Thread(target=lambda: (wait_for(lambda: "Bearer second" in self.tokens(s), 60, "the second"), (self.dir / "seen").touch()),
                         daemon=True).start()
        scene(f"size 30 160\nstart $BAKEWATCH --log-file {log}\nwait RO  live\nsh : > {token}\n"
              f"sh {until % ('is empty: the token from before is used', log)}\nwait RO  live\nsh echo second > {token}\n"
              f"sh timeout 30 sh -c 'until test -e {self.dir}/seen; do sleep 0.1; done'\nwait RO  live\nkeys q\nexit 0\n",
              KUBECONFIG=config, **NO_PROXY)
        self.assertEqual(self.tokens(s), {"Bearer first", "Bearer second"})

    def test_no_credentials_is_no_lost_link(self):
        """A token file that is not there, or empty, from the start: nothing is sent, and it is called by its name."""
        def door(name, make):
            s = self.server()
            token = self.dir / name
            make(token)
            config = self.config(s, f"config-{name}", tokenFile=name)
            scene(f"size 30 160\nstart $BAKEWATCH\nwait NO CREDENTIALS since\ngone LINK LOST\ngone NO CONNECTION\nsh echo good > {token}\n"
                  "wait RO  live within 40000\nwait web\nkeys q\nexit 0\n", KUBECONFIG=config, **NO_PROXY)
            self.assertEqual(self.tokens(s), {"Bearer good"})
        together(lambda: door("missing", lambda t: None), lambda: door("empty", lambda t: t.touch()),
                 lambda: door("blank", lambda t: t.write_text(" \n")))

    def test_a_ca_is_rotated(self):
        """Row 15: a console that is open checks its server by the new file within a minute; the connections that
        were checked by the old one are not used any more."""
        s = self.server()
        ca = self.dir / "ca.crt"
        ca.write_bytes((self.certs / "ca.crt").read_bytes())
        config = self.config(s, cluster={"certificate-authority": "ca.crt"})
        scene(f"size 30 160\nstart $BAKEWATCH\nwait RO  live\nkeys 4z\nsh cp {self.certs}/other-ca.crt {ca}\nwait LINK LOST since within 60000\n"
              f"wait certificate\nsh cp {self.certs}/ca.crt {ca}\nwait RO  live within 60000\nkeys q\nexit 0\n", KUBECONFIG=config, **NO_PROXY)

    # ---- another context is another place ----

    def two_places(self):
        a, b = self.server(), self.server(answers={("deployments", "list"): lambda n: meta([deployment("there")])})
        doc = {"kind": "Config", "current-context": "ca", "contexts": [], "clusters": [], "users": []}
        for name, s in (("a", a), ("b", b)):
            doc["clusters"].append({"name": name, "cluster": {"server": s.url, **self.ca()}})
            doc["users"].append({"name": name, "user": {"token": f"token-of-{name}"}})
            doc["contexts"].append({"name": f"c{name}", "context": {"cluster": name, "user": name, "namespace": f"own-{name}"}})
        (self.dir / "config").write_text(json.dumps(doc))
        (self.dir / "bakewatch.yaml").write_text(
            "environments:\n  prod: {class: production, context: ca, namespaces: [shop]}\n"
            "  dev: {class: development, context: cb, namespaces: [front, back]}\n")
        return a, b, str(self.dir / "config"), str(self.dir / "bakewatch.yaml")

    def test_another_context(self):
        """It shows its own environment, class and namespaces; what was given for the first place stays there."""
        a, b, kube, conf = self.two_places()
        scene(f"size 30 160\nstart $BAKEWATCH --config {conf} -e prod --token by-hand -s {a.url}\nwait PROD prod\nwait web\nwait RO  live\n"
              "keys :ctx<space>cb<enter>\nwait there\ngone PROD\nwait dev\nwait front\nwait RO  live\nkeys q\nexit 0\n", KUBECONFIG=kube, **NO_PROXY)
        self.assertEqual(self.tokens(a), {"Bearer by-hand"})
        self.assertEqual(self.tokens(b), {"Bearer token-of-b"})
        self.assertEqual({r["path"].split("/")[5] for r in b.requests("deployments", "list")}, {"front", "back"})
        self.assertEqual({r["path"].split("/")[5] for r in a.requests("deployments", "list")}, {"shop"})

    def test_a_link_is_copied(self):
        """Of the selected workload, by name; who does not know the names is told them."""
        _, _, kube, conf = self.two_places()
        pathlib.Path(conf).write_text("environments:\n  prod:\n    context: ca\n    namespaces: [shop]\n    links:\n"
                                      "    - {name: Grafana, url: \"https://g.example/d?s={service}&n={namespace}\"}\n"
                                      "    - {name: Runbook, url: \"https://r.example/{service}\"}\n")
        scene(f"size 30 160\nstart $BAKEWATCH --config {conf} -e prod\nwait web\nwait RO  live\nkeys :link<enter>\n"
              "wait which link? Grafana, Runbook\nkeys :link<space>Grafana<enter>\nwait copied https://g.example/d?s=web&n=shop\n"
              "keys :link<space>none<enter>\nwait which link?\nkeys q\nexit 0\n", KUBECONFIG=kube, **NO_PROXY)

    def test_doctor_of_an_environment(self):
        """doctor -e looks where the console would."""
        a, b, kube, conf = self.two_places()
        _, out, _ = bakewatch("doctor", "--config", conf, "-e", "dev", kubeconfig=kube, env=NO_PROXY)
        self.assertIn("user b, by token", out)
        self.assertEqual(a.log, [])
        self.assertEqual(self.tokens(b), {"Bearer token-of-b"})

    def test_doctor_knows_who_is_told(self):
        """An alarm that would reach nobody is found before there is one; a webhook's secret path is not shown."""
        conf = self.dir / "notify.yaml"
        for entry, words in (("command: [/nonexistent/page]", "FAIL  who is told    notify: /nonexistent/page: No such file"),
                             ("command: [sh, -c, true]", "ok    who is told    told when the verdict changes: sh"),
                             ("url: \"https://hooks.example.org/T0/SECRET\", token_file: /nonexistent/token", "notify: /nonexistent/token: No such"),
                             ("url: \"https://hooks.example.org/T0/SECRET\"", "https://hooks.example.org/...")):
            conf.write_text(f"notify: [{{{entry}}}]\n")
            _, out, _ = bakewatch("doctor", "--pre", "--config", str(conf))
            self.assertIn(words, out)
            self.assertNotIn("SECRET", out)

    # ---- names ----

    def test_a_name_that_nobody_has(self):
        """Row 17, the other half: NXDOMAIN is said, and nothing hangs."""
        config = self.config(self.server(), cluster={**self.ca(), "server": "https://kubernetes.test.invalid:6443"})
        scene_with_name_server(self.dir, NOBODY_HAS_IT, "size 30 160\nstart $BAKEWATCH -n shop\nwait NO CONNECTION\n"
                               "wait Could not resolve host\nlatency 10\nkeys q\nexit 0 within 1000\nsane\n",
                               **NO_PROXY, KUBECONFIG=config)


if __name__ == "__main__":
    main()
