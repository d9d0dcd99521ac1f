// How strongly does an object of the catalog object to a replica, and by which rule?

/// What the use of an object may do, weakest first.
public enum CatalogLevel: UInt8, Comparable, Sendable, CaseIterable {
    /// Nothing that a replica would not do as well.
    case harmless
    /// Asks for the node's own address.
    case nodeAddress
    /// Reads only, but not what a replica has, or not what it would answer.
    case primaryOnly
    /// Writes.
    case write
    /// Runs code that may leave behind what the server can be asked for.
    case inspectable
    /// Runs code that may leave anything behind.
    case hiddenCode

    public static func < (left: CatalogLevel, right: CatalogLevel) -> Bool { left.rawValue < right.rawValue }

    var effects: Effects {
        switch self {
        case .harmless: []
        case .nodeAddress: .nodeAddress
        case .primaryOnly: [.primaryOnly, .notOnReplica]
        case .write: .mayWrite
        case .inspectable, .hiddenCode: [.mayWrite, .hiddenCode]
        }
    }

    var pins: PinReasons { self == .hiddenCode ? .hiddenCode : [] }

    /// What a statement of these effects does to whoever runs it from inside a function or view.
    init(_ effects: Effects) {
        if effects.isSubset(of: [.copyOut]) {
            self = .harmless
        } else if effects.isSubset(of: [.nodeAddress, .copyOut]) {
            self = .nodeAddress
        } else if effects.isSubset(of: [.nodeAddress, .primaryOnly, .notOnReplica, .copyOut]) {
            self = .primaryOnly
        } else if effects.isSubset(of: [
            .nodeAddress, .primaryOnly, .notOnReplica, .mayWrite, .rowLocks, .copyOut,
        ]) {
            self = .write
        } else {
            self = .hiddenCode
        }
    }

    /// What a built-in function means inside a view or under an operator, where its arguments are not looked at.
    init(_ builtin: FunctionClass) {
        switch builtin {
        // The types that it may be about are told apart from it.
        case .safe, .typeInput: self = .harmless
        case .nodeAddress: self = .nodeAddress
        case .primaryOnly, .primaryPosition, .advisoryXact, .currentSetting: self = .primaryOnly
        case .write, .plannedWrite, .adminWrite, .endsBackend: self = .write
        case .unknown, .advisorySession, .advisoryUnlock, .setSeed, .setConfig, .backendState, .sequenceState,
            .sqlFromText:
            self = .hiddenCode
        }
    }
}

/// A level and the rule behind it.
struct CatalogVerdict: Equatable, Sendable {
    var level = CatalogLevel.harmless
    var reason = StaticReason.readsOnly

    init() {}

    init(_ level: CatalogLevel, _ reason: StaticReason) {
        self.level = level
        self.reason = reason
    }

    /// As much of a slot as a verdict needs.
    init(bits: UInt16) {
        level = CatalogLevel(rawValue: UInt8(truncatingIfNeeded: bits & 7)) ?? .hiddenCode
        reason = StaticReason(rawValue: UInt8(truncatingIfNeeded: bits >> 3)) ?? .reachingFunction
    }

    var bits: UInt16 { UInt16(level.rawValue) | UInt16(reason.rawValue) << 3 }
}
