// Where does a password come from?

extension Inspection {
    /// A text, `{ env = "NAME" }` or `{ file = "path" }`; its content never appears in a message.
    mutating func secret(_ key: String, in table: Table) -> String? {
        let expected = #"a text, { env = "NAME" } or { file = "path" }"#
        let path = table.path(of: key)
        switch table[key] {
        case nil:
            return nil
        case .string(let text)?:
            return accepted(text, at: path)
        case .table(let values)?:
            let source = open(.secret, at: path, values)
            guard source.has("env") != source.has("file") else {
                if values.keys.allSatisfy(Section.secret.keys.contains) {
                    note(.wrongValue(expected: expected, found: values.isEmpty ? "an empty table" : "both"), at: path)
                }
                return nil
            }
            if let name = string("env", in: source, expected: "the name of an environment variable") {
                guard let text = surroundings.environment[name] else {
                    note(.conflict("the environment variable \(printable(name)) is not set"), at: path)
                    return nil
                }
                return accepted(text, at: path)
            }
            if let name = string("file", in: source, expected: "the name of a file") {
                do throws(UnreadableFile) {
                    var text = try surroundings.text(ofFile: name)
                    while text.last?.isNewline == true { text.removeLast() }
                    return accepted(text, at: path)
                } catch {
                    note(.conflict(error.reason), at: path)
                }
            }
            return nil
        case let other?:
            note(.wrongValue(expected: expected, found: other.kind), at: path)
            return nil
        }
    }

    private mutating func accepted(_ secret: String, at path: SettingPath) -> String? {
        guard !secret.isEmpty else {
            note(.wrongValue(expected: "a password", found: "an empty text"), at: path)
            return nil
        }
        guard !secret.utf8.contains(0) else {
            note(.wrongValue(expected: "a password", found: "a text with a zero byte"), at: path)
            return nil
        }
        return secret
    }
}
