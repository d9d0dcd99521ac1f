// What has the client itself chosen about routing?

public import Routing
import SQL
public import Wire

/// The settings `pointsman.…`: of a session, or asked for one statement by a comment at its head.
public struct RouterSettings: Equatable, Sendable {
    public enum Role: String, Equatable, Sendable, CaseIterable {
        case auto, primary, replica
    }

    enum Name: String, CaseIterable {
        case role, consistency, group
        case maxLag = "max_lag"

        var title: String { "pointsman.\(rawValue)" }
    }

    /// A set of the settings.
    struct Names: OptionSet, Sendable {
        let rawValue: UInt8

        static let role = Names(rawValue: 1)
        static let consistency = Names(rawValue: 2)
        static let maxLag = Names(rawValue: 4)
        static let group = Names(rawValue: 8)
        static let all: Names = [.role, .consistency, .maxLag, .group]
    }

    private struct Content: Equatable, Sendable {
        var role: Role?
        var consistency: Consistency?
        var maxLag: UInt64?
        var group: String?
    }

    /// On the heap, because hardly any session asks for anything.
    private indirect enum Box: Equatable, Sendable {
        case content(Content)
    }

    private var box: Box?

    private var content: Content {
        get {
            switch box {
            case .content(let content): content
            case nil: Content()
            }
        }
        set { box = newValue == Content() ? nil : .content(newValue) }
    }

    /// nil: nothing was asked for.
    public var role: Role? {
        get { content.role }
        set { content.role = newValue }
    }
    /// nil: as the operator has it.
    public var consistency: Consistency? {
        get { content.consistency }
        set { content.consistency = newValue }
    }
    /// Nanoseconds; nil: as the operator has it.
    public var maxLag: UInt64? {
        get { content.maxLag }
        set { content.maxLag = newValue }
    }
    /// Whose writes the session sees besides its own.
    public var group: String? {
        get { content.group }
        set { content.group = newValue }
    }

    public init() {}

    public var isEmpty: Bool { box == nil }

    /// Those that are asked for.
    var names: Names {
        var names = Names()
        if role != nil { names.insert(.role) }
        if consistency != nil { names.insert(.consistency) }
        if maxLag != nil { names.insert(.maxLag) }
        if group != nil { names.insert(.group) }
        return names
    }

    /// Takes one setting; an error is the client's.
    mutating func set(_ name: Name, _ value: String) -> ErrorFields? {
        switch name {
        case .role:
            guard let role = Role(rawValue: value.lowercased()) else {
                return Self.wrong(name, value, Role.allCases.map(\.rawValue))
            }
            self.role = role
        case .consistency:
            guard let consistency = Consistency(rawValue: value.lowercased()) else {
                return Self.wrong(name, value, Consistency.allCases.map(\.rawValue))
            }
            self.consistency = consistency
        case .maxLag:
            guard let lag = Self.nanoseconds(value) else {
                return ErrorFields(
                    .error, "22023", "invalid value for parameter \"\(name.title)\": \"\(value)\"",
                    hint: "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\".")
            }
            maxLag = lag
        case .group:
            guard value.utf8.count <= GroupFloors.longestName else {
                return ErrorFields(
                    .error, "22023", "invalid value for parameter \"\(name.title)\"",
                    detail: "A name may have \(GroupFloors.longestName) bytes.")
            }
            group = value.isEmpty ? nil : value
        }
        return nil
    }

    /// Gives one setting the value it has in `other`.
    mutating func take(_ name: Name, from other: RouterSettings) {
        switch name {
        case .role: role = other.role
        case .consistency: consistency = other.consistency
        case .maxLag: maxLag = other.maxLag
        case .group: group = other.group
        }
    }

    /// As SHOW tells it.
    func value(of name: Name, _ defaults: RoutingDefaults) -> String {
        switch name {
        case .role: (role ?? .auto).rawValue
        case .consistency: (consistency ?? defaults.consistency).rawValue
        case .maxLag: Self.text(maxLag ?? defaults.maxLag)
        case .group: group ?? ""
        }
    }

    /// What a comment asks for goes before what the session has asked for.
    func overridden(by comment: RouterSettings) -> RouterSettings {
        var result = self
        result.role = comment.role ?? role
        result.consistency = comment.consistency ?? consistency
        result.maxLag = comment.maxLag ?? maxLag
        result.group = comment.group ?? group
        return result
    }

    /// What two texts of one batch ask for together: the stricter of both.
    func joined(with other: RouterSettings) -> RouterSettings {
        var result = self
        if let role = other.role { result.role = self.role == nil || self.role == role ? role : .primary }
        if let asked = other.consistency { result.consistency = max(asked, consistency ?? asked) }
        if let lag = other.maxLag { result.maxLag = min(lag, maxLag ?? lag) }
        result.group = group ?? other.group
        return result
    }

    /// What the comment at the head of a text asks for. Names and values that are not known are left out, as in every
    /// comment: the statement must run all the same.
    init(comment text: Span<UInt8>) {
        self.init()
        guard var comment = RouterComment(text) else { return }
        while let pair = comment.next(text) {
            let name = text.text(in: pair.name).lowercased()
            guard let name = Name(rawValue: name) else { continue }
            _ = set(name, text.text(in: pair.value))
        }
    }

    /// What a client has asked for at its start; those settings are taken out of the list.
    ///
    /// - Returns: the first mistake, if there is one.
    public mutating func take(from parameters: inout [StartupParameter], port: ListenerKind) -> ErrorFields? {
        guard parameters.contains(where: { Self.isRouters($0.name) }) else { return nil }
        for parameter in parameters where Self.isRouters(parameter.name) {
            guard let name = Self.name(parameter.name.lowercased()) else { return Self.unknown(parameter.name) }
            if let error = set(name, parameter.value) { return error }
        }
        parameters.removeAll { Self.isRouters($0.name) }
        if port != .split, role ?? .auto != .auto { return .roleOfPort }
        return nil
    }

    /// - Parameter title: in lower case, with its prefix.
    static func name(_ title: String) -> Name? { Name.allCases.first { $0.title == title } }

    static func unknown(_ title: String) -> ErrorFields {
        ErrorFields(
            .error, "42704", "unrecognized configuration parameter \"\(title)\"",
            hint: "The router's settings are \((Name.allCases.map(\.title) + [tokenTitle]).joined(separator: ", ")).")
    }

    private static let prefix = Array("pointsman.".utf8)

    /// Whether the name is that of one of the router's settings, in upper or lower case.
    static func isRouters(_ name: String) -> Bool {
        var bytes = name.utf8.makeIterator()
        return prefix.allSatisfy { expected in bytes.next().map { $0 | 0x20 == expected } ?? false }
    }

    private static func wrong(_ name: Name, _ value: String, _ values: [String]) -> ErrorFields {
        ErrorFields(
            .error, "22023", "invalid value for parameter \"\(name.title)\": \"\(value)\"",
            hint: "Available values: \(values.joined(separator: ", ")).")
    }

    private static let units: KeyValuePairs<String, UInt64> = [
        "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "min": 60_000_000_000, "h": 3_600_000_000_000,
        "d": 86_400_000_000_000,
    ]

    /// As PostgreSQL reads a time: in milliseconds when no unit stands behind.
    private static func nanoseconds(_ text: String) -> UInt64? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text.dropFirst(digits.count).drop(while: \.isWhitespace)
        guard let number = Double(digits) else { return nil }
        guard let factor = unit.isEmpty ? 1_000_000 : units.first(where: { $0.key == unit })?.value else { return nil }
        return UInt64(exactly: (number * Double(factor / 1_000)).rounded() * 1_000)
    }

    private static func text(_ nanoseconds: UInt64) -> String {
        for (unit, factor) in units.reversed() where nanoseconds > 0 && nanoseconds % factor == 0 {
            return "\(nanoseconds / factor)\(unit)"
        }
        return nanoseconds == 0 ? "0" : "\(nanoseconds / 1_000)us"
    }
}

/// What holds for sessions that have asked for nothing.
public struct RoutingDefaults: Equatable, Sendable {
    public var consistency: Consistency
    /// Nanoseconds.
    public var maxLag: UInt64

    public init(consistency: Consistency = .session, maxLag: UInt64 = 10_000_000_000) {
        self.consistency = consistency
        self.maxLag = maxLag
    }
}
