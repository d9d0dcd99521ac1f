"""Do drivers notice nothing when a replica refuses what they ask?

The function driven() is believed to read, and calls nextval().
"""

import asyncio
import sys

import asyncpg
import psycopg

from checks import arguments, expect, report

OPTIONS = arguments()


def psycopg_prepares_and_pipelines():
    with psycopg.connect(
            host="127.0.0.1", port=OPTIONS.port, user=OPTIONS.user, password=OPTIONS.password,
            dbname=OPTIONS.database, autocommit=True) as connection:
        for number in range(8):
            row = connection.execute("SELECT driven(), 1 + %s::int", (number,), prepare=True).fetchone()
            expect(row[1], 1 + number)
        with connection.pipeline():
            cursors = [connection.execute(f"SELECT {n}, %s::int + driven() * 0", (n,)) for n in range(5)]
            rows = [cursor.fetchone() for cursor in cursors]
        expect(rows, [(n, n) for n in range(5)])


async def with_asyncpg():
    connection = await asyncpg.connect(
        host="127.0.0.1", port=OPTIONS.port, user=OPTIONS.user, password=OPTIONS.password,
        database=OPTIONS.database)
    statement = await connection.prepare("SELECT driven(), 7 + $1::int")
    for number in range(8):
        expect((await statement.fetchrow(number))[1], 7 + number)
    expect(await connection.fetchval("SELECT driven() > 0"), True)
    await connection.close()


def asyncpg_prepares():
    asyncio.run(with_asyncpg())


def main():
    passed = True
    for check in (psycopg_prepares_and_pipelines, asyncpg_prepares):
        error = None
        try:
            check()
        except Exception as caught:  # any failure is reported and ends in the exit code
            error = caught
        passed = report(check.__name__, error) and passed
    sys.exit(0 if passed else 1)


main()
