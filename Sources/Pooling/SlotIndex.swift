// At which slot does the entry with a given number stand?

/// A map from the caller's numbers to slots that allocates only when more entries than ever before are present.
///
/// Open addressing with linear probing; a removal moves later entries of the run back, so no markers remain.
struct SlotIndex: Sendable {
    private struct Cell {
        var key: Int
        var slot: Int32
    }

    private static let empty: Int32 = -1

    private var cells: [Cell]
    private(set) var count = 0

    init(minimumCapacity: Int) {
        var size = 8
        while size < minimumCapacity * 2 { size *= 2 }
        cells = Array(repeating: Cell(key: 0, slot: Self.empty), count: size)
    }

    func slot(of key: Int) -> Int32? {
        var place = home(of: key)
        while cells[place].slot != Self.empty {
            if cells[place].key == key { return cells[place].slot }
            place = (place + 1) & (cells.count - 1)
        }
        return nil
    }

    /// Adds a key that must be absent; false if it is present.
    mutating func insert(_ key: Int, slot: Int32) -> Bool {
        if count * 2 >= cells.count { grow() }
        var place = home(of: key)
        while cells[place].slot != Self.empty {
            if cells[place].key == key { return false }
            place = (place + 1) & (cells.count - 1)
        }
        cells[place] = Cell(key: key, slot: slot)
        count += 1
        return true
    }

    /// Removes a key that must be present.
    mutating func remove(_ key: Int) {
        let mask = cells.count - 1
        var hole = home(of: key)
        while cells[hole].key != key || cells[hole].slot == Self.empty {
            precondition(cells[hole].slot != Self.empty, "a number that is not in the pool was removed from it")
            hole = (hole + 1) & mask
        }
        var place = (hole + 1) & mask
        while cells[place].slot != Self.empty {
            let distance = (place - home(of: cells[place].key)) & mask
            if distance >= (place - hole) & mask {
                cells[hole] = cells[place]
                hole = place
            }
            place = (place + 1) & mask
        }
        cells[hole].slot = Self.empty
        count -= 1
    }

    private func home(of key: Int) -> Int {
        let spread = UInt(bitPattern: key) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: (spread ^ (spread >> 32))) & (cells.count - 1)
    }

    private mutating func grow() {
        let old = cells
        cells = Array(repeating: Cell(key: 0, slot: Self.empty), count: old.count * 2)
        count = 0
        for cell in old where cell.slot != Self.empty {
            let isNew = insert(cell.key, slot: cell.slot)
            precondition(isNew, "a number stands twice in the pool's index")
        }
    }
}
