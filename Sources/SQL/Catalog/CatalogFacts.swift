// What was read of a database's catalog, and what follows from it?

/// An object of the catalog by its number.
public struct CatalogObject: Hashable, Sendable {
    public enum Kind: UInt8, Sendable {
        case function, relation, type, operation, cast
        /// What an explicit cast to a type calls; of a type with parts, casts to those, too.
        case castTarget
        /// What PostgreSQL calls without being told to: support functions of operator classes.
        case implicit
    }

    public var kind: Kind
    /// For `implicit`: 0 stands for what comparisons and casts call, 1 for what a write sets off, 2 for what becoming a
    /// value of a type calls that is not named.
    public var oid: UInt32

    public init(_ kind: Kind, _ oid: UInt32) {
        self.kind = kind
        self.oid = oid
    }
}

/// A function that users or extensions have defined; `body` comes later, for those that need to be read.
public struct FunctionFact: Sendable {
    public var oid: UInt32
    public var schema: String
    public var name: String
    public var isVolatile: Bool
    public var language: String
    /// Of a function in C: the library and the name in it.
    public var library: String
    public var symbol: String
    public var argument: SoleArgument

    /// Of which type a value may be that is all that the function is called with, so that `value.name` calls it.
    public enum SoleArgument: Sendable {
        /// It needs none, or more.
        case none
        case scalar
        /// A composite type, or one that stands for any, or a domain.
        case composite
    }

    public init(
        oid: UInt32, schema: String, name: String, isVolatile: Bool, language: String, argument: SoleArgument,
        library: String = "", symbol: String = ""
    ) {
        self.oid = oid
        self.schema = schema
        self.name = name
        self.isVolatile = isVolatile
        self.language = language
        self.argument = argument
        self.library = library
        self.symbol = symbol
    }
}

/// How a relation is stored.
public enum RelationStorage: Sendable {
    case table, view, foreign, unlogged, sequence
}

/// The facts of one reading of a catalog, in this order: objects, bodies and uses, and then the question.
///
/// Objects that come with PostgreSQL are no objects here: of a use of one, its name is told.
public struct CatalogFacts: Sendable {
    var graph = CatalogGraph()
    private var nodes: [CatalogObject: Int32] = [:]
    /// Of types of columns: the nodes that stand for the values in those.
    private var columnValues: [UInt32: Int32] = [:]
    /// Names of relations of which one is no table.
    private var viewNames: Set<Int32> = []
    /// Targets of casts whose names were told.
    private var namedTargets: Set<UInt32> = []
    /// Functions that are VOLATILE and whose bodies have not been told.
    private var unreadVolatile: Set<UInt32> = []

    /// No object.
    public init() {
        nodes[CatalogObject(.implicit, 0)] = graph.add(.implicit)
        nodes[CatalogObject(.implicit, 1)] = graph.add(.implicit)
        nodes[CatalogObject(.implicit, 2)] = graph.add(.unnamedType)
    }

    /// How many objects there are.
    public var objectCount: Int { nodes.count }

    // MARK: Objects

    public mutating func add(_ fact: FunctionFact) {
        var verdict = CatalogVerdict()
        if fact.isVolatile, fact.language == "sql" || fact.language == "plpgsql" {
            // What it leaves behind is not known before its body is.
            verdict = CatalogVerdict(.write, .volatileFunction)
            unreadVolatile.insert(fact.oid)
        } else if fact.isVolatile {
            verdict = CLibraries.volatileVerdict(fact)
        } else if !Self.readableLanguages.contains(fact.language) {
            verdict = CatalogVerdict(.hiddenCode, .opaqueFunction)
        } else if CLibraries.changesSession(fact) {
            verdict = CatalogVerdict(.hiddenCode, .opaqueFunction)
        } else if CLibraries.runsGivenText(fact) {
            verdict = CatalogVerdict(.hiddenCode, .sqlFromText)
        }
        let node = add(CatalogObject(.function, fact.oid), .function, verdict)
        let name = Array(fact.name.utf8)
        bear(node, .functionName, name, Array(fact.schema.utf8))
        switch fact.argument {
        case .none: break
        case .scalar: bear(node, .valueAttributeName, name, [])
        case .composite: bear(node, .attributeName, name, [])
        }
    }

    /// Languages whose code can be read here, or is trusted to be what it is declared to be: C.
    private static let readableLanguages: Set<String> = ["sql", "plpgsql", "c", "internal"]
    public mutating func addRelation(_ oid: UInt32, schema: String, name: String, _ storage: RelationStorage) {
        let verdict: CatalogVerdict =
            switch storage {
            case .table, .view: CatalogVerdict()
            case .foreign: CatalogVerdict(.primaryOnly, .foreignTable)
            case .unlogged: CatalogVerdict(.primaryOnly, .unloggedTable)
            case .sequence: CatalogVerdict(.primaryOnly, .sequenceRelation)
            }
        let node = add(CatalogObject(.relation, oid), .relation, verdict)
        for bearer in bear(node, .relationName, Array(name.utf8), Array(schema.utf8)) where storage == .view {
            viewNames.insert(bearer)
        }
    }

    /// A domain, whose checks run wherever a value is cast to it.
    public mutating func addDomain(_ oid: UInt32, schema: String, name: String) {
        let node = addType(oid)
        bear(node, .typeName, Array(name.utf8), Array(schema.utf8))
        // The name of its array type.
        bear(node, .typeName, Array("_\(name)".utf8), Array(schema.utf8))
        // `value.name` is a cast, too.
        bear(node, .valueAttributeName, Array(name.utf8), [])
        bear(node, .valueAttributeName, Array("_\(name)".utf8), [])
    }

    /// A type with parts that may be values of a domain: a composite type, the rows of a relation, a range. As many
    /// relations bear the names of such types, these count only where a type is meant.
    public mutating func addCompoundType(_ oid: UInt32, schema: String, name: String) {
        let node = addType(oid)
        for name in [name, "_\(name)"] {
            bear(node, .compoundTypeName, Array(name.utf8), Array(schema.utf8))
            bear(node, .valueAttributeName, Array(name.utf8), [])
        }
    }

    private mutating func addType(_ oid: UInt32) -> Int32 {
        let object = CatalogObject(.type, oid)
        let node = add(object, .type, CatalogVerdict())
        connect(CatalogObject(.implicit, 2), to: object)
        return node
    }

    public mutating func addOperator(_ oid: UInt32, symbol: String) {
        let node = add(CatalogObject(.operation, oid), .operation, CatalogVerdict())
        bear(node, .operatorName, Array(symbol.utf8), [])
        // IN, BETWEEN, LIKE, DISTINCT, ORDER BY and USING call these without naming them.
        if Self.unnamedOperators.contains(symbol) {
            connect(CatalogObject(.implicit, 0), to: CatalogObject(.operation, oid))
        }
    }

    private static let unnamedOperators: Set<String> = [
        "=", "<>", "<", ">", "<=", ">=", "~", "!~", "~~", "!~~", "~~*", "!~~*",
    ]

    /// A type that a cast by a function makes, or one with such a type in it: its domains, arrays, composite types. It
    /// counts only where another value than a literal becomes one of the type.
    ///
    /// - Parameter element: the schema and name of its elements' type, if it is an array that a cast makes as a whole.
    public mutating func addCastTarget(
        _ oid: UInt32, schema: String, name: String, element: (schema: String, name: String)? = nil
    ) {
        let node = castTarget(oid)
        if namedTargets.insert(oid).inserted { bear(node, .castTypeName, typeName: name, schema: schema) }
        if let element { bear(node, .arrayTypeName, typeName: element.name, schema: element.schema) }
    }

    /// The first may have values of the second in it.
    public mutating func connectCastTarget(_ whole: UInt32, toPart part: UInt32) {
        graph.connect(user: castTarget(whole), used: castTarget(part))
    }

    private mutating func castTarget(_ oid: UInt32) -> Int32 {
        let object = CatalogObject(.castTarget, oid)
        return nodes[object] ?? add(object, .type, CatalogVerdict())
    }

    private mutating func bear(_ node: Int32, _ kind: CatalogGraph.Kind, typeName name: String, schema: String) {
        bear(node, kind, Array(name.utf8), Array(schema.utf8))
        for spelling in Self.spellings[name] ?? [] { bear(node, kind, Array(spelling.utf8), []) }
    }

    /// A cast by a function.
    public mutating func addCast(_ oid: UInt32, to target: UInt32, isImplicit: Bool) {
        let object = CatalogObject(.cast, oid)
        _ = add(object, .cast, CatalogVerdict())
        if isImplicit { connect(CatalogObject(.implicit, 0), to: object) }
        connect(CatalogObject(.castTarget, target), to: object)
    }

    /// The words of the grammar that stand for types of `pg_catalog`.
    private static let spellings: [String: [String]] = [
        "int2": ["smallint"], "int4": ["int", "integer"], "int8": ["bigint"], "float4": ["real", "float"],
        "float8": ["double", "float"], "numeric": ["decimal", "dec"], "bool": ["boolean"],
        "varchar": ["character", "char", "nchar", "national"], "bpchar": ["character", "char", "nchar", "national"],
        "varbit": ["bit"], "timestamptz": ["timestamp"], "timetz": ["time"],
    ]

    private mutating func add(
        _ object: CatalogObject, _ kind: CatalogGraph.Kind, _ verdict: CatalogVerdict
    ) -> Int32 {
        let node = graph.add(kind, verdict)
        nodes[object] = node
        return node
    }

    /// Gives an object its name, alone and with its schema.
    @discardableResult
    private mutating func bear(
        _ node: Int32, _ kind: CatalogGraph.Kind, _ name: [UInt8], _ schema: [UInt8]
    ) -> [Int32] {
        guard !name.isEmpty, name.count <= NameWords.longestName, schema.count <= NameWords.longestName else {
            // It cannot be looked up; what it may do is feared of every statement.
            connect(user: nodes[CatalogObject(.implicit, 0)], used: node)
            return []
        }
        let place = graph.store(name.span, schema: schema.span)
        let alone = graph.name(node, kind, name.span, schema: name.span.extracting(0..<0), storedAt: place)
        if schema.isEmpty { return [alone] }
        return [alone, graph.name(node, kind, name.span, schema: schema.span, storedAt: place)]
    }

    // MARK: Uses

    /// The first object uses the second.
    public mutating func connect(_ user: CatalogObject, to used: CatalogObject) {
        connect(user: nodes[user], used: nodes[used])
    }

    private mutating func connect(user: Int32?, used: Int32?) {
        if let user, let used { graph.connect(user: user, used: used) }
    }

    /// A relation has a column of a type. A literal beside it may become a value of that type, or an array of such,
    /// without a word about it.
    public mutating func connect(_ user: CatalogObject, toColumnOf type: UInt32) {
        guard let relation = nodes[user], let node = nodes[CatalogObject(.type, type)] else { return }
        let value = columnValues[type] ?? graph.add(.columnValue)
        if columnValues.updateValue(value, forKey: type) == nil { graph.connect(user: value, used: node) }
        graph.connect(user: relation, used: value)
    }

    /// An object calls a function that comes with PostgreSQL.
    public mutating func connect(_ user: CatalogObject, toBuiltinFunction name: String) {
        guard let node = nodes[user] else { return }
        let functionClass = BuiltinFunctions.classify(name: Array(name.utf8).span, quoted: true)
        if functionClass == .typeInput { graph.connect(user: node, used: CatalogGraph.unnamedType) }
        graph.raise(
            node,
            CatalogVerdict(CatalogLevel(functionClass), graph.kinds[Int(node)].derivedReason ?? .reachingFunction))
    }

    /// An object reads a relation that comes with PostgreSQL.
    public mutating func connect(_ user: CatalogObject, toBuiltinRelation name: String) {
        guard let node = nodes[user], PrimaryOnlyRelations.contains(Array(name.utf8).span, foldingCase: false) else {
            return
        }
        graph.raise(node, CatalogVerdict(.primaryOnly, graph.kinds[Int(node)].derivedReason ?? .nodeRelation))
    }

    /// A view locks the rows that it shows.
    public mutating func noteRowLocks(_ user: CatalogObject) {
        guard let node = nodes[user] else { return }
        graph.raise(node, CatalogVerdict(.write, .reachingRelation))
    }

    /// An object reads a setting, whose name is nil if the definition does not show it.
    public mutating func connect(_ user: CatalogObject, toSetting name: [UInt8]?) {
        guard let node = nodes[user] else { return }
        if let name, !SettingName.describesNode(name.span, 0..<name.count) { return }
        graph.raise(
            node, CatalogVerdict(.primaryOnly, graph.kinds[Int(node)].derivedReason ?? .reachingFunction))
    }

    /// The text of a function; nil when there is too much of it. To be told when all objects are known.
    public mutating func addBody(of oid: UInt32, language: String, text: [UInt8]?) {
        guard let node = nodes[CatalogObject(.function, oid)] else { return }
        let isVolatile = unreadVolatile.remove(oid) != nil
        guard let text else {
            return graph.raise(node, CatalogVerdict(.hiddenCode, isVolatile ? .volatileFunction : .opaqueFunction))
        }
        let body = FunctionBody.read(text.span, language: language, names: graph.names)
        graph.raise(node, isVolatile ? body.leftBehind.verdict : CatalogVerdict(body.level, .reachingFunction))
        for name in body.references { graph.connect(user: node, used: name) }
    }

    // MARK: The answer

    /// Whether a cast objects, so that the targets of casts matter, which need to be told before anything else.
    public var hasObjectingCast: Bool {
        guard graph.kinds.contains(.cast) else { return false }
        var facts = self
        facts.close()
        return facts.graph.kinds.indices.contains {
            facts.graph.kinds[$0] == .cast && facts.graph.verdict(Int32($0)).level > .harmless
        }
    }

    private mutating func close() {
        for oid in unreadVolatile {
            guard let node = nodes[CatalogObject(.function, oid)] else { continue }
            graph.raise(node, CatalogVerdict(.hiddenCode, .volatileFunction))
        }
        graph.close()
    }

    /// What follows from all of it.
    public consuming func knowledge(generation: UInt64) -> Knowledge {
        close()
        var entries: [CatalogGraph.Kind: [NameIndex.Entry]] = [:]
        var tables: [NameIndex.Entry] = []
        var storage = graph.words
        var odd = (names: false, attributes: false)
        for (node, place) in graph.places {
            let verdict = graph.verdict(node)
            let kind = graph.kinds[Int(node)]
            let entry = NameIndex.Entry(
                words: place.words, nameLength: place.nameLength, schemaLength: place.schemaLength, hash: place.hash,
                verdict: verdict)
            if kind == .functionName {
                // Under another encoding the bytes may be another function's name.
                if !isOdd(place, withSchema: true) { entries[kind, default: []].append(entry) }
            } else if verdict.level > .harmless {
                // A schema that cannot be compared is left out of account where the name is looked up.
                if isOdd(place, withSchema: false) {
                    if kind == .valueAttributeName { odd.attributes = true } else { odd.names = true }
                }
                entries[kind, default: []].append(entry)
            } else if kind == .relationName, !viewNames.contains(node) {
                tables.append(entry)
            }
        }
        let objections = (entries[.relationName] ?? []) + (entries[.typeName] ?? [])
        let indexes = Knowledge.Indexes(
            functions: NameIndex(entries[.functionName] ?? [], in: &storage),
            objections: NameIndex(objections, in: &storage),
            attributes: NameIndex(entries[.attributeName] ?? [], in: &storage),
            valueAttributes: NameIndex(entries[.valueAttributeName] ?? [], in: &storage),
            operators: NameIndex(entries[.operatorName] ?? [], in: &storage),
            compoundTypes: NameIndex(entries[.compoundTypeName] ?? [], in: &storage),
            castTypes: NameIndex(entries[.castTypeName] ?? [], in: &storage),
            arrayTypes: NameIndex(entries[.arrayTypeName] ?? [], in: &storage),
            tables: NameIndex(tables, in: &storage))
        let attributes = (entries[.attributeName] ?? []) + (entries[.valueAttributeName] ?? [])
        let types = [.compoundTypeName, .castTypeName, .arrayTypeName].flatMap { entries[$0] ?? [] }
        let filter = NameFilter(objections + attributes + types, in: storage)
        return Knowledge(
            generation: generation, storage: storage, indexes: indexes, filter: filter,
            unnamed: Knowledge.Unnamed(
                implicitCalls: verdict(onImplicit: 0), firedCalls: verdict(onImplicit: 1),
                typeInput: verdict(onImplicit: 2)),
            odd: odd)
    }

    private func verdict(onImplicit oid: UInt32) -> CatalogVerdict {
        nodes[CatalogObject(.implicit, oid)].map(graph.verdict) ?? CatalogVerdict()
    }

    /// Whether a name cannot be compared byte by byte with what stands in a text.
    private func isOdd(_ place: CatalogGraph.Place, withSchema: Bool) -> Bool {
        let schemaLength = withSchema ? Int(place.schemaLength) : 0
        if place.nameLength >= NameWords.longestName || schemaLength >= NameWords.longestName { return true }
        let count = (Int(place.nameLength) + 7) / 8 + (schemaLength + 7) / 8
        return graph.words[Int(place.words)..<Int(place.words) + count].contains { word in
            (0..<8).contains { (word >> UInt64($0 * 8)) & 0xFF >= 0x80 || (word >> UInt64($0 * 8)) & 0xFF == 0x22 }
        }
    }
}
