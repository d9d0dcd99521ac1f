// What does one setting say, and what is wrong with it?

/// A table of the file and what is known of it.
struct Table {
    let section: Section
    let path: SettingPath
    let values: [String: Value]
    /// False where something else than a table stands in the file; that has been noted.
    var isReadable = true

    func path(of key: String) -> SettingPath { path.appending(key) }

    func has(_ key: String) -> Bool { self[key] != nil }

    subscript(key: String) -> Value? {
        precondition(section.takesAnyName || section.keys.contains(key), "\(key) is not a listed key of \(section)")
        return values[key]
    }
}

/// One pass over a settings file; notes every mistake and goes on.
///
/// The reading functions answer nil both for a key that is absent and for one whose value is wrong; only the latter is
/// a mistake, and it has been noted by then.
struct Inspection {
    let file: String
    let lines: KeyLines
    let surroundings: Surroundings
    private(set) var mistakes: [Mistake] = []

    init(file: String, lines: KeyLines, surroundings: Surroundings) {
        self.file = file
        self.lines = lines
        self.surroundings = surroundings
    }

    mutating func note(_ problem: Mistake.Problem, at path: SettingPath) {
        mistakes.append(Mistake(file: file, line: lines.line(of: path), key: path, problem: problem))
    }

    /// A mistake in another file that this one names.
    mutating func note(_ problem: Mistake.Problem, file: String, line: Int?) {
        mistakes.append(Mistake(file: file, line: line, key: SettingPath(), problem: problem))
    }

    mutating func noteWrong(_ key: String, in table: Table, expected: String, found: Value) {
        note(.wrongValue(expected: expected, found: found.shown), at: table.path(of: key))
    }

    /// Notes the absence of a key, unless another mistake explains it already.
    mutating func noteMissing(_ key: String, in table: Table, expected: String) {
        let strangers = table.values.keys.filter { !table.section.keys.contains($0) }
        let isMisspelt = strangers.contains { Suggestion.nearest(to: $0, among: table.section.keys) == key }
        guard table.isReadable, !isMisspelt else { return }
        note(.missing(expected: expected), at: table.path(of: key))
    }

    // MARK: Tables

    /// Opens a table whose values are at hand and notes its unknown keys.
    mutating func open(_ section: Section, at path: SettingPath, _ values: [String: Value]) -> Table {
        if !section.takesAnyName {
            for key in values.keys.sorted() where !section.keys.contains(key) {
                note(.unknownKey(advice: section.advice(onUnknown: key)), at: path.appending(key))
            }
        }
        return Table(section: section, path: path, values: values)
    }

    /// The table under a key; an absent one is empty.
    mutating func table(_ section: Section, _ key: String, in outer: Table) -> Table {
        let path = outer.path(of: key)
        switch outer[key] {
        case .table(let values)?:
            return open(section, at: path, values)
        case nil:
            return Table(section: section, path: path, values: [:])
        case let other?:
            noteWrong(key, in: outer, expected: "a table", found: other)
            return Table(section: section, path: path, values: [:], isReadable: false)
        }
    }

    /// The tables with names of the operator's choice under a key (`[clusters.NAME]`), by name.
    mutating func namedTables(_ section: Section, in outer: Table) -> [(name: String, table: Table)] {
        outer.values.keys.sorted().map { name in (name, table(section, name, in: outer)) }
    }

    // MARK: Values

    mutating func string(_ key: String, in table: Table, expected: String = "a text") -> String? {
        guard let value = table[key] else { return nil }
        guard case .string(let text) = value, !text.isEmpty else {
            noteWrong(key, in: table, expected: expected, found: value)
            return nil
        }
        return text
    }

    mutating func boolean(_ key: String, in table: Table) -> Bool? {
        guard let value = table[key] else { return nil }
        guard case .boolean(let flag) = value else {
            noteWrong(key, in: table, expected: "true or false", found: value)
            return nil
        }
        return flag
    }

    mutating func integer(_ key: String, in table: Table, _ range: ClosedRange<Int>) -> Int? {
        guard let value = table[key] else { return nil }
        guard case .integer(let number) = value, range.contains(number) else {
            let expected = "an integer from \(range.lowerBound) to \(range.upperBound)"
            noteWrong(key, in: table, expected: expected, found: value)
            return nil
        }
        return number
    }

    mutating func port(_ key: String, in table: Table) -> UInt16? {
        guard let value = table[key] else { return nil }
        guard case .integer(let number) = value, let port = UInt16(exactly: number), port > 0 else {
            noteWrong(key, in: table, expected: "a port from 1 to 65535", found: value)
            return nil
        }
        return port
    }

    mutating func duration(
        _ key: String, in table: Table, atLeast least: Duration = .zero, atMost most: Duration = .seconds(30 * 86_400)
    ) -> Duration? {
        guard let value = table[key] else { return nil }
        guard case .string(let text) = value, let duration = Quantity.duration(text) else {
            noteWrong(key, in: table, expected: Quantity.durationForm, found: value)
            return nil
        }
        guard least <= duration, duration <= most else {
            let expected = "a duration from \(Quantity.text(least)) to \(Quantity.text(most))"
            noteWrong(key, in: table, expected: expected, found: value)
            return nil
        }
        return duration
    }

    mutating func size(_ key: String, in table: Table, _ range: ClosedRange<Int>) -> Int? {
        guard let value = table[key] else { return nil }
        guard case .string(let text) = value, let size = Quantity.size(text) else {
            noteWrong(key, in: table, expected: Quantity.sizeForm, found: value)
            return nil
        }
        guard range.contains(size) else {
            let expected =
                "a size from \(Quantity.text(bytes: range.lowerBound)) to \(Quantity.text(bytes: range.upperBound))"
            noteWrong(key, in: table, expected: expected, found: value)
            return nil
        }
        return size
    }

    mutating func strings(_ key: String, in table: Table, expected: String) -> [String]? {
        guard let value = table[key] else { return nil }
        guard case .array(let elements) = value else {
            noteWrong(key, in: table, expected: expected, found: value)
            return nil
        }
        var texts: [String] = []
        for (index, element) in elements.enumerated() {
            if case .string(let text) = element, !text.isEmpty {
                texts.append(text)
            } else {
                note(
                    .wrongValue(expected: "a text", found: element.shown),
                    at: table.path(of: key).appending(index))
            }
        }
        return texts
    }

    /// One of a few names; those in `later` are known and refused.
    mutating func choice<Choice>(
        _ key: String, in table: Table, _ names: KeyValuePairs<String, Choice>, later: [String] = []
    ) -> Choice? {
        guard let value = table[key] else { return nil }
        guard case .string(let text) = value else {
            noteWrong(key, in: table, expected: Self.list(names.map(\.key)), found: value)
            return nil
        }
        if let match = names.first(where: { $0.key == text }) { return match.value }
        if let near = Suggestion.nearest(to: text, among: later) {
            note(.notSupported(what: "\"\(near)\" is"), at: table.path(of: key))
            return nil
        }
        var expected = Self.list(names.map(\.key))
        if names.count > 1, let near = Suggestion.nearest(to: text, among: names.map(\.key)) {
            expected += " (did you mean \"\(near)\"?)"
        }
        noteWrong(key, in: table, expected: expected, found: value)
        return nil
    }

    /// `"a", "b" or "c"`.
    static func list(_ names: [String]) -> String {
        let quoted = names.map { "\"\(printable($0))\"" }
        guard let last = quoted.last, quoted.count > 1 else { return quoted.first ?? "" }
        return quoted.dropLast().joined(separator: ", ") + " or " + last
    }

    /// Refuses the keys of features that this version does not have.
    mutating func refuse(_ keys: [String], in table: Table, because what: String) {
        for key in keys where table.has(key) {
            note(.notSupported(what: what), at: table.path(of: key))
        }
    }
}
