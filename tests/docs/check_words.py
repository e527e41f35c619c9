#!/usr/bin/python3
"""Finds words that docs/glossary.md has a better one for, in messages, help texts, SQL and pages.

Usage: check_words.py [root of the tree]
One line for each, `file:line: what`; exit 1 when there is any. Comments are read by people who know the code, and are not looked at here.
"""
import glob
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from check_errors import TEXT, without_comments
from check_hints import main, read

FOLDERS = ("base", "plans", "phases", "postgres", "orchestrator")
# What is not said, and what is said instead.
WORDS = (
    (r"go(es|ing)? on\b(?! (the|a|an|its|each) )|went on", "continues"),
    (r"at work", "is running"),
    (r"gives? way|gave way", "yields, is cancelled"),
    (r"lets? go", "releases"),
    (r"held back by(?! (pid|the|a|an|%s))|holding back:", "throttled; blocked by"),
    (r"gives true", "returns true"),
    (r"mend(s|ed|ing)?", "fix"),
    (r"hangs? on", "depends on"),
    (r"becomes? of", "happens to"),
    (r"way back|ways back", "rollback"),
    (r"tak(e|es|en|ing) back|took back", "roll back, undo"),
    (r"renam(e|es|ed) away", "hide"),
    (r"for good|for ever", "permanently"),
    (r"anew", "again"),
    (r"already so", "already satisfied"),
    (r"leftovers?", "incomplete object"),
    (r"gone through", "scanned"),
    (r"does not belong to '", "is not valid for"),
    (r"operands?(?!=)", "argument"),
    (r"stands? (behind|before|on|in|at)", "follows, precedes, exists on"),
    (r"behind the (switch|backfill|first|sweep|gate|comparison|checkpoint|key)", "after"),
    (r"the dog|person's advance", "-"),
)


def words_of(text):
    for pattern, instead in WORDS:
        for match in re.finditer(r"(?<![\w-])(?:%s)(?![\w-])" % pattern, text, re.I):
            yield match.start(), match.group(0), instead


def texts(root):
    """Name, number of the first line, text."""
    for folder in FOLDERS:
        for path in sorted(glob.glob(os.path.join(root, folder, "**", "*.c"), recursive=True)):
            source = without_comments(read(path))
            for match in re.finditer(TEXT + r"(?:\s*%s)*" % TEXT, source):
                yield os.path.relpath(path, root), source.count("\n", 0, match.start()) + 1, re.sub(r'(?<!\\)"\s*"', "", match.group(0))
    pages = [os.path.join(root, name) for name in ("README.md", "CONTRIBUTING.md", "plan.example.toml")]
    for path in pages + sorted(glob.glob(os.path.join(root, "docs", "**", "*.md"), recursive=True)):
        for number, line in enumerate(read(path).splitlines(), 1):
            yield os.path.relpath(path, root), number, line


def check(root):
    return [f"{name}:{number}: '{word}': say {instead}" for name, number, text in texts(root) for _, word, instead in words_of(text)]


if __name__ == "__main__":
    sys.exit(main(check))
