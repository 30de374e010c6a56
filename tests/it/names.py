"""A scene in a network of its own, whose one name server says nothing, or that there is no such name."""
import os
import subprocess

from common import BAKEWATCH, SCENE

SILENT = "s.recv(999)"
NOBODY_HAS_IT = 'q, peer = s.recvfrom(999); s.sendto(q[:2] + b"\\x81\\x83" + q[4:6] + b"\\0\\0\\0\\0\\0\\0" + q[12:], peer)'
NETWORK = """#!/bin/sh
ip link set lo up
echo 'nameserver 127.0.0.1' > $1/resolv.conf
mount --bind $1/resolv.conf /etc/resolv.conf
python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 53))
print("ready", flush=True)
while True:
    ANSWER' > $1/ready &
server=$!
until test -s $1/ready; do sleep 0.05; done
shift
"$@"
status=$?
kill $server
exit $status
"""


def scene_with_name_server(folder, answer, text, **env):
    """Plays it; `folder` is where its files go.  What it printed is in the error."""
    inner, play = folder / "network.sh", folder / "names.scene"
    inner.write_text(NETWORK.replace("ANSWER", answer))
    (folder / "ready").unlink(missing_ok=True)
    play.write_text(text)
    done = subprocess.run(["unshare", "--map-root-user", "--net", "--mount", "sh", str(inner), str(folder), SCENE, str(play)],
                          capture_output=True, text=True, check=False, env={
                              **os.environ, "BAKEWATCH": BAKEWATCH, "TERM": "xterm-256color", "LANG": "C.UTF-8",
                              "XDG_STATE_HOME": str(folder), **env})
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)
