// Does a COPY read or write, and does data flow over the connection?

extension StatementReader {
    mutating func readCopy(_ text: Span<UInt8>, _ head: Token) -> Command {
        advance(text)
        if token.kind == .open {
            advance(text)
            _ = readQuery(text, inside: .parenthesesOnly)
        } else {
            if at(.binary) { advance(text) }
            guard readCopiedName(text) else { return giveUp(text, head) }
            if token.kind == .open { skipParentheses(text) }
        }
        switch token.keyword {
        case .from: return readCopyFrom(text, head)
        case .to: return readCopyTo(text, head)
        default: return giveUp(text, head)
        }
    }

    /// The name of a table, which the catalog may know.
    private mutating func readCopiedName(_ text: Span<UInt8>) -> Bool {
        guard token.isName else { return false }
        var qualifier = Token.none
        while true {
            let name = token
            advance(text)
            guard token.kind == .dot else {
                if checks.contains(.names) { checkCatalogName(text, name, qualifier: qualifier) }
                checkOutdatedRelation(text, name, qualifier: qualifier)
                return true
            }
            qualifier = name
            advance(text)
            guard token.isWord else { return false }
        }
    }

    /// PostgreSQL takes STDIN and STDOUT for each other.
    private mutating func readCopyFrom(_ text: Span<UInt8>, _ head: Token) -> Command {
        advance(text)
        let isClient = at(.stdin) || at(.stdout)
        note(isClient ? [.mayWrite, .copyIn] : .mayWrite, head.range, .copyFrom)
        readCopyOptions(text)
        return .copy
    }

    private mutating func readCopyTo(_ text: Span<UInt8>, _ head: Token) -> Command {
        advance(text)
        if at(.stdin) || at(.stdout) {
            note(.copyOut, head.range, .readsOnly)
        } else {
            note([.mayWrite, .notOnReplica], token.range, .copyToFile)
        }
        skipStatement(text)
        return .copy
    }

    /// Options, and the WHERE of a COPY FROM, whose functions run.
    private mutating func readCopyOptions(_ text: Span<UInt8>) {
        while !isAtEnd {
            if accept(.where, text) {
                _ = readQuery(text)
            } else if token.kind == .open {
                skipParentheses(text)
            } else {
                advance(text)
            }
        }
    }
}
