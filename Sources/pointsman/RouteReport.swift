// How is the route of a statement written down?

import ArgumentParser
import Foundation
import SQL

enum ReportFormat: String, CaseIterable, ExpressibleByArgument {
    /// `primary  write: The statement modifies data. (INSERT)`
    case text
    /// One JSON object.
    case json
    /// `replica`, `primary` or `nowhere` alone.
    case route
}

struct RouteReport {
    let format: ReportFormat

    /// One line about one statement, its ending newline included.
    func line(for text: Span<UInt8>, _ route: StatementRoute) throws -> String {
        let target = route.destination.rawValue
        switch format {
        case .route:
            return "\(target)\n"
        case .text:
            let token = Self.token(of: route, in: text)
            let place = token.isEmpty ? "" : " (\(Self.onOneLine(token)))"
            return "\(target)  \(route.routeClass.name): \(route.sentence)\(place)\n"
        case .json:
            let object = Fields(text, route, target: target)
            return String(decoding: try Self.encoder.encode(object), as: UTF8.self) + "\n"
        }
    }

    private struct Fields: Encodable {
        let target: String
        let `class`: String
        let rule: String
        /// Where the rule comes from.
        let source: String
        let reason: String
        /// The bytes that decided, and where they begin.
        let token: String?
        let offset: Int?
        let statements: Int
        let effects: [String]
        let pins: [String]

        init(_ text: Span<UInt8>, _ route: StatementRoute, target: String) {
            let classification = route.classification
            let bytes = classification.cause.tokenRange
            self.target = target
            self.class = route.routeClass.name
            rule = "\(classification.cause.note)"
            source = classification.cause.source.name
            reason = route.sentence
            token = bytes.isEmpty ? nil : RouteReport.token(of: route, in: text)
            offset = bytes.isEmpty ? nil : bytes.lowerBound
            statements = classification.statementCount
            effects = classification.effects.names
            pins = classification.pins.names
        }
    }

    private static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }()

    /// Longer tokens are cut off.
    private static let longestToken = 100

    /// The bytes that decided, as text; what is no UTF-8 is replaced.
    private static func token(of route: StatementRoute, in text: Span<UInt8>) -> String {
        let range = route.classification.cause.tokenRange.clamped(to: 0..<text.count)
        let bytes = range.prefix(longestToken).map { text[$0] }
        return String(decoding: bytes, as: UTF8.self) + (range.count > longestToken ? "…" : "")
    }

    private static func onOneLine(_ token: String) -> String {
        var result = ""
        for scalar in token.unicodeScalars {
            result.unicodeScalars.append(scalar.properties.generalCategory == .control ? " " : scalar)
        }
        return result
    }
}

extension Effects {
    private static let allNames: [(Effects, String)] = [
        (.sessionState, "session state"), (.transactionControl, "transaction control"), (.mayWrite, "may write"),
        (.rowLocks, "locks"), (.primaryOnly, "primary only"), (.hiddenCode, "hidden code"),
        (.sequenceState, "sequence state"), (.refusesTransactionBlock, "refuses a transaction block"),
        (.setLocal, "set local"), (.cursor, "cursor"), (.savepoint, "savepoint"), (.copyIn, "copy in"),
        (.copyOut, "copy out"), (.ddl, "ddl"), (.notUnderstood, "not understood"), (.nodeAddress, "node address"),
        (.catalog, "catalog"), (.lexing, "lexing"), (.parsing, "parsing"), (.statementName, "statement name"),
        (.notOnReplica, "not on a replica"), (.readerLock, "a reader's lock"),
        (.explainsRoute, "explains a route"),
    ]

    /// The effects as words for people, in a fixed order.
    var names: [String] {
        Self.allNames.filter { contains($0.0) }.map(\.1)
    }
}
