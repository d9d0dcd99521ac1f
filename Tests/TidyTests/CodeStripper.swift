// What remains of Swift code when comments and the inside of string literals are taken away?

/// Reads just enough of Swift's lexical rules for that: nested comments, strings of one and of many lines, raw strings.
/// Interpolations count as part of their string.
struct CodeStripper {
    private enum Place: Equatable {
        case code
        case comment(depth: Int)
        case string(hashes: Int, multiline: Bool)
    }

    private static let quote = UInt8(ascii: "\"")
    private var place = Place.code

    /// As many lines as came in.
    static func strip(_ lines: [String]) -> [String] {
        var stripper = CodeStripper()
        return lines.map { String(decoding: stripper.strip(line: Array($0.utf8)), as: UTF8.self) }
    }

    private mutating func strip(line: [UInt8]) -> [UInt8] {
        var kept: [UInt8] = []
        var index = 0
        while index < line.count {
            switch place {
            case .code:
                if starts(line, index, "//") { return kept }
                if starts(line, index, "/*") {
                    place = .comment(depth: 1)
                    index += 2
                } else if let opening = opening(line, index) {
                    kept.append(Self.quote)
                    place = opening.place
                    index += opening.length
                } else {
                    kept.append(line[index])
                    index += 1
                }
            case .comment(let depth):
                index = stripComment(line, index, depth: depth)
            case .string(let hashes, let multiline):
                let closing = (multiline ? "\"\"\"" : "\"") + String(repeating: "#", count: hashes)
                if starts(line, index, closing) {
                    kept.append(Self.quote)
                    place = .code
                    index += closing.count
                } else {
                    index += starts(line, index, "\\" + String(repeating: "#", count: hashes)) ? 2 + hashes : 1
                }
            }
        }
        if case .string(_, false) = place { place = .code }
        return kept
    }

    private mutating func stripComment(_ line: [UInt8], _ index: Int, depth: Int) -> Int {
        if starts(line, index, "*/") {
            place = depth == 1 ? .code : .comment(depth: depth - 1)
            return index + 2
        }
        guard starts(line, index, "/*") else { return index + 1 }
        place = .comment(depth: depth + 1)
        return index + 2
    }

    private func opening(_ line: [UInt8], _ index: Int) -> (place: Place, length: Int)? {
        let hashes = line[index...].prefix { $0 == UInt8(ascii: "#") }.count
        guard index + hashes < line.count, line[index + hashes] == Self.quote else { return nil }
        let multiline = starts(line, index + hashes, "\"\"\"")
        return (.string(hashes: hashes, multiline: multiline), hashes + (multiline ? 3 : 1))
    }

    private func starts(_ line: [UInt8], _ index: Int, _ text: String) -> Bool {
        line[index...].starts(with: text.utf8)
    }
}
