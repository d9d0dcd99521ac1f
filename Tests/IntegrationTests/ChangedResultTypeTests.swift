// Is a client told when the rows of its statement have changed their shape, instead of reading them wrongly?

import TestSupport
import Testing

@Suite struct ChangedResultTypeTests {
    private let message = "ErrorResponse(0A000: cached plan must not change result type)"

    /// On one connection, and over several.
    @Test(arguments: [1, 5]) func aChangedTable(_ poolSize: Int) throws {
        let router = try Stage.startRouter(poolSize: poolSize)
        let table = try Stage.makeTable("x int")
        try Stage.run("INSERT INTO \(table) VALUES (1)")
        let client = try router.client()
        try client.exchange([.parse("SELECT * FROM \(table)", name: "s"), .describeStatement("s")])
        for _ in 0..<6 {
            #expect(try client.exchange([.bind(statement: "s"), .execute()]).rows == [["1"]])
        }
        try Stage.run("ALTER TABLE \(table) ADD y int DEFAULT 2")
        for _ in 0..<6 {
            let answer = try client.exchange([.bind(statement: "s"), .execute()])
            #expect(answer.transcript == [message, "ReadyForQuery(I)"])
        }
        try client.succeed("BEGIN")
        try client.succeed("SELECT 1 FOR UPDATE")
        #expect(try client.exchange([.bind(statement: "s"), .execute()]).errors == ["0A000"])
        try client.succeed("ROLLBACK")

        // Closed and prepared again, as drivers do.
        try client.exchange([.closeStatement("s")])
        let again = try client.exchange([.parse("SELECT * FROM \(table)", name: "s"), .describeStatement("s")])
        #expect(again.contains { $0.columns == ["x", "y"] })
        for _ in 0..<6 {
            #expect(try client.exchange([.bind(statement: "s"), .execute()]).rows == [["1", "2"]])
        }
    }

    /// The new client's statement is the same text, and nobody told that client of the old shape.
    @Test func aNewClient() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let table = try Stage.makeTable("x int")
        try Stage.run("INSERT INTO \(table) VALUES (1)")
        let old = try router.client()
        try old.exchange([.parse("SELECT * FROM \(table)", name: "s"), .describeStatement("s")])
        #expect(try old.exchange([.bind(statement: "s"), .execute()]).rows == [["1"]])
        try Stage.run("ALTER TABLE \(table) ADD y int DEFAULT 2")
        let new = try router.client()
        for _ in 0..<3 {
            let answer = try new.exchange([.parse("SELECT * FROM \(table)", name: "n"), .describeStatement("n")])
            #expect(answer.contains { $0.columns == ["x", "y"] }, "\(answer.transcript)")
            #expect(try new.exchange([.bind(statement: "n"), .execute()]).rows == [["1", "2"]])
            try new.exchange([.closeStatement("n")])
            #expect(try old.exchange([.bind(statement: "s"), .execute()]).errors == ["0A000"])
        }
    }

    /// A portal's description comes with the rows, so the change does no harm.
    @Test func whoDescribesThePortal() throws {
        let table = try Stage.makeTable("x int")
        let client = try Stage.client()
        for sql in ["SELECT * FROM \(table)", "SELECT count(*) FROM \(table)"] {
            #expect(try client.extended(sql).errors == [])
        }
        try Stage.run("ALTER TABLE \(table) ADD y int")
        #expect(try client.extended("SELECT * FROM \(table)").contains { $0.columns == ["x", "y"] })
    }

    @Test func theShapeThatCameBack() throws {
        let table = try Stage.makeTable("x int")
        try Stage.run("INSERT INTO \(table) VALUES (1)")
        let client = try Stage.client()
        try client.exchange([.parse("SELECT * FROM \(table)", name: "s"), .describeStatement("s")])
        try Stage.run("ALTER TABLE \(table) ADD y int")
        #expect(try client.exchange([.bind(statement: "s"), .execute()]).errors == ["0A000"])
        try Stage.run("ALTER TABLE \(table) DROP y")
        for _ in 0..<6 { #expect(try client.exchange([.bind(statement: "s"), .execute()]).rows == [["1"]]) }
    }
}
