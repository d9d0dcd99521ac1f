// How is one of a hundred thousand names found in a moment, without allocating?

/// One open-addressing hash table in the words of a `Knowledge`.
///
/// A slot packs where the words of a name stand, how many bytes the name and its schema have, and the verdict; zero is
/// an empty slot. The words of the name are followed by those of its schema.
struct NameIndex: Sendable {
    /// A name to be found, its words in place.
    struct Entry {
        var words: UInt32
        var nameLength: UInt8
        /// 0: the name stands for itself, whatever its schema.
        var schemaLength: UInt8
        var hash: UInt64
        var verdict: CatalogVerdict
    }

    private let firstSlot: Int
    private let shift: UInt64
    private let mask: Int
    let count: Int

    private static let nameShift: UInt64 = 32
    private static let schemaShift: UInt64 = 39
    private static let verdictShift: UInt64 = 46

    static let none = NameIndex()

    private init() {
        (firstSlot, shift, mask, count) = (0, 0, 0, 0)
    }

    /// Appends the slots for `entries` to `storage`, which holds their words already. Of equal names the worst verdict
    /// holds.
    init(_ entries: [Entry], in storage: inout [UInt64]) {
        guard !entries.isEmpty else {
            self = .none
            return
        }
        // Twice the number of names at least, so that a search that finds nothing ends after a step or two.
        let bits = 64 - (entries.count * 2).leadingZeroBitCount
        firstSlot = storage.count
        mask = 1 << bits - 1
        shift = UInt64(64 - bits)
        count = entries.count
        storage.append(contentsOf: repeatElement(0, count: 1 << bits))
        for entry in entries { insert(entry, in: &storage) }
    }

    var isEmpty: Bool { count == 0 }

    private func insert(_ entry: Entry, in storage: inout [UInt64]) {
        let place =
            UInt64(entry.words) | UInt64(entry.nameLength) << Self.nameShift
            | UInt64(entry.schemaLength) << Self.schemaShift
        var index = Int(truncatingIfNeeded: entry.hash >> shift)
        while storage[firstSlot + index] != 0 {
            let slot = storage[firstSlot + index]
            if Self.isSameName(slot, place, in: storage) {
                if Self.verdict(of: slot).level >= entry.verdict.level { return }
                break
            }
            index = (index + 1) & mask
        }
        storage[firstSlot + index] = place | UInt64(entry.verdict.bits) << Self.verdictShift
    }

    private static func isSameName(_ left: UInt64, _ right: UInt64, in storage: [UInt64]) -> Bool {
        guard nameLength(left) == nameLength(right), schemaLength(left) == schemaLength(right) else { return false }
        let count = (nameLength(left) + 7) / 8 + (schemaLength(left) + 7) / 8
        let (first, second) = (firstWord(left), firstWord(right))
        return (0..<count).allSatisfy { storage[first + $0] == storage[second + $0] }
    }

    /// The verdict on a name; nil when it is not in the table.
    ///
    /// - Parameters:
    ///   - schema: empty for the name alone.
    ///   - folds: whether the case of the name and of the schema does not matter.
    func lookup(
        _ name: Span<UInt8>, schema: Span<UInt8>, folds: (name: Bool, schema: Bool), in storage: [UInt64]
    ) -> CatalogVerdict? {
        guard count > 0 else { return nil }
        let hash = NameWords.hash(name, foldingCase: folds.name)
        return lookup(name, hash: hash, schema: schema, folds: folds, in: storage)
    }

    /// The same for a name whose hash, without the schema, is known.
    func lookup(
        _ name: Span<UInt8>, hash: UInt64, schema: Span<UInt8>, folds: (name: Bool, schema: Bool), in storage: [UInt64]
    ) -> CatalogVerdict? {
        guard count > 0, !name.isEmpty, name.count <= NameWords.longestName, schema.count <= NameWords.longestName
        else { return nil }
        let hash = Self.hash(hash, schema: schema, folds: folds.schema)
        var index = Int(truncatingIfNeeded: hash >> shift)
        while true {
            let slot = storage[firstSlot &+ index]
            if slot == 0 { return nil }
            if Self.matches(slot, name, schema: schema, folds: folds, in: storage) { return Self.verdict(of: slot) }
            index = (index &+ 1) & mask
        }
    }

    /// The number under which a name is looked for.
    static func hash(_ name: Span<UInt8>, schema: Span<UInt8>, folds: (name: Bool, schema: Bool)) -> UInt64 {
        hash(NameWords.hash(name, foldingCase: folds.name), schema: schema, folds: folds.schema)
    }

    private static func hash(_ hash: UInt64, schema: Span<UInt8>, folds: Bool) -> UInt64 {
        guard !schema.isEmpty else { return hash }
        return (hash ^ NameWords.hash(schema, foldingCase: folds) >> 7) &* 0x9E37_79B9_7F4A_7C15
    }

    private static func matches(
        _ slot: UInt64, _ name: Span<UInt8>, schema: Span<UInt8>, folds: (name: Bool, schema: Bool),
        in storage: [UInt64]
    ) -> Bool {
        guard nameLength(slot) == name.count, schemaLength(slot) == schema.count else { return false }
        var place = firstWord(slot)
        for number in 0..<NameWords.count(of: name) {
            guard storage[place] == NameWords.word(number, of: name, foldingCase: folds.name) else { return false }
            place &+= 1
        }
        for number in 0..<NameWords.count(of: schema) {
            guard storage[place] == NameWords.word(number, of: schema, foldingCase: folds.schema) else { return false }
            place &+= 1
        }
        return true
    }

    private static func firstWord(_ slot: UInt64) -> Int { Int(truncatingIfNeeded: slot & 0xFFFF_FFFF) }

    private static func nameLength(_ slot: UInt64) -> Int { Int(truncatingIfNeeded: slot >> nameShift & 0x7F) }

    private static func schemaLength(_ slot: UInt64) -> Int { Int(truncatingIfNeeded: slot >> schemaShift & 0x7F) }

    private static func verdict(of slot: UInt64) -> CatalogVerdict {
        CatalogVerdict(bits: UInt16(truncatingIfNeeded: slot >> verdictShift))
    }
}

/// A set of bits, one for each length and beginning of the names it is about. Where the bit is not set, no such name
/// needs to be looked for.
struct NameFilter: Sendable {
    private static let bits: UInt32 = 14

    private var words = [UInt64](repeating: 0, count: 1 << Int(Self.bits - 6))

    /// - Parameter storage: holds the words of the names.
    init(_ names: [NameIndex.Entry], in storage: [UInt64]) {
        for name in names {
            let hash = WordHash(unfolded: storage[Int(name.words)], length: Int(name.nameLength))
            let bit = hash.upper(Self.bits)
            words[bit >> 6] |= 1 << UInt64(bit & 63)
        }
    }

    @inline(__always)
    func mayContain(_ name: WordHash) -> Bool {
        let bit = name.upper(Self.bits)
        return words[bit >> 6] & 1 << UInt64(bit & 63) != 0
    }
}
