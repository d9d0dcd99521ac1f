// What does a server's reply mean for the client it is attached to?

public import Wire

/// What a command made a server forget.
public enum Forgotten: Equatable, Sendable {
    /// DEALLOCATE ALL.
    case statements
    /// RESET: of one setting or of all, the server does not say.
    case settings
    /// ROLLBACK, perhaps to a savepoint.
    case changes
    /// COMMIT: what was set for the transaction only.
    case localSettings
    /// DISCARD ALL.
    case everything
}

extension Forgotten {
    private static let statementsTag = Array("DEALLOCATE ALL".utf8)
    private static let settingsTag = Array("RESET".utf8)
    private static let changesTag = Array("ROLLBACK".utf8)
    private static let commitTag = Array("COMMIT".utf8)
    private static let everythingTag = Array("DISCARD ALL".utf8)

    /// Reads a CommandComplete; nil for the tags of all other commands.
    init?(tag bytes: Span<UInt8>, _ frame: Range<Int>) {
        let tag = frame.lowerBound + FrameHeader.byteCount..<max(frame.upperBound - 1, frame.lowerBound + 5)
        // Hardly any other command's tag begins like this.
        guard let first = tag.first, bytes[first] == UInt8(ascii: "D") || bytes[first] == UInt8(ascii: "R") else {
            guard bytes.matches(Self.commitTag, in: tag) else { return nil }
            self = .localSettings
            return
        }
        if bytes.matches(Self.statementsTag, in: tag) {
            self = .statements
        } else if bytes.matches(Self.settingsTag, in: tag) {
            self = .settings
        } else if bytes.matches(Self.changesTag, in: tag) {
            self = .changes
        } else if bytes.matches(Self.everythingTag, in: tag) {
            self = .everything
        } else {
            return nil
        }
    }
}

/// Facts that a server's replies establish, in the order in which they were read.
public enum ReplyFact: Equatable, Sendable {
    /// ReadyForQuery of a request of the client's.
    case ready(TransactionStatus)
    /// ReadyForQuery of a request of our own; `error` is what went wrong in it, if anything.
    case ownRequestDone(TransactionStatus, error: ReceivedError?)
    /// A Parse or Close of the client's succeeded: the oldest unconfirmed change of its statements holds.
    case changeConfirmed
    /// An error reached the client; as many unconfirmed changes will never happen. `inParse`: the oldest of them failed
    /// itself. `withoutBegin`: the transaction that the client believes to be in was never begun. `hasRun`: the
    /// statement that failed may have done something.
    case failed(changesDropped: Int, inParse: Bool, withoutBegin: Bool, hasRun: Bool)
    /// The server has dropped what it keeps for the session.
    case forgot(Forgotten)
    /// A statement's row shape became known because the client asked.
    case described(StatementID, RowShape)
    /// A statement's row shape became known because we asked.
    case shapeLearned(StatementID, RowShape)
    /// The replica has begun to do what was asked.
    case trialPassed
    /// What was asked of the replica has to be run again; its replies are still unread.
    case trialFailed(TrialFailure)
    /// PostgreSQL reports a setting.
    indirect case parameterStatus(name: String, value: String)
    /// A notification was forwarded.
    case notified
    /// The server ends the connection and says why.
    case fatal(ReceivedError)
    /// The bytes are not PostgreSQL's protocol; the connection is of no further use.
    indirect case protocolViolation(String)
}
