// When do the replies to a read on a replica become the client's?

import Wire

/// A read on a replica is a trial until its client has been sent something of it: replies stay unread as long as they
/// do not tell whether the replica can do it. Nothing is noted or forwarded meanwhile, so nothing has to be undone.
struct Trial: Equatable, Sendable {
    var cover: TrialCover
    /// More than one command: the result of the first one says nothing of the others.
    var isLong: Bool
    /// How many statements were done before the one that failed; nil: nobody knows.
    var completed: Int?
    /// Not only a read: no error behind a result is looked at.
    var endsWithResult: Bool { cover == .shutdowns }
}

/// What the replies that are there say of a trial.
enum TrialVerdict: Equatable {
    /// Not enough.
    case undecided
    /// The replies are the client's.
    case passed
    /// All that was asked is answered, and none of it is for the client.
    case unseen
    case failed(TrialFailure, completed: Int)
}

extension ServerSession {
    /// Results of several commands are held back up to this size, in bytes: a later command may be refused. Clients
    /// expect to wait for 8 KiB, before which PostgreSQL sends nothing, unless there is no more or a Flush asks for it.
    static let heldResultLimit = 65_536

    /// Whether a failure of one of these kinds would be the reason to run the read again.
    public func isOnTrial(for cover: TrialCover) -> Bool { trial?.cover.isSuperset(of: cover) ?? false }

    /// Whether the replies to a trial may be read now.
    mutating func judge(
        _ trial: Trial, _ bytes: Span<UInt8>, from start: Int, facts: inout [ReplyFact]
    ) -> Bool {
        switch verdict(on: bytes, from: start, trial) {
        case .undecided:
            return false
        case .unseen:
            return true
        case .passed:
            passTrial(facts: &facts)
            return true
        case .failed(let failure, let completed):
            self.trial?.completed = completed
            facts.append(.trialFailed(failure))
            return false
        }
    }

    /// From now on replies are the client's.
    mutating func passTrial(facts: inout [ReplyFact]) {
        trial = nil
        facts.append(.trialPassed)
    }

    /// Looks ahead at the replies from `start` on.
    func verdict(on bytes: Span<UInt8>, from start: Int, _ trial: Trial) -> TrialVerdict {
        var offset = start
        var position = 0
        var hasResult = false
        while offset < bytes.count, case .frame(let header) = FrameScanner.scan(bytes, at: offset) {
            skipUnasked(&position)
            let isWhole = header.totalLength <= bytes.count - offset
            switch header.type {
            case Backend.errorResponse:
                guard isWhole else { return header.totalLength > Self.collectLimit ? .passed : .undecided }
                let body = offset + FrameHeader.byteCount..<offset + header.totalLength
                guard let failure = TrialFailure(ReceivedError(body: bytes.extracting(body))),
                    trial.cover.includes(failure)
                else { return .passed }
                return .failed(failure, completed: executes(before: position))
            case Backend.noticeResponse:
                guard isWhole else { break }
                let body = offset + FrameHeader.byteCount..<offset + header.totalLength
                if trial.cover.contains(.interruptions),
                    let failure = TrialFailure(notice: ReceivedError(body: bytes.extracting(body)))
                {
                    return .failed(failure, completed: executes(before: position))
                }
            case Backend.dataRow, Backend.copyData, Backend.copyDone, Backend.copyOutResponse,
                Backend.emptyQueryResponse, Backend.portalSuspended, Backend.commandComplete:
                if position < ledger.count, ledger[position].disposition == .forward {
                    // Behind it the work may be stored, whatever else the server says.
                    if trial.endsWithResult { return .passed }
                    hasResult = true
                }
            case Backend.parseComplete, Backend.bindComplete, Backend.closeComplete, Backend.noData,
                Backend.rowDescription, Backend.parameterDescription, Backend.parameterStatus,
                Backend.notificationResponse:
                break
            default:
                return .passed
            }
            if position < ledger.count, ledger[position].request.isDone(with: header.type) { position += 1 }
            offset += header.totalLength
            if !isWhole { break }
        }
        let size = bytes.count - start
        if hasResult, !trial.isLong || size > Self.heldResultLimit { return .passed }
        if size > Self.collectLimit { return .passed }
        skipUnasked(&position)
        guard position == ledger.count else { return .undecided }
        return isAnythingForClient ? .passed : .unseen
    }

    private func executes(before position: Int) -> Int {
        var count = 0
        for index in 0..<min(position, ledger.count) where ledger[index].isClientsExecute { count += 1 }
        return count
    }

    /// The server answers nothing to these.
    private func skipUnasked(_ position: inout Int) {
        while position < ledger.count,
            ledger[position].disposition == .synthesise || ledger[position].request == .copyEnd
        {
            position += 1
        }
    }

    private var isAnythingForClient: Bool {
        for position in 0..<ledger.count {
            switch ledger[position].disposition {
            case .forward, .synthesise: return true
            case .swallow, .own: break
            }
        }
        return false
    }

    /// Every reply that is owed to a trial is ours to make.
    var owesOnlyOwnReplies: Bool {
        var position = 0
        skipUnasked(&position)
        return position == ledger.count
    }
}

extension LedgerEntry {
    fileprivate var isClientsExecute: Bool { request == .execute && disposition == .forward }
}

extension LedgerEntry.Request {
    /// Whether a reply of this type is the last one to the request.
    fileprivate func isDone(with type: UInt8) -> Bool {
        switch self {
        case .parse, .parseUnnamed: type == Backend.parseComplete
        case .bind: type == Backend.bindComplete
        case .describeStatement, .describePortal: type == Backend.noData || type == Backend.rowDescription
        case .execute, .begin, .prepareGuest:
            type == Backend.commandComplete || type == Backend.emptyQueryResponse || type == Backend.portalSuspended
        case .close, .closeGuest: type == Backend.closeComplete
        case .query, .functionCall, .sync: type == Backend.readyForQuery
        case .refusal, .copyEnd: false
        }
    }
}
