"""What the server does not know, and what is no server at all."""
import json
import os
import socket
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402

PID = 4242


def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


def answer(oid, rows):
    """The result of a simple query. `rows`: lists of bytes or None, all of one length."""
    width = len(rows[0]) if rows else 1
    out = message(b"T", struct.pack("!H", width) + b"".join(b"c\0" + struct.pack("!IHIhih", 0, 0, oid, -1, -1, 0) for _ in range(width)))
    for row in rows:
        out += message(b"D", struct.pack("!H", width) + b"".join(
            struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value for value in row))
    return out + message(b"C", b"SELECT %d\0" % len(rows))


# Every query gets the same answer, whatever it asked.
ANSWERS = {
    "no columns": answer(25, [[]]),
    "too few columns": answer(25, [[b"t"]]),
    "no rows": answer(25, []),
    "too many columns": answer(23, [[b"1"] * 60]),
    "NULL": answer(25, [[None]]),
    "NULLs": answer(25, [[None] * 40] * 3),
    "empty texts": answer(25, [[b""] * 40]),
    "another type": answer(600, [[b"(1,2)"] * 40]),
    "a huge number": answer(20, [[b"9" * 40] * 40]),
    "NaN": answer(701, [[b"NaN"] * 40]),
    "negative": answer(20, [[b"-1"] * 40]),
    "no UTF-8": answer(25, [[b"\xff\xfe\x80"] * 40]),
    "formats": answer(25, [[b"%n%s%n"] * 40]),
    "truncated": answer(25, [[b"t"] * 5])[:-9],
    "truth": answer(16, [[b"t"] * 40]),
}


class FakeServer:
    """Lets anybody in and gives one answer to every statement but the first two that ask for the backend's pid."""

    def __init__(self, text, greets=True, version="15.0"):
        self.text, self.greets, self.version = text, greets, version
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
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        ready, settings = message(b"Z", b"I"), (("server_version", self.version), ("client_encoding", "UTF8"), ("server_encoding", "UTF8"),
                                               ("standard_conforming_strings", "on"), ("integer_datetimes", "on"))
        try:
            with client, client.makefile("rb") as stream:
                stream.read(struct.unpack("!I", stream.read(4))[0] - 4)
                client.sendall(message(b"R", struct.pack("!I", 0))
                               + b"".join(message(b"S", f"{name}\0{value}\0".encode()) for name, value in settings)
                               + message(b"K", struct.pack("!II", PID, 7)) + ready)
                asked = 0
                while kind := stream.read(1):
                    body = stream.read(struct.unpack("!I", stream.read(4))[0] - 4)
                    if kind == b"X":
                        return
                    if kind == b"Q":
                        asked += 1
                        known = self.greets and b"pg_backend_pid" in body and asked <= 2
                        client.sendall((answer(23, [[b"%d" % PID]]) if known else self.text) + ready)
                        if self.text is ANSWERS["truncated"] and not known:
                            return
                    elif kind in b"PB":
                        client.sendall(message(b"1" if kind == b"P" else b"2"))
                    elif kind == b"E":
                        client.sendall(self.text)
                    elif kind == b"S":
                        client.sendall(ready)
        except (OSError, struct.error):
            pass

    def close(self):
        self.socket.close()


class Answers(LiveCase):
    @limit(240)
    def test_an_answer_that_no_query_of_ours_can_have_is_an_error_and_never_a_crash(self):
        path = self.plan(plans.rename("public.items", "qty", "quantity", "integer"))
        for name, text in ANSWERS.items():
            fake = FakeServer(text)
            url = f"postgresql://u@127.0.0.1:{fake.port}/d?sslmode=disable&gssencmode=disable"
            for args in (("status", "rename"), ("plan", path), ("run", path), ("history", "rename"), ("verify", "rename"), ("locks", "rename")):
                with self.subTest(answer=name, verb=args[0]):
                    with self.tidemark.start(*args, "--url", url) as process:
                        try:
                            code = process.wait(3).code
                        except AssertionError:  # it may wait for a better answer; it may not die of this one
                            continue
                    self.assertIn(code, range(0, 12))
            fake.close()


    @limit(60)
    def test_the_first_answer_of_a_session_may_be_wrong_too(self):
        for name, text in ANSWERS.items():
            with self.subTest(answer=name):
                fake = FakeServer(text, greets=False)
                url = f"postgresql://u@127.0.0.1:{fake.port}/d?sslmode=disable&gssencmode=disable"
                self.assertIn(self.tidemark("status", "rename", "--url", url).code, range(1, 12))
                fake.close()


    @limit(120)
    def test_an_answer_that_cannot_be_read_is_an_error_object_with_json(self):
        path, read = self.plan(plans.rename("public.items", "qty", "quantity", "integer")), set()
        for name in ANSWERS:
            fake = FakeServer(ANSWERS[name])
            url = f"postgresql://u@127.0.0.1:{fake.port}/d?sslmode=disable&gssencmode=disable"
            for args in (("status", "rename"), ("plan", path), ("lint", "--db", path), ("run", path), ("history", "rename"), ("verify", "rename"), ("locks", "rename")):
                with self.subTest(answer=name, verb=args[0]):
                    with self.tidemark.start(*args, "--json", "--url", url) as process:
                        try:
                            result = process.wait(3)
                        except AssertionError:  # it may wait for a better answer
                            continue
                    if result.code != 1 or "cannot be read" not in result.out + result.err:
                        continue
                    read.add(args[0])
                    told = json.loads(result.out.strip().splitlines()[-1] if args[0] == "run" else result.out)
                    self.assertEqual(told["schema_version"], 1)
                    error = told["error"]
                    self.assertEqual((error["code"], error["exit_code"], error["sqlstate"]), ("unexpected", 1, None))
                    self.assertIn("the server's answer cannot be read: it has", error["message"])
                    self.assertIn("Connect to it directly and run again", error["hints"][0])
                    self.assertNotIn("cannot be read", result.err)
                    if args[0] == "run":
                        self.assertEqual((told["event"], told["plan"]), ("error", "rename"))
            fake.close()
        self.assertEqual(read, {"status", "plan", "lint", "run", "history", "verify", "locks"})


class Zones(LiveCase):
    def zoned(self, zone):
        self.execute("CREATE TABLE IF NOT EXISTS items (id int PRIMARY KEY, qty int)")
        return self.plan(plans.rename("public.items", "qty", "quantity", "integer", switch={"window": f"00:00-23:59 {zone}"}))

    @limit(60)
    def test_a_zone_that_the_server_does_not_know_is_refused_before_anything_is_done(self):
        path = self.zoned("Europe/Berln")
        self.assertIn("gate-zone", self.tidemark("lint", "--db", path, "--format", "gcc").expect(3).out)
        self.assertIn("gate-zone", self.tidemark("plan", path).expect(3).out)
        self.assertIn("time zone \"Europe/Berln\"", self.tidemark("run", path).expect(4).err)
        self.assertEqual(self.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'quantity'"), 0)

    @limit(60)
    def test_names_of_the_zone_files_and_fixed_offsets_are_accepted(self):
        for zone in ("Europe/Berlin", "UTC", "Etc/GMT+3", "EST5EDT"):
            with self.subTest(zone=zone):
                self.tidemark("lint", "--db", self.zoned(zone)).ok()


if __name__ == "__main__":
    main()
