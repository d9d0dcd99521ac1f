// Which objects reach one that objects to a replica, over any number of steps?

/// The objects of a catalog and the names they bear, and who uses whom. A name stands for all objects that bear it, and
/// is as bad as the worst of them.
struct CatalogGraph: Sendable {
    enum Kind: UInt8, Sendable {
        case function, relation, type, operation, cast
        /// What comparisons and implicit casts call.
        case implicit
        /// Any type that the text does not name.
        case unnamedType
        /// Values in columns of a type. What would write is left out, since a standby refuses that.
        case columnValue
        case functionName, relationName, typeName, compoundTypeName, operatorName
        /// Of types that are made by casts, and of types of which arrays are.
        case castTypeName, arrayTypeName
        /// Of functions that can be called as `value.name`, the value being a row of a relation; or any other.
        case attributeName, valueAttributeName

        /// The rule by which an object objects that only uses another one; nil: the used one's.
        var derivedReason: StaticReason? {
            switch self {
            case .function: .reachingFunction
            case .relation: .reachingRelation
            case .type, .cast, .unnamedType, .columnValue: .reachingType
            case .operation: .reachingOperator
            case .implicit: .implicitCall
            case .functionName, .relationName, .typeName, .compoundTypeName, .operatorName, .castTypeName,
                .arrayTypeName, .attributeName, .valueAttributeName:
                nil
            }
        }
    }

    /// Where a name's words stand.
    struct Place: Sendable {
        var words: UInt32
        var nameLength: UInt8
        var schemaLength: UInt8
        var hash: UInt64
    }

    struct Edge: Sendable {
        var used: Int32
        var user: Int32
    }

    /// The node that stands for all types, the third to be added.
    static let unnamedType: Int32 = 2

    private(set) var kinds: [Kind] = []
    private var verdicts: [UInt16] = []
    private var edges: [Edge] = []
    /// The words of all names; the first is none, so that no place is zero.
    private(set) var words: [UInt64] = [0]
    /// Of the nodes that are names, by node.
    private(set) var places: [Int32: Place] = [:]
    /// The nodes that are names, by kind and hash.
    private(set) var names: [UInt64: Int32] = [:]

    mutating func add(_ kind: Kind, _ verdict: CatalogVerdict = CatalogVerdict()) -> Int32 {
        kinds.append(kind)
        verdicts.append(verdict.bits)
        return Int32(kinds.count - 1)
    }

    func verdict(_ node: Int32) -> CatalogVerdict { CatalogVerdict(bits: verdicts[Int(node)]) }

    /// Makes the object at least as bad as that.
    mutating func raise(_ node: Int32, _ verdict: CatalogVerdict) {
        if verdict.level > self.verdict(node).level { verdicts[Int(node)] = verdict.bits }
    }

    mutating func connect(user: Int32, used: Int32) {
        if user != used { edges.append(Edge(used: used, user: user)) }
    }

    // MARK: Names

    static func key(_ kind: Kind, _ hash: UInt64) -> UInt64 {
        hash ^ UInt64(kind.rawValue) &* 0xD6E8_FEB8_6659_FD93
    }

    /// Keeps the words of a name and, behind them, of its schema.
    mutating func store(_ name: Span<UInt8>, schema: Span<UInt8>) -> UInt32 {
        let place = UInt32(words.count)
        for number in 0..<NameWords.count(of: name) {
            words.append(NameWords.word(number, of: name, foldingCase: false))
        }
        for number in 0..<NameWords.count(of: schema) {
            words.append(NameWords.word(number, of: schema, foldingCase: false))
        }
        return place
    }

    /// The node of a name, made at its first use; the object is one of those it stands for.
    @discardableResult
    mutating func name(
        _ object: Int32, _ kind: Kind, _ name: Span<UInt8>, schema: Span<UInt8>, storedAt place: UInt32
    ) -> Int32 {
        let hash = NameIndex.hash(name, schema: schema, folds: (false, false))
        let key = Self.key(kind, hash)
        let node: Int32
        if let known = names[key] {
            node = known
        } else {
            node = add(kind)
            names[key] = node
            places[node] = Place(
                words: place, nameLength: UInt8(name.count), schemaLength: UInt8(schema.count), hash: hash)
        }
        connect(user: node, used: object)
        return node
    }

    // MARK: Closure

    /// Passes each objection on to whoever uses its object.
    mutating func close() {
        let users = usersByUsed()
        var waiting = kinds.indices.filter { verdict(Int32($0)).level > .harmless }.map { Int32($0) }
        // Levels only rise, and there are few of them, so each node waits only a few times.
        while let node = waiting.popLast() {
            let verdict = verdict(node)
            for position in users.starts[Int(node)]..<users.starts[Int(node) + 1] {
                let user = users.nodes[Int(position)]
                guard self.verdict(user).level < verdict.level else { continue }
                if verdict.level == .write, kinds[Int(user)] == .columnValue { continue }
                let reason = kinds[Int(user)].derivedReason ?? verdict.reason
                verdicts[Int(user)] = CatalogVerdict(verdict.level, reason).bits
                waiting.append(user)
            }
        }
    }

    /// For each node where its users begin in one list.
    private func usersByUsed() -> (starts: [Int32], nodes: [Int32]) {
        var starts = [Int32](repeating: 0, count: kinds.count + 1)
        for edge in edges { starts[Int(edge.used) + 1] += 1 }
        for index in 1..<starts.count { starts[index] += starts[index - 1] }
        var next = starts
        var nodes = [Int32](repeating: 0, count: edges.count)
        for edge in edges {
            nodes[Int(next[Int(edge.used)])] = edge.user
            next[Int(edge.used)] += 1
        }
        return (starts, nodes)
    }
}
