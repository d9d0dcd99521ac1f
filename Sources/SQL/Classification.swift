// What is known about a text after reading it once?

/// The verdict on one text, which may hold several statements.
public struct Classification: Equatable, Sendable {
    /// How many statements the text holds; empty ones do not count.
    public var statementCount: Int
    /// The union over all statements.
    public var effects: Effects
    /// The union over all statements.
    public var pins: PinReasons
    public var command: Command
    /// The class of the strongest effect.
    public var routeClass: RouteClass
    /// What decided `routeClass`.
    public var cause: Cause
    /// What can be said for certain speaks for a replica.
    public var mayBeReplicaSafe: Bool { routeClass == .replicaSafe || effects.contains(.onlyFeared) }
    /// The generation of the catalog knowledge that was used; 0 without any.
    public var generation: UInt64

    public init(
        statementCount: Int, effects: Effects, pins: PinReasons, command: Command, routeClass: RouteClass,
        cause: Cause, generation: UInt64 = 0
    ) {
        self.statementCount = statementCount
        self.effects = effects
        self.pins = pins
        self.command = command
        self.routeClass = routeClass
        self.cause = cause
        self.generation = generation
    }
}
