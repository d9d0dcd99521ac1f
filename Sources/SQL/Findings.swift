// What has the reading of a text brought to light so far?

/// The union of effects and pins, and the strongest rule behind them.
struct Findings {
    private(set) var effects: Effects = []
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
        pins.formUnion(addedPins)
    }

    /// Adds the findings of a part.
    mutating func note(_ part: Findings) {
        note(part.effects, pins: part.pins, part.cause)
    }

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
