"""Databases whose encoding is not UTF8: everything works there, with names of theirs; what they cannot store is said before anything is done."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402
from harness.tidemark import Tidemark  # noqa: E402


class Encodings(LiveCase):
    def inside(self, encoding):
        """The test continues in a database of this encoding; the connection speaks it too, so that bytes arrive as they are."""
        name = f"{self.database}_{encoding.lower()}"
        self.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
        self.conn.close()
        self.addCleanup(self.server.drop_database, name)
        self.tidemark = Tidemark(self.server.environment(name), cwd=self.directory)
        self._conn = self.server.connect(name)
        self.conn.autocommit = True
        self.addCleanup(self._conn.close)
        self.encoding = {"LATIN1": "latin-1", "WIN1252": "cp1252", "EUC_JP": "euc_jp", "SQL_ASCII": "utf-8"}[encoding]
        self.execute(f"SET client_encoding = '{encoding}'".encode())

    def execute(self, text, args=None):
        super().execute(text.encode(self.encoding) if isinstance(text, str) and hasattr(self, "encoding") else text, args)

    def there_and_back(self, encoding, old, new, value):
        self.inside(encoding)
        self.execute(f"CREATE TABLE t (id int PRIMARY KEY, \"{old}\" text DEFAULT '{value}'); INSERT INTO t SELECT g FROM generate_series(1, 200) g")
        path = self.plan(plans.rename("public.t", old, new, "text", name="p", head={"title": value}, verify="manual", drop_column="manual",
                                      up=f"coalesce(\"{old}\", '{value}')", down=f'"{new}"'))
        self.assertIn("0 errors", self.tidemark("lint", "--db", path).ok().out)
        self.tidemark("plan", path).ok()
        self.tidemark("run", path).ok()
        self.execute(f"UPDATE t SET \"{old}\" = '{value}-1' WHERE id = 1")
        self.tidemark("verify", path).ok()
        self.tidemark("advance", "p", "--note", value, "--by", value, "--ticket", value).ok()
        self.tidemark("run", "p").ok()
        self.execute(f"UPDATE t SET \"{old}\" = '{value}-3', \"{new}\" = '{value}-4' WHERE id = 2; INSERT INTO t (id, \"{new}\") VALUES (300, '{value}-2')")
        self.tidemark("verify", path).ok()
        self.assertEqual(self.tidemark.json("status", "p")["conflicts"], 1)
        self.assertIn(value, self.tidemark("history", "p", "--json").ok().out)
        self.tidemark("rollback", "p", "--to", "add_column", "--yes", "--note", value).ok()
        self.tidemark("run", path).ok()
        self.tidemark("advance", "p").ok()
        self.tidemark("run", "p").ok()
        self.tidemark("advance", "p").ok()
        self.tidemark("run", "p").ok()
        self.assertEqual(self.tidemark.json("status", "p")["state"], "complete")
        self.assertEqual(self.rows(f"SELECT count(*) FROM t WHERE \"{new}\" LIKE '{value}-%'".encode(self.encoding)), [(3,)])

    @limit(120)
    def test_latin1(self):
        self.there_and_back("LATIN1", "größe", "länge", "café")

    @limit(120)
    def test_euc_jp(self):
        self.there_and_back("EUC_JP", "名前", "氏名", "東京→京都")

    @limit(120)
    def test_sql_ascii(self):
        self.there_and_back("SQL_ASCII", "größe", "長さ", "café →")

    def unseen(self, statement):
        """Runs it without the triggers of the plan."""
        names = [row[0] for row in self.rows("SELECT tgname FROM pg_trigger WHERE tgrelid = 't'::regclass AND NOT tgisinternal")]
        enable = "".join(f'ALTER TABLE t ENABLE ALWAYS TRIGGER "{name}";' for name in names)
        self.execute(f"ALTER TABLE t DISABLE TRIGGER USER; {statement}; {enable}")

    def odd_bytes(self, encoding, bytes_, order, readable):
        """Keys and values that UTF-8 has no form for, where rows differ, conflict and are gone through in the order of the key."""
        self.inside(encoding)
        odd = b"E'" + b"".join(b"\\x%02x" % byte for byte in bytes_) + b"'"
        self.execute(b"CREATE TABLE t (k text PRIMARY KEY, a text); INSERT INTO t SELECT " + odd + b" || g, " + odd + b" || g FROM generate_series(1, 50) g")
        path = self.plan(plans.rename("public.t", "a", "b", "text", name="p", fill={"order": order}, verify="manual", drop_column="manual"))
        self.tidemark("run", path).ok()
        self.execute(b"UPDATE t SET a = a || 'x' WHERE k = " + odd + b" || 1; INSERT INTO t (k, b) VALUES (" + odd + b", " + odd + b"), ('plain', 'plain')")
        self.assertEqual(self.value("SELECT count(*) FROM t WHERE a IS DISTINCT FROM b"), 0)
        self.unseen("UPDATE t SET b = 'differs'" + ("" if readable else " WHERE k = 'plain'"))
        differing = 52 if readable else 1
        self.assertEqual(self.tidemark("verify", path, "--json").expect(5).json()["differing"], differing)
        self.assertIn(f"{differing} differ", self.tidemark("verify", path).expect(5).out)
        self.tidemark("advance", "p").expect(5)
        self.tidemark("status", "p").expect(0)
        self.tidemark.json("status", "p")
        self.unseen("UPDATE t SET b = a")
        self.tidemark("run", "p").ok()
        self.execute(b"UPDATE t SET a = " + odd + b", b = 'other' WHERE k = " + odd)
        self.assertEqual(self.tidemark.json("status", "p")["conflicts"], 1)
        self.tidemark("history", "p", "--json").ok()
        self.tidemark("rollback", "p", "--to", "add_column", "--yes").ok()

    @limit(120)
    def test_bytes_that_are_not_utf8(self):
        self.odd_bytes("SQL_ASCII", b"\xe4\xff", "keyset", True)

    @limit(120)
    def test_characters_that_unicode_does_not_have(self):
        self.odd_bytes("WIN1252", b"\x81", None, False)

    def test_an_order_of_keys_that_may_have_no_form_is_said(self):
        self.inside("WIN1252")
        for order, column, said in (("keyset", "text", True), (None, "text", False), ("keyset", "integer", False)):
            self.execute(f"DROP TABLE IF EXISTS t; CREATE TABLE t (k {column} PRIMARY KEY, a text)")
            path = self.plan(plans.rename("public.t", "a", "b", "text", name="p", fill={"order": order}))
            self.assertEqual("[sweep-order-encoding]" in self.tidemark("lint", "--db", path).ok().out, said, (order, column))

    def test_what_cannot_be_stored_is_said_before_anything_is_done(self):
        self.inside("LATIN1")
        self.execute("CREATE TABLE t (id int PRIMARY KEY, a text)")
        text = plans.rename("public.t", "a", "b", "text", name="p", verify="manual")
        path = self.plan(text + "# later → now\n", "arrow.toml")
        for args in (["run", path], ["plan", path], ["verify", path]):
            said = self.tidemark(*args).expect(4).err
            self.assertIn(f"arrow.toml:{text.count(chr(10)) + 1}:9", said)
            self.assertIn("the database cannot store '→': its encoding is LATIN1", said)
        self.assertIn("[encoding]", self.tidemark("lint", "--db", path).expect(3).out)
        self.assertEqual(self.value("SELECT to_regnamespace('tidemark')"), None)
        self.tidemark("run", self.plan(text + "# später\n", "arrow.toml")).ok()
        for option in ("--note", "--ticket", "--by"):
            self.assertIn(f"cannot store '€' of {option}", self.tidemark("advance", "p", option, "5 €").expect(2).err)
            self.assertIn(f"cannot store '€' of {option}", self.tidemark("rollback", "p", "--yes", option, "5 €").expect(2).err)
        self.assertIn("cannot store '€' of --reason", self.tidemark("pause", "p", "--reason", "5 €").expect(2).err)
        self.assertEqual(self.tidemark.json("status", "p")["state"], "waiting")
        self.tidemark("advance", "p", "--note", "5 £").ok()


if __name__ == "__main__":
    main()
