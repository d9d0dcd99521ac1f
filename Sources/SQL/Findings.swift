// What has the reading of a text brought to light so far?

/// The union of effects and pins, and the strongest rule behind them.
struct Findings {
    private(set) var effects: Effects = []
    /// Those that are not only feared because the catalog has changed.
    private(set) var certain: Effects = []
    private(set) var pins: PinReasons = []
    private(set) var cause = Cause(source: .grammar, token: 0..<0, note: .readsOnly)

    var routeClass: RouteClass {
        RouteClass(effects)
    }

    /// Notes what a rule found; the first of the strongest rules is the cause.
    mutating func note(_ added: Effects, pins addedPins: PinReasons = [], _ addedCause: Cause) {
        if cause.note == .readsOnly || RouteClass(added) > routeClass {
            cause = addedCause
        }
        effects.formUnion(added)
        if addedCause.note != .outdatedKnowledge { certain.formUnion(added) }
        pins.formUnion(addedPins)
    }

    /// Adds the findings of a part.
    mutating func note(_ part: Findings) {
        note(part.effects, certain: part.certain, pins: part.pins, part.cause)
    }

    mutating func note(_ added: Effects, certain addedCertain: Effects, pins: PinReasons = [], _ cause: Cause) {
        let known = certain.union(addedCertain)
        note(added, pins: pins, cause)
        certain = known
    }

    /// All that speaks against a replica is feared only.
    var isOnlyFeared: Bool { effects != certain && RouteClass(certain) == .replicaSafe }

    mutating func pin(_ reasons: PinReasons) {
        pins.formUnion(reasons)
    }
}

extension Cause {
    init(_ source: Source, _ token: Range<Int>, _ note: StaticReason) {
        let start = Int32(clamping: token.lowerBound)
        self.init(source: source, token: start..<max(start, Int32(clamping: token.upperBound)), note: note)
    }
}
