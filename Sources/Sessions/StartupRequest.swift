// What does a client want, according to its startup packet?

public import Wire

/// A checked StartupMessage.
public struct StartupRequest: Equatable, Sendable {
    public var user: String
    public var database: String
    /// Settings from the packet and from its `options`, in the order in which PostgreSQL applies them.
    public var settings: [StartupParameter]
    /// It wants to follow a server's log instead of running statements.
    public var replication: ReplicationKind?
    /// Protocol 3.2 is spoken, with its long cancel keys; else 3.0.
    public var hasLongKey: Bool
    /// The client speaks another minor version or named options we do not know: it is told what we speak.
    public var needsNegotiation: Bool
    public var unsupportedOptions: [String]

    /// Reads the parameters of a startup packet; the error is for the client.
    public static func read(
        version: ProtocolVersion, _ parameters: [StartupParameter]
    ) -> Result<StartupRequest, StartupMistake> {
        var request = StartupRequest(
            user: "", database: "", settings: [], hasLongKey: version.minor >= 2,
            needsNegotiation: version.minor != 0 && version.minor != 2, unsupportedOptions: [])
        request.settings.reserveCapacity(parameters.count)
        var options = ""
        for parameter in parameters {
            switch parameter.name {
            case "user": request.user = parameter.value
            case "database": request.database = parameter.value
            case "options": options = parameter.value
            case "replication":
                switch ReplicationKind.read(parameter.value) {
                case .success(let kind): request.replication = kind
                case .failure(let mistake): return .failure(mistake)
                }
            default:
                if parameter.name.hasPrefix("_pq_.") {
                    request.unsupportedOptions.append(parameter.name)
                    request.needsNegotiation = true
                } else {
                    request.settings.append(parameter)
                }
            }
        }
        guard !request.user.isEmpty else { return .failure(.noUser) }
        if request.database.isEmpty { request.database = request.user }
        if options.isEmpty { return .success(request) }
        switch settings(inOptions: options) {
        case .success(let settings): request.settings = settings + request.settings
        case .failure(let mistake): return .failure(mistake)
        }
        return .success(request)
    }

    /// The settings in an `options` parameter: `-c name=value`, `--name=value`; a backslash takes the next character
    /// as it is.
    static func settings(inOptions options: String) -> Result<[StartupParameter], StartupMistake> {
        var words: [String] = []
        var word = ""
        var isInWord = false
        var isEscaped = false
        for character in options {
            if isEscaped {
                word.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
                isInWord = true
            } else if character.isWhitespace {
                if isInWord { words.append(word) }
                word = ""
                isInWord = false
            } else {
                word.append(character)
                isInWord = true
            }
        }
        if isInWord { words.append(word) }

        var settings: [StartupParameter] = []
        var iterator = words.makeIterator()
        while let word = iterator.next() {
            let assignment: String
            if word == "-c" {
                guard let next = iterator.next() else { return .failure(.option(word)) }
                assignment = next
            } else if word.hasPrefix("-c") || word.hasPrefix("--") {
                assignment = String(word.dropFirst(2))
            } else {
                return .failure(.option(word))
            }
            guard let equals = assignment.firstIndex(of: "="), equals != assignment.startIndex else {
                return .failure(.option(word))
            }
            let name = assignment[..<equals].replacing("-", with: "_")
            settings.append(StartupParameter(String(name), String(assignment[assignment.index(after: equals)...])))
        }
        return .success(settings)
    }
}

/// The last startup packet and what it asked for: most clients of a program send the same bytes.
public struct StartupMemory: Sendable {
    private var packet: [UInt8] = []
    private var request: StartupRequest?

    public init() {}

    func request(at offset: Int, of input: Span<UInt8>) -> (request: StartupRequest, length: Int)? {
        guard let request, input.count - offset >= packet.count,
            input.matches(packet, in: offset..<offset + packet.count)
        else { return nil }
        return (request, packet.count)
    }

    mutating func remember(_ packet: [UInt8], _ request: StartupRequest) {
        self.packet = packet
        self.request = request
    }
}

/// What a replication connection is for.
public enum ReplicationKind: Equatable, Sendable {
    /// The log of the whole cluster; the connection is in no database.
    case physical
    /// What logical decoding makes of a database's changes.
    case database

    /// Reads the parameter `replication`; nil: an ordinary connection.
    static func read(_ value: String) -> Result<ReplicationKind?, StartupMistake> {
        let word = value.lowercased()
        if word == "database" { return .success(.database) }
        // As PostgreSQL reads a boolean: any beginning that leaves no doubt.
        let isTrue = word == "1" || word == "on" || isBeginning(word, of: "true") || isBeginning(word, of: "yes")
        if isTrue { return .success(.physical) }
        let isFalse = word == "0" || isBeginning(word, of: "false") || isBeginning(word, of: "no") || word == "of"
            || word == "off"
        return isFalse ? .success(nil) : .failure(.replication(value))
    }

    private static func isBeginning(_ word: String, of whole: String) -> Bool {
        !word.isEmpty && whole.hasPrefix(word)
    }
}

/// Why a startup packet cannot be served.
public enum StartupMistake: Error, Equatable, Sendable {
    case noUser
    /// No value of the parameter `replication`.
    case replication(String)
    /// A word of `options` that is no setting.
    case option(String)

    public var error: ErrorFields {
        switch self {
        case .noUser:
            ErrorFields(.fatal, "28000", "no PostgreSQL user name specified in startup packet")
        case .replication(let value):
            ErrorFields(
                .fatal, "22023", "invalid value for parameter \"replication\": \"\(value)\"",
                hint: "Valid values are: \"false\", 0, \"true\", 1, \"database\".")
        case .option(let word):
            ErrorFields(
                .fatal, "42601", "invalid command-line argument for server process: \(word)",
                hint: "Use -c name=value or --name=value.")
        }
    }
}
