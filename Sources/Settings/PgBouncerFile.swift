// What does a settings file of PgBouncer say?

/// The sections of a `pgbouncer.ini`, with the files that it includes; keys in the order in which they stand.
struct PgBouncerFile: Equatable {
    struct Entry: Equatable {
        var key: String
        var value: String
        var line: Int
    }

    private(set) var sections: [String: [Entry]] = [:]
    /// Sentences about lines that cannot be read.
    private(set) var mistakes: [String] = []

    /// - Parameter read: the text of a file, or a sentence about why there is none.
    init(path: String, read: (String) -> Result<String, UnreadableFile>) {
        var section = ""
        parse(path, depth: 0, section: &section, read)
    }

    /// What a key of `[pgbouncer]` says, the last line that has it.
    func setting(_ key: String) -> String? { sections["pgbouncer"]?.last { $0.key == key }?.value }

    private mutating func parse(
        _ path: String, depth: Int, section: inout String, _ read: (String) -> Result<String, UnreadableFile>
    ) {
        let text: String
        switch read(path) {
        case .success(let found): text = found
        case .failure(let failure):
            mistakes.append(failure.reason)
            return
        }
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = Self.trimmed(raw)
            let place = "\(path):\(index + 1)"
            guard let first = line.first, first != ";", first != "#" else { continue }
            if line.hasPrefix("%include") {
                guard depth < 10 else {
                    mistakes.append("\(place): files include each other more than ten times")
                    continue
                }
                let name = String(Self.trimmed(line.dropFirst("%include".count)))
                // PgBouncer starts from its working directory; where that has no such file, from this one's.
                parse(name, depth: depth + 1, section: &section, read)
            } else if first == "[" {
                guard line.last == "]" else {
                    mistakes.append("\(place): a section's name has no end")
                    continue
                }
                section = String(Self.trimmed(line.dropFirst().dropLast()))
            } else if let equals = line.firstIndex(of: "=") {
                var key = String(Self.trimmed(line[..<equals]))
                if key.count >= 2, key.hasPrefix("'"), key.hasSuffix("'") { key = String(key.dropFirst().dropLast()) }
                let value = String(Self.trimmed(line[line.index(after: equals)...]))
                sections[section, default: []].append(Entry(key: key, value: value, line: index + 1))
            } else {
                mistakes.append("\(place): expected a section, or a key and a value with = between them")
            }
        }
    }

    private static func trimmed(_ text: some StringProtocol) -> Substring {
        var part = Substring(text)
        while let first = part.first, first.isWhitespace { part.removeFirst() }
        while let last = part.last, last.isWhitespace { part.removeLast() }
        return part
    }

    /// The pairs of a connection string such as `host=a port=5432 password='it''s'`; nil: it cannot be read.
    static func pairs(_ text: String) -> [(key: String, value: String)]? {
        var pairs: [(String, String)] = []
        var rest = trimmed(text)
        while !rest.isEmpty {
            guard let equals = rest.firstIndex(of: "=") else { return nil }
            let key = String(trimmed(rest[..<equals]))
            rest = trimmed(rest[rest.index(after: equals)...])
            var value = ""
            if rest.first == "'" {
                rest = rest.dropFirst()
                var isClosed = false
                while let next = rest.popFirst() {
                    guard next == "'" else {
                        value.append(next)
                        continue
                    }
                    guard rest.first == "'" else {
                        isClosed = true
                        break
                    }
                    rest = rest.dropFirst()
                    value.append("'")
                }
                guard isClosed else { return nil }
            } else {
                value = String(rest.prefix { !$0.isWhitespace })
                rest = rest.dropFirst(value.count)
            }
            pairs.append((key, value))
            rest = trimmed(rest)
        }
        return pairs
    }
}
