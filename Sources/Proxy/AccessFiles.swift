// What do a rules file (pg_hba.conf) and an ident map (pg_ident.conf) say?

import Authentication
public import Reactor

/// A mistake in a rules file or an ident map: a sentence without capital and full stop.
public struct AccessFileMistake: Error, Equatable, Sendable {
    public var file: String
    /// nil: the file itself is of no use.
    public var line: Int?
    public var sentence: String
}

/// Reads both kinds of file, with the files that they name.
public struct AccessFiles {
    public private(set) var rules = AccessRules()
    public private(set) var mistakes: [AccessFileMistake] = []
    /// The text of a file; a failure is its sentence.
    private let read: (String) -> Result<String, AccessFileProblem>
    private let networks: () -> [Network]

    private struct Word {
        var text: String
        var isQuoted: Bool
    }

    /// - Parameters:
    ///   - networks: those of this machine's interfaces.
    ///   - read: gives the text of a file by its path.
    public init(
        networks: @escaping () -> [Network] = Network.own,
        read: @escaping (String) -> Result<String, AccessFileProblem>
    ) {
        self.read = read
        self.networks = networks
    }

    public mutating func readRules(_ path: String) {
        readLines(path, depth: 0) { files, fields, path, line in files.addRule(fields, path, line) }
        for rule in rules.rules {
            guard case .prove(_, let map?) = rule.verdict else { continue }
            if !rules.maps.contains(where: { $0.map == map }) {
                note(path, rule.line, "there is no ident map \"\(map)\"")
            }
        }
    }

    /// To be read before the rules.
    public mutating func readMaps(_ path: String) {
        readLines(path, depth: 0) { files, fields, path, line in files.addMap(fields, path, line) }
    }

    // MARK: Lines and words

    private mutating func note(_ path: String, _ line: Int?, _ sentence: String) {
        mistakes.append(AccessFileMistake(file: path, line: line, sentence: sentence))
    }

    /// - Parameter origin: where another file names it.
    private mutating func readLines(
        _ path: String, depth: Int, from origin: (file: String, line: Int)? = nil,
        _ take: (inout AccessFiles, [[Word]], String, Int) -> Void
    ) {
        let text: String
        switch read(path) {
        case .success(let found): text = found
        case .failure(let problem): return note(origin?.file ?? path, origin?.line, problem.sentence)
        }
        var whole = ""
        var first = 1
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if whole.isEmpty { first = index + 1 }
            if line.hasSuffix("\\") {
                whole += line.dropLast()
                continue
            }
            whole += line
            guard let fields = Self.fields(whole) else {
                note(path, first, "a double quote is not closed on its line")
                whole = ""
                continue
            }
            whole = ""
            guard let head = fields.first?.first else { continue }
            if !head.isQuoted, ["include", "include_if_exists", "include_dir"].contains(head.text) {
                include(head.text, fields, from: path, line: first, depth: depth, take)
            } else {
                take(&self, fields, path, first)
            }
        }
    }

    private mutating func include(
        _ word: String, _ fields: [[Word]], from path: String, line: Int, depth: Int,
        _ take: (inout AccessFiles, [[Word]], String, Int) -> Void
    ) {
        guard word != "include_dir" else {
            return note(path, line, "include_dir is not supported; name each file with include")
        }
        guard depth < 10 else { return note(path, line, "files include each other more than ten times") }
        guard fields.count == 2, let name = fields[1].first, fields[1].count == 1 else {
            return note(path, line, "\(word) wants the name of one file")
        }
        let other = Self.beside(path, name.text)
        if word == "include_if_exists", case .failure = read(other) { return }
        readLines(other, depth: depth + 1, from: (path, line), take)
    }

    private static func beside(_ path: String, _ name: String) -> String {
        if name.hasPrefix("/") { return name }
        return (path.lastIndex(of: "/").map { String(path[...$0]) } ?? "") + name
    }

    /// Fields are separated by blanks, the words of one by commas; nil: a quote is not closed.
    private static func fields(_ line: String) -> [[Word]]? {
        var fields: [[Word]] = []
        var words: [Word] = []
        var rest = line[...]
        var goesOn = false
        while let next = rest.first, next != "#" {
            if next.isWhitespace {
                rest = rest.dropFirst()
                if !words.isEmpty, !goesOn, rest.first != "," {
                    fields.append(words)
                    words = []
                }
            } else if next == "," {
                rest = rest.dropFirst()
                goesOn = true
            } else {
                guard let word = takeWord(&rest) else { return nil }
                if !words.isEmpty, !goesOn {
                    fields.append(words)
                    words = []
                }
                words.append(word)
                goesOn = false
            }
        }
        if !words.isEmpty { fields.append(words) }
        return fields
    }

    private static func takeWord(_ rest: inout Substring) -> Word? {
        var word = Word(text: "", isQuoted: false)
        var isInQuotes = false
        while let next = rest.first {
            if !isInQuotes, next.isWhitespace || next == "," || next == "#" { break }
            rest = rest.dropFirst()
            guard next == "\"" else {
                word.text.append(next)
                continue
            }
            word.isQuoted = true
            if isInQuotes, rest.first == "\"" {
                word.text.append("\"")
                rest = rest.dropFirst()
            } else {
                isInQuotes.toggle()
            }
        }
        return isInQuotes ? nil : word
    }

    // MARK: Rules

    private mutating func addRule(_ fields: [[Word]], _ path: String, _ line: Int) {
        guard let kind = AccessRule.Kind(rawValue: fields[0][0].text), fields[0].count == 1 else {
            return note(path, line, "expected local, host, hostssl or hostnossl, found \(fields[0][0].text)")
        }
        guard fields.count >= (kind == .local ? 4 : 5) else { return note(path, line, "the rule ends too early") }
        let databases = names(fields[1], path, line, areDatabases: true)
        let users = names(fields[2], path, line, areDatabases: false)
        var place = AccessRule.Place.anywhere
        var next = 3
        if kind != .local {
            guard let (found, used) = self.place(fields, path, line) else { return }
            place = found
            next += used
        }
        guard next < fields.count else { return note(path, line, "the rule names no method") }
        let verdict = verdict(fields[next...], kind, path, line)
        guard let verdict, !databases.isEmpty, !users.isEmpty else { return }
        rules.rules.append(
            AccessRule(line: line, kind: kind, databases: databases, users: users, place: place, verdict: verdict))
    }

    private mutating func names(
        _ words: [Word], _ path: String, _ line: Int, areDatabases: Bool, depth: Int = 0
    ) -> [AccessRule.Name] {
        var names: [AccessRule.Name] = []
        for word in words {
            if word.isQuoted {
                names.append(.name(word.text))
            } else if word.text == "all" {
                names.append(.all)
            } else if areDatabases, word.text == "sameuser" {
                names.append(.sameuser)
            } else if areDatabases, word.text == "replication" {
                names.append(.replication)
            } else if word.text.hasPrefix("+") || areDatabases && ["samerole", "samegroup"].contains(word.text) {
                note(path, line, "\(word.text): the roles' memberships are not known here; name the users")
            } else if word.text.hasPrefix("/") {
                let pattern = String(word.text.dropFirst())
                if Pattern.isValid(pattern) {
                    names.append(.pattern(pattern))
                } else {
                    note(path, line, "\(word.text) is no regular expression")
                }
            } else if word.text.hasPrefix("@") {
                guard depth < 10 else {
                    note(path, line, "files include each other more than ten times")
                    continue
                }
                let file = Self.beside(path, String(word.text.dropFirst()))
                switch read(file) {
                case .failure(let problem): note(path, line, problem.sentence)
                case .success(let text):
                    let found = text.split(separator: "\n").compactMap { Self.fields(String($0)) }.flatMap { $0 }
                        .flatMap { $0 }
                    names += self.names(found, file, line, areDatabases: areDatabases, depth: depth + 1)
                }
            } else {
                names.append(.name(word.text))
            }
        }
        return names
    }

    /// - Returns: how many fields it takes, too.
    private mutating func place(_ fields: [[Word]], _ path: String, _ line: Int) -> (AccessRule.Place, Int)? {
        let text = fields[3][0].text
        switch text {
        case "all": return (.anywhere, 1)
        case "samehost": return (.samehost, 1)
        case "samenet": return (.samenet(networks()), 1)
        default: break
        }
        if let address = SocketAddress(text, port: 0) {
            // An address alone is followed by its mask.
            if fields.count > 5, let network = SocketAddress(fields[4][0].text, port: 0).flatMap({
                Network(address, mask: $0)
            }) {
                return (.network(network), 2)
            }
            note(path, line, "\(text) needs a length, such as \(text)/32, or a mask behind it")
            return nil
        }
        if let network = Network(containing: text) { return (.network(network), 1) }
        note(path, line, "\(text) is no address; names of hosts are not supported")
        return nil
    }

    private mutating func verdict(
        _ fields: ArraySlice<[Word]>, _ kind: AccessRule.Kind, _ path: String, _ line: Int
    ) -> AccessRule.Verdict? {
        let name = fields[fields.startIndex][0].text
        var options: [String: String] = [:]
        for option in fields.dropFirst() {
            let parts = option.map(\.text).joined(separator: ",").split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, AccessOptions.known[name]?.contains(parts[0]) ?? false else {
                note(path, line, "the option \(option[0].text) is not supported for \(name)")
                return nil
            }
            options[parts[0]] = parts[1]
        }
        let map = options["map"]
        switch name {
        case "reject": return .reject
        case "trust": return .prove(.trust, map: nil)
        case "password", "plain": return .prove(.plain, map: nil)
        case "md5": return .prove(.md5, map: nil)
        case "scram-sha-256": return .prove(.scramSHA256, map: nil)
        case "cert" where kind == .hostssl: return .prove(.certificate, map: map)
        case "cert":
            note(path, line, "cert needs a rule that begins with hostssl")
        case "peer" where kind == .local: return .prove(.peer, map: map)
        case "pam": return .ask(.pam(service: options["pamservice"] ?? AuthSettings().pamService))
        case "ldap":
            if let settings = AccessOptions.ldap(options) { return .ask(.ldap(settings)) }
            note(path, line, "ldap needs ldapprefix or ldapsuffix, or ldapbasedn, and a port that is a number")
        case "peer":
            note(path, line, "peer needs a rule that begins with local")
        default:
            note(path, line, "the method \(name) is not supported")
        }
        return nil
    }

    // MARK: Maps

    private mutating func addMap(_ fields: [[Word]], _ path: String, _ line: Int) {
        guard fields.count == 3 else {
            return note(path, line, "expected the name of a map, a name that is proved, and a user")
        }
        let words = fields.map { $0[0].text }
        for word in words.dropFirst() where word.hasPrefix("/") && !Pattern.isValid(String(word.dropFirst())) {
            return note(path, line, "\(word) is no regular expression")
        }
        rules.maps.append(IdentLine(map: words[0], system: words[1], user: words[2]))
    }
}

/// Why a file is of no use.
public struct AccessFileProblem: Error, Equatable, Sendable {
    public var sentence: String

    public init(_ sentence: String) { self.sentence = sentence }
}
