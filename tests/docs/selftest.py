#!/usr/bin/python3
"""check_docs.py accepts the tree as it is, and finds each thing that is taken out of it or put into it."""
import os
import shutil
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import check_docs
import check_errors
import check_hints
import check_words
import hints

TREE = os.path.join(HERE, "..", "..")
PARTS = ["base", "docs", "include", "orchestrator/cli", "phases", "plans"]

# File, what is replaced, by what, the finding.
OFFENCES = [
    ("docs/phases/backfill.md", "| `where` |", "| `were` |", "backfill.md: key `where` is not in the table"),
    ("docs/phases/backfill.md", "| `where` |", "| `were` |", "backfill.md: there is no key `were`"),
    ("docs/phases/dual_write.md", "| `reject` |", "| `null` |", "key `on_error`: the default is `reject`"),
    ("docs/phases/dual_write.md", "choice: `reject`, `null`", "choice: `reject`", "key `on_error` may also be `null`"),
    ("docs/phases/add_column.md", "| `type` | SQL type |", "| `type` | text |", "key `type`: the type is 'SQL type'"),
    ("docs/phases/add_column.md", "SQL type | required |", "SQL type | none |", "key `type` is required"),
    ("phases/kinds/verify.c", "TIDE_KEY(verify_spec, condition, EXPRESSION,",
     "TIDE_KEY(verify_spec, limit, INTEGER, .help = \"n\"),\n\tTIDE_KEY(verify_spec, condition, EXPRESSION,",
     "verify.md: key `limit` is not in the table"),
    ("docs/plans.md", "| `lock_queue` |", "| `queue` |", "plans.md: key `lock_queue` is not in the table"),
    ("docs/plans.md", "| `15ms` |", "| `20ms` |", "key `batch_duration`: the default is `15ms`"),
    ("include/tidemark/plans/plan.h", '.fallback = "10m"', '.fallback = "11m"', "backfill.md: key `horizon_wait`: the default is `11m`"),
    ("docs/plans.md", "1 to 64", "1 to 32", "key `workers`: the range has 64"),
    ("docs/plans.md", "phases/sql.md", "phases/verify.md", "plans.md: does not lead to docs/phases/sql.md"),
    ("phases/kinds/switch.c", '"switch-twice"', '"switch-thrice"', "rule `switch-thrice` is explained nowhere"),
    ("phases/kinds/switch.c", '"switch-twice"', '"switch-thrice"', "switch.md: there is no rule `switch-twice`"),
    ("orchestrator/cli/options/option_table.c", 'OPTION("budget"', 'OPTION("allowance"', "option --allowance is missing"),
    ("orchestrator/cli/options/verbs.c", '{ "history"', '{ "chronicle"', "verb 'chronicle' has no section"),
    ("base/err.c", '"lease"', '"rent"', "no heading has 8 `rent`"),
    ("README.md", "(docs/errors.md)", "(docs/faults.md)", "link to docs/faults.md, which does not exist"),
    ("docs/errors.md", "operations.md#poolers", "operations.md#pools", "link to operations.md#pools, which has no such heading"),
    ("docs/errors.md", "# Errors", "# Errors\n\nSee /home/me/plan.toml.", "an absolute path"),
]


class Docs(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)
        for part in PARTS:
            shutil.copytree(os.path.join(TREE, part), os.path.join(self.root, part))
        for name in os.listdir(TREE):
            if os.path.isfile(os.path.join(TREE, name)):
                shutil.copy(os.path.join(TREE, name), self.root)

    def change(self, name, before, after):
        path = os.path.join(self.root, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(before, text, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(before, after))
        return path, text

    def test_the_tree_is_in_order_and_each_offence_is_found(self):
        self.assertEqual(check_docs.Check(self.root).run(), [])
        for name, before, after, expected in OFFENCES:
            with self.subTest(expected):
                path, text = self.change(name, before, after)
                findings = check_docs.Check(self.root).run()
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                self.assertTrue(any(expected in finding for finding in findings), findings)

    def test_a_missing_page_is_found(self):
        os.remove(os.path.join(self.root, "docs/phases/verify.md"))
        findings = check_docs.Check(self.root).run()
        self.assertIn("docs/phases/verify.md: is missing", findings)
        self.assertIn("docs/phases/verify.md: key `condition` is not in the table of keys", findings)

    def test_a_page_without_a_kind_is_found(self):
        os.remove(os.path.join(self.root, "phases/kinds/verify.c"))
        self.assertIn("docs/phases/verify.md: there is no such kind", check_docs.Check(self.root).run())

    def test_an_empty_tree_does_not_pass(self):
        with tempfile.TemporaryDirectory() as root:
            self.assertGreater(len(check_docs.Check(root).run()), 8)


class Errors(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)
        for part in ("docs", *check_errors.FOLDERS):
            shutil.copytree(os.path.join(TREE, part), os.path.join(self.root, part))

    def change(self, path, old, new):
        path = os.path.join(self.root, path)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))
        return check_errors.check(self.root)

    def test_the_tree_is_accepted(self):
        self.assertEqual(check_errors.check(self.root), [])

    def test_what_the_page_quotes_and_no_source_says_is_found(self):
        self.assertEqual(self.change("docs/errors.md", "`plan '…' was rolled back`", "`plan '…' was taken back`"),
                         ["docs/errors.md: precondition: the source has no message `plan '…' was taken back`",
                          "orchestrator/run/runner.c: docs/errors.md does not have `plan '%s' was rolled back` (precondition)"])

    def test_an_error_with_advice_that_the_page_lacks_is_found_and_one_without_is_not(self):
        old = 'tide_fail(err, TIDE_USAGE, "--now needs --reason");'
        new = old.replace("--now needs --reason", "this needs a reason of its own")
        self.assertIn("orchestrator/cli/verbs/verb_advance.c: docs/errors.md does not have `this needs a reason of its own` (usage)",
                      self.change("orchestrator/cli/verbs/verb_advance.c", old, new))
        said = self.change("base/units.c", "#include", "/* */ static void f(void) { tide_fail(err, TIDE_USAGE, \"nothing to add to that\"); }\n#include")
        self.assertFalse(any("nothing to add" in one for one in said), said)

    def test_a_message_under_the_code_of_another_is_found(self):
        said = self.change("docs/errors.md", "## 2 `usage`", "## 2 `lease`")
        self.assertTrue(any("has the code usage, and is under lease" in one for one in said), said)

    def test_an_event_that_is_gone_is_found(self):
        self.assertEqual(self.change("docs/errors.md", "| `lock.wait` |", "| `lock.await` |"), ["docs/errors.md: no event is called lock.await"])

    def test_an_empty_page_does_not_pass(self):
        with open(os.path.join(self.root, "docs", "errors.md"), "w", encoding="utf-8"):
            pass
        self.assertTrue(any("this cannot be all" in one for one in check_errors.check(self.root)))


class Patterns(unittest.TestCase):
    def same(self, quoted, text):
        return check_errors.same(check_errors.parts(quoted, "…"), check_errors.Message("a.c", text))

    def test_dots_stand_for_what_the_source_fills_in(self):
        self.assertTrue(self.same("step '…' needs the … lock on …", "step '%s' needs the %s lock on %s"))
        self.assertTrue(self.same("step '…': the … lock on … was not granted in … tries", "step '%s': %s was not granted in %lld tries"))
        self.assertTrue(self.same("connected through a pooler …", "connected through a pooler (server process %s, expected %d)"))

    def test_words_must_be_the_same(self):
        self.assertFalse(self.same("connected through a pooler", "connected through a pooler (server process %s, expected %d)"))
        self.assertFalse(self.same("plan '…' is complete", "plan '%s' was rolled back"))
        self.assertFalse(self.same("table … does not exist", "%s: %s"))


class Words(unittest.TestCase):
    def test_the_tree_is_accepted(self):
        self.assertEqual(check_words.check(TREE), [])
        self.assertGreater(len(list(check_words.texts(TREE))), 3000)

    def test_each_word_is_found_in_a_message_and_on_a_page_but_not_in_a_comment(self):
        with tempfile.TemporaryDirectory() as root:
            for folder in (*check_words.FOLDERS, "docs"):
                os.mkdir(os.path.join(root, folder))
            for name in ("README.md", "CONTRIBUTING.md", "plan.example.toml"):
                open(os.path.join(root, name), "w", encoding="utf-8").close()
            with open(os.path.join(root, "base", "a.c"), "w", encoding="utf-8") as file:
                file.write('/* it goes on */\nchar *a = "then it "\n"goes on";\n')
            with open(os.path.join(root, "docs", "a.md"), "w", encoding="utf-8") as file:
                file.write("All is well.\nThe way back is open.\n")
            self.assertEqual(check_words.check(root), ["base/a.c:2: 'goes on': say continues", "docs/a.md:2: 'way back': say rollback"])

    def test_other_senses_are_left_alone(self):
        for text in ("sessions that wait behind it", "the index on the key", "amended", "recommend", "a belongs to b"):
            self.assertEqual(list(check_words.words_of(text)), [], text)


class Hints(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)
        for part in ("docs", "tests/live", "tests/crash", "phases", "orchestrator/cli"):
            shutil.copytree(os.path.join(TREE, part), os.path.join(self.root, part))

    def change(self, path, old, new):
        path = os.path.join(self.root, path)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new, 1))
        return check_hints.check(self.root)

    def test_the_tree_is_accepted(self):
        self.assertEqual(check_hints.check(self.root), [])
        self.assertGreater(len(hints.ROWS), 60)

    def test_a_new_row_needs_a_test_unless_it_says_nothing_to_do(self):
        self.assertEqual(len(self.change("docs/errors.md", "| `out of memory` | |", "| `out of memory` | |\n| `new` | |")), 0)
        self.assertEqual(self.change("docs/errors.md", "| `out of memory` | |", "| `out of memory` | buy some |"),
                         ["docs/errors.md: 1 `unexpected`: no test follows the hint of `out of memory`"])

    def test_a_row_or_section_that_is_called_otherwise_is_found(self):
        self.assertEqual(len(self.change("docs/errors.md", "`no answer within …`", "`nothing within …`")), 2)
        self.assertEqual(len(self.change("docs/errors.md", "## 5 `differences`", "## 5 `different`")), 4)

    def test_a_new_finding_with_a_hint_needs_a_test_and_one_without_none(self):
        old = '"backfill-generated", "set", NULL,'
        self.assertEqual(self.change("phases/kinds/backfill.c", old, '"backfill-new", "set", NULL,'), [])
        self.assertEqual(self.change("phases/kinds/backfill.c", '"backfill-new", "set", NULL,', '"backfill-new", "set", "fill, or not",'),
                         ["tests/live/test_hints_findings.py: nothing follows the hint of the finding backfill-new"])

    def test_a_test_that_is_gone_is_found(self):
        self.assertEqual(len(self.change("tests/live/test_hints.py", "def test_a_limit_within_its_range", "def test_two_limits")), 1)


if __name__ == "__main__":
    unittest.main()
