// Which settings did a client bring, and what must a server be told before it may serve that client?

public import Routing
public import SQL
public import Wire

/// What the sessions need to know of the settings a client brought at its start.
public struct SettingsProfile: Equatable, Sendable {
    public var id: ProfileID
    /// Equal for profiles that read a statement's text alike; statements are shared under it.
    public var parsing: ProfileID
    /// As far as the client brought it; the rest is what servers report.
    public var lexer: LexerSettings
    /// A standby refuses every statement of a session whose default isolation is SERIALIZABLE.
    public var forbidsReplicas: Bool
    /// The default isolation the client asked for; nil when it left it to role and database.
    public var defaultIsolation: IsolationLevel?

    /// Its search_path puts new tables into the schema of the session's temporary ones.
    public var createsTemporaryObjects: Bool
    /// It chooses what `random()` gives.
    public var setsSeed: Bool

    public static let base = SettingsProfile(
        id: .base, parsing: .base, lexer: LexerSettings(), forbidsReplicas: false, defaultIsolation: nil,
        createsTemporaryObjects: false, setsSeed: false)
}

extension ListenerKind {
    /// The settings of a session on this port: on the reader port a server is read-only whatever the client brought, so
    /// that a primary that stands in for the replicas refuses what they would.
    public func settings(_ brought: [StartupParameter]) -> [StartupParameter] {
        switch self {
        case .split, .writer: brought
        case .reader: brought + [StartupParameter("default_transaction_read_only", "on")]
        }
    }
}

/// All profiles in use, each under one number that is never given twice.
public struct ProfileTable: Sendable {
    private struct Entry: Sendable {
        var parameters: [StartupParameter]
        var references: Int
    }

    /// Settings without influence on how a text is parsed or on the rows it gives.
    private static let harmlessNames: Set<String> = [
        "application_name", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout",
        "idle_session_timeout", "client_min_messages", "log_min_messages", "log_statement", "work_mem",
        "default_transaction_read_only",
    ]

    private var entries: [ProfileID: Entry] = [:]
    private var numbers: [[StartupParameter]: ProfileID] = [[]: .base]
    private var next: UInt32 = 1
    /// What was asked for last, in the client's words: most clients of a program bring the same. `uses` of it are not
    /// in its entries yet.
    private var recent: (brought: [StartupParameter], profile: SettingsProfile, uses: Int)?

    public init() {}

    public var count: Int { entries.count }

    /// The settings of a profile, sorted by ``precedes``.
    public func parameters(of id: ProfileID) -> [StartupParameter] { entries[id]?.parameters ?? [] }

    /// Whoever the session runs for comes last, because that may forbid what comes behind; and its role behind it,
    /// which it would undo.
    private static func precedes(_ one: StartupParameter, _ other: StartupParameter) -> Bool {
        let ranks = (identities.firstIndex(of: one.name) ?? -1, identities.firstIndex(of: other.name) ?? -1)
        return ranks.0 == ranks.1 ? one.name < other.name : ranks.0 < ranks.1
    }

    private static let identities = ["session_authorization", "role"]

    /// Gives a list of settings its number and retains it.
    public mutating func retain(_ parameters: [StartupParameter]) -> SettingsProfile {
        if let profile = recent?.profile, recent?.brought == parameters {
            recent?.uses += 1
            return profile
        }
        settleRecent()
        let profile = newlyRetained(parameters)
        recent = (parameters, profile, 0)
        return profile
    }

    /// Enters the uses that were only counted.
    private mutating func settleRecent() {
        guard let profile = recent?.profile, let uses = recent?.uses, uses > 0 else { return }
        recent?.uses = 0
        entries[profile.id]?.references += uses
        if profile.parsing != profile.id { entries[profile.parsing]?.references += uses }
    }

    private mutating func newlyRetained(_ parameters: [StartupParameter]) -> SettingsProfile {
        // The last of several values counts, as in PostgreSQL; the order of names does not matter.
        var values: [String: String] = [:]
        for parameter in parameters { values[parameter.name.lowercased()] = parameter.value }
        let list = values.map { StartupParameter($0.key, $0.value) }.sorted(by: Self.precedes)
        let id = number(list)
        let relevant = list.filter { !Self.harmlessNames.contains($0.name) }
        // The same list is retained once, as it is released once.
        let parsing = relevant.count == list.count ? id : number(relevant)
        var lexer = LexerSettings()
        for name in LexerSettings.names { if let value = values[name] { lexer.take(name, value) } }
        // A value that PostgreSQL refuses is refused when the server is told.
        let isolation = values["default_transaction_isolation"].flatMap { IsolationLevel(setting: $0) }
        return SettingsProfile(
            id: id, parsing: parsing, lexer: lexer, forbidsReplicas: isolation == .serializable,
            defaultIsolation: isolation,
            createsTemporaryObjects: values["search_path"]?.lowercased().contains("pg_temp") ?? false,
            setsSeed: values["seed"] != nil)
    }

    /// Another server or client uses the profile.
    public mutating func retain(_ id: ProfileID) {
        entries[id]?.references += 1
    }

    /// Gives back what `retain` of a list gave.
    public mutating func release(_ profile: SettingsProfile) {
        if let uses = recent?.uses, uses > 0, recent?.profile.id == profile.id {
            recent?.uses -= 1
            return
        }
        release(profile.id)
        if profile.parsing != profile.id { release(profile.parsing) }
    }

    public mutating func release(_ id: ProfileID) {
        if recent?.profile.id == id || recent?.profile.parsing == id { settleRecent() }
        guard let entry = entries[id] else { return }
        if entry.references > 1 {
            entries[id]?.references -= 1
        } else {
            if recent?.profile.id == id || recent?.profile.parsing == id { recent = nil }
            entries.removeValue(forKey: id)
            numbers.removeValue(forKey: entry.parameters)
        }
    }

    /// One or more statements that turn a server of profile `old` into one of profile `new`; empty when none is needed.
    ///
    /// `set_config` reads a value as the configuration file would, so lists such as `search_path` come out right.
    public func difference(from old: ProfileID, to new: ProfileID) -> [UInt8] {
        guard old != new else { return [] }
        var before = parameters(of: old)
        let after = parameters(of: new)
        var text = ""
        // What is to be changed may be forbidden to whom the session runs for.
        for identity in Self.identities.reversed() where before.contains(where: { $0.name == identity }) {
            text += "RESET \(Self.quotedName(identity));"
            before.removeAll { $0.name == identity }
        }
        for parameter in before where !after.contains(where: { $0.name == parameter.name }) {
            text += "RESET \(Self.quotedName(parameter.name));"
        }
        let changed = after.filter { !before.contains($0) }
        if !changed.isEmpty {
            let calls = changed.map { "set_config(\(Self.literal($0.name)),\(Self.literal($0.value)),false)" }
            text += "SELECT pg_catalog." + calls.joined(separator: ",pg_catalog.")
        }
        return Array(text.utf8)
    }

    private mutating func number(_ list: [StartupParameter]) -> ProfileID {
        if list.isEmpty { return .base }
        if let known = numbers[list] {
            entries[known]?.references += 1
            return known
        }
        let id = ProfileID(rawValue: next)
        next += 1
        numbers[list] = id
        entries[id] = Entry(parameters: list, references: 1)
        return id
    }

    static func literal(_ value: String) -> String {
        "E'" + value.replacing("\\", with: "\\\\").replacing("'", with: "''") + "'"
    }

    /// A setting's name; the parts of a custom one are quoted one by one.
    static func quotedName(_ name: String) -> String {
        name.split(separator: ".", omittingEmptySubsequences: false)
            .map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" }
            .joined(separator: ".")
    }
}
