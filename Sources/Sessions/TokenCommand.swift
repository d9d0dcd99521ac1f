// How does a session carry what it has written to other sessions, in this process or in another?

public import Routing
import SQL
public import Wire

/// A statement about `pointsman.token`.
public enum TokenCommand: Equatable, Sendable {
    /// SHOW.
    case show
    /// SET: the session's reads must see what the token stands for.
    case raise(CommitToken)
}

extension RouterSettings {
    static let tokenTitle = "pointsman.token"

    public static func wrongToken(_ text: String) -> ErrorFields {
        ErrorFields(
            .error, "22023", "invalid value for parameter \"\(tokenTitle)\": \"\(text)\"",
            hint: "A token is what SHOW \(tokenTitle) gives: system/timeline/LSN.")
    }

    /// Takes the token out of the settings that a client brought at its start; an error is the client's.
    public static func takeToken(
        from parameters: inout [StartupParameter]
    ) -> Result<CommitToken?, TokenMistake> {
        guard let text = parameters.last(where: { isRouters($0.name) && $0.name.lowercased() == tokenTitle })?.value
        else {
            return .success(nil)
        }
        parameters.removeAll { $0.name.lowercased() == tokenTitle }
        guard let token = CommitToken(text) else { return .failure(TokenMistake(error: wrongToken(text))) }
        return .success(token)
    }
}

/// A token that cannot be used, as the client is told.
public struct TokenMistake: Error, Equatable, Sendable {
    public var error: ErrorFields

    public init(error: ErrorFields) { self.error = error }

    public static func foreign(_ token: CommitToken, systemIdentifier: UInt64) -> TokenMistake {
        TokenMistake(
            error: ErrorFields(
                .error, "22023", "the value of parameter \"\(RouterSettings.tokenTitle)\" comes from another cluster",
                detail: "Its system identifier is \(token.systemIdentifier); that of this cluster is"
                    + " \(systemIdentifier)."))
    }

    public static let notSampled = TokenMistake(
        error: ErrorFields(
            .error, "57P03", "\(HoldReason.notSampled)",
            detail: "No primary has told where it is, on the token's timeline and after the session's last write,"
                + " within failover_wait."))
}

extension ClientSession {
    /// What a batch about the router's settings asks about the token; nil: nothing, or something that is answered like
    /// any other setting.
    func tokenCommand(
        _ input: Span<UInt8>, at offset: Int, _ attachment: Attachment?, table: borrowing StatementTable
    ) -> TokenCommand? {
        guard batch.executes == 1 || batch.kind == .query, !isUnsynced,
            transaction != .failedWithoutServer, attachment?.status != .failed,
            attachment.map({ !$0.isSkipping && !$0.isCopyingIn }) ?? true,
            mistakeInRouterSetting(input, at: offset, table: table) == nil,
            let text = commandText(input, at: offset, table: table)
        else { return nil }
        if case .show(let range) = batch.command, Self.title(text, range) == RouterSettings.tokenTitle { return .show }
        guard case .set(let range, let value, _) = batch.command, Self.title(text, range) == RouterSettings.tokenTitle,
            !Self.isDefault(text, value)
        else { return nil }
        return CommitToken(Self.content(text, value)).map { .raise($0) }
    }

    /// The token's time has not come: the batch is looked at again later.
    public mutating func putOffToken(table: inout StatementTable) { batch.reset(table: &table) }

    /// What the batch at hand would ask of the router.
    public var demandOfBatch: Demand { demand }

    /// The token cannot be given or used: the batch fails, as on a server.
    public mutating func refuseToken(
        _ mistake: TokenMistake, _ input: Span<UInt8>, at offset: inout Int, isAttached: Bool,
        table: inout StatementTable, toClient: inout Outbox
    ) {
        guard isAttached else { return refuse(mistake.error, input, at: &offset, table: &table, toClient: &toClient) }
        refuseWhole(mistake.error)
        batch.isDecided = true
    }

    /// Answers the statement about the token at the offset.
    ///
    /// - Parameter shown: what SHOW gives; nil: the floor was raised.
    public mutating func answer(
        aboutToken shown: CommitToken?, _ input: Span<UInt8>, at offset: inout Int, attachment: Attachment?,
        table: inout StatementTable, toClient: inout Outbox
    ) {
        let answer =
            shown.map {
                LocalAnswer(tag: "SHOW", columns: [RouterSettings.tokenTitle], rows: [[$0.description]])
            } ?? LocalAnswer(tag: "SET")
        reply(answer, input, at: &offset, status: attachment?.status, table: &table, toClient: &toClient)
    }
}
