// Are currval and lastval never another client's?

import TestSupport
import Testing

@Suite struct SequenceTests {
    private func makeSequence() throws -> String {
        let name = SharedCluster.tableName("seq")
        try Stage.run("CREATE SEQUENCE \(name)", "CREATE TABLE \(name)_t (id serial, x int)")
        return name
    }

    @Test func neverAnothers() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let name = try makeSequence()
        let first = try router.client()
        let second = try router.client()
        #expect(try first.value("SELECT nextval('\(name)')") == "1")
        for question in ["SELECT currval('\(name)')", "SELECT lastval()"] {
            #expect(try second.query(question).errors == ["55000"])
            #expect(try second.extended(question).errors == ["55000"])
        }
        #expect(second.transactionState == "I")
    }

    @Test func defineThemselvesOnceTheyWereAskedFor() throws {
        let router = try Stage.startRouter(poolSize: 2)
        let name = try makeSequence()
        let client = try router.client()
        _ = try client.query("SELECT lastval()")
        for _ in 0..<5 {
            try client.succeed("INSERT INTO \(name)_t (x) VALUES (1)")
            let largest = try client.value("SELECT max(id) FROM \(name)_t")
            #expect(try client.value("SELECT lastval()") == largest)
            #expect(try client.value("SELECT currval('\(name)_t_id_seq')") == largest)
        }
        // Its server, given to another client, remembers nothing.
        client.close()
        let others = try (0..<2).map { _ in try router.client() }
        for other in others { try other.succeed("BEGIN; SELECT pg_backend_pid()") }
        for other in others { #expect(try other.query("SELECT lastval()").errors == ["55000"]) }
    }

    @Test func insideOneTransaction() throws {
        let name = try makeSequence()
        let client = try Stage.client()
        _ = try client.query("SELECT lastval()")
        try client.succeed("BEGIN")
        let next = try client.value("SELECT nextval('\(name)')")
        #expect(try client.value("SELECT currval('\(name)')") == next)
        try client.succeed("COMMIT")
        #expect(try client.value("SELECT currval('\(name)')") == next)
    }
}
