// By which rules does a server read the client's next text?

public import SQL
public import Wire

/// What the meaning of a text depends on besides its bytes.
public struct ParsingKey: Equatable, Sendable {
    public var profile: ProfileID
    public var catalog: CatalogID
    public var lexer: LexerSettings
    /// Not 0: settings that nobody else is known to have.
    public var variant: UInt32

    public init(profile: ProfileID, catalog: CatalogID = .none, lexer: LexerSettings, variant: UInt32 = 0) {
        self.profile = profile
        self.catalog = catalog
        self.lexer = lexer
        self.variant = variant
    }
}

extension LexerSettings {
    /// Encodings in which a byte of a longer character may look like ASCII.
    private static let unsafeEncodings: Set<String> = [
        "SJIS", "MSKANJI", "SHIFTJIS", "WIN932", "WINDOWS932", "BIG5", "WIN950", "WINDOWS950", "GBK", "WIN936",
        "WINDOWS936", "UHC", "WIN949", "WINDOWS949", "GB18030", "JOHAB", "SHIFTJIS2004",
    ]

    static let names = ["standard_conforming_strings", "client_encoding"]

    /// As a server reports it after a login; what it does not report is in doubt.
    public init(reported parameters: [StartupParameter]) {
        self.init()
        for name in Self.names {
            guard let parameter = parameters.last(where: { $0.name == name }) else {
                self = .inDoubt
                return
            }
            take(name, parameter.value)
        }
    }

    /// Takes the value of a setting; others than those of the lexer change nothing.
    mutating func take(_ name: String, _ value: String) {
        switch name {
        case "standard_conforming_strings":
            // As PostgreSQL reads a switch: any beginning of the word will do.
            let value = value.lowercased()
            let isOff = ["false", "no"].contains { $0.hasPrefix(value) } || ["off", "of", "0"].contains(value)
            standardConformingStrings = value.isEmpty || !isOff
        case "client_encoding":
            let plain = String(value.uppercased().filter { $0.isLetter || $0.isNumber })
            clientEncodingIsASCIISafe = !Self.unsafeEncodings.contains(plain)
        default:
            break
        }
    }
}

extension Effects {
    var mayChangeLexing: Bool { !isDisjoint(with: [.lexing, .hiddenCode]) }
}

extension ClientSession {
    /// A server has told what it reports to the client.
    public mutating func welcomed(_ welcome: Welcome) {
        lexer = welcome.lexer
        toldAtStart = welcome.reported
        told = welcome.reported
    }

    /// The rules for a text that comes behind what the batch runs so far.
    var lexerInForce: LexerSettings {
        let isBehindChange =
            batch.effects.mayChangeLexing || changesLexing && batch.effects.contains(.transactionControl)
        return isLexingInDoubt || isBehindChange ? .inDoubt : lexer
    }

    var parsing: ParsingKey {
        ParsingKey(profile: profile.parsing, catalog: catalog, lexer: lexerInForce, variant: variant)
    }

    /// Something is about to run that may change what literals mean.
    mutating func noteParsing(_ effects: Effects, table: inout StatementTable) {
        // Of hidden code only the first is noted: PostgreSQL reports what most of it could change.
        if effects.contains(.parsing) || variant == 0 && effects.contains(.hiddenCode) {
            variant = table.newVariant()
        }
    }

    /// Texts behind what is sent may be read by other rules, until the server has answered.
    mutating func noteLexing(_ effects: Effects) {
        if effects.mayChangeLexing { changesLexing = true }
        if changesLexing, effects.mayChangeLexing || effects.contains(.transactionControl) { isLexingInDoubt = true }
    }

    /// Looks at what the attached server reports before the client's next text is read.
    mutating func readRules(of attachment: Attachment, table: inout StatementTable) {
        guard attachment.isQuiet else {
            isLexingInDoubt = changesLexing
            return
        }
        isLexingInDoubt = false
        if attachment.lexer != lexer {
            let isOther = !isPinned && !changesLexing
            lexer = attachment.lexer
            // What was read by other rules, and is not under way, is read again.
            if bodyRemaining == 0 { batch.reset(table: &table) }
            if isOther { readNamesAgain(table: &table) }
        }
    }

    /// The client's statements will be parsed by a server of other rules.
    mutating func readNamesAgain(table: inout StatementTable) {
        let key = parsing
        for index in 0..<names.count {
            guard let moved = table.reread(names[index].reference, key: key) else { continue }
            names[index].reference = moved
            names[index].id = table.id(moved)
        }
        if let former = unnamed, let moved = table.reread(former.reference, key: key) {
            unnamed?.reference = moved
            unnamed?.id = table.id(moved)
        }
    }
}
