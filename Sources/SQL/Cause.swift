// Which rule decided what a statement is, and which bytes of its text made it decide so?

/// Why a text got its class: the strongest rule that applied, and where.
public struct Cause: Equatable, Sendable {
    /// The kind of knowledge that decided.
    public enum Source: UInt8, Sendable {
        case grammar, builtinFunction, unknownFunction, relation, setting, catalog, unreadable

        /// Where the rule comes from, in the words of the documentation.
        public var name: String {
            switch self {
            case .grammar: "grammar"
            case .builtinFunction, .relation: "built-in table"
            case .unknownFunction: "no knowledge of the function"
            case .setting: "name of a setting"
            case .catalog: "catalog"
            case .unreadable: "text that cannot be read"
            }
        }

        /// Whether the rule is about an object that has a name.
        public var isAboutObject: Bool {
            switch self {
            case .builtinFunction, .unknownFunction, .relation, .setting, .catalog: true
            case .grammar, .unreadable: false
            }
        }
    }

    public var source: Source
    /// The bytes that decided; empty when nothing objected.
    public var token: Range<Int32>
    public var note: StaticReason

    public init(source: Source, token: Range<Int32>, note: StaticReason) {
        self.source = source
        self.token = token
        self.note = note
    }

    /// `token` in the text's own indices.
    public var tokenRange: Range<Int> {
        Int(token.lowerBound)..<Int(token.upperBound)
    }
}

/// The rules by name, each with a sentence for people.
public enum StaticReason: UInt8, Sendable, CaseIterable {
    case empty, readsOnly
    case transaction, savepoint, setting, localSetting, discard, listen, load, sqlPrepare, sqlExecute, deallocate
    case heldCursor, cursor, temporaryObject, settingsView
    case dataModification, selectInto, definition, maintenance, copyFrom, copyToFile, notification, anonymousCode, call
    case tableLock, rowLock
    case writingFunction, unknownFunction, sqlFromText, administration
    case nodeFunction, nodeRelation, nodeSetting, dynamicSetting, snapshot, obscuredName
    case advisoryLock, advisoryUnlock, seed, functionSetting, functionLocalSetting, sequenceMemory
    case volatileFunction, reachingFunction, opaqueFunction, attributeCall
    case reachingRelation, unloggedTable, foreignTable, sequenceRelation
    case reachingOperator, reachingType, implicitCall, outdatedKnowledge
    case routerSetting, routeExplanation
    case nestedTooDeep, unbalanced, unterminated, encoding, unknownStatement

    /// The rule as one sentence.
    public var sentence: String {
        switch self {
        case .empty: "There is no statement."
        case .readsOnly: "Nothing in the text objects to a replica."
        case .transaction: "Transaction control belongs to the session."
        case .savepoint: "A savepoint belongs to its transaction."
        case .setting: "A session setting changes."
        case .localSetting: "A setting changes until the end of the transaction."
        case .discard: "Session state is discarded."
        case .listen: "Notifications arrive on one server only."
        case .load: "LOAD changes one server process."
        case .sqlPrepare: "PREPARE leaves a statement in the session."
        case .sqlExecute: "EXECUTE runs a statement that the text does not show."
        case .deallocate: "DEALLOCATE changes the session's prepared statements."
        case .heldCursor: "A cursor WITH HOLD stays in the session."
        case .cursor: "A cursor lives in its transaction."
        case .temporaryObject: "A temporary object stays in the session."
        case .settingsView: "A write to pg_settings changes the session."
        case .dataModification: "The statement modifies data."
        case .selectInto: "SELECT INTO creates a table."
        case .definition: "The statement changes definitions."
        case .maintenance: "Maintenance runs on the primary."
        case .copyFrom: "COPY FROM writes."
        case .copyToFile: "COPY writes to a file or program of the server."
        case .notification: "NOTIFY needs the primary."
        case .anonymousCode: "A DO block may do anything."
        case .call: "A procedure may do anything."
        case .tableLock: "LOCK needs the primary."
        case .rowLock: "Row locks need the primary."
        case .writingFunction: "The function may write."
        case .unknownFunction: "The function is not known to be safe."
        case .sqlFromText: "The function runs SQL given as text."
        case .administration: "The function administers its node."
        case .nodeFunction: "The function describes its node or backend, or must not be balanced."
        case .nodeRelation: "The relation describes its node."
        case .nodeSetting: "The setting describes its node."
        case .routerSetting: "The setting is the router's own."
        case .routeExplanation: "EXPLAIN ROUTE asks the router."
        case .dynamicSetting: "The name of the setting is not a literal."
        case .snapshot: "A snapshot belongs to the node that exported it."
        case .obscuredName: "The name is written with Unicode escapes."
        case .advisoryLock: "Advisory locks exclude nobody on other nodes."
        case .advisoryUnlock: "An advisory lock of the session is released."
        case .seed: "The random seed stays in the session."
        case .functionSetting: "set_config changes the session."
        case .functionLocalSetting: "set_config changes a setting until the end of the transaction."
        case .sequenceMemory: "currval and lastval are remembered by one server only."
        case .volatileFunction: "The function is declared VOLATILE in the database."
        case .reachingFunction: "The function is not VOLATILE, but calls or reads what objects to a replica."
        case .opaqueFunction: "The function is not VOLATILE, but its code cannot be read."
        case .attributeCall: "The name behind the dot may call a function that objects to a replica."
        case .reachingRelation: "The relation, or a policy on it, reaches what objects to a replica."
        case .unloggedTable: "An unlogged table has no data on a replica."
        case .foreignTable: "A foreign table is read through the primary."
        case .sequenceRelation: "A replica is ahead of the primary in what it says of a sequence."
        case .reachingOperator: "The operator calls a function that objects to a replica."
        case .reachingType: "A cast to the type, or a check of it, calls a function that objects to a replica."
        case .implicitCall: "A comparison or an implicit cast may call a function that objects to a replica."
        case .outdatedKnowledge: "The catalog has changed and is being read again."
        case .nestedTooDeep: "Parentheses are nested too deeply to be read."
        case .unbalanced: "Parentheses do not match."
        case .unterminated: "A quote or comment does not end, or a byte has no meaning."
        case .encoding: "The client's encoding cannot be read byte by byte."
        case .unknownStatement: "The statement is not understood."
        }
    }
}
