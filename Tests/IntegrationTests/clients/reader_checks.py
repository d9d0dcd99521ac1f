"""Can drivers and frameworks use the reader port as it comes: what they set, how they begin, what a pool resets?"""

import asyncio

import asyncpg
import django.conf
import psycopg
import sqlalchemy

from checks import arguments, expect, expect_in, run

OPTIONS = arguments()
TARGET = {
    "host": "127.0.0.1", "port": OPTIONS.port, "user": OPTIONS.user, "password": OPTIONS.password,
    "dbname": OPTIONS.database,
}
PORT_OF_SERVER = "SELECT pg_catalog.inet_server_port()"


def psycopg_transactions():
    with psycopg.connect(**TARGET) as connection:
        expect_in(connection.execute(PORT_OF_SERVER).fetchone()[0], OPTIONS.reads)
        connection.commit()
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with connection.cursor("named") as cursor:
            cursor.execute("SELECT generate_series(1, 100)")
            expect(len(cursor.fetchall()), 100)
        connection.commit()
        for number in range(20):
            expect(connection.execute("SELECT %s::int", (number,), prepare=True).fetchone(), (number,))
        connection.commit()
        with connection.cursor().copy("COPY (SELECT 1) TO STDOUT") as copy:
            expect([bytes(part) for part in copy], [b"1\n"])


def psycopg_pipelines():
    with psycopg.connect(**TARGET) as connection:
        connection.execute("SET work_mem = '5MB'")
        connection.commit()
        with connection.pipeline():
            first = connection.execute(PORT_OF_SERVER)
            second = connection.execute("SELECT pg_catalog.current_setting('work_mem')")
            expect_in(first.fetchone()[0], OPTIONS.reads)
            expect(second.fetchone(), ("5MB",))


def asyncpg_pools():
    async def check():
        pool = await asyncpg.create_pool(
            host="127.0.0.1", port=OPTIONS.port, user=OPTIONS.user, password=OPTIONS.password,
            database=OPTIONS.database, ssl=False, min_size=2, max_size=4, server_settings={"work_mem": "6MB"})
        try:
            for number in range(20):
                async with pool.acquire() as connection:
                    expect(await connection.fetchval("SHOW work_mem"), "6MB")
                    await connection.execute("SET work_mem = '7MB'")
                    expect(await connection.fetchval("SHOW work_mem"), "7MB")
                    async with connection.transaction(isolation="repeatable_read", readonly=True):
                        expect(await connection.fetchval("SELECT $1::int", number), number)
        finally:
            await pool.close()

    asyncio.run(asyncio.wait_for(check(), 60))


def sqlalchemy_engines():
    url = sqlalchemy.URL.create(
        "postgresql+psycopg", OPTIONS.user, OPTIONS.password, "127.0.0.1", OPTIONS.port, OPTIONS.database)
    for options in ({}, {"isolation_level": "AUTOCOMMIT"}, {"isolation_level": "REPEATABLE READ"}):
        engine = sqlalchemy.create_engine(url, pool_size=2, **options)
        for _ in range(5):
            with engine.connect() as connection:
                expect_in(connection.scalar(sqlalchemy.text(PORT_OF_SERVER)), OPTIONS.reads)
                expect("pg_class" in sqlalchemy.inspect(connection).get_table_names("pg_catalog"), True)
        engine.dispose()


def django_reads():
    django.conf.settings.configure(
        DATABASES={"default": {
            "ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "PORT": OPTIONS.port,
            "USER": OPTIONS.user, "PASSWORD": OPTIONS.password, "NAME": OPTIONS.database}},
        USE_TZ=True, TIME_ZONE="Asia/Tokyo")
    django.setup()
    from django.db import connection, transaction
    for _ in range(3):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(PORT_OF_SERVER)
            expect_in(cursor.fetchone()[0], OPTIONS.reads)
        with connection.cursor() as cursor:
            cursor.execute("SHOW timezone")
            expect(cursor.fetchone(), ("UTC",))
        connection.close()


if __name__ == "__main__":
    run([psycopg_transactions, psycopg_pipelines, asyncpg_pools, sqlalchemy_engines, django_reads], OPTIONS)
