// Where does one conversation with the console stand?

public import Wire

/// What came of a command.
public enum ConsoleResult: Equatable, Sendable {
    /// As many values in each row as the command has columns.
    case rows([[String?]])
    case failed(ErrorFields)
}

/// A user of the console after the login, as a pure machine: both protocols, no transactions.
public struct ConsoleSession: Sendable {
    public enum Step: Equatable, Sendable {
        /// More bytes; those from the offset on must be kept.
        case needInput
        /// Carry this out and call `answer`.
        case run(ConsoleCommand)
        /// The end; nil when the client said goodbye.
        case close(ErrorFields?)
    }

    /// Statements and portals of one client, together.
    public static let nameLimit = 100
    /// Bytes of one message.
    public static let longestMessage = 1 << 20

    private enum Prepared: Sendable {
        case empty
        case command(ConsoleCommand)
    }

    private let onlyLooks: Bool
    private var statements: [[UInt8]: Prepared] = [:]
    private var portals: [[UInt8]: Prepared] = [:]
    /// After an error of the extended protocol everything is read over up to the Sync.
    private var isSkipping = false
    /// What waits for its answer.
    private var running: (command: ConsoleCommand, isSimple: Bool)?

    /// - Parameter onlyLooks: the user may change nothing.
    public init(onlyLooks: Bool) {
        self.onlyLooks = onlyLooks
    }

    /// Reads the client's bytes from `offset` on; `out` gets what it is told.
    public mutating func advance(_ input: Span<UInt8>, at offset: inout Int, out: inout [UInt8]) -> Step {
        precondition(running == nil, "A command is answered before the next one is read.")
        while true {
            guard case .frame(let header) = FrameScanner.scan(input, at: offset) else {
                return input.count - offset < FrameHeader.byteCount ? .needInput : .close(.malformed)
            }
            guard header.totalLength <= Self.longestMessage else { return .close(.tooLong) }
            guard header.totalLength <= input.count - offset else { return .needInput }
            let frame = offset..<offset + header.totalLength
            offset += header.totalLength
            if let step = take(header.type, input, frame, out: &out) { return step }
        }
    }

    /// The command that `advance` returned last was carried out.
    public mutating func answer(_ result: ConsoleResult, out: inout [UInt8]) {
        guard let (command, isSimple) = running else { preconditionFailure("No command waits for an answer.") }
        running = nil
        switch result {
        case .rows(let rows):
            if isSimple, !command.columns.isEmpty {
                out.appendTextColumns(command.columns, types: command.types)
            }
            for row in rows { out.appendTextRow(row) }
            out.appendCommandComplete(command.tag)
        case .failed(let error):
            fail(error, isSimple: isSimple, out: &out)
        }
        if isSimple { out.appendReadyForQuery(.idle) }
    }

    /// nil: go on with the next message.
    private mutating func take(
        _ type: UInt8, _ input: Span<UInt8>, _ frame: Range<Int>, out: inout [UInt8]
    ) -> Step? {
        if type == Frontend.terminate { return .close(nil) }
        if type == Frontend.sync {
            isSkipping = false
            portals = [:]
            out.appendReadyForQuery(.idle)
            return nil
        }
        if isSkipping { return nil }
        switch type {
        case Frontend.query: return query(input, frame, out: &out)
        case Frontend.parse: return parse(input, frame, out: &out)
        case Frontend.bind: return bind(input, frame, out: &out)
        case Frontend.describe: return describe(input, frame, out: &out)
        case Frontend.execute: return execute(input, frame, out: &out)
        case Frontend.close: return close(input, frame, out: &out)
        case Frontend.flush: return nil
        default: return .close(.malformed)
        }
    }

    private mutating func fail(_ error: ErrorFields, isSimple: Bool = false, out: inout [UInt8]) {
        out.append(contentsOf: error.encoded)
        isSkipping = !isSimple
    }

    private mutating func query(_ input: Span<UInt8>, _ frame: Range<Int>, out: inout [UInt8]) -> Step? {
        guard let range = queryText(input, frame: frame) else { return .close(.malformed) }
        statements[[]] = nil
        switch ConsoleCommand.read(input.text(in: range), onlyLooks: onlyLooks) {
        case nil:
            out.appendMessage(Backend.emptyQueryResponse)
        case .failure(let mistake):
            fail(mistake.error, isSimple: true, out: &out)
        case .success(let command):
            running = (command, true)
            return .run(command)
        }
        out.appendReadyForQuery(.idle)
        return nil
    }

    // MARK: The extended protocol

    private mutating func parse(_ input: Span<UInt8>, _ frame: Range<Int>, out: inout [UInt8]) -> Step? {
        guard let view = ParseView(input, frame: frame) else { return .close(.malformed) }
        let name = input.bytes(in: view.name)
        guard name.isEmpty || statements[name] == nil else {
            fail(ErrorFields(.error, "42P05", "prepared statement already exists"), out: &out)
            return nil
        }
        guard statements.count + portals.count < Self.nameLimit else {
            fail(.tooManyNames, out: &out)
            return nil
        }
        switch ConsoleCommand.read(input.text(in: view.text), onlyLooks: onlyLooks) {
        case nil: statements[name] = .empty
        case .success(let command): statements[name] = .command(command)
        case .failure(let mistake):
            fail(mistake.error, out: &out)
            return nil
        }
        out.appendMessage(Backend.parseComplete)
        return nil
    }

    private mutating func bind(_ input: Span<UInt8>, _ frame: Range<Int>, out: inout [UInt8]) -> Step? {
        guard case .head(let view) = BindView.scan(input, at: frame.lowerBound, totalLength: frame.count) else {
            return .close(.malformed)
        }
        guard let prepared = statements[input.bytes(in: view.statement)] else {
            fail(.noStatement, out: &out)
            return nil
        }
        guard statements.count + portals.count < Self.nameLimit else {
            fail(.tooManyNames, out: &out)
            return nil
        }
        portals[input.bytes(in: view.portal)] = prepared
        out.appendMessage(Backend.bindComplete)
        return nil
    }

    private mutating func describe(_ input: Span<UInt8>, _ frame: Range<Int>, out: inout [UInt8]) -> Step? {
        guard let view = ObjectView(input, frame: frame) else { return .close(.malformed) }
        let name = input.bytes(in: view.name)
        guard let prepared = view.kind == .statement ? statements[name] : portals[name] else {
            fail(view.kind == .statement ? .noStatement : .noPortal, out: &out)
            return nil
        }
        if view.kind == .statement { out.appendMessage(Backend.parameterDescription, body: [0, 0]) }
        if case .command(let command) = prepared, !command.columns.isEmpty {
            // A client may ask for any format here, and a text looks alike in both.
            out.appendTextColumns(command.columns)
        } else {
            out.appendMessage(Backend.noData)
        }
        return nil
    }

    private mutating func execute(_ input: Span<UInt8>, _ frame: Range<Int>, out: inout [UInt8]) -> Step? {
        let body = frame.lowerBound + FrameHeader.byteCount..<frame.upperBound
        guard let end = input.terminator(in: body), body.upperBound - end == 5 else { return .close(.malformed) }
        switch portals[input.bytes(in: body.lowerBound..<end)] {
        case nil:
            fail(.noPortal, out: &out)
            return nil
        case .empty:
            out.appendMessage(Backend.emptyQueryResponse)
            return nil
        case .command(let command):
            running = (command, false)
            return .run(command)
        }
    }

    private mutating func close(_ input: Span<UInt8>, _ frame: Range<Int>, out: inout [UInt8]) -> Step? {
        guard let view = ObjectView(input, frame: frame) else { return .close(.malformed) }
        let name = input.bytes(in: view.name)
        switch view.kind {
        case .statement: statements[name] = nil
        case .portal: portals[name] = nil
        }
        out.appendMessage(Backend.closeComplete)
        return nil
    }
}

extension ErrorFields {
    fileprivate static let malformed = ErrorFields(.fatal, "08P01", "invalid message format")
    fileprivate static let tooLong = ErrorFields(.fatal, "08P01", "a message to the console is too long")
    fileprivate static let tooManyNames = ErrorFields(
        .error, "53400", "too many prepared statements",
        detail: "At most \(ConsoleSession.nameLimit) are kept for a client of the console.")
    fileprivate static let noStatement = ErrorFields(.error, "26000", "prepared statement does not exist")
    fileprivate static let noPortal = ErrorFields(.error, "34000", "portal does not exist")
}
