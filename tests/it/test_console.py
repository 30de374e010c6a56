#!/usr/bin/python3
"""The console on a real control plane, driven through a pty: what a person sees, types and sees next."""
import unittest

from common import Cluster, main, scene, wait_for


class Console(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster()
        cls.c.shop()

    @classmethod
    def tearDownClass(cls):
        cls.c.down()

    def play(self, text, user="admin", **env):
        return scene(text, KUBECONFIG=self.c.config(user), K=self.c.admin, **env)

    def test_1_a_deployment_goes_bad_and_is_undone(self):
        self.play("""
size 30 120
start $BAKEWATCH -n shop
wait policy-api
wait RO  live
wait all well
sh kubectl --kubeconfig $K -n shop set image deploy/policy-api app=registry.example/policy-api:crash-2
measure set-image-to-screen crash-2 within 5000
measure set-image-to-reason CrashLoopBackOff within 10000
wait 1 fail
keys gg<enter>
wait Waiting for deployment "policy-api" rollout to finish
wait revision 2 (current)
wait BackOff
keys /crash<enter>
keys <esc>
wait policy-api
sh kubectl --kubeconfig $K -n shop rollout undo deploy/policy-api
wait all well within 30000
keys q
exit 0
sane
""")

    def test_2_texts(self):
        self.play("""
size 40 120
start $BAKEWATCH -n shop
wait policy-api
keys /policy-api<enter>
wait /policy-api/ 1 of 5
keys d
wait describe deployments shop/policy-api
wait CONDITION
keys <esc>
gone describe deployments
keys y
wait apiVersion: apps/v1
keys /replicas:<enter>
wait replicas: 3
keys <esc>
gone raw deployments
keys <enter>
wait revision 3 (current)
keys D
wait diff shop:
wait +       image
keys q
gone diff shop:
keys jy
wait raw pods
wait kind: Pod
keys q
keys q
wait sources
keys :goto<space>events<enter>
wait TIME
keys q
exit 0
""")

    def test_3_few_rights(self):
        self.play("""
size 30 120
start $BAKEWATCH
wait policy-api
wait cannot see pods in shop: forbidden
wait 5 unknown
wait pods are not visible
keys q
exit 0
""", user="nopods")
        self.play("""
start $BAKEWATCH
wait policy-api
keys :ns default<enter>
wait cannot see deployments in default: forbidden
keys :ns shop<enter>
wait policy-api
keys q
exit 0
""", user="onlyns")

    def test_4_namespaces_and_contexts(self):
        self.play("""
size 30 120
start $BAKEWATCH -n default
wait no workloads in default
keys :ns sh<tab><enter>
wait policy-api
wait shop
keys :ns all<enter>
wait all namespaces
wait policy-api
keys :ns<enter>
wait kube-system
wait to choose from, <tab> completes
keys de
gone kube-system
wait default
keys <esc>
gone to choose from
keys :ctx<enter>
wait 1 to choose from
wait test
keys <esc>
gone to choose from
keys :ctx nowhere<enter>
wait no context "nowhere"
keys :ctx te<tab><enter>
wait no workloads in default
keys q
exit 0
""")

    def test_5_hostile_names(self):
        """What a cluster lets in as text must not reach the terminal as it is."""
        giant = "x" * 200000
        self.c.kubectl("apply", "-f", "-", text=f"""
apiVersion: v1
kind: Event
metadata: {{name: hostile, namespace: shop}}
involvedObject: {{kind: Pod, namespace: shop, name: "x\\u202Egnp"}}
reason: "\\u001b]0;pwned\\u0007"
message: "\\u001b[2J\\u009b31m\\u200b{giant}"
type: Warning
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2099-01-01T00:00:00Z"
source: {{component: test}}
""")
        self.play("""
size 30 120
start $BAKEWATCH -n shop
wait policy-api
keys 3z
wait pwned
keys y
wait raw events shop/hostile
wait pwned
keys <esc>
gone raw events
never \\e]0;
never \\e[2J\\xc2
never \\xe2\\x80\\xae
never \\xc2\\x9b
keys q
exit 0
sane
""")
        self.c.kubectl("-n", "shop", "delete", "event", "hostile")

    def test_6_logs(self):
        """l is the pod's log as it runs, L that of the run before; kubectl sees the same lines."""
        self.c.kubectl("-n", "shop", "wait", "--for=condition=Ready", "pod", "db-0", "--timeout=60s")
        self.assertIn("line 39 of db in db-0", self.c.kubectl("-n", "shop", "logs", "db-0"))
        self.play("""
size 30 120
start $BAKEWATCH -n shop
wait 5 all well within 30000
keys /db<enter>
wait /db/ 1 of 5
keys <enter>
wait db-0
keys /db-0<enter>
keys l
wait line 39 of db in db-0
wait line 45 of db in db-0
wait following
keys k
keys <esc>
gone following
keys L
wait last words of db
wait (previous run)
keys q
keys q
keys q
exit 0
""")

    def test_8_events(self):
        """What happened can be read in the list, and whole in the description, wrapped."""
        said = "the volume could not be mounted because the node has run out of attachments, and this is the end"
        self.c.kubectl("apply", "-f", "-", text=f"""
apiVersion: v1
kind: Event
metadata: {{name: mount, namespace: shop}}
involvedObject: {{kind: Pod, namespace: shop, name: db-0}}
reason: FailedMount
message: "{said}"
type: Warning
count: 5
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2099-01-01T00:00:00Z"
source: {{component: kubelet, host: node-7}}
""")
        for size, cut in (("40 120", "the node has run out"), ("24 80", "the volume could not")):
            self.play(f"""
size {size}
start $BAKEWATCH -n shop
wait policy-api
wait REASON
keys 3
keys /FailedMount<enter>
wait FailedMount
wait po/db-0
wait {cut}
keys d
wait Type:              Warning
wait Reason:            FailedMount
wait Object:            Pod shop/db-0
wait Count:             5
wait First seen:        2026-01-01T00:00:00Z
wait Source:            kubelet
wait On:                node-7
wait this is the end
keys q
gone Object:
keys q
exit 0
""")
        self.c.kubectl("-n", "shop", "delete", "event", "mount")

    def test_9_a_problem_is_read_whole(self):
        """The panel that matters most has the room that it needs, at both of the usual sizes."""
        self.c.kubectl("-n", "shop", "set", "image", "deploy/web", "app=registry.example/web:crash")
        self.play("""
size 40 120
start $BAKEWATCH -n shop
wait progressing within 20000
wait CrashLoopBackOff: app exited 1 (Error), 3 restarts (1 of 3 pods) within 20000
wait MESSAGE
wait AUDIT
resize 24 80
wait progressing crash
wait web: CrashLoopBackOff: app exited 1 (Error), 3 restarts (1 of 3 pods)
wait MESSAGE
resize 60 200
wait CrashLoopBackOff: app exited 1 (Error), 3 restarts (1 of 3 pods)
wait revision 2 (current)
keys q
exit 0
""")
        self.c.kubectl("-n", "shop", "rollout", "undo", "deploy/web")

    def test_7_idle(self):
        self.play("""
size 30 120
start $BAKEWATCH -n shop
wait all well within 30000
idle 10000 3 400
keys q
exit 0
""")


if __name__ == "__main__":
    main()
