#!/usr/bin/python3
"""Checks that every hint of docs/errors.md has a test that follows it: hints.py says which.

Usage: check_hints.py [root of the tree]
One line for each row without a test, each entry without a row and each test that is not there; exit 1 when there is any.
"""
import ast
import glob
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import hints


def read(root, *path):
    with open(os.path.join(root, *path), encoding="utf-8") as file:
        return file.read()


def rows(text):
    """Section, first cell and second cell of each row of a table whose second column says what to do."""
    section, says = None, False
    for line in text.splitlines():
        if line.startswith("## "):
            section, says = line[3:], False
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells == ["message", "what to do"]:
            says = True
        elif not cells:
            says = False
        elif says and len(cells) == 2 and not cells[0].startswith("---"):
            yield section, cells[0], cells[1]


def tests(root):
    """All tests of tests/live and tests/crash, as file.Class.test; a test that a subclass inherits counts for it too."""
    found = set()
    for folder in (os.path.join(root, "tests", name) for name in ("live", "crash")):
        for name in sorted(os.listdir(folder)):
            if name.startswith("test_") and name.endswith(".py"):
                for part in ast.parse(read(folder, name)).body:
                    if isinstance(part, ast.ClassDef):
                        found |= {f"{name[:-3]}.{part.name}.{item.name}" for item in part.body if isinstance(item, ast.FunctionDef)}
    return found


def arguments_of(text, start):
    """The arguments of the call whose opening parenthesis is at `start`, as texts."""
    found, depth, begin, at = [], 0, start + 1, start
    while at < len(text):
        sign = text[at]
        if sign == '"':
            at = re.compile(r'"(?:\\.|[^"\\])*"').match(text, at).end() - 1
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
        if (sign == "," and depth == 1) or depth == 0:
            found.append(" ".join(text[begin:at].split()))
            begin = at + 1
        if depth == 0:
            return found
        at += 1
    return found


def rules(root):
    """The rules of findings that come with a hint."""
    found = set()
    for folder in ("phases", "orchestrator/cli"):
        for path in sorted(glob.glob(os.path.join(root, folder, "**", "*.c"), recursive=True)):
            text = read(path)
            for match in re.finditer(r"\b(?:tide_say|tide_findings_add)\(", text):
                given = arguments_of(text, match.end() - 1)
                # (c, severity, rule, key, hint, …) and (out, severity, rule, line, column, hint, …)
                at = 4 if match.group(0).startswith("tide_say") else 5
                if len(given) > at and re.fullmatch(r'"[a-z0-9-]+"', given[2]) and given[at] != "NULL":
                    found.add(given[2].strip('"'))
    return found


def followed(root):
    """The rules in the table of test_hints_findings.py."""
    text = read(root, "tests", "live", "test_hints_findings.py")
    return set(re.findall(r'^    \("([a-z0-9-]+)", ', text, re.M))


def check_rules(root, table):
    said, there, cases, known = [], tests(root), followed(root), rules(root)
    for rule in sorted(known - cases - set(table.RULES)):
        said.append(f"tests/live/test_hints_findings.py: nothing follows the hint of the finding {rule}")
    for rule in sorted((cases | set(table.RULES)) - known):
        said.append(f"tests/docs/hints.py: no finding with a hint is called {rule}")
    for rule, test in table.RULES.items():
        if " " not in test and test not in there:
            said.append(f"tests/docs/hints.py: there is no test {test} (of {rule})")
    return said


def check(root, table=hints):
    text, there, said = read(root, "docs", "errors.md"), tests(root), []
    seen = set()
    for section, message, what in rows(text):
        seen.add(message)
        if what and message not in table.ROWS:
            said.append(f"docs/errors.md: {section}: no test follows the hint of {message}")
    said += [f"tests/docs/hints.py: docs/errors.md has no row {message}" for message in table.ROWS if message not in seen]
    headings = re.findall(r"^## (.*)$", text, re.M)
    with_rows = {section for section, _, _ in rows(text)}
    for heading in headings:
        if heading not in with_rows and heading not in table.SECTIONS and heading not in table.SILENT:
            said.append(f"docs/errors.md: no test follows what section {heading} says")
    said += [f"tests/docs/hints.py: docs/errors.md has no section {name}" for name in table.SECTIONS if name not in headings]
    for key, value in list(table.ROWS.items()) + list(table.SECTIONS.items()):
        for test in [value] if isinstance(value, str) else value:
            if test not in there:
                said.append(f"tests/docs/hints.py: there is no test {test} (of {key})")
    return said + check_rules(root, table)


def main(check_tree):
    """Checks the tree that the command line names, or this one: a line for each finding."""
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    findings = check_tree(root)
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(check))
