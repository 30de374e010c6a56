#!/usr/bin/python3
"""What is measured, by the sources themselves: against servers that behave badly, a service whose latency and
errors are turned up, a real Prometheus and Alertmanager, and the simulator."""
import json
import pathlib
import ssl
import tempfile
import time
import unittest
import urllib.parse

import common
from common import ask, main, wait_for
from measuring import BOMB, OK, Bad, Driver, Monitoring, Shop, for_ever, free_port, reset, says, silent
from scripted import Scripted
from sim import Sim

HEALTH = "environments: {{e: {{health: {{every: {every}, timeout: {timeout}, url: \"{scheme}://127.0.0.1:{{port}}/\"{more}}}}}}}\n"


def health(every="1s", timeout="700ms", scheme="http", more=""):
    return HEALTH.format(every=every, timeout=timeout, scheme=scheme, more=more)


HEAD = b"HTTP/1.1 200 OK\r\n"
BAD = {  # name: (manner, outcomes, words of the reason)
    "fine": (says(OK), {"ok"}, ""),
    "no-status": (says(b"hello\r\n\r\n"), {"failed"}, ""),
    "http09": (says(b"<html>ok</html>"), {"failed"}, "HTTP/0.9"),
    "lf-only": (says(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"), {"failed"}, "CR LF"),
    "long-line": (says(HEAD + b"X: " + b"x" * 1024 * 1024 + b"\r\n\r\n"), {"failed"}, "header"),
    "many-lines": (says(HEAD + b"X: value\r\n" * 10000 + b"\r\n"), {"failed"}, "headers"),
    "bomb": (says(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB), {"body"}, "larger than 262144"),
    "endless-1xx": (for_ever(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), {"failed"}, "headers"),
    "slow-1xx": (for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.05), {"timeout"}, ""),
    "less-than-said": (says(HEAD + b"Content-Length: 1000\r\n\r\nok"), {"failed"}, ""),
    "more-than-said": (says(HEAD + b"Content-Length: 1\r\n\r\nok and more"), {"failed"}, "more came than"),
    "negative": (says(HEAD + b"Content-Length: -1\r\n\r\nok"), {"failed"}, ""),
    "no-number": (says(HEAD + b"Content-Length: x\r\n\r\nok"), {"failed"}, ""),
    "half": (says(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nok"), {"failed"}, ""),
    "drips": (for_ever(HEAD + b"Content-Length: 100000\r\n\r\n", b"x", 0.05), {"timeout"}, ""),
    "drips-head": (for_ever(HEAD, b"X: y\r\n", 0.05), {"timeout"}, ""),
    "endless": (for_ever(HEAD + b"Content-Length: 10737418240\r\n\r\n", bytes(65536)), {"body"}, "larger"),
    "silent": (silent, {"timeout"}, ""),
    "reset": (reset, {"failed"}, ""),
    "closes": (says(), {"failed"}, ""),
    "redirects": (says(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"), {"status"}, "answers 302, to "),
    "500": (says(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), {"status"}, "answers 500"),
    "says-fail": (says(HEAD + b"Content-Type: application/health+json\r\nContent-Length: 17\r\n\r\n{\"status\":\"fail\"}"), {"body"}, "fails"),
}


class Probes(unittest.TestCase):
    def test_bad_servers_and_a_schedule_that_holds(self):
        servers = {name: Bad(act) for name, (act, _, _) in BAD.items()}
        with Driver(health(), *[f"{n}:{s.port}" for n, s in servers.items()], f"refused:{free_port()}") as d:
            d.wait(lambda d: all(len(d.samples("probe", n)) >= 6 for n in [*BAD, "refused"]), "six probes of each", 60)
        for s in servers.values():
            s.end()
        worst = 0
        for name, (_, outcomes, words) in [*BAD.items(), ("refused", (None, {"refused"}, "refused"))]:
            seen = d.samples("probe", name)
            self.assertEqual({s["outcome"] for s in seen}, outcomes, (name, seen[-1]))
            for s in seen:
                self.assertIn(words, s["text"], name)
                self.assertEqual(bool(s["text"]), s["outcome"] != "ok", name)
            if name in servers:  # the next one is asked on time, whatever this one does
                starts = servers[name].at
                mean = (starts[-1] - starts[0]) / (len(starts) - 1)
                worst = max(worst, abs(mean - 1))
        print(f"measured: probes of {len(servers)} bad servers each second: the mean interval is off by {worst * 100:.1f} % at most")
        self.assertLess(worst, 0.1)

    def test_probes_are_spread(self):
        server = Bad(says(OK))
        with Driver(health("2s"), *[f"svc-{i}:{server.port}" for i in range(100)]) as d:
            d.wait(lambda d: len({s["subject"] for s in d.samples("probe")}) == 100, "all were asked")
        first = {}
        for s in d.samples("probe"):
            first.setdefault(s["subject"], s["io_ms"])
        parts = [0] * 4
        for at in first.values():
            parts[min((at - min(first.values())) // 500, 3)] += 1
        self.assertGreater(min(parts), 10, parts)  # 25 in each quarter of the interval, about
        server.end()

    def test_tls_and_secrets(self):
        with tempfile.TemporaryDirectory() as name:
            dir_ = pathlib.Path(name)
            common.certificates(dir_)
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(dir_ / "server.crt", dir_ / "server.key")
            server, plain = Bad(says(OK), tls), Bad(says(OK))
            (dir_ / "token").write_text("first\n")
            def run(more, port, outcome, text=""):
                with Driver(health(scheme="https", more=more), f"x:{port}") as d:
                    seen = d.wait(lambda d: d.samples("probe"), more)[0]
                self.assertEqual(seen["outcome"], outcome, (more, seen))
                self.assertIn(text, seen["text"])
                return seen
            seen = run(f", tls: {{ca_file: {dir_}/ca.crt}}", server.port, "ok")
            self.assertGreater(seen["v"][2], seen["v"][1])  # TLS is over after the connection
            self.assertGreaterEqual(seen["v"][0], seen["v"][3])
            run(f", tls: {{ca_file: {dir_}/ca.crt, server_name: kubernetes.test}}", server.port, "ok")
            run(f", tls: {{ca_file: {dir_}/ca.crt, server_name: other.test}}", server.port, "TLS")
            run(f", tls: {{ca_file: {dir_}/other-ca.crt}}", server.port, "TLS")
            run(f", tls: {{ca_file: {dir_}/none.crt}}", server.port, "unseen", "none.crt")
            run(", tls: {insecure: true}", server.port, "ok")
            run("", server.port, "TLS")
            rash = Bad(says(OK), is_rash=True)
            run(f", tls: {{ca_file: {dir_}/ca.crt}}", rash.port, "TLS")
            rash.end()
            run(f", tls: {{insecure: true}}, token_file: {dir_}/none", server.port, "unseen", "No such file")
            with Driver(health(more=f", token_file: {dir_}/token, headers: {{X-Probe: one}}"), f"x:{plain.port}") as d:
                d.wait(lambda d: d.samples("probe", "x"), "the first")
                self.assertIn("Authorization: Bearer first\r\n", plain.heads[-1])
                self.assertIn("X-Probe: one\r\n", plain.heads[-1])
                (dir_ / "token").write_text("second\n")
                d.wait(lambda d: "Authorization: Bearer second\r\n" in plain.heads[-1], "the token of now")
            (dir_ / "basic").write_text("user:pass word\n")
            with Driver(health(more=f", basic_file: {dir_}/basic"), f"x:{plain.port}") as d:
                d.wait(lambda d: d.samples("probe", "x"), "basic")
            self.assertIn("Authorization: Basic dXNlcjpwYXNzIHdvcmQ=\r\n", plain.heads[-1])
            self.assertNotIn("second", json.dumps(d.lines))
            server.end()
            plain.end()

    def test_redirects_are_followed_where_it_is_said(self):
        other = Bad(says(OK))
        server = Bad(lambda c: None)
        place = {}

        def act(c):
            path = server.heads[-1].split()[1]
            to = place.get(path)
            c.sendall(b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % to.encode() if to else OK)
        server.act = act
        with tempfile.NamedTemporaryFile("w") as token:
            token.write("secret-token")
            token.flush()
            more = f", follow_redirects: true, token_file: {token.name}, headers: {{X-Key: secret-key}}"
            for to, outcome, text in (("/there", "ok", ""), ("/", "status", "answers 302"), (f"http://127.0.0.1:{other.port}/", "ok", ""),
                                      ("file:///etc/passwd", "failed", ""), ("gopher://127.0.0.1/", "failed", "")):
                place["/"] = to
                with Driver(health(more=more), f"x:{server.port}") as d:
                    seen = d.wait(lambda d: d.samples("probe"), to)[0]
                self.assertEqual(seen["outcome"], outcome, (to, seen))
                self.assertIn(text, seen["text"])
        self.assertIn("secret-token", server.heads[0])
        self.assertTrue(other.heads)
        for head in other.heads:
            self.assertNotIn("secret", head)
        other.end()
        server.end()


class Simulated(unittest.TestCase):
    def test_through_the_api_server(self):
        with Sim(story="good-release") as sim:
            config = pathlib.Path(sim.ready["config"]).read_text()
            self.assertIn("health: {path: /healthz, via: api}", config)
            code, out, err = common.bakewatch("--config", sim.ready["config"], "config", "show")
            self.assertEqual(code, 0, err)
            self.assertIn("environments.demo.prometheus.preset: http-server", out)
            with Driver(config, "checkout-api:8080", "nobody:80", pace=10, KUBECONFIG=sim.kubeconfig) as d:
                d.wait(lambda d: d.samples("probe", "checkout-api") and d.samples("probe", "nobody"), "probes")
                self.assertEqual(d.samples("probe", "checkout-api")[0]["outcome"], "ok")
                self.assertEqual(d.samples("probe", "nobody")[0]["outcome"], "unseen")
                pool = next(s for s in d.samples("check", "checkout-api") if s["name"] == "database:pool")
                self.assertEqual((pool["outcome"], pool["v"][1]), ("pass", 20))
                requests = d.wait(lambda d: d.samples("requests", "checkout-api"), "requests")[0]
                self.assertGreater(requests["v"][0], 100)
                self.assertTrue(d.samples("latency", "checkout-api"))
                n = len(d.lines)
                sim.say("link down")  # our link, not the service: nothing is said of it
                d.wait(lambda d: len(d.samples("probe", "checkout-api", n)) > 2, "probes without a link")
                self.assertEqual({s["outcome"] for s in d.samples("probe", "checkout-api", len(d.lines) - 1)} - {"unseen"}, set())
                d.wait_health("probes", "stale")


class ServiceMetrics(unittest.TestCase):
    CONFIG = "environments: {e: {metrics: {every: 1s, url: \"http://127.0.0.1:{port}/{service}/metrics\"}}}\n"

    def total(self, d, since=0):
        seen = d.samples("requests", "orders", since)
        return sum(s["v"][0] for s in seen), sum(s["v"][1] for s in seen), sum(s["span_ms"] for s in seen) / 1000

    def test_rates_errors_and_a_restart(self):
        shop = Shop("orders", "nothing")
        with Driver(self.CONFIG, f"orders:{shop.port}", f"gone:{shop.port}") as d:
            d.wait(lambda d: len(d.samples("requests", "orders")) >= 3, "three")
            n, failed, seconds = self.total(d)
            self.assertAlmostEqual(n / seconds, 100, delta=25)
            self.assertEqual(failed, 0)
            latency = d.samples("latency", "orders")[-1]
            self.assertEqual(latency["bounds"], [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000])
            self.assertGreater(latency["v"][2], 50)  # above 10 and up to 25 ms
            shop.turn_up("orders", errors=0.5, latency=0.3)
            d.wait(lambda d: d.samples("requests", "orders")[-1]["v"][1] > 30, "errors")
            self.assertGreater(d.samples("latency", "orders")[-1]["v"][6], 30)
            shop.turn_up("orders", errors=0.0, latency=0.02)
            before = len(d.lines)
            shop.restart("orders")
            d.wait(lambda d: len(d.samples("requests", "orders", before)) >= 3, "after the restart")
            n, _, seconds = self.total(d, before)
            self.assertAlmostEqual(n / seconds, 100, delta=40)  # no leap
            d.wait_health("service metrics", "live", "gone")

    def test_several_pods_behind_one_service(self):
        shop = Shop("orders", pods=3)
        with Driver(self.CONFIG, f"orders:{shop.port}") as d:
            d.wait(lambda d: len(d.samples("requests", "orders")) >= 6, "six")
            seen = d.samples("requests", "orders")
            for s in seen:  # each pod has a third, and is asked each third time
                self.assertAlmostEqual(s["span_ms"], 3000, delta=700)
                self.assertAlmostEqual(s["v"][0], 100, delta=40)

    def test_pods_that_can_not_be_told_apart(self):
        shop = Shop("orders", pods=2)
        for p, ok in zip(shop.pods["orders"], (5000.0, 10.0)):
            p.update(started=1700000000.0, ok=ok)
        with Driver(self.CONFIG, f"orders:{shop.port}") as d:
            d.wait(lambda d: any("can not be told apart" in x.get("text", "") for x in d.lines if "health" in x), "doubt")
            n = len(d.lines)
            d.wait(lambda d: shop.turn["orders"] >= 8, "more scrapes")
            self.assertFalse(d.samples("requests", None, n))


class Real(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Shop("orders", "payments")
        cls.monitoring = Monitoring(cls.shop)

    @classmethod
    def tearDownClass(cls):
        cls.monitoring.end()

    def config(self, more="", prom=""):
        m = self.monitoring
        return ("environments:\n  e:\n    namespaces: [shop]\n"
                f"    prometheus: {{url: \"{m.url}/\", every: 15s, range: 15s{prom}}}\n"
                f"    alertmanager: {{url: \"{m.alerts_url}\"}}\n{more}")

    def test_it_follows_and_follows_back(self):
        probes = "    health: {every: 1s, url: \"http://127.0.0.1:{port}/{service}/healthz\"}\n"
        begin = int(time.time() * 1000)
        with Driver(self.config(probes), f"orders:{self.shop.port}", f"payments:{self.shop.port}", pace=15) as d:
            d.wait(lambda d: d.samples("latency", "orders") and d.samples("requests", "payments") and
                   d.samples("requests", "orders")[-1]["v"][0] > 50, "samples of both", 60)
            self.assertEqual([x for x in d.lines if x.get("health") == "prometheus"][-1]["preset"], "http-server")
            one = d.samples("latency", "orders")[-1]
            self.assertEqual(one["bounds"], [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000])
            self.assertGreater(one["v"][2], 0.9 * sum(one["v"]))
            self.assertEqual(d.samples("requests", "orders")[-1]["v"][1], 0)
            self.shop.turn_up("orders", errors=0.3, latency=0.4)
            d.wait(lambda d: d.samples("requests", "orders")[-1]["v"][1] > 0.2 * d.samples("requests", "orders")[-1]["v"][0], "errors")
            d.wait(lambda d: d.samples("latency", "orders")[-1]["v"][6] > 0.5 * sum(d.samples("latency", "orders")[-1]["v"]), "slowness")
            alert = d.wait(lambda d: d.samples("alert", "orders"), "an alert")[0]
            self.assertEqual((alert["name"], alert["code"], alert["text"]), ("TooManyErrors", 1, "of orders"))
            self.assertFalse(d.samples("alert", "payments"))
            self.shop.turn_up("orders", errors=0.0, latency=0.02)
            d.wait(lambda d: d.samples("alert", "orders")[-1]["code"] == 0, "the alert's end", 60)
            d.wait(lambda d: d.samples("requests", "orders")[-1]["v"][1] < 0.01 * d.samples("requests", "orders")[-1]["v"][0], "no errors")
            now = int(time.time() * 1000)
            d.say(f"baseline {begin - 60000} {now}")
            d.wait(lambda d: any(x.get("baseline") == "ok" for x in d.lines), "the baseline")
            old = d.samples("requests", "orders", how="old")
            self.assertTrue(d.samples("latency", "orders", how="old") or not old)
            for s in old:
                self.assertEqual(s["span_ms"], 15000)
            self.monitoring.stop("prometheus")
            d.wait_health("prometheus", "stale", "refused")
            n = len(d.lines)
            d.wait(lambda d: len(d.samples("probe", "orders", n)) > 3, "probes go on")
            self.assertFalse(d.samples("requests", None, n))
            self.monitoring.again("prometheus", self.monitoring.url)
            d.wait_health("prometheus", "live")

    def test_the_time_before(self):
        with Driver(self.config(), f"orders:{self.shop.port}") as d:
            for of in ("[5m]) > 60", "[45s]) >= 44"):  # enough of it, and no gap of another test in the last buckets
                wait_for(lambda: self.query('count_over_time(http_requests_total{code="200",service="orders"}' + of), 90, "data")
            now = int(time.time() * 1000)
            d.wait_health("prometheus", "live")
            d.say(f"baseline {now - 120000} {now}")
            d.wait(lambda d: any(x.get("baseline") == "ok" for x in d.lines), "the baseline")
            end = next(i for i, x in enumerate(d.lines) if "baseline" in x)
            d.wait(lambda d: d.samples("requests", "orders", end), "live ones after it")
        old = d.samples("requests", "orders", how="old")
        self.assertTrue(old)
        self.assertEqual([s["at_ms"] for s in old], sorted(s["at_ms"] for s in old))
        first_live = d.samples("requests", "orders", end)[0]
        self.assertEqual(first_live["span_ms"], 15000)
        self.assertLessEqual(old[-1]["at_ms"], first_live["at_ms"] - first_live["span_ms"])
        self.assertGreater(old[-1]["at_ms"], first_live["at_ms"] - first_live["span_ms"] - 5000)
        self.assertAlmostEqual(old[-1]["v"][0] / 15, 100, delta=20)
        self.assertTrue(d.samples("latency", "orders", how="old"))

    def query(self, text, base=None, **more):
        code, doc = ask((base or self.monitoring.url) + "/api/v1/query?" + urllib.parse.urlencode({"query": text, **more}))
        return doc["data"]["result"] if code == 200 else None

    def test_wrong_queries_and_wrong_places(self):
        with Driver(self.config(prom=", queries: {requests: \"sum by (\", errors: \"vector(1)\", latency: \"\"}"), pace=15) as d:
            d.wait_health("prometheus", "live", "requests: ")  # it is there, and says what is wrong
            self.assertFalse(d.samples("requests"))
        with Driver("environments: {e: {prometheus: {url: \"%s/wrong\"}}}" % self.monitoring.url, pace=15) as d:
            d.wait_health("prometheus", "absent", "is the path of its url right?")
        with Driver(self.config().replace("[shop]", "[elsewhere]"), pace=15) as d:
            d.wait_health("prometheus", "absent", "the series of no preset")

    def test_the_simulator_answers_as_the_real_one(self):
        """Each query that we ask, once to each: the same shape."""
        asked = self.asked()
        self.assertGreater(len(asked), 10)
        with Sim(story="good-release") as sim:
            for path, query in sorted(asked):
                if path.endswith("query_range"):
                    continue
                real = ask(f"{self.monitoring.url}/api/v1/query?" + urllib.parse.urlencode({"query": query}))
                ours = ask(f"{sim.ready['prometheus']}/api/v1/query?" + urllib.parse.urlencode({"query": query}))
                self.assertEqual((real[0], real[1]["status"]), (200, "success"), (query, real))
                self.assertEqual((ours[0], ours[1]["status"]), (200, "success"), (query, ours))
                shapes = []
                for _, doc in (real, ours):
                    self.assertEqual(doc["data"]["resultType"], "vector")
                    shapes.append({(tuple(sorted(r["metric"])), len(r["value"]), type(r["value"][0]), type(r["value"][1]))
                                   for r in doc["data"]["result"]})
                if "http_request" in query and "quantile" not in query and "status" not in query:
                    self.assertEqual(len(shapes[0]), 1, query)
                    self.assertEqual([tuple(x[0] for x in s) for s in shapes][0], [tuple(x[0] for x in s) for s in shapes][1], query)
            for path, params in (("query", {"query": "sum by ("}), ("query", {}), ("query_range", {"query": "up"})):
                answers = [ask(f"{base}/api/v1/{path}?" + urllib.parse.urlencode(params))
                           for base in (self.monitoring.url, sim.ready["prometheus"])]
                for code, doc in answers:
                    self.assertEqual((code, doc["status"], doc["errorType"]), (400, "error", "bad_data"), (params, answers))

    def asked(self):
        """What is asked of a server that has nothing, with each preset and without one."""
        empty = json.dumps({"status": "success", "data": {"resultType": "vector", "result": []}}).encode()
        found = set()
        for preset in ("", ", preset: http-server", ", preset: micrometer", ", preset: istio"):
            server = Scripted({("query", "list"): lambda n: (200, {"Content-Type": "application/json"}, [empty])})
            with Driver("environments: {e: {namespaces: [shop, pay], prometheus: {url: \"%s\", range: 60s%s}}}" % (server.url, preset)) as d:
                d.wait(lambda d: any(x.get("health") for x in d.lines), preset)
            found |= {(r["path"], r["query"]["query"]) for r in server.log}
        return found

    def test_huge_and_odd_answers(self):
        row = '{"metric":{"service":"orders","namespace":"shop","le":"%s"},"value":[1,"%s"]}'
        vector = '{"status":"success","data":{"resultType":"vector","result":[%s]}}'
        odd = [vector % ",".join(row % (le, v) for le, v in (("0.1", "NaN"), ("+Inf", "+Inf"), ("x", "1e308"), ("0.2", "-4"))),
               vector % ",".join(row % (i, 1) for i in range(120000)), '{"status":"success","data":{"resultType":"vector","result":[',
               "<html>", '{"status":"success"}', "x" * 20000000]
        for text in odd:
            server = Scripted({("query", "list"): lambda n: (200, {"Content-Type": "application/json"}, [text.encode()])})
            with Driver("environments: {e: {prometheus: {url: \"%s\", preset: http-server}}}" % server.url, "orders:80", pace=15) as d:
                d.wait(lambda d: any(x.get("health") == "prometheus" for x in d.lines), text[:60], 60)
            self.assertFalse(d.samples("requests") + d.samples("latency") + d.samples("p95") + d.samples("gauge"), text[:60])


if __name__ == "__main__":
    main()
