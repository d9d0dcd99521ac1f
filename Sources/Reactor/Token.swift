// Whose event is this? What epoll hands back with an event, and how a late event of a closed connection is told apart.

/// The 64 bits that travel through epoll with a descriptor: a slot, its generation, and a kind of the owner's choice.
public struct Token: Hashable, Sendable {
    public let rawValue: UInt64

    /// How often a slot can be reused before a generation repeats.
    public static let generations: UInt32 = 1 << 24

    @inlinable public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    @inlinable public init(kind: UInt8, index: UInt32, generation: UInt32) {
        precondition(generation < Token.generations, "a generation has 24 bits")
        rawValue = UInt64(kind) << 56 | UInt64(generation) << 32 | UInt64(index)
    }

    @inlinable public var index: Int { Int(UInt32(truncatingIfNeeded: rawValue)) }
    @inlinable public var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) & (Token.generations - 1) }
    @inlinable public var kind: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 56) }
}

/// Gives out tokens and knows which are still current. Slots are dense, so that they can index an array of connections.
/// A token that was closed is never current again, even when its slot (or its descriptor number) has a new owner.
public struct TokenTable: Sendable {
    @usableFromInline var current: [UInt64]
    @usableFromInline var free: [UInt32]

    /// - Parameter capacity: slots to make room for now; the table grows when more are open.
    public init(capacity: Int = 0) {
        current = []
        free = []
        current.reserveCapacity(capacity)
        free.reserveCapacity(capacity)
    }

    /// Number of tokens open now.
    @inlinable public var count: Int { current.count - free.count }

    /// Number of slots ever used; every index is below it.
    @inlinable public var slotCount: Int { current.count }

    /// The kind that marks a closed slot, so that not even the slot's next token counts as current before it is opened.
    @usableFromInline static var closedKind: UInt8 { 0xFF }

    /// Opens a token in the slot that was closed last, or in a new one. `kind` is any but 255.
    @inlinable public mutating func open(kind: UInt8) -> Token {
        precondition(kind != TokenTable.closedKind, "kind 255 marks closed slots")
        guard let index = free.popLast() else {
            let token = Token(kind: kind, index: UInt32(current.count), generation: 0)
            current.append(token.rawValue)
            return token
        }
        let generation = Token(rawValue: current[Int(index)]).generation
        let token = Token(kind: kind, index: index, generation: generation)
        current[Int(index)] = token.rawValue
        return token
    }

    /// Closes a token, which must be current: closing twice is our own bug.
    @inlinable public mutating func close(_ token: Token) {
        precondition(isCurrent(token), "a token is closed once")
        let next = (token.generation + 1) & (Token.generations - 1)
        let marker = Token(kind: TokenTable.closedKind, index: UInt32(token.index), generation: next)
        current[token.index] = marker.rawValue
        free.append(UInt32(token.index))
    }

    /// Whether the token is open.
    @inlinable public func isCurrent(_ token: Token) -> Bool {
        token.index < current.count && current[token.index] == token.rawValue
    }
}
