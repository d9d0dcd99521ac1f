// What does a database's catalog say about the names in a statement?

/// Catalog knowledge about one database: an immutable snapshot, shared by all workers.
///
/// It answers by name, because that is all that a text shows: `search_path` is not resolved, so a name without a schema
/// stands for the worst object of that name in any schema. Names are compared byte by byte; the storage of all of them
/// is one array.
public struct Knowledge: Sendable {
    /// On the heap, so that handing a snapshot on costs a reference.
    private final class Content: Sendable {
        let generation: UInt64
        let isOutdated: Bool
        let storage: [UInt64]
        let indexes: Indexes
        /// Says of most names, by their length and their first bytes, that nothing of the kind objects.
        let filter: NameFilter
        let implicitCalls: CatalogVerdict
        /// The worst of what a write may set off: triggers, rules, defaults, checks.
        let firedCalls: CatalogVerdict
        let odd: (names: Bool, attributes: Bool)
        let checks: NameChecks

        init(
            generation: UInt64, storage: [UInt64], indexes: Indexes, filter: NameFilter,
            implicitCalls: CatalogVerdict, firedCalls: CatalogVerdict, odd: (names: Bool, attributes: Bool),
            isOutdated: Bool
        ) {
            self.generation = generation
            self.isOutdated = isOutdated
            self.storage = storage
            self.indexes = indexes
            self.filter = filter
            self.implicitCalls = implicitCalls
            self.firedCalls = firedCalls
            self.odd = odd
            checks = NameChecks(indexes, odd: odd, isOutdated: isOutdated, hasWordFunctions: indexes.haveWords(storage))
        }
    }

    struct Indexes: Sendable {
        /// Functions, with and without their schema, whatever their level.
        var functions = NameIndex.none
        /// Relations and types that object to a replica.
        var objections = NameIndex.none
        /// Functions that object and can be called as `value.name`, the value being a row of a relation.
        var attributes = NameIndex.none
        /// The same for any other value, and types that object.
        var valueAttributes = NameIndex.none
        /// Operators that object.
        var operators = NameIndex.none
        /// Types with parts, rows of relations among them, that object.
        var compoundTypes = NameIndex.none
        /// Tables that do not object.
        var tables = NameIndex.none

        /// Whether a function that objects has the name of a word before whose parentheses the grammar may see no call.
        func haveWords(_ storage: [UInt64]) -> Bool {
            KeywordList.mayBeFunctions.contains { word in
                let name = Array(word.utf8)
                let verdict = functions.lookup(
                    name.span, schema: name.span.extracting(0..<0), folds: (false, false), in: storage)
                return verdict.map { $0.level > .harmless } ?? false
            }
        }
    }

    private let content: Content

    init(
        generation: UInt64, storage: [UInt64], indexes: Indexes, filter: NameFilter, implicitCalls: CatalogVerdict,
        firedCalls: CatalogVerdict, odd: (names: Bool, attributes: Bool), isOutdated: Bool = false
    ) {
        content = Content(
            generation: generation, storage: storage, indexes: indexes, filter: filter, implicitCalls: implicitCalls,
            firedCalls: firedCalls, odd: odd, isOutdated: isOutdated)
    }

    /// What a reader has that knows of no catalog.
    static let nothing = Knowledge(
        generation: 0, storage: [], indexes: Indexes(), filter: NameFilter([], in: []), implicitCalls: CatalogVerdict(),
        firedCalls: CatalogVerdict(), odd: (false, false))

    /// The same knowledge while the catalog is being read again: user functions and views count as writes.
    public func outdated(generation: UInt64) -> Knowledge {
        Knowledge(
            generation: generation, storage: content.storage, indexes: content.indexes, filter: content.filter,
            implicitCalls: content.implicitCalls, firedCalls: content.firedCalls,
            odd: content.odd, isOutdated: true)
    }

    /// Tells snapshots apart, over all databases of the process; never 0.
    public var generation: UInt64 { content.generation }

    /// The catalog may have changed since: what was harmless may no longer be.
    public var isOutdated: Bool { content.isOutdated }

    /// Bytes of memory that the names take.
    public var byteCount: Int { content.storage.count * MemoryLayout<UInt64>.stride }

    /// How many names of functions are known, with and without their schemas.
    public var functionNameCount: Int { content.indexes.functions.count }

    // MARK: Questions on the path of a query

    /// The worst of what comparisons and implicit casts call.
    var implicitCalls: CatalogVerdict { content.implicitCalls }

    /// A write may leave something in the session that its text does not show.
    var writesLeaveState: Bool { isOutdated || content.firedCalls.level >= .inspectable }

    /// Which names in a text need a look.
    var checks: NameChecks { content.checks }

    /// What `valueAttribute` knows holds a name that is not compared byte by byte, as `NameChecks.oddNames` has it.
    var hasOddAttributes: Bool { content.odd.attributes }

    /// Whether a relation, type or attribute of that name may object.
    @inline(__always)
    func mayObject(_ name: WordHash) -> Bool {
        content.filter.mayContain(name)
    }

    /// - Parameter hash: of the name alone, by `NameWords`.
    func function(
        _ name: Span<UInt8>, hash: UInt64, schema: Span<UInt8>, folds: (name: Bool, schema: Bool)
    ) -> CatalogVerdict? {
        content.indexes.functions.lookup(name, hash: hash, schema: schema, folds: folds, in: content.storage)
    }

    /// The verdict on a relation or type; nil for one that does not object or is not known.
    func objection(
        _ name: Span<UInt8>, schema: Span<UInt8>, folds: (name: Bool, schema: Bool)
    ) -> CatalogVerdict? {
        content.indexes.objections.lookup(name, schema: schema, folds: folds, in: content.storage)
    }

    /// The same for a type with parts.
    func compoundType(
        _ name: Span<UInt8>, schema: Span<UInt8>, folds: (name: Bool, schema: Bool)
    ) -> CatalogVerdict? {
        content.indexes.compoundTypes.lookup(name, schema: schema, folds: folds, in: content.storage)
    }

    func isTable(_ name: Span<UInt8>, schema: Span<UInt8>, folds: (name: Bool, schema: Bool)) -> Bool {
        content.indexes.tables.lookup(name, schema: schema, folds: folds, in: content.storage) != nil
    }

    /// - Parameter hash: of the name, by `NameWords`.
    func attribute(_ name: Span<UInt8>, hash: UInt64, folds: Bool) -> CatalogVerdict? {
        content.indexes.attributes.lookup(
            name, hash: hash, schema: name.extracting(0..<0), folds: (folds, false), in: content.storage)
    }

    /// - Parameter hash: of the name, by `NameWords`.
    func valueAttribute(_ name: Span<UInt8>, hash: UInt64, folds: Bool) -> CatalogVerdict? {
        content.indexes.valueAttributes.lookup(
            name, hash: hash, schema: name.extracting(0..<0), folds: (folds, false), in: content.storage)
    }

    func operation(_ symbol: Span<UInt8>) -> CatalogVerdict? {
        content.indexes.operators.lookup(
            symbol, schema: symbol.extracting(0..<0), folds: (false, false), in: content.storage)
    }
}
