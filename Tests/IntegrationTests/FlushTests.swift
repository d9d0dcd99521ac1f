// Does a Flush bring what is due, and does what follows it still go to the right server?

import TestSupport
import Testing

@Suite struct FlushTests {
    @Test func descriptionsBeforeTheSync() throws {
        let client = try Stage.client()
        for _ in 0..<10 {
            try client.send(.parse("SELECT $1::int AS n", name: "s"), .describeStatement("s"), .flush)
            #expect(
                try client.read(until: .rowDescription).transcript
                    == ["ParseComplete", "ParameterDescription", "RowDescription(n)"])
            try client.send(.bind(["3"], statement: "s"), .execute(), .flush)
            #expect(
                try client.read(until: .commandComplete).transcript
                    == ["BindComplete", "DataRow(3)", "CommandComplete(SELECT 1)"])
            try client.send(.closeStatement("s"), .sync)
            #expect(try client.readUntilReady().transcript == ["CloseComplete", "ReadyForQuery(I)"])
        }
    }

    @Test func aWriteBehindAFlushedRead() throws {
        let table = try Stage.makeTable("x int")
        let client = try Stage.client()
        for number in 1...10 {
            try client.send([.parse("SELECT count(*) FROM \(table)"), .bind(), .execute(), .flush])
            #expect(try client.read(until: .commandComplete).value == "\(number - 1)")
            try client.send(FrontendMessage.extended("INSERT INTO \(table) VALUES (1)") + [.flush])
            #expect(try client.read(until: .commandComplete).errors == [])
            try client.send(FrontendMessage.extended("SELECT count(*) FROM \(table)") + [.sync])
            #expect(try client.readUntilReady().value == "\(number)")
        }
    }

    @Test func aWriteBehindAFlushedDescription() throws {
        let table = try Stage.makeTable("x int")
        let client = try Stage.client()
        for _ in 0..<10 {
            try client.send([.parse("INSERT INTO \(table) VALUES ($1)"), .describeStatement(), .flush])
            #expect(
                try client.read(until: .noData).transcript == ["ParseComplete", "ParameterDescription", "NoData"])
            try client.send(.bind(["1"]), .execute(), .sync)
            #expect(
                try client.readUntilReady().transcript
                    == ["BindComplete", "CommandComplete(INSERT 0 1)", "ReadyForQuery(I)"])
        }
        #expect(try client.value("SELECT count(*) FROM \(table)") == "10")
    }

    @Test func anErrorIsFlushed() throws {
        let client = try Stage.client()
        try client.send([.parse("nonsense"), .flush])
        #expect(try client.read(until: .errorResponse).errors == ["42601"])
        try client.send(FrontendMessage.extended("SELECT 1") + [.flush, .sync])
        #expect(try client.readUntilReady().transcript == ["ReadyForQuery(I)"])
        #expect(try client.extended("SELECT 2").value == "2")
    }

    @Test func aFlushWithNothingBeforeIt() throws {
        let client = try Stage.client()
        try client.send(.flush, .query("SELECT 1"), .flush)
        #expect(try client.readUntilReady().value == "1")
        try client.send([.flush, .flush] + FrontendMessage.extended("SELECT 2") + [.sync])
        #expect(try client.readUntilReady().value == "2")
        #expect(client.isQuiet)
    }

    @Test func aFlushInALazyTransaction() throws {
        let client = try Stage.client()
        try client.succeed("BEGIN")
        try client.send(FrontendMessage.extended("SELECT 1") + [.flush])
        #expect(try client.read(until: .commandComplete).value == "1")
        try client.send(.sync)
        #expect(try client.readUntilReady().transcript == ["ReadyForQuery(T)"])
        try client.succeed("COMMIT")
    }
}
