"""Does a libpq of PostgreSQL 18 get TLS in its newer ways: at once, with its cancel requests encrypted too?"""

import sys
import threading
import time

import psycopg
from psycopg import errors

PORT, AUTHORITY, STRANGER = sys.argv[1:]


def connect(**settings):
    defaults = {
        "host": "localhost", "hostaddr": "127.0.0.1", "port": PORT, "user": "app", "password": "app", "dbname": "app",
        "sslmode": "verify-full", "sslrootcert": AUTHORITY, "connect_timeout": 10, "autocommit": True,
    }
    return psycopg.connect(**{**defaults, **settings})


def one(connection, sql):
    return connection.execute(sql).fetchone()[0]


def at_once():
    with connect(sslnegotiation="direct") as connection:
        assert one(connection, "SELECT 1") == 1
        assert connection.pgconn.ssl_in_use
        assert len(one(connection, "SELECT repeat('x', 3000000)")) == 3_000_000


def by_request():
    with connect(sslnegotiation="postgres", channel_binding="require") as connection:
        assert one(connection, "SELECT 2") == 2


def a_certificate_of_a_stranger_is_refused_by_the_client():
    try:
        connect(sslrootcert=STRANGER)
    except psycopg.OperationalError as error:
        assert "certificate verify failed" in str(error), error
    else:
        raise AssertionError("the client trusted a stranger")


def cancel_with_a_long_key():
    """Protocol 3.2."""
    cancel(min_protocol_version="3.2", max_protocol_version="3.2")


def cancel(**settings):
    with connect(**settings) as connection:
        timer = threading.Timer(0.5, lambda: connection.cancel_safe(timeout=10))
        timer.start()
        started = time.monotonic()
        try:
            connection.execute("SELECT pg_sleep(30)")
        except errors.QueryCanceled:
            assert time.monotonic() - started < 20
        else:
            raise AssertionError("not cancelled")
        timer.join()
        assert one(connection, "SELECT 3") == 3


def notifications_reach_an_idle_client():
    with connect() as listener, connect() as speaker:
        listener.execute("LISTEN tls_checks")
        speaker.execute("NOTIFY tls_checks, 'heard'")
        heard = next(listener.notifies(timeout=10, stop_after=1))
        assert heard.payload == "heard"


for check in [
    at_once, by_request, a_certificate_of_a_stranger_is_refused_by_the_client, cancel,
    cancel_with_a_long_key,
    notifications_reach_an_idle_client,
]:
    check()
    print("ok", check.__name__)
