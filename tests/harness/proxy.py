"""A proxy in front of a server's socket that counts statements and can step in at one of them.

    proxy = Proxy(server, at=7, step_in="answer", then=kill)

`at` is the number of a statement, counted over all connections, or a part of its text: the first that has it. `step_in` says what
becomes of it: "answer": the server executes it, and the connection to the
program is closed in place of the answer; "before": it never reaches the server; "pass": it is forwarded. `then` is called at that
moment, before anything is closed or passed on.
"""
import os
import shutil
import socket
import struct
import tempfile
import threading


class Proxy:
    """`host` is a directory with a socket, as in PGHOST. `statements`: how many have come; `commits`: the numbers of those with COMMIT."""

    def __init__(self, server, at=0, step_in="answer", then=None):
        self.target = os.path.join(server.socket_dir, ".s.PGSQL.5432")
        self.at, self.step_in, self.then = at, step_in, then
        self.statements, self.stepped_in, self.commits = 0, False, []
        self.lock = threading.Lock()
        self.host = tempfile.mkdtemp(prefix="tidemark-p-", dir="/tmp")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(os.path.join(self.host, ".s.PGSQL.5432"))
        self.socket.listen(20)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self.target)
            except OSError:     # the server is gone, and so are we: libpq tries its next host only when nobody listens
                client.close()
                server.close()
                self.close()
                return
            threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client, server):
        mine = threading.Event()
        back = threading.Thread(target=self._back, args=(client, server, mine), daemon=True)
        back.start()
        self._forward(client, server, mine)
        back.join()
        client.close()
        server.close()

    @staticmethod
    def _read(stream, typed):
        kind = stream.read(1) if typed else b""
        size = stream.read(4)
        if len(size) < 4:
            return None, b""
        return kind, kind + size + stream.read(struct.unpack("!I", size)[0] - 4)

    def _is_the_one(self, kind, text):
        if kind not in (b"Q", b"S"):
            return False
        with self.lock:
            self.statements += 1
            if b"COMMIT" in text:
                self.commits.append(self.statements)
            if isinstance(self.at, int):
                return self.statements == self.at
            return not self.stepped_in and self.at in text

    def _forward(self, client, server, mine):
        stream = client.makefile("rb")
        try:
            kind, text = self._read(stream, False)
            while text:
                if self._is_the_one(kind, text):
                    if self.step_in != "answer":
                        self._step_in()
                    if self.step_in == "before":
                        break
                    if self.step_in == "answer":
                        mine.set()
                server.sendall(text)
                kind, text = self._read(stream, True)
        except (OSError, struct.error):
            pass
        self._end(server)
        if mine.is_set():
            return
        self._end(client)

    def _back(self, client, server, mine):
        stream = server.makefile("rb")
        try:
            while True:
                kind, text = self._read(stream, True)
                if not text:
                    break
                if not mine.is_set():
                    client.sendall(text)
                elif kind == b"Z":  # executed, and committed where that was asked for
                    self._step_in()
                    break
        except (OSError, struct.error):
            pass
        self._end(client)
        self._end(server)

    def _step_in(self):
        self.stepped_in = True
        if self.then is not None:
            self.then()

    @staticmethod
    def _end(connection):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        self._end(self.socket)      # wakes who waits in accept()
        self.socket.close()
        shutil.rmtree(self.host, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
