// Does a conversation with the console follow both protocols?

import Testing
import Wire

@testable import Admin

struct ConsoleTests {
    /// What the client is told, byte for byte, and what is carried out: every command gives one row.
    private struct Talk {
        var session: ConsoleSession
        var out: [UInt8] = []
        var commands: [ConsoleCommand] = []
        var closing: ConsoleSession.Step?

        init(onlyLooks: Bool = false) { session = ConsoleSession(onlyLooks: onlyLooks) }

        /// Returns how many bytes were used.
        @discardableResult
        mutating func say(_ input: [UInt8]) -> Int {
            var offset = 0
            while true {
                let step = session.advance(input.span, at: &offset, out: &out)
                switch step {
                case .needInput: return offset
                case .close:
                    closing = step
                    return offset
                case .run(let command):
                    commands.append(command)
                    session.answer(.rows(command.columns.isEmpty ? [] : [command.columns.map { _ in "a" }]), out: &out)
                }
            }
        }

        /// The types of the messages so far.
        mutating func types() -> String {
            var types = ""
            var offset = 0
            while case .frame(let header) = FrameScanner.scan(out.span, at: offset) {
                types.unicodeScalars.append(Unicode.Scalar(header.type))
                offset += header.totalLength
            }
            out = []
            return types
        }
    }

    private static func query(_ text: String) -> [UInt8] {
        var out: [UInt8] = []
        out.appendQuery(Array(text.utf8))
        return out
    }

    private static func parse(_ text: String, _ name: String = "") -> [UInt8] {
        var out: [UInt8] = []
        out.appendParse(name: Array(name.utf8), tail: Array(text.utf8) + [0, 0, 0])
        return out
    }

    private static func rest(of name: String = "") -> [UInt8] {
        var out: [UInt8] = []
        out.appendDescribe(statement: Array(name.utf8))
        out.appendBind(statement: Array(name.utf8))
        out.appendMessage(Frontend.execute, body: [0, 0, 0, 0, 0])
        return out + sync
    }

    private static let sync = [Frontend.sync, 0, 0, 0, 4]

    @Test(arguments: [
        ("SHOW HELP", ConsoleCommand.show(.help)), ("show  nodes ;", .show(.nodes)),
        (" Show\nRoutes", .show(.routes)), ("SHOW VERSION;", .show(.version)),
        ("show stats_totals", .show(.statsTotals)),
        ("KILL_CLIENT 17", .killClient(id: "17")), ("KILL", .kill(database: nil)), ("KILL app", .kill(database: "app")),
        ("RECONNECT", .reconnect(database: nil)), ("WAIT_CLOSE app;", .waitClose(database: "app")),
        ("DISABLE app", .disable(database: "app")), ("ENABLE \"a b\"", .enable(database: "a b")),
        ("SUSPEND", .suspend), ("RELOAD;", .reload), ("SHUTDOWN", .shutdown(.immediately)),
        ("SHUTDOWN WAIT_FOR_SERVERS", .shutdown(.afterTransactions)), ("shutdown wait_for_clients;", .shutdown(.drain)),
        ("SET max_client_conn = 5", .set(key: "max_client_conn", value: "5")),
        ("set Pool_Mode='session'", .set(key: "pool_mode", value: "session")),
        ("SET extra_float_digits = 3", .setOfDriver), ("SET client_encoding TO 'UTF8'", .setOfDriver),
        ("DRAIN 10.0.0.1:5432", .drain(node: "10.0.0.1:5432")),
        ("undrain 'a ''b'", .undrain(node: "a 'b")), ("DRAIN \"x\";", .drain(node: "x")),
        ("EXPLAIN ROUTE SELECT 1;", .explainRoute(database: nil, statement: "SELECT 1")),
        ("explain route in app SELECT 1", .explainRoute(database: "app", statement: "SELECT 1")),
        ("EXPLAIN ROUTE IN \"my app\" INSERT INTO t", .explainRoute(database: "my app", statement: "INSERT INTO t")),
    ])
    func commands(_ text: String, _ command: ConsoleCommand) {
        #expect(ConsoleCommand.read(text, onlyLooks: false) == .success(command))
        let simple = command.columns.isEmpty ? "CZ" : "TDCZ"
        var talk = Talk()
        talk.say(Self.query(text))
        #expect(talk.commands == [command])
        #expect(talk.types() == simple)
        talk.say(Self.parse(text) + Self.rest())
        #expect(talk.commands == [command, command])
        #expect(talk.types() == (command.columns.isEmpty ? "1tn2CZ" : "1tT2DCZ"))
    }

    @Test(arguments: [
        ("SHOW POTS", "0A000"), ("KILL_CLIENT", "42601"), ("SHUTDOWN NOW", "42601"), ("DISABLE", "42601"),
        ("SET max_client_conn", "42601"), ("SUSPEND app", "42601"), ("SELECT 1", "0A000"), ("SHOW", "0A000"),
        ("SHOW NODES NOW", "42601"),
        ("DRAIN", "42601"), ("DRAIN a b", "42601"), ("DRAIN 'a", "42601"), ("EXPLAIN ROUTE", "42601"),
        ("EXPLAIN ROUTE IN app", "42601"), ("DRAINED a", "0A000"),
    ])
    func mistakes(_ text: String, _ sqlState: String) {
        guard case .failure(let mistake) = ConsoleCommand.read(text, onlyLooks: false) else {
            Issue.record("\(text) is read")
            return
        }
        #expect(mistake.error.sqlState == sqlState)
        #expect(mistake.error.hint != nil)
        var talk = Talk()
        talk.say(Self.query(text) + Self.parse(text) + Self.rest() + Self.query("SHOW HELP"))
        #expect(talk.types() == "EZEZTDCZ")
        #expect(talk.commands == [.show(.help)])
    }

    @Test func nothing() {
        var talk = Talk()
        talk.say(Self.query(" ; ") + Self.parse("") + Self.rest())
        #expect(talk.types() == "IZ1tn2IZ")
        #expect(talk.commands == [])
    }

    @Test func thoseWhoMayLook() {
        for entry in ConsoleEntry.all {
            let text = entry.syntax.replacing("[IN database] statement", with: "SELECT 1")
                .replacing("[database]", with: "app").replacing("[WAIT_FOR_SERVERS | WAIT_FOR_CLIENTS]", with: "")
            let command = ConsoleCommand.read(text, onlyLooks: true)
            let isAllowed = if case .success = command { true } else { false }
            #expect(isAllowed == entry.isForLookers, "\(text)")
            guard case .success = ConsoleCommand.read(text, onlyLooks: false) else {
                Issue.record("\(text) is not read")
                continue
            }
        }
        var talk = Talk(onlyLooks: true)
        talk.say(Self.query("DRAIN a"))
        #expect(talk.types() == "EZ")
        #expect(talk.commands == [])
        for (text, command) in [("show fds", "SHOW FDS"), ("KILL app", "KILL")] {
            guard case .failure(let mistake) = ConsoleCommand.read(text, onlyLooks: true) else {
                Issue.record("\(text) is allowed")
                continue
            }
            #expect(mistake.error.message == "permission denied: \(command) is for the users in admin.users")
        }
    }

    @Test func helpShowsEveryCommand() {
        #expect(Console.help.count == ConsoleEntry.all.count)
        #expect(Console.help.allSatisfy { $0.count == ConsoleView.help.columns.count })
    }

    @Test func statementsAndPortals() {
        var talk = Talk()
        talk.say(Self.parse("SHOW HELP", "h") + Self.parse("SHOW NODES", "h") + Self.sync)
        #expect(talk.types() == "1EZ")
        var close: [UInt8] = []
        close.appendClose(statement: Array("h".utf8))
        talk.say(Self.rest(of: "h") + close + Self.rest(of: "h"))
        #expect(talk.types() == "tT2DCZ3EZ")
        // A portal ends with its batch.
        talk.say([Frontend.execute, 0, 0, 0, 9, 0, 0, 0, 0, 0] + Self.sync)
        #expect(talk.types() == "EZ")
        for number in 0..<150 { talk.say(Self.parse("SHOW HELP", "\(number)") + Self.sync) }
        #expect(talk.types().filter { $0 == "1" }.count == ConsoleSession.nameLimit)
    }

    /// Bytes that come one by one say the same, and every end is clean.
    @Test func piecesAndEnds() {
        let bytes = Self.query("SHOW HELP") + Self.parse("SHOW NODES", "n") + Self.rest(of: "n")
        var talk = Talk()
        var kept: [UInt8] = []
        for byte in bytes {
            kept.append(byte)
            kept.removeFirst(talk.say(kept))
        }
        #expect(talk.types() == "TDCZ1tT2DCZ")
        talk.say([Frontend.terminate, 0, 0, 0, 4])
        #expect(talk.closing == .close(nil))

        for bad in [[Frontend.copyData, 0, 0, 0, 4], [Frontend.query, 0, 0, 0, 4], [0x7A, 0, 0, 0, 4],
            [Frontend.query, 0x20, 0, 0, 0], [Frontend.query, 0, 0, 0, 1]] as [[UInt8]]
        {
            var talk = Talk()
            talk.say(bad)
            guard case .close(let error?) = talk.closing else {
                Issue.record("\(bad) is taken")
                continue
            }
            #expect(error.sqlState == "08P01")
        }
    }
}
