"""Does session state survive in connections that pools keep and hand out again, and does it stay with its connection?

psycopg, asyncpg's pool, SQLAlchemy's pool and Django's persistent connections, over SET, temporary tables and LISTEN,
while other connections of the same user keep the servers busy.
"""

import asyncio
import contextlib
import threading
import time

import asyncpg
import django
import psycopg
import sqlalchemy
from django.conf import settings

from checks import arguments, expect, run

OPTIONS = arguments()

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql", "NAME": OPTIONS.database, "USER": OPTIONS.user,
            "PASSWORD": OPTIONS.password, "HOST": "127.0.0.1", "PORT": str(OPTIONS.port), "CONN_MAX_AGE": None,
        }
    },
    INSTALLED_APPS=[])
django.setup()

from django.db import connections  # noqa: E402
from django.db import transaction as django_transaction  # noqa: E402

ADDRESS = {"host": "127.0.0.1", "port": OPTIONS.port, "user": OPTIONS.user, "password": OPTIONS.password}


@contextlib.contextmanager
def company(size=4):
    """Other connections that ask for servers all the time, and look whether somebody's state is there."""
    stop = threading.Event()
    found = []

    def work():
        with psycopg.connect(dbname=OPTIONS.database, autocommit=True, **ADDRESS) as connection:
            while not stop.is_set():
                with connection.transaction():
                    row = connection.execute(
                        "SELECT current_setting('work_mem'), current_setting('application_name'),"
                        " to_regclass('pg_temp.mine')::text, count(*) FROM pg_locks WHERE locktype = 'advisory'"
                        " AND pid = pg_backend_pid()").fetchone()
                if row != ("4MB", "", None, 0):
                    found.append(row)

    threads = [threading.Thread(target=work) for _ in range(size)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    expect(found, [])


def back_on_the_replicas(port):
    """A session that keeps no server any more reads from the replicas again, soon."""
    deadline = time.monotonic() + 20
    while port() not in OPTIONS.reads:
        if time.monotonic() > deadline:
            raise AssertionError("the session still keeps its server")
        time.sleep(0.01)


def psycopg_settings_and_temporary_tables():
    with company(), psycopg.connect(dbname=OPTIONS.database, autocommit=True, **ADDRESS) as connection:
        def one(sql):
            return connection.execute(sql).fetchone()[0]

        connection.execute("SET work_mem = '7MB'")
        connection.execute("SET application_name = 'reused'")
        for round in range(5):
            for _ in range(20):
                expect(one("SHOW work_mem"), "7MB")
                expect(one("SELECT current_setting('application_name')"), "reused")
            connection.execute("CREATE TEMPORARY TABLE mine (x int)")
            for number in range(20):
                connection.execute("INSERT INTO mine VALUES (%s)", (number,))
                expect(one("SELECT count(*) FROM mine"), number + 1)
            connection.execute("DROP TABLE mine")
            back_on_the_replicas(lambda: one("SELECT inet_server_port()"))
            expect(one("SHOW work_mem"), "7MB")


def psycopg_listen():
    with company(), psycopg.connect(dbname=OPTIONS.database, autocommit=True, **ADDRESS) as connection:
        connection.execute("LISTEN news")
        with psycopg.connect(dbname=OPTIONS.database, autocommit=True, **ADDRESS) as other:
            for number in range(20):
                other.execute("SELECT pg_notify('news', %s)", (str(number),))
        heard = [notify.payload for notify in connection.notifies(timeout=10, stop_after=20)]
        expect(heard, [str(number) for number in range(20)])
        connection.execute("UNLISTEN *")
        back_on_the_replicas(lambda: connection.execute("SELECT inet_server_port()").fetchone()[0])


def asyncpg_pool():
    async def work(pool, number):
        async with pool.acquire() as connection:
            expect(await connection.fetchval("SHOW work_mem"), "4MB")
            await connection.execute(f"SET work_mem = '{number + 8}MB'")
            await connection.execute("CREATE TEMPORARY TABLE mine AS SELECT $1::int AS x", number)
            await connection.execute("SELECT pg_advisory_lock($1)", 7000 + number)
            await asyncio.sleep(0.005)
            expect(await connection.fetchval("SELECT x FROM mine"), number)
            expect(await connection.fetchval("SHOW work_mem"), f"{number + 8}MB")
            await connection.execute("DROP TABLE mine")

    async def listen(pool):
        heard = asyncio.Queue()

        def hear(connection, pid, channel, payload):
            heard.put_nowait(payload)

        async with pool.acquire() as connection:
            await connection.add_listener("news", hear)
            await pool.execute("SELECT pg_notify('news', 'all of it')")
            expect(await asyncio.wait_for(heard.get(), 10), "all of it")
            await connection.remove_listener("news", hear)

    async def main():
        # On its way back into the pool a connection is told RESET ALL, CLOSE ALL, UNLISTEN * and to unlock all.
        async with asyncpg.create_pool(
                database=OPTIONS.database, min_size=3, max_size=3, **ADDRESS) as pool:
            await asyncio.gather(*(work(pool, number) for number in range(60)))
            for _ in range(3):
                await listen(pool)

    with company():
        asyncio.run(asyncio.wait_for(main(), 60))


def sqlalchemy_pool():
    url = sqlalchemy.URL.create(
        "postgresql+psycopg", OPTIONS.user, OPTIONS.password, "127.0.0.1", OPTIONS.port, OPTIONS.database)
    engine = sqlalchemy.create_engine(url, pool_size=2, max_overflow=0, pool_pre_ping=True)
    text = sqlalchemy.text
    items = sqlalchemy.Table("mine", sqlalchemy.MetaData(), sqlalchemy.Column("x", sqlalchemy.Integer),
                             prefixes=["TEMPORARY"])

    @sqlalchemy.event.listens_for(engine, "connect")
    def first(connection, record):
        connection.execute("SET work_mem = '9MB'")
        connection.commit()

    with company():
        for _ in range(20):
            with engine.begin() as connection:
                expect(connection.execute(text("SHOW work_mem")).scalar(), "9MB")
                items.create(connection)
                connection.execute(items.insert(), [{"x": number} for number in range(10)])
                expect(connection.execute(text("SELECT sum(x) FROM mine")).scalar(), 45)
            # The pool has rolled back and kept the connection; the same session has its table again.
            with engine.connect() as connection:
                expect(connection.execute(sqlalchemy.select(sqlalchemy.func.count()).select_from(items)).scalar(), 10)
                connection.execute(text("SET work_mem = '1MB'"))
                connection.rollback()
                expect(connection.execute(text("SHOW work_mem")).scalar(), "9MB")
                items.drop(connection)
                connection.commit()
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("LISTEN news"))
            raw = connection.connection.driver_connection
            with engine.begin() as other:
                other.execute(text("NOTIFY news, 'committed'"))
            expect([notify.payload for notify in raw.notifies(timeout=10, stop_after=1)], ["committed"])
            connection.execute(text("UNLISTEN news"))
            back_on_the_replicas(lambda: connection.execute(text("SELECT inet_server_port()")).scalar())
    engine.dispose()


def django_connection():
    connection = connections["default"]

    def one(sql):
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]

    with company():
        with connection.cursor() as cursor:
            cursor.execute("SET work_mem = '6MB'")
        for _ in range(10):
            expect(one("SHOW work_mem"), "6MB")
            with django_transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("CREATE TEMPORARY TABLE mine (x int)")
                    cursor.executemany("INSERT INTO mine VALUES (%s)", [(number,) for number in range(5)])
            connection.close_if_unusable_or_obsolete()
            expect(one("SELECT count(*) FROM mine"), 5)
            with connection.cursor() as cursor:
                cursor.execute("DROP TABLE mine")
        with connection.cursor() as cursor:
            cursor.execute("LISTEN news")
        with psycopg.connect(dbname=OPTIONS.database, autocommit=True, **ADDRESS) as other:
            other.execute("NOTIFY news, 'to django'")
        heard = connection.connection.notifies(timeout=10, stop_after=1)
        expect([notify.payload for notify in heard], ["to django"])
        with connection.cursor() as cursor:
            cursor.execute("UNLISTEN *")
        back_on_the_replicas(lambda: one("SELECT inet_server_port()"))
        expect(one("SHOW work_mem"), "6MB")
    connection.close()


CHECKS = [
    psycopg_settings_and_temporary_tables, psycopg_listen, asyncpg_pool, sqlalchemy_pool, django_connection,
]


if __name__ == "__main__":
    run(CHECKS, OPTIONS)
