"""Does psycopg 3 work as on a direct connection: statement cache, pipelines, cursors, COPY, cancel?"""

import threading
import time

import psycopg
from psycopg import errors

from checks import arguments, expect, expect_in, run, table_name

OPTIONS = arguments()


def connect(**settings):
    return psycopg.connect(
        host="127.0.0.1", port=OPTIONS.port, user=OPTIONS.user, password=OPTIONS.password,
        dbname=OPTIONS.database, connect_timeout=10, **{"autocommit": True, **settings})


def one(connection, sql, values=None, **settings):
    return connection.execute(sql, values, **settings).fetchone()[0]


def reads_are_spread():
    with connect() as connection:
        ports = {one(connection, "SELECT inet_server_port()") for _ in range(100)}
    expect(ports, OPTIONS.reads)


def transactions_go_to_the_primary():
    with connect(autocommit=False) as connection:
        table = table_name("psycopg_transaction")
        connection.execute(f"CREATE TABLE {table} (x int)")
        expect_in(one(connection, "SELECT inet_server_port()"), OPTIONS.writes)
        connection.commit()
        connection.execute(f"INSERT INTO {table} VALUES (1)")
        connection.rollback()
        expect(one(connection, f"SELECT count(*) FROM {table}"), 0)
        connection.execute(f"DROP TABLE {table}")
        connection.commit()


def routes_are_explained():
    with connect(prepare_threshold=0) as connection:
        rows = dict(connection.execute("EXPLAIN ROUTE SELECT 1").fetchall())
        expect(rows["class"], "replica-safe")
        for _ in range(3):
            rows = dict(connection.execute("EXPLAIN ROUTE INSERT INTO t VALUES (1)", prepare=True).fetchall())
            expect(rows["token"], "INSERT")
    with connect(autocommit=False) as connection:
        rows = dict(connection.execute("EXPLAIN ROUTE SELECT 1").fetchall())
        expect(rows["class"], "replica-safe, here routed as transaction control")
        connection.commit()


def a_session_reads_its_writes():
    with connect() as connection:
        table = table_name("psycopg_own")
        connection.execute(f"CREATE TABLE {table} (x int)")
        for number in range(1, 101):
            connection.execute(f"INSERT INTO {table} VALUES (%s)", (number,))
            expect(one(connection, f"SELECT max(x) FROM {table}"), number)
        connection.execute(f"DROP TABLE {table}")


def prepared_statements_run_on_every_server():
    with connect(prepare_threshold=0) as connection:
        for number in range(100):
            expect(one(connection, "SELECT %s::int * 2", (number,), prepare=True), number * 2)
            expect(one(connection, "SELECT %s::text || 'x'", (str(number),), prepare=True), f"{number}x")


def evicted_statements_are_gone():
    with connect(prepare_threshold=0) as connection:
        connection.prepared_max = 3
        for round in range(3):
            for number in range(12):
                expect(one(connection, f"SELECT {number} + %s::int", (round,)), number + round)


def prepared_statements_of_connections_do_not_mix():
    with connect(prepare_threshold=0) as first, connect(prepare_threshold=0) as second:
        for _ in range(20):
            # Both drivers give their first statement the same name.
            expect(one(first, "SELECT 'first' || %s::text", ("!",)), "first!")
            expect(one(second, "SELECT 'second' || %s::text", ("?",)), "second?")


def pipelines():
    with connect() as connection:
        table = table_name("psycopg_pipeline")
        connection.execute(f"CREATE TABLE {table} (x int PRIMARY KEY)")
        with connection.pipeline():
            cursors = [connection.execute("SELECT %s::int", (number,)) for number in range(50)]
            connection.execute(f"INSERT INTO {table} VALUES (1)")
            count = connection.execute(f"SELECT count(*) FROM {table}")
        expect([cursor.fetchone()[0] for cursor in cursors], list(range(50)))
        expect(count.fetchone()[0], 1)
        connection.execute(f"DROP TABLE {table}")


def an_error_in_a_pipeline():
    with connect() as connection:
        table = table_name("psycopg_pipeline_error")
        connection.execute(f"CREATE TABLE {table} (x int PRIMARY KEY)")
        try:
            with connection.pipeline() as pipeline:
                connection.execute(f"INSERT INTO {table} VALUES (1)")
                pipeline.sync()
                connection.execute(f"INSERT INTO {table} VALUES (2)")
                connection.execute("SELECT 1/0")
                connection.execute(f"INSERT INTO {table} VALUES (3)")
                pipeline.sync()
                connection.execute(f"INSERT INTO {table} VALUES (4)")
        except errors.DivisionByZero:
            pass
        rows = connection.execute(f"SELECT x FROM {table} ORDER BY x").fetchall()
        expect_in([row[0] for row in rows], [[1], [1, 4]])
        expect(one(connection, "SELECT 5"), 5)
        connection.execute(f"DROP TABLE {table}")


def server_side_cursors():
    with connect(autocommit=False) as connection:
        with connection.cursor(name="rows") as cursor:
            cursor.execute("SELECT generate_series(1, 1000)")
            expect([row[0] for row in cursor.fetchmany(10)], list(range(1, 11)))
            expect(len(cursor.fetchall()), 990)
        connection.commit()


def copy_both_ways():
    with connect() as connection:
        table = table_name("psycopg_copy")
        connection.execute(f"CREATE TABLE {table} (x int, y text)")
        with connection.cursor() as cursor:
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for number in range(10_000):
                    copy.write_row((number, f"row {number}"))
            with cursor.copy(f"COPY (SELECT x FROM {table} ORDER BY x) TO STDOUT") as copy:
                copy.set_types(["int4"])
                expect([row[0] for row in copy.rows()], list(range(10_000)))
            with cursor.copy(f"COPY {table} TO STDOUT (FORMAT BINARY)") as copy:
                copy.set_types(["int4", "text"])
                expect(sum(1 for _ in copy.rows()), 10_000)
        connection.execute(f"DROP TABLE {table}")


def a_failed_copy_leaves_the_connection_usable():
    with connect() as connection:
        table = table_name("psycopg_failed_copy")
        connection.execute(f"CREATE TABLE {table} (x int)")
        try:
            with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                copy.write("not a number\n")
        except errors.InvalidTextRepresentation:
            pass
        expect(one(connection, f"SELECT count(*) FROM {table}"), 0)
        connection.execute(f"DROP TABLE {table}")


def settings_stay():
    with connect() as connection:
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
        for _ in range(20):
            expect(one(connection, "SELECT current_setting('TimeZone')"), "Asia/Tokyo")
        expect(connection.info.timezone.key, "Asia/Tokyo")
    with connect() as connection:
        expect(one(connection, "SELECT current_setting('TimeZone')") == "Asia/Tokyo", False)


def options_of_the_start():
    with connect(options="-c statement_timeout=300ms -c search_path=pg_catalog") as connection:
        for _ in range(10):
            expect(one(connection, "SELECT current_setting('search_path')"), "pg_catalog")
        try:
            connection.execute("SELECT pg_sleep(30)")
            raise AssertionError("the statement was not ended")
        except errors.QueryCanceled:
            pass


def cancel_ends_the_running_query():
    with connect() as connection:
        begin = time.monotonic()
        timer = threading.Timer(0.3, connection.cancel)
        timer.start()
        try:
            connection.execute("SELECT pg_sleep(30)")
            raise AssertionError("the query was not cancelled")
        except errors.QueryCanceled:
            pass
        timer.join()
        expect(time.monotonic() - begin < 20, True)
        expect(one(connection, "SELECT 1"), 1)


def notifications_arrive():
    with connect() as listener, connect() as sender:
        channel = table_name("channel")
        listener.execute(f"LISTEN {channel}")
        sender.execute("SELECT pg_notify(%s, 'hello')", (channel,))
        notification = next(listener.notifies(timeout=20, stop_after=1))
        expect(notification.payload, "hello")


def errors_carry_their_fields():
    with connect() as connection:
        table = table_name("psycopg_errors")
        connection.execute(f"CREATE TABLE {table} (x int CONSTRAINT {table}_key UNIQUE)")
        connection.execute(f"INSERT INTO {table} VALUES (1)")
        try:
            connection.execute(f"INSERT INTO {table} VALUES (1)")
            raise AssertionError("the row was taken twice")
        except errors.UniqueViolation as error:
            expect(error.diag.constraint_name, f"{table}_key")
        connection.execute(f"DROP TABLE {table}")


def many_threads():
    failures = []

    def work(number):
        try:
            with connect(prepare_threshold=2) as connection:
                for step in range(50):
                    expect(one(connection, "SELECT %s::int + %s::int", (number, step)), number + step)
        except Exception as error:  # reported by the main thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


CHECKS = [
    reads_are_spread, transactions_go_to_the_primary, a_session_reads_its_writes,
    prepared_statements_run_on_every_server, evicted_statements_are_gone,
    prepared_statements_of_connections_do_not_mix, pipelines, an_error_in_a_pipeline, server_side_cursors,
    copy_both_ways, a_failed_copy_leaves_the_connection_usable, settings_stay, options_of_the_start,
    cancel_ends_the_running_query, notifications_arrive, errors_carry_their_fields, many_threads,
]
# Only a router knows EXPLAIN ROUTE.
if OPTIONS.reads != OPTIONS.writes:
    CHECKS.append(routes_are_explained)


if __name__ == "__main__":
    run(CHECKS, OPTIONS)
