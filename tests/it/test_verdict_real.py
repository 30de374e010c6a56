#!/usr/bin/python3
"""The verdict before a real Prometheus and a real Alertmanager, which scrape a service whose latency and errors are turned
up and down; and when they stop."""
import os
import pathlib
import tempfile
import unittest
import urllib.parse

from common import ROUNDS, Typed, ask, main, wait_for
from measuring import Monitoring, Shop
from sim import Sim

SERVICES = ("web-frontend", "checkout-api", "catalog-api", "payment-api", "orders-db", "mailer", "log-agent")


class Real(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Shop(*SERVICES)
        cls.monitoring = Monitoring(cls.shop)
        query = cls.monitoring.url + "/api/v1/query?query=" + urllib.parse.quote("count_over_time(http_requests_total[1m])>5")
        wait_for(lambda: ask(query)[1]["data"]["result"], 60, "scrapes")
        cls.sim = Sim(story="good-release", speed=1)

    @classmethod
    def tearDownClass(cls):
        cls.sim.end()
        cls.monitoring.end()

    def setUp(self):
        # pylint: disable=consider-using-with
        m, self.tmp = self.monitoring, tempfile.TemporaryDirectory(prefix="bakewatch-real-")
        self.addCleanup(self.tmp.cleanup)
        config = pathlib.Path(self.tmp.name) / "config.yaml"
        config.write_text("environments:\n  e:\n    namespaces: [shop]\n"
                          f"    prometheus: {{url: \"{m.url}/\", every: 5s, range: 15s}}\n"
                          f"    alertmanager: {{url: \"{m.alerts_url}\", every: 5s}}\n"
                          f"    health: {{every: 2s, url: \"http://127.0.0.1:{self.shop.port}/{{service}}/healthz\"}}\n"
                          "    thresholds: {warmup: 5s}\n")
        os.mkdir(pathlib.Path(self.tmp.name) / "state", 0o700)
        self.console = Typed(f"size 44 150\nstart $BAKEWATCH --config {config} -e e\nwait workloads 7 within 20000",
                             KUBECONFIG=self.sim.kubeconfig, XDG_STATE_HOME=self.tmp.name + "/state")
        self.addCleanup(self.console.end)

    def probes(self):
        return sum(h[":path"].endswith("/healthz") for h in self.shop.headers)

    def release(self, name, version):
        old = self.sim.deployment(name)["spec"]["template"]["spec"]["containers"][0]
        code, doc = self.sim.request(f"/apis/apps/v1/namespaces/shop/deployments/{name}", "PATCH", {
            "spec": {"template": {"spec": {"containers": [{"name": old["name"], "image": old["image"].rsplit(":", 1)[0] + ":" + version}]}}}},
            {"Content-Type": "application/strategic-merge-patch+json"})
        self.assertEqual(code, 200, doc)

    def test_it_follows_and_follows_back(self):
        """Two parts of two minutes each must be bad before it is ROLL BACK; without a time before it a p95 over the objective
        is WATCH.  The way back takes longer: `make soak T=verdict_real ROUNDS=2`."""
        c = self.console
        self.release("catalog-api", "3.4.0")
        self.release("payment-api", "1.9.5")
        c.play("wait catalog-api 3.4.0 within 60000\nwait payment-api 1.9.5 within 60000\nwait PASS so far within 60000", 200)

        # what is not seen is neither green nor red, and what is still seen goes on
        self.monitoring.stop("prometheus")
        c.play("wait ? NO DATA  shop/ within 120000\nwait latency: nothing seen for\ngone ROLL BACK", 130)
        n = self.probes()
        wait_for(lambda: self.probes() > n + 5 * len(SERVICES), 60, "probes go on")
        self.monitoring.again("prometheus", self.monitoring.url)
        c.play("gone NO DATA within 120000\nwait PASS so far", 130)

        self.shop.turn_up("catalog-api", errors=0.4)
        self.shop.turn_up("payment-api", latency=0.7)
        c.play("wait X ROLL BACK  shop/ within 420000\nwait X ROLL BACK shop/catalog-api within 420000\n"
               "wait WATCH     shop/payment-api within 60000\nwait over the objective of 200 ms\nkeys :verdict catalog-api<enter>\nwait errors   FIRED since\nkeys q", 900)
        self.shop.turn_up("catalog-api", errors=0.0)
        self.shop.turn_up("payment-api", latency=0.02)
        if ROUNDS > 1:
            c.play("wait PASS so far within 900000\ngone ROLL BACK", 920)


if __name__ == "__main__":
    main()
