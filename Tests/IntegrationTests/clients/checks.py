"""How does a driver's script know its servers, and how does it report what it checked?"""

import argparse
import os
import sys
import traceback


def arguments():
    """Where to connect, and which server ports are expected to answer reads and writes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True, help="the port to connect to")
    parser.add_argument("--reads", required=True, help="ports of the servers that may answer reads, a,b,c")
    parser.add_argument("--writes", required=True, help="ports of the servers that may answer writes, a,b,c")
    parser.add_argument("--user", default="app")
    parser.add_argument("--password", default="app")
    parser.add_argument("--database", default="app")
    parser.add_argument("--only", help="the name of the one check to run")
    options = parser.parse_args()
    options.reads = {int(port) for port in options.reads.split(",")}
    options.writes = {int(port) for port in options.writes.split(",")}
    return options


def table_name(purpose):
    """A table of this process alone."""
    return f"{purpose}_{os.getpid()}"


def expect(found, wanted):
    """Fails unless both are equal."""
    if found != wanted:
        raise AssertionError(f"found {found!r}, wanted {wanted!r}")


def expect_in(found, wanted):
    """Fails unless `found` is one of `wanted`."""
    if found not in wanted:
        raise AssertionError(f"found {found!r}, wanted one of {wanted!r}")


def report(name, error):
    """One line for each check; a failed one is followed by its trace. Returns whether it passed."""
    if error is None:
        print(f"ok {name}", flush=True)
        return True
    trace = "".join(traceback.format_exception(error))
    print(f"FAILED {name}: {type(error).__name__}: {error}\n{trace}", flush=True)
    return False


def run(checks, options):
    """Runs the checks, or the one that `--only` names, and ends the program: with 0 if all passed."""
    chosen = [check for check in checks if options.only in (None, check.__name__)]
    passed = [report(check.__name__, outcome(check)) for check in chosen]
    sys.exit(0 if passed and all(passed) else 1)


def outcome(check):
    """The error that a check ends with; None if it passes."""
    try:
        check()
    except Exception as error:
        return error
    return None
