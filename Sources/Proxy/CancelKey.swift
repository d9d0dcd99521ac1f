// Whose client does a cancel request mean?

/// The process number that a client is told: it leads to the process, the worker and the slot of the client. The secret
/// beside it is random.
struct CancelKey: Equatable {
    /// Of the processes that forward cancel requests to each other; 0: there is only this one.
    var peer: Int
    var worker: Int
    var slot: Int

    static let peerLimit = 31
    private static let workerBits = 6
    private static let slotBits = 20

    init(peer: Int, worker: Int, slot: Int) {
        self.peer = peer
        self.worker = worker
        self.slot = slot
    }

    init(processID: Int32) {
        let number = Int(UInt32(bitPattern: processID))
        peer = number >> (Self.workerBits + Self.slotBits)
        worker = number >> Self.slotBits & ((1 << Self.workerBits) - 1)
        // Zero is nobody's number.
        slot = number & ((1 << Self.slotBits) - 1) - 1
    }

    /// Slots beyond the bits share their numbers with others; the secret tells them apart.
    var processID: Int32 {
        let place = peer << (Self.workerBits + Self.slotBits) | worker << Self.slotBits
        return Int32(place | (slot + 1) & ((1 << Self.slotBits) - 1))
    }

    /// What stands behind the secret of a request that a peer has forwarded: it is not forwarded again.
    private static let mark: [UInt8] = Array("peer".utf8)

    /// The secret as it is forwarded.
    static func forwarded(_ secret: [UInt8]) -> [UInt8] { secret + mark }

    /// The secret of a request that was forwarded; nil: it comes from a client.
    static func secret(ofForwarded bytes: [UInt8]) -> [UInt8]? {
        bytes.count > mark.count && bytes.suffix(mark.count) == mark[...] ? bytes.dropLast(mark.count) : nil
    }
}
