// Is a client's transaction rolled back and its server kept for others when the client is gone without a word?

import TestSupport
import Testing

@Suite struct VanishedClientTests {
    private func end(_ client: WireClient, _ way: Int) {
        switch way % 3 {
        case 0: client.vanish()
        case 1: client.reset()
        default: client.close()
        }
    }

    /// The pool has one connection: were it lost, or still in the transaction, the next client would tell.
    @Test func inATransaction() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let table = try Stage.makeTable("x int PRIMARY KEY")
        for round in 0..<12 {
            let client = try router.client()
            try client.succeed("BEGIN")
            try client.succeed("INSERT INTO \(table) VALUES (1)")
            end(client, round)
            let next = try router.client()
            #expect(try next.value("SELECT count(*) FROM \(table) WHERE pg_backend_pid() > 0") == "0")
            try next.succeed("INSERT INTO \(table) VALUES (1)")
            try next.succeed("DELETE FROM \(table)")
            next.close()
        }
    }

    @Test func inAReadOnlyTransaction() throws {
        let router = try Stage.startRouter(poolSize: 1)
        for round in 0..<9 {
            let client = try router.client()
            try client.succeed("BEGIN READ ONLY")
            _ = try client.port()
            end(client, round)
            let next = try router.client()
            for _ in 0..<4 { #expect(try Stage.replicaPorts().contains(next.port() ?? "")) }
            next.close()
        }
    }

    /// Alone, or with more behind it that waits for its end.
    @Test(arguments: [false, true])
    func whileAQueryRuns(_ moreWaits: Bool) throws {
        let router = try Stage.startRouter(poolSize: 1)
        let primary = try WireClient(direct: Stage.cluster().primary, user: "postgres")
        let name = SharedCluster.tableName("sleeper")
        let question =
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%\(name)%sleep%'"
            + " AND pid <> pg_backend_pid()"
        for round in 0..<4 {
            let client = try router.client()
            try client.send(.query("SELECT '\(name)', pg_sleep(120) FOR UPDATE"))
            if moreWaits { try client.send(.query("DEALLOCATE nosuch")) }
            try eventually("the query to run") { try primary.value(question) == "1" }
            if round % 2 == 0 { client.vanish() } else { client.reset() }
            try eventually("the query to be cancelled") { try primary.value(question) == "0" }
            #expect(try router.client().value("SELECT 1 FOR UPDATE") == "1")
        }
    }

    /// Who says goodbye has what was sent before carried out.
    @Test func goodbyeWhileMoreWaitsForTheQuery() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let table = try Stage.makeTable("x int")
        let client = try router.client()
        try client.succeed("BEGIN")
        try client.succeed("INSERT INTO \(table) VALUES (1)")
        try client.send(.query("SELECT pg_sleep(1)"))
        try client.send(.query("SHOW pointsman.role"))
        try client.send(.query("COMMIT"))
        try client.send(.terminate)
        client.finishSending()
        for _ in 0..<3 { #expect(try client.readUntilReady().errors == []) }
        try eventually("the row") { try router.client().value("SELECT count(*) FROM \(table)") == "1" }
    }

    @Test func inTheMiddleOfACopy() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let table = try Stage.makeTable("x int")
        for round in 0..<6 {
            let client = try router.client()
            try client.send(.query("COPY \(table) FROM STDIN"))
            _ = try client.read(until: .copyInResponse)
            try client.send(.copyData(Array("1\n2\n".utf8)))
            end(client, round)
            let next = try router.client()
            try next.succeed("BEGIN; LOCK TABLE \(table); COMMIT")
            #expect(try next.value("SELECT count(*) FROM \(table)") == "0")
        }
    }

    @Test func inTheMiddleOfAMessage() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let table = try Stage.makeTable("x int")
        let whole = FrontendMessage.query("INSERT INTO \(table) VALUES (1)").bytes
        let bind = [FrontendMessage.parse("INSERT INTO \(table) VALUES (1)"), .bind(), .execute()].flatMap(\.bytes)
        for bytes in [whole, bind] {
            for length in stride(from: 1, through: bytes.count - (bytes == whole ? 1 : 0), by: 4) {
                let client = try router.client()
                try client.send(.raw(Array(bytes[..<length])))
                client.vanish()
            }
        }
        let next = try router.client()
        try next.succeed("BEGIN; LOCK TABLE \(table); COMMIT")
        #expect(try next.value("SELECT count(*) FROM \(table)") == "0")
    }

    @Test func inTheMiddleOfAResult() throws {
        let router = try Stage.startRouter(poolSize: 1)
        for round in 0..<6 {
            let client = try router.client()
            try client.send(.query("SELECT repeat('x', 1000000) FROM generate_series(1, 200) FOR UPDATE"))
            _ = try client.receive()
            if round % 2 == 0 { client.vanish() } else { client.reset() }
            #expect(try router.client().value("SELECT 1 FOR UPDATE") == "1")
        }
    }

    @Test func whileItWaitsForAServer() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let table = try Stage.makeTable("x int")
        let holder = try router.client()
        try holder.succeed("BEGIN")
        try holder.succeed("SELECT 1 FOR UPDATE")
        for round in 0..<10 {
            let client = try router.client()
            try client.send(.query("INSERT INTO \(table) VALUES (\(round))"))
            if round % 2 == 0 { client.vanish() } else { client.reset() }
        }
        // Their end reached the router before this client's beginning.
        let next = try router.client()
        try next.send(.query("SELECT 7 FOR UPDATE"))
        try holder.succeed("COMMIT")
        #expect(try next.readUntilReady().value == "7")
    }

    /// Work that was sent before a goodbye is carried out, as PostgreSQL does.
    @Test func goodbyeBehindAWrite() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let table = try Stage.makeTable("x int")
        for round in 1...10 {
            let client = try router.client()
            try client.send(.query("INSERT INTO \(table) VALUES (\(round))"), .terminate)
            #expect(try client.readUntilEnd().contains { $0.tag == "INSERT 0 1" })
            #expect(try router.client().value("SELECT count(*) FROM \(table) WHERE pg_backend_pid() > 0") == "\(round)")
        }
    }
}
