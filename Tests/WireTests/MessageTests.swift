// Are the messages that we look at and write read and written right?

import Testing
import Wire

/// The client's messages that we look into, and those that we write.
struct MessageTests {
    private func message(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendMessage(type, body: body)
        return bytes
    }

    private func text(_ bytes: [UInt8], _ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    // MARK: Parse

    @Test func parse() {
        var bytes: [UInt8] = [9, 9]
        bytes.appendParse(name: Array("s".utf8), tail: Array("SELECT 1".utf8) + [0, 0, 1, 0, 0, 0, 23])
        guard let view = parseView(bytes, from: 2) else {
            Issue.record("a well-formed Parse is refused")
            return
        }
        #expect(text(bytes, view.name) == "s")
        #expect(text(bytes, view.text) == "SELECT 1")
        #expect(Array(bytes[view.tail]) == Array("SELECT 1".utf8) + [0, 0, 1, 0, 0, 0, 23])
    }

    @Test(
        arguments: [
            [], [0], [0, 0], [0, 0, 0], [0, 65], [0, 0, 0, 1], [0, 0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0], [65, 65, 65],
            [0, 0, 0xFF, 0xFF],
        ] as [[UInt8]])
    func malformedParse(_ body: [UInt8]) {
        let bytes = message(Frontend.parse, body)
        #expect(parseView(bytes) == nil)
    }

    // MARK: Bind

    @Test func bindAtEveryLength() {
        let bytes = message(Frontend.bind, Array("p".utf8) + [0] + Array("stmt".utf8) + [0, 0, 0, 0, 0, 0, 0])
        let head = 5 + 2 + 5
        for count in 5...bytes.count {
            let scan = bindScan(Array(bytes.prefix(count)), totalLength: bytes.count)
            if count < head {
                #expect(scan == .needMore)
            } else {
                #expect(scan == .head(BindView(portal: 5..<6, statement: 7..<11)))
            }
        }
    }

    @Test func bindWithoutNames() {
        let bytes = message(Frontend.bind, [65, 0, 65])
        #expect(bindScan(bytes, totalLength: bytes.count) == .malformed)
        let empty = message(Frontend.bind, [])
        #expect(bindScan(empty, totalLength: 5) == .malformed)
        // What follows the message does not belong to it.
        #expect(bindScan(bytes + [0, 0], totalLength: bytes.count) == .malformed)
    }

    // MARK: Describe, Close, Query

    @Test func objects() {
        for (kind, expected) in [(UInt8(ascii: "S"), ObjectView.Kind.statement), (UInt8(ascii: "P"), .portal)] {
            let bytes = message(Frontend.describe, [kind, 65, 66, 0])
            let view = objectView(bytes)
            #expect(view?.kind == expected && view?.name == 6..<8)
        }
        for body in [
            [], [0], [UInt8(ascii: "S")], [UInt8(ascii: "S"), 65], [UInt8(ascii: "X"), 0],
            [UInt8(ascii: "S"), 0, 65, 0],
        ] {
            let bytes = message(Frontend.close, body)
            #expect(objectView(bytes) == nil)
        }
    }

    @Test func queries() {
        var bytes: [UInt8] = []
        bytes.appendQuery(Array("SELECT 1".utf8))
        #expect(textRange(bytes) == 5..<13)
        for body in [[], [65], [65, 0, 65]] as [[UInt8]] {
            let bytes = message(Frontend.query, body)
            #expect(textRange(bytes) == nil)
        }
        // PostgreSQL refuses a message with a further NUL, whatever stands around it.
        #expect(textRange(message(Frontend.query, [65, 0, 65, 0])) == 5..<8)
        let empty = message(Frontend.query, [0])
        #expect(textRange(empty) == 5..<5)
    }

    // MARK: Written messages

    @Test func written() {
        func check(_ body: (inout [UInt8]) -> Void, _ expected: [UInt8]) {
            var out: [UInt8] = []
            body(&out)
            #expect(out == expected)
        }
        check({ $0.appendInt32(-2) }, [0xFF, 0xFF, 0xFF, 0xFE])
        check({ $0.appendInt16(-2) }, [0xFF, 0xFE])
        check({ $0.appendReadyForQuery(.failed) }, [0x5A, 0, 0, 0, 5, 0x45])
        check({ $0.appendAuthenticationOk() }, [0x52, 0, 0, 0, 8, 0, 0, 0, 0])
        check({ $0.appendCommandComplete("SET") }, [0x43, 0, 0, 0, 8, 0x53, 0x45, 0x54, 0])
        check({ $0.appendClose(statement: [65]) }, [0x43, 0, 0, 0, 7, 0x53, 65, 0])
        check({ $0.appendDescribe(statement: [65]) }, [0x44, 0, 0, 0, 7, 0x53, 65, 0])
        check({ $0.appendBind(statement: [65]) }, [0x42, 0, 0, 0, 13, 0, 65, 0, 0, 0, 0, 0, 0, 0])
        check({ $0.appendBackendKeyData(processID: 1, secret: [9, 8]) }, [0x4B, 0, 0, 0, 10, 0, 0, 0, 1, 9, 8])
        check(
            { $0.appendCancelRequest(processID: 1, secret: [1, 2, 3, 4]) },
            [0, 0, 0, 16, 4, 0xD2, 0x16, 0x2E, 0, 0, 0, 1, 1, 2, 3, 4])
        check({ $0.appendParameterStatus(name: "a", value: "é") }, [0x53, 0, 0, 0, 9, 65 + 32, 0, 0xC3, 0xA9, 0])
        check(
            { $0.appendNegotiateProtocolVersion(minor: 0, unsupportedOptions: ["_pq_.x"]) },
            [0x76, 0, 0, 0, 19, 0, 3, 0, 0, 0, 0, 0, 1] + Array("_pq_.x".utf8) + [0])
    }

    /// Every message that is written is as long as it says.
    @Test func anExecutionIsFourWholeMessages() {
        var bytes: [UInt8] = []
        bytes.appendUnnamedExecution(Array("BEGIN".utf8))
        var types: [UInt8] = []
        var offset = 0
        while case .frame(let header) = frame(bytes, at: offset) {
            types.append(header.type)
            offset += header.totalLength
        }
        #expect(types == [Frontend.parse, Frontend.bind, Frontend.execute, Frontend.close])
        #expect(offset == bytes.count)
    }

    // MARK: Errors

    @Test func errorsAreReadAsTheyAreWritten() {
        let fields = ErrorFields(.fatal, "57P01", "bye", detail: "d\0e", hint: "h")
        let error = receivedError(Array(fields.encoded.dropFirst(5)))
        #expect(error.severity == "FATAL" && error.endsConnection)
        #expect(error.sqlState == "57P01" && error.message == "bye" && error.detail == "de" && error.hint == "h")
        #expect(fields.encoded.first == Backend.errorResponse)
        #expect(ErrorFields(.warning, "01000", "w").encoded.first == Backend.noticeResponse)
    }

    @Test func anErrorThatIsCutIsReadAsFarAsItGoes() {
        let whole = Array(ErrorFields(.error, "42P01", "message", detail: "detail").encoded.dropFirst(5))
        for count in 0...whole.count {
            let error = receivedError(Array(whole.prefix(count)))
            #expect(["", "42P01"].contains(error.sqlState) && ["", "message"].contains(error.message))
            #expect(!error.endsConnection)
        }
        // The severity as it is, not as it is translated; servers before 9.6 tell the latter only.
        let translated = Array("SFEHLER\0VERROR\0".utf8) + [0]
        #expect(receivedError(translated).severity == "ERROR")
        #expect(receivedError((Array("SFATAL\0".utf8) + [0])).endsConnection)
    }
}
