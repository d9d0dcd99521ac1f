// What do `pgbench -S` and PostgreSQL say to each other?

import Wire

/// The bytes of one transaction in each protocol, as libpq writes and PostgreSQL answers them.
enum Conversations {
    /// More texts than verdicts are kept of, in turn: each is read anew.
    static var simple: SessionTurn {
        SessionTurn(
            "Session: simple query", requests: (10_000..<18_192).map { query(Texts.pgbench(account: $0)) },
            reply: described + row, isForwarded: true)
    }

    static var simpleAgain: SessionTurn {
        SessionTurn(
            "Session: simple query, read before", requests: [query(Texts.pgbench)], reply: described + row,
            isForwarded: true)
    }

    static var extended: SessionTurn {
        SessionTurn(
            "Session: unnamed Parse, Bind, Describe, Execute, Sync",
            requests: [parse(name: "") + execution(statement: "")],
            reply: parseComplete + bindComplete + described + row, isForwarded: true)
    }

    /// The statement was prepared before, and the server has it.
    static var prepared: SessionTurn {
        SessionTurn(
            "Session: Bind, Describe, Execute, Sync of a prepared statement",
            preparation: (parse(name: "P0_1") + sync, parseComplete + ready),
            requests: [execution(statement: "P0_1")], reply: bindComplete + described + row, isForwarded: false)
    }

    // MARK: The client's messages

    private static func query(_ text: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendQuery(text)
        return bytes
    }

    private static func parse(name: String) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendParse(name: Array(name.utf8), tail: Texts.pgbenchParameter + [0, 0, 0])
        return bytes
    }

    /// Bind with one parameter in text format, Describe, Execute, Sync.
    private static func execution(statement: String) -> [UInt8] {
        var bind: [UInt8] = [0]
        bind.appendCString(statement)
        bind.appendInt16(0)
        bind.appendInt16(1)
        bind.appendInt32(5)
        bind += Array("12345".utf8)
        bind.appendInt16(1)
        bind.appendInt16(0)
        var bytes: [UInt8] = []
        bytes.appendMessage(Frontend.bind, body: bind)
        bytes.appendMessage(Frontend.describe, body: [UInt8(ascii: "P"), 0])
        bytes.appendMessage(Frontend.execute, body: [0, 0, 0, 0, 0])
        return bytes + sync
    }

    private static let sync = message(Frontend.sync)

    // MARK: The server's messages

    private static let parseComplete = message(Backend.parseComplete)
    private static let bindComplete = message(Backend.bindComplete)

    private static let ready = message(Backend.readyForQuery, [TransactionStatus.idle.rawValue])

    /// One column of four bytes.
    private static let described: [UInt8] = {
        var body: [UInt8] = [0, 1]
        body.appendCString("abalance")
        body.appendInt32(16_396)
        body.appendInt16(3)
        body.appendInt32(23)
        body.appendInt16(4)
        body.appendInt32(-1)
        body.appendInt16(0)
        return message(Backend.rowDescription, body)
    }()

    /// One row, its CommandComplete and ReadyForQuery.
    private static let row: [UInt8] = {
        var body: [UInt8] = [0, 1]
        body.appendInt32(1)
        body.append(UInt8(ascii: "0"))
        var bytes = message(Backend.dataRow, body)
        bytes.appendCommandComplete("SELECT 1")
        return bytes + ready
    }()

    private static func message(_ type: UInt8, _ body: [UInt8] = []) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendMessage(type, body: body)
        return bytes
    }
}
