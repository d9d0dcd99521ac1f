// Which of the router's own settings hold for a session now, and which once its transaction has ended?

public import Routing
import SQL
import Wire

extension ClientSession {
    /// A text that is about to run is one that replicas refuse.
    var wasRefused: Bool { batch.lesson == .needsPrimary || rerun?.refusal != nil }

    /// The endpoint by whose rules the batch is judged: the port's, or the one that the role stands for. A role is
    /// chosen for a whole transaction and for a whole batch: once that has a server, nothing changes it, not even a
    /// DISCARD ALL in it.
    @inline(__always)
    public var listener: ListenerKind {
        guard port == .split else { return port }
        if case .open = transaction { return attachedListener }
        if batch.isBegun { return attachedListener }
        return hasNoWishes ? .split : listenerOfRole
    }

    /// The first message of the batch is about to be sent.
    mutating func beginBatch(on server: inout ServerSession) {
        batch.isBegun = true
        // The rules by which it was given its server hold for the transaction that it may begin.
        attachedListener = listener
        if mayEndReadOnly(batch.pins) { refuseWhole(refusalOfReader(asksForWrites: false)) }
        beginTrial(on: &server)
    }

    /// Why a statement about the router's settings, which the batch is known to be, cannot be carried out.
    func mistakeInRouterSetting(
        _ input: Span<UInt8>, at offset: Int, table: borrowing StatementTable
    ) -> ErrorFields? {
        let texts = batch.classification?.statementCount ?? 1
        guard texts == 1, !batch.hasSeveralCommands, !batch.isOpenEnded, batch.executes <= 1 else {
            return .routerSettingAmongOthers
        }
        guard let command = batch.command, let text = commandText(input, at: offset, table: table) else {
            return .routerSettingAmongOthers
        }
        let title: String
        var value: Range<Int>?
        switch command {
        case .show(let range), .reset(let range):
            title = Self.title(text, range)
        case .set(let range, let written, _):
            title = Self.title(text, range)
            value = written
        case .empty, .begin, .commit, .rollback, .savepoint, .rollbackTo, .release, .prepareTransaction,
            .commitPrepared, .rollbackPrepared, .setTransaction, .sessionCharacteristics, .deallocate, .deallocateAll,
            .discardAll, .discardPlans, .discardSequences, .discardTemp, .resetAll, .unlistenAll, .closeAll,
            .setConfig, .explain, .explainRoute, .select, .copy, .prepare, .execute, .other:
            return .routerSettingAmongOthers
        }
        if title == RouterSettings.tokenTitle {
            guard let value, !Self.isDefault(text, value) else { return nil }
            let token = Self.content(text, value)
            return CommitToken(token) == nil ? RouterSettings.wrongToken(token) : nil
        }
        guard let name = RouterSettings.name(title) else { return RouterSettings.unknown(title) }
        if case .show = command { return nil }
        if name == .role {
            guard port == .split else { return .roleOfPort }
            if case .open = transaction { return .roleInTransaction }
        }
        guard !hasSavepoint else { return .routerSettingBehindSavepoint }
        guard let value, !Self.isDefault(text, value) else { return nil }
        var tried = router
        return tried.set(name, Self.content(text, value))
    }

    /// Carries out what the batch asks of the router; nil: it asks nothing, or a mistake.
    mutating func answerOfRouter(
        _ input: Span<UInt8>, at offset: Int, status: TransactionStatus?, table: borrowing StatementTable
    ) -> LocalAnswer? {
        guard batch.speaksToRouter, mistakeInRouterSetting(input, at: offset, table: table) == nil,
            let command = batch.command, let text = commandText(input, at: offset, table: table)
        else { return nil }
        let isInTransaction = status == .inTransaction || transaction != .none
        switch command {
        case .show(let range):
            let title = Self.title(text, range)
            guard let name = RouterSettings.name(title) else {
                // A token is told when it is asked for; what is only prepared has its column.
                return title == RouterSettings.tokenTitle && batch.executes == 0 ? LocalAnswer(columns: [title]) : nil
            }
            return LocalAnswer(tag: "SHOW", columns: [title], rows: [[wishes.value(of: name, settings.defaults)]])
        case .set(let range, let written, let isLocal):
            // What a token has asked for is not taken back.
            guard let name = RouterSettings.name(Self.title(text, range)) else { return LocalAnswer(tag: "SET") }
            guard batch.executes > 0 else { return LocalAnswer(tag: "SET") }
            guard isInTransaction || !isLocal else { return LocalAnswer(tag: "SET", notice: .localOutsideTransaction) }
            var changed = initialRouter
            if !Self.isDefault(text, written) { _ = changed.set(name, Self.content(text, written)) }
            change(name, to: changed, isLocal: isLocal, isInTransaction: isInTransaction)
            return LocalAnswer(tag: "SET")
        case .reset(let range):
            guard let name = RouterSettings.name(Self.title(text, range)) else { return LocalAnswer(tag: "RESET") }
            if batch.executes > 0 {
                change(name, to: initialRouter, isLocal: false, isInTransaction: isInTransaction)
            }
            return LocalAnswer(tag: "RESET")
        case .empty, .begin, .commit, .rollback, .savepoint, .rollbackTo, .release, .prepareTransaction,
            .commitPrepared, .rollbackPrepared, .setTransaction, .sessionCharacteristics, .deallocate, .deallocateAll,
            .discardAll, .discardPlans, .discardSequences, .discardTemp, .resetAll, .unlistenAll, .closeAll,
            .setConfig, .explain, .explainRoute, .select, .copy, .prepare, .execute, .other:
            return nil
        }
    }

    private mutating func change(
        _ name: RouterSettings.Name, to values: RouterSettings, isLocal: Bool, isInTransaction: Bool
    ) {
        if isInTransaction, routerBeyond.isEmpty { routerBeyond = [router, router] }
        router.take(name, from: values)
        if isInTransaction, !isLocal { routerBeyond[1].take(name, from: values) }
    }

    /// RESET ALL, DISCARD ALL.
    mutating func resetRouterSettings() {
        router = initialRouter
        if !routerBeyond.isEmpty { routerBeyond[1] = initialRouter }
    }

    /// RESET ALL, whose transaction may fail yet, even if that is its text alone. Which savepoints stand before it is
    /// not known, so that going back to one brings nothing back.
    mutating func resetRouterSettingsInTransaction() {
        guard router != initialRouter || !routerBeyond.isEmpty else { return }
        if routerBeyond.isEmpty { routerBeyond = [router, router] }
        resetRouterSettings()
    }

    /// What was set in the transaction stays or goes with it.
    mutating func endRouterTransaction(commits: Bool) {
        hasSavepoint = false
        guard !routerBeyond.isEmpty else { return }
        let role = router.role
        router = routerBeyond[commits ? 1 : 0]
        routerBeyond = []
        // Another transaction may follow at once on the same server, by other rules.
        if port == .split, router.role != role, !batch.isBegun { attachedListener = listenerOfRole }
    }

    private var listenerOfRole: ListenerKind {
        switch wishes.role {
        case .primary: .writer
        case .replica: .reader
        case .auto, nil: .split
        }
    }

    static func title(_ text: [UInt8], _ name: Range<Int>) -> String {
        String(decoding: Identifier.settingName(of: text.span.extracting(name)), as: UTF8.self)
    }

    static func content(_ text: [UInt8], _ value: Range<Int>) -> String {
        let isQuoted = text[value].first.map { [UInt8(ascii: "'"), UInt8(ascii: "\"")].contains($0) } ?? false
        guard isQuoted else { return String(decoding: text[value], as: UTF8.self) }
        return String(decoding: Identifier.value(of: text.span.extracting(value)), as: UTF8.self)
    }

    static func isDefault(_ text: [UInt8], _ value: Range<Int>) -> Bool {
        String(decoding: text[value], as: UTF8.self).lowercased() == "default"
    }
}

extension ErrorFields {
    static let routerSettingAmongOthers = ErrorFields(
        .error, "0A000", "a setting of the router must be a statement of its own",
        hint: "Send SET, RESET and SHOW of pointsman.* alone.")
    static let routerSettingBehindSavepoint = ErrorFields(
        .error, "0A000", "a setting of the router cannot be changed behind a savepoint",
        hint: "Set it at the beginning of the transaction.")
    static let roleOfPort = ErrorFields(
        .error, "0A000", "pointsman.role cannot be changed on this port",
        detail: "The writer port and the reader port stand for a role.", hint: "Use the split port.")
    static let roleInTransaction = ErrorFields(
        .error, "25001", "pointsman.role must be set before the first statement of the transaction")
    static let localOutsideTransaction = ErrorFields(
        .warning, "25P01", "SET LOCAL can only be used in transaction blocks")
}
