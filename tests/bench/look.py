"""What the benches share: a scene whose measurements are printed."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from common import BAKEWATCH, SCENE


def scene(config, text):
    """Plays it; the lines of the log that tell of the first paint."""
    state = tempfile.mkdtemp()
    done = subprocess.run([SCENE, "-"], input=text, capture_output=True, text=True, check=False, env={
        **os.environ, "KUBECONFIG": config, "BAKEWATCH": BAKEWATCH, "TERM": "xterm-256color",
        "LANG": "C.UTF-8", "XDG_STATE_HOME": state})
    if done.returncode:
        sys.exit(done.stdout)
    for line in done.stdout.splitlines():
        if line.startswith("measured"):
            print("  " + line[9:], flush=True)
    log = (pathlib.Path(state) / "bakewatch/bakewatch.log").read_text()
    shutil.rmtree(state)
    return [l for l in log.splitlines() if "first paint" in l]
