"""An HTTP server that plays an API server by script: for what a real one will not do on demand.

`answers` maps (kind or whole path, "list" or "watch") to a function of the request's number (from 0) that
gives (status, headers, body chunks); None for what is not there: lists are then empty, watches stay open.
A chunk may be None (the connection stays open until the client goes), RST (it is reset), or come from a
generator that waits."""
import http.server
import json
import os
import socket
import struct
import threading
import time
import urllib.parse


RST = object()


def meta(items=(), more="", rest=None, rv="100"):
    doc = {"kind": "List", "metadata": {"resourceVersion": rv}, "items": list(items)}
    if more:
        doc["metadata"]["continue"] = more
    if rest is not None:
        doc["metadata"]["remainingItemCount"] = rest
    return 200, {}, [json.dumps(doc).encode()]


class Scripted:
    def __init__(self, answers=None, tls=None, on_peer=None):
        outer = self
        self.accepted = 0
        self.answers, self.log, self.lock = answers or {}, [], threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                outer.answer(self)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *args):
                pass

            def finish_request(self, request, client_address):  # in the connection's own thread
                outer.accepted += 1
                if tls:
                    request = tls.wrap_socket(request, server_side=True)
                    if on_peer:
                        on_peer(request)
                try:
                    super().finish_request(request, client_address)
                finally:
                    if tls:  # the server itself knows the plain socket only
                        request.close()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, h):
        url = urllib.parse.urlparse(h.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        kind = url.path.rstrip("/").rsplit("/", 1)[-1]
        how = "watch" if "watch" in query else "list"
        with self.lock:
            key = (url.path, how) if (url.path, how) in self.answers else (kind, how)
            n = sum(1 for r in self.log if key in ((r["path"], r["how"]), (r["kind"], r["how"])))
            self.log.append({"kind": kind, "how": how, "path": url.path, "query": query,
                             "headers": {k.lower(): v for k, v in h.headers.items()},
                             "at": time.monotonic()})
        script = self.answers.get(key)
        if kind == "livez" and not script:
            status, headers, chunks = 200, {}, [b"ok"]
        elif script:
            status, headers, chunks = script(n)
        elif how == "watch":
            status, headers, chunks = 200, {}, [None]
        else:
            status, headers, chunks = meta()
        if status is None:
            h.wfile.write(b"".join(chunks))
            h.close_connection = True
            return
        h.send_response(status)
        for k, v in headers.items():
            h.send_header(k, v)
        h.send_header("Transfer-Encoding", "chunked")
        h.end_headers()
        for chunk in chunks:
            if chunk is None:  # stays open until the client goes
                h.wfile.flush()
                h.rfile.read(1)
                return
            if chunk is RST:
                h.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                h.close_connection = True
                os.close(h.connection.detach())
                return
            h.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        h.wfile.write(b"0\r\n\r\n")

    def requests(self, kind, how):
        with self.lock:
            return [r for r in self.log if r["kind"] == kind and r["how"] == how]

    def kubeconfig(self, path, prefix="", cluster=None, **user):
        path.write_text(json.dumps({
            "kind": "Config", "current-context": "s",
            "clusters": [{"name": "s", "cluster": {"server": self.url + prefix, **(cluster or {})}}],
            "users": [{"name": "s", "user": user or {"token": "not-over-http"}}],
            "contexts": [{"name": "s", "context": {"cluster": "s", "user": "s", "namespace": "shop"}}]}))
        return str(path)
