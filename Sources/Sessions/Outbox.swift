// Which bytes are to be sent, in which order, without copying those that only pass through?

import Wire

/// Pieces of a stream: ranges of the bytes being read now, and bytes that a machine wrote itself.
public struct Outbox: Equatable, Sendable {
    public enum Piece: Equatable, Sendable {
        /// A range of the input that the machine was called with.
        case input(Range<Int>)
        /// A range of `literals`.
        case literal(Range<Int>)
    }

    /// What is sent first, if that is a part of the input: mostly it is all there is.
    public private(set) var passage = 0..<0
    /// What follows.
    public private(set) var pieces: [Piece] = []
    public private(set) var literals: [UInt8] = []

    public init() {}

    public var isEmpty: Bool { passage.isEmpty && pieces.isEmpty }

    /// Forwards a part of the input; neighbours become one piece.
    public mutating func forward(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        guard let last = pieces.last else {
            if passage.isEmpty {
                passage = range
            } else if passage.upperBound == range.lowerBound {
                passage = passage.lowerBound..<range.upperBound
            } else {
                pieces.append(.input(range))
            }
            return
        }
        if case .input(let before) = last, before.upperBound == range.lowerBound {
            pieces[pieces.count - 1] = .input(before.lowerBound..<range.upperBound)
        } else {
            pieces.append(.input(range))
        }
    }

    /// Appends bytes that `body` writes.
    @inline(__always)
    public mutating func write(_ body: (inout [UInt8]) -> Void) {
        let start = literals.count
        body(&literals)
        guard literals.count > start else { return }
        if let last = pieces.last, case .literal(let before) = last {
            pieces[pieces.count - 1] = .literal(before.lowerBound..<literals.count)
        } else {
            pieces.append(.literal(start..<literals.count))
        }
    }

    /// Forgets everything and keeps the memory.
    public mutating func removeAll() {
        passage = 0..<0
        guard !pieces.isEmpty else { return }
        pieces.removeAll(keepingCapacity: true)
        literals.removeAll(keepingCapacity: true)
    }

    /// The bytes as they would be sent.
    public func bytes(from input: Span<UInt8>) -> [UInt8] {
        var result = [UInt8](copying: input.extracting(passage))
        for piece in pieces {
            switch piece {
            case .input(let range): result.append(copying: input.extracting(range))
            case .literal(let range): result.append(contentsOf: literals[range])
            }
        }
        return result
    }
}
