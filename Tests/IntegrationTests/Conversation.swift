// Does a conversation through the router read exactly as one with PostgreSQL itself?

import TestSupport
import Testing

/// What a client says, in parts; each part is answered before the next one is sent.
struct Conversation: Sendable, CustomTestStringConvertible {
    struct Part: Sendable {
        var messages: [FrontendMessage]
        /// How often the server gets ready in answer.
        var ready: Int

        /// One ReadyForQuery for each Sync, Query and function call, unless told otherwise.
        init(_ messages: [FrontendMessage], ready: Int? = nil) {
            self.messages = messages
            self.ready = ready ?? messages.count { $0.endsInReady }
        }
    }

    let name: String
    let parts: [Part]

    /// `{t}` in a text stands for a table (x int UNIQUE, y text) that holds (1, 'one').
    init(_ name: String, _ parts: Part...) {
        self.name = name
        self.parts = parts
    }

    var testDescription: String { name }

    /// Has the conversation with the primary and, several times, through a router, and compares every message.
    func check(through router: RouterProcess? = nil, times: Int = 2) throws {
        let router = try router ?? Stage.router()
        let expected = try transcript(of: Stage.direct())
        for _ in 0..<times {
            let found = try transcript(of: router.client(deadline: .seconds(20)))
            #expect(found == expected)
        }
    }

    private func transcript(of client: WireClient) throws -> [String] {
        defer { client.close() }
        let table = SharedCluster.tableName("talk")
        try Stage.run(
            "CREATE TABLE \(table) (x int CONSTRAINT \(table)_key UNIQUE, y text)",
            "INSERT INTO \(table) VALUES (1, 'one')")
        var lines: [String] = []
        for part in parts {
            try client.send(part.messages.map { $0.naming(table) })
            for _ in 0..<part.ready {
                do {
                    lines += try client.readUntilReady().map { $0.description.replacing(table, with: "{t}") }
                } catch {
                    return lines + ["\(error)"]
                }
            }
        }
        if !client.isQuiet { lines.append("more than was asked for: \(try client.receive())") }
        return lines
    }
}

extension FrontendMessage {
    var endsInReady: Bool {
        switch self {
        case .sync, .query, .functionCall: true
        case .parse, .bind, .describeStatement, .describePortal, .execute, .closeStatement, .closePortal, .flush,
            .copyData, .copyDone, .copyFail, .password, .terminate, .raw:
            false
        }
    }

    fileprivate func naming(_ table: String) -> FrontendMessage {
        switch self {
        case .query(let sql): .query(sql.replacing("{t}", with: table))
        case .parse(let sql, let name, let types): .parse(sql.replacing("{t}", with: table), name: name, types: types)
        case .bind, .describeStatement, .describePortal, .execute, .closeStatement, .closePortal, .sync, .flush,
            .copyData, .copyDone, .copyFail, .functionCall, .password, .terminate, .raw:
            self
        }
    }
}
