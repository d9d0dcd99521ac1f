-- A database of user functions of every kind, run behind ../corpus/setup.sql: some are what they are declared to be, some are not.
CREATE SCHEMA app;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION tablefunc;
CREATE EXTENSION file_fdw;
CREATE EXTENSION "uuid-ossp";
CREATE EXTENSION pgcrypto;
CREATE EXTENSION dblink;
CREATE EXTENSION pg_freespacemap;
CREATE EXTENSION pg_stat_statements;
CREATE EXTENSION pgrowlocks;
CREATE EXTENSION sslinfo;
CREATE EXTENSION tsm_system_rows;

-- What is declared harmless, and is.
CREATE FUNCTION app.add_one(int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT $1 + 1 $$;
CREATE FUNCTION app.rows_of_t() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT count(*) FROM public.t WHERE a > app.add_one(0) $$;
CREATE FUNCTION app.parsed(x int) RETURNS int LANGUAGE sql STABLE
    BEGIN ATOMIC SELECT a FROM public.t WHERE a = app.add_one(x); END;
CREATE FUNCTION app.looping(n int) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
DECLARE
    total numeric(12, 2) := 0;
    r record;
    c CURSOR (least int) FOR SELECT a FROM public.t WHERE a >= least;
BEGIN
    FOR r IN SELECT a FROM public.t LOOP
        IF (r.a % 2 = 0) THEN total := total + app.add_one(r.a); END IF;
    END LOOP;
    WHILE (total > 1000) LOOP total := total / 2; END LOOP;
    RETURN (total + n);
EXCEPTION WHEN others THEN
    RETURN -1;
END $$;
CREATE FUNCTION app.set_of_rows() RETURNS SETOF public.t LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT * FROM public.t WHERE a < 3;
    RETURN;
END $$;
CREATE FUNCTION app.tenant() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_setting('app.tenant', true) $$;
CREATE FUNCTION total_of(u) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT $1.a * 2 $$;
CREATE FUNCTION app.odd(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN IF $1 > 1 THEN RETURN app.odd($1 - 2); ELSIF false THEN RETURN app.even($1); END IF; RETURN $1 = 1; END $$;
CREATE FUNCTION app.even(int) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT app.odd($1) IS NOT TRUE $$;
CREATE FUNCTION app.with_default(int, int DEFAULT 1) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT $1 + $2 $$;

-- What is declared harmless, and is not; a standby runs most of it without complaint.
CREATE FUNCTION app.takes_lock() RETURNS int LANGUAGE sql STABLE AS $$ SELECT 1 FROM pg_advisory_lock(4711) $$;
CREATE FUNCTION app.takes_lock_parsed() RETURNS int LANGUAGE sql STABLE BEGIN ATOMIC SELECT 1 FROM pg_advisory_lock(4711); END;
CREATE FUNCTION app.takes_lock_deep() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN app.takes_lock(); END $$;
CREATE FUNCTION app.takes_lock_deeper() RETURNS int LANGUAGE sql STABLE AS $$ SELECT app.takes_lock_deep() $$;
CREATE FUNCTION app.performs_lock() RETURNS int LANGUAGE plpgsql STABLE AS $$
BEGIN PERFORM pg_advisory_lock(4711); RETURN 1; END $$;
CREATE FUNCTION app.sets() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT set_config('app.x', 'y', false) $$;
CREATE FUNCTION app.seeds() RETURNS void LANGUAGE sql STABLE AS $$ SELECT setseed(0.5) $$;
CREATE FUNCTION app.dynamic(text) RETURNS int LANGUAGE plpgsql STABLE AS $$
DECLARE x int; BEGIN EXECUTE $1 INTO x; RETURN x; END $$;
CREATE FUNCTION app.dynamic_rows() RETURNS SETOF int LANGUAGE plpgsql STABLE AS $$
BEGIN RETURN QUERY EXECUTE 'SELECT 1'; END $$;
CREATE FUNCTION app.draws() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT nextval('public.s') $$;
CREATE FUNCTION app.calls_volatile() RETURNS int LANGUAGE sql STABLE AS $$ SELECT public.f_volatile() $$;
CREATE FUNCTION app.reads_view() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT n FROM public.drawing_view $$;
CREATE FUNCTION app.reads_unlogged() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT count(*) FROM public.unl $$;
CREATE FUNCTION app.which_node() RETURNS bool LANGUAGE sql STABLE AS $$ SELECT pg_is_in_recovery() $$;
CREATE FUNCTION app.adds(int) RETURNS int LANGUAGE sql STABLE AS $$ SELECT 1 OPERATOR(public.<+>) $1 $$;
CREATE FUNCTION app.checked(public.counted) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT 1 $$;
CREATE FUNCTION app.by_attribute() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT max(u.ticket) FROM public.u $$;
CREATE FUNCTION app.hidden_inside(int) RETURNS regclass LANGUAGE internal STABLE AS 'nextval_oid';
CREATE FUNCTION app.drawing_default(n bigint DEFAULT nextval('public.s')) RETURNS bigint LANGUAGE sql IMMUTABLE
    AS $$ SELECT $1 $$;

-- Overloads.
CREATE FUNCTION app.either(int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT $1 $$;
CREATE FUNCTION app.either(text) RETURNS int LANGUAGE sql VOLATILE AS $$ SELECT 1 $$;
CREATE FUNCTION app.apart() RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT 1 $$;
CREATE FUNCTION other.apart() RETURNS int LANGUAGE sql VOLATILE AS $$ SELECT 1 $$;

-- Operators, aggregates, casts, domains.
CREATE OPERATOR app.|+| (FUNCTION = app.with_default, LEFTARG = int, RIGHTARG = int);
CREATE FUNCTION app.locking(int, int) RETURNS int LANGUAGE sql STABLE AS $$ SELECT app.takes_lock() + $1 + $2 $$;
CREATE OPERATOR app.?? (FUNCTION = app.locking, LEFTARG = int, RIGHTARG = int);
CREATE AGGREGATE app.plain_sum(int) (SFUNC = app.with_default, STYPE = int, INITCOND = '0');
CREATE AGGREGATE app.locking_sum(int) (SFUNC = app.locking, STYPE = int, INITCOND = '0');
CREATE TYPE app.metres AS (n int);
CREATE FUNCTION app.to_metres(int) RETURNS app.metres LANGUAGE sql IMMUTABLE AS $$ SELECT ROW ($1)::app.metres $$;
CREATE CAST (int AS app.metres) WITH FUNCTION app.to_metres(int);
CREATE TYPE app.miles AS (n int);
CREATE FUNCTION app.from_miles(app.miles) RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT app.takes_lock()::bigint + $1.n $$;
CREATE CAST (app.miles AS bigint) WITH FUNCTION app.from_miles(app.miles);
CREATE DOMAIN app.small AS int CHECK (app.add_one(VALUE) < 100);
CREATE DOMAIN app.smaller AS app.small CHECK (app.locking(VALUE, 0) < 50);

-- Views over views, policies, partitions, foreign tables.
CREATE VIEW app.plain AS SELECT a, app.add_one(a) AS b FROM public.t;
CREATE VIEW app.over_plain AS SELECT * FROM app.plain WHERE lower(b::text) <> '';
CREATE VIEW app.drawing AS SELECT app.add_one(n::int) FROM public.drawing_view;
CREATE VIEW app.over_drawing AS SELECT * FROM app.drawing;
CREATE VIEW app.locking_view AS SELECT app.takes_lock_deeper() AS l;
CREATE VIEW app.aggregating AS SELECT app.locking_sum(a) FROM public.t;
CREATE VIEW app.operating AS SELECT a OPERATOR(app.??) 1 FROM public.t;
CREATE VIEW app.casting AS SELECT a::app.smaller FROM public.t;
CREATE VIEW app.activity AS SELECT pid FROM pg_stat_activity;
CREATE VIEW app.tenants AS SELECT current_setting('app.tenant', true) AS tenant;
CREATE MATERIALIZED VIEW app.drawn AS SELECT nextval('public.s') AS n;
CREATE TABLE app.guarded (a int);
ALTER TABLE app.guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.guarded USING (app.takes_lock() = 1);
CREATE TABLE app.owned (a int, tenant text);
INSERT INTO app.owned VALUES (1, 'x');
ALTER TABLE app.owned ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.owned USING (tenant = app.tenant());
CREATE TABLE app.unguarded (a int);
CREATE POLICY p ON app.unguarded USING (app.takes_lock() = 1);
CREATE TABLE app.parts (a int) PARTITION BY RANGE (a);
CREATE TABLE app.logged_part PARTITION OF app.parts FOR VALUES FROM (0) TO (10);
CREATE UNLOGGED TABLE app.unlogged_part PARTITION OF app.parts FOR VALUES FROM (10) TO (20);
CREATE TABLE app.good_parts (a int) PARTITION BY RANGE (a);
CREATE TABLE app.good_part PARTITION OF app.good_parts FOR VALUES FROM (0) TO (10);
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE app.far (line text) SERVER files OPTIONS (filename '/etc/passwd', format 'csv', delimiter E'\x01');
CREATE VIEW app.over_far AS SELECT count(*) FROM app.far;

-- What no name followed by parentheses shows.
CREATE FUNCTION app.locks_it(int) RETURNS int LANGUAGE sql STABLE AS $$ SELECT app.takes_lock() + $1 $$;
CREATE FUNCTION app.by_parameter(x bigint) RETURNS text LANGUAGE sql STABLE AS $$ SELECT x.pg_advisory_lock::text $$;
CREATE FUNCTION app.by_value(x int) RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (x).locks_it; END $$;
CREATE FUNCTION app.substring(int, int) RETURNS int LANGUAGE sql STABLE AS $$ SELECT app.takes_lock() $$;
CREATE FUNCTION app.pivot(text) RETURNS SETOF record LANGUAGE c STABLE AS '$libdir/tablefunc', 'crosstab';
CREATE FUNCTION app.other_strings() RETURNS text LANGUAGE sql STABLE SET standard_conforming_strings = off
    AS $$ SELECT 'it\'s '||app.takes_lock()||' ' $$;

-- Settings in what is stored as a tree.
CREATE VIEW app.standby AS SELECT current_setting('in_hot_standby') AS standby;
CREATE VIEW app.any_setting AS SELECT current_setting('app.' || s, true) FROM (VALUES ('tenant')) v (s);
CREATE FUNCTION app.parsed_tenant() RETURNS text LANGUAGE sql STABLE
    BEGIN ATOMIC SELECT current_setting('app.tenant', true); END;
CREATE FUNCTION app.parsed_standby() RETURNS text LANGUAGE sql STABLE
    BEGIN ATOMIC SELECT current_setting('in_hot_standby', true); END;
CREATE TABLE app.rented (a int, tenant text);
ALTER TABLE app.rented ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.rented USING (tenant = current_setting('app.tenant', true));

-- Domains inside of other types.
CREATE TYPE app.with_smaller AS (a int, s app.smaller);
CREATE TYPE app.with_more AS (w app.with_smaller[]);
CREATE TABLE app.of_smaller (a int, s app.smaller);
INSERT INTO app.of_smaller (a) VALUES (1);
CREATE TABLE app.with_array (a int, l app.smaller[]);
INSERT INTO app.with_array VALUES (1);
CREATE FUNCTION app.same(anyelement) RETURNS anyelement LANGUAGE plpgsql STABLE AS $$
BEGIN RETURN '5'::text; END $$;
CREATE FUNCTION app.takes_more(app.with_more) RETURNS int LANGUAGE sql STABLE AS $$ SELECT 1 $$;
CREATE FUNCTION app.declares() RETURNS int LANGUAGE plpgsql STABLE AS $$
DECLARE v app.of_smaller.s%TYPE; BEGIN v := 1; RETURN v; END $$;
CREATE FUNCTION app.reads_of_smaller() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN RETURN (SELECT count(*) FROM app.of_smaller WHERE a = 1); END $$;
CREATE TYPE app.with_small AS (s app.small);

-- What stored trees say in lists of types, and rows that a view locks.
CREATE VIEW app.populating AS SELECT * FROM json_to_record('{"s": 5}') AS x(s app.smaller);
CREATE VIEW app.from_xml AS SELECT * FROM xmltable('/r/s' PASSING ('<r><s>5</s></r>'::xml) COLUMNS s app.smaller PATH '.');
CREATE FUNCTION app.parsed_populating() RETURNS int STABLE LANGUAGE sql
BEGIN ATOMIC SELECT s FROM json_to_record('{"s": 5}') AS x(s app.smaller); END;
CREATE VIEW app.row_locking AS SELECT a FROM public.t WHERE a IN (SELECT a FROM public.t FOR SHARE);
-- What planning calls.
CREATE FUNCTION app.locks_in_plans(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN PERFORM pg_advisory_xact_lock(4712); RETURN $1; END $$;
CREATE TABLE app.indexed (a int, b int);
CREATE INDEX ON app.indexed ((a + app.locks_in_plans(1)));
CREATE TABLE app.in_part_indexed (a int);
CREATE INDEX ON app.in_part_indexed (a) WHERE app.locks_in_plans(1) = 1;
CREATE TABLE app.counted (a int, b int);
CREATE STATISTICS app.of_counted ON (a + app.locks_in_plans(1)), b FROM app.counted;
CREATE TABLE app.divided (a int) PARTITION BY LIST ((a + app.locks_in_plans(1)));
CREATE TABLE app.checked_in_plans (a int CHECK (a + app.locks_in_plans(1) > 0));
CREATE TABLE app.checked_in_writes (a int CHECK (a IS NOT NULL OR public.f_volatile() IS NOT NULL));
CREATE FUNCTION app.alike(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT $1 = $2 $$;
CREATE FUNCTION app.locking_unlike(int, int) RETURNS bool LANGUAGE sql STABLE AS $$ SELECT app.takes_lock() = 1 AND $1 <> $2 $$;
CREATE OPERATOR app.!=== (FUNCTION = app.locking_unlike, LEFTARG = int, RIGHTARG = int);
CREATE OPERATOR app.=== (FUNCTION = app.alike, LEFTARG = int, RIGHTARG = int, NEGATOR = OPERATOR(app.!===));
-- What literals become beside columns of domains.
CREATE TABLE app.of_small (a int, s app.small);
CREATE DOMAIN app.drawing_number AS bigint CHECK (app.draws() > 0);
CREATE TABLE app.of_drawing_number (a int, d app.drawing_number);
-- Functions of PostgreSQL's own code under names of its users, as those of ranges are.
CREATE TYPE app.floats AS RANGE (subtype = float8);
CREATE FUNCTION app.trimmed(text) RETURNS text LANGUAGE internal IMMUTABLE AS 'rtrim1';
CREATE FUNCTION app.advances(regclass) RETURNS bigint LANGUAGE internal STABLE AS 'nextval_oid';
-- Types that a cast reaches which does not name its own target.
CREATE DOMAIN app.big AS bigint;
CREATE TYPE app.row_of_big AS (q bigint);
CREATE TYPE app.row_of_rows AS (r app.row_of_big[]);
CREATE FUNCTION app.miles_to_texts(app.miles) RETURNS text[] LANGUAGE sql STABLE AS $$ SELECT ARRAY[app.takes_lock()::text] $$;
CREATE CAST (app.miles AS text[]) WITH FUNCTION app.miles_to_texts(app.miles);
CREATE FUNCTION app.casts_to_big() RETURNS bigint LANGUAGE sql STABLE
    AS $$ SELECT v::app.big FROM (SELECT ROW (1)::app.miles) q (v) $$;
CREATE FUNCTION app.casts_to_texts() RETURNS text[] LANGUAGE plpgsql STABLE
    AS $$ BEGIN RETURN CAST(ROW (1)::app.miles AS text ARRAY[3]); END $$;
CREATE FUNCTION app.casts_to_text() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 1::text; END $$;
-- What planning calls for ranges in columns.
CREATE FUNCTION app.locking_gap(float8, float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN PERFORM pg_advisory_lock_shared(4713); RETURN $1 - $2; END $$;
CREATE FUNCTION app.plain_gap(float8, float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN $1 - $2; END $$;
CREATE TYPE app.gaps AS RANGE (subtype = float8, subtype_diff = app.locking_gap);
CREATE TYPE app.plain_gaps AS RANGE (subtype = float8, subtype_diff = app.plain_gap);
CREATE DOMAIN app.some_gaps AS app.gaps;
CREATE TABLE app.of_gaps (r app.gaps);
CREATE TABLE app.of_some_gaps (r app.some_gaps);
CREATE TABLE app.of_many_gaps (r app.gaps_multirange);
CREATE TABLE app.of_plain_gaps (r app.plain_gaps);
INSERT INTO app.of_gaps SELECT app.gaps(i, i + 3) FROM generate_series(1, 100) i;
INSERT INTO app.of_some_gaps SELECT r FROM app.of_gaps;
INSERT INTO app.of_many_gaps SELECT app.gaps_multirange(r) FROM app.of_gaps;
INSERT INTO app.of_plain_gaps SELECT app.plain_gaps(i, i + 3) FROM generate_series(1, 100) i;
ANALYZE app.of_gaps, app.of_some_gaps, app.of_many_gaps, app.of_plain_gaps;
-- A method of TABLESAMPLE whose handler could do anything.
CREATE FUNCTION app.own_method(internal) RETURNS tsm_handler LANGUAGE internal AS 'tsm_system_handler';
