"""A PostgreSQL of its own for a test: initdb in a temporary folder, a free port, an unprivileged user.
And a PgBouncer in front of it."""
import glob
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

import psycopg2

from common import wait_for

TABLE = (pathlib.Path(__file__).resolve().parent.parent.parent / "conf/schema.sql").read_text(encoding="utf-8")


def binary(name):
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}")) or [shutil.which(name)]
    if not found[-1]:
        raise AssertionError(f"{name} is not installed (make deps-test)")
    return found[-1]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def unprivileged():
    """Who runs the servers: PostgreSQL refuses root."""
    if os.getuid():
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise AssertionError("no user to run a server as")


class Server:
    """A process in a folder of its own."""

    def __init__(self, prefix):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
        self.who = unprivileged()
        if self.who:
            os.chown(self.dir, self.who["user"], self.who["group"])
        self.port, self.process = free_port(), None
        self.log = open(self.dir / "log", "ab")  # pylint: disable=consider-using-with

    def run(self, *args):
        subprocess.run(args, check=True, stdout=self.log, stderr=self.log, cwd=self.dir, **self.who)

    def spawn(self, *args):
        self.process = subprocess.Popen(args, stdout=self.log, stderr=self.log, cwd=self.dir,
                                        start_new_session=True, **self.who)

    def text(self):
        return (self.dir / "log").read_text(encoding="utf-8", errors="replace")

    def halt(self, sig):
        if self.process:
            self.process.send_signal(sig)
            self.process.wait()
            self.process = None

    def end(self):
        self.halt(signal.SIGQUIT)
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def url(self, user="postgres", db="ops", port=None, more=""):
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{db}{more}"

    def connect(self, db="ops", user="postgres", autocommit=True, port=None):
        c = psycopg2.connect(host="127.0.0.1", port=port or self.port, dbname=db, user=user)
        c.autocommit = autocommit
        return c

    def answers(self, db="postgres"):
        if self.process.poll() is not None:
            raise AssertionError(self.text()[-2000:])
        try:
            self.connect(db).close()
            return True
        except psycopg2.OperationalError:
            return False


class Postgres(Server):
    def __init__(self, schema=TABLE, encoding="UTF8", copy_of=None, **conf):
        super().__init__("bakewatch-pg-")
        data = self.dir / "data"
        if copy_of: # of a server that is down; promoted below, as a standby is after a failover
            shutil.copytree(copy_of.dir / "data", data)
            (data / "standby.signal").touch()
            if self.who:
                subprocess.run(["chown", "-R", f"{self.who['user']}:{self.who['group']}", str(data)], check=True)
        else:
            self.run(binary("initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync",
                     "-E", encoding, "--locale", "C")
        conf = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.dir),
                "fsync": "off", "max_connections": 60, "timezone": "UTC", "shared_buffers": "64MB", **conf}
        with open(data / "postgresql.conf", "a", encoding="utf-8") as f:
            f.write("".join(f"{k} = '{v}'\n" for k, v in conf.items()))
        self.start()
        if copy_of:
            self.sql("SELECT pg_promote()", db="postgres")
        else:
            self.sql("CREATE DATABASE ops", db="postgres")
            if schema:
                self.sql(schema)

    def start(self):
        self.spawn(binary("postgres"), "-D", str(self.dir / "data"))
        wait_for(lambda: self.answers("postgres"), 60, "PostgreSQL")

    def stop(self, how="immediate"):
        self.halt({"immediate": signal.SIGQUIT, "fast": signal.SIGINT}[how])

    def sql(self, text, *args, db="ops", user="postgres"):
        c = self.connect(db, user)
        try:
            with c.cursor() as cur:
                cur.execute(text, args or None)
                return cur.fetchall() if cur.description else None
        finally:
            c.close()

    def one(self, text, *args, **where):
        return self.sql(text, *args, **where)[0][0]


class Bouncer(Server):
    def __init__(self, upstream, pool=20):
        super().__init__("bakewatch-bouncer-")
        users = self.dir / "users"
        users.write_text('"postgres" ""\n"watcher" ""\n"app" ""\n', encoding="utf-8")
        (self.dir / "ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={upstream.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {users}\n"
            f"pool_mode = transaction\ndefault_pool_size = {pool}\nserver_login_retry = 1\n"
            "query_wait_timeout = 30\n", encoding="utf-8")
        found = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        self.spawn(found, str(self.dir / "ini"))
        wait_for(lambda: self.answers("ops"), 30, "PgBouncer")
