#!/usr/bin/env python3
"""What does a router do all day?

Runs the load by whose measurements release builds are optimised: the ways in which clients ask, log in and read much,
in numbers that are fixed, so that two trainings differ little. The given program notes what it runs when it ends.
"""

import subprocess
import sys
from pathlib import Path

from stage import Stage

# What applications send besides the transactions of pgbench: joins, literals, a comment, transactions, settings.
STATEMENTS = r"""
\set aid random(1, 100000)
SELECT a.aid, a.abalance, b.bbalance, coalesce(a.filler, '') AS note
  FROM pgbench_accounts a JOIN pgbench_branches b ON b.bid = a.bid
  WHERE a.aid IN (:aid, :aid + 1) AND a.filler <> 'none' ORDER BY a.aid LIMIT 10;
WITH few AS (SELECT tid, tbalance FROM pgbench_tellers WHERE tid BETWEEN 1 AND 5)
  SELECT count(*), max(tbalance) FROM few;
/* action: show */ SELECT now(), current_user, upper('a' || :aid::text);
BEGIN;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid FOR UPDATE;
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;
COMMIT;
BEGIN READ ONLY;
SELECT bbalance FROM pgbench_branches WHERE bid = 1;
COMMIT;
SET application_name = 'training';
SHOW application_name;
"""


def ask(stage, subject):
    script = stage.directory / "statements.sql"
    script.write_text(STATEMENTS)
    for protocol in ("simple", "extended", "prepared"):
        for clients in (1, 8, 64):
            subject.pgbench("-S", "-M", protocol, "-c", str(clients), "-t", str(16_000 // clients))
        subject.pgbench("-N", "-M", protocol, "-c", "4", "-t", "500")
        subject.pgbench("-f", str(script), "-M", protocol, "-c", "4", "-t", "250")


def stream(subject):
    rows = "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 100000)) TO STDOUT"
    subprocess.run(["psql", "-X", "-q", "-c", rows, *subject.target()], env=subject.environment, check=True,
                   stdout=subprocess.DEVNULL)


def main(binary):
    with Stage(Path(binary).resolve(), None) as stage:
        trusting = stage.start("pointsman/trust")
        ask(stage, trusting)
        stream(trusting)
        stage.stop(trusting)
        asking = stage.start("pointsman/scram")
        asking.pgbench("-S", "-C", "-c", "8", "-t", "250")
        stage.stop(asking)


if __name__ == "__main__":
    main(sys.argv[1])
