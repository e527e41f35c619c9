#!/usr/bin/python3
"""check.py finds what it is there for, and nothing else."""
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check

GOOD = {
    "orchestrator/state/move.sql": "UPDATE tidemark.run\n   SET state = $4\n WHERE id = $1\n",
    "orchestrator/state/phase.sql": "UPDATE tidemark.phase SET state = $4 WHERE run = $1;\n"
                                    "UPDATE tidemark.run SET reason = NULL WHERE state = 'waiting'\n",
    "base/a.c": '#include "a.h"\n#include <string.h>\n#include "tidemark/base/err.h"\nint\nf(void)\n{\n\treturn 0;\n}\n',
    "base/a.h": "",
    "postgres/conn/conn.c": '#include <ev.h>\n#include <libpq-fe.h>\n#include "tidemark/postgres/conn.h"\n#include "catalog_sql.h"\n',
    "orchestrator/sweep/worker.c": '#include "worker.h"\n#include <ev.h>\n#include "executor/executor.h"\n'
                                   '#include "tidemark/phases/phase.h"\n',
    "orchestrator/sweep/worker.h": "",
    "orchestrator/executor/executor.h": "",
    "orchestrator/CMakeLists.txt": "target_link_libraries(tide_run PUBLIC tide_phases tide_postgres)",
    "phases/phase.c": '#include "kinds/k.h"\n',
    "phases/kinds/k.c": '#include "k.h"\n#include "build/b.h"\n',
    "phases/kinds/k.h": "",
    "phases/build/b.c": '#include "b.h"\n',
    "phases/build/b.h": "",
    "include/tidemark/phases/step.h": '#include <jansson.h>\n#include "tidemark/base/err.h"\n',
    "orchestrator/state/rows.c": 'static const char *const sql = "SELECT pg_catalog.current_schema()";\n'
                                 'void\nf(void)\n{\n\tx = tide_rows_int(rows, 0, tide_rows_column(rows, "n"));\n'
                                 '\ty = tide_rows_text(rows, 0, column);\n\ttide_await_exec(c, tide_sqlf(m, "SELECT count(*) FROM %I", t));\n'
                                 '\ttide_hint(err, "SELECT name FROM pg_timezone_names lists them");\n'
                                 '\t/* tide_rows_int(rows, 0, 1), "SELECT 1 FROM t" */\n}\n',
    "phases/kinds/act.c": 'const char *act = "UPDATE t SET a = 1";\n',
    "plans/plan/growing_text.c": '/* strcpy(a, b) */ const char *s = "sprintf(x)";\nvoid\ng(void)\n{\n\tp->select(1);\n\tmy_sleep(2);\n}\n',
}

# Beside each offence: empty headers that it may name.
HEADERS = {"phases/kinds/k.h": "", "phases/build/b.h": ""}

BAD = [
    ("postgres/a.c", '#include "tidemark/plans/plan.h"\n', "layer: postgres may not use plans"),
    ("plans/a.c", '#include "tidemark/phases/phase.h"\n', "layer: plans may not use phases"),
    ("phases/kinds/a.c", '#include "tidemark/postgres/conn.h"\n', "layer: phases may not use postgres"),
    ("phases/a.c", "#include <libpq-fe.h>\n", "library: <libpq-fe.h>"),
    ("orchestrator/a.c", "#include <libpq-fe.h>\n", "library: <libpq-fe.h>"),
    ("phases/a.c", "#include <ev.h>\n", "library: <ev.h>"),
    ("phases/a.c", '#include "../postgres/conn.h"\n', "is not a header of phases"),
    ("phases/build/b.c", '#include "kinds/k.h"\n', "layer: phases/build may not use phases/kinds"),
    ("phases/build/b.c", '#include "../kinds/k.h"\n', "layer: phases/build may not use phases/kinds"),
    ("phases/cellar/a.c", '#include "build/b.h"\n', "layer: phases/cellar has no row in ROOMS"),
    ("base/a.c", '#include "tidemark/unheard_of.h"\n', "is in no owner's folder"),
    ("include/tidemark/base/err.h", '#include "tidemark/plans/plan.h"\n', "a header of base may not use plans"),
    ("include/tidemark/postgres/conn.h", "#include <libpq-fe.h>\n", "in a public header"),
    ("postgres/CMakeLists.txt", "target_link_libraries(tide_postgres PRIVATE tide_plans)", "may not link tide_plans"),
    ("base/a.c", "void\nf(void)\n{\n\tstrcpy(a, b);\n}\n", "a.c:4: banned: strcpy"),
    ("orchestrator/a.c", "void\nf(void)\n{\n\tsleep (1);\n}\n", "banned: sleep"),
    ("tests/unit/base/a.c", "void\nf(void)\n{\n\tx = atoi(s);\n}\n", "banned: atoi"),
    ("base/a.c", "void\nf(void)\n{\n" + "\tg();\n" * 79 + "}\n", "size: a function of 81 lines"),
    ("base/a.c", "\n" * 651, "size: 651 lines"),
    ("orchestrator/state/want.sql", "UPDATE tidemark.run AS r\n   SET wanted = $2,\n       state = 'paused'\n WHERE id = $1\n", "want.sql:1: mover: only"),
    ("phases/pair/a.c", 'int b = strcmp(phase->kind->name, "switch");\n', "a.c:1: kind: ask a member"),
    ("orchestrator/run/a.c", 'const char *s = "UPDATE tidemark.run SET reason = NULL, "\n\t"state = %L WHERE id = %lld";\n', "a.c:1: mover: only"),
    ("orchestrator/run/a.c", "void\nf(void)\n{\n\tx = tide_rows_text(rows,\n\t    f(i), 7);\n}\n", "a.c:4: position: column 7"),
    ("postgres/conn/a.c", "void\nf(void)\n{\n\tx = tide_rows_null(rows, 0, 0);\n}\n", "a.c:4: position: column 0"),
    ("orchestrator/run/a.c", 'const char *s = "SELECT state "\n\t"FROM tidemark.run";\n', "a.c:1: sql: a fixed statement"),
    ("orchestrator/run/a.c", 'void\nf(void)\n{\n\tg(c, "SELECT n " A_MACRO " FROM t");\n}\n', "a.c:4: sql: a fixed statement"),
    ("orchestrator/run/a.h", '#define S "INSERT " \\\n\t"INTO t VALUES (1)"\n', "a.h:1: sql: a fixed statement"),
]


class Layers(unittest.TestCase):
    def findings(self, files):
        with tempfile.TemporaryDirectory() as root:
            for name, text in files.items():
                path = os.path.join(root, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            return check.Check(root).run()

    def test_a_tree_in_order_has_no_findings(self):
        self.assertEqual(self.findings(GOOD), [])

    def test_each_offence_is_found_once(self):
        for name, text, expected in BAD:
            with self.subTest(expected):
                found = self.findings({**HEADERS, name: text})
                self.assertEqual(len(found), 1, found)
                self.assertIn(expected, found[0])

    def test_a_function_of_eighty_lines_passes(self):
        self.assertEqual(self.findings({"base/a.c": "void\nf(void)\n{\n" + "\tg();\n" * 78 + "}\n"}), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
