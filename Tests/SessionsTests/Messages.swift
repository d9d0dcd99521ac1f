// How are protocol messages written for a test, and how does a stream of them read?

import Wire

/// One message of a client's.
enum Message: Equatable {
    case query(String)
    case parse(String, String, types: [Int32] = [])
    case bind(String, portal: String = "", padding: Int = 0)
    case describeStatement(String)
    case describePortal(String = "")
    case execute(String = "")
    case closeStatement(String)
    case closePortal(String)
    case sync
    case flush
    case copyData(String)
    case copyDone
    case copyFail(String)
    case functionCall
    case terminate
    case raw([UInt8])

    var bytes: [UInt8] {
        var out: [UInt8] = []
        switch self {
        case .query(let text):
            out.appendQuery(Array(text.utf8))
        case .parse(let name, let text, let types):
            var tail = Array(text.utf8) + [0]
            tail.appendInt16(Int16(types.count))
            for type in types { tail.appendInt32(type) }
            out.appendParse(name: Array(name.utf8), tail: tail)
        case .bind(let statement, let portal, let padding):
            var body: [UInt8] = []
            body.appendCString(portal)
            body.appendCString(statement)
            body.appendInt16(0)
            if padding > 0 {
                body.appendInt16(1)
                body.appendInt32(Int32(padding))
                body.append(contentsOf: [UInt8](repeating: 120, count: padding))
            } else {
                body.appendInt16(0)
            }
            body.appendInt16(0)
            out.appendMessage(Frontend.bind, body: body)
        case .describeStatement(let name): out.appendMessage(Frontend.describe, body: Self.object("S", name))
        case .describePortal(let name): out.appendMessage(Frontend.describe, body: Self.object("P", name))
        case .execute(let portal):
            var body: [UInt8] = []
            body.appendCString(portal)
            body.appendInt32(0)
            out.appendMessage(Frontend.execute, body: body)
        case .closeStatement(let name): out.appendMessage(Frontend.close, body: Self.object("S", name))
        case .closePortal(let name): out.appendMessage(Frontend.close, body: Self.object("P", name))
        case .sync: out.appendMessage(Frontend.sync)
        case .flush: out.appendMessage(Frontend.flush)
        case .copyData(let text): out.appendMessage(Frontend.copyData, body: Array(text.utf8))
        case .copyDone: out.appendMessage(Frontend.copyDone)
        case .copyFail(let reason): out.appendMessage(Frontend.copyFail, body: Array(reason.utf8) + [0])
        case .functionCall: out.appendMessage(Frontend.functionCall, body: [0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        case .terminate: out.appendMessage(Frontend.terminate)
        case .raw(let bytes): out = bytes
        }
        return out
    }

    private static func object(_ kind: String, _ name: String) -> [UInt8] {
        Array(kind.utf8) + Array(name.utf8) + [0]
    }
}

extension [Message] {
    var bytes: [UInt8] { flatMap(\.bytes) }
}

/// The names and texts in a message's body.
struct BodyReader {
    var rest: ArraySlice<UInt8>

    init(_ body: ArraySlice<UInt8>) { rest = body }

    mutating func string() -> String {
        let end = rest.firstIndex(of: 0) ?? rest.endIndex
        let text = String(decoding: rest[..<end], as: UTF8.self)
        rest = rest[min(end + 1, rest.endIndex)...]
        return text
    }

    mutating func byte() -> Character {
        Character(UnicodeScalar(rest.popFirst() ?? 63))
    }
}

/// A stream as words, one for each message, for comparison and for people.
enum Reading {
    static func frames(_ bytes: [UInt8]) -> [(type: UInt8, body: ArraySlice<UInt8>)] {
        var frames: [(UInt8, ArraySlice<UInt8>)] = []
        var offset = 0
        while case .frame(let header) = FrameScanner.scan(bytes.span, at: offset) {
            let end = offset + header.totalLength
            guard end <= bytes.count else {
                frames.append((header.type, bytes[offset + 5..<bytes.count]))
                break
            }
            frames.append((header.type, bytes[offset + 5..<end]))
            offset = end
        }
        return frames
    }

    /// What a client says.
    static func client(_ bytes: [UInt8]) -> String {
        frames(bytes).map { frontend($0.type, $0.body) }.joined(separator: " ")
    }

    /// The long question for what a session has left on its server is cut short, and what gives it its settings back.
    private static func abridged(_ text: String) -> String {
        if text.hasPrefix("SELECT pg_catalog.set_config(v.n") { return "restoring" }
        return text.firstRange(of: "SELECT '*").map { text[..<$0.lowerBound] + "state" } ?? text
    }

    /// What a server says.
    static func server(_ bytes: [UInt8]) -> String {
        frames(bytes).map { backend($0.type, $0.body) }.joined(separator: " ")
    }

    private static func frontend(_ type: UInt8, _ body: ArraySlice<UInt8>) -> String {
        var reader = BodyReader(body)
        switch type {
        case Frontend.query: return "Q(\(abridged(reader.string())))"
        case Frontend.parse: return "P(\(reader.string()): \(reader.string()))"
        case Frontend.bind:
            let portal = reader.string()
            return "B(\(portal.isEmpty ? "" : portal + "<-")\(reader.string()))"
        case Frontend.describe, Frontend.close:
            let kind = reader.byte()
            return "\(Character(UnicodeScalar(type)))(\(kind) \(reader.string()))"
        case Frontend.execute: return "E(\(reader.string()))"
        case Frontend.copyData: return "d(\(body.count))"
        default: return String(Character(UnicodeScalar(type)))
        }
    }

    private static func backend(_ type: UInt8, _ body: ArraySlice<UInt8>) -> String {
        var reader = BodyReader(body)
        switch type {
        case Backend.commandComplete: return "C(\(reader.string()))"
        case Backend.readyForQuery: return "Z(\(reader.byte()))"
        case Backend.errorResponse, Backend.noticeResponse:
            let error = ReceivedError(body: Array(body).span)
            return "\(type == Backend.errorResponse ? "E" : "N")(\(error.sqlState) \(error.message))"
        case Backend.rowDescription:
            reader.rest = reader.rest.dropFirst(2)
            return "T(\(reader.string()))"
        case Backend.dataRow:
            return "D(\(String(decoding: body.dropFirst(6), as: UTF8.self)))"
        case Backend.parameterStatus: return "S(\(reader.string())=\(reader.string()))"
        default: return String(Character(UnicodeScalar(type)))
        }
    }
}
