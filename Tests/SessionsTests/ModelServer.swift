// What would PostgreSQL answer? A small model of one backend: protocol and transactions, hardly any SQL.

import Wire

/// Reads a client's messages and writes a backend's answers. Texts are understood by their first words; one that
/// contains `nosuch` fails while it is parsed, one that contains `1/0` while it runs.
struct ModelServer {
    struct Portal {
        var text: String
    }

    /// Something that a replica does and a primary does not.
    struct Fault {
        enum Kind {
            case error(ErrorFields)
            case death
        }

        static let errors: [Kind] = [
            .error(ErrorFields(.error, "25006", "cannot execute nextval() in a read-only transaction")),
            .error(ErrorFields(.error, "42P01", "relation \"new\" does not exist")),
            .error(ErrorFields(.error, "40001", "canceling statement due to conflict with recovery")),
            .error(ErrorFields(.fatal, "57P01", "terminating connection due to administrator command")),
        ]

        var kind: Kind
        /// So many messages are still answered.
        var skipped: Int
    }

    private enum Copying {
        case no
        case simple
        case extended
    }

    private enum Outcome {
        case done
        case failed
        case copying
    }

    let isReplica: Bool
    /// Written by committed transactions, in order.
    private(set) var committed: [String] = []
    /// Every text that was run to its end, for checks of what must not happen.
    private(set) var journal: [String] = []
    private(set) var status = TransactionStatus.idle
    var output: [UInt8] = []
    /// Names the column of every row: a changed one is a changed row shape.
    var column = "c"
    /// What goes wrong with what is received now.
    var fault: Fault?
    /// The connection is to break without a word.
    private(set) var isBroken = false
    /// The next statement that begins like this fails, whatever it is.
    var failing: (prefix: String, error: ErrorFields)?

    private var input: [UInt8] = []
    var statements: [String: (text: String, column: String)] = [:]
    /// The PREPARE of each that SQL has prepared.
    var preparations: [String: String] = [:]
    private var unnamed: (text: String, column: String)?
    private var portals: [String: Portal] = [:]
    private var pending: [String] = []
    private var skips = false
    /// It has said its last word.
    private var isDead = false
    private var isReadOnly = false
    private var copying = Copying.no
    private var copied = 0

    init(isReplica: Bool = false, standardConformingStrings: String = "on") {
        self.isReplica = isReplica
        strings = (standardConformingStrings, standardConformingStrings, standardConformingStrings)
    }

    mutating func receive(_ bytes: [UInt8]) {
        input += bytes
        var offset = 0
        while case .frame(let header) = FrameScanner.scan(input.span, at: offset) {
            guard input.count - offset >= header.totalLength else { break }
            message(header.type, input[offset + 5..<offset + header.totalLength])
            offset += header.totalLength
        }
        input.removeFirst(offset)
    }

    private mutating func message(_ type: UInt8, _ body: ArraySlice<UInt8>) {
        guard !isDead else { return }
        if copying != .no { return copyMessage(type, body) }
        if skips, type != Frontend.sync { return }
        if let due = fault, type != Frontend.sync {
            fault?.skipped -= 1
            if due.skipped <= 0 || type == Frontend.query {
                fault = nil
                return failOddly(due.kind, isSimple: type == Frontend.query)
            }
        }
        var reader = BodyReader(body)
        switch type {
        case Frontend.query: simple(reader.string())
        case Frontend.parse: parse(reader.string(), reader.string())
        case Frontend.bind: bind(portal: reader.string(), statement: reader.string())
        case Frontend.describe: describe(reader.byte(), reader.string())
        case Frontend.execute: execute(reader.string())
        case Frontend.close:
            let kind = reader.byte()
            let name = reader.string()
            if kind == "P" {
                portals[name] = nil
            } else if name.isEmpty {
                unnamed = nil
            } else {
                statements[name] = nil
            }
            output.appendMessage(Backend.closeComplete)
        case Frontend.sync:
            skips = false
            finish()
            ready()
        case Frontend.functionCall:
            if checkAborted("") { output.appendMessage(Backend.functionCallResponse, body: [255, 255, 255, 255]) }
            finish()
            ready()
        default: break
        }
    }

    // MARK: Simple queries

    private mutating func simple(_ text: String) {
        unnamed = nil
        let parts = text.split(separator: ";").map { $0.trimmed }.filter { !$0.isEmpty }
        if parts.isEmpty { output.appendMessage(Backend.emptyQueryResponse) }
        for part in parts {
            if !checkParse(part) { break }
            if part.returnsRows || executed(by: part)?.returnsRows == true {
                output.append(contentsOf: rowDescription(column))
            }
            switch run(part) {
            case .done: continue
            case .failed: break
            case .copying:
                copying = .simple
                return
            }
            break
        }
        finish()
        ready()
    }

    // MARK: Extended queries

    private mutating func parse(_ name: String, _ text: String) {
        if name.isEmpty { unnamed = nil }
        guard checkParse(text.trimmed) else { return skip() }
        guard !name.isEmpty else {
            unnamed = (text.trimmed, column)
            return output.appendMessage(Backend.parseComplete)
        }
        guard statements[name] == nil else {
            return skip("42P05", "prepared statement \"\(name)\" already exists")
        }
        statements[name] = (text.trimmed, column)
        preparations[name] = nil
        output.appendMessage(Backend.parseComplete)
    }

    private func find(_ name: String) -> (text: String, column: String)? {
        name.isEmpty ? unnamed : statements[name]
    }

    func missing(_ name: String) -> String {
        name.isEmpty
            ? "unnamed prepared statement does not exist" : "prepared statement \"\(name)\" does not exist"
    }

    private mutating func bind(portal: String, statement: String) {
        guard let found = find(statement) else { return skip("26000", missing(statement)) }
        guard checkAborted(found.text) else { return skip() }
        guard !found.text.returnsRows || found.column == column else {
            return refusePlan()
        }
        portals[portal] = Portal(text: found.text)
        output.appendMessage(Backend.bindComplete)
    }

    private mutating func describe(_ kind: Character, _ name: String) {
        if kind == "P" {
            guard let portal = portals[name] else { return skip("34000", "portal \"\(name)\" does not exist") }
            describeRows(portal.text, column)
        } else {
            guard let found = find(name) else { return skip("26000", missing(name)) }
            guard !found.text.returnsRows || found.column == column else {
                return refusePlan()
            }
            // PostgreSQL still describes what returns no rows.
            guard checkAborted(found.text) else { return skip() }
            output.appendMessage(Backend.parameterDescription, body: [0, 0])
            describeRows(found.text, found.column)
        }
    }

    private mutating func describeRows(_ text: String, _ column: String) {
        if text.returnsRows {
            output.append(contentsOf: rowDescription(column))
        } else {
            output.appendMessage(Backend.noData)
        }
    }

    private mutating func execute(_ name: String) {
        guard let portal = portals[name] else { return skip("34000", "portal \"\(name)\" does not exist") }
        guard !portal.text.isEmpty else { return output.appendMessage(Backend.emptyQueryResponse) }
        guard checkAborted(portal.text) else { return skip() }
        // PostgreSQL keeps it, exhausted.
        portals[name] = nil
        switch run(portal.text) {
        case .done: break
        case .failed: skips = true
        case .copying: copying = .extended
        }
    }

    private mutating func skip(_ code: String, _ text: String) {
        fail(code, text)
        skips = true
    }

    private mutating func skip() { skips = true }

    private mutating func refusePlan() {
        var body: [UInt8] = []
        for (code, value) in [
            ("S", "ERROR"), ("V", "ERROR"), ("C", "0A000"), ("M", "cached plan must not change result type"),
            ("R", "RevalidateCachedQuery"),
        ] {
            body.append(contentsOf: code.utf8)
            body.appendCString(value)
        }
        body.append(0)
        let start = output.count
        skip("0A000", "cached plan must not change result type")
        output.removeSubrange(start...)
        output.appendMessage(Backend.errorResponse, body: body)
    }

    // MARK: COPY

    private mutating func copyMessage(_ type: UInt8, _ body: ArraySlice<UInt8>) {
        switch type {
        case Frontend.copyData:
            copied += 1
            if body.elementsEqual("bad".utf8) { endCopy { $0.fail("22P04", "bad data") } }
        case Frontend.copyDone:
            endCopy { server in
                server.pending.append("copy \(server.copied)")
                server.output.appendCommandComplete("COPY \(server.copied)")
            }
        case Frontend.copyFail: endCopy { $0.fail("57014", "COPY from stdin failed") }
        case Frontend.sync, Frontend.flush: break
        default: endCopy { $0.fail("08P01", "unexpected message type during COPY from stdin") }
        }
    }

    private mutating func endCopy(_ body: (inout ModelServer) -> Void) {
        let kind = copying
        copying = .no
        let errors = failures
        body(&self)
        copied = 0
        if kind == .simple {
            finish()
            ready()
        } else if failures > errors {
            skips = true
        }
    }

    // MARK: Running

    private var failures = 0
    /// The value of `standard_conforming_strings` that holds, the one that holds outside the transaction, and the one
    /// that was reported last.
    private var settings = ModelSettings()
    private var strings = (now: "on", outside: "on", reported: "on")

    mutating func fail(_ code: String, _ text: String) {
        fail(ErrorFields(.error, code, text))
    }

    private mutating func fail(_ error: ErrorFields) {
        failures += 1
        output.append(contentsOf: error.encoded)
        isDead = error.severity == .fatal
        pending = []
        portals = [:]
        if status == .idle { settings.end(commits: false) }
        if status == .inTransaction { status = .failed }
    }

    private mutating func failOddly(_ kind: Fault.Kind, isSimple: Bool) {
        switch kind {
        case .death:
            isBroken = true
            isDead = true
        case .error(let error):
            if status == .idle, isSimple { output.append(contentsOf: rowDescription("c")) }
            fail(error)
            guard !isSimple else { return ready() }
            skips = true
        }
    }

    private mutating func ready() {
        guard !isDead else { return }
        if status != .inTransaction { strings.now = strings.outside }
        if strings.now != strings.reported {
            output.appendParameterStatus(name: "standard_conforming_strings", value: strings.now)
            strings.reported = strings.now
        }
        output.appendReadyForQuery(status)
    }

    /// `SET [LOCAL] standard_conforming_strings = value`, or what gives a server the settings of a client.
    private mutating func set(_ text: String) {
        settings.run(text, isInTransaction: status != .idle)
        guard text.contains("standard_conforming_strings") else { return }
        strings.now = text.contains("off") ? "off" : "on"
        if !text.hasPrefix("SET LOCAL") { strings.outside = strings.now }
    }

    /// The end of an implicit transaction.
    private mutating func finish() {
        guard !isDead, status == .idle else { return }
        committed += pending
        pending = []
        portals = [:]
        settings.end(commits: true)
    }

    private mutating func checkAborted(_ text: String) -> Bool {
        guard status == .failed, !text.endsTransaction else { return true }
        fail("25P02", "current transaction is aborted, commands ignored until end of transaction block")
        return false
    }

    private mutating func checkParse(_ text: String) -> Bool {
        guard checkAborted(text) else { return false }
        guard !text.contains("nosuch") else {
            fail("42P01", "relation \"nosuch\" does not exist")
            return false
        }
        return true
    }

    private mutating func run(_ text: String) -> Outcome {
        if let failing, text.hasPrefix(failing.prefix) {
            self.failing = nil
            fail(failing.error)
            return .failed
        }
        if text.hasPrefix("EXECUTE ") {
            if let inner = executed(by: text) { return run(inner) }
            fail("26000", missing(String(text.dropFirst(8))))
            return .failed
        }
        guard !text.contains("1/0") || text.hasPrefix("PREPARE ") else {
            fail("22012", "division by zero")
            return .failed
        }
        if isReplica || isReadOnly, ["INSERT", "COPY t FROM", "LISTEN", "CREATE"].contains(where: text.hasPrefix) {
            fail("25006", "cannot execute \(text.firstWord) in a read-only transaction")
            return .failed
        }
        if text.hasPrefix("DISCARD ALL"), status != .idle {
            fail("25001", "DISCARD ALL cannot run inside a transaction block")
            return .failed
        }
        if text.hasPrefix("COPY t FROM STDIN") {
            journal.append(text)
            output.appendMessage(Backend.copyInResponse, body: [0, 0, 0])
            return .copying
        }
        guard let tag = effect(of: text) else { return .failed }
        journal.append(text)
        output.appendCommandComplete(tag)
        return .done
    }

    private mutating func effect(of text: String) -> String? {
        switch text.firstWord {
        case "BEGIN", "START":
            status = .inTransaction
            isReadOnly = text.contains("READ ONLY")
            return text.firstWord == "BEGIN" ? "BEGIN" : "START TRANSACTION"
        case "COMMIT", "END":
            return end(text, commits: status != .failed)
        case "ROLLBACK":
            if text.hasPrefix("ROLLBACK TO") {
                if status == .failed { status = .inTransaction }
                settings.run(text, isInTransaction: status != .idle)
                return "ROLLBACK"
            }
            return end(text, commits: false)
        case "INSERT":
            pending.append(text)
            return "INSERT 0 1"
        case "PREPARE":
            return prepare(text)
        case "DEALLOCATE":
            return deallocate(String(text.dropFirst("DEALLOCATE ".count)))
        case "DISCARD":
            if text == "DISCARD ALL" { statements = [:] }
            settings.run(text, isInTransaction: status != .idle)
            return text
        case "SET":
            set(text)
            return "SET"
        case "RESET":
            settings.run(text, isInTransaction: status != .idle)
            return "RESET"
        case "LISTEN", "UNLISTEN", "SAVEPOINT", "RELEASE":
            settings.run(text, isInTransaction: status != .idle)
            return text.firstWord
        case "COPY":
            output.appendMessage(Backend.copyOutResponse, body: [0, 0, 0])
            output.appendMessage(Backend.copyData, body: Array("x\n".utf8))
            output.appendMessage(Backend.copyDone)
            return "COPY 1"
        case "SELECT", "SHOW":
            if text.hasPrefix("SELECT pg_catalog.set_config") { set(text) }
            for fields in settings.rows(text, statements: inspectedStatements) ?? [[settings.shown(text) ?? text]] {
                output.append(contentsOf: row(fields))
            }
            return text.firstWord == "SHOW" ? "SHOW" : "SELECT 1"
        default:
            return text.firstWord
        }
    }

    private mutating func end(_ text: String, commits: Bool) -> String {
        if commits { committed += pending }
        settings.end(commits: commits)
        pending = []
        portals = [:]
        isReadOnly = isReadOnly && text.hasSuffix("AND CHAIN")
        status = text.hasSuffix("AND CHAIN") ? status : .idle
        if status == .failed { status = .inTransaction }
        return commits && text.firstWord != "ROLLBACK" ? "COMMIT" : "ROLLBACK"
    }

    private func row(_ fields: [String?]) -> [UInt8] {
        var body: [UInt8] = []
        body.appendInt16(Int16(fields.count))
        for field in fields {
            body.appendInt32(field.map { Int32($0.utf8.count) } ?? -1)
            body.append(contentsOf: (field ?? "").utf8)
        }
        var message: [UInt8] = []
        message.appendMessage(Backend.dataRow, body: body)
        return message
    }

    private func rowDescription(_ column: String) -> [UInt8] {
        var body: [UInt8] = []
        body.appendInt16(1)
        body.appendCString(column)
        body.appendInt32(0)
        body.appendInt16(0)
        body.appendInt32(25)
        body.appendInt16(-1)
        body.appendInt32(-1)
        body.appendInt16(0)
        var message: [UInt8] = []
        message.appendMessage(Backend.rowDescription, body: body)
        return message
    }
}

extension StringProtocol {
    var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }

    var firstWord: String { String(prefix { !$0.isWhitespace && $0 != "(" }) }

    var returnsRows: Bool { hasPrefix("SELECT") || hasPrefix("SHOW") }

    var endsTransaction: Bool { ["COMMIT", "ROLLBACK", "END", "ABORT"].contains(firstWord) }
}
