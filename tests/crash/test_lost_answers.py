"""A connection that breaks after a statement was executed and before its answer arrives: nothing is lost or done twice.

A proxy of the test's own passes everything on until the N-th statement, lets the server execute that one and finish, then closes the
connection to the program in place of the answer. Every N is a run of its own in a new table; without TIDEMARK_CRASH_ALL they are sampled.
"""
import os
import random
import socket
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

SAMPLE = 10**9 if os.environ.get("TIDEMARK_CRASH_ALL") else 24


class Proxy:
    """`lose`: the number of the statement whose answer is lost, 0 for none. `statements` counts over all connections."""

    def __init__(self, target, lose):
        self.target, self.lose, self.statements, self.lost, self.commits = target, lose, 0, False, []
        self.lock = threading.Lock()
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(20)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            swallow = threading.Event()
            threading.Thread(target=self.forward, args=(client, server, swallow), daemon=True).start()
            threading.Thread(target=self.back, args=(client, server, swallow), daemon=True).start()

    @staticmethod
    def read(stream, typed):
        kind = stream.read(1) if typed else b""
        size = stream.read(4)
        if len(size) < 4:
            return None, b""
        return kind, kind + size + stream.read(struct.unpack("!I", size)[0] - 4)

    def forward(self, client, server, swallow):
        stream = client.makefile("rb")
        kind, text = self.read(stream, False)
        try:
            while text:
                if kind in (b"Q", b"S"):
                    with self.lock:
                        self.statements += 1
                        if b"COMMIT" in text:
                            self.commits.append(self.statements)
                        if self.statements == self.lose:
                            swallow.set()
                server.sendall(text)
                kind, text = self.read(stream, True)
        except (OSError, struct.error):
            pass
        self.end(server)

    def back(self, client, server, swallow):
        stream = server.makefile("rb")
        try:
            while True:
                kind, text = self.read(stream, True)
                if not text:
                    break
                if not swallow.is_set():
                    client.sendall(text)
                elif kind == b"Z":  # executed, and committed where that was asked for
                    self.lost = True
                    break
        except (OSError, struct.error):
            pass
        self.end(client)
        self.end(server)

    @staticmethod
    def end(connection):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        self.socket.close()


class LostAnswers(LiveCase):
    def once(self, lose):
        self.execute("DROP TABLE IF EXISTS items; DROP SCHEMA IF EXISTS tidemark CASCADE; "
                     "CREATE TABLE items (id int PRIMARY KEY, qty int, touched int NOT NULL DEFAULT 0); "
                     "INSERT INTO items SELECT g, nullif(g % 7, 0) FROM generate_series(1, 2000) g; "
                     "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS "
                     "'BEGIN NEW.touched := OLD.touched + 1; RETURN NEW; END'; "
                     "CREATE TRIGGER touch BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION touch()")
        path = self.plan(plans.rename("public.items", "qty", "quantity", "integer", other_triggers="fire", hold="100ms", limits={"lease": "2s"}))
        proxy = Proxy(os.path.join(self.server.socket_dir, ".s.PGSQL.5432"), lose)
        url = f"postgresql://{self.tidemark.environment['PGUSER']}@127.0.0.1:{proxy.port}/{self.database}?sslmode=disable&gssencmode=disable"
        result = self.tidemark("run", path, "--url", url)
        if result.code != 0:  # it may give up before it has begun; the same command goes on
            result = self.tidemark("run", path, "--url", url)
        proxy.close()
        result.ok()
        self.assertEqual(self.tidemark("status", "rename", "--json").ok().json()["state"], "complete")
        self.assertEqual(self.value("SELECT count(*) FROM items WHERE quantity IS DISTINCT FROM nullif(id % 7, 0)"), 0)
        self.assertEqual(self.value("SELECT max(touched) FROM items"), 1)
        self.assertEqual(self.value("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'items'::regclass"), 1)
        self.assertEqual(self.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'qty'"), 0)
        return proxy

    @limit(2400)
    def test_the_answer_to_any_statement_may_be_lost(self):
        whole = self.once(0)
        self.assertGreater(len(whole.commits), 5)
        points = range(1, whole.statements + 1)
        rest = sorted(set(points) - set(whole.commits))
        chosen = sorted(set(whole.commits[:SAMPLE]) | set(random.Random(8).sample(rest, min(SAMPLE // 2, len(rest)))))
        lost = 0
        for lose in chosen:
            with self.subTest(statement=lose, of=whole.statements):
                lost += self.once(lose).lost
        print(f"{whole.statements} statements, {len(whole.commits)} with COMMIT; {len(chosen)} runs, {lost} answers lost", file=sys.stderr)
        self.assertGreater(lost, len(chosen) // 2)


if __name__ == "__main__":
    main()
