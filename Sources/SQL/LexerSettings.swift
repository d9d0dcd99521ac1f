// Which facts about a session change how its text is split into tokens?

/// Session facts the lexer depends on.
public struct LexerSettings: Sendable, Equatable {
    /// `standard_conforming_strings`: off makes a backslash in '…' an escape.
    public var standardConformingStrings: Bool
    /// False for client encodings whose second byte can be ASCII: SJIS, BIG5, GBK, UHC, GB18030, JOHAB.
    public var clientEncodingIsASCIISafe: Bool

    public init(standardConformingStrings: Bool = true, clientEncodingIsASCIISafe: Bool = true) {
        self.standardConformingStrings = standardConformingStrings
        self.clientEncodingIsASCIISafe = clientEncodingIsASCIISafe
    }
}
