#!/usr/bin/python3
"""The simulator against a real control plane: the same questions to both, and the same answers wanted.
A check asks one server and gives back what bakewatch would read of it (status codes, reasons, counts,
which fields there are); what differs from run to run (names, times, uids) is left out."""
import base64
import json
import pathlib
import ssl
import threading
import unittest
import urllib.parse
import urllib.request

import common
from common import Cluster, wait_for
from sim import Sim

APPS, CORE = "/apis/apps/v1/namespaces/shop", "/api/v1/namespaces/shop"
PARTIAL = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
JSON, MERGE, STRATEGIC = ("application/json-patch+json", "application/merge-patch+json",
                          "application/strategic-merge-patch+json")
REVISION = "deployment.kubernetes.io/revision"


class Peer:
    """What the checks need of a server."""

    def request(self, path, method="GET", body=None, headers=None, user="admin"):
        """It, and how urlopen is to send it."""
        base, context, own = self.where(user)
        return urllib.request.Request(base + path, method=method, headers={**own, **(headers or {})},
                                      data=None if body is None else json.dumps(body).encode()), {"context": context, "timeout": 60}

    def open(self, path):
        request, how = self.request(path)
        return urllib.request.urlopen(request, **how)

    def ask(self, path, **what):
        """(status, document)"""
        request, how = self.request(path, **what)
        return common.ask(request, **how)

    def get(self, path):
        status, doc = self.ask(path)
        assert status == 200, (path, status, doc)
        return doc

    def patch(self, path, body, kind=STRATEGIC, **how):
        return self.ask(path, method="PATCH", body=body, headers={"Content-Type": kind}, **how)

    def set_image(self, kind, name, tag, container="app", **spec):
        status, doc = self.patch(f"{APPS}/{kind}/{name}", {"spec": {**spec, "template": {"spec": {"containers": [
            {"name": container, "image": f"registry.example/{name}:{tag}"}]}}}})
        assert status == 200, doc
        return doc

    def wait(self, path, what, name):
        def look():
            doc = self.get(path)
            return doc if what(doc) else None
        return wait_for(look, 90, f"{self.name}: {name}")

    def watch(self, path, stop, start=None):
        """The events of a watch until stop(events), or its end."""
        events = []
        with self.open(path) as answer:
            if start:
                start()
            for line in answer:
                events.append(json.loads(line))
                if stop(events):
                    break
        return events


class Simulated(Peer):
    name = "simulator"

    def __init__(self):
        self.sim = Sim(story=str(common.TOP / "tests/fixtures/conformance.yaml"), speed=5)

    def where(self, user):
        base = self.sim.base.rsplit("/", 1)[0]
        if user in ("wrong", None):
            return base, None, {"Authorization": "Bearer wrong"} if user else {}
        return self.sim.base + ("" if user == "admin" else "." + user), None, {}

    def compact(self):
        self.sim.say("forget")

    def forget(self):
        self.sim.say("forget")

    def end(self):
        self.sim.end()


class Real(Peer):
    name = "control plane"

    def __init__(self):
        self.cluster = Cluster()
        self.cluster.shop()
        config = json.loads(pathlib.Path(self.cluster.admin).read_text())["clusters"][0]["cluster"]
        self.base = config["server"]
        self.tls = ssl.create_default_context(cadata=base64.b64decode(config["certificate-authority-data"]).decode())

    def where(self, user):
        return self.base, self.tls, {"Authorization": f"Bearer {user}-token"} if user else {}

    def compact(self):
        self.cluster.run("compact")

    def forget(self):
        """What its watches could begin from is in the server's memory."""
        self.cluster.run("compact")
        self.cluster.run("kill", "apiserver")
        self.cluster.run("start", "apiserver")

    def end(self):
        self.cluster.down()


# ---- what of an answer is compared ----

def refusal(answer):
    status, doc = answer
    return (status, doc.get("kind"), doc.get("status"), doc.get("reason"), doc.get("code")) if isinstance(doc, dict) else (status,)


def conditions(doc):
    return sorted((c["type"], c["status"], c.get("reason")) for c in doc["status"].get("conditions", []))


def counts(doc):
    s = doc["status"]
    return {k: s.get(k, 0) for k in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")}


def is_complete(doc):
    s, n = doc["status"], doc["spec"]["replicas"]
    return (s.get("observedGeneration") == doc["metadata"]["generation"] and s.get("replicas") == n
            and s.get("updatedReplicas") == n and s.get("availableReplicas") == n
            and any(c.get("reason") == "NewReplicaSetAvailable" for c in s.get("conditions", [])))


def complete(p, name):
    return p.wait(f"{APPS}/deployments/{name}", is_complete, f"{name} complete")


def revision(doc):
    return doc["metadata"]["annotations"][REVISION]


def replicasets(p, name):
    items = p.get(f"{APPS}/replicasets?labelSelector=app%3D{name}")["items"]
    return sorted(items, key=lambda r: int(revision(r)))


def has_fields(doc, paths):
    def has(d, keys):
        for k in keys:
            d = (d[0] if d else None) if k == "0" and isinstance(d, list) else d.get(k) if isinstance(d, dict) else None
            if d is None:
                return False
        return True
    return sorted(p for p in paths if has(doc, p.split("/")))


META = ["metadata/name", "metadata/namespace", "metadata/uid", "metadata/resourceVersion", "metadata/creationTimestamp"]
OWNED = ["metadata/ownerReferences/0/" + k for k in ("apiVersion", "kind", "name", "uid", "controller")]
TEMPLATE = ["spec/template/metadata/labels", "spec/template/spec/containers/0/name", "spec/template/spec/containers/0/image"]


# ---- the checks ----

def check_health(p):
    return p.ask("/livez", user=None), p.ask("/readyz", user=None), "gitVersion" in p.get("/version")


def check_credentials(p):
    return (refusal(p.ask(f"{CORE}/pods", user="wrong")), refusal(p.ask(f"{CORE}/pods", user=None)),
            p.ask(f"{CORE}/pods", user=None)[1]["message"])


def check_forbidden(p):
    answer = p.ask(f"{CORE}/pods", user="nopods")
    assert answer[0] == 403
    return refusal(answer), answer[1]["message"], p.ask(f"{APPS}/deployments", user="nopods")[0]


def check_missing(p):
    one, other = p.ask(f"{APPS}/deployments/nope"), p.ask(f"{CORE}/pods/nope")
    assert one[0] == 404
    return (refusal(one), one[1]["message"], one[1]["details"], refusal(other), other[1]["message"],
            p.ask("/apis/apps/v1/namespaces/shop/nonsense")[0], p.ask("/apis/example.org/v1/things")[0],
            p.ask("/api/v1/namespaces/nowhere/pods")[1]["items"])


def check_kinds(p):
    found = []
    for group, kind in [("/apis/apps/v1", k) for k in ("deployments", "statefulsets", "daemonsets", "replicasets",
                                                       "controllerrevisions")] + \
            [("/api/v1", k) for k in ("pods", "services", "events", "nodes", "namespaces")] + \
            [("/apis/autoscaling/v1", "horizontalpodautoscalers"), ("/apis/batch/v1", "jobs")]:
        status, doc = p.ask(f"{group}/{kind}")
        found.append((kind, status, doc["kind"], doc["apiVersion"], doc["metadata"]["resourceVersion"].isdigit(),
                      "kind" in (doc["items"] or [{}])[0]))
    return found


def check_paging(p):
    path, pages, more = f"{APPS}/deployments?limit=1&labelSelector=app%21%3Dscrapers", [], ""
    plain = p.get(f"{APPS}/deployments?limit=1")["metadata"]
    while True:
        doc = p.get(path + (f"&continue={urllib.parse.quote(more)}" if more else ""))
        pages.append((doc["kind"], [i["metadata"]["name"] for i in doc["items"]], "remainingItemCount" in doc["metadata"]))
        more = doc["metadata"].get("continue")
        if not more:
            return pages, sorted(k for k in plain if k != "selfLink")


def check_pages_are_one_moment(p):
    first = p.get(f"{APPS}/deployments?limit=1")
    p.patch(f"{APPS}/deployments/web", {"metadata": {"annotations": {"moment": first["metadata"]["resourceVersion"]}}}, MERGE)
    second = p.get(f"{APPS}/deployments?continue={urllib.parse.quote(first['metadata']['continue'])}")
    seen = next(d for d in second["items"] if d["metadata"]["name"] == "web")
    return (first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"],
            seen["metadata"]["annotations"].get("moment") == first["metadata"]["resourceVersion"])


def check_tokens(p):
    more = p.get(f"{APPS}/deployments?limit=1")["metadata"]["continue"]
    p.patch(f"{APPS}/deployments/web", {"metadata": {"annotations": {"newer": more}}}, MERGE)
    p.compact()
    old = p.ask(f"{APPS}/deployments?limit=1&continue={urllib.parse.quote(more)}")
    assert old[0] == 410, old
    return refusal(p.ask(f"{APPS}/deployments?limit=1&continue=nonsense")), refusal(old)


def check_metadata_only(p):
    status, doc = p.ask(f"{CORE}/pods", headers={"Accept": PARTIAL})
    item = doc["items"][0]
    return (status, doc["kind"], doc["apiVersion"], doc["metadata"]["resourceVersion"].isdigit(), sorted(item),
            item["kind"], item["apiVersion"], has_fields(item, META + OWNED))


def check_selectors(p):
    def names(query):
        status, doc = p.ask(f"{APPS}/deployments?{query}")
        return [d["metadata"]["name"] for d in doc["items"]] if status == 200 else refusal((status, doc))
    quote = urllib.parse.quote
    return [names("labelSelector=" + quote(s)) for s in ("app=web", "app==web", "app in (web,policy-api)", "!app", "app!=web,app!=scrapers",
                                                         "app notin (web,scrapers)", "app,app in (web)", "app in web", "=")] + \
        [names("fieldSelector=" + quote(s)) for s in ("metadata.name=web", "metadata.name!=web,metadata.name!=scrapers")]


def check_watch(p):
    rv = p.get(f"{APPS}/deployments")["metadata"]["resourceVersion"]

    def act():
        p.patch(f"{APPS}/deployments/web", {"metadata": {"annotations": {"watched": "yes" + rv}}}, MERGE)
    events = p.watch(f"{APPS}/deployments?watch=1&resourceVersion={rv}&timeoutSeconds=30",
                     lambda got: got[-1]["object"]["metadata"]["annotations"].get("watched") == "yes" + rv, act)
    last = events[-1]
    return last["type"], last["object"]["kind"], last["object"]["apiVersion"], int(last["object"]["metadata"]["resourceVersion"]) > int(rv)


def check_watch_from_nothing(p):
    events = p.watch(f"{APPS}/deployments?watch=1&timeoutSeconds=30&labelSelector=app%3Dweb", lambda got: True)
    return events[0]["type"], events[0]["object"]["metadata"]["name"]


def check_watch_bookmark(p):
    """Shortly before its time is over a watch says how far it is: beyond where it began."""
    rv = p.get(f"{APPS}/statefulsets")["metadata"]["resourceVersion"]
    events = p.watch(f"{APPS}/statefulsets?watch=1&resourceVersion={rv}&allowWatchBookmarks=true&timeoutSeconds=6", lambda got: False,
                     lambda: p.patch(f"{APPS}/statefulsets/db", {"metadata": {"annotations": {"mark": rv}}}, MERGE))
    last = events[-1]
    assert last["type"] == "BOOKMARK", events
    return events[0]["type"], last["object"]["kind"], last["object"]["apiVersion"], int(last["object"]["metadata"]["resourceVersion"]) > int(rv)


def check_zz_watch_too_old(p):
    rv = p.get(f"{APPS}/deployments")["metadata"]["resourceVersion"]
    p.patch(f"{APPS}/deployments/web", {"metadata": {"annotations": {"late": rv}}}, MERGE)
    p.forget()
    with p.open(f"{APPS}/deployments?watch=1&resourceVersion={rv}&timeoutSeconds=5") as answer:
        event = json.loads(answer.readline())
        assert event["object"]["code"] == 410, event
        return answer.status, event["type"], event["object"]["kind"], event["object"]["reason"], event["object"]["code"]


def check_reviews(p):
    def may(user, verb, resource):
        status, doc = p.ask("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", method="POST", user=user, headers={"Content-Type": "application/json"}, body={
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {"namespace": "shop", "verb": verb, "resource": resource}}})
        return status, doc["status"]["allowed"]
    status, rules = p.ask("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", method="POST", headers={"Content-Type": "application/json"}, body={
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": "shop"}})
    return (may("admin", "list", "pods"), may("nopods", "list", "pods"), may("nopods", "list", "services"), may("viewer", "list", "pods"),
            status, rules["kind"], sorted(rules["status"]), refusal(p.ask("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", method="POST", body={},
                                                                              headers={"Content-Type": "text/plain"})))


def check_preconditions(p):
    path = f"{APPS}/deployments/web"
    rv, uid = (p.get(path)["metadata"][k] for k in ("resourceVersion", "uid"))
    other = "00000000-0000-0000-0000-000000000000"

    def replace(where, value, op="replace"):
        return refusal(p.patch(path, [{"op": op, "path": where, "value": value}], JSON))
    found = [replace("/metadata/resourceVersion", "1"), replace("/metadata/uid", other), replace("/metadata/uid", uid, "test")[0],
             replace("/metadata/uid", other, "test"), replace("/spec/nonsense/more", 1), replace("/spec/replicas", -1),
             refusal(p.patch(path, {"spec": {"selector": {"matchLabels": {"app": "other"}}}}, MERGE)),
             refusal(p.patch(path, {"metadata": {"resourceVersion": "1"}}, MERGE)),
             refusal(p.patch(path, {"spec": {"template": {"metadata": {"labels": {"app": "other"}}}}}, MERGE)),
             refusal(p.patch(path, {}, "text/plain")), refusal(p.patch(path, {}, user="viewer")),
             refusal(p.patch(f"{APPS}/deployments/nope", {}, MERGE))]
    assert found[0][0] == 409
    return found, p.get(path)["metadata"]["resourceVersion"] == rv


def check_patches(p):
    path = f"{APPS}/deployments/web"
    before = p.get(path)["metadata"]
    _, dry = p.patch(path + "?dryRun=All", {"metadata": {"annotations": {"dry": "run"}}, "spec": {"minReadySeconds": 1}}, MERGE)
    _, noop = p.patch(path, {"spec": {"replicas": 2}}, MERGE)
    _, note = p.patch(path, {"metadata": {"annotations": {"note": "x" + before["resourceVersion"]}}}, MERGE)
    return (dry["metadata"]["generation"] - before["generation"], dry["metadata"]["annotations"].get("dry"),
            noop["metadata"]["resourceVersion"] == before["resourceVersion"], note["metadata"]["generation"] - before["generation"],
            note["metadata"]["resourceVersion"] == before["resourceVersion"], "dry" in p.get(path)["metadata"]["annotations"])


def check_good_rollout(p):
    complete(p, "policy-api")
    before = p.get(f"{APPS}/deployments/policy-api")
    asked = p.set_image("deployments", "policy-api", "1.1.0")
    done = complete(p, "policy-api")
    sets = replicasets(p, "policy-api")
    return (asked["metadata"]["generation"] - before["metadata"]["generation"],
            asked["status"]["observedGeneration"] == before["metadata"]["generation"], counts(done), conditions(done),
            int(revision(done)) - int(revision(before)), [r["spec"]["replicas"] for r in sets],
            [r["status"].get("replicas", 0) for r in sets], revision(sets[-1]) == revision(done))


def undo(p, name):
    """As kubectl does it, with the template of the revision before."""
    now, old = p.get(f"{APPS}/deployments/{name}"), replicasets(p, name)[-2]
    template = old["spec"]["template"]
    del template["metadata"]["labels"]["pod-template-hash"]
    notes = {k: v for k, v in old["metadata"]["annotations"].items() if not k.startswith("deployment.kubernetes.io/")}
    notes |= {k: v for k, v in now["metadata"]["annotations"].items() if k.startswith("deployment.kubernetes.io/")}
    status, doc = p.patch(f"{APPS}/deployments/{name}", [{"op": "replace", "path": "/spec/template", "value": template},
                                                       {"op": "replace", "path": "/metadata/annotations", "value": notes}], JSON)
    assert status == 200, doc
    return old


def check_failed_rollout_and_undo(p):
    complete(p, "policy-api")
    before = p.get(f"{APPS}/deployments/policy-api")
    p.set_image("deployments", "policy-api", "pullfail", progressDeadlineSeconds=5)
    failed = p.wait(f"{APPS}/deployments/policy-api",
                    lambda d: any(c.get("reason") == "ProgressDeadlineExceeded" for c in d["status"]["conditions"]), "the deadline")
    fresh = replicasets(p, "policy-api")[-1]
    label = urllib.parse.quote("pod-template-hash=" + fresh["metadata"]["labels"]["pod-template-hash"])
    pods = p.wait(f"{CORE}/pods?labelSelector={label}", lambda l: l["items"] and all(
        i["status"].get("containerStatuses", [{}])[0].get("state", {}).get("waiting", {}).get("reason") == "ImagePullBackOff"
        for i in l["items"]), "the pods")["items"]
    old = undo(p, "policy-api")
    healed = complete(p, "policy-api")
    again = next(r for r in replicasets(p, "policy-api") if r["metadata"]["name"] == old["metadata"]["name"])
    return (counts(failed), conditions(failed), len(pods), [i["status"]["phase"] for i in pods], counts(healed), conditions(healed),
            int(revision(healed)) - int(revision(before)), revision(again) == revision(healed),
            again["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"].split(",")[-1] == revision(before),
            len(replicasets(p, "policy-api")) - len([r for r in replicasets(p, "policy-api") if r["spec"]["replicas"]]) >= 1)


def pod_facts(p, tag, what):
    complete(p, "web")
    p.set_image("deployments", "web", tag)

    def fits(doc):
        return [i for i in doc["items"] if i["spec"]["containers"][0]["image"].endswith(":" + tag) and what(i)]
    doc = p.wait(f"{CORE}/pods?labelSelector=app%3Dweb", fits, tag)
    pod = fits(doc)[0]
    undo(p, "web")
    complete(p, "web")
    return pod


def waiting(pod):
    return (pod["status"].get("containerStatuses") or [{}])[0].get("state", {}).get("waiting", {}).get("reason")


def check_crash(p):
    pod = pod_facts(p, "crash", lambda i: waiting(i) == "CrashLoopBackOff")
    c = pod["status"]["containerStatuses"][0]
    return (pod["status"]["phase"], c["ready"], c["restartCount"] > 0, c["lastState"]["terminated"]["exitCode"],
            c["lastState"]["terminated"]["reason"], [x for x in conditions(pod) if x[0] == "Ready"],
            has_fields(c, ["name", "image", "imageID", "lastState/terminated/startedAt", "lastState/terminated/finishedAt",
                           "state/waiting/message"]))


def check_oom(p):
    pod = pod_facts(p, "oom", lambda i: waiting(i) == "CrashLoopBackOff")
    last = pod["status"]["containerStatuses"][0]["lastState"]["terminated"]
    return last["exitCode"], last["reason"]


def check_no_config(p):
    pod = pod_facts(p, "configfail", lambda i: waiting(i) == "CreateContainerConfigError")
    return pod["status"]["phase"], pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"]


def check_unready(p):
    pod = pod_facts(p, "unready", lambda i: i["status"]["phase"] == "Running")
    ready = next(c for c in pod["status"]["conditions"] if c["type"] == "Ready")
    return ready["status"], ready["reason"], ready["message"], pod["status"]["containerStatuses"][0]["ready"]


def check_no_room(p):
    pod = pod_facts(p, "unschedulable", lambda i: any(c.get("reason") == "Unschedulable" for c in i["status"].get("conditions", [])))
    return pod["status"]["phase"], [c for c in conditions(pod) if c[0] == "PodScheduled"], pod["spec"].get("nodeName")


def check_paused(p):
    complete(p, "web")
    before = p.get(f"{APPS}/deployments/web")
    p.set_image("deployments", "web", "1.0.7", paused=True)
    held = p.wait(f"{APPS}/deployments/web", lambda d: d["status"]["observedGeneration"] == d["metadata"]["generation"], "seen")
    is_held = revision(held) == revision(before)
    p.patch(f"{APPS}/deployments/web", {"spec": {"paused": None}}, MERGE)
    return is_held, held["status"].get("updatedReplicas", 0), counts(complete(p, "web"))


def check_patience(p):
    """minReadySeconds: ready is not yet available, and the rollout waits for it."""
    complete(p, "web")
    seen, stop = [], threading.Event()
    rv = p.get(f"{APPS}/deployments")["metadata"]["resourceVersion"]

    def read():
        p.watch(f"{APPS}/deployments?watch=1&resourceVersion={rv}&timeoutSeconds=60&fieldSelector=metadata.name%3Dweb",
                lambda got: seen.append(got[-1]["object"]) or stop.is_set())
    reader = threading.Thread(target=read)
    reader.start()
    p.set_image("deployments", "web", "1.3.0", minReadySeconds=3)
    p.wait(f"{APPS}/deployments/web", lambda d: is_complete(d) and d["spec"].get("minReadySeconds") == 3, "complete")
    stop.set()
    p.patch(f"{APPS}/deployments/web", {"spec": {"minReadySeconds": None}}, MERGE)
    reader.join()
    return (any(d["status"].get("readyReplicas", 0) > d["status"].get("availableReplicas", 0) for d in seen),
            min(d["status"].get("availableReplicas", 0) for d in seen), counts(complete(p, "web")))


def check_recreate(p):
    """All old pods are gone before the first new one comes."""
    complete(p, "web")
    listed = p.get(f"{CORE}/pods?labelSelector=app%3Dweb")
    rv, leaving = listed["metadata"]["resourceVersion"], {i["metadata"]["name"] for i in listed["items"] if "deletionTimestamp" in i["metadata"]}
    p.patch(f"{APPS}/deployments/web", {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}, MERGE)
    p.set_image("deployments", "web", "1.4.0")
    events = p.watch(f"{CORE}/pods?watch=1&resourceVersion={rv}&timeoutSeconds=60&labelSelector=app%3Dweb",
                     lambda got: sum(e["type"] == "ADDED" for e in got) == 2)
    kinds = [e["type"] for e in events if e["type"] != "MODIFIED" and e["object"]["metadata"]["name"] not in leaving]
    done = complete(p, "web")
    p.patch(f"{APPS}/deployments/web", {"spec": {"strategy": {"type": "RollingUpdate"}}}, MERGE)
    return kinds, counts(done), conditions(done)


def check_history_is_short(p):
    complete(p, "policy-api")
    p.patch(f"{APPS}/deployments/policy-api", {"spec": {"revisionHistoryLimit": 1}}, MERGE)
    for tag in ("2.0.0", "2.1.0", "2.2.0"):
        p.set_image("deployments", "policy-api", tag)
        complete(p, "policy-api")

    def look(doc):
        return len(doc["items"]) == 2
    p.wait(f"{APPS}/replicasets?labelSelector=app%3Dpolicy-api", look, "two ReplicaSets")
    sets = replicasets(p, "policy-api")
    p.patch(f"{APPS}/deployments/policy-api", {"spec": {"revisionHistoryLimit": 10}}, MERGE)
    return [r["spec"]["template"]["spec"]["containers"][0]["image"] for r in sets], int(revision(sets[1])) - int(revision(sets[0]))


def check_scale(p):
    found = []
    for n in (5, 1, 3):
        p.patch(f"{APPS}/deployments/policy-api", {"spec": {"replicas": n}}, MERGE)
        done = complete(p, "policy-api")
        found.append((n, counts(done), conditions(done), len(replicasets(p, "policy-api")[-1]["metadata"]["ownerReferences"])))
    return found


def check_deleted_pod(p):
    complete(p, "policy-api")
    listed = p.get(f"{CORE}/pods?labelSelector=app%3Dpolicy-api")
    gone = listed["items"][0]["metadata"]["name"]
    answers = []
    events = p.watch(f"{CORE}/pods?watch=1&resourceVersion={listed['metadata']['resourceVersion']}&timeoutSeconds=60&labelSelector=app%3Dpolicy-api",
                     lambda got: {e["type"] for e in got if e["object"]["metadata"]["name"] == gone} >= {"DELETED"},
                     lambda: answers.append(p.ask(f"{CORE}/pods/{gone}", method="DELETE")[0]))
    kinds = [e["type"] for e in events if e["object"]["metadata"]["name"] == gone]
    return answers, kinds[0], kinds[-1], refusal(p.ask(f"{CORE}/pods/{gone}")), counts(complete(p, "policy-api"))


def check_statefulset(p):
    path = f"{APPS}/statefulsets/db"
    before = p.get(path)
    p.set_image("statefulsets", "db", "1.1.0", "app" if p.name == "simulator" else "db")
    done = p.wait(path, lambda d: d["status"].get("updateRevision") == d["status"].get("currentRevision")
                  and d["status"]["updateRevision"] != before["status"]["updateRevision"]
                  and d["status"].get("readyReplicas") == d["status"].get("updatedReplicas") == 2, "the new revision")
    revs = p.get(f"{APPS}/controllerrevisions?labelSelector=app%3Ddb")["items"]
    pods = p.get(f"{CORE}/pods?labelSelector=app%3Ddb")["items"]
    names = {r["metadata"]["name"] for r in revs}
    return ({k: done["status"].get(k) for k in ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas")},
            sorted(i["metadata"]["name"] for i in pods), sorted(r["revision"] for r in revs), done["status"]["updateRevision"] in names,
            {i["metadata"]["labels"]["controller-revision-hash"] for i in pods} == {done["status"]["updateRevision"]},
            has_fields(revs[0], META + OWNED + ["revision", "data/spec/template/spec/containers/0/image"]),
            all(n == "db-" + r["metadata"]["labels"]["controller.kubernetes.io/hash"] for r in revs for n in [r["metadata"]["name"]]))


def check_daemonset(p):
    path = f"{APPS}/daemonsets/node-agent"
    p.set_image("daemonsets", "node-agent", "1.1.0", "app" if p.name == "simulator" else "agent")
    done = p.wait(path, lambda d: d["status"]["observedGeneration"] == d["metadata"]["generation"]
                  and d["status"].get("updatedNumberScheduled") == d["status"].get("numberAvailable") == 1, "updated")
    revs = p.get(f"{APPS}/controllerrevisions?labelSelector=app%3Dnode-agent")["items"]
    pod = p.get(f"{CORE}/pods?labelSelector=app%3Dnode-agent")["items"][0]
    newest = max(revs, key=lambda r: r["revision"])
    return ({k: v for k, v in done["status"].items() if isinstance(v, int) and k != "observedGeneration"},
            newest["metadata"]["labels"]["controller-revision-hash"] == pod["metadata"]["labels"]["controller-revision-hash"])


def check_fields(p):
    """Of each kind: which of the fields that bakewatch reads are there, in a platform at rest."""
    d = complete(p, "policy-api")
    r = replicasets(p, "policy-api")[-1]
    pod = p.get(f"{CORE}/pods?labelSelector=app%3Dpolicy-api")["items"][0]
    s, ds = p.get(f"{APPS}/statefulsets/db"), p.get(f"{APPS}/daemonsets/node-agent")
    service = p.get(f"{CORE}/services/policy-api")
    hpa = p.get("/apis/autoscaling/v1/namespaces/shop/horizontalpodautoscalers/web")
    status = ["status/" + k for k in ("observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas",
                                      "currentRevision", "updateRevision", "desiredNumberScheduled", "numberReady", "conditions/0/lastUpdateTime",
                                      "conditions/0/lastTransitionTime", "conditions/0/message", "updatedNumberScheduled", "numberAvailable")]
    workload = META + TEMPLATE + status + ["metadata/generation", "metadata/labels", "spec/replicas", "spec/strategy/type",
                                           "spec/strategy/rollingUpdate/maxSurge", "spec/updateStrategy/type", "spec/selector/matchLabels",
                                           "spec/progressDeadlineSeconds", "spec/revisionHistoryLimit"]
    container = ["status/containerStatuses/0/" + k for k in ("name", "image", "imageID", "ready", "restartCount", "state/running/startedAt", "containerID")]
    return [has_fields(x, workload) for x in (d, s, ds)] + [
        has_fields(r, META + OWNED + TEMPLATE + ["metadata/labels/pod-template-hash", "spec/replicas", "status/replicas", "status/readyReplicas"]),
        has_fields(pod, META + OWNED + container + ["metadata/labels/pod-template-hash", "spec/nodeName", "status/phase", "status/startTime",
                                                    "status/conditions/0/type", "status/hostIP"]),
        has_fields(service, META + ["spec/selector/app", "spec/ports/0/port", "spec/clusterIP"]),
        has_fields(hpa, META + ["spec/scaleTargetRef/kind", "spec/scaleTargetRef/name", "spec/minReplicas", "spec/maxReplicas"])]


def check_events(p):
    complete(p, "policy-api")
    p.set_image("deployments", "policy-api", "1.2.0")
    complete(p, "policy-api")
    items = p.get(f"{CORE}/events")["items"]
    wanted = {"ScalingReplicaSet", "SuccessfulCreate", "SuccessfulDelete", "Scheduled", "Started"}
    seen = {e["reason"]: e for e in items if e["reason"] in wanted}
    uid = urllib.parse.quote("involvedObject.uid=" + p.get(f"{APPS}/deployments/policy-api")["metadata"]["uid"])
    about = p.get(f"{CORE}/events?fieldSelector={uid}")["items"]
    return (sorted(seen), {k: (e["type"], e["involvedObject"]["kind"], e["count"] > 0) for k, e in seen.items()},
            has_fields(seen["Scheduled"], META + ["involvedObject/uid", "involvedObject/name", "message", "firstTimestamp", "lastTimestamp"]),
            {e["involvedObject"]["kind"] for e in about},
            all(e["message"].startswith(("Scaled up replica set", "Scaled down replica set")) for e in about))


def check_logs(p):
    pod = p.get(f"{CORE}/pods?labelSelector=app%3Dpolicy-api")["items"][0]["metadata"]["name"]
    path = f"{CORE}/pods/{pod}/log"
    with p.open(f"{path}?follow=true&tailLines=2") as answer:
        followed = [answer.readline().endswith(b"\n") for _ in range(4)]
    return (p.ask(f"{path}?tailLines=3")[0], followed,  # the stand-in for the kubelet does not count lines
            refusal(p.ask(f"{CORE}/pods/nope/log")), refusal(p.ask(f"{path}?container=nope")))


def check_proxy(p):
    return refusal(p.ask(f"{CORE}/services/nope/proxy/healthz")), refusal(p.ask(f"{CORE}/services/nope:80/proxy/metrics"))


class Conformance(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.peers = [Simulated(), Real()]

    @classmethod
    def tearDownClass(cls):
        for p in cls.peers:
            p.end()


def add(name, check):
    def test(self):
        found = [None, None]

        def ask(i):
            try:
                found[i] = check(self.peers[i])
            except Exception as e:  # both are heard before either is judged
                found[i] = e
        threads = [threading.Thread(target=ask, args=(i,)) for i in (0, 1)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for p, f in zip(self.peers, found):
            if isinstance(f, Exception):
                raise AssertionError(f"{p.name}: {f!r}") from f
        self.assertEqual(found[0], found[1], "the simulator, the control plane")
    setattr(Conformance, "test_" + name, test)


for key, value in list(globals().items()):
    if key.startswith("check_"):
        add(key[6:], value)

if __name__ == "__main__":
    common.main()
