"""Does asyncpg work as on a direct connection: its statement cache, pools, cursors, binary COPY, timeouts?"""

import asyncio
import io
import sys

import asyncpg

from checks import arguments, expect, expect_in, report, table_name

OPTIONS = arguments()
TARGET = {
    "host": "127.0.0.1", "port": OPTIONS.port, "user": OPTIONS.user, "password": OPTIONS.password,
    "database": OPTIONS.database, "timeout": 10, "ssl": False,
}


class connected:
    """A connection for the length of a block."""

    def __init__(self, **settings):
        self.settings = settings

    async def __aenter__(self):
        self.connection = await asyncpg.connect(**TARGET, **self.settings)
        return self.connection

    async def __aexit__(self, *_):
        await self.connection.close(timeout=10)


async def reads_are_spread():
    async with connected() as connection:
        ports = {await connection.fetchval("SELECT inet_server_port()") for _ in range(100)}
    expect(ports, OPTIONS.reads)


async def routes_are_explained():
    async with connected() as connection:
        for _ in range(3):
            rows = dict(await connection.fetch("EXPLAIN ROUTE SELECT nextval('s')"))
            expect(rows["token"], "nextval")
            expect(rows["decided by"], "built-in table")


async def the_statement_cache_works_on_every_server():
    async with connected() as connection:
        for number in range(100):
            expect(await connection.fetchval("SELECT $1::int * 3", number), number * 3)
            expect(await connection.fetchval("SELECT $1::text", str(number)), str(number))


async def statements_pushed_out_of_the_cache():
    async with connected(statement_cache_size=5) as connection:
        for round in range(3):
            for number in range(20):
                expect(await connection.fetchval(f"SELECT {number} + $1::int", round), number + round)


async def no_statement_cache():
    async with connected(statement_cache_size=0) as connection:
        for number in range(50):
            expect(await connection.fetchval("SELECT $1::int", number), number)


async def prepared_statements():
    async with connected() as connection:
        statement = await connection.prepare("SELECT $1::int AS n, $2::text AS t")
        expect([attribute.name for attribute in statement.get_attributes()], ["n", "t"])
        for number in range(50):
            expect(tuple(await statement.fetchrow(number, "x")), (number, "x"))


async def a_session_reads_its_writes():
    async with connected() as connection:
        table = table_name("asyncpg_own")
        await connection.execute(f"CREATE TABLE {table} (x int)")
        for number in range(1, 101):
            await connection.execute(f"INSERT INTO {table} VALUES ($1)", number)
            expect(await connection.fetchval(f"SELECT max(x) FROM {table}"), number)
        await connection.execute(f"DROP TABLE {table}")


async def transactions_and_savepoints():
    async with connected() as connection:
        table = table_name("asyncpg_transaction")
        await connection.execute(f"CREATE TABLE {table} (x int)")
        async with connection.transaction():
            await connection.execute(f"INSERT INTO {table} VALUES (1)")
            expect_in(await connection.fetchval("SELECT inet_server_port()"), OPTIONS.writes)
            try:
                async with connection.transaction():
                    await connection.execute(f"INSERT INTO {table} VALUES (2)")
                    await connection.execute("SELECT 1/0")
            except asyncpg.DivisionByZeroError:
                pass
            await connection.execute(f"INSERT INTO {table} VALUES (3)")
        rows = await connection.fetch(f"SELECT x FROM {table} ORDER BY x")
        expect([row["x"] for row in rows], [1, 3])
        await connection.execute(f"DROP TABLE {table}")


async def read_only_transactions():
    async with connected() as connection:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            first = await connection.fetchval("SELECT inet_server_port()")
            for _ in range(10):
                expect(await connection.fetchval("SELECT inet_server_port()"), first)
            try:
                async with connection.transaction():
                    await connection.execute("CREATE TABLE never (x int)")
                raise AssertionError("a read-only transaction wrote")
            except asyncpg.ReadOnlySQLTransactionError:
                pass


async def cursors():
    async with connected() as connection, connection.transaction():
        cursor = await connection.cursor("SELECT generate_series(1, 1000) AS n")
        expect([row["n"] for row in await cursor.fetch(10)], list(range(1, 11)))
        expect(len(await cursor.fetch(10_000)), 990)
        count = 0
        async for _ in connection.cursor("SELECT generate_series(1, 500)", prefetch=7):
            count += 1
        expect(count, 500)


async def many_rows_at_once():
    async with connected() as connection:
        table = table_name("asyncpg_many")
        await connection.execute(f"CREATE TABLE {table} (x int, y text)")
        await connection.executemany(
            f"INSERT INTO {table} VALUES ($1, $2)", [(number, "y" * 100) for number in range(2_000)])
        expect(await connection.fetchval(f"SELECT count(*) FROM {table}"), 2_000)
        await connection.execute(f"DROP TABLE {table}")


async def binary_copy():
    async with connected() as connection:
        table = table_name("asyncpg_copy")
        await connection.execute(f"CREATE TABLE {table} (x int, y text)")
        records = [(number, f"row {number}") for number in range(5_000)]
        await connection.copy_records_to_table(table, records=records)
        output = io.BytesIO()
        await connection.copy_from_query(f"SELECT x FROM {table} ORDER BY x", output=output)
        expect(len(output.getvalue().splitlines()), 5_000)
        await connection.execute(f"DROP TABLE {table}")


async def a_changed_table():
    async with connected() as connection:
        table = table_name("asyncpg_changed")
        await connection.execute(f"CREATE TABLE {table} (x int)")
        await connection.execute(f"INSERT INTO {table} VALUES (1)")
        expect(len(await connection.fetchrow(f"SELECT * FROM {table}")), 1)
        await connection.execute(f"ALTER TABLE {table} ADD y int DEFAULT 2")
        # The driver knows this error, forgets the statement and prepares it again.
        expect(len(await connection.fetchrow(f"SELECT * FROM {table}")), 2)
        await connection.execute(f"DROP TABLE {table}")


async def types_are_looked_up():
    async with connected() as connection:
        name = table_name("mood")
        await connection.execute(f"CREATE TYPE {name} AS ENUM ('sad', 'happy')")
        expect(await connection.fetchval(f"SELECT $1::{name}", "happy"), "happy")
        expect(await connection.fetchval(f"SELECT ARRAY['sad', 'happy']::{name}[]"), ["sad", "happy"])
        await connection.execute(f"DROP TYPE {name}")


async def timeouts_cancel():
    async with connected() as connection:
        try:
            await connection.fetchval("SELECT pg_sleep(30)", timeout=0.3)
            raise AssertionError("no timeout")
        except asyncio.TimeoutError:
            pass
        expect(await connection.fetchval("SELECT 1"), 1)


async def listeners():
    async with connected() as listener, connected() as sender:
        channel = table_name("asyncpg_channel")
        heard = asyncio.get_running_loop().create_future()
        await listener.add_listener(channel, lambda *event: heard.done() or heard.set_result(event[3]))
        await sender.execute("SELECT pg_notify($1, 'hello')", channel)
        expect(await asyncio.wait_for(heard, 20), "hello")
        await listener.reset()


async def settings_of_the_start():
    async with connected(server_settings={"search_path": "pg_catalog", "jit": "off"}) as connection:
        for _ in range(10):
            expect(await connection.fetchval("SELECT current_setting('search_path')"), "pg_catalog")


async def a_pool():
    # A pool resets each connection on its return: advisory locks, cursors, LISTEN, settings.
    async with asyncpg.create_pool(**TARGET, min_size=2, max_size=10) as pool:

        async def work(number):
            async with pool.acquire() as connection:
                expect(await connection.fetchval("SELECT $1::int + 1", number), number + 1)
                async with connection.transaction():
                    await connection.execute("SELECT set_config('app.number', $1, true)", str(number))
                    expect(await connection.fetchval("SELECT current_setting('app.number')"), str(number))

        await asyncio.gather(*(work(number) for number in range(200)))


CHECKS = [
    reads_are_spread, routes_are_explained, the_statement_cache_works_on_every_server,
    statements_pushed_out_of_the_cache, no_statement_cache, prepared_statements, a_session_reads_its_writes, transactions_and_savepoints,
    read_only_transactions, cursors, many_rows_at_once, binary_copy, a_changed_table, types_are_looked_up,
    timeouts_cancel, listeners, settings_of_the_start, a_pool,
]


async def outcome(check):
    try:
        await asyncio.wait_for(check(), 60)
    except (Exception, asyncio.TimeoutError) as error:
        return error
    return None


async def main():
    chosen = [check for check in CHECKS if OPTIONS.only in (None, check.__name__)]
    return [report(check.__name__, await outcome(check)) for check in chosen]


if __name__ == "__main__":
    passed = asyncio.run(main())
    sys.exit(0 if passed and all(passed) else 1)
