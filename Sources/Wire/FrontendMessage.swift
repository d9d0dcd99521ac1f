// Where in a client's message do the names and texts stand that we must look at?

/// The parts of a Parse message, as ranges of the bytes it was read from.
public struct ParseView: Equatable, Sendable {
    public var name: Range<Int>
    /// The statement's text without its NUL.
    public var text: Range<Int>
    /// Everything after the name: text, NUL and parameter types.
    public var tail: Range<Int>

    /// Reads the whole message in `frame`; nil when it is malformed.
    public init?(_ bytes: Span<UInt8>, frame: Range<Int>) {
        let body = frame.lowerBound + FrameHeader.byteCount..<frame.upperBound
        guard let nameEnd = bytes.terminator(in: body),
            let textEnd = bytes.terminator(in: nameEnd + 1..<body.upperBound),
            body.upperBound - textEnd >= 3
        else { return nil }
        let typeCount = Int(bytes.bigEndianUInt16(at: textEnd + 1))
        guard body.upperBound - textEnd - 3 == typeCount * 4 else { return nil }
        name = body.lowerBound..<nameEnd
        text = nameEnd + 1..<textEnd
        tail = nameEnd + 1..<body.upperBound
    }
}

/// The head of a Bind message; the parameters need not be there.
public struct BindView: Equatable, Sendable {
    public var portal: Range<Int>
    public var statement: Range<Int>

    public enum Scan: Equatable, Sendable {
        case needMore
        case head(BindView)
        case malformed
    }

    /// Reads the names of a message that starts at `offset` and has `totalLength` bytes, of which some may be missing.
    public static func scan(_ bytes: Span<UInt8>, at offset: Int, totalLength: Int) -> Scan {
        let end = offset + totalLength
        let body = offset + FrameHeader.byteCount..<min(end, bytes.count)
        guard let portalEnd = bytes.terminator(in: body),
            let statementEnd = bytes.terminator(in: portalEnd + 1..<body.upperBound)
        else { return bytes.count < end ? .needMore : .malformed }
        return .head(
            BindView(portal: body.lowerBound..<portalEnd, statement: portalEnd + 1..<statementEnd))
    }

    public init(portal: Range<Int>, statement: Range<Int>) {
        self.portal = portal
        self.statement = statement
    }
}

/// A Describe or Close message.
public struct ObjectView: Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
        case statement
        case portal
    }

    public var kind: Kind
    public var name: Range<Int>

    /// Reads the whole message in `frame`; nil when it is malformed.
    public init?(_ bytes: Span<UInt8>, frame: Range<Int>) {
        let start = frame.lowerBound + FrameHeader.byteCount
        guard frame.upperBound - start >= 2, bytes[frame.upperBound - 1] == 0,
            bytes.terminator(in: start + 1..<frame.upperBound) == frame.upperBound - 1
        else { return nil }
        switch bytes[start] {
        case UInt8(ascii: "S"): kind = .statement
        case UInt8(ascii: "P"): kind = .portal
        default: return nil
        }
        name = start + 1..<frame.upperBound - 1
    }
}

/// The text of a simple Query message, without its closing NUL; nil when it is malformed. Should there be another NUL
/// inside, PostgreSQL refuses the message.
public func queryText(_ bytes: Span<UInt8>, frame: Range<Int>) -> Range<Int>? {
    let start = frame.lowerBound + FrameHeader.byteCount
    guard frame.upperBound > start, bytes[frame.upperBound - 1] == 0 else { return nil }
    return start..<frame.upperBound - 1
}
