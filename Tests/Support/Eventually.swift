// How does a test wait for something that happens in its own time?

import Foundation
import PostgresCluster

/// Looks at a condition again and again until it holds; throws when `within` passes first. A condition that throws has
/// not held yet; its last error is in the message.
public func eventually(
    _ what: String, within limit: Duration = .seconds(15), _ condition: () throws -> Bool
) throws {
    try waitUntil(what, limit: limit, every: .milliseconds(15), condition)
}

/// Runs `body` until it no longer throws and returns what it returned.
public func eventually<Value>(
    _ what: String, within limit: Duration = .seconds(15), _ body: () throws -> Value
) throws -> Value {
    var value: Value?
    try eventually(what, within: limit) {
        value = try body()
        return true
    }
    guard let value else { throw SupportError("\(what): no value") }
    return value
}
