// Which of several nodes that could answer a read does so?

/// The choice by the operator's rule, by shares, and by zones. Pure, and without allocation.
struct ReplicaChoice {
    let balance: LoadBalance
    /// A random number; with `.roundRobin` the running number of the decision.
    let random: UInt64

    /// A node of the router's own zone is left when it has more than this much work for its share, and twice as much as
    /// the best of the others has.
    static let spillLoad: UInt64 = 8

    /// - Parameter candidates: at least one.
    func choose(
        among candidates: NodeSet, _ nodes: Span<NodeStatus>, _ outstanding: Span<Int32>, _ latency: Span<UInt64>
    ) -> Int {
        var near = NodeSet()
        var far = NodeSet()
        for index in nodes.indices where candidates.contains(index) {
            if nodes[index].isNear { near.insert(index) } else { far.insert(index) }
        }
        if far.isEmpty || near.isEmpty { return choose(candidates, nodes, outstanding, latency) }
        let nearest = choose(near, nodes, outstanding, latency)
        let load = Self.load(nearest, outstanding)
        guard load > Self.spillLoad else { return nearest }
        let other = choose(far, nodes, outstanding, latency)
        let share = Self.share(nodes[nearest])
        return load * Self.share(nodes[other]) > 2 * Self.load(other, outstanding) * share ? other : nearest
    }

    private func choose(
        _ candidates: NodeSet, _ nodes: Span<NodeStatus>, _ outstanding: Span<Int32>, _ latency: Span<UInt64>
    ) -> Int {
        var total: UInt64 = 0
        for index in nodes.indices where candidates.contains(index) { total += Self.share(nodes[index]) }
        switch balance {
        case .roundRobin:
            // In the smallest numbers that stand for the shares, so that equal nodes take turns one by one.
            var unit: UInt64 = 0
            for index in nodes.indices where candidates.contains(index) {
                unit = Self.commonDivisor(unit, Self.share(nodes[index]))
            }
            return Self.pick(random % (total / unit) * unit, candidates, nodes)
        case .random:
            return Self.pick(Self.scale(random, total), candidates, nodes)
        case .leastOutstanding, .latency:
            let first = Self.pick(Self.scale(random, total), candidates, nodes)
            guard candidates.count > 1 else { return first }
            var others = candidates
            others.remove(first)
            let rest = total - Self.share(nodes[first])
            let second = Self.pick(Self.scale(random &<< 32, rest), others, nodes)
            let firstCost = cost(first, outstanding, latency) &* Self.share(nodes[second])
            let secondCost = cost(second, outstanding, latency) &* Self.share(nodes[first])
            return secondCost < firstCost ? second : first
        }
    }

    /// What one more read costs there, for a share of one.
    private func cost(_ index: Int, _ outstanding: Span<Int32>, _ latency: Span<UInt64>) -> UInt64 {
        let load = Self.load(index, outstanding)
        guard balance == .latency else { return load }
        // Nobody knows how fast a node is that has answered nothing: it is tried. In microseconds, at most an hour.
        let time = index < latency.count ? min(latency[index] / 1_000, 3_600_000_000) : 0
        return time * (min(load, 10_000) + 1)
    }

    private static func commonDivisor(_ one: UInt64, _ other: UInt64) -> UInt64 {
        var (larger, smaller) = (one, other)
        while smaller != 0 { (larger, smaller) = (smaller, larger % smaller) }
        return larger
    }

    /// The candidate in whose share `ticket` falls.
    private static func pick(_ ticket: UInt64, _ candidates: NodeSet, _ nodes: Span<NodeStatus>) -> Int {
        var remaining = ticket
        for index in nodes.indices where candidates.contains(index) {
            let share = share(nodes[index])
            if remaining < share { return index }
            remaining -= share
        }
        preconditionFailure("a ticket is smaller than the sum of the shares")
    }

    /// Maps the upper half of a random word to 0..<limit.
    private static func scale(_ random: UInt64, _ limit: UInt64) -> UInt64 { ((random &>> 32) * limit) &>> 32 }

    /// At most a million, so that sums and products stay within a word.
    private static func share(_ node: borrowing NodeStatus) -> UInt64 { UInt64(min(max(node.share, 1), 1_000_000)) }

    private static func load(_ index: Int, _ outstanding: Span<Int32>) -> UInt64 {
        index < outstanding.count ? UInt64(max(outstanding[index], 0)) : 0
    }
}
