#!/usr/bin/python3
"""No memory, few descriptors: the console leaves a sane terminal, or stays and says what it cannot do."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from common import HERE, bakewatch, main, scene
from scripted import Scripted, meta
from test_scripted import deployment


class Limits(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bakewatch-limits-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.server = Scripted({("deployments", "list"): lambda n: meta([deployment(f"web-{i}") for i in range(50)])})
        self.addCleanup(self.server.server.shutdown)
        self.config = self.server.kubeconfig(self.dir / "config")

    def preload(self):
        path = self.dir / "failmalloc.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(path), str(HERE / "failmalloc.c"), "-ldl"], check=True)
        return path

    def test_memory_ends_anywhere_in_a_command(self):
        """status and doctor: a word on stderr and a code, or the whole answer; never half of one."""
        _, whole, _ = bakewatch("status", "-o", "json", kubeconfig=self.config, check=0)
        for args in (("status", "-o", "json"), ("doctor",)):
            at, seen = 1, set()
            while at < 400000:
                code, out, err = bakewatch(*args, kubeconfig=self.config,
                                           env={"LD_PRELOAD": str(self.preload_once()), "FAIL_AT": str(at), "ASAN_OPTIONS": "detect_leaks=0"})
                self.assertIn(code, (0, 1, 2, 4, -6), (args, at, err))
                if code == 0 and args[0] == "status":
                    self.assertEqual(len(json.loads(out)["workloads"]), len(json.loads(whole)["workloads"]), at)
                elif code:
                    self.assertTrue(err or args[0] == "doctor", (args, at))
                    self.assertEqual(out if args[0] == "status" else "", "", at)
                seen.add(code)
                if code == 0 and "out of memory" not in err:
                    break
                at += max(1, at // 3)
            self.assertIn(-6, seen, args)
            self.assertIn(0, seen, args)
            self.assertGreater(at, 1000, args)

    def preload_once(self):
        path = self.dir / "failmalloc.so"
        return path if path.exists() else self.preload()

    def test_no_threads(self):
        """Without a thread of its own it ends with a word; without those that look names up, the names are not found."""
        preload = f"env LD_PRELOAD={self.preload()}"
        out = scene(f"size 30 160\nstart {preload} FAIL_THREAD_AT=1 $BAKEWATCH\nexit * within 2000\nsane\ndump\n", KUBECONFIG=self.config)
        self.assertIn("cannot start the store thread: Resource temporarily unavailable", out)
        out = scene(f"size 30 160\nstart {preload} FAIL_THREAD_AT=2 $BAKEWATCH\nexit * within 2000\nsane\ndump\n", KUBECONFIG=self.config)
        self.assertIn("cannot start a thread: Resource temporarily unavailable", out)
        code, _, err = bakewatch("status", kubeconfig=self.config, env={"LD_PRELOAD": str(self.preload_once()), "FAIL_THREAD_AT": "1"})
        self.assertEqual(code, 1)
        self.assertIn("cannot start a thread", err)
        doc = json.loads(pathlib.Path(self.config).read_text())
        doc["clusters"][0]["cluster"]["server"] = self.server.url.replace("127.0.0.1", "localhost.localdomain")
        named = self.dir / "named"
        named.write_text(json.dumps(doc))
        scene(f"size 30 160\nstart {preload} FAIL_THREAD_AT=3 $BAKEWATCH\nwait NO CONNECTION since\nlatency 10\nkeys q\nexit 0\nsane\n",
              KUBECONFIG=str(named))

    def test_memory_ends_anywhere(self):
        """Steps through the start, the first paint and the first lists."""
        preload = self.preload()
        at, ends = 1, ""
        while True:
            text = (f"size 30 120\nstart env LD_PRELOAD={preload} FAIL_AT={at} $BAKEWATCH\n"
                    "exit * within 5000\nsane\ndump\n")
            try:
                ends += scene(text, KUBECONFIG=self.config)
            except AssertionError as e:
                if "it has not ended" in str(e):  # it needs fewer than that in 5 s
                    break
                raise
            at += max(1, at // 4)
        self.assertGreater(at, 2000)
        self.assertIn("out of memory", ends)

    def test_few_descriptors(self):
        """Too few for a screen: one line.  Too few for every source: those that got one are shown."""
        for n in (5, 7, 9):
            out = scene(f"size 30 120\nstart prlimit --nofile={n} $BAKEWATCH\nexit * within 2000\nsane\ndump\n",
                        KUBECONFIG=self.config)
            self.assertIn("Too many open files", out)
        scene("size 30 120\nstart prlimit --nofile=18 $BAKEWATCH\nwait web-1\nkeys 4z\nwait Too many open files\nlatency 10\n"
              "keys q\nexit 0\nsane\n", KUBECONFIG=self.config)


if __name__ == "__main__":
    main()
