// May a call of this built-in function run on a replica, and if not, why?

/// What a call of a function means for routing, by the worst overload of its name.
public enum FunctionClass: UInt8, Sendable, CaseIterable {
    /// No built-in of this name, or one that may leave any state behind: treat it as hidden code.
    case unknown
    /// Gives on a replica what it gives on the primary.
    case safe
    /// Changes data, or needs a transaction id.
    case write
    /// The same, but it is not VOLATILE, so that planning calls it, too.
    case plannedWrite
    /// Reads, but describes the node or the backend, or a standby answers differently without complaint.
    case primaryOnly
    /// Reads where the primary writes its log, which a standby refuses; or tells what is of use on its node alone.
    case primaryPosition
    /// Takes a lock that ends with the transaction; a replica's lock excludes nobody on the primary.
    case advisoryXact
    /// Takes a lock that outlives the transaction.
    case advisorySession
    /// Gives back session locks.
    case advisoryUnlock
    /// Seeds `random()` for the session.
    case setSeed
    /// Changes a setting, for the transaction or for the session.
    case setConfig
    /// Reads a setting: safe unless the setting describes the node; its argument decides.
    case currentSetting
    /// Leaves something in the backend that no query finds again: a backup in progress, a temporary replication slot,
    /// a replication origin. Such a session must keep its server.
    case backendState
    /// Reads what `nextval` left in the session: `currval`, `lastval`.
    case sequenceState
    /// Runs SQL that it is given as text, or reads relations by name: may do anything that SQL can.
    case sqlFromText
    /// Makes a value of a type that the text need not name, out of text: the checks of its domains run.
    case typeInput
    /// The node's own address: safe where any node may answer.
    case nodeAddress
    /// Orders the node to do something (files, signals, slots, WAL, statistics); a standby would obey silently.
    case adminWrite
    /// Ends a process of the node, which may be the one that it runs in.
    case endsBackend
}

/// The functions of `pg_catalog`, as compiled from PostgreSQL's own list and the reviewed exceptions.
public enum BuiltinFunctions {
    /// Classifies one function name without its schema.
    ///
    /// - Parameters:
    ///   - name: the bytes of the identifier; of a quoted one, those between the quotes. A name whose quotes hold an
    ///     escape (`""`, `U&"…"`) is to be passed decoded or treated as unknown.
    ///   - quoted: whether the identifier was quoted, that is, whether case matters.
    public static func classify(name: Span<UInt8>, quoted: Bool) -> FunctionClass {
        classify(name: name, hash: NameWords.hash(name, foldingCase: !quoted), foldingCase: !quoted)
    }

    /// The same for a name whose hash is known.
    @inline(never)
    static func classify(name: Span<UInt8>, hash: UInt64, foldingCase: Bool) -> FunctionClass {
        table.lookup(name, hash: hash, foldingCase: foldingCase)
    }

    /// What a call as `value.name` means; `unknown` for what cannot be called so, or is safe.
    static func classifyAttribute(name: Span<UInt8>, hash: UInt64, foldingCase: Bool) -> FunctionClass {
        table.lookupAttribute(name, hash: hash, foldingCase: foldingCase)
    }

    /// The names of which `classifyAttribute` knows something.
    static var attributeHashes: [WordHash] { table.attributeHashes }

    private static let table = BuiltinFunctionTable(entries: builtinFunctionNames)
}
