// How is a function name found among three thousand without allocating?

/// An open-addressing hash table over the bytes of all names, filled once from the generated text.
struct BuiltinFunctionTable: Sendable {
    /// The words of all names, one name after another.
    private var words: [UInt64] = []
    /// Each used slot packs where a name's words stand, how many bytes it has, its class, and whether it can be called
    /// with one argument; zero is an empty slot.
    private var slots: [UInt32]

    /// Twice the number of names at least, so that a search that finds nothing ends after a step or two.
    private static let slotBits = 13
    private static let lengthShift: UInt32 = 20
    private static let classShift: UInt32 = 26
    private static let classMask: UInt32 = 0x1F
    private static let attributeBit: UInt32 = 1 << 31

    /// The names that can be called with one argument.
    private(set) var attributeHashes: [WordHash] = []

    /// - Parameter entries: the names of each class, separated by blanks; those that can be called with one argument
    ///   behind a dot.
    init(entries: [(FunctionClass, String)]) {
        slots = [UInt32](repeating: 0, count: 1 << Self.slotBits)
        var used = 0
        for (functionClass, text) in entries {
            for name in text.utf8.split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }) {
                let isAttribute = name.first == UInt8(ascii: ".")
                insert(Array(isAttribute ? name.dropFirst() : name[...]).span, functionClass, isAttribute)
                used += 1
            }
        }
        precondition(used * 2 <= slots.count, "The table of built-in functions needs another slot bit.")
    }

    /// The class of a name; `unknown` when it is not in the table.
    ///
    /// - Parameter hash: of the name by `NameWords`.
    func lookup(_ name: Span<UInt8>, hash: UInt64, foldingCase: Bool) -> FunctionClass {
        Self.functionClass(slot(name, hash: hash, foldingCase: foldingCase))
    }

    /// The class of a name that can be called with one argument, and so as `value.name`; `unknown` for all others.
    func lookupAttribute(_ name: Span<UInt8>, hash: UInt64, foldingCase: Bool) -> FunctionClass {
        let slot = slot(name, hash: hash, foldingCase: foldingCase)
        return slot & Self.attributeBit == 0 ? .unknown : Self.functionClass(slot)
    }

    private static func functionClass(_ slot: UInt32) -> FunctionClass {
        FunctionClass(rawValue: UInt8(truncatingIfNeeded: slot >> classShift & classMask)) ?? .unknown
    }

    /// The slot of a name; zero when it is not in the table.
    private func slot(_ name: Span<UInt8>, hash: UInt64, foldingCase: Bool) -> UInt32 {
        guard !name.isEmpty, name.count <= NameWords.longestName else { return 0 }
        var index = Self.firstSlot(hash)
        while slots[index] != 0 {
            let slot = slots[index]
            if matches(slot, name, foldingCase: foldingCase) { return slot }
            index = (index + 1) & (slots.count - 1)
        }
        return 0
    }

    private mutating func insert(_ name: Span<UInt8>, _ functionClass: FunctionClass, _ isAttribute: Bool) {
        precondition(
            !name.isEmpty && name.count <= NameWords.longestName, "A built-in function's name has 1 to 63 bytes.")
        var index = Self.firstSlot(NameWords.hash(name, foldingCase: false))
        while slots[index] != 0 { index = (index + 1) & (slots.count - 1) }
        slots[index] =
            UInt32(words.count) | UInt32(name.count) << Self.lengthShift
            | UInt32(functionClass.rawValue) << Self.classShift | (isAttribute ? Self.attributeBit : 0)
        if isAttribute {
            let beginning = NameWords.word(0, of: name, foldingCase: false)
            attributeHashes.append(WordHash(unfolded: beginning, length: name.count))
        }
        for number in 0..<NameWords.count(of: name) {
            words.append(NameWords.word(number, of: name, foldingCase: false))
        }
        precondition(words.count < 1 << Self.lengthShift, "The names of the built-in functions outgrew their field.")
    }

    private func matches(_ slot: UInt32, _ name: Span<UInt8>, foldingCase: Bool) -> Bool {
        guard Int(slot >> Self.lengthShift & 0x3F) == name.count else { return false }
        let start = Int(slot & (1 << Self.lengthShift - 1))
        for number in 0..<NameWords.count(of: name)
        where words[start + number] != NameWords.word(number, of: name, foldingCase: foldingCase) {
            return false
        }
        return true
    }

    /// Where the search for a name starts.
    private static func firstSlot(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash >> UInt64(64 - slotBits))
    }
}
