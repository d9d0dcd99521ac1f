// What does the body of a function do, and which names does it use?

/// What was found in a body. Statements that PostgreSQL refuses in a function that is not VOLATILE need no care there:
/// they fail on every node. Of a VOLATILE one it matters what it leaves behind.
struct FunctionBody {
    private(set) var level: CatalogLevel
    /// Nodes of the names that it uses.
    private(set) var references: [Int32] = []
    private(set) var leftBehind = LeftBehind.anything

    static func read(_ text: Span<UInt8>, language: String, names: [UInt64: Int32]) -> FunctionBody {
        switch language {
        case "sql":
            scan(text, names) { $0.readStatements(text) }
        case "plpgsql":
            scan(text, names) { $0.readProcedure(text) }
        case "internal":
            // The body is the name of a function in PostgreSQL's own code, mostly that of the built-in function, too.
            FunctionBody(level: CatalogLevel(BuiltinFunctions.classify(name: text, quoted: true)))
        case "c":
            FunctionBody(level: .harmless)
        default:
            FunctionBody(level: .hiddenCode)
        }
    }

    private static func scan(
        _ text: Span<UInt8>, _ names: [UInt64: Int32], _ read: (inout StatementReader) -> Void
    ) -> FunctionBody {
        guard text.count <= Token.longestText else { return FunctionBody(level: .hiddenCode) }
        var reader = StatementReader(settings: LexerSettings(), references: NameReferences(names: names))
        read(&reader)
        var body = FunctionBody(level: CatalogLevel(reader.findings.effects))
        body.leftBehind = LeftBehind(reader.findings, text)
        body.references = reader.references?.found ?? []
        return body
    }
}

/// The names of a catalog, and those of them that a body was seen to use.
struct NameReferences {
    let names: [UInt64: Int32]
    private(set) var found: [Int32] = []
    /// What counts only if the query has a function as an item of FROM.
    private var ofAliases: [Int32] = []

    init(names: [UInt64: Int32]) {
        self.names = names
    }

    /// Notes the use of a name; false when the catalog has none such.
    mutating func use(
        _ kind: CatalogGraph.Kind, _ name: Span<UInt8>, schema: Span<UInt8>, folds: (name: Bool, schema: Bool)
    ) -> Bool {
        guard let node = names[CatalogGraph.key(kind, NameIndex.hash(name, schema: schema, folds: folds))] else {
            return false
        }
        if !found.contains(node) { found.append(node) }
        return true
    }

    /// Notes the use of a type that is not named.
    mutating func useUnnamedType() {
        if !found.contains(CatalogGraph.unnamedType) { found.append(CatalogGraph.unnamedType) }
    }

    /// Notes the use of a name behind that of an item of FROM, which may stand for a value.
    mutating func useBehindAlias(_ name: Span<UInt8>, folds: Bool) {
        let hash = NameIndex.hash(name, schema: name.extracting(0..<0), folds: (folds, false))
        if let node = names[CatalogGraph.key(.valueAttributeName, hash)] { ofAliases.append(node) }
    }

    mutating func endQuery(hasFunctionItem: Bool) {
        guard !ofAliases.isEmpty else { return }
        if hasFunctionItem { found += ofAliases }
        ofAliases = []
    }
}

extension StatementReader {
    /// Reads all statements of a text.
    mutating func readStatements(_ text: Span<UInt8>) {
        advance(text)
        while token.kind != .end {
            if token.kind == .semicolon {
                advance(text)
            } else {
                _ = readStatement(text)
            }
        }
    }

    /// Reads PL/pgSQL, of which only the expressions and queries matter: whatever stands between two semicolons is
    /// looked through like a query.
    mutating func readProcedure(_ text: Span<UInt8>) {
        advance(text)
        while token.kind != .end {
            if token.kind == .semicolon {
                advance(text)
            } else {
                _ = readQuery(text, inside: .procedure)
            }
        }
    }

    /// Words of PL/pgSQL that may stand before a parenthesis.
    private static let procedureWords: [[UInt8]] = [
        "if", "elsif", "elseif", "while", "return", "next", "query", "perform", "assert", "cursor",
    ].map { Array($0.utf8) }

    static func isProcedureWord(_ word: Span<UInt8>) -> Bool {
        for candidate in procedureWords where word.equals(candidate, foldingCase: true) { return true }
        return false
    }
}
