#!/usr/bin/python3
"""What must stay flat for as long as a bake lasts.  A round is seconds; `make soak T=long ROUNDS=120`
is the ten minutes that a person would look away."""
import threading
import unittest

from common import HERE, ROUNDS, Cluster, main, scene


class Long(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster()
        cls.c.shop()
        cls.stop = threading.Event()
        threading.Thread(target=cls.churn, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.stop.set()
        cls.c.down()

    @classmethod
    def churn(cls):
        """Annotations that change as fast as kubectl can."""
        n = 0
        while not cls.stop.is_set():
            n += 1
            cls.c.kubectl("-n", "shop", "annotate", "--overwrite", "pods", "--all", f"churn={n}", check=False)

    def play(self, text):
        return scene(text, timeout=3600, KUBECONFIG=self.c.admin, K=self.c.admin, CLUSTER=f"{HERE}/cluster",
                     D=str(self.c.dir))

    def test_1_a_terminal_that_stalls(self):
        """Nobody reads what the console writes (ctrl-s, a dead link): it goes on, and does not grow."""
        self.play(f"""
size 30 120
start $BAKEWATCH -n shop
wait RO  live
wait all well
memory mark
stall
idle {ROUNDS * 5000} 10 100000
sh kubectl --kubeconfig $K -n shop set image deploy/web app=registry.example/web:unseen
idle 2000 20 100000
memory 3072
unstall
wait unseen within 1000
stall
keys jjjj
signal TERM
exit 143 within 1500
""")

    def test_2_rounds_of_everything(self):
        """The server comes and goes, panels and texts are opened: memory stays where it was."""
        one = """
keys <enter>
wait REVISION
keys y
wait raw replicasets shop/
keys <esc>
gone raw replicasets shop/
keys <esc>
gone REVISION
keys :ns default<enter>
wait no workloads
keys :ns shop<enter>
wait policy-api
wait RO  live
keys ?
wait WHAT IT DOES
keys q
gone WHAT IT DOES
keys /web<enter>
wait /web/ 1 of 5
keys <esc>
gone /web/ 1 of 5
sh $CLUSTER kill $D apiserver
wait LINK LOST
sh $CLUSTER start $D apiserver
wait RO  live within 20000
"""
        self.play("size 30 120\nstart $BAKEWATCH -n shop\nwait RO  live\nwait policy-api\n" + one * 2 +
                  "memory mark\n" + one * 2 * ROUNDS + "memory 2048\nkeys q\nexit 0\nsane\n")


if __name__ == "__main__":
    main()
