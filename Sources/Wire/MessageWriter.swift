// How are the few messages that we send ourselves written?

extension Array where Element == UInt8 {
    /// Four bytes in network order.
    public mutating func appendInt32(_ value: Int32) {
        let bits = UInt32(bitPattern: value)
        append(UInt8(truncatingIfNeeded: bits >> 24))
        append(UInt8(truncatingIfNeeded: bits >> 16))
        append(UInt8(truncatingIfNeeded: bits >> 8))
        append(UInt8(truncatingIfNeeded: bits))
    }

    /// Two bytes in network order.
    public mutating func appendInt16(_ value: Int16) {
        let bits = UInt16(bitPattern: value)
        append(UInt8(truncatingIfNeeded: bits >> 8))
        append(UInt8(truncatingIfNeeded: bits))
    }

    /// The bytes and a NUL.
    public mutating func appendCString(_ bytes: [UInt8]) {
        append(contentsOf: bytes)
        append(0)
    }

    /// The text's UTF-8 and a NUL.
    public mutating func appendCString(_ text: String) {
        append(contentsOf: text.utf8)
        append(0)
    }

    /// A type byte and the length word of a message whose body has `bodyLength` bytes.
    public mutating func appendHeader(_ type: UInt8, bodyLength: Int) {
        let bits = UInt32(bitPattern: Int32(bodyLength + 4))
        append(addingCapacity: 5) { (output: inout OutputSpan<UInt8>) in
            output.append(type)
            for place: UInt32 in 0..<4 { output.append(UInt8(truncatingIfNeeded: bits >> (24 - 8 * place))) }
        }
    }

    /// A whole message.
    public mutating func appendMessage(_ type: UInt8, body: [UInt8] = []) {
        appendHeader(type, bodyLength: body.count)
        append(contentsOf: body)
    }

    // MARK: What a client says

    public mutating func appendQuery(_ text: [UInt8]) {
        appendHeader(Frontend.query, bodyLength: text.count + 1)
        appendCString(text)
    }

    /// `tail` is what follows the name in the message: text, NUL, number of parameter types, types.
    public mutating func appendParse(name: [UInt8], tail: [UInt8]) {
        appendHeader(Frontend.parse, bodyLength: name.count + 1 + tail.count)
        appendCString(name)
        append(contentsOf: tail)
    }

    /// An unnamed Parse, a Bind without parameters, an Execute of `text` and a Close of the portal, without Sync.
    public mutating func appendUnnamedExecution(_ text: [UInt8]) {
        appendParse(name: [], tail: text + [0, 0, 0])
        appendBind(statement: [])
        appendHeader(Frontend.execute, bodyLength: 5)
        append(0)
        appendInt32(0)
        appendMessage(Frontend.close, body: [UInt8(ascii: "P"), 0])
    }

    /// A Bind of the unnamed portal without parameters.
    public mutating func appendBind(statement: [UInt8]) {
        appendHeader(Frontend.bind, bodyLength: statement.count + 8)
        append(0)
        appendCString(statement)
        for _ in 0..<3 { appendInt16(0) }
    }

    public mutating func appendDescribe(statement: [UInt8]) {
        appendHeader(Frontend.describe, bodyLength: statement.count + 2)
        append(UInt8(ascii: "S"))
        appendCString(statement)
    }

    public mutating func appendClose(statement: [UInt8]) {
        appendHeader(Frontend.close, bodyLength: statement.count + 2)
        append(UInt8(ascii: "S"))
        appendCString(statement)
    }

    /// A StartupMessage of protocol 3.0.
    public mutating func appendStartup(parameters: [StartupParameter]) {
        var body: [UInt8] = []
        for parameter in parameters {
            body.appendCString(parameter.name)
            body.appendCString(parameter.value)
        }
        body.append(0)
        appendInt32(Int32(body.count + 8))
        appendInt32(ProtocolVersion.v3_0.rawValue)
        append(contentsOf: body)
    }

    /// A CancelRequest with the key that a server gave in its BackendKeyData.
    public mutating func appendCancelRequest(processID: Int32, secret: [UInt8]) {
        appendInt32(Int32(12 + secret.count))
        appendInt32(StartupPacket.cancelCode)
        appendInt32(processID)
        append(contentsOf: secret)
    }

    public mutating func appendSSLRequest() {
        appendInt32(8)
        appendInt32(StartupPacket.sslCode)
    }

    // MARK: What a server says

    public mutating func appendReadyForQuery(_ status: TransactionStatus) {
        appendHeader(Backend.readyForQuery, bodyLength: 1)
        append(status.rawValue)
    }

    public mutating func appendCommandComplete(_ tag: StaticString) {
        appendCommandComplete(tag.description)
    }

    public mutating func appendCommandComplete(_ tag: String) {
        appendHeader(Backend.commandComplete, bodyLength: tag.utf8.count + 1)
        appendCString(tag)
    }

    /// RowDescription of columns of type text.
    ///
    /// - Parameter types: PostgreSQL's numbers (OIDs) of their types; none: all are texts.
    public mutating func appendTextColumns(_ names: [String], types: [Int32] = []) {
        var body: [UInt8] = []
        body.appendInt16(Int16(names.count))
        for (place, name) in names.enumerated() {
            body.appendCString(name)
            // No table, no column of one.
            body.append(contentsOf: [0, 0, 0, 0, 0, 0])
            body.appendInt32(place < types.count ? types[place] : 25)
            // Any length, no modifier, text format.
            body.append(contentsOf: [255, 255, 255, 255, 255, 255, 0, 0])
        }
        appendMessage(Backend.rowDescription, body: body)
    }

    /// DataRow of texts; nil is NULL.
    public mutating func appendTextRow(_ values: [String?]) {
        var body: [UInt8] = []
        body.appendInt16(Int16(values.count))
        for value in values {
            guard let value else {
                body.appendInt32(-1)
                continue
            }
            body.appendInt32(Int32(value.utf8.count))
            body.append(contentsOf: value.utf8)
        }
        appendMessage(Backend.dataRow, body: body)
    }

    public mutating func appendParameterStatus(name: String, value: String) {
        appendHeader(Backend.parameterStatus, bodyLength: name.utf8.count + value.utf8.count + 2)
        appendCString(name)
        appendCString(value)
    }

    public mutating func appendBackendKeyData(processID: Int32, secret: [UInt8]) {
        appendHeader(Backend.backendKeyData, bodyLength: 4 + secret.count)
        appendInt32(processID)
        append(contentsOf: secret)
    }

    public mutating func appendAuthenticationOk() {
        appendHeader(Backend.authentication, bodyLength: 4)
        appendInt32(0)
    }

    /// Tells a client which minor version is spoken and which `_pq_.` options were not understood.
    public mutating func appendNegotiateProtocolVersion(minor: Int32, unsupportedOptions: [String]) {
        var body: [UInt8] = []
        body.appendInt32(ProtocolVersion.v3_0.rawValue | minor)
        body.appendInt32(Int32(unsupportedOptions.count))
        for option in unsupportedOptions { body.appendCString(option) }
        appendMessage(Backend.negotiateProtocolVersion, body: body)
    }
}
