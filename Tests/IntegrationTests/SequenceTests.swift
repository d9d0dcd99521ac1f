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

    /// What makes the server forget others' sequences must not take the transaction's snapshot ahead of a LOCK.
    @Test(arguments: ["REPEATABLE READ", "SERIALIZABLE"]) func lockedAheadOfTheSnapshot(_ isolation: String) throws {
        let router = try Stage.startRouter(poolSize: 1)
        let table = try Stage.makeTable("a int")
        try Stage.run("INSERT INTO \(table) VALUES (0)")
        let client = try router.client()
        for (round, isPipelined) in [false, true, false, true].enumerated() {
            try client.succeed("INSERT INTO \(table) SELECT 1 WHERE false")
            let other = try Stage.direct()
            try other.succeed("BEGIN; LOCK TABLE \(table)")
            try client.succeed("BEGIN ISOLATION LEVEL \(isolation)")
            if round > 1 { try client.succeed("NOTIFY \(table)") }
            let (lock, update) = ("LOCK TABLE \(table)", "UPDATE \(table) SET a = a + 1 RETURNING a")
            try client.send(
                isPipelined ? execution(lock) + execution(update) + [.sync] : [.query("\(lock); \(update)")])
            let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '\(table)'::regclass"
            try eventually("the lock to be waited for") { try Stage.direct().value(waiting) == "1" }
            try other.succeed("UPDATE \(table) SET a = a + 1; COMMIT")
            #expect(try client.readUntilReady().rows.last == ["\(2 * round + 2)"])
            try client.succeed("COMMIT")
        }
        // They are the transaction's own all the same.
        let name = try makeSequence()
        try client.succeed("BEGIN ISOLATION LEVEL \(isolation)")
        #expect(try client.value("SELECT nextval('\(name)')") == "1")
        #expect(try client.value("SELECT currval('\(name)')") == "1")
        try client.succeed("COMMIT")
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

    /// A transaction may ask for what it did itself, on a server that others have used; nobody is told of others' work.
    @Test func inTheFirstTransaction() throws {
        let router = try Stage.startRouter(poolSize: 1, ["max_pinned": "0"])
        let name = try makeSequence()
        let other = try router.client()
        for _ in 0..<3 { #expect(try other.value("SELECT nextval('\(name)')") != nil) }
        let insert = "INSERT INTO \(name)_t (x) VALUES (1)"
        let largest = "SELECT max(id) FROM \(name)_t"
        for asks in ["SELECT lastval()", "SELECT currval('\(name)_t_id_seq')"] {
            for isExtended in [false, true] {
                let client = try router.client()
                try client.succeed("BEGIN")
                #expect(try (isExtended ? client.extended(insert) : client.query(insert)).errors == [])
                let found = try isExtended ? client.extended(asks) : client.query(asks)
                #expect(try found.value == client.value(largest), "\(found)")
                try client.succeed("COMMIT")
                client.close()
                // Without a sequence of its own it is told nothing.
                let second = try router.client()
                try second.succeed("BEGIN ISOLATION LEVEL REPEATABLE READ")
                try second.succeed("UPDATE \(name)_t SET x = 2")
                #expect(try second.query(asks).errors == ["55000"])
                try second.succeed("ROLLBACK")
                second.close()
            }
        }
    }

    @Test func inOneText() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let name = try makeSequence()
        let other = try router.client()
        for text in [
            "INSERT INTO \(name)_t (x) VALUES (1); SELECT lastval()",
            "BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO \(name)_t (x) VALUES (1); SELECT lastval(); COMMIT",
        ] {
            _ = try other.value("SELECT nextval('\(name)')")
            let client = try router.client()
            let answer = try client.succeed(text)
            #expect(try answer.value == client.value("SELECT max(id) FROM \(name)_t"), "\(answer)")
            client.close()
        }
        let client = try router.client()
        #expect(try client.query("UPDATE \(name)_t SET x = 1; SELECT lastval()").errors == ["55000"])
    }
}
