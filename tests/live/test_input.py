"""Where a plan and the settings come from: standard input, --env-file, the letters that psql has."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plans  # noqa: E402
from harness.testcase import LiveCase, limit, main  # noqa: E402
from harness.tidemark import Result, binary  # noqa: E402

ITEMS = "CREATE TABLE items (id int PRIMARY KEY, qty int); INSERT INTO items SELECT g, g FROM generate_series(1, 100) g"


def rename(**more):
    return plans.rename("public.items", "qty", "quantity", "integer", **more)


class InputCase(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute(ITEMS)

    def file(self, name, text):
        return self.plan(text, name)

    def feed(self, text, *args, env=None):
        """The program with `text` on its standard input."""
        done = subprocess.run([binary(), *args], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                              cwd=self.directory, env=dict(self.tidemark.environment, **(env or {})))
        return Result(args, done.returncode, done.stdout.decode(), done.stderr.decode(), 0)


class StandardInput(InputCase):
    @limit(90)
    def test_every_verb_that_takes_a_plan_reads_it_from_standard_input(self):
        text = rename(switch="manual", drop_column="manual")
        self.assertIn("next: tidemark plan -", self.feed(text, "lint", "-").ok().out)
        self.assertIn("next: tidemark run -\n", self.feed(text, "plan", "-").ok().out)
        self.assertIn("ADD COLUMN", self.feed(text, "plan", "--sql", "-").ok().out)
        self.assertIn("not started", self.feed(text, "status", "-").ok().out)
        self.feed(text, "run", "-", "--to", "add_column").ok()
        self.assertEqual(self.feed(text, "ensure", "-", "--to", "dual_write", "--", "cat").ok().out, "")
        # Once the database has the text, the plan has a name that leads on.
        self.assertIn("next: tidemark run rename\n", self.feed(text, "status", "-").ok().out)
        self.assertIn("next: tidemark run rename\n", self.feed(text, "plan", "-").ok().out)
        self.feed(text, "verify", "-").expect(5)
        self.feed(text, "locks", "-").ok()
        self.feed(text, "pause", "-").ok()
        self.assertIn("tidemark run rename", self.feed(text, "resume", "-").ok().out)
        self.assertIn("run.pause", self.feed(text, "history", "-").ok().out)
        self.feed(text, "run", "-").ok()
        self.feed(text, "advance", "-", "--no-run").ok()
        self.feed(text, "rollback", "-", "--yes").ok()

    @limit(60)
    def test_phases_that_are_added_are_taken_from_it(self):
        phases = plans.rename_phases("qty", "quantity", "integer")
        self.feed(plans.plan("rename", "public.items", phases[:1]), "run", "-").ok()
        longer = plans.plan("rename", "public.items", phases[:2])
        self.assertIn("next: tidemark run -\n", self.feed(longer, "status", "-").ok().out)
        self.feed(longer, "run", "-").ok()

    @limit(60)
    def test_what_is_wrong_with_it_has_its_place(self):
        wrong = self.feed('name = "p"\ntable = "t"\nphaze = 1\n', "run", "-").expect(3)
        self.assertIn("-:3:1: unknown key", wrong.err)
        self.assertIn("-:3:1", self.feed('name = "p"\ntable = "t"\nphaze = 1\n', "lint", "-").expect(3).out)
        self.feed("", "run", "-").expect(3)
        self.assertIn("at most 1048576 are accepted", self.feed("#" * (1 << 20) + "\n", "lint", "-").expect(3).out)
        closed = subprocess.run(["sh", "-c", f"exec '{binary()}' lint - <&-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, env=self.tidemark.environment, timeout=20)
        self.assertEqual(closed.returncode, 3)
        self.assertIn("cannot read the plan from standard input: ", closed.stdout)
        # A file of that name is one with a folder.
        self.file("-", rename())
        self.assertIn("1 plan: 0 errors", self.feed("", "lint", "./-").ok().out)


class EnvFile(InputCase):
    def bare(self, *args, env=None):
        """Without any variable of the connection; with those of `env`."""
        keep = {key: value for key, value in self.tidemark.environment.items() if not key.startswith("PG")}
        done = subprocess.run([binary(), *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                              cwd=self.directory, env=dict(keep, **(env or {})))
        return Result(args, done.returncode, done.stdout.decode(), done.stderr.decode(), 0)

    def url(self):
        return f"postgresql://postgres@/{self.database}?host={self.server.socket_dir}"

    @limit(60)
    def test_the_variables_of_a_file_count_as_those_of_the_process(self):
        path = self.file("app.env", f"# the application's\nDATABASE_URL={self.url()}\nTIDEMARK_WORKERS=3\n")
        settings = {s["name"]: s for s in self.bare("config", "--env-file", path, "--json").ok().json()["settings"]}
        self.assertEqual((settings["dbname"]["value"], settings["dbname"]["origin"]), (self.database, "DATABASE_URL"))
        self.assertEqual((settings["workers"]["value"], settings["workers"]["origin"]), ("3", "TIDEMARK_WORKERS"))
        self.bare("run", self.plan(rename()), "--to", "add_column", "--env-file", path).ok()
        # What libpq itself reads.
        path = self.file("libpq.env", f"PGHOST={self.server.socket_dir}\nPGUSER=postgres\nPGDATABASE={self.database}\n")
        self.bare("status", "rename", "--env-file", path).ok()
        self.file("service.conf", f"[shop]\nhost={self.server.socket_dir}\nuser=postgres\ndbname={self.database}\n")
        path = self.file("service.env", f"PGSERVICE=shop\nPGSERVICEFILE={self.directory}/service.conf\n")
        self.bare("status", "rename", f"--env-file={path}").ok()

    @limit(60)
    def test_what_is_set_already_wins_and_a_later_file_over_an_earlier_one(self):
        wrong = self.file("wrong.env", "DATABASE_URL=postgresql://nobody@/nowhere?host=/nowhere\n")
        right = self.file("right.env", f"DATABASE_URL={self.url()}\n")
        self.bare("wait", "--env-file", wrong, env={"DATABASE_URL": self.url()}).ok()
        self.bare("wait", "--env-file", wrong, "--env-file", right).ok()
        self.bare("wait", "--env-file", right, "--env-file", wrong, "--timeout", "1s").expect(6)

    @limit(60)
    def test_a_command_does_not_get_them_but_they_can_switch_ensure_off(self):
        plan = self.plan(rename())
        path = self.file("app.env", f"DATABASE_URL={self.url()}\nPGAPPNAME=x\nSECRET=y\n")
        result = self.bare("ensure", plan, "--to", "add_column", "--env-file", path, "--", "env").ok()
        self.assertNotRegex(result.out, "(?m)^(DATABASE_URL|PGAPPNAME|SECRET)=")
        off = self.file("off.env", "RUN_MIGRATIONS=false\n")
        self.assertIn("RUN_MIGRATIONS=false: nothing is done", self.bare("ensure", plan, "--env-file", off).ok().err)

    @limit(60)
    def test_a_bad_line_is_named_by_its_place_only(self):
        path = self.file("bad.env", "A=b\nexport PGPASSWORD=hunter2\n")
        result = self.bare("status", "--env-file", path).expect(2)
        self.assertIn(f"{path}:2:1: the name of a variable cannot contain blanks", result.err)
        self.assertIn("hint: lines are NAME=VALUE", result.err)
        self.assertNotIn("hunter2", result.err)
        # As the hint says.
        self.file("bad.env", f"A=b\nDATABASE_URL={self.url()}\n")
        self.bare("status", "--env-file", path).ok()
        self.assertIn("--env-file: 'none.env' cannot be read: No such file", self.bare("status", "--env-file", "none.env").expect(2).err)


class Letters(InputCase):
    @limit(60)
    def test_letters_and_a_connection_string_as_psql_has_them(self):
        socket, name = self.server.socket_dir, self.database
        env = {"PGHOST": "/nowhere", "PGDATABASE": "nothing", "PGUSER": "nobody"}
        for args in (("--host", socket, "-p", "5432", "-U", "postgres", "-d", name),
                     ("--host", socket, f"-p5432", "-Upostgres", f"-d{name}", "-q"),
                     ("-d", f"postgresql://postgres@/{name}?host={socket}"),
                     ("-d", f"host={socket} dbname={name} user=postgres"),
                     # What the string says is stronger, what it does not say is taken from the flags.
                     ("-U", "nobody", "--host", "/elsewhere", "-d", f"host={socket} dbname={name} user=postgres"),
                     ("-U", "postgres", "-d", f"host={socket} dbname={name}")):
            self.tidemark("wait", *args, "--timeout", "5s", env=env).ok()
        result = self.tidemark("wait", "-d", "host='x", env=env).expect(2)
        self.assertIn("--dbname, read as a connection string: ", result.err)
        self.assertIn("--dsn is given as well", self.tidemark("wait", "-d", "host=x", "--dsn", "host=y", env=env).expect(2).err)
        self.assertIn("usage: tidemark wait", self.tidemark("wait", "-h", env=env).ok().out)


if __name__ == "__main__":
    main()
