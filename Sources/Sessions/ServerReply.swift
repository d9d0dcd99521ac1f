// What does a server's reply mean for the client it is attached to?

public import Wire

/// Facts that a server's replies establish, in the order in which they were read.
public enum ReplyFact: Equatable, Sendable {
    /// ReadyForQuery of a request of the client's.
    case ready(TransactionStatus)
    /// ReadyForQuery of a request of our own; `error` is what went wrong in it, if anything.
    case ownRequestDone(TransactionStatus, error: ReceivedError?)
    /// A Parse or Close of the client's succeeded: the oldest unconfirmed change of its statements holds.
    case changeConfirmed
    /// An error reached the client; as many unconfirmed changes will never happen. `inParse`: a Parse itself failed.
    case failed(changesDropped: Int, inParse: Bool)
    /// A statement's row shape became known because the client asked.
    case described(StatementID, RowShape)
    /// A statement's row shape became known because we asked.
    case shapeLearned(StatementID, RowShape)
    /// PostgreSQL reports a setting.
    case parameterStatus(name: String, value: String)
    /// A notification was forwarded.
    case notified
    /// The server ends the connection and says why.
    case fatal(ReceivedError)
    /// The bytes are not PostgreSQL's protocol; the connection is of no further use.
    case protocolViolation(String)
}
