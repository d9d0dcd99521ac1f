// Who lends memory for bytes that have to wait, and how much?

/// Lends blocks of memory to the `SendQueue`s and `ByteStore`s of one worker, up to a limit. Belongs to one thread, as
/// does everything that borrows from it.
@safe public final class BlockPool {
    /// Room of the smallest block; larger ones have twice, four times … as much.
    public static let smallestBlock = 4 << 10
    public static let defaultLimit = 256 << 20
    public static let defaultSpareLimit = 4 << 20

    /// Bytes that may be lent at once.
    public let limit: Int
    /// Bytes that are kept for the next borrower instead of going back to the system.
    public let spareLimit: Int
    // Dynamic exclusivity checks would cost more than the pool's own work. They can find nothing: the pool belongs to
    // one thread, and each access to these is over before anything else is called.

    /// Bytes lent now.
    @safe @exclusivity(unchecked) public private(set) var borrowed = 0
    /// The most bytes ever lent at once.
    @safe @exclusivity(unchecked) public private(set) var peak = 0
    /// Bytes kept for the next borrower.
    @safe @exclusivity(unchecked) public private(set) var spare = 0
    /// How often the limit was hit.
    @safe @exclusivity(unchecked) public private(set) var refusals: UInt64 = 0

    /// Spare blocks of the five smallest sizes, linked through their headers; larger ones are not kept.
    @exclusivity(unchecked) private var spares: [5 of Block?]

    public init(limit: Int = defaultLimit, spareLimit: Int = defaultSpareLimit) {
        self.limit = limit
        self.spareLimit = spareLimit
        unsafe spares = InlineArray(repeating: nil)
    }

    deinit {
        precondition(borrowed == 0, "borrowers keep their pool alive")
        for index in unsafe spares.indices {
            var next = unsafe spares[index]
            while let block = unsafe next {
                unsafe next = block.next
                unsafe block.deallocate()
            }
        }
    }

    /// A block with room for at least `room` bytes, or nil at the limit.
    func borrow(room: Int) -> Block? {
        let index = BlockPool.sizeIndex(of: room)
        let capacity = BlockPool.smallestBlock << index
        guard capacity <= limit - borrowed else {
            refusals += 1
            return nil
        }
        borrowed += capacity
        peak = max(peak, borrowed)
        guard unsafe index < spares.count, let block = unsafe spares[index] else {
            return unsafe Block(allocating: capacity)
        }
        unsafe spares[index] = block.next
        unsafe block.next = nil
        spare -= capacity
        return unsafe block
    }

    /// Takes back a block that this pool lent.
    func giveBack(_ block: Block) {
        let capacity = unsafe block.capacity
        borrowed -= capacity
        let index = BlockPool.sizeIndex(of: capacity)
        guard unsafe index < spares.count, capacity <= spareLimit - spare else {
            unsafe block.deallocate()
            return
        }
        unsafe block.next = unsafe spares[index]
        unsafe spares[index] = block
        spare += capacity
    }

    /// 0 for the smallest block, 1 for the next …
    static func sizeIndex(of room: Int) -> Int {
        precondition(room >= 0 && room <= 1 << 40, "a block's size is sane")
        guard room > smallestBlock else { return 0 }
        return Int.bitWidth - (room - 1).leadingZeroBitCount - smallestBlock.trailingZeroBitCount
    }
}

/// Lent memory: a header, then room for bytes. A plain pointer; its borrower gives it back exactly once.
@unsafe struct Block {
    private static let headerSize = 16
    private let start: UnsafeMutableRawPointer

    /// From the system; nothing but the header is initialised.
    init(allocating capacity: Int) {
        unsafe start = .allocate(byteCount: Block.headerSize + capacity, alignment: 16)
        unsafe start.storeBytes(of: capacity, as: Int.self)
        unsafe start.storeBytes(of: nil, toByteOffset: 8, as: UnsafeMutableRawPointer?.self)
    }

    private init(start: UnsafeMutableRawPointer) {
        unsafe self.start = unsafe start
    }

    func deallocate() {
        unsafe start.deallocate()
    }

    /// Bytes of room behind the header.
    var capacity: Int { unsafe start.load(as: Int.self) }

    var bytes: UnsafeMutablePointer<UInt8> {
        unsafe (start + Block.headerSize).assumingMemoryBound(to: UInt8.self)
    }

    /// The next block of the list that this one is in.
    var next: Block? {
        get { unsafe start.load(fromByteOffset: 8, as: UnsafeMutableRawPointer?.self).map { unsafe Block(start: $0) } }
        nonmutating set {
            unsafe start.storeBytes(of: newValue?.start, toByteOffset: 8, as: UnsafeMutableRawPointer?.self)
        }
    }
}
