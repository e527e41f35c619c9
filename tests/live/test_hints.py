"""Hints of the command line and of plans, followed: what is printed is done, and then the trouble is gone.

Which test follows the hint of which row of docs/errors.md is in tests/docs/hints.py; the rows about a database are in
test_hints_database.py.
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import hints, plans  # noqa: E402
from harness.testcase import LiveCase, main  # noqa: E402

HEAD = 'name = "p"\ntable = "public.items"\n'
PHASE = '[[phase]]\nkind = "drop_not_null"\ncolumn = "qty"\n'


class Usage(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute("CREATE TABLE items (id int PRIMARY KEY, qty int NOT NULL)")
        self.path = self.plan(HEAD + PHASE)

    def test_the_nearest_verb_and_option_are_the_ones_that_were_meant(self):
        self.tidemark("run", self.path).ok()
        hints.follow(self.tidemark, self.tidemark("staus", "p").expect(2), r"did you mean: (tidemark status)").ok()
        option = hints.find(self.tidemark("run", self.path, "--budgt", "3s").expect(2), r"did you mean (--budget)\?")
        self.tidemark("run", self.path, option, "3s").ok()
        listed = hints.follow(self.tidemark, self.tidemark("zzzzzz").expect(2), r"see: (tidemark help)").ok().out
        self.assertIn("rollback", listed)

    def test_an_option_is_accepted_by_each_verb_that_the_hint_names(self):
        verbs = hints.find(self.tidemark("status", "--budget", "3s").expect(2), r"--budget is valid for: (.*)").split(", ")
        self.assertEqual(verbs, ["run", "advance", "rollback", "ensure"])
        for verb in verbs:
            result = self.tidemark(verb, "p", "--budget", "3s")
            self.assertNotIn("is not valid for", result.err)
            self.assertNotEqual(result.code, 2, result)

    def test_a_duration_with_its_unit_is_accepted(self):
        examples = hints.find(self.tidemark("run", self.path, "--budget", "3").expect(2), r"durations carry their unit: (.*)")
        for example in examples.split(", "):
            self.tidemark("run", self.path, "--budget", example).ok()
        low = re.search(r"from (\d+) to (\d+)", self.tidemark("run", self.path, "--workers", "99").expect(2).err)
        self.tidemark("run", self.path, "--workers", low.group(2)).ok()
        words = re.search(r"is none of (.*)", self.tidemark("run", self.path, "--if-locked", "never").expect(2).err).group(1)
        for word in words.split(", "):
            self.tidemark("run", self.path, "--if-locked", word).ok()
        self.assertIn("--budget DURATION", self.tidemark("run", self.path, "--budget").expect(2).err)

    def test_now_with_the_reason_of_the_hint_is_accepted(self):
        path = self.plan(HEAD + PHASE + 'gate = { after = "2h" }\n')
        self.tidemark("run", path, "--budget", "10s").ok()
        reason = hints.find(self.tidemark("advance", "p", "--now").expect(2), r"(--reason '[^']*')")
        self.tidemark("advance", "p", "--now", *reason.replace("'", "").split(" ", 1)).ok()
        self.assertEqual(self.value("SELECT state FROM tidemark.run"), "complete")

    def test_phases_have_the_names_that_status_shows(self):
        near = hints.find(self.tidemark("run", self.path, "--to", "drop_not_nul").expect(2), r"did you mean '(.*)'\?")
        result = self.tidemark("run", self.path, "--to", "zzzz").expect(2)
        self.tidemark("run", self.path, "--to", near).ok()
        self.tidemark("run", self.path).ok()
        shown = hints.follow(self.tidemark, result, r"`(tidemark status p)`").ok().out
        self.assertIn("drop_not_null", shown)

    def test_a_kind_of_new_that_help_lists_can_be_written(self):
        listed = hints.follow(self.tidemark, self.tidemark("new", "foo").expect(2), r"`(tidemark help new)`").ok().out
        kinds = re.search(r"^Kinds\n((?:  .*\n)+)", listed, re.M).group(1).split()
        self.assertIn("rename-column", kinds)
        near = hints.find(self.tidemark("new", "add_colum").expect(2), r"did you mean: (tidemark new add-column)\?")
        text = self.tidemark(*near.split()[1:], "public.items", "quantity", "--type", "integer").ok().out
        self.tidemark("lint", self.plan(text, "new.toml")).ok()

    def test_config_shows_where_a_wrong_setting_comes_from(self):
        env = {"PGDATABASE": "nosuchdatabase"}
        result = self.tidemark("status", env=env).expect(2)
        self.assertTrue(hints.lines(result))
        self.assertRegex(self.tidemark("config", env=env).ok().out, r"nosuchdatabase.*PGDATABASE|PGDATABASE.*nosuchdatabase")
        self.tidemark("run", self.path).ok()


class PlanFile(LiveCase):
    """`broken` fails with what is said, and what the hint says makes the text that passes."""

    def lint(self, text, code, *more):
        return self.tidemark("lint", self.plan(text), *more).expect(code)

    def check(self, broken, message, pattern, fix):
        result = self.lint(HEAD + broken, 3)
        self.assertIn(message, result.out)
        said = result.out if pattern is None else re.search(pattern, result.out)
        self.assertTrue(said, result)
        self.lint(HEAD + fix(broken, said.group(1) if pattern and said.lastindex else None), 0)

    def test_the_nearest_key_and_kind_are_the_ones_that_were_meant(self):
        self.check(PHASE.replace("column", "colum"), 'unknown key "colum"', r'did you mean "(\w+)"', lambda text, word: text.replace("colum", word))
        self.check(PHASE.replace("drop_not_null", "drop_notnull"), 'unknown kind "drop_notnull"', r'did you mean "(\w+)"',
                   lambda text, word: text.replace("drop_notnull", word))
        self.check(PHASE.replace("drop_not_null", "zzz"), 'unknown kind "zzz"', r"kinds: .*(drop_not_null)", lambda text, word: text.replace("zzz", word))
        self.check(PHASE.replace('column = "qty"\n', ""), '"column" is missing', r"hint: (column): ", lambda text, word: text + word + ' = "qty"\n')
        self.check(PHASE.replace('"qty"', "5"), '"column" must be text, not a whole number', r"write it in quotes",
                   lambda text, _: text.replace("= 5", '= "5"').replace('"5"', "'\"5\"'"))

    def test_a_limit_within_its_range_is_accepted(self):
        for number in (1, 2):
            self.check("[limits]\nworkers = 65\n" + PHASE, "it must be between 1 and 64", r"between (1) and 64" if number == 1 else r"between 1 and (64)",
                       lambda text, word: text.replace("65", word))

    def test_a_name_of_as_many_bytes_as_the_hint_says_is_accepted(self):
        self.check(PHASE.replace("qty", "q" * 70), "has 70 bytes: PostgreSQL would cut it", r"names have at most (\d+) bytes",
                   lambda text, word: text.replace("q" * 70, "q" * int(word)))

    def test_what_is_named_twice_passes_when_it_is_named_once(self):
        index = '[[phase]]\nkind = "create_index"\nname = "i"\ncolumns = ["qty", "QTY"]\n'
        self.check(index, '"columns" names "qty" twice', r"name each only once", lambda text, _: text.replace(', "QTY"', ""))
        self.check(PHASE + 'id = "a"\n' + PHASE.replace("qty", "other") + 'id = "a"\n', 'a second phase is called "a"', r"give one of them another id",
                   lambda text, _: text[:-4] + '"b"\n')

    def test_the_query_of_the_hint_is_accepted_where_one_that_writes_is_not(self):
        broken = '[limits]\nthrottle_sql = "DELETE FROM x"\n' + PHASE
        self.check(broken, "must be one SELECT that only reads", r'such as (".*")', lambda text, word: text.replace('"DELETE FROM x"', word))
        self.check(PHASE + 'gate = { sql = "SELECT 1 FOR UPDATE" }\n', "must be one SELECT that only reads", r'such as (".*")',
                   lambda text, word: text.replace('"SELECT 1 FOR UPDATE"', word))

    def test_one_expression_passes(self):
        verify = '[[phase]]\nkind = "verify"\ncondition = "%s"\n'
        # That there is no backfill before it is another finding, and a warning.
        for text, message in (("qty > 0; qty < 5", "an expression cannot hold a semicolon"), ("qty, qty", "several expressions where one is expected"),
                              ("qty >", "the expression ends too early")):
            result = self.lint(HEAD + verify % text, 3)
            self.assertIn(message, result.out)
            self.assertIn("must be true for every row", result.out)
        self.assertNotIn("plan-invalid", self.tidemark("lint", self.plan(HEAD + verify % "qty > 0")).out)

    def test_a_query_in_its_own_parentheses_is_a_value(self):
        verify = '[[phase]]\nkind = "verify"\ncondition = "%s"\n'
        result = self.lint(HEAD + verify % "SELECT true", 3)
        self.assertIn("a query is not an expression", result.out)
        self.assertIn("its own parentheses: (SELECT …)", result.out)
        self.assertNotIn("a query is not an expression", self.tidemark("lint", self.plan(HEAD + verify % "(SELECT true)")).out)

    def test_the_window_of_the_hint_is_a_window(self):
        self.check(PHASE + 'gate = { window = "22-6" }\n', '"window" is not a time window', r'time zone: ("[^"]*")', lambda text, word: text.replace('"22-6"', word))

    def test_the_command_of_the_hint_is_a_command(self):
        self.check(PHASE + 'gate = { command = "sh -c true" }\n', '"command" is no shell line', r'for a shell: (\["sh", "-c", "…"\])',
                   lambda text, word: text.replace('"sh -c true"', word))
        self.check(PHASE + 'gate = { manual = true, interval = "1s" }\n', '"interval" is for a gate with a command', r'add (command = \["…"\])',
                   lambda text, word: text.replace("manual = true", word))

    def test_saved_as_utf_8_and_without_what_does_not_belong_there_it_is_read(self):
        path = self.plan("")
        fine = (HEAD + PHASE.replace('"qty"', "'\"qtü\"'")).encode()
        for text, message in ((fine.decode().encode("latin-1"), "is not valid UTF-8"), (fine + b"\0", "NUL byte"),
                              (fine + b"# " + b"x" * (1 << 20), "bytes"), (fine + b"title = " + b"[" * 40 + b"]" * 40, "levels deep")):
            with open(path, "wb") as file:
                file.write(text)
            result = self.tidemark("lint", path).expect(3)
            self.assertIn(message, result.out)
            self.assertIn("hint: ", result.out)
        with open(path, "wb") as file:
            file.write(fine)
        self.tidemark("lint", path).ok()

    def test_a_file_that_new_writes_can_be_read_where_there_was_none(self):
        result = self.tidemark("lint", "absent.toml").expect(3)
        self.assertIn("cannot read the plan", result.out)
        self.assertIn("`tidemark new` writes one", result.out)
        for name in ("/dev/null", self.directory):
            self.assertIn("cannot read the plan", self.tidemark("lint", name).expect(3).out)
        untyped = self.tidemark("new", "rename-column", "public.items", "qty", "quantity").expect(2)
        words = hints.find(untyped, r"psql shows the types: (tidemark new rename-column TABLE FROM TO --type TYPE)")
        for word, value in (("TABLE", "public.items"), ("FROM", "qty"), (" TO ", " quantity "), ("TYPE", "integer")):
            words = words.replace(word, value)
        self.plan(self.tidemark(*words.split()[1:]).ok().out, "absent.toml")
        self.tidemark("lint", "absent.toml").ok()

    def test_each_of_the_three_ways_on_from_a_changed_plan(self):
        self.execute("CREATE TABLE items (id int PRIMARY KEY, qty int)")
        write = lambda hold, name="p": self.plan(plans.rename("public.items", "qty", "quantity", "integer", name=name, hold=hold, switch="manual",
                                                              drop_column="manual"), "p.toml")
        path = write("7d")
        self.tidemark("run", path).ok()
        refused = self.tidemark("run", write("1d")).expect(3)
        self.assertIn("put the file back as it was", hints.find(refused, ".*"))
        hints.follow(self.tidemark, refused, r"(tidemark run p) uses the stored text").ok()
        self.tidemark("advance", write("7d")).ok()
        self.tidemark("rollback", "p", "--yes").ok()
        self.tidemark("run", write("1d", name="q")).ok()

    def test_lint_lists_the_errors_that_stop_a_run(self):
        path = self.plan(HEAD + '[[phase]]\nkind = "switch"\n', "with blank.toml")
        refused = self.tidemark("run", path).expect(3)
        self.assertIn("has errors, nothing was done", refused.err)
        self.assertIn("switch-without-dual-write", hints.follow(self.tidemark, refused, r"see: (tidemark lint .*)").expect(3).out)


if __name__ == "__main__":
    main()
