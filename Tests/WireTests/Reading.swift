// The readers of bytes, for arrays: a span cannot be part of an expectation.

import Wire

func frame(_ bytes: [UInt8], at offset: Int = 0) -> FrameScan { FrameScanner.scan(bytes.span, at: offset) }

func startup(_ bytes: [UInt8]) -> StartupPacket.Scan { StartupPacket.scan(bytes.span) }

func parseView(_ bytes: [UInt8], from start: Int = 0) -> ParseView? {
    ParseView(bytes.span, frame: start..<bytes.count)
}

func bindScan(_ bytes: [UInt8], totalLength: Int) -> BindView.Scan {
    BindView.scan(bytes.span, at: 0, totalLength: totalLength)
}

func objectView(_ bytes: [UInt8]) -> ObjectView? { ObjectView(bytes.span, frame: 0..<bytes.count) }

func textRange(_ bytes: [UInt8]) -> Range<Int>? { queryText(bytes.span, frame: 0..<bytes.count) }

func receivedError(_ body: [UInt8]) -> ReceivedError { ReceivedError(body: body.span) }
