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
        let unnamed: Unnamed
        let odd: (names: Bool, attributes: Bool)
        let checks: NameChecks

        init(
            generation: UInt64, storage: [UInt64], indexes: Indexes, filter: NameFilter, unnamed: Unnamed,
            odd: (names: Bool, attributes: Bool), isOutdated: Bool
        ) {
            self.generation = generation
            self.isOutdated = isOutdated
            self.storage = storage
            self.indexes = indexes
            self.filter = filter
            self.unnamed = unnamed
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
        /// Types to which a cast objects.
        var castTypes = NameIndex.none
        /// The same of types to arrays of which a cast does.
        var arrayTypes = NameIndex.none
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

    /// The worst of what happens without being named.
    struct Unnamed: Sendable {
        /// What comparisons and implicit casts call.
        var implicitCalls = CatalogVerdict()
        /// What a write may set off: triggers, rules, defaults, checks.
        var firedCalls = CatalogVerdict()
        /// What becoming a value of some type calls.
        var typeInput = CatalogVerdict()
    }

    private let content: Content

    init(
        generation: UInt64, storage: [UInt64], indexes: Indexes, filter: NameFilter, unnamed: Unnamed,
        odd: (names: Bool, attributes: Bool), isOutdated: Bool = false
    ) {
        content = Content(
            generation: generation, storage: storage, indexes: indexes, filter: filter, unnamed: unnamed, odd: odd,
            isOutdated: isOutdated)
    }

    /// What a reader has that knows of no catalog.
    static let nothing = Knowledge(
        generation: 0, storage: [], indexes: Indexes(), filter: NameFilter([], in: []), unnamed: Unnamed(),
        odd: (false, false))

    /// The same knowledge while the catalog is being read again: user functions and views count as writes, and tables
    /// where those may have changed, too.
    public func outdated(generation: UInt64, trustsTables: Bool = true) -> Knowledge {
        var indexes = content.indexes
        if !trustsTables { indexes.tables = .none }
        return Knowledge(
            generation: generation, storage: content.storage, indexes: indexes, filter: content.filter,
            unnamed: content.unnamed, odd: content.odd, isOutdated: true)
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

    /// What comparisons and implicit casts call.
    var implicitCalls: CatalogVerdict { content.unnamed.implicitCalls }

    /// What becoming a value of a type calls that the text does not name.
    var typeInput: CatalogVerdict { content.unnamed.typeInput }
    /// Some type objects to a replica, so that a table with a column of it would, too.
    var hasObjectingTypes: Bool { typeInput.level > .harmless }
    /// Some cast does, to which the type of a new table's rows may lead.
    var hasObjectingCasts: Bool { !content.indexes.castTypes.isEmpty }

    /// A write may leave something in the session that its text does not show.
    var writesLeaveState: Bool { isOutdated || content.unnamed.firedCalls.level >= .inspectable }

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

    /// The verdict on casts to a type.
    func castType(
        _ name: Span<UInt8>, schema: Span<UInt8>, folds: (name: Bool, schema: Bool)
    ) -> CatalogVerdict? {
        content.indexes.castTypes.lookup(name, schema: schema, folds: folds, in: content.storage)
    }

    /// The same for arrays of a type.
    func arrayType(
        _ name: Span<UInt8>, schema: Span<UInt8>, folds: (name: Bool, schema: Bool)
    ) -> CatalogVerdict? {
        content.indexes.arrayTypes.lookup(name, schema: schema, folds: folds, in: content.storage)
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
