// Does the knowledge of a real database agree with what a real standby does?

import Foundation
import PostgresCluster
import SQL
import SQLCorpus
import Testing

@testable import Probing

@Suite(.serialized) struct CatalogTests {
    /// One cluster with the database of the corpus and of the catalog's own script.
    private static let cluster = Result { try startCluster() }

    private static func startCluster() throws -> PostgresCluster {
        let cluster = try PostgresCluster.start(replicas: 1)
        do {
            for path in [SQLCorpus.setupPath, SQLCorpus.catalogSchemaPath] {
                let primary = cluster.primary
                let target = ["-h", primary.socketDirectory, "-p", "\(primary.port)", "-U", "postgres"]
                let script = ["-d", PostgresCluster.database, "-v", "ON_ERROR_STOP=1", "-f", path]
                try cluster.programs.client("psql", ["-X", "-q"] + target + script).succeed()
            }
            try cluster.waitUntilReplicasStream()
        } catch {
            cluster.stop()
            throw error
        }
        return cluster
    }

    private func watch(_ cluster: PostgresCluster) throws -> CatalogWatch {
        try CatalogWatch(cluster.nodes.map(\.address))
    }

    @Test func classes() throws {
        let knowledge = try watch(try Self.cluster.get()).knowledge()
        for example in try SQLCorpus.loadKnown() {
            let verdict = example.classification(knowing: knowledge)
            #expect(verdict.routeClass == example.expected, "\(example): \(verdict.cause)")
        }
        // What the corpus marks as unknown without the catalog is known with it.
        let marked = try SQLCorpus.load().filter { $0.options.contains(.catalog) }
        #expect(marked.count > 20)
        for example in marked {
            let verdict = example.classification(knowing: knowledge)
            #expect(verdict.routeClass == example.expected, "\(example): \(verdict.cause)")
        }
    }

    /// What is called harmless runs on the standby, answers as on the primary, and leaves no lock there.
    @Test func aStandbyAgrees() throws {
        let cluster = try Self.cluster.get()
        let knowledge = try watch(cluster).knowledge()
        let position = try cluster.primary.psql("SELECT pg_current_wal_insert_lsn()")
        try cluster.replicas[0].psql(
            "DO $$ BEGIN WHILE pg_last_wal_replay_lsn() < '\(position)' LOOP PERFORM pg_sleep(0.01); END LOOP; END $$")
        var safe = 0
        for example in try SQLCorpus.loadKnown() where !example.options.contains(.norun) {
            guard example.classification(knowing: knowledge).routeClass == .replicaSafe else { continue }
            safe += 1
            let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
            let standby = try cluster.replicas[0].psql(example.text, locks)
            let primary = try cluster.primary.psql(example.text, locks)
            #expect(standby == primary, "\(example)")
            #expect(standby.hasSuffix("\n0") || standby == "0", "\(example): \(standby)")
        }
        #expect(safe > 20)
    }

    /// The silent ones: a standby runs them, and only the catalog tells that it must not.
    @Test func aStandbyWouldNotObject() throws {
        let cluster = try Self.cluster.get()
        for sql in ["SELECT app.takes_lock_deeper()", "SELECT * FROM app.locking_view", "SELECT app.sets()"] {
            #expect(try !cluster.replicas[0].psql(sql).isEmpty)
        }
    }

    @Test func changesAreSeenOnDemand() throws {
        let cluster = try PostgresCluster.start(replicas: 1)
        defer { cluster.stop() }
        let watch = try CatalogWatch(cluster.nodes.map(\.address)) { $0.catalogInterval = .seconds(3600) }
        func routeClass(_ sql: String, demand: UInt64) throws -> RouteClass {
            let knowledge = try watch.knowledge(demand: demand)
            return Classifier.classify(Array(sql.utf8).span, settings: LexerSettings(), knowledge: knowledge).routeClass
        }
        let create = "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql"
        #expect(try routeClass("SELECT f()", demand: 1) == .write)
        try cluster.primary.psql("\(create) IMMUTABLE AS 'SELECT 1'")
        #expect(try routeClass("SELECT f()", demand: 2) == .replicaSafe)
        let generation = try watch.knowledge(demand: 3).generation
        #expect(try watch.knowledge(demand: 4).generation == generation, "nothing has changed")
        try cluster.primary.psql("\(create) STABLE AS 'SELECT 1 FROM pg_advisory_lock(1)'")
        #expect(try routeClass("SELECT f()", demand: 5) == .write)
        try cluster.primary.psql("CREATE VIEW v AS SELECT 1", "\(create) IMMUTABLE AS 'SELECT 2'")
        #expect(try routeClass("SELECT f() FROM v", demand: 6) == .replicaSafe)
        try cluster.primary.psql("CREATE OR REPLACE VIEW v AS SELECT random()::int AS \"?column?\"")
        #expect(try routeClass("SELECT * FROM v", demand: 7) == .replicaSafe)
        try cluster.primary.psql("ALTER FUNCTION f() VOLATILE")
        #expect(try routeClass("SELECT f()", demand: 8) == .write)
        try cluster.primary.psql("DROP FUNCTION f", "CREATE TABLE t (a int)", "ALTER TABLE t SET UNLOGGED")
        #expect(try routeClass("SELECT * FROM t", demand: 9) == .primaryOnlyRead)
        // Casts that nobody writes: of assignments, which functions of PL/pgSQL make, and those of to_json.
        try cluster.primary.psql(
            "CREATE TYPE two AS (a int, b int)", "CREATE FUNCTION sum(two) RETURNS int LANGUAGE sql AS 'SELECT $1.a'",
            "CREATE CAST (two AS int) WITH FUNCTION sum(two) AS ASSIGNMENT")
        #expect(try routeClass("SELECT 1 WHERE 1 = 2", demand: 10) == .write)
        try cluster.primary.psql("DROP CAST (two AS int)", "CREATE CAST (two AS int) WITH FUNCTION sum(two)")
        #expect(try routeClass("SELECT 1 WHERE 1 = 2", demand: 11) == .replicaSafe)
        try cluster.primary.psql(
            "CREATE FUNCTION json(two) RETURNS json LANGUAGE sql AS 'SELECT json $$1$$'",
            "CREATE CAST (two AS json) WITH FUNCTION json(two)")
        #expect(try routeClass("SELECT to_json(x) FROM x", demand: 12) == .write)
        // An extension whose casts are functions of PostgreSQL's own code.
        try cluster.primary.psql("DROP CAST (two AS json)", "CREATE EXTENSION citext")
        #expect(try routeClass("SELECT 'a'::citext = 'A', citext(true) FROM x", demand: 13) == .replicaSafe)
        // The attributes of a type have rows of their own.
        try cluster.primary.psql(
            "CREATE FUNCTION checks(int) RETURNS bool LANGUAGE sql AS 'SELECT pg_try_advisory_lock(1)'",
            "CREATE DOMAIN checked AS int CHECK (checks(value))", "CREATE TYPE pair AS (a int, b int)")
        #expect(try routeClass("SELECT '(1,2)'::pair", demand: 14) == .replicaSafe)
        try cluster.primary.psql("ALTER TYPE pair ALTER ATTRIBUTE b TYPE checked")
        #expect(try routeClass("SELECT '(1,2)'::pair", demand: 15) != .replicaSafe)
        // By what name ever the operator goes by which DISTINCT compares.
        try cluster.primary.psql(
            "CREATE FUNCTION alike(two, two) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT checks(1)'",
            "CREATE FUNCTION hashed(two) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'",
            "CREATE OPERATOR === (FUNCTION = alike, LEFTARG = two, RIGHTARG = two)")
        #expect(try routeClass("SELECT DISTINCT x FROM x", demand: 16) == .replicaSafe)
        try cluster.primary.psql(
            "CREATE OPERATOR CLASS twos DEFAULT FOR TYPE two USING hash AS OPERATOR 1 ===, FUNCTION 1 hashed(two)")
        #expect(try routeClass("SELECT DISTINCT x FROM x", demand: 17) == .write)
        try cluster.primary.psql("DROP OPERATOR CLASS twos USING hash")
        // Bodies that are read by other rules than ours are not read.
        try cluster.primary.psql(
            "CREATE FUNCTION plain() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1'",
            #"CREATE FUNCTION slashed() RETURNS text LANGUAGE sql STABLE AS $$SELECT 'a\b'$$"#)
        #expect(try routeClass("SELECT plain(), slashed()", demand: 18) == .replicaSafe)
        try cluster.primary.psql("ALTER ROLE app SET standard_conforming_strings = off")
        #expect(try routeClass("SELECT plain()", demand: 19) == .replicaSafe)
        #expect(try routeClass("SELECT slashed()", demand: 20) == .write)
        #expect(watch.texts == [])
    }

    @Test func aHundredThousandFunctions() throws {
        let cluster = try PostgresCluster.start(replicas: 0)
        defer { cluster.stop() }
        let rows = { (catalog: String, name: String, template: String) in
            """
            INSERT INTO \(catalog) SELECT (jsonb_populate_record(x, \
            jsonb_build_object('oid', 1000000 + i, '\(name)', '\(template)_' || i))).* \
            FROM \(catalog) x, generate_series(1, 100000) i WHERE x.\(name) = '\(template)'
            """
        }
        try cluster.primary.psql(
            "CREATE FUNCTION many() RETURNS int LANGUAGE sql STABLE AS 'SELECT many()'",
            "CREATE SEQUENCE unused", "SET allow_system_table_mods = on", rows("pg_proc", "proname", "many"),
            rows("pg_class", "relname", "unused"), limit: .seconds(300))
        let watch = try CatalogWatch(cluster.nodes.map(\.address))
        let began = ContinuousClock.now
        let knowledge = try watch.knowledge()
        print("read 100,000 functions and relations in \(ContinuousClock.now - began), \(knowledge.byteCount) bytes")
        #expect(knowledge.byteCount < 40 << 20)
        for (sql, expected) in [
            ("SELECT many_99999()", RouteClass.replicaSafe), ("SELECT public.many_1()", .replicaSafe),
            ("SELECT many_100001()", .write), ("SELECT last_value FROM unused_77777", .primaryOnlyRead),
        ] {
            let verdict = Classifier.classify(
                Array(sql.utf8).span, settings: LexerSettings(), knowledge: knowledge)
            #expect(verdict.routeClass == expected, "\(sql): \(verdict.cause)")
        }
    }

    @Test func theTimerSeesChangesToo() throws {
        let cluster = try PostgresCluster.start(replicas: 0)
        defer { cluster.stop() }
        let watch = try CatalogWatch(cluster.nodes.map(\.address)) { $0.catalogInterval = .milliseconds(50) }
        let first = try watch.knowledge().generation
        try cluster.primary.psql("CREATE FUNCTION f() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'")
        try watch.wait("a new generation") { ($0.knowledge?.generation ?? 0) > first }
    }

    /// A standby may be behind, so it never shows that a change is in what was read.
    @Test func standbysMeetNoDemand() throws {
        let cluster = try PostgresCluster.start(replicas: 1)
        defer { cluster.stop() }
        let watch = try CatalogWatch(cluster.nodes.map(\.address), primary: nil)
        watch.watcher.request("app", demand: 1)
        let news = try watch.wait("knowledge from a standby") { $0.knowledge != nil }
        #expect(news.demand == 0)
        watch.follow(primary: 0)
        // What was read before is outdated until the primary was read.
        try watch.wait("knowledge from the primary") { $0.demand == 1 && $0.knowledge?.isOutdated == false }
        #expect(watch.news.contains { $0.knowledge?.isOutdated == true })
        let generations = watch.news.compactMap { $0.knowledge?.generation }
        #expect(generations == generations.sorted())
    }

    @Test func refusalsAreToldOnce() throws {
        let cluster = try PostgresCluster.start(replicas: 0)
        defer { cluster.stop() }
        try cluster.primary.psql("REVOKE CONNECT ON DATABASE app FROM PUBLIC")
        let watch = try CatalogWatch(cluster.nodes.map(\.address)) { $0.catalogInterval = .milliseconds(20) }
        watch.watcher.request("app", demand: 0)
        try watch.waitForText { !$0.isEmpty }
        #expect(watch.texts[0].contains("cannot read the catalog of database \"app\" as user \"pointsman\""))
        #expect(watch.texts[0].contains("permission denied"))
        try cluster.primary.psql("GRANT CONNECT ON DATABASE app TO pointsman")
        try watch.wait("knowledge") { $0.knowledge != nil }
        #expect(watch.texts.count == 1)
        try cluster.primary.psql("REVOKE CONNECT ON DATABASE app FROM pointsman")
        try cluster.primary.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pointsman catalog'")
        try watch.wait("no knowledge") { $0.knowledge == nil }
    }

    @Test func aMissingDatabase() throws {
        let cluster = try PostgresCluster.start(replicas: 0)
        defer { cluster.stop() }
        let watch = try CatalogWatch(cluster.nodes.map(\.address), database: "nosuch")
        watch.watcher.request("nosuch", demand: 1)
        try watch.waitForText { $0.count == 1 && $0[0].contains("does not exist") }
    }

    /// The connection of a reading is given back soon.
    @Test func theConnectionIsNotKept() throws {
        let cluster = try PostgresCluster.start(replicas: 0)
        defer { cluster.stop() }
        let watch = try CatalogWatch(cluster.nodes.map(\.address))
        _ = try watch.knowledge()
        let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pointsman catalog'"
        let began = ContinuousClock.now
        while try cluster.primary.psql(count) != "0" {
            #expect(ContinuousClock.now - began < .seconds(60))
            guard ContinuousClock.now - began < .seconds(60) else { break }
        }
    }
}
