// How are slots kept in order without allocating?

/// A doubly linked list of slot numbers; the links stand in a ``SlotLinks``.
struct SlotList: Equatable, Sendable {
    var first: Int32 = SlotLinks.none
    var last: Int32 = SlotLinks.none
    var count = 0

    var isEmpty: Bool { count == 0 }
}

/// The links of lists over the same slots; a slot stands in at most one of them.
struct SlotLinks: Sendable {
    static let none: Int32 = -1

    private var next: [Int32] = []
    private var previous: [Int32] = []

    mutating func reserveCapacity(_ count: Int) {
        next.reserveCapacity(count)
        previous.reserveCapacity(count)
    }

    /// Adds the links of one more slot.
    mutating func grow() {
        next.append(Self.none)
        previous.append(Self.none)
    }

    func slot(after slot: Int32) -> Int32 { next[Int(slot)] }

    func slot(before slot: Int32) -> Int32 { previous[Int(slot)] }

    mutating func append(_ slot: Int32, to list: inout SlotList) {
        insert(slot, before: Self.none, in: &list)
    }

    mutating func prepend(_ slot: Int32, to list: inout SlotList) {
        insert(slot, before: list.first, in: &list)
    }

    /// Inserts before a member, or at the end when that is `none`.
    mutating func insert(_ slot: Int32, before successor: Int32, in list: inout SlotList) {
        let predecessor = successor == Self.none ? list.last : previous[Int(successor)]
        next[Int(slot)] = successor
        previous[Int(slot)] = predecessor
        if predecessor == Self.none { list.first = slot } else { next[Int(predecessor)] = slot }
        if successor == Self.none { list.last = slot } else { previous[Int(successor)] = slot }
        list.count += 1
    }

    mutating func remove(_ slot: Int32, from list: inout SlotList) {
        let successor = next[Int(slot)]
        let predecessor = previous[Int(slot)]
        if predecessor == Self.none { list.first = successor } else { next[Int(predecessor)] = successor }
        if successor == Self.none { list.last = predecessor } else { previous[Int(successor)] = predecessor }
        next[Int(slot)] = Self.none
        previous[Int(slot)] = Self.none
        list.count -= 1
    }

    /// The members from first to last.
    func members(of list: SlotList) -> [Int32] {
        var members: [Int32] = []
        var slot = list.first
        while slot != Self.none {
            members.append(slot)
            slot = next[Int(slot)]
        }
        return members
    }
}
