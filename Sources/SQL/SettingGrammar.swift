// Which settings does a statement change or show?

extension StatementReader {
    // MARK: SET

    mutating func readSet(_ text: Span<UInt8>, _ head: Token) -> Command {
        advance(text)
        var isLocal = false
        if accept(.local, text) {
            isLocal = true
        } else if at(.session) {
            let start = token.start
            advance(text)
            if accept(.authorization, text) {
                return readSetValue(text, head, (start..<previousEnd, isPhrase: true), isLocal: false)
            }
            if at(.characteristics) { return readSessionCharacteristics(text, head, isLocal: false) }
        }
        switch token.keyword {
        case .transaction:
            return readSetTransaction(text, head)
        case .constraints where !isLocal:
            note(.setLocal, head.range, .localSetting)
            return readRest(text)
        case .session:
            let start = token.start
            advance(text)
            if at(.characteristics) { return readSessionCharacteristics(text, head, isLocal: isLocal) }
            guard accept(.authorization, text) else { return giveUp(text, head) }
            return readSetValue(text, head, (start..<previousEnd, isPhrase: true), isLocal: isLocal)
        default:
            guard let name = readSettingName(text) else { return giveUp(text, head) }
            return readSetValue(text, head, name, isLocal: isLocal)
        }
    }

    /// The words that name a setting: one name with dots, or a phrase of the grammar, behind which the equals sign may
    /// be left out.
    private mutating func readSettingName(_ text: Span<UInt8>) -> (range: Range<Int>, isPhrase: Bool)? {
        let first = token
        if accept(.time, text) { return accept(.zone, text) ? (first.start..<previousEnd, true) : nil }
        if accept(.xml, text) { return accept(.option, text) ? (first.start..<previousEnd, true) : nil }
        guard let name = readPlainName(text) else { return nil }
        return (name, first.kind == .word && SettingName.isPhrase(text, name))
    }

    /// `[TO | =] value …`. The equals sign may be left out behind the names that are words of the grammar.
    private mutating func readSetValue(
        _ text: Span<UInt8>, _ head: Token, _ name: (range: Range<Int>, isPhrase: Bool), isLocal: Bool
    ) -> Command {
        let equals = token
        let isSpelledOut = accept(.to, text) || acceptEquals(text)
        guard isSpelledOut || name.isPhrase else { return giveUp(text, head) }
        let start = isSpelledOut && equals.isSymbolWithSign(text) ? equals.start &+ 1 : token.start
        guard !(isSpelledOut && isAtEnd) else { return giveUp(text, head) }
        skipStatement(text)
        let value = start..<max(start, previousEnd)
        noteSet(text, head, name: name.range, isLocal: isLocal)
        return .set(name: name.range, value: value, isLocal: isLocal)
    }

    private mutating func acceptEquals(_ text: Span<UInt8>) -> Bool {
        guard token.kind == .symbol, text[token.start] == UInt8(ascii: "=") else { return false }
        guard token.end - token.start == 1 || token.isSymbolWithSign(text) else { return false }
        advance(text)
        return true
    }

    private mutating func noteSet(_ text: Span<UInt8>, _ head: Token, name: Range<Int>, isLocal: Bool) {
        if SettingName.isRouters(text, name) {
            note(.routerSetting, name, .routerSetting, by: .setting)
        } else if SettingName.isSeed(text, name) {
            note(.sessionState, pins: .seed, name, .seed, by: .setting)
        } else if SettingName.belongsToTransaction(text, name) {
            note([.transactionControl, .setLocal], name, .transaction, by: .setting)
        } else if isLocal {
            note(SettingName.lexing(text, name).union(.setLocal), head.range, .localSetting)
        } else {
            changesSettings = true
            note(SettingName.lexing(text, name).union(.sessionState), name, .setting, by: .setting)
        }
    }

    /// A name that can be compared: not one with Unicode escapes.
    private mutating func readPlainName(_ text: Span<UInt8>) -> Range<Int>? {
        token.kind == .unicodeWord ? nil : readName(text)
    }

    private mutating func readSetTransaction(_ text: Span<UInt8>, _ head: Token) -> Command {
        advance(text)
        if at(.snapshot) {
            note([.transactionControl, .primaryOnly], token.range, .snapshot)
            return readRest(text)
        }
        guard let modes = readTransactionModes(text), !modes.isEmpty else {
            note(.transactionControl, head.range, .transaction)
            return giveUp(text, head)
        }
        note(.transactionControl, head.range, .transaction)
        return .setTransaction(modes)
    }

    private mutating func readSessionCharacteristics(_ text: Span<UInt8>, _ head: Token, isLocal: Bool) -> Command {
        advance(text)
        guard accept(.as, text), accept(.transaction, text), let modes = readTransactionModes(text), !modes.isEmpty
        else { return giveUp(text, head) }
        if isLocal {
            note(.setLocal, head.range, .localSetting)
            return .other
        }
        changesSettings = true
        note(.sessionState, head.range, .setting)
        return .sessionCharacteristics(modes)
    }

    // MARK: RESET and SHOW

    mutating func readReset(_ text: Span<UInt8>, _ head: Token) -> Command {
        advance(text)
        if accept(.all, text) {
            note([.sessionState, .lexing, .parsing], head.range, .discard)
            return .resetAll
        }
        guard let name = readPhrase(text) else { return giveUp(text, head) }
        if SettingName.isRouters(text, name) {
            note(.routerSetting, name, .routerSetting, by: .setting)
            return .reset(name: name)
        }
        changesSettings = true
        note(SettingName.lexing(text, name).union(.sessionState), name, .setting, by: .setting)
        return .reset(name: name)
    }

    mutating func readShow(_ text: Span<UInt8>, _ head: Token) -> Command {
        advance(text)
        let name = token.range
        if accept(.all, text) {
            note(.primaryOnly, name, .nodeSetting, by: .setting)
            return .show(name: name)
        }
        guard let name = readPhrase(text) else { return giveUp(text, head) }
        if SettingName.describesNode(text, name) {
            note(.primaryOnly, name, .nodeSetting, by: .setting)
        } else if SettingName.isRouters(text, name) {
            note(.routerSetting, name, .routerSetting, by: .setting)
        }
        return .show(name: name)
    }

    /// What RESET and SHOW take: a name, TIME ZONE, SESSION AUTHORIZATION or TRANSACTION ISOLATION LEVEL.
    private mutating func readPhrase(_ text: Span<UInt8>) -> Range<Int>? {
        let start = token.start
        switch token.keyword {
        case .time:
            advance(text)
            return accept(.zone, text) ? start..<previousEnd : nil
        case .session:
            advance(text)
            return accept(.authorization, text) ? start..<previousEnd : nil
        case .transaction:
            advance(text)
            return accept(.isolation, text) && accept(.level, text) ? start..<previousEnd : nil
        default:
            return readPlainName(text)
        }
    }
}

/// Settings that the classifier knows by name.
enum SettingName {
    private static let transactionNames = [
        Array("transaction_read_only".utf8), Array("transaction_isolation".utf8), Array("transaction_deferrable".utf8),
    ]
    /// What a standby has another value of, and what each node has for itself: files, addresses, part in replication.
    /// By its port, as by `inet_server_port()`, people look where a read went.
    private static let nodeNames = [
        "in_hot_standby", "transaction_read_only", "config_file", "data_directory", "external_pid_file", "hba_file",
        "ident_file", "cluster_name", "ssl", "listen_addresses", "bonjour", "bonjour_name", "max_connections",
        "reserved_connections", "superuser_reserved_connections", "restore_command", "promote_trigger_file",
        "synchronous_standby_names", "synchronized_standby_slots", "sync_replication_slots", "summarize_wal",
        "max_replication_slots", "max_wal_senders", "wal_sender_timeout", "wal_keep_size", "max_slot_wal_keep_size",
        "idle_replication_slot_timeout", "vacuum_defer_cleanup_age", "wal_retrieve_retry_interval",
        "shared_preload_libraries", "logging_collector", "log_destination", "log_directory", "log_filename",
    ].map { Array($0.utf8) }
    private static let nodeBeginnings = [
        "archive_", "recovery_", "hot_standby", "primary_", "wal_receiver_", "max_standby_", "unix_socket_", "ssl_",
        "shared_memory_size",
    ].map { Array($0.utf8) }
    private static let routerPrefix = Array("pointsman.".utf8)
    private static let seedNames = [Array("seed".utf8)]
    private static let lexingNames = [
        Array("standard_conforming_strings".utf8), Array("client_encoding".utf8), Array("names".utf8),
    ]
    private static let parsingNames = [
        Array("datestyle".utf8), Array("intervalstyle".utf8), Array("lc_monetary".utf8), Array("array_nulls".utf8),
        Array("transform_null_equals".utf8),
    ]
    /// TIME ZONE and its kin, XML OPTION.
    private static let parsingBeginnings = [Array("time".utf8), Array("xml".utf8)]
    private static let phrases = [
        Array("role".utf8), Array("names".utf8), Array("schema".utf8), Array("catalog".utf8),
    ]

    /// Whether a SET of that name concerns the current transaction only.
    static func belongsToTransaction(_ text: Span<UInt8>, _ name: Range<Int>) -> Bool {
        contains(transactionNames, text, name)
    }

    /// Whether the setting tells which node answers.
    static func describesNode(_ text: Span<UInt8>, _ name: Range<Int>) -> Bool {
        if contains(nodeNames, text, name) { return true }
        let bytes = text.extracting(plain(text, name))
        for beginning in nodeBeginnings where bytes.begins(with: beginning, foldingCase: true) { return true }
        return false
    }

    /// What a change of the setting means for the texts behind it.
    static func lexing(_ text: Span<UInt8>, _ name: Range<Int>) -> Effects {
        if contains(lexingNames, text, name) { return [.lexing, .parsing] }
        let bytes = text.extracting(plain(text, name))
        for beginning in parsingBeginnings where bytes.begins(with: beginning, foldingCase: true) { return .parsing }
        return contains(parsingNames, text, name) ? .parsing : []
    }

    /// Whether no server knows the setting, because it is the router's.
    static func isRouters(_ text: Span<UInt8>, _ name: Range<Int>) -> Bool {
        text.extracting(plain(text, name)).begins(with: routerPrefix, foldingCase: true)
    }

    static func isSeed(_ text: Span<UInt8>, _ name: Range<Int>) -> Bool {
        contains(seedNames, text, name)
    }

    /// Whether the grammar has the unquoted word without TO or an equals sign.
    static func isPhrase(_ text: Span<UInt8>, _ name: Range<Int>) -> Bool {
        contains(phrases, text, name)
    }

    /// Compares without regard to case, as PostgreSQL does with names of settings, quoted or not.
    private static func contains(_ names: [[UInt8]], _ text: Span<UInt8>, _ name: Range<Int>) -> Bool {
        let name = plain(text, name)
        for candidate in names where text.extracting(name).equals(candidate, foldingCase: true) { return true }
        return false
    }

    /// Without quotes.
    private static func plain(_ text: Span<UInt8>, _ name: Range<Int>) -> Range<Int> {
        guard name.count >= 2, text[name.lowerBound] == 0x22 || text[name.lowerBound] == 0x27 else { return name }
        return name.lowerBound + 1..<name.upperBound - 1
    }
}

extension Token {
    /// `=-1` is read as one operator here and as two tokens by PostgreSQL.
    fileprivate func isSymbolWithSign(_ text: Span<UInt8>) -> Bool {
        guard kind == .symbol, end - start == 2 else { return false }
        return text[end - 1] == UInt8(ascii: "-") || text[end - 1] == UInt8(ascii: "+")
    }
}
