"""Seeds of a test that is made up by chance, on the command line: many of them, in parallel, on one server.

    def work(server, job, seeds, given):        # in a process of its own; its exit status
        ...

    if __name__ == "__main__":
        if not seeds.asked(server_of, work, first=1):
            main()

`--seed N` begins with N, `--seeds N` tries so many, `--jobs N` at once, `--verbose` says what each did, as one alone does.
"""
import argparse
import os
import signal
import sys


def asked(server_of, work, first):
    """False when no seed is asked for; else does not return. `server_of(jobs)` makes the server, with a database for each job where
    `work` wants one; `first`: the seed to begin with when none is said."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--verbose", action="store_true", help="says what each seed did")
    given, _ = parser.parse_known_args()
    if given.seed is None and given.seeds is None:
        return False
    given.seeds = given.seeds or 1
    given.verbose = given.verbose or given.seeds == 1
    if given.seed is None:
        given.seed = first
    print(f"seeds {given.seed} to {given.seed + given.seeds - 1}", flush=True)
    sys.exit(many(given, server_of, work))


def many(given, server_of, work):
    with server_of(given.jobs) as server:
        children = []

        def stop(number, _frame):
            for child in children:
                os.kill(child, signal.SIGTERM)
            for child in children:
                os.waitpid(child, 0)
            server.close()
            os._exit(128 + number)

        for job in range(given.jobs):
            pid = os.fork()
            if pid == 0:
                os._exit(work(server, job, range(given.seed + job, given.seed + given.seeds, given.jobs), given))
            children.append(pid)
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        bad = sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0 for pid in children)
    return 1 if bad else 0
