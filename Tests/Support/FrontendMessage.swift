// What does a client of PostgreSQL say?

/// A message from client to server, or bytes that are none.
public enum FrontendMessage: Sendable, Equatable {
    case query(String)
    case parse(String, name: String = "", types: [UInt32] = [])
    /// Values as text; nil is NULL. Results come as text unless `binaryResults`.
    case bind([String?] = [], statement: String = "", portal: String = "", binaryResults: Bool = false)
    case describeStatement(String = "")
    case describePortal(String = "")
    /// `limit` 0: all rows.
    case execute(portal: String = "", limit: Int32 = 0)
    case closeStatement(String)
    case closePortal(String)
    case sync
    case flush
    case copyData([UInt8])
    case copyDone
    case copyFail(String)
    /// The old function call, arguments and result as text.
    case functionCall(UInt32, [String?])
    case password(String)
    case terminate
    /// Sent as it is.
    case raw([UInt8])

    /// Parse, bind, describe and execute of one statement without a name; the caller adds `sync`.
    public static func extended(_ sql: String, _ values: [String?] = []) -> [FrontendMessage] {
        [.parse(sql), .bind(values), .describePortal(), .execute()]
    }

    /// The message as it goes over the connection.
    public var bytes: [UInt8] {
        switch self {
        case .query(let sql): Self.message("Q") { $0.text(sql) }
        case .parse(let sql, let name, let types):
            Self.message("P") {
                $0.text(name)
                $0.text(sql)
                $0.int16(types.count)
                for type in types { $0.int32(Int32(bitPattern: type)) }
            }
        case .bind(let values, let statement, let portal, let binaryResults):
            Self.message("B") {
                $0.text(portal)
                $0.text(statement)
                $0.int16(0)
                $0.int16(values.count)
                for value in values { $0.value(value) }
                $0.int16(binaryResults ? 1 : 0)
                if binaryResults { $0.int16(1) }
            }
        case .describeStatement(let name): Self.named("D", "S", name)
        case .describePortal(let name): Self.named("D", "P", name)
        case .execute(let portal, let limit):
            Self.message("E") {
                $0.text(portal)
                $0.int32(limit)
            }
        case .closeStatement(let name): Self.named("C", "S", name)
        case .closePortal(let name): Self.named("C", "P", name)
        case .sync: Self.message("S") { _ in }
        case .flush: Self.message("H") { _ in }
        case .copyData(let data): Self.message("d") { $0.bytes += data }
        case .copyDone: Self.message("c") { _ in }
        case .copyFail(let reason): Self.message("f") { $0.text(reason) }
        case .functionCall(let function, let arguments):
            Self.message("F") {
                $0.int32(Int32(bitPattern: function))
                $0.int16(0)
                $0.int16(arguments.count)
                for argument in arguments { $0.value(argument) }
                $0.int16(0)
            }
        case .password(let password): Self.message("p") { $0.text(password) }
        case .terminate: Self.message("X") { _ in }
        case .raw(let bytes): bytes
        }
    }

    /// The first packet of a connection; protocol 3.0 is 196608.
    public static func startup(
        _ parameters: [(String, String)], protocolVersion: Int32 = 196_608
    ) -> [UInt8] {
        var packet = MessageBytes()
        packet.int32(protocolVersion)
        for (name, value) in parameters {
            packet.text(name)
            packet.text(value)
        }
        packet.bytes.append(0)
        return packet.withLength
    }

    /// The only packet of a connection that cancels another's query.
    public static func cancelRequest(pid: Int32, key: [UInt8]) -> [UInt8] {
        var packet = MessageBytes()
        packet.int32(80_877_102)
        packet.int32(pid)
        packet.bytes += key
        return packet.withLength
    }

    private static func named(_ kind: Character, _ what: Character, _ name: String) -> [UInt8] {
        message(kind) {
            $0.bytes += Array(String(what).utf8)
            $0.text(name)
        }
    }

    private static func message(_ kind: Character, _ fill: (inout MessageBytes) -> Void) -> [UInt8] {
        var body = MessageBytes()
        fill(&body)
        return Array(String(kind).utf8) + body.withLength
    }
}

/// The body of a message, growing.
private struct MessageBytes {
    var bytes: [UInt8] = []

    mutating func int16(_ value: Int) {
        let bits = UInt16(truncatingIfNeeded: value)
        bytes += [UInt8(bits >> 8), UInt8(bits & 0xff)]
    }

    mutating func int32(_ value: Int32) {
        let bits = UInt32(bitPattern: value)
        bytes += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: bits >> $0) }
    }

    mutating func text(_ text: String) { bytes += Array(text.utf8) + [0] }

    mutating func value(_ text: String?) {
        guard let text else { return int32(-1) }
        int32(Int32(text.utf8.count))
        bytes += Array(text.utf8)
    }

    /// The body after its length, which counts itself.
    var withLength: [UInt8] {
        var length = MessageBytes()
        length.int32(Int32(bytes.count + 4))
        return length.bytes + bytes
    }
}
