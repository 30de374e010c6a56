"""A SOCKS5 proxy that resolves every name to this machine, and remembers what it was asked for."""
import socket
import struct
import threading


class Socks:
    def __init__(self):
        self.asked = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def end(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            f = client.makefile("rb")
            f.read(f.read(2)[1])
            client.sendall(b"\5\0")
            kind = f.read(4)[3]
            if kind != 3:  # a name is what socks5h sends; anything else was resolved too early
                client.sendall(b"\5\10\0\1\0\0\0\0\0\0")
                return
            name = f.read(f.read(1)[0]).decode()
            port = struct.unpack(">H", f.read(2))[0]
            self.asked.append((name, port))
            with socket.create_connection(("127.0.0.1", port)) as server:
                client.sendall(b"\5\0\0\1\0\0\0\0\0\0")
                back = threading.Thread(target=self.copy, args=(server, client), daemon=True)
                back.start()
                self.copy(client, server)
                back.join()

    @staticmethod
    def copy(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
