// How is a function name found among three thousand without allocating?

/// An open-addressing hash table over the bytes of all names, filled once from the generated text.
struct BuiltinFunctionTable: Sendable {
    /// All names, one after another, without separators.
    private var names: [UInt8] = []
    /// Each used slot packs where a name stands, how long it is, and its class; zero is an empty slot.
    private var slots: [UInt32]

    /// Twice the number of names at least, so that a search that finds nothing ends after a step or two.
    private static let slotBits = 13
    /// PostgreSQL cuts identifiers to 63 bytes; no built-in has a name that long.
    private static let longestName = 63
    private static let lengthShift: UInt32 = 20
    private static let classShift: UInt32 = 26

    /// - Parameter entries: the names of each class, separated by blanks.
    init(entries: [(FunctionClass, String)]) {
        slots = [UInt32](repeating: 0, count: 1 << Self.slotBits)
        var used = 0
        for (functionClass, text) in entries {
            for name in text.utf8.split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }) {
                insert(Array(name), functionClass)
                used += 1
            }
        }
        precondition(used * 2 <= slots.count, "The table of built-in functions needs another slot bit.")
    }

    /// The class of a name; `unknown` when it is not in the table.
    func lookup(_ name: Span<UInt8>, foldingCase: Bool) -> FunctionClass {
        guard !name.isEmpty, name.count <= Self.longestName else { return .unknown }
        let mask: UInt8 = foldingCase ? 0x20 : 0
        var index = Self.slot(of: name, caseMask: mask)
        while slots[index] != 0 {
            let slot = slots[index]
            if matches(slot, name, caseMask: mask) {
                return FunctionClass(rawValue: UInt8(truncatingIfNeeded: slot >> Self.classShift)) ?? .unknown
            }
            index = (index + 1) & (slots.count - 1)
        }
        return .unknown
    }

    private mutating func insert(_ name: [UInt8], _ functionClass: FunctionClass) {
        precondition(!name.isEmpty && name.count <= Self.longestName, "A built-in function's name has 1 to 63 bytes.")
        var index = Self.slot(of: name.span, caseMask: 0)
        while slots[index] != 0 { index = (index + 1) & (slots.count - 1) }
        slots[index] =
            UInt32(names.count) | UInt32(name.count) << Self.lengthShift
            | UInt32(functionClass.rawValue) << Self.classShift
        names.append(contentsOf: name)
        precondition(names.count < 1 << Self.lengthShift, "The names of the built-in functions outgrew their field.")
    }

    private func matches(_ slot: UInt32, _ name: Span<UInt8>, caseMask: UInt8) -> Bool {
        guard Int(slot >> Self.lengthShift & 0x3F) == name.count else { return false }
        let start = Int(slot & (1 << Self.lengthShift - 1))
        for offset in 0..<name.count
        where names[start + offset] != Self.folded(name[offset], caseMask) {
            return false
        }
        return true
    }

    /// Where the search for a name starts: a rotating hash, spread by one multiplication.
    private static func slot(of name: Span<UInt8>, caseMask: UInt8) -> Int {
        var hash = UInt64(truncatingIfNeeded: name.count)
        for offset in 0..<name.count {
            hash = (hash << 5 | hash >> 59) ^ UInt64(folded(name[offset], caseMask))
        }
        return Int(truncatingIfNeeded: (hash &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - slotBits))
    }

    /// PostgreSQL folds unquoted identifiers so, as far as ASCII goes; no built-in's name has other bytes.
    private static func folded(_ byte: UInt8, _ caseMask: UInt8) -> UInt8 {
        byte &- UInt8(ascii: "A") < 26 ? byte | caseMask : byte
    }
}
