// By which numbers do the machines speak of statements and settings profiles?

/// A statement text with its parameter types and the settings it was written under; unique in the process, never
/// reused. 0 stands for none.
public struct StatementID: Hashable, Sendable {
    public static let none = StatementID(rawValue: 0)
    /// Nobody's statement, which occupies a name.
    static let placeholder = StatementID(rawValue: .max)

    public var rawValue: UInt64

    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// The name under which servers know the statement: fixed width, and reserved for us.
    public var serverName: [UInt8] {
        var name: [UInt8] = []
        appendServerName(to: &name)
        return name
    }

    /// Bytes of every `serverName`.
    static let serverNameLength = reservedPrefix.count + 12

    func appendServerName(to bytes: inout [UInt8]) {
        var name = Self.template
        for place in 0..<12 {
            let digit = UInt8(truncatingIfNeeded: rawValue >> UInt64(44 - 4 * place) & 15)
            name[10 + place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit
        }
        bytes.append(copying: name.span)
    }

    /// No client may reach a server's statement by a name of its own that starts like this.
    public static let reservedPrefix: [UInt8] = Array("pointsman_".utf8)
    /// The prefix, and room for twelve digits.
    private static let template = InlineArray<22, UInt8> { $0 < reservedPrefix.count ? reservedPrefix[$0] : 0 }
}

/// A list of settings as a client gave them at its start; equal lists have equal numbers.
public struct ProfileID: Hashable, Sendable {
    /// What a server has after its login: the defaults of its role and database.
    public static let base = ProfileID(rawValue: 0)

    public var rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }
}

/// The number of a database of a cluster, as far as its catalog is concerned.
public struct CatalogID: Hashable, Sendable {
    public let rawValue: Int32

    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// A database of which nothing is known.
    public static let none = CatalogID(rawValue: -1)
}
