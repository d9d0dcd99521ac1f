// What values stand in a TOML text?

import TOMLKit

/// A value of a TOML document, free of the library that parsed it.
enum Value: Equatable, Sendable {
    case string(String)
    case integer(Int)
    case boolean(Bool)
    case array([Value])
    case table([String: Value])
    /// A kind that no setting has: a number with a fraction, a date, a time.
    case other(String)

    /// How a message names it; texts are quoted, so secrets must not come here.
    var shown: String {
        switch self {
        case .string(let text): "\"\(printable(text))\""
        case .integer(let number): "\(number)"
        case .boolean(let flag): "\(flag)"
        default: kind
        }
    }

    /// The same without the value.
    var kind: String {
        switch self {
        case .string: "a text"
        case .integer: "an integer"
        case .boolean: "true or false"
        case .array(let elements): elements.isEmpty ? "an empty array" : "an array"
        case .table: "a table"
        case .other(let name): name
        }
    }
}

/// Why a text is not TOML.
struct SyntaxError: Error, Equatable {
    var line: Int?
    var sentence: String
}

enum Document {
    /// The top table of a TOML text.
    static func parse(_ text: String, _ lines: KeyLines) throws(SyntaxError) -> [String: Value] {
        // The parser ends the process when it meets certain mistakes (`[=]`, `[}`): it may see the text before them,
        // where an earlier mistake is the one to tell.
        guard let trap = lines.trap else { return try parse(text) }
        let before = String(decoding: text.utf8.prefix(trap.offset), as: UTF8.self)
        do throws(SyntaxError) {
            _ = try parse(before)
        } catch {
            if let line = error.line, line < trap.line { throw error }
        }
        throw SyntaxError(line: trap.line, sentence: trap.sentence)
    }

    private static func parse(_ text: String) throws(SyntaxError) -> [String: Value] {
        if let zero = text.utf8.firstIndex(of: 0) {
            let line = 1 + text.utf8[..<zero].count { $0 == UInt8(ascii: "\n") }
            throw SyntaxError(line: line, sentence: "the file contains a zero byte")
        }
        do {
            return values(of: try TOMLTable(string: text))
        } catch let error as TOMLParseError {
            throw SyntaxError(line: error.source.begin.line, sentence: printable(error.description, limit: 200))
        } catch {
            throw SyntaxError(line: nil, sentence: printable("\(error)", limit: 200))
        }
    }

    private static func values(of table: TOMLTable) -> [String: Value] {
        var result: [String: Value] = [:]
        for key in table.keys {
            result[key] = table[key].map(value) ?? .other("something unreadable")
        }
        return result
    }

    private static func value(_ node: any TOMLValueConvertible) -> Value {
        switch node.type {
        case .string: node.string.map(Value.string) ?? .other("a text")
        case .int: node.int.map(Value.integer) ?? .other("an integer")
        case .bool: node.bool.map(Value.boolean) ?? .other("true or false")
        case .array: .array(node.array.map { array in array.map(value) } ?? [])
        case .table: .table(node.table.map(values) ?? [:])
        case .double: .other("a number with a fraction")
        case .date: .other("a date")
        case .time: .other("a time of day")
        case .dateTime: .other("a date and time")
        }
    }
}
