// Which limits do the pools get?

import Pooling
import Proxy

extension Inspection {
    mutating func poolOverrides(_ table: Table) -> PoolOverrides {
        var pool = PoolOverrides()
        pool.mode = choice(
            "mode", in: table, ["transaction": .transaction, "session": .session, "statement": .statement])
        pool.size = integer("size", in: table, 1...10_000)
        pool.minSize = integer("min_size", in: table, 0...10_000)
        pool.reserveSize = integer("reserve_size", in: table, 0...10_000)
        pool.reserveTimeout = duration("reserve_timeout", in: table)
        pool.maxPinned = maxPinned(table)
        pool.maxPreparedStatements = integer("max_prepared_statements", in: table, 1...100_000)
        pool.maxClients = limit("max_clients", in: table)
        pool.maxWaiters = integer("max_waiters", in: table, 0...1_000_000)
        pool.maxConnecting = integer("max_connecting", in: table, 1...1_000)
        pool.waitTimeout = duration("wait_timeout", in: table)
        pool.idleTimeout = duration("idle_timeout", in: table)
        pool.lifetime = duration("lifetime", in: table)
        pool.connectTimeout = duration("connect_timeout", in: table)
        pool.retryDelay = duration("retry_delay", in: table, atLeast: .milliseconds(1))
        pool.maxRetryDelay = duration("max_retry_delay", in: table, atLeast: .milliseconds(1))
        pool.maxOvertaking = duration("max_overtaking", in: table)
        pool.queryTimeout = duration("query_timeout", in: table)
        pool.transactionTimeout = duration("transaction_timeout", in: table)
        pool.idleTransactionTimeout = duration("idle_transaction_timeout", in: table)
        pool.clientIdleTimeout = duration("client_idle_timeout", in: table)
        pool.waitNotice = duration("wait_notice", in: table)
        return pool
    }

    /// A part of the size ("50%") or a number of servers.
    private mutating func maxPinned(_ table: Table) -> PinLimit? {
        guard let value = table["max_pinned"] else { return nil }
        if case .integer(let count) = value, (0...10_000).contains(count) { return .count(count) }
        if case .string(let text) = value, let part = Self.percentage(text) { return .percent(part) }
        let expected = #"a part of the size from "0%" to "100%", or a number of servers"#
        noteWrong("max_pinned", in: table, expected: expected, found: value)
        return nil
    }

    private static func percentage(_ text: String) -> Int? {
        let digits = text.dropLast()
        guard text.last == "%", !digits.isEmpty, digits.allSatisfy({ "0"..."9" ~= $0 }) else { return nil }
        return Int(digits).flatMap { $0 <= 100 ? $0 : nil }
    }

    /// Notes what cannot hold together in one pool.
    mutating func checkPool(_ pool: PoolSettings, at path: SettingPath) {
        for (key, sentence) in Self.contradictions(in: pool) {
            note(.conflict(sentence), at: path.appending(key))
        }
    }

    /// Limits of one pool that cannot hold together: the key to blame, and a sentence.
    static func contradictions(in pool: PoolSettings) -> [(key: String, sentence: String)] {
        var found: [(String, String)] = []
        if pool.minSize > pool.size {
            found.append(("min_size", "min_size (\(pool.minSize)) is above size (\(pool.size))"))
        }
        if case .count(let pinned) = pool.maxPinned, pinned > pool.size {
            found.append(("max_pinned", "max_pinned (\(pinned)) is above size (\(pool.size))"))
        }
        if pool.retryDelay > pool.maxRetryDelay {
            let (delay, limit) = (Quantity.text(pool.retryDelay), Quantity.text(pool.maxRetryDelay))
            found.append(("retry_delay", "retry_delay (\(delay)) is above max_retry_delay (\(limit))"))
        }
        return found
    }
}
