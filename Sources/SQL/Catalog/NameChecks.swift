// Which names in a text need to be looked up?

/// What a reader is to look at, in one word: most texts contain nothing of it, and pay for one test.
struct NameChecks: OptionSet {
    let rawValue: UInt16

    /// The catalog is known.
    static let catalog = NameChecks(rawValue: 1 << 0)
    /// Relations, types and attributes, some of which object.
    static let names = NameChecks(rawValue: 1 << 1)
    static let operators = NameChecks(rawValue: 1 << 2)
    /// Types where the place tells them from relations.
    static let compoundTypes = NameChecks(rawValue: 1 << 3)
    /// A relation or type that objects has a name that is not compared byte by byte: with other characters than ASCII,
    /// which the client's encoding may write otherwise, with a quote, or as long as names that were cut.
    static let oddNames = NameChecks(rawValue: 1 << 4)
    /// Any name behind a dot.
    static let attributes = NameChecks(rawValue: 1 << 5)
    /// Words before the parentheses of constructs: a function that objects has such a name.
    static let words = NameChecks(rawValue: 1 << 6)
    /// The catalog may have changed since.
    static let outdated = NameChecks(rawValue: 1 << 7)

    /// Types, for brackets behind them.
    static let arrayTypes = NameChecks(rawValue: 1 << 8)

    /// Strings, because of the types before them.
    static let literals: NameChecks = [.compoundTypes, .outdated]

    init(rawValue: UInt16) { self.rawValue = rawValue }

    init(
        _ indexes: Knowledge.Indexes, odd: (names: Bool, attributes: Bool), isOutdated: Bool, hasWordFunctions: Bool
    ) {
        self = .catalog
        let attributes = !indexes.attributes.isEmpty || !indexes.valueAttributes.isEmpty
        let hasTypes = !indexes.compoundTypes.isEmpty || !indexes.castTypes.isEmpty || !indexes.arrayTypes.isEmpty
        if attributes || !indexes.objections.isEmpty || hasTypes { insert(.names) }
        if !indexes.operators.isEmpty || isOutdated { insert(.operators) }
        if hasTypes { insert(.compoundTypes) }
        if !indexes.arrayTypes.isEmpty { insert(.arrayTypes) }
        if odd.names { insert(.oddNames) }
        if odd.attributes || isOutdated { insert(.attributes) }
        if hasWordFunctions || isOutdated { insert(.words) }
        if isOutdated { insert(.outdated) }
    }
}
