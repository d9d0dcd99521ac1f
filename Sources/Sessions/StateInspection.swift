// What has the session left on its server that has to stay there, and how does the server tell?

public import SQL
import Wire

/// On the heap, because hardly any session is asked about.
indirect enum Inspected: Sendable {
    case state(InspectedState)
}

/// What a server was found to hold of a session.
public struct InspectedState: Sendable {
    public private(set) var settings: [InspectedSetting] = []
    /// Why the session has to stay, if it does not know yet.
    public internal(set) var reasons = PinReasons()
    /// Names of statements that were prepared by messages under the client's own names.
    private(set) var statements: Set<String> = []
    /// Texts of statements that were prepared in SQL, by name.
    private(set) var prepared: [String: String] = [:]

    /// Takes the rows of ``ClientSession/inspection(of:state:)``.
    init(rows: [[String?]]) {
        for row in rows {
            let name = row.first.flatMap { $0 } ?? ""
            if let reason = Self.reason(named: name) {
                reasons.insert(reason)
            } else if name == Self.statement {
                guard row.count > 2, let title = row[1] else { continue }
                if let text = row[2] { prepared[title] = text } else { statements.insert(title) }
            } else if !settings.contains(where: { $0.name == name }) {
                settings.append(InspectedSetting(row: row))
            }
        }
    }

    /// Stands in a row ahead of the name of a statement, and of its text if that is a PREPARE.
    static let statement = "*statement"

    /// A name that no setting has, for each thing that a server can be asked for.
    private static func reason(named name: String) -> PinReasons? {
        PinReasons.conditions.first { name == "*" + $0.reason.description }?.reason
    }
}

extension PinReasons {
    /// For each of those that are ``inspectable`` the condition in SQL under which it is there. None depends on names
    /// that the session can give another meaning.
    static let conditions: [(reason: PinReasons, condition: String)] = [
        (
            .temporaryTable,
            """
            EXISTS (SELECT FROM pg_catalog.pg_depend WHERE refclassid OPERATOR(pg_catalog.=) \
            'pg_catalog.pg_namespace'::pg_catalog.regclass AND refobjid OPERATOR(pg_catalog.=) \
            pg_catalog.pg_my_temp_schema())
            """
        ),
        (.heldCursor, "EXISTS (SELECT FROM pg_catalog.pg_cursors WHERE is_holdable)"),
        (
            .advisoryLock,
            """
            EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype OPERATOR(pg_catalog.=) 'advisory' \
            AND pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid())
            """
        ),
        (.listen, "EXISTS (SELECT FROM pg_catalog.pg_listening_channels())"),
    ]
}

/// What of its server's state a session has to ask for, besides settings that were named.
struct StateQuestion: OptionSet, Sendable {
    let rawValue: UInt8

    /// Whatever would keep the session there.
    static let reasons = StateQuestion(rawValue: 1 << 0)
    /// Which statements it has there under its own names.
    static let names = StateQuestion(rawValue: 1 << 1)
    /// All settings that differ: code has run that may have changed any.
    static let settings = StateQuestion(rawValue: 1 << 2)
}

extension ClientSession {
    /// The client is between two batches, and nothing of its last one is under way.
    public var isBetweenBatches: Bool { !isUnsynced && awaiting == nil && !batch.isDecided && bodyRemaining == 0 }

    /// Whether the server must be asked what the session has left there before it goes on, or goes.
    public var needsInspection: Bool {
        isBetweenBatches && (hasTouchedSettings || !stateQuestion.isEmpty)
    }

    /// What there is to ask of the server's state.
    var stateQuestion: StateQuestion {
        guard isPinned else { return hasRunHiddenCode ? [.reasons, .settings] : [] }
        guard mayUnpin, pinsInDoubt.isEmpty, pins.subtracting(voidPins).isSubset(of: .inspectable) else { return [] }
        return hasRunHiddenCode ? [.reasons, .names, .settings] : [.reasons, .names]
    }

    /// Remembers that a statement that is about to run may leave something behind, or take it away.
    mutating func noteState(_ classification: Classification, server: borrowing ServerSession) {
        guard !isOnReplica else { return }
        let effects = classification.effects
        if effects.contains(.hiddenCode) { hasRunHiddenCode = true }
        pinsInDoubt = []
        guard isPinned else { return }
        if !classification.pins.isEmpty {
            let mayFailAlone = classification.statementCount == 1 && server.syncsSent == server.syncsAnswered
            if mayFailAlone { pinsInDoubt = classification.pins.intersection(freshPins.union(voidPins)) }
            freshPins.subtract(classification.pins)
            voidPins.subtract(classification.pins)
        }
        let clearsState = effects.contains(.sessionState) && classification.pins.isEmpty
        let undoes = hasUnprovenPins && (undoesWork(classification.command) || classification.statementCount > 1)
        if clearsState || undoes || !effects.isDisjoint(with: [.ddl, .hiddenCode, .cursor]) { mayUnpin = true }
    }

    private func undoesWork(_ command: Command) -> Bool {
        switch command {
        case .rollback, .rollbackTo: true
        case .begin, .commit, .empty, .savepoint, .release, .prepareTransaction, .commitPrepared, .rollbackPrepared,
            .setTransaction, .sessionCharacteristics, .deallocate, .deallocateAll, .discardAll, .discardPlans,
            .discardSequences, .discardTemp, .resetAll, .unlistenAll, .closeAll, .show, .set, .reset, .setConfig,
            .explain, .explainRoute, .select, .copy, .prepare, .execute, .other:
            false
        }
    }

    /// Something that was sent has failed. If it was sent alone and did not get as far as to run, it has left nothing:
    /// a function that does not exist, or a statement that neither PostgreSQL nor the classifier understands.
    mutating func noteFailure(hasRun: Bool) {
        guard isPinned, hasUnprovenPins else { return }
        mayUnpin = true
        if !hasRun { voidPins.formUnion(pinsInDoubt) }
        pinsInDoubt = []
    }

    /// The server could not tell: what may be there keeps the session.
    mutating func settleWithoutAnswer() {
        var nothing = InspectedState(rows: [])
        if hasTouchedSettings { nothing.reasons.insert(.setting) }
        if !isPinned, hasRunHiddenCode { nothing.reasons.insert(.hiddenCode) }
        inspected = .state(nothing)
        forgetDoubts()
    }

    /// The server has told what it holds.
    mutating func settle(_ answer: InspectedState, server: inout ServerSession, table: inout StatementTable) {
        var found = answer
        let question = stateQuestion
        if question.contains(.reasons), !compareGuests(with: found.prepared, server: &server, table: &table) {
            found.reasons.insert(.sqlPrepare)
        }
        if isPinned, question.contains(.reasons) {
            let present = found.statements.union(found.prepared.keys)
            let isFree = found.reasons.isEmpty && shareOwnNames(present: present, server: &server, table: &table)
            // What it still has names for stays, too.
            pins = isFree ? [] : found.reasons.isEmpty ? .sqlPrepare : found.reasons
            found.reasons = []
            // Somebody else may get the server, which is cleaned first.
            hasLeftTraces = true
        }
        inspected = .state(found)
        if question.contains(.reasons) { forgetDoubts() }
    }

    /// Nothing is left to be asked for but settings that were named.
    mutating func forgetDoubts() {
        hasRunHiddenCode = false
        mayUnpin = false
        freshPins = []
        hasUnprovenPins = false
        pinsInDoubt = []
        voidPins = []
    }

    /// A query for the values of settings and for other state, that nothing which the session has set can mislead.
    static func inspection(of names: [String], state: StateQuestion) -> [UInt8] {
        var parts: [String] = []
        if !names.isEmpty {
            let list = names.map { "(" + ProfileTable.literal($0) + "::pg_catalog.text)" }.joined(separator: ",")
            parts.append(
                """
                SELECT v.n, pg_catalog.current_setting(v.n, true), s.source FROM (VALUES \(list)) AS v (n) \
                LEFT JOIN pg_catalog.pg_settings AS s ON pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) v.n
                """)
        }
        if state.contains(.reasons) {
            parts += PinReasons.conditions.map { "SELECT '*\($0.reason)', NULL, NULL WHERE \($0.condition)" }
            parts.append(Self.preparedStatements)
        }
        if state.contains(.names) { parts.append(Self.ownStatements) }
        if state.contains(.settings) { parts += [Self.changedSettings, Self.changedRole, Self.changedAuthorization] }
        return Array(parts.joined(separator: " UNION ALL ").utf8)
    }

    private static let preparedStatements = """
        SELECT '\(InspectedState.statement)', name, statement FROM pg_catalog.pg_prepared_statements WHERE from_sql
        """
    private static let ownStatements = """
        SELECT '\(InspectedState.statement)', name, NULL FROM pg_catalog.pg_prepared_statements \
        WHERE NOT from_sql AND NOT pg_catalog.starts_with(name, \
        '\(String(decoding: StatementID.reservedPrefix, as: UTF8.self))')
        """
    /// Those of a transaction end with it.
    private static let changedSettings = """
        SELECT pg_catalog.lower(name), pg_catalog.current_setting(name), source FROM pg_catalog.pg_settings \
        WHERE source OPERATOR(pg_catalog.=) 'session' AND NOT pg_catalog.starts_with(name, 'transaction_')
        """
    private static let changedRole = """
        SELECT 'role', pg_catalog.current_setting('role'), NULL \
        WHERE pg_catalog.current_setting('role') OPERATOR(pg_catalog.<>) 'none'
        """
    private static let changedAuthorization = """
        SELECT 'session_authorization', session_user, NULL \
        FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS a \
        JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) a.usesysid \
        WHERE r.rolname OPERATOR(pg_catalog.<>) session_user
        """
}
