// Which facts about a session change how its text is split into tokens?

/// Session facts the lexer depends on.
public struct LexerSettings: Sendable, Equatable {
    /// `standard_conforming_strings`: off makes a backslash in '…' an escape.
    public var standardConformingStrings: Bool
    /// False for client encodings whose second byte can be ASCII: SJIS, BIG5, GBK, UHC, GB18030, JOHAB.
    public var clientEncodingIsASCIISafe: Bool
    /// Other values than these may hold by the time the text is read by the server: what would read differently under
    /// others is not understood.
    public var isInDoubt: Bool

    public init(
        standardConformingStrings: Bool = true, clientEncodingIsASCIISafe: Bool = true, isInDoubt: Bool = false
    ) {
        self.standardConformingStrings = standardConformingStrings
        self.clientEncodingIsASCIISafe = clientEncodingIsASCIISafe
        self.isInDoubt = isInDoubt
    }

    /// For a session whose settings may be changing.
    public static let inDoubt = LexerSettings(clientEncodingIsASCIISafe: false, isInDoubt: true)

    /// Whether a text reads the same under all settings: nothing in it is a backslash or beyond ASCII.
    public static func doNotMatter(for text: Span<UInt8>) -> Bool {
        for index in text.indices where text[index] == 0x5C || text[index] >= 0x80 { return false }
        return true
    }
}
