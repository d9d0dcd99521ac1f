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
        let hasOddNames: Bool

        init(
            generation: UInt64, storage: [UInt64], indexes: Indexes, filter: NameFilter,
            implicitCalls: CatalogVerdict, firedCalls: CatalogVerdict, hasOddNames: Bool, isOutdated: Bool
        ) {
            self.generation = generation
            self.isOutdated = isOutdated
            self.storage = storage
            self.indexes = indexes
            self.filter = filter
            self.implicitCalls = implicitCalls
            self.firedCalls = firedCalls
            self.hasOddNames = hasOddNames
        }
    }

    struct Indexes: Sendable {
        /// Functions, with and without their schema, whatever their level.
        var functions = NameIndex.none
        /// Relations and types that object to a replica.
        var objections = NameIndex.none
        /// Functions that object and can be called as `value.name`.
        var attributes = NameIndex.none
        /// Operators that object.
        var operators = NameIndex.none
        /// Tables that do not object.
        var tables = NameIndex.none
    }

    private let content: Content

    init(
        generation: UInt64, storage: [UInt64], indexes: Indexes, filter: NameFilter, implicitCalls: CatalogVerdict,
        firedCalls: CatalogVerdict, hasOddNames: Bool, isOutdated: Bool = false
    ) {
        content = Content(
            generation: generation, storage: storage, indexes: indexes, filter: filter, implicitCalls: implicitCalls,
            firedCalls: firedCalls, hasOddNames: hasOddNames, isOutdated: isOutdated)
    }

    /// What a reader has that knows of no catalog.
    static let nothing = Knowledge(
        generation: 0, storage: [], indexes: Indexes(), filter: NameFilter([], in: []), implicitCalls: CatalogVerdict(),
        firedCalls: CatalogVerdict(), hasOddNames: false)

    /// The same knowledge while the catalog is being read again: user functions and views count as writes.
    public func outdated(generation: UInt64) -> Knowledge {
        Knowledge(
            generation: generation, storage: content.storage, indexes: content.indexes, filter: content.filter,
            implicitCalls: content.implicitCalls, firedCalls: content.firedCalls, hasOddNames: content.hasOddNames,
            isOutdated: true)
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

    /// A relation or type that objects has a name that is not compared byte by byte: with other characters than ASCII,
    /// which the client's encoding may write otherwise, with a quote, or as long as names that were cut.
    var hasOddNames: Bool { content.hasOddNames }

    /// A write may leave something in the session that its text does not show.
    var writesLeaveState: Bool { isOutdated || content.firedCalls.level >= .inspectable }

    var hasObjections: Bool { !content.indexes.objections.isEmpty }
    var hasAttributes: Bool { !content.indexes.attributes.isEmpty }
    var hasOperators: Bool { !content.indexes.operators.isEmpty }

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

    func isTable(_ name: Span<UInt8>, schema: Span<UInt8>, folds: (name: Bool, schema: Bool)) -> Bool {
        content.indexes.tables.lookup(name, schema: schema, folds: folds, in: content.storage) != nil
    }

    func attribute(_ name: Span<UInt8>, folds: Bool) -> CatalogVerdict? {
        content.indexes.attributes.lookup(
            name, schema: name.extracting(0..<0), folds: (folds, false), in: content.storage)
    }

    func operation(_ symbol: Span<UInt8>) -> CatalogVerdict? {
        content.indexes.operators.lookup(
            symbol, schema: symbol.extracting(0..<0), folds: (false, false), in: content.storage)
    }
}
