// Are the boundaries of messages found, at any cut of the stream?

import Testing
import Wire

/// Where messages begin and end, and what must not be taken for one.
struct FrameTests {
    @Test func aHeaderNeedsFiveBytes() {
        let bytes: [UInt8] = [0x51, 0, 0, 0, 6, 65, 0]
        for count in 0..<5 { #expect(frame(Array(bytes.prefix(count))) == .needMore) }
        for count in 5...7 {
            let scan = frame(Array(bytes.prefix(count)))
            #expect(scan == .frame(FrameHeader(type: 0x51, totalLength: 7)))
        }
        #expect(FrameHeader(type: 0, totalLength: 7).bodyLength == 2)
    }

    @Test(
        arguments: [
            ([0x51, 0, 0, 0, 3], false), ([0x51, 0, 0, 0, 0], false), ([0x51, 0xFF, 0xFF, 0xFF, 0xFF], false),
            ([0x51, 0x80, 0, 0, 0], false), ([0x51, 0x7F, 0xFF, 0xFF, 0xFF], true), ([0, 0, 0, 0, 4], true),
        ] as [([UInt8], Bool)])
    func lengths(_ bytes: [UInt8], _ isFrame: Bool) {
        let scan = frame(bytes, at: 0)
        if isFrame { #expect(scan != .malformed && scan != .needMore) } else { #expect(scan == .malformed) }
    }

    @Test func atAnOffset() {
        let bytes: [UInt8] = [1, 2, 0x53, 0, 0, 0, 4]
        #expect(frame(bytes, at: 2) == .frame(FrameHeader(type: 0x53, totalLength: 5)))
        #expect(frame(bytes, at: 3) == .needMore)
        #expect(frame(bytes, at: 7) == .needMore)
    }

    @Test func spans() {
        let bytes: [UInt8] = [0x80, 1, 2, 3, 0, 9]
        let word = bytes.span.bigEndianUInt32(at: 0)
        let half = bytes.span.bigEndianUInt16(at: 1)
        #expect(word == 0x8001_0203 && half == 0x0102)
        let terminators = [0..<6, 0..<4, 5..<5].map { bytes.span.terminator(in: $0) }
        #expect(terminators == [4, nil, nil])
        let part = bytes.span.bytes(in: 1..<3)
        #expect(part == [1, 2])
        let matches = [bytes.span.matches([1, 2], in: 1..<3), bytes.span.matches([], in: 2..<2)]
        let others = [bytes.span.matches([1, 2], in: 1..<4), bytes.span.matches([1, 3], in: 1..<3)]
        #expect(matches == [true, true] && others == [false, false])
    }
}
