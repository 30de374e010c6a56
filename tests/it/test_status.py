#!/usr/bin/python3
"""`status` against kubectl on a real control plane: before, during and after rollouts that go well,
fail or stand still; with few rights; with every way to log in."""
import datetime
import json
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

from common import BAKEWATCH, Cluster, bakewatch, main, scene, status, wait_for

WORKLOADS = ["Deployment/policy-api", "Deployment/scrapers", "Deployment/web", "StatefulSet/db",
             "DaemonSet/node-agent"]


def revision_of(c, kind, name):
    if kind == "Deployment":
        return int(c.get("deploy", name)["metadata"]["annotations"]["deployment.kubernetes.io/revision"])
    lines = c.kubectl("-n", "shop", "rollout", "history", f"{kind.lower()}/{name}").splitlines()
    return max(int(l.split()[0]) for l in lines if l[:1].isdigit())


class Status(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster()
        cls.c.shop()

    @classmethod
    def tearDownClass(cls):
        cls.c.down()

    def agree(self, only=None):
        """Every workload as kubectl sees it.  Things move: both are asked until they agree."""
        def differs():
            ours = status(self.c.admin, "-n", "shop")
            for key in only or WORKLOADS:
                kind, name = key.split("/")
                obj, w = self.c.get(kind.lower(), name), ours[key]
                st, spec = obj["status"], obj["spec"]
                if kind == "DaemonSet":
                    want = (st["numberReady"], st["desiredNumberScheduled"])
                else:
                    want = (st.get("readyReplicas", 0), spec["replicas"])
                if (w["ready"], w["desired"]) != want:
                    return f"{key}: {w['ready']}/{w['desired']}, kubectl {want}"
                if w["available"] != (st.get("availableReplicas") if kind == "StatefulSet" else
                                      st.get("availableReplicas", st.get("numberAvailable", 0))):
                    return f"{key}: {w['available']} available"
                if w["revision"] != revision_of(self.c, kind, name):
                    return f"{key}: revision {w['revision']}"
                line = subprocess.run(["kubectl", "--kubeconfig", self.c.admin, "-n", "shop", "rollout",
                                       "status", f"{kind.lower()}/{name}", "--watch=false"],
                                      capture_output=True, text=True, check=False)
                said = (line.stdout + line.stderr).strip().removeprefix("error: ")
                # newer kubectl words two lines differently from the API's own era
                if self.plain(said) != self.plain(w["rollout"]["message"]):
                    return f"{key}: {w['rollout']['message']!r}, kubectl {said!r}"
            return None
        last = [None]

        def same():
            last[0] = differs()
            return last[0] is None
        try:
            wait_for(same, 30, "agreement")
        except AssertionError as e:
            raise AssertionError(last[0]) from e

    @staticmethod
    def plain(s):
        return re.sub(r"\s+", " ", s).strip()

    def state(self, key):
        return status(self.c.admin, "-n", "shop")[key]["rollout"]["state"]

    def test_1_at_rest(self):
        self.agree()
        self.assertEqual(self.state("Deployment/web"), "complete")

    def test_2_a_rollout_that_fails(self):
        self.c.kubectl("-n", "shop", "patch", "deploy/policy-api", "-p",
                       '{"spec":{"progressDeadlineSeconds":5}}')
        self.c.kubectl("-n", "shop", "set", "image", "deploy/policy-api", "app=registry.example/policy-api:crash")
        wait_for(lambda: self.state("Deployment/policy-api") == "progressing", 20, "a rollout")
        problem = wait_for(lambda: status(self.c.admin, "-n", "shop")["Deployment/policy-api"]["problem"],
                           20, "the reason")
        self.assertIn("CrashLoopBackOff: app exited 1 (Error)", problem)
        self.agree(["Deployment/policy-api"])
        wait_for(lambda: self.state("Deployment/policy-api") == "failed", 30, "the deadline")
        self.agree(["Deployment/policy-api"])

    def deployed(self, key):
        """The age that is shown is that of the undo, though what came back is older."""
        at = status(self.c.admin, "-n", "shop")[key]["deployed"]
        return datetime.datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp()

    def test_3_undone(self):
        begun = int(time.time())
        self.c.kubectl("-n", "shop", "rollout", "undo", "deploy/policy-api")
        wait_for(lambda: self.state("Deployment/policy-api") == "complete", 30, "the undo")
        self.assertGreaterEqual(self.deployed("Deployment/policy-api"), begun)
        self.agree()

    def test_4_paused(self):
        self.c.kubectl("-n", "shop", "rollout", "pause", "deploy/web")
        self.c.kubectl("-n", "shop", "set", "image", "deploy/web", "app=registry.example/web:2.0.0")
        wait_for(lambda: self.state("Deployment/web") == "paused", 10, "the pause")
        self.agree(["Deployment/web"])
        self.c.kubectl("-n", "shop", "rollout", "resume", "deploy/web")
        wait_for(lambda: self.state("Deployment/web") == "complete", 30, "the rollout")
        self.agree(["Deployment/web"])

    def test_5_statefulset_and_daemonset(self):
        self.c.kubectl("-n", "shop", "set", "image", "sts/db", "db=registry.example/db:unready")
        self.c.kubectl("-n", "shop", "set", "image", "ds/node-agent", "agent=registry.example/node-agent:pullfail")
        wait_for(lambda: self.state("StatefulSet/db") == "progressing", 20, "db")
        wait_for(lambda: "ImagePullBackOff" in status(self.c.admin, "-n", "shop")["DaemonSet/node-agent"]["problem"],
                 30, "the reason of node-agent")
        self.agree(["StatefulSet/db", "DaemonSet/node-agent"])
        begun = int(time.time())
        self.c.kubectl("-n", "shop", "rollout", "undo", "sts/db")
        self.c.kubectl("-n", "shop", "rollout", "undo", "ds/node-agent")
        self.c.kubectl("-n", "shop", "delete", "pod", "-l", "app=db", "--wait=false")
        wait_for(lambda: self.state("StatefulSet/db") == "complete", 30, "db")
        self.agree(["StatefulSet/db", "DaemonSet/node-agent"])
        self.assertGreaterEqual(self.deployed("StatefulSet/db"), begun)
        self.assertGreaterEqual(self.deployed("DaemonSet/node-agent"), begun)

    def test_6_reasons(self):
        for tag, words in (("oom", "OOMKilled"), ("configfail", "CreateContainerConfigError"),
                           ("unschedulable", "Unschedulable: 0/1 nodes"),
                           ("initfail", "init container migrate")):
            container = "migrate" if tag == "initfail" else "app"
            images = [f"app=registry.example/x:{tag}"] + ([f"migrate=registry.example/x:{tag}"]
                                                          if container == "migrate" else [])
            self.c.kubectl("-n", "shop", "set", "image", "deploy/scrapers", *images)
            wait_for(lambda w=words: w in status(self.c.admin, "-n", "shop")["Deployment/scrapers"]["problem"],
                     20, words)
        self.c.kubectl("-n", "shop", "set", "image", "deploy/scrapers", "app=registry.example/scrapers:1.0.0",
                       "migrate=registry.example/migrate:1")

    def test_7_names_and_selection(self):
        _, out, _ = bakewatch("status", "-n", "shop", "-o", "name", kubeconfig=self.c.admin, check=0)
        theirs = self.c.kubectl("-n", "shop", "get", "deploy,sts,ds", "-o", "name")
        self.assertEqual(sorted(out.split()), sorted(theirs.split()))
        self.assertEqual(list(status(self.c.admin, "-n", "shop", "sts/db")), ["StatefulSet/db"])
        code, _, err = bakewatch("status", "-n", "shop", "nothing", kubeconfig=self.c.admin)
        self.assertEqual(code, 2)
        self.assertIn('no workload "nothing"', err)

    def test_7_what_is_not_there(self):
        """An empty namespace, and one that does not exist: the API answers both alike."""
        self.c.kubectl("create", "namespace", "void")
        code, out, err = bakewatch("status", "-n", "void", kubeconfig=self.c.admin)
        self.assertEqual((code, out, err), (0, "", "bakewatch: no workloads here\n"))
        for names in ("nosuch", "shop,nosuch"):
            code, out, err = bakewatch("status", "-n", names, kubeconfig=self.c.admin)
            self.assertEqual((code, err), (2, 'bakewatch: namespace "nosuch" does not exist\n'))
            self.assertEqual("web" in out, "shop" in names)
        code, out, _ = bakewatch("doctor", "-n", "nosuch", kubeconfig=self.c.admin)
        self.assertEqual(code, 1)
        self.assertIn('FAIL  namespaces     namespace "nosuch" does not exist', out)
        scene("""
size 24 80
start $BAKEWATCH -n shop
wait 5 all well within 30000
keys :ns nosuch<enter>
wait namespace "nosuch" does not exist
keys :ns void<enter>
gone does not exist
keys q
exit 0
""", KUBECONFIG=self.c.admin)
        _, out, _ = bakewatch("doctor", "-s", "https://127.0.0.1:1", kubeconfig=self.c.admin)
        self.assertIn("skip  rights         the API was not reached", out)

    def test_8_few_rights(self):
        ours = status(self.c.config("nopods"))
        self.assertEqual(ours["Deployment/web"]["podsVisible"], False)
        self.assertIsNone(ours["Deployment/web"]["restarts"])
        self.assertEqual(ours["Deployment/web"]["ready"], 2)
        _, _, err = bakewatch("status", kubeconfig=self.c.config("nopods"), check=0)
        self.assertIn("cannot see pods in shop: forbidden", err)
        self.assertIn("Deployment/web", status(self.c.config("onlyns")))
        code, _, err = bakewatch("status", "-n", "default", kubeconfig=self.c.config("onlyns"))
        self.assertEqual(code, 4)
        self.assertIn("forbidden", err)

    def test_9_every_way_to_log_in(self):
        base = json.loads(pathlib.Path(self.c.admin).read_text(encoding="utf-8"))
        token_file = self.c.dir / "a-token"
        token_file.write_text("admin-token\n")
        plugin = self.c.dir / "plugin"
        plugin.write_text('#!/bin/sh\necho talk >&2\ncat <<X\n{"kind":"ExecCredential","apiVersion":'
                          '"client.authentication.k8s.io/v1","status":{"token":"admin-token"}}\nX\n')
        plugin.chmod(0o755)
        hint = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never"}
        bad = self.c.dir / "bad-plugin"
        bad.write_text('#!/bin/sh\nprintf "\\033[31mlogin expired\\n" >&2\nexit 3\n')
        bad.chmod(0o755)
        users = [({"tokenFile": str(token_file)}, 0, ""),
                 ({"exec": {**hint, "command": str(plugin)}}, 0, ""),
                 ({"client-certificate": "client.crt", "client-key": "client.key"}, 0, ""),
                 ({"token": "wrong"}, 4, "credentials rejected"),
                 ({"exec": {**hint, "command": str(bad)}}, 4, "login expired"),
                 ({"exec": {**hint, "command": "no-such-plugin", "installHint": "get it"}}, 4, "get it"),
                 ({"exec": {**hint, "interactiveMode": "Always", "command": "x"}}, 4, "wants a terminal"),
                 ({"tokenFile": "/no/such"}, 4, "not readable")]
        for user, want, words in users:
            base["users"][0]["user"] = user
            path = self.c.dir / "login.kubeconfig"
            path.write_text(json.dumps(base))
            code, _, err = bakewatch("status", "-n", "shop", kubeconfig=str(path))
            self.assertEqual(code, want, (user, err))
            self.assertIn(words, err)
            self.assertNotIn("\033", err)

    def test_a_tls(self):
        base = json.loads(pathlib.Path(self.c.admin).read_text(encoding="utf-8"))
        cluster = base["clusters"][0]["cluster"]
        good = cluster.pop("certificate-authority-data")
        for change, want, words in (
                ({"certificate-authority-data": good, "tls-server-name": "kubernetes.test"}, 0, ""),
                ({"certificate-authority-data": good, "tls-server-name": "wrong.test"}, 4, "wrong.test"),
                ({"certificate-authority": str(self.c.dir / "other-ca.crt")}, 4, "certificate"),
                ({"insecure-skip-tls-verify": True}, 0, "")):
            path = self.c.dir / "tls.kubeconfig"
            path.write_text(json.dumps({**base, "clusters": [{"name": "test", "cluster": {**cluster, **change}}]}))
            code, _, err = bakewatch("status", "-n", "shop", kubeconfig=str(path))
            self.assertEqual(code, want, (change, err))
            self.assertIn(words, err)

    def test_b_impersonation(self):
        code, _, err = bakewatch("status", "-n", "shop", "--as", "nobody", kubeconfig=self.c.admin)
        self.assertEqual(code, 4)
        self.assertIn('"nobody"', err)
        bakewatch("status", "-n", "shop", "--as", "x", "--as-group", "system:masters", kubeconfig=self.c.admin, check=0)

    def test_c_watch(self):
        with tempfile.TemporaryFile("w+") as out:
            p = subprocess.Popen([BAKEWATCH, "status", "-w", "-n", "shop", "web", "--no-headers"],
                                 env={"KUBECONFIG": self.c.admin, "HOME": "/nonexistent"}, stdout=out)

            def text():
                out.seek(0)
                return out.read()
            wait_for(lambda: "complete" in text(), 10, "the first table")
            self.c.kubectl("-n", "shop", "scale", "deploy/web", "--replicas=3")
            wait_for(lambda: "3/3" in text(), 20, "the change")
            p.terminate()
            self.assertEqual(p.wait(5), 130)


if __name__ == "__main__":
    main()
