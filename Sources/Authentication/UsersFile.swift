// What does a users file in PgBouncer's format say?

/// A mistake in a users file.
public struct UsersFileMistake: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong with a line.
    public enum Kind: Equatable, Sendable {
        /// The line begins with something other than a quote or a comment.
        case expectedUser
        /// No quoted secret follows the user.
        case expectedSecret
        /// A quote is not closed on the line.
        case unterminatedQuote
        case emptyUser
        /// A zero byte cannot be part of a name or secret.
        case zeroByte
        /// The secret begins like a SCRAM secret and is none.
        case malformedSCRAM(user: String)
        /// The user stands on an earlier line already.
        case duplicate(user: String, firstLine: Int)
    }

    /// Counted from 1.
    public let line: Int
    public let kind: Kind

    /// One sentence that never quotes a secret.
    public var description: String {
        let sentence =
            switch kind {
            case .expectedUser: "expected a user name in double quotes, or a comment that begins with ; or #"
            case .expectedSecret: "expected a secret in double quotes behind the user name (\"\" for none)"
            case .unterminatedQuote: "a double quote is not closed on its line (a quote inside is written twice)"
            case .emptyUser: "the user name is empty"
            case .zeroByte: "a zero byte cannot be part of a user name or secret"
            case .malformedSCRAM(let user):
                "the secret of user \"\(user)\" begins with SCRAM-SHA-256$ but has not the form "
                    + "SCRAM-SHA-256$iterations:salt$storedKey:serverKey"
            case .duplicate(let user, let firstLine): "user \"\(user)\" stands on line \(firstLine) already"
            }
        return "line \(line): \(sentence)"
    }
}

extension UserDirectory {
    /// Reads a users file: one `"user" "secret"` per line, quotes inside written twice, comments after `;` or `#` at
    /// the beginning of a line. What follows the secret is ignored, as PgBouncer does.
    ///
    /// - Parameter mistakes: gets every mistake, in the order of lines; the lines concerned add no user.
    public init(usersFile text: String, mistakes: inout [UsersFileMistake]) {
        self.init()
        var firstLines: [[UInt8]: Int] = [:]
        // A byte order mark is no text.
        let bytes = text.utf8.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(text.utf8.dropFirst(3)) : Array(text.utf8)
        for (index, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            let number = index + 1
            do throws(UsersFileMistake) {
                var reader = UsersFileLine(line, number: number)
                guard let (name, secret) = try reader.user() else { continue }
                let user = String(decoding: name, as: UTF8.self)
                if let firstLine = firstLines[name] {
                    throw UsersFileMistake(line: number, kind: .duplicate(user: user, firstLine: firstLine))
                }
                guard let secret = Secret(parsing: String(decoding: secret, as: UTF8.self)) else {
                    throw UsersFileMistake(line: number, kind: .malformedSCRAM(user: user))
                }
                firstLines[name] = number
                add(user, secret)
            } catch {
                mistakes.append(error)
            }
        }
    }
}

/// One line of a users file.
private struct UsersFileLine {
    private let bytes: ArraySlice<UInt8>
    private let number: Int
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>, number: Int) {
        self.bytes = bytes
        self.number = number
        position = bytes.startIndex
    }

    /// Name and secret; nil on a line without any.
    mutating func user() throws(UsersFileMistake) -> ([UInt8], [UInt8])? {
        skipBlanks()
        guard position < bytes.endIndex else { return nil }
        if bytes[position] == UInt8(ascii: ";") || bytes[position] == UInt8(ascii: "#") { return nil }
        guard bytes[position] == UInt8(ascii: "\"") else { throw mistake(.expectedUser) }
        let name = try quoted()
        guard !name.isEmpty else { throw mistake(.emptyUser) }
        skipBlanks()
        guard position < bytes.endIndex, bytes[position] == UInt8(ascii: "\"") else { throw mistake(.expectedSecret) }
        return (name, try quoted())
    }

    private mutating func quoted() throws(UsersFileMistake) -> [UInt8] {
        var text: [UInt8] = []
        position += 1
        while position < bytes.endIndex {
            let byte = bytes[position]
            position += 1
            if byte == 0 { throw mistake(.zeroByte) }
            if byte == UInt8(ascii: "\"") {
                guard position < bytes.endIndex, bytes[position] == UInt8(ascii: "\"") else { return text }
                position += 1
            }
            text.append(byte)
        }
        throw mistake(.unterminatedQuote)
    }

    private mutating func skipBlanks() {
        while position < bytes.endIndex, [9, 11, 12, 13, 32].contains(bytes[position]) { position += 1 }
    }

    private func mistake(_ kind: UsersFileMistake.Kind) -> UsersFileMistake {
        UsersFileMistake(line: number, kind: kind)
    }
}
